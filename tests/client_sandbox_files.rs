//! Files against the local site: what is sent comes back, in every flow, and a refusal is a refusal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "support/tools.rs"]
mod tools;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shotgrid::client::{Client, Credentials, Error, Options, Progress, Secret, Status};
use shotgrid_sandbox::Sandbox;
use tools::{Folder, run};

/// More than one part of a direct upload.
const LARGE: usize = 45_000_000;

async fn script(site: &Sandbox) -> Client {
    let credentials = Credentials::Script {
        name: site.script().name.clone(),
        api_key: Secret::new(site.script().api_key.clone()),
    };
    Client::connect(site.url(), credentials, Options::default()).await.unwrap()
}

async fn artist(site: &Sandbox) -> Client {
    let artist = site.person("artist").unwrap();
    let credentials = Credentials::Person {
        login: artist.login.clone(),
        password: Secret::new(artist.password.clone()),
    };
    Client::connect(site.url(), credentials, Options::default()).await.unwrap()
}

async fn call(client: &Client, method: &str, params: Value) -> Result<Value, Error> {
    let result = client.call(method, &params.to_string()).await?;
    Ok(serde_json::from_str(result.json()).unwrap())
}

/// A Version to upload to.
async fn version(client: &Client) -> i64 {
    let project = call(client, "find_one", json!(["Project", []])).await.unwrap();
    let made = call(client, "create", json!(["Version", {"code": "files", "project": project}]))
        .await
        .unwrap();
    made["id"].as_i64().unwrap()
}

/// Bytes that no mistake in the order of parts leaves alike.
fn content(length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn round_trips(direct: bool) {
    let site = Sandbox::builder().direct_uploads(direct).start().unwrap();
    let folder = Folder::new(if direct { "direct" } else { "form" });
    run(async {
        let client = script(&site).await;
        let id = version(&client).await;
        for (name, length) in [("small.mov", 5), ("Noël \"ご\".mov", 300_000), ("large.mov", LARGE)] {
            let sent = content(length);
            let path = folder.file(name, &sent);
            let progress = Arc::new(Progress::default());
            let params = json!(["Version", id, path, "sg_uploaded_movie"]).to_string();
            let answer = client.call_watched("upload", &params, &progress).await.unwrap();
            let attachment: i64 = answer.json().parse().unwrap();
            assert_eq!((progress.done(), progress.total()), (length as u64, length as u64));
            let target = folder.0.join("back");
            let back = call(&client, "download_attachment", json!([attachment, target])).await.unwrap();
            assert_eq!(back, json!(target));
            assert!(std::fs::read(&target).unwrap() == sent, "{name} came back as something else");
            let row = call(&client, "find_one", json!(["Version", [["id", "is", id]], ["sg_uploaded_movie"]]))
                .await
                .unwrap();
            let link = &row["sg_uploaded_movie"];
            assert_eq!(
                (link["link_type"].as_str(), link["id"].as_i64()),
                (Some("upload"), Some(attachment)),
                "{row}"
            );
            let by_link = call(&client, "download_attachment", json!([link, target])).await.unwrap();
            assert_eq!(by_link, json!(target));
            assert!(std::fs::read(&target).unwrap() == sent);
        }
        let mut names: Vec<_> = std::fs::read_dir(&folder.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), 4, "nothing is left behind: {names:?}");
    });
}

#[test]
fn what_is_sent_by_form_comes_back() {
    round_trips(false);
}

#[test]
fn what_is_sent_to_the_storage_comes_back() {
    round_trips(true);
}

#[test]
fn a_role_that_may_not_is_refused_and_nothing_is_linked() {
    for direct in [false, true] {
        let site = Sandbox::builder().direct_uploads(direct).start().unwrap();
        let folder = Folder::new("site-refused");
        let file = folder.file("a.txt", b"text");
        run(async {
            let error = {
                let artist = artist(&site).await;
                let shot = call(&artist, "find_one", json!(["Shot", []])).await.unwrap();
                call(&artist, "upload_thumbnail", json!(["Shot", shot["id"], file]))
                    .await
                    .unwrap_err()
            };
            assert_eq!(error.status, Status::Permission, "{error:?}");
            assert_eq!(error.refusal.field.as_deref(), Some("image"), "{error:?}");
            assert!(!error.may_have_applied);
        });
    }
}

