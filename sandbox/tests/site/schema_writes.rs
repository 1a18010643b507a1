//! Fields made, changed and deleted over the API.

use serde_json::{Value, json};

use super::client::{Client, Refusal, condition, fields, is, link, project, site};

pub fn properties(given: &Value) -> Value {
    let given = given.as_object().unwrap().iter();
    given.map(|(name, value)| json!({"property_name": name, "value": value})).collect()
}

pub fn make(client: &Client, entity_type: &str, data_type: &str, given: &Value) -> Result<Value, Refusal> {
    let asked = json!({"type": entity_type, "data_type": data_type, "properties": properties(given)});
    client.call("schema_field_create", asked)
}

/// A new field's name.
pub fn made(client: &Client, entity_type: &str, data_type: &str, given: Value) -> String {
    make(client, entity_type, data_type, &given).unwrap().as_str().unwrap().to_owned()
}

pub fn change(client: &Client, entity_type: &str, name: &str, given: Value, project: Value) -> Result<Value, Refusal> {
    let asked = json!({"type": entity_type, "field_name": name, "properties": properties(&given), "project": project});
    client.call("schema_field_update", asked)
}

pub fn remove(client: &Client, entity_type: &str, name: &str) -> Result<Value, Refusal> {
    client.call("schema_field_delete", json!({"type": entity_type, "field_name": name}))
}

pub fn described(client: &Client, entity_type: &str, name: &str, project: Value) -> Result<Value, Refusal> {
    let asked = json!({"type": entity_type, "field_name": name, "project": project});
    client.call("schema_field_read", asked).map(|reply| reply[name].clone())
}

pub fn told(result: Result<Value, Refusal>) -> (i64, String) {
    let refusal = result.unwrap_err();
    (refusal.code, refusal.message)
}

#[test]
fn a_field_is_named_after_its_display_name_and_described() {
    let site = site();
    let admin = Client::admin(&site);
    let given = json!({"name": "Monkey Count", "description": "how many", "summary_default": "sum", "default_value": 3});
    let name = made(&admin, "Shot", "number", given);
    assert_eq!(name, "sg_monkey_count");
    let expected = json!({
        "data_type": {"editable": false, "value": "number"},
        "description": {"editable": true, "value": "how many"},
        "editable": {"editable": false, "value": true},
        "entity_type": {"editable": false, "value": "Shot"},
        "mandatory": {"editable": false, "value": false},
        "name": {"editable": true, "value": "Monkey Count"},
        "unique": {"editable": false, "value": false},
        "visible": {"editable": true, "value": true},
        "properties": {
            "default_value": {"editable": true, "value": 3},
            "summary_default": {"editable": true, "value": "sum"},
        },
    });
    assert_eq!(described(&admin, "Shot", &name, Value::Null).unwrap(), expected);
    assert_eq!(admin.call("schema_read", Value::Null).unwrap()["Shot"][&name], expected);
    // Others of that name get a number; other types have their own names.
    for expected in ["sg_monkey_count_1", "sg_monkey_count_2"] {
        assert_eq!(made(&admin, "Shot", "text", json!({"name": "Monkey Count"})), expected);
    }
    assert_eq!(made(&admin, "Asset", "text", json!({"name": "Monkey Count"})), "sg_monkey_count");
    assert_eq!(made(&admin, "Shot", "text", json!({"name": "Cost (EUR)"})), "sg_cost__eur_");
    assert_eq!(made(&admin, "Shot", "text", json!({"name": "sg_Twice"})), "sg_sg_twice");
}

