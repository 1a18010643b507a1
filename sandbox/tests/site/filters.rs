//! Filters, on a site of a few rows whose answers are easy to tell.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, is, link, site};

/// Shots 1 to 6. The last has hardly a value.
fn small() -> Sandbox {
    let seed = json!({
        "roles": [{"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [
            {"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity", "update_field", "retire_entity", "revive_entity"]}]}],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "p", "name": "Alpha"}, {"$": "q", "name": "Ömega", "archived": true}]},
            {"type": "Tag", "rows": [{"$": "hero", "name": "Hero"}, {"$": "crowd", "name": "crowd"}]},
            {"type": "HumanUser", "rows": [{"$": "ann", "login": "ann", "firstname": "Ann", "lastname": "Lee"}]},
            {"type": "Group", "rows": [{"$": "team", "code": "Team", "users": ["$ann"]}]},
            {"type": "Sequence", "rows": [
                {"$": "s1", "project": "$p", "code": "Storm", "sg_status_list": "ip"},
                {"$": "s2", "project": "$p", "code": "dawn"}]},
            {"type": "Asset", "rows": [{"$": "boat", "project": "$p", "code": "Boat"}, {"$": "gull", "project": "$p", "code": "Gull"}]},
            {"type": "Shot", "rows": [
                {"$": "h1", "project": "$p", "code": "Émile 10", "sg_sequence": "$s1", "sg_cut_in": 10, "sg_bid": 1.5, "sg_hero": true,
                 "sg_turnover": "2024-01-10", "sg_due": "2024-01-10T08:00:00Z", "assets": ["$boat", "$gull"], "tags": ["$hero"],
                 "tag_list": ["Red", "blue", "HERO"], "sg_status_list": "ip", "sg_supervisor": "$ann", "sg_recipients": ["$ann", "$team"]},
                {"project": "$p", "code": "beta 20", "sg_sequence": "$s1", "sg_cut_in": 20, "sg_bid": 2.5,
                 "sg_turnover": "2024-02-10", "sg_due": "2024-02-10T08:00:00Z", "assets": ["$boat"], "sg_status_list": "fin", "sg_supervisor": "$team"},
                {"project": "$p", "code": "Gamma 30", "sg_sequence": "$s2", "sg_cut_in": 30, "sg_hero": true, "description": "100% _wild_ 'quote'"},
                {"project": "$p", "code": "delta 40", "sg_sequence": "$s2", "sg_cut_in": 40, "tag_list": ["red"]},
                {"project": "$q", "code": "STRASSE 50", "sg_cut_in": 50},
                {"project": "$p", "code": "zz"}]},
            {"type": "Task", "rows": [
                {"project": "$p", "content": "anim", "entity": "$h1", "task_assignees": ["$ann", "$team"]},
                {"project": "$p", "content": "model", "entity": "$boat", "task_assignees": ["$team"]},
                {"project": "$p", "content": "free"}]},
        ],
    });
    Sandbox::builder().seed_str(seed.to_string()).start().unwrap()
}

/// Checks each condition on shots against the ids it must find.
fn check(cases: &[(&str, &str, Value, &[i64])]) {
    let site = small();
    let admin = Client::admin(&site);
    for (path, relation, values, expected) in cases {
        let found = admin.ids("Shot", json!([condition(path, relation, values.clone())])).unwrap();
        assert_eq!(found, *expected, "{path} {relation} {values}");
    }
}

#[test]
fn text_is_compared_without_regard_to_case() {
    check(&[
        ("code", "is", json!(["BETA 20"]), &[2]),
        ("code", "is", json!(["émile 10"]), &[1]),
        ("code", "is", json!(["Emile 10"]), &[]),
        ("code", "is_not", json!(["beta 20"]), &[1, 3, 4, 5, 6]),
        ("code", "contains", json!(["É"]), &[1]),
        ("code", "contains", json!(["A 3"]), &[3]),
        ("code", "not_contains", json!(["a"]), &[1, 6]),
        ("code", "starts_with", json!(["DEL"]), &[4]),
        ("code", "starts_with", json!(["ÉM"]), &[1]),
        ("code", "ends_with", json!(["0"]), &[1, 2, 3, 4, 5]),
        ("code", "ends_with", json!(["A 30"]), &[3]),
        ("code", "in", json!(["ZZ", "gamma 30", "none"]), &[3, 6]),
        ("code", "not_in", json!(["ZZ", "gamma 30"]), &[1, 2, 4, 5]),
        ("description", "is", json!([null]), &[1, 2, 4, 5, 6]),
        ("description", "is_not", json!([null]), &[3]),
        ("description", "not_contains", json!(["x"]), &[1, 2, 3, 4, 5, 6]),
    ]);
}

