//! Presets that narrow a read.

use serde_json::{Value, json};

use super::client::{Client, id_of, is, link, project, site};

#[test]
fn presets_narrow_and_bad_ones_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("PRESET_010");
    let mut last = 0;
    for code in ["a", "b"] {
        let made = admin.create(
            "Version",
            json!({"project": project(1), "code": code, "entity": link("Shot", shot)}),
        );
        last = made.unwrap()["id"].as_i64().unwrap();
    }
    let read = |entity_type: &str, presets: Value| {
        let filters = json!({"logical_operator": "and", "conditions": [is("entity", link("Shot", shot))]});
        admin.read(json!({"type": entity_type, "filters": filters, "additional_filter_presets": presets}))
    };
    for by in ["ENTITIES_CREATED_AT", "BY_PIPELINE_STEP_NUMBER_AND_ENTITIES_CREATED_AT"] {
        let found = read("Version", json!([{"preset_name": "LATEST", "latest_by": by}])).unwrap();
        assert_eq!(found.len(), 1, "{by}");
        assert_eq!(found[0]["id"], last, "{by}");
    }
    for bad in [
        json!({"preset_name": "LATEST"}),
        json!([1]),
        json!([{"latest_by": "ENTITIES_CREATED_AT"}]),
        json!([{"preset_name": "NOTHING"}]),
        json!([{"preset_name": "LATEST", "latest_by": "VERSION_NUMBER"}]),
        json!([{"preset_name": "CUT_SHOT_VERSIONS"}]),
    ] {
        assert_eq!(read("Version", bad.clone()).unwrap_err().code, 103, "{bad}");
    }
    let on_shot = json!([{"preset_name": "LATEST", "latest_by": "ENTITIES_CREATED_AT"}]);
    let refused = admin.read(json!({"type": "Shot", "additional_filter_presets": on_shot}));
    assert_eq!(refused.unwrap_err().code, 103);
}

fn latest(by: &str) -> Value {
    json!({"preset_name": "LATEST", "latest_by": by})
}

fn read(client: &Client, entity_type: &str, conditions: Value, presets: Value) -> Vec<i64> {
    let filters = json!({"logical_operator": "and", "conditions": conditions});
    let found = client.read(json!({"type": entity_type, "filters": filters, "additional_filter_presets": presets}));
    found.unwrap().iter().map(id_of).collect()
}

#[test]
fn the_latest_cut_is_that_of_the_highest_revision() {
    let site = site();
    let admin = Client::admin(&site);
    let make = |code: &str, revision: i64| {
        let data = json!({"project": project(1), "code": code, "entity": link("Sequence", 1), "revision_number": revision});
        id_of(&admin.create("Cut", data).unwrap())
    };
    let (first, _, other) = (make("edit", 3), make("edit", 1), make("trailer", 1));
    let of_sequence = json!([is("entity", link("Sequence", 1))]);
    assert_eq!(
        read(&admin, "Cut", of_sequence.clone(), json!([latest("REVISION_NUMBER")])),
        [first, other]
    );
    // One that is retired is none.
    admin.delete("Cut", first).unwrap();
    assert_eq!(read(&admin, "Cut", of_sequence, json!([latest("REVISION_NUMBER")])).len(), 2);
}

#[test]
fn the_latest_file_is_that_of_the_highest_version_or_made_last() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("FILES");
    let make = |name: &str, version: i64| {
        let data = json!({"project": project(1), "code": format!("{name}{version}"), "name": name, "version_number": version, "entity": link("Shot", shot)});
        id_of(&admin.create("PublishedFile", data).unwrap())
    };
    let (high, low, other) = (make("scene", 7), make("scene", 2), make("cache", 1));
    let on_shot = json!([is("entity", link("Shot", shot))]);
    assert_eq!(
        read(&admin, "PublishedFile", on_shot.clone(), json!([latest("VERSION_NUMBER")])),
        [high, other]
    );
    assert_eq!(
        read(&admin, "PublishedFile", on_shot, json!([latest("ENTITIES_CREATED_AT")])),
        [low, other]
    );
}

#[test]
fn the_latest_version_can_be_that_of_the_last_pipeline_step() {
    let site = site();
    let admin = Client::admin(&site);
    let steps = admin
        .read(json!({"type": "Step", "sorts": [{"field_name": "list_order"}]}))
        .unwrap();
    let shot = admin.new_shot("STEPS");
    let make = |step: &Value| {
        let task = json!({"project": project(1), "content": "t", "entity": link("Shot", shot), "step": link("Step", id_of(step))});
        let task = id_of(&admin.create("Task", task).unwrap());
        let data = json!({"project": project(1), "code": "v", "entity": link("Shot", shot), "sg_task": link("Task", task)});
        id_of(&admin.create("Version", data).unwrap())
    };
    let (of_last_step, made_last) = (make(steps.last().unwrap()), make(&steps[0]));
    let on_shot = json!([is("entity", link("Shot", shot))]);
    let by_step = latest("BY_PIPELINE_STEP_NUMBER_AND_ENTITIES_CREATED_AT");
    assert_eq!(read(&admin, "Version", on_shot.clone(), json!([by_step])), [of_last_step]);
    assert_eq!(
        read(&admin, "Version", on_shot, json!([latest("ENTITIES_CREATED_AT")])),
        [made_last]
    );
}

#[test]
fn the_versions_of_a_cut_are_those_of_its_shots() {
    let site = site();
    let admin = Client::admin(&site);
    let cut = id_of(
        &admin
            .create("Cut", json!({"project": project(1), "code": "edit", "entity": link("Sequence", 1)}))
            .unwrap(),
    );
    let (shown, kept_out) = (admin.new_shot("IN_CUT"), admin.new_shot("OUT_OF_CUT"));
    let version = |shot: i64| {
        let data = json!({"project": project(1), "code": "v", "entity": link("Shot", shot)});
        id_of(&admin.create("Version", data).unwrap())
    };
    let (first, second, _) = (version(shown), version(shown), version(kept_out));
    let item = json!({"project": project(1), "code": "1", "cut": link("Cut", cut), "shot": link("Shot", shown)});
    let item = id_of(&admin.create("CutItem", item).unwrap());
    let of_cut = |cut: i64| json!({"preset_name": "CUT_SHOT_VERSIONS", "cut_id": cut});
    assert_eq!(read(&admin, "Version", json!([]), json!([of_cut(cut)])), [first, second]);
    // Several presets narrow together.
    assert_eq!(
        read(&admin, "Version", json!([]), json!([of_cut(cut), latest("ENTITIES_CREATED_AT")])),
        [second]
    );
    assert_eq!(
        read(&admin, "Version", json!([is("id", json!(first))]), json!([of_cut(cut)])),
        [first]
    );
    assert_eq!(read(&admin, "Version", json!([]), json!([of_cut(cut + 1)])), Vec::<i64>::new());
    admin.delete("CutItem", item).unwrap();
    assert_eq!(read(&admin, "Version", json!([]), json!([of_cut(cut)])), Vec::<i64>::new());
    for bad in [
        json!([{"preset_name": "CUT_SHOT_VERSIONS", "cut_id": "x"}]),
        json!({"preset_name": "LATEST"}),
        json!([5]),
    ] {
        let refusal = admin
            .read(json!({"type": "Version", "additional_filter_presets": bad}))
            .unwrap_err();
        assert_eq!(refusal.code, 103, "{bad}");
    }
    let refusal = admin
        .read(json!({"type": "Shot", "additional_filter_presets": [of_cut(cut)]}))
        .unwrap_err();
    assert_eq!(refusal.code, 103);
}
