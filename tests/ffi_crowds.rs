//! Many operations on one client: a bounded number of connections, and nobody is starved.

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

#[cfg(target_os = "linux")]
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::fake_site::{Answer, FakeSite, INFO, Request};
use support::*;

/// A client with so many connections.
fn client_with(site: &FakeSite, connections: u32, timeout_ms: u32) -> *mut sg_client {
    let mut client = null_mut();
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_max_connections(options, connections));
        good(sg_options_set_timeout_ms(options, timeout_ms));
        good(sg_options_set_max_attempts(options, 1));
        good(sg_options_set_verify_on_connect(options, 0));
        let url = c(&site.url);
        good(sg_connect_script(
            url.as_ptr(),
            c"tests".as_ptr(),
            c"key".as_ptr(),
            options,
            &mut client,
        ));
        sg_options_free(options);
    }
    client
}

fn submit(client: *const sg_client, method: &str, params: &str) -> *mut sg_op {
    let mut op = null_mut();
    good(unsafe { sg_submit(client, c(method).as_ptr(), c(params).as_ptr(), null(), &mut op) });
    op
}

/// The answer of an operation, once it has it.
fn answer(op: *mut sg_op) -> Value {
    unsafe {
        good(sg_op_wait(op, 60_000));
        let mut result = null_mut();
        good(sg_op_take_result(op, &mut result));
        let text = read(sg_result_json(result, null_mut()));
        let json = serde_json::from_str(text).unwrap();
        sg_result_free(result);
        sg_op_free(op);
        json
    }
}

fn page(request: &Request, more: bool) -> Answer {
    let id = &request.params()["filters"]["conditions"][0]["values"][0];
    let number = &request.params()["paging"]["current_page"];
    Answer::Json(format!(
        r#"{{"results":{{"entities":[{{"id":{id},"page":{number}}}],"paging_info":{{"has_next_page":{more}}}}}}}"#
    ))
}

#[test]
fn so_many_connections_and_no_more() {
    const CONNECTIONS: u32 = 8;
    let _others = ROOM.read().unwrap_or_else(PoisonError::into_inner);
    static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let site = FakeSite::bare(|request| {
        if request.wire_method() == "info" {
            return Answer::json(format!("{{\"results\":{INFO}}}"));
        }
        let now = UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
        page(request, false)
    });
    let shared = client_with(&site, CONNECTIONS, 60_000) as usize;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                let ops: Vec<_> = (0..32)
                    .map(|n| thread * 1000 + n)
                    .map(|id| {
                        (
                            id,
                            submit(shared as *const sg_client, "find", &format!(r#"["Shot", [["id","is",{id}]]]"#)),
                        )
                    })
                    .collect();
                for (id, op) in ops {
                    assert_eq!(answer(op)[0]["id"], id);
                }
            });
        }
    });
    let most = MOST.load(Ordering::SeqCst);
    assert!(most > 1 && most <= CONNECTIONS as usize, "{most}");
    // One may be opened in the moment in which another is being put back.
    assert!(site.connection_count() < 2 * CONNECTIONS as usize, "{}", site.connection_count());
    unsafe { sg_client_free(shared as *mut sg_client) };
}

/// Makes a call on this thread: what it came to, the message, and what the site answered.
fn called(client: usize, method: &str, params: &str) -> (Status, String, Value) {
    unsafe {
        let mut result = null_mut();
        let status = sg_call(client as *const sg_client, c(method).as_ptr(), c(params).as_ptr(), &mut result);
        if status != Status::Ok {
            assert!(result.is_null());
            return (status, read(sg_last_error()).to_owned(), Value::Null);
        }
        let json = serde_json::from_str(read(sg_result_json(result, null_mut()))).unwrap();
        sg_result_free(result);
        (status, String::new(), json)
    }
}

/// Held by each test, and alone by the one that looks at what the library's threads do.
static ROOM: RwLock<()> = RwLock::new(());

/// How often a thread has begun to wait so far: the library's own for the network, or this one.
#[cfg(target_os = "linux")]
fn waits(of_network: bool) -> u64 {
    const NETWORK: &str = "sg-io-1";
    let read = |task: &Path, file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
    let task = match of_network {
        false => PathBuf::from("/proc/thread-self"),
        true => {
            let mut tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
            tasks.find(|task| read(task, "comm").trim_end() == NETWORK).unwrap()
        }
    };
    let status = read(&task, "status");
    let count = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
        .unwrap();
    count.trim().parse().unwrap()
}

/// Not known elsewhere.
#[cfg(not(target_os = "linux"))]
fn waits(_: bool) -> u64 {
    0
}

