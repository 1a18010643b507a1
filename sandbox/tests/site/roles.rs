//! Permission roles: what is refused, in which words, and what is not shown.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, fields, id_of, is, link, project, site};

fn farm(site: &Sandbox) -> Client {
    let script = site.scripts().iter().find(|script| script.role == "api_farm").unwrap();
    Client::script(site, &script.name, &script.api_key)
}

/// The message of a call that must be refused with code 104.
fn refusal(result: Result<Value, super::client::Refusal>) -> String {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.code, 104, "{refusal}");
    refusal.message
}

#[test]
fn an_artist_sees_the_shots_of_their_projects_and_may_not_change_their_status() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let shots = artist.ids("Shot", json!([is("project", project(1))])).unwrap();
    assert_eq!(shots.len(), 21);
    let message = refusal(artist.update("Shot", shots[0], json!({"sg_status_list": "fin"})));
    assert_eq!(
        message,
        "API update() CRUD ERROR #5.1: The field is not editable for this user: [Shot.sg_status_list]. \
         Rule: Artist -- PermissionRule 2620: DENY update_field FOR entity_type => Shot, field_name => sg_status_list"
    );
    let admin = Client::admin(&site);
    assert_ne!(admin.get("Shot", shots[1], json!(["sg_status_list"]))["sg_status_list"], "zzz");
}

#[test]
fn a_refused_update_writes_nothing_at_all() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.get("Shot", 1, json!(["description", "sg_status_list", "updated_at"]));
    let event = admin.last_event();
    let artist = Client::person(&site, "artist");
    refusal(artist.update("Shot", 1, json!({"description": "mine", "sg_status_list": "fin"})));
    assert_eq!(admin.get("Shot", 1, json!(["description", "sg_status_list", "updated_at"])), before);
    assert_eq!(admin.last_event(), event);
}

#[test]
fn refusals_without_a_rule_of_their_own_quote_none() {
    let site = site();
    let artist = Client::person(&site, "artist");
    assert_eq!(
        refusal(artist.update("Task", 1, json!({"content": "x"}))),
        "API update() CRUD ERROR #5.1: The field is not editable for this user: [Task.content]."
    );
    assert_eq!(
        refusal(artist.create("LocalStorage", json!({"code": "x"}))),
        "API create() CRUD ERROR #6.1: Entity of type LocalStorage cannot be created by this user."
    );
}

#[test]
fn an_artist_changes_the_status_of_own_tasks_only() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let me = artist.ids("HumanUser", json!([is("login", json!("artist"))])).unwrap()[0];
    let mine = artist.ids("Task", json!([is("task_assignees", link("HumanUser", me))])).unwrap();
    let others = artist
        .ids(
            "Task",
            json!([condition("task_assignees", "is_not", json!([link("HumanUser", me)]))]),
        )
        .unwrap();
    artist.update("Task", mine[0], json!({"sg_status_list": "rev"})).unwrap();
    let message = refusal(artist.update("Task", others[0], json!({"sg_status_list": "rev"})));
    let head = "API update() CRUD ERROR #5.1: The field is not editable for this user: [Task.sg_status_list]. \
                Rule: Artist -- PermissionRule 2615: update_field_condition FOR entity_type => Task, \
                field_name => sg_status_list.  RULE: {";
    assert!(message.starts_with(head), "{message}");
    let rule = message.split("RULE: ").nth(1).unwrap();
    assert!(serde_json::from_str::<Value>(rule).unwrap()["conditions"].is_array());
}

#[test]
fn a_task_given_to_a_group_belongs_to_its_people() {
    let site = site();
    let sam = Client::login(&site, "sam.okoye", "sam-pass-1");
    let task = sam
        .ids("Task", json!([condition("task_assignees", "name_is", json!(["Animators"]))]))
        .unwrap()[0];
    sam.update("Task", task, json!({"sg_status_list": "ip"})).unwrap();
    let lou = Client::login(&site, "lou.berg", "lou-pass-1");
    refusal(lou.update("Task", task, json!({"sg_status_list": "ip"})));
}

