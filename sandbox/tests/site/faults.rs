//! Faults on demand.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, fields, project, site};
use super::data_files::Scratch;
use super::raw::{Answer, connect, control, post, read_answer, send};

const INFO: &[u8] = br#"{"method_name": "info", "params": []}"#;

fn with(fault: Value) -> Sandbox {
    let site = site();
    site.add_faults(&fault.to_string()).unwrap();
    site
}

fn info(site: &Sandbox) -> Answer {
    post(&mut connect(site), "", INFO)
}

/// A call that makes a shot, as bytes.
fn creation(site: &Sandbox, code: &str) -> Vec<u8> {
    let script = site.script();
    let auth = json!({"script_name": script.name, "script_key": script.api_key});
    let create = json!({"type": "Shot", "fields": fields(&json!({"code": code, "project": project(1)}))});
    json!({"method_name": "create", "params": [auth, create]}).to_string().into_bytes()
}

/// Shots of this code, asked for while no fault is in the way.
fn shots(site: &Sandbox, code: &str) -> usize {
    site.clear_faults();
    let named = json!([condition("code", "is", json!([code]))]);
    Client::admin(site).ids("Shot", named).unwrap().len()
}

/// What comes until the connection ends, and how it ends.
fn rest(stream: &mut TcpStream) -> (Vec<u8>, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map(|_| ());
    (bytes, ended)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_status_comes_as_often_as_was_asked_and_the_connection_stays() {
    let site = with(json!({"kind": "status", "status": 429, "retry_after": 7, "times": 2}));
    let mut stream = connect(&site);
    for _ in 0..2 {
        let answer = post(&mut stream, "", INFO);
        assert_eq!(answer.status, 429);
        assert!(answer.headers.contains("retry-after: 7\r\n"), "{}", answer.headers);
    }
    assert_eq!(post(&mut stream, "", INFO).status, 200);
    let installed = site.faults();
    assert_eq!((installed[0].matched, installed[0].applied), (3, 2));
}

#[test]
fn every_status_can_be_had() {
    let site = site();
    for status in [302, 400, 403, 404, 413, 500, 502, 503, 504] {
        site.clear_faults();
        site.add_faults(&json!({"kind": "status", "status": status}).to_string()).unwrap();
        let answer = info(&site);
        assert_eq!(answer.status, status);
        assert!(answer.headers.contains("content-type: text/html"), "{}", answer.headers);
        assert!(text(&answer.body).contains(&format!("<h1>{status} ")));
        assert_eq!(answer.headers.contains("location: /saml/saml_login_request\r\n"), status == 302);
    }
    let own = json!({"kind": "status", "status": 503, "body": "{}", "content_type": "application/json", "headers": {"X-Why": "test"}});
    let answer = info(&with(own));
    assert_eq!((answer.status, &answer.body[..]), (503, &b"{}"[..]));
    assert!(answer.headers.contains("x-why: test\r\n") && answer.headers.contains("content-type: application/json\r\n"));
}

#[test]
fn a_status_can_come_before_the_call_is_carried_out_or_after() {
    for (applied, made) in [(false, 0), (true, 1)] {
        let site = with(json!({"kind": "status", "status": 504, "method": "create", "applied": applied}));
        assert_eq!(post(&mut connect(&site), "", &creation(&site, "FATE")).status, 504);
        assert_eq!(shots(&site, "FATE"), made);
    }
}

#[test]
fn an_exception_is_answered_as_the_sites_own() {
    let site = with(json!({"kind": "exception", "code": 107, "message": "Not today.", "method": ["read", "summarize"]}));
    let refusal = Client::admin(&site).ids("Shot", json!([])).unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (107, "Not today."));
    assert_eq!(info(&site).status, 200);
    site.clear_faults();
    site.add_faults(r#"{"kind": "exception", "code": 103, "message": "No.", "endpoint": "upload"}"#)
        .unwrap();
    let mut stream = connect(&site);
    send(&mut stream, "POST /upload/share_thumbnail", "", b"entity_type=Shot");
    assert_eq!(text(&read_answer(&mut stream).body), "0:No.\n");
}

#[test]
fn a_connection_can_be_closed_before_or_after_the_call_is_carried_out() {
    for (applied, made) in [(false, 0), (true, 1)] {
        let site = with(json!({"kind": "drop", "applied": applied}));
        let mut stream = connect(&site);
        send(&mut stream, "POST /api3/json", "", &creation(&site, "CLOSED"));
        let (bytes, ended) = rest(&mut stream);
        assert_eq!((bytes.len(), ended.is_ok()), (0, true), "{ended:?}");
        assert_eq!(site.requests()[0].status, None);
        assert_eq!(shots(&site, "CLOSED"), made);
    }
}

#[test]
fn a_connection_can_be_reset() {
    for (applied, made) in [(false, 0), (true, 1)] {
        let site = with(json!({"kind": "drop", "applied": applied, "reset": true}));
        let mut stream = connect(&site);
        send(&mut stream, "POST /api3/json", "", &creation(&site, "RESET"));
        let (bytes, ended) = rest(&mut stream);
        assert_eq!(bytes.len(), 0);
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(shots(&site, "RESET"), made);
    }
}

#[test]
fn an_answer_can_be_cut_short() {
    let whole = info(&site()).body.len();
    for (fault, sent) in [
        (json!({"kind": "truncate"}), whole / 2),
        (json!({"kind": "truncate", "keep": 5}), 5),
        (json!({"kind": "truncate", "keep": 1_000_000}), whole - 1),
    ] {
        let site = with(fault);
        let mut stream = connect(&site);
        send(&mut stream, "POST /api3/json", "", INFO);
        let (bytes, ended) = rest(&mut stream);
        assert!(ended.is_ok());
        let text = text(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains(&format!("content-length: {whole}")),
            "{head}"
        );
        assert_eq!(body.len(), sent);
    }
    let site = with(json!({"kind": "truncate", "reset": true, "keep": 0}));
    let mut stream = connect(&site);
    send(&mut stream, "POST /api3/json", "", INFO);
    assert_eq!(rest(&mut stream).1.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_length_can_be_a_lie() {
    let whole = info(&site()).body.len();
    for by in [-3_i64, 20] {
        let site = with(json!({"kind": "content_length", "by": by}));
        let mut stream = connect(&site);
        send(&mut stream, "POST /api3/json", "", INFO);
        let text = text(&rest(&mut stream).0);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", whole as i64 + by)), "{head}");
        assert_eq!(body.len(), whole, "all of the answer is sent");
    }
}

#[test]
fn answers_can_be_garbage() {
    let site = site();
    let of = |what: &str| {
        site.clear_faults();
        site.add_faults(&json!({"kind": "garbage", "as": what}).to_string()).unwrap();
        info(&site)
    };
    let html = of("html");
    assert!(html.status == 200 && html.headers.contains("content-type: text/html") && text(&html.body).contains("We will be back"));
    let empty = of("empty");
    assert!(empty.status == 200 && empty.body.is_empty() && empty.headers.contains("application/json"));
    let gzip = of("broken_gzip");
    assert!(gzip.headers.contains("content-encoding: gzip\r\n") && gzip.body.starts_with(&[0x1f, 0x8b]));
    assert!(serde_json::from_slice::<Value>(&of("broken_json").body).is_err());
    assert!(of("wrong_json").json().is_array());
}

#[test]
fn answers_can_be_late() {
    for at in ["before_reading", "before_answering"] {
        let site = with(json!({"kind": "delay", "ms": 300, "at": at}));
        let started = Instant::now();
        assert_eq!(info(&site).status, 200);
        assert!(started.elapsed() >= Duration::from_millis(300), "{at}");
    }
    // Delays add up, and what comes after them comes late.
    let site = with(json!([{"kind": "delay", "ms": 150}, {"kind": "delay", "ms": 150}, {"kind": "status", "status": 503}]));
    let started = Instant::now();
    assert_eq!(info(&site).status, 503);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(site.requests()[0].faults, ["delay 150 ms", "delay 150 ms", "status 503"]);
}

#[test]
fn a_delay_in_the_body_comes_when_part_of_it_is_there() {
    let site = with(json!({"kind": "delay", "ms": 400, "at": "in_body"}));
    let whole = info_length(&site);
    let mut stream = connect(&site);
    send(&mut stream, "POST /api3/json", "", INFO);
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut first_body_at = None;
    let started = Instant::now();
    loop {
        let length = stream.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..length]);
        let text = text(&seen);
        let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        if body > 0 && first_body_at.is_none() {
            assert!(body < whole, "half of the body at first");
            first_body_at = Some(Instant::now());
        }
        if body == whole {
            break;
        }
    }
    assert!(first_body_at.unwrap().elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() >= Duration::from_millis(400));
    site.clear_faults();
    assert_eq!(post(&mut stream, "", INFO).status, 200, "the connection is good still");
}

fn info_length(site: &Sandbox) -> usize {
    let other = Sandbox::builder().start().unwrap();
    // Addresses in the answer are equally long, or there are none.
    assert_eq!(other.url().len(), site.url().len());
    info(&other).body.len()
}

#[test]
fn an_answer_can_trickle() {
    let site = with(json!({"kind": "trickle", "bytes": 50, "ms": 20, "method": "info"}));
    let pieces = info_length(&site).div_ceil(50) as u64;
    let started = Instant::now();
    let answer = info(&site);
    assert_eq!(answer.json()["api_max_entities_per_page"], 500);
    assert!(started.elapsed() >= Duration::from_millis(20 * (pieces - 1)));
}

#[test]
fn faults_are_for_the_requests_that_they_name() {
    let site = site();
    site.add_faults(
        &json!([
            {"kind": "exception", "code": 1, "script": "nightly"},
            {"kind": "exception", "code": 2, "login": "artist"},
            {"kind": "exception", "code": 3, "path": "/api3/json", "method": "schema_read"},
            {"kind": "status", "status": 507, "endpoint": "storage"},
        ])
        .to_string(),
    )
    .unwrap();
    let admin = Client::admin(&site);
    assert!(admin.ids("Shot", json!([])).is_ok());
    assert_eq!(admin.call("schema_read", json!({})).unwrap_err().code, 3);
    let artist = Client::person(&site, "artist");
    assert_eq!(artist.ids("Shot", json!([])).unwrap_err().code, 2);
    assert!(Client::person(&site, "manager").ids("Shot", json!([])).is_ok());
    let nightly = Client::new(site.url(), json!({"script_name": "nightly", "script_key": "x"}));
    assert_eq!(nightly.ids("Shot", json!([])).unwrap_err().code, 1);
    let mut stream = connect(&site);
    send(&mut stream, "PUT /storage/abc", "", b"bytes");
    assert_eq!(read_answer(&mut stream).status, 507);
    // A session belongs to somebody, too.
    site.clear_faults();
    let session = artist.call("get_session_token", json!(null)).unwrap();
    site.add_faults(r#"{"kind": "exception", "code": 2, "login": "artist"}"#).unwrap();
    let session = Client::new(site.url(), json!({"session_token": session["session_id"]}));
    assert_eq!(session.ids("Shot", json!([])).unwrap_err().code, 2);
    // A form names its sender, in either encoding.
    let mut stream = connect(&site);
    let form = b"user_login=artist&user_password=artist-pass-1&entity_type=Shot&entity_id=1&source_entity_type=Shot&source_entity_id=2";
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    send(&mut stream, "POST /upload/share_thumbnail", kind, form);
    assert_eq!(text(&read_answer(&mut stream).body), "0:\n");
    let parts = b"--b\r\nContent-Disposition: form-data; name=\"user_login\"\r\n\r\nartist\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--b--\r\n";
    send(
        &mut stream,
        "POST /upload/upload_file",
        "Content-Type: multipart/form-data; boundary=b\r\n",
        parts,
    );
    assert_eq!(text(&read_answer(&mut stream).body), "0:\n");
}

#[test]
fn faults_are_tried_in_order_and_not_used_up_by_what_another_decided() {
    let site = with(json!([
        {"kind": "status", "status": 503, "times": 1},
        {"kind": "status", "status": 429, "times": 1},
        {"kind": "status", "status": 500, "from": 4, "times": 1},
    ]));
    let statuses: Vec<u16> = (0..5).map(|_| info(&site).status).collect();
    assert_eq!(statuses, [503, 429, 200, 500, 200]);
}

#[test]
fn chance_is_the_same_each_time() {
    let statuses = |seed: u64| -> Vec<u16> {
        let site = with(json!({"kind": "status", "status": 503, "probability": 0.5, "seed": seed}));
        let mut stream = connect(&site);
        (0..40).map(|_| post(&mut stream, "", INFO).status).collect()
    };
    let first = statuses(7);
    assert_eq!(first, statuses(7));
    assert_ne!(first, statuses(8));
    let hit = first.iter().filter(|status| **status == 503).count();
    assert!((8..32).contains(&hit), "{hit} of 40");
}

#[test]
fn storage_refuses_in_xml_and_the_next_attempt_is_whole() {
    let site = with(json!([
        {"kind": "status", "status": 503, "endpoint": "storage", "times": 1},
        {"kind": "status", "status": 403, "endpoint": "storage", "times": 1},
    ]));
    let script = site.script();
    let form = format!(
        "upload_type=Attachment&filename=a.mov&multipart_upload=False&script_name={}&script_key={}",
        script.name, script.api_key
    );
    let mut stream = connect(&site);
    send(&mut stream, "POST /upload/api_get_upload_link_info", "", form.as_bytes());
    let info = text(&read_answer(&mut stream).body);
    let url = info.lines().nth(1).unwrap().strip_prefix(site.url()).unwrap();
    let mut put = || {
        send(&mut stream, &format!("PUT {url}"), "", &vec![b'x'; 100_000]);
        read_answer(&mut stream)
    };
    let slow_down = put();
    assert_eq!(slow_down.status, 503);
    assert!(text(&slow_down.body).contains("<Code>SlowDown</Code>"));
    assert!(slow_down.headers.contains("content-type: application/xml"));
    let denied = put();
    assert!(denied.status == 403 && text(&denied.body).contains("<Code>AccessDenied</Code>"));
    assert_eq!(put().status, 200);
}

#[test]
fn the_control_endpoint_installs_lists_and_takes_away() {
    let site = site();
    let fault = r#"[{"kind": "status", "status": 503, "method": "info", "name": "busy"}, {"kind": "delay", "ms": 1}]"#;
    let installed = control(&site, "POST /sandbox/faults", fault);
    assert_eq!((installed.status, installed.json()), (201, json!({"ids": [1, 2]})));
    assert_eq!(info(&site).status, 503);
    let listed = control(&site, "GET /sandbox/faults", "").json();
    assert_eq!(listed["faults"][0]["fault"]["name"], "busy");
    assert_eq!(
        (&listed["faults"][0]["applied"], &listed["faults"][1]["applied"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(site.requests().len(), 1, "controls are not noted");
    assert_eq!(site.requests()[0].faults, ["busy", "delay 1 ms"]);
    assert_eq!(control(&site, "DELETE /sandbox/faults/1", "").status, 204);
    assert_eq!(control(&site, "DELETE /sandbox/faults/1", "").status, 404);
    assert_eq!(info(&site).status, 200);
    assert_eq!(control(&site, "DELETE /sandbox/faults", "").status, 204);
    assert!(site.faults().is_empty());
}

#[test]
fn a_web_page_can_not_reach_the_controls() {
    let site = site();
    let ask = |line: &str, headers: &str| {
        let mut stream = connect(&site);
        send(&mut stream, line, headers, br#"{"kind": "drop"}"#);
        read_answer(&mut stream)
    };
    let json = "Content-Type: application/json\r\n";
    let mark = "X-Sandbox-Control: 1\r\n";
    assert_eq!(ask("POST /sandbox/faults", json).status, 403);
    assert_eq!(ask("GET /sandbox/requests", "").status, 403);
    assert_eq!(ask("DELETE /sandbox/faults", json).status, 403);
    let plain = ask("POST /sandbox/faults", &format!("Content-Type: text/plain\r\n{mark}"));
    assert_eq!(plain.status, 415);
    assert!(plain.json()["error"].as_str().unwrap().contains("application/json"));
    assert!(site.faults().is_empty());
    // A name of somebody else's that was made to mean this machine.
    let mut stream = connect(&site);
    stream
        .write_all(format!("GET /sandbox/requests HTTP/1.1\r\nHost: evil.example:80\r\n{mark}\r\n").as_bytes())
        .unwrap();
    assert_eq!(read_answer(&mut stream).status, 403);
    assert_eq!(ask("POST /sandbox/faults", &format!("{json}{mark}")).status, 201);
}

#[test]
fn a_bad_description_is_told_and_nothing_is_installed() {
    let site = site();
    let good = r#"{"kind": "drop"}"#;
    for (bad, expected) in [
        ("{", "no valid JSON: EOF while parsing an object at line 1 column 1"),
        ("5", "faults[0]: a fault is an object such as"),
        (
            "{}",
            "faults[0]: 'kind' is missing; it is one of delay, trickle, status, exception, drop, truncate, garbage, content_length",
        ),
        (
            r#"{"kind": "delai"}"#,
            "faults[0]: 'kind' can't be \"delai\"; it is one of delay, trickle",
        ),
        (
            r#"{"kind": "delay"}"#,
            "faults[0]: 'ms' is missing; it is a whole number from 0 to 600000",
        ),
        (
            r#"{"kind": "delay", "ms": -1}"#,
            "'ms' can't be -1; it is a whole number from 0 to 600000",
        ),
        (
            r#"{"kind": "delay", "ms": 1, "at": "noon"}"#,
            "'at' can't be \"noon\"; it is one of before_reading, before_answering, in_body",
        ),
        (
            r#"{"kind": "status", "status": 99}"#,
            "'status' can't be 99; it is a whole number from 200 to 599",
        ),
        (
            r#"{"kind": "status", "status": 503, "retry": 1}"#,
            "unknown key 'retry'; it is one of kind, status, headers, retry_after",
        ),
        (
            r#"{"kind": "status", "status": 503, "headers": {"Content-Length": "1"}}"#,
            "'headers' can't be",
        ),
        (
            r#"{"kind": "status", "status": 302, "location": "a\nb"}"#,
            "'location' can't be \"a\\nb\"; it is a text that can stand in a header",
        ),
        (
            r#"{"kind": "garbage", "as": "soup"}"#,
            "'as' can't be \"soup\"; it is one of html, empty, broken_gzip, broken_json, wrong_json",
        ),
        (r#"{"kind": "content_length", "by": 0}"#, "'by' can't be 0; it is a whole number"),
        (
            r#"{"kind": "drop", "reset": "yes"}"#,
            "'reset' can't be \"yes\"; it is true or false",
        ),
        (
            r#"{"kind": "drop", "times": 0}"#,
            "'times' can't be 0; it is a whole number from 1 on",
        ),
        (
            r#"{"kind": "drop", "probability": 2}"#,
            "'probability' can't be 2; it is a number from 0 to 1",
        ),
        (
            r#"{"kind": "drop", "method": []}"#,
            "'method' can't be []; it is a text or a list of texts",
        ),
        (
            r#"{"kind": "drop", "endpoint": "rpc"}"#,
            "'endpoint' can't be \"rpc\"; it is one of api, upload, storage, download, internal, other",
        ),
        (r#"{"faults": [], "more": 1}"#, "unknown key 'more' beside 'faults'"),
    ] {
        let message = site.add_faults(bad).unwrap_err().to_string();
        assert!(message.contains(expected), "{bad}: {message}");
        let listed = control(&site, "POST /sandbox/faults", &format!("[{good}, {bad}]"));
        assert_eq!(listed.status, 400, "{bad}");
        assert!(site.faults().is_empty(), "{bad}");
    }
    let second = site.add_faults(&format!("[{good}, {{}}]")).unwrap_err().to_string();
    assert!(second.starts_with("faults[1]: 'kind' is missing"), "{second}");
}

#[test]
fn faults_can_stand_in_a_seed_and_be_given_at_the_start() {
    let seed = json!({
        "roles": [{"code": "api_admin", "display_name": "A", "entity_type": "ApiUser", "rules": []}],
        "entities": [{"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]}],
        "faults": [{"kind": "status", "status": 502, "times": 1}],
    });
    let site = Sandbox::builder()
        .seed_str(seed.to_string())
        .faults(r#"{"kind": "status", "status": 504, "times": 1}"#)
        .start()
        .unwrap();
    assert_eq!([info(&site).status, info(&site).status, info(&site).status], [502, 504, 200]);
    let message = Sandbox::builder().faults("{}").start().unwrap_err().to_string();
    assert!(message.starts_with("faults[0]: 'kind' is missing"), "{message}");
    let seed = r#"{"faults": [{"kind": "drop"}, {"kind": "fly"}]}"#;
    let message = Sandbox::builder().seed_str(seed).start().unwrap_err().to_string();
    assert!(message.starts_with("seed text: faults[1]: 'kind' can't be \"fly\""), "{message}");
    let scratch = Scratch::new("faults");
    let file = scratch.file("faults.json");
    std::fs::write(&file, "[{\"kind\": \"drop\", \"often\": 1}]").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_shotgrid-sandbox"))
        .args(["serve", "--faults", file.to_str().unwrap()])
        .output()
        .unwrap();
    let message = text(&output.stderr);
    assert!(message.contains("faults[0]: unknown key 'often'"), "{message}");
}
