//! What goes wrong between here and the site: the right status, in time, and no write applied twice.

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

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_site::{Answer, FakeSite};
use shotgrid::client::{Client, Credentials, Error, Options, Secret, Status};
use tools::run;

const CREATE: (&str, &str) = ("create", r#"["Shot", {"code": "a"}]"#);
const FIND: (&str, &str) = ("find", r#"["Shot", []]"#);
const ROWS: &str = r#"{"results":{"entities":[{"id":1,"type":"Shot"}],"paging_info":{"has_next_page":false}}}"#;

fn script() -> Credentials {
    Credentials::Script {
        name: "robot".into(),
        api_key: Secret::new("0123abcd"),
    }
}

async fn connect(site: &FakeSite, options: Options) -> Client {
    Client::connect(&site.url, script(), options).await.unwrap()
}

fn outcome(site: &FakeSite, options: Options, (method, params): (&str, &str)) -> Result<String, Error> {
    run(async {
        connect(site, options)
            .await
            .call(method, params)
            .await
            .map(|found| found.json().to_owned())
    })
}

#[test]
fn a_write_whose_fate_is_unknown_is_sent_once_and_says_so() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\ncontent-type: application/json\r\n\r\n{\"results\":{\"id\"".to_vec();
    let broken_gzip = Answer::Http(200, vec![("content-encoding", "gzip".into())], b"no gzip at all".to_vec());
    let html = Answer::Http(200, vec![("content-type", "text/html".into())], b"<html>".to_vec());
    for (answer, status) in [
        (Answer::Close, Status::NetworkReset),
        (Answer::Raw(cut), Status::NetworkReset),
        (Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()), Status::NetworkReset),
        (Answer::Raw(b"what is this\r\n\r\n".to_vec()), Status::Protocol),
        (broken_gzip, Status::Protocol),
        (html, Status::Protocol),
        (Answer::json("{\"results\":{\"id\":"), Status::Protocol),
        (Answer::json("[]"), Status::Protocol),
        (Answer::status(200), Status::Protocol),
        (Answer::status(500), Status::ServerFault),
        (Answer::status(502), Status::Unavailable),
        (Answer::status(503), Status::Unavailable),
        (Answer::status(504), Status::Unavailable),
        (Answer::Stall(Duration::from_secs(3)), Status::TimeoutTotal),
    ] {
        let shown = answer.clone();
        let site = FakeSite::new(move |_| answer.clone());
        let options = Options {
            timeout: Some(Duration::from_millis(700)),
            ..Options::default()
        };
        let error = outcome(&site, options, CREATE).unwrap_err();
        let name = match shown {
            Answer::Raw(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => format!("{status:?}"),
        };
        assert_eq!(error.status, status, "{name}: {error}");
        assert!(error.may_have_applied, "{name}");
        assert_eq!(site.requests_of("create").len(), 1, "{name}");
    }
}

#[test]
fn a_write_that_the_site_refused_was_not_applied() {
    for (answer, status) in [
        (
            Answer::fault(104, "Entity of type Shot cannot be created by this user."),
            Status::Permission,
        ),
        (Answer::fault(103, "API create() missing 'project' attribute: {}"), Status::Rejected),
        (Answer::status(400), Status::Rejected),
        (Answer::status(401), Status::AuthBlocked),
        (Answer::status(403), Status::AuthBlocked),
        (Answer::status(404), Status::Protocol),
        (Answer::status(429), Status::RateLimited),
        (
            Answer::Http(302, vec![("location", "/saml/saml_login_request".into())], vec![]),
            Status::AuthSso,
        ),
    ] {
        let site = FakeSite::new(move |_| answer.clone());
        let error = outcome(&site, Options::default(), CREATE).unwrap_err();
        assert_eq!(error.status, status, "{error}");
        assert!(!error.may_have_applied, "{error}");
        assert_eq!(site.requests_of("create").len(), 1, "{error}");
    }
}

#[test]
fn a_write_of_which_nothing_was_sent_may_be_tried_again() {
    // The first connections are refused: nobody listens yet. Then the site comes up on the same port.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = run(async {
        let options = Options {
            verify_on_connect: false,
            max_attempts: 2,
            ..Options::default()
        };
        let client = Client::connect(&format!("http://{address}"), script(), options).await.unwrap();
        client.call_raw("create", "{}").await.unwrap_err()
    });
    assert_eq!(error.status, Status::NetworkConnect);
    assert!(error.retryable && !error.may_have_applied, "{error}");

    let start = Instant::now();
    let made = run(async {
        let options = Options {
            verify_on_connect: false,
            max_attempts: 5,
            ..Options::default()
        };
        let client = Client::connect(&format!("http://{address}"), script(), options).await.unwrap();
        let server = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            let listener = TcpListener::bind(address).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            let mut chunk = [0; 4096];
            let read = std::io::Read::read(&mut stream, &mut chunk).unwrap();
            assert!(read > 0);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"results\":true}")
                .unwrap();
            std::thread::sleep(Duration::from_millis(200));
        });
        let made = client.call_raw("create", "{}").await.map(|result| result.json().to_owned());
        server.join().unwrap();
        made
    });
    assert_eq!(made.unwrap(), "true");
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[test]
fn reads_are_tried_again() {
    for failing in [
        Answer::Close,
        Answer::status(502),
        Answer::status(503),
        Answer::status(504),
        Answer::status(429),
    ] {
        let served = AtomicUsize::new(0);
        let site = FakeSite::new(move |_| match served.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => failing.clone(),
            _ => Answer::json(ROWS),
        });
        assert_eq!(outcome(&site, Options::default(), FIND).unwrap(), r#"[{"id":1,"type":"Shot"}]"#);
        let requests: Vec<_> = site
            .requests_of("read")
            .into_iter()
            .filter(|request| request.params()["type"] == "Shot")
            .collect();
        assert_eq!(requests.len(), 3);
        assert!(requests[1].at - requests[0].at >= Duration::from_millis(100), "there is a pause");
    }
}

