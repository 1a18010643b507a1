//! Recordings: what was recorded with a site is replayed without one, and no secret is in the file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "../support/fake_site.rs"]
mod fake_site;
#[path = "../support/tools.rs"]
mod tools;

mod by_hand;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fake_site::{Answer, FakeSite};
use serde_json::{Value, json};
use shotgrid::client::signin::SignIn;
use shotgrid::client::{Client, Credentials, Error, Options, Pages, Replay, Secret, Status};
use shotgrid_sandbox::Sandbox;
use tools::{Folder, run};

fn key(name: &str, key: &str) -> Credentials {
    Credentials::Script {
        name: name.into(),
        api_key: Secret::new(key),
    }
}

fn person(login: &str, password: &str) -> Credentials {
    Credentials::Person {
        login: login.into(),
        password: Secret::new(password),
    }
}

fn script_of(site: &Sandbox) -> Credentials {
    key(&site.script().name, &site.script().api_key)
}

fn recording(path: &Path) -> Options {
    Options {
        record: Some(path.into()),
        no_proxy: true,
        ..Options::default()
    }
}

fn replaying(replay: &Replay) -> Options {
    Options {
        replay: Some(replay.clone()),
        ..Options::default()
    }
}

/// Somebody without a name and without a key, who asks a site that is none.
async fn nobody(path: &Path) -> Client {
    Client::connect("", key("", ""), replaying(&Replay::new(path))).await.unwrap()
}

async fn call(client: &Client, method: &str, params: Value) -> Result<Value, Error> {
    let result = client.call(method, &params.to_string()).await?;
    Ok(serde_json::from_str(result.json()).unwrap())
}

/// What a call came to, with all of an error that a host may look at.
fn told(outcome: Result<Value, Error>) -> String {
    match outcome {
        Ok(value) => value.to_string(),
        Err(error) => format!("{:?}", *error),
    }
}

