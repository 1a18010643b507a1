//! Calls that a thread of the host's carries out by itself, from their beginning to their end, without the runtime.
//!
//! Whoever polls a call there lends it a way to wait for a connection, and it may wait for what other threads do ([`waited`]). A call that has
//! to wait for anything else is pending, and goes on on the runtime: so it does nothing else here than what it would do there.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::cancellation::Cancellation;

/// What a connection is waited for with.
pub trait Waiting: Send + Sync {
    /// Waits for a connection until there is something to read or, if that is wanted, room to write; or the time has come.
    fn wait(&self, connection: &TcpStream, to_write: bool, until: Option<Instant>) -> std::io::Result<Woken>;

    /// Whether the library was shut down.
    fn is_stopped(&self) -> bool;

    /// Takes note of a connection whose reads wait by themselves, so that a shutdown ends them. False where there was one already.
    fn watch(&self, connection: &Arc<TcpStream>) -> bool;

    /// Whether nothing has come on such a connection, not even its end, without waiting for it.
    fn is_quiet(&self, connection: &TcpStream) -> bool;

    /// What has come on a connection and was not read, without waiting for it.
    fn what_came(&self, connection: &TcpStream) -> Came;
}

/// What has come on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// So many bytes, which may be none.
    Bytes(usize),
    /// Its end, or what ended it, and nothing before that.
    End,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There is something to read, or the end.
    ToRead,
    /// There is room to write, and nothing to read.
    ToWrite,
    /// The time.
    TimeUp,
    /// The library was shut down, or the call cancelled: the work is to be dropped.
    Stopped,
}

/// How a call waits on a thread of the host's, and whether it is to end.
#[derive(Clone)]
pub(super) struct Here {
    with: Arc<dyn Waiting>,
    cancellation: Cancellation,
}

impl Here {
    /// As [`Waiting::wait`]. Whoever cancels the call ends its connection, and so the wait: that there is an end to read.
    pub(super) fn wait(&self, connection: &TcpStream, to_write: bool, until: Option<Instant>) -> std::io::Result<Woken> {
        if self.cancellation.is_requested() {
            return Ok(Woken::Stopped);
        }
        self.with.wait(connection, to_write, until)
    }

    /// Whether the call is to go no further: it was cancelled, or the library was shut down.
    pub(super) fn is_stopped(&self) -> bool {
        self.with.is_stopped() || self.cancellation.is_requested()
    }

    pub(super) fn watch(&self, connection: &Arc<TcpStream>) -> bool {
        self.with.watch(connection)
    }

    pub(super) fn is_quiet(&self, connection: &TcpStream) -> bool {
        self.with.is_quiet(connection)
    }

    pub(super) fn what_came(&self, connection: &TcpStream) -> Came {
        self.with.what_came(connection)
    }
}

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// Runs something that may wait for connections on this thread, as a part of a call that is to end when it is cancelled.
pub fn waiting<T>(with: Arc<dyn Waiting>, cancellation: Cancellation, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Here>);
    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            let _ = HERE.try_with(|here| here.replace(before));
        }
    }
    let _before = Before(HERE.try_with(|here| here.replace(Some(Here { with, cancellation }))).ok().flatten());
    work()
}

/// How to wait on this thread, where that may be done.
pub(super) fn current() -> Option<Here> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
}

/// Tells this thread from others that live.
pub(super) fn thread() -> usize {
    HERE.try_with(|here| std::ptr::from_ref(here).addr()).unwrap_or(0)
}

/// Whether this is such a call.
pub(super) fn is_here() -> bool {
    HERE.try_with(|here| here.borrow().is_some()).unwrap_or(false)
}

