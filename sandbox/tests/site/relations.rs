//! Which relations each data type has, and the refusals of those that it lacks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::{Client, condition, link, site};

/// Every relation of the documentation.
const RELATIONS: [&str; 28] = [
    "is",
    "is_not",
    "less_than",
    "greater_than",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "between",
    "not_between",
    "in_last",
    "not_in_last",
    "in_next",
    "not_in_next",
    "in",
    "not_in",
    "type_is",
    "type_is_not",
    "in_calendar_day",
    "in_calendar_week",
    "in_calendar_month",
    "in_calendar_year",
    "name_contains",
    "name_not_contains",
    "name_starts_with",
    "name_ends_with",
    "name_is",
    "name_id",
];

/// A field of each data type, its relations in the order in which a refusal lists them, and a value for it.
fn fields() -> Vec<(&'static str, &'static str, &'static str, &'static str, Value)> {
    let text = "contains not_contains is is_not starts_with ends_with in not_in";
    let amount = "is is_not greater_than less_than between in not_in";
    let number = "is is_not greater_than less_than between not_between in not_in";
    let date = "is is_not greater_than less_than in_last not_in_last in_next not_in_next in_calendar_week in_calendar_month \
                in_calendar_day in_calendar_year between in not_in";
    let choice = "is is_not in not_in";
    let one = "is is_not name_contains name_not_contains name_is type_is type_is_not in not_in";
    let many = "is is_not contains not_contains name_contains name_not_contains name_is type_is type_is_not in not_in";
    let addresses =
        "is is_not contains not_contains in type_is type_is_not name_contains name_not_contains name_starts_with name_ends_with";
    let tags = "is is_not contains not_contains name_contains name_not_contains name_id";
    let day = json!("2024-01-10");
    vec![
        ("text", "Shot", "code", text, json!("a")),
        ("number", "Shot", "sg_cut_in", number, json!(5)),
        ("currency", "Shot", "sg_cost", number, json!(5.5)),
        ("float", "Shot", "sg_bid", amount, json!(1.5)),
        ("percent", "Shot", "sg_percent_done", amount, json!(5)),
        ("duration", "Task", "est_in_mins", amount, json!(5)),
        ("timecode", "Shot", "sg_timecode_in", amount, json!(5)),
        ("checkbox", "Shot", "sg_hero", "is is_not", json!(true)),
        ("date", "Shot", "sg_turnover", date, day.clone()),
        ("date_time", "Shot", "sg_due", date, day),
        ("list", "Shot", "sg_shot_type", choice, json!("2D")),
        ("status_list", "Shot", "sg_status_list", choice, json!("fin")),
        ("color", "Shot", "color", choice, json!("1,2,3")),
        ("entity_type", "Step", "entity_type", choice, json!("Shot")),
        ("system_task_type", "Task", "sg_system_task_type", choice, json!("a")),
        ("footage", "Shot", "sg_footage", choice, json!("1-02")),
        ("uuid", "HumanUser", "uuid", choice, json!("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
        ("entity", "Shot", "sg_sequence", one, link("Sequence", 1)),
        ("multi_entity", "Shot", "assets", many, link("Asset", 1)),
        ("addressing", "Shot", "sg_recipients", addresses, link("HumanUser", 1)),
        ("tag_list", "Shot", "tag_list", tags, json!("a")),
        ("image", "Shot", "image", "is is_not", json!(null)),
        ("pivot_column", "Shot", "step_0", "is is_not", json!(null)),
        ("url", "Shot", "sg_reference", "", json!(null)),
        ("serializable", "Shot", "sg_pipeline_data", "", json!(null)),
        ("password", "HumanUser", "password_proxy", "", json!("a")),
        ("summary", "Shot", "sg_versions_summary", "", json!(1)),
    ]
}

/// Values that a relation takes, given one that its field has.
fn values(relation: &str, value: &Value) -> Value {
    match relation.trim_start_matches("not_") {
        "between" => json!([value, value]),
        "in_last" | "in_next" => json!([3, "DAY"]),
        "type_is" | "type_is_not" => json!(["HumanUser"]),
        "name_id" => json!([1]),
        relation if relation.starts_with("in_calendar_") => json!([0]),
        relation if relation.starts_with("name_") => json!(["a"]),
        _ => json!([value]),
    }
}

#[test]
fn each_data_type_has_its_relations_and_refuses_the_others() {
    let site = site();
    let admin = Client::admin(&site);
    let schema = admin.call("schema_read", json!({})).unwrap();
    let mut seen = BTreeMap::new();
    for (data_type, entity_type, field, relations, value) in fields() {
        seen.insert(data_type, ());
        assert_eq!(schema[entity_type][field]["data_type"]["value"], data_type, "{entity_type}.{field}");
        let valid: Vec<&str> = relations.split_whitespace().collect();
        for relation in RELATIONS.iter().chain(&["sounds_like", "", "IS"]) {
            let found = admin.ids(entity_type, json!([condition(field, relation, values(relation, &value))]));
            let name = format!("{entity_type}.{field} {relation}");
            if valid.contains(relation) && data_type != "pivot_column" {
                assert!(found.is_ok(), "{name}: {found:?}");
                continue;
            }
            let refusal = found.unwrap_err();
            let message = if valid.is_empty() {
                format!("API read() {entity_type}.{field}'s '{data_type}' data type cannot be used in a filter.")
            } else if valid.contains(relation) {
                "API read() of data type 'pivot_column' not supported in API".to_owned()
            } else {
                format!(
                    "API read() {entity_type}.{field}'s '{data_type}' data type doesn't support '{relation}' 'relation'. Valid relations: {valid:?}"
                )
            };
            assert_eq!((refusal.code, refusal.message), (103, message), "{name}");
        }
    }
    for fields in schema.as_object().unwrap().values() {
        for (name, field) in fields.as_object().unwrap() {
            let data_type = field["data_type"]["value"].as_str().unwrap();
            assert!(seen.contains_key(data_type), "{name} is of type {data_type}, which has no case");
        }
    }
}

#[test]
fn relations_behind_a_link_are_those_of_the_field_at_the_end() {
    let site = site();
    let admin = Client::admin(&site);
    for (path, relation, named) in [
        ("sg_sequence.Sequence.sg_status_list", "contains", "status_list"),
        ("assets.Asset.sg_status_list", "contains", "status_list"),
        ("assets.Asset.created_at", "not_between", "date_time"),
        ("tasks.Task.step.Step.entity_type", "starts_with", "entity_type"),
    ] {
        let refusal = admin.ids("Shot", json!([condition(path, relation, json!(["a"]))])).unwrap_err();
        let head =
            format!("API read() Shot.{path}'s '{named}' data type doesn't support '{relation}' 'relation'. Valid relations: [\"is\", ");
        assert!(refusal.message.starts_with(&head), "{refusal}");
    }
}

#[test]
fn how_many_values_a_relation_takes() {
    let site = site();
    let admin = Client::admin(&site);
    let (one, two) = ("a 1-element array", "a 2-element array");
    for (path, relation, values, wanted, shown) in [
        ("code", "is", json!(["a", "b"]), one, "[\"a\", \"b\"]"),
        ("code", "is_not", json!([]), one, "[]"),
        ("code", "contains", json!(["a", null]), one, "[\"a\", nil]"),
        ("id", "in", json!([]), "at least a 1-element array", "[]"),
        ("assets", "not_in", json!([]), "at least a 1-element array", "[]"),
        (
            "assets",
            "is",
            json!([link("Asset", 1), null]),
            one,
            "[{\"type\" => \"Asset\", \"id\" => 1}, nil]",
        ),
        ("sg_cut_in", "between", json!([1]), two, "[1]"),
        ("sg_cut_in", "not_between", json!([1, 2, 3]), two, "[1, 2, 3]"),
        ("sg_due", "in_last", json!([5]), two, "[5]"),
        ("sg_due", "in_calendar_day", json!([]), one, "[]"),
        ("sg_sequence", "type_is", json!(["Shot", "Asset"]), one, "[\"Shot\", \"Asset\"]"),
    ] {
        let refusal = admin.ids("Shot", json!([condition(path, relation, values)])).unwrap_err();
        let message = format!("API read() '{relation}' 'relation' expects {wanted}: {shown}");
        assert_eq!((refusal.code, refusal.message), (103, message));
    }
}

#[test]
fn values_that_the_field_could_not_have_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let no_time = "Invalid date time format: yesterday. Correct format is 2011-01-21T13:26:09Z (UTC), 2011-01-21T13:26:09-07:00 (UTC \
                   Offset) or any ISO8601 compatible string.";
    for (path, relation, values, message) in [
        (
            "code",
            "is",
            json!([5]),
            "Shot.code expected [String, NilClass] data type(s) but got Integer: 5",
        ),
        (
            "code",
            "contains",
            json!([["a"]]),
            "Shot.code expected [String, NilClass] data type(s) but got Array: [\"a\"]",
        ),
        (
            "sg_cut_in",
            "is",
            json!([2.5]),
            "Shot.sg_cut_in expected [String, Integer, NilClass] data type(s) but got Float: 2.5",
        ),
        (
            "sg_cut_in",
            "in",
            json!([1, true]),
            "Shot.sg_cut_in expected [String, Integer, NilClass] data type(s) but got TrueClass: true",
        ),
        (
            "sg_cut_in",
            "less_than",
            json!(["ten"]),
            "Invalid data for 'number' data type. Value: ten",
        ),
        (
            "sg_percent_done",
            "is",
            json!(["50"]),
            "Shot.sg_percent_done expected [Integer, NilClass] data type(s) but got String: \"50\"",
        ),
        (
            "sg_hero",
            "is",
            json!([null]),
            "Shot.sg_hero expected [String, FalseClass, TrueClass] data type(s) but got NilClass: nil",
        ),
        (
            "sg_hero",
            "is_not",
            json!([1]),
            "Shot.sg_hero expected [String, FalseClass, TrueClass] data type(s) but got Integer: 1",
        ),
        ("sg_hero", "is", json!(["1"]), "Invalid data for 'checkbox' data type. Value: 1"),
        (
            "sg_turnover",
            "is",
            json!(["2024-01-10T00:00:00Z"]),
            "Invalid date format: 2024-01-10T00:00:00Z. Correct format is: 2011-01-21",
        ),
        (
            "sg_turnover",
            "between",
            json!(["2024-01-10", 5]),
            "Shot.sg_turnover expected [String, NilClass] data type(s) but got Integer: 5",
        ),
        ("sg_due", "greater_than", json!(["yesterday"]), no_time),
        (
            "sg_due",
            "in_last",
            json!([1, "FORTNIGHT"]),
            "'in_last' 'relation' doesn't support the 'FORTNIGHT' time unit: [1, \"FORTNIGHT\"] Valid time units: [\"HOUR\", \"DAY\", \
             \"WEEK\", \"MONTH\", \"YEAR\"]",
        ),
        (
            "sg_due",
            "not_in_next",
            json!([1, "day"]),
            "'not_in_next' 'relation' doesn't support the 'day' time unit: [1, \"day\"] Valid time units: [\"HOUR\", ",
        ),
        (
            "sg_due",
            "in_next",
            json!([-1, "DAY"]),
            "'in_next' 'relation' expects a positive Integer",
        ),
        (
            "sg_due",
            "in_next",
            json!(["DAY", 1]),
            "'in_next' 'relation' expects a positive Integer",
        ),
        (
            "sg_due",
            "in_calendar_week",
            json!([1.5]),
            "Shot.sg_due expected [Integer] data type(s) but got Float: 1.5",
        ),
        (
            "project",
            "is",
            json!([1]),
            "Shot.project expected [Hash, NilClass] data type(s) but got Integer: 1",
        ),
        (
            "project",
            "in",
            json!([{"id": 1}]),
            "invalid/missing entity hash string 'type': {\"id\" => 1} Valid entity types: [",
        ),
        (
            "project",
            "is",
            json!([{"type": "Project"}]),
            "invalid/missing entity hash integer 'id': {\"type\" => \"Project\"}",
        ),
        ("assets", "in", json!([7]), "invalid/missing entity hash: 7"),
        (
            "sg_sequence",
            "name_contains",
            json!([null]),
            "Shot.sg_sequence expected [String] data type(s) but got NilClass: nil",
        ),
        (
            "sg_sequence",
            "type_is",
            json!([1]),
            "Shot.sg_sequence expected [String, NilClass] data type(s) but got Integer: 1",
        ),
        (
            "tag_list",
            "is",
            json!([1]),
            "Shot.tag_list expected [String, NilClass] data type(s) but got Integer: 1",
        ),
        (
            "tag_list",
            "name_id",
            json!(["1"]),
            "Shot.tag_list expected [Integer] data type(s) but got String: \"1\"",
        ),
        (
            "image",
            "is",
            json!(["x"]),
            "'is' 'relation' expects a nil value for 'image' data type: [\"x\"]",
        ),
    ] {
        let refusal = admin.ids("Shot", json!([condition(path, relation, values)])).unwrap_err();
        let told = refusal.message.starts_with(&format!("API read() {message}"));
        assert!(told && refusal.code == 103, "{path} {relation}: {refusal}");
    }
    let refusal = admin.ids("HumanUser", json!([condition("uuid", "is", json!([null]))])).unwrap_err();
    assert_eq!(
        refusal.message,
        "API read() HumanUser.uuid expected [String] data type(s) but got NilClass: nil"
    );
    // The verb is that of the call.
    let filters = json!({"logical_operator": "and", "conditions": [condition("code", "sounds_like", json!(["a"]))]});
    let refusal = admin
        .call("summarize", json!({"type": "Shot", "summaries": [], "filters": filters}))
        .unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("API summarize() Shot.code's 'text' data type doesn't support"),
        "{refusal}"
    );
}

