//! Registering scripts.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, fields, id_of, is, link, project, site};

#[test]
fn a_new_script_gets_a_key_of_its_own_shown_once() {
    let site = site();
    let admin = Client::admin(&site);
    let reply = admin
        .create(
            "ApiUser",
            json!({"firstname": "ingest", "description": "d", "email": "a@b.example"}),
        )
        .unwrap();
    let key = reply["salted_password"].as_str().unwrap();
    assert_eq!(key.len(), 64);
    assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(Client::script(&site, "ingest", key).ids("Shot", json!([])).is_ok());
    let row = admin.get(
        "ApiUser",
        id_of(&reply),
        json!(["salted_password", "generate_event_log_entries", "permission_rule_set"]),
    );
    assert_eq!(row["salted_password"], "*******");
    assert_eq!(row["generate_event_log_entries"], true);
    assert_eq!(row["permission_rule_set"]["name"], "API Admin");
    let other = admin.create("ApiUser", json!({"firstname": "ingest2"})).unwrap();
    assert_ne!(other["salted_password"], key);
    assert!(Client::script(&site, "ingest2", key).ids("Shot", json!([])).is_err());
}

#[test]
fn keys_come_in_batches_too() {
    let site = site();
    let request =
        json!({"request_type": "create", "type": "ApiUser", "fields": fields(&json!({"firstname": "b"})), "return_fields": ["id"]});
    let replies = Client::admin(&site).call("batch", json!([request])).unwrap();
    let key = replies[0]["salted_password"].as_str().unwrap();
    assert!(Client::script(&site, "b", key).ids("Shot", json!([])).is_ok());
}

#[test]
fn the_key_can_not_be_set_and_stands_in_no_event() {
    let site = site();
    let admin = Client::admin(&site);
    let refusal = admin
        .create("ApiUser", json!({"firstname": "x", "salted_password": "mine"}))
        .unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API create() ApiUser.salted_password is read only")
    );
    let before = admin.last_event();
    let key = admin.create("ApiUser", json!({"firstname": "y"})).unwrap()["salted_password"].clone();
    let events = Value::from(admin.events_after(before)).to_string();
    assert!(events.contains("Shotgun_ApiUser_New"));
    assert!(!events.contains(key.as_str().unwrap()));
}

#[test]
fn script_names_are_wanted_and_unique() {
    let site = site();
    let admin = Client::admin(&site);
    let refusal = admin.create("ApiUser", json!({"description": "d"})).unwrap_err();
    assert_eq!(
        refusal.message,
        "API create() missing 'firstname' attribute: {\"description\":\"d\"}"
    );
    let refusal = admin.create("ApiUser", json!({"firstname": "render_farm"})).unwrap_err();
    assert!(
        refusal.message.starts_with(
            "API create() CRUD ERROR #61: Create failed for [ApiUser]. The value for the Script Name field is required to be unique."
        ),
        "{refusal}"
    );
}

#[test]
fn a_script_can_be_given_another_role_but_no_person_s() {
    let site = site();
    let admin = Client::admin(&site);
    let role = |code: &str| {
        link(
            "PermissionRuleSet",
            admin.ids("PermissionRuleSet", json!([is("code", json!(code))])).unwrap()[0],
        )
    };
    let reply = admin
        .create("ApiUser", json!({"firstname": "f", "permission_rule_set": role("api_farm")}))
        .unwrap();
    let farm = Client::script(&site, "f", reply["salted_password"].as_str().unwrap());
    assert_eq!(
        farm.create("Shot", json!({"code": "x", "project": project(1)})).unwrap_err().code,
        104
    );
    admin
        .update("ApiUser", id_of(&reply), json!({"permission_rule_set": role("api_admin")}))
        .unwrap();
    assert!(farm.create("Shot", json!({"code": "x", "project": project(1)})).is_ok());
    let refusal = admin
        .update("ApiUser", id_of(&reply), json!({"permission_rule_set": role("artist")}))
        .unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("API update() CRUD ERROR #5: Update failed for [ApiUser.permission_rule_set]: "),
        "{refusal}"
    );
}

#[test]
fn the_role_of_new_scripts_is_a_site_preference() {
    let allow = json!([{"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity"]}]);
    let seed = json!({
        "preferences": {"default_script_permission_role": "reader"},
        "roles": [
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": allow},
            {"code": "reader", "display_name": "Reader", "entity_type": "ApiUser", "rules": [{"id": 2, "effect": "allow", "verbs": ["read_entity"]}]},
        ],
        "entities": [{"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]}],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let admin = Client::admin(&site);
    let reply = admin.create("ApiUser", json!({"firstname": "new"})).unwrap();
    assert_eq!(
        admin.get("ApiUser", id_of(&reply), json!(["permission_rule_set"]))["permission_rule_set"]["name"],
        "Reader"
    );
    let reader = Client::script(&site, "new", reply["salted_password"].as_str().unwrap());
    assert_eq!(reader.create("Tag", json!({"name": "t"})).unwrap_err().code, 104);
}

#[test]
fn a_new_person_gets_a_role_and_signs_in() {
    let site = site();
    let admin = Client::admin(&site);
    let person =
        json!({"login": "new.one", "firstname": "New", "lastname": "One", "password_proxy": "pass-word-1", "projects": [project(1)]});
    let reply = admin.create("HumanUser", person).unwrap();
    assert_eq!(reply["password_proxy"], "*******");
    let row = admin.get("HumanUser", id_of(&reply), json!(["name", "permission_rule_set", "sg_status_list"]));
    assert_eq!(
        (&row["name"], &row["permission_rule_set"]["name"], &row["sg_status_list"]),
        (&json!("New One"), &json!("Artist"), &json!("act"))
    );
    assert_eq!(
        Client::login(&site, "new.one", "pass-word-1").ids("Project", json!([])).unwrap(),
        [1]
    );
    let role = json!({"permission_rule_set": row["permission_rule_set"]});
    let refusal = admin.update("HumanUser", id_of(&reply), role).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API update() HumanUser.permission_rule_set is read only")
    );
}
