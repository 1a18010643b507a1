//! Who may call, and how the others are told.

mod app_sessions;

use std::time::Duration;

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use crate::client::{Client, Refusal, condition, id_of, is, site};

fn refused(message: &str) -> Refusal {
    Refusal {
        code: 102,
        message: message.to_owned(),
    }
}

#[test]
fn a_script_signs_in_with_name_and_key_and_not_otherwise() {
    let site = site();
    assert!(Client::admin(&site).ids("Project", json!([])).is_ok());
    let name = &site.script().name;
    let wrong = refused(&format!("Can't authenticate script '{name}'"));
    assert_eq!(Client::script(&site, name, "0123").ids("Project", json!([])), Err(wrong.clone()));
    assert_eq!(Client::script(&site, name, "").ids("Project", json!([])), Err(wrong));
    let unknown = refused("Can't authenticate script 'nobody'");
    assert_eq!(
        Client::script(&site, "nobody", &site.script().api_key).ids("Project", json!([])),
        Err(unknown)
    );
    // The other script's key is no use either.
    let other = &site.scripts()[1];
    assert!(Client::script(&site, name, &other.api_key).ids("Project", json!([])).is_err());
}

#[test]
fn a_retired_script_is_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let other = &site.scripts()[1];
    let client = Client::script(&site, &other.name, &other.api_key);
    assert!(client.ids("Shot", json!([])).is_ok());
    let id = admin.ids("ApiUser", json!([is("firstname", json!(other.name))])).unwrap()[0];
    assert_eq!(admin.delete("ApiUser", id).unwrap(), true);
    let message = format!("Can't authenticate script '{}'", other.name);
    assert_eq!(client.ids("Shot", json!([])), Err(refused(&message)));
}

#[test]
fn a_person_signs_in_with_login_and_password_and_not_otherwise() {
    let site = site();
    let artist = site.person("artist").unwrap();
    assert!(Client::person(&site, "artist").ids("Project", json!([])).is_ok());
    let wrong = refused(&format!("Can't authenticate user '{}'.", artist.login));
    assert_eq!(Client::login(&site, &artist.login, "nope").ids("Project", json!([])), Err(wrong));
    let unknown = refused("Can't authenticate user 'nobody'.");
    assert_eq!(Client::login(&site, "nobody", "nope").ids("Project", json!([])), Err(unknown));
    let nothing = Client::new(site.url(), json!({}));
    assert_eq!(nothing.ids("Project", json!([])).unwrap_err().code, 102);
    let no_password = Client::new(site.url(), json!({"user_login": "artist", "user_password": ""}));
    assert_eq!(
        no_password.ids("Project", json!([])),
        Err(refused("Can't authenticate user 'artist'."))
    );
}

#[test]
fn an_inactive_person_is_refused() {
    let site = site();
    let refusal = Client::login(&site, "gone", "gone-pass-1").ids("Project", json!([]));
    assert_eq!(refusal, Err(refused("Can't authenticate user 'gone'.")));
}

#[test]
fn bad_passwords_are_logged_and_lock_the_account() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    for _ in 0..5 {
        assert!(Client::login(&site, "artist", "wrong").ids("Project", json!([])).is_err());
    }
    let failed = json!([
        is("event_type", json!("Shotgun_User_FailedLogin")),
        condition("id", "greater_than", json!([before])),
    ]);
    let events = admin.find("EventLogEntry", failed, json!(["user"])).unwrap();
    assert_eq!(events.len(), 5);
    assert_eq!(events[0]["user"]["name"], "Aki Tanaka");
    // Now the right one does not help.
    let refusal = Client::person(&site, "artist").ids("Project", json!([]));
    assert_eq!(refusal, Err(refused("Can't authenticate user 'artist'.")));
    let locked = admin
        .find("HumanUser", json!([is("login", json!("artist"))]), json!(["locked_until"]))
        .unwrap();
    assert!(locked[0]["locked_until"].is_string());
    // Someone who may takes the lock away.
    admin.update("HumanUser", id_of(&locked[0]), json!({"locked_until": null})).unwrap();
    assert!(Client::person(&site, "artist").ids("Project", json!([])).is_ok());
}

#[test]
fn a_right_password_makes_the_count_of_wrong_ones_begin_anew() {
    let site = site();
    for _ in 0..3 {
        for _ in 0..3 {
            assert!(Client::login(&site, "artist", "wrong").ids("Project", json!([])).is_err());
        }
        assert!(Client::person(&site, "artist").ids("Project", json!([])).is_ok());
    }
}

fn token(client: &Client) -> String {
    let session = client.call("get_session_token", json!(null)).unwrap();
    session["session_id"].as_str().unwrap().to_owned()
}

fn session(site: &Sandbox, token: &str) -> Client {
    Client::new(site.url(), json!({"session_token": token, "reject_if_expired": true}))
}

fn dead(token: &str) -> Refusal {
    refused(&format!(
        "Can't authenticate session token ending with '{}'",
        &token[token.len() - 4..]
    ))
}

#[test]
fn a_session_token_stands_for_who_got_it() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    let token = token(&Client::person(&site, "artist"));
    let client = session(&site, &token);
    assert_eq!(client.ids("Project", json!([])).unwrap(), [1]);
    assert_eq!(client.ids("ApiUser", json!([])).unwrap_err().code, 104);
    let events = admin.events_after(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_type"], "Shotgun_User_Login");
    assert_eq!(events[0]["user"]["type"], "HumanUser");
    let person = admin
        .find("HumanUser", json!([is("login", json!("artist"))]), json!(["last_login"]))
        .unwrap();
    assert!(person[0]["last_login"].is_string());
}

