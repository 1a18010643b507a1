//! A site with Autodesk Identity.

use serde_json::{Value, json};
use shotgrid_sandbox::{Sandbox, SignInMethod};

use super::{person, refused, session};
use crate::client::{Client, Refusal, fields, id_of};

fn identity_site() -> Sandbox {
    Sandbox::builder().sign_in_method(SignInMethod::Identity).start().unwrap()
}

fn no_password(login: &str) -> Refusal {
    Refusal {
        code: 110,
        message: format!(
            "This site signs people in by Autodesk Identity: the API takes no password of the user '{login}', who has bound no Personal \
             Access Token."
        ),
    }
}

fn no_promotion() -> Refusal {
    Refusal {
        code: 110,
        message: "User promotion to active is permitted only for Identity Users".to_owned(),
    }
}

#[test]
fn passwords_are_refused_but_those_of_people_with_an_access_token() {
    let site = identity_site();
    let info: Value = Client::admin(&site).send_bare("info", &json!([]));
    assert_eq!(info["user_authentication_method"], "oxygen");
    assert_eq!(
        Client::person(&site, "artist").ids("Project", json!([])),
        Err(no_password("artist"))
    );
    assert_eq!(
        Client::login(&site, "nobody", "x").ids("Project", json!([])),
        Err(no_password("nobody"))
    );
    site.bind_personal_access_token("artist", "aki", "a-legacy-passphrase").unwrap();
    assert_eq!(
        Client::login(&site, "aki", "a-legacy-passphrase")
            .ids("Project", json!([]))
            .unwrap(),
        [1]
    );
    // The legacy login is another one, and so is the passphrase.
    assert_eq!(
        Client::person(&site, "artist").ids("Project", json!([])),
        Err(no_password("artist"))
    );
    for _ in 0..5 {
        let wrong = Client::login(&site, "aki", "artist-pass-1").ids("Project", json!([]));
        assert_eq!(wrong, Err(refused("Can't authenticate user 'aki'.")));
    }
    // Which locks the account as a wrong password does.
    assert!(
        Client::login(&site, "aki", "a-legacy-passphrase")
            .ids("Project", json!([]))
            .is_err()
    );
    let admin = Client::admin(&site);
    admin
        .update("HumanUser", person(&site, "artist"), json!({"locked_until": null}))
        .unwrap();
    assert!(Client::login(&site, "aki", "a-legacy-passphrase").ids("Project", json!([])).is_ok());
    site.unbind_personal_access_token("artist").unwrap();
    assert_eq!(
        Client::login(&site, "aki", "a-legacy-passphrase").ids("Project", json!([])),
        Err(no_password("aki"))
    );
    // Elsewhere the passphrase is worth nothing.
    site.bind_personal_access_token("artist", "aki", "a-legacy-passphrase").unwrap();
    site.set_sign_in_method(SignInMethod::Password).unwrap();
    assert!(
        Client::login(&site, "aki", "a-legacy-passphrase")
            .ids("Project", json!([]))
            .is_err()
    );
}

#[test]
fn a_legacy_login_is_one_persons() {
    let site = identity_site();
    site.bind_personal_access_token("artist", "aki", "one").unwrap();
    let error = site.bind_personal_access_token("manager", "AKI", "two").unwrap_err().to_string();
    assert!(error.contains("another person's"), "{error}");
    site.bind_personal_access_token("artist", "aki", "three").unwrap();
    assert!(Client::login(&site, "aki", "one").ids("Project", json!([])).is_err());
    assert!(Client::login(&site, "aki", "three").ids("Project", json!([])).is_ok());
    assert!(site.bind_personal_access_token("gone", "gone", "four").is_err());
}

