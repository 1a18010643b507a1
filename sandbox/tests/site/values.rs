//! What each field type takes and how it is kept.

use serde_json::{Value, json};

use super::client::{Client, Refusal, id_of, link, project, site};

/// Writes a shot's field and gives back what is read then.
fn kept(client: &Client, field: &str, value: Value) -> Result<Value, Refusal> {
    client.update("Shot", 1, json!({field: value}))?;
    Ok(client.get("Shot", 1, json!([field]))[field].clone())
}

#[test]
fn values_are_kept_in_one_form() {
    let site = site();
    let admin = Client::admin(&site);
    for (field, value, expected) in [
        ("description", json!("  two words \n"), json!("two words")),
        ("description", json!(""), json!(null)),
        ("description", json!("   "), json!(null)),
        ("sg_cut_in", json!(2_147_483_647), json!(2_147_483_647)),
        ("sg_cut_in", json!("17"), json!(17)),
        ("sg_cut_in", json!(null), json!(null)),
        ("sg_bid", json!(2), json!(2.0)),
        ("sg_bid", json!(0.25), json!(0.25)),
        ("sg_cost", json!(1234.5), json!(1234.5)),
        ("sg_percent_done", json!(50), json!(50)),
        ("sg_timecode_in", json!(90_000), json!(90_000)),
        ("sg_footage", json!("10-05"), json!("10-05")),
        ("sg_hero", json!(true), json!(true)),
        ("sg_hero", json!(null), json!(false)),
        ("sg_turnover", json!("1968-10-13"), json!("1968-10-13")),
        ("sg_due", json!("2024-07-01T18:00:00+02:00"), json!("2024-07-01T16:00:00Z")),
        ("sg_due", json!("2024-07-01T16:00:00Z"), json!("2024-07-01T16:00:00Z")),
        ("sg_status_list", json!("fin"), json!("fin")),
        ("sg_status_list", json!(null), json!(null)),
        ("sg_shot_type", json!("2D"), json!("2D")),
        ("color", json!("10,20,30"), json!("10,20,30")),
        ("tag_list", json!(["a", "b"]), json!(["a", "b"])),
        ("tag_list", json!(null), json!([])),
        ("image", json!(null), json!(null)),
        ("sg_pipeline_data", json!({"a": [1, {"b": null}]}), json!({"a": [1, {"b": null}]})),
        ("assets", json!(null), json!([])),
        ("sg_sequence", json!(null), json!(null)),
        (
            "sg_reference",
            json!({"url": "http://example.test/x", "name": "X"}),
            json!({"url": "http://example.test/x", "name": "X", "link_type": "web", "content_type": null}),
        ),
    ] {
        assert_eq!(kept(&admin, field, value.clone()), Ok(expected), "{field} {value}");
    }
}

#[test]
fn the_wrong_kind_of_value_is_an_argument_error() {
    let site = site();
    let admin = Client::admin(&site);
    for (field, value, expected, class) in [
        ("code", json!(5), "String, NilClass", "Integer"),
        ("sg_cut_in", json!(2.5), "String, Integer, NilClass", "Float"),
        ("sg_cut_in", json!(true), "String, Integer, NilClass", "TrueClass"),
        ("sg_bid", json!("1.5"), "Float, Integer, NilClass", "String"),
        ("sg_hero", json!("yes"), "TrueClass, FalseClass, NilClass", "String"),
        ("sg_turnover", json!(5), "String, NilClass", "Integer"),
        ("sg_sequence", json!(1), "Hash, NilClass", "Integer"),
        ("assets", json!({"type": "Asset", "id": 1}), "Array, NilClass", "Hash"),
        ("tag_list", json!("a"), "Array, NilClass", "String"),
        ("sg_reference", json!("http://x"), "Hash, NilClass", "String"),
    ] {
        let refusal = kept(&admin, field, value.clone()).unwrap_err();
        let message = format!("API update() Shot.{field} expected [{expected}] data type(s) but got {class}: {value}");
        assert_eq!((refusal.code, refusal.message), (103, message));
    }
}