/// Checks conditions on one field against the values that they must find.
fn check(field: &str, kept: &[Value], cases: &[(&str, Value, &[usize])]) {
    let site = site();
    let admin = Client::admin(&site);
    let shots: Vec<i64> = (0..kept.len()).map(|n| admin.new_shot(&format!("REL_{n}"))).collect();
    for (id, value) in shots.iter().zip(kept) {
        admin.update("Shot", *id, json!({field: value})).unwrap();
    }
    for (relation, values, expected) in cases {
        let conditions = json!([
            condition("code", "starts_with", json!(["REL_"])),
            condition(field, relation, values.clone())
        ]);
        let found = admin.ids("Shot", conditions).unwrap();
        let places: Vec<usize> = found.iter().map(|id| shots.iter().position(|shot| shot == id).unwrap()).collect();
        assert_eq!(places, *expected, "{field} {relation} {values}");
    }
}

#[test]
fn the_empty_text_is_no_text() {
    let kept = [json!("lighting"), json!(""), json!(null)];
    check(
        "description",
        &kept,
        &[
            ("is", json!(["LIGHTING"]), &[0]),
            ("is", json!([null]), &[1, 2]),
            ("is", json!([""]), &[1, 2]),
            ("is_not", json!([""]), &[0]),
            ("is_not", json!(["lighting"]), &[1, 2]),
            ("contains", json!([""]), &[0]),
            ("starts_with", json!([""]), &[0]),
            ("ends_with", json!([""]), &[0]),
            ("not_contains", json!([""]), &[1, 2]),
            ("contains", json!([null]), &[]),
            ("in", json!([""]), &[]),
            ("not_in", json!([""]), &[0, 1, 2]),
            ("in", json!(["", "lighting"]), &[0]),
        ],
    );
}

