//! The C functions against the local site: signing in, being refused, many threads.

#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

mod support;

use std::ptr::{null, null_mut};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use shotgrid_sandbox::Sandbox;
use support::*;

fn sandbox() -> Sandbox {
    Sandbox::builder().start().unwrap()
}

/// The three ways in.
enum As<'a> {
    Person(&'a str, &'a str),
    Script(&'a str, &'a str),
    Session(&'a str),
}

/// Connects; gives the status, and the client or NULL.
fn connect(site: &Sandbox, who: &As<'_>, options: *const sg_options) -> (Status, *mut sg_client) {
    let (url, mut client) = (c(site.url()), std::ptr::without_provenance_mut(8));
    let status = unsafe {
        match who {
            As::Person(login, password) => sg_connect_user(url.as_ptr(), c(login).as_ptr(), c(password).as_ptr(), options, &mut client),
            As::Script(name, key) => sg_connect_script(url.as_ptr(), c(name).as_ptr(), c(key).as_ptr(), options, &mut client),
            As::Session(token) => sg_connect_session(url.as_ptr(), c(token).as_ptr(), options, &mut client),
        }
    };
    assert_eq!(client.is_null(), status != Status::Ok);
    (status, client)
}

fn script(site: &Sandbox) -> *mut sg_client {
    let (status, client) = connect(site, &As::Script(&site.script().name, &site.script().api_key), null());
    good(status);
    client
}

fn artist(site: &Sandbox) -> *mut sg_client {
    let artist = site.person("artist").unwrap();
    let (status, client) = connect(site, &As::Person(&artist.login, &artist.password), null());
    good(status);
    client
}

/// The answer to a call as text.
fn call(client: *const sg_client, method: &str, params: &str) -> String {
    let mut result = null_mut();
    let status = unsafe { sg_call(client, c(method).as_ptr(), c(params).as_ptr(), &mut result) };
    good(status);
    let text = read(unsafe { sg_result_json(result, null_mut()) }).to_owned();
    unsafe { sg_result_free(result) };
    text
}

#[test]
fn a_person_a_script_and_a_session_sign_in() {
    let site = sandbox();
    let (person, script) = (artist(&site), script(&site));
    let find = r#"{"entity_type":"Shot","filters":[],"fields":["code"],"limit":3}"#;
    assert_eq!(call(person, "find", find), call(script, "find", find));
    let token: String = serde_json::from_str(&call(person, "get_session_token", "{}")).unwrap();
    let (status, session) = connect(&site, &As::Session(&token), null());
    good(status);
    assert_eq!(call(session, "find", find), call(person, "find", find));
    unsafe {
        sg_client_free(session);
        sg_client_free(person);
        sg_client_free(script);
    }
}

#[test]
fn wrong_credentials_are_auth_at_sign_in() {
    let site = sandbox();
    let artist = site.person("artist").unwrap();
    let wrong = [
        As::Person(&artist.login, "not the password"),
        As::Person("nobody", &artist.password),
        As::Script(&site.script().name, "not the key"),
        As::Script("no such script", &site.script().api_key),
        As::Session("0123456789abcdef"),
    ];
    for who in wrong {
        let (status, _) = connect(&site, &who, null());
        assert_eq!(Status::from_code(status.class()), Some(Status::Auth), "{}", message());
        let error = sg_error_take_last();
        unsafe {
            assert_eq!(sg_error_status(error), status);
            assert_eq!(sg_error_is_retryable(error), 0);
            for secret in [artist.password.as_str(), &site.script().api_key, "not the"] {
                assert!(!read(sg_error_message(error)).contains(secret));
            }
            sg_error_free(error);
        }
    }
}

