//! Scripts by their keys, people by their passwords.

use serde_json::json;

use super::refused;
use crate::client::{Client, is, site};

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
