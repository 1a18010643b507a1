//! The event feed through the C functions, against the local site.

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

use serde_json::{Value, json};
use shotgrid::client::Status;
use shotgrid::ffi::*;
use shotgrid_sandbox::Sandbox;
use support::*;

fn script(site: &Sandbox, acting_for: Option<&str>) -> *mut sg_client {
    let mut client = null_mut();
    let (url, name, key) = (c(site.url()), c(&site.script().name), c(&site.script().api_key));
    unsafe {
        let options = sg_options_new();
        if let Some(login) = acting_for {
            good(sg_options_set_sudo_as_login(options, c(login).as_ptr()));
        }
        good(sg_connect_script(url.as_ptr(), name.as_ptr(), key.as_ptr(), options, &mut client));
        sg_options_free(options);
    }
    client
}

fn open(client: *const sg_client, options: &Value) -> *mut sg_events {
    let mut options = options.clone();
    options["poll_min_ms"] = json!(10);
    options["poll_max_ms"] = json!(50);
    let mut feed = null_mut();
    good(unsafe { sg_events_open(client, c(&options.to_string()).as_ptr(), &mut feed) });
    feed
}

fn taken(result: *mut sg_result) -> Value {
    let text = read(unsafe { sg_result_json(result, null_mut()) });
    let value = serde_json::from_str(text).unwrap();
    unsafe { sg_result_free(result) };
    value
}

fn next(feed: *const sg_events) -> Value {
    let mut events = null_mut();
    good(unsafe { sg_events_next(feed, 20_000, &mut events) });
    taken(events)
}

fn state(feed: *const sg_events) -> Value {
    let mut state = null_mut();
    good(unsafe { sg_events_state(feed, &mut state) });
    taken(state)
}

fn create(client: *const sg_client, code: &str) {
    let params = json!(["Shot", {"code": code, "project": {"type": "Project", "id": 1}}]).to_string();
    let mut result = null_mut();
    good(unsafe { sg_call(client, c"create".as_ptr(), c(&params).as_ptr(), &mut result) });
    unsafe { sg_result_free(result) };
}

#[test]
fn events_are_filtered_at_the_site_and_say_who_did_it() {
    let site = Sandbox::builder().start().unwrap();
    let (client, acting) = (script(&site, None), script(&site, Some("admin")));
    let new = json!({"projects": [1], "entity_types": ["Shot"], "event_types": ["Shotgun_Shot_New"]});
    let feed = open(client, &new);
    let codes = open(client, &json!({"attributes": ["code"], "entity_types": ["Shot"]}));
    create(client, "A");
    let events = next(feed);
    assert_eq!(
        (events.as_array().unwrap().len(), &events[0]["actor"]["kind"]),
        (1, &json!("script"))
    );
    assert_eq!(next(codes)[0]["attribute_name"], "code");
    create(acting, "B");
    let event = &next(feed)[0];
    assert_eq!(event["actor"]["kind"], "script_for_person");
    assert_eq!(event["actor"]["acting"]["type"], "ApiUser");
    assert_eq!(event["event_type"], "Shotgun_Shot_New");
    let mut none = null_mut();
    unsafe {
        fails(sg_events_next(feed, 100, &mut none), Status::TimeoutWait, &["no event"]);
        // It goes on without its client.
        sg_client_free(client);
        create(acting, "C");
        assert_eq!(next(feed)[0]["duplicate_possible"], false);
        sg_client_free(acting);
        sg_events_free(feed);
        sg_events_free(codes);
        sg_events_free(null_mut());
    }
}

#[test]
fn a_feed_resumes_from_its_state_and_operations_lose_nothing() {
    let site = Sandbox::builder().start().unwrap();
    let client = script(&site, None);
    let wanted = json!({"event_types": ["Shotgun_Shot_New"]});
    let feed = open(client, &wanted);
    let mut op = null_mut();
    let mut other = null_mut();
    unsafe {
        good(sg_events_submit_next(feed, &mut op));
        fails(sg_events_submit_next(feed, &mut other), Status::InvalidState, &["one at a time"]);
        fails(sg_events_next(feed, 0, &mut null_mut()), Status::InvalidState, &["one at a time"]);
        good(sg_op_cancel(op));
        let mut result = null_mut();
        fails(sg_op_take_result(op, &mut result), Status::Cancelled, &["cancelled"]);
        sg_op_free(op);
        create(client, "A");
        good(sg_events_submit_next(feed, &mut op));
        good(sg_op_wait(op, 20_000));
        let before = state(feed);
        good(sg_op_take_result(op, &mut result));
        let first = taken(result);
        assert_eq!(first.as_array().unwrap().len(), 1);
        sg_op_free(op);
        fails(sg_events_next(feed, 0, &mut result), Status::TimeoutWait, &[]);
        let after = state(feed);
        sg_events_free(feed);

        let mut resumed = wanted.clone();
        resumed["state"] = before;
        let again = open(client, &resumed);
        let events = next(again);
        assert_eq!(
            (&events[0]["id"], &events[0]["duplicate_possible"]),
            (&first[0]["id"], &json!(true))
        );
        sg_events_free(again);
        resumed["state"] = after;
        let on = open(client, &resumed);
        fails(sg_events_next(on, 200, &mut result), Status::TimeoutWait, &[]);
        create(client, "B");
        assert_ne!(next(on)[0]["id"], first[0]["id"]);
        sg_events_free(on);
        sg_client_free(client);
    }
}

