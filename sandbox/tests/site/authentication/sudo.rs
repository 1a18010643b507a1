//! Acting for people.

use serde_json::json;

use super::{dead, person, refused, session, token};
use crate::client::{Client, id_of, is, site};

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
fn a_session_on_behalf_of_someone_lasts_while_the_right_to_it_does() {
    let site = site();
    let admin = Client::admin(&site);
    let acting = token(&admin.with("sudo_as_login", json!("artist")));
    assert!(session(&site, &acting).ids("Project", json!([])).is_ok());
    // A session that acts for someone does not act for someone else.
    let twice = session(&site, &acting)
        .with("sudo_as_login", json!("admin"))
        .ids("Project", json!([]));
    assert!(
        twice
            .unwrap_err()
            .message
            .starts_with("The user does not have permission to 'sudo':")
    );
    let artist = person(&site, "artist");
    admin
        .update("HumanUser", artist, json!({"can_impersonate_this_user": false}))
        .unwrap();
    assert_eq!(session(&site, &acting).ids("Project", json!([])), Err(dead(&acting)));
    admin
        .update(
            "HumanUser",
            artist,
            json!({"can_impersonate_this_user": true, "sg_status_list": "dis"}),
        )
        .unwrap();
    assert_eq!(session(&site, &acting).ids("Project", json!([])), Err(dead(&acting)));
}