#[test]
fn a_refusal_tells_what_was_refused() {
    let site = sandbox();
    let client = artist(&site);
    let shot: serde_json::Value = serde_json::from_str(&call(client, "find_one", r#"["Shot",[]]"#)).unwrap();
    let params = format!(r#"["Shot",{},{{"sg_status_list":"fin"}}]"#, shot["id"]);
    let mut out = null_mut();
    unsafe {
        let status = sg_call(client, c"update".as_ptr(), c(&params).as_ptr(), &mut out);
        fails(status, Status::Permission, &[]);
        let error = sg_error_take_last();
        assert_eq!(read(sg_error_operation(error)), "update");
        assert_eq!(read(sg_error_entity_type(error)), "Shot");
        assert_eq!(sg_error_entity_id(error), shot["id"].as_i64().unwrap());
        assert_eq!(read(sg_error_role(error)), "Artist");
        assert!(maybe(sg_error_server_message(error)).is_some());
        assert_ne!(sg_error_rule_id(error), 0);
        assert!(maybe(sg_error_rule_text(error)).is_some());
        assert_eq!(sg_error_may_have_applied(error), 0);
        assert_eq!(sg_error_is_retryable(error), 0);
        sg_error_free(error);
        sg_client_free(client);
    }
}

#[test]
fn acting_for_a_person_is_an_option() {
    let site = sandbox();
    let artist = site.person("artist").unwrap();
    let key = As::Script(&site.script().name, &site.script().api_key);
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_sudo_as_login(options, c(&artist.login).as_ptr()));
        let (status, client) = connect(&site, &key, options);
        good(status);
        sg_client_free(client);
        good(sg_options_set_sudo_as_login(options, c"nobody".as_ptr()));
        let (status, _) = connect(&site, &key, options);
        fails(status, Status::AuthSudoTarget, &[]);
        sg_options_free(options);
    }
}

#[test]
fn one_client_serves_many_threads_with_the_right_rows() {
    let site = sandbox();
    let client = script(&site);
    let text = call(client, "find", r#"["Shot",[],["code"]]"#);
    let shots: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(shots.len() >= 8, "{} shots", shots.len());
    let (shared, shots) = (client as usize, &shots);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for round in 0..50 {
                    let shot = &shots[(thread * 7 + round) % shots.len()];
                    let params = format!(r#"["Shot",[["id","is",{}]],["code"]]"#, shot["id"]);
                    let answer = call(shared as *const sg_client, "find", &params);
                    assert_eq!(
                        serde_json::from_str::<serde_json::Value>(&answer).unwrap(),
                        serde_json::json!([shot])
                    );
                }
            });
        }
    });
    unsafe { sg_client_free(client) };
}

/// The site takes a mode that is not there for "set", which removes every other link.
#[test]
fn a_batch_whose_modes_are_wrong_removes_no_link() {
    let site = sandbox();
    let client = script(&site);
    let assets: Vec<serde_json::Value> = serde_json::from_str(&call(client, "find", r#"["Asset",[]]"#)).unwrap();
    let project = call(client, "find_one", r#"["Project",[]]"#);
    let links = |assets: &[serde_json::Value]| serde_json::to_string(assets).unwrap();
    let shot = format!(
        r#"["Shot",{{"code":"linked","project":{project},"assets":{}}}]"#,
        links(&assets[..2])
    );
    let shot: serde_json::Value = serde_json::from_str(&call(client, "create", &shot)).unwrap();
    let batch = |modes: &str| {
        format!(
            r#"[[{{"request_type":"update","entity_type":"Shot","entity_id":{},"data":{{"assets":{}}},{modes}}}]]"#,
            shot["id"],
            links(&assets[2..3])
        )
    };
    let linked = || {
        let found = call(client, "find_one", &format!(r#"["Shot",[["id","is",{}]],["assets"]]"#, shot["id"]));
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let ids = found["assets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|asset| asset["id"].as_i64().unwrap());
        ids.collect::<Vec<_>>()
    };
    let ids: Vec<_> = assets.iter().map(|asset| asset["id"].as_i64().unwrap()).collect();
    assert_eq!(linked(), ids[..2]);
    let mut out = null_mut();
    for modes in [
        r#""multi_entity_update_modes":"add""#,
        r#""multi_entity_update_modes":["add"]"#,
        r#""multi_entity_update_modes":7"#,
        r#""multi_entity_update_modes":true"#,
        r#""multi_entity_update_mode":"ad""#,
        r#""multi_entity_update_mode":7"#,
        r#""multi_entity_update_mode":{"assets":"add"}"#,
    ] {
        let status = unsafe { sg_call(client, c"batch".as_ptr(), c(&batch(modes)).as_ptr(), &mut out) };
        fails(status, Status::InvalidArgument, &["requests[0].multi_entity_update_mode"]);
        assert_eq!(linked(), ids[..2], "{modes}");
    }
    call(client, "batch", &batch(r#""multi_entity_update_modes":{"assets":"add"}"#));
    assert_eq!(linked(), ids[..3]);
    call(client, "batch", &batch(r#""multi_entity_update_mode":"remove""#));
    assert_eq!(linked(), ids[..2]);
    call(
        client,
        "batch",
        &batch(r#""multi_entity_update_modes":null,"multi_entity_update_mode":null"#),
    );
    assert_eq!(linked(), ids[2..3]);
    unsafe { sg_client_free(client) };
}

#[test]
fn what_cannot_be_understood_is_the_callers_mistake() {
    let site = sandbox();
    let client = script(&site);
    let mut out = null_mut();
    let mut refused = |method: &str, params: &str, parts: &[&str]| {
        let status = unsafe { sg_call(client, c(method).as_ptr(), c(params).as_ptr(), &mut out) };
        fails(status, Status::InvalidArgument, parts);
        assert!(out.is_null());
    };
    refused("fnid", "{}", &["fnid", "find"]);
    refused("find", r#"{"entity_typ":"Shot","filters":[]}"#, &["entity_typ", "entity_type"]);
    refused("find", "{", &[]);
    refused("find", "7", &[]);
    refused("find", "{}", &["entity_type"]);
    unsafe { sg_client_free(client) };
}
