//! The command's options for signing in.

use serde_json::{Value, json};

use crate::client::{Client, Refusal};
use crate::command::{Running, run};

/// A person as the ready line tells.
fn told<'a>(site: &'a Running, login: &str) -> &'a Value {
    let people = site.ready["people"].as_array().unwrap();
    people.iter().find(|person| person["login"] == login).unwrap()
}

/// What the artist is answered.
fn artist(site: &Running, code: Option<&str>) -> Result<Vec<i64>, Refusal> {
    let password = &told(site, "artist")["password"];
    let mut authentication = json!({"user_login": "artist", "user_password": password});
    if let Some(code) = code {
        authentication["auth_token"] = json!(code);
    }
    Client::new(site.ready["url"].as_str().unwrap(), authentication).ids("Project", json!([]))
}

fn code_of(secret: &str) -> String {
    let output = run(&["code", secret]);
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn the_ready_line_tells_the_secrets_of_second_factors_and_the_command_their_codes() {
    assert_eq!(told(&Running::start(&["serve"]), "artist")["totp_secret"], Value::Null);
    let site = Running::start(&["serve", "--two-factor"]);
    assert_eq!(artist(&site, None).unwrap_err().code, 106);
    let code = code_of(told(&site, "artist")["totp_secret"].as_str().unwrap());
    assert_eq!(code.len(), 6);
    assert_eq!(artist(&site, Some(&code)), Ok(vec![1]));
}

#[test]
fn each_way_to_sign_in_can_be_asked_for() {
    for (method, announced, code) in [
        ("password", "default", None),
        ("ldap", "ldap", None),
        ("saml", "saml2", Some(108)),
        ("identity", "oxygen", Some(110)),
    ] {
        let site = Running::start(&["serve", "--sign-in", method]);
        let info = site.client().send_bare("info", &json!([]));
        assert_eq!(info["user_authentication_method"], announced);
        assert_eq!(artist(&site, None).err().map(|refusal| refusal.code), code, "{method}");
    }
}

#[test]
fn the_other_choices_can_be_made() {
    let arguments = ["serve", "--lock-after", "1", "--lock-for", "60", "--no-app-session-launcher"];
    let site = Running::start(&arguments);
    let info = site.client().send_bare("info", &json!([]));
    assert_eq!(info["authentication_app_session_launcher_enabled"], false);
    let url = site.ready["url"].as_str().unwrap();
    let wrong = Client::new(url, json!({"user_login": "artist", "user_password": "wrong"}));
    assert!(wrong.ids("Project", json!([])).is_err());
    assert!(artist(&site, None).is_err());
    let site = Running::start(&["serve", "--block-user-agent", "one", "--block-user-agent", "two"]);
    for (agent, status) in [("tool-one", 403), ("Two", 403), ("three", 200)] {
        let client: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = client
            .post(format!("{}/api3/json", site.ready["url"].as_str().unwrap()))
            .header("user-agent", agent);
        assert_eq!(request.send("{}").unwrap().status().as_u16(), status, "{agent}");
    }
    let site = Running::start(&["serve", "--block-api"]);
    assert!(artist_is_blocked(&site));
}

fn artist_is_blocked(site: &Running) -> bool {
    let url = format!("{}/api3/json", site.ready["url"].as_str().unwrap());
    matches!(ureq::post(url).send("{}"), Err(ureq::Error::StatusCode(403)))
}

#[test]
fn what_is_wrong_is_told() {
    for (arguments, expected) in [
        (
            &["serve", "--sign-in", "magic"][..],
            "'magic'; there are: password, ldap, saml, identity",
        ),
        (
            &["serve", "--sign-in", "saml", "--two-factor"],
            "a second factor goes with a password",
        ),
        (&["serve", "--claims-lifetime", "5"], "needs the sign-in 'saml'"),
        (
            &["serve", "--no-app-session-launcher", "--app-session-lifetime", "5"],
            "choose one of the two",
        ),
        (&["serve", "--lock-after", "some"], "--lock-after wants a number of passwords"),
        (&["serve", "--lock-after", "0"], "after one wrong password"),
        (&["serve", "--lock-for", "-1"], "--lock-for wants a number of seconds"),
        (&["serve", "--block-user-agent", ""], "User-Agent"),
        (&["code"], "code wants the secret"),
        (&["code", "short"], "base 32"),
        (&["code", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "more"], "'more' is not understood"),
    ] {
        let output = run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            message.starts_with("shotgrid-sandbox: ") && message.contains(expected),
            "{arguments:?}: {message}"
        );
    }
}
