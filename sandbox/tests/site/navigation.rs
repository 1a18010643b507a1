//! The navigation tree.

use serde_json::{Value, json};

use super::client::{Client, Refusal, id_of, link, project, site};

fn expand(client: &Client, path: &str) -> Value {
    client
        .call(
            "nav_expand",
            json!({"path": path, "seed_entity_field": null, "entity_fields": null}),
        )
        .unwrap()
}

fn children(node: &Value) -> &Vec<Value> {
    node["children"].as_array().unwrap()
}

fn labels(node: &Value) -> Vec<&str> {
    children(node).iter().map(|child| child["label"].as_str().unwrap()).collect()
}

fn lost(client: &Client, path: &str) -> (i64, String) {
    let refusal = client.call("nav_expand", json!({"path": path})).unwrap_err();
    (refusal.code, refusal.message)
}

fn search(client: &Client, root: &str, criteria: Value) -> Result<Vec<Value>, Refusal> {
    let found = client.call(
        "nav_search",
        json!({"root_path": root, "seed_entity_field": null, "search_criteria": criteria}),
    )?;
    Ok(found.as_array().unwrap().clone())
}

fn paths(found: &[Value]) -> Vec<&str> {
    found
        .iter()
        .map(|row| row["incremental_path"].as_array().unwrap().last().unwrap().as_str().unwrap())
        .collect()
}

#[test]
fn a_project_has_its_assets_and_shots() {
    let site = site();
    let admin = Client::admin(&site);
    let root = expand(&admin, "/");
    assert_eq!(
        (&root["path"], &root["parent_path"], &root["has_children"]),
        (&json!("/"), &Value::Null, &json!(true))
    );
    assert_eq!(children(&root).len(), 3);
    let harbour = children(&root).iter().find(|child| child["label"] == "The Harbour Light").unwrap();
    assert_eq!((&harbour["path"], &harbour["parent_path"]), (&json!("/Project/1"), &json!("/")));
    let node = expand(&admin, "/Project/1");
    let entries = json!({
        "type": "Version",
        "additional_filter_presets": [
            {"preset_name": "NAV_ENTRIES", "path": "/Project/1", "seed": {"type": "Version", "field": "entity"}},
        ],
    });
    let mut alone = node.clone();
    alone.as_object_mut().unwrap().remove("children");
    assert_eq!(
        alone,
        json!({
            "label": "The Harbour Light",
            "ref": {"kind": "entity", "value": {"type": "Project", "id": 1}},
            "parent_path": "/",
            "path": "/Project/1",
            "target_entities": entries,
            "has_children": true,
        })
    );
    assert_eq!(labels(&node), ["Assets", "Shots"]);
    let shots = &children(&node)[1];
    assert_eq!(
        (&shots["path"], &shots["ref"]),
        (&json!("/Project/1/Shot"), &json!({"kind": "entity_type", "value": "Shot"}))
    );
    assert_eq!(shots["target_entities"]["additional_filter_presets"][0]["path"], "/Project/1/Shot");
}

