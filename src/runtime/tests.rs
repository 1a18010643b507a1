//! The runtime without any network.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{Runtime, shutdown};
use crate::client::{Cancellation, Error, Result, Status, behind};

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
    who_waits_drives_with_sigpipe_blocked();
    what_need_not_wait_is_done_where_it_was_begun();
    what_is_left_behind_goes_on();
    who_drives_leaves_when_others_begin();
    who_is_unfit_does_not_drive();
    a_cancel_is_told_at_once();
    a_wait_has_a_limit();
    a_panic_ends_the_operation();
    waiting_on_an_own_thread_is_refused();
    a_shutdown_ends_what_runs();
    many_threads_start_and_stop_it();
}

fn work_is_done_on_masked_named_threads() {
    let before = blocked_signals("thread-self");
    let runtime = Runtime::acquire().unwrap();
    let operation = runtime.submit(stopped, async {
        let task = std::fs::read_link("/proc/thread-self").unwrap();
        let blocking = tokio::task::spawn_blocking(|| blocked_signals("thread-self")).await.unwrap();
        Ok((this_thread(), blocked_signals("thread-self"), blocking, task))
    });
    let operation = operation.unwrap();
    operation.wait(Some(LONG)).unwrap();
    let seen = operation.take().unwrap();
    assert_eq!(seen.0, "sg-io-1");
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
    assert_eq!(before, blocked_signals("thread-self"), "the caller's mask changed");
}

fn this_thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Lets the thread of the network leave its seat.
fn quiet(runtime: &Runtime) {
    // What an attempt before has left behind.
    std::thread::sleep(Duration::from_millis(3));
    let done = runtime.submit(stopped, async { Ok(()) }).unwrap();
    done.wait(Some(LONG)).unwrap();
    std::thread::sleep(Duration::from_millis(2));
}

/// Runs it until the calling thread drives, which it does not where the thread of the network was quicker.
fn driving<T: Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(work: impl Fn() -> W) -> T {
    let runtime = Runtime::acquire().unwrap();
    let here = std::thread::current().id();
    for _ in 0..1000 {
        quiet(&runtime);
        let work = work();
        let answer = runtime.run(stopped, async move { Ok((std::thread::current().id(), work.await?)) });
        let (thread, answer) = answer.unwrap();
        if thread == here {
            return answer;
        }
    }
    panic!("{here:?} never drove");
}

fn who_waits_drives_with_sigpipe_blocked() {
    let before = blocked_signals("thread-self");
    let inside = driving(|| async { Ok(blocked_signals("thread-self")) });
    assert_eq!(
        inside,
        before | (1 << (libc::SIGPIPE - 1)),
        "it has every signal but that one as ever"
    );
    assert_eq!(blocked_signals("thread-self"), before);
    // A panic of its own ends the call, one of another's nothing.
    let runtime = Runtime::acquire().unwrap();
    driving(|| async {
        tokio::spawn(async { panic!("on purpose") });
        tokio::task::yield_now().await;
        Ok(())
    });
    assert_eq!(
        status(runtime.run(stopped, async { panic!("on purpose") as Result<u8> })),
        Status::Internal
    );
    assert_eq!(blocked_signals("thread-self"), before);
}

/// And what must, goes on on the runtime from where it is.
fn what_need_not_wait_is_done_where_it_was_begun() {
    let runtime = Runtime::acquire().unwrap();
    let here = std::thread::current().id();
    let before = blocked_signals("thread-self");
    let inner = runtime.clone();
    let done = runtime.run_here(
        Cancellation::default(),
        stopped,
        Box::pin(async move {
            let reentrant = status(inner.run(stopped, for_ever()));
            Ok((std::thread::current().id(), blocked_signals("thread-self"), reentrant))
        }),
    );
    assert_eq!(done.unwrap(), (here, before, Status::InvalidStateReentrant));
    let gone_on = runtime.run_here(
        Cancellation::default(),
        stopped,
        Box::pin(async {
            let begun = std::thread::current().id();
            tokio::time::sleep(Duration::from_millis(1)).await;
            let left = tokio::task::spawn(async { 5 });
            Ok((begun, left.await.unwrap()))
        }),
    );
    assert_eq!(gone_on.unwrap(), (here, 5));
    let error = runtime
        .run_here(
            Cancellation::default(),
            stopped,
            Box::pin(async { panic!("on purpose") as Result<u8> }),
        )
        .unwrap_err();
    assert_eq!(error.status, Status::Internal);
    // A thread that is not fit for it has it done by the library's.
    let shallow = std::thread::Builder::new().stack_size(128 << 10);
    let elsewhere = shallow.spawn(move || {
        runtime.run_here(
            Cancellation::default(),
            stopped,
            Box::pin(async { Ok(std::thread::current().name().map(str::to_owned)) }),
        )
    });
    assert_eq!(elsewhere.unwrap().join().unwrap().unwrap().as_deref(), Some("sg-io-1"));
}

fn what_is_left_behind_goes_on() {
    // Kept by the call, and then by nobody: the one at once, the other when nobody has called for a while.
    for kept in [true, false] {
        // Of the attempt in which this thread drove.
        let last = RefCell::new(None);
        driving(|| {
            let (told, ended) = channel();
            last.replace(Some(ended));
            let later = async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let _ = told.send(this_thread());
            };
            async move {
                match kept {
                    true => drop(behind::spawn(later)),
                    false => drop(tokio::spawn(later)),
                }
                Ok(())
            }
        });
        assert_eq!(last.take().unwrap().recv_timeout(LONG).unwrap(), "sg-io-1");
    }
}

fn who_drives_leaves_when_others_begin() {
    let runtime = Runtime::acquire().unwrap();
    let (tell, told) = channel();
    let gate = Arc::new(Semaphore::new(0));
    std::thread::scope(|scope| {
        let driver = std::thread::Builder::new().name("driver".to_owned());
        let driver = driver.spawn_scoped(scope, || {
            driving(|| {
                let (tell, gate) = (tell.clone(), Arc::clone(&gate));
                async move {
                    tell.send(this_thread()).unwrap();
                    if this_thread() == "driver" {
                        gate.acquire().await.unwrap().forget();
                        tell.send(this_thread()).unwrap();
                    }
                    Ok(())
                }
            });
        });
        while told.recv_timeout(LONG).unwrap() != "driver" {}
        // By then the thread of the network waits for nothing but the end of a long turn.
        std::thread::sleep(Duration::from_millis(30));
        let other = runtime.submit(stopped, async {
            // The one who drives may run the beginning of it yet.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(this_thread())
        });
        let other = other.unwrap();
        other.wait(Some(LONG)).unwrap();
        assert_eq!(other.take().unwrap(), "sg-io-1", "others' work was kept by a thread of the host's");
        gate.add_permits(1);
        driver.unwrap().join().unwrap();
        let own = told.try_recv().unwrap();
        assert_eq!(own, "sg-io-1", "its own call was not handed over with the seat");
    });
}

fn who_is_unfit_does_not_drive() {
    let many = || {
        let runtime = Runtime::acquire().unwrap();
        for _ in 0..20 {
            quiet(&runtime);
            assert_eq!(runtime.run(stopped, async { Ok(this_thread()) }).unwrap(), "sg-io-1");
        }
    };
    let small = std::thread::Builder::new().stack_size(128 << 10).spawn(many);
    small.unwrap().join().unwrap();
    // A host in Rust that has a runtime of its own, the same one as this library's.
    let theirs = tokio::runtime::Builder::new_current_thread().build().unwrap();
    theirs.block_on(async move { many() });
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
