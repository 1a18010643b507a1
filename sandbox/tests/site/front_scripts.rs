//! Admin › Scripts.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, is, site};
use super::front_browser::Browser;

const NEW: &str = "/admin/scripts/new";
const LIST: &str = "/admin/scripts";

fn role(site: &Sandbox, code: &str) -> String {
    Client::admin(site)
        .ids("PermissionRuleSet", json!([is("code", json!(code))]))
        .unwrap()[0]
        .to_string()
}

fn script(site: &Sandbox, name: &str) -> Value {
    let fields = json!([
        "description",
        "email",
        "generate_event_log_entries",
        "permission_rule_set",
        "created_by",
        "updated_by"
    ]);
    let found = Client::admin(site).find("ApiUser", json!([is("firstname", json!(name))]), fields);
    found.unwrap().into_iter().next().unwrap_or(Value::Null)
}

#[test]
fn a_script_is_added_and_its_key_is_shown_once() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let shown = browser.get(NEW);
    // The role that the site's preference gives to new scripts.
    shown.has(&format!(
        "<option value=\"{}\" selected>API Admin</option>",
        role(&site, "api_admin")
    ));
    shown.has("type=\"checkbox\" name=\"generate_event_log_entries\" checked");
    let page = browser.submit(
        NEW,
        LIST,
        &[
            ("firstname", " ingest "),
            ("description", "Brings deliveries in"),
            ("email", "td@studio.example"),
            ("generate_event_log_entries", "on"),
            ("permission_rule_set", &role(&site, "api_admin")),
        ],
    );
    page.is(200).has("Copy it now");
    assert_eq!(page.header("cache-control"), "no-store");
    let key = page.key().to_owned();
    assert_eq!(key.len(), 64);
    let row = script(&site, "ingest");
    assert_eq!(
        (
            &row["description"],
            &row["email"],
            &row["generate_event_log_entries"],
            &row["created_by"]["name"]
        ),
        (
            &json!("Brings deliveries in"),
            &json!("td@studio.example"),
            &json!(true),
            &json!("Ada Marsh")
        )
    );
    // It works, and what it does is in the log under its name.
    Client::script(&site, "ingest", &key).new_shot("FROM_THE_PAGE");
    browser
        .get("/admin/events?text=FROM_THE_PAGE")
        .has("ingest created new Shot FROM_THE_PAGE");
    // No page tells it again.
    let address = format!("{LIST}/{}", row["id"]);
    page.has(&format!("data-place=\"{address}\""));
    for path in [LIST, &address, "/admin/events", "/admin/requests", "/"] {
        browser.get(path).is(200).lacks(&key);
    }
    browser.get(LIST).has("ingest").has("td@studio.example");
    browser.get("/admin/events").has("Ada Marsh created new Script ingest");
}

#[test]
fn what_is_wrong_is_told_beside_its_field() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let api_admin = role(&site, "api_admin");
    let page = browser.submit(
        NEW,
        LIST,
        &[
            ("firstname", " "),
            ("description", "kept <b>"),
            ("email", "no address"),
            ("permission_rule_set", &role(&site, "artist")),
        ],
    );
    page.is(422);
    page.has("id=\"firstname-error\">A script needs a name.");
    page.has("id=\"email-error\"").has("id=\"permission_rule_set-error\"");
    page.has("kept &lt;b&gt;").has("value=\"no address\"");
    // The box was not checked, and stays so.
    page.lacks("name=\"generate_event_log_entries\" checked");
    let page = browser.submit(NEW, LIST, &[("firstname", "render_farm"), ("permission_rule_set", &api_admin)]);
    page.is(422)
        .has("id=\"firstname-error\">Another script has this name.")
        .has("value=\"render_farm\"");
    assert_eq!(Client::admin(&site).ids("ApiUser", json!([])).unwrap().len(), 2);
}

#[test]
fn a_script_is_edited() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let id = script(&site, "render_farm")["id"].to_string();
    let address = format!("{LIST}/{id}");
    browser
        .get(&address)
        .has("value=\"render_farm\"")
        .has("Publishes what the farm has rendered");
    let before = Client::admin(&site).last_event();
    let form = [
        ("firstname", "render_farm"),
        ("description", "Publishes frames"),
        ("email", ""),
        ("permission_rule_set", &*role(&site, "api_farm")),
    ];
    let answer = browser.submit(&address, &address, &form);
    let place = answer.is(303).header("location").to_owned();
    browser.get(&place).is(200).has("Saved.").has("Publishes frames");
    let row = script(&site, "render_farm");
    assert_eq!(
        (
            &row["description"],
            &row["email"],
            &row["generate_event_log_entries"],
            &row["updated_by"]["name"]
        ),
        (&json!("Publishes frames"), &Value::Null, &json!(false), &json!("Ada Marsh"))
    );
    // What was not changed is not told as changed.
    let changed: Vec<Value> = Client::admin(&site)
        .events_after(before)
        .iter()
        .filter(|event| event["event_type"] == "Shotgun_ApiUser_Change")
        .map(|event| event["attribute_name"].clone())
        .collect();
    let mut changed: Vec<&str> = changed.iter().map(|name| name.as_str().unwrap()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["description", "email", "generate_event_log_entries"]);
    // Its events are off now.
    browser.get(LIST).has("Off");
    let answer = browser.submit(&address, &address, &[("firstname", "pipeline_admin"), ("permission_rule_set", "1")]);
    answer.is(422).has("Another script has this name.");
    browser.get(&format!("{LIST}/999")).is(404);
    browser.get(&format!("{LIST}/x")).is(404);
}

