//! Uploads and thumbnails: what goes out, what is told when it fails, and that nothing is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "support/fake_site.rs"]
mod fake_site;
#[path = "support/tools.rs"]
mod tools;
#[path = "support/transfers.rs"]
mod transfers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fake_site::{Answer, Request};
use serde_json::json;
use shotgrid::client::{Progress, Status};
use tools::{Folder, run};
use transfers::{call, client, site, targets, text};

#[test]
fn a_form_has_the_fields_in_order_and_the_file_last() {
    let folder = Folder::new("form");
    let file = folder.file("Noël ご.jpg", "JPEGDATA");
    let site = site(false, |_| None);
    let id = call(
        &site,
        "upload",
        json!({"entity_type": "Version", "entity_id": 5, "path": file, "field_name": "sg_file", "tag_list": "a, b"}),
    );
    assert_eq!(id.unwrap(), "4271");
    let request = site.requests().pop().unwrap();
    assert_eq!(request.target(), "POST /upload/upload_file");
    let kind = request.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let field = |name: &str, value: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let expected = [
        field("entity_type", "Version"),
        field("entity_id", "5"),
        field("script_name", "scr"),
        field("script_key", "s3cret-key"),
        field("field_name", "sg_file"),
        field("display_name", "Noël ご.jpg"),
        field("tag_list", "a, b"),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Noël ご.jpg\"\r\nContent-Type: image/jpeg\r\nContent-Length: 8\r\n\r\nJPEGDATA\r\n"
        ),
        format!("--{boundary}--\r\n\r\n"),
    ];
    assert_eq!(request.body, expected.concat());
    assert_eq!(request.header("content-length").unwrap(), request.body.len().to_string());
    assert!(request.header("authorization").is_none());
}

#[test]
fn thumbnails_go_another_way() {
    let folder = Folder::new("thumb");
    let file = folder.file("t.png", "PNG");
    for (method, params, filmstrip) in [
        ("upload_thumbnail", json!(["Version", 5, file]), false),
        ("upload_filmstrip_thumbnail", json!(["Version", 5, file]), true),
        (
            "upload",
            json!({"entity_type": "Version", "entity_id": 5, "path": file, "field_name": "image", "display_name": "x"}),
            false,
        ),
    ] {
        let site = site(false, |_| None);
        call(&site, method, params).unwrap();
        let request = site.requests().pop().unwrap();
        assert_eq!(request.target(), "POST /upload/publish_thumbnail", "{method}");
        assert_eq!(request.body.contains("name=\"filmstrip\"\r\n\r\nTrue"), filmstrip, "{method}");
        assert!(request.body.contains("name=\"thumb_image\"; filename=\"t.png\"") && !request.body.contains("display_name"));
    }
}

#[test]
fn names_that_would_end_early_do_not() {
    let folder = Folder::new("names");
    let long = "n".repeat(251) + ".mov";
    for (name, sent) in [
        ("a \"b\".mov", "a %22b%22.mov"),
        ("C:\\shots\\x.mov", "C:\\shots\\x.mov"),
        (long.as_str(), long.as_str()),
    ] {
        let site = site(false, |_| None);
        call(&site, "upload", json!(["Version", 5, folder.file(name, "x")])).unwrap();
        assert!(
            site.requests().pop().unwrap().body.contains(&format!("filename=\"{sent}\"")),
            "{name}"
        );
    }
}

