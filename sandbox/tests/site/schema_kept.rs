//! What becomes of changes of the schema: events, restarts, kills, and many clients at once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, fields, id_of, is, link, project, site};
use super::command::Running;
use super::data_files::Scratch;
use super::schema_writes::{change, made, make, properties, remove, told};

#[test]
fn changes_of_the_schema_are_events() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    let name = made(&admin, "Shot", "text", json!({"name": "Logged"}));
    change(
        &admin,
        "Shot",
        &name,
        json!({"name": "Told", "summary_default": "none"}),
        Value::Null,
    )
    .unwrap();
    change(&admin, "Shot", &name, json!({"visible": false}), project(2)).unwrap();
    remove(&admin, "Shot", &name).unwrap();
    let _ = make(&admin, "Shot", "nothing", &json!({"name": "Not"}));
    let events = admin.events_after(before);
    let brief: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["event_type"].as_str().unwrap(),
                event["attribute_name"].as_str(),
                event["project"]["id"].as_i64(),
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            ("Shotgun_DisplayColumn_New", None, None),
            ("Shotgun_DisplayColumn_Change", Some("human_name"), None),
            ("Shotgun_DisplayColumn_Change", Some("visible"), Some(2)),
            ("Shotgun_DisplayColumn_Retirement", None, None),
        ]
    );
    for event in &events {
        assert_eq!(event["meta"]["entity_type"], "DisplayColumn");
        assert_eq!(event["meta"]["display_name"], format!("Shot.{name}"));
        assert_eq!(event["meta"]["entity_id"], events[0]["meta"]["entity_id"]);
        assert_eq!(event["user"]["type"], "ApiUser");
    }
    assert_eq!(
        (&events[1]["meta"]["old_value"], &events[1]["meta"]["new_value"]),
        (&json!("Logged"), &json!("Told"))
    );
}

#[test]
fn the_schema_is_as_it_was_left() {
    let scratch = Scratch::new("schema-left");
    let file = scratch.file("site.sqlite");
    let first = Sandbox::builder().data_file(&file).start().unwrap();
    let key = first.script().api_key.clone();
    let admin = Client::admin(&first);
    let text = made(&admin, "Shot", "text", json!({"name": "Kept Text"}));
    let links = made(
        &admin,
        "Shot",
        "multi_entity",
        json!({"name": "Kept Links", "valid_types": ["Asset"]}),
    );
    let gone = made(&admin, "Shot", "text", json!({"name": "Gone"}));
    admin
        .update("Shot", 1, json!({&text: "x", &links: [link("Asset", 1)], &gone: "y"}))
        .unwrap();
    change(&admin, "Shot", &text, json!({"description": "d", "visible": false}), project(1)).unwrap();
    change(&admin, "Shot", "code", json!({"name": "Renamed"}), Value::Null).unwrap();
    remove(&admin, "Shot", &gone).unwrap();
    let schema = admin.call("schema_read", json!({"project": project(1)})).unwrap();
    drop(first);

    let second = Sandbox::builder().data_file(&file).start().unwrap();
    let admin = Client::script(&second, &second.script().name, &key);
    assert_eq!(admin.call("schema_read", json!({"project": project(1)})).unwrap(), schema);
    let row = admin.get("Shot", 1, json!([text, links, gone]));
    assert_eq!((&row[&text], &row[&links][0]["id"]), (&json!("x"), &json!(1)));
    assert!(row.get(&gone).is_none());
    assert_eq!(made(&admin, "Shot", "text", json!({"name": "Kept Text"})), format!("{text}_1"));
    assert_eq!(told(make(&admin, "Shot", "text", &json!({"name": "Gone"}))).0, 103);
}

#[test]
fn a_kill_loses_no_field_and_no_value_in_it() {
    let scratch = Scratch::new("schema-kill");
    let file = scratch.file("site.sqlite");
    let arguments = ["serve", "--new-keys", "--data", file.to_str().unwrap()];
    let running = Running::start(&arguments);
    let client = running.client();
    let mut acknowledged = Vec::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let given = properties(&json!({"name": format!("Kill {number}")}));
                let asked = json!({"type": "Shot", "data_type": "number", "properties": given});
                let Some(name) = client.try_call("schema_field_create", asked) else {
                    break;
                };
                let name = name.as_str().unwrap().to_owned();
                let written = json!({"type": "Shot", "id": 1, "fields": fields(&json!({&name: number}))});
                let kept = client.try_call("update", written).is_some();
                acknowledged.push((name, kept.then_some(number)));
                if !kept {
                    break;
                }
            }
            acknowledged
        });
        std::thread::sleep(Duration::from_millis(400));
        running.kill();
        acknowledged = writer.join().unwrap();
    });
    assert!(!acknowledged.is_empty());
    let running = Running::start(&arguments);
    let client = running.client();
    let schema = client.call("schema_field_read", json!({"type": "Shot"})).unwrap();
    for (name, number) in acknowledged {
        assert_eq!(schema[&name]["data_type"]["value"], "number", "{name}");
        if let Some(number) = number {
            assert_eq!(client.get("Shot", 1, json!([name]))[&name], number, "{name}");
        }
    }
}

#[test]
fn many_clients_make_and_use_fields_at_once() {
    let site = site();
    let names: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|client| {
                let admin = Client::admin(&site);
                scope.spawn(move || {
                    let mut names = Vec::new();
                    for _ in 0..4 {
                        let name = made(&admin, "Shot", "text", json!({"name": "Crowd"}));
                        let shot = admin.new_shot(&format!("CROWD{client}{name}"));
                        let reply = admin.update("Shot", shot, json!({&name: "here"})).unwrap();
                        assert_eq!(reply[&name], "here");
                        // Another client knows the field as soon as it is there.
                        let other = admin.with("session_uuid", json!("other"));
                        assert_eq!(other.ids("Shot", json!([is(&name, json!("here"))])).unwrap(), [shot]);
                        names.push(name);
                    }
                    names
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), 24, "{names:?}");
    let admin = Client::admin(&site);
    let made = admin.create("Shot", json!({"project": project(1), "code": "AFTER"})).unwrap();
    assert_eq!(admin.get("Shot", id_of(&made), json!(names)).as_object().unwrap().len(), 26);
}