#[test]
fn every_data_type_keeps_values_and_can_be_filtered_and_sorted() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = link("Shot", 1);
    let named = json!({"type": "Shot", "id": 1, "name": "SQ010_0010"});
    for (data_type, more, value, kept) in [
        ("checkbox", json!({}), json!(true), None),
        ("currency", json!({}), json!(12.5), None),
        ("date", json!({}), json!("2031-02-03"), None),
        ("date_time", json!({}), json!("2031-02-03T04:05:06Z"), None),
        ("duration", json!({}), json!(480), None),
        (
            "entity",
            json!({"valid_types": ["Shot", "Asset"]}),
            shot.clone(),
            Some(named.clone()),
        ),
        ("float", json!({}), json!(0.25), None),
        ("footage", json!({}), json!("10-05"), None),
        ("list", json!({"valid_values": ["Red", "Blue"]}), json!("Blue"), None),
        (
            "multi_entity",
            json!({"valid_types": ["Shot"]}),
            json!([shot]),
            Some(json!([named])),
        ),
        ("number", json!({}), json!(7), None),
        ("percent", json!({}), json!(50), None),
        ("status_list", json!({"valid_values": ["wtg", "ip"]}), json!("ip"), None),
        ("text", json!({}), json!("Größe"), None),
        ("timecode", json!({}), json!(1000), None),
    ] {
        let mut given = json!({"name": format!("All {data_type}")});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let name = made(&admin, "Sequence", data_type, given);
        assert_eq!(name, format!("sg_all_{data_type}"));
        let reply = admin.update("Sequence", 1, json!({&name: value})).unwrap();
        let kept = kept.unwrap_or_else(|| value.clone());
        assert_eq!(reply[&name], kept, "{data_type}");
        assert_eq!(admin.get("Sequence", 1, json!([name]))[&name], kept, "{data_type}");
        let looked_for = value.get(0).unwrap_or(&value).clone();
        let found = admin.ids("Sequence", json!([is(&name, looked_for)])).unwrap();
        assert_eq!(found, [1], "{data_type}");
        let sorted = json!({"type": "Sequence", "sorts": [{"field_name": name, "direction": "desc"}], "return_fields": [name]});
        assert_eq!(admin.read(sorted).unwrap()[0]["id"], 1, "{data_type}");
        // Rows that were there before have nothing in it; links are an empty list.
        let other = &admin.get("Sequence", 2, json!([name]))[&name];
        let nothing = match data_type {
            "checkbox" => json!(false),
            "multi_entity" => json!([]),
            _ => Value::Null,
        };
        assert_eq!(*other, nothing, "{data_type}");
    }
    let url = made(&admin, "Sequence", "url", json!({"name": "Page", "open_in_new_window": false}));
    let shown = described(&admin, "Sequence", &url, Value::Null).unwrap();
    assert_eq!(shown["properties"]["open_in_new_window"], json!({"editable": true, "value": false}));
    let page = json!({"url": "https://studio.example/", "name": "Studio"});
    let reply = admin.update("Sequence", 1, json!({&url: page})).unwrap();
    assert_eq!(reply[&url]["url"], "https://studio.example/");
}

