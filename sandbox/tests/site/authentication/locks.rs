//! Wrong passwords lock accounts.

use std::time::{Duration, Instant};

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use super::{person, refused, session, token};
use crate::client::{Client, condition, id_of, is, site};

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

#[test]
fn an_account_unlocks_by_itself() {
    const LOCK: Duration = Duration::from_secs(2);
    let site = Sandbox::builder().lock_after(2).lock_for(LOCK).start().unwrap();
    let artist = Client::person(&site, "artist");
    let try_it = || artist.ids("Project", json!([]));
    assert!(Client::login(&site, "artist", "wrong").ids("Project", json!([])).is_err());
    let before = Instant::now();
    assert!(Client::login(&site, "artist", "wrong").ids("Project", json!([])).is_err());
    let mut outcome = try_it();
    // A machine with other work may be late for the lock, and is late for its end. It lasts for up to a second longer: times are whole seconds.
    assert!(outcome == Err(refused("Can't authenticate user 'artist'.")) || before.elapsed() >= LOCK);
    while outcome.is_err() && before.elapsed() < LOCK * 20 {
        assert_eq!(outcome, Err(refused("Can't authenticate user 'artist'.")));
        std::thread::sleep(Duration::from_millis(50));
        outcome = try_it();
    }
    assert!(outcome.is_ok() && before.elapsed() >= LOCK);
    // And the count has begun anew.
    assert!(Client::login(&site, "artist", "wrong").ids("Project", json!([])).is_err());
    assert!(artist.ids("Project", json!([])).is_ok());
}

#[test]
fn an_administrator_locks_an_account_by_its_field() {
    let site = site();
    let token = token(&Client::person(&site, "artist"));
    let admin = Client::admin(&site);
    let artist = person(&site, "artist");
    admin
        .update("HumanUser", artist, json!({"locked_until": "2099-01-01T00:00:00Z"}))
        .unwrap();
    assert!(Client::person(&site, "artist").ids("Project", json!([])).is_err());
    assert!(site.sign_in_by_browser("artist", "artist-pass-1", None).is_err());
    // It is about signing in: who is in stays in, and a script may act for the person.
    assert!(session(&site, &token).ids("Project", json!([])).is_ok());
    assert!(admin.with("sudo_as_login", json!("artist")).ids("Project", json!([])).is_ok());
    admin
        .update("HumanUser", artist, json!({"locked_until": "2001-01-01T00:00:00Z"}))
        .unwrap();
    assert!(Client::person(&site, "artist").ids("Project", json!([])).is_ok());
}
