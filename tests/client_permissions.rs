//! `permission_check` against the local site: what it says is what the real call then does, for every role, and it changes
//! nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "these are tests"
)]

#[path = "support/tools.rs"]
mod tools;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use shotgrid::client::{Client, Credentials, Error, Options, Secret, Status};
use shotgrid_sandbox::Sandbox;
use tools::{Folder, run_within};

const SEED: &str = include_str!("../sandbox/data/default-seed.json");
/// Roles whose rules hang on rows, values and links, beside those of the default seed.
const MORE_ROLES: &str = include_str!("data/conditional-roles.json");

/// The default site with the roles of [`MORE_ROLES`] and somebody for each.
fn site(folder: &Folder) -> Sandbox {
    let mut seed: Value = serde_json::from_str(SEED).unwrap();
    let more: Value = serde_json::from_str(MORE_ROLES).unwrap();
    for part in ["roles", "entities"] {
        seed[part]
            .as_array_mut()
            .unwrap()
            .extend(more[part].as_array().unwrap().iter().cloned());
    }
    Sandbox::builder()
        .data_file(folder.0.join("site.db"))
        .seed_str(seed.to_string())
        .start()
        .unwrap()
}

async fn connect(site: &Sandbox, credentials: Credentials, sudo: Option<&str>) -> Client {
    let options = Options {
        sudo_as_login: sudo.map(str::to_owned),
        ..Options::default()
    };
    Client::connect(site.url(), credentials, options).await.unwrap()
}

fn script(site: &Sandbox, name: &str) -> Credentials {
    let script = site.scripts().iter().find(|script| script.name == name).unwrap();
    Credentials::Script {
        name: script.name.clone(),
        api_key: Secret::new(script.api_key.clone()),
    }
}

fn person(site: &Sandbox, login: &str) -> Credentials {
    let person = site.people().iter().find(|person| person.login == login).unwrap();
    Credentials::Person {
        login: person.login.clone(),
        password: Secret::new(person.password.clone()),
    }
}

async fn call(client: &Client, method: &str, params: Value) -> Result<Value, Error> {
    let result = client.call(method, &params.to_string()).await?;
    Ok(serde_json::from_str(result.json()).unwrap())
}

async fn rows(admin: &Client, entity_type: &str, count: u64) -> Vec<i64> {
    let params = json!({"entity_type": entity_type, "filters": [], "order": [{"field_name": "id", "direction": "asc"}]});
    let all = call(admin, "find", params).await.unwrap();
    let ids: Vec<i64> = all.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    // From all over the table, so that rules hold for some and not for others.
    let step = (ids.len() / usize::try_from(count).unwrap()).max(1);
    ids.into_iter().step_by(step).take(usize::try_from(count).unwrap()).collect()
}

/// Everything that the site holds, by entity type, the retired rows too, and its files.
async fn everything(admin: &Client, folder: &Folder) -> BTreeMap<String, Value> {
    let schema = call(admin, "schema_read", json!({})).await.unwrap();
    let mut all = BTreeMap::new();
    for (entity_type, fields) in schema.as_object().unwrap() {
        let fields: Vec<&String> = fields.as_object().unwrap().keys().collect();
        for retired in [false, true] {
            let params = json!({"entity_type": entity_type, "filters": [], "fields": fields, "retired_only": retired,
                                "order": [{"field_name": "id", "direction": "asc"}]});
            let found = call(admin, "find", params).await.unwrap();
            all.insert(format!("{entity_type} {retired}"), found);
        }
    }
    let mut files = folder.names();
    files.extend(
        std::fs::read_dir(folder.0.join("site.db.files"))
            .into_iter()
            .flatten()
            .map(|entry| format!("{:?}", entry.unwrap().path())),
    );
    files.sort();
    all.insert("files".to_owned(), json!(files));
    all
}

