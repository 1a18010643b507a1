//! The end of the library's threads, and what comes after. A process of its own: the runtime is everybody's.

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
use std::time::{Duration, Instant};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

const LIMIT: u32 = 20_000;

#[test]
fn the_end_of_the_threads() {
    before_anything_it_does_nothing();
    a_waiting_call_is_cancelled_and_old_clients_are_told();
    one_that_waits_for_its_turn_is_cancelled();
    threads_may_stop_start_and_call_at_once();
}

fn before_anything_it_does_nothing() {
    assert_eq!(own_threads(), 0);
    good(sg_runtime_shutdown(LIMIT));
    good(sg_runtime_shutdown(0));
    assert_eq!(own_threads(), 0, "it started something to end it");
}

/// The threads of this process that are the library's.
fn own_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("sg-io-"))
        .count()
}

fn a_waiting_call_is_cancelled_and_old_clients_are_told() {
    let site = Site::new(|method, params| match method {
        "stall" | "summarize" => Answer::Stall,
        _ => Answer::Results(params.to_string()),
    });
    let old = client(&site);
    let kept = raw(old, "read", Some("{\"a\":1}"));
    assert!(own_threads() >= 1);
    let shared = old as usize;
    std::thread::scope(|scope| {
        // A method that may write, and one that only reads.
        let waiting = [(c"stall", 1), (c"summarize", 0)].map(|(method, may_have_applied)| {
            scope.spawn(move || {
                let mut out = null_mut();
                let status = unsafe { sg_call_raw(shared as *const sg_client, method.as_ptr(), null(), &mut out) };
                fails(status, Status::Cancelled, &["shut down"]);
                assert!(out.is_null());
                let error = sg_error_take_last();
                assert_eq!(unsafe { sg_error_may_have_applied(error) }, may_have_applied, "{method:?}");
                unsafe { sg_error_free(error) };
            })
        });
        wait_until(|| site.requests() == 3);
        good(sg_runtime_shutdown(LIMIT));
        for waiting in waiting {
            waiting.join().unwrap();
        }
    });
    assert_eq!(own_threads(), 0);
    let mut out = std::ptr::without_provenance_mut(8);
    fails(
        unsafe { sg_call(old, c"info".as_ptr(), null(), &mut out) },
        Status::InvalidState,
        &["shut down", "connect again"],
    );
    assert!(out.is_null());
    good(sg_runtime_shutdown(LIMIT));
    let new = client(&site);
    unsafe {
        fails(sg_call(old, c"info".as_ptr(), null(), &mut out), Status::InvalidState, &[]);
        sg_result_free(raw(new, "read", None));
        sg_client_free(old);
        assert_eq!(read(sg_result_json(kept, null_mut())), "{\"a\":1}");
        assert_eq!(read(sg_value_key(sg_value_first(sg_result_value(kept)), null_mut())), "a");
        sg_result_free(raw(new, "read", None));
        good(sg_runtime_shutdown(0));
        sg_client_free(new);
        sg_result_free(kept);
    }
    wait_until(|| own_threads() == 0);
}

/// It waits on its own thread while another call has the only connection, and nothing of it was sent.
fn one_that_waits_for_its_turn_is_cancelled() {
    let site = Site::new(|method, params| match method {
        "stall" => Answer::Stall,
        _ => Answer::Results(params.to_string()),
    });
    let mut client = null_mut();
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_max_connections(options, 1));
        good(sg_options_set_verify_on_connect(options, 0));
        let url = site.url();
        good(sg_connect_script(url.as_ptr(), c"n".as_ptr(), c"k".as_ptr(), options, &mut client));
        sg_options_free(options);
    }
    let (shared, before) = (client as usize, site.requests());
    std::thread::scope(|scope| {
        let call = move |may_have_applied| {
            let mut out = null_mut();
            let status = unsafe { sg_call_raw(shared as *const sg_client, c"stall".as_ptr(), null(), &mut out) };
            fails(status, Status::Cancelled, &["shut down"]);
            let error = sg_error_take_last();
            assert_eq!(unsafe { sg_error_may_have_applied(error) }, may_have_applied);
            unsafe { sg_error_free(error) };
        };
        let first = scope.spawn(move || call(1));
        wait_until(|| site.requests() == before + 1);
        let second = scope.spawn(move || call(0));
        std::thread::sleep(Duration::from_millis(100));
        let started = Instant::now();
        good(sg_runtime_shutdown(LIMIT));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        first.join().unwrap();
        second.join().unwrap();
    });
    assert_eq!((site.requests(), own_threads()), (before + 1, 0));
    unsafe { sg_client_free(client) };
}

fn wait_until(reached: impl Fn() -> bool) {
    let since = Instant::now();
    while !reached() {
        assert!(since.elapsed() < LONG, "it did not come to that in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every call ends, with one of the answers that a shutdown may bring about.
fn threads_may_stop_start_and_call_at_once() {
    let site = Site::new(|_, params| Answer::Results(params.to_string()));
    let until = Instant::now() + Duration::from_millis(700);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let site = &site;
            scope.spawn(move || {
                while Instant::now() < until {
                    if thread == 0 {
                        good(sg_runtime_shutdown(LIMIT));
                        std::thread::sleep(Duration::from_millis(5));
                    } else if thread == 1 {
                        good(sg_runtime_shutdown(0));
                        std::thread::sleep(Duration::from_millis(3));
                    } else {
                        connect_and_call(site, thread);
                    }
                }
            });
        }
    });
    good(sg_runtime_shutdown(LIMIT));
}

fn connect_and_call(site: &Site, thread: usize) {
    let allowed = |status: Status| matches!(status, Status::Ok | Status::Cancelled | Status::InvalidState);
    let mut client = null_mut();
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_verify_on_connect(options, 0));
        let connected = sg_connect_script(site.url().as_ptr(), c"n".as_ptr(), c"k".as_ptr(), options, &mut client);
        sg_options_free(options);
        assert!(allowed(connected), "{}", message());
        assert_eq!(client.is_null(), connected != Status::Ok);
        for call in 0..10 {
            if client.is_null() {
                break;
            }
            let (sent, mut result) = (format!("[{thread},{call}]"), null_mut());
            let status = sg_call_raw(client, c"read".as_ptr(), c(&sent).as_ptr(), &mut result);
            assert!(allowed(status), "{}", message());
            assert_eq!(result.is_null(), status != Status::Ok);
            if status == Status::Ok {
                assert_eq!(read(sg_result_json(result, null_mut())), sent);
                sg_result_free(result);
            }
        }
        sg_client_free(client);
    }
}