#[test]
fn shots_are_by_sequence_and_have_their_tasks() {
    let site = site();
    let admin = Client::admin(&site);
    let loose = admin.new_shot("LOOSE_010");
    let empty = id_of(&admin.create("Sequence", json!({"project": project(1), "code": "SQ999"})).unwrap());
    let node = expand(&admin, "/Project/1/Shot");
    assert_eq!((&node["label"], &node["parent_path"]), (&json!("Shots"), &json!("/Project/1")));
    assert_eq!(labels(&node), ["SQ010", "SQ020", "SQ030", "SQ999", "Shots with no Sequence"]);
    let of = |index: usize, key: &str| children(&node)[index][key].clone();
    assert_eq!(of(0, "path"), "/Project/1/Shot/sg_sequence/Sequence/1");
    assert_eq!(of(0, "ref"), json!({"kind": "entity", "value": {"type": "Sequence", "id": 1}}));
    assert_eq!(
        (of(0, "has_children"), of(3, "has_children"), of(4, "has_children")),
        (json!(true), json!(false), json!(true))
    );
    assert_eq!(of(4, "path"), "/Project/1/Shot/sg_sequence/Sequence/__none__");
    assert_eq!(of(4, "ref"), json!({"kind": "entity_type", "value": "Shot"}));
    for path in [
        "/Project/1/Shot/sg_sequence/Sequence/__none__",
        "/Project/1/Shot/sg_sequence/__none__/",
    ] {
        assert_eq!(labels(&expand(&admin, path)), ["LOOSE_010"], "{path}");
    }
    let nothing = expand(&admin, &format!("/Project/1/Shot/sg_sequence/Sequence/{empty}"));
    assert_eq!(nothing["has_children"], false);
    assert_eq!(
        nothing["children"],
        json!([{"label": "No Shots", "ref": {"kind": "empty", "value": null}, "has_children": false}])
    );

    let sequence = expand(&admin, "/Project/1/Shot/sg_sequence/Sequence/1");
    assert_eq!(labels(&sequence), (1..=8).map(|n| format!("SQ010_{n:03}0")).collect::<Vec<_>>());
    let shot = &children(&sequence)[0];
    assert_eq!(shot["path"], "/Project/1/Shot/sg_sequence/Sequence/1/id/1");
    assert_eq!(
        (&shot["ref"]["value"], &shot["has_children"]),
        (&json!({"type": "Shot", "id": 1}), &json!(true))
    );
    let node = expand(&admin, shot["path"].as_str().unwrap());
    assert_eq!((labels(&node), &node["label"]), (vec!["Tasks"], &json!("SQ010_0010")));
    let tasks = expand(&admin, children(&node)[0]["path"].as_str().unwrap());
    assert_eq!((&tasks["label"], &tasks["parent_path"]), (&json!("Tasks"), &shot["path"]));
    let task = children(&tasks).iter().find(|task| task["label"] == "Layout").unwrap();
    assert_eq!(
        (&task["ref"]["value"]["type"], &task["has_children"]),
        (&json!("Task"), &json!(false))
    );
    let leaf = expand(&admin, task["path"].as_str().unwrap());
    assert_eq!(
        (&leaf["label"], &leaf["children"], &leaf["has_children"]),
        (&json!("Layout"), &json!([]), &json!(false))
    );
    let bare = expand(&admin, &format!("/Project/1/Shot/sg_sequence/Sequence/__none__/id/{loose}"));
    assert_eq!((labels(&bare), &bare["has_children"]), (vec!["No Tasks"], &json!(false)));
}

#[test]
fn assets_are_by_type() {
    let site = site();
    let admin = Client::admin(&site);
    admin.create("Asset", json!({"project": project(1), "code": "Untyped"})).unwrap();
    let node = expand(&admin, "/Project/1/Asset");
    let types = labels(&node);
    assert!(types.len() > 2 && types.contains(&"Character"), "{types:?}");
    assert_eq!(types.last(), Some(&"Assets with no Type"));
    let last = children(&node).last().unwrap();
    assert_eq!(
        (&last["path"], &last["ref"]),
        (
            &json!("/Project/1/Asset/sg_asset_type/__none__"),
            &json!({"kind": "list", "value": "__none__"})
        )
    );
    let character = children(&node).iter().find(|child| child["label"] == "Character").unwrap();
    assert_eq!(character["ref"], json!({"kind": "list", "value": "Character"}));
    assert!(labels(&expand(&admin, character["path"].as_str().unwrap())).contains(&"Keeper"));
    assert_eq!(labels(&expand(&admin, last["path"].as_str().unwrap())), ["Untyped"]);
    // Without the field there are no groups.
    admin
        .call("schema_field_delete", json!({"type": "Asset", "field_name": "sg_asset_type"}))
        .unwrap();
    let flat = expand(&admin, "/Project/1/Asset");
    assert!(labels(&flat).contains(&"Keeper") && labels(&flat).contains(&"Untyped"));
    let first = children(&flat)[0]["path"].as_str().unwrap().to_owned();
    assert!(first.starts_with("/Project/1/Asset/id/"), "{first}");
    assert!(expand(&admin, &first)["label"].is_string());
    // A project without any.
    let new = id_of(&admin.create("Project", json!({"name": "Empty"})).unwrap());
    assert_eq!(labels(&expand(&admin, &format!("/Project/{new}/Shot"))), ["No Shots"]);
    assert_eq!(children(&expand(&admin, &format!("/Project/{new}")))[0]["has_children"], false);
}

