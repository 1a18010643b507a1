//! Returned fields, order and pages.

use serde_json::{Value, json};

use super::client::{Client, is, link, project, site};

#[test]
fn type_and_id_always_come_and_unknown_fields_never() {
    let site = site();
    let row = Client::admin(&site).get("Shot", 1, json!(["code", "foo", "sg_sequence.Sequence.foo", "type", "id"]));
    assert_eq!(row, json!({"type": "Shot", "id": 1, "code": "SQ010_0010"}));
}

#[test]
fn links_come_with_type_id_and_name() {
    let site = site();
    let admin = Client::admin(&site);
    let row = admin.get(
        "Shot",
        1,
        json!([
            "project",
            "sg_sequence",
            "assets",
            "created_by",
            "image",
            "tag_list",
            "sg_recipients"
        ]),
    );
    assert_eq!(row["project"], json!({"type": "Project", "id": 1, "name": "The Harbour Light"}));
    assert_eq!(row["sg_sequence"]["name"], "SQ010");
    assert_eq!(row["assets"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&row["image"], &row["tag_list"], &row["sg_recipients"]),
        (&json!(null), &json!([]), &json!([]))
    );
    let task = admin.get("Task", 1, json!(["entity", "step", "task_assignees"]));
    assert_eq!(task["entity"]["type"], "Shot");
    assert_eq!(task["task_assignees"][0]["name"], "Aki Tanaka");
}

#[test]
fn deep_fields_come_under_the_dotted_name() {
    let site = site();
    let admin = Client::admin(&site);
    let paths = json!([
        "entity.Shot.code",
        "entity.Shot.sg_sequence",
        "entity.Shot.sg_sequence.Sequence.code",
        "entity.Shot.assets",
        "entity.Asset.code"
    ]);
    let row = admin.get("Task", 1, paths);
    assert_eq!(row["entity.Shot.code"], "SQ010_0010");
    assert_eq!(row["entity.Shot.sg_sequence"]["type"], "Sequence");
    assert_eq!(row["entity.Shot.sg_sequence.Sequence.code"], "SQ010");
    assert_eq!(row["entity.Shot.assets"].as_array().unwrap().len(), 3);
    assert_eq!(row["entity.Asset.code"], json!(null));
}

#[test]
fn both_ends_of_a_link_agree() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("LINK_010");
    admin
        .update(
            "Shot",
            shot,
            json!({"sg_sequence": link("Sequence", 1), "assets": [link("Asset", 4)]}),
        )
        .unwrap();
    let has = |entity_type: &str, id: i64, field: &str| {
        let row = admin.get(entity_type, id, json!([field]));
        row[field].as_array().unwrap().iter().any(|member| member["id"] == shot)
    };
    assert!(has("Sequence", 1, "shots"));
    assert!(has("Asset", 4, "shots"));
    // And from the other end.
    let call = |id: i64, field: &str, mode: &str| {
        let fields = json!([{"field_name": field, "value": [link("Shot", shot)], "multi_entity_update_mode": mode}]);
        let entity_type = if field == "shots" && id < 3 { "Sequence" } else { "Asset" };
        admin
            .call("update", json!({"type": entity_type, "id": id, "fields": fields}))
            .unwrap();
    };
    call(2, "shots", "add");
    assert_eq!(admin.get("Shot", shot, json!(["sg_sequence"]))["sg_sequence"]["id"], 2);
    assert!(!has("Sequence", 1, "shots"));
    call(2, "shots", "remove");
    assert_eq!(admin.get("Shot", shot, json!(["sg_sequence"]))["sg_sequence"], json!(null));
    call(5, "shots", "add");
    let assets = admin.get("Shot", shot, json!(["assets"]));
    assert_eq!(assets["assets"].as_array().unwrap().len(), 2);
    call(4, "shots", "remove");
    let assets = admin.get("Shot", shot, json!(["assets"]));
    assert_eq!(assets["assets"][0]["id"], 5);
}

