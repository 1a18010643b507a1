//! Valid requests, changed at random: whatever comes of it, the site answers as a site does, and writes all or nothing.
//! The changes are the same ones each time.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use super::client::{Client, condition, fields, is, project};
use super::data_files::Scratch;

const SEED: u64 = 20_260_101;
const REQUESTS: u64 = 4_000;
const THREADS: u64 = 2;
/// On a slow machine it is fewer requests, not a longer time.
const TIME: Duration = Duration::from_secs(15);

/// Killed if the test fails before it ended.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Calls of all kinds, as a client sends them.
fn calls() -> Vec<(&'static str, Value)> {
    let filters = json!({"logical_operator": "and", "conditions": [
        is("project", project(1)),
        condition("id", "in", json!([1, 2, 3])),
        {"logical_operator": "or", "conditions": [condition("code", "contains", json!(["a"])), condition("created_at", "in_last", json!([5, "DAY"]))]},
    ]});
    let link = json!({"type": "Shot", "id": 3});
    vec![
        (
            "read",
            json!({"type": "Shot", "return_fields": ["code", "sg_sequence.Sequence.code", "assets"], "filters": filters,
            "sorts": [{"field_name": "code", "direction": "desc"}], "paging": {"entities_per_page": 5, "current_page": 1},
            "return_only": "active", "return_paging_info": true, "include_archived_projects": false}),
        ),
        (
            "read",
            json!({"type": "Version", "return_fields": ["code"], "filters": {"logical_operator": "and", "conditions": []},
            "additional_filter_presets": [{"preset_name": "LATEST", "latest_by": "ENTITIES_CREATED_AT"}]}),
        ),
        (
            "create",
            json!({"type": "Shot", "fields": fields(&json!({"code": "fuzz", "project": project(1), "sg_cut_in": 5,
            "assets": [{"type": "Asset", "id": 1}]})), "return_fields": ["code"]}),
        ),
        (
            "update",
            json!({"type": "Shot", "id": 2, "fields": [{"field_name": "assets", "value": [{"type": "Asset", "id": 2}],
            "multi_entity_update_mode": "add"}, {"field_name": "description", "value": "text"}]}),
        ),
        ("delete", json!({"type": "Shot", "id": 30})),
        ("revive", json!({"type": "Shot", "id": 30})),
        (
            "summarize",
            json!({"type": "Shot", "filters": {"logical_operator": "and", "conditions": []},
            "summaries": [{"field": "id", "type": "count"}, {"field": "sg_cut_in", "type": "sum"}],
            "grouping": [{"field": "sg_sequence", "type": "exact", "direction": "asc"}]}),
        ),
        ("schema_read", json!({})),
        ("schema_field_read", json!({"type": "Shot", "field_name": "code"})),
        ("follow", json!({"user": {"type": "HumanUser", "id": 1}, "entity": link})),
        ("followers", json!({"entity": link})),
        ("following", json!({"user": {"type": "HumanUser", "id": 1}, "entity_type": "Shot"})),
        (
            "note_thread_contents",
            json!({"note_id": 1, "entity_fields": {"Note": ["subject"]}}),
        ),
        (
            "activity_stream",
            json!({"type": "Shot", "id": 1, "limit": 5, "entity_fields": {"Shot": ["code"]}}),
        ),
        (
            "query_display_name_cache",
            json!({"text": "a", "entity_types": {"Shot": {"logical_operator": "and", "conditions": []}}, "max_results": 5}),
        ),
        (
            "work_schedule_read",
            json!({"start_date": "2026-01-01", "end_date": "2026-01-14", "project": project(1), "user": null}),
        ),
        (
            "work_schedule_update",
            json!({"date": "2026-01-01", "working": false, "description": "x", "project": project(1), "user": null, "recalculate_field": null}),
        ),
        ("preferences_read", json!({"prefs": ["format_date_fields"]})),
        ("update_project_last_accessed_by_current_user", json!({"project_id": 1})),
        ("export_page", json!({"format": "csv", "page_id": 1, "layout_name": null})),
        ("nav_expand", json!({"path": "/", "seed_entity_field": "PublishedFile.entity"})),
        ("user_subscriptions_read", json!({})),
        ("get_session_token", json!(null)),
        ("info", json!(null)),
    ]
}

