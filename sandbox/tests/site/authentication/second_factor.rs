//! Codes beside passwords.

use std::thread;

use serde_json::json;
use shotgrid_sandbox::{Sandbox, two_factor_code};

use super::{refused, session, sign_in_events, token};
use crate::client::{Client, Refusal, site};
use crate::data_files::Scratch;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn missing(login: &str) -> Refusal {
    Refusal {
        code: 106,
        message: format!("The user '{login}' signs in with a second factor: its code is missing."),
    }
}

fn wrong(login: &str) -> Refusal {
    Refusal {
        code: 106,
        message: format!("The code of the second factor of the user '{login}' is wrong, or was used before."),
    }
}

/// The artist, with a code.
fn with_code(site: &Sandbox, code: &str) -> Client {
    Client::person(site, "artist").with("auth_token", json!(code))
}

/// A code that is none of those that are taken now.
fn wrong_code(site: &Sandbox) -> String {
    let right = site.two_factor_code("artist").unwrap();
    let other = (right.parse::<u32>().unwrap() + 1) % 1_000_000;
    format!("{other:06}")
}

/// Two people, one of whom wants a second factor.
fn seeded() -> Sandbox {
    let people = json!({
        "roles": [
            {"code": "artist", "display_name": "Artist", "entity_type": "HumanUser",
             "rules": [{"id": 1, "effect": "allow", "verbs": ["read_entity"], "entity_types": ["Project"]}]},
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser",
             "rules": [{"id": 2, "effect": "allow", "verbs": ["read_entity", "update_field"]}]},
        ],
        "entities": [
            {"type": "HumanUser", "rows": [
                {"login": "ann", "firstname": "Ann", "role": "artist", "password": "ann-pass", "totp_secret": "gezd gnbv gy3t qojq gezd gnbv gy3t qojq"},
                {"login": "bob", "firstname": "Bob", "role": "artist", "password": "bob-pass"},
            ]},
            {"type": "ApiUser", "rows": [{"firstname": "robot", "role": "api_admin"}]},
        ],
    });
    Sandbox::builder().seed_str(people.to_string()).start().unwrap()
}

#[test]
fn a_site_that_wants_codes_signs_nobody_in_without_one() {
    let site = Sandbox::builder().two_factor(true).start().unwrap();
    assert_eq!(Client::person(&site, "artist").ids("Project", json!([])), Err(missing("artist")));
    // Only who knows the password is told that a code is wanted.
    let nobody = Client::login(&site, "artist", "wrong").ids("Project", json!([]));
    assert_eq!(nobody, Err(refused("Can't authenticate user 'artist'.")));
    for code in [wrong_code(&site).as_str(), "12345", "1234567", "abcdef", "+12345"] {
        let site = Sandbox::builder().two_factor(true).start().unwrap();
        assert_eq!(with_code(&site, code).ids("Project", json!([])), Err(wrong("artist")), "{code}");
    }
    let code = site.two_factor_code("artist").unwrap();
    let token = token(&with_code(&site, &code));
    assert_eq!(session(&site, &token).ids("Project", json!([])).unwrap(), [1]);
    // Scripts have keys, and no second factor.
    assert!(Client::admin(&site).ids("Project", json!([])).is_ok());
}

#[test]
fn a_code_is_used_once() {
    let site = Sandbox::builder().two_factor(true).start().unwrap();
    let code = site.two_factor_code("artist").unwrap();
    assert!(with_code(&site, &code).ids("Project", json!([])).is_ok());
    assert_eq!(with_code(&site, &code).ids("Project", json!([])), Err(wrong("artist")));
    // The next one is taken early, and makes the one before worthless.
    let next = site.two_factor_code("artist").unwrap();
    assert_ne!(next, code);
    assert!(with_code(&site, &next).ids("Project", json!([])).is_ok());
    assert_eq!(with_code(&site, &code).ids("Project", json!([])), Err(wrong("artist")));
}

#[test]
fn of_calls_with_one_code_that_come_at_once_one_is_let_in() {
    let site = Sandbox::builder().two_factor(true).start().unwrap();
    let code = site.two_factor_code("artist").unwrap();
    let let_in = thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| with_code(&site, &code).ids("Project", json!([])).is_ok()))
            .collect();
        calls.into_iter().filter_map(|call| call.join().unwrap().then_some(())).count()
    });
    assert_eq!(let_in, 1);
}

#[test]
fn wrong_codes_are_logged_and_lock_the_account() {
    let site = Sandbox::builder().two_factor(true).lock_after(2).start().unwrap();
    let before = Client::admin(&site).last_event();
    let code = wrong_code(&site);
    // One that is missing is no attempt.
    assert_eq!(Client::person(&site, "artist").ids("Project", json!([])), Err(missing("artist")));
    assert_eq!(with_code(&site, &code).ids("Project", json!([])), Err(wrong("artist")));
    assert_eq!(with_code(&site, &code).ids("Project", json!([])), Err(wrong("artist")));
    assert_eq!(
        sign_in_events(&site, before),
        ["Shotgun_User_FailedLogin", "Shotgun_User_FailedLogin"]
    );
    let right = site.two_factor_code("artist").unwrap();
    assert_eq!(
        with_code(&site, &right).ids("Project", json!([])),
        Err(refused("Can't authenticate user 'artist'."))
    );
}

