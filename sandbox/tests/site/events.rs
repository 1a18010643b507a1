//! The event log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, fields, id_of, is, link, project, site};
use super::data_files::Scratch;

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

#[test]
fn creating_writes_a_change_for_each_field_and_one_new() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    let shot = admin
        .create(
            "Shot",
            json!({"code": "EV_010", "project": project(1), "description": "d", "sg_sequence": link("Sequence", 1)}),
        )
        .unwrap();
    let events = admin.events_after(before);
    // Four fields given, and the default status.
    assert_eq!(types(&events), [&["Shotgun_Shot_Change"; 5][..], &["Shotgun_Shot_New"]].concat());
    for event in &events {
        assert_eq!(event["user"]["name"], "pipeline_admin");
        assert_eq!(event["entity"], json!({"type": "Shot", "id": shot["id"], "name": "EV_010"}));
        assert_eq!(event["project"]["id"], 1);
        assert_eq!(event["session_uuid"], Value::Null);
        assert_eq!(event["meta"]["entity_id"], shot["id"]);
        assert_eq!(event["meta"]["entity_type"], "Shot");
    }
    let code = events.iter().find(|event| event["attribute_name"] == "code").unwrap();
    assert_eq!(
        code["meta"],
        json!({
            "type": "attribute_change", "attribute_name": "code", "entity_type": "Shot", "entity_id": shot["id"],
            "field_data_type": "text", "old_value": null, "new_value": "EV_010", "in_create": true,
        })
    );
    assert_eq!(events[5]["meta"]["type"], "new_entity");
    assert_eq!(events[5]["attribute_name"], Value::Null);
}

#[test]
fn an_update_writes_a_change_for_each_field_that_changed() {
    let site = site();
    let admin = Client::admin(&site);
    let id = admin.new_shot("EV_020");
    let before = admin.last_event();
    let data = json!({"sg_status_list": "ip", "code": "EV_020", "sg_sequence": link("Sequence", 2), "assets": [link("Asset", 1)]});
    admin.update("Shot", id, data).unwrap();
    let events = admin.events_after(before);
    // The code is what it was.
    assert_eq!(events.len(), 3);
    let meta = |name: &str| events.iter().find(|event| event["attribute_name"] == name).unwrap()["meta"].clone();
    let status = meta("sg_status_list");
    assert_eq!((&status["old_value"], &status["new_value"]), (&json!("wtg"), &json!("ip")));
    assert!(status.get("in_create").is_none());
    assert_eq!(meta("sg_sequence")["new_value"]["name"], "SQ020");
    let assets = meta("assets");
    assert_eq!(assets["field_data_type"], "multi_entity");
    assert_eq!((&assets["added"][0]["id"], &assets["removed"]), (&json!(1), &json!([])));
    let status = events.iter().find(|event| event["attribute_name"] == "sg_status_list").unwrap();
    assert_eq!(
        status["description"],
        "pipeline_admin changed \"Status\" from \"wtg\" to \"ip\" on Shot EV_020"
    );
}

#[test]
fn deleting_and_reviving_are_told_and_history_keeps_the_id() {
    let site = site();
    let admin = Client::admin(&site);
    let start = admin.last_event();
    let id = admin.new_shot("EV_030");
    let before = admin.last_event();
    assert_eq!(admin.delete("Shot", id).unwrap(), true);
    let events = admin.events_after(before);
    assert_eq!(types(&events), ["Shotgun_Shot_Change", "Shotgun_Shot_Retirement"]);
    assert_eq!(events[0]["attribute_name"], "retirement_date");
    let meta = &events[1]["meta"];
    assert_eq!(
        (&meta["type"], &meta["display_name"]),
        (&json!("entity_retirement"), &json!("EV_030"))
    );
    assert!(meta["retirement_date"].is_string());
    let history = admin.events_after(start);
    assert!(
        history
            .iter()
            .all(|event| event["entity"].is_null() && event["meta"]["entity_id"] == id)
    );
    let before = admin.last_event();
    assert_eq!(admin.delete("Shot", id).unwrap(), false);
    assert!(admin.events_after(before).is_empty());
    assert_eq!(admin.revive("Shot", id).unwrap(), true);
    let events = admin.events_after(before);
    assert_eq!(types(&events), ["Shotgun_Shot_Revival"]);
    assert_eq!(events[0]["meta"]["type"], "entity_revival");
    assert!(admin.events_after(start).iter().all(|event| event["entity"]["id"] == id));
}

#[test]
fn a_description_quotes_no_more_than_the_beginning_of_a_long_text() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    admin.update("Shot", 1, json!({"description": "x".repeat(10_000)})).unwrap();
    let event = &admin.events_after(before)[0];
    assert!(event["description"].as_str().unwrap().len() < 500);
    assert_eq!(event["meta"]["new_value"].as_str().unwrap().len(), 10_000);
}

#[test]
fn a_project_is_its_own_project() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    let id = id_of(&admin.create("Project", json!({"name": "Fresh"})).unwrap());
    assert!(admin.events_after(before).iter().all(|event| event["project"]["id"] == id));
}

#[test]
fn a_person_is_named_as_the_user() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    Client::person(&site, "manager")
        .update("Shot", 1, json!({"sg_status_list": "rev"}))
        .unwrap();
    let events = admin.events_after(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["user"], json!({"type": "HumanUser", "id": 2, "name": "Milo Grant"}));
    assert!(events[0]["meta"].get("sudo_actual_user").is_none());
}

