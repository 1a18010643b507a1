//! `permission_check` itself: how few requests it makes, what it makes of many fields at once, and what it does on a site that
//! does not keep its word.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "support/fake_site.rs"]
mod fake_site;
#[path = "support/tools.rs"]
mod tools;

use std::sync::atomic::{AtomicU64, Ordering};

use fake_site::{Answer, FakeSite, Request};
use serde_json::{Value, json};
use shotgrid::client::{Client, Credentials, Error, Options, Secret, Status};
use shotgrid_sandbox::Sandbox;
use tools::run;

async fn of(url: &str, name: &str, key: &str) -> Client {
    let credentials = Credentials::Script {
        name: name.to_owned(),
        api_key: Secret::new(key.to_owned()),
    };
    Client::connect(url, credentials, Options::default()).await.unwrap()
}

async fn person(site: &Sandbox, role: &str) -> Client {
    let person = site.person(role).unwrap();
    let credentials = Credentials::Person {
        login: person.login.clone(),
        password: Secret::new(person.password.clone()),
    };
    Client::connect(site.url(), credentials, Options::default()).await.unwrap()
}

async fn call(client: &Client, method: &str, params: Value) -> Result<Value, Error> {
    let result = client.call(method, &params.to_string()).await?;
    Ok(serde_json::from_str(result.json()).unwrap())
}

async fn check(client: &Client, question: Value) -> Value {
    call(client, "permission_check", question).await.unwrap()
}

/// The allowed words of an answer's fields.
fn words(answer: &Value) -> Vec<(String, String)> {
    let fields = answer["fields"].as_object().unwrap();
    fields
        .iter()
        .map(|(name, field)| (name.clone(), format!("{} {}", field["allowed"], field["reason"])))
        .collect()
}

async fn first(client: &Client, entity_type: &str) -> Value {
    call(client, "find_one", json!([entity_type, []])).await.unwrap()["id"].clone()
}

#[test]
fn a_button_costs_two_requests() {
    let site = Sandbox::builder().start().unwrap();
    run(async {
        let artist = person(&site, "artist").await;
        let shot = first(&artist, "Shot").await;
        let question = json!({"operation": "update", "entity_type": "Shot", "entity_id": shot, "fields": ["sg_status_list"]});
        let before = site.request_count();
        let answer = check(&artist, question.clone()).await;
        assert_eq!(
            site.request_count() - before,
            3,
            "the first time the site is asked whether it rolls back"
        );
        assert_eq!(answer["allowed"], "no", "{answer}");
        assert_eq!((&answer["role"], &answer["rule_id"]), (&json!("Artist"), &json!(2620)), "{answer}");
        assert!(
            answer["rule"]
                .as_str()
                .unwrap()
                .starts_with("DENY update_field FOR entity_type => Shot"),
            "{answer}"
        );
        assert!(
            answer["message"]
                .as_str()
                .unwrap()
                .contains("does not allow you to update the field sg_status_list of Shot"),
            "{answer}"
        );
        assert_eq!(answer["fields"]["sg_status_list"]["rule_id"], 2620, "{answer}");
        let before = site.request_count();
        check(&artist, question).await;
        assert_eq!(site.request_count() - before, 2);
        // All fields that pass are tried at once, and so is one that does not.
        let manager = person(&site, "manager").await;
        let many = json!({"operation": "update", "entity_type": "Shot", "entity_id": shot,
                          "fields": ["code", "description", "sg_status_list", "sg_cut_in", "sg_cut_out", "updated_at"]});
        check(&manager, json!({"operation": "delete", "entity_type": "Shot"})).await;
        let before = site.request_count();
        let answer = check(&manager, many).await;
        assert_eq!(site.request_count() - before, 3, "{answer}");
        assert_eq!(answer["allowed"], "no");
        let no: Vec<_> = words(&answer)
            .into_iter()
            .filter(|(_, word)| !word.starts_with("\"yes\""))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(no, ["updated_at"], "{answer}");
        // One request where there is nothing to look at first.
        for (operation, id) in [
            ("delete", json!(shot)),
            ("delete", Value::Null),
            ("revive", json!(shot)),
            ("read", json!(shot)),
        ] {
            let before = site.request_count();
            check(&manager, json!({"operation": operation, "entity_type": "Shot", "entity_id": id})).await;
            assert_eq!(site.request_count() - before, 1, "{operation}");
        }
    });
}