#[test]
fn a_session_that_ends_before_an_upload_is_renewed() {
    let site = Sandbox::builder().start().unwrap();
    let folder = Folder::new("site-renewed");
    let file = folder.file("a.txt", b"text");
    run(async {
        let id = version(&script(&site).await).await;
        let manager = site.person("manager").unwrap();
        let credentials = Credentials::Person {
            login: manager.login.clone(),
            password: Secret::new(manager.password.clone()),
        };
        let client = Client::connect(site.url(), credentials, Options::default()).await.unwrap();
        site.expire_sessions().unwrap();
        assert!(
            call(&client, "upload", json!(["Version", id, file]))
                .await
                .unwrap()
                .as_i64()
                .unwrap()
                > 0
        );
    });
}

/// A red square of eight by eight.
const PNG: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0, 75, 109, 41, 220, 0, 0, 0, 17, 73,
    68, 65, 84, 120, 156, 99, 56, 33, 39, 135, 21, 49, 12, 45, 9, 0, 144, 191, 65, 1, 178, 159, 62, 34, 0, 0, 0, 0, 73, 69, 78, 68, 174,
    66, 96, 130,
];

#[test]
fn why_the_storage_refuses_is_told() {
    let site = Sandbox::builder().direct_uploads(true).upload_limit(1_000).start().unwrap();
    let folder = Folder::new("too-large");
    let file = folder.file("film.mov", content(2_000));
    run(async {
        let client = script(&site).await;
        let id = version(&client).await;
        let error = call(&client, "upload", json!(["Version", id, file])).await.unwrap_err();
        assert_eq!(error.status, Status::Rejected, "{error}");
        assert!(
            error.message.contains("refuses the file (HTTP status 400, EntityTooLarge)"),
            "{error}"
        );
    });
}

#[test]
fn thumbnails_are_made_shared_and_cleared() {
    for direct in [false, true] {
        let thumbnails_at_once = Duration::ZERO;
        let site = Sandbox::builder()
            .direct_uploads(direct)
            .thumbnail_delay(thumbnails_at_once)
            .start()
            .unwrap();
        let folder = Folder::new(if direct { "thumbs-direct" } else { "thumbs" });
        let image = folder.file("red.png", PNG);
        run(async {
            let client = script(&site).await;
            let project = call(&client, "find_one", json!(["Project", []])).await.unwrap();
            let data = json!({"code": "with thumbnails", "project": project, "image": image, "filmstrip_image": image});
            let made = call(&client, "create", json!(["Version", data])).await.unwrap();
            assert!(made["image"].is_string() && made["filmstrip_image"].is_string(), "{made}");
            let id = made["id"].as_i64().unwrap();
            let url = made_image(&client, "Version", id).await;
            let target = folder.0.join("back.img");
            call(&client, "download_attachment", json!([{"url": url}, target])).await.unwrap();
            let back = std::fs::read(&target).unwrap();
            assert!(
                back.starts_with(b"\xff\xd8") || back.starts_with(b"\x89PNG"),
                "a real picture: {:?}",
                &back[..4]
            );

            let shots = call(&client, "find", json!({"entity_type": "Shot", "filters": [], "limit": 2}))
                .await
                .unwrap();
            let source = json!({"type": "Version", "id": id});
            let shared = call(&client, "share_thumbnail", json!({"entities": shots, "source_entity": source}))
                .await
                .unwrap();
            assert!(shared.as_i64().unwrap() > 0);
            made_image(&client, "Shot", shots[1]["id"].as_i64().unwrap()).await;

            let again = call(&client, "upload_thumbnail", json!(["Version", id, image])).await.unwrap();
            let strip = call(&client, "upload_filmstrip_thumbnail", json!(["Version", id, image]))
                .await
                .unwrap();
            assert!(again.as_i64().unwrap() > 0 && strip.as_i64() > again.as_i64());
            let cleared = call(&client, "update", json!(["Version", id, {"image": null}])).await.unwrap();
            assert_eq!(cleared["image"], Value::Null);
        });
    }
}

/// The address of a thumbnail, once it is made.
async fn made_image(client: &Client, entity_type: &str, id: i64) -> String {
    for _ in 0..200 {
        let row = call(client, "find_one", json!([entity_type, [["id", "is", id]], ["image"]]))
            .await
            .unwrap();
        match row["image"].as_str() {
            Some(url) if !url.contains("thumbnail_pending") => return url.to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("{entity_type} {id} has no thumbnail after ten seconds");
}
