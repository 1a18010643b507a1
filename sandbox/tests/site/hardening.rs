//! What no client of good will sends.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, is, project, site};
use super::raw::{Answer, connect, post, read_answer, send};

const INFO: &[u8] = br#"{"method_name": "info", "params": []}"#;
const SHORT: Duration = Duration::from_millis(400);

fn impatient() -> Sandbox {
    Sandbox::builder().request_timeout(SHORT).start().unwrap()
}

/// A call as text, with `PARAMS` replaced.
fn call(site: &Sandbox, method: &str, parameters: &str) -> Answer {
    let script = site.script();
    let body = format!(
        "{{\"method_name\": \"{method}\", \"params\": [{{\"script_name\": \"{}\", \"script_key\": \"{}\"}}, {parameters}]}}",
        script.name, script.api_key
    );
    post(&mut connect(site), "", body.as_bytes())
}

#[test]
fn who_does_not_get_to_the_end_of_a_head_is_let_go() {
    let site = impatient();
    let mut stream = connect(&site);
    let started = Instant::now();
    stream.write_all(b"POST /api3/json HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    // A header now and then does not help.
    for n in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        if stream.write_all(format!("X-Slow-{n}: 1\r\n").as_bytes()).is_err() || started.elapsed() > SHORT * 2 {
            break;
        }
    }
    assert_eq!(read_answer(&mut stream).status, 408);
    assert!(started.elapsed() >= SHORT);
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "it is closed");
    // Nor does saying nothing at all.
    let mut silent = connect(&site);
    assert_eq!(read_answer(&mut silent).status, 408);
}

#[test]
fn an_idle_connection_is_left_alone() {
    let site = impatient();
    let mut stream = connect(&site);
    assert_eq!(post(&mut stream, "", INFO).status, 200);
    std::thread::sleep(SHORT * 3);
    assert_eq!(post(&mut stream, "", INFO).status, 200);
}

#[test]
fn a_body_that_stands_still_is_given_up() {
    let site = impatient();
    let mut stream = connect(&site);
    stream
        .write_all(b"POST /api3/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{\"method")
        .unwrap();
    assert_eq!(read_answer(&mut stream).status, 400);
    let mut upload = connect(&site);
    upload
        .write_all(
            b"POST /upload/upload_file HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n\
              Content-Length: 500\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nhalf",
        )
        .unwrap();
    let answer = read_answer(&mut upload);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.starts_with("0:The file did not arrive whole"), "{text}");
    // One that goes on slowly is taken.
    let mut slow = connect(&site);
    slow.write_all(
        format!(
            "POST /api3/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            INFO.len()
        )
        .as_bytes(),
    )
    .unwrap();
    for piece in INFO.chunks(8) {
        std::thread::sleep(SHORT / 4);
        slow.write_all(piece).unwrap();
    }
    assert_eq!(read_answer(&mut slow).status, 200);
}

#[test]
fn there_are_only_so_many_connections() {
    let site = Sandbox::builder().connection_limit(3).start().unwrap();
    let mut streams: Vec<_> = (0..3).map(|_| connect(&site)).collect();
    for stream in &mut streams {
        assert_eq!(post(stream, "", INFO).status, 200);
    }
    let mut one_more = connect(&site);
    let refused = read_answer(&mut one_more);
    assert_eq!((refused.status, &refused.body[..]), (503, &b"Too many connections."[..]));
    streams.pop();
    let started = Instant::now();
    loop {
        let mut stream = connect(&site);
        send(&mut stream, "POST /api3/json", "", INFO);
        if read_answer(&mut stream).status == 200 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "a place was free");
        std::thread::sleep(Duration::from_millis(20));
    }
    for stream in &mut streams {
        assert_eq!(post(stream, "", INFO).status, 200, "those that were there first stay");
    }
}

