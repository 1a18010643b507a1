//! What a host may get wrong: NULL, text that is no UTF-8, handles that are none.

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

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

const BAD: Status = Status::InvalidArgument;
const NO_UTF8: &CStr = c"ab\xff";
const SITE: &CStr = c"http://127.0.0.1:9";

/// Something that `out` must not be afterwards.
fn stale<T>() -> *mut T {
    std::ptr::without_provenance_mut(0x1000)
}

/// The three ways to connect, as one function of the site, the credentials and out.
type Connect<'a> = &'a dyn Fn(*const c_char, [*const c_char; 2], *const sg_options, *mut *mut sg_client) -> Status;

const USER: Connect = &|site, [login, password], options, out| unsafe { sg_connect_user(site, login, password, options, out) };
const SCRIPT: Connect = &|site, [name, key], options, out| unsafe { sg_connect_script(site, name, key, options, out) };
const SESSION: Connect = &|site, [token, _], options, out| unsafe { sg_connect_session(site, token, options, out) };

#[test]
fn connecting_checks_every_argument() {
    let ways: [(Connect, [&str; 2]); 3] = [
        (USER, ["login", "password"]),
        (SCRIPT, ["script_name", "api_key"]),
        (SESSION, ["session_token", ""]),
    ];
    for (connect, names) in ways {
        let try_it = |site: *const c_char, credentials, options, parts: &[&str]| {
            let mut out = stale();
            fails(connect(site, credentials, options, &mut out), BAD, parts);
            assert!(out.is_null(), "out was not set on entry");
        };
        let given = [c"a".as_ptr(), c"b".as_ptr()];
        try_it(null(), given, null(), &["site_url is NULL"]);
        try_it(NO_UTF8.as_ptr(), given, null(), &["site_url is not UTF-8 (byte 2)"]);
        try_it(c"".as_ptr(), given, null(), &[]);
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let with = |text: *const c_char| {
                let mut credentials = given;
                credentials[index] = text;
                credentials
            };
            try_it(SITE.as_ptr(), with(null()), null(), &[name, "is NULL"]);
            try_it(SITE.as_ptr(), with(NO_UTF8.as_ptr()), null(), &[name, "is not UTF-8 (byte 2)"]);
            try_it(SITE.as_ptr(), with(c"".as_ptr()), null(), &[name, "empty"]);
        }
        fails(connect(SITE.as_ptr(), given, null(), null_mut()), BAD, &["out is NULL"]);
        let error = sg_error_take_last();
        try_it(SITE.as_ptr(), given, error.cast(), &["options is no live sg_options"]);
        unsafe { sg_error_free(error) };
    }
}

/// The two ways to call, each with and without a length.
type Call<'a> = &'a dyn Fn(*const sg_client, *const c_char, Option<&[u8]>, *mut *mut sg_result) -> Status;

const CALL: Call = &|client, method, params, out| unsafe { sg_call(client, method, pointer(params), out) };
const CALL_N: Call =
    &|client, method, params, out| unsafe { sg_call_n(client, method, pointer(params), params.map_or(0, <[u8]>::len), out) };
const RAW: Call = &|client, method, params, out| unsafe { sg_call_raw(client, method, pointer(params), out) };
const RAW_N: Call =
    &|client, method, params, out| unsafe { sg_call_raw_n(client, method, pointer(params), params.map_or(0, <[u8]>::len), out) };

fn pointer(text: Option<&[u8]>) -> *const c_char {
    text.map_or(null(), |text| text.as_ptr().cast())
}

#[test]
fn calling_checks_every_argument() {
    let site = Site::giving("[]");
    let client = client(&site);
    for (call, name, method) in [
        (CALL, "method", c"find"),
        (CALL_N, "method", c"find"),
        (RAW, "wire_method", c"read"),
        (RAW_N, "wire_method", c"read"),
    ] {
        let try_it = |client, method: *const c_char, params, parts: &[&str]| {
            let mut out = stale();
            fails(call(client, method, params, &mut out), BAD, parts);
            assert!(out.is_null(), "out was not set on entry");
        };
        try_it(null(), method.as_ptr(), None, &["client is NULL"]);
        try_it(client, null(), None, &[name, "is NULL"]);
        try_it(client, NO_UTF8.as_ptr(), None, &[name, "is not UTF-8 (byte 2)"]);
        try_it(client, c"".as_ptr(), None, &[]);
        try_it(
            client,
            method.as_ptr(),
            Some(b"{\"a\":\"\xff\"}\0"),
            &["params_json is not UTF-8 (byte 6)"],
        );
        try_it(client, method.as_ptr(), Some(b"{\"a\":\0"), &[]);
        fails(call(client, method.as_ptr(), None, null_mut()), BAD, &["out is NULL"]);
    }
    let mut out = stale();
    fails(
        unsafe { sg_call_n(client, c"find".as_ptr(), null(), 3, &mut out) },
        BAD,
        &["params_json is NULL", "3"],
    );
    fails(
        unsafe { sg_call_raw_n(client, c"read".as_ptr(), c"{}".as_ptr(), usize::MAX, &mut out) },
        BAD,
        &["params_json", "out of range"],
    );
    assert_eq!(site.requests(), 0, "something was sent");
    unsafe { sg_client_free(client) };
}

