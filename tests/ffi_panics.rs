//! A defect of the library becomes INTERNAL, and the host's terminal sees nothing of it.

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

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shotgrid::client::Status;
use shotgrid::ffi::*;
use support::*;

/// Runs one of the ignored tests below in a process of its own; gives what it wrote to its standard error.
fn standard_error_of(test: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > LONG {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_guarded_panic_is_an_error_and_silent() {
    assert_eq!(standard_error_of("guarded_panics"), "");
}

#[test]
#[ignore = "run by the test above"]
fn guarded_panics() {
    for round in 0..3 {
        fails(
            guard::status(|| panic!("defect {round}")),
            Status::Internal,
            &["ffi_panics.rs:", &format!(": defect {round}")],
        );
    }
    let error = sg_error_take_last();
    assert_eq!(unsafe { sg_error_status(error) }, Status::Internal);
    unsafe { sg_error_free(error) };
    assert_eq!(guard::getter(7, || if message().is_empty() { panic!("in a getter") } else { 8 }), 7);
    assert_eq!(sg_last_error_status(), Status::Internal);
    assert!(message().contains(": in a getter"));
    good(sg_runtime_shutdown(0));
    fails(
        guard::status(|| std::panic::panic_any(5)),
        Status::Internal,
        &["ffi_panics.rs:", "a panic without a message"],
    );
    // The payload's own destructor panics as well.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    fails(
        guard::status(|| std::panic::panic_any(Bomb)),
        Status::Internal,
        &["a panic without a message"],
    );
    std::thread::spawn(|| fails(guard::status(|| panic!("elsewhere")), Status::Internal, &["elsewhere"]))
        .join()
        .unwrap();
}

#[test]
fn the_hosts_own_panics_are_still_told() {
    let said = standard_error_of("a_panic_of_the_host");
    assert!(said.contains("the host's own") && !said.contains("the library's"), "{said}");
}

#[test]
#[ignore = "run by the test above"]
fn a_panic_of_the_host() {
    fails(guard::status(|| panic!("the library's")), Status::Internal, &["the library's"]);
    let host = std::panic::catch_unwind(|| panic!("the host's own"));
    assert!(host.is_err());
}

/// A task that panics on one of the library's threads.
#[test]
fn a_panic_on_a_thread_of_the_library_is_silent() {
    assert_eq!(standard_error_of("a_panic_on_an_own_thread"), "");
}

#[test]
#[ignore = "run by the test above"]
fn a_panic_on_an_own_thread() {
    use shotgrid::client::Error;
    use shotgrid::runtime::Runtime;
    let stopped = || Error::new(Status::Cancelled, "stopped");
    let runtime = Runtime::acquire().unwrap();
    let error = runtime
        .run(stopped, async { panic!("in a task") as Result<(), Error> })
        .unwrap_err();
    assert_eq!(error.status, Status::Internal);
    assert!(
        error.message.contains("ffi_panics.rs:") && error.message.ends_with(": in a task"),
        "{error}"
    );
    good(sg_runtime_shutdown(20_000));
}