#[test]
fn all_fields_at_once_are_as_each_by_itself() {
    let site = Sandbox::builder().start().unwrap();
    run(async {
        let admin = of(site.url(), &site.script().name, &site.script().api_key).await;
        let artist = person(&site, "artist").await;
        let newest = json!({"entity_type": "EventLogEntry", "filters": [], "order": [{"field_name": "id", "direction": "desc"}]});
        let before = call(&admin, "find_one", newest.clone()).await.unwrap();
        let mut count = 0;
        for entity_type in ["Task", "Shot", "Version", "HumanUser", "Note", "PublishedFile", "Group", "Project"] {
            let schema = call(&admin, "schema_field_read", json!([entity_type])).await.unwrap();
            let fields: Vec<&String> = schema.as_object().unwrap().keys().collect();
            let id = first(&artist, entity_type).await;
            for client in [&admin, &artist] {
                let question =
                    |fields: Value| json!({"operation": "update", "entity_type": entity_type, "entity_id": id, "fields": fields});
                let all = check(client, question(json!(fields))).await;
                for field in &fields {
                    let one = check(client, question(json!([field]))).await;
                    assert_eq!(one["fields"][field], all["fields"][field], "{entity_type}.{field}");
                    assert_eq!(one["fields"][field]["allowed"], one["allowed"]);
                    count += 1;
                }
            }
        }
        assert!(count > 300, "{count}");
        assert_eq!(before, call(&admin, "find_one", newest).await.unwrap());
    });
}

#[test]
fn what_is_left_open_is_no_yes() {
    let site = Sandbox::builder().start().unwrap();
    run(async {
        let admin = of(site.url(), &site.script().name, &site.script().api_key).await;
        let artist = person(&site, "artist").await;
        let shot = first(&admin, "Shot").await;
        let table = [
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "fields": ["code"]}),
                "depends",
                "row",
            ),
            (
                &artist,
                json!({"operation": "update", "entity_type": "Shot", "fields": ["sg_status_list"]}),
                "no",
                "permission",
            ),
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "fields": ["id"]}),
                "no",
                "not_editable",
            ),
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "fields": ["no_such"]}),
                "depends",
                "unknown_field",
            ),
            (&admin, json!({"operation": "update", "entity_type": "Shot"}), "depends", "row"),
            (
                &artist,
                json!({"operation": "update", "entity_type": "Project"}),
                "no",
                "permission",
            ),
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "entity_id": shot, "fields": ["no_such"]}),
                "no",
                "unknown_field",
            ),
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "entity_id": shot, "fields": ["assets"]}),
                "depends",
                "values",
            ),
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "entity_id": 999_999, "fields": ["code"]}),
                "no",
                "not_found",
            ),
            (
                &admin,
                json!({"operation": "update", "entity_type": "Shot", "entity_id": shot, "data": {"sg_cut_in": "x"}}),
                "no",
                "rejected",
            ),
            (&admin, json!({"operation": "create", "entity_type": "Shot"}), "depends", "values"),
            (&artist, json!({"operation": "create", "entity_type": "Shot"}), "no", "permission"),
            (
                &admin,
                json!({"operation": "create", "entity_type": "HumanUser", "data": {"login": "x"}}),
                "depends",
                "values",
            ),
            (
                &admin,
                json!({"operation": "create", "entity_type": "Shot", "data": {"code": "x"}}),
                "no",
                "rejected",
            ),
            (&admin, json!({"operation": "delete", "entity_type": "Shot"}), "depends", "row"),
            (&artist, json!({"operation": "delete", "entity_type": "Shot"}), "no", "permission"),
            (
                &admin,
                json!({"operation": "delete", "entity_type": "Shot", "entity_id": 999_999}),
                "no",
                "not_found",
            ),
            (
                &admin,
                json!({"operation": "revive", "entity_type": "Shot", "entity_id": shot}),
                "depends",
                "untried",
            ),
            (&admin, json!({"operation": "read", "entity_type": "Shot"}), "depends", "row"),
            (&artist, json!({"operation": "read", "entity_type": "ApiUser"}), "no", "permission"),
            (
                &admin,
                json!({"operation": "read", "entity_type": "Shot", "entity_id": 999_999}),
                "no",
                "not_found",
            ),
            (
                &admin,
                json!({"operation": "delete", "entity_type": "Shot", "entity_id": shot, "dry_run": false}),
                "depends",
                "untried",
            ),
            (
                &artist,
                json!({"operation": "update", "entity_type": "Shot", "entity_id": shot, "fields": ["sg_status_list"], "dry_run": false}),
                "no",
                "not_editable",
            ),
        ];
        for (client, question, allowed, reason) in table {
            let answer = check(client, question.clone()).await;
            assert_eq!(
                (&answer["allowed"], &answer["reason"]),
                (&json!(allowed), &json!(reason)),
                "{question}: {answer}"
            );
            assert!(answer["message"].is_string(), "{question}: {answer}");
        }
        let data = json!({"project": {"type": "Project", "id": first(&admin, "Project").await}, "code": "a new one"});
        let question = json!({"operation": "create", "entity_type": "Shot", "data": data, "fields": ["description", "id"]});
        let answer = check(&admin, question).await;
        assert_eq!(answer["allowed"], "yes", "{answer}");
        let wanted = [
            ("project", "\"yes\" null"),
            ("code", "\"yes\" null"),
            ("description", "\"depends\" \"untried\""),
            ("id", "\"no\" \"read_only\""),
        ];
        assert_eq!(
            words(&answer),
            wanted.map(|(name, word)| (name.to_owned(), word.to_owned())),
            "{answer}"
        );
    });
}

