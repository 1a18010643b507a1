//! Calls that go on while the host does something else.

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

use std::ptr::{NonNull, null, null_mut};
use std::time::{Duration, Instant};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

const NO_OPTIONS: *const sg_call_options = null();

fn submit(client: *const sg_client, method: &str, params: &str, options: *const sg_call_options) -> *mut sg_op {
    let mut op = NonNull::dangling().as_ptr();
    good(unsafe { sg_submit(client, c(method).as_ptr(), c(params).as_ptr(), options, &mut op) });
    assert!(!op.is_null());
    op
}

fn limits(timeout_ms: u32, max_attempts: u32) -> sg_call_options {
    sg_call_options {
        struct_size: size_of::<sg_call_options>() as u32,
        timeout_ms,
        max_attempts,
    }
}

/// A site that answers `find`, stalls on `summarize`, and refuses to create.
fn site() -> Site {
    Site::new(|method, params| match method {
        "info" => Answer::Results(r#"{"version":[8,60,0]}"#.to_owned()),
        "summarize" => Answer::Stall,
        "create" if params["type"] == "Shot" => Answer::Stall,
        "create" => Answer::Reply(
            r#"{"exception":true,"error_code":104,"message":"Entity of type Asset cannot be created by this user."}"#.to_owned(),
        ),
        _ => Answer::Results(format!(
            r#"{{"entities":[{{"id":{}}}],"paging_info":{{"has_next_page":false}}}}"#,
            params["filters"]["conditions"][0]["values"][0]
        )),
    })
}

const STALLS: (&str, &str) = ("summarize", r#"["Shot", [], []]"#);

#[test]
fn many_operations_get_their_own_answers() {
    let site = site();
    let shared = client(&site) as usize;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                let client = shared as *const sg_client;
                let ops: Vec<_> = (0..32)
                    .map(|n| {
                        submit(
                            client,
                            "find",
                            &format!(r#"["Shot", [["id","is",{}]]]"#, thread * 100 + n),
                            NO_OPTIONS,
                        )
                    })
                    .collect();
                for (n, op) in ops.into_iter().enumerate() {
                    unsafe {
                        good(sg_op_wait(op, 20_000));
                        assert_eq!(sg_op_is_done(op), 1);
                        assert!(sg_op_error(op).is_null());
                        let mut result = null_mut();
                        good(sg_op_take_result(op, &mut result));
                        assert_eq!(
                            read(sg_result_json(result, null_mut())),
                            format!(r#"[{{"id":{}}}]"#, thread * 100 + n)
                        );
                        sg_result_free(result);
                        fails(sg_op_take_result(op, &mut result), Status::InvalidState, &["taken already"]);
                        sg_op_free(op);
                    }
                }
            });
        }
    });
    unsafe { sg_client_free(shared as *mut sg_client) };
}

#[test]
fn a_wait_ends_and_the_operation_goes_on() {
    let site = site();
    let client = client(&site);
    let op = submit(client, STALLS.0, STALLS.1, NO_OPTIONS);
    unsafe {
        fails(sg_op_wait(op, 0), Status::TimeoutWait, &["still runs"]);
        fails(sg_op_wait(op, 50), Status::TimeoutWait, &["still runs"]);
        assert_eq!(sg_op_is_done(op), 0);
        assert!(sg_op_error(op).is_null());
        let mut result = NonNull::dangling().as_ptr();
        fails(sg_op_take_result(op, &mut result), Status::InvalidState, &["still runs"]);
        assert!(result.is_null());
        good(sg_op_cancel(op));
        sg_op_free(op);
        sg_client_free(client);
    }
}

#[test]
fn a_cancel_is_told_at_once_and_says_whether_a_write_may_have_been_done() {
    let site = site();
    let client = client(&site);
    for (method, params, may_have_applied) in [(STALLS.0, STALLS.1, 0), ("create", r#"["Shot", {"code": "x"}]"#, 1)] {
        let op = submit(client, method, params, NO_OPTIONS) as usize;
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                let status = unsafe { sg_op_wait(op as *const sg_op, 20_000) };
                (status, Instant::now())
            });
            std::thread::sleep(Duration::from_millis(100));
            let cancelled = Instant::now();
            unsafe { good(sg_op_cancel(op as *const sg_op)) };
            let (status, told) = waiting.join().unwrap();
            assert_eq!(status, Status::Ok);
            assert!(told.saturating_duration_since(cancelled) < Duration::from_millis(100));
        });
        let op = op as *mut sg_op;
        unsafe {
            good(sg_op_cancel(op));
            for _ in 0..2 {
                fails(sg_op_take_result(op, &mut null_mut()), Status::Cancelled, &["cancelled"]);
            }
            let error = sg_op_error(op);
            assert_eq!(sg_error_status(error), Status::Cancelled);
            assert_eq!(sg_error_may_have_applied(error), may_have_applied, "{method}");
            sg_op_free(op);
        }
    }
    unsafe { sg_client_free(client) };
}