fn odd_value(random: &mut Rng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(2_147_483_648_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1.5),
        json!(1e308),
        json!(""),
        json!(" "),
        json!("\0"),
        json!("%"),
        json!("'"),
        json!("\"; DROP TABLE t_Shot; --"),
        json!("é".repeat(3_000)),
        json!("id"),
        json!("2026-02-31"),
        json!("2026-01-01T99:00:00Z"),
        json!("$me"),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!({}),
        json!({"type": "Shot"}),
        json!({"type": "Shot", "id": 1}),
        json!({"type": "Shot", "id": "1"}),
        json!({"type": "Nothing", "id": 1}),
        json!({"valid": "logged_in_user_token"}),
        json!("project.Project.name"),
        json!("project.Nothing.name"),
        json!("....."),
        json!("is"),
        json!("in_calendar_month"),
        json!({"logical_operator": "and"}),
    ];
    odd[random.usize(..odd.len())].clone()
}

/// Changes one place in a value, which is found by walking down at random.
fn change(value: &mut Value, random: &mut Rng) {
    match value {
        Value::Array(members) if !members.is_empty() && random.u8(..10) < 8 => {
            let place = random.usize(..members.len());
            match random.u8(..12) {
                0 => drop(members.remove(place)),
                1 => members.push(members[place].clone()),
                2 => members.push(odd_value(random)),
                _ => change(&mut members[place], random),
            }
        }
        Value::Object(object) if !object.is_empty() && random.u8(..10) < 9 => {
            let keys: Vec<String> = object.keys().cloned().collect();
            let key = &keys[random.usize(..keys.len())];
            match random.u8(..12) {
                0 => drop(object.remove(key)),
                1 => drop(object.insert("surprise".to_owned(), odd_value(random))),
                _ => change(object.get_mut(key).unwrap(), random),
            }
        }
        place => *place = odd_value(random),
    }
}

/// Changes the bytes of a body.
fn garble(body: &mut Vec<u8>, random: &mut Rng) {
    let place = random.usize(..body.len());
    let end = (place + random.usize(1..40)).min(body.len());
    match random.u8(..5) {
        0 => body[place] = random.u8(..),
        1 => drop(body.drain(place..end)),
        2 => {
            let again = body[place..end].to_vec();
            body.splice(place..place, again);
        }
        3 => body.truncate(place),
        _ => {
            let tokens: [&[u8]; 8] = [b"NaN", b"1e999", b"\"\\u0000\"", b"[[[[", b"}", b"\\ud800", b"\xff\xfe", b"-"];
            let token = tokens[random.usize(..tokens.len())];
            body.splice(place..place, token.iter().copied());
        }
    }
}

/// A batch whose first and last requests make tags of this name, with changed ones in between.
fn batch(name: &str, random: &mut Rng) -> Value {
    let tag = |end: &str| json!({"request_type": "create", "type": "Tag", "fields": fields(&json!({"name": format!("{name}.{end}")}))});
    let mut between = json!([
        {"request_type": "create", "type": "Shot", "fields": fields(&json!({"code": name, "project": project(1)}))},
        {"request_type": "update", "type": "Shot", "id": 4, "fields": fields(&json!({"sg_cut_in": 7}))},
    ]);
    change(&mut between, random);
    let mut requests = vec![tag("first")];
    requests.extend(between.as_array().cloned().unwrap_or_default());
    requests.push(tag("last"));
    Value::from(requests)
}

