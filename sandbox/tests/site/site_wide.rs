//! Preferences, subscriptions, visits to projects, exported pages.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, id_of, site};

#[test]
fn preferences_are_all_or_those_named() {
    let site = site();
    let admin = Client::admin(&site);
    let all = admin.call("preferences_read", json!({"prefs": []})).unwrap();
    assert_eq!(all.as_object().unwrap().len(), 17);
    assert_eq!(all["hours_per_day"], 8.0);
    assert!(all["view_master_settings"].is_string());
    let some = admin.call("preferences_read", json!({"prefs": ["duration_units", "nothing"]}));
    assert_eq!(some.unwrap(), json!({"duration_units": "days"}));
}

#[test]
fn subscriptions_are_kept_and_are_not_for_artists() {
    let site = site();
    let admin = Client::admin(&site);
    let users = json!({"users": [{"humanUserId": 1, "subscription": ["a"]}]});
    let reply = admin.call("user_subscriptions_create", users.clone()).unwrap();
    assert_eq!(reply["status"], "success");
    let kept = admin.call("user_subscriptions_read", Value::Null).unwrap();
    assert_eq!(kept[0], json!({"humanUserId": 1, "subscription": ["a"]}));
    assert_eq!(kept[1]["subscription"], Value::Null);
    let artist = Client::person(&site, "artist");
    assert_eq!(artist.call("user_subscriptions_create", users).unwrap_err().code, 104);
}

#[test]
fn a_project_is_told_accessed() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let method = "update_project_last_accessed_by_current_user";
    assert!(artist.call(method, json!({"project_id": 1})).unwrap().is_array());
    assert!(artist.get("Project", 1, json!(["last_accessed_by_current_user"]))["last_accessed_by_current_user"].is_string());
    assert_eq!(artist.call(method, json!({"project_id": 2})).unwrap_err().code, 104);
    assert_eq!(
        artist.call(method, json!({"project_id": 1, "user_id": 1000})).unwrap_err().code,
        104
    );
}

#[test]
fn preferences_are_those_of_a_site_that_set_nothing() {
    let site = site();
    let admin = Client::admin(&site);
    let mut all = admin.call("preferences_read", json!({"prefs": []})).unwrap();
    for name in ["view_master_settings", "creative_review_settings"] {
        let text = all.as_object_mut().unwrap().remove(name).unwrap();
        assert!(serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap().is_object(), "{name}");
    }
    let expected = json!({
        "date_component_order": "month_day",
        "duration_units": "days",
        "format_currency_fields_decimal_options": "$1,000.99",
        "format_currency_fields_display_dollar_sign": false,
        "format_currency_fields_negative_options": "- $1,000",
        "format_date_fields": "08/04/22 OR 04/08/22 (depending on the Month order preference)",
        "format_float_fields": "9,999.99",
        "format_float_fields_rounding": "9.999999",
        "format_footage_fields": "10-05",
        "format_number_fields": "1,000",
        "format_time_hour_fields": "12 hour",
        "hours_per_day": 8.0,
        "support_local_storage": true,
        "enable_rv_integration": true,
        "enable_shotgun_review_for_rv": false,
    });
    assert_eq!(all, expected);
    let artist = Client::person(&site, "artist");
    let some = artist.call("preferences_read", json!({"prefs": ["hours_per_day", "duration_units"]}));
    assert_eq!(some.unwrap(), json!({"hours_per_day": 8.0, "duration_units": "days"}));
    assert_eq!(admin.call("preferences_read", json!({"prefs": ["no_such"]})).unwrap(), json!({}));
    assert_eq!(admin.call("preferences_read", Value::Null).unwrap().as_object().unwrap().len(), 17);
    assert_eq!(admin.call("preferences_read", json!({"prefs": "x"})).unwrap_err().code, 103);
}

