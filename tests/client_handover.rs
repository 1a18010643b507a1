//! A session that ends, a host that is told, and the session that it hands over.

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
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fake_site::{Answer, FakeSite, INFO};
use shotgrid::client::{Client, Credentials, Options, Secret, SessionWatch, Status};
use tools::run;

/// A site that knows one token, which changes.
fn site(known: Arc<Mutex<&'static str>>) -> FakeSite {
    FakeSite::bare(move |request| match request.wire_method().as_str() {
        "info" => Answer::json(INFO),
        _ if request.auth()["session_token"] == *known.lock().unwrap() => Answer::json(r#"{"results":true}"#),
        _ => Answer::fault(102, "Can't authenticate session token ending with 'xxxx'"),
    })
}

#[derive(Default)]
struct Told(AtomicUsize);

impl SessionWatch for Told {
    fn session_expired(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Told {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

async fn connect(site: &FakeSite) -> Client {
    let token = Secret::new("first-token");
    Client::connect(&site.url, Credentials::Session { token }, Options::default())
        .await
        .unwrap()
}

async fn delete(client: Client) -> Result<String, shotgrid::client::Error> {
    client.call("delete", r#"["Shot", 1]"#).await.map(|answer| answer.json().to_owned())
}

#[test]
fn many_calls_tell_once_wait_and_go_on_in_the_session_that_is_handed_over() {
    let known = Arc::new(Mutex::new("first-token"));
    let site = site(known.clone());
    run(async {
        let client = connect(&site).await;
        let told = Arc::new(Told::default());
        client.watch_session(Some(told.clone()), Duration::from_secs(60)).unwrap();
        *known.lock().unwrap() = "second-token";
        let calls: Vec<_> = (0..16).map(|_| tokio::spawn(delete(client.clone()))).collect();
        while told.count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(calls.iter().all(|call| !call.is_finished()));
        client.renew_session(Some(Secret::new("second-token"))).unwrap();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), "true");
        }
        assert_eq!(told.count(), 1);
        assert_eq!(client.session_token().unwrap().expose(), "second-token");
        // The next session's end is told anew.
        *known.lock().unwrap() = "third-token";
        client.watch_session(Some(told.clone()), Duration::ZERO).unwrap();
        assert_eq!(delete(client.clone()).await.unwrap_err().status, Status::AuthSessionExpired);
        assert_eq!(delete(client.clone()).await.unwrap_err().status, Status::AuthSessionExpired);
        assert_eq!(told.count(), 2);
        client.renew_session(Some(Secret::new("third-token"))).unwrap();
        assert_eq!(delete(client).await.unwrap(), "true");
    });
}

#[test]
fn a_wait_ends_with_its_time_or_when_nobody_will_sign_in() {
    let known = Arc::new(Mutex::new("first-token"));
    let site = site(known.clone());
    run(async {
        let client = connect(&site).await;
        let told = Arc::new(Told::default());
        *known.lock().unwrap() = "another";
        // Nobody is told: as before.
        assert_eq!(delete(client.clone()).await.unwrap_err().status, Status::AuthSessionExpired);
        client.watch_session(Some(told.clone()), Duration::from_millis(100)).unwrap();
        let start = Instant::now();
        let error = delete(client.clone()).await.unwrap_err();
        assert_eq!(error.status, Status::AuthSessionExpired);
        assert!(start.elapsed() >= Duration::from_millis(100) && !error.may_have_applied);
        client.watch_session(Some(told.clone()), Duration::from_secs(100)).unwrap();
        let waiting = tokio::spawn(delete(client.clone()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        client.renew_session(None).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap_err().status, Status::AuthSessionExpired);
        // Who comes later does not wait for somebody who will not come.
        assert_eq!(delete(client.clone()).await.unwrap_err().status, Status::AuthSessionExpired);
        assert_eq!(told.count(), 1);
        // And yet the person may change their mind.
        client.renew_session(Some(Secret::new("another"))).unwrap();
        assert_eq!(delete(client).await.unwrap(), "true");
    });
}

#[test]
fn a_person_whose_password_no_longer_works_is_asked() {
    let signs_in = AtomicUsize::new(0);
    let site = FakeSite::bare(move |request| match request.wire_method().as_str() {
        "info" => Answer::json(INFO),
        "get_session_token" if signs_in.fetch_add(1, Ordering::SeqCst) == 0 => Answer::json(r#"{"results":{"session_id":"old"}}"#),
        "get_session_token" => Answer::fault(102, "Can't authenticate user 'bob'."),
        _ if request.auth()["session_token"] == "new" => Answer::json(r#"{"results":true}"#),
        _ => Answer::fault(102, "Can't authenticate session token ending with 'old'"),
    });
    run(async {
        let credentials = Credentials::Person {
            login: "bob".into(),
            password: Secret::new("pass word"),
        };
        let client = Client::connect(&site.url, credentials, Options::default()).await.unwrap();
        let told = Arc::new(Told::default());
        client.watch_session(Some(told.clone()), Duration::from_secs(60)).unwrap();
        let waiting = tokio::spawn(delete(client.clone()));
        while told.count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        client.renew_session(Some(Secret::new("new"))).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), "true");
    });
}

#[test]
fn scripts_have_no_session_to_take_along_or_to_replace() {
    let site = FakeSite::new(|_| Answer::json(r#"{"results":true}"#));
    run(async {
        let credentials = Credentials::Script {
            name: "robot".into(),
            api_key: Secret::new("0123abcd"),
        };
        let client = Client::connect(&site.url, credentials, Options::default()).await.unwrap();
        for error in [
            client.session_token().unwrap_err(),
            client.renew_session(None).unwrap_err(),
            client.watch_session(None, Duration::ZERO).unwrap_err(),
        ] {
            assert_eq!(error.status, Status::InvalidState);
            assert!(error.message.contains("script"), "{error}");
        }
    });
}