#[test]
fn words_from_a_list() {
    check(
        "sg_shot_type",
        &[json!("Full CG"), json!("2D"), json!(null)],
        &[
            ("is", json!(["full cg"]), &[0]),
            ("is_not", json!(["FULL CG"]), &[1, 2]),
            ("in", json!(["2d", "nothing"]), &[1]),
            ("is", json!(["nothing"]), &[]),
            ("is", json!([""]), &[2]),
            ("is", json!([null]), &[2]),
        ],
    );
    let colors = [json!("1,2,3"), json!("10,20,30"), json!(null)];
    check(
        "color",
        &colors,
        &[
            ("is", json!(["1,2,3"]), &[0]),
            ("in", json!(["1,2,3", "10,20,30"]), &[0, 1]),
            ("is_not", json!(["1,2,3"]), &[1, 2]),
            ("is", json!([null]), &[2]),
        ],
    );
}

#[test]
fn what_is_zero_is_there() {
    check(
        "sg_cut_in",
        &[json!(1001), json!(0), json!(null)],
        &[
            ("is", json!(["1001"]), &[0]),
            ("is", json!([null]), &[2]),
            ("is_not", json!([1001]), &[1, 2]),
            ("greater_than", json!([-1]), &[0, 1]),
            ("less_than", json!([1]), &[1]),
            ("between", json!([0, 2000]), &[0, 1]),
            ("between", json!([2000, 0]), &[]),
            ("not_between", json!([0, 10]), &[0, 2]),
            ("not_in", json!([999_999]), &[0, 1, 2]),
            ("between", json!([0, null]), &[]),
        ],
    );
    check(
        "sg_bid",
        &[json!(1.234_567_89), json!(0.0), json!(null)],
        &[
            ("is", json!([1.234_567_89]), &[0]),
            ("is", json!([1.234_568]), &[0]),
            ("is", json!(["0.0"]), &[1]),
            ("is", json!([0]), &[1]),
            ("is", json!([1.23]), &[]),
            ("not_in", json!([0]), &[0, 2]),
        ],
    );
}