#[test]
fn open_notes_are_a_narrowed_view() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("NOTE_010");
    let note = |status: &str| {
        let data = json!({"subject": status, "project": project(1), "note_links": [link("Shot", shot)], "sg_status_list": status});
        admin.create("Note", data).unwrap()
    };
    note("opn");
    note("clsd");
    let row = admin.get("Shot", shot, json!(["notes", "open_notes", "open_notes_count"]));
    assert_eq!(row["notes"].as_array().unwrap().len(), 2);
    assert_eq!(row["open_notes"].as_array().unwrap().len(), 1);
    assert_eq!(row["open_notes_count"], 1);
    assert_eq!(
        admin
            .ids("Shot", json!([is("open_notes_count", json!(1)), is("id", json!(shot))]))
            .unwrap(),
        [shot]
    );
    let refusal = admin.update("Shot", shot, json!({"open_notes": []})).unwrap_err();
    assert_eq!(refusal.message, "API update() Shot.open_notes is read only");
}

fn codes(client: &Client, sorts: Value) -> Vec<String> {
    let rows = client
        .read(json!({"type": "Shot", "return_fields": ["code"], "sorts": sorts, "filters": is("project", project(1))}))
        .unwrap();
    rows.iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rows_are_sorted_as_asked_and_else_by_id() {
    let site = site();
    let admin = Client::admin(&site);
    let plain = codes(&admin, json!([]));
    assert_eq!(plain[0], "SQ010_0010");
    let mut descending = codes(&admin, json!([{"field_name": "code", "direction": "desc"}]));
    descending.reverse();
    assert_eq!(descending, plain);
    // The old word for field_name; asc is the default.
    assert_eq!(codes(&admin, json!([{"column": "code"}])), plain);
    // An unknown field says nothing, and ids break ties.
    assert_eq!(codes(&admin, json!([{"field_name": "foo", "direction": "desc"}])), plain);
    assert_eq!(codes(&admin, json!([{"field_name": "project", "direction": "desc"}])), plain);
    let deep = codes(
        &admin,
        json!([{"field_name": "sg_sequence.Sequence.code", "direction": "desc"}, {"field_name": "code", "direction": "desc"}]),
    );
    assert_eq!(deep[0], "SQ030_0060");
    assert_eq!(deep.last().unwrap(), "SQ010_0010");
    let by_link = codes(&admin, json!([{"field_name": "sg_sequence", "direction": "desc"}]));
    assert!(by_link[0].starts_with("SQ030"));
    let refusal = admin.read(json!({"type": "Shot", "sorts": [{"direction": "asc"}]})).unwrap_err();
    assert_eq!(refusal.code, 103);
}

fn page(client: &Client, paging: Value, flag: &str) -> Value {
    let parameters = json!({"type": "Shot", "return_fields": ["id"], "paging": paging, flag: true});
    client.call("read", parameters).unwrap()
}

#[test]
fn pages_and_what_is_said_of_them() {
    let site = site();
    let admin = Client::admin(&site);
    let without = page(
        &admin,
        json!({"entities_per_page": 10, "current_page": 1}),
        "return_paging_info_without_counts",
    );
    assert_eq!(
        without["paging_info"],
        json!({"current_page": 1, "entities_per_page": 10, "has_next_page": true})
    );
    assert_eq!(without["entities"].as_array().unwrap().len(), 10);
    let last = page(
        &admin,
        json!({"entities_per_page": 10, "current_page": 4}),
        "return_paging_info_without_counts",
    );
    assert_eq!(last["paging_info"]["has_next_page"], false);
    assert_eq!(last["entities"].as_array().unwrap().len(), 6);
    let exact = page(
        &admin,
        json!({"entities_per_page": 36, "current_page": 1}),
        "return_paging_info_without_counts",
    );
    assert_eq!(exact["paging_info"]["has_next_page"], false);
    let beyond = page(
        &admin,
        json!({"entities_per_page": 10, "current_page": 9}),
        "return_paging_info_without_counts",
    );
    assert_eq!(beyond["entities"], json!([]));
    let with = page(&admin, json!({"entities_per_page": 10, "current_page": 2}), "return_paging_info");
    assert_eq!(
        with["paging_info"],
        json!({"current_page": 2, "page_count": 4, "entity_count": 36, "entities_per_page": 10, "has_next_page": true})
    );
    let none = json!({"type": "Shot", "filters": is("id", json!(0)), "return_paging_info": true, "paging": {"entities_per_page": 5, "current_page": 1}});
    let info = admin.call("read", none).unwrap()["paging_info"].clone();
    assert_eq!(
        (&info["current_page"], &info["page_count"], &info["entity_count"]),
        (&json!(0), &json!(0), &json!(0))
    );
}

#[test]
fn page_sizes_have_limits() {
    let site = site();
    let admin = Client::admin(&site);
    for paging in [
        json!({"entities_per_page": 0, "current_page": 1}),
        json!({"entities_per_page": 5001, "current_page": 1}),
        json!({"current_page": 1}),
        json!({"entities_per_page": "5", "current_page": 1}),
        json!(5),
    ] {
        let refusal = admin.read(json!({"type": "Shot", "paging": paging})).unwrap_err();
        assert_eq!(refusal.code, 103);
        assert!(
            refusal
                .message
                .starts_with("API read() invalid/missing integer 'paging' 'entities_per_page': "),
            "{refusal}"
        );
    }
    let refusal = admin
        .read(json!({"type": "Shot", "paging": {"entities_per_page": 5, "current_page": 0}}))
        .unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("API read() invalid/missing integer 'paging' 'current_page': "),
        "{refusal}"
    );
    assert_eq!(
        admin
            .read(json!({"type": "Shot", "paging": {"entities_per_page": 5000, "current_page": 1}}))
            .unwrap()
            .len(),
        36
    );
}

