//! The usual filters are answered by indexes: what SQLite says of its plans.

use rusqlite::params_from_iter;
use serde_json::{Value, json};

use super::query::Query;
use super::select::{Selection, Sort, page_sql};
use super::*;
use crate::auth::caller::Caller;
use crate::filter::Filter;

fn condition(path: &str, relation: &str, values: Value) -> Value {
    json!({"path": path, "relation": relation, "values": values})
}

/// The steps of the plan for a page of rows.
fn plan(store: &Store, schema: &Schema, entity_type: &str, conditions: &Value, sort: Option<&str>) -> Vec<String> {
    let caller = Caller::site();
    let filter = Filter::parse("read", &json!({"logical_operator": "and", "conditions": conditions})).unwrap();
    let selection = Selection {
        filter: &filter,
        retired: false,
        archived_projects: true,
    };
    let sorts: Vec<Sort> = sort
        .map(|path| Sort {
            path: path.to_owned(),
            descending: false,
        })
        .into_iter()
        .collect();
    let mut query = Query::new(schema, &caller, "read");
    let entity_type = schema.known_type(entity_type).unwrap();
    let sql = page_sql(&mut query, entity_type, &selection, &sorts, Some((501, 0))).unwrap();
    store
        .read(|connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let steps = statement.query_map(params_from_iter(query.values()), |row| row.get(3))?;
            Ok(steps.collect::<Result<Vec<String>, _>>()?)
        })
        .unwrap()
}

#[test]
fn the_usual_filters_use_indexes() {
    let scratch = Scratch::new().unwrap();
    let schema = Schema::built_in().unwrap();
    let (store, _) = Store::open(Some(&scratch.file("site.sqlite")), &schema, std::time::Duration::ZERO).unwrap();
    let link = |entity_type: &str, id: i64| json!([{"type": entity_type, "id": id}]);
    let project = || condition("project", "is", link("Project", 1));
    let me = || condition("task_assignees", "is", link("HumanUser", 1));
    // What is asked, in which order, and the index that must find the rows.
    for (entity_type, conditions, sort, index) in [
        ("Shot", json!([condition("id", "is", json!([5]))]), None, "INTEGER PRIMARY KEY"),
        ("Shot", json!([condition("id", "in", json!([5, 6]))]), None, "INTEGER PRIMARY KEY"),
        ("Shot", json!([project()]), Some("code"), "i_Shot.by_name"),
        (
            "Shot",
            json!([project(), condition("sg_status_list", "is", json!(["ip"]))]),
            Some("code"),
            "i_Shot.",
        ),
        (
            "Shot",
            json!([condition("sg_status_list", "in", json!(["ip", "fin"]))]),
            None,
            "i_Shot.sg_status_list",
        ),
        ("Shot", json!([condition("code", "is", json!(["010"]))]), None, "i_Shot.code"),
        ("Shot", json!([condition("code", "in", json!(["010", "020"]))]), None, "i_Shot.code"),
        (
            "Shot",
            json!([condition("sg_sequence", "is", link("Sequence", 1))]),
            Some("code"),
            "i_Shot.sg_sequence",
        ),
        (
            "Shot",
            json!([condition("assets", "is", link("Asset", 1))]),
            Some("code"),
            "INTEGER PRIMARY KEY",
        ),
        (
            "Shot",
            json!([condition("sg_sequence.Sequence.code", "is", json!(["S"]))]),
            None,
            "i_Shot.sg_sequence",
        ),
        (
            "Shot",
            json!([condition("assets.Asset.code", "is", json!(["S"]))]),
            None,
            "INTEGER PRIMARY KEY",
        ),
        ("Task", json!([condition("entity", "is", link("Shot", 1))]), None, "i_Task.entity"),
        (
            "Task",
            json!([condition("entity.Shot.sg_sequence", "is", link("Sequence", 1))]),
            None,
            "i_Task.entity",
        ),
        ("Task", json!([me()]), None, "INTEGER PRIMARY KEY"),
        (
            "Task",
            json!([me(), condition("sg_status_list", "is", json!(["ip"]))]),
            None,
            "i_Task.",
        ),
        (
            "Version",
            json!([condition("entity", "in", link("Shot", 1))]),
            Some("created_at"),
            "i_Version.entity",
        ),
        (
            "Note",
            json!([condition("note_links", "is", link("Shot", 1))]),
            None,
            "INTEGER PRIMARY KEY",
        ),
        (
            "HumanUser",
            json!([condition("login", "is", json!(["ann"]))]),
            None,
            "i_HumanUser.login",
        ),
        (
            "EventLogEntry",
            json!([condition("id", "greater_than", json!([100]))]),
            Some("id"),
            "INTEGER PRIMARY KEY",
        ),
        (
            "EventLogEntry",
            json!([condition("entity", "is", link("Shot", 1))]),
            Some("id"),
            "i_EventLogEntry.entity",
        ),
        (
            "EventLogEntry",
            json!([condition("created_at", "in_last", json!([1, "DAY"]))]),
            Some("id"),
            "i_EventLogEntry.created_at",
        ),
        (
            "Attachment",
            json!([condition("attachment_links", "is", link("Version", 1))]),
            None,
            "INTEGER PRIMARY KEY",
        ),
    ] {
        let steps = plan(&store, &schema, entity_type, &conditions, sort);
        let name = format!("{entity_type} {conditions} by {sort:?}: {steps:#?}");
        let found = steps.iter().find(|step| step.contains(" t1")).unwrap();
        assert!(found.starts_with("SEARCH t1 ") && found.contains(index), "{name}");
        let scanned = steps.iter().filter(|step| step.starts_with("SCAN "));
        // Lists of ids that were given, or found, are walked through; tables are not.
        let tables: Vec<_> = scanned
            .filter(|step| !step.contains("json_each") && !step.contains("SUBQUERY"))
            .collect();
        assert!(tables.is_empty(), "{name}");
    }
}