#[test]
fn days_and_moments() {
    check(
        "sg_turnover",
        &[json!("2024-03-04"), json!("2024-03-05"), json!(null)],
        &[
            ("between", json!(["2024-03-05", "2024-03-04"]), &[0, 1]),
            ("between", json!(["2024-03-04", "2024-03-04"]), &[0]),
            ("between", json!(["2024-03-04", null]), &[]),
            ("greater_than", json!(["2024-03-04"]), &[1]),
            ("is", json!([""]), &[2]),
            ("in", json!(["2024-03-04", null]), &[0, 2]),
            ("not_in_last", json!([1, "MONTH"]), &[0, 1, 2]),
            ("in_last", json!([200, "YEAR"]), &[0, 1]),
        ],
    );
    check(
        "sg_due",
        &[
            json!("2024-03-03T23:30:00Z"),
            json!("2024-03-04T00:00:00Z"),
            json!("2024-03-04T00:30:00Z"),
        ],
        &[
            // A bare date is its midnight.
            ("is", json!(["2024-03-04"]), &[1]),
            ("greater_than", json!(["2024-03-04"]), &[2]),
            ("less_than", json!(["2024-03-04"]), &[0]),
            ("is", json!(["2024-03-04T02:30:00+02:00"]), &[2]),
        ],
    );
}
