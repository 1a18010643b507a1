//! Note threads and activity streams.

use serde_json::{Value, json};

use super::client::{Client, Refusal, id_of, link, project, site};

#[test]
fn a_thread_has_its_note_first_and_replies_after() {
    let site = site();
    let admin = Client::admin(&site);
    let note = admin
        .create("Note", json!({"project": project(1), "subject": "s", "content": "c"}))
        .unwrap();
    let reply = json!({"entity": link("Note", note["id"].as_i64().unwrap()), "content": "r", "user": link("HumanUser", 1)});
    admin.create("Reply", reply).unwrap();
    let asked = json!({"note_id": note["id"], "entity_fields": {"Note": ["subject"]}});
    let thread = admin.call("note_thread_contents", asked).unwrap();
    assert_eq!(thread[0]["subject"], "s");
    assert_eq!(thread[1]["type"], "Reply");
    assert_eq!(thread[1]["content"], "r");
    assert!(thread[1]["user"].as_object().unwrap().contains_key("image"));
}

#[test]
fn a_stream_is_newest_first_and_bounded() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("STREAM_010");
    let stream = |more: Value| {
        let mut asked = json!({"type": "Shot", "id": shot});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.call("activity_stream", asked)
    };
    let all = stream(json!({"entity_fields": {"Shot": ["code"]}})).unwrap();
    let ids: Vec<i64> = all["updates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["id"].as_i64().unwrap())
        .collect();
    assert!(ids.len() > 1 && ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    assert_eq!(all["latest_update_id"], ids[0]);
    assert_eq!(all["earliest_update_id"], *ids.last().unwrap());
    assert_eq!(all["updates"][0]["meta"]["type"], "new_entity");
    assert_eq!(all["updates"][0]["primary_entity"]["code"], "STREAM_010");
    let before = stream(json!({"max_id": ids[0], "limit": 1})).unwrap();
    assert_eq!(before["updates"][0]["id"], ids[1]);
    assert_eq!(stream(json!({"min_id": ids[0]})).unwrap()["updates"], json!([]));
    assert_eq!(stream(json!({"limit": 501})).unwrap_err().code, 103);
}

fn stream(client: &Client, entity_type: &str, id: i64, more: Value) -> Result<Value, Refusal> {
    let mut asked = json!({"type": entity_type, "id": id, "entity_fields": {}, "min_id": null, "max_id": null, "limit": null});
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.call("activity_stream", asked)
}

#[test]
fn a_thread_has_files_and_replies_in_time_order_with_the_fields_asked_for() {
    let site = site();
    let admin = Client::admin(&site);
    let note = id_of(
        &admin
            .create("Note", json!({"project": project(1), "subject": "s", "content": "c"}))
            .unwrap(),
    );
    let at = |minute: u8| json!(format!("2031-01-01T00:{minute:02}:00Z"));
    let reply = |content: &str, minute: u8| json!({"entity": link("Note", note), "content": content, "user": link("HumanUser", 3), "created_at": at(minute)});
    admin.create("Reply", reply("second", 20)).unwrap();
    let file = json!({"this_file": {"url": "https://studio.example/a", "name": "a"}, "attachment_links": [link("Note", note)], "created_at": at(10)});
    admin.create("Attachment", file).unwrap();
    admin.create("Reply", reply("third", 30)).unwrap();
    let thread = |fields: Value| {
        admin
            .call("note_thread_contents", json!({"note_id": note, "entity_fields": fields}))
            .unwrap()
    };
    let keys = |row: &Value| {
        let mut keys: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let plain = thread(json!({}));
    assert_eq!(keys(&plain[0]), ["content", "created_at", "created_by", "id", "type"]);
    assert_eq!(keys(&plain[1]), ["created_at", "created_by", "id", "type"]);
    assert_eq!(keys(&plain[2]), ["content", "created_at", "id", "type", "user"]);
    assert_eq!(keys(&plain[2]["user"]), ["id", "image", "name", "type"]);
    let told: Vec<&Value> = plain.as_array().unwrap().iter().map(|row| &row["type"]).collect();
    assert_eq!(told, ["Note", "Attachment", "Reply", "Reply"]);
    assert_eq!((&plain[2]["content"], &plain[3]["content"]), (&json!("second"), &json!("third")));
    let more = thread(json!({"Note": ["subject", "project.Project.name"], "Attachment": ["this_file"], "Shot": ["code"]}));
    assert_eq!(
        (&more[0]["subject"], &more[0]["project.Project.name"]),
        (&json!("s"), &json!("The Harbour Light"))
    );
    assert_eq!(more[1]["this_file"]["name"], "a");
    assert_eq!(more[2], plain[2]);
    let refused = |asked: Value| admin.call("note_thread_contents", asked).unwrap_err();
    assert_eq!(refused(json!({"note_id": 100_000})).code, 104);
    assert_eq!(refused(json!({"note_id": "x"})).code, 103);
    assert_eq!(refused(json!({"note_id": note, "entity_fields": {"Note": "subject"}})).code, 103);
    assert_eq!(refused(json!({"note_id": note, "entity_fields": []})).code, 103);
}

#[test]
fn a_stream_tells_of_what_was_made_for_the_row() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("STREAM_020");
    let row = link("Shot", shot);
    let make = |kind: &str, data: Value| id_of(&admin.create(kind, data).unwrap());
    let task = make("Task", json!({"project": project(1), "content": "t", "entity": row}));
    let version = make(
        "Version",
        json!({"project": project(1), "code": "v", "entity": row, "sg_task": link("Task", task)}),
    );
    let note = make("Note", json!({"project": project(1), "subject": "n", "note_links": [row]}));
    let reply = make("Reply", json!({"entity": link("Note", note), "content": "r"}));
    admin.update("Version", version, json!({"description": "not told here"})).unwrap();
    let kinds = |entity_type: &str, id: i64| {
        let told = stream(&admin, entity_type, id, json!({"limit": 500})).unwrap();
        let updates = told["updates"].as_array().unwrap().iter();
        let made = updates.filter(|update| update["update_type"].as_str().unwrap().starts_with("create"));
        made.map(|update| {
            format!(
                "{} {}",
                update["update_type"].as_str().unwrap(),
                update["primary_entity"]["type"].as_str().unwrap()
            )
        })
        .collect::<Vec<_>>()
    };
    let all = ["create_reply Note", "create Note", "create Version", "create Task", "create Shot"];
    assert_eq!(kinds("Shot", shot), all);
    assert_eq!(kinds("Project", 1), all);
    assert_eq!(kinds("Task", task), ["create Version", "create Task"]);
    assert_eq!(kinds("Note", note), ["create_reply Note", "create Note"]);
    assert_eq!(kinds("Version", version), ["create Version"]);
    let told = stream(
        &admin,
        "Shot",
        shot,
        json!({"entity_fields": {"Note": ["subject"], "Version": ["code", "sg_task.Task.content"]}}),
    )
    .unwrap();
    let first = &told["updates"][0];
    assert_eq!(
        first["meta"],
        json!({"type": "new_entity", "entity_type": "Reply", "entity_id": reply, "content": "r"})
    );
    assert_eq!(
        first["primary_entity"],
        json!({"type": "Note", "id": note, "name": "n", "status": "opn", "subject": "n"})
    );
    assert_eq!(first["created_by"]["type"], "ApiUser");
    let of_version = told["updates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|update| update["primary_entity"]["type"] == "Version")
        .unwrap();
    assert_eq!(of_version["primary_entity"]["sg_task.Task.content"], "t");
    let changes = stream(&admin, "Version", version, json!({})).unwrap();
    assert_eq!(
        (
            &changes["updates"][0]["update_type"],
            &changes["updates"][0]["meta"]["attribute_name"]
        ),
        (&json!("update"), &json!("description"))
    );
    assert_eq!(stream(&admin, "Shot", 100_000, json!({})).unwrap_err().code, 104);
    assert_eq!(
        stream(&admin, "Shot", shot, json!({"entity_fields": {"Shot": 5}}))
            .unwrap_err()
            .code,
        103
    );
    assert_eq!(stream(&admin, "Shot", shot, json!({"limit": 0})).unwrap_err().code, 103);
    assert_eq!(stream(&admin, "Shot", shot, json!({"min_id": "x"})).unwrap_err().code, 103);
}

#[test]
fn a_person_has_read_what_their_stream_told_them_before() {
    let site = site();
    let admin = Client::admin(&site);
    let (artist, other) = (Client::person(&site, "artist"), Client::person(&site, "manager"));
    let shot = admin.new_shot("STREAM_030");
    let read = |client: &Client| {
        let told = stream(client, "Shot", shot, json!({})).unwrap();
        told["updates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|update| update["read"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert!(read(&artist).iter().all(|read| !read));
    assert!(read(&artist).iter().all(|read| *read));
    admin.update("Shot", shot, json!({"sg_cut_in": 5})).unwrap();
    let now = read(&artist);
    assert!(!now[0] && now[1..].iter().all(|read| *read), "{now:?}");
    assert!(read(&other).iter().all(|read| !read));
    // A script has read nothing, ever.
    for _ in 0..2 {
        assert!(read(&admin).iter().all(|read| !read));
    }
}