#[test]
fn heads_that_are_too_large_or_make_no_sense() {
    let site = site();
    let many: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(1_000_000));
    let post = "POST /api3/json HTTP/1.1\r\nHost: localhost\r\n";
    for (head, statuses) in [
        (format!("{post}{many}Content-Length: 0\r\n\r\n"), &[431][..]),
        (format!("{post}{long}Content-Length: 0\r\n\r\n"), &[431]),
        (format!("{post}Content-Length: many\r\n\r\n"), &[400]),
        (format!("{post}Content-Length: -5\r\n\r\n"), &[400]),
        (format!("{post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), &[400]),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"), &[400]),
        ("GET \0 HTTP/1.1\r\n\r\n".to_owned(), &[400]),
        ("nonsense\r\n\r\n".to_owned(), &[400]),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "p".repeat(100_000)),
            &[404, 414, 431],
        ),
        (
            "GET /thumbnails/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            &[403, 404],
        ),
        (
            "GET /thumbnails/%2e%2e%2f%2e%2e%2fsite.sqlite HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            &[403, 404],
        ),
        (
            "PUT /storage/..%2f..%2fetc HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[403],
        ),
        (
            "PUT /storage/a/-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[400, 403],
        ),
        (
            "PUT /storage/a/99999999999999999999 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[400, 403],
        ),
        (
            "GET /file_serve/attachment/99999999999999999999 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            &[400],
        ),
        ("GET /file_serve/attachment/%00 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /file_serve/attachment/%ff HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &[400]),
    ] {
        let mut stream = connect(&site);
        let _ = stream.write_all(head.as_bytes());
        let shown: String = head.chars().take(80).collect();
        let answer = read_answer(&mut stream);
        assert!(statuses.contains(&answer.status), "{shown}: {}", answer.status);
    }
    assert_eq!(super::raw::post(&mut connect(&site), "", INFO).status, 200);
}

#[test]
fn a_call_in_another_kind_of_body_is_a_call_or_none() {
    let site = site();
    for kind in [
        "text/plain",
        "application/xml",
        "application/json; charset=latin-1",
        "multipart/form-data; boundary=b",
        "",
    ] {
        let answer = post(&mut connect(&site), &format!("Content-Type: {kind}\r\n"), INFO);
        assert_eq!(answer.status, 200, "{kind}");
    }
    let multipart = b"--b\r\nContent-Disposition: form-data; name=\"method_name\"\r\n\r\ninfo\r\n--b--\r\n";
    let answer = post(&mut connect(&site), "Content-Type: multipart/form-data; boundary=b\r\n", multipart);
    assert_eq!((answer.status, &answer.json()["error_code"]), (200, &json!(103)));
    // Compressed bodies are not a thing of this wire.
    let answer = post(&mut connect(&site), "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08");
    assert!(answer.status == 400 || answer.json()["error_code"] == 103);
}

#[test]
fn texts_of_every_kind_are_kept_as_they_are_or_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("texts");
    for text in [
        "a\0b",
        "\u{1}\u{7f}",
        "a\u{2028}\u{feff}",
        "'; DROP TABLE t_Shot; --",
        "%_\\",
        "😀\u{301}",
        "$name",
    ] {
        admin.update("Shot", shot, json!({"description": text})).unwrap();
        assert_eq!(admin.get("Shot", shot, json!(["description"]))["description"], text);
        let found = admin.ids("Shot", json!([is("description", json!(text))])).unwrap();
        assert_eq!(found, [shot], "{text:?}");
        let found = admin
            .ids("Shot", json!([condition("description", "contains", json!([text]))]))
            .unwrap();
        assert_eq!(found, [shot], "{text:?}");
    }
    let answer = call(
        &site,
        "update",
        &format!("{{\"type\": \"Shot\", \"id\": {shot}, \"fields\": [{{\"field_name\": \"description\", \"value\": \"\\ud800\"}}]}}"),
    );
    assert_eq!(answer.json()["error_code"], 103, "half a surrogate is no character");
}