#[test]
fn a_seed_binds_access_tokens() {
    let seed = |token: Value| {
        let rules = json!([{"id": 1, "effect": "allow", "verbs": ["read_entity"], "entity_types": ["Project"]}]);
        json!({
            "authentication": {"sign_in": "identity"},
            "roles": [{"code": "artist", "display_name": "Artist", "entity_type": "HumanUser", "rules": rules}],
            "entities": [{"type": "HumanUser", "rows": [
                {"login": "ann@studio.example", "firstname": "Ann", "role": "artist", "personal_access_token": token},
            ]}],
        })
    };
    let start = |token: Value| Sandbox::builder().seed_str(seed(token).to_string()).start();
    let site = start(json!({"legacy_login": "ann", "legacy_passphrase": "words"})).unwrap();
    assert!(Client::login(&site, "ann", "words").ids("Project", json!([])).is_ok());
    let site = start(json!({"legacy_passphrase": "words"})).unwrap();
    assert!(
        Client::login(&site, "ann@studio.example", "words")
            .ids("Project", json!([]))
            .is_ok()
    );
    for broken in [
        json!({"legacy_login": "ann"}),
        json!("words"),
        json!({"legacy_passphrase": "words", "x": 1}),
    ] {
        let error = start(broken).unwrap_err().to_string();
        assert!(
            error.contains("entities[0].rows[0]") && error.contains("personal_access_token"),
            "{error}"
        );
        assert!(!error.contains("\"words\""), "{error}");
    }
}

#[test]
fn a_session_from_the_browser_works() {
    let site = identity_site();
    let artist = site.person("artist").unwrap();
    let token = site.sign_in_by_browser(&artist.login, &artist.password, None).unwrap();
    assert_eq!(session(&site, &token).ids("Project", json!([])).unwrap(), [1]);
}

#[test]
fn scripts_make_nobody_active() {
    let site = identity_site();
    let admin = Client::admin(&site);
    let new = json!({"login": "new", "firstname": "New"});
    assert_eq!(admin.create("HumanUser", new.clone()), Err(no_promotion()));
    let mut inactive = new.clone();
    inactive["sg_status_list"] = json!("dis");
    let id = id_of(&admin.create("HumanUser", inactive).unwrap());
    assert_eq!(admin.update("HumanUser", id, json!({"sg_status_list": "act"})), Err(no_promotion()));
    assert_eq!(admin.get("HumanUser", id, json!(["sg_status_list"]))["sg_status_list"], "dis");
    // Also not on behalf of a person, nor in a session, nor in a batch, which says which request it was.
    let acting = admin.with("sudo_as_login", json!("admin"));
    assert_eq!(
        acting.update("HumanUser", id, json!({"sg_status_list": "act"})),
        Err(no_promotion())
    );
    let opened = session(&site, &super::token(&acting));
    assert_eq!(
        opened.update("HumanUser", id, json!({"sg_status_list": "act"})),
        Err(no_promotion())
    );
    let other = json!({"login": "other", "firstname": "Other"});
    let refusal = admin
        .call(
            "batch",
            json!([{"request_type": "create", "type": "HumanUser", "fields": fields(&other), "return_fields": ["id"]}]),
        )
        .unwrap_err();
    assert_eq!(refusal.code, 110);
    assert!(refusal.message.starts_with("API batch() request with index 0 failed."), "{refusal}");
    assert!(refusal.message.ends_with(&no_promotion().message), "{refusal}");
    // Everything else about people goes on, and so do people themselves.
    let artist = person(&site, "artist");
    admin
        .update("HumanUser", artist, json!({"sg_status_list": "act", "department": null}))
        .unwrap();
    admin.update("HumanUser", artist, json!({"sg_status_list": "dis"})).unwrap();
    assert_eq!(
        admin.update("HumanUser", artist, json!({"sg_status_list": "act"})),
        Err(no_promotion())
    );
    let boss = site.person("admin").unwrap();
    let token = site.sign_in_by_browser(&boss.login, &boss.password, None).unwrap();
    session(&site, &token)
        .update("HumanUser", artist, json!({"sg_status_list": "act"}))
        .unwrap();
    site.set_sign_in_method(SignInMethod::Password).unwrap();
    admin.update("HumanUser", id, json!({"sg_status_list": "act"})).unwrap();
    admin.create("HumanUser", new_login("third")).unwrap();
}

fn new_login(login: &str) -> Value {
    json!({"login": login, "firstname": "New"})
}