#[test]
fn signs_that_mean_something_elsewhere_mean_nothing_here() {
    check(&[
        ("description", "contains", json!(["%"]), &[3]),
        ("description", "contains", json!(["_wild_"]), &[3]),
        ("description", "contains", json!(["awild"]), &[]),
        ("description", "contains", json!(["'quote'"]), &[3]),
        ("code", "is", json!(["x' OR 1=1 --"]), &[]),
        ("code", "contains", json!(["*"]), &[]),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("sg_cut_in", "is", json!([20]), &[2]),
        ("sg_cut_in", "is_not", json!([20]), &[1, 3, 4, 5, 6]),
        ("sg_cut_in", "is", json!([null]), &[6]),
        ("sg_cut_in", "is_not", json!([null]), &[1, 2, 3, 4, 5]),
        ("sg_cut_in", "less_than", json!([20]), &[1]),
        ("sg_cut_in", "greater_than", json!([30]), &[4, 5]),
        ("sg_cut_in", "between", json!([20, 40]), &[2, 3, 4]),
        ("sg_cut_in", "not_between", json!([20, 40]), &[1, 5, 6]),
        ("sg_cut_in", "in", json!([10, 50, 60]), &[1, 5]),
        ("sg_cut_in", "in", json!([10, null]), &[1, 6]),
        ("sg_cut_in", "not_in", json!([10, 50]), &[2, 3, 4, 6]),
        ("sg_bid", "greater_than", json!([2]), &[2]),
        ("sg_bid", "is", json!([1.5]), &[1]),
        ("id", "in", json!([5, 1, 3]), &[1, 3, 5]),
        ("id", "not_in", json!([5, 1, 3]), &[2, 4, 6]),
    ]);
}

#[test]
fn checkboxes_and_statuses() {
    check(&[
        ("sg_hero", "is", json!([true]), &[1, 3]),
        ("sg_hero", "is", json!([false]), &[2, 4, 5, 6]),
        ("sg_hero", "is_not", json!([true]), &[2, 4, 5, 6]),
        ("sg_status_list", "is", json!(["fin"]), &[2]),
        ("sg_status_list", "is_not", json!(["wtg"]), &[1, 2]),
        ("sg_status_list", "in", json!(["fin", "ip"]), &[1, 2]),
        ("sg_status_list", "not_in", json!(["fin", "ip"]), &[3, 4, 5, 6]),
    ]);
}

#[test]
fn dates() {
    check(&[
        ("sg_turnover", "is", json!(["2024-01-10"]), &[1]),
        ("sg_turnover", "is_not", json!(["2024-01-10"]), &[2, 3, 4, 5, 6]),
        ("sg_turnover", "greater_than", json!(["2024-01-31"]), &[2]),
        ("sg_turnover", "less_than", json!(["2024-01-31"]), &[1]),
        ("sg_turnover", "between", json!(["2024-01-10", "2024-02-10"]), &[1, 2]),
        ("sg_turnover", "in", json!(["2024-02-10", "2023-01-01"]), &[2]),
        ("sg_turnover", "is", json!([null]), &[3, 4, 5, 6]),
        ("sg_due", "is", json!(["2024-01-10T08:00:00Z"]), &[1]),
        ("sg_due", "is", json!(["2024-01-10T09:00:00+01:00"]), &[1]),
        ("sg_due", "greater_than", json!(["2024-01-10T08:00:01Z"]), &[2]),
        ("created_at", "in_last", json!([1, "HOUR"]), &[1, 2, 3, 4, 5, 6]),
        ("created_at", "not_in_last", json!([1, "HOUR"]), &[]),
        ("sg_due", "in_last", json!([1, "YEAR"]), &[]),
        ("sg_due", "not_in_last", json!([1, "DAY"]), &[1, 2, 3, 4, 5, 6]),
    ]);
}