#[test]
fn subscriptions_are_set_all_or_none() {
    let site = site();
    let admin = Client::admin(&site);
    let create = |users: Value| admin.call("user_subscriptions_create", json!({"users": users}));
    let held = || {
        let told = admin.call("user_subscriptions_read", Value::Null).unwrap();
        let held = told.as_array().unwrap().iter().filter(|user| !user["subscription"].is_null());
        held.cloned().collect::<Vec<_>>()
    };
    assert_eq!(held(), Vec::<Value>::new());
    assert_eq!(create(json!([])).unwrap(), json!({"status": "success"}));
    create(json!([{"humanUserId": 2, "subscription": "one"}, {"humanUserId": 3, "subscription": ["a", "b"]}])).unwrap();
    let both = [
        json!({"humanUserId": 2, "subscription": "one"}),
        json!({"humanUserId": 3, "subscription": ["a", "b"]}),
    ];
    assert_eq!(held(), both);
    let unknown = create(json!([{"humanUserId": 2, "subscription": null}, {"humanUserId": 999_999, "subscription": "x"}])).unwrap_err();
    assert_eq!(
        (unknown.code, unknown.message.as_str()),
        (103, "API user_subscriptions_create() Invalid humanUserId 999999")
    );
    for bad in [
        json!([{"subscription": "x"}]),
        json!([{"humanUserId": 2, "subscription": 5}]),
        json!([5]),
        json!("x"),
        Value::Null,
    ] {
        assert_eq!(create(bad.clone()).unwrap_err().code, 103, "{bad}");
    }
    assert_eq!(held(), both);
    create(json!([{"humanUserId": 2, "subscription": null}])).unwrap();
    assert_eq!(held(), both[1..]);
}

#[test]
fn a_visit_is_that_of_one_person_to_one_project() {
    let site = site();
    let admin = Client::admin(&site);
    let (artist, manager) = (Client::person(&site, "artist"), Client::person(&site, "manager"));
    let field = "last_accessed_by_current_user";
    let at = |client: &Client, id: i64| client.get("Project", id, json!([field]))[field].clone();
    let visit = |client: &Client, asked: Value| client.call("update_project_last_accessed_by_current_user", asked);
    let before = admin.last_event();
    visit(&artist, json!({"project_id": 1})).unwrap();
    assert!(at(&artist, 1).is_string());
    assert_eq!(
        (at(&manager, 1), at(&manager, 2), at(&admin, 1)),
        (Value::Null, Value::Null, Value::Null)
    );
    // A script tells it for a person, and has no time of its own; acting for the person it sees theirs.
    visit(&admin, json!({"project_id": 2, "user_id": 2})).unwrap();
    assert!(at(&manager, 2).is_string());
    assert_eq!((at(&manager, 1), at(&admin, 2)), (Value::Null, Value::Null));
    assert!(at(&admin.with("sudo_as_login", json!("manager")), 2).is_string());
    assert!(visit(&admin, json!({"project_id": 1})).unwrap()[0].is_object());
    assert_eq!(at(&admin, 1), Value::Null);
    // It filters and sorts as any time does.
    let visited = json!([condition(field, "is_not", json!([null]))]);
    assert_eq!(manager.ids("Project", visited.clone()).unwrap(), [2]);
    assert_eq!(artist.ids("Project", visited).unwrap(), [1]);
    let sorted = json!({"type": "Project", "sorts": [{"field_name": field, "direction": "desc"}]});
    assert_eq!(manager.read(sorted).unwrap()[0]["id"], 2);
    let task = json!(["project.Project.last_accessed_by_current_user"]);
    assert!(artist.get("Shot", 1, task.clone())["project.Project.last_accessed_by_current_user"].is_string());
    assert_eq!(
        manager.get("Shot", 1, task)["project.Project.last_accessed_by_current_user"],
        Value::Null
    );
    // It can't be written, and no event tells of it.
    let write = manager.update("Project", 1, json!({field: "2031-01-01T00:00:00Z"})).unwrap_err();
    assert_eq!(
        (write.code, write.message.as_str()),
        (103, "API update() Project.last_accessed_by_current_user is read only")
    );
    assert_eq!(admin.events_after(before), Vec::<Value>::new());
    for bad in [json!({}), json!({"project_id": "1"}), json!({"project_id": 1, "user_id": "x"})] {
        assert_eq!(visit(&admin, bad.clone()).unwrap_err().code, 103, "{bad}");
    }
    for nowhere in [json!({"project_id": 1000}), json!({"project_id": 1, "user_id": 1000})] {
        assert_eq!(visit(&admin, nowhere.clone()).unwrap_err().code, 104, "{nowhere}");
    }
    assert_eq!(visit(&artist, json!({"project_id": 1, "user_id": 2})).unwrap_err().code, 104);
}