#[test]
fn a_script_with_events_off_leaves_none_unless_it_acts_for_a_person() {
    let site = site();
    let admin = Client::admin(&site);
    let reply = admin
        .create("ApiUser", json!({"firstname": "quiet", "generate_event_log_entries": false}))
        .unwrap();
    let quiet = Client::script(&site, "quiet", reply["salted_password"].as_str().unwrap());
    let before = admin.last_event();
    let id = quiet.new_shot("EV_040");
    quiet.update("Shot", id, json!({"sg_status_list": "ip"})).unwrap();
    quiet.delete("Shot", id).unwrap();
    quiet.revive("Shot", id).unwrap();
    let request = json!({"request_type": "update", "type": "Shot", "id": id, "fields": fields(&json!({"description": "x"}))});
    quiet.call("batch", json!([request])).unwrap();
    assert!(admin.events_after(before).is_empty());
    // It is read as it is at each call.
    admin
        .update("ApiUser", id_of(&reply), json!({"generate_event_log_entries": true}))
        .unwrap();
    let before = admin.last_event();
    quiet.update("Shot", id, json!({"sg_status_list": "rdy"})).unwrap();
    assert_eq!(admin.events_after(before).len(), 1);
    admin
        .update("ApiUser", id_of(&reply), json!({"generate_event_log_entries": false}))
        .unwrap();
    let before = admin.last_event();
    quiet
        .with("sudo_as_login", json!("manager"))
        .update("Shot", id, json!({"sg_status_list": "hld"}))
        .unwrap();
    let events = admin.events_after(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["user"]["name"], "Milo Grant");
    assert_eq!(events[0]["meta"]["sudo_actual_user"], json!({"type": "ApiUser", "id": reply["id"]}));
}

#[test]
fn the_session_uuid_of_the_auth_parameters_is_kept() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    let uuid = "1a2b3c4d-0000-4000-8000-1234567890ab";
    admin
        .with("session_uuid", json!(uuid))
        .update("Shot", 1, json!({"description": "uuid"}))
        .unwrap();
    assert_eq!(admin.events_after(before)[0]["session_uuid"], uuid);
    let found = admin.ids("EventLogEntry", json!([is("session_uuid", json!(uuid))])).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_failed_call_leaves_no_event() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    assert!(
        admin
            .update("Shot", 1, json!({"description": "x", "sg_cut_in": "no number"}))
            .is_err()
    );
    assert!(admin.create("Shot", json!({"code": "SQ010_0010", "project": project(1)})).is_err());
    assert_eq!(admin.last_event(), before);
}

#[test]
fn events_can_be_asked_for_by_what_they_are_about() {
    let site = site();
    let admin = Client::admin(&site);
    let id = admin.new_shot("EV_050");
    let about = json!([
        is("entity", link("Shot", id)),
        condition("event_type", "ends_with", json!(["_New"]))
    ]);
    assert_eq!(admin.ids("EventLogEntry", about).unwrap().len(), 1);
    let refusal = admin.ids("EventLogEntry", json!([is("meta", json!("x"))])).unwrap_err();
    assert_eq!(refusal.code, 103);
    assert_eq!(
        refusal.message,
        "API read() EventLogEntry.meta's 'serializable' data type cannot be used in a filter."
    );
}

#[test]
fn entries_about_the_log_itself_are_not_written() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.last_event();
    admin.create("EventLogEntry", json!({"event_type": "Studio_A_B"})).unwrap();
    assert_eq!(admin.events_after(before).len(), 1);
}

#[test]
fn events_show_late_where_that_is_asked_for() {
    let scratch = Scratch::new("late-events");
    let file = scratch.file("site.sqlite");
    let late = |longest| Sandbox::builder().data_file(&file).late_events(longest).start().unwrap();
    let site = late(Duration::from_millis(400));
    let admin = Client::admin(&site);
    let numbers = || -> BTreeSet<i64> { admin.ids("EventLogEntry", json!([])).unwrap().into_iter().collect() };
    let mut seen = BTreeSet::new();
    let mut filled_in = 0;
    let mut look = || {
        let now = numbers();
        let top = seen.last().copied().unwrap_or(0);
        filled_in += now.iter().filter(|id| **id < top && !seen.contains(*id)).count();
        assert!(seen.is_subset(&now), "what was there stays");
        seen = now;
        seen.len()
    };
    for number in 0..60 {
        admin
            .update("Shot", 1 + number % 20, json!({"description": format!("d{number}")}))
            .unwrap();
        look();
    }
    let start = Instant::now();
    while look() < 60 {
        assert!(start.elapsed() < Duration::from_secs(20), "some never come");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(filled_in >= 5, "{filled_in}");
    let top = *seen.last().unwrap();
    assert!(seen.len() == 60 && top > 65, "no gaps up to {top}");
    let key = site.script().api_key.clone();
    let name = site.script().name.clone();
    drop(site);
    // A run that is over leaves nothing to come.
    let site = late(Duration::from_secs(3600));
    let admin = Client::script(&site, &name, &key);
    for number in 0..20 {
        admin.update("Shot", 1, json!({"description": format!("e{number}")})).unwrap();
    }
    let held_back = admin.ids("EventLogEntry", json!([])).unwrap().len();
    assert!((61..80).contains(&held_back), "{held_back}");
    drop(site);
    let site = late(Duration::ZERO);
    assert_eq!(
        Client::script(&site, &name, &key).ids("EventLogEntry", json!([])).unwrap().len(),
        80
    );
}
