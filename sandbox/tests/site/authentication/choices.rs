//! Choosing how people sign in: by the library, the command, the seed.

use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::{Builder, Sandbox, SignInMethod};

use crate::client::{Client, site};
use crate::data_files::Scratch;

fn method(site: &Sandbox) -> Value {
    Client::admin(site).send_bare("info", &json!([]))["user_authentication_method"].clone()
}

fn seed(authentication: &Value) -> String {
    let mut seed: Value = serde_json::from_str(include_str!("../../../data/default-seed.json")).unwrap();
    seed["authentication"] = authentication.clone();
    seed.to_string()
}

fn refused(builder: Builder) -> String {
    builder.start().unwrap_err().to_string()
}

#[test]
fn a_seed_chooses_and_whoever_starts_the_site_has_the_last_word() {
    let of = |authentication: Value| Sandbox::builder().seed_str(seed(&authentication));
    assert_eq!(method(&site()), "default");
    assert_eq!(method(&of(json!({"sign_in": "ldap"})).start().unwrap()), "ldap");
    let chosen = json!({"sign_in": "saml", "claims_lifetime": 0.5, "block_user_agents": ["BadTool"]});
    assert_eq!(method(&of(chosen).start().unwrap()), "saml2");
    let site = of(json!({"sign_in": "saml"}))
        .sign_in_method(SignInMethod::Password)
        .start()
        .unwrap();
    assert_eq!(method(&site), "default");
    let site = of(json!({"two_factor": true})).start().unwrap();
    assert_eq!(Client::person(&site, "artist").ids("Shot", json!([])).unwrap_err().code, 106);
    let site = of(json!({"lock_after": 1, "lock_for": 60})).start().unwrap();
    assert!(Client::login(&site, "artist", "wrong").ids("Project", json!([])).is_err());
    assert!(Client::person(&site, "artist").ids("Project", json!([])).is_err());
}

#[test]
fn a_data_file_keeps_what_its_seed_chose() {
    let scratch = Scratch::new("sign-in-choices");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder().data_file(&file).seed_str(seed(&json!({"sign_in": "identity"})));
    assert_eq!(method(&site.start().unwrap()), "oxygen");
    let again = Sandbox::builder().data_file(&file).new_keys(true);
    assert_eq!(method(&again.clone().start().unwrap()), "oxygen");
    assert_eq!(method(&again.sign_in_method(SignInMethod::Ldap).start().unwrap()), "ldap");
}

#[test]
fn what_can_not_be_together_is_refused_at_the_start() {
    let second = Duration::from_secs(1);
    let new = Sandbox::builder;
    for (builder, what) in [
        (new().two_factor(true).sign_in_method(SignInMethod::Saml), "second factor"),
        (new().two_factor(true).sign_in_method(SignInMethod::Identity), "second factor"),
        (new().claims_lifetime(second), "claims"),
        (
            new().app_session_launcher(false).app_session_lifetime(second),
            "requests for sessions",
        ),
        (new().app_session_lifetime(Duration::ZERO), "requests for sessions"),
        (new().lock_for(Duration::ZERO), "locked accounts"),
        (new().lock_after(0), "one wrong password"),
        (new().block_user_agent(""), "User-Agent"),
    ] {
        let error = refused(builder);
        assert!(error.contains(what), "{error}");
    }
    // The library and the seed can contradict each other, too.
    let error = refused(
        new()
            .seed_str(seed(&json!({"two_factor": true})))
            .sign_in_method(SignInMethod::Saml),
    );
    assert!(error.contains("second factor"), "{error}");
}

#[test]
fn what_is_wrong_in_a_seed_is_told_with_its_place() {
    for (authentication, what) in [
        (json!({"sign_in": "magic"}), "magic"),
        (json!({"sing_in": "saml"}), "sing_in"),
        (json!({"session_lifetime": -1}), "-1"),
        (json!({"two_factor": "yes"}), "yes"),
        (json!({"claims_lifetime": 5}), "authentication: "),
    ] {
        let error = refused(Sandbox::builder().seed_str(seed(&authentication)));
        assert!(error.contains(what) && error.starts_with("seed text: "), "{error}");
    }
}

#[test]
fn a_change_that_can_not_be_leaves_everything_as_it_was() {
    let site = site();
    site.set_two_factor(true).unwrap();
    let error = site.set_sign_in_method(SignInMethod::Saml).unwrap_err().to_string();
    assert!(error.contains("second factor"), "{error}");
    assert_eq!(method(&site), "default");
    assert_eq!(Client::person(&site, "artist").ids("Shot", json!([])).unwrap_err().code, 106);
    site.set_two_factor(false).unwrap();
    site.set_sign_in_method(SignInMethod::Saml).unwrap();
    assert!(site.set_two_factor(true).is_err());
}