#[test]
fn a_new_field_is_as_good_as_any_other() {
    let site = site();
    let admin = Client::admin(&site);
    let cost = made(&admin, "Shot", "number", json!({"name": "Build Cost", "default_value": 5}));
    let kind = made(
        &admin,
        "Shot",
        "list",
        json!({"name": "Kind", "valid_values": ["a", "b"], "default_value": "b"}),
    );
    // Defaults are for rows made from now on.
    let shot = admin.new_shot("NEW_FIELD");
    assert_eq!(
        admin.get("Shot", shot, json!([cost, kind])),
        json!({"type": "Shot", "id": shot, cost.as_str(): 5, kind.as_str(): "b"})
    );
    assert_eq!(admin.get("Shot", 1, json!([cost]))[&cost], Value::Null);
    let write = |id: i64, value: i64| json!({"request_type": "update", "type": "Shot", "id": id, "fields": fields(&json!({&cost: value}))});
    let replies = admin.call("batch", json!([write(1, 10), write(2, 20)])).unwrap();
    assert_eq!((&replies[0][&cost], &replies[1][&cost]), (&json!(10), &json!(20)));
    let all = json!({"logical_operator": "and", "conditions": [condition(&cost, "greater_than", json!([4]))]});
    let asked = json!({"type": "Shot", "filters": all, "summaries": [{"field": cost, "type": "sum"}],
        "grouping": [{"field": kind, "type": "exact", "direction": "asc"}]});
    let summary = admin.call("summarize", asked).unwrap();
    assert_eq!(summary["summaries"][&cost], 35);
    assert_eq!(summary["groups"].as_array().unwrap().len(), 2);
    // Deep: through a new link to a new field.
    let near = made(&admin, "Asset", "entity", json!({"name": "Near", "valid_types": ["Shot"]}));
    admin.update("Asset", 1, json!({&near: link("Shot", 2)})).unwrap();
    let deep = format!("{near}.Shot.{cost}");
    assert_eq!(admin.get("Asset", 1, json!([deep]))[&deep], 20);
    assert_eq!(admin.ids("Asset", json!([is(&deep, json!(20))])).unwrap(), [1]);
    // Values are held against the field.
    let wrong = |value: Value| told(admin.update("Shot", 1, json!({&cost: value})));
    assert_eq!(
        wrong(json!("x")),
        (
            104,
            format!("API update() CRUD ERROR #5: Update failed for [Shot.{cost}]: Invalid data for 'number' data type. Value: x")
        )
    );
    assert_eq!(told(admin.update("Shot", 1, json!({&kind: "c"}))).0, 104);
    // A change of it is in the event log like any other.
    let before = admin.last_event();
    admin.update("Shot", 1, json!({&cost: 11})).unwrap();
    let events = admin.events_after(before);
    assert_eq!(
        (events.len(), &events[0]["attribute_name"], &events[0]["meta"]["new_value"]),
        (1, &json!(cost), &json!(11))
    );
}

#[test]
fn what_is_wrong_with_a_new_field_is_told() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.call("schema_read", Value::Null).unwrap();
    for (entity_type, data_type, given, text) in [
        ("Blob", "text", json!({"name": "x"}), "Entity type 'Blob' does not exist."),
        (
            "Shot",
            "colour",
            json!({"name": "x"}),
            "API schema_field_create() invalid 'data_type': \"colour\". Valid data types: [\"checkbox\",",
        ),
        ("Shot", "image", json!({"name": "x"}), "invalid 'data_type': \"image\""),
        (
            "Shot",
            "text",
            json!({}),
            "API schema_field_create() invalid/missing string property 'name'",
        ),
        (
            "Shot",
            "text",
            json!({"name": "  "}),
            "'name' value expected String that is not empty but got \"  \"",
        ),
        (
            "Shot",
            "text",
            json!({"name": "x".repeat(256)}),
            "'name' value expected String of at most 255 characters",
        ),
        (
            "Shot",
            "text",
            json!({"name": "x", "valid_values": ["a"]}),
            "invalid property 'valid_values'. Valid properties: [\"default_value\", \"description\", \"name\", \"summary_default\"]",
        ),
        (
            "Shot",
            "text",
            json!({"name": "x", "data_type": "text"}),
            "invalid property 'data_type'",
        ),
        (
            "Shot",
            "text",
            json!({"name": "x", "summary_default": "most"}),
            "'summary_default' value expected one of [\"none\"",
        ),
        (
            "Shot",
            "text",
            json!({"name": "x", "description": 5}),
            "'description' value expected String but got 5",
        ),
        (
            "Shot",
            "text",
            json!({"name": "x", "default_value": 5}),
            "'default_value' value expected [String, NilClass] data type(s) but got Integer: 5",
        ),
        (
            "Shot",
            "checkbox",
            json!({"name": "x", "default_value": null}),
            "Only true or false allowed in checkbox",
        ),
        (
            "Shot",
            "list",
            json!({"name": "x", "valid_values": ["a", 1]}),
            "'valid_values' value expected Array of Strings but got [\"a\",1]",
        ),
        (
            "Shot",
            "list",
            json!({"name": "x", "valid_values": ["a"], "default_value": "b"}),
            "'default_value' value 'b' is not a valid list value. Valid list values: 'a'.",
        ),
        (
            "Shot",
            "status_list",
            json!({"name": "x", "valid_values": ["nope"]}),
            "'valid_values' value expected codes of statuses, which 'nope' is not",
        ),
        (
            "Shot",
            "status_list",
            json!({"name": "x", "hidden_values": []}),
            "property 'hidden_values' of Shot.sg_x is not editable",
        ),
        ("Shot", "entity", json!({"name": "x"}), "missing required property 'valid_types'"),
        (
            "Shot",
            "entity",
            json!({"name": "x", "valid_types": []}),
            "'valid_types' value expected Array with at least one element",
        ),
        (
            "Shot",
            "multi_entity",
            json!({"name": "x", "valid_types": ["Blob"]}),
            "Entity type 'Blob' does not exist.",
        ),
        (
            "Shot",
            "entity",
            json!({"name": "x", "valid_types": ["EventLogEntry"]}),
            "types that can be linked to, which EventLogEntry is not",
        ),
    ] {
        let (code, message) = told(make(&admin, entity_type, data_type, &given));
        assert_eq!(code, 103, "{message}");
        assert!(message.contains(text), "{message} has no {text}");
    }
    for asked in [
        json!({"type": "Shot", "data_type": "text", "properties": {"name": "x"}}),
        json!({"type": "Shot", "data_type": "text", "properties": [{"name": "x"}]}),
        json!({"type": "Shot", "properties": [{"property_name": "name", "value": "x"}]}),
        json!([1]),
    ] {
        assert_eq!(told(admin.call("schema_field_create", asked)).0, 103);
    }
    assert_eq!(admin.call("schema_read", Value::Null).unwrap(), before);
}

