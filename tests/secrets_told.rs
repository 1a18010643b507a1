//! No secret is told: not by an error, not by the log at any level, not by a recording, in none of the forms that a site may repeat it in.

#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

#[path = "reliability/rows.rs"]
mod rows;
mod support;

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shotgrid::client::{Credentials, Level, Options, Secret};
use shotgrid::ffi::*;
use support::fake_site::{Answer, FakeSite, INFO, Request};
use support::{c, good, maybe};

const KEY: &str = "K3y \"of\"/the+R0bot&é";
const PASSWORD: &str = "pässw0rd of ANNA\\%41";
const FACTOR: &str = "Second-Factor-123";
const TOKEN: &str = "ToKeN0fASession99";
const SIGNATURE: &str = "SiGn4tur3OfAnAddress";
const PROXY: &str = "pr0xyPassw0rd";
const ADDRESS: &str = "Addr3ssPassw0rd";

const SECRETS: [(&str, &str); 7] = [
    ("a script's key", KEY),
    ("a password", PASSWORD),
    ("a second factor", FACTOR),
    ("a session token", TOKEN),
    ("the signature of an address", SIGNATURE),
    ("a proxy's password", PROXY),
    ("a password in the site's address", ADDRESS),
];

/// The forms of a secret, by name.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_matches('"').to_owned();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let page = secret.replace('&', "&amp;").replace('"', "&quot;");
    vec![
        ("as it is", secret.to_owned()),
        ("in small letters", secret.to_lowercase()),
        ("escaped as in JSON", json.clone()),
        (
            "escaped twice",
            serde_json::Value::from(json).to_string().trim_matches('"').to_owned(),
        ),
        ("escaped as in an address", form.clone()),
        ("escaped so in small letters", form.to_lowercase()),
        ("escaped as in a web page", page),
        ("as Basic, in base64", STANDARD.encode(format!("joe:{secret}"))),
    ]
}

/// What a site says that repeats every secret that it was sent, in every form.
fn gossip(request: &Request, target: &str) -> String {
    let auth = match target.contains("/api3/json") {
        true => request.auth(),
        false => serde_json::Value::Null,
    };
    let given = |name: &str| {
        auth[name]
            .as_str()
            .map(str::to_owned)
            .or_else(|| request.field(name))
            .unwrap_or_default()
    };
    let named = ["script_key", "user_password", "auth_token", "session_token"].map(given);
    let in_heads = [
        (TOKEN, request.header("cookie").is_some()),
        (SIGNATURE, target.contains("signature=")),
        (PROXY, request.header("proxy-authorization").is_some()),
        (ADDRESS, request.header("authorization").is_some()),
    ];
    let in_heads = in_heads
        .into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(secret, _)| secret.to_owned());
    let secrets = named.into_iter().filter(|secret| !secret.is_empty()).chain(in_heads);
    let words: Vec<String> = secrets
        .flat_map(|secret| forms(&secret))
        .map(|(_, form)| format!("<<{form}>>"))
        .collect();
    words.join(" ")
}

type Told = Arc<Mutex<Vec<String>>>;

unsafe extern "C" fn listen(_: Level, target: *const c_char, message: *const c_char, told: *mut c_void) {
    let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    let told = unsafe { &*told.cast::<Mutex<Vec<String>>>() };
    told.lock().unwrap().push(format!("{}: {}", text(target), text(message)));
}

