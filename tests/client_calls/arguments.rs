//! Arguments that are refused before anything is sent.

use super::*;

#[test]
fn bad_arguments_are_refused_before_anything_is_sent() {
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(fake_site::INFO),
        _ => Answer::Close,
    });
    for (method, params, words) in [
        ("fnd", "[]", "no method \"fnd\"; did you mean \"find\"?"),
        ("Find_One", "[]", "did you mean \"find_one\"?"),
        ("", "[]", "there is no method"),
        ("find", "[1", "params_json is not JSON: the text ends too early at byte 2"),
        ("find", "{'a':1}", "params_json is not JSON"),
        ("find", "3", "params_json must be an object of keyword arguments or an array"),
        ("find", "[]", "find needs the parameter \"entity_type\": a text"),
        ("find", r#"["Shot"]"#, "find needs the parameter \"filters\""),
        (
            "find",
            r#"{"entity_type":"Shot","filter":[]}"#,
            "find has no parameter \"filter\"; did you mean \"filters\"? It takes entity_type, filters,",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","entity_type":"Shot","filters":[]}"#,
            "is given twice",
        ),
        ("find", r#"[1,2,3,4,5,6,7,8,9,10,11]"#, "find takes at most 10 parameters"),
        (
            "find",
            r#"[5, []]"#,
            "\"entity_type\" must be a text that is not empty, not a number (5)",
        ),
        ("find", r#"["", []]"#, "\"entity_type\" must be a text that is not empty"),
        ("find", r#"["Shot", "x"]"#, "\"filters\" must be an array of conditions"),
        ("find", r#"["Shot", null]"#, "\"filters\" must be an array of conditions"),
        (
            "find",
            r#"["Shot", [["code"]]]"#,
            "find: filters[0] must be [field, relation, value",
        ),
        (
            "find",
            r#"["Shot", [], "code"]"#,
            "\"fields\" must be an array of texts, or null, not a string",
        ),
        (
            "find",
            r#"["Shot", [], ["code", 1]]"#,
            "find: fields[1] must be a text, not a number (1)",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"order":[{"field_name":"code"}, "code"]}"#,
            "find: order[1] must be an object, not a string (\"code\")",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"limit":-1}"#,
            "\"limit\" must be a whole number from 0, not a number (-1)",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"limit":1.5}"#,
            "\"limit\" must be a whole number from 0",
        ),
        ("find", r#"{"entity_type":"Shot","filters":[],"limit":"5"}"#, "not a string (\"5\")"),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"retired_only":1}"#,
            "\"retired_only\" must be true or false",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"order":[{}]}"#,
            "order[0] needs a \"field_name\"",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"order":[{"field_name":"a","direction":"up"}]}"#,
            "order[0].direction must be \"asc\" or \"desc\"",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"filter_operator":"xor"}"#,
            "\"filter_operator\" must be \"all\" (or \"and\") or \"any\" (or \"or\")",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":{},"filter_operator":"any"}"#,
            "goes with a list of conditions only",
        ),
        ("update", r#"["Shot", "5", {}]"#, "\"entity_id\" must be an id"),
        ("update", r#"["Shot", 0, {}]"#, "\"entity_id\" must be an id"),
        (
            "update",
            r#"["Shot", 5, {"a": []}, {"a": "push"}]"#,
            "multi_entity_update_modes[\"a\"] must be \"set\", \"add\" or \"remove\", not \"push\"",
        ),
        ("create", r#"["Shot", []]"#, "\"data\" must be an object, not an array"),
        (
            "update",
            r#"["Shot", 5, {"a": []}, {"b": "add"}]"#,
            "multi_entity_update_modes[\"b\"] names no field of the data",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"order":[{"field_name":"a","dir":"desc"}]}"#,
            "order[0] has an unknown key \"dir\"",
        ),
        (
            "authenticate_human_user",
            r#"["ann", 87654321]"#,
            "\"user_password\" must be a text that is not empty, not a number",
        ),
        ("batch", r#"[{}]"#, "\"requests\" must be an array of objects"),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"a\nb":1}"#,
            r#"find has no parameter "a\nb". It takes"#,
        ),
        ("fi\nd_everything", "[]", r#"there is no method "fi\nd_everything""#),
        ("batch", r#"[[{}]]"#, "batch: requests[0] needs \"request_type\""),
        (
            "batch",
            r#"[[{"request_type":"revive"}]]"#,
            "requests[0].request_type must be \"create\", \"update\" or \"delete\"",
        ),
        (
            "batch",
            r#"[[{"request_type":"delete","entity_type":"Shot"}]]"#,
            "requests[0] needs \"entity_id\"",
        ),
        (
            "batch",
            r#"[[{"request_type":"update","entity_type":"Shot","entity_id":1,"data":{"a":[]},"multi_entity_update_modes":"add"}]]"#,
            "batch: requests[0].multi_entity_update_modes must be an object, or null, not a string",
        ),
        (
            "batch",
            r#"[[{"request_type":"create","entity_type":"Shot","fields":{}}]]"#,
            "unknown key \"fields\"",
        ),
        ("schema_read", r#"[5]"#, "\"project_entity\" must be an entity"),
        ("info", r#"{"a":1}"#, "info has no parameter \"a\". It takes nothing"),
    ] {
        let error = call(&site, method, params).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument, "{method} {params}: {error}");
        assert!(error.message.contains(words), "{method} {params}: {error}");
        assert!(!error.retryable && !error.may_have_applied);
        assert!(!error.message.contains("87654321"), "{error}");
    }
    // Nobody meant what is only the least unlike.
    for (method, params) in [("nope", "[]"), ("", "[]"), ("find", r#"{"sort":1}"#)] {
        let error = call(&site, method, params).unwrap_err();
        assert!(!error.message.contains("did you mean"), "{method} {params}: {error}");
    }
    assert!(site.requests().iter().all(|request| request.wire_method() == "info"));
}

#[test]
fn a_batch_tells_which_request_is_wrong_also_where_the_site_was_not_asked() {
    let site = FakeSite::new(|_| Answer::Close);
    let good = r#"{"request_type":"delete","entity_type":"Shot","entity_id":1}"#;
    for (wrong, words) in [
        ("null", "batch: requests[57] must be an object, not null"),
        ("5", "batch: requests[57] must be an object, not a number (5)"),
        ("[{}]", "batch: requests[57] must be an object, not an array"),
        ("{}", "batch: requests[57] needs \"request_type\""),
        (r#"{"request_type":"x"}"#, "batch: requests[57].request_type must be"),
        (
            r#"{"request_type":"delete","entity_type":"Shot"}"#,
            "batch: requests[57] needs \"entity_id\"",
        ),
        (
            r#"{"request_type":"delete","x":1}"#,
            "batch: requests[57] has an unknown key \"x\"; a delete",
        ),
        (
            r#"{"request_type":"update","x":1}"#,
            "batch: requests[57] has an unknown key \"x\"; an update",
        ),
    ] {
        let requests = [vec![good; 57], vec![wrong, good, wrong]].concat().join(",");
        for params in [format!("[[{requests}]]"), format!(r#"{{"requests":[{requests}]}}"#)] {
            let error = call(&site, "batch", &params).unwrap_err();
            assert_eq!((error.status, error.batch_index), (Status::InvalidArgument, Some(57)), "{error}");
            assert!(error.message.starts_with(words), "{error}");
        }
    }
    // Where no request is at fault, none is told.
    for (method, params) in [
        ("batch", "[5]"),
        ("batch", "{}"),
        ("batch", r#"{"request":[]}"#),
        ("find", r#"["Shot", [], [1]]"#),
    ] {
        assert_eq!(call(&site, method, params).unwrap_err().batch_index, None, "{method} {params}");
    }
    assert!(site.requests().iter().all(|request| request.wire_method() == "info"));
}

#[test]
fn version_gates_name_the_version_needed() {
    let old = FakeSite::bare(|_| Answer::json(r#"{"version":[5,3,13]}"#));
    for (method, params, version) in [
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"include_archived_projects":false}"#,
            "5.3.14",
        ),
        (
            "summarize",
            r#"{"entity_type":"Shot","filters":[],"summary_fields":[],"include_archived_projects":false}"#,
            "5.3.14",
        ),
        (
            "find",
            r#"{"entity_type":"Shot","filters":[],"additional_filter_presets":[{}]}"#,
            "7.0.0",
        ),
        ("schema_read", r#"[{"type":"Project","id":1}]"#, "5.4.4"),
    ] {
        let error = call(&old, method, params).unwrap_err();
        assert_eq!(error.status, Status::Unsupported, "{error}");
        assert!(error.message.contains(version) && error.message.contains("5.3.13"), "{error}");
    }
}