#[test]
fn small_files_go_to_the_storage_whole() {
    let folder = Folder::new("whole");
    let file = folder.file("a b.jpg", "JPEGDATA");
    let site = site(true, |_| None);
    assert_eq!(
        call(&site, "upload", json!(["Version", 5, file, "sg_uploaded_movie", "D"])).unwrap(),
        "4271"
    );
    assert_eq!(
        targets(&site),
        ["POST /upload/api_get_upload_link_info", "PUT /s3/put", "POST /upload/api_link_file"]
    );
    let requests = site.requests();
    assert_eq!(
        requests[1].body,
        "upload_type=Attachment&filename=a+b.jpg&multipart_upload=False&script_name=scr&script_key=s3cret-key"
    );
    let put = &requests[2];
    assert_eq!(
        (put.body.as_str(), put.header("content-type").unwrap().as_str()),
        ("JPEGDATA", "image/jpeg")
    );
    assert!(put.header("authorization").is_none() && put.header("cookie").is_none() && !put.head.contains("s3cret"));
    let link = &requests[3];
    assert!(
        link.field("upload_link_info")
            .unwrap()
            .ends_with("/s3/put?sig=PRESIGNED\n2024-01-02T03:04:05Z\nAttachment\nUPLOAD-ID\nextra\n")
    );
    let names: Vec<_> = url::form_urlencoded::parse(link.body.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "entity_type",
            "entity_id",
            "upload_link_info",
            "script_name",
            "script_key",
            "field_name",
            "display_name"
        ]
    );
}

#[test]
fn large_files_go_in_parts_side_by_side() {
    let folder = Folder::new("parts");
    let file = folder.0.join("large.mov");
    std::fs::File::create(&file).unwrap().set_len(105_000_000).unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, peak) = (now.clone(), most.clone());
    let site = site(true, move |request| {
        if request.target().starts_with("PUT") {
            peak.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            inside.fetch_sub(1, Ordering::SeqCst);
        }
        None
    });
    let progress = Arc::new(Progress::default());
    run(async {
        let params = json!(["Version", 5, file, "sg_uploaded_movie"]).to_string();
        client(&site).await.call_watched("upload", &params, &progress).await.unwrap();
    });
    assert_eq!((progress.done(), progress.total()), (105_000_000, 105_000_000));
    let requests = site.requests();
    let mut sizes: Vec<_> = requests
        .iter()
        .filter(|request| request.target().starts_with("PUT"))
        .map(|request| request.body.len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5_000_000, 20_000_000, 20_000_000, 20_000_000, 20_000_000, 20_000_000]);
    let complete = requests
        .iter()
        .find(|request| request.target().ends_with("complete_multipart_upload"))
        .unwrap();
    assert_eq!(
        complete.field("etags").unwrap(),
        "\"tag1\",\"tag2\",\"tag3\",\"tag4\",\"tag5\",\"tag6\""
    );
    assert_eq!(complete.field("upload_id").unwrap(), "UPLOAD-ID");
    assert!((2..=4).contains(&most.load(Ordering::SeqCst)));
}

#[test]
fn a_storage_that_is_busy_gets_the_whole_file_again() {
    let folder = Folder::new("busy");
    let file = folder.file("a.jpg", "JPEGDATA");
    for (status, headers) in [(500, vec![]), (503, vec![("retry-after", "1".to_owned())]), (429, vec![])] {
        let tries = AtomicUsize::new(0);
        let site = site(true, move |request| {
            let first = request.target().starts_with("PUT") && tries.fetch_add(1, Ordering::SeqCst) == 0;
            first.then(|| Answer::Http(status, headers.clone(), b"<Error><Message>Slow Down</Message></Error>".to_vec()))
        });
        let progress = Arc::new(Progress::default());
        run(async {
            let params = json!(["Version", 5, file]).to_string();
            client(&site).await.call_watched("upload", &params, &progress).await.unwrap();
        });
        let puts: Vec<_> = site
            .requests()
            .into_iter()
            .filter(|request| request.target().starts_with("PUT"))
            .collect();
        assert_eq!(
            puts.iter().map(|put| put.body.as_str()).collect::<Vec<_>>(),
            ["JPEGDATA", "JPEGDATA"],
            "{status}"
        );
        assert_eq!(progress.done(), 8, "{status}");
    }
}

