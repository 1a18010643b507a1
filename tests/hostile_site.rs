//! A site that means harm: replies without end, bombs, broken HTTP. Each case runs in a process of its own, whose memory is measured:
//! the host gets an error that says what was wrong, or a right answer where what came is right, in little memory and in time.

#![cfg(target_os = "linux")]
#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

#[path = "hostile/case.rs"]
mod case;
#[path = "hostile/cases.rs"]
mod cases;
#[path = "reliability/rows.rs"]
mod rows;
mod support;
#[path = "support/tools.rs"]
mod tools;

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use case::{Case, LIMIT, Work};
use shotgrid::ffi::*;
use support::fake_site::FakeSite;
use support::{c, good, maybe};
use tools::{Folder, memory_kib};

const CHILD: &str = "SHOTGRID_TEST_HOSTILE_SITE";
/// The time limit of a call.
const TIMEOUT_MS: u32 = 2_000;
/// What a process may take besides, for its threads and for what is made once.
const BASE_KIB: u64 = 6 * 1024;
/// No case takes longer, on a busy machine.
const LONGEST: Duration = Duration::from_secs(90);

#[test]
fn no_reply_harms_the_host() {
    let results: Mutex<Vec<Seen>> = Mutex::default();
    let waiting: Mutex<Vec<(usize, Case)>> = Mutex::new(cases::all().into_iter().enumerate().rev().collect());
    // Most of them wait, so several go at once.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((number, case)) = { waiting.lock().unwrap().pop() } {
                    let (row, wrong) = carry_out(&case);
                    results.lock().unwrap().push((number, row, wrong));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort();
    let table: Vec<_> = results.iter().map(|(_, row, _)| row.clone()).collect();
    let wrong: Vec<_> = results.into_iter().filter_map(|(_, _, wrong)| wrong).collect();
    rows::write(
        "50-hostile",
        "A hostile site",
        "What a site may send, what the host sees, and the most memory that the process takes for it, measured at its peak, as a multiple of \
         `sg_options_set_max_reply_bytes`, which here is `sg_options_set_max_download_bytes`, too. Every call ends within its time limit, none \
         crashes, and a file that a download was to replace is as it was.",
        &["The site sends", "The host sees", "Memory"],
        &table,
    );
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// The number of a case, its row of the table, and what was wrong.
type Seen = (usize, Vec<String>, Option<String>);

/// A row of the table, and what was wrong.
fn carry_out(case: &Case) -> (Vec<String>, Option<String>) {
    let site = FakeSite::bare(case.answer());
    let started = Instant::now();
    let (said, ended) = run(&site.url, case.name);
    let words: Vec<&str> = said
        .lines()
        .find_map(|line| line.strip_prefix("outcome "))
        .unwrap_or("none")
        .splitn(3, ' ')
        .collect();
    let kib: u64 = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
    let allowed = BASE_KIB + case.memory * LIMIT / 1024;
    println!("{:<60} {:<24} {:>7} KiB {:?}", case.name, words[0], kib, started.elapsed());
    let good = ended && words[0] == case.expected && kib <= allowed;
    let wrong = (!good).then(|| format!("{}: expected {} within {allowed} KiB: {said}", case.name, case.expected));
    let memory = match case.memory {
        0 => "next to none".to_owned(),
        times => format!("{times} × the limit"),
    };
    (vec![case.name.to_owned(), words[0].to_owned(), memory], wrong)
}

/// Runs a case in a child: what it printed, and whether it ended well.
fn run(url: &str, name: &str) -> (String, bool) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, format!("{url} {name}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ended = wait(&mut child);
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    (said, ended)
}

fn wait(child: &mut Child) -> bool {
    let end = Instant::now() + LONGEST;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// What the child does; nothing when it is not asked to.
#[test]
fn child() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let (url, name) = asked.split_once(' ').unwrap();
    let case = cases::all().into_iter().find(|case| case.name == name).unwrap();
    let mut client = null_mut();
    unsafe {
        let options = sg_options_new();
        good(sg_options_set_verify_on_connect(options, 0));
        good(sg_options_set_no_proxy(options, 1));
        good(sg_options_set_max_attempts(options, 1));
        good(sg_options_set_timeout_ms(options, TIMEOUT_MS));
        good(sg_options_set_max_reply_bytes(options, LIMIT));
        good(sg_options_set_max_download_bytes(options, LIMIT));
        good(sg_connect_script(
            c(url).as_ptr(),
            c("robot").as_ptr(),
            c("the-key").as_ptr(),
            options,
            &mut client,
        ));
        sg_options_free(options);
    }
    let before = memory_kib("VmRSS");
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let started = Instant::now();
    let outcome = make(client, &case);
    let more = memory_kib("VmHWM").saturating_sub(before);
    let took = started.elapsed();
    println!(
        "outcome {outcome} {more} in {took:?}: {}",
        maybe(sg_last_error()).unwrap_or_default()
    );
    // Nobody waits longer than the limit, and a busy machine's share.
    assert!(took < Duration::from_millis(u64::from(TIMEOUT_MS)) + case.more_time, "{took:?}");
    unsafe { sg_client_free(client) };
    good(sg_runtime_shutdown(20_000));
}

/// Makes the call of a case, looks at all of its result, and names what came of it.
fn make(client: *const sg_client, case: &Case) -> &'static str {
    let mut result = null_mut();
    let status = match &case.work {
        Work::Raw | Work::Checked(_) => unsafe { sg_call_raw(client, c("read").as_ptr(), null(), &mut result) },
        Work::Call(method, params) | Work::CallWithLittleRoom(method, params) => {
            let folder = Folder::new("hostile");
            let file = folder.file("file", "content");
            if matches!(case.work, Work::CallWithLittleRoom(..)) {
                limit_files(LIMIT / 2);
            }
            let params = params.replace("FILE", file.to_str().unwrap());
            let status = unsafe { sg_call(client, c(method).as_ptr(), c(&params).as_ptr(), &mut result) };
            assert_eq!(folder.names(), ["file"], "something is left beside the file");
            assert_eq!(std::fs::read(&file).unwrap(), b"content", "the file is another one");
            status
        }
    };
    if result.is_null() {
        return maybe(sg_status_name(status as i32)).unwrap();
    }
    let root = unsafe { sg_result_value(result) };
    if let Work::Checked(check) = &case.work {
        check(root);
    }
    walk(root);
    unsafe { sg_result_free(result) };
    "OK"
}

/// Lets this process write no larger files. The system tells it by a signal, which ends a process that does not expect it.
fn limit_files(bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
}

/// Visits values, many of them. All that a result can take is taken with the first.
fn walk(root: *const sg_value) {
    const MANY: usize = 20_000;
    let mut open = vec![root];
    for _ in 0..MANY {
        let Some(value) = open.pop() else { return };
        unsafe {
            let _ = (sg_value_string(value, null_mut()), sg_value_key(value, null_mut()));
            let _ = sg_value_at(value, 0);
            if !sg_value_next(value).is_null() {
                open.push(sg_value_next(value));
            }
            if !sg_value_first(value).is_null() {
                open.push(sg_value_first(value));
            }
        }
    }
}