#[test]
fn properties_are_changed_and_bad_ones_are_refused_whole() {
    let site = site();
    let admin = Client::admin(&site);
    let name = made(&admin, "Shot", "list", json!({"name": "Weather", "valid_values": ["Sun", "Rain"]}));
    let given = json!({"name": "Sky", "description": "as seen", "summary_default": "count", "valid_values": ["Sun", "Fog"], "default_value": "Fog"});
    assert_eq!(change(&admin, "Shot", &name, given, Value::Null).unwrap(), true);
    let shown = described(&admin, "Shot", &name, Value::Null).unwrap();
    let value = |key: &str| shown["properties"][key]["value"].clone();
    assert_eq!(
        (&shown["name"]["value"], &shown["description"]["value"]),
        (&json!("Sky"), &json!("as seen"))
    );
    assert_eq!(
        (value("summary_default"), value("valid_values"), value("default_value")),
        (json!("count"), json!(["Sun", "Fog"]), json!("Fog"))
    );
    assert!(admin.update("Shot", 1, json!({&name: "Fog"})).is_ok());
    assert_eq!(told(admin.update("Shot", 1, json!({&name: "Rain"}))).0, 104);
    for (field, given, text) in [
        (
            name.as_str(),
            json!({"data_type": "text"}),
            "API schema_field_update() invalid property 'data_type'",
        ),
        (
            &name,
            json!({"name": "Other", "valid_values": ["Sun"]}),
            "'default_value' value 'Fog' is not a valid list value",
        ),
        (
            &name,
            json!({"name": "Other", "default_value": 5}),
            "'default_value' value expected",
        ),
        (
            &name,
            json!({"name": null}),
            "'name' value expected String that is not empty but got null",
        ),
        (
            &name,
            json!({"visible": false}),
            "property 'visible' is set for one project: missing 'project'",
        ),
        (
            "code",
            json!({"default_value": "x"}),
            "property 'default_value' of Shot.code is not editable",
        ),
        (
            "nothing",
            json!({"name": "x"}),
            "API schema_field_update() Shot.nothing doesn't exist.",
        ),
    ] {
        let (code, message) = told(change(&admin, "Shot", field, given, Value::Null));
        assert_eq!(code, 103, "{message}");
        assert!(message.contains(text), "{message} has no {text}");
    }
    assert_eq!(described(&admin, "Shot", &name, Value::Null).unwrap(), shown);
    // Nothing to change is no fault, and the fields that every site has can be named anew.
    assert_eq!(change(&admin, "Shot", &name, json!({}), Value::Null).unwrap(), true);
    change(
        &admin,
        "Shot",
        "code",
        json!({"name": "Shot Name", "description": "d"}),
        Value::Null,
    )
    .unwrap();
    let code = described(&admin, "Shot", "code", Value::Null).unwrap();
    assert_eq!(
        (&code["name"]["value"], &code["description"]["value"]),
        (&json!("Shot Name"), &json!("d"))
    );
}

