//! HTTP and the envelope.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::client::{Client, site};
use super::raw::{connect, post, read_answer};

const INFO: &[u8] = br#"{"method_name": "info", "params": []}"#;

#[test]
fn info_needs_no_authentication_and_is_not_wrapped() {
    let site = site();
    let answer = post(&mut connect(&site), "", INFO);
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers.contains("content-type: application/json; charset=utf-8"),
        "{}",
        answer.headers
    );
    let info = answer.json();
    assert!(info.get("results").is_none());
    assert!(info["version"].as_array().unwrap()[0].as_i64().unwrap() >= 8);
    assert_eq!(info["full_version"].as_array().unwrap().len(), 4);
    assert_eq!(info["api_max_entities_per_page"], 500);
    assert_eq!(info["s3_direct_uploads_enabled"], false);
    assert_eq!(info["user_authentication_method"], "default");
}

#[test]
fn many_calls_use_one_connection_and_it_stays_open_while_idle() {
    let site = site();
    let mut stream = connect(&site);
    for _ in 0..20 {
        assert_eq!(post(&mut stream, "Connection: keep-alive\r\n", INFO).status, 200);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(post(&mut stream, "", INFO).status, 200);
}

#[test]
fn answers_are_gzipped_only_when_that_is_accepted() {
    let site = site();
    let script = site.script();
    let body = json!({"method_name": "schema_entity_read", "params": [{"script_name": script.name, "script_key": script.api_key}]});
    let plain = post(&mut connect(&site), "", body.to_string().as_bytes());
    assert!(!plain.headers.contains("content-encoding"));
    assert!(plain.json()["results"]["Shot"].is_object());
    let packed = post(
        &mut connect(&site),
        "Accept-Encoding: gzip, deflate\r\n",
        body.to_string().as_bytes(),
    );
    assert!(packed.headers.contains("content-encoding: gzip"), "{}", packed.headers);
    assert_eq!(&packed.body[..2], [0x1f, 0x8b]);
    assert!(packed.body.len() < plain.body.len());
}

#[test]
fn application_errors_are_http_200_with_an_exception() {
    let site = site();
    let body = br#"{"method_name": "read", "params": [{"script_name": "x", "script_key": "y"}]}"#;
    let answer = post(&mut connect(&site), "", body);
    assert_eq!(answer.status, 200);
    let expected = json!({"exception": true, "message": "Can't authenticate script 'x'", "error_code": 102});
    assert_eq!(answer.json(), expected);
}

#[test]
fn parameters_may_be_left_out() {
    let site = site();
    let admin = Client::admin(&site);
    let script = site.script();
    let auth = json!({"script_name": script.name, "script_key": script.api_key});
    assert!(admin.send("schema_entity_read", &json!([auth])).unwrap()["Shot"].is_object());
    assert_eq!(admin.send("batch", &json!([auth])).unwrap(), json!([]));
    let refusal = admin.send("read", &json!([auth])).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API read() invalid/missing string 'type': null")
    );
}

#[test]
fn unknown_methods_and_unknown_keys() {
    let site = site();
    let admin = Client::admin(&site);
    let refusal = admin.call("frobnicate", json!({})).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API method 'frobnicate' does not exist.")
    );
    let rows = admin.read(json!({"type": "Project", "api_return_image_urls": true, "surprise": [1, {"a": 2}]}));
    assert_eq!(rows.unwrap().len(), 3);
}

/// Broken bodies, and what each is answered: the status, and the code of the exception if it is one.
#[test]
fn broken_bodies_are_answered_and_do_no_harm() {
    let site = site();
    let deep = format!(
        "{{\"method_name\": \"read\", \"params\": {}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let cases: [(&[u8], u16, Option<i64>); 10] = [
        (b"", 200, Some(103)),
        (b"{", 200, Some(103)),
        (b"null", 200, Some(103)),
        (b"[1]", 200, Some(103)),
        (b"{\"params\": []}", 200, Some(103)),
        (b"{\"method_name\": 5}", 200, Some(103)),
        (b"{\"method_name\": \"read\", \"params\": {}}", 200, Some(103)),
        (b"{\"method_name\": \"read\", \"params\": [{}, {\"n\": NaN}]}", 200, Some(103)),
        (deep.as_bytes(), 200, Some(103)),
        (b"{\"method_name\": \"\xff\xfe\"}", 400, None),
    ];
    let mut stream = connect(&site);
    for (body, status, code) in cases {
        let answer = post(&mut stream, "", body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, status, "{shown}");
        if let Some(code) = code {
            assert_eq!(answer.json()["error_code"], code, "{shown}");
        }
        assert_eq!(post(&mut stream, "", INFO).status, 200, "after {shown}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let site = site();
    let body = vec![b' '; 33 * 1024 * 1024];
    assert_eq!(post(&mut connect(&site), "", &body).status, 413);
    assert_eq!(post(&mut connect(&site), "", INFO).status, 200);
}

#[test]
fn long_text_is_kept_whole() {
    let site = site();
    let admin = Client::admin(&site);
    let id = admin.new_shot("long");
    let text = "é".repeat(1_000_000);
    admin.update("Shot", id, json!({"description": text})).unwrap();
    assert_eq!(admin.get("Shot", id, json!(["description"]))["description"], text);
}

#[test]
fn other_paths_and_verbs_are_not_found_here() {
    let site = site();
    for (request, status) in [("GET /api3/json", 405), ("GET /nowhere", 404), ("POST /api3/xml", 404)] {
        let mut stream = connect(&site);
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!(read_answer(&mut stream).status, status, "{request}");
    }
}

#[test]
fn half_a_request_hurts_nobody() {
    let site = site();
    let mut stream = connect(&site);
    stream
        .write_all(b"POST /api3/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{\"method")
        .unwrap();
    drop(stream);
    assert_eq!(post(&mut connect(&site), "", INFO).status, 200);
}