#[test]
fn a_person_can_want_a_code_where_the_site_does_not() {
    let site = seeded();
    let ann = Client::login(&site, "ann", "ann-pass");
    assert_eq!(ann.ids("Project", json!([])), Err(missing("ann")));
    // A test author has the code from the secret, as an authenticator does.
    let told: Vec<&str> = site.people().iter().map(|person| person.totp_secret.as_str()).collect();
    assert_eq!(told, [SECRET, ""]);
    let code = two_factor_code(SECRET).unwrap();
    assert_eq!(ann.with("auth_token", json!(code)).ids("Project", json!([])), Ok(vec![]));
    // Bob does not, and a code that nobody asked for does no harm.
    let bob = Client::login(&site, "bob", "bob-pass");
    assert!(bob.ids("Project", json!([])).is_ok());
    assert!(bob.with("auth_token", json!("000000")).ids("Project", json!([])).is_ok());
    assert!(
        site.two_factor_code("bob")
            .unwrap_err()
            .to_string()
            .contains("has no second factor")
    );
}

#[test]
fn a_site_begins_and_ends_to_want_codes_while_it_runs() {
    let site = seeded();
    let bob = Client::login(&site, "bob", "bob-pass");
    assert!(bob.ids("Project", json!([])).is_ok());
    site.set_two_factor(true).unwrap();
    assert_eq!(bob.ids("Project", json!([])), Err(missing("bob")));
    let code = site.two_factor_code("bob").unwrap();
    assert!(bob.with("auth_token", json!(code)).ids("Project", json!([])).is_ok());
    // Ann has kept hers.
    let code = two_factor_code(SECRET).unwrap();
    assert!(
        Client::login(&site, "ann", "ann-pass")
            .with("auth_token", json!(code))
            .ids("Project", json!([]))
            .is_ok()
    );
    site.set_two_factor(false).unwrap();
    assert!(bob.ids("Project", json!([])).is_ok());
    assert_eq!(
        Client::login(&site, "ann", "ann-pass").ids("Project", json!([])),
        Err(missing("ann"))
    );
    // Bob has come to like it.
    let secret = site.set_up_two_factor("bob").unwrap();
    assert_eq!(bob.ids("Project", json!([])), Err(missing("bob")));
    let code = two_factor_code(&secret).unwrap();
    assert!(bob.with("auth_token", json!(code)).ids("Project", json!([])).is_ok());
}

#[test]
fn who_came_after_the_site_began_to_want_codes_has_to_set_one_up() {
    let site = Sandbox::builder().two_factor(true).start().unwrap();
    let admin = Client::admin(&site);
    admin
        .create(
            "HumanUser",
            json!({"login": "new", "firstname": "New", "password_proxy": "new-pass-1"}),
        )
        .unwrap();
    let new = Client::login(&site, "new", "new-pass-1");
    let refusal = new.ids("Project", json!([])).unwrap_err();
    assert_eq!((refusal.code, refusal.message.contains("has set up none")), (106, true));
    let secret = site.set_up_two_factor("new").unwrap();
    let code = two_factor_code(&secret).unwrap();
    assert!(new.with("auth_token", json!(code)).ids("Project", json!([])).is_ok());
    assert!(site.set_up_two_factor("nobody").is_err() && site.two_factor_code("gone").is_err());
}

#[test]
fn second_factors_stay_with_the_data_and_are_not_in_clear() {
    let scratch = Scratch::new("second-factors");
    let file = scratch.file("site.sqlite");
    let start = |required: bool| Sandbox::builder().data_file(&file).two_factor(required).start().unwrap();
    let site = start(true);
    let secret = site.person("artist").unwrap().totp_secret.clone();
    let code = site.two_factor_code("artist").unwrap();
    assert!(with_code(&site, &code).ids("Project", json!([])).is_ok());
    drop(site);
    let data = std::fs::read(&file).unwrap();
    assert!(!data.windows(secret.len()).any(|part| part == secret.as_bytes()));
    let site = start(true);
    assert_eq!(site.person("artist").unwrap().totp_secret, secret);
    // What was used before is used still.
    assert_eq!(with_code(&site, &code).ids("Project", json!([])), Err(wrong("artist")));
    drop(site);
    assert_eq!(start(false).person("artist").unwrap().totp_secret, "");
    std::fs::remove_file(scratch.file("site.sqlite.key")).unwrap();
    let error = Sandbox::builder()
        .data_file(&file)
        .two_factor(true)
        .start()
        .unwrap_err()
        .to_string();
    assert!(error.contains("site.sqlite.key"), "{error}");
}

#[test]
fn secrets_of_second_factors_that_are_none_are_told_with_their_place() {
    let seed = |kind: &str, secret: &str| {
        let rows = json!([{"login": "ann", "firstname": "Ann", "totp_secret": secret}]);
        let seed = json!({"entities": [{"type": kind, "rows": rows}]});
        Sandbox::builder().seed_str(seed.to_string()).start().unwrap_err().to_string()
    };
    for (kind, secret, what) in [
        ("HumanUser", "not-base-32!", "base 32"),
        ("HumanUser", "GEZDGNBV", "128 bits"),
        ("ApiUser", SECRET, "for people"),
    ] {
        let error = seed(kind, secret);
        assert!(error.contains("entities[0].rows[0]") && error.contains(what), "{error}");
        assert!(!error.contains(secret), "{error}");
    }
    assert!(two_factor_code("GEZDGNBV").is_err());
}

#[test]
fn neither_debug_output_nor_the_request_log_tells_a_code() {
    let site = site();
    let secret = site.set_up_two_factor("artist").unwrap();
    let code = site.two_factor_code("artist").unwrap();
    assert!(with_code(&site, &code).ids("Project", json!([])).is_ok());
    let shown = format!("{site:?} {:?} {:?}", site.people(), site.requests());
    assert!(!shown.contains(&secret) && !shown.contains(&code), "{shown}");
}