/// The newest event, and what a change of the row would show in.
async fn around(admin: &Client, question: &Value) -> (Value, Vec<Value>) {
    let newest = json!({"entity_type": "EventLogEntry", "filters": [], "order": [{"field_name": "id", "direction": "desc"}]});
    let newest = call(admin, "find_one", newest).await.unwrap();
    let mut fields = vec!["updated_at".to_owned(), "updated_by".to_owned()];
    let asked = question["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap());
    fields.extend(asked.map(str::to_owned));
    let filters = question.get("entity_id").map_or(json!([]), |id| json!([["id", "is", id]]));
    let mut row = Vec::new();
    for retired in [false, true] {
        let one = json!({"entity_type": question["entity_type"], "filters": filters, "fields": fields,
                         "order": [{"field_name": "id", "direction": "desc"}], "retired_only": retired});
        row.push(call(admin, "find_one", one).await.unwrap());
    }
    (newest["id"].clone(), row)
}

/// One question, and the real call that it is about.
#[derive(Clone, Debug)]
struct Case {
    question: Value,
    method: &'static str,
    params: Value,
}

/// The questions about one field of one row, with the row's own value and with another.
async fn updates(admin: &Client, cases: &mut Vec<Case>, entity_type: &str, count: u64, fields: &[(&str, Option<Value>)]) {
    for id in rows(admin, entity_type, count).await {
        for (field, other) in fields {
            let row = json!({"entity_type": entity_type, "filters": [["id", "is", id]], "fields": [field]});
            let present = call(admin, "find_one", row).await.unwrap()[field].clone();
            cases.push(Case {
                question: json!({"operation": "update", "entity_type": entity_type, "entity_id": id, "fields": [field]}),
                method: "update",
                params: json!([entity_type, id, {*field: present}]),
            });
            if let Some(other) = other {
                cases.push(Case {
                    question: json!({"operation": "update", "entity_type": entity_type, "entity_id": id, "data": {*field: other}}),
                    method: "update",
                    params: json!([entity_type, id, {*field: other}]),
                });
            }
        }
    }
}

async fn cases(admin: &Client) -> Vec<Case> {
    let mut cases = Vec::new();
    let statuses = || Some(json!("ip"));
    let shots = &[
        ("sg_status_list", statuses()),
        ("description", Some(json!("another"))),
        ("sg_cut_in", None),
        ("sg_sequence", Some(Value::Null)),
        ("updated_at", None),
        ("no_such_field", None),
    ];
    updates(admin, &mut cases, "Shot", 3, shots).await;
    updates(
        admin,
        &mut cases,
        "Task",
        3,
        &[
            ("sg_status_list", statuses()),
            ("task_assignees", Some(json!([]))),
            ("content", None),
        ],
    )
    .await;
    updates(
        admin,
        &mut cases,
        "Version",
        3,
        &[("description", Some(json!("x"))), ("sg_status_list", None)],
    )
    .await;
    updates(admin, &mut cases, "Note", 3, &[("content", Some(json!("y")))]).await;
    updates(admin, &mut cases, "Playlist", 2, &[("description", Some(json!("z")))]).await;
    updates(
        admin,
        &mut cases,
        "Project",
        3,
        &[("sg_description", Some(json!("p"))), ("name", None)],
    )
    .await;
    updates(
        admin,
        &mut cases,
        "HumanUser",
        3,
        &[("language", None), ("permission_rule_set", None)],
    )
    .await;
    updates(admin, &mut cases, "EventLogEntry", 1, &[("description", None)]).await;
    let shot = rows(admin, "Shot", 2).await;
    updates(
        admin,
        &mut cases,
        "Sequence",
        2,
        &[("shots", Some(json!([{"type": "Shot", "id": shot[1]}])))],
    )
    .await;
    let projects = rows(admin, "Project", 2).await;
    for project in &projects {
        let project = json!({"type": "Project", "id": project});
        let creates = [
            ("Version", json!({"project": project, "code": "by a check"})),
            (
                "Version",
                json!({"project": project, "code": "by a check", "sg_status_list": "rev"}),
            ),
            ("Shot", json!({"project": project})),
            (
                "Note",
                json!({"project": project, "subject": "s", "created_at": "2026-01-01T00:00:00Z"}),
            ),
            ("Playlist", json!({"project": project, "code": "list"})),
        ];
        for (entity_type, data) in creates {
            cases.push(Case {
                question: json!({"operation": "create", "entity_type": entity_type, "data": data}),
                method: "create",
                params: json!([entity_type, data]),
            });
        }
    }
    for entity_type in ["Version", "Tag", "HumanUser", "LocalStorage"] {
        cases.push(Case {
            question: json!({"operation": "create", "entity_type": entity_type}),
            method: "create",
            params: json!([entity_type, {}]),
        });
    }
    for (entity_type, count) in [
        ("Version", 6),
        ("Note", 3),
        ("Shot", 2),
        ("EventLogEntry", 1),
        ("Project", 1),
        ("Reply", 1),
    ] {
        for id in rows(admin, entity_type, count).await {
            for method in ["delete", "revive"] {
                cases.push(Case {
                    question: json!({"operation": method, "entity_type": entity_type, "entity_id": id}),
                    method,
                    params: json!([entity_type, id]),
                });
            }
        }
    }
    for (entity_type, field) in [
        ("Shot", "sg_cost"),
        ("Version", "code"),
        ("Playlist", "code"),
        ("ApiUser", "description"),
    ] {
        for id in rows(admin, entity_type, 2).await {
            cases.push(Case {
                question: json!({"operation": "read", "entity_type": entity_type, "entity_id": id, "fields": [field]}),
                method: "find_one",
                params: json!([entity_type, [["id", "is", id]], [field]]),
            });
        }
    }
    cases
}

/// Whether the real call did what was asked.
fn done(case: &Case, outcome: &Result<Value, Error>) -> bool {
    match (case.method, outcome) {
        ("find_one", Ok(row)) => case.params[2]
            .as_array()
            .unwrap()
            .iter()
            .all(|field| row.get(field.as_str().unwrap()).is_some()),
        (_, outcome) => outcome.is_ok(),
    }
}

/// What is said of the fields as a whole: a read of a row without the field is a read all the same.
fn overall(case: &Case, answer: &Value) -> String {
    let field = answer["fields"]
        .as_object()
        .unwrap()
        .values()
        .find(|field| field["allowed"] == "no");
    let said = match field {
        Some(field) if case.method == "find_one" => &field["allowed"],
        _ => &answer["allowed"],
    };
    said.as_str().unwrap().to_owned()
}

#[test]
fn what_it_says_is_what_the_call_then_does() {
    let folder = Folder::new("permissions");
    let site = site(&folder);
    run_within(Duration::from_secs(600), async {
        let admin = connect(&site, script(&site, "pipeline_admin"), None).await;
        let mut callers = Vec::new();
        for login in ["admin", "manager", "artist", "vendor", "lead", "client", "blind"] {
            callers.push((login.to_owned(), connect(&site, person(&site, login), None).await));
        }
        for name in ["pipeline_admin", "render_farm", "narrow"] {
            callers.push((name.to_owned(), connect(&site, script(&site, name), None).await));
        }
        for login in ["artist", "lead"] {
            callers.push((
                format!("pipeline_admin as {login}"),
                connect(&site, script(&site, "pipeline_admin"), Some(login)).await,
            ));
        }
        let cases = cases(&admin).await;
        let before = everything(&admin, &folder).await;
        for (_, client) in &callers {
            for case in &cases {
                call(client, "permission_check", case.question.clone()).await.unwrap();
            }
        }
        assert!(before == everything(&admin, &folder).await, "the checks changed something");

        let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (who, client) in &callers {
            for case in &cases {
                let was = around(&admin, &case.question).await;
                let answer = call(client, "permission_check", case.question.clone()).await.unwrap();
                assert_eq!(was, around(&admin, &case.question).await, "{who}: {case:?}");
                let said = overall(case, &answer);
                let outcome = call(client, case.method, case.params.clone()).await;
                let refused = matches!(&outcome, Err(error) if error.status == Status::Permission);
                let agrees = match said.as_str() {
                    "yes" => done(case, &outcome),
                    "no" => !done(case, &outcome) && (case.method == "find_one" || refused == (answer["reason"] == "permission")),
                    "depends" => true,
                    other => panic!("{other}"),
                };
                if let Err(error) = &outcome
                    && refused
                    && said == "no"
                    && case.method != "find_one"
                {
                    let refusal = (
                        json!(error.refusal.role),
                        json!(error.refusal.rule_id),
                        json!(error.refusal.rule_text),
                    );
                    let told = (answer["role"].clone(), answer["rule_id"].clone(), answer["rule"].clone());
                    assert_eq!(told, refusal, "{who}: {case:?}");
                }
                if !agrees {
                    wrong.push(format!("{who}: {case:?}\n  said {answer}\n  and then {outcome:?}"));
                }
                *told.entry((case.method.to_owned(), said)).or_default() += 1;
            }
        }
        println!("{} combinations: {told:?}", callers.len() * cases.len());
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(callers.len() * cases.len() >= 500);
    });
}
