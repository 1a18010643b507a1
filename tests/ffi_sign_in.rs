//! The C functions against local sites with every way to sign in: what a host is told of each refusal.

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
use shotgrid_sandbox::{Builder, Sandbox, SignInMethod, two_factor_code};
use support::*;

const READ: &str = r#"["Shot",[],["code"],null,null,3]"#;

fn site(builder: Builder) -> Sandbox {
    builder.start().unwrap()
}

/// Signs in with a login and password, and a code if there is one.
fn sign_in(site: &Sandbox, login: &str, password: &str, code: Option<&str>) -> (Status, *mut sg_client) {
    let mut client = null_mut();
    let status = unsafe {
        let options = sg_options_new();
        if let Some(code) = code {
            good(sg_options_set_auth_token(options, c(code).as_ptr()));
        }
        let status = sg_connect_user(
            c(site.url()).as_ptr(),
            c(login).as_ptr(),
            c(password).as_ptr(),
            options,
            &mut client,
        );
        sg_options_free(options);
        status
    };
    assert_eq!(client.is_null(), status != Status::Ok);
    (status, client)
}

fn artist(site: &Sandbox, code: Option<&str>) -> (Status, *mut sg_client) {
    let artist = site.person("artist").unwrap();
    sign_in(site, &artist.login, &artist.password, code)
}

fn script(site: &Sandbox) -> *mut sg_client {
    let mut client = null_mut();
    let (name, key) = (c(&site.script().name), c(&site.script().api_key));
    good(unsafe { sg_connect_script(c(site.url()).as_ptr(), name.as_ptr(), key.as_ptr(), null(), &mut client) });
    client
}

fn in_session(site: &Sandbox, token: &str) -> (Status, *mut sg_client) {
    let mut client = null_mut();
    let status = unsafe { sg_connect_session(c(site.url()).as_ptr(), c(token).as_ptr(), null(), &mut client) };
    (status, client)
}

/// What becomes of a call.
fn call(client: *const sg_client, method: &str, params: &str) -> Status {
    let mut result = null_mut();
    let status = unsafe { sg_call(client, c(method).as_ptr(), c(params).as_ptr(), &mut result) };
    unsafe { sg_result_free(result) };
    status
}

fn find(client: *const sg_client) -> Status {
    call(client, "find", READ)
}

/// The status and the number that the site gave; no secret is in what a person reads.
fn refused(status: Status, expected: Status, code: i64, secrets: &[&str]) {
    assert_eq!(status, expected, "{}", message());
    let error = sg_error_take_last();
    unsafe {
        assert_eq!(sg_error_server_code(error), code);
        assert_eq!(sg_error_is_retryable(error), 0);
        for secret in secrets {
            assert!(!read(sg_error_message(error)).contains(secret));
        }
        sg_error_free(error);
    }
}

fn free(client: *mut sg_client) {
    unsafe { sg_client_free(client) };
}

