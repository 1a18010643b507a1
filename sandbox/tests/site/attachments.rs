//! Values of link fields: web links and local files, each an Attachment of its own.

use serde_json::{Value, json};

use super::client::{Client, id_of, is, link, project, site};

fn attachments(client: &Client) -> Vec<i64> {
    client.ids("Attachment", json!([])).unwrap()
}

#[test]
fn a_web_link_is_an_attachment() {
    let site = site();
    let admin = Client::admin(&site);
    let before = attachments(&admin);
    let events = admin.last_event();
    let reply = admin
        .update("Shot", 1, json!({"sg_reference": {"url": "http://example.test/x", "name": "X"}}))
        .unwrap();
    let made: Vec<i64> = attachments(&admin).into_iter().filter(|id| !before.contains(id)).collect();
    let [id] = made.as_slice() else {
        panic!("{made:?}");
    };
    let value =
        json!({"type": "Attachment", "id": id, "link_type": "web", "url": "http://example.test/x", "name": "X", "content_type": null});
    assert_eq!(reply["sg_reference"], value);
    assert_eq!(admin.get("Shot", 1, json!(["sg_reference"]))["sg_reference"], value);
    let row = admin.get(
        "Attachment",
        *id,
        json!(["this_file", "display_name", "attachment_type", "project", "created_by"]),
    );
    assert_eq!(row["this_file"], value);
    assert_eq!((&row["display_name"], &row["attachment_type"]), (&json!("X"), &json!("web")));
    assert_eq!((&row["project"]["id"], &row["created_by"]["type"]), (&json!(1), &json!("ApiUser")));
    let types: Vec<Value> = admin.events_after(events).iter().map(|event| event["event_type"].clone()).collect();
    assert!(types.contains(&json!("Shotgun_Attachment_New")), "{types:?}");
    assert!(types.contains(&json!("Shotgun_Shot_Change")), "{types:?}");
    // Each write makes one anew, as does a value that was read from another row.
    admin.update("Shot", 2, json!({"sg_reference": value})).unwrap();
    let copied = admin.get("Shot", 2, json!(["sg_reference"]))["sg_reference"].clone();
    assert_eq!(copied["url"], "http://example.test/x");
    assert_ne!(copied["id"], json!(id));
    // Taking the value away leaves the Attachment.
    admin.update("Shot", 1, json!({"sg_reference": null})).unwrap();
    assert!(attachments(&admin).contains(id));
}

#[test]
fn an_attachment_that_is_there_can_be_shown_by_another_row() {
    let site = site();
    let admin = Client::admin(&site);
    let web = json!({"url": "http://example.test/x"});
    let reply = admin
        .create("Attachment", json!({"this_file": web, "project": project(1)}))
        .unwrap();
    let id = id_of(&reply);
    assert_eq!(
        admin.get("Attachment", id, json!(["this_file", "filename"])),
        json!({"type": "Attachment", "id": id, "filename": "http://example.test/x", "this_file":
            {"type": "Attachment", "id": id, "link_type": "web", "url": "http://example.test/x", "name": "http://example.test/x",
             "content_type": null}})
    );
    let before = attachments(&admin);
    admin.update("Shot", 1, json!({"sg_reference": link("Attachment", id)})).unwrap();
    assert_eq!(admin.get("Shot", 1, json!(["sg_reference"]))["sg_reference"]["id"], json!(id));
    assert_eq!(attachments(&admin), before);
    let refusal = admin.update("Attachment", id, json!({"this_file": web})).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API update() Attachment.this_file is editable on create only.")
    );
}

