//! summarize.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, is, link, project, site};

/// Five shots in two sequences.
fn small() -> Sandbox {
    let seed = json!({
        "roles": [{"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [{"id": 1, "effect": "allow", "verbs": ["read_entity"]}]}],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "p", "name": "P"}]},
            {"type": "Sequence", "rows": [{"$": "a", "project": "$p", "code": "A"}, {"$": "b", "project": "$p", "code": "B"}]},
            {"type": "Asset", "rows": [{"$": "x", "project": "$p", "code": "X"}, {"$": "y", "project": "$p", "code": "Y"}]},
            {"type": "Shot", "defaults": {"project": "$p"}, "rows": [
                {"code": "a1", "sg_sequence": "$a", "sg_cut_duration": 10, "sg_status_list": "ip", "sg_hero": true, "sg_turnover": "2024-01-03", "assets": ["$x", "$y"]},
                {"code": "a2", "sg_sequence": "$a", "sg_cut_duration": 20, "sg_status_list": "fin", "sg_turnover": "2024-01-09", "assets": ["$x"]},
                {"code": "b1", "sg_sequence": "$b", "sg_cut_duration": 30, "sg_status_list": "ip", "sg_turnover": "2024-02-01"},
                {"code": "b2", "sg_sequence": "$b", "sg_cut_duration": 110, "sg_status_list": "ip"},
                {"code": "c1", "sg_status_list": "ip"}]},
        ],
    });
    Sandbox::builder().seed_str(seed.to_string()).start().unwrap()
}

fn summarize(client: &Client, summaries: Value, grouping: Value) -> Value {
    let parameters = json!({
        "type": "Shot", "summaries": summaries, "grouping": grouping,
        "filters": {"logical_operator": "and", "conditions": []},
    });
    client.call("summarize", parameters).unwrap()
}

fn one(client: &Client, field: &str, kind: &str) -> Value {
    let reply = summarize(client, json!([{"field": field, "type": kind}]), json!([]));
    assert_eq!(reply["groups"], json!([]));
    reply["summaries"].clone()
}

#[test]
fn every_kind_of_summary() {
    let site = small();
    let admin = Client::admin(&site);
    for (field, kind, expected) in [
        ("id", "count", json!(5)),
        ("id", "record_count", json!(5)),
        ("sg_sequence", "count", json!(4)),
        ("assets", "count", json!(2)),
        ("sg_cut_duration", "count", json!(4)),
        ("sg_cut_duration", "sum", json!(170)),
        ("sg_cut_duration", "maximum", json!(110)),
        ("sg_cut_duration", "minimum", json!(10)),
        ("sg_cut_duration", "average", json!(42.5)),
        ("sg_turnover", "earliest", json!("2024-01-03")),
        ("sg_turnover", "latest", json!("2024-02-01")),
        ("sg_hero", "checked", json!(1)),
        ("sg_hero", "unchecked", json!(4)),
        ("sg_hero", "percentage", json!(20.0)),
        ("sg_status_list", "status_list", json!("ip")),
    ] {
        assert_eq!(one(&admin, field, kind)[field], expected, "{kind} of {field}");
    }
    let share = |kind: &str| {
        let summary = json!([{"field": "sg_status_list", "type": kind, "value": "fin"}]);
        summarize(&admin, summary, json!([]))["summaries"]["sg_status_list"].clone()
    };
    assert_eq!(share("status_percentage"), 20);
    assert_eq!(share("status_percentage_as_float"), 20.0);
}

#[test]
fn what_can_not_be_summarized_has_no_entry() {
    let site = small();
    let admin = Client::admin(&site);
    assert_eq!(one(&admin, "code", "sum"), json!({}));
    assert_eq!(one(&admin, "sg_turnover", "average"), json!({}));
    // Of two summaries of one field the last counts.
    let both = json!([{"field": "sg_cut_duration", "type": "sum"}, {"field": "sg_cut_duration", "type": "maximum"}]);
    assert_eq!(summarize(&admin, both, json!([]))["summaries"], json!({"sg_cut_duration": 110}));
    for summaries in [
        json!([{"field": "foo", "type": "count"}]),
        json!([{"field": "id", "type": "median"}]),
        json!([{"field": "id"}]),
        json!(5),
    ] {
        let refusal = admin
            .call("summarize", json!({"type": "Shot", "summaries": summaries}))
            .unwrap_err();
        assert_eq!(refusal.code, 103, "{summaries}");
    }
}

#[test]
fn groups_by_value_and_within_them_by_link() {
    let site = small();
    let admin = Client::admin(&site);
    let reply = summarize(
        &admin,
        json!([{"field": "id", "type": "count"}, {"field": "sg_cut_duration", "type": "sum"}]),
        json!([{"field": "sg_sequence", "type": "exact", "direction": "asc"}, {"field": "sg_status_list", "type": "exact", "direction": "desc"}]),
    );
    assert_eq!(reply["summaries"], json!({"id": 5, "sg_cut_duration": 170}));
    let groups = reply["groups"].as_array().unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group["group_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["", "A", "B"]);
    assert_eq!(
        groups[1]["group_value"],
        json!({"type": "Sequence", "id": 1, "name": "A", "valid": "valid"})
    );
    assert_eq!(groups[0]["group_value"], json!(null));
    assert_eq!(groups[1]["summaries"], json!({"id": 2, "sg_cut_duration": 30}));
    assert_eq!(
        groups[1]["groups"],
        json!([
            {"group_name": "ip", "group_value": "ip", "summaries": {"id": 1, "sg_cut_duration": 10}},
            {"group_name": "fin", "group_value": "fin", "summaries": {"id": 1, "sg_cut_duration": 20}},
        ])
    );
}

#[test]
fn every_kind_of_grouping() {
    let site = small();
    let admin = Client::admin(&site);
    let values = |field: &str, kind: &str| {
        let grouping = json!([{"field": field, "type": kind, "direction": "asc"}]);
        let reply = summarize(&admin, json!([{"field": "id", "type": "count"}]), grouping);
        let groups = reply["groups"].as_array().unwrap().clone();
        groups
            .iter()
            .map(|group| json!([group["group_value"], group["summaries"]["id"]]))
            .collect::<Value>()
    };
    for (field, kind, expected) in [
        ("sg_cut_duration", "tens", json!([[null, 1], [10, 1], [20, 1], [30, 1], [110, 1]])),
        ("sg_cut_duration", "hundreds", json!([[null, 1], [0, 3], [100, 1]])),
        ("sg_cut_duration", "thousands", json!([[null, 1], [0, 4]])),
        ("sg_cut_duration", "tensofthousands", json!([[null, 1], [0, 4]])),
        ("sg_cut_duration", "hundredsofthousands", json!([[null, 1], [0, 4]])),
        ("sg_cut_duration", "millions", json!([[null, 1], [0, 4]])),
        (
            "sg_turnover",
            "day",
            json!([[null, 2], ["2024-01-03", 1], ["2024-01-09", 1], ["2024-02-01", 1]]),
        ),
        (
            "sg_turnover",
            "oneday",
            json!([[null, 2], ["2024-01-03", 1], ["2024-01-09", 1], ["2024-02-01", 1]]),
        ),
        (
            "sg_turnover",
            "week",
            json!([[null, 2], ["2024-01-01", 1], ["2024-01-08", 1], ["2024-01-29", 1]]),
        ),
        ("sg_turnover", "month", json!([[null, 2], ["2024-01", 2], ["2024-02", 1]])),
        ("sg_turnover", "quarter", json!([[null, 2], ["2024-Q1", 3]])),
        ("sg_turnover", "year", json!([[null, 2], ["2024", 3]])),
        ("sg_turnover", "clustered_date", json!([[null, 2], ["Earlier", 3]])),
        ("code", "firstletter", json!([["A", 2], ["B", 2], ["C", 1]])),
        ("sg_sequence", "entitytype", json!([[null, 1], ["Sequence", 4]])),
        ("sg_hero", "exact", json!([[false, 4], [true, 1]])),
    ] {
        assert_eq!(values(field, kind), expected, "{kind} of {field}");
    }
    let five = values("sg_turnover", "fivedays");
    assert_eq!(five.as_array().unwrap().len(), 4);
    // Rows with the same links are one group, by all of their names.
    let both = json!([
        {"type": "Asset", "id": 1, "name": "X", "valid": "valid"}, {"type": "Asset", "id": 2, "name": "Y", "valid": "valid"}]);
    let one = json!([{"type": "Asset", "id": 1, "name": "X", "valid": "valid"}]);
    assert_eq!(values("assets", "exact"), json!([[null, 3], [one, 1], [both, 1]]));
    let refusal = admin
        .call(
            "summarize",
            json!({"type": "Shot", "summaries": [], "grouping": [{"field": "code", "type": "tens"}]}),
        )
        .unwrap_err();
    assert_eq!(refusal.code, 103);
}

#[test]
fn filters_and_archived_projects_count() {
    let site = site();
    let admin = Client::admin(&site);
    let count = |filters: Value, archived: bool| {
        let parameters = json!({
            "type": "Shot", "summaries": [{"field": "id", "type": "count"}], "filters": filters, "include_archived_projects": archived,
        });
        admin.call("summarize", parameters).unwrap()["summaries"]["id"].clone()
    };
    let everything = json!({"logical_operator": "and", "conditions": []});
    assert_eq!(count(everything.clone(), true), 36);
    assert_eq!(count(is("sg_sequence", link("Sequence", 1)), true), 8);
    assert_eq!(count(condition("project", "is", json!([project(2)])), true), 15);
    admin.update("Project", 2, json!({"archived": true})).unwrap();
    assert_eq!(count(everything, false), 21);
}

/// Fields of every data type: the numbers, the dates and the others.
const NUMBERS: [&str; 7] = [
    "sg_cut_duration",
    "sg_bid",
    "sg_cost",
    "sg_percent_done",
    "sg_timecode_in",
    "open_notes_count",
    "id",
];
const DATES: [&str; 3] = ["sg_turnover", "sg_due", "created_at"];
const LINKS: [&str; 3] = ["sg_sequence", "assets", "sg_recipients"];
const OTHERS: [&str; 5] = ["code", "sg_shot_type", "color", "sg_footage", "tag_list"];
const UNGROUPED: [&str; 5] = ["image", "sg_reference", "sg_pipeline_data", "step_0", "sg_versions_summary"];

#[test]
fn each_kind_of_summary_is_of_some_data_types() {
    let site = small();
    let admin = Client::admin(&site);
    let everything = NUMBERS.iter().chain(&DATES).chain(&LINKS).chain(&OTHERS).chain(&UNGROUPED);
    let kinds = [
        "record_count",
        "count",
        "sum",
        "maximum",
        "minimum",
        "average",
        "earliest",
        "latest",
        "percentage",
        "status_percentage",
        "status_percentage_as_float",
        "status_list",
        "checked",
        "unchecked",
    ];
    for field in everything.chain(&["sg_hero", "sg_status_list"]) {
        for kind in kinds {
            let expected = match kind {
                "record_count" | "count" => true,
                "sum" | "maximum" | "minimum" | "average" => NUMBERS.contains(field),
                "earliest" | "latest" => DATES.contains(field),
                "percentage" | "checked" | "unchecked" => *field == "sg_hero",
                _ => *field == "sg_status_list",
            };
            let summaries = one(&admin, field, kind);
            assert_eq!(summaries.get(*field).is_some(), expected, "{kind} of {field}: {summaries}");
        }
    }
}

#[test]
fn each_kind_of_grouping_is_of_some_data_types() {
    let site = small();
    let admin = Client::admin(&site);
    let widths = [
        "tens",
        "hundreds",
        "thousands",
        "tensofthousands",
        "hundredsofthousands",
        "millions",
    ];
    let spans = ["day", "week", "month", "quarter", "year", "clustered_date", "oneday", "fivedays"];
    let everything = NUMBERS.iter().chain(&DATES).chain(&LINKS).chain(&OTHERS).chain(&UNGROUPED);
    for field in everything.chain(&["sg_hero", "sg_status_list"]) {
        for kind in widths.iter().chain(&spans).chain(&["exact", "entitytype", "firstletter"]) {
            let text = OTHERS[..2].contains(field) || *field == "sg_status_list" || *field == "color" || *field == "sg_footage";
            let expected = match *kind {
                "exact" => true,
                "entitytype" => LINKS.contains(field),
                "firstletter" => LINKS.contains(field) || text,
                kind if widths.contains(&kind) => NUMBERS.contains(field),
                _ => DATES.contains(field),
            };
            let parameters = json!({
                "type": "Shot", "summaries": [{"field": "id", "type": "record_count"}], "grouping": [{"field": field, "type": kind}],
            });
            let reply = admin.call("summarize", parameters);
            if UNGROUPED.contains(field) {
                let refusal = reply.unwrap_err();
                let message = format!("API summarize() Grouping is not allowed for field Shot.{field}.");
                assert_eq!((refusal.code, refusal.message), (103, message));
                continue;
            }
            match reply {
                Ok(reply) => {
                    assert!(expected, "{kind} of {field}: {reply}");
                    let groups = reply["groups"].as_array().unwrap();
                    let counted: i64 = groups.iter().map(|group| group["summaries"]["id"].as_i64().unwrap()).sum();
                    // A row with two links of different types or letters is in two groups.
                    assert!(counted == 5 || (*field == "assets" && counted == 6), "{kind} of {field}: {reply}");
                }
                Err(refusal) => {
                    assert!(!expected, "{kind} of {field}: {refusal}");
                    assert!(
                        refusal.message.contains(&format!("doesn't support 'grouping' 'type': '{kind}'")),
                        "{refusal}"
                    );
                }
            }
        }
    }
    let grouping = json!([{"field": "code", "type": "weekly"}]);
    let refusal = admin
        .call("summarize", json!({"type": "Shot", "summaries": [], "grouping": grouping}))
        .unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("API summarize() invalid 'grouping' 'type': 'weekly'. Valid types: [\"exact\", "),
        "{refusal}"
    );
}

#[test]
fn statuses_together() {
    let site = small();
    let admin = Client::admin(&site);
    let grouping = json!([{"field": "sg_sequence", "type": "exact"}]);
    let reply = summarize(&admin, json!([{"field": "sg_status_list", "type": "status_list"}]), grouping);
    let together: Vec<&Value> = reply["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["summaries"]["sg_status_list"])
        .collect();
    assert_eq!(together, ["ip", "ip", "ip"]);
    let of = |code: &str| {
        let parameters = json!({
            "type": "Shot", "summaries": [{"field": "sg_status_list", "type": "status_list"}],
            "filters": condition("code", "starts_with", json!([code])),
        });
        admin.call("summarize", parameters).unwrap()["summaries"]["sg_status_list"].clone()
    };
    assert_eq!((of("a2"), of("b"), of("none")), (json!("fin"), json!("ip"), json!(null)));
}

#[test]
fn numbers_below_zero_are_in_the_group_below() {
    let site = site();
    let admin = Client::admin(&site);
    for (code, value) in [("N1", -0.5), ("N2", -10.0), ("N3", 9.5), ("N4", -10.5)] {
        admin
            .create("Shot", json!({"code": code, "project": project(2), "sg_bid": value}))
            .unwrap();
    }
    let parameters = json!({
        "type": "Shot", "filters": condition("code", "starts_with", json!(["N"])),
        "summaries": [{"field": "id", "type": "count"}], "grouping": [{"field": "sg_bid", "type": "tens"}],
    });
    let reply = admin.call("summarize", parameters).unwrap();
    let groups: Vec<Value> = reply["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| json!([group["group_name"], group["group_value"], group["summaries"]["id"]]))
        .collect();
    assert_eq!(
        groups,
        [json!(["-20--11", -20, 1]), json!(["-10--1", -10, 2]), json!(["0-9", 0, 1])]
    );
}

#[test]
fn three_groups_deep_and_through_links() {
    let site = site();
    let admin = Client::admin(&site);
    let grouping = json!([
        {"field": "project", "type": "exact"}, {"field": "entity.Shot.sg_sequence", "type": "exact", "direction": "desc"},
        {"field": "sg_status_list", "type": "exact"}]);
    let parameters = json!({"type": "Task", "summaries": [{"field": "id", "type": "count"}], "grouping": grouping});
    let reply = admin.call("summarize", parameters).unwrap();
    fn sums(group: &Value, depth: usize) {
        let Some(below) = group.get("groups").and_then(Value::as_array) else {
            assert_eq!(depth, 3);
            return;
        };
        let sum: i64 = below.iter().map(|group| group["summaries"]["id"].as_i64().unwrap()).sum();
        assert_eq!(group["summaries"]["id"], sum);
        for group in below {
            sums(group, depth + 1);
        }
    }
    sums(&reply, 0);
    assert!(reply["groups"].as_array().unwrap().len() > 1);
}