#[test]
fn a_second_factor_is_asked_for_and_used_up() {
    let site = site(Sandbox::builder().two_factor(true));
    let artist_person = site.person("artist").unwrap().clone();
    refused(artist(&site, None).0, Status::AuthTwoFactor, 106, &[&artist_person.password]);
    // Where the password is wrong, nobody is told about codes.
    refused(
        sign_in(&site, &artist_person.login, "wrong", None).0,
        Status::AuthCredentials,
        102,
        &["wrong"],
    );
    let code = two_factor_code(&artist_person.totp_secret).unwrap();
    let (status, client) = artist(&site, Some(&code));
    good(status);
    // The session goes on without it, also on other connections.
    good(find(client));
    good(find(client));
    refused(artist(&site, Some(&code)).0, Status::AuthTwoFactor, 106, &[&code]);
    // Proving who somebody is takes a code, too.
    let admin = script(&site);
    let manager = site.person("manager").unwrap();
    let prove = |code: &str| {
        let params = format!(r#"["{}","{}","{code}"]"#, manager.login, manager.password);
        call(admin, "authenticate_human_user", &params)
    };
    refused(prove("000000x"), Status::AuthTwoFactor, 106, &["000000x"]);
    good(prove(&site.two_factor_code(&manager.login).unwrap()));
    free(admin);
    free(client);
}

#[test]
fn a_session_that_needed_a_code_is_not_renewed_without_one() {
    let site = site(Sandbox::builder().two_factor(true));
    let code = site.two_factor_code("artist").unwrap();
    let (status, client) = artist(&site, Some(&code));
    good(status);
    site.expire_sessions().unwrap();
    let status = find(client);
    assert_eq!(Status::from_code(status.class()), Some(Status::Auth));
    refused(status, Status::AuthSessionExpired, 106, &[&code]);
    free(client);
}

#[test]
fn a_site_with_single_sign_on_takes_sessions_only() {
    let site = site(Sandbox::builder().sign_in_method(SignInMethod::Saml));
    let person = site.person("artist").unwrap().clone();
    refused(artist(&site, None).0, Status::AuthSso, 108, &[&person.password]);
    let token = site.sign_in_by_browser(&person.login, &person.password, None).unwrap();
    let (status, client) = in_session(&site, &token);
    good(status);
    good(find(client));
    // The claims expire: calls and files alike send the person to sign on again, and nothing of it is retried.
    site.expire_claims().unwrap();
    let before = site.request_count();
    refused(find(client), Status::AuthSso, 0, &[&token]);
    assert_eq!(site.request_count(), before + 1);
    let share = r#"{"entities":[{"type":"Shot","id":1}],"source_entity":{"type":"Version","id":1}}"#;
    refused(call(client, "share_thumbnail", share), Status::AuthSso, 0, &[&token]);
    refused(in_session(&site, &token).0, Status::AuthSso, 0, &[&token]);
    // Once that is done, the same client goes on.
    site.sign_in_by_browser(&person.login, &person.password, None).unwrap();
    good(find(client));
    site.sign_out(&token).unwrap();
    refused(find(client), Status::AuthSessionExpired, 102, &[&token]);
    free(client);
    // A script needs no sign-on.
    let client = script(&site);
    good(find(client));
    free(client);
}

#[test]
fn a_site_with_autodesk_identity_takes_passphrases_of_access_tokens_only() {
    let site = site(Sandbox::builder().sign_in_method(SignInMethod::Identity));
    let person = site.person("artist").unwrap().clone();
    refused(artist(&site, None).0, Status::AuthIdentity, 110, &[&person.password]);
    site.bind_personal_access_token(&person.login, "aki", "legacy-words").unwrap();
    refused(
        sign_in(&site, "aki", &person.password, None).0,
        Status::AuthCredentials,
        102,
        &[&person.password],
    );
    let (status, client) = sign_in(&site, "aki", "legacy-words", None);
    good(status);
    good(find(client));
    site.expire_sessions().unwrap();
    good(find(client));
    site.unbind_personal_access_token(&person.login).unwrap();
    site.expire_sessions().unwrap();
    let status = find(client);
    assert_eq!(Status::from_code(status.class()), Some(Status::Auth), "{}", message());
    free(client);
}

#[test]
fn making_people_active_is_a_matter_of_permission() {
    let site = site(Sandbox::builder().sign_in_method(SignInMethod::Identity));
    let client = script(&site);
    let create = r#"["HumanUser",{"login":"new","firstname":"New"}]"#;
    refused(call(client, "create", create), Status::Permission, 110, &[]);
    let batch = r#"[[{"request_type":"create","entity_type":"HumanUser","data":{"login":"new","firstname":"New"}}]]"#;
    let status = call(client, "batch", batch);
    assert_eq!(status, Status::Permission, "{}", message());
    let error = sg_error_take_last();
    unsafe {
        assert_eq!(sg_error_batch_index(error), 0);
        assert_eq!(sg_error_may_have_applied(error), 0);
        sg_error_free(error);
    }
    free(client);
}

#[test]
fn a_locked_account_is_refused_like_a_wrong_password_until_it_unlocks() {
    let site = site(Sandbox::builder().lock_after(2));
    let person = site.person("artist").unwrap().clone();
    for _ in 0..2 {
        refused(
            sign_in(&site, &person.login, "wrong", None).0,
            Status::AuthCredentials,
            102,
            &["wrong"],
        );
    }
    refused(artist(&site, None).0, Status::AuthCredentials, 102, &[&person.password]);
    // As when the time of the lock, five minutes, has passed.
    let admin = script(&site);
    good(call(
        admin,
        "update",
        &format!(r#"["HumanUser",{},{{"locked_until":"2001-01-01T00:00:00Z"}}]"#, artist_id(admin)),
    ));
    let (status, client) = artist(&site, None);
    good(status);
    free(client);
    free(admin);
}

/// The id of the artist's row.
fn artist_id(admin: *const sg_client) -> i64 {
    let mut result = null_mut();
    let params = c(r#"["HumanUser",[["login","is","artist"]]]"#);
    good(unsafe { sg_call(admin, c"find_one".as_ptr(), params.as_ptr(), &mut result) });
    let row: serde_json::Value = serde_json::from_str(read(unsafe { sg_result_json(result, null_mut()) })).unwrap();
    unsafe { sg_result_free(result) };
    row["id"].as_i64().unwrap()
}

#[test]
fn a_blocked_client_is_told_so_at_sign_in_and_later() {
    let site = site(Sandbox::builder());
    let (status, client) = artist(&site, None);
    good(status);
    site.set_block_api(true).unwrap();
    refused(find(client), Status::AuthBlocked, 0, &[]);
    let share = r#"{"entities":[{"type":"Shot","id":1}],"source_entity":{"type":"Version","id":1}}"#;
    refused(call(client, "share_thumbnail", share), Status::AuthBlocked, 0, &[]);
    refused(artist(&site, None).0, Status::AuthBlocked, 0, &[]);
    site.set_block_api(false).unwrap();
    good(find(client));
    free(client);
}

#[test]
fn sessions_end_with_what_they_rest_on() {
    let site = site(Sandbox::builder());
    let person = site.person("artist").unwrap().clone();
    let (status, client) = artist(&site, None);
    good(status);
    let admin = script(&site);
    let id = artist_id(admin);
    // Another password: the session is over, and the old password does not renew it.
    good(call(
        admin,
        "update",
        &format!(r#"["HumanUser",{id},{{"password_proxy":"fresh-and-new"}}]"#),
    ));
    let status = find(client);
    assert_eq!(Status::from_code(status.class()), Some(Status::Auth), "{}", message());
    free(client);
    let (status, client) = sign_in(&site, &person.login, "fresh-and-new", None);
    good(status);
    good(call(admin, "update", &format!(r#"["HumanUser",{id},{{"sg_status_list":"dis"}}]"#)));
    let status = find(client);
    assert_eq!(Status::from_code(status.class()), Some(Status::Auth), "{}", message());
    free(client);
    free(admin);
}
