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
        let client = Client::connect(&site.url, bob(), Options::default()).await.unwrap();
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
fn who_is_new_is_told_of_an_end_that_another_was_told_of() {
    let known = Arc::new(Mutex::new("first-token"));
    let site = site(known.clone());
    run(async {
        let client = connect(&site).await;
        let (first, second, third) = (Arc::new(Told::default()), Arc::new(Told::default()), Arc::new(Told::default()));
        client.watch_session(Some(first.clone()), Duration::ZERO).unwrap();
        *known.lock().unwrap() = "another";
        delete(client.clone()).await.unwrap_err();
        client.watch_session(Some(second.clone()), Duration::ZERO).unwrap();
        delete(client.clone()).await.unwrap_err();
        delete(client.clone()).await.unwrap_err();
        // Whether or not there was nobody in between.
        client.watch_session(None, Duration::ZERO).unwrap();
        client.watch_session(Some(third.clone()), Duration::ZERO).unwrap();
        delete(client.clone()).await.unwrap_err();
        assert_eq!((first.count(), second.count(), third.count()), (1, 1, 1));
    });
}

#[test]
fn a_refusal_before_the_first_session_is_not_of_that_session() {
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(INFO),
        "get_session_token" => Answer::json(r#"{"results":{"session_id":"old"}}"#),
        _ if request.auth()["session_token"] == "new" => Answer::json(r#"{"results":true}"#),
        _ => Answer::Http(302, vec![("location", "/saml/saml_login_request".into())], Vec::new()),
    });
    run(async {
        let options = Options {
            verify_on_connect: false,
            ..Options::default()
        };
        let client = Client::connect(&site.url, bob(), options).await.unwrap();
        client.renew_session(None).unwrap();
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

/// The host's session is the newer wish, whatever sign-in was under way when it came.
#[test]
fn a_session_that_was_handed_over_is_not_replaced_by_a_renewal() {
    let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let site = FakeSite::bare({
        let (asked, go) = (asked.clone(), go.clone());
        move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            "get_session_token" => {
                let number = asked.fetch_add(1, Ordering::SeqCst);
                let since = Instant::now();
                while number >= go.load(Ordering::SeqCst) && since.elapsed() < Duration::from_secs(20) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Answer::json(format!(r#"{{"results":{{"session_id":"own-{number}"}}}}"#))
            }
            _ if request.auth()["session_token"] == "handed-over" => Answer::json(r#"{"results":true}"#),
            _ => Answer::fault(102, "Can't authenticate session token ending with 'own'"),
        }
    });
    run(async {
        let options = Options {
            verify_on_connect: false,
            ..Options::default()
        };
        // While the first session is opened, and while one is opened anew.
        for opened_before in [0, 1] {
            asked.store(0, Ordering::SeqCst);
            go.store(opened_before, Ordering::SeqCst);
            let client = Client::connect(&site.url, bob(), options.clone()).await.unwrap();
            let call = tokio::spawn(delete(client.clone()));
            while asked.load(Ordering::SeqCst) <= opened_before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            client.renew_session(Some(Secret::new("handed-over"))).unwrap();
            go.store(usize::MAX, Ordering::SeqCst);
            assert_eq!(call.await.unwrap().unwrap(), "true");
            assert_eq!(client.session_token().unwrap().expose(), "handed-over");
        }
    });
}

fn bob() -> Credentials {
    Credentials::Person {
        login: "bob".into(),
        password: Secret::new("pass word"),
    }
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
