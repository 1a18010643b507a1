//! The error record: this thread's, and those that are taken.

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

use std::ffi::c_char;
use std::ptr::{null, null_mut};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

/// Leaves a failure behind.
fn fail() {
    fails(
        unsafe { sg_options_set_max_attempts(null_mut(), 1) },
        Status::InvalidArgument,
        &["options is NULL"],
    );
}

#[test]
fn a_success_clears_what_a_failure_left() {
    assert_eq!((message().as_str(), sg_last_error_status()), ("", Status::Ok));
    fail();
    let options = sg_options_new();
    assert_eq!(message(), "options is NULL", "what cannot fail leaves the record alone");
    let mut len = 0;
    unsafe {
        assert_eq!(sg_error_status(null()), Status::Ok);
        assert_eq!(sg_value_count(null()), 0);
        sg_result_json(null(), &mut len);
        sg_client_free(null_mut());
    }
    assert_eq!(message(), "options is NULL");
    assert_eq!(message(), "options is NULL", "reading it does not clear it");
    good(unsafe { sg_options_set_max_attempts(options, 1) });
    fail();
    fails(
        unsafe { sg_options_set_max_attempts(options, 0) },
        Status::InvalidArgument,
        &["attempts is 0"],
    );
    assert!(!message().contains("NULL"), "the last failure counts");
    unsafe { sg_options_free(options) };
}

#[test]
fn each_thread_has_its_own() {
    fail();
    std::thread::spawn(|| {
        assert_eq!(message(), "");
        fails(
            unsafe { sg_value_bool(null(), null_mut()) },
            Status::InvalidArgument,
            &["out is NULL"],
        );
    })
    .join()
    .unwrap();
    assert_eq!(message(), "options is NULL");
}

#[test]
fn a_taken_record_is_owned() {
    assert!(sg_error_take_last().is_null());
    fail();
    let error = sg_error_take_last();
    assert_eq!((message().as_str(), sg_last_error_status()), ("", Status::Ok), "it was taken");
    assert!(sg_error_take_last().is_null());
    good(succeed());
    let address = error as usize;
    std::thread::spawn(move || {
        let error = address as *mut sg_error;
        unsafe {
            assert_eq!(sg_error_status(error), Status::InvalidArgument);
            assert_eq!(read(sg_error_message(error)), "options is NULL");
            assert_eq!(maybe(sg_error_server_message(error)), None);
            assert_eq!(sg_error_server_code(error), 0);
            assert_eq!(sg_error_http_status(error), 0);
            assert_eq!(sg_error_is_retryable(error), 0);
            assert_eq!(sg_error_retry_after_ms(error), -1);
            assert_eq!(sg_error_may_have_applied(error), 0);
            assert_eq!(sg_error_batch_index(error), -1);
            assert_eq!(sg_error_attachment_id(error), 0);
            assert_eq!(sg_error_entity_id(error), 0);
            assert_eq!(sg_error_rule_id(error), 0);
            for text in TEXTS {
                assert_eq!(maybe(text(error)), None);
            }
            sg_error_free(error);
        }
    })
    .join()
    .unwrap();
}

/// Something that succeeds.
fn succeed() -> Status {
    let options = sg_options_new();
    let status = unsafe { sg_options_set_no_proxy(options, 0) };
    unsafe { sg_options_free(options) };
    status
}

const TEXTS: [unsafe extern "C" fn(*const sg_error) -> *const c_char; 6] = [
    sg_error_server_message,
    sg_error_operation,
    sg_error_entity_type,
    sg_error_field,
    sg_error_role,
    sg_error_rule_text,
];

#[test]
fn nothing_has_nothing() {
    let error: *const sg_error = null();
    unsafe {
        assert_eq!(sg_error_status(error), Status::Ok);
        assert_eq!(read(sg_error_message(error)), "");
        assert_eq!(sg_error_server_code(error), 0);
        assert_eq!(sg_error_http_status(error), 0);
        assert_eq!(sg_error_is_retryable(error), 0);
        assert_eq!(sg_error_retry_after_ms(error), -1);
        assert_eq!(sg_error_may_have_applied(error), 0);
        assert_eq!(sg_error_batch_index(error), -1);
        assert_eq!(sg_error_attachment_id(error), 0);
        assert_eq!(sg_error_entity_id(error), 0);
        assert_eq!(sg_error_rule_id(error), 0);
        for text in TEXTS {
            assert_eq!(maybe(text(error)), None);
        }
    }
}