#[test]
fn local_files_belong_to_a_storage() {
    let site = site();
    let admin = Client::admin(&site);
    let file = |path: Value| json!({"code": "f", "project": project(1), "path": path});
    let reply = admin
        .create("PublishedFile", file(json!({"local_path": "/mnt/projects/hbr/a b.mov"})))
        .unwrap();
    let row = admin.get("PublishedFile", id_of(&reply), json!(["path", "path_cache_storage"]));
    let path = &row["path"];
    assert_eq!((&path["link_type"], &path["type"]), (&json!("local"), &json!("Attachment")));
    assert_eq!((&path["relative_path"], &path["name"]), (&json!("hbr/a b.mov"), &json!("a b.mov")));
    assert_eq!(path["content_type"], "video/quicktime");
    assert_eq!(path["local_path_windows"], "P:\\projects\\hbr\\a b.mov");
    assert_eq!(path["local_storage"], json!({"type": "LocalStorage", "id": 1, "name": "primary"}));
    assert_eq!(row["path_cache_storage"], path["local_storage"]);
    let attachment = admin.get("Attachment", id_of(path), json!(["this_file", "attachment_type"]));
    assert_eq!((&attachment["this_file"], &attachment["attachment_type"]), (path, &json!("local")));
    let by_storage = json!({"local_storage": {"type": "LocalStorage", "name": "primary"}, "relative_path": "x/y.exr", "name": "Y", "content_type": "a/b"});
    let reply = admin.create("PublishedFile", file(by_storage)).unwrap();
    assert_eq!(reply["path"]["local_path_linux"], "/mnt/projects/x/y.exr");
    assert_eq!(
        (&reply["path"]["name"], &reply["path"]["content_type"]),
        (&json!("Y"), &json!("a/b"))
    );
    for path in ["/tmp/a.ma", "/mnt/projectsx/a.ma", "/mnt/projects", "relative.ma"] {
        let refusal = admin.create("PublishedFile", file(json!({"local_path": path}))).unwrap_err();
        let message =
            format!("API create() CRUD ERROR #6: Create failed for [PublishedFile]: Path {path} doesn't match any defined Local Storage.");
        assert_eq!((refusal.code, refusal.message), (104, message));
    }
}

#[test]
fn the_storage_whose_root_is_nearest_is_taken_on_every_platform() {
    let site = site();
    let admin = Client::admin(&site);
    let nested = admin
        .create(
            "LocalStorage",
            json!({"code": "nested", "linux_path": "/mnt/projects/deep", "windows_path": "Q:\\deep\\"}),
        )
        .unwrap();
    let kept = |path: &str| {
        let data = json!({"code": "f", "project": project(1), "path": {"local_path": path}});
        admin.create("PublishedFile", data).unwrap()["path"].clone()
    };
    assert_eq!(kept("/mnt/projects/deep/a.exr")["local_storage"]["id"], nested["id"]);
    assert_eq!(kept("/mnt/projects/deeper/a.exr")["local_storage"]["id"], 1);
    let windows = kept("Q:/deep/seq/a.exr");
    assert_eq!(
        (&windows["local_path_linux"], &windows["local_path_mac"]),
        (&json!("/mnt/projects/deep/seq/a.exr"), &json!(null))
    );
    assert_eq!(windows["local_path_windows"], "Q:\\deep\\seq\\a.exr");
}

#[test]
fn a_file_of_a_refused_write_leaves_no_attachment() {
    let site = site();
    let admin = Client::admin(&site);
    let before = attachments(&admin);
    let data = json!({"sg_reference": {"url": "http://example.test/x"}, "code": "SQ010_0020"});
    assert_eq!(admin.update("Shot", 1, data).unwrap_err().code, 104);
    assert_eq!(attachments(&admin), before);
    let retired = admin.create("Attachment", json!({"this_file": {"url": "http://y"}})).unwrap();
    admin.delete("Attachment", id_of(&retired)).unwrap();
    let refusal = admin
        .update("Shot", 1, json!({"sg_reference": link("Attachment", id_of(&retired))}))
        .unwrap_err();
    assert_eq!(refusal.code, 104);
    assert!(admin.ids("Shot", json!([is("id", json!(1))])).is_ok());
}
