//! The schema calls.

use serde_json::{Value, json};

use super::client::{Client, project, site};

#[test]
fn the_types() {
    let site = site();
    let types = Client::admin(&site).call("schema_entity_read", json!(null)).unwrap();
    let names = types.as_object().unwrap();
    assert!(names.len() >= 70, "{}", names.len());
    for name in [
        "Shot",
        "Episode",
        "Scene",
        "CutItem",
        "MocapTake",
        "Delivery",
        "TaskTemplate",
        "CustomEntity01",
    ] {
        assert!(names.contains_key(name), "{name}");
    }
    assert_eq!(
        types["Shot"],
        json!({"name": {"value": "Shot", "editable": false}, "visible": {"value": true, "editable": false}})
    );
}

#[test]
fn every_type_can_be_read_with_all_of_its_fields() {
    let site = site();
    let admin = Client::admin(&site);
    let schema = admin.call("schema_read", json!({"project": project(1)})).unwrap();
    let mut total = 0;
    for (entity_type, described) in schema.as_object().unwrap() {
        let fields: Vec<&String> = described.as_object().unwrap().keys().collect();
        total += fields.len();
        assert!(fields.len() >= 6, "{entity_type}");
        let rows = admin.find(entity_type, json!([]), json!(fields)).unwrap();
        if let Some(row) = rows.first() {
            assert_eq!(row.as_object().unwrap().len(), fields.len() + 1, "{entity_type}");
        }
    }
    assert!(total >= 1000, "{total}");
}

#[test]
fn a_field_as_real_sites_describe_it() {
    let site = site();
    let admin = Client::admin(&site);
    let reply = admin
        .call("schema_field_read", json!({"type": "Shot", "field_name": "sg_status_list"}))
        .unwrap();
    let field = &reply["sg_status_list"];
    let value = |key: &str| field[key]["value"].clone();
    assert_eq!(value("data_type"), "status_list");
    assert_eq!(value("entity_type"), "Shot");
    assert_eq!(value("name"), "Status");
    assert_eq!(
        (value("editable"), value("mandatory"), value("unique"), value("visible")),
        (json!(true), json!(false), json!(false), json!(true))
    );
    assert_eq!(field["properties"]["default_value"]["value"], "wtg");
    assert!(
        field["properties"]["valid_values"]["value"]
            .as_array()
            .unwrap()
            .contains(&json!("fin"))
    );
    // It carries the prefix of custom fields, but every site has it.
    assert_eq!(field["visible"]["editable"], false);
    let code = admin
        .call("schema_field_read", json!({"type": "Shot", "field_name": "code"}))
        .unwrap();
    assert_eq!(
        (&code["code"]["unique"]["value"], &code["code"]["visible"]["editable"]),
        (&json!(true), &json!(false))
    );
    let all = admin.call("schema_field_read", json!({"type": "Task"})).unwrap();
    let targets = all["entity"]["properties"]["valid_types"]["value"].as_array().unwrap();
    for name in ["Shot", "Asset", "Sequence", "Version", "Episode"] {
        assert!(targets.contains(&json!(name)), "{name}");
    }
    assert_eq!(all["project"]["mandatory"]["value"], true);
}

#[test]
fn unknown_types_and_fields() {
    let site = site();
    let admin = Client::admin(&site);
    let told = |parameters: Value| admin.call("schema_field_read", parameters).unwrap_err().message;
    assert_eq!(told(json!({"type": "Blob"})), "Entity type 'Blob' does not exist.");
    assert_eq!(
        told(json!({"type": "Shot", "field_name": "foo"})),
        "API schema_field_read() Shot.foo doesn't exist."
    );
    assert_eq!(admin.call("schema_read", json!({"project": 5})).unwrap_err().code, 103);
}