/// The lines of an exported page, taken apart.
fn export(client: &Client, asked: &Value) -> Vec<Vec<String>> {
    let (content_type, text) = client.text("export_page", asked);
    assert!(content_type.starts_with("text/csv"), "{content_type}: {text}");
    text.lines()
        .map(|line| line[1..line.len() - 1].split("\",\"").map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_page_is_exported_as_its_reader_sees_it() {
    let mut seed: Value = serde_json::from_str(include_str!("../../data/default-seed.json")).unwrap();
    let vendor = seed["roles"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|role| role["code"] == "vendor")
        .unwrap();
    let readable = vendor["rules"][0]["entity_types"].as_array_mut().unwrap();
    readable.push(json!("Page"));
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let admin = Client::admin(&site);
    admin.update("Shot", 2, json!({"description": "says \"cut\", twice"})).unwrap();
    let asked = json!({"format": "csv", "page_id": 1, "layout_name": null});
    let lines = export(&admin, &asked);
    // The shots of the page's project, and a line of titles.
    assert_eq!(lines.len(), 22);
    let column = |lines: &[Vec<String>], title: &str| lines[0].iter().position(|known| known == title);
    let code = column(&lines, "Shot Code").unwrap();
    let project = column(&lines, "Project").unwrap();
    assert_eq!(
        (lines[1][code].as_str(), lines[1][project].as_str()),
        ("SQ010_0010", "The Harbour Light")
    );
    let (_, text) = admin.text("export_page", &asked);
    assert!(text.contains("\"says \"\"cut\"\", twice\""));
    // Who may not see a field does not find it in the file.
    let vendor = Client::person(&site, "vendor");
    assert!(column(&lines, "Cost").is_some());
    let few = export(&vendor, &asked);
    assert!(few.len() < lines.len() && column(&few, "Cost").is_none());
    assert_eq!(
        export(&admin, &json!({"format": "csv", "page_id": 3, "layout_name": "Default"})).len(),
        11
    );
    // A field made today is in it.
    let made = json!({"type": "Shot", "data_type": "text", "properties": [{"property_name": "name", "value": "Exported"}]});
    admin.call("schema_field_create", made).unwrap();
    assert!(column(&export(&admin, &asked), "Exported").is_some());
}

#[test]
fn pages_that_can_not_be_exported_are_told() {
    let site = site();
    let admin = Client::admin(&site);
    let told = |client: &Client, asked: Value| {
        let refusal = client.call("export_page", asked).unwrap_err();
        (refusal.code, refusal.message)
    };
    let not_there = |id: i64| (104, format!("Export for Page id={id} not available"));
    assert_eq!(told(&admin, json!({"format": "csv", "page_id": 1000})), not_there(1000));
    let bare = id_of(&admin.create("Page", json!({"name": "Bare"})).unwrap());
    assert_eq!(told(&admin, json!({"format": "csv", "page_id": bare})), not_there(bare));
    admin.delete("Page", 3).unwrap();
    assert_eq!(told(&admin, json!({"format": "csv", "page_id": 3})), not_there(3));
    assert_eq!(
        told(&Client::person(&site, "vendor"), json!({"format": "csv", "page_id": 3})),
        not_there(3)
    );
    for (asked, text) in [
        (json!({"page_id": 1}), "API export_page() 'format' missing"),
        (json!({"format": "csv"}), "API export_page() 'page_id' missing"),
        (json!({"format": "xml", "page_id": 1}), "invalid/missing 'csv' 'format': \"xml\""),
        (json!({"format": "csv", "page_id": "x"}), "invalid/missing integer 'page_id'"),
        (
            json!({"format": "csv", "page_id": 1, "layout_name": 5}),
            "invalid/missing string 'layout_name'",
        ),
    ] {
        let (code, message) = told(&admin, asked);
        assert!(code == 103 && message.contains(text), "{message} has no {text}");
    }
}