#[test]
fn a_copy_follows_the_rule_of_snprintf() {
    let copy = |capacity: usize| {
        let mut buffer = [b'#'; 64];
        let needed = unsafe { sg_last_error_copy(buffer.as_mut_ptr().cast(), capacity) };
        let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(0);
        assert!(buffer[capacity..].iter().all(|byte| *byte == b'#'), "wrote behind the buffer");
        (needed, String::from_utf8(buffer[..end].to_vec()).unwrap())
    };
    assert_eq!(copy(64), (0, String::new()));
    fail();
    let text = message();
    for capacity in 0..64_usize {
        let room = capacity.saturating_sub(1).min(text.len());
        assert_eq!(copy(capacity), (text.len(), text[..room].to_owned()), "{capacity}");
    }
    assert_eq!(unsafe { sg_last_error_copy(null_mut(), 0) }, text.len());
    assert_eq!(unsafe { sg_last_error_copy(null_mut(), 64) }, text.len());
    assert_eq!(message(), text, "copying does not clear it");
}

#[test]
fn a_cut_copy_is_still_utf8() {
    let site = Site::giving("[]");
    let client = client(&site);
    let method = c("Bücher漢🎬");
    fails(
        unsafe { sg_call(client, method.as_ptr(), null(), &mut null_mut()) },
        Status::InvalidArgument,
        &["Bücher漢🎬"],
    );
    unsafe { sg_client_free(client) };
    let text = message();
    for capacity in 1..text.len() + 8 {
        let mut buffer = vec![b'#'; capacity];
        assert_eq!(unsafe { sg_last_error_copy(buffer.as_mut_ptr().cast(), capacity) }, text.len());
        let end = buffer.iter().position(|byte| *byte == 0).unwrap();
        let copied = std::str::from_utf8(&buffer[..end]).unwrap();
        assert!(text.starts_with(copied));
        assert!(
            copied.len() + 4 >= (capacity - 1).min(text.len()),
            "{capacity}: more would fit than \"{copied}\""
        );
    }
}

#[test]
fn what_the_site_said_reaches_the_record() {
    let site = Site::new(|method, _| match method {
        "create" => Answer::Reply(r#"{"exception":true,"error_code":104,"message":"API create() CRUD ERROR #2: a\u0000b"}"#.to_owned()),
        "busy" => Answer::Http(503, "text/html", "<html>down</html>".to_owned()),
        _ => Answer::Drop,
    });
    let client = client(&site);
    let failed = |method: &str| {
        let mut out = null_mut();
        let status = unsafe { sg_call_raw(client, c(method).as_ptr(), null(), &mut out) };
        assert_ne!(status, Status::Ok);
        assert!(out.is_null());
        let error = sg_error_take_last();
        assert_eq!(unsafe { sg_error_status(error) }, status);
        error
    };
    unsafe {
        let error = failed("create");
        assert_eq!(
            maybe(sg_error_server_message(error)),
            Some("API create() CRUD ERROR #2: a\u{fffd}b")
        );
        assert_eq!(sg_error_server_code(error), 104);
        assert_eq!(sg_error_http_status(error), 200);
        assert_eq!(sg_error_may_have_applied(error), 0);
        sg_error_free(error);

        let error = failed("busy");
        assert_eq!(sg_error_status(error), Status::Unavailable);
        assert_eq!(sg_error_http_status(error), 503);
        // It may have been done, so doing it again could do it twice.
        assert_eq!((sg_error_may_have_applied(error), sg_error_is_retryable(error)), (1, 0));
        sg_error_free(error);

        let error = failed("update");
        assert_eq!(Status::from_code(sg_error_status(error).class()), Some(Status::Network));
        assert_eq!(sg_error_may_have_applied(error), 1, "the site had the request");
        sg_error_free(error);
        sg_client_free(client);
    }
}

#[test]
fn every_status_has_a_name_and_a_meaning() {
    for status in Status::ALL {
        assert_eq!(read(sg_status_name(status.code())), status.name());
        assert_eq!(read(sg_status_describe(status.code())), status.describe());
    }
    assert_eq!(read(sg_status_name(0x7f00 | Status::Auth.code())), "AUTH");
    for unknown in [0x5f, -1, i32::MAX, i32::MIN + 0x5f] {
        assert_eq!(read(sg_status_name(unknown)), "UNKNOWN", "{unknown}");
        assert!(!read(sg_status_describe(unknown)).is_empty());
    }
}
