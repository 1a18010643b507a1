//! batch: all or nothing.

use serde_json::{Value, json};

use super::client::{Client, fields, project, site};

fn create(code: &str) -> Value {
    json!({"request_type": "create", "type": "Shot", "fields": fields(&json!({"code": code, "project": project(1)})), "return_fields": ["id"]})
}

fn update(id: i64, data: Value) -> Value {
    json!({"request_type": "update", "type": "Shot", "id": id, "fields": fields(&data)})
}

fn delete(id: i64) -> Value {
    json!({"request_type": "delete", "type": "Shot", "id": id})
}

#[test]
fn replies_come_in_the_order_of_the_requests() {
    let site = site();
    let admin = Client::admin(&site);
    let replies = admin
        .call("batch", json!([create("B1"), update(3, json!({"sg_cut_in": 9})), delete(3)]))
        .unwrap();
    assert_eq!(replies[0]["code"], "B1");
    assert_eq!(replies[1], json!({"type": "Shot", "id": 3, "sg_cut_in": 9}));
    assert_eq!(replies[2], true);
    assert_eq!(admin.call("batch", json!([])).unwrap(), json!([]));
}

#[test]
fn one_failure_undoes_everything_and_is_told_with_its_index() {
    let site = site();
    let admin = Client::admin(&site);
    let shots = admin.find("Shot", json!([]), json!(["code", "sg_cut_in", "updated_at"])).unwrap();
    let event = admin.last_event();
    let refusal = admin
        .call(
            "batch",
            json!([
                create("B1"),
                delete(2),
                update(3, json!({"sg_cut_in": 9})),
                update(4, json!({"code": "SQ010_0010"}))
            ]),
        )
        .unwrap_err();
    assert_eq!(refusal.code, 104);
    assert_eq!(
        refusal.message,
        "API batch() request with index 3 failed.  All requests rolled back.\nAPI update() CRUD ERROR #51: Update failed for [Shot.code]. \
         The value for the Shot Code field is required to be unique. <br> "
    );
    assert_eq!(
        admin.find("Shot", json!([]), json!(["code", "sg_cut_in", "updated_at"])).unwrap(),
        shots
    );
    assert_eq!(admin.last_event(), event);
}

#[test]
fn the_code_is_that_of_the_request_that_failed() {
    let site = site();
    let admin = Client::admin(&site);
    let refusal = admin
        .call("batch", json!([create("B1"), {"request_type": "revive", "type": "Shot", "id": 1}]))
        .unwrap_err();
    assert_eq!(refusal.code, 103);
    assert!(
        refusal
            .message
            .starts_with("API batch() request with index 1 failed.  All requests rolled back.\nAPI batch() invalid/missing 'request_type'"),
        "{refusal}"
    );
    assert_eq!(admin.call("batch", json!({"a": 1})).unwrap_err().code, 103);
    assert_eq!(admin.call("batch", json!([5])).unwrap_err().code, 103);
}

#[test]
fn later_requests_see_what_earlier_ones_did() {
    let site = site();
    let admin = Client::admin(&site);
    // The first leaves its name free for the second.
    admin
        .call(
            "batch",
            json!([update(1, json!({"code": "OTHER"})), update(2, json!({"code": "SQ010_0010"}))]),
        )
        .unwrap();
    assert_eq!(admin.get("Shot", 2, json!(["code"]))["code"], "SQ010_0010");
}

#[test]
fn two_hundred_requests_are_one_transaction() {
    let site = site();
    let admin = Client::admin(&site);
    let requests: Vec<Value> = (0..200).map(|n| create(&format!("MANY_{n:03}"))).collect();
    assert_eq!(admin.call("batch", json!(requests)).unwrap().as_array().unwrap().len(), 200);
}