#[test]
fn active_and_retired_rows_are_never_mixed() {
    let site = site();
    let admin = Client::admin(&site);
    let id = admin.new_shot("RET_010");
    admin.delete("Shot", id).unwrap();
    let read = |only: &str| {
        let rows = admin
            .read(json!({"type": "Shot", "return_only": only, "return_fields": ["code", "project"]}))
            .unwrap();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(read("retired"), [id]);
    assert!(!read("active").contains(&id));
    assert_eq!(admin.read(json!({"type": "Shot", "return_only": "some"})).unwrap_err().code, 103);
}

#[test]
fn unknown_types_and_presets_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let refusal = admin.ids("Blob", json!([])).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "Entity type 'Blob' does not exist.")
    );
    let refusal = admin
        .read(json!({"type": "Version", "additional_filter_presets": [{"preset_name": "LATEST"}]}))
        .unwrap_err();
    assert_eq!(refusal.code, 103);
}

#[test]
fn reads_do_not_wait_for_each_other_or_for_writes() {
    let site = site();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = Client::admin(&site);
            scope.spawn(move || {
                for round in 0..10 {
                    if thread < 2 {
                        client.new_shot(&format!("T{thread}_{round}"));
                    } else {
                        assert!(client.ids("Shot", json!([])).unwrap().len() >= 36);
                    }
                }
            });
        }
    });
    assert_eq!(Client::admin(&site).ids("Shot", json!([])).unwrap().len(), 36 + 20);
}

#[test]
fn a_read_sees_all_of_a_batch_or_nothing_and_does_not_wait_for_it() {
    let site = site();
    let requests: Vec<Value> = (0..400)
        .map(|n| {
            let fields = json!([{"field_name": "code", "value": format!("BIG_{n}")}, {"field_name": "project", "value": project(1)}]);
            json!({"request_type": "create", "type": "Shot", "fields": fields})
        })
        .collect();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let writer = Client::admin(&site);
        scope.spawn(move || {
            writer.call("batch", json!(requests)).unwrap();
            done.send(()).unwrap();
        });
        let reader = Client::admin(&site);
        let mut before_it_was_done = 0;
        while finished.try_recv().is_err() {
            let count = reader.ids("Shot", json!([])).unwrap().len();
            assert!(count == 36 || count == 436, "{count}");
            before_it_was_done += usize::from(count == 36);
        }
        assert!(before_it_was_done > 1, "{before_it_was_done}");
        assert_eq!(reader.ids("Shot", json!([])).unwrap().len(), 436);
    });
}