#[test]
fn reads_are_not_tried_for_ever_nor_after_lasting_faults() {
    let site = FakeSite::new(|_| Answer::status(503));
    let error = outcome(
        &site,
        Options {
            max_attempts: 2,
            ..Options::default()
        },
        ("summarize", r#"["Shot", [], []]"#),
    )
    .unwrap_err();
    assert_eq!((error.status, site.requests_of("summarize").len()), (Status::Unavailable, 2));
    for answer in [
        Answer::status(500),
        Answer::status(403),
        Answer::fault(103, "bad"),
        Answer::json("nonsense"),
    ] {
        let site = FakeSite::new(move |_| answer.clone());
        outcome(&site, Options::default(), ("summarize", r#"["Shot", [], []]"#)).unwrap_err();
        assert_eq!(site.requests_of("summarize").len(), 1);
    }
}

#[test]
fn retry_after_is_honoured_and_never_waited_for_beyond_the_limit() {
    let served = AtomicUsize::new(0);
    let asked = |seconds: &str| Answer::Http(429, vec![("retry-after", seconds.to_owned())], vec![]);
    let site = FakeSite::new(move |_| {
        if served.fetch_add(1, Ordering::SeqCst) == 0 {
            asked("1")
        } else {
            Answer::json(ROWS)
        }
    });
    let start = Instant::now();
    outcome(&site, Options::default(), FIND).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));

    let site = FakeSite::new(move |_| asked("3600"));
    let start = Instant::now();
    let error = outcome(&site, Options::default(), FIND).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!((error.status, error.retry_after_ms), (Status::RateLimited, Some(3_600_000)));
}

#[test]
fn time_limits_hold() {
    let site = FakeSite::new(|_| Answer::Stall(Duration::from_secs(20)));
    let options = || Options {
        timeout: Some(Duration::from_millis(300)),
        ..Options::default()
    };
    let start = Instant::now();
    let error = outcome(&site, options(), FIND).unwrap_err();
    assert_eq!(error.status, Status::TimeoutTotal);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(error.retryable && !error.may_have_applied);

    // A reply that trickles is over when the time is, however alive the connection looks.
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let site = FakeSite::new(move |_| Answer::Late(Duration::from_millis(100), Box::new(Answer::Raw(head.clone()))));
    let error = outcome(&site, options(), CREATE).unwrap_err();
    assert!(matches!(error.status, Status::NetworkReset | Status::TimeoutTotal) && error.may_have_applied);
}

#[test]
fn a_connection_that_the_site_closed_between_calls_is_not_used_again() {
    let site = FakeSite::new(|_| Answer::AndClose(Box::new(Answer::json(r#"{"results":true}"#))));
    run(async {
        let client = connect(&site, Options::default()).await;
        for _ in 0..20 {
            client.call("delete", r#"["Shot", 1]"#).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(site.requests_of("delete").len(), 20);
}

#[test]
fn one_connection_serves_many_calls() {
    let site = FakeSite::new(|_| Answer::json(r#"{"results":true}"#));
    run(async {
        let client = connect(&site, Options::default()).await;
        for _ in 0..20 {
            client.call("delete", r#"["Shot", 1]"#).await.unwrap();
        }
    });
    assert!(
        site.connection_count() <= 4,
        "two for signing in, perhaps one that came too late to be used, and no more: {}",
        site.connection_count()
    );
}

#[test]
fn redirects_lead_credentials_nowhere() {
    let elsewhere = FakeSite::new(|_| Answer::json(ROWS));
    let target = format!("{}/api3/json", elsewhere.url);
    for status in [301, 302, 303, 307, 308] {
        let location = target.clone();
        let site = FakeSite::new(move |_| Answer::Http(status, vec![("location", location.clone())], vec![]));
        let error = outcome(&site, Options::default(), FIND).unwrap_err();
        assert_eq!((error.status, error.http_status), (Status::Protocol, Some(status)));
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn replies_have_a_limit() {
    let site = FakeSite::new(|_| Answer::Json(format!(r#"{{"results":"{}"}}"#, "x".repeat(100_000))));
    let options = || Options {
        max_reply_bytes: 50_000,
        ..Options::default()
    };
    let error = outcome(&site, options(), ("summarize", r#"["Shot", [], []]"#)).unwrap_err();
    assert_eq!(error.status, Status::ProtocolTooLarge);
    assert!(
        outcome(&site, Options::default(), ("summarize", r#"["Shot", [], []]"#))
            .unwrap()
            .len()
            > 100_000
    );
}

#[test]
fn names_that_have_no_address_and_hosts_that_are_no_site() {
    let error = run(Client::connect("https://no-such-host.invalid", script(), Options::default())).unwrap_err();
    assert_eq!(error.status, Status::NetworkDns, "{error}");
    let plain = FakeSite::bare(|_| {
        Answer::Http(
            200,
            vec![("content-type", "text/html; charset=utf-8".into())],
            b"<html>hello".to_vec(),
        )
    });
    let error = run(Client::connect(&plain.url, script(), Options::default())).unwrap_err();
    assert_eq!(error.status, Status::Protocol);
    assert!(error.message.contains("web page") && error.message.contains("site_url"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = run(Client::connect(&secure, script(), Options::default())).unwrap_err();
    assert_eq!(
        error.status.class(),
        Status::Tls.class(),
        "plain HTTP where TLS is expected: {error}"
    );
}

#[test]
fn no_write_is_told_to_have_stayed_here_that_did_not() {
    let site = FakeSite::new(|_| Answer::json(r#"{"results":{"type":"Shot","id":1}}"#));
    run(async {
        let client = connect(&site, Options::default()).await;
        let mut outcomes = Vec::new();
        for round in 0..300_u32 {
            let limit = Duration::from_micros(100 + u64::from(round % 40) * 50);
            let create = format!(r#"["Shot", {{"code": "round {round}"}}]"#);
            let call = client.clone().with_timeout(Some(limit));
            outcomes.push(call.call("create", &create).await);
        }
        // What left this machine may still be on its way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let came: Vec<_> = site.requests_of("create").into_iter().map(|request| request.body).collect();
        for (round, outcome) in outcomes.iter().enumerate() {
            let code = format!("\"round {round}\"");
            let times = came.iter().filter(|body| body.contains(&code)).count();
            assert!(times <= 1, "round {round} was sent {times} times");
            if let Err(error) = outcome {
                assert!(
                    times == 0 || error.may_have_applied,
                    "round {round}: it came, and the error says that it did not"
                );
                assert!(!(error.may_have_applied && error.retryable));
            }
        }
    });
}

#[test]
fn pages_that_never_end_are_not_read_for_ever() {
    let paged = |rows: fn(u64) -> String| {
        FakeSite::bare(move |request| match request.params()["paging"]["current_page"].as_u64() {
            None => Answer::json(fake_site::INFO),
            Some(page) => Answer::Json(format!(
                r#"{{"results":{{"entities":{},"paging_info":{{"has_next_page":true}}}}}}"#,
                rows(page)
            )),
        })
    };
    let alike = paged(|_| r#"[{"type":"Shot","id":1}]"#.to_owned());
    let error = outcome(&alike, Options::default(), FIND).unwrap_err();
    assert_eq!((error.status, error.http_status), (Status::Protocol, Some(200)), "{error}");
    let ever_new = paged(|page| format!(r#"[{{"type":"Shot","id":{page},"code":"{}"}}]"#, "x".repeat(10_000)));
    let options = Options {
        max_reply_bytes: 100_000,
        ..Options::default()
    };
    let error = outcome(&ever_new, options, FIND).unwrap_err();
    assert_eq!(error.status, Status::ProtocolTooLarge, "{error}");
    assert!(ever_new.requests_of("read").len() < 30);
}

#[test]
fn a_write_is_only_told_as_done_by_what_answers_it() {
    let batch =
        r#"[[{"request_type":"create","entity_type":"Shot","data":{}},{"request_type":"delete","entity_type":"Shot","entity_id":1}]]"#;
    for (method, params, right, wrong) in [
        (
            "create",
            CREATE.1,
            r#"{"id":1,"type":"Shot"}"#,
            vec!["null", "7", "[1,2]", "{}", r#"{"entities":{}}"#],
        ),
        ("delete", r#"["Shot", 1]"#, "true", vec!["null", "7", "[]", "{}"]),
        ("revive", r#"["Shot", 1]"#, "false", vec!["null", "\"true\""]),
        (
            "batch",
            batch,
            r#"[{"id":1,"type":"Shot"},true]"#,
            vec![
                "null",
                "7",
                "[]",
                "{}",
                r#"[{"id":1}]"#,
                "[1,true]",
                r#"[{"id":1},{"id":2}]"#,
                r#"[{"id":1},true,true]"#,
            ],
        ),
    ] {
        let answering = |results: &str| {
            let reply = format!(r#"{{"results":{results}}}"#);
            FakeSite::new(move |_| Answer::json(reply.clone()))
        };
        outcome(&answering(right), Options::default(), (method, params)).unwrap();
        for results in wrong {
            let error = outcome(&answering(results), Options::default(), (method, params)).unwrap_err();
            assert_eq!(
                (error.status, error.http_status),
                (Status::Protocol, Some(200)),
                "{method} {results}: {error}"
            );
            assert!(error.may_have_applied && !error.retryable, "{method} {results}");
        }
    }
}