/// All that a plug-in does, told.
async fn story(script: &Client, artist: &Client, folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let project = call(script, "find_one", json!(["Project", []])).await.unwrap();
    let made = call(
        script,
        "create",
        json!(["Shot", {"code": "REC_010", "project": project, "description": "ünï\n\"code\""}]),
    )
    .await
    .unwrap();
    let (shot, id) = (json!({"type": "Shot", "id": made["id"]}), made["id"].clone());
    lines.push(made.to_string());
    let version = call(script, "create", json!(["Version", {"code": "rec", "project": project}]))
        .await
        .unwrap()["id"]
        .clone();
    let movie = folder.join("movie.mov");
    let frame = folder.join("frame.png");
    let upload = call(script, "upload", json!(["Version", version, movie, "sg_uploaded_movie"])).await;
    let attachment = upload.as_ref().unwrap().clone();
    lines.push(told(upload));
    for (method, params) in [
        ("update", json!(["Shot", id, {"sg_status_list": "ip"}])),
        (
            "find",
            json!(["Shot", [["code", "starts_with", "REC"]], ["code", "sg_status_list", "image"]]),
        ),
        (
            "find",
            json!({"entity_type": "Shot", "filters": [], "fields": ["code"], "limit": 7}),
        ),
        ("summarize", json!(["Task", [], [{"field": "id", "type": "count"}]])),
        (
            "batch",
            json!([[
                {"request_type": "update", "entity_type": "Shot", "entity_id": id, "data": {"sg_cut_in": 1001}},
                {"request_type": "create", "entity_type": "Task", "data": {"content": "comp", "entity": shot, "project": project}},
            ]]),
        ),
        ("schema_entity_read", json!([])),
        ("schema_field_read", json!(["Shot", "sg_status_list"])),
        ("text_search", json!(["rec", {"Shot": []}])),
        ("activity_stream_read", json!(["Shot", id])),
        ("follow", json!([{"type": "HumanUser", "id": 1}, shot])),
        ("followers", json!([shot])),
        ("preferences_read", json!([])),
        ("work_schedule_read", json!(["2026-12-21", "2026-12-24"])),
        (
            "permission_check",
            json!({"operation": "update", "entity_type": "Shot", "entity_id": id, "fields": ["code"]}),
        ),
        ("upload_thumbnail", json!(["Version", version, frame])),
        ("download_attachment", json!([attachment, folder.join("back.mov")])),
        ("download_attachment", json!([attachment])),
        ("download_attachment", json!([987_654])),
        ("update", json!(["Shot", id, {"no_such_field": 1}])),
        ("delete", json!(["Shot", id])),
        ("find_one", json!(["Shot", [["id", "is", id]]])),
        ("revive", json!(["Shot", id])),
    ] {
        lines.push(format!("{method}: {}", told(call(script, method, params).await)));
    }
    lines.push(told(call(artist, "delete", json!(["Shot", id])).await));
    lines.push(told(
        call(
            artist,
            "permission_check",
            json!({"operation": "delete", "entity_type": "Shot", "entity_id": id}),
        )
        .await,
    ));
    lines.push(told(call(script, "delete", json!(["Shot", id])).await));
    lines.push(told(
        call(artist, "upload", json!(["Version", version, movie, "sg_uploaded_movie"])).await,
    ));
    assert!(call(artist, "get_session_token", json!([])).await.unwrap().is_string());
    let mut pages = Pages::open(script, r#"{"entity_type": "Task", "filters": [], "fields": ["content"]}"#)
        .await
        .unwrap();
    while let Some(page) = pages.next().await.unwrap() {
        lines.push(page.json().to_owned());
    }
    lines
}

fn is_whole(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn round_trip(name: &str, direct: bool) {
    let folder = Folder::new(name);
    folder.file("movie.mov", (0..=255).cycle().take(70_000).collect::<Vec<u8>>());
    folder.file("frame.png", include_bytes!("../../docs/pictures/sandbox-requests.png"));
    let path = folder.0.join("session.rec");
    let site = Sandbox::builder().direct_uploads(direct).start().unwrap();
    let someone = site.person("artist").unwrap();
    let (login, password) = (someone.login.clone(), someone.password.clone());
    let recorded = run(async {
        let script = Client::connect(site.url(), script_of(&site), recording(&path)).await.unwrap();
        let artist = Client::connect(site.url(), person(&login, &password), recording(&path))
            .await
            .unwrap();
        story(&script, &artist, &folder.0).await
    });
    let back = std::fs::read(folder.0.join("back.mov")).unwrap();
    std::fs::remove_file(folder.0.join("back.mov")).unwrap();
    let secrets = [site.script().api_key.clone(), password];
    drop(site);
    let lines = is_whole(&path);
    let text = std::fs::read_to_string(&path).unwrap();
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "a secret is in the recording");
    }
    assert!(text.contains("secret-removed"), "the session's token was in a reply");
    assert!(
        !lines
            .iter()
            .any(|line| line["given_up"] == true && line["request"]["call"] == "create")
    );
    let replayed = run(async {
        let replay = Replay::new(&path);
        let script = Client::connect("https://elsewhere.example.com", key("pipeline", "other"), replaying(&replay))
            .await
            .unwrap();
        let artist = Client::connect("", person(&login, ""), replaying(&replay)).await.unwrap();
        story(&script, &artist, &folder.0).await
    });
    assert_eq!(recorded.len(), replayed.len());
    for (recorded, replayed) in recorded.iter().zip(&replayed) {
        assert_eq!(recorded, replayed);
    }
    assert!(std::fs::read(folder.0.join("back.mov")).unwrap() == back);
}

#[test]
fn a_session_is_replayed_without_its_site() {
    round_trip("recordings-form", false);
}