#[test]
fn threads_that_call_wait_for_their_turn_where_they_are() {
    const CONNECTIONS: u32 = 2;
    const THREADS: u64 = 12;
    const CALLS: u64 = 20;
    let _alone = ROOM.write().unwrap_or_else(PoisonError::into_inner);
    static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(format!("{{\"results\":{INFO}}}")),
        "summarize" => Answer::Stall(Duration::from_secs(20)),
        _ => {
            let now = UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1;
            MOST.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
            page(request, false)
        }
    });
    let client = client_with(&site, CONNECTIONS, 2_000) as usize;
    let before = waits(true);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for id in (0..CALLS).map(|n| thread * 1000 + n) {
                    let (status, message, rows) = called(client, "find", &format!(r#"["Shot", [["id","is",{id}]]]"#));
                    assert_eq!((status, &rows[0]["id"]), (Status::Ok, &Value::from(id)), "{message}");
                }
            });
        }
    });
    assert_eq!(MOST.load(Ordering::SeqCst), CONNECTIONS as usize);
    // But for the connections, that was nobody's work but theirs.
    let waited = waits(true) - before;
    assert!(waited < THREADS * CALLS / 3, "the thread of the network waited {waited} times");
    // Where nobody comes to an end, the time limit does.
    let limits = sg_call_options {
        struct_size: size_of::<sg_call_options>() as u32,
        timeout_ms: 60_000,
        max_attempts: 0,
    };
    let blockers = [(); CONNECTIONS as usize].map(|()| {
        let mut op = null_mut();
        let (method, params) = (c("summarize"), c(r#"["Shot", [], []]"#));
        good(unsafe { sg_submit(client as *const sg_client, method.as_ptr(), params.as_ptr(), &limits, &mut op) });
        op
    });
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    let before = waits(false);
    let (status, message, _) = called(client, "create", r#"["Shot", {"code": "b"}]"#);
    let waited = started.elapsed();
    // It looks whether there was a shutdown, which nobody does who waits for another thread.
    let looks = waits(false) - before;
    assert!(looks > 10 || cfg!(not(target_os = "linux")), "{looks}");
    assert_eq!(status, Status::TimeoutTotal);
    assert!(message.contains("busy"), "{message}");
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(site.requests_of("create").len(), 0);
    unsafe {
        for blocker in blockers {
            sg_op_cancel(blocker);
            sg_op_free(blocker);
        }
        sg_client_free(client as *mut sg_client);
    }
}

#[test]
fn a_large_find_does_not_starve_small_calls() {
    const PAGES: u64 = 12;
    let _others = ROOM.read().unwrap_or_else(PoisonError::into_inner);
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(format!("{{\"results\":{INFO}}}")),
        _ if request.params()["type"] == "Version" => {
            let number = request.params()["paging"]["current_page"].as_u64().unwrap();
            Answer::Late(Duration::from_millis(500), Box::new(page(request, number < PAGES)))
        }
        _ => page(request, false),
    });
    let client = client_with(&site, 5, 60_000);
    let large = submit(client, "find", r#"["Version", [["id","is",1]]]"#);
    // Behind its first page; by then it has four under way.
    std::thread::sleep(Duration::from_millis(750));
    let small: Vec<_> = (0..20)
        .map(|id| submit(client, "find", &format!(r#"["Shot", [["id","is",{id}]]]"#)))
        .collect();
    for (id, op) in small.into_iter().enumerate() {
        assert_eq!(answer(op)[0]["id"], id);
    }
    assert_eq!(unsafe { sg_op_is_done(large) }, 0, "the small calls waited for the large find");
    assert_eq!(answer(large).as_array().unwrap().len() as u64, PAGES);
    unsafe { sg_client_free(client) };
}

#[test]
fn a_call_that_never_had_its_turn_was_not_applied() {
    let _others = ROOM.read().unwrap_or_else(PoisonError::into_inner);
    let site = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(format!("{{\"results\":{INFO}}}")),
        _ => Answer::Stall(Duration::from_secs(20)),
    });
    let client = client_with(&site, 1, 1_500);
    let first = submit(client, "find", r#"["Shot", []]"#);
    std::thread::sleep(Duration::from_millis(700));
    let second = submit(client, "create", r#"["Shot", {"code": "a"}]"#);
    unsafe {
        // It gets its turn when the first has run into its limit; what is left of its own is not enough.
        good(sg_op_wait(second, 60_000));
        let error = sg_op_error(second);
        assert_eq!(sg_error_status(error), Status::TimeoutTotal);
        sg_op_free(first);
        sg_op_free(second);
        // One that waits behind another for all of its time.
        let blocker = submit(client, "find", r#"["Shot", []]"#);
        std::thread::sleep(Duration::from_millis(100));
        let limits = sg_call_options {
            struct_size: size_of::<sg_call_options>() as u32,
            timeout_ms: 300,
            max_attempts: 0,
        };
        let mut waiting = null_mut();
        good(sg_submit(
            client,
            c"create".as_ptr(),
            c(r#"["Shot", {"code": "b"}]"#).as_ptr(),
            &limits,
            &mut waiting,
        ));
        good(sg_op_wait(waiting, 60_000));
        let error = sg_op_error(waiting);
        assert_eq!(sg_error_status(error), Status::TimeoutTotal);
        assert!(read(sg_error_message(error)).contains("busy"), "{}", read(sg_error_message(error)));
        assert_eq!(sg_error_may_have_applied(error), 0);
        assert_eq!(sg_error_is_retryable(error), 1);
        sg_op_free(waiting);
        sg_op_free(blocker);
        sg_client_free(client);
    }
    let creates: Vec<_> = site
        .requests_of("create")
        .iter()
        .map(|request| request.params()["fields"].to_string())
        .collect();
    assert!(creates.iter().all(|fields| !fields.contains("\"b\"")), "{creates:?}");
}