#[test]
fn an_unknown_token_is_refused_with_its_last_four_characters() {
    let site = site();
    for token in ["0123456789abcdef", "ab", "žluťoučký"] {
        let last: String = token.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        let message = format!("Can't authenticate session token ending with '{last}'");
        assert_eq!(session(&site, token).ids("Project", json!([])), Err(refused(&message)));
    }
}

#[test]
fn an_expired_session_is_refused_or_renewed_as_the_client_asks() {
    let site = site();
    let token = token(&Client::person(&site, "artist"));
    let rejecting = session(&site, &token);
    assert!(rejecting.ids("Project", json!([])).is_ok());
    site.expire_sessions().unwrap();
    assert_eq!(rejecting.ids("Project", json!([])), Err(dead(&token)));
    // Without the flag the session goes on, and is good again for everyone.
    let patient = Client::new(site.url(), json!({"session_token": token}));
    assert!(patient.ids("Project", json!([])).is_ok());
    assert!(rejecting.ids("Project", json!([])).is_ok());
}

#[test]
fn sessions_end_by_themselves() {
    let site = Sandbox::builder().session_lifetime(Duration::from_millis(300)).start().unwrap();
    let token = token(&Client::admin(&site));
    let client = session(&site, &token);
    assert!(client.ids("Project", json!([])).is_ok());
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(client.ids("Project", json!([])), Err(dead(&token)));
}

#[test]
fn a_session_ends_when_its_person_is_deactivated() {
    let site = site();
    let token = token(&Client::person(&site, "artist"));
    let admin = Client::admin(&site);
    let id = admin.ids("HumanUser", json!([is("login", json!("artist"))])).unwrap()[0];
    admin.update("HumanUser", id, json!({"sg_status_list": "dis"})).unwrap();
    assert_eq!(session(&site, &token).ids("Project", json!([])), Err(dead(&token)));
}

#[test]
fn a_script_acts_for_a_person() {
    let site = site();
    let acting = Client::admin(&site).with("sudo_as_login", json!("artist"));
    // With the person's role, not its own.
    assert_eq!(acting.ids("Project", json!([])).unwrap(), [1]);
    assert_eq!(acting.ids("ApiUser", json!([])).unwrap_err().code, 104);
    let note = acting
        .create("Note", json!({"subject": "For Aki", "project": {"type": "Project", "id": 1}}))
        .unwrap();
    let note = acting.get("Note", id_of(&note), json!(["created_by"]));
    assert_eq!(note["created_by"]["name"], "Aki Tanaka");
}

#[test]
fn a_session_keeps_who_acts_for_whom() {
    let site = site();
    let token = token(&Client::admin(&site).with("sudo_as_login", json!("artist")));
    let client = session(&site, &token);
    assert_eq!(client.ids("Project", json!([])).unwrap(), [1]);
    let admin = Client::admin(&site);
    let before = admin.last_event();
    client
        .create("Note", json!({"subject": "x", "project": {"type": "Project", "id": 1}}))
        .unwrap();
    assert_eq!(admin.events_after(before)[0]["meta"]["sudo_actual_user"]["type"], "ApiUser");
}

#[test]
fn every_refusal_to_act_for_someone() {
    let site = site();
    let admin = Client::admin(&site);
    let acting = |login: &str| admin.with("sudo_as_login", json!(login)).ids("Project", json!([]));
    assert_eq!(acting("gone"), Err(refused("Cannot 'sudo' - inactive user account: 'gone'")));
    assert_eq!(acting("nobody"), Err(refused("Cannot 'sudo' - unknown or retired user: 'nobody'")));
    let mail = "artist@studio.example";
    assert_eq!(
        acting(mail),
        Err(refused(&format!("Cannot 'sudo' - unknown or retired user: '{mail}'")))
    );
    let private = "Cannot 'sudo' - user account has 'can_impersonate_this_user' turned off: 'private'";
    assert_eq!(acting("private"), Err(refused(private)));
    let id = admin.ids("HumanUser", json!([is("login", json!("sam.okoye"))])).unwrap()[0];
    admin.delete("HumanUser", id).unwrap();
    assert_eq!(
        acting("sam.okoye"),
        Err(refused("Cannot 'sudo' - unknown or retired user: 'sam.okoye'"))
    );
    for client in [
        Client::person(&site, "artist"),
        Client::script(&site, &site.scripts()[1].name, &site.scripts()[1].api_key),
    ] {
        let refusal = client.with("sudo_as_login", json!("admin")).ids("Project", json!([])).unwrap_err();
        assert!(
            refusal.message.starts_with("The user does not have permission to 'sudo':"),
            "{refusal}"
        );
    }
}

#[test]
fn a_changed_password_ends_the_old_one() {
    let site = site();
    let admin = Client::admin(&site);
    let old = Client::person(&site, "artist");
    assert!(old.ids("Project", json!([])).is_ok());
    let id = admin.ids("HumanUser", json!([is("login", json!("artist"))])).unwrap()[0];
    let reply = admin.update("HumanUser", id, json!({"password_proxy": "fresh-and-new"})).unwrap();
    assert_eq!(reply["password_proxy"], "*******");
    assert!(old.ids("Project", json!([])).is_err());
    assert!(Client::login(&site, "artist", "fresh-and-new").ids("Project", json!([])).is_ok());
}

#[test]
fn auth_parameters_of_the_wrong_kind_are_an_argument_error() {
    let site = site();
    let refusal = Client::new(site.url(), json!({"script_name": 5, "script_key": "x"}))
        .ids("Shot", json!([]))
        .unwrap_err();
    assert_eq!(refusal.code, 103);
    assert!(!refusal.message.contains('5'), "{refusal}");
}