/// The work of a wait that is cancelled is dropped a moment later. That is nobody's matter.
#[test]
fn behind_a_wait_that_was_cancelled_another_one_begins_at_once() {
    let site = Sandbox::builder().start().unwrap();
    let client = script(&site, None);
    let feed = open(client, &json!({"event_types": ["Shotgun_Shot_New"]}));
    let (mut op, mut result) = (null_mut(), null_mut());
    unsafe {
        for round in 0..200 {
            good(sg_events_submit_next(feed, &mut op));
            good(sg_op_cancel(op));
            sg_op_free(op);
            if round % 2 == 0 {
                fails(sg_events_next(feed, 0, &mut result), Status::TimeoutWait, &[]);
            }
        }
        let before = state(feed);
        for _ in 0..50 {
            good(sg_events_submit_next(feed, &mut op));
            assert_eq!(state(feed), before);
            good(sg_op_cancel(op));
            assert_eq!(state(feed), before);
            sg_op_free(op);
        }
        create(client, "A");
        // Events that came to an operation which was cancelled come again, whoever had them.
        let mut given = 0;
        for _ in 0..100 {
            good(sg_events_submit_next(feed, &mut op));
            std::thread::sleep(std::time::Duration::from_millis(given));
            good(sg_op_cancel(op));
            given = 2;
            match sg_op_take_result(op, &mut result) {
                Status::Ok => break,
                status => assert_eq!(status, Status::Cancelled),
            }
            sg_op_free(op);
            op = null_mut();
        }
        let event = if op.is_null() { next(feed) } else { taken(result) };
        assert_eq!((event.as_array().unwrap().len(), &event[0]["entity"]["name"]), (1, &json!("A")));
        sg_op_free(op);
        sg_events_free(feed);
        sg_client_free(client);
    }
}

/// Whoever waits is told, and the feed goes on.
#[test]
fn a_cancel_of_the_clients_calls_ends_the_wait() {
    let site = Sandbox::builder().start().unwrap();
    let client = script(&site, None);
    let feed = open(client, &json!({"event_types": ["Shotgun_Shot_New"]}));
    let mut result = null_mut();
    unsafe {
        std::thread::scope(|scope| {
            let shared = feed as usize;
            let waits = scope.spawn(move || sg_events_next(shared as *const sg_events, -1, &mut null_mut()));
            std::thread::sleep(std::time::Duration::from_millis(200));
            good(sg_client_cancel_calls(client));
            assert_eq!(waits.join().unwrap(), Status::Cancelled);
        });
        // Whatever was under way then, who asks later is not told of it.
        for _ in 0..100 {
            fails(sg_events_next(feed, 0, &mut result), Status::TimeoutWait, &[]);
            good(sg_client_cancel_calls(client));
        }
        let mut op = null_mut();
        good(sg_events_submit_next(feed, &mut op));
        good(sg_client_cancel_calls(client));
        good(sg_op_wait(op, 20_000));
        fails(sg_op_take_result(op, &mut result), Status::Cancelled, &["calls were cancelled"]);
        sg_op_free(op);
        create(client, "A");
        assert_eq!(next(feed)[0]["entity"]["name"], json!("A"));
        sg_events_free(feed);
        sg_client_free(client);
    }
}

/// To ask for the state is no wait, and must not be in the way of one that begins.
#[test]
fn the_state_can_be_asked_for_while_another_thread_asks_for_events() {
    let site = Sandbox::builder().start().unwrap();
    let client = script(&site, None);
    let feed = open(client, &json!({"event_types": ["Shotgun_Shot_New"]}));
    let (shared, over) = (feed as usize, std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = Vec::new();
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                let mut state = null_mut();
                asked.push(unsafe { sg_events_state(shared as *const sg_events, &mut state) });
                unsafe { sg_result_free(state) };
            }
            asked
        });
        let waits: Vec<Status> = (0..3000)
            .map(|_| unsafe { sg_events_next(shared as *const sg_events, 0, &mut null_mut()) })
            .collect();
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        let count = |all: &[Status], good: Status| all.iter().filter(|status| **status != good).count();
        let asked = asking.join().unwrap();
        assert_eq!((count(&waits, Status::TimeoutWait), count(&asked, Status::Ok)), (0, 0));
    });
    unsafe {
        sg_events_free(feed);
        sg_client_free(client);
    }
}

#[test]
fn arguments_that_cannot_be_are_refused() {
    let site = Sandbox::builder().start().unwrap();
    let client = script(&site, None);
    let (mut feed, mut result, mut op) = (null_mut(), null_mut(), null_mut());
    unsafe {
        let mut refused = |options: &str, words: &str| {
            fails(
                sg_events_open(client, c(options).as_ptr(), &mut feed),
                Status::InvalidArgument,
                &[words],
            );
            assert!(feed.is_null());
        };
        refused(r#"{"entity_type": "Shot"}"#, "there are projects");
        refused(r#"{"state": {"shotgrid_events": 9}}"#, "version 9");
        refused(r#"{"state": "nonsense"}"#, "no state of a feed");
        fails(
            sg_events_open(null(), null(), &mut feed),
            Status::InvalidArgument,
            &["client is NULL"],
        );
        fails(
            sg_events_open(client, null(), null_mut()),
            Status::InvalidArgument,
            &["out is NULL"],
        );
        good(sg_events_open(client, null(), &mut feed));
        fails(sg_events_next(null(), 0, &mut result), Status::InvalidArgument, &["feed is NULL"]);
        fails(sg_events_next(feed, 0, null_mut()), Status::InvalidArgument, &["out is NULL"]);
        fails(sg_events_submit_next(null(), &mut op), Status::InvalidArgument, &["feed is NULL"]);
        fails(sg_events_submit_next(feed, null_mut()), Status::InvalidArgument, &["out is NULL"]);
        fails(sg_events_state(null(), &mut result), Status::InvalidArgument, &["feed is NULL"]);
        fails(sg_events_state(feed, null_mut()), Status::InvalidArgument, &["out is NULL"]);
        sg_events_free(feed);
        sg_client_free(client);
    }
}