#[test]
fn an_artist_edits_and_deletes_own_notes_only() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let own = id_of(&artist.create("Note", json!({"subject": "Mine", "project": project(1)})).unwrap());
    artist.update("Note", own, json!({"content": "text"})).unwrap();
    assert_eq!(artist.delete("Note", own).unwrap(), true);
    assert_eq!(artist.revive("Note", own).unwrap(), true);
    let other = artist.ids("Note", json!([is("user.HumanUser.login", json!("manager"))])).unwrap()[0];
    let message = refusal(artist.delete("Note", other));
    let head =
        format!("API delete() CRUD ERROR #4.1: Entity Note {other} can not be deleted by this user. Rule: Artist -- PermissionRule ");
    assert!(message.starts_with(&head), "{message}");
    assert!(
        message.contains(": retire_entity_condition FOR entity_type => Note.  RULE: {"),
        "{message}"
    );
    refusal(artist.update("Note", other, json!({"content": "text"})));
}

#[test]
fn a_create_rule_looks_at_the_row_that_was_made() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let count = || Client::admin(&site).ids("Note", json!([])).unwrap().len();
    let before = count();
    let message = refusal(artist.create("Note", json!({"subject": "x", "project": project(2)})));
    let head = "API create() CRUD ERROR #6.1: Entity of type Note cannot be created by this user. Rule: Artist -- PermissionRule 2670: create_entity_condition FOR entity_type => Note.  RULE: {";
    assert!(message.starts_with(head), "{message}");
    assert_eq!(count(), before);
}

#[test]
fn rows_a_role_may_not_see_are_left_out_and_can_not_be_touched() {
    let site = site();
    let artist = Client::person(&site, "artist");
    assert_eq!(artist.ids("Project", json!([])).unwrap(), [1]);
    assert!(artist.ids("Shot", json!([is("project", project(2))])).unwrap().is_empty());
    let admin = Client::admin(&site);
    let hidden = admin.ids("Note", json!([is("project", project(2))])).unwrap()[0];
    let refused = artist.update("Note", hidden, json!({"content": "x"})).unwrap_err();
    assert_eq!(
        refused.message,
        format!("API update() CRUD ERROR #3: Entity of type [Note] with id={hidden} does not exist.")
    );
    // Nor do they count.
    let summary =
        json!({"type": "Shot", "summaries": [{"field": "id", "type": "count"}], "filters": {"logical_operator": "and", "conditions": []}});
    assert_eq!(artist.call("summarize", summary).unwrap()["summaries"]["id"], 21);
    // Nor can their values be guessed through a link.
    let lou = admin.ids("HumanUser", json!([is("login", json!("lou.berg"))])).unwrap()[0];
    let row = &artist
        .find("HumanUser", json!([is("id", json!(lou))]), json!(["department.Department.name"]))
        .unwrap()[0];
    assert_eq!(row["department.Department.name"], "Lighting");
    let names = json!([is("projects.Project.name", json!("Orbit Seven"))]);
    assert!(artist.ids("HumanUser", names.clone()).unwrap().is_empty());
    assert!(!admin.ids("HumanUser", names).unwrap().is_empty());
}

#[test]
fn a_vendor_sees_assigned_work_only() {
    let site = site();
    let vendor = Client::person(&site, "vendor");
    let tasks = vendor.find("Task", json!([]), json!(["task_assignees", "entity"])).unwrap();
    assert!(!tasks.is_empty());
    assert!(tasks.iter().all(|task| task["task_assignees"][0]["name"] == "Vera Novak"));
    let shots = vendor.ids("Shot", json!([])).unwrap();
    let linked: Vec<i64> = tasks.iter().map(|task| id_of(&task["entity"])).collect();
    assert_eq!(shots, linked);
    let message = refusal(vendor.read(json!({"type": "EventLogEntry"})).map(Value::from));
    assert_eq!(
        message,
        "API read() CRUD ERROR #1.1: Entity of type EventLogEntry can not be accessed by this user. Rule: Vendor"
    );
}

