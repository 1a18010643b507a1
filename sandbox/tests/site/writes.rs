//! create, update, delete and revive.

use serde_json::{Value, json};

use super::client::{Client, Refusal, id_of, link, project, site};

fn told(result: Result<Value, Refusal>) -> (i64, String) {
    let refusal = result.unwrap_err();
    (refusal.code, refusal.message)
}

#[test]
fn a_create_answers_what_was_set_and_what_was_asked_for() {
    let site = site();
    let admin = Client::admin(&site);
    let fields = json!([{"field_name": "code", "value": "NEW"}, {"field_name": "project", "value": project(1)}]);
    let reply = admin
        .call(
            "create",
            json!({"type": "Shot", "fields": fields, "return_fields": ["id", "sg_status_list", "project.Project.name"]}),
        )
        .unwrap();
    assert_eq!(
        reply,
        json!({
            "type": "Shot", "id": reply["id"], "code": "NEW", "sg_status_list": "wtg", "project.Project.name": "The Harbour Light",
            "project": {"type": "Project", "id": 1, "name": "The Harbour Light"},
        })
    );
    let row = admin.get(
        "Shot",
        id_of(&reply),
        json!([
            "created_by",
            "updated_by",
            "created_at",
            "updated_at",
            "sg_hero",
            "cached_display_name"
        ]),
    );
    assert_eq!(row["created_by"]["name"], "pipeline_admin");
    assert_eq!(row["updated_at"], row["created_at"]);
    assert_eq!((&row["sg_hero"], &row["cached_display_name"]), (&json!(false), &json!("NEW")));
}

#[test]
fn an_update_answers_what_was_set_only() {
    let site = site();
    let admin = Client::admin(&site);
    let reply = admin.update("Shot", 1, json!({"sg_cut_in": 5})).unwrap();
    assert_eq!(reply, json!({"type": "Shot", "id": 1, "sg_cut_in": 5}));
    assert_eq!(
        admin.update("Version", 1, json!({"image": null})).unwrap(),
        json!({"type": "Version", "id": 1, "image": null})
    );
    let row = admin.get("Shot", 1, json!(["updated_by"]));
    assert_eq!(row["updated_by"]["type"], "ApiUser");
}

#[test]
fn a_project_is_wanted_and_a_name_is_made() {
    let site = site();
    let admin = Client::admin(&site);
    assert_eq!(
        told(admin.create("Shot", json!({}))),
        (103, "API create() missing 'project' attribute: {}".to_owned())
    );
    assert_eq!(told(admin.create("Shot", json!({"project": null}))).0, 103);
    let id = id_of(&admin.create("Shot", json!({"project": project(1)})).unwrap());
    assert_eq!(admin.get("Shot", id, json!(["code"]))["code"], format!("New Shot {id}"));
}

#[test]
fn unknown_types_rows_and_fields() {
    let site = site();
    let admin = Client::admin(&site);
    let no_type = (103, "Entity type 'Blob' does not exist.".to_owned());
    assert_eq!(told(admin.create("Blob", json!({}))), no_type);
    assert_eq!(told(admin.update("Blob", 1, json!({}))), no_type);
    assert_eq!(told(admin.delete("Blob", 1)), no_type);
    for (verb, result) in [
        ("update", admin.update("Shot", 1_000_000, json!({"code": "x"}))),
        ("delete", admin.delete("Shot", 1_000_000)),
        ("revive", admin.revive("Shot", 1_000_000)),
    ] {
        let message = format!("API {verb}() CRUD ERROR #3: Entity of type [Shot] with id=1000000 does not exist.");
        assert_eq!(told(result), (104, message));
    }
    let (code, message) = told(admin.update("Shot", 1, json!({"foo": 1})));
    assert_eq!(code, 104);
    assert!(
        message.starts_with("API update() CRUD ERROR #2: Update failed for [Shot.foo]"),
        "{message}"
    );
    let (code, message) = told(admin.create("Shot", json!({"foo": 1, "project": project(1)})));
    assert_eq!(code, 104);
    assert!(
        message.starts_with("API create() CRUD ERROR #6: Create failed for [Shot]"),
        "{message}"
    );
}

#[test]
fn fields_that_are_not_to_be_written() {
    let site = site();
    let admin = Client::admin(&site);
    let read_only = (103, "API create() Page.page_type is read only".to_owned());
    assert_eq!(told(admin.create("Page", json!({"name": "x", "page_type": "canvas"}))), read_only);
    let on_create = |field: &str| (103, format!("API update() Task.{field} is editable on create only."));
    assert_eq!(
        told(admin.update("Task", 1, json!({"updated_at": "2020-01-01T00:00:00Z"}))),
        on_create("updated_at")
    );
    assert_eq!(
        told(admin.update("Task", 1, json!({"created_at": "2020-01-01T00:00:00Z"}))),
        on_create("created_at")
    );
    assert_eq!(
        told(admin.update("Task", 1, json!({"id": 7}))),
        (103, "API update() Task.id is read only".to_owned())
    );
}

