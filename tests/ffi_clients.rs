//! Clients at work: many threads, any order of frees, what the site refuses.

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

/// A site that gives back what it was sent.
fn echo() -> Site {
    Site::new(|_, params| Answer::Results(params.to_string()))
}

#[test]
fn every_thread_gets_its_own_answers() {
    let site = echo();
    let shared = client(&site) as usize;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for call in 0..50 {
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
    assert_eq!(site.requests(), 8 * 50);
    unsafe { sg_client_free(shared as *mut sg_client) };
}

#[test]
fn every_thread_may_have_its_own_client_and_errors() {
    let site = Site::new(|method, _| Answer::Reply(format!(r#"{{"exception":true,"error_code":104,"message":"{method} is bad"}}"#)));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let site = &site;
            scope.spawn(move || {
                let client = client(site);
                for call in 0..20 {
                    let method = format!("m{thread}_{call}");
                    let status = unsafe { sg_call_raw(client, c(&method).as_ptr(), null(), &mut null_mut()) };
                    fails(status, status, &[&format!("{method} is bad")]);
                }
                unsafe { sg_client_free(client) };
            });
        }
    });
}

#[test]
fn a_result_outlives_its_client_in_any_order() {
    let site = echo();
    let client = client(&site);
    let results: Vec<_> = (0..4).map(|index| raw(client, "read", Some(&format!("[\"r{index}\"]")))).collect();
    let texts: Vec<_> = results
        .iter()
        .map(|result| unsafe { sg_value_string(sg_value_at(sg_result_value(*result), 0), null_mut()) })
        .collect();
    unsafe {
        sg_result_free(results[2]);
        sg_client_free(client);
        sg_result_free(results[0]);
        assert_eq!(read(texts[1]), "r1");
        assert_eq!(read(sg_result_json(results[3], null_mut())), "[\"r3\"]");
        sg_result_free(results[3]);
        sg_result_free(results[1]);
    }
}

#[test]
fn a_client_that_is_freed_during_a_call_still_answers() {
    let site = Site::new(|_, params| {
        std::thread::sleep(Duration::from_millis(300));
        Answer::Results(params.to_string())
    });
    let shared = client(&site) as usize;
    std::thread::scope(|scope| {
        let call = scope.spawn(move || {
            let result = raw(shared as *const sg_client, "read", Some("[1]"));
            assert_eq!(read(unsafe { sg_result_json(result, null_mut()) }), "[1]");
            unsafe { sg_result_free(result) };
        });
        let since = Instant::now();
        while site.requests() == 0 && since.elapsed() < LONG {
            std::thread::sleep(Duration::from_millis(5));
        }
        unsafe { sg_client_free(shared as *mut sg_client) };
        call.join().unwrap();
    });
}

#[test]
fn connecting_and_freeing_leaves_nothing_behind() {
    let site = echo();
    for round in 0..100 {
        let client = client(&site);
        if round % 3 == 0 {
            unsafe { sg_result_free(raw(client, "read", Some("{}"))) };
        }
        unsafe { sg_client_free(client) };
    }
}

#[test]
fn a_call_ends_with_its_time_limit() {
    let site = Site::new(|_, _| Answer::Stall);
    let (mut client, mut result) = (null_mut(), null_mut());
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_verify_on_connect(options, 0));
        good(sg_options_set_no_proxy(options, 1));
        good(sg_options_set_timeout_ms(options, 200));
        good(sg_connect_script(
            site.url().as_ptr(),
            c"n".as_ptr(),
            c"k".as_ptr(),
            options,
            &mut client,
        ));
        sg_options_free(options);
        let since = Instant::now();
        fails(
            sg_call_raw(client, c"create".as_ptr(), null(), &mut result),
            Status::TimeoutTotal,
            &[],
        );
        assert!(
            since.elapsed() >= Duration::from_millis(190) && since.elapsed() < LONG,
            "{:?}",
            since.elapsed()
        );
        let error = sg_error_take_last();
        assert_eq!(sg_error_may_have_applied(error), 1);
        sg_error_free(error);
        sg_client_free(client);
    }
}

#[test]
fn nobody_at_the_port_and_no_such_host_are_network_errors() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = sg_options_new();
    unsafe {
        good(sg_options_set_no_proxy(options, 1));
        good(sg_options_set_max_attempts(options, 1));
        let mut out = null_mut();
        let url = c(&format!("http://{gone}"));
        fails(
            sg_connect_script(url.as_ptr(), c"n".as_ptr(), c"k".as_ptr(), options, &mut out),
            Status::NetworkConnect,
            &[],
        );
        let status = sg_connect_user(
            c"https://no-such-host.invalid".as_ptr(),
            c"n".as_ptr(),
            c"k".as_ptr(),
            options,
            &mut out,
        );
        assert_eq!(Status::from_code(status.class()), Some(Status::Network), "{}", message());
        assert!(out.is_null());
        sg_options_free(options);
    }
}