#[test]
fn wrong_questions_say_what_is_allowed() {
    let site = Sandbox::builder().start().unwrap();
    run(async {
        let admin = of(site.url(), &site.script().name, &site.script().api_key).await;
        let table = [
            (
                json!({"operation": "edit", "entity_type": "Shot"}),
                "one of create, read, update, delete, revive, not \"edit\"",
            ),
            (
                json!({"operation": "create", "entity_type": "Shot", "entity_id": 1}),
                "does not go with create",
            ),
            (
                json!({"operation": "delete", "entity_type": "Shot", "data": {}}),
                "goes with create and update only",
            ),
            (
                json!({"operation": "update", "entity_type": "Shot", "fields": [""]}),
                "an empty name",
            ),
            (
                json!({"operation": "update", "entity_type": "Shot", "data": {"assets": []}, "multi_entity_update_modes": {"x": "add"}}),
                "names no field of the data",
            ),
        ];
        for (question, says) in table {
            let error = call(&admin, "permission_check", question).await.unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{error}");
            assert!(error.message.contains(says), "{error}");
        }
        for operation in ["create", "read", "update", "delete", "revive"] {
            let error = call(&admin, "permission_check", json!({"operation": operation, "entity_type": "Shots"}))
                .await
                .unwrap_err();
            assert_eq!(error.status, Status::Rejected, "{operation}: {error}");
        }
    });
}

const NO_SUCH_ROW: &str = "API batch() request with index 0 failed.  All requests rolled back.\nAPI update() CRUD ERROR #3: Entity of \
                           type [Project] with id=2147483647 does not exist.";

fn row(request: &Request) -> Option<Answer> {
    let row = r#"{"results":{"entities":[{"type":"Shot","id":1,"code":"as it was"}],"paging_info":{}}}"#;
    (request.wire_method() == "read").then(|| Answer::json(row))
}

fn batches(site: &FakeSite) -> Vec<Value> {
    let all = site.requests();
    all.iter()
        .filter(|request| request.wire_method() == "batch")
        .map(Request::params)
        .collect()
}