#[test]
fn ten_megabytes_in_every_place() {
    let site = site();
    let long = "x".repeat(10 * 1024 * 1024);
    let admin = Client::admin(&site);
    let before = admin.last_event();
    let refused = |method: &str, parameters: Value| {
        let answer = call(&site, method, &parameters.to_string());
        assert_eq!(answer.status, 200);
        assert!(answer.json()["error_code"].is_i64(), "{method}");
    };
    refused("read", json!({"type": long}));
    refused(
        "read",
        json!({"type": "Shot", "filters": {"logical_operator": "and", "conditions": [is(&long, json!(1))]}}),
    );
    refused("create", json!({"type": "Shot", "fields": [{"field_name": long, "value": 1}]}));
    refused(
        "update",
        json!({"type": "Shot", "id": 1, "fields": [{"field_name": "sg_status_list", "value": long}]}),
    );
    refused(
        "update",
        json!({"type": "Shot", "id": 1, "fields": [{"field_name": "sg_cut_in", "value": long}]}),
    );
    refused(&"m".repeat(10 * 1024 * 1024), json!({}));
    let answer = post(
        &mut connect(&site),
        "",
        json!({"method_name": "read", "params": [{"script_name": long, "script_key": long}]})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(answer.json()["error_code"], 102);
    assert_eq!(admin.last_event(), before, "nothing was written");
    let shot = admin.new_shot("long");
    let fields = json!([{"field_name": "description", "value": long}]);
    let answer = call(&site, "update", &json!({"type": "Shot", "id": shot, "fields": fields}).to_string());
    assert_eq!(answer.json()["results"]["description"], long);
    assert_eq!(admin.ids("Shot", json!([is("description", json!(long))])).unwrap(), [shot]);
}

#[test]
fn very_many_of_everything() {
    let site = site();
    let admin = Client::admin(&site);
    let ids: Vec<i64> = (0..100_000).collect();
    let found = admin.ids("Shot", json!([condition("id", "in", json!(ids))])).unwrap();
    assert_eq!(found.len(), 36);
    let conditions: Vec<Value> = (0..20_000).map(|n| condition("id", "is_not", json!([n + 1_000_000]))).collect();
    match admin.ids("Shot", json!(conditions)) {
        Ok(found) => assert_eq!(found.len(), 36),
        Err(refusal) => assert_eq!(refusal.code, 103, "{refusal}"),
    }
    let fields: Vec<String> = (0..100_000).map(|n| format!("field_{n}")).collect();
    let rows = admin.find("Shot", json!([]), json!(fields)).unwrap();
    assert_eq!(rows.len(), 36);
    let sorts: Vec<Value> = (0..5_000).map(|_| json!({"field_name": "code", "direction": "asc"})).collect();
    match admin.read(json!({"type": "Shot", "return_fields": ["id"], "sorts": sorts})) {
        Ok(found) => assert_eq!(found.len(), 36),
        Err(refusal) => assert_eq!(refusal.code, 103, "{refusal}"),
    }
    let sorts: Vec<Value> = (0..500)
        .map(|n| json!({"field_name": format!("field_{n}"), "direction": "asc"}))
        .collect();
    let refusal = admin.read(json!({"type": "Shot", "sorts": sorts})).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API read() 'sorts' are by 500 fields; 100 are allowed")
    );
    let path = vec!["project.Project.users.HumanUser.projects"; 200].join(".Project.");
    if let Err(refusal) = admin.ids("Shot", json!([is(&format!("project.Project.{path}"), json!(null))])) {
        assert_eq!(refusal.code, 103, "{refusal}");
    }
    let many_keys: String = (0..50_000).map(|n| format!("\"k{n}\": {n}, ")).collect();
    let answer = call(&site, "read", &format!("{{{many_keys}\"type\": \"Project\"}}"));
    assert!(answer.json()["results"]["entities"].is_array());
    let mut form = "a=1&".repeat(200_000);
    form.push_str("b=2");
    let mut stream = connect(&site);
    send(&mut stream, "POST /upload/share_thumbnail", "", form.as_bytes());
    assert!(read_answer(&mut stream).body.starts_with(b"0:"));
}

