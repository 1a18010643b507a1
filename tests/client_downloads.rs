//! Downloads: whole or not at all, with the session told to the site alone, and that nothing is left behind.

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
#[path = "support/transfers.rs"]
mod transfers;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fake_site::{Answer, FakeSite, INFO, Request};
use serde_json::json;
use shotgrid::client::{Client, Credentials, Options, Progress, Secret, Status};
use tools::{Folder, run};
use transfers::{call, client, site, targets};

#[test]
fn downloads_end_up_whole_with_the_session_told_to_the_site_alone() {
    let folder = Folder::new("down");
    let storage = FakeSite::bare(|_| Answer::Http(200, vec![], b"MOVIE".to_vec()));
    let address = format!("{}/bucket/x?sig=1", storage.url);
    let site = site(false, move |request| {
        (request.target() == "GET /file_serve/attachment/9").then(|| Answer::Http(302, vec![("location", address.clone())], vec![]))
    });
    let target = folder.file("movie.mov", "the old one");
    let answer = call(&site, "download_attachment", json!([{"type": "Attachment", "id": 9}, target])).unwrap();
    assert_eq!(answer, json!(target).to_string());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "MOVIE");
    assert_eq!(folder.names(), ["movie.mov"]);
    let asked = site
        .requests()
        .into_iter()
        .find(|request| request.target().starts_with("GET"))
        .unwrap();
    assert_eq!(asked.header("cookie").unwrap(), "_session_id=SESSION-1");
    let stored = storage.requests().pop().unwrap();
    assert!(stored.header("cookie").is_none() && stored.header("authorization").is_none());
    let content = call(&site, "download_attachment", json!({"attachment_id": 9})).unwrap();
    assert_eq!(content, "\"TU9WSUU=\"");
    let url = call(&site, "get_attachment_download_url", json!([9])).unwrap();
    assert_eq!(url, format!("\"{}/file_serve/attachment/9\"", site.url));
    assert_eq!(call(&site, "download_attachment", json!([{"url": null}, target])).unwrap(), "null");
    assert_eq!(
        call(&site, "download_attachment", json!([])).unwrap_err().status,
        Status::InvalidArgument
    );
}

/// The same number of bytes, with its length announced and without.
#[test]
fn a_file_that_is_larger_than_allowed_is_refused_and_what_was_there_stays() {
    let folder = Folder::new("large");
    let target = folder.file("movie.mov", "the old one");
    for announced in [true, false] {
        let site = site(false, move |request| {
            let length = if announced { "content-length: 1000\r\n" } else { "" };
            let reply = format!("HTTP/1.1 200 OK\r\n{length}\r\n{}", "x".repeat(1000));
            request.target().starts_with("GET").then(|| Answer::Raw(reply.clone().into_bytes()))
        });
        let fetch = |most: u64| {
            let (url, params) = (site.url.clone(), json!([9, target]).to_string());
            run(async move {
                let options = Options {
                    max_download_bytes: Some(most),
                    verify_on_connect: false,
                    ..Options::default()
                };
                let client = Client::connect(&url, a_script(), options).await.unwrap();
                client.call("download_attachment", &params).await.map(drop)
            })
        };
        let asked = || targets(&site).iter().filter(|target| target.starts_with("GET")).count();
        let error = fetch(999).unwrap_err();
        assert_eq!(error.status, Status::ProtocolTooLarge, "{error}");
        assert!(
            error.message.contains("limit of 999 bytes for downloads") && !error.retryable,
            "{error}"
        );
        assert_eq!((asked(), std::fs::read(&target).unwrap()), (1, b"the old one".to_vec()));
        fetch(1000).unwrap();
        assert_eq!(
            (folder.names(), std::fs::read(&target).unwrap().len()),
            (vec!["movie.mov".to_owned()], 1000)
        );
        std::fs::write(&target, "the old one").unwrap();
    }
}

#[test]
fn a_page_that_asks_for_a_password_is_not_the_file() {
    let folder = Folder::new("login");
    let site = site(false, |request| {
        let login = vec![("location", "/user/login?from=x".to_owned())];
        request.target().starts_with("GET").then_some(Answer::Http(302, login, vec![]))
    });
    let error = call(&site, "download_attachment", json!([9, folder.0.join("x.mov")])).unwrap_err();
    assert_eq!(error.status, Status::AuthSessionExpired);
    assert!(folder.names().is_empty());
    let local = json!([{"url": "file:///shots/x.mov", "link_type": "local"}, folder.0.join("x.mov")]);
    let error = call(&site, "download_attachment", local).unwrap_err();
    assert_eq!(error.status, Status::InvalidArgument);
    assert!(error.message.contains("is a file link"), "{error}");
}

