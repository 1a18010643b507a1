//! Signing in by the browser, against a site that answers as a test says.

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

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_site::{Answer, FakeSite, Request};
use shotgrid::client::signin::SignIn;
use shotgrid::client::{Client, Error, Options, Secret, Status};
use tools::run;

const ANNOUNCING: &str = r#"{"version":[8,60,0],"authentication_app_session_launcher_enabled":true}"#;
const TOKEN: &str = "token-0123456789abcdef";
const ID: &str = "request-fedcba9876543210";
const WAITING: &str = r#"{"approved": false}"#;

fn given() -> Answer {
    Answer::json(format!(r#"{{"approved": true, "sessionToken": "{TOKEN}", "userLogin": "anna"}}"#))
}

fn waiting() -> Answer {
    Answer::json(WAITING)
}

fn gone() -> Answer {
    Answer::Http(
        404,
        vec![("content-type", "application/json".into())],
        br#"{"error":"no such request"}"#.to_vec(),
    )
}

/// A site that announces the sign-in, takes requests for sessions, and answers the questions by number.
fn site(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> FakeSite {
    let asked = AtomicUsize::new(0);
    FakeSite::bare(move |request| match request.target().as_str() {
        "POST /internal_api/app_session_request" => Answer::json(format!(
            r#"{{"sessionRequestId": "{ID}", "url": "http://127.0.0.1:1/app_session_request/{ID}"}}"#
        )),
        target if target == format!("PUT /internal_api/app_session_request/{ID}") => answer(asked.fetch_add(1, Ordering::SeqCst)),
        _ => other(request),
    })
}

fn other(request: &Request) -> Answer {
    match request.wire_method().as_str() {
        "info" => Answer::json(ANNOUNCING),
        "read" if request.auth()["session_token"] == TOKEN => Answer::json(r#"{"results":{"entities":[]}}"#),
        "read" => Answer::fault(102, "Can't authenticate session token ending with 'x'"),
        _ => Answer::status(418),
    }
}

fn questions(site: &FakeSite) -> Vec<Request> {
    let put = |request: &Request| request.target().starts_with("PUT ");
    site.requests().into_iter().filter(put).collect()
}

fn sign_in(site: &FakeSite) -> SignIn {
    let sign_in = SignIn::new(&site.url, "Paint & Draw", "box-é", Options::default()).unwrap();
    sign_in.set_poll_interval(Duration::from_millis(10));
    sign_in
}

async fn outcome(site: &FakeSite) -> Result<Client, Error> {
    let sign_in = sign_in(site);
    sign_in.begin().await?;
    sign_in.wait().await
}

#[track_caller]
fn fails(site: &FakeSite, status: Status, words: &str) -> Error {
    let error = run(outcome(site)).unwrap_err();
    assert_eq!(error.status, status, "{error}");
    assert!(error.message.contains(words), "{error}");
    no_secret(&format!("{error:?} {error}"));
    error
}

#[track_caller]
fn no_secret(text: &str) {
    assert!(!text.contains(TOKEN) && !text.contains(ID), "{text}");
}

#[test]
fn an_approved_sign_in_gives_a_client() {
    let site = site(|number| if number < 3 { waiting() } else { given() });
    run(async {
        let sign_in = sign_in(&site);
        assert_eq!((sign_in.url(), sign_in.login()), (None, None));
        let url = sign_in.begin().await.unwrap().clone();
        assert_eq!(sign_in.url(), Some(url.as_str()));
        assert!(url.as_str().ends_with(ID));
        no_secret(&format!("{sign_in:?}"));
        let client = sign_in.wait().await.unwrap();
        assert_eq!(sign_in.login(), Some("anna"));
        assert_eq!(client.session_token().unwrap().expose(), TOKEN);
        // Who asks again is given the same.
        assert_eq!(sign_in.wait().await.unwrap().session_token().unwrap().expose(), TOKEN);
        let again = sign_in.begin().await.unwrap_err();
        assert_eq!(again.status, Status::InvalidState, "{again}");
    });
    assert_eq!(questions(&site).len(), 4);
    let asked = site
        .requests()
        .into_iter()
        .find(|request| request.target().starts_with("POST /int"))
        .unwrap();
    assert_eq!(
        (asked.field("appName"), asked.field("machineId")),
        (Some("Paint & Draw".into()), Some("box-é".into()))
    );
    assert!(asked.header("user-agent").unwrap().starts_with("libshotgrid"));
}

/// A session that is not proven has no person yet; and what stands between may repeat more than the sign-in's own secrets.
#[test]
fn nobody_is_named_before_the_client_is_proven() {
    let proofs = AtomicUsize::new(0);
    let site = FakeSite::bare(move |request| match request.target().as_str() {
        "POST /internal_api/app_session_request" => Answer::json(format!(
            r#"{{"sessionRequestId": "{ID}", "url": "http://127.0.0.1:1/app_session_request/{ID}"}}"#
        )),
        target if target.starts_with("PUT ") => given(),
        _ if request.wire_method() == "read" && proofs.fetch_add(1, Ordering::SeqCst) == 0 => Answer::status(503),
        _ => other(request),
    });
    run(async {
        let options = Options {
            max_attempts: 1,
            ..Options::default()
        };
        let sign_in = SignIn::new(&site.url, "Paint", "box", options).unwrap();
        sign_in.begin().await.unwrap();
        let error = sign_in.wait().await.unwrap_err();
        assert_eq!((error.status, sign_in.login()), (Status::Unavailable, None), "{error}");
        sign_in.wait().await.unwrap();
        assert_eq!(sign_in.login(), Some("anna"));
    });
}

#[test]
fn what_the_way_repeats_of_its_own_secrets_is_not_told() {
    const PROXY: &str = "proxy-pass-0123456789";
    // A proxy is asked for whole addresses.
    let site = FakeSite::bare(|request| match request.target() {
        target if target.ends_with("/api3/json") => Answer::json(ANNOUNCING),
        target if target.starts_with("POST ") => Answer::json(format!(
            r#"{{"sessionRequestId": "{ID}", "url": "http://site.invalid/app_session_request/{ID}"}}"#
        )),
        _ => Answer::Http(
            400,
            vec![("content-type", "text/plain".into())],
            format!("joe:{PROXY} may not ask for {ID}").into_bytes(),
        ),
    });
    run(async {
        let options = Options {
            proxy: Some(Secret::new(site.url.replace("http://", &format!("http://joe:{PROXY}@")))),
            allow_insecure_http: true,
            ..Options::default()
        };
        let sign_in = SignIn::new("http://site.invalid", "Paint", "box", options).unwrap();
        sign_in.begin().await.unwrap();
        let error = sign_in.wait().await.unwrap_err();
        let told = format!("{error:?} {error}");
        no_secret(&told);
        assert!(error.http_status == Some(400) && !told.contains(PROXY), "{told}");
    });
}

#[test]
fn a_site_that_does_not_offer_it_says_so_in_either_way() {
    let silent = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(r#"{"version":[8,60,0]}"#),
        _ => Answer::status(500),
    });
    fails(&silent, Status::AuthSignInOff, "login and password");
    assert_eq!(silent.requests().len(), 1);
    for status in [403, 404] {
        let refusing = FakeSite::bare(move |request| match request.wire_method().as_str() {
            "info" => Answer::json(ANNOUNCING),
            _ => Answer::status(status),
        });
        fails(&refusing, Status::AuthSignInOff, "login and password");
    }
}

#[test]
fn what_is_gone_early_was_rejected_and_late_too_old() {
    let rejecting = site(|number| if number < 2 { waiting() } else { gone() });
    let error = fails(&rejecting, Status::AuthSignInRejected, "rejected");
    assert!(!error.may_have_applied && !error.retryable);
    let forgetting = site(|number| if number < 2 { waiting() } else { gone() });
    let error = run(async {
        let sign_in = sign_in(&forgetting);
        sign_in.set_lifetime(Duration::from_millis(1));
        sign_in.begin().await.unwrap();
        sign_in.wait().await.unwrap_err()
    });
    assert_eq!(error.status, Status::AuthSignInExpired, "{error}");
}

#[test]
fn a_lost_reply_is_named_when_the_session_went_with_it() {
    for losing in [
        Answer::Close,
        Answer::json(r#"{"approved": tr"#),
        Answer::json(r#"{"approved": true}"#),
        Answer::status(502),
    ] {
        let first = losing.clone();
        let lost = site(move |number| match number {
            0 => waiting(),
            1 => losing.clone(),
            _ => gone(),
        });
        let error = fails(&lost, Status::AuthSignInLost, "begin another one");
        assert!(error.may_have_applied);
        // What was lost said no, as the next answer shows.
        let kept = site(move |number| match number {
            0 => first.clone(),
            1 => waiting(),
            _ => gone(),
        });
        fails(&kept, Status::AuthSignInRejected, "rejected");
    }
}

#[test]
fn a_site_in_trouble_is_asked_again_with_growing_pauses() {
    let troubled = site(|number| match number {
        0 => Answer::status(500),
        1 => Answer::status(503),
        2 => Answer::Http(503, vec![("retry-after", "1".into())], Vec::new()),
        3 => Answer::Close,
        _ => given(),
    });
    let client = run(outcome(&troubled)).unwrap();
    assert_eq!(client.session_token().unwrap().expose(), TOKEN);
    let at: Vec<Instant> = questions(&troubled).iter().map(|request| request.at).collect();
    let pause = |index: usize| at[index + 1] - at[index];
    assert!(pause(0) >= Duration::from_millis(20) && pause(1) >= Duration::from_millis(40));
    assert!(pause(2) >= Duration::from_secs(1), "Retry-After was not heeded: {:?}", pause(2));
}

#[test]
fn trouble_that_lasts_ends_with_the_sign_in_s_time() {
    let down = site(|_| Answer::status(503));
    let error = run(async {
        let sign_in = sign_in(&down);
        sign_in.set_lifetime(Duration::from_millis(200));
        sign_in.begin().await.unwrap();
        sign_in.wait().await.unwrap_err()
    });
    assert_eq!((error.status, error.http_status), (Status::Unavailable, Some(503)));
    let count = questions(&down).len();
    assert!((2..30).contains(&count), "{count}");
}

#[test]
fn redirects_and_nonsense_end_it() {
    let elsewhere = site(|_| Answer::Http(302, vec![("location", "https://elsewhere.example/x".into())], Vec::new()));
    fails(&elsewhere, Status::Protocol, "elsewhere.example");
    assert_eq!(questions(&elsewhere).len(), 1);
    let nonsense = site(|_| Answer::json("<html>"));
    fails(&nonsense, Status::Protocol, "not JSON");
    assert_eq!(questions(&nonsense).len(), 3);
    let forbidden = site(|_| Answer::status(403));
    fails(&forbidden, Status::AuthBlocked, "403");
}

#[test]
fn an_address_that_must_not_be_opened_is_refused() {
    for url in ["file:///etc/passwd", "javascript:alert(1)", "--version", "", "https:"] {
        let site = FakeSite::bare(move |request| match request.target().as_str() {
            "POST /internal_api/app_session_request" => Answer::json(serde_json::json!({"sessionRequestId": ID, "url": url}).to_string()),
            _ => other(request),
        });
        fails(&site, Status::Protocol, "");
    }
}

#[test]
fn a_session_survives_whoever_stops_waiting_and_a_network_that_fails_behind_it() {
    let proofs = AtomicUsize::new(0);
    let site = FakeSite::bare(move |request| match request.target().as_str() {
        "POST /internal_api/app_session_request" => {
            Answer::json(format!(r#"{{"sessionRequestId": "{ID}", "url": "http://127.0.0.1/{ID}"}}"#))
        }
        target if target.starts_with("PUT ") => Answer::Late(Duration::from_millis(150), Box::new(given())),
        _ if request.wire_method() == "read" && proofs.fetch_add(1, Ordering::SeqCst) < 6 => Answer::status(503),
        _ => other(request),
    });
    run(async {
        let sign_in = sign_in(&site);
        sign_in.begin().await.unwrap();
        // Gives up while the one reply with the token is under way.
        let error = sign_in.wait_for(Some(Duration::from_millis(30))).await.unwrap_err();
        assert_eq!(error.status, Status::TimeoutWait, "{error}");
        let error = sign_in.wait().await.unwrap_err();
        assert_eq!(error.status, Status::Unavailable, "{error}");
        let client = sign_in.wait().await.unwrap();
        assert_eq!(client.session_token().unwrap().expose(), TOKEN);
    });
    assert_eq!(questions(&site).len(), 1, "the token was asked for twice");
}

#[test]
fn looking_without_waiting_asks_all_the_same() {
    let site = site(|number| if number < 2 { waiting() } else { given() });
    run(async {
        let sign_in = sign_in(&site);
        sign_in.begin().await.unwrap();
        for _ in 0..500 {
            match sign_in.wait_for(Some(Duration::ZERO)).await {
                Ok(client) => return assert_eq!(client.session_token().unwrap().expose(), TOKEN),
                Err(error) => assert_eq!(error.status, Status::TimeoutWait, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it was never approved");
    });
}

#[test]
fn many_who_wait_ask_as_often_as_one() {
    let site = site(|number| if number < 4 { waiting() } else { given() });
    run(async {
        let sign_in = sign_in(&site);
        sign_in.set_poll_interval(Duration::from_millis(100));
        sign_in.begin().await.unwrap();
        let waits: Vec<_> = (0..8)
            .map(|_| {
                let sign_in = sign_in.clone();
                tokio::spawn(async move { sign_in.wait().await })
            })
            .collect();
        for wait in waits {
            wait.await.unwrap().unwrap();
        }
    });
    assert_eq!(questions(&site).len(), 5);
}

#[test]
fn a_cancel_is_told_at_once_and_nothing_is_asked_any_more() {
    let site = site(|_| waiting());
    run(async {
        let sign_in = sign_in(&site);
        sign_in.set_poll_interval(Duration::from_secs(60));
        sign_in.begin().await.unwrap();
        let waiting = tokio::spawn({
            let sign_in = sign_in.clone();
            async move { sign_in.wait().await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = Instant::now();
        sign_in.cancel();
        assert_eq!(waiting.await.unwrap().unwrap_err().status, Status::Cancelled);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(sign_in.wait().await.unwrap_err().status, Status::Cancelled);
    });
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent() {
    let site = site(|_| waiting());
    let (longest, longer) = ("é".repeat(200), "é".repeat(201));
    SignIn::new(&site.url, &longest, &longest, Options::default()).unwrap();
    for (app, machine, words) in [
        (" ", "m", "app_name is empty"),
        ("a", "", "machine_id is empty"),
        (&longer, "m", "app_name has 201 characters"),
        ("a", &longer, "it can have 200"),
    ] {
        let error = SignIn::new(&site.url, app, machine, Options::default()).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument);
        assert!(error.message.contains(words), "{error}");
    }
    let error = run(sign_in(&site).wait()).unwrap_err();
    assert_eq!(error.status, Status::InvalidState);
    assert!(site.requests().is_empty());
}