/// A way in which a site answers every call.
type Way = (&'static str, fn(&str) -> Answer);

const WAYS: [Way; 8] = [
    ("a fault", |words| fault(words)),
    ("a refusal", |words| {
        fault(&format!(
            "Entity of type {words} can not be accessed by this user. Rule: {words} -- PermissionRule 7: {words}"
        ))
    }),
    ("a status 500 with a text", |words| plain(500, words)),
    ("a status 400 with XML", |words| {
        plain(400, &format!("<Error><Message>{words}</Message></Error>"))
    }),
    ("a status 503, again and again", |words| plain(503, words)),
    ("a text of another kind", |words| {
        Answer::Http(
            200,
            vec![(
                "content-type",
                format!("text/html; {}", words.replace(|c: char| !(' '..'~').contains(&c), "?")),
            )],
            Vec::new(),
        )
    }),
    ("a form's refusal", |words| plain(200, &format!("0: {words}"))),
    ("a redirect", |words| {
        let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
        Answer::Http(302, vec![("location", format!("http://x.invalid/?{words}"))], Vec::new())
    }),
];

fn fault(message: &str) -> Answer {
    Answer::json(serde_json::json!({"exception": true, "message": message, "error_code": 104}).to_string())
}

fn plain(status: u16, text: &str) -> Answer {
    Answer::Http(status, vec![("content-type", "text/plain".into())], text.as_bytes().to_vec())
}

/// A site that lets everybody in, signs addresses, and gossips otherwise. It notes which secrets it repeated.
fn site(way: fn(&str) -> Answer, repeated: &Told) -> FakeSite {
    let repeated = Arc::clone(repeated);
    FakeSite::bare(move |request: &Request| {
        let host = request.header("host").unwrap_or_default();
        // A proxy is asked for the whole address.
        let target = request.target().replace(&format!("http://{host}"), "");
        let method = match target.as_str() {
            "POST /api3/json" => request.json()["method_name"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        match (method.as_str(), target.as_str()) {
            ("info", _) => Answer::json(INFO.replace(
                '}',
                r#","s3_direct_uploads_enabled":true,"s3_enabled_upload_types":{"Version":["film"]}}"#,
            )),
            ("get_session_token", _) if request.auth()["user_login"] != "nobody" => {
                Answer::json(format!(r#"{{"results":{{"session_id":"{TOKEN}"}}}}"#))
            }
            (_, "POST /upload/api_get_upload_link_info") => plain(
                200,
                &format!("1\nhttp://{host}/put?n=1&signature={SIGNATURE}\n2024\nAttachment\nID\n"),
            ),
            (_, "GET /file_serve/attachment/9") => Answer::Http(
                302,
                vec![("location", format!("http://{host}/get?signature={SIGNATURE}"))],
                Vec::new(),
            ),
            _ => {
                let words = gossip(request, &target);
                repeated.lock().unwrap().push(words.clone());
                way(&words)
            }
        }
    })
}

/// All that an error says.
fn said(error: *const sg_error) -> Vec<String> {
    let parts = unsafe {
        [
            sg_error_message(error),
            sg_error_server_message(error),
            sg_error_operation(error),
            sg_error_entity_type(error),
            sg_error_field(error),
            sg_error_role(error),
            sg_error_rule_text(error),
        ]
    };
    let mut texts: Vec<String> = parts.into_iter().filter_map(maybe).map(str::to_owned).collect();
    texts.extend(maybe(sg_last_error()).map(str::to_owned));
    texts
}

/// Signs in in every way at a site that gossips, makes calls of every kind, and gives all that was told.
fn provoke(way: fn(&str) -> Answer, told: &Told, repeated: &Told) {
    let site = site(way, repeated);
    let proxy = site.url.replace("http://", &format!("joe:{PROXY}@"));
    let address = site.url.replace("http://", &format!("http://joe:{ADDRESS}@"));
    let file = std::env::temp_dir().join(format!("libshotgrid-{}-told.txt", std::process::id()));
    std::fs::write(&file, "content").unwrap();
    let recording = file.with_extension(format!("{}.rec", address.rsplit(':').next().unwrap()));
    let upload = |field: &str| serde_json::json!(["Version", 1, file, field]).to_string();
    let calls = [
        ("find", r#"["Shot",[],["code"]]"#.to_owned()),
        ("update", r#"["Shot",1,{"code":"x"}]"#.to_owned()),
        ("upload", upload("film")),
        ("upload", upload("other")),
        ("download_attachment", "[9]".to_owned()),
        ("download_attachment", serde_json::json!([9, file]).to_string()),
        (
            "authenticate_human_user",
            serde_json::json!(["nobody", PASSWORD, FACTOR]).to_string(),
        ),
    ];
    let note = || {
        let error = sg_error_take_last();
        if !error.is_null() {
            told.lock().unwrap().extend(said(error));
            unsafe { sg_error_free(error) };
        }
    };
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_verify_on_connect(options, 0));
        good(sg_options_set_max_attempts(options, 2));
        good(sg_options_set_timeout_ms(options, 20_000));
        good(sg_options_set_record(options, c(recording.to_str().unwrap()).as_ptr()));
        let (address, nobody) = (c(&address), c("nobody"));
        let mut clients = [null_mut(); 3];
        good(sg_connect_script(
            address.as_ptr(),
            c("robot").as_ptr(),
            c(KEY).as_ptr(),
            options,
            &mut clients[0],
        ));
        good(sg_options_set_proxy(options, c(&proxy).as_ptr()));
        good(sg_options_set_allow_insecure_http(options, 1));
        good(sg_options_set_auth_token(options, c(FACTOR).as_ptr()));
        good(sg_connect_user(
            address.as_ptr(),
            c("anna").as_ptr(),
            c(PASSWORD).as_ptr(),
            options,
            &mut clients[1],
        ));
        let _ = sg_options_set_verify_on_connect(options, 1);
        let mut refused = null_mut();
        assert_ne!(
            sg_connect_user(address.as_ptr(), nobody.as_ptr(), c(PASSWORD).as_ptr(), options, &mut refused),
            shotgrid::client::Status::Ok
        );
        note();
        sg_options_free(options);
        for client in clients.into_iter().filter(|client| !client.is_null()) {
            for (method, params) in &calls {
                let mut result = null_mut();
                let _ = sg_call(client, c(method).as_ptr(), c(params).as_ptr(), &mut result);
                note();
                sg_result_free(result);
            }
            sg_client_free(client);
        }
    }
    let _ = std::fs::remove_file(&file);
    // What the tape holds is told as well: as it stands there, and as it reads.
    let mut told = told.lock().unwrap();
    for line in std::fs::read_to_string(&recording).unwrap().lines() {
        told.push(line.replace("secret-removed", "***"));
        texts_of(&serde_json::from_str(line).unwrap(), &mut told);
    }
    std::fs::remove_file(&recording).unwrap();
}

/// Every text in a value.
fn texts_of(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| texts_of(element, texts)),
        serde_json::Value::Object(members) => members.iter().for_each(|(name, member)| {
            texts.push(name.clone());
            texts_of(member, texts);
        }),
        _ => {}
    }
}

#[test]
fn no_error_no_message_of_the_log_and_no_recording_tells_a_secret() {
    let (told, repeated) = (Told::default(), Told::default());
    good(unsafe { sg_log_set(Some(listen), Level::Debug as i32, Arc::as_ptr(&told).cast_mut().cast(), None) });
    for (_, way) in WAYS {
        provoke(way, &told, &repeated);
    }
    good(sg_runtime_shutdown(20_000));
    good(unsafe { sg_log_set(None, 0, null_mut(), None) });
    let told = told.lock().unwrap().clone();
    assert!(
        told.iter().any(|text| text.starts_with("retry: ")),
        "the log told nothing of attempts"
    );
    assert!(
        told.iter().filter(|text| text.contains("<<***>>")).count() > 20,
        "no site repeated anything"
    );
    let repeated = repeated.lock().unwrap().join(" ");
    let mut table = Vec::new();
    for (name, secret) in SECRETS {
        assert!(repeated.contains(secret), "{name} was never repeated");
        for (form, text) in forms(secret) {
            let shown = told.iter().find(|told| told.contains(&text));
            assert!(shown.is_none(), "{name} {form}: {text} in {shown:?}");
            table.push(vec![name.to_owned(), form.to_owned(), "***".to_owned()]);
        }
    }
    let ways: Vec<&str> = WAYS.iter().map(|(name, _)| *name).collect();
    rows::write(
        "61-secrets-told",
        "Secrets that a site repeats",
        &format!(
            "A site repeats every secret in every form, by {}. The host looks at every text of every error, at the log at its highest level, and at a recording of it all.",
            ways.join(", ")
        ),
        &["Secret", "Repeated", "The host sees"],
        &table,
    );
}

#[test]
fn debug_shows_no_secret() {
    let options = Options {
        auth_token: Some(Secret::new(FACTOR)),
        proxy: Some(Secret::new(format!("joe:{PROXY}@proxy"))),
        ..Options::default()
    };
    let credentials = [
        Credentials::Script {
            name: "robot".into(),
            api_key: Secret::new(KEY),
        },
        Credentials::Person {
            login: "anna".into(),
            password: Secret::new(PASSWORD),
        },
        Credentials::Session { token: Secret::new(TOKEN) },
    ];
    let shown = format!("{options:?} {options:#?} {credentials:?} {} {}", credentials[0], credentials[2]);
    for (name, secret) in SECRETS {
        assert!(!shown.contains(secret), "{name} in {shown}");
    }
}