#[test]
fn a_bad_value_of_the_right_kind_is_refused_and_nothing_is_written() {
    let site = site();
    let admin = Client::admin(&site);
    let before = admin.get("Shot", 1, json!(["description", "updated_at"]));
    for (field, value) in [
        ("sg_cut_in", json!(2_147_483_648_i64)),
        ("sg_cut_in", json!("ten")),
        ("sg_bid", json!(1e12)),
        ("sg_cost", json!(1e14)),
        ("sg_turnover", json!("2024-01-10T00:00:00Z")),
        ("sg_turnover", json!("2024-02-30")),
        ("sg_due", json!("yesterday")),
        ("sg_status_list", json!("nope")),
        ("sg_shot_type", json!("nope")),
        ("sg_footage", json!("ten feet")),
        ("color", json!("red")),
        ("image", json!("http://x/y.png")),
        ("sg_sequence", link("Sequence", 999_999)),
        ("sg_sequence", link("Asset", 1)),
        ("assets", json!([link("Asset", 1), link("Asset", 999_999)])),
    ] {
        let refusal = admin
            .update("Shot", 1, json!({"description": "changed", field: value}))
            .unwrap_err();
        let head = format!("API update() CRUD ERROR #5: Update failed for [Shot.{field}]: ");
        assert_eq!(refusal.code, 104, "{refusal}");
        assert!(refusal.message.starts_with(&head), "{refusal}");
    }
    assert_eq!(admin.get("Shot", 1, json!(["description", "updated_at"])), before);
    let refusal = admin
        .create("Shot", json!({"code": "x", "project": project(1), "sg_status_list": "nope"}))
        .unwrap_err();
    assert!(
        refusal
            .message
            .starts_with("API create() CRUD ERROR #6: Create failed for [Shot]: [Shot.sg_status_list]: 'nope'"),
        "{refusal}"
    );
}

#[test]
fn links_need_type_and_id() {
    let site = site();
    let refusal = kept(&Client::admin(&site), "sg_sequence", json!({"type": "Sequence", "name": "SQ010"})).unwrap_err();
    assert_eq!(refusal.code, 103);
    assert!(refusal.message.contains("expected a Hash with 'type' and 'id'"), "{refusal}");
}

#[test]
fn a_password_that_is_no_text_is_not_quoted() {
    let site = site();
    let refusal = Client::admin(&site)
        .update("HumanUser", 3, json!({"password_proxy": 123_456}))
        .unwrap_err();
    assert_eq!(refusal.code, 103);
    assert!(!refusal.message.contains("123456"), "{refusal}");
    let refusal = Client::admin(&site)
        .create("HumanUser", json!({"password_proxy": "hush-hush"}))
        .unwrap_err();
    assert!(refusal.message.starts_with("API create() missing 'login' attribute: "), "{refusal}");
    assert!(!refusal.message.contains("hush"), "{refusal}");
}

#[test]
fn local_files_belong_to_a_storage() {
    let site = site();
    let admin = Client::admin(&site);
    let file = |path: Value| json!({"code": "f", "project": project(1), "path": path});
    let reply = admin
        .create("PublishedFile", file(json!({"local_path": "/mnt/projects/hbr/a b.ma"})))
        .unwrap();
    let path = admin.get("PublishedFile", id_of(&reply), json!(["path"]))["path"].clone();
    assert_eq!(path["link_type"], "local");
    assert_eq!(path["relative_path"], "hbr/a b.ma");
    assert_eq!(path["name"], "a b.ma");
    assert_eq!(path["local_path_windows"], "P:\\projects\\hbr\\a b.ma");
    assert_eq!(path["local_storage"], json!({"type": "LocalStorage", "id": 1, "name": "primary"}));
    let by_storage = json!({"local_storage": {"type": "LocalStorage", "name": "primary"}, "relative_path": "x/y.exr"});
    let reply = admin.create("PublishedFile", file(by_storage)).unwrap();
    assert_eq!(reply["path"]["local_path_linux"], "/mnt/projects/x/y.exr");
    for path in ["/tmp/a.ma", "/mnt/projectsx/a.ma"] {
        let refusal = admin.create("PublishedFile", file(json!({"local_path": path}))).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message),
            (
                104,
                format!(
                    "API create() CRUD ERROR #6: Create failed for [PublishedFile]: Path {path} doesn't match any defined Local Storage."
                )
            )
        );
    }
}
