//! Methods and their arguments: what goes over the wire, what comes back, and what is refused before anything is sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "../support/fake_site.rs"]
mod fake_site;
#[path = "../support/tools.rs"]
mod tools;

mod arguments;
mod pages;

use std::time::Duration;

use fake_site::{Answer, FakeSite, Request};
use serde_json::{Value, json};
use shotgrid::client::{Client, Credentials, Error, Options, Pages, Secret, Status, methods};
use tools::run;

async fn client(site: &FakeSite) -> Client {
    let options = Options {
        verify_on_connect: false,
        ..Options::default()
    };
    let credentials = Credentials::Script {
        name: "robot".into(),
        api_key: Secret::new("0123abcd"),
    };
    Client::connect(&site.url, credentials, options).await.unwrap()
}

fn call(site: &FakeSite, method: &str, params: &str) -> Result<String, Error> {
    run(async { client(site).await.call(method, params).await.map(|found| found.json().to_owned()) })
}

/// The requests that a call makes, without `info`, against a site that answers each with the same reply.
fn sent(method: &str, params: &str, reply: &str) -> Vec<Request> {
    let reply = reply.to_owned();
    let site = FakeSite::new(move |_| Answer::Json(reply.clone()));
    call(&site, method, params).unwrap_or_else(|error| panic!("{method} {params}: {error}"));
    site.requests()
        .into_iter()
        .filter(|request| request.wire_method() != "info")
        .collect()
}

const ROWS: &str = r#"{"results":{"entities":[],"paging_info":{"has_next_page":false}}}"#;

fn find_params(changes: &[(&str, Value)]) -> Value {
    let mut params = json!({
        "type": "Shot", "return_fields": ["id"], "filters": {"logical_operator": "and", "conditions": []}, "return_only": "active",
        "paging": {"entities_per_page": 500, "current_page": 1}, "api_return_image_urls": true, "return_paging_info_without_counts": true,
    });
    for (key, value) in changes {
        params[key] = value.clone();
    }
    params
}