/// A site whose sessions have ended up to a number; `gone` is what it answers to them.
fn forgetful(ended: usize, gone: Answer) -> FakeSite {
    let opened = AtomicUsize::new(0);
    FakeSite::bare(move |request| match (request.wire_method().as_str(), request.target().as_str()) {
        ("info", _) => Answer::json(INFO),
        ("get_session_token", _) => {
            let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
            Answer::json(format!(r#"{{"results":{{"session_id":"SESSION-{number}"}}}}"#))
        }
        (_, target) if target.starts_with("GET /file_serve") => {
            let session = request.header("cookie").unwrap();
            let number: usize = session.rsplit('-').next().unwrap().parse().unwrap();
            if number <= ended {
                gone.clone()
            } else {
                Answer::Http(200, vec![], b"MOVIE".to_vec())
            }
        }
        _ => Answer::json(r#"{"results":{"entities":[],"paging_info":{}}}"#),
    })
}

fn sign_in_page() -> Answer {
    Answer::Http(302, vec![("location", "/user/login?from=x".to_owned())], vec![])
}

async fn signed_in(site: &FakeSite, credentials: Credentials) -> Client {
    with_connections(site, credentials, Options::default().max_connections).await
}

async fn with_connections(site: &FakeSite, credentials: Credentials, max_connections: u32) -> Client {
    let options = Options {
        verify_on_connect: false,
        max_connections,
        ..Options::default()
    };
    Client::connect(&site.url, credentials, options).await.unwrap()
}

fn a_person() -> Credentials {
    Credentials::Person {
        login: "ann".into(),
        password: Secret::new("s3cret"),
    }
}

fn a_script() -> Credentials {
    Credentials::Script {
        name: "scr".into(),
        api_key: Secret::new("s3cret-key"),
    }
}

#[test]
fn a_session_that_has_ended_is_renewed_for_a_download() {
    let folder = Folder::new("renew");
    let target = folder.0.join("x.mov");
    for gone in [sign_in_page(), Answer::status(401), Answer::status(403)] {
        for credentials in [a_person(), a_script()] {
            let site = forgetful(1, gone.clone());
            run(async {
                let client = signed_in(&site, credentials).await;
                let params = json!([9, target]).to_string();
                client.call("download_attachment", &params).await.unwrap();
                assert_eq!(std::fs::read_to_string(&target).unwrap(), "MOVIE");
                client.call("download_attachment", "[9]").await.unwrap();
            });
            assert_eq!(site.requests_of("get_session_token").len(), 2);
            let asked = site.requests().into_iter().filter(|request| request.target().starts_with("GET"));
            let sessions: Vec<_> = asked.map(|request| request.header("cookie").unwrap()).collect();
            let (ended, renewed) = ("_session_id=SESSION-1", "_session_id=SESSION-2");
            assert_eq!(sessions, [ended, renewed, renewed]);
        }
    }
}

/// With fewer turns than downloads, and with a single one: who renews must not hold a turn that another waits for.
#[test]
fn many_downloads_renew_an_ended_session_once() {
    for (connections, downloads_at_once) in [(32, 8), (8, 8), (8, 16), (1, 1)] {
        let site = forgetful(1, sign_in_page());
        run(async {
            let client = with_connections(&site, a_script(), connections).await;
            let mut downloads = tokio::task::JoinSet::new();
            for _ in 0..downloads_at_once {
                let client = client.clone();
                downloads.spawn(async move { client.call("download_attachment", "[9]").await });
            }
            while let Some(done) = downloads.join_next().await {
                assert_eq!(done.unwrap().unwrap().json(), "\"TU9WSUU=\"");
            }
        });
        assert_eq!(site.requests_of("get_session_token").len(), 2);
    }
}

#[test]
fn a_password_that_was_changed_is_not_tried_again_and_again() {
    let opened = AtomicUsize::new(0);
    let site = FakeSite::bare(move |request| match (request.wire_method().as_str(), request.target().as_str()) {
        ("info", _) => Answer::json(INFO),
        ("get_session_token", _) if opened.fetch_add(1, Ordering::SeqCst) == 0 => Answer::json(r#"{"results":{"session_id":"SESSION-1"}}"#),
        ("get_session_token", _) => Answer::fault(102, "Can't authenticate user 'ann'."),
        _ => Answer::fault(102, "Can't authenticate session token ending with 'ON-1'"),
    });
    run(async {
        let client = signed_in(&site, a_person()).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let client = client.clone();
            calls.spawn(async move { client.call("find_one", r#"["Shot", []]"#).await });
        }
        while let Some(done) = calls.join_next().await {
            assert_eq!(done.unwrap().unwrap_err().status, Status::AuthSessionExpired);
        }
    });
    assert_eq!(site.requests_of("get_session_token").len(), 2);
}

/// The server cannot go on where it was, and breaks off at another place each time.
#[test]
fn a_download_that_gets_nowhere_ends() {
    let folder = Folder::new("nowhere");
    let site = site(false, {
        let tries = AtomicUsize::new(0);
        move |request| {
            request.target().starts_with("GET").then(|| {
                let length = if tries.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                    100
                } else {
                    300
                };
                let mut reply = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
                reply.extend(std::iter::repeat_n(b'x', length));
                Answer::Raw(reply)
            })
        }
    });
    let error = call(&site, "download_attachment", json!([9, folder.0.join("x")])).unwrap_err();
    assert_eq!(error.status, Status::NetworkReset, "{error}");
    let gets = site.requests().iter().filter(|request| request.target().starts_with("GET")).count();
    assert!((3..=7).contains(&gets), "{gets}");
}

#[test]
fn a_session_that_a_site_repeats_is_masked() {
    let site = site(false, |request| {
        let repeated = request.header("cookie").unwrap_or_default();
        request
            .target()
            .starts_with("GET")
            .then(|| Answer::Http(500, vec![], repeated.into_bytes()))
    });
    let error = call(&site, "download_attachment", json!([9])).unwrap_err();
    assert!(!format!("{error:?}").contains("SESSION-1"), "{error:?}");
}

#[test]
fn a_session_that_ends_again_at_once_is_an_error() {
    let site = forgetful(9, sign_in_page());
    let error = run(async {
        signed_in(&site, a_script())
            .await
            .call("download_attachment", "[9]")
            .await
            .unwrap_err()
    });
    assert_eq!(error.status, Status::AuthSessionExpired);
    assert_eq!(site.requests_of("get_session_token").len(), 2);
    let foreign = Credentials::Session {
        token: Secret::new("SESSION-1"),
    };
    let error = run(async {
        signed_in(&site, foreign)
            .await
            .call("download_attachment", "[9]")
            .await
            .unwrap_err()
    });
    assert_eq!(error.status, Status::AuthSessionExpired);
    assert_eq!(site.requests_of("get_session_token").len(), 2);
}

#[test]
fn a_download_that_breaks_goes_on_where_it_was() {
    let folder = Folder::new("resume");
    let tries = AtomicUsize::new(0);
    let site = site(false, move |request| {
        if !request.target().starts_with("GET") {
            return None;
        }
        if tries.fetch_add(1, Ordering::SeqCst) == 0 {
            return Some(Answer::Raw(
                b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\netag: \"e1\"\r\n\r\n01234".to_vec(),
            ));
        }
        assert_eq!(
            (request.header("range"), request.header("if-range")),
            (Some("bytes=5-".into()), Some("\"e1\"".into()))
        );
        Some(Answer::Http(206, vec![("content-range", "bytes 5-9/10".into())], b"56789".to_vec()))
    });
    let target = folder.0.join("x.mov");
    let progress = Arc::new(Progress::default());
    run(async {
        let params = json!([9, target]).to_string();
        client(&site)
            .await
            .call_watched("download_attachment", &params, &progress)
            .await
            .unwrap();
    });
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "0123456789");
    assert_eq!((progress.done(), progress.total()), (10, 10));
}

/// Large enough that some of it is written when the line breaks, and some waits to be.
#[test]
fn a_large_download_that_breaks_is_whole_in_the_end() {
    const LENGTH: usize = 20_000_003;
    let whole: Vec<u8> = (0..LENGTH as u64)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let folder = Folder::new("large-resume");
    for goes_on in [true, false] {
        let target = folder.file("x.mov", "the old one");
        let (tries, content) = (AtomicUsize::new(0), whole.clone());
        let site = site(false, move |request| {
            if !request.target().starts_with("GET") {
                return None;
            }
            let tag = if goes_on { "etag: \"e1\"\r\n" } else { "" };
            if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                let mut part = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n{tag}\r\n").into_bytes();
                part.extend_from_slice(&content[..17_654_321]);
                return Some(Answer::Raw(part));
            }
            let Some(range) = request.header("range") else {
                assert!(!goes_on);
                return Some(Answer::Http(200, vec![], content.clone()));
            };
            assert_eq!((goes_on, range.as_str()), (true, "bytes=17654321-"));
            let place = format!("bytes 17654321-{}/{LENGTH}", LENGTH - 1);
            Some(Answer::Http(206, vec![("content-range", place)], content[17_654_321..].to_vec()))
        });
        let progress = Arc::new(Progress::default());
        run(async {
            let params = json!([9, target]).to_string();
            let client = client(&site).await;
            client.call_watched("download_attachment", &params, &progress).await.unwrap();
        });
        assert!(std::fs::read(&target).unwrap() == whole, "goes on: {goes_on}");
        assert_eq!((progress.done(), progress.total()), (LENGTH as u64, LENGTH as u64));
        assert_eq!(folder.names(), ["x.mov"]);
    }
}

#[test]
fn a_download_that_fails_leaves_what_was_there() {
    let folder = Folder::new("leaves");
    let target = folder.file("movie.mov", "the old one");
    for (status, body, expected, words) in [
        (400, "", Status::Rejected, "local file"),
        (403, "<Error><Message>Access Denied</Message></Error>", Status::AuthBlocked, ""),
        (404, "", Status::NotFound, "no such attachment"),
        (409, "scan pending", Status::Unavailable, "scan pending"),
        (410, "quarantined", Status::Rejected, "quarantined"),
        (500, "", Status::ServerFault, ""),
    ] {
        let site = site(false, move |request| {
            request
                .target()
                .starts_with("GET")
                .then(|| Answer::Http(status, vec![], body.into()))
        });
        let error = call(&site, "download_attachment", json!([9, target])).unwrap_err();
        assert_eq!((error.status, error.http_status), (expected, Some(status)), "{error}");
        assert!(error.message.contains(words), "{error}");
        assert_eq!(error.server_message.is_some(), !body.is_empty());
    }
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234".to_vec();
    let site = site(false, move |request| {
        request.target().starts_with("GET").then(|| Answer::Raw(short.clone()))
    });
    assert_eq!(
        call(&site, "download_attachment", json!([9, target])).unwrap_err().status,
        Status::NetworkReset
    );
    let nowhere = folder.0.join("no/such/folder/x.mov");
    assert_eq!(
        call(&site, "download_attachment", json!([9, nowhere])).unwrap_err().status,
        Status::Io
    );
    assert_eq!(
        call(&site, "download_attachment", json!([9, folder.0])).unwrap_err().status,
        Status::InvalidArgument
    );
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "the old one");
    assert_eq!(folder.names(), ["movie.mov"]);
}

#[test]
fn a_transfer_that_is_given_up_leaves_no_file() {
    let folder = Folder::new("cancel");
    let site = site(false, |request| {
        let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n01234".to_vec();
        request
            .target()
            .starts_with("GET")
            .then(|| Answer::Late(Duration::from_secs(20), Box::new(Answer::Raw(endless))))
    });
    run(async {
        let client = client(&site).await;
        let params = json!([9, folder.0.join("x.mov")]).to_string();
        let task = tokio::spawn(async move { client.call("download_attachment", &params).await.map(drop) });
        while !folder_has_partial(&folder.0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        task.abort();
        let start = std::time::Instant::now();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(start.elapsed() < Duration::from_secs(5));
    });
    assert!(folder.names().is_empty());
}

fn folder_has_partial(folder: &Path) -> bool {
    std::fs::read_dir(folder)
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with(".part"))
}

#[test]
fn a_pause_that_is_longer_than_the_limit_is_not_waited_for() {
    let folder = Folder::new("pause");
    let busy = |request: &Request| {
        request
            .target()
            .starts_with("GET")
            .then(|| Answer::Http(503, vec![("retry-after", "3600".into())], vec![]))
    };
    let start = std::time::Instant::now();
    let error = call(&site(false, busy), "download_attachment", json!([9, folder.0.join("x")])).unwrap_err();
    assert_eq!((error.status, error.retry_after_ms), (Status::Unavailable, Some(3_600_000)));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_transfer_that_stands_still_ends() {
    let folder = Folder::new("stall");
    let site = site(false, |request| {
        request.target().starts_with("GET").then(|| Answer::Stall(Duration::from_secs(20)))
    });
    let error = run(async {
        let options = Options {
            verify_on_connect: false,
            timeout: Some(Duration::from_millis(300)),
            max_attempts: 1,
            ..Options::default()
        };
        let credentials = Credentials::Session { token: Secret::new("T") };
        let client = Client::connect(&site.url, credentials, options).await.unwrap();
        client
            .call("download_attachment", &json!([9, folder.0.join("x")]).to_string())
            .await
            .unwrap_err()
    });
    assert_eq!(error.status, Status::Timeout, "{error}");
}

/// A small file system of the test's own. Only root may make one.
#[cfg(target_os = "linux")]
fn small_disk(folder: &Path) -> bool {
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(folder)
        .status();
    mount.is_ok_and(|status| status.success())
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_is_told_and_left_clean() {
    let folder = Folder::new("full");
    if !small_disk(&folder.0) {
        println!("skipped: only root can mount the small file system that this test fills");
        return;
    }
    let site = site(false, |request| {
        request
            .target()
            .starts_with("GET")
            .then(|| Answer::Http(200, vec![], vec![b'x'; 1 << 20]))
    });
    let target = folder.file("movie.mov", "the old one");
    let outcome = call(&site, "download_attachment", json!([9, target]));
    let (names, content) = (folder.names(), std::fs::read_to_string(&target));
    let unmounted = std::process::Command::new("umount").arg(&folder.0).status().unwrap();
    assert!(unmounted.success());
    let error = outcome.unwrap_err();
    assert_eq!(error.status, Status::Io, "{error}");
    assert!(error.message.contains("space"), "{error}");
    assert_eq!((names, content.unwrap()), (vec!["movie.mov".to_owned()], "the old one".to_owned()));
}

#[test]
#[cfg(unix)]
fn links_are_followed_permissions_kept_and_devices_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("kinds");
    let site = site(false, |request| {
        request
            .target()
            .starts_with("GET")
            .then(|| Answer::Http(200, vec![], b"MOVIE".to_vec()))
    });
    let (target, link, fifo) = (folder.file("target.mov", "old"), folder.0.join("link.mov"), folder.0.join("pipe"));
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    call(&site, "download_attachment", json!([9, link])).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "MOVIE");
    assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo.as_path(), Path::new("/dev/null")] {
        let error = call(&site, "download_attachment", json!([9, path])).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument, "{error}");
    }
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o444)).unwrap();
    let error = call(&site, "download_attachment", json!([9, target])).unwrap_err();
    assert_eq!(error.status, Status::Io, "{error}");
    assert!(error.message.contains("write-protected"), "{error}");
    assert_eq!(folder.names(), ["link.mov", "pipe", "target.mov"]);
}