#[test]
fn a_storage_that_refuses_is_told_with_its_words_and_without_its_address() {
    let folder = Folder::new("refused");
    let file = folder.file("a.jpg", "JPEGDATA");
    let site = site(true, |request| {
        let body = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>".to_vec();
        let xml = vec![("content-type", "application/xml".to_owned())];
        request.target().starts_with("PUT").then_some(Answer::Http(403, xml, body))
    });
    let error = call(&site, "upload", json!(["Version", 5, file])).unwrap_err();
    assert_eq!((error.status, error.http_status), (Status::Rejected, Some(403)));
    assert_eq!(error.server_message.as_deref(), Some("Request has expired"));
    assert!(!format!("{error:?}").contains("PRESIGNED"), "{error:?}");
    assert!(!targets(&site).contains(&"POST /upload/api_link_file".to_owned()));
}

#[test]
fn a_form_is_posted_once_and_its_failure_keeps_the_words() {
    let folder = Folder::new("once");
    let file = folder.file("a.jpg", "JPEGDATA");
    for (answer, status, may_have_applied, words) in [
        (
            Answer::Http(500, vec![("content-type", "text/plain".into())], b"the disk is full".to_vec()),
            Status::ServerFault,
            true,
            "the disk is full",
        ),
        (Answer::Close, Status::NetworkReset, true, ""),
        (
            text("0:The field is not editable for this user: [Version.sg_file]. Rule: Artist".into()),
            Status::Permission,
            false,
            "Artist",
        ),
        (text("1".into()), Status::Protocol, true, "1"),
    ] {
        let site = site(false, move |request| {
            request.target().starts_with("POST /upload").then(|| answer.clone())
        });
        let error = call(&site, "upload", json!(["Version", 5, file])).unwrap_err();
        assert_eq!((error.status, error.may_have_applied), (status, may_have_applied), "{error:?}");
        assert!(error.server_message.clone().unwrap_or_default().contains(words), "{error:?}");
        assert_eq!(targets(&site).len(), 1);
    }
}