/// Leaves the host's thread, before several things are to go on at once, or a timer of the runtime's is set.
pub(super) async fn leave() {
    poll_fn(|_| if is_here() { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// What work comes to if it does on the host's thread. It is left where it does not; elsewhere it is not polled at all.
pub(super) async fn tried<F: Future>(mut work: Pin<&mut F>) -> Option<F::Output> {
    let polled = |context: &mut Context<'_>| match is_here() {
        true => work.as_mut().poll(context).map(Some),
        false => Poll::Ready(None),
    };
    poll_fn(polled).await
}

/// Waits on the host's thread for what other threads do, at the longest until then: `Some(None)` where that comes first. `None` elsewhere.
pub(super) async fn waited<F: Future>(mut work: Pin<&mut F>, until: Option<Instant>) -> Option<Option<F::Output>> {
    /// How long a shutdown or a cancel may go unnoticed.
    const LOOK: Duration = Duration::from_millis(20);
    let with = current()?;
    let nudge = Arc::new(Nudge::default());
    let waker = Waker::from(Arc::clone(&nudge));
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(Some(done));
        }
        while !nudge.wait(until.map_or(LOOK, |until| LOOK.min(until.saturating_duration_since(Instant::now())))) {
            if with.is_stopped() {
                // Nobody will poll this again.
                std::future::pending().await
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Some(None);
            }
        }
    }
}

/// What wakes a thread of the host's. It may be parked for reasons of its own, so that is left alone.
#[derive(Default)]
struct Nudge {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Nudge {
    /// Whether it was given within this time.
    fn wait(&self, longest: Duration) -> bool {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(given, longest, |given| !*given);
        let (mut given, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *given)
    }
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::sync::oneshot;

    use super::*;

    /// Waits for nothing but others; stopped or not.
    struct ForOthers(bool);

    impl Waiting for ForOthers {
        fn wait(&self, _: &TcpStream, _: bool, _: Option<Instant>) -> std::io::Result<Woken> {
            unreachable!()
        }

        fn is_stopped(&self) -> bool {
            self.0
        }

        fn watch(&self, _: &Arc<TcpStream>) -> bool {
            unreachable!()
        }

        fn is_quiet(&self, _: &TcpStream) -> bool {
            unreachable!()
        }

        fn what_came(&self, _: &TcpStream) -> Came {
            unreachable!()
        }
    }

    /// What the first poll of a wait comes to.
    fn polled<T>(stopped: bool, work: impl Future<Output = T>, until: Option<Instant>) -> Poll<Option<Option<T>>> {
        polled_in(Cancellation::default(), stopped, work, until)
    }

    /// The same in a call that may have been cancelled.
    fn polled_in<T>(
        cancellation: Cancellation,
        stopped: bool,
        work: impl Future<Output = T>,
        until: Option<Instant>,
    ) -> Poll<Option<Option<T>>> {
        let mut work = pin!(work);
        let mut waiting_for = pin!(waited(work.as_mut(), until));
        waiting(Arc::new(ForOthers(stopped)), cancellation, || {
            waiting_for.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
    }

    #[test]
    fn others_are_waited_for_until_they_are_done_or_the_time_has_come() {
        let (give, given) = oneshot::channel();
        let giving = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            give.send(7)
        });
        assert_eq!(polled(false, given, None), Poll::Ready(Some(Some(Ok(7)))));
        giving.join().unwrap().unwrap();
        assert_eq!(
            polled(false, std::future::ready(8), Some(Instant::now())),
            Poll::Ready(Some(Some(8)))
        );
        for soon in [0, 10, 50] {
            let (started, soon) = (Instant::now(), Duration::from_millis(soon));
            let never = std::future::pending::<()>();
            assert_eq!(polled(false, never, Some(started + soon)), Poll::Ready(Some(None)));
            assert!(started.elapsed() >= soon);
        }
        assert_eq!(polled(true, std::future::pending::<()>(), None), Poll::Pending);
        let cancelled = Cancellation::default();
        cancelled.request();
        assert_eq!(polled_in(cancelled, false, std::future::pending::<()>(), None), Poll::Pending);
    }

    #[test]
    fn elsewhere_nobody_is_waited_for() {
        let mut work = pin!(std::future::pending::<()>());
        let mut waiting_for = pin!(waited(work.as_mut(), None));
        let polled = waiting_for.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(None));
    }
}