#[test]
fn a_new_key_takes_the_place_of_the_old_one() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let old = site.script().clone();
    let admin = Client::admin(&site);
    let token = admin.call("get_session_token", json!(null)).unwrap()["session_id"].clone();
    let sudo = admin.with("sudo_as_login", json!("artist"));
    let sudo_token = sudo.call("get_session_token", json!(null)).unwrap()["session_id"].clone();
    let page = browser.submit(&format!("{LIST}/1"), &format!("{LIST}/1/key"), &[]);
    let key = page.is(200).key().to_owned();
    assert_eq!(key.len(), 64);
    assert_ne!(key, old.api_key);
    assert_eq!(admin.ids("Shot", json!([])).unwrap_err().code, 102);
    let renewed = Client::script(&site, &old.name, &key);
    assert!(renewed.ids("Shot", json!([])).is_ok());
    // What was opened with the old key is closed, also where it acts for somebody.
    for token in [token, sudo_token] {
        let session = Client::new(site.url(), json!({"session_token": token}));
        assert_eq!(session.ids("Project", json!([])).unwrap_err().code, 102);
    }
    let events = Value::from(renewed.events_after(0)).to_string();
    assert!(
        events.contains("Ada Marsh changed \\\"Application Key\\\" from \\\"*******\\\" to \\\"*******\\\" on Script pipeline_admin"),
        "{events}"
    );
    assert!(!events.contains(&key));
    browser.get(&format!("{LIST}/1")).lacks(&key);
}

#[test]
fn a_retired_script_is_out() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let farm = site.scripts().iter().find(|script| script.name == "render_farm").unwrap().clone();
    let id = script(&site, "render_farm")["id"].to_string();
    let address = format!("{LIST}/{id}");
    let answer = browser.submit(&address, &format!("{address}/retire"), &[]);
    assert_eq!(answer.is(303).header("location"), LIST);
    browser.get(LIST).lacks("render_farm").has("pipeline_admin");
    browser.get(&address).is(404);
    let refusal = Client::script(&site, &farm.name, &farm.api_key).ids("Shot", json!([])).unwrap_err();
    assert_eq!(refusal.message, "Can't authenticate script 'render_farm'");
    browser
        .get("/admin/events?type=Shotgun_ApiUser_Retirement")
        .has("Ada Marsh deleted Script render_farm");
}

#[test]
fn pages_are_bound_by_the_role_as_calls_are() {
    let rules = json!([
        {"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity", "update_field"]},
        {"id": 700, "effect": "deny", "verbs": ["update_field"], "entity_types": ["ApiUser"], "field_names": ["salted_password", "email"]},
    ]);
    let scripts = json!([{"id": 2, "effect": "allow", "verbs": ["read_entity"]}]);
    let seed = json!({
        "roles": [
            {"code": "admin", "display_name": "Admin", "entity_type": "HumanUser", "may": ["sudo"], "rules": rules},
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": scripts},
        ],
        "entities": [
            {"type": "HumanUser", "rows": [{"login": "ann", "firstname": "Ann", "role": "admin", "password": "p"}]},
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin", "api_key": "k"}]},
        ],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let mut browser = Browser::new(&site);
    browser.sign_in("ann", "p").is(303);
    let address = format!("{LIST}/1");
    let role = role(&site, "api_admin");
    let refusal = "The field is not editable for this user: [ApiUser.salted_password]. Rule: Admin -- PermissionRule 700";
    browser.submit(&address, &format!("{address}/key"), &[]).is(403).has(refusal);
    assert!(Client::script(&site, "s", "k").ids("Shot", json!([])).is_ok());
    let form = [("firstname", "s"), ("email", "a@b.example"), ("permission_rule_set", &*role)];
    browser
        .submit(&address, &address, &form)
        .is(422)
        .has("[ApiUser.email]")
        .has("value=\"a@b.example\"");
    browser
        .submit(&address, &format!("{address}/retire"), &[])
        .is(403)
        .has("can not be deleted by this user");
}
