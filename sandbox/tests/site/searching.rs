//! Text search.

use serde_json::{Value, json};

use super::client::{Client, Refusal, is, site};

#[test]
fn text_search_finds_names_with_every_word() {
    let site = site();
    let admin = Client::admin(&site);
    let all = json!({"logical_operator": "and", "conditions": []});
    let search = |text: &str, limit: Value| {
        let call = json!({"text": text, "entity_types": {"Shot": all}, "project_ids": [1], "max_results": limit});
        admin.call("query_display_name_cache", call)
    };
    let found = search("SQ010 0010", Value::Null).unwrap();
    assert_eq!(found["terms"], json!(["sq010", "0010"]));
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
    assert_eq!(found["matches"][0]["name"], "SQ010_0010");
    assert_eq!(found["matches"][0]["project_id"], 1);
    assert_eq!(search("sq010", json!(3)).unwrap()["matches"].as_array().unwrap().len(), 3);
    assert_eq!(search("SQ", Value::Null).unwrap_err().code, 103);
    let vendor = Client::person(&site, "vendor");
    let call = json!({"text": "pipeline", "entity_types": {"ApiUser": all}, "project_ids": []});
    assert_eq!(vendor.call("query_display_name_cache", call).unwrap()["matches"], json!([]));
}

/// A search with the types in the order given, as the text of the request.
fn search(client: &Client, text: &str, types: &[&str], more: &str) -> Result<Vec<Value>, Refusal> {
    let types: Vec<String> = types
        .iter()
        .map(|name| format!("\"{name}\": {{\"logical_operator\": \"and\", \"conditions\": []}}"))
        .collect();
    let parameters = format!("{{\"text\": \"{text}\", \"entity_types\": {{{}}}{more}}}", types.join(", "));
    let reply = client.call_with_text("query_display_name_cache", &parameters)?;
    Ok(reply["matches"].as_array().unwrap().clone())
}

fn types_of(matches: &[Value]) -> Vec<&str> {
    let mut types: Vec<&str> = matches.iter().map(|found| found["type"].as_str().unwrap()).collect();
    types.dedup();
    types
}

#[test]
fn matches_come_by_type_in_the_order_asked_for() {
    let site = site();
    let admin = Client::admin(&site);
    for types in [
        ["Version", "Task", "Shot"],
        ["Shot", "Version", "Task"],
        ["Task", "Shot", "Version"],
    ] {
        let found = search(&admin, "SQ010_0010", &types, "").unwrap();
        assert_eq!(types_of(&found), types);
        // The limit is one for all, and the first types come first.
        let one = search(&admin, "SQ010_0010", &types, ", \"max_results\": 1").unwrap();
        assert_eq!((one.len(), types_of(&one)), (1, vec![types[0]]));
    }
}

#[test]
fn a_row_is_found_by_the_name_of_the_one_it_belongs_to() {
    let site = site();
    let admin = Client::admin(&site);
    let tasks = search(&admin, "sq010_0010 lay", &["Task"], "").unwrap();
    assert_eq!(tasks.len(), 1);
    let task = &tasks[0];
    assert_eq!(
        (&task["name"], &task["links"], &task["project_id"]),
        (&json!("Layout"), &json!(["Shot", "SQ010_0010"]), &json!(1))
    );
    assert_eq!(task["status"], "fin");
    let mut keys: Vec<&String> = task.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["id", "image", "links", "name", "project_id", "status", "type"]);
    let person = &search(&admin, "tanaka", &["HumanUser"], "").unwrap()[0];
    assert_eq!(
        (&person["links"], &person["project_id"], &person["status"]),
        (&json!(["", ""]), &Value::Null, &json!("act"))
    );
}

#[test]
fn each_type_has_its_own_filter_and_projects_narrow_all() {
    let site = site();
    let admin = Client::admin(&site);
    let both = |more: Value| {
        let fine = json!({"logical_operator": "and", "conditions": [is("sg_status_list", json!("fin"))]});
        let mut asked = json!({"text": "SQ010", "entity_types": {"Shot": fine, "Sequence": {"logical_operator": "and", "conditions": []}}});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = admin.call("query_display_name_cache", asked).unwrap();
        found["matches"].as_array().unwrap().clone()
    };
    let found = both(json!({}));
    let shots: Vec<&Value> = found.iter().filter(|found| found["type"] == "Shot").collect();
    assert!(!shots.is_empty() && shots.iter().all(|shot| shot["status"] == "fin"), "{found:?}");
    assert!(shots.len() < 8 && found.len() > shots.len());
    assert_eq!(both(json!({"project_ids": [2]})), Vec::<Value>::new());
    assert_eq!(both(json!({"project_ids": [1, 2], "max_results": null})), found);
    // Projects are narrowed to themselves.
    assert_eq!(search(&admin, "the", &["Project"], ", \"project_ids\": [1]").unwrap().len(), 1);
    // Nobody finds what they may not see.
    let artist = Client::person(&site, "artist");
    let projects = search(&artist, "the harbour", &["Project", "Shot"], "").unwrap();
    assert_eq!(projects.len(), 1);
    assert_eq!(search(&artist, "pipeline", &["ApiUser"], "").unwrap(), Vec::<Value>::new());
}

#[test]
fn bad_searches_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let all = json!({"logical_operator": "and", "conditions": []});
    for (asked, text) in [
        (json!({"entity_types": {"Shot": all}}), "invalid/missing string 'text'"),
        (
            json!({"text": "ab ", "entity_types": {"Shot": all}}),
            "'text' must have at least 3 characters",
        ),
        (json!({"text": "abc"}), "invalid/missing object 'entity_types'"),
        (
            json!({"text": "abc", "entity_types": ["Shot"]}),
            "invalid/missing object 'entity_types'",
        ),
        (
            json!({"text": "abc", "entity_types": {"Blob": all}}),
            "Entity type 'Blob' does not exist.",
        ),
        (
            json!({"text": "abc", "entity_types": {"Shot": {"path": "foo", "relation": "is", "values": [1]}}}),
            "Shot.foo doesn't exist.",
        ),
        (json!({"text": "abc", "entity_types": {"Shot": 5}}), "invalid/missing 'filters'"),
        (
            json!({"text": "abc", "entity_types": {"Shot": all}, "project_ids": ["x"]}),
            "'project_ids'",
        ),
        (
            json!({"text": "abc", "entity_types": {"Shot": all}, "max_results": 0}),
            "'max_results'",
        ),
    ] {
        let refusal = admin.call("query_display_name_cache", asked).unwrap_err();
        assert!(refusal.code == 103 && refusal.message.contains(text), "{refusal} has no {text}");
    }
}
