//! The runtime without any network.

use std::time::{Duration, Instant};

use super::{Runtime, shutdown};
use crate::client::{Error, Result, Status};

const LONG: Duration = Duration::from_secs(30);

fn stopped() -> Error {
    Error::new(Status::Cancelled, "stopped")
}

fn status<T>(outcome: Result<T>) -> Status {
    outcome.err().map_or(Status::Ok, |error| error.status)
}

async fn for_ever() -> Result<u8> {
    std::future::pending().await
}

/// One test: the runtime is one per process, and the test harness runs tests side by side.
#[test]
fn the_life_of_a_runtime() {
    work_is_done_on_masked_named_threads();
    a_cancel_is_told_at_once();
    a_wait_has_a_limit();
    a_panic_ends_the_operation();
    waiting_on_an_own_thread_is_refused();
    a_shutdown_ends_what_runs();
    many_threads_start_and_stop_it();
}

fn work_is_done_on_masked_named_threads() {
    let before = blocked_signals("self");
    let runtime = Runtime::acquire().unwrap();
    let seen = runtime
        .run(stopped, async {
            let task = std::fs::read_link("/proc/thread-self").unwrap();
            let blocking = tokio::task::spawn_blocking(|| blocked_signals("thread-self")).await.unwrap();
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            Ok((name, blocked_signals("thread-self"), blocking, task))
        })
        .unwrap();
    assert!(seen.0.starts_with("sg-io-"), "{}", seen.0);
    for mask in [seen.1, seen.2] {
        for signal in [
            libc::SIGPIPE,
            libc::SIGINT,
            libc::SIGTERM,
            libc::SIGCHLD,
            libc::SIGUSR1,
            libc::SIGALRM,
        ] {
            assert_ne!(mask & (1 << (signal - 1)), 0, "signal {signal} is open on {}", seen.3.display());
        }
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGABRT, libc::SIGPROF] {
            assert_eq!(mask & (1 << (signal - 1)), 0, "signal {signal} is blocked");
        }
    }
    assert_eq!(before, blocked_signals("self"), "the caller's mask changed");
}

fn blocked_signals(thread: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

fn a_cancel_is_told_at_once() {
    let operation = Runtime::acquire().unwrap().submit(stopped, for_ever()).unwrap();
    assert!(!operation.is_done());
    assert_eq!(status(operation.take()), Status::InvalidState);
    operation.cancel();
    operation.cancel();
    operation.wait(Some(LONG)).unwrap();
    // A failure is told each time, a result is taken once.
    assert_eq!(status(operation.take()), Status::Cancelled);
    assert_eq!(status(operation.take()), Status::Cancelled);
    let done = Runtime::acquire().unwrap().submit(stopped, async { Ok(7) }).unwrap();
    done.wait(Some(LONG)).unwrap();
    assert_eq!(done.take().unwrap(), 7);
    assert_eq!(status(done.take()), Status::InvalidState);
}

fn a_wait_has_a_limit() {
    let operation = Runtime::acquire().unwrap().submit(stopped, for_ever()).unwrap();
    assert_eq!(status(operation.wait(Some(Duration::from_millis(20)))), Status::TimeoutWait);
    assert_eq!(status(operation.wait(Some(Duration::ZERO))), Status::TimeoutWait);
    operation.cancel();
}

fn a_panic_ends_the_operation() {
    let runtime = Runtime::acquire().unwrap();
    let error = runtime.run(stopped, async { panic!("on purpose") as Result<u8> }).unwrap_err();
    assert_eq!(error.status, Status::Internal);
    assert!(
        error.message.contains("tests.rs:") && error.message.ends_with(": on purpose"),
        "{}",
        error.message
    );
    assert_eq!(runtime.run(stopped, async { Ok(3) }).unwrap(), 3, "the runtime goes on");
}

fn waiting_on_an_own_thread_is_refused() {
    let runtime = Runtime::acquire().unwrap();
    let inner = runtime.clone();
    let refused = runtime.run(stopped, async move {
        let started = inner.submit(stopped, for_ever())?;
        let answers = [
            status(inner.run(stopped, for_ever())),
            status(started.wait(None)),
            status(shutdown(LONG)),
        ];
        Runtime::acquire()?.submit(stopped, for_ever())?.cancel();
        started.cancel();
        Ok(answers)
    });
    assert_eq!(refused.unwrap(), [Status::InvalidStateReentrant; 3]);
}

fn a_shutdown_ends_what_runs() {
    let runtime = Runtime::acquire().unwrap();
    let waiting = runtime.submit(stopped, for_ever()).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            waiting.wait(Some(LONG)).unwrap();
            status(waiting.take())
        });
        shutdown(LONG).unwrap();
        assert_eq!(waiter.join().unwrap(), Status::Cancelled);
    });
    assert_eq!(status(runtime.submit(stopped, for_ever())), Status::InvalidState);
    runtime.release(vec![1]);
    shutdown(LONG).unwrap();
    assert_eq!(Runtime::acquire().unwrap().run(stopped, async { Ok(1) }).unwrap(), 1);
    shutdown(Duration::ZERO).unwrap();
}

fn many_threads_start_and_stop_it() {
    let until = Instant::now() + Duration::from_millis(300);
    std::thread::scope(|scope| {
        for index in 0..6 {
            scope.spawn(move || {
                while Instant::now() < until {
                    if index % 3 == 0 {
                        shutdown(if index == 0 { LONG } else { Duration::ZERO }).unwrap();
                        continue;
                    }
                    match Runtime::acquire().unwrap().run(stopped, async move { Ok(index) }) {
                        Ok(answer) => assert_eq!(answer, index),
                        Err(error) => assert!(matches!(error.status, Status::Cancelled | Status::InvalidState), "{error}"),
                    }
                }
            });
        }
    });
    shutdown(LONG).unwrap();
}
