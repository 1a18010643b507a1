//! The log of requests, as an author of a client reads it.

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use super::client::{Client, site};
use super::raw::{connect, control, post, read_answer, send};

const INFO: &[u8] = br#"{"method_name": "info", "params": []}"#;

fn ask(site: &Sandbox, line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut stream = connect(site);
    send(&mut stream, line, headers, body);
    read_answer(&mut stream).body
}

#[test]
fn all_that_clients_send_is_noted_and_no_secret_with_it() {
    let site = site();
    let script = site.script().clone();
    post(&mut connect(&site), "User-Agent: my plug-in\r\n", INFO);
    let form = format!(
        "upload_type=Attachment&filename=a.mov&multipart_upload=False&script_name={}&script_key={}",
        script.name, script.api_key
    );
    let begun = String::from_utf8(ask(&site, "POST /upload/api_get_upload_link_info", "", form.as_bytes())).unwrap();
    let url = begun.lines().nth(1).unwrap().strip_prefix(site.url()).unwrap().to_owned();
    ask(&site, &format!("PUT {url}"), "", &[7; 70_000]);
    ask(
        &site,
        "GET /file_serve/attachment/5?signature=abcdef&viewer=HumanUser-7",
        "Cookie: _session_id=cookie-secret\r\n",
        b"",
    );
    ask(&site, "GET /api/v1/entity/shots", "", b"");
    ask(&site, "POST /internal_api/app_session_request/secret-request-id", "", b"");
    let log = site.requests();
    let paths: Vec<&str> = log.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths[0], "/api3/json");
    assert_eq!(paths[1], "/upload/api_get_upload_link_info");
    assert!(paths[2].starts_with("/storage/"));
    assert_eq!(
        &paths[3..],
        [
            "/file_serve/attachment/5",
            "/api/v1/entity/shots",
            "/internal_api/app_session_request/*******"
        ]
    );
    let statuses: Vec<u16> = log.iter().map(|request| request.status.unwrap()).collect();
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert_eq!(statuses[4], 404);
    assert_eq!((log[0].http_method.as_str(), log[0].user_agent.as_str()), ("POST", "my plug-in"));
    assert_eq!((log[0].bytes_in, log[2].bytes_in), (INFO.len() as u64, 70_000));
    assert_eq!(log[1].bytes_out, begun.len() as u64);
    assert_eq!((log[1].who.as_str(), log[3].who.as_str()), (script.name.as_str(), "HumanUser 7"));
    assert!(log[1].params.contains("\"filename\":\"a.mov\""), "{}", log[1].params);
    assert!(
        log[2].query.contains("signature=*******") && log[2].query.contains("expires="),
        "{}",
        log[2].query
    );
    let everything = format!(
        "{log:?} {}",
        String::from_utf8(control(&site, "GET /sandbox/requests", "").body).unwrap()
    );
    let signature = url.split("signature=").nth(1).unwrap();
    for secret in [script.api_key.as_str(), signature, "abcdef", "cookie-secret", "secret-request-id"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[test]
fn a_link_info_that_is_sent_back_is_masked() {
    let site = site();
    let info = "upload_link_info=1%0Ahttp%3A%2F%2Fh%2Fstorage%2Fx%3Fexpires%3D1%26signature%3Ddeadbeef%0A2024%0AAttachment%0AID%0A";
    ask(&site, "POST /upload/api_link_file", "", info.as_bytes());
    let record = site.requests().pop().unwrap();
    assert!(
        record.params.contains("signature=*******") && !record.params.contains("deadbeef"),
        "{}",
        record.params
    );
    assert_eq!(record.error_code, Some(102), "{record:?}");
}

#[test]
fn the_log_is_read_and_emptied_by_the_control_endpoint() {
    let site = site();
    let admin = Client::admin(&site);
    admin.ids("Shot", json!([])).unwrap();
    assert!(admin.ids("Blob", json!([])).is_err());
    let log = control(&site, "GET /sandbox/requests", "").json();
    assert_eq!(log["answered"], 2);
    assert_eq!(log["requests"].as_array().unwrap().len(), 2);
    let refused = &log["requests"][1];
    assert_eq!(
        (&refused["number"], &refused["error_code"], &refused["who"]),
        (&json!(2), &json!(103), &json!("pipeline_admin"))
    );
    assert_eq!(refused["params"][0]["script_key"], "*******");
    assert_eq!(refused["params"][1]["type"], "Blob");
    assert!(refused["ms"].as_f64().unwrap() > 0.0 && refused["bytes_out"].as_u64().unwrap() > 20);
    let later = control(&site, "GET /sandbox/requests?after=1", "").json();
    assert_eq!(later["requests"].as_array().unwrap().len(), 1);
    assert_eq!(control(&site, "GET /sandbox/requests?after=soon", "").status, 400);
    assert_eq!(control(&site, "DELETE /sandbox/requests", "").status, 204);
    assert!(site.requests().is_empty());
    assert_eq!(site.request_count(), 2);
}

#[test]
fn the_log_has_an_end() {
    let site = site();
    let mut stream = connect(&site);
    let long = format!("GET /{}?{} ", "p".repeat(5_000), "q".repeat(5_000));
    send(&mut stream, long.trim_end(), &format!("User-Agent: {}\r\n", "u".repeat(5_000)), b"");
    read_answer(&mut stream);
    let record = site.requests().pop().unwrap();
    assert!(record.path.len() < 2_100 && record.query.len() < 2_100 && record.user_agent.len() < 2_100);
    // Parameters are remembered up to a size, and together up to another.
    let call = |length: usize| format!("{{\"method_name\": \"info\", \"params\": [\"{}\"]}}", "x".repeat(length));
    post(&mut stream, "", call(300_000).as_bytes());
    assert_eq!(site.requests().pop().unwrap().params, "");
    for _ in 0..90 {
        post(&mut stream, "", call(200_000).as_bytes());
    }
    let kept: usize = site.requests().iter().map(|record| record.params.len()).sum();
    assert!(kept <= 16 * 1024 * 1024 && kept > 15 * 1024 * 1024, "{kept}");
    for _ in 0..1_010 {
        post(&mut stream, "", INFO);
    }
    assert_eq!(site.requests().len(), 1_000);
}
