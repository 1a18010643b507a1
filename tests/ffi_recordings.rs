//! Recordings through C: who may give what, and eight threads that are answered by one.

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

use std::ffi::CStr;
use std::ptr::{null, null_mut};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

type Setter = unsafe extern "C" fn(*mut sg_options, *const std::ffi::c_char) -> Status;

/// Connects as a script of this name and key, with one setting.
fn connect(set: Setter, path: &CStr, url: &CStr, name: &CStr) -> (Status, *mut sg_client) {
    let mut client = null_mut();
    unsafe {
        let options = sg_options_new();
        good(set(options, path.as_ptr()));
        good(sg_options_set_no_proxy(options, 1));
        let status = sg_connect_script(url.as_ptr(), name.as_ptr(), name.as_ptr(), options, &mut client);
        sg_options_free(options);
        (status, client)
    }
}

#[test]
fn paths_are_texts_and_null_is_none() {
    for set in [sg_options_set_record as Setter, sg_options_set_replay] {
        unsafe {
            let options = sg_options_new();
            fails(set(null_mut(), c"x".as_ptr()), Status::InvalidArgument, &["options"]);
            fails(set(options, c"".as_ptr()), Status::InvalidArgument, &["path is empty"]);
            fails(set(options, c"\xff".as_ptr()), Status::InvalidArgument, &["path", "UTF-8"]);
            good(set(options, c"/no/such/folder/x.rec".as_ptr()));
            let mut client = null_mut();
            let status = sg_connect_script(c"http://127.0.0.1:1".as_ptr(), c"a".as_ptr(), c"b".as_ptr(), options, &mut client);
            fails(status, Status::Io, &["/no/such/folder/x.rec"]);
            assert!(client.is_null());
            good(set(options, null()));
            good(sg_options_set_verify_on_connect(options, 0));
            good(sg_connect_script(
                c"http://127.0.0.1:1".as_ptr(),
                c"a".as_ptr(),
                c"b".as_ptr(),
                options,
                &mut client,
            ));
            sg_client_free(client);
            sg_options_free(options);
        }
    }
}

#[test]
fn eight_threads_are_answered_by_a_recording() {
    let path = std::env::temp_dir().join(format!("libshotgrid-{}-threads.rec", std::process::id()));
    let path = c(path.to_str().unwrap());
    let site = Site::new(|method, params| match method {
        "info" => Answer::Reply(fake_site::INFO.to_owned()),
        _ => Answer::Results(params.to_string()),
    });
    let work = |client: *mut sg_client| {
        let shared = client as usize;
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for call in 0..10 {
                        let sent = format!("[{thread},{call}]");
                        let result = raw(shared as *const sg_client, "read", Some(&sent));
                        unsafe {
                            assert_eq!(read(sg_result_json(result, null_mut())), sent);
                            sg_result_free(result);
                        }
                    }
                });
            }
        });
        unsafe { sg_client_free(client) };
    };
    let (status, recorder) = connect(sg_options_set_record, &path, &site.url(), c"robot");
    good(status);
    work(recorder);
    drop(site);
    let (status, player) = connect(sg_options_set_replay, &path, c"", c"");
    good(status);
    let unknown = unsafe { sg_call_raw(player, c"write".as_ptr(), null(), &mut null_mut()) };
    fails(unknown, Status::RecordingNoMatch, &["holds no such request"]);
    work(player);
    std::fs::remove_file(path.to_str().unwrap()).unwrap();
}