/// A site that refuses an update of no row alone, and carries out everything else.
#[test]
fn a_batch_that_is_carried_out_all_the_same_is_undone_and_none_follows() {
    let table = [
        (
            json!({"operation": "update", "entity_type": "Shot", "entity_id": 1, "data": {"code": "new"}}),
            "update",
            json!({"type": "Shot", "id": 1, "fields": [{"field_name": "code", "value": "as it was"}]}),
        ),
        (
            json!({"operation": "create", "entity_type": "Shot", "data": {"code": "new"}}),
            "delete",
            json!({"type": "Shot", "id": 77}),
        ),
        (
            json!({"operation": "delete", "entity_type": "Shot", "entity_id": 1}),
            "revive",
            json!({"type": "Shot", "id": 1}),
        ),
    ];
    for (question, undone_by, params) in table {
        for undo_works in [true, false] {
            let site = FakeSite::new(move |request| match request.wire_method().as_str() {
                "batch" if request.params().as_array().unwrap().len() == 1 => Answer::fault(104, NO_SUCH_ROW),
                "batch" => Answer::json(r#"{"results":[{"type":"Shot","id":77},{},{}]}"#),
                "read" => row(request).unwrap(),
                _ if undo_works => Answer::json(r#"{"results":{"type":"Shot","id":1}}"#),
                _ => Answer::fault(104, "no"),
            });
            run(async {
                let client = of(&site.url, "s", "k").await;
                let error = call(&client, "permission_check", question.clone()).await.unwrap_err();
                assert_eq!(
                    (error.status, error.may_have_applied, error.retryable),
                    (Status::Protocol, !undo_works, false),
                    "{error}"
                );
                assert!(
                    error
                        .message
                        .contains(if undo_works { "it was undone" } else { "it could not be undone" }),
                    "{error}"
                );
                let undo = site
                    .requests()
                    .into_iter()
                    .find(|request| request.wire_method() == undone_by)
                    .unwrap();
                assert_eq!(undo.params(), params);
                let so_far = batches(&site).len();
                let answer = check(&client, json!({"operation": "delete", "entity_type": "Shot", "entity_id": 1})).await;
                assert_eq!(
                    (answer["allowed"].as_str(), answer["reason"].as_str()),
                    (Some("depends"), Some("untried"))
                );
                assert_eq!(batches(&site).len(), so_far);
            });
        }
    }
}

/// What the role does not show cannot be written back.
#[test]
fn an_undo_that_leaves_out_a_field_is_none() {
    let site = FakeSite::new(|request| match request.wire_method().as_str() {
        "batch" if request.params().as_array().unwrap().len() == 1 => Answer::fault(104, NO_SUCH_ROW),
        "batch" => Answer::json(r#"{"results":[{"type":"Shot","id":1},{},{}]}"#),
        "read" => row(request).unwrap(),
        _ => Answer::json(r#"{"results":{"type":"Shot","id":1}}"#),
    });
    run(async {
        let client = of(&site.url, "s", "k").await;
        let data = json!({"code": "new", "sg_hidden": "new"});
        let question = json!({"operation": "update", "entity_type": "Shot", "entity_id": 1, "data": data});
        let error = call(&client, "permission_check", question).await.unwrap_err();
        assert!(error.may_have_applied && error.message.contains("could not be undone"), "{error}");
        let undo = site
            .requests()
            .into_iter()
            .find(|request| request.wire_method() == "update")
            .unwrap();
        assert_eq!(undo.params()["fields"], json!([{"field_name": "code", "value": "as it was"}]));
    });
}

/// Nothing is tried where an update of no row does not fail, or fails without a word of rolling back.
#[test]
fn a_site_that_does_not_say_that_it_rolls_back_is_not_tried() {
    let answers = [
        Answer::json(r#"{"results":[{}]}"#),
        Answer::fault(
            104,
            "API batch() request with index 0 failed.\nAPI update() CRUD ERROR #3: no such row",
        ),
        Answer::fault(104, &NO_SUCH_ROW.replace("index 0", "index 3")),
    ];
    for answer in answers {
        let site = FakeSite::new(move |request| match request.wire_method().as_str() {
            "batch" => answer.clone(),
            "schema_field_read" => Answer::json(r#"{"results":{"code":{"editable":{"value":true}},"id":{"editable":{"value":false}}}}"#),
            _ => row(request).unwrap(),
        });
        run(async {
            let client = of(&site.url, "s", "k").await;
            let update = json!({"operation": "update", "entity_type": "Shot", "entity_id": 1, "fields": ["code", "id"]});
            for _ in 0..2 {
                let answer = check(&client, update.clone()).await;
                assert_eq!(
                    (
                        answer["fields"]["code"]["allowed"].as_str(),
                        answer["fields"]["id"]["allowed"].as_str()
                    ),
                    (Some("depends"), Some("no"))
                );
                check(&client, json!({"operation": "create", "entity_type": "Shot", "data": {}})).await;
            }
            let sent = batches(&site);
            assert_eq!(sent.len(), 1, "the answer is kept");
            assert_eq!(
                sent[0],
                json!([{"request_type": "update", "type": "Project", "id": 2_147_483_647_u64,
                "fields": [{"field_name": "tags", "value": [], "multi_entity_update_mode": "add"}]}])
            );
        });
    }
}

/// Each batch holds its request and two that cannot be carried out; one whose answer is lost is sent again.
#[test]
fn trials_are_guarded_and_sent_again_as_reads_are() {
    let lost = std::sync::Arc::new(AtomicU64::new(0));
    let seen = std::sync::Arc::clone(&lost);
    let site = FakeSite::new(move |request| match request.wire_method().as_str() {
        "batch" if request.params().as_array().unwrap().len() == 1 => Answer::fault(104, NO_SUCH_ROW),
        "batch" if seen.fetch_add(1, Ordering::Relaxed) == 0 => Answer::status(503),
        "batch" => Answer::fault(104, &NO_SUCH_ROW.replace("index 0", "index 1")),
        _ => row(request).unwrap(),
    });
    run(async {
        let client = of(&site.url, "s", "k").await;
        let answer = check(
            &client,
            json!({"operation": "update", "entity_type": "Shot", "entity_id": 1, "fields": ["code"]}),
        )
        .await;
        assert_eq!(answer["allowed"], "yes", "{answer}");
        let sent = batches(&site);
        assert_eq!(sent.len(), 3);
        for trial in &sent[1..] {
            assert_eq!(trial[0]["fields"], json!([{"field_name": "code", "value": "as it was"}]));
            assert_eq!(
                (&trial[1]["id"], &trial[2]["id"]),
                (&json!(2_147_483_647_u64), &json!(2_147_483_646_u64))
            );
        }
    });
}
