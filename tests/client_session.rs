//! Signing in, staying signed in, and what happens when that ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "support/fake_site.rs"]
mod fake_site;
#[path = "support/tools.rs"]
mod tools;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_site::{Answer, FakeSite, INFO};
use shotgrid::client::{Client, Credentials, Error, Options, Secret, Status};
use tools::run;

fn script() -> Credentials {
    Credentials::Script {
        name: "robot".into(),
        api_key: Secret::new("0123abcd"),
    }
}

fn person() -> Credentials {
    Credentials::Person {
        login: "bob".into(),
        password: Secret::new("pass word"),
    }
}

fn session() -> Credentials {
    Credentials::Session {
        token: Secret::new("T-elsewhere"),
    }
}

fn connect(site: &FakeSite, credentials: Credentials, options: Options) -> Result<Client, Error> {
    run(Client::connect(&site.url, credentials, options))
}

/// A site that signs people in with tokens `T-1`, `T-2`, … and knows only the newest.
fn signing_site(calls: impl Fn(usize) -> Answer + Send + Sync + 'static) -> FakeSite {
    let tokens = AtomicUsize::new(0);
    let served = AtomicUsize::new(0);
    FakeSite::bare(move |request| match request.wire_method().as_str() {
        "info" => Answer::json(INFO),
        "get_session_token" => {
            let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
            Answer::Json(format!(r#"{{"results":{{"session_id":"T-{number}"}}}}"#))
        }
        _ => calls(served.fetch_add(1, Ordering::SeqCst)),
    })
}

#[test]
fn connecting_takes_one_round_trip_and_proves_the_credentials() {
    const LATE: Duration = Duration::from_millis(1500);
    let late = |answer: Answer| Answer::Late(LATE, Box::new(answer));
    let site = FakeSite::bare(move |request| match request.wire_method().as_str() {
        "info" => late(Answer::json(INFO)),
        _ => late(Answer::json(r#"{"results":{"entities":[]}}"#)),
    });
    connect(&site, script(), Options::default()).unwrap();
    let requests = site.requests();
    assert_eq!(requests.len(), 2);
    let between = requests[1].at.saturating_duration_since(requests[0].at);
    assert!(between < LATE, "the second request waited for the first: {between:?}");
    let proof = &site.requests_of("read")[0];
    assert_eq!(proof.auth(), serde_json::json!({"script_name": "robot", "script_key": "0123abcd"}));
    assert_eq!(
        site.requests_of("info")[0].json()["params"],
        serde_json::json!([]),
        "info carries no credentials"
    );
    assert!(proof.header("user-agent").unwrap().starts_with("libshotgrid (0."));
    assert_eq!(proof.header("content-type").unwrap(), "application/json; charset=utf-8");
}

#[test]
fn wrong_credentials_are_an_error_at_sign_in() {
    for (credentials, code, message, status) in [
        (script(), 102, "Can't authenticate script 'robot'", Status::AuthCredentials),
        (person(), 102, "Can't authenticate user 'bob'.", Status::AuthCredentials),
        (person(), 106, "", Status::AuthTwoFactor),
        (person(), 108, "", Status::AuthSso),
        (person(), 110, "", Status::AuthIdentity),
        (
            session(),
            102,
            "Can't authenticate session token ending with 'here'",
            Status::AuthSessionExpired,
        ),
    ] {
        let site = FakeSite::bare(move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            _ => Answer::fault(code, message),
        });
        let error = connect(&site, credentials, Options::default()).unwrap_err();
        assert_eq!((error.status, error.server_code), (status, Some(code)), "{message}");
        assert_eq!(error.server_message.as_deref(), Some(message).filter(|text| !text.is_empty()));
        assert!(!error.retryable && !error.may_have_applied);
    }
}

#[test]
fn a_refusal_to_read_still_proves_the_credentials_but_a_refused_sudo_is_an_error() {
    let refusing = |message: &'static str| {
        FakeSite::bare(move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            _ => Answer::fault(104, message),
        })
    };
    connect(
        &refusing("Entity of type Project can not be accessed by this user. Rule: Vendor"),
        script(),
        Options::default(),
    )
    .unwrap();
    let options = Options {
        sudo_as_login: Some("bob".into()),
        ..Options::default()
    };
    let site = refusing("The user does not have permission to 'sudo': robot");
    let error = connect(&site, script(), options).unwrap_err();
    assert_eq!(
        (error.status, error.refusal.operation.as_deref()),
        (Status::Permission, Some("sudo"))
    );
}

#[test]
fn a_person_is_known_by_a_session_token() {
    let site = signing_site(|_| Answer::json(r#"{"results":true}"#));
    let options = Options {
        auth_token: Some(Secret::new("424242")),
        session_uuid: Some("U-1".into()),
        ..Options::default()
    };
    run(async {
        let client = Client::connect(&site.url, person(), options).await.unwrap();
        client.call("delete", r#"["Shot", 1]"#).await.unwrap();
        assert_eq!(client.call("get_session_token", "").await.unwrap().json(), "\"T-1\"");
    });
    let sign_in = &site.requests_of("get_session_token")[0];
    let expected = serde_json::json!({"user_login": "bob", "user_password": "pass word", "auth_token": "424242"});
    assert_eq!(sign_in.auth(), expected);
    let expected = serde_json::json!({"session_token": "T-1", "reject_if_expired": true, "session_uuid": "U-1"});
    assert_eq!(site.requests_of("delete")[0].auth(), expected);
    assert_eq!(site.requests_of("get_session_token").len(), 1);
}

#[test]
fn an_ended_session_is_renewed_once_and_the_call_goes_on() {
    let site = signing_site(|served| match served {
        0 => Answer::fault(102, "Can't authenticate session token ending with 'T-1'"),
        _ => Answer::json(r#"{"results":{"id":1,"type":"Shot"}}"#),
    });
    let options = Options {
        auth_token: Some(Secret::new("424242")),
        ..Options::default()
    };
    run(async {
        let client = Client::connect(&site.url, person(), options).await.unwrap();
        let made = client.call("create", r#"["Shot", {"code": "a"}]"#).await.unwrap();
        assert_eq!(made.json(), r#"{"id":1,"type":"Shot"}"#);
    });
    let sign_ins = site.requests_of("get_session_token");
    assert_eq!(sign_ins.len(), 2);
    assert_eq!(
        sign_ins[1].auth(),
        serde_json::json!({"user_login": "bob", "user_password": "pass word"}),
        "a second factor works once"
    );
    let creates = site.requests_of("create");
    assert_eq!(
        creates
            .iter()
            .map(|request| request.auth()["session_token"].clone())
            .collect::<Vec<_>>(),
        ["T-1", "T-2"]
    );
}

#[test]
fn many_calls_that_find_the_session_ended_renew_it_once() {
    let site = Arc::new(FakeSite::bare({
        let tokens = AtomicUsize::new(0);
        move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            "get_session_token" => {
                let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
                let answer = Answer::Json(format!(r#"{{"results":{{"session_id":"T-{number}"}}}}"#));
                Answer::Late(Duration::from_millis(100), Box::new(answer))
            }
            _ if request.auth()["session_token"] == "T-1" => Answer::fault(102, "Can't authenticate session token ending with 'T-1'"),
            _ => Answer::json(r#"{"results":true}"#),
        }
    }));
    run(async {
        let client = Arc::new(Client::connect(&site.url, person(), Options::default()).await.unwrap());
        let calls = (0..16).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call("delete", r#"["Shot", 1]"#).await.map(|result| result.json().to_owned()) })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap().unwrap(), "true");
        }
    });
    assert_eq!(site.requests_of("get_session_token").len(), 2);
}

#[test]
fn a_session_that_cannot_be_renewed_has_its_own_status() {
    let ended = "Can't authenticate session token ending with 'T-1'";
    let password_changed = FakeSite::bare({
        let sign_ins = AtomicUsize::new(0);
        move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            "get_session_token" if sign_ins.fetch_add(1, Ordering::SeqCst) == 0 => Answer::json(r#"{"results":{"session_id":"T-1"}}"#),
            "get_session_token" => Answer::fault(102, "Can't authenticate user 'bob'."),
            _ => Answer::fault(102, ended),
        }
    });
    let error = run(async {
        let client = Client::connect(&password_changed.url, person(), Options::default()).await.unwrap();
        client.call("delete", r#"["Shot", 1]"#).await.unwrap_err()
    });
    assert_eq!(error.status, Status::AuthSessionExpired);
    assert!(
        error.message.contains("could not be renewed") && error.message.contains("Can't authenticate user"),
        "{error}"
    );
    assert!(!error.may_have_applied);

    // A renewed session that is refused again is not renewed for ever.
    let never_content = signing_site(move |_| Answer::fault(102, ended));
    let error = run(async {
        let client = Client::connect(&never_content.url, person(), Options::default()).await.unwrap();
        client.call("delete", r#"["Shot", 1]"#).await.unwrap_err()
    });
    assert_eq!(
        (error.status, never_content.requests_of("delete").len()),
        (Status::AuthSessionExpired, 2)
    );

    // Whoever brought a token from elsewhere left nothing to renew it with.
    let foreign = FakeSite::new(move |_| Answer::fault(102, ended));
    let error = run(async {
        let client = Client::connect(&foreign.url, session(), Options::default()).await.unwrap();
        client.call("delete", r#"["Shot", 1]"#).await.unwrap_err()
    });
    assert_eq!((error.status, foreign.requests_of("delete").len()), (Status::AuthSessionExpired, 1));
}

#[test]
fn without_verification_nothing_is_sent_until_the_first_call() {
    let site = signing_site(|_| Answer::json(r#"{"results":true}"#));
    run(async {
        let options = Options {
            verify_on_connect: false,
            ..Options::default()
        };
        let client = Client::connect(&site.url, person(), options).await.unwrap();
        assert!(site.requests().is_empty());
        client.call("delete", r#"["Shot", 1]"#).await.unwrap();
    });
    assert_eq!(
        site.requests().iter().map(|request| request.wire_method()).collect::<Vec<_>>(),
        ["info", "get_session_token", "delete"]
    );
}

#[test]
fn credentials_that_cannot_be_right_are_refused_before_anything_is_sent() {
    let site = FakeSite::new(|_| Answer::Close);
    let refused = |credentials: Credentials, options: Options, words: &str| {
        let error = connect(&site, credentials, options).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument);
        assert!(error.message.contains(words), "{error}");
    };
    let person = |login: &str, password: &str| Credentials::Person {
        login: login.into(),
        password: Secret::new(password),
    };
    refused(person("bob", ""), Options::default(), "password is empty");
    refused(person("", "x"), Options::default(), "login is empty");
    refused(
        Credentials::Script {
            name: String::new(),
            api_key: Secret::new("k"),
        },
        Options::default(),
        "script_name is empty",
    );
    refused(
        Credentials::Script {
            name: "s".into(),
            api_key: Secret::new(""),
        },
        Options::default(),
        "api_key is empty",
    );
    refused(
        Credentials::Session { token: Secret::new("") },
        Options::default(),
        "session_token is empty",
    );
    let two_factor = Options {
        auth_token: Some(Secret::new("1")),
        ..Options::default()
    };
    refused(script(), two_factor, "auth_token is the second factor of a person");
    for suffix in ["a\nb", "a\r\nx: y", "a\tb", "caf\u{e9}", "a\u{7f}"] {
        let options = Options {
            user_agent_suffix: Some(suffix.into()),
            ..Options::default()
        };
        refused(
            script(),
            options,
            "user_agent_suffix may have visible ASCII characters and spaces only",
        );
    }
    assert!(site.requests().is_empty());
}

#[test]
fn secrets_that_a_site_repeats_are_masked() {
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(INFO),
        _ => Answer::fault(102, &format!("Can't authenticate script: {}", request.auth())),
    });
    let error = connect(&site, script(), Options::default()).unwrap_err();
    assert!(
        error.message.contains("***") && !format!("{error:?}").contains("0123abcd"),
        "{error:?}"
    );
    assert!(!format!("{:?}", person()).contains("pass word"));
}

#[test]
fn old_sites_are_told_apart() {
    let site_of = |version: &'static str| {
        FakeSite::bare(move |request| match request.wire_method().as_str() {
            "info" => Answer::Json(format!(r#"{{"version":{version}}}"#)),
            "get_session_token" => Answer::json(r#"{"results":{"session_id":"T-1"}}"#),
            _ => Answer::json(r#"{"results":true}"#),
        })
    };
    let old = site_of("[2,3,9]");
    let error = connect(&old, script(), Options::default()).unwrap_err();
    assert_eq!(error.status, Status::Unsupported);
    assert!(error.message.contains("2.4.0"));
    run(async {
        let before_sessions = site_of("[5,2,9]");
        let error = Client::connect(&before_sessions.url, person(), Options::default())
            .await
            .unwrap_err();
        assert_eq!(error.status, Status::Unsupported);
        assert!(error.message.contains("5.3.0") && before_sessions.requests_of("delete").is_empty());

        let before_the_wish = site_of("[5,4,3]");
        let client = Client::connect(&before_the_wish.url, person(), Options::default()).await.unwrap();
        client.call("delete", r#"["Shot", 1]"#).await.unwrap();
        assert_eq!(
            before_the_wish.requests_of("delete")[0].auth(),
            serde_json::json!({"session_token": "T-1"})
        );
    });
}

#[test]
fn refused_credentials_say_more_than_a_site_that_does_not_describe_itself() {
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::status(404),
        _ => Answer::fault(102, "Can't authenticate script 'robot'"),
    });
    assert_eq!(
        connect(&site, script(), Options::default()).unwrap_err().status,
        Status::AuthCredentials
    );
}

#[test]
fn waiting_for_another_calls_sign_in_has_the_time_limit_too() {
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(INFO),
        _ => Answer::Stall(Duration::from_secs(20)),
    });
    run(async {
        let options = Options {
            verify_on_connect: false,
            ..Options::default()
        };
        let client = Client::connect(&site.url, person(), options).await.unwrap();
        let patient = client.clone();
        let first = tokio::spawn(async move { patient.call("delete", r#"["Shot", 1]"#).await.map(drop) });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let start = Instant::now();
        let hasty = client.with_timeout(Some(Duration::from_millis(200)));
        let error = hasty.call("delete", r#"["Shot", 1]"#).await.unwrap_err();
        assert_eq!(error.status, Status::TimeoutTotal, "{error}");
        assert!(start.elapsed() < Duration::from_secs(10) && !error.may_have_applied);
        first.abort();
    });
}