#[test]
fn what_was_done_before_a_failure_is_told() {
    let folder = Folder::new("told");
    let file = folder.file("a.jpg", "JPEGDATA");
    let unlinked = site(true, |request| {
        request.target().ends_with("api_link_file").then(|| Answer::status(503))
    });
    let error = call(&unlinked, "upload", json!(["Version", 5, file])).unwrap_err();
    assert!(
        error
            .message
            .contains("the file is stored, but nobody knows whether it was linked to Version 5")
            && error.may_have_applied,
        "{error}"
    );

    let unread = site(false, |request| match request.wire_method().as_str() {
        "create" => Some(Answer::json(r#"{"results":{"type":"Version","id":7,"code":"x"}}"#)),
        "read" => Some(Answer::fault(
            104,
            "Entity of type Version can not be accessed by this user. Rule: Vendor",
        )),
        _ => None,
    });
    let error = call(&unread, "create", json!(["Version", {"code": "x", "image": file}])).unwrap_err();
    assert_eq!((error.status, error.attachment_id), (Status::Permission, Some(4271)));
    assert!(error.message.contains("Version 7 was written and its image uploaded"), "{error}");

    let refused = site(false, |request| match request.wire_method().as_str() {
        "create" => Some(Answer::json(r#"{"results":{"type":"Version","id":7,"code":"x"}}"#)),
        _ => request.target().ends_with("publish_thumbnail").then(|| Answer::status(429)),
    });
    let error = call(&refused, "create", json!(["Version", {"code": "x", "image": file}])).unwrap_err();
    assert_eq!(
        (error.may_have_applied, error.retryable),
        (true, false),
        "the row is there: {error}"
    );

    let unshared = site(false, |request| {
        request.target().ends_with("share_thumbnail").then(|| text("2".into()))
    });
    let error = call(
        &unshared,
        "share_thumbnail",
        json!([[{"type": "Shot", "id": 1}, {"type": "Shot", "id": 2}], file]),
    )
    .unwrap_err();
    assert_eq!(
        (error.status, error.retryable, error.attachment_id),
        (Status::Unavailable, false, Some(4271))
    );
}

#[test]
fn files_that_cannot_be_sent_are_refused_before_anything_is() {
    let folder = Folder::new("cannot");
    let empty = folder.file("empty.mov", "");
    let missing = folder.0.join("missing.mov");
    for (path, status, words) in [
        (empty.as_path(), Status::InvalidArgument, "is empty"),
        (missing.as_path(), Status::Io, "does not exist"),
        (folder.0.as_path(), Status::InvalidArgument, "is a folder"),
    ] {
        let site = site(true, |_| None);
        for (method, params) in [
            ("upload", json!(["Version", 5, path])),
            ("create", json!(["Version", {"code": "x", "image": path}])),
        ] {
            let error = call(&site, method, params).unwrap_err();
            assert_eq!(error.status, status, "{error}");
            assert!(
                error.message.contains(words) && error.message.contains(path.to_str().unwrap()),
                "{error}"
            );
        }
        assert!(targets(&site).is_empty());
    }
    let site = site(false, |_| None);
    let error = call(&site, "create", json!(["Version", {"image": 5}])).unwrap_err();
    assert_eq!(error.status, Status::InvalidArgument);
    let error = call(
        &site,
        "upload",
        json!({"entity_type": "Version", "entity_id": 5, "path": "x", "created_at": "yesterday"}),
    )
    .unwrap_err();
    assert!(error.message.contains("\"created_at\" must be a date-time"), "{error}");
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_not_linked() {
    let folder = Folder::new("changes");
    let file = folder.file("a.jpg", "JPEGDATA");
    let changed = file.clone();
    let site = site(true, move |request| {
        if request.target().starts_with("PUT") {
            std::fs::write(&changed, "JPEGDATA and more").unwrap();
        }
        None
    });
    let error = call(&site, "upload", json!(["Version", 5, file])).unwrap_err();
    assert_eq!(error.status, Status::Io);
    assert!(error.message.contains("was changed while it was being sent"), "{error}");
    assert!(!targets(&site).contains(&"POST /upload/api_link_file".to_owned()));
}

#[test]
fn thumbnails_among_the_fields() {
    let folder = Folder::new("fields");
    let (image, strip) = (folder.file("i.png", "PNG"), folder.file("s.png", "STRIP"));
    let site = site(false, |request| match request.wire_method().as_str() {
        "create" | "update" => Some(Answer::json(r#"{"results":{"type":"Version","id":7,"code":"x"}}"#)),
        "read" => {
            let field = request.params()["return_fields"][0].as_str().unwrap().to_owned();
            Some(Answer::Json(
                json!({"results": {"entities": [{"type": "Version", "id": 7, field.clone(): format!("url of {field}")}]}}).to_string(),
            ))
        }
        _ => None,
    });
    let made = call(
        &site,
        "create",
        json!(["Version", {"code": "x", "image": image, "filmstrip_image": strip}]),
    )
    .unwrap();
    assert_eq!(
        made,
        r#"{"type":"Version","id":7,"code":"x","image":"url of image","filmstrip_image":"url of filmstrip_image"}"#
    );
    let expected = ["create", "", "read", "", "read"];
    let calls: Vec<_> = site
        .requests()
        .iter()
        .map(Request::wire_method)
        .filter(|method| method != "info")
        .collect();
    assert_eq!(calls, expected);
    let only = call(&site, "update", json!(["Version", 7, {"image": image}])).unwrap();
    assert_eq!(only, r#"{"id":7,"type":"Version","image":"url of image"}"#);
    assert!(site.requests_of("update").is_empty());
}

#[test]
fn thumbnails_are_shared() {
    let folder = Folder::new("share");
    let file = folder.file("a.jpg", "JPEGDATA");
    let site = site(false, |_| None);
    let shots = json!([{"type": "Shot", "id": 2}, {"type": "Asset", "id": 3}]);
    let id = call(
        &site,
        "share_thumbnail",
        json!({"entities": shots, "source_entity": {"type": "Version", "id": 1}, "filmstrip_thumbnail": true}),
    );
    assert_eq!(id.unwrap(), "4271");
    let form = site.requests().pop().unwrap();
    assert_eq!(
        form.body,
        "entities=Shot_2%2CAsset_3&source_entity=Version_1&filmstrip_thumbnail=1&script_name=scr&script_key=s3cret-key"
    );
    call(&site, "share_thumbnail", json!([shots, file])).unwrap();
    let requests = site.requests();
    let [.., upload, share] = requests.as_slice() else { panic!() };
    assert!(upload.body.contains("name=\"entity_id\"\r\n\r\n2\r\n"));
    assert_eq!(
        (share.field("entities").unwrap(), share.field("source_entity").unwrap()),
        ("Asset_3".into(), "Shot_2".into())
    );
    for params in [
        json!([[]]),
        json!([shots]),
        json!([shots, file, {"type": "Version", "id": 1}]),
        json!([[{"type": "Shot"}], file]),
    ] {
        assert_eq!(
            call(&site, "share_thumbnail", params.clone()).unwrap_err().status,
            Status::InvalidArgument,
            "{params}"
        );
    }
}

/// What a site's front answers in the middle of maintenance says nothing of the file.
#[test]
fn an_upload_that_is_answered_with_nonsense_may_have_been_applied() {
    let folder = Folder::new("nonsense");
    let file = folder.file("a.mov", "movie");
    let page = || {
        Answer::Http(
            200,
            vec![("content-type", "text/html".into())],
            b"1<html>Maintenance</html>".to_vec(),
        )
    };
    for nonsense in [page(), text(String::new()), text("hello".into())] {
        for storage in [false, true] {
            let answer = nonsense.clone();
            let site = site(storage, move |request| {
                let last = ["POST /upload/upload_file", "POST /upload/api_link_file"];
                last.contains(&request.target().as_str()).then(|| answer.clone())
            });
            let error = call(&site, "upload", json!(["Version", 1, file])).unwrap_err();
            assert_eq!(error.status, Status::Protocol, "{error}");
            assert!(error.may_have_applied && !error.retryable);
        }
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_opened() {
    let folder = Folder::new("fifo");
    let fifo = folder.0.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let site = site(false, |_| None);
    for path in [fifo.as_path(), std::path::Path::new("/dev/zero")] {
        let error = call(&site, "upload", json!(["Version", 1, path])).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument, "{error}");
        assert!(error.message.contains("is no regular file"), "{error}");
    }
    let error = call(&site, "upload", json!(["Version", 1, "/tmp/a\0b"])).unwrap_err();
    assert_eq!(error.status, Status::InvalidArgument, "{error}");
}

#[test]
fn what_answers_in_place_of_the_storage_has_stored_nothing() {
    let folder = Folder::new("no-storage");
    let file = folder.file("a.mov", "MOVIE");
    let html = || vec![("content-type", "text/html".to_owned())];
    for (answer, status) in [
        (Answer::Http(200, html(), b"<html>".to_vec()), Status::Protocol),
        (Answer::status(200), Status::Protocol),
        (Answer::Http(302, vec![("location", "/login".into())], vec![]), Status::Protocol),
        (Answer::status(408), Status::Timeout),
        (Answer::status(403), Status::Rejected),
    ] {
        let site = site(true, move |request| request.target().starts_with("PUT ").then(|| answer.clone()));
        let error = call(&site, "upload", json!(["Version", 1, file])).unwrap_err();
        assert_eq!(error.status, status, "{error}");
        assert!(!error.may_have_applied);
        assert!(
            !targets(&site).iter().any(|target| target.contains("link_file")),
            "it is not linked"
        );
    }
}