#[test]
fn fields_and_seeds_are_those_asked_for() {
    let site = site();
    let admin = Client::admin(&site);
    let path = "/Project/1/Shot/sg_sequence/Sequence/1";
    for fields in [
        json!({"Shot": ["code", "sg_status_list"]}),
        json!([{"entity": "Shot", "fields": ["code", "sg_status_list"]}]),
    ] {
        let asked = json!({"path": path, "seed_entity_field": "PublishedFile.entity", "entity_fields": fields});
        let node = admin.call("nav_expand", asked).unwrap();
        let shown = &children(&node)[0]["ref"]["value"];
        assert_eq!(
            *shown,
            json!({"type": "Shot", "id": 1, "code": "SQ010_0010", "sg_status_list": "fin"})
        );
        assert_eq!(node["target_entities"]["type"], "PublishedFile");
        assert_eq!(
            node["target_entities"]["additional_filter_presets"][0]["seed"],
            json!({"type": "PublishedFile", "field": "entity"})
        );
    }
    for (key, bad) in [
        ("seed_entity_field", json!("Version")),
        ("seed_entity_field", json!("Version.code")),
        ("seed_entity_field", json!("Blob.entity")),
        ("entity_fields", json!({"Shot": "code"})),
        ("entity_fields", json!("code")),
        ("path", json!(5)),
    ] {
        let mut asked = json!({"path": path});
        asked[key] = bad.clone();
        assert_eq!(admin.call("nav_expand", asked).unwrap_err().code, 103, "{key} {bad}");
    }
}

#[test]
fn a_preset_stands_for_what_is_below_a_place() {
    let site = site();
    let admin = Client::admin(&site);
    let read = |node: &Value| {
        let target = &node["target_entities"];
        let asked = json!({"type": target["type"], "return_fields": ["entity"], "additional_filter_presets": target["additional_filter_presets"],
            "paging": {"entities_per_page": 5000, "current_page": 1}});
        admin.read(asked).unwrap()
    };
    let count = |conditions: Value| admin.ids("Version", conditions).unwrap().len();
    let of_project = json!([{"path": "project", "relation": "is", "values": [project(1)]}]);
    assert_eq!(read(&expand(&admin, "/Project/1")).len(), count(of_project));
    assert_eq!(read(&expand(&admin, "/")).len(), count(json!([])));
    let shots = read(&expand(&admin, "/Project/1/Shot"));
    assert!(!shots.is_empty() && shots.iter().all(|version| version["entity"]["type"] == "Shot"));
    let sequence = read(&expand(&admin, "/Project/1/Shot/sg_sequence/Sequence/1"));
    assert!(!sequence.is_empty() && sequence.len() < shots.len());
    assert!(
        sequence
            .iter()
            .all(|version| version["entity"]["name"].as_str().unwrap().starts_with("SQ010")),
        "{sequence:?}"
    );
    let of_sequence = json!({"project": project(1), "code": "cut", "entity": link("Sequence", 1)});
    admin.create("Version", of_sequence).unwrap();
    assert_eq!(
        read(&expand(&admin, "/Project/1/Shot/sg_sequence/Sequence/1")).len(),
        sequence.len() + 1
    );
    let shot = read(&expand(&admin, "/Project/1/Shot/sg_sequence/Sequence/1/id/1"));
    assert!(!shot.is_empty() && shot.iter().all(|version| version["entity"]["id"] == 1));
    let assets = read(&expand(&admin, "/Project/1/Asset/sg_asset_type/Character"));
    assert!(assets.iter().all(|version| version["entity"]["type"] == "Asset"));
    assert_eq!(
        read(&expand(&admin, "/Project/1/Shot/sg_sequence/Sequence/__none__")),
        Vec::<Value>::new()
    );
    for bad in [
        json!({"preset_name": "NAV_ENTRIES"}),
        json!({"preset_name": "NAV_ENTRIES", "path": "/Project/1", "seed": {"type": "Task", "field": "entity"}}),
    ] {
        assert_eq!(
            admin
                .read(json!({"type": "Version", "additional_filter_presets": [bad]}))
                .unwrap_err()
                .code,
            103
        );
    }
}