#[test]
fn a_hidden_field_is_as_if_it_were_not_there() {
    let site = site();
    Client::admin(&site).update("HumanUser", 1, json!({"sg_phone": "555"})).unwrap();
    let vendor = Client::person(&site, "vendor");
    let row = vendor.get("HumanUser", 1, json!(["name", "sg_phone"]));
    assert_eq!(row["name"], "Ada Marsh");
    assert!(row.get("sg_phone").is_none());
    let refused = vendor.ids("HumanUser", json!([is("sg_phone", json!("555"))])).unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (103, "API read() HumanUser.sg_phone doesn't exist.")
    );
    let schema = vendor.call("schema_field_read", json!({"type": "HumanUser"})).unwrap();
    assert!(schema.get("sg_phone").is_none());
    assert!(schema.get("name").is_some());
}

#[test]
fn a_whole_type_is_refused_by_name_of_the_role() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let message = refusal(artist.read(json!({"type": "ApiUser"})).map(Value::from));
    assert_eq!(
        message,
        "API read() CRUD ERROR #1.1: Entity of type ApiUser can not be accessed by this user. Rule: Artist"
    );
    let summary = json!({"type": "ApiUser", "summaries": []});
    assert!(refusal(artist.call("summarize", summary)).starts_with("API summarize() CRUD ERROR #1.1: Entity of type ApiUser"));
    assert!(artist.call("schema_entity_read", json!(null)).unwrap().get("ApiUser").is_none());
    let message = refusal(artist.call("schema_field_read", json!({"type": "ApiUser"})));
    assert!(
        message.contains("Entity of type ApiUser can not be accessed by this user. Rule: Artist"),
        "{message}"
    );
}

#[test]
fn api_admin_sets_the_creation_date_and_creates_events_but_changes_and_deletes_none() {
    let site = site();
    let admin = Client::admin(&site);
    let event = admin
        .create("EventLogEntry", json!({"event_type": "Studio_Render_Done", "description": "Frame 1", "created_at": "2020-02-03T04:05:06Z", "meta": {"frame": 1}}))
        .unwrap();
    let id = id_of(&event);
    let row = admin.get("EventLogEntry", id, json!(["created_at", "event_type", "meta", "user"]));
    assert_eq!(row["created_at"], "2020-02-03T04:05:06Z");
    assert_eq!(row["meta"], json!({"frame": 1}));
    assert_eq!(row["user"]["name"], "pipeline_admin");
    assert_eq!(
        refusal(admin.update("EventLogEntry", id, json!({"meta": {}}))),
        "API update() CRUD ERROR #5.1: The field is not editable for this user: [EventLogEntry.meta]. \
         Rule: API Admin -- PermissionRule 306: DENY update_field FOR entity_type => EventLogEntry, field_name => meta"
    );
    assert_eq!(
        refusal(admin.delete("EventLogEntry", id)),
        "API delete() CRUD ERROR #4.1: Entity of type EventLogEntry can not be deleted by this user. \
         Rule: API Admin -- PermissionRule 297: DENY retire_entity FOR entity_type => EventLogEntry"
    );
    let shot = admin
        .create(
            "Shot",
            json!({"code": "old", "project": project(1), "created_at": "2019-01-02T00:00:00Z"}),
        )
        .unwrap();
    assert_eq!(shot["created_at"], "2019-01-02T00:00:00Z");
}

#[test]
fn lesser_roles_neither_create_events_nor_set_the_creation_date() {
    let site = site();
    for client in [
        Client::person(&site, "artist"),
        Client::person(&site, "manager"),
        Client::person(&site, "admin"),
        farm(&site),
    ] {
        let message = refusal(client.create("EventLogEntry", json!({"event_type": "Studio_X_Y"})));
        assert!(
            message.starts_with("API create() CRUD ERROR #6.1: Entity of type EventLogEntry cannot be created by this user."),
            "{message}"
        );
        let version = json!({"code": "v", "project": project(1), "created_at": "2020-01-01T00:00:00Z"});
        let message = refusal(client.create("Version", version));
        assert_eq!(
            message,
            "API create() CRUD ERROR #6.1: The field is not editable for this user: [Version.created_at]."
        );
        assert!(client.create("Version", json!({"code": "v", "project": project(1)})).is_ok());
    }
}

