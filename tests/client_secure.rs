//! TLS and proxies: whom the client trusts, and which way it goes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "support/fake_site.rs"]
mod fake_site;
#[path = "support/tls.rs"]
mod tls;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_site::{Answer, FakeSite, INFO};
use shotgrid::client::{Client, Credentials, Error, Options, Secret, Status};
use tls::Authority;

fn connect(url: &str, options: Options) -> Result<Client, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let script = Credentials::Script {
        name: "robot".into(),
        api_key: Secret::new("0123abcd"),
    };
    runtime.block_on(async {
        let limit = Duration::from_secs(30);
        tokio::time::timeout(limit, Client::connect(url, script, options))
            .await
            .expect("the test hangs")
    })
}

/// A site behind TLS that answers every request alike. Its threads wait no longer than ten seconds for anything.
struct SecureSite {
    port: u16,
}

impl SecureSite {
    fn new(config: rustls::ServerConfig) -> SecureSite {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().take(8).flatten() {
                let config = config.clone();
                std::thread::spawn(move || answer(stream, config));
            }
        });
        SecureSite { port }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

fn answer(stream: TcpStream, config: Arc<rustls::ServerConfig>) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), stream);
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    while !seen.ends_with(b"]}") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(read) => seen.extend_from_slice(&chunk[..read]),
        }
    }
    let body = r#"{"version":[8,60,0],"entities":[]}"#;
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn with_ca(authority: &Authority) -> Options {
    Options {
        ca_file: Some(authority.file.clone()),
        max_attempts: 1,
        ..Options::default()
    }
}

#[test]
fn a_site_is_trusted_by_its_authority_alone() {
    let ours = Authority::new("ours");
    let other = Authority::new("other");
    let site = SecureSite::new(ours.server("localhost", (2020, 2100)));
    connect(&site.url(), with_ca(&ours)).unwrap();
    assert_eq!(connect(&site.url(), with_ca(&other)).unwrap_err().status, Status::TlsUntrusted);
    let expired = SecureSite::new(ours.server("localhost", (2020, 2021)));
    assert_eq!(connect(&expired.url(), with_ca(&ours)).unwrap_err().status, Status::TlsExpired);
    let early = SecureSite::new(ours.server("localhost", (2099, 2100)));
    assert_eq!(connect(&early.url(), with_ca(&ours)).unwrap_err().status, Status::TlsExpired);
    let elsewhere = SecureSite::new(ours.server("elsewhere.example.com", (2020, 2100)));
    let error = connect(&elsewhere.url(), with_ca(&ours)).unwrap_err();
    assert_eq!(error.status, Status::TlsHostName, "{error}");
    assert!(!error.retryable && !error.may_have_applied);
}

#[test]
fn a_certificate_that_calls_itself_an_authority_is_trusted_by_itself_alone() {
    let file = std::env::temp_dir().join(format!("libshotgrid-{}-itself.pem", std::process::id()));
    for (name, years, expected) in [
        ("localhost", (2020, 2100), None),
        ("elsewhere.example.com", (2020, 2100), Some(Status::TlsHostName)),
        ("localhost", (2020, 2021), Some(Status::TlsExpired)),
    ] {
        let (server, itself) = tls::authority_as_server(name, years);
        let site = SecureSite::new(server);
        std::fs::write(&file, itself).unwrap();
        let options = || Options {
            ca_file: Some(file.clone()),
            max_attempts: 1,
            ..Options::default()
        };
        let outcome = connect(&site.url(), options());
        assert_eq!(outcome.err().map(|error| error.status), expected, "{name} {years:?}");
        let (stranger, _) = tls::authority_as_server(name, years);
        let error = connect(&SecureSite::new(stranger).url(), options()).unwrap_err();
        assert!(matches!(error.status, Status::TlsUntrusted | Status::TlsExpired), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_refusal_whose_words_are_cut_off_is_told_with_its_title() {
    let site =
        FakeSite::bare(|_| Answer::Raw(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 500\r\n\r\n<html><title>No\n entry</title>".to_vec()));
    let error = connect(&site.url, Options::default()).unwrap_err();
    assert_eq!(error.status, Status::AuthBlocked, "{error}");
    assert!(error.message.contains("\"No entry\"") && error.http_status == Some(403), "{error}");
}

#[test]
fn ca_files_that_are_none_are_told() {
    let site = FakeSite::new(|_| Answer::Close);
    let options = |file: PathBuf| Options {
        ca_file: Some(file),
        ..Options::default()
    };
    let missing = connect(&site.url, options("/no/such/file.pem".into())).unwrap_err();
    assert_eq!(missing.status, Status::Io);
    assert!(missing.message.contains("/no/such/file.pem"), "{missing}");
    let file = std::env::temp_dir().join(format!("libshotgrid-{}-none.pem", std::process::id()));
    for text in [
        "",
        "no certificate at all",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(
            connect(&site.url, options(file.clone())).unwrap_err().status,
            Status::InvalidArgument,
            "{text}"
        );
    }
    std::fs::remove_file(&file).unwrap();
}

/// A proxy that keeps the heads of what it was asked, and answers in place of every site.
struct Proxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn new(reply: &'static str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().take(8).flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                seen.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                let _ = stream.write_all(reply.as_bytes());
            }
        });
        Proxy { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn through(proxy: &str) -> Options {
    Options {
        proxy: Some(Secret::new(proxy)),
        max_attempts: 1,
        allow_insecure_http: true,
        ..Options::default()
    }
}

#[test]
fn a_proxy_is_used_with_its_password_and_its_refusal_is_told() {
    let proxy = Proxy::new("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let given = format!("joe:p@ss@{}", proxy.address);
    let error = connect("https://site.invalid", through(&given)).unwrap_err();
    assert_eq!(error.status, Status::NetworkProxy, "{error}");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("CONNECT site.invalid:443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(
        heads[0].to_lowercase().contains("proxy-authorization: basic am9lonbac3m="),
        "{heads:?}"
    );
    assert!(!format!("{error:?} {:?}", through(&given)).contains("p@ss"));
    let plain = connect("http://site.invalid", through(&given)).unwrap_err();
    assert_eq!(plain.status, Status::NetworkProxy, "{plain}");
    assert!(
        proxy.heads().last().unwrap().starts_with("POST http://site.invalid/api3/json"),
        "{:?}",
        proxy.heads()
    );
}

#[test]
fn a_proxy_that_is_down_is_told_apart_from_a_site_that_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = connect("https://site.invalid", through(&nobody)).unwrap_err();
    assert_eq!(error.status, Status::NetworkProxy, "{error}");
    let error = connect(
        &format!("http://{nobody}"),
        Options {
            max_attempts: 1,
            ..Options::default()
        },
    )
    .unwrap_err();
    assert_eq!(error.status, Status::NetworkConnect, "{error}");
}

#[test]
fn no_proxy_goes_straight_to_the_site() {
    let proxy = Proxy::new("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let site = FakeSite::bare(|_| Answer::json(INFO.replace('}', ",\"entities\":[]}")));
    let options = Options {
        no_proxy: true,
        ..through(&proxy.address)
    };
    connect(&site.url, options).unwrap();
    assert!(proxy.heads().is_empty());
}