#[test]
fn unique_values() {
    let site = site();
    let admin = Client::admin(&site);
    assert_eq!(
        told(admin.create("Project", json!({"name": "the harbour LIGHT"}))),
        (
            104,
            "API create() CRUD ERROR #61: Create failed for [Project]. The value for the Project Name field is required to be unique. <br>"
                .to_owned()
        )
    );
    assert_eq!(
        told(admin.update("Shot", 1, json!({"code": "SQ010_0020"}))),
        (
            104,
            "API update() CRUD ERROR #51: Update failed for [Shot.code]. The value for the Shot Code field is required to be unique. <br> "
                .to_owned()
        )
    );
    // Another project may have a shot of the same name; a retired one leaves its name free.
    assert!(admin.create("Shot", json!({"code": "SQ010_0020", "project": project(2)})).is_ok());
    admin.delete("Shot", 2).unwrap();
    assert!(admin.update("Shot", 1, json!({"code": "SQ010_0020"})).is_ok());
    assert!(admin.update("Shot", 1, json!({"code": "SQ010_0020"})).is_ok());
}

#[test]
fn links_are_set_added_and_removed() {
    let site = site();
    let admin = Client::admin(&site);
    let id = admin.new_shot("MODE_010");
    let write = |mode: Value, assets: &[i64]| {
        let value: Vec<Value> = assets.iter().map(|id| link("Asset", *id)).collect();
        let field = json!({"field_name": "assets", "value": value, "multi_entity_update_mode": mode});
        admin.call("update", json!({"type": "Shot", "id": id, "fields": [field]}))
    };
    let ids = |reply: &Value| reply["assets"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>();
    assert_eq!(ids(&write(json!("set"), &[1, 2]).unwrap()), [1, 2]);
    assert_eq!(ids(&write(json!("add"), &[2, 3]).unwrap()), [1, 2, 3]);
    assert_eq!(ids(&write(json!("remove"), &[1, 5]).unwrap()), [2, 3]);
    assert_eq!(ids(&write(json!(null), &[4]).unwrap()), [4]);
    assert_eq!(ids(&write(json!("set"), &[]).unwrap()), [0_i64; 0]);
    assert_eq!(write(json!("toggle"), &[1]).unwrap_err().code, 103);
    write(json!("set"), &[1]).unwrap();
    // A mode for the whole request.
    let field = json!({"field_name": "assets", "value": [link("Asset", 2)]});
    let parameters = json!({"type": "Shot", "id": id, "fields": [field], "multi_entity_update_mode": "add"});
    assert_eq!(ids(&admin.call("update", parameters).unwrap()), [1, 2]);
}

#[test]
fn a_row_is_retired_once_and_comes_back_whole() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.get("Shot", 1, json!(["code", "assets", "sg_sequence", "tasks"]));
    assert_eq!(admin.delete("Shot", 1).unwrap(), true);
    assert_eq!(admin.delete("Shot", 1).unwrap(), false);
    assert_eq!(admin.get("Shot", 1, json!([])), json!(null));
    assert_eq!(told(admin.update("Shot", 1, json!({"code": "x"}))).0, 104);
    assert_eq!(admin.revive("Shot", 1).unwrap(), true);
    assert_eq!(admin.revive("Shot", 1).unwrap(), false);
    assert_eq!(admin.get("Shot", 1, json!(["code", "assets", "sg_sequence", "tasks"])), before);
}

#[test]
fn links_follow_a_rename() {
    let site = site();
    let admin = Client::admin(&site);
    admin.update("HumanUser", 3, json!({"lastname": "Mori"})).unwrap();
    assert_eq!(
        admin.get("Task", 1, json!(["task_assignees"]))["task_assignees"][0]["name"],
        "Aki Mori"
    );
    admin.update("Sequence", 1, json!({"code": "sq010"})).unwrap();
    assert_eq!(admin.get("Shot", 1, json!(["sg_sequence"]))["sg_sequence"]["name"], "sq010");
}

#[test]
fn malformed_writes_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    for parameters in [
        json!({"type": "Shot"}),
        json!({"type": "Shot", "fields": {}}),
        json!({"type": "Shot", "fields": [{"value": 1}]}),
        json!({"type": "Shot", "fields": ["x"]}),
        json!({"fields": []}),
        json!([1]),
        json!("x"),
    ] {
        assert_eq!(told(admin.call("create", parameters.clone())).0, 103, "{parameters}");
    }
    assert_eq!(
        told(admin.call("update", json!({"type": "Shot", "id": "1", "fields": []}))).1,
        "API update() invalid/missing integer 'id': \"1\""
    );
    assert_eq!(
        told(admin.call("delete", json!({"type": "Shot"}))).1,
        "API delete() invalid/missing integer 'id': null"
    );
}