#[test]
fn a_field_is_shown_or_hidden_for_each_project() {
    let site = site();
    let admin = Client::admin(&site);
    let name = made(&admin, "Asset", "text", json!({"name": "Visibility"}));
    let shown = |project: Value| described(&admin, "Asset", &name, project).unwrap()["visible"].clone();
    let (yes, no) = (json!({"value": true, "editable": true}), json!({"value": false, "editable": true}));
    change(&admin, "Asset", &name, json!({"visible": false}), project(1)).unwrap();
    assert_eq!(
        (shown(project(1)), shown(project(2)), shown(Value::Null)),
        (no.clone(), yes.clone(), yes.clone())
    );
    for (project, expected) in [(project(1), &no), (project(2), &yes)] {
        let schema = admin.call("schema_read", json!({"project": project})).unwrap();
        assert_eq!(schema["Asset"][&name]["visible"], *expected);
        assert_eq!(schema["Asset"]["code"]["visible"], json!({"value": true, "editable": false}));
    }
    assert_eq!(
        admin.call("schema_entity_read", json!({"project": project(1)})).unwrap()["Asset"]["visible"]["value"],
        true
    );
    // Values go in and out all the same.
    assert_eq!(admin.update("Asset", 1, json!({&name: "x"})).unwrap()[&name], "x");
    // Other properties hold for all projects.
    change(&admin, "Asset", &name, json!({"visible": true, "name": "Seen"}), project(1)).unwrap();
    assert_eq!(shown(project(1)), yes);
    assert_eq!(described(&admin, "Asset", &name, project(2)).unwrap()["name"]["value"], "Seen");
    let built_in = told(change(&admin, "Asset", "code", json!({"visible": false}), project(1)));
    assert_eq!(
        built_in,
        (
            103,
            "API schema_field_update() property 'visible' of Asset.code is not editable".to_owned()
        )
    );
    assert_eq!(told(change(&admin, "Asset", &name, json!({"visible": "no"}), project(1))).0, 103);
    let nowhere = (
        104,
        "API schema_field_update() CRUD ERROR #3: Entity of type [Project] with id=1000 does not exist.".to_owned(),
    );
    assert_eq!(
        told(change(&admin, "Asset", &name, json!({"visible": false}), project(1000))),
        nowhere
    );
    assert_eq!(
        told(change(&admin, "Asset", &name, json!({"visible": false}), link("Shot", 1))).0,
        103
    );
    for method in ["schema_read", "schema_entity_read"] {
        assert_eq!(told(admin.call(method, json!({"project": project(1000)}))).0, 104);
    }
}