#[test]
fn keys_given_twice_and_numbers_beyond_every_range() {
    let site = site();
    let admin = Client::admin(&site);
    let answer = call(&site, "read", r#"{"type": "Shot", "type": "Project"}"#);
    assert_eq!(
        answer.json()["results"]["entities"].as_array().unwrap().len(),
        3,
        "the last one counts"
    );
    let before = admin.last_event();
    for number in [
        "1e400",
        "-1e400",
        "99999999999999999999999",
        "2147483648",
        "1.5",
        "NaN",
        "Infinity",
        "-0.0e-400",
        "007",
        "1e",
        "0x10",
    ] {
        let fields = format!("[{{\"field_name\": \"sg_cut_in\", \"value\": {number}}}]");
        let answer = call(&site, "update", &format!("{{\"type\": \"Shot\", \"id\": 1, \"fields\": {fields}}}"));
        assert_eq!(answer.status, 200, "{number}");
        let code = answer.json()["error_code"].as_i64();
        assert!(
            code == Some(103) || code == Some(104) || number.starts_with("-0"),
            "{number}: {code:?}"
        );
        let by_id = call(
            &site,
            "update",
            &format!("{{\"type\": \"Shot\", \"id\": {number}, \"fields\": []}}"),
        );
        assert!(by_id.json()["error_code"].is_i64(), "{number}");
        let page = format!("{{\"type\": \"Shot\", \"paging\": {{\"entities_per_page\": {number}, \"current_page\": {number}}}}}");
        assert!(call(&site, "read", &page).json()["error_code"].is_i64(), "{number}");
    }
    let page = call(
        &site,
        "read",
        r#"{"type": "Shot", "paging": {"entities_per_page": 5000, "current_page": 9223372036854775807}}"#,
    )
    .json();
    assert!(page["error_code"] == 103 || page["results"]["entities"] == json!([]), "{page}");
    assert_eq!(admin.last_event(), before, "nothing was written");
}

#[test]
fn names_of_files_are_only_text() {
    let site = site();
    let admin = Client::admin(&site);
    let script = site.script();
    let version = admin.create("Version", json!({"code": "names", "project": project(1)})).unwrap()["id"].clone();
    let names = [
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/abs/olute", "olute"),
        ("C:\\x.mov", "x.mov"),
        ("a\0b.mov", "ab.mov"),
        ("%2e%2e%2fx", "%2e%2e%2fx"),
        ("con.mov:stream", "con.mov:stream"),
    ];
    for (given, kept) in names {
        let mut body = Vec::new();
        let fields = [
            ("entity_type", "Version"),
            ("entity_id", &version.to_string()),
            ("field_name", "sg_uploaded_movie"),
        ];
        for (name, value) in fields
            .into_iter()
            .chain([("script_name", &*script.name), ("script_key", &*script.api_key)])
        {
            body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{given}\"\r\n\r\nfilm\r\n--b--\r\n").bytes());
        let mut stream = connect(&site);
        send(
            &mut stream,
            "POST /upload/upload_file",
            "Content-Type: multipart/form-data; boundary=b\r\n",
            &body,
        );
        let answer = String::from_utf8(read_answer(&mut stream).body).unwrap();
        let Some(id) = answer.strip_prefix("1:") else {
            // A control character in a header is refused before it is looked at.
            assert!(given.contains('\0'), "{given}: {answer}");
            continue;
        };
        let row = admin.get("Attachment", id.trim().parse().unwrap(), json!(["original_fname"]));
        assert_eq!(row["original_fname"], kept, "{given}");
    }
}

#[test]
fn forms_that_make_no_sense() {
    let site = site();
    let admin = Client::admin(&site);
    let before = (admin.last_event(), admin.ids("Attachment", json!([])).unwrap().len());
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    let part = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let cases: Vec<(&str, String)> = vec![
        (multipart, String::new()),
        (multipart, "--b--\r\n".to_owned()),
        (multipart, "--b\r\n\r\n".to_owned()),
        (multipart, "--b\r\nContent-Disposition: nonsense\r\n\r\nx\r\n--b--\r\n".to_owned()),
        (multipart, part("entity_type", "Shot")),
        (multipart, part("entity_type", &"x".repeat(2_000_000))),
        (
            multipart,
            (0..500).map(|n| part(&format!("f{n}"), "x")).collect::<String>() + "--b--\r\n",
        ),
        ("Content-Type: multipart/form-data\r\n", part("a", "b")),
        ("Content-Type: multipart/form-data; boundary=\r\n", part("a", "b")),
        ("Content-Type: application/json\r\n", "{\"entity_type\": \"Shot\"}".to_owned()),
        ("", "entity_type=%zz".to_owned()),
        ("", "entity_type=%ff%fe&entity_id=1".to_owned()),
        ("", "=&=&&=".to_owned()),
        ("", "x".repeat(3_000_000)),
    ];
    for path in [
        "upload_file",
        "publish_thumbnail",
        "share_thumbnail",
        "api_get_upload_link_info",
        "api_link_file",
    ] {
        for (headers, body) in &cases {
            let mut stream = connect(&site);
            send(&mut stream, &format!("POST /upload/{path}"), headers, body.as_bytes());
            let answer = read_answer(&mut stream);
            let shown: String = body.chars().take(60).collect();
            assert_eq!(answer.status, 200, "{path} {shown}");
            assert!(
                answer.body.starts_with(b"0:"),
                "{path} {shown}: {}",
                String::from_utf8_lossy(&answer.body)
            );
        }
    }
    assert_eq!((admin.last_event(), admin.ids("Attachment", json!([])).unwrap().len()), before);
}