#[test]
fn what_is_not_in_the_tree_is_told() {
    let site = site();
    let admin = Client::admin(&site);
    for (path, text) in [
        ("/Project/999999999", "Unexpected result looking for project: 999999999: 0 found."),
        ("/Project/1/Playlist", "Entity type provided is not part of the tree: Playlist"),
        (
            "/Project/1/Shot/nope/Sequence/1",
            "Unexpected field name in path: nope (expecting sg_sequence)",
        ),
        (
            "/Project/1/Shot/sg_sequence/Sequence/99",
            "Unexpected result looking for Sequence: 99: 0 found.",
        ),
        // A sequence of another project.
        (
            "/Project/1/Shot/sg_sequence/Sequence/4",
            "Unexpected result looking for Sequence: 4: 0 found.",
        ),
        (
            "/Project/1/Shot/sg_sequence/Sequence/2/id/1",
            "Unexpected result looking for Shot: 1: 0 found.",
        ),
        (
            "/Project/1/Shot/id/1/Task/id/9999",
            "Unexpected result looking for Task: 9999: 0 found.",
        ),
        ("/Project/x", "Unexpected path: /Project/x"),
        ("/Shot/1", "Unexpected path: /Shot/1"),
        ("Project/1", "Unexpected path: Project/1"),
        ("/Project/1/Shot/id/1/Version", "Unexpected path: /Project/1/Shot/id/1/Version"),
    ] {
        assert_eq!(lost(&admin, path), (107, text.to_owned()), "{path}");
    }
    // What a caller may not see is not there for them.
    let artist = Client::person(&site, "artist");
    assert_eq!(labels(&expand(&artist, "/")), ["The Harbour Light"]);
    assert_eq!(lost(&artist, "/Project/2").0, 107);
    let vendor = Client::person(&site, "vendor");
    let shots = |client: &Client| {
        let groups = expand(client, "/Project/1/Shot");
        let groups = children(&groups).iter().filter_map(|group| group["path"].as_str());
        groups
            .map(|path| {
                children(&expand(client, path))
                    .iter()
                    .filter(|row| row["ref"]["kind"] == "entity")
                    .count()
            })
            .sum::<usize>()
    };
    assert!(shots(&vendor) < shots(&admin), "{} {}", shots(&vendor), shots(&admin));
}

#[test]
fn a_row_is_found_with_the_way_to_it() {
    let site = site();
    let admin = Client::admin(&site);
    let entity = |kind: &str, id: i64| json!({"entity": {"type": kind, "id": id}});
    let found = search(&admin, "/Project/1", entity("Shot", 1)).unwrap();
    assert_eq!(
        found,
        [json!({
            "label": "SQ010_0010",
            "incremental_path": [
                "/Project/1",
                "/Project/1/Shot",
                "/Project/1/Shot/sg_sequence/Sequence/1",
                "/Project/1/Shot/sg_sequence/Sequence/1/id/1",
            ],
            "path_label": "Shots > SQ010",
            "ref": {"type": "Shot", "id": 1},
            "project_id": 1,
        })]
    );
    for place in found[0]["incremental_path"].as_array().unwrap() {
        assert_eq!(expand(&admin, place.as_str().unwrap())["path"], *place);
    }
    let brief = |root: &str, criteria: Value| {
        let found = search(&admin, root, criteria).unwrap();
        let row = found.into_iter().next()?;
        let way = row["incremental_path"].as_array().unwrap();
        Some((
            row["path_label"].as_str().unwrap().to_owned(),
            way[0].as_str().unwrap().to_owned(),
            way.len(),
        ))
    };
    let told = |label: &str, first: &str, length: usize| Some((label.to_owned(), first.to_owned(), length));
    assert_eq!(brief("/", entity("Shot", 1)), told("Shots > SQ010", "/Project/1", 4));
    assert_eq!(
        brief("/Project/1/Shot", entity("Shot", 1)),
        told("Shots > SQ010", "/Project/1/Shot", 3)
    );
    assert_eq!(brief("/", entity("Project", 1)), told("", "/Project/1", 1));
    assert_eq!(brief("/", entity("Sequence", 1)), told("Shots", "/Project/1", 3));
    assert_eq!(brief("/Project/1", entity("Asset", 1)), told("Assets > Character", "/Project/1", 4));
    let task = admin
        .ids("Task", json!([{"path": "entity", "relation": "is", "values": [link("Shot", 1)]}]))
        .unwrap()[0];
    assert_eq!(
        brief("/Project/1", entity("Task", task)),
        told("Shots > SQ010 > SQ010_0010 > Tasks", "/Project/1", 6)
    );
    let loose = admin.new_shot("LOOSE");
    assert_eq!(
        brief("/Project/1", entity("Shot", loose)),
        told("Shots > Shots with no Sequence", "/Project/1", 4)
    );
    // A version is where the row is that it belongs to.
    let version = admin
        .ids(
            "Version",
            json!([{"path": "entity", "relation": "is", "values": [link("Shot", 1)]}]),
        )
        .unwrap()[0];
    let by_version = search(&admin, "/Project/1", entity("Version", version)).unwrap();
    assert_eq!(
        (paths(&by_version), &by_version[0]["label"]),
        (vec!["/Project/1/Shot/sg_sequence/Sequence/1/id/1"], &json!("SQ010_0010"))
    );
    // Outside the root there is nothing to find.
    assert_eq!(brief("/Project/2", entity("Shot", 1)), None);
    assert_eq!(brief("/Project/1/Asset", entity("Shot", 1)), None);
}

