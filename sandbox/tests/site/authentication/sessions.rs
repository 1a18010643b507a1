//! Session tokens.

use std::time::Duration;

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use super::{dead, person, refused, session, sign_in_events, token};
use crate::client::{Client, is, site};
use crate::data_files::Scratch;

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
fn a_session_ends_when_its_person_is_retired_and_comes_back_with_them() {
    let site = site();
    let token = token(&Client::person(&site, "artist"));
    let admin = Client::admin(&site);
    let artist = person(&site, "artist");
    admin.delete("HumanUser", artist).unwrap();
    assert_eq!(session(&site, &token).ids("Project", json!([])), Err(dead(&token)));
    // Also for a client that would have it begun anew.
    let patient = Client::new(site.url(), json!({"session_token": token}));
    assert_eq!(patient.ids("Project", json!([])), Err(dead(&token)));
    admin.revive("HumanUser", artist).unwrap();
    assert!(patient.ids("Project", json!([])).is_ok());
}

#[test]
fn a_session_ends_with_the_password_it_was_opened_with() {
    let site = site();
    let (mine, other) = (token(&Client::person(&site, "artist")), token(&Client::person(&site, "manager")));
    let admin = Client::admin(&site);
    admin
        .update("HumanUser", person(&site, "artist"), json!({"password_proxy": "fresh-and-new"}))
        .unwrap();
    assert_eq!(session(&site, &mine).ids("Project", json!([])), Err(dead(&mine)));
    assert!(session(&site, &other).ids("Project", json!([])).is_ok());
}

#[test]
fn a_session_ends_with_the_key_of_its_script_or_the_script_itself() {
    let scratch = Scratch::new("keys-and-sessions");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder().data_file(&file).start().unwrap();
    let mine = token(&Client::admin(&site));
    let acting = token(&Client::admin(&site).with("sudo_as_login", json!("artist")));
    let artist = token(&Client::person(&site, "artist"));
    drop(site);
    let site = Sandbox::builder().data_file(&file).new_keys(true).start().unwrap();
    assert_eq!(session(&site, &mine).ids("Project", json!([])), Err(dead(&mine)));
    assert_eq!(session(&site, &acting).ids("Project", json!([])), Err(dead(&acting)));
    assert!(session(&site, &artist).ids("Project", json!([])).is_ok());
    // A script that is retired takes what it opened for others with it.
    let admin = Client::admin(&site);
    let acting = token(&admin.with("sudo_as_login", json!("artist")));
    assert!(session(&site, &acting).ids("Project", json!([])).is_ok());
    let boss = Client::person(&site, "admin");
    let script = boss.ids("ApiUser", json!([is("firstname", json!(site.script().name))])).unwrap()[0];
    boss.delete("ApiUser", script).unwrap();
    assert_eq!(session(&site, &acting).ids("Project", json!([])), Err(dead(&acting)));
}

#[test]
fn who_asks_for_a_token_in_a_session_is_told_that_of_the_session() {
    let site = site();
    let first = token(&Client::person(&site, "artist"));
    let client = session(&site, &first);
    let before = Client::admin(&site).last_event();
    assert_eq!(token(&client), first);
    assert_eq!(sign_in_events(&site, before), [] as [&str; 0]);
    // For somebody else it is another.
    let boss = session(&site, &token(&Client::admin(&site)));
    let acting = token(&boss.with("sudo_as_login", json!("artist")));
    assert_ne!(acting, first);
    assert_eq!(session(&site, &acting).ids("Project", json!([])).unwrap(), [1]);
    site.expire_sessions().unwrap();
    assert_eq!(client.call("get_session_token", json!(null)), Err(dead(&first)));
}

#[test]
fn signing_out_ends_one_session_and_is_logged() {
    let site = site();
    let (first, second) = (token(&Client::person(&site, "artist")), token(&Client::person(&site, "artist")));
    let before = Client::admin(&site).last_event();
    site.sign_out(&first).unwrap();
    assert_eq!(session(&site, &first).ids("Project", json!([])), Err(dead(&first)));
    assert!(session(&site, &second).ids("Project", json!([])).is_ok());
    assert!(
        site.sign_out(&first)
            .unwrap_err()
            .to_string()
            .contains("Can't authenticate session token")
    );
    let events = Client::admin(&site).events_after(before);
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["event_type"], &events[0]["user"]["type"]),
        (&json!("Shotgun_User_Logout"), &json!("HumanUser"))
    );
    assert_eq!(events[0]["description"], "Aki Tanaka (artist) logged out");
}

#[test]
fn a_cookie_is_as_good_as_its_session() {
    let site = site();
    let token = token(&Client::person(&site, "artist"));
    let fetched = |token: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}/file_serve/attachment/999999", site.url());
        agent
            .get(url)
            .header("cookie", format!("_session_id={token}"))
            .call()
            .unwrap()
            .status()
            .as_u16()
    };
    // There is no such file, which only who is known is told.
    assert_eq!(fetched(&token), 400);
    assert_eq!(fetched("0123456789"), 403);
    site.expire_sessions().unwrap();
    assert_eq!(fetched(&token), 403);
}
