//! The site's controls: sessions that end, sign-ins that are decided, data that are put back.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, project, site};
use super::data_files::Scratch;
use super::raw::{connect, control, read_answer, send};

fn status(site: &Sandbox, line: &str, body: &str) -> u16 {
    control(site, line, body).status
}

/// A request of a program for a session, and its id.
fn asked(site: &Sandbox) -> String {
    let mut stream = connect(site);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    send(
        &mut stream,
        "POST /internal_api/app_session_request",
        form,
        b"appName=Paint&machineId=box",
    );
    read_answer(&mut stream).json()["sessionRequestId"].as_str().unwrap().to_owned()
}

fn collected(site: &Sandbox, id: &str) -> (u16, Value) {
    let mut stream = connect(site);
    send(&mut stream, &format!("PUT /internal_api/app_session_request/{id}"), "", b"");
    let answer = read_answer(&mut stream);
    (answer.status, answer.json())
}

#[test]
fn sessions_end() {
    let site = site();
    let token = Client::person(&site, "artist").call("get_session_token", json!({})).unwrap();
    let client = Client::new(site.url(), json!({"session_token": token["session_id"], "reject_if_expired": true}));
    client.find("Shot", json!([]), json!(["code"])).unwrap();
    assert_eq!(status(&site, "POST /sandbox/sessions/expire", ""), 204);
    assert_eq!(client.find("Shot", json!([]), json!(["code"])).unwrap_err().code, 102);
    // Only in this way.
    assert_eq!(status(&site, "GET /sandbox/sessions/expire", ""), 405);
}

#[test]
fn sign_ins_are_listed_and_decided() {
    let site = site();
    let (first, second) = (asked(&site), asked(&site));
    let listed = control(&site, "GET /sandbox/sign_ins", "").json();
    let listed = listed["sign_ins"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let of_first = listed.iter().find(|request| request["id"] == first.as_str()).unwrap();
    assert_eq!(
        (&of_first["app_name"], &of_first["machine_id"], &of_first["approved"]),
        (&json!("Paint"), &json!("box"), &json!(false))
    );
    let approve = format!("POST /sandbox/sign_ins/{first}/approve");
    for (body, told) in [
        (r#"{"login": "nobody"}"#, "'nobody'"),
        ("", "login"),
        (r#"{"user": "artist"}"#, "login"),
    ] {
        let answer = control(&site, &approve, body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"].as_str().unwrap().contains(told), "{body}");
    }
    let artist = r#"{"login": "artist"}"#;
    assert_eq!(status(&site, &approve, artist), 204);
    assert_eq!(status(&site, &approve, artist), 409);
    assert_eq!(status(&site, &format!("POST /sandbox/sign_ins/{first}/reject"), ""), 409);
    let (code, session) = collected(&site, &first);
    assert_eq!((code, &session["userLogin"]), (200, &json!("artist")));
    assert_eq!(status(&site, &format!("POST /sandbox/sign_ins/{second}/reject"), ""), 204);
    assert_eq!(collected(&site, &second).0, 404);
    for gone in [&first, &second] {
        assert_eq!(status(&site, &format!("POST /sandbox/sign_ins/{gone}/approve"), artist), 404);
        assert_eq!(status(&site, &format!("POST /sandbox/sign_ins/{gone}/reject"), ""), 404);
    }
}

#[test]
fn the_data_are_put_back_as_they_were() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.find("Shot", json!([]), json!(["code", "description"])).unwrap();
    let last_event = admin.last_event();
    let schema = admin.call("schema_read", Value::Null).unwrap();
    let token = Client::person(&site, "artist").call("get_session_token", json!({})).unwrap();
    let of_session = Client::new(site.url(), json!({"session_token": token["session_id"]}));
    site.add_faults(r#"{"kind": "delay", "ms": 1}"#).unwrap();
    for round in 0..2 {
        let made = admin.new_shot(&format!("round {round}"));
        admin.update("Shot", 1, json!({"description": "changed"})).unwrap();
        admin.delete("Shot", 2).unwrap();
        let field = json!({"type": "Shot", "data_type": "text", "properties": [{"property_name": "name", "value": "Mine"}]});
        let name = admin.call("schema_field_create", field).unwrap();
        admin.update("Shot", made, json!({name.as_str().unwrap(): "a value"})).unwrap();
        let waiting = asked(&site);
        assert_eq!(status(&site, "POST /sandbox/reset", ""), 204);
        // The same key, row for row the same, and numbers begin where they began.
        assert_eq!(admin.find("Shot", json!([]), json!(["code", "description"])).unwrap(), before);
        assert_eq!(admin.last_event(), last_event);
        assert_eq!(admin.call("schema_read", Value::Null).unwrap(), schema);
        assert_eq!(admin.new_shot("first of this round"), made);
        assert_eq!(collected(&site, &waiting).0, 404);
        let refused = of_session.find("Shot", json!([]), json!(["code"])).unwrap_err();
        assert_eq!(refused.code, 102, "a session that was opened since");
        assert_eq!(status(&site, "POST /sandbox/reset", ""), 204);
    }
    assert_eq!(site.faults().len(), 1);
    assert!(!site.requests().is_empty());
}

#[test]
fn calls_and_resets_at_the_same_time_do_not_break_the_site() {
    let site = site();
    std::thread::scope(|scope| {
        for number in 0..3 {
            let site = &site;
            scope.spawn(move || {
                let admin = Client::admin(site);
                for round in 0..15 {
                    // A row may be gone before it is answered.
                    let _ = admin.create("Shot", json!({"code": format!("{number}-{round}"), "project": project(1)}));
                    admin.find("Shot", json!([]), json!(["code"])).unwrap();
                }
            });
        }
        for _ in 0..5 {
            site.reset().unwrap();
        }
    });
    site.reset().unwrap();
    let admin = Client::admin(&site);
    assert_eq!(admin.ids("Shot", json!([])).unwrap().len(), 36);
}

#[test]
fn data_in_a_file_are_never_put_back() {
    let scratch = Scratch::new("never-put-back");
    let site = Sandbox::builder().data_file(scratch.file("site.db")).start().unwrap();
    let made = Client::admin(&site).new_shot("kept");
    let answer = control(&site, "POST /sandbox/reset", "");
    assert_eq!(answer.status, 409);
    assert!(answer.json()["error"].as_str().unwrap().contains("--data"));
    assert!(site.reset().is_err());
    assert_eq!(Client::admin(&site).get("Shot", made, json!(["code"]))["code"], "kept");
}

#[test]
fn web_pages_control_nothing() {
    let site = site();
    let id = asked(&site);
    for path in ["sessions/expire", "reset", &format!("sign_ins/{id}/approve")] {
        let mut stream = connect(&site);
        let line = format!("POST /sandbox/{path}");
        send(&mut stream, &line, "Content-Type: application/json\r\n", br#"{"login": "artist"}"#);
        assert_eq!(read_answer(&mut stream).status, 403, "{path}");
    }
    assert!(!site.app_session_requests()[0].approved);
}