#[test]
fn spans_of_the_calendar() {
    let site = small();
    let admin = Client::admin(&site);
    let now = chrono_days(0);
    for (id, day) in [(1, now.clone()), (2, chrono_days(1)), (3, chrono_days(-1)), (4, chrono_days(800))] {
        admin
            .update("Shot", id, json!({"sg_turnover": day, "sg_due": format!("{day}T23:30:00Z")}))
            .unwrap();
    }
    let found = |path: &str, relation: &str, values: Value| admin.ids("Shot", json!([condition(path, relation, values)])).unwrap();
    for path in ["sg_turnover", "sg_due"] {
        assert_eq!(found(path, "in_calendar_day", json!([0])), [1], "{path}");
        assert_eq!(found(path, "in_calendar_day", json!([1])), [2], "{path}");
        assert_eq!(found(path, "in_calendar_day", json!([-1])), [3], "{path}");
        assert!(found(path, "in_calendar_week", json!([0])).contains(&1), "{path}");
        assert!(found(path, "in_calendar_month", json!([0])).contains(&1), "{path}");
        assert!(found(path, "in_calendar_year", json!([0])).contains(&1), "{path}");
        assert!(!found(path, "in_calendar_year", json!([0])).contains(&4), "{path}");
        assert_eq!(
            found(path, "in_next", json!([2, "YEAR"])).iter().filter(|id| **id == 4).count(),
            0,
            "{path}"
        );
        assert!(found(path, "in_next", json!([3, "YEAR"])).contains(&4), "{path}");
        assert!(found(path, "in_last", json!([2, "DAY"])).contains(&3), "{path}");
        assert!(found(path, "not_in_next", json!([3, "YEAR"])).contains(&6), "{path}");
    }
}