#[test]
fn find_in_every_form() {
    let one_page = |size: u64, page: u64| json!({"entities_per_page": size, "current_page": page});
    let flag = "return_paging_info_without_counts";
    for (params, expected) in [
        (r#"["Shot", []]"#, find_params(&[])),
        (r#"{"entity_type": "Shot", "filters": []}"#, find_params(&[])),
        (r#"["Shot", [], [], [], null, 0, false, 0, true, null]"#, find_params(&[])),
        (
            r#"["Shot", [], ["code", "sg_sequence.Sequence.code"]]"#,
            find_params(&[("return_fields", json!(["code", "sg_sequence.Sequence.code"]))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"limit":10}"#,
            find_params(&[("paging", one_page(10, 1)), (flag, json!(false))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"limit":500}"#,
            find_params(&[("paging", one_page(500, 1)), (flag, json!(false))]),
        ),
        (r#"{"entity_type":"Shot","filters":[],"limit":501}"#, find_params(&[])),
        (
            r#"{"entity_type":"Shot","filters":[],"limit":10,"page":3}"#,
            find_params(&[("paging", one_page(10, 3)), (flag, json!(false))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"page":2}"#,
            find_params(&[("paging", one_page(500, 2)), (flag, json!(false))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"retired_only":true}"#,
            find_params(&[("return_only", json!("retired"))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"include_archived_projects":false}"#,
            find_params(&[("include_archived_projects", json!(false))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"order":[{"field_name":"code","direction":"desc"},{"column":"id"}]}"#,
            find_params(&[(
                "sorts",
                json!([{"field_name": "code", "direction": "desc"}, {"field_name": "id", "direction": "asc"}]),
            )]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[["code","is","é"]],"filter_operator":"any"}"#,
            find_params(&[(
                "filters",
                json!({"logical_operator": "or", "conditions": [{"path": "code", "relation": "is", "values": ["é"]}]}),
            )]),
        ),
        (
            r#"{"entity_type":"Shot","filters":{"logical_operator":"or","conditions":[]}}"#,
            find_params(&[("filters", json!({"logical_operator": "or", "conditions": []}))]),
        ),
        (
            r#"{"entity_type":"Shot","filters":[],"additional_filter_presets":[{"preset_name":"LATEST","latest_by":"REVISION_NUMBER"}]}"#,
            find_params(&[(
                "additional_filter_presets",
                json!([{"preset_name": "LATEST", "latest_by": "REVISION_NUMBER"}]),
            )]),
        ),
    ] {
        let requests = sent("find", params, ROWS);
        assert_eq!(requests.len(), 1);
        assert_eq!(
            (requests[0].wire_method().as_str(), requests[0].params()),
            ("read", expected),
            "{params}"
        );
    }
    let one = sent(
        "find_one",
        r#"["Shot", [["id", "is", 1]], ["code"], null, "all", true, false]"#,
        ROWS,
    );
    let expected = find_params(&[
        ("return_fields", json!(["code"])),
        (
            "filters",
            json!({"logical_operator": "and", "conditions": [{"path": "id", "relation": "is", "values": [1]}]}),
        ),
        ("return_only", json!("retired")),
        ("include_archived_projects", json!(false)),
        ("paging", one_page(1, 1)),
        (flag, json!(false)),
    ]);
    assert_eq!(one[0].params(), expected);
}

/// `fields` in the order of their names: json! does not keep the order in which they are written here.
fn ordered(mut params: Value) -> Value {
    if let Some(fields) = params.get_mut("fields").and_then(Value::as_array_mut) {
        fields.sort_by_key(|field| field["field_name"].as_str().unwrap_or_default().to_owned());
    }
    match params {
        Value::Array(requests) => requests.into_iter().map(ordered).collect(),
        other => other,
    }
}

#[test]
fn writes_in_every_form() {
    let record = r#"{"results":{"id":1,"type":"Shot"}}"#;
    let entity = json!({"type": "Project", "id": 4, "name": "Demo", "extra": 1});
    let trimmed = json!({"type": "Project", "id": 4, "name": "Demo"});
    for (method, params, reply, expected) in [
        (
            "create",
            json!(["Shot", {"code": "x", "project": entity, "n": null, "image": null}]),
            record,
            json!({"type": "Shot", "return_fields": ["id"], "fields": [
                {"field_name": "code", "value": "x"}, {"field_name": "project", "value": entity}, {"field_name": "n", "value": null}]}),
        ),
        (
            "create",
            json!({"entity_type": "Shot", "data": {}, "return_fields": ["code"]}),
            r#"{"results":[{"id":1}]}"#,
            json!({"type": "Shot", "return_fields": ["code"], "fields": []}),
        ),
        (
            "update",
            json!(["Shot", 99, {"code": "n", "assets": [entity], "project": entity, "image": null, "filmstrip_image": null}, {"assets": "add"}]),
            record,
            json!({"type": "Shot", "id": 99, "fields": [
                {"field_name": "code", "value": "n"}, {"field_name": "assets", "value": [trimmed], "multi_entity_update_mode": "add"},
                {"field_name": "project", "value": trimmed}, {"field_name": "image", "value": null}]}),
        ),
        (
            "delete",
            json!(["Shot", 99]),
            r#"{"results":true}"#,
            json!({"type": "Shot", "id": 99}),
        ),
        (
            "revive",
            json!({"entity_type": "Shot", "entity_id": 99}),
            r#"{"results":true}"#,
            json!({"type": "Shot", "id": 99}),
        ),
        (
            "batch",
            json!([[
                {"request_type": "create", "entity_type": "Shot", "data": {"code": "a", "project": entity, "image": "/x"}, "return_fields": ["code"]},
                {"request_type": "update", "entity_type": "Shot", "entity_id": 3, "data": {"assets": [entity]}, "multi_entity_update_modes": {"assets": "remove"}},
                {"request_type": "delete", "entity_type": "Shot", "entity_id": 3}]]),
            r#"{"results":[{"id":1},{"id":3},true]}"#,
            json!([
                {"request_type": "create", "type": "Shot", "return_fields": ["code"], "fields": [
                    {"field_name": "code", "value": "a"}, {"field_name": "project", "value": entity}, {"field_name": "image", "value": "/x"}]},
                {"request_type": "update", "type": "Shot", "id": 3, "fields": [
                    {"field_name": "assets", "value": [entity], "multi_entity_update_mode": "remove"}]},
                {"request_type": "delete", "type": "Shot", "id": 3}]),
        ),
        (
            "summarize",
            json!(["Shot", [["id", "in", [1, 2]]], [{"field": "id", "type": "count"}], "any", [{"field": "code", "type": "exact", "direction": "asc"}], false]),
            r#"{"results":{"summaries":{"id":4},"groups":[]}}"#,
            json!({"type": "Shot", "summaries": [{"field": "id", "type": "count"}], "include_archived_projects": false,
                "filters": {"logical_operator": "or", "conditions": [{"path": "id", "relation": "in", "values": [1, 2]}]},
                "grouping": [{"field": "code", "type": "exact", "direction": "asc"}]}),
        ),
        (
            "schema_field_read",
            json!(["Shot", "code", entity]),
            r#"{"results":{}}"#,
            json!({"type": "Shot", "field_name": "code", "project": entity}),
        ),
        ("schema_field_read", json!(["Shot"]), r#"{"results":{}}"#, json!({"type": "Shot"})),
        ("schema_read", json!([entity]), r#"{"results":{}}"#, json!({"project": entity})),
        ("schema_entity_read", json!({}), r#"{"results":{}}"#, Value::Null),
    ] {
        let requests = sent(method, &params.to_string(), reply);
        assert_eq!(requests.len(), 1);
        assert_eq!(
            (requests[0].wire_method().as_str(), ordered(requests[0].params())),
            (method, ordered(expected)),
            "{params}"
        );
    }
}

#[test]
fn numbers_and_texts_pass_through_byte_for_byte() {
    let requests = sent(
        "create",
        r#"["Shot", {"n": 1.0, "big": 123456789012345678901234567890, "e": 1e-7, "t": "\u00e9\ud83d\ude00/é"}]"#,
        r#"{"id":1}"#,
    );
    for text in ["1.0}", "123456789012345678901234567890}", "1e-7}", r#""\u00e9\ud83d\ude00/é"}"#] {
        assert!(requests[0].body.contains(text), "{text}: {}", requests[0].body);
    }
}

#[test]
fn what_needs_no_site_asks_none() {
    for (method, params, answer) in [
        ("batch", "[[]]", "[]"),
        ("update", r#"["Shot", 7, {}]"#, r#"{"id":7,"type":"Shot"}"#),
        ("update", r#"["Shot", 7, {"filmstrip_image": null}]"#, r#"{"id":7,"type":"Shot"}"#),
    ] {
        let site = FakeSite::new(|_| Answer::Close);
        assert_eq!(call(&site, method, params).unwrap(), answer);
    }
}

#[test]
fn results_are_the_sites_own_bytes() {
    let reply = r#"{"results":{"entities":[ {"type":"Shot", "id":1,"f":1.50,"t":"\u00e9"} ],"paging_info":{"has_next_page":false}}}"#;
    let site = FakeSite::new(move |_| Answer::json(reply));
    assert_eq!(
        call(&site, "find", r#"{"entity_type":"Shot","filters":[],"limit":5}"#).unwrap(),
        r#"[ {"type":"Shot", "id":1,"f":1.50,"t":"\u00e9"} ]"#
    );
    assert_eq!(
        call(&site, "find", r#"["Shot", []]"#).unwrap(),
        r#"[ {"type":"Shot", "id":1,"f":1.50,"t":"\u00e9"} ]"#
    );
    assert_eq!(
        call(&site, "find_one", r#"["Shot", []]"#).unwrap(),
        r#"{"type":"Shot", "id":1,"f":1.50,"t":"\u00e9"}"#
    );
    let none = FakeSite::new(|_| Answer::json(r#"{"results":{}}"#));
    assert_eq!(
        call(&none, "find", r#"{"entity_type":"Shot","filters":[],"limit":5}"#).unwrap(),
        "[]"
    );
    assert_eq!(call(&none, "find_one", r#"["Shot", []]"#).unwrap(), "null");
    assert_eq!(
        call(&none, "find", r#"["Shot", []]"#).unwrap_err().status,
        Status::Protocol,
        "a page without rows, where pages are counted"
    );
}

#[test]
fn only_raw_calls_give_every_byte_of_records() {
    let site = FakeSite::new(|_| Answer::json(r#"{"results":{"entities":[{"id":1, "a":"x &lt; \u00e9","l":["&lt;"]}]}}"#));
    assert_eq!(
        call(&site, "find", r#"{"entity_type":"Shot","filters":[],"limit":5}"#).unwrap(),
        r#"[{"id":1, "a":"x < é","l":["&lt;"]}]"#
    );
    let raw = run(async {
        client(&site)
            .await
            .call_raw("read", "{}")
            .await
            .map(|found| found.json().to_owned())
    });
    assert_eq!(raw.unwrap(), r#"{"entities":[{"id":1, "a":"x &lt; \u00e9","l":["&lt;"]}]}"#);
}

#[test]
fn a_refusal_names_the_row_that_the_call_is_about() {
    let refusing = |message: &'static str| FakeSite::new(move |_| Answer::fault(104, message));
    let site = refusing("The field is not editable for this user: [Shot.code]. Rule: Artist -- PermissionRule 5: DENY update_field");
    let error = call(&site, "update", r#"["Shot", 12, {"code": "x"}]"#).unwrap_err();
    assert_eq!((error.refusal.entity_id, error.refusal.role.as_deref()), (Some(12), Some("Artist")));
    let site = refusing(
        "API batch() request with index 1 failed.  All requests rolled back.\nThe field is not editable for this user: [Shot.code].",
    );
    let requests = r#"[[{"request_type":"delete","entity_type":"Shot","entity_id":1},{"request_type":"update","entity_type":"Shot","entity_id":7,"data":{"code":"x"}}]]"#;
    let error = call(&site, "batch", requests).unwrap_err();
    assert_eq!(
        (error.batch_index, error.refusal.entity_id, error.refusal.operation.as_deref()),
        (Some(1), Some(7), Some("update"))
    );
    let error = call(
        &refusing("Entity of type ApiUser can not be accessed by this user. Rule: Artist"),
        "find",
        r#"["ApiUser", []]"#,
    )
    .unwrap_err();
    assert_eq!(
        (error.refusal.operation.as_deref(), error.refusal.entity_type.as_deref()),
        (Some("read"), Some("ApiUser"))
    );
}

#[test]
fn raw_calls_send_what_they_are_given() {
    let site = FakeSite::new(|_| Answer::json(r#"{"results":[1]}"#));
    let raw = |method: &str, params: &str| {
        run(async {
            client(&site)
                .await
                .call_raw(method, params)
                .await
                .map(|found| found.json().to_owned())
        })
    };
    assert_eq!(raw("nav_expand", r#"{"path": "/"}"#).unwrap(), "[1]");
    assert_eq!(site.requests_of("nav_expand")[0].params(), json!({"path": "/"}));
    raw("user_subscriptions_read", "").unwrap();
    assert_eq!(
        site.requests_of("user_subscriptions_read")[0].json()["params"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for (method, params, words) in [
        ("", "", "wire_method is empty"),
        ("x", "]}, {", "not JSON"),
        ("x", "1]", "not JSON"),
    ] {
        let error = raw(method, params).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument);
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!(raw("info", "").unwrap(), fake_site::INFO);
    assert_eq!(site.requests_of("info").last().unwrap().json()["params"], json!([]));
}

#[test]
fn every_method_is_known_by_the_name_of_the_official_client() {
    let known: Vec<_> = methods().map(|method| method.name).collect();
    let first_floor = [
        "info",
        "find",
        "find_one",
        "create",
        "update",
        "delete",
        "revive",
        "batch",
        "summarize",
        "schema_entity_read",
        "schema_read",
        "schema_field_read",
        "get_session_token",
    ];
    assert!(first_floor.iter().all(|name| known.contains(name)));
}

#[test]
fn the_rest_of_the_vocabulary() {
    let person = json!({"type": "HumanUser", "id": 7, "name": "Bob", "email": "b"});
    let shot = json!({"type": "Shot", "id": 5});
    let answer = r#"{"results":{"ok":1}}"#;
    for (method, params, wire, expected) in [
        (
            "work_schedule_read",
            json!(["2015-12-21", "2015-12-25"]),
            "work_schedule_read",
            json!({"start_date": "2015-12-21", "end_date": "2015-12-25", "project": null, "user": null}),
        ),
        (
            "work_schedule_update",
            json!({"date": "2015-12-31", "working": false, "description": "", "user": person}),
            "work_schedule_update",
            json!({"date": "2015-12-31", "working": false, "description": "", "project": null, "user": person, "recalculate_field": null}),
        ),
        ("follow", json!([person, shot]), "follow", json!({"user": person, "entity": shot})),
        (
            "unfollow",
            json!([person, shot]),
            "unfollow",
            json!({"user": person, "entity": shot}),
        ),
        ("followers", json!([shot]), "followers", json!({"entity": shot})),
        ("following", json!([person]), "following", json!({"user": person})),
        (
            "following",
            json!([person, shot, "Asset"]),
            "following",
            json!({"user": person, "project": shot, "entity_type": "Asset"}),
        ),
        (
            "schema_field_create",
            json!(["Shot", "list", "Mood", {"valid_values": ["a", "b"]}]),
            "schema_field_create",
            json!({"type": "Shot", "data_type": "list", "properties": [
                {"property_name": "name", "value": "Mood"}, {"property_name": "valid_values", "value": ["a", "b"]}]}),
        ),
        (
            "schema_field_update",
            json!(["Shot", "sg_mood", {"visible": false}, shot]),
            "schema_field_update",
            json!({"type": "Shot", "field_name": "sg_mood", "properties": [{"property_name": "visible", "value": false}], "project": shot}),
        ),
        (
            "schema_field_update",
            json!(["Shot", "sg_mood", null]),
            "schema_field_update",
            json!({"type": "Shot", "field_name": "sg_mood", "properties": []}),
        ),
        (
            "schema_field_delete",
            json!(["Shot", "sg_mood"]),
            "schema_field_delete",
            json!({"type": "Shot", "field_name": "sg_mood"}),
        ),
        (
            "note_thread_read",
            json!([5]),
            "note_thread_contents",
            json!({"note_id": 5, "entity_fields": {}}),
        ),
        (
            "note_thread_read",
            json!([5, {"Note": ["x"]}]),
            "note_thread_contents",
            json!({"note_id": 5, "entity_fields": {"Note": ["x"]}}),
        ),
        (
            "text_search",
            json!(["bunny", {"Asset": [["code", "is", "x"]], "Task": []}, [4], 10]),
            "query_display_name_cache",
            json!({"text": "bunny", "project_ids": [4], "max_results": 10, "entity_types": {
                "Asset": {"logical_operator": "and", "conditions": [{"path": "code", "relation": "is", "values": ["x"]}]},
                "Task": {"logical_operator": "and", "conditions": []}}}),
        ),
        (
            "activity_stream_read",
            json!(["Shot", 5]),
            "activity_stream",
            json!({"type": "Shot", "id": 5, "max_id": null, "min_id": null, "limit": null, "entity_fields": {}}),
        ),
        (
            "activity_stream_read",
            json!(["Shot", 5, {"Shot": ["code"]}, 1, 9, 3]),
            "activity_stream",
            json!({"type": "Shot", "id": 5, "max_id": 9, "min_id": 1, "limit": 3, "entity_fields": {"Shot": ["code"]}}),
        ),
        (
            "nav_expand",
            json!(["/"]),
            "nav_expand",
            json!({"path": "/", "seed_entity_field": null, "entity_fields": null}),
        ),
        (
            "nav_search_string",
            json!(["/", "bunny", "Shot.x"]),
            "nav_search",
            json!({"root_path": "/", "seed_entity_field": "Shot.x", "search_criteria": {"search_string": "bunny"}}),
        ),
        (
            "nav_search_entity",
            json!(["/", shot]),
            "nav_search",
            json!({"root_path": "/", "seed_entity_field": null, "search_criteria": {"entity": shot}}),
        ),
        ("preferences_read", json!([]), "preferences_read", json!({"prefs": []})),
        ("preferences_read", json!([["a"]]), "preferences_read", json!({"prefs": ["a"]})),
        ("user_subscriptions_read", json!([]), "user_subscriptions_read", Value::Null),
        (
            "user_subscriptions_create",
            json!([[{"humanUserId": 1, "subscription": null}]]),
            "user_subscriptions_create",
            json!({"users": [{"humanUserId": 1, "subscription": null}]}),
        ),
        (
            "export_page",
            json!([12, "csv"]),
            "export_page",
            json!({"format": "csv", "page_id": 12, "layout_name": null}),
        ),
        (
            "update_project_last_accessed",
            json!([{"type": "Project", "id": 4}]),
            "update_project_last_accessed_by_current_user",
            json!({"project_id": 4}),
        ),
        (
            "update_project_last_accessed",
            json!([{"type": "Project", "id": 4}, person]),
            "update_project_last_accessed_by_current_user",
            json!({"project_id": 4, "user_id": 7}),
        ),
    ] {
        let requests = sent(method, &params.to_string(), answer);
        assert_eq!(requests.len(), 1, "{method}");
        assert_eq!(
            (requests[0].wire_method().as_str(), requests[0].params()),
            (wire, expected),
            "{method} {params}"
        );
    }
}

#[test]
fn replies_that_are_no_records() {
    let answering = |answer: Answer| FakeSite::new(move |_| answer.clone());
    let users = r#"[[{"humanUserId": 1}]]"#;
    for (reply, told) in [
        (r#"{"results":{"status":"success"}}"#, "true"),
        (r#"{"status":"success"}"#, "true"),
        (r#"{"results":{"status":"no"}}"#, "false"),
        ("[]", "false"),
    ] {
        assert_eq!(
            call(&answering(Answer::json(reply)), "user_subscriptions_create", users).unwrap(),
            told
        );
    }
    let csv = Answer::Http(
        200,
        vec![("content-type", "text/csv; charset=utf-8".into())],
        "id,é\n1,\"x\"\n".into(),
    );
    assert_eq!(
        call(&answering(csv), "export_page", r#"[1, "csv"]"#).unwrap(),
        r#""id,é\n1,\"x\"\n""#
    );
    let html = Answer::Http(200, vec![("content-type", "text/html".into())], "<html>".into());
    assert_eq!(
        call(&answering(html), "export_page", r#"[1, "csv"]"#).unwrap_err().status,
        Status::Protocol
    );
    let error = call(
        &answering(Answer::fault(104, "Export for Page id=1 not available")),
        "export_page",
        r#"[1, "csv"]"#,
    )
    .unwrap_err();
    assert_eq!(error.status, Status::NotFound);
    let stream = answering(Answer::json(r#"{"results":{"entity_id":5,"updates":[]}}"#));
    assert_eq!(
        call(&stream, "activity_stream_read", r#"["Shot", 5]"#).unwrap(),
        r#"{"entity_id":5,"updates":[]}"#
    );
}

#[test]
fn people_are_found_by_login_where_they_must_be() {
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(fake_site::INFO),
        "get_session_token" => Answer::json(r#"{"results":{"session_id":"T"}}"#),
        "read" => Answer::json(r#"{"results":{"entities":[{"type":"HumanUser","id":9,"login":"bob"}]}}"#),
        _ => Answer::json(r#"{"results":true}"#),
    });
    let person = Credentials::Person {
        login: "bob".into(),
        password: Secret::new("pw"),
    };
    run(async {
        let client = Client::connect(&site.url, person, Options::default()).await.unwrap();
        let done = client
            .call("update_project_last_accessed", r#"[{"type": "Project", "id": 4}]"#)
            .await
            .unwrap();
        assert_eq!(done.json(), "null");
        let found = client
            .call("authenticate_human_user", r#"["ann", "secret", "123456"]"#)
            .await
            .unwrap();
        assert_eq!(found.json(), r#"{"type":"HumanUser","id":9,"login":"bob"}"#);
    });
    let note = &site.requests_of("update_project_last_accessed_by_current_user")[0];
    assert_eq!(note.params(), json!({"project_id": 4, "user_id": 9}));
    let proof = site.requests_of("read").pop().unwrap();
    assert_eq!(
        proof.auth(),
        json!({"user_login": "ann", "user_password": "secret", "auth_token": "123456"})
    );
    assert_eq!(proof.params()["return_fields"], json!(["id", "login"]));
    assert_eq!(
        proof.params()["filters"]["conditions"][1],
        json!({"path": "login", "relation": "is", "values": ["ann"]})
    );
}