#[test]
fn the_template_project_is_safe_from_api_admin() {
    let site = site();
    let admin = Client::admin(&site);
    let id = admin.ids("Project", json!([is("name", json!("Template Project"))])).unwrap()[0];
    let message = refusal(admin.delete("Project", id));
    assert_eq!(
        message,
        format!(
            "API delete() CRUD ERROR #4.1: Entity Project {id} can not be deleted by this user. Rule: API Admin -- \
             PermissionRule 315: retire_entity_condition FOR entity_type => Project.  \
             RULE: {{\"path\":\"name\", \"relation\":\"is_not\",\"values\":[\"Template Project\"]}}"
        )
    );
    assert_eq!(admin.delete("Project", 2).unwrap(), true);
}

#[test]
fn a_manager_has_no_conditional_rules() {
    let site = site();
    let manager = Client::person(&site, "manager");
    manager.update("Shot", 30, json!({"sg_status_list": "fin"})).unwrap();
    assert_eq!(manager.delete("Shot", 30).unwrap(), true);
    assert_eq!(manager.revive("Shot", 30).unwrap(), true);
    refusal(manager.create("ApiUser", json!({"firstname": "x"})));
    let message = refusal(manager.delete("HumanUser", 3));
    assert!(
        message.contains("Entity of type HumanUser can not be deleted by this user. Rule: Manager -- PermissionRule "),
        "{message}"
    );
}

#[test]
fn permission_is_checked_before_values_and_before_the_next_request() {
    let site = site();
    let artist = Client::person(&site, "artist");
    refusal(artist.update("Shot", 1, json!({"sg_status_list": "no such status"})));
    // A request that would be refused anyway, before one that can't succeed.
    let requests = json!([
        {"request_type": "update", "type": "Shot", "id": 1, "fields": fields(&json!({"sg_status_list": "fin"}))},
        {"request_type": "update", "type": "Shot", "id": 99_999_999, "fields": []},
    ]);
    let message = refusal(artist.call("batch", requests));
    assert!(
        message.starts_with("API batch() request with index 0 failed.  All requests rolled back.\nAPI update() CRUD ERROR #5.1: "),
        "{message}"
    );
}

#[test]
fn the_far_end_of_a_link_is_no_way_round() {
    let site = site();
    // Sequence.shots is the other side of Shot.sg_sequence, which this role may not write.
    let seed = json!({
        "roles": [
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [
                {"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity", "update_field"]},
                {"id": 9, "effect": "deny", "verbs": ["update_field"], "entity_types": ["Shot"], "field_names": ["sg_sequence"]},
            ]},
        ],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "p", "name": "P"}]},
            {"type": "Sequence", "rows": [{"project": "$p", "code": "A"}]},
            {"type": "Shot", "rows": [{"project": "$p", "code": "B"}]},
        ],
    });
    drop(site);
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let client = Client::admin(&site);
    let message = refusal(client.update("Sequence", 1, json!({"shots": [link("Shot", 1)]})));
    assert!(message.contains("[Shot.sg_sequence]"), "{message}");
}