#[test]
fn a_deleted_field_is_gone_and_its_name_is_taken() {
    let site = site();
    let admin = Client::admin(&site);
    let name = made(&admin, "Shot", "text", json!({"name": "Short Lived"}));
    admin.update("Shot", 1, json!({&name: "x"})).unwrap();
    assert_eq!(remove(&admin, "Shot", &name).unwrap(), true);
    assert_eq!(
        told(described(&admin, "Shot", &name, Value::Null)),
        (103, format!("API schema_field_read() Shot.{name} doesn't exist."))
    );
    assert!(
        !admin.call("schema_read", Value::Null).unwrap()["Shot"]
            .as_object()
            .unwrap()
            .contains_key(&name)
    );
    assert_eq!(admin.get("Shot", 1, json!([name])), json!({"type": "Shot", "id": 1}));
    assert_eq!(told(admin.ids("Shot", json!([is(&name, json!("x"))])).map(Value::from)).0, 103);
    assert_eq!(told(admin.update("Shot", 1, json!({&name: "y"}))).0, 104);
    assert_eq!(
        told(remove(&admin, "Shot", &name)),
        (103, format!("API schema_field_delete() Shot.{name} doesn't exist."))
    );
    assert_eq!(told(change(&admin, "Shot", &name, json!({"name": "x"}), Value::Null)).0, 103);
    let taken = told(make(&admin, "Shot", "number", &json!({"name": "Short Lived"})));
    assert_eq!(taken.0, 103);
    assert!(
        taken.1.starts_with(&format!(
            "API schema_field_create() failed, there is a retired field with the same field_name: {name}."
        )),
        "{taken:?}"
    );
    // Custom fields that the site came with can go, too; what it stands on can't.
    remove(&admin, "Shot", "sg_cut_order").unwrap();
    assert_eq!(told(admin.update("Shot", 1, json!({"sg_cut_order": 5}))).0, 104);
    for stock in ["code", "sg_status_list", "id"] {
        let (code, message) = told(remove(&admin, "Shot", stock));
        assert_eq!(
            (code, message),
            (
                103,
                format!("API schema_field_delete() Shot.{stock} can't be deleted: it is not a custom field.")
            )
        );
    }
    let ruled = told(remove(&admin, "Shot", "sg_cost"));
    assert_eq!(ruled.0, 104);
    assert!(
        ruled
            .1
            .contains("a permission rule names it: role 'vendor': rule 3130: Shot.sg_cost doesn't exist"),
        "{}",
        ruled.1
    );
    assert!(described(&admin, "Shot", "sg_cost", Value::Null).is_ok());
}

#[test]
fn administrators_change_the_schema_and_nobody_else() {
    let site = site();
    let admin = Client::person(&site, "admin");
    let name = made(&admin, "Shot", "text", json!({"name": "By Hand"}));
    for role in ["manager", "artist", "vendor"] {
        let person = Client::person(&site, role);
        let shown = described(&admin, "Shot", &name, Value::Null).unwrap()["name"]["value"].clone();
        let create = told(make(&person, "Shot", "text", &json!({"name": "Mine"})));
        assert_eq!(create.0, 104);
        assert!(
            create.1.contains("Entity of type DisplayColumn cannot be created by this user."),
            "{}",
            create.1
        );
        // Whether the arguments are any good is no part of the answer.
        assert_eq!(told(make(&person, "Shot", "nothing", &json!({}))), create);
        let update = told(change(&person, "Shot", &name, json!({"name": "Mine"}), Value::Null));
        assert!(
            update.0 == 104
                && update
                    .1
                    .contains(&format!("The field is not editable for this user: [Shot.{name}].")),
            "{}",
            update.1
        );
        let delete = told(remove(&person, "Shot", &name));
        assert!(
            delete.0 == 104 && delete.1.contains("can not be deleted by this user."),
            "{}",
            delete.1
        );
        assert_eq!(described(&admin, "Shot", &name, Value::Null).unwrap()["name"]["value"], shown);
    }
    // A role's rules for all fields hold for new ones.
    let artist = Client::person(&site, "artist");
    assert_eq!(described(&artist, "Shot", &name, Value::Null).unwrap()["editable"]["value"], false);
    let refused = told(artist.update("Shot", 1, json!({&name: "x"})));
    assert!(
        refused.0 == 104
            && refused
                .1
                .contains(&format!("The field is not editable for this user: [Shot.{name}].")),
        "{}",
        refused.1
    );
    let sudo = Client::admin(&site).with("sudo_as_login", json!("artist"));
    assert_eq!(told(remove(&sudo, "Shot", &name)).0, 104);
}