#[test]
fn a_length_ends_the_parameters() {
    let site = Site::new(|_, params| Answer::Results(params.to_string()));
    let client = client(&site);
    let text = b"{\"a\":1} and what is none of it";
    let mut result = null_mut();
    good(unsafe { sg_call_raw_n(client, c"x".as_ptr(), text.as_ptr().cast(), 7, &mut result) });
    assert_eq!(read(unsafe { sg_result_json(result, null_mut()) }), "{\"a\":1}");
    unsafe { sg_result_free(result) };
    good(unsafe { sg_call_raw_n(client, c"x".as_ptr(), null(), 0, &mut result) });
    assert_eq!(read(unsafe { sg_result_json(result, null_mut()) }), "null");
    unsafe {
        sg_result_free(result);
        sg_client_free(client);
    }
}

#[test]
fn setters_check_what_they_set() {
    type Text = unsafe extern "C" fn(*mut sg_options, *const c_char) -> Status;
    let texts: [(Text, &str); 6] = [
        (sg_options_set_user_agent_suffix, "suffix"),
        (sg_options_set_ca_file, "path"),
        (sg_options_set_proxy, "proxy"),
        (sg_options_set_sudo_as_login, "login"),
        (sg_options_set_auth_token, "token"),
        (sg_options_set_session_uuid, "uuid"),
    ];
    let options = sg_options_new();
    unsafe {
        for (set, name) in texts {
            fails(set(null_mut(), c"x".as_ptr()), BAD, &["options is NULL"]);
            fails(set(options, NO_UTF8.as_ptr()), BAD, &[name, "is not UTF-8 (byte 2)"]);
            fails(set(options, c"".as_ptr()), BAD, &[name, "is empty; give "]);
            good(set(options, c"host:1".as_ptr()));
            good(set(options, null()));
        }
        for set in [sg_options_set_timeout_ms, sg_options_set_connect_timeout_ms] {
            fails(set(null_mut(), 1), BAD, &["options is NULL"]);
            good(set(options, 0));
            good(set(options, u32::MAX));
        }
        fails(sg_options_set_max_attempts(null_mut(), 1), BAD, &["options is NULL"]);
        fails(sg_options_set_max_attempts(options, 0), BAD, &["attempts is 0"]);
        good(sg_options_set_max_attempts(options, 1));
        fails(sg_options_set_max_reply_bytes(null_mut(), 1), BAD, &["options is NULL"]);
        fails(sg_options_set_max_reply_bytes(options, 0), BAD, &["bytes is 0"]);
        good(sg_options_set_max_reply_bytes(options, u64::MAX));
        fails(sg_options_set_max_download_bytes(null_mut(), 1), BAD, &["options is NULL"]);
        good(sg_options_set_max_download_bytes(options, 1));
        good(sg_options_set_max_download_bytes(options, 0));
        for set in [
            sg_options_set_no_proxy,
            sg_options_set_allow_insecure_http,
            sg_options_set_verify_on_connect,
        ] {
            fails(set(null_mut(), 1), BAD, &["options is NULL"]);
            for on in [0, 1, -7] {
                good(set(options, on));
            }
        }
        sg_options_free(options);
    }
}

#[test]
fn options_are_copied_by_connecting() {
    let site = Site::giving("1");
    let (mut client, mut result) = (null_mut(), null_mut());
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_verify_on_connect(options, 0));
        good(sg_options_set_max_reply_bytes(options, 4));
        good(sg_connect_script(
            site.url().as_ptr(),
            c"name".as_ptr(),
            c"key".as_ptr(),
            options,
            &mut client,
        ));
        good(sg_options_set_max_reply_bytes(options, 1 << 20));
        fails(
            sg_call_raw(client, c"read".as_ptr(), null(), &mut result),
            Status::ProtocolTooLarge,
            &[],
        );
        sg_client_free(client);
        good(sg_connect_script(
            site.url().as_ptr(),
            c"name".as_ptr(),
            c"key".as_ptr(),
            options,
            &mut client,
        ));
        sg_options_free(options);
        sg_result_free(raw(client, "read", None));
        sg_client_free(client);
    }
}

#[test]
fn freeing_nothing_does_nothing() {
    unsafe {
        sg_options_free(null_mut());
        sg_client_free(null_mut());
        sg_result_free(null_mut());
        sg_error_free(null_mut());
    }
}