#[test]
fn rows_are_found_by_their_names() {
    let site = site();
    let admin = Client::admin(&site);
    let by_text = |client: &Client, root: &str, text: &str| search(client, root, json!({"search_string": text})).unwrap();
    let found = by_text(&admin, "/Project/1", "sq010");
    assert_eq!(found.len(), 9);
    assert_eq!(
        (&found[0]["label"], &found[0]["ref"]),
        (&json!("SQ010"), &json!({"type": "Sequence", "id": 1}))
    );
    assert_eq!(found[1]["label"], "SQ010_0010");
    assert_eq!(by_text(&admin, "/Project/1", "0010 SQ010").len(), 1);
    assert_eq!(paths(&by_text(&admin, "/", "keeper")).len(), 1);
    assert_eq!(by_text(&admin, "/Project/1/Asset", "sq010"), Vec::<Value>::new());
    assert_eq!(by_text(&admin, "/", "harbour")[0]["incremental_path"], json!(["/Project/1"]));
    assert!(by_text(&admin, "/", "layout").len() <= 50);
    assert_eq!(by_text(&admin, "/", "no such thing"), Vec::<Value>::new());
    let artist = Client::person(&site, "artist");
    assert_eq!(by_text(&artist, "/", "sq010").len(), 9);
    let elsewhere = search(&artist, "/Project/2", json!({"search_string": "x"})).unwrap_err();
    assert_eq!(
        (elsewhere.code, elsewhere.message.as_str()),
        (107, "Unexpected result looking for project: 2: 0 found.")
    );
}

#[test]
fn bad_searches_of_the_tree_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    for (code, root, criteria, text) in [
        (
            107,
            "/Project/999",
            json!({"search_string": "x"}),
            "Unexpected result looking for project: 999: 0 found.",
        ),
        (
            107,
            "/Project/1",
            json!({"entity": {"type": "Shot", "id": 9999}}),
            "Unexpected result looking for Shot: 9999: 0 found.",
        ),
        (
            107,
            "/Project/1",
            json!({"entity": {"type": "HumanUser", "id": 1}}),
            "Entity type provided is not part of the tree: HumanUser",
        ),
        (
            103,
            "/Project/1",
            json!({"entity": {"type": "Blob", "id": 1}}),
            "Entity type 'Blob' does not exist.",
        ),
        (103, "/Project/1", json!({"entity": {"id": 1}}), "'search_criteria'"),
        (103, "/Project/1", json!({"entity_type": "Shot"}), "'search_criteria'"),
        (103, "/Project/1", json!({}), "'search_criteria'"),
        (103, "/Project/1", json!({"search_string": " "}), "'search_criteria'"),
        (
            103,
            "/Project/1",
            json!({"search_string": "x", "entity": link("Shot", 1)}),
            "'search_criteria'",
        ),
        (103, "/Project/1", json!("x"), "'search_criteria'"),
    ] {
        let refusal = search(&admin, root, criteria.clone()).unwrap_err();
        assert!(refusal.code == code && refusal.message.contains(text), "{criteria}: {refusal}");
    }
    let refusal = admin
        .call("nav_search", json!({"search_criteria": {"search_string": "x"}}))
        .unwrap_err();
    assert_eq!((refusal.code, refusal.message.contains("'root_path'")), (103, true));
}