#[test]
fn what_comes_in_place_of_a_file_is_not_saved_as_one() {
    let folder = Folder::new("in-place");
    let http = |headers: &[(&'static str, &str)], body: &str| {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Answer::Http(200, headers, body.as_bytes().to_vec())
    };
    let html = ("content-type", "text/html; charset=utf-8");
    let json = ("content-type", "application/json");
    let tag = ("etag", "\"1\"");
    let named = ("content-disposition", "attachment; filename=a");
    let packed = ("content-encoding", "gzip");
    for (headers, body, attachment, is_file) in [
        (vec![html], "<html>", json!(9), false),
        // The page of a portal is a file of its own server.
        (vec![html, tag], "<html>", json!(9), false),
        (vec![html, named], "<html>", json!(9), true),
        (
            vec![html],
            "<html>",
            json!({"type": "Attachment", "id": 9, "name": "report.HTML"}),
            true,
        ),
        (
            vec![html],
            "<html>",
            json!({"type": "Attachment", "id": 9, "content_type": "text/html"}),
            true,
        ),
        (vec![html], "<html>", json!({"url": "/wiki/page", "link_type": "web"}), true),
        (vec![json], "{}", json!(9), false),
        (vec![json, tag], "{}", json!(9), true),
        (vec![], "", json!(9), false),
        (vec![tag], "", json!(9), true),
        (vec![packed, tag], "\u{1f}", json!(9), false),
        (vec![packed, tag, ("content-type", "application/x-gzip")], "\u{1f}", json!(9), true),
        (vec![("content-type", "video/quicktime")], "MOVIE", json!(9), true),
    ] {
        let label = format!("{headers:?} {attachment}");
        let answer = http(&headers, body);
        let site = site(false, move |request| request.target().starts_with("GET ").then(|| answer.clone()));
        let target = folder.0.join("x.mov");
        for params in [json!([attachment, target]), json!([attachment])] {
            match call(&site, "download_attachment", params) {
                Ok(_) => assert!(is_file, "{label}"),
                Err(error) => {
                    assert!(!is_file, "{label}: {error}");
                    assert_eq!((error.status, error.http_status), (Status::Protocol, Some(200)), "{label}");
                }
            }
        }
        assert_eq!(target.exists(), is_file, "{label}");
        let _ = std::fs::remove_file(target);
    }
    assert!(folder.names().is_empty());
}