#[test]
fn a_failure_is_the_operations_own() {
    let site = site();
    let client = client(&site);
    let op = submit(client, "create", r#"["Asset", {"code": "x"}]"#, NO_OPTIONS);
    // What was begun goes on without the client.
    unsafe {
        sg_client_free(client);
        good(sg_op_wait(op, -1));
        assert_eq!(message(), "", "waiting went well");
        let error = sg_op_error(op);
        assert_eq!(sg_error_status(error), Status::Permission);
        assert_eq!(read(sg_error_entity_type(error)), "Asset");
        assert_eq!(error, sg_op_error(op), "it is one record");
        sg_op_free(op);
    }
}

#[test]
fn limits_of_one_call() {
    let site = site();
    let client = client(&site);
    let short = limits(200, 1);
    let op = submit(client, STALLS.0, STALLS.1, &short);
    unsafe {
        good(sg_op_wait(op, 5_000));
        fails(sg_op_take_result(op, &mut null_mut()), Status::TimeoutTotal, &[]);
        sg_op_free(op);
        sg_client_free(client);
    }
}

#[test]
fn bad_arguments() {
    let site = site();
    let client = client(&site);
    let mut op = NonNull::dangling().as_ptr();
    unsafe {
        fails(
            sg_submit(null(), c"find".as_ptr(), null(), NO_OPTIONS, &mut op),
            Status::InvalidArgument,
            &["client is NULL"],
        );
        assert!(op.is_null());
        fails(
            sg_submit(client, null(), null(), NO_OPTIONS, &mut op),
            Status::InvalidArgument,
            &["method is NULL"],
        );
        fails(
            sg_submit(client, c"find".as_ptr(), null(), NO_OPTIONS, null_mut()),
            Status::InvalidArgument,
            &["out is NULL"],
        );
        let unset = sg_call_options {
            struct_size: 0,
            ..limits(0, 0)
        };
        fails(
            sg_submit(client, c"find".as_ptr(), null(), &unset, &mut op),
            Status::InvalidArgument,
            &["SG_CALL_OPTIONS_INIT"],
        );
        // A caller of a later version, with members that are set, and with members that are not.
        let mut later = [16_u32, 0, 0, 7];
        fails(
            sg_submit(client, c"find".as_ptr(), null(), later.as_ptr().cast(), &mut op),
            Status::Unsupported,
            &["later version"],
        );
        later[3] = 0;
        let op = submit(client, "find", r#"["Shot", []]"#, later.as_ptr().cast());
        good(sg_op_wait(op, 5_000));
        // A caller of an earlier version.
        let earlier = [4_u32, 0, 0, 0];
        let before = submit(client, "find", r#"["Shot", []]"#, earlier.as_ptr().cast());
        good(sg_op_wait(before, 5_000));
        let wrong = submit(client, "fnd", "", NO_OPTIONS);
        good(sg_op_wait(wrong, 5_000));
        fails(
            sg_op_take_result(wrong, &mut null_mut()),
            Status::InvalidArgument,
            &["did you mean"],
        );
        fails(sg_op_wait(null(), 0), Status::InvalidArgument, &["op is NULL"]);
        fails(sg_op_cancel(null()), Status::InvalidArgument, &["op is NULL"]);
        let (mut done, mut total) = (7_u64, 7_u64);
        fails(
            sg_op_progress(null(), &mut done, &mut total),
            Status::InvalidArgument,
            &["op is NULL"],
        );
        assert_eq!((done, total), (0, 0));
        good(sg_op_progress(op, null_mut(), null_mut()));
        assert_eq!(sg_op_is_done(null()), 0);
        assert!(sg_op_error(null()).is_null());
        for op in [op, before, wrong, null_mut()] {
            sg_op_free(op);
        }
        sg_client_free(client);
    }
}

#[test]
fn an_operation_may_be_left_alone() {
    let site = site();
    let client = client(&site);
    for _ in 0..50 {
        let op = submit(client, "find", r#"["Shot", []]"#, NO_OPTIONS);
        unsafe { sg_op_free(op) };
    }
    let start = Instant::now();
    while site.requests() < 51 && start.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(site.requests(), 51, "freeing an operation does not cancel it");
    unsafe { sg_client_free(client) };
}

#[test]
fn progress_of_an_upload() {
    let folder = std::env::temp_dir().join(format!("libshotgrid-{}-ops", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.mov");
    std::fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let site = fake_site::FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => fake_site::Answer::json(fake_site::INFO),
        _ => fake_site::Answer::Http(200, vec![], b"1:9".to_vec()),
    });
    let mut client = null_mut();
    unsafe {
        good(sg_connect_session(c(&site.url).as_ptr(), c"T".as_ptr(), unverified(), &mut client));
        let op = submit(client, "upload", &serde_json::json!(["Version", 5, file]).to_string(), NO_OPTIONS);
        good(sg_op_wait(op, 20_000));
        let (mut done, mut total) = (0, 0);
        good(sg_op_progress(op, &mut done, &mut total));
        assert_eq!((done, total), (300_000, 300_000));
        let mut result = null_mut();
        good(sg_op_take_result(op, &mut result));
        assert_eq!(read(sg_result_json(result, null_mut())), "9");
        sg_result_free(result);
        sg_op_free(op);
        sg_client_free(client);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Options that send nothing while connecting; never freed, as a test may.
fn unverified() -> *const sg_options {
    let options = sg_options_new();
    unsafe { good(sg_options_set_verify_on_connect(options, 0)) };
    options
}