/// Best effort, as the header says: nothing was allocated in between.
#[test]
fn a_freed_handle_is_refused() {
    let site = Site::giving("{}");
    let (options, client) = (sg_options_new(), client(&site));
    let result = raw(client, "read", None);
    unsafe {
        sg_options_free(options);
        sg_options_free(options);
        fails(
            sg_options_set_timeout_ms(options, 1),
            BAD,
            &["options is no live sg_options (freed already"],
        );
        sg_result_free(result);
        sg_result_free(result);
        assert_eq!(sg_result_value(result), null());
        sg_client_free(client);
        sg_client_free(client);
        let mut out = stale();
        fails(
            sg_call(client, c"info".as_ptr(), null(), &mut out),
            BAD,
            &["client is no live sg_client (freed already"],
        );
        assert!(out.is_null());
        let error = sg_error_take_last();
        sg_error_free(error);
        sg_error_free(error);
        assert_eq!(sg_error_status(error), Status::Ok);
    }
}

/// Each in the place of each other one.
#[test]
fn a_handle_of_another_type_is_refused() {
    let site = Site::giving("{}");
    let (options, client) = (sg_options_new(), client(&site));
    let result = raw(client, "read", None);
    unsafe {
        fails(sg_call(client, null(), null(), &mut null_mut()), BAD, &[]);
        let error = sg_error_take_last();
        let cursor = sg_result_value(result);
        for wrong in [client.cast(), result.cast(), error.cast(), cursor.cast_mut().cast()] {
            let wrong: *mut sg_options = wrong;
            fails(sg_options_set_timeout_ms(wrong, 1), BAD, &["options is no live sg_options"]);
            sg_options_free(wrong);
        }
        for wrong in [options.cast(), result.cast(), error.cast(), cursor.cast_mut().cast()] {
            let wrong: *mut sg_client = wrong;
            fails(
                sg_call(wrong, c"info".as_ptr(), null(), &mut null_mut()),
                BAD,
                &["client is no live sg_client"],
            );
            sg_client_free(wrong);
        }
        for wrong in [options.cast(), client.cast(), error.cast(), cursor.cast_mut().cast()] {
            let wrong: *mut sg_result = wrong;
            assert_eq!(sg_result_json(wrong, null_mut()), null());
            assert_eq!(sg_result_value(wrong), null());
            sg_result_free(wrong);
        }
        for wrong in [options.cast(), client.cast(), result.cast(), cursor.cast_mut().cast()] {
            let wrong: *mut sg_error = wrong;
            assert_eq!(sg_error_status(wrong), Status::Ok);
            assert_eq!(read(sg_error_message(wrong)), "");
            sg_error_free(wrong);
        }
        for wrong in [options.cast::<sg_value>(), client.cast(), result.cast(), error.cast()] {
            assert_eq!(sg_value_get_type(wrong), sg_value_type::None);
            fails(sg_value_int64(wrong, &mut 0), BAD, &["value is no cursor"]);
        }
        let odd = client.byte_add(1);
        fails(
            sg_call(odd, c"info".as_ptr(), null(), &mut null_mut()),
            BAD,
            &["client is no live sg_client"],
        );
        // All of them still work.
        good(sg_options_set_timeout_ms(options, 1));
        assert_eq!(sg_error_status(error), BAD);
        assert_eq!(read(sg_result_json(result, null_mut())), "{}");
        sg_result_free(raw(client, "read", None));
        sg_error_free(error);
        sg_result_free(result);
        sg_client_free(client);
        sg_options_free(options);
    }
}

#[test]
fn texts_are_quoted_whole_or_not_at_all() {
    let quoted = |text: &CStr, capacity: usize| {
        let mut buffer = vec![b'x'; 64];
        let length = unsafe { sg_json_quote(text.as_ptr(), buffer.as_mut_ptr().cast(), capacity) };
        let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(0);
        (length, String::from_utf8(buffer[..end].to_vec()).unwrap())
    };
    assert_eq!(quoted(c"a\"b\\c\n\u{e9}", 64), (13, "\"a\\\"b\\\\c\\n\u{e9}\"".to_owned()));
    assert_eq!(quoted(c"abc", 6), (5, "\"abc\"".to_owned()));
    assert_eq!(quoted(c"abc", 5), (5, String::new()));
    assert_eq!(quoted(c"", 64), (2, "\"\"".to_owned()));
    assert_eq!(quoted(c"\xff", 64), (0, String::new()));
    unsafe {
        assert_eq!(sg_json_quote(c"abc".as_ptr(), null_mut(), 0), 5);
        let mut buffer = [b'x'; 8];
        assert_eq!(sg_json_quote(null(), buffer.as_mut_ptr().cast(), buffer.len()), 4);
        assert_eq!(&buffer[..5], b"null\0");
    }
}
