//! What each data type takes, how it is kept and shown, and what it refuses, over every data type of the schema.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::{Client, Refusal, id_of, link, project, site};
use super::value_cases::cases;

/// Writes a field of the row and gives back what is read then.
fn kept(client: &Client, (entity_type, id): (&str, i64), field: &str, value: &Value) -> Result<Value, Refusal> {
    client.update(entity_type, id, json!({field: value}))?;
    Ok(client.get(entity_type, id, json!([field]))[field].clone())
}

#[test]
fn every_data_type_keeps_what_it_takes() {
    let site = site();
    let admin = Client::admin(&site);
    let seen: BTreeSet<&str> = cases().iter().map(|case| case.data_type).collect();
    let schema = admin.call("schema_read", json!({})).unwrap();
    let all: BTreeSet<&str> = schema
        .as_object()
        .unwrap()
        .values()
        .flat_map(|fields| fields.as_object().unwrap().values())
        .map(|field| field["data_type"]["value"].as_str().unwrap())
        .collect();
    assert_eq!(seen, all, "every data type of the schema has a case");
    admin.create("TaskTemplate", json!({"code": "first"})).unwrap();
    for case in cases() {
        for (sent, read) in &case.good {
            let name = format!("{}.{} {sent:.80}", case.row.0, case.field);
            assert_eq!(kept(&admin, case.row, case.field, sent).as_ref(), Ok(read), "{name}");
        }
    }
}

#[test]
fn every_data_type_refuses_what_it_does_not_take_and_nothing_is_written() {
    let site = site();
    let admin = Client::admin(&site);
    admin.create("TaskTemplate", json!({"code": "first"})).unwrap();
    for case in cases() {
        let (entity_type, id) = case.row;
        let before = admin.get(entity_type, id, json!([case.field, "updated_at", "cached_display_name"]));
        for (sent, (code, text)) in &case.bad {
            let name = format!("{entity_type}.{}", case.field);
            let refusal = admin.update(entity_type, id, json!({case.field: sent})).unwrap_err();
            // Values of the wrong kind are arguments that make no sense; of those some are told without the field.
            let heads = if *code == 104 {
                vec![format!("API update() CRUD ERROR #5: Update failed for [{name}]: ")]
            } else {
                vec![format!("API update() {name} "), "API update() ".to_owned()]
            };
            let told = heads.iter().any(|head| refusal.message.starts_with(&format!("{head}{text}")));
            assert!(told && refusal.code == *code, "{name} {sent}: {refusal}, expected {code} {text}");
        }
        let after = admin.get(entity_type, id, json!([case.field, "updated_at", "cached_display_name"]));
        assert_eq!(after, before, "{entity_type}.{}", case.field);
    }
}

#[test]
fn a_bad_value_leaves_the_whole_write_undone() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.get("Shot", 1, json!(["description", "updated_at"]));
    let events = admin.last_event();
    let refusal = admin
        .update("Shot", 1, json!({"description": "changed", "sg_status_list": "nope"}))
        .unwrap_err();
    assert_eq!(refusal.code, 104);
    assert_eq!(admin.get("Shot", 1, json!(["description", "updated_at"])), before);
    let refusal = admin
        .create("Shot", json!({"code": "x", "project": project(1), "sg_status_list": "nope"}))
        .unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("API create() CRUD ERROR #6: Create failed for [Shot]: [Shot.sg_status_list]: 'nope' is not a valid status."),
        "{refusal}"
    );
    assert_eq!(admin.last_event(), events);
}

#[test]
fn retired_rows_can_not_be_linked_to() {
    let site = site();
    let admin = Client::admin(&site);
    admin.delete("Asset", 3).unwrap();
    let refusal = kept(&admin, ("Shot", 1), "assets", &json!([link("Asset", 3)])).unwrap_err();
    assert_eq!(
        refusal.message,
        "API update() CRUD ERROR #5: Update failed for [Shot.assets]: Value is not legal. Entity of type [Asset] with id=3 does not exist."
    );
}

#[test]
fn a_password_is_quoted_nowhere() {
    let site = site();
    let refusal = Client::admin(&site)
        .create("HumanUser", json!({"password_proxy": "hush-hush"}))
        .unwrap_err();
    assert!(refusal.message.starts_with("API create() missing 'login' attribute: "), "{refusal}");
    assert!(!refusal.message.contains("hush"), "{refusal}");
}

#[test]
fn what_is_not_given_has_its_default_and_what_is_taken_away_has_none() {
    let site = site();
    let admin = Client::admin(&site);
    let reply = admin.create("Shot", json!({"project": project(1), "sg_shot_type": null})).unwrap();
    let fields = json!([
        "sg_status_list",
        "sg_shot_type",
        "sg_hero",
        "assets",
        "tag_list",
        "sg_sequence",
        "sg_cut_in"
    ]);
    let row = admin.get("Shot", id_of(&reply), fields);
    assert_eq!(
        row,
        json!({"type": "Shot", "id": reply["id"], "sg_status_list": "wtg", "sg_shot_type": null, "sg_hero": false, "assets": [],
               "tag_list": [], "sg_sequence": null, "sg_cut_in": null})
    );
    assert_eq!(
        kept(&admin, ("Shot", id_of(&reply)), "sg_status_list", &json!(null)),
        Ok(json!(null))
    );
    let task = admin.create("Task", json!({"project": project(1)})).unwrap();
    assert_eq!(admin.get("Task", id_of(&task), json!(["color"]))["color"], "pipeline_step");
}
