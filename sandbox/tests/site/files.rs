//! Uploads, storage, thumbnails and downloads.

use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, id_of, is, link, project, site};

/// What a plain HTTP request is answered.
struct Answer {
    status: u16,
    etag: String,
    range: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into()
}

fn answer(reply: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut reply = reply.unwrap();
    let header = |name: &str| {
        reply
            .headers()
            .get(name)
            .map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    let (etag, range) = (header("etag"), header("content-range"));
    Answer {
        status: reply.status().as_u16(),
        etag,
        range,
        body: reply.body_mut().read_to_vec().unwrap(),
    }
}

fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = agent().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.call())
}

fn put(url: &str, body: &[u8]) -> Answer {
    answer(agent().put(url).send(body))
}

fn form(site: &Sandbox, path: &str, fields: &[(&str, &str)]) -> String {
    let script = site.script();
    let mut fields = fields.to_vec();
    fields.extend([("script_name", &*script.name), ("script_key", &*script.api_key)]);
    answer(agent().post(format!("{}{path}", site.url())).send_form(fields)).text()
}

/// A form with a file, as `credentials` sends it.
fn multipart(
    site: &Sandbox,
    path: &str,
    credentials: &[(&str, &str)],
    fields: &[(&str, &str)],
    part: &str,
    name: &str,
    file: &[u8],
) -> String {
    let mut body = Vec::new();
    for (name, value) in fields.iter().chain(credentials) {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(
        format!("--b\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{name}\"\r\nContent-Type: x/y\r\nContent-Length: {}\r\n\r\n", file.len())
            .bytes(),
    );
    body.extend(file);
    body.extend(b"\r\n--b--\r\n\r\n");
    let request = agent().post(format!("{}{path}", site.url()));
    answer(request.content_type("multipart/form-data; boundary=b").send(&body[..])).text()
}

fn upload(site: &Sandbox, fields: &[(&str, &str)], name: &str, file: &[u8]) -> String {
    let script = site.script();
    let credentials = [("script_name", &*script.name), ("script_key", &*script.api_key)];
    multipart(site, "/upload/upload_file", &credentials, fields, "file", name, file)
}

fn id(text: &str) -> i64 {
    text.strip_prefix("1:").unwrap_or_else(|| panic!("{text}")).trim().parse().unwrap()
}

fn version(admin: &Client) -> i64 {
    id_of(&admin.create("Version", json!({"code": "F_010", "project": project(1)})).unwrap())
}

fn on(version: i64) -> [(&'static str, String); 3] {
    [
        ("entity_type", "Version".to_owned()),
        ("entity_id", version.to_string()),
        ("field_name", "sg_uploaded_movie".to_owned()),
    ]
}

fn movie(site: &Sandbox, version: i64, name: &str, file: &[u8]) -> String {
    let fields = on(version);
    let fields: Vec<_> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
    upload(site, &fields, name, file)
}

fn begin(site: &Sandbox, in_parts: &str) -> Vec<String> {
    let fields = [
        ("upload_type", "Attachment"),
        ("filename", "clip.mov"),
        ("multipart_upload", in_parts),
    ];
    let reply = form(site, "/upload/api_get_upload_link_info", &fields);
    assert!(reply.starts_with("1\n"), "{reply}");
    reply.lines().map(str::to_owned).collect()
}

#[test]
fn an_upload_makes_an_attachment_and_links_the_field_to_it() {
    let site = site();
    let admin = Client::admin(&site);
    let version = version(&admin);
    let before = admin.last_event();
    let attachment = id(&movie(&site, version, "../../etc/Ünï q.mov", b"film"));
    let value = admin.get("Version", version, json!(["sg_uploaded_movie"]))["sg_uploaded_movie"].clone();
    assert_eq!(
        (&value["type"], &value["id"], &value["link_type"]),
        (&json!("Attachment"), &json!(attachment), &json!("upload"))
    );
    assert_eq!(
        (&value["name"], &value["content_type"]),
        (&json!("Ünï q.mov"), &json!("video/quicktime"))
    );
    let row = admin.get(
        "Attachment",
        attachment,
        json!(["file_size", "original_fname", "file_extension", "project", "created_by"]),
    );
    assert_eq!(
        (&row["file_size"], &row["original_fname"], &row["file_extension"]),
        (&json!(4), &json!("Ünï q.mov"), &json!("mov"))
    );
    assert_eq!((&row["project"]["id"], &row["created_by"]["type"]), (&json!(1), &json!("ApiUser")));
    let events = admin.events_after(before);
    let types: Vec<_> = events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Shotgun_Attachment_New", "Shotgun_Version_Change"]);
    // What is kept of a URL in the log opens nothing.
    assert!(!events[1].to_string().contains("signature"));
}

#[test]
fn refusals_are_texts_and_leave_nothing_behind() {
    let site = site();
    let admin = Client::admin(&site);
    let count = || admin.ids("Attachment", json!([])).unwrap().len();
    let before = count();
    assert!(
        movie(&site, 1_000_000, "a.mov", b"film").starts_with("0:API update() CRUD ERROR #3: Entity of type [Version] with id=1000000")
    );
    let version = version(&admin);
    let text = version.to_string();
    let fields = [("entity_type", "Version"), ("entity_id", &*text), ("field_name", "code")];
    assert!(upload(&site, &fields, "a.mov", b"film").contains("takes no file"));
    assert!(movie(&site, version, "a.mov", b"").contains("empty"));
    let artist = site.person("artist").unwrap();
    let credentials = [("user_login", &*artist.login), ("user_password", &*artist.password)];
    let shot = [("entity_type", "Project"), ("entity_id", "1")];
    let reply = multipart(
        &site,
        "/upload/publish_thumbnail",
        &credentials,
        &shot,
        "thumb_image",
        "a.png",
        b"x",
    );
    assert!(
        reply.starts_with("0:API update() CRUD ERROR #5.1: The field is not editable for this user: [Project.image]."),
        "{reply}"
    );
    let wrong = multipart(
        &site,
        "/upload/upload_file",
        &[("script_name", "nobody"), ("script_key", "x")],
        &shot,
        "file",
        "a",
        b"x",
    );
    assert_eq!(wrong, "0:Can't authenticate script 'nobody'\n");
    assert_eq!(count(), before);
}

#[test]
fn half_a_form_is_refused() {
    let site = site();
    let body: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nhalf";
    let request = agent().post(format!("{}/upload/upload_file", site.url()));
    let reply = answer(request.content_type("multipart/form-data; boundary=b").send(body)).text();
    assert!(reply.starts_with("0:The file did not arrive whole"), "{reply}");
}

#[test]
fn a_file_above_the_limit_is_refused() {
    let site = Sandbox::builder().upload_limit(10).start().unwrap();
    let admin = Client::admin(&site);
    let version = version(&admin);
    assert!(movie(&site, version, "a.mov", b"0123456789").starts_with("1:"));
    assert!(movie(&site, version, "a.mov", b"01234567890").starts_with("0:The file is larger than the 10 bytes"));
    let info = begin(&site, "False");
    let refused = put(&info[1], b"01234567890");
    assert!(refused.status == 400 && refused.text().contains("<Code>EntityTooLarge</Code>"));
}

#[test]
fn a_download_knows_ranges_and_etags() {
    let site = site();
    let version = version(&Client::admin(&site));
    let attachment = id(&movie(&site, version, "a.mov", b"0123456789"));
    let url = format!("{}/file_serve/attachment/{attachment}", site.url());
    let whole = get(&url, &[]);
    assert_eq!((whole.status, &whole.body[..]), (200, &b"0123456789"[..]));
    for (range, body, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let part = get(&url, &[("Range", range), ("If-Range", &whole.etag)]);
        assert_eq!((part.status, part.text().as_str(), part.range.as_str()), (206, body, told));
    }
    let beyond = get(&url, &[("Range", "bytes=10-")]);
    assert_eq!((beyond.status, beyond.range.as_str()), (416, "bytes */10"));
    assert_eq!(get(&url, &[("Range", "bytes=2-4"), ("If-Range", "\"other\"")]).status, 200);
    assert_eq!(get(&url, &[("If-None-Match", &whole.etag)]).status, 304);
    // Compression would make the lengths and ranges untrue.
    assert_eq!(get(&url, &[("Accept-Encoding", "gzip")]).body, whole.body);
    assert_eq!(get(&format!("{}/file_serve/attachment/1000000", site.url()), &[]).status, 400);
}

#[test]
fn a_signed_url_is_good_as_it_is_and_names_the_viewer() {
    let site = site();
    let admin = Client::admin(&site);
    let version = version(&admin);
    movie(&site, version, "a.mov", b"film");
    let before = admin.last_event();
    let value = admin.get("Version", version, json!(["sg_uploaded_movie"]));
    let url = value["sg_uploaded_movie"]["url"].as_str().unwrap();
    assert_eq!(get(url, &[]).body, b"film");
    let events = admin.events_after(before);
    assert_eq!(
        (&events[0]["event_type"], &events[0]["user"]["type"]),
        (&json!("Shotgun_Attachment_View"), &json!("ApiUser"))
    );
    for bad in [
        url.replace("expires=1", "expires=2"),
        url.replace("ApiUser", "HumanUser"),
        format!("{url}0"),
    ] {
        let refused = get(&bad, &[]);
        assert!(refused.status == 403 && refused.text().contains("<Message>The signature does not match.</Message>"));
    }
}

#[test]
fn a_site_that_others_can_reach_gives_no_file_to_strangers() {
    let site = Sandbox::builder().listen("0.0.0.0:0").allow_remote(true).start().unwrap();
    let admin = Client::admin(&site);
    let version = version(&admin);
    let attachment = id(&movie(&site, version, "a.mov", b"film"));
    assert_eq!(get(&format!("{}/file_serve/attachment/{attachment}", site.url()), &[]).status, 403);
    let value = admin.get("Version", version, json!(["sg_uploaded_movie"]));
    assert_eq!(get(value["sg_uploaded_movie"]["url"].as_str().unwrap(), &[]).body, b"film");
}

#[test]
fn a_cookie_is_held_against_the_permissions() {
    let site = site();
    let admin = Client::admin(&site);
    let other = id_of(&admin.create("Project", json!({"name": "Files elsewhere"})).unwrap());
    let version = id_of(&admin.create("Version", json!({"code": "x", "project": project(other)})).unwrap());
    let attachment = id(&movie(&site, version, "a.mov", b"film"));
    let url = format!("{}/file_serve/attachment/{attachment}", site.url());
    let cookie = |client: &Client| {
        let session = client.call("get_session_token", Value::Null).unwrap();
        format!("a=b; _session_id={}", session["session_id"].as_str().unwrap())
    };
    assert_eq!(get(&url, &[("Cookie", &cookie(&Client::person(&site, "artist")))]).status, 400);
    assert_eq!(get(&url, &[("Cookie", &cookie(&admin))]).body, b"film");
    assert_eq!(get(&url, &[("Cookie", "_session_id=nonsense")]).status, 403);
}

#[test]
fn parts_are_put_together_if_their_etags_are_right() {
    let site = site();
    let admin = Client::admin(&site);
    let version = version(&admin);
    let info = begin(&site, "True");
    let id_of_upload = info[4].as_str();
    let part = |number: &str, body: &[u8]| {
        let reply = form(
            &site,
            "/upload/api_get_upload_link_for_part",
            &[("upload_id", id_of_upload), ("part_number", number)],
        );
        put(reply.lines().nth(1).unwrap(), body).etag
    };
    let complete = |etags: &str| {
        form(
            &site,
            "/upload/api_complete_multipart_upload",
            &[("upload_id", id_of_upload), ("etags", etags)],
        )
    };
    let second = part("2", b"567");
    assert!(complete(&second).starts_with("0:"), "part 1 is missing");
    part("1", b"wrong");
    let first = part("1", b"01234");
    assert!(complete(&format!("{second},{first}")).starts_with("0:"));
    assert_eq!(complete(&format!("{first},{second}")), "1\n");
    let (text, version_text) = (info.join("\n"), version.to_string());
    let fields = [
        ("entity_type", "Version"),
        ("entity_id", &*version_text),
        ("field_name", "sg_uploaded_movie"),
        ("upload_link_info", &*text),
    ];
    let attachment = id(&form(&site, "/upload/api_link_file", &fields));
    assert_eq!(
        get(&format!("{}/file_serve/attachment/{attachment}", site.url()), &[]).body,
        b"01234567"
    );
    assert!(form(&site, "/upload/api_link_file", &fields).starts_with("0:There is no such upload."));
}

#[test]
fn the_storage_wants_its_signature() {
    let site = site();
    let info = begin(&site, "False");
    let unsigned = info[1].split('?').next().unwrap();
    assert_eq!(put(unsigned, b"x").status, 403);
    assert_eq!(put(&info[1].replace("expires=1", "expires=0"), b"x").status, 403);
    assert_eq!(put(&info[1], b"x").status, 200);
}

#[test]
fn info_says_where_files_go() {
    for direct in [false, true] {
        let site = Sandbox::builder().direct_uploads(direct).start().unwrap();
        let body = json!({"method_name": "info", "params": []}).to_string();
        let reply = answer(
            agent()
                .post(format!("{}/api3/json", site.url()))
                .content_type("application/json")
                .send(&body),
        );
        let info: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(info["s3_direct_uploads_enabled"], direct);
        assert_eq!(info["s3_enabled_upload_types"]["*"] == "*", direct);
    }
}

#[test]
fn a_thumbnail_is_pending_then_made_and_cleared_with_its_filmstrip() {
    let site = Sandbox::builder().thumbnail_delay(Duration::from_millis(200)).start().unwrap();
    let admin = Client::admin(&site);
    let version = version(&admin);
    let text = version.to_string();
    let script = site.script();
    let credentials = [("script_name", &*script.name), ("script_key", &*script.api_key)];
    for filmstrip in ["False", "True"] {
        let fields = [("entity_type", "Version"), ("entity_id", &*text), ("filmstrip", filmstrip)];
        let reply = multipart(
            &site,
            "/upload/publish_thumbnail",
            &credentials,
            &fields,
            "thumb_image",
            "a.txt",
            b"no image",
        );
        assert!(reply.starts_with("1:"), "{reply}");
    }
    let fields = json!(["image", "filmstrip_image"]);
    let pending = admin.get("Version", version, fields.clone());
    for field in ["image", "filmstrip_image"] {
        let url = pending[field].as_str().unwrap();
        assert_eq!(url, format!("{}/images/status/transient/thumbnail_pending.png", site.url()));
        assert!(get(url, &[]).body.starts_with(b"\x89PNG"));
    }
    let share = |shot: i64| {
        let entities = format!("Shot_{shot}");
        let source = format!("Version_{version}");
        form(
            &site,
            "/upload/share_thumbnail",
            &[("entities", &entities), ("source_entity", &source)],
        )
    };
    assert!(share(1).starts_with('2'));
    let mut made = Value::Null;
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        made = admin.get("Version", version, fields.clone());
        if !made.to_string().contains("transient") {
            break;
        }
    }
    let url = made["image"].as_str().unwrap();
    assert!(get(url, &[]).body.starts_with(b"\x89PNG"));
    assert_eq!(get(url.split('?').next().unwrap(), &[]).status, 403);
    assert!(share(1).starts_with("1:"));
    assert!(
        admin.get("Shot", 1, json!(["image"]))["image"]
            .as_str()
            .unwrap()
            .contains("/thumbnails/")
    );
    assert_eq!(
        admin.ids("Shot", json!([condition("image", "is_not", json!([null]))])).unwrap(),
        [1]
    );
    admin.update("Version", version, json!({"image": null})).unwrap();
    assert_eq!(
        admin.get("Version", version, fields),
        json!({"type": "Version", "id": version, "image": null, "filmstrip_image": null})
    );
    assert_eq!(share(2), "1:None\n");
}

#[test]
fn a_file_without_a_field_is_attached() {
    let site = site();
    let admin = Client::admin(&site);
    let attachment = id(&upload(
        &site,
        &[("entity_type", "Shot"), ("entity_id", "1"), ("tag_list", "a, b")],
        "a.txt",
        b"x",
    ));
    let found = admin.ids("Attachment", json!([is("attachment_links", link("Shot", 1))])).unwrap();
    assert_eq!(found, [attachment]);
    assert_eq!(
        admin.get("Attachment", attachment, json!(["tag_list"]))["tag_list"],
        json!(["a", "b"])
    );
}

#[test]
fn files_outlive_the_run() {
    let file = std::env::temp_dir().join(format!("shotgrid-files-{}.sqlite", std::process::id()));
    let start = || Sandbox::builder().data_file(&file).new_keys(true).start().unwrap();
    let site = start();
    let version = version(&Client::admin(&site));
    let attachment = id(&movie(&site, version, "a.mov", b"film"));
    drop(site);
    let site = start();
    assert_eq!(
        get(&format!("{}/file_serve/attachment/{attachment}", site.url()), &[]).body,
        b"film"
    );
    drop(site);
    for name in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{name}", file.display()));
    }
    std::fs::remove_dir_all(format!("{}.files", file.display())).unwrap();
}