/// Today's date, moved by some days, as the site tells it.
fn chrono_days(days: i64) -> String {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let day = i64::try_from(seconds / 86_400).unwrap() + days;
    // Civil date from days, by counting years and months.
    let mut year = 1970;
    let mut rest = day;
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    while rest >= if leap(year) { 366 } else { 365 } {
        rest -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", rest + 1)
}

#[test]
fn links_to_one_row() {
    check(&[
        ("sg_sequence", "is", json!([link("Sequence", 1)]), &[1, 2]),
        ("sg_sequence", "is_not", json!([link("Sequence", 1)]), &[3, 4, 5, 6]),
        ("sg_sequence", "is", json!([null]), &[5, 6]),
        ("sg_sequence", "is_not", json!([null]), &[1, 2, 3, 4]),
        (
            "sg_sequence",
            "in",
            json!([link("Sequence", 1), link("Sequence", 2)]),
            &[1, 2, 3, 4],
        ),
        ("sg_sequence", "not_in", json!([link("Sequence", 1)]), &[3, 4, 5, 6]),
        ("sg_sequence", "name_is", json!(["STORM"]), &[1, 2]),
        ("sg_sequence", "name_contains", json!(["AW"]), &[3, 4]),
        ("sg_sequence", "name_not_contains", json!(["AW"]), &[1, 2, 5, 6]),
        ("sg_supervisor", "type_is", json!(["Group"]), &[2]),
        ("sg_supervisor", "type_is_not", json!(["Group"]), &[1, 3, 4, 5, 6]),
        ("sg_supervisor", "is", json!([link("HumanUser", 1)]), &[1]),
        ("sg_supervisor", "is", json!([link("Group", 1)]), &[2]),
    ]);
}

#[test]
fn links_to_many_rows() {
    check(&[
        ("assets", "is", json!([link("Asset", 1)]), &[1, 2]),
        ("assets", "is", json!([link("Asset", 2)]), &[1]),
        ("assets", "is_not", json!([link("Asset", 2)]), &[2, 3, 4, 5, 6]),
        ("assets", "is", json!([null]), &[3, 4, 5, 6]),
        ("assets", "is_not", json!([null]), &[1, 2]),
        ("assets", "in", json!([link("Asset", 2), link("Asset", 1)]), &[1, 2]),
        ("assets", "not_in", json!([link("Asset", 2)]), &[2, 3, 4, 5, 6]),
        ("assets", "name_contains", json!(["gul"]), &[1]),
        ("assets", "name_not_contains", json!(["gul"]), &[2, 3, 4, 5, 6]),
        ("assets", "type_is", json!(["Asset"]), &[1, 2]),
        ("sg_recipients", "type_is", json!(["Group"]), &[1]),
        ("sg_recipients", "is", json!([link("HumanUser", 1)]), &[1]),
        ("sg_recipients", "name_starts_with", json!(["te"]), &[1]),
        ("sg_recipients", "name_ends_with", json!(["LEE"]), &[1]),
        ("tags", "name_is", json!(["hero"]), &[1]),
        // The other side of Task.entity.
        ("tasks", "is", json!([link("Task", 1)]), &[1]),
        ("tasks", "is", json!([null]), &[2, 3, 4, 5, 6]),
    ]);
}

#[test]
fn tag_lists() {
    check(&[
        ("tag_list", "is", json!(["RED"]), &[1, 4]),
        ("tag_list", "is_not", json!(["red"]), &[2, 3, 5, 6]),
        ("tag_list", "contains", json!(["blue"]), &[1]),
        ("tag_list", "name_id", json!([1]), &[1]),
        ("tag_list", "name_id", json!([2]), &[]),
        ("tag_list", "is", json!([null]), &[2, 3, 5, 6]),
        ("tag_list", "name_contains", json!(["lu"]), &[1]),
        ("tag_list", "name_not_contains", json!(["lu"]), &[2, 3, 4, 5, 6]),
    ]);
}

#[test]
fn paths_through_links() {
    check(&[
        ("sg_sequence.Sequence.code", "is", json!(["storm"]), &[1, 2]),
        ("sg_sequence.Sequence.code", "is_not", json!(["storm"]), &[3, 4, 5, 6]),
        ("sg_sequence.Sequence.sg_status_list", "in", json!(["ip"]), &[1, 2]),
        ("sg_sequence.Sequence.project.Project.name", "is", json!(["Alpha"]), &[1, 2, 3, 4]),
        ("project.Project.name", "starts_with", json!(["ö"]), &[5]),
        // Through a field of many links: any of them will do.
        ("assets.Asset.code", "is", json!(["gull"]), &[1]),
        ("assets.Asset.code", "is_not", json!(["gull"]), &[2, 3, 4, 5, 6]),
        ("tasks.Task.task_assignees", "is", json!([link("HumanUser", 1)]), &[1]),
        ("tasks.Task.task_assignees.Group.users", "is", json!([link("HumanUser", 1)]), &[1]),
        ("tasks.Task.task_assignees.Group.users.HumanUser.login", "is", json!(["ann"]), &[1]),
        ("sg_supervisor.HumanUser.login", "is", json!(["ann"]), &[1]),
        ("sg_supervisor.Group.code", "is", json!(["team"]), &[2]),
    ]);
}

#[test]
fn groups_of_conditions_within_groups() {
    let site = small();
    let admin = Client::admin(&site);
    let group = |operator: &str, conditions: Value| json!({"logical_operator": operator, "conditions": conditions});
    let read = |filters: Value| {
        let rows = admin.read(json!({"type": "Shot", "filters": filters})).unwrap();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let hero = is("sg_hero", json!(true));
    let late = condition("sg_cut_in", "greater_than", json!([35]));
    assert_eq!(read(group("or", json!([hero, late]))), [1, 3, 4, 5]);
    let inner = group(
        "or",
        json!([
            is("code", json!("zz")),
            group("and", json!([hero, condition("sg_cut_in", "less_than", json!([15]))]))
        ]),
    );
    assert_eq!(read(group("and", json!([is("project", link("Project", 1)), inner]))), [1, 6]);
    assert_eq!(read(group("or", json!([]))), [1, 2, 3, 4, 5, 6]);
    assert_eq!(read(json!(null)), [1, 2, 3, 4, 5, 6]);
    // A filter may be one condition.
    assert_eq!(read(late), [4, 5]);
}

#[test]
fn retired_rows_are_no_targets() {
    let site = small();
    let admin = Client::admin(&site);
    admin.delete("Sequence", 1).unwrap();
    admin.delete("Asset", 1).unwrap();
    let found = |conditions: Value| admin.ids("Shot", conditions).unwrap();
    assert!(found(json!([is("sg_sequence", link("Sequence", 1))])).is_empty());
    assert_eq!(found(json!([is("sg_sequence", json!(null))])), [1, 2, 5, 6]);
    assert_eq!(found(json!([is("sg_sequence.Sequence.code", json!(null))])), [1, 2, 5, 6]);
    assert!(found(json!([is("assets", link("Asset", 1))])).is_empty());
    assert_eq!(found(json!([is("assets", json!(null))])), [2, 3, 4, 5, 6]);
    let row = admin.get("Shot", 1, json!(["sg_sequence", "assets", "sg_sequence.Sequence.code"]));
    assert_eq!(
        (
            &row["sg_sequence"],
            row["assets"].as_array().unwrap().len(),
            &row["sg_sequence.Sequence.code"]
        ),
        (&json!(null), 1, &json!(null))
    );
    admin.revive("Sequence", 1).unwrap();
    assert_eq!(found(json!([is("sg_sequence", link("Sequence", 1))])), [1, 2]);
}

#[test]
fn archived_projects_can_be_left_out() {
    let site = small();
    let admin = Client::admin(&site);
    let ids = |entity_type: &str, include: bool| {
        let rows = admin
            .read(json!({"type": entity_type, "include_archived_projects": include}))
            .unwrap();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("Shot", true), [1, 2, 3, 4, 5, 6]);
    assert_eq!(ids("Shot", false), [1, 2, 3, 4, 6]);
    assert_eq!(ids("Project", false), [1]);
    assert_eq!(ids("HumanUser", false), [1]);
}

#[test]
fn what_can_not_be_filtered_is_refused_by_name() {
    let site = site();
    let admin = Client::admin(&site);
    let refusal = |entity_type: &str, condition: Value| {
        let refusal = admin.ids(entity_type, json!([condition])).unwrap_err();
        assert_eq!(refusal.code, 103, "{refusal}");
        refusal.message
    };
    assert_eq!(refusal("Shot", is("foo", json!(1))), "API read() Shot.foo doesn't exist.");
    assert_eq!(
        refusal("Shot", is("sg_sequence.Sequence.foo", json!(1))),
        "API read() Shot.sg_sequence.Sequence.foo doesn't exist."
    );
    assert_eq!(
        refusal("Shot", is("code.Sequence.foo", json!(1))),
        "API read() Shot.code.Sequence.foo doesn't exist."
    );
    assert_eq!(
        refusal("Shot", is("sg_sequence.Nothing.foo", json!(1))),
        "API read() Shot.sg_sequence.Nothing.foo doesn't exist."
    );
    let unknown = refusal("Shot", condition("code", "sounds_like", json!(["x"])));
    assert!(
        unknown.starts_with("API read() Shot.code's 'text' data type doesn't support 'sounds_like' 'relation'. Valid relations: ["),
        "{unknown}"
    );
    for (entity_type, field, data_type) in [("HumanUser", "password_proxy", "password"), ("Shot", "sg_reference", "url")] {
        let message = refusal(entity_type, is(field, json!(null)));
        assert_eq!(
            message,
            format!("API read() {entity_type}.{field}'s '{data_type}' data type cannot be used in a filter.")
        );
    }
    assert!(admin.ids("Shot", json!([is("image", json!(null))])).is_ok());
}

#[test]
fn malformed_filters_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    for filters in [
        json!("x"),
        json!([1]),
        json!({"logical_operator": "xor", "conditions": []}),
        json!({"logical_operator": "and"}),
        json!({"logical_operator": "and", "conditions": [5]}),
        json!({"path": "code", "relation": "is"}),
        json!({"path": 5, "relation": "is", "values": []}),
    ] {
        let refusal = admin.read(json!({"type": "Shot", "filters": filters})).unwrap_err();
        assert_eq!(refusal.code, 103, "{filters}");
        assert!(refusal.message.starts_with("API read() invalid/missing 'filters'"), "{refusal}");
    }
}

#[test]
fn filters_may_be_wide_and_lists_long() {
    let site = small();
    let admin = Client::admin(&site);
    let wide: Vec<Value> = (1..=5_000).map(|n| is("sg_cut_in", json!(n * 10))).collect();
    let rows = admin
        .read(json!({"type": "Shot", "filters": {"logical_operator": "or", "conditions": wide}}))
        .unwrap();
    assert_eq!(rows.len(), 5);
    let sequences: Vec<Value> = (2..=20_000).map(|id| link("Sequence", id)).collect();
    assert_eq!(
        admin
            .ids("Shot", json!([condition("sg_sequence", "in", json!(sequences))]))
            .unwrap(),
        [3, 4]
    );
    let assets: Vec<Value> = (2..=20_000).map(|id| link("Asset", id)).collect();
    assert_eq!(admin.ids("Shot", json!([condition("assets", "in", json!(assets))])).unwrap(), [1]);
    let ids: Vec<i64> = (2..=50_000).collect();
    assert_eq!(admin.ids("Shot", json!([condition("id", "not_in", json!(ids))])).unwrap(), [1]);
}