#[test]
fn a_session_with_a_storage_is_replayed_without_its_site() {
    round_trip("recordings-direct", true);
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone_and_never_somebody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("recordings-file");
    let path = folder.0.join("new.rec");
    let site = FakeSite::new(|_| Answer::json("{}"));
    let connect = |path: PathBuf| run(Client::connect(&site.url, key("s", "k"), recording(&path)));
    drop(connect(path.clone()).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = is_whole(&path).len();
    connect(path.clone()).unwrap();
    let lines = is_whole(&path);
    assert!(lines.len() > before, "this process goes on with what it began");
    assert_eq!(lines.iter().filter(|line| line.get("site").is_some()).count(), 2);
    std::fs::write(&path, "mine").unwrap();
    for (path, what) in [
        (path.clone(), "is there already"),
        (folder.file("other", "mine"), "is there already"),
        (folder.0.join("no/such/folder"), "cannot be written"),
    ] {
        let error = connect(path.clone()).unwrap_err();
        assert_eq!(error.status, Status::Io, "{error}");
        assert!(error.message.contains(what), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[test]
fn faults_come_back_as_they_were_and_at_once() {
    let folder = Folder::new("recordings-faults");
    let path = folder.0.join("faults.rec");
    let site = FakeSite::new(|request| match (request.wire_method().as_str(), &request.params()["type"]) {
        ("create", kind) if kind == "Shot" => Answer::Close,
        ("create", _) => Answer::Http(503, vec![("retry-after", "3".into())], b"maintenance".to_vec()),
        ("update", _) => Answer::Stall(Duration::from_secs(20)),
        ("delete", _) => Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"results\":".to_vec()),
        ("revive", _) => Answer::Raw(b"not HTTP at all\r\n\r\n".to_vec()),
        _ => Answer::json(r#"{"results":{"entities":[]}}"#),
    });
    let calls = || {
        [
            ("create", json!(["Shot", {"code": "x"}])),
            ("create", json!(["Asset", {"code": "x"}])),
            ("update", json!(["Shot", 1, {"code": "x"}])),
            ("delete", json!(["Shot", 1])),
            ("revive", json!(["Shot", 1])),
        ]
    };
    let outcomes = async |client: Client| {
        let mut outcomes = Vec::new();
        for (method, params) in calls() {
            outcomes.push(told(call(&client, method, params).await));
        }
        outcomes
    };
    let options = Options {
        timeout: Some(Duration::from_secs(2)),
        ..recording(&path)
    };
    let recorded = run(async { outcomes(Client::connect(&site.url, key("s", "k"), options).await.unwrap()).await });
    drop(site);
    let start = Instant::now();
    let replayed = run(async { outcomes(nobody(&path).await).await });
    assert!(start.elapsed() < Duration::from_secs(2), "nothing is waited for");
    assert_eq!(recorded, replayed);
    let all = recorded.join("\n");
    for part in [
        "NetworkReset",
        "TimeoutTotal",
        "Unavailable",
        "Protocol",
        "may_have_applied: true",
        "retry_after_ms: Some(3000)",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn a_read_that_was_tried_again_is_tried_again() {
    let folder = Folder::new("recordings-retries");
    let path = folder.0.join("retries.rec");
    let site = Sandbox::builder().start().unwrap();
    let (recorded, requests) = run(async {
        let client = Client::connect(site.url(), script_of(&site), recording(&path)).await.unwrap();
        let fault = r#"{"kind": "status", "status": 503, "retry_after": 1, "endpoint": "api", "times": 2}"#;
        site.add_faults(fault).unwrap();
        let outcome = told(call(&client, "schema_entity_read", json!([])).await);
        (outcome, client.stats().requests)
    });
    drop(site);
    let (replayed, again) = run(async {
        let client = nobody(&path).await;
        let outcome = told(call(&client, "schema_entity_read", json!([])).await);
        (outcome, client.stats().requests)
    });
    assert_eq!((&recorded, requests), (&replayed, again));
    assert_eq!(requests, 5, "two to connect, and three attempts: {recorded}");
}

#[test]
fn a_reply_that_is_too_large_is_told_when_it_is_asked_for() {
    let folder = Folder::new("recordings-large");
    let path = folder.0.join("large.rec");
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(fake_site::INFO),
        "" => Answer::Http(200, vec![("etag", "\"1\"".into())], vec![7; 9 << 20]),
        _ => Answer::json(r#"{"results":{"session_id":"t0"}}"#),
    });
    let target = folder.0.join("large");
    run(async {
        let client = Client::connect(&site.url, person("p", "w"), recording(&path)).await.unwrap();
        call(&client, "download_attachment", json!([12, target])).await.unwrap();
    });
    let omitted = is_whole(&path)
        .into_iter()
        .find_map(|line| line.pointer("/reply/omitted").cloned())
        .unwrap();
    assert_eq!(omitted["bytes"], 9 << 20);
    assert_eq!(omitted["sha256"].as_str().unwrap().len(), 64);
    run(async {
        let client = nobody(&path).await;
        let error = call(&client, "download_attachment", json!([12, target])).await.unwrap_err();
        assert_eq!(error.status, Status::Recording);
        assert!(error.message.contains("too large to be kept (9437184 bytes)"), "{error}");
    });
}

#[test]
fn eight_at_once_are_each_answered_as_they_were() {
    let folder = Folder::new("recordings-crowd");
    let path = folder.0.join("crowd.rec");
    let site = Sandbox::builder().start().unwrap();
    let crowd = |client: Client| async move {
        let project = call(&client, "find_one", json!(["Project", []])).await.unwrap();
        let mut working = Vec::new();
        for worker in 0..8 {
            let (client, project) = (client.clone(), project.clone());
            working.push(tokio::spawn(async move {
                let mut lines = Vec::new();
                for round in 0..6 {
                    let code = format!("CROWD_{worker}_{round}");
                    let made = call(&client, "create", json!(["Shot", {"code": code, "project": project}])).await;
                    lines.push(told(made));
                    lines.push(told(call(&client, "find", json!(["Shot", [["code", "is", code]], ["code"]])).await));
                }
                lines
            }));
        }
        let mut all = Vec::new();
        for worker in working {
            all.push(worker.await.unwrap());
        }
        all
    };
    let recorded = run(async { crowd(Client::connect(site.url(), script_of(&site), recording(&path)).await.unwrap()).await });
    drop(site);
    assert!(is_whole(&path).len() > 96);
    let replayed = run(async { crowd(nobody(&path).await).await });
    assert_eq!(recorded, replayed);
    assert!(recorded[3][1].contains("CROWD_3_0"), "{}", recorded[3][1]);
}

#[test]
fn a_call_that_was_given_up_stays_without_an_answer() {
    let folder = Folder::new("recordings-given-up");
    let path = folder.0.join("given_up.rec");
    let site = FakeSite::new(|request| match request.wire_method().as_str() {
        "update" => Answer::Stall(Duration::from_secs(20)),
        _ => Answer::json("{}"),
    });
    let ask = async |client: Client| {
        let update = client.call("update", r#"["Shot", 1, {"code": "x"}]"#);
        tokio::time::timeout(Duration::from_millis(300), update).await.is_err()
    };
    assert!(run(async {
        ask(Client::connect(&site.url, key("s", "k"), recording(&path)).await.unwrap()).await
    }));
    drop(site);
    assert!(is_whole(&path).iter().any(|line| line["given_up"] == true));
    assert!(
        run(async { ask(nobody(&path).await).await }),
        "nobody knows what it would have been"
    );
}

const TOKEN: &str = "ToKeN-of-a-Session-99";
const REQUEST: &str = "17";

#[test]
fn a_sign_in_by_the_browser_is_replayed() {
    let folder = Folder::new("recordings-sign-in");
    for (name, approved) in [("approved", true), ("expired", false)] {
        let path = folder.0.join(name);
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let site = FakeSite::bare(move |request| match (request.target().as_str(), request.wire_method().as_str()) {
            ("POST /internal_api/app_session_request", _) => Answer::json(format!(
                r#"{{"sessionRequestId": {REQUEST}, "url": "http://127.0.0.1:1/app_session_request/{REQUEST}"}}"#
            )),
            ("PUT /internal_api/app_session_request/17", _) => match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 | 1 => Answer::json(r#"{"approved": false}"#),
                _ if approved => Answer::json(format!(r#"{{"approved": true, "sessionToken": "{TOKEN}", "userLogin": "anna"}}"#)),
                _ => Answer::status(404),
            },
            (_, "info") => Answer::json(r#"{"version":[8,60,0],"authentication_app_session_launcher_enabled":true}"#),
            _ => Answer::json(r#"{"results":{"entities":[]}}"#),
        });
        let sign_in = async |url: &str, options: Options| {
            let sign_in = SignIn::new(url, "Paint", "box", options).unwrap();
            sign_in.set_poll_interval(Duration::from_millis(100));
            sign_in.set_lifetime(Duration::from_millis(if approved { 60_000 } else { 200 }));
            sign_in.begin().await.unwrap();
            match sign_in.wait().await {
                Ok(_) => sign_in.login().unwrap().to_owned(),
                Err(error) => error.status.name().to_owned(),
            }
        };
        let recorded = run(sign_in(&site.url, recording(&path)));
        drop(site);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains(TOKEN) && text.contains("app_session_request/secret-removed"),
            "{text}"
        );
        let replayed = run(sign_in("", replaying(&Replay::new(&path))));
        assert_eq!(
            (recorded.as_str(), replayed.as_str()),
            if approved {
                ("anna", "anna")
            } else {
                ("AUTH_SIGN_IN_EXPIRED", "AUTH_SIGN_IN_EXPIRED")
            }
        );
    }
}
