//! What a field of each data type takes and refuses: the tables.

use serde_json::{Value, json};

use super::client::link;

/// The words for a value of the wrong kind, without the head.
fn kind(expected: &str, got: &str) -> (i64, String) {
    (103, format!("expected [{expected}] data type(s) but got {got}"))
}

fn bad(text: &str) -> (i64, String) {
    (104, text.to_owned())
}

fn argument(text: &str) -> (i64, String) {
    (103, text.to_owned())
}

/// What one field takes and refuses.
pub struct Case {
    pub data_type: &'static str,
    pub row: (&'static str, i64),
    pub field: &'static str,
    pub good: Vec<(Value, Value)>,
    pub bad: Vec<(Value, (i64, String))>,
}

fn same(values: &[Value]) -> Vec<(Value, Value)> {
    values.iter().map(|value| (value.clone(), value.clone())).collect()
}

fn amounts() -> Vec<Case> {
    let number = "String, Integer, NilClass";
    let whole = "Integer, NilClass";
    let float = "String, Integer, Float, NilClass";
    let limits = [json!(0), json!(-1), json!(2_147_483_647), json!(-2_147_483_648_i64), json!(null)];
    let with = |more: &[(Value, Value)]| [same(&limits), more.to_vec()].concat();
    let beyond = || (json!(2_147_483_648_i64), bad("integer out of range: 2147483648"));
    vec![
        Case {
            data_type: "number",
            row: ("Shot", 1),
            field: "sg_cut_in",
            good: with(&[(json!("17"), json!(17)), (json!(" -4 "), json!(-4))]),
            bad: vec![
                beyond(),
                (json!("2147483648"), bad("integer out of range: \"2147483648\"")),
                (json!(2.5), kind(number, "Float: 2.5")),
                (json!(2.0), kind(number, "Float: 2.0")),
                (json!(true), kind(number, "TrueClass: true")),
                (json!([1]), kind(number, "Array: [1]")),
                (json!("42abc"), bad("Invalid data for 'number' data type. Value: 42abc")),
                (json!(""), bad("Invalid data for 'number' data type. Value: ")),
            ],
        },
        Case {
            data_type: "percent",
            row: ("Shot", 1),
            field: "sg_percent_done",
            good: with(&[(json!(150), json!(150))]),
            bad: vec![
                beyond(),
                (json!(0.5), kind(whole, "Float: 0.5")),
                (json!("50"), kind(whole, "String: \"50\"")),
                (json!(false), kind(whole, "FalseClass: false")),
            ],
        },
        Case {
            data_type: "timecode",
            row: ("Shot", 1),
            field: "sg_timecode_in",
            good: with(&[(json!(86_400_001), json!(86_400_001))]),
            bad: vec![
                beyond(),
                (json!("01:00:00:00"), kind(whole, "String: \"01:00:00:00\"")),
                (json!(1.5), kind(whole, "Float: 1.5")),
            ],
        },
        Case {
            data_type: "duration",
            row: ("Project", 1),
            field: "duration",
            good: with(&[
                (json!("90"), json!(90)),
                (json!(90.9), json!(90)),
                (json!(-1.5), json!(-1)),
                (json!(0.4), json!(0)),
            ]),
            bad: vec![
                beyond(),
                (json!(1e18), bad("integer out of range: 1e+18")),
                (json!("2:30"), bad("Invalid data for 'duration' data type. Value: 2:30")),
                (json!(""), bad("Invalid data for 'duration' data type. Value: ")),
                (json!(true), kind("String, Integer, NilClass, Float", "TrueClass: true")),
            ],
        },
        Case {
            data_type: "float",
            row: ("Shot", 1),
            field: "sg_bid",
            good: vec![
                (json!(2), json!(2.0)),
                (json!(-0.25), json!(-0.25)),
                (json!(999_999_999.999_999), json!(999_999_999.999_999)),
                (json!(1.234_567_89), json!(1.234_568)),
                (json!(1e-9), json!(0.0)),
                (json!(" 4.5 "), json!(4.5)),
                (json!(null), json!(null)),
            ],
            bad: vec![
                (json!(1e9), bad("1000000000.0 is out of range (±999999999.999999)")),
                (json!("abc"), bad("Invalid data for 'float' data type. Value: abc")),
                (json!("NaN"), bad("Invalid data for 'float' data type. Value: NaN")),
                (json!(true), kind(float, "TrueClass: true")),
            ],
        },
        Case {
            data_type: "currency",
            row: ("Shot", 1),
            field: "sg_cost",
            good: vec![
                (json!(1234.5), json!(1234.5)),
                (json!(-9_999_999_999_999.99), json!(-9_999_999_999_999.99)),
                (json!(3), json!(3.0)),
                (json!(null), json!(null)),
            ],
            bad: vec![
                (json!(1e13), bad("10000000000000.0 is out of range (±9999999999999.99)")),
                (json!([1.5]), kind(float, "Array: [1.5]")),
            ],
        },
        Case {
            data_type: "checkbox",
            row: ("Shot", 1),
            field: "sg_hero",
            good: vec![
                (json!(true), json!(true)),
                (json!("false"), json!(false)),
                (json!("true"), json!(true)),
                (json!(false), json!(false)),
            ],
            bad: vec![
                (json!(null), kind("String, FalseClass, TrueClass", "NilClass: nil")),
                (json!(1), kind("String, FalseClass, TrueClass", "Integer: 1")),
                (json!("yes"), bad("Invalid data for 'checkbox' data type. Value: yes")),
                (json!(""), bad("Invalid data for 'checkbox' data type. Value: ")),
            ],
        },
    ]
}

fn words() -> Vec<Case> {
    let word = "String, NilClass";
    let no_time = |text: &str| {
        bad(&format!(
            "Invalid date time format: {text}. Correct format is 2011-01-21T13:26:09Z (UTC), 2011-01-21T13:26:09-07:00 (UTC Offset) or any \
             ISO8601 compatible string."
        ))
    };
    let no_date = |text: &str| bad(&format!("Invalid date format: {text}. Correct format is: 2011-01-21"));
    let no_color = |why: &str, text: &str| {
        bad(&format!(
            "{why}: [{text}]. The expected format is r,g,b where the values of r, g and b are in the range 0-255."
        ))
    };
    let nothing = json!(null);
    vec![
        Case {
            data_type: "text",
            row: ("Shot", 1),
            field: "description",
            good: vec![
                (json!("  two words \n"), json!("two words")),
                (json!("line 1\nline 2"), json!("line 1\nline 2")),
                (
                    json!("héllo ✨ 漢字 <b>&amp;</b> \"q\" 's'"),
                    json!("héllo ✨ 漢字 <b>&amp;</b> \"q\" 's'"),
                ),
                (json!("x".repeat(100_000)), json!("x".repeat(100_000))),
                (json!("   "), nothing.clone()),
                (json!(""), nothing.clone()),
                (json!(null), nothing.clone()),
            ],
            bad: vec![
                (json!(12_345), kind(word, "Integer: 12345")),
                (json!(true), kind(word, "TrueClass: true")),
                (json!(["a", null]), kind(word, "Array: [\"a\", nil]")),
                (json!({"a": 1}), kind(word, "Hash: {\"a\" => 1}")),
            ],
        },
        Case {
            data_type: "list",
            row: ("Shot", 1),
            field: "sg_shot_type",
            good: vec![
                (json!("2D"), json!("2D")),
                (json!(""), nothing.clone()),
                (json!(null), nothing.clone()),
            ],
            bad: vec![
                (
                    json!("2d"),
                    bad("'2d' is not a valid list value. Valid list values: 'Full CG', 'Live Action', 'Miniature', '2D'."),
                ),
                (json!(["2D"]), kind(word, "Array: [\"2D\"]")),
                (json!(0), kind(word, "Integer: 0")),
            ],
        },
        Case {
            data_type: "status_list",
            row: ("Shot", 1),
            field: "sg_status_list",
            good: vec![
                (json!("fin"), json!("fin")),
                (json!(""), nothing.clone()),
                (json!(null), nothing.clone()),
            ],
            bad: vec![
                (
                    json!("Final"),
                    bad("'Final' is not a valid status. Valid statuses: 'wtg', 'rdy', 'ip', 'hld', 'rev', 'fin', 'omt', 'cbb', 'na'."),
                ),
                (json!(1), kind(word, "Integer: 1")),
            ],
        },
        Case {
            data_type: "entity_type",
            row: ("TaskTemplate", 1),
            field: "entity_type",
            good: vec![
                (json!("Asset"), json!("Asset")),
                (json!(""), nothing.clone()),
                (json!(null), nothing.clone()),
            ],
            bad: vec![
                (
                    json!("shots"),
                    bad("'shots' is not a valid entity type. Valid entity types: 'ActionMenuItem', "),
                ),
                (json!({"type": "Shot"}), kind(word, "Hash: {\"type\" => \"Shot\"}")),
            ],
        },
        Case {
            data_type: "system_task_type",
            row: ("Task", 1),
            field: "sg_system_task_type",
            good: vec![(json!("review"), json!("review")), (json!(null), nothing.clone())],
            bad: vec![(json!(5), kind(word, "Integer: 5"))],
        },
        Case {
            data_type: "color",
            row: ("Shot", 1),
            field: "color",
            good: same(&[json!("0,128,255"), json!(null)]),
            bad: vec![
                (json!("#ff8000"), no_color("Value is not a valid color token", "#ff8000")),
                (
                    json!("pipeline_step"),
                    no_color("Value is not a valid color token", "pipeline_step"),
                ),
                (json!("red"), no_color("Value is not a valid color token", "red")),
                (json!("1,2"), no_color("The value is not a valid color expression", "1,2")),
                (json!("1, 2, 3"), no_color("At least one component value is not valid", "1, 2, 3")),
                (
                    json!("300,0,0"),
                    no_color("At least one component value is out of range", "300,0,0"),
                ),
                (json!([1, 2, 3]), kind(word, "Array: [1, 2, 3]")),
            ],
        },
        Case {
            data_type: "color",
            row: ("Task", 1),
            field: "color",
            good: vec![
                (json!("255,128,0"), json!("255,128,0")),
                (json!("Red"), json!("253,1,0")),
                (json!("pipeline_step"), json!("pipeline_step")),
            ],
            bad: vec![
                (json!(null), bad("Value cannot be nil.")),
                (json!("White"), no_color("Value is not a valid color token", "White")),
            ],
        },
        Case {
            data_type: "footage",
            row: ("Shot", 1),
            field: "sg_footage",
            good: same(&[json!("10-05"), json!("0-00"), json!(null)]),
            bad: vec![
                (
                    json!("ten feet"),
                    bad("Invalid data for 'footage' data type. Value: ten feet. Correct format is FF-ff"),
                ),
                (
                    json!("10-5-1"),
                    bad("Invalid data for 'footage' data type. Value: 10-5-1. Correct format is FF-ff"),
                ),
                (json!(10), kind(word, "Integer: 10")),
            ],
        },
        Case {
            data_type: "date",
            row: ("Shot", 1),
            field: "sg_turnover",
            good: vec![
                (json!("1968-10-13"), json!("1968-10-13")),
                (json!("2024-02-29"), json!("2024-02-29")),
                (json!(""), nothing.clone()),
                (json!(null), nothing.clone()),
            ],
            bad: vec![
                (json!("2024-01-10T00:00:00Z"), no_date("2024-01-10T00:00:00Z")),
                (json!("2023-02-29"), no_date("2023-02-29")),
                (json!("2024-1-1"), no_date("2024-1-1")),
                (json!("+123-01-01"), no_date("+123-01-01")),
                (json!("tomorrow"), no_date("tomorrow")),
                (json!(1_757_000_000), kind(word, "Integer: 1757000000")),
                (json!(false), kind(word, "FalseClass: false")),
            ],
        },
        Case {
            data_type: "date_time",
            row: ("Shot", 1),
            field: "sg_due",
            good: vec![
                (json!("2024-07-01T16:00:00Z"), json!("2024-07-01T16:00:00Z")),
                (json!("2024-07-01T18:00:00+02:00"), json!("2024-07-01T16:00:00Z")),
                (json!("2024-12-31T20:00:00-08:00"), json!("2025-01-01T04:00:00Z")),
                (json!("2024-07-01T16:00:00"), json!("2024-07-01T16:00:00Z")),
                (json!("2024-07-01T16:00:00.999Z"), json!("2024-07-01T16:00:00Z")),
                (json!("2024-07-01"), json!("2024-07-01T00:00:00Z")),
                (json!(null), nothing.clone()),
            ],
            bad: vec![
                (json!("2024-07-01 16:00:00"), no_time("2024-07-01 16:00:00")),
                (json!("2024-02-30T00:00:00Z"), no_time("2024-02-30T00:00:00Z")),
                (json!("2024-07-01T24:00:00Z"), no_time("2024-07-01T24:00:00Z")),
                (json!("9999-12-31T23:00:00-10:00"), no_time("9999-12-31T23:00:00-10:00")),
                (json!(""), no_time("")),
                (json!("1772600767"), no_time("1772600767")),
                (json!(1_772_600_767), kind(word, "Integer: 1772600767")),
            ],
        },
        Case {
            data_type: "tag_list",
            row: ("Shot", 1),
            field: "tag_list",
            good: vec![
                (json!(["b", "a"]), json!(["b", "a"])),
                (json!([]), json!([])),
                (json!(null), json!([])),
            ],
            bad: vec![
                (json!("a"), kind("Array, NilClass", "String: \"a\"")),
                (json!([1]), kind(word, "Integer: 1")),
            ],
        },
        Case {
            data_type: "serializable",
            row: ("Shot", 1),
            field: "sg_pipeline_data",
            good: same(&[
                json!({"a": [1, {"b": null}], "é": 2.5}),
                json!([1, "two", null, true]),
                json!({}),
                json!(null),
            ]),
            bad: vec![
                (json!("{}"), kind("Hash, Array, NilClass", "String: \"{}\"")),
                (json!(42), kind("Hash, Array, NilClass", "Integer: 42")),
            ],
        },
        Case {
            data_type: "image",
            row: ("Shot", 1),
            field: "image",
            good: same(&[json!(null)]),
            bad: vec![
                (json!("http://x/y.png"), kind("Hash, NilClass", "String: \"http://x/y.png\"")),
                (
                    json!({"url": "http://x/y.png"}),
                    argument("invalid/missing entity hash string 'type': {\"url\" => \"http://x/y.png\"}"),
                ),
                (
                    link("Attachment", 1),
                    argument("Write access of the 'image' data type (image) not yet supported in API"),
                ),
            ],
        },
        Case {
            data_type: "password",
            row: ("HumanUser", 3),
            field: "password_proxy",
            good: vec![(json!("a new one"), json!("*******"))],
            bad: vec![(json!(123_456), argument("expected [String, NilClass] data type(s) but got Integer"))],
        },
        Case {
            data_type: "uuid",
            row: ("HumanUser", 3),
            field: "uuid",
            good: vec![],
            bad: vec![(json!("3f2504e0-4f89-11d3-9a0c-0305e82c3301"), argument("is read only"))],
        },
        Case {
            data_type: "pivot_column",
            row: ("Shot", 1),
            field: "step_0",
            good: vec![],
            bad: vec![(json!("fin"), argument("is read only")), (json!(null), argument("is read only"))],
        },
        Case {
            data_type: "summary",
            row: ("Shot", 1),
            field: "sg_versions_summary",
            good: vec![],
            bad: vec![(json!(3), argument("is read only"))],
        },
    ]
}

fn links() -> Vec<Case> {
    let hash = "Hash, NilClass";
    let named = |entity_type: &str, id: i64, name: &str| json!({"type": entity_type, "id": id, "name": name});
    let gone = |entity_type: &str| {
        bad(&format!(
            "Value is not legal. Entity of type [{entity_type}] with id=999999 does not exist."
        ))
    };
    vec![
        Case {
            data_type: "entity",
            row: ("Shot", 1),
            field: "sg_sequence",
            good: vec![
                (link("Sequence", 2), named("Sequence", 2, "SQ020")),
                (
                    json!({"type": "Sequence", "id": 1, "name": "made up", "code": 5}),
                    named("Sequence", 1, "SQ010"),
                ),
                (json!(null), json!(null)),
            ],
            bad: vec![
                (json!(1), kind(hash, "Integer: 1")),
                (json!(""), kind(hash, "String: \"\"")),
                (json!([]), kind(hash, "Array: []")),
                (
                    json!({}),
                    argument("invalid/missing entity hash string 'type': {} Valid entity types: [\"ActionMenuItem\", "),
                ),
                (
                    json!({"id": 1}),
                    argument("invalid/missing entity hash string 'type': {\"id\" => 1} Valid entity types: ["),
                ),
                (
                    json!({"type": "Blob", "id": 1}),
                    argument("invalid/missing entity hash string 'type': "),
                ),
                (
                    json!({"type": "Sequence", "name": "SQ010"}),
                    argument("invalid/missing entity hash integer 'id': {\"type\" => \"Sequence\", \"name\" => \"SQ010\"}"),
                ),
                (
                    json!({"type": "Sequence", "id": "1"}),
                    argument("invalid/missing entity hash integer 'id': "),
                ),
                (link("Sequence", 999_999), gone("Sequence")),
                (link("Asset", 1), bad("Sequence expected, got Asset")),
            ],
        },
        Case {
            data_type: "entity",
            row: ("Shot", 1),
            field: "sg_supervisor",
            good: vec![(link("Group", 1), named("Group", 1, "Animators"))],
            bad: vec![(
                link("Shot", 2),
                bad("Value is not legal. One of HumanUser, Group expected, got Shot"),
            )],
        },
        Case {
            data_type: "multi_entity",
            row: ("Shot", 1),
            field: "assets",
            good: vec![
                (json!([link("Asset", 2), link("Asset", 2)]), json!([named("Asset", 2, "Gull")])),
                (json!([]), json!([])),
            ],
            bad: vec![
                (json!(null), kind("Array", "NilClass: nil")),
                (link("Asset", 1), kind("Array", "Hash: {\"type\" => \"Asset\", \"id\" => 1}")),
                (json!([7]), argument("invalid/missing entity hash: 7")),
                (
                    json!([{"id": 1}]),
                    argument("invalid/missing entity hash string 'type': {\"id\" => 1}"),
                ),
                (json!([link("Asset", 1), link("Asset", 999_999)]), gone("Asset")),
                (json!([link("Asset", 1), link("Shot", 2)]), bad("Asset expected, got Shot")),
            ],
        },
        Case {
            data_type: "addressing",
            row: ("Shot", 1),
            field: "sg_recipients",
            good: vec![(json!([link("Group", 1)]), json!([named("Group", 1, "Animators")]))],
            bad: vec![(
                json!([link("Shot", 1)]),
                bad("Value is not legal. One of HumanUser, Group expected, got Shot"),
            )],
        },
        Case {
            data_type: "url",
            row: ("Shot", 1),
            field: "sg_reference",
            good: vec![(json!(null), json!(null))],
            bad: vec![
                (json!("http://x"), kind(hash, "String: \"http://x\"")),
                (json!(""), kind(hash, "String: \"\"")),
                (json!({}), argument("invalid/missing url hash string 'url': {}")),
                (json!({"url": 5}), argument("invalid/missing url hash string 'url': {\"url\" => 5}")),
                (
                    link("Attachment", 999_999),
                    bad("Value is not legal. Entity of type [Attachment] with id=999999 does not exist, or has no file."),
                ),
                (
                    json!({"local_path": "/elsewhere/a.exr"}),
                    bad("Path /elsewhere/a.exr doesn't match any defined Local Storage."),
                ),
            ],
        },
    ]
}

pub fn cases() -> Vec<Case> {
    [amounts(), words(), links()].into_iter().flatten().collect()
}