/// What was sent: batches that were carried out, and those that were refused, by name.
#[derive(Default)]
struct Sent {
    requests: u64,
    done: BTreeSet<String>,
    refused: BTreeSet<String>,
}

fn send_changed(url: &str, authentication: &Value, thread: u64) -> Sent {
    let mut random = Rng::with_seed(SEED + thread);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let calls = calls();
    let mut sent = Sent::default();
    let started = Instant::now();
    for number in 0..REQUESTS / THREADS {
        if started.elapsed() > TIME {
            break;
        }
        let name = format!("FUZZ{thread}.{number}");
        let is_batch = random.u8(..6) == 0;
        let body = if is_batch {
            json!({"method_name": "batch", "params": [authentication, batch(&name, &mut random)]})
                .to_string()
                .into_bytes()
        } else {
            let (method, parameters) = &calls[random.usize(..calls.len())];
            let mut parameters = parameters.clone();
            for _ in 0..random.u8(1..4) {
                change(&mut parameters, &mut random);
            }
            let mut body = json!({"method_name": method, "params": [authentication, parameters]});
            if random.u8(..20) == 0 {
                change(&mut body, &mut random);
            }
            let mut body = body.to_string().into_bytes();
            if random.u8(..6) == 0 {
                garble(&mut body, &mut random);
            }
            body
        };
        let mut reply = agent.post(format!("{url}/api3/json")).send(&body[..]).unwrap();
        let status = reply.status().as_u16();
        let text = reply.body_mut().read_to_vec().unwrap();
        let shown = format!("{} -> {status} {}", String::from_utf8_lossy(&body), String::from_utf8_lossy(&text));
        assert!(status == 200 || (400..500).contains(&status), "{shown}");
        let reply: Value = serde_json::from_slice(&text).unwrap_or_default();
        // 100 says that the site itself is broken.
        assert_ne!(reply["error_code"], 100, "{shown}");
        if is_batch {
            let names = if reply["exception"] == true {
                &mut sent.refused
            } else {
                &mut sent.done
            };
            names.insert(name);
        }
        sent.requests += 1;
    }
    sent
}

#[test]
fn changed_requests_do_no_harm() {
    let scratch = Scratch::new("fuzz");
    let errors = scratch.file("stderr");
    let child = Command::new(env!("CARGO_BIN_EXE_shotgrid-sandbox"))
        .arg("serve")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&errors).unwrap())
        .spawn();
    let mut running = Running(child.unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = ready["url"].as_str().unwrap();
    let authentication = json!({"script_name": ready["script_name"], "script_key": ready["api_key"]});
    let mut sent = Sent::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let authentication = &authentication;
                scope.spawn(move || send_changed(url, authentication, thread))
            })
            .collect();
        for thread in threads {
            let of_thread = thread.join().unwrap();
            sent.requests += of_thread.requests;
            sent.done.extend(of_thread.done);
            sent.refused.extend(of_thread.refused);
        }
    });
    assert!(
        sent.requests > 200 && !sent.done.is_empty() && !sent.refused.is_empty(),
        "{} requests",
        sent.requests
    );
    let client = Client::new(url, authentication);
    let tags = client
        .find("Tag", json!([condition("name", "starts_with", json!(["FUZZ"]))]), json!(["name"]))
        .unwrap();
    let found: BTreeSet<String> = tags.iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect();
    let expected = sent.done.iter().flat_map(|name| [format!("{name}.first"), format!("{name}.last")]);
    assert_eq!(found, expected.collect(), "all of a batch, or nothing");
    let shots = client
        .find("Shot", json!([condition("code", "starts_with", json!(["FUZZ"]))]), json!(["code"]))
        .unwrap();
    for shot in shots {
        assert!(!sent.refused.contains(shot["code"].as_str().unwrap()), "{shot}");
    }
    let told = std::fs::read_to_string(&errors).unwrap();
    assert!(!told.contains("panicked"), "{told}");
}