#[test]
fn roles_inherit_and_override() {
    let rule =
        |id: i64, effect: &str, verbs: Value, types: Value| json!({"id": id, "effect": effect, "verbs": verbs, "entity_types": types});
    let seed = json!({
        "roles": [
            {"code": "base", "display_name": "Base", "entity_type": "ApiUser", "rules": [
                rule(1, "allow", json!(["read_entity", "create_entity"]), json!(["*"])),
                rule(7, "deny", json!(["create_entity"]), json!(["Tag", "Group"])),
            ]},
            {"code": "child", "display_name": "Child", "entity_type": "ApiUser", "parent": "base", "rules": [
                rule(10, "allow", json!(["create_entity"]), json!(["Tag"])),
            ]},
        ],
        "entities": [{"type": "ApiUser", "rows": [{"firstname": "s", "role": "child"}]}],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let client = Client::admin(&site);
    assert!(client.create("Tag", json!({"name": "t"})).is_ok());
    let message = refusal(client.create("Group", json!({"code": "g"})));
    assert_eq!(
        message,
        "API create() CRUD ERROR #6.1: Entity of type Group cannot be created by this user. Rule: Child -- PermissionRule 8: DENY create_entity FOR entity_type => Group"
    );
}

#[test]
fn the_schema_says_what_the_caller_may_edit() {
    let site = site();
    let editable = |client: &Client, entity_type: &str, field: &str| {
        let schema = client
            .call("schema_field_read", json!({"type": entity_type, "field_name": field}))
            .unwrap();
        schema[field]["editable"]["value"].as_bool().unwrap()
    };
    let (admin, artist) = (Client::admin(&site), Client::person(&site, "artist"));
    assert!(editable(&admin, "Shot", "sg_status_list"));
    assert!(!editable(&artist, "Shot", "sg_status_list"));
    // Conditional: maybe.
    assert!(editable(&artist, "Task", "sg_status_list"));
    assert!(!editable(&artist, "Task", "content"));
    assert!(!editable(&admin, "Shot", "id"));
    assert!(!editable(&admin, "EventLogEntry", "meta"));
}

#[test]
fn the_answer_to_a_write_tells_no_more_than_a_read_would() {
    let site = site();
    let vendor = Client::person(&site, "vendor");
    Client::admin(&site)
        .update("Project", 1, json!({"sg_budget": 1_000_000.0}))
        .unwrap();
    let task = vendor.ids("Task", json!([])).unwrap()[0];
    let paths = json!(["project.Project.name", "project.Project.sg_budget", "entity.Shot.sg_cost"]);
    let parameters = json!({"type": "Task", "id": task, "fields": fields(&json!({"sg_status_list": "ip"})), "return_fields": paths});
    let reply = vendor.call("update", parameters).unwrap();
    assert_eq!(
        reply,
        json!({"type": "Task", "id": task, "sg_status_list": "ip", "project.Project.name": "The Harbour Light"})
    );
}

#[test]
fn a_path_ends_at_a_row_that_may_not_be_seen() {
    let site = site();
    let admin = Client::admin(&site);
    let version = json!({"code": "across", "project": project(1), "entity": project(2)});
    let id = id_of(&admin.create("Version", version).unwrap());
    let artist = Client::person(&site, "artist");
    let there = |client: &Client| {
        let found = client.ids(
            "Version",
            json!([is("id", json!(id)), is("entity.Project.name", json!("Orbit Seven"))]),
        );
        (
            client.get("Version", id, json!(["entity.Project.name"]))["entity.Project.name"].clone(),
            found.unwrap().len(),
        )
    };
    assert_eq!(there(&admin), (json!("Orbit Seven"), 1));
    assert_eq!(there(&artist), (json!(null), 0));
}

#[test]
fn a_rule_sees_what_the_caller_does_not() {
    let seed = json!({
        "roles": [{"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [
            {"id": 1, "effect": "allow", "verbs": ["read_entity"], "entity_types": ["Shot"],
             "condition": {"path": "project.Project.name", "relation": "is", "values": ["Open"]}}]}],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "o", "name": "Open", "code": "b"}, {"$": "c", "name": "Closed", "code": "a"}]},
            {"type": "Shot", "rows": [{"project": "$o", "code": "1"}, {"project": "$c", "code": "2"}, {"project": "$o", "code": "3"}]},
        ],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let client = Client::admin(&site);
    let read = |sorts: Value| {
        client
            .read(json!({"type": "Shot", "return_fields": ["project.Project.name"], "sorts": sorts}))
            .unwrap()
    };
    for rows in [
        read(json!([])),
        read(json!([{"field_name": "project.Project.name", "direction": "desc"}])),
    ] {
        assert_eq!(rows.iter().map(id_of).collect::<Vec<_>>(), [1, 3]);
        assert!(rows.iter().all(|row| row["project.Project.name"].is_null()));
    }
    assert!(
        client
            .ids("Shot", json!([is("project.Project.name", json!("Open"))]))
            .unwrap()
            .is_empty()
    );
}
