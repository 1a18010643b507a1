//! A find of any size, page by page, through the C functions.

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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

const SIZE: u64 = 10;

/// A site of `total` rows, in pages of ten; its third page fails where `broken`.
fn rows(total: u64, broken: bool) -> Site {
    Site::new(move |method, params| {
        if method == "info" {
            return Answer::Results(format!(r#"{{"version":[8,60,0],"api_max_entities_per_page":{SIZE}}}"#));
        }
        let page = params["paging"]["current_page"].as_u64().unwrap();
        if broken && page == 3 {
            return Answer::Reply(
                r#"{"exception":true,"error_code":104,"message":"Entity of type Shot can not be accessed by this user. Rule: Vendor"}"#
                    .to_owned(),
            );
        }
        let ids = (page - 1) * SIZE + 1..=(page * SIZE).min(total);
        let rows: Vec<String> = ids.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        let more = page * SIZE < total;
        Answer::Results(format!(
            r#"{{"entities":[{}],"paging_info":{{"has_next_page":{more}}}}}"#,
            rows.join(",")
        ))
    })
}

fn open(client: *const sg_client, params: &str) -> *mut sg_pages {
    let mut pages = null_mut();
    good(unsafe { sg_pages_open(client, c(params).as_ptr(), &mut pages) });
    assert!(!pages.is_null());
    pages
}

/// How many rows the next page has; `None` behind the last.
fn next(pages: *mut sg_pages) -> Option<usize> {
    let mut page = NonNull::dangling().as_ptr();
    good(unsafe { sg_pages_next(pages, &mut page) });
    if page.is_null() {
        return None;
    }
    let count = unsafe { sg_value_count(sg_result_value(page)) };
    unsafe { sg_result_free(page) };
    Some(count)
}

#[test]
fn pages_come_in_order_and_end() {
    let site = rows(25, false);
    let client = client(&site);
    let pages = open(client, r#"["Shot", []]"#);
    // What was begun goes on without the client.
    unsafe { sg_client_free(client) };
    assert_eq!(
        (next(pages), next(pages), next(pages), next(pages), next(pages)),
        (Some(10), Some(10), Some(5), None, None)
    );
    unsafe { sg_pages_free(pages) };
}

#[test]
fn pages_may_be_left_early() {
    let site = rows(10_000, false);
    let client = client(&site);
    let pages = open(client, r#"["Shot", []]"#);
    assert_eq!(next(pages), Some(10));
    unsafe {
        sg_pages_free(pages);
        sg_client_free(client);
    }
    assert!(site.requests() <= 6, "info and at most five pages: {}", site.requests());
}

#[test]
fn a_failure_ends_the_read() {
    let site = rows(100, true);
    let client = client(&site);
    let pages = open(client, r#"{"entity_type": "Shot", "filters": []}"#);
    assert_eq!((next(pages), next(pages)), (Some(10), Some(10)));
    let mut page = NonNull::dangling().as_ptr();
    fails(unsafe { sg_pages_next(pages, &mut page) }, Status::Permission, &["Vendor"]);
    assert!(page.is_null());
    fails(unsafe { sg_pages_next(pages, &mut page) }, Status::Permission, &["Vendor"]);
    unsafe {
        sg_pages_free(pages);
        sg_client_free(client);
    }
}

/// A page that is lost must not be missing between two others.
#[test]
fn a_cancel_of_the_clients_calls_ends_the_read() {
    let stuck = Arc::new(AtomicBool::new(true));
    let stalls = Arc::clone(&stuck);
    let site = Site::new(move |method, params| match params["paging"]["current_page"].as_u64() {
        Some(1) | None if method != "info" => Answer::Results(r#"{"entities":[{"id":1}],"paging_info":{"has_next_page":true}}"#.to_owned()),
        None => Answer::Results(r#"{"version":[8,60,0],"api_max_entities_per_page":1}"#.to_owned()),
        _ if stalls.load(Ordering::SeqCst) => Answer::Stall,
        _ => Answer::Results(r#"{"entities":[],"paging_info":{"has_next_page":false}}"#.to_owned()),
    });
    let client = client(&site);
    for by_operation in [false, true] {
        stuck.store(true, Ordering::SeqCst);
        let pages = open(client, r#"["Shot", []]"#);
        assert_eq!(next(pages), Some(1));
        unsafe {
            let mut page = NonNull::dangling().as_ptr();
            if by_operation {
                let mut op = null_mut();
                good(sg_pages_submit_next(pages, &mut op));
                good(sg_client_cancel_calls(client));
                good(sg_op_wait(op, LONG.as_millis() as i64));
                fails(sg_op_take_result(op, &mut page), Status::Cancelled, &["calls were cancelled"]);
                sg_op_free(op);
            } else {
                let shared = client as usize;
                let canceller = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(200));
                    sg_client_cancel_calls(shared as *const sg_client)
                });
                fails(sg_pages_next(pages, &mut page), Status::Cancelled, &["calls were cancelled"]);
                assert_eq!(canceller.join().unwrap(), Status::Ok);
            }
            stuck.store(false, Ordering::SeqCst);
            fails(sg_pages_next(pages, &mut page), Status::InvalidState, &["open the pages again"]);
            sg_pages_free(pages);
            let pages = open(client, r#"["Shot", []]"#);
            assert_eq!((next(pages), next(pages), next(pages)), (Some(1), Some(0), None));
            sg_pages_free(pages);
        }
    }
    unsafe { sg_client_free(client) };
}

/// Nobody waits for them, and no row is missing.
#[test]
fn a_cancel_between_two_pages_has_those_read_ahead_asked_for_again() {
    let stuck = Arc::new(AtomicBool::new(true));
    let stalls = Arc::clone(&stuck);
    let site = Site::new(move |method, params| match params["paging"]["current_page"].as_u64() {
        _ if method == "info" => Answer::Results(r#"{"version":[8,60,0],"api_max_entities_per_page":1}"#.to_owned()),
        Some(page @ 2..) if stalls.load(Ordering::SeqCst) && page != 3 => Answer::Stall,
        page => Answer::Results(format!(
            r#"{{"entities":[{{"id":{}}}],"paging_info":{{"has_next_page":{}}}}}"#,
            page.unwrap(),
            page < Some(7)
        )),
    });
    let client = client(&site);
    let pages = open(client, r#"["Shot", []]"#);
    assert_eq!(next(pages), Some(1));
    while site.requests() < 6 {
        std::thread::sleep(Duration::from_millis(5));
    }
    stuck.store(false, Ordering::SeqCst);
    good(unsafe { sg_client_cancel_calls(client) });
    let mut ids = Vec::new();
    loop {
        let mut page = null_mut();
        good(unsafe { sg_pages_next(pages, &mut page) });
        if page.is_null() {
            break;
        }
        let row = unsafe { sg_value_first(sg_result_value(page)) };
        let mut id = 0;
        good(unsafe { sg_value_int64(sg_value_get(row, c"id".as_ptr()), &mut id) });
        ids.push(id);
        unsafe { sg_result_free(page) };
    }
    assert_eq!(ids, [2, 3, 4, 5, 6, 7]);
    unsafe {
        sg_pages_free(pages);
        sg_client_free(client);
    }
}

#[test]
fn bad_arguments() {
    let site = rows(1, false);
    let client = client(&site);
    let mut pages = NonNull::dangling().as_ptr();
    unsafe {
        fails(
            sg_pages_open(null(), c"[]".as_ptr(), &mut pages),
            Status::InvalidArgument,
            &["client is NULL"],
        );
        assert!(pages.is_null());
        fails(
            sg_pages_open(client, null(), &mut pages),
            Status::InvalidArgument,
            &["params_json is NULL"],
        );
        fails(
            sg_pages_open(client, c"[]".as_ptr(), null_mut()),
            Status::InvalidArgument,
            &["out is NULL"],
        );
        fails(
            sg_pages_open(client, c"[\"Shot\"]".as_ptr(), &mut pages),
            Status::InvalidArgument,
            &["filters"],
        );
        let with_page = c(r#"{"entity_type":"Shot","filters":[],"page":1}"#);
        fails(
            sg_pages_open(client, with_page.as_ptr(), &mut pages),
            Status::InvalidArgument,
            &["\"page\""],
        );
        fails(
            sg_pages_next(null_mut(), &mut null_mut()),
            Status::InvalidArgument,
            &["pages is NULL"],
        );
        let open = open(client, r#"["Shot", []]"#);
        fails(sg_pages_next(open, null_mut()), Status::InvalidArgument, &["out is NULL"]);
        assert_eq!(next(open), Some(1), "a bad call takes no page");
        sg_pages_free(open);
        sg_pages_free(null_mut());
        sg_client_free(client);
    }
}
