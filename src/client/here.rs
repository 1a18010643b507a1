//! Calls that a thread of the host's carries out by itself, from their beginning to their end, without the runtime.
//!
//! Whoever polls a call there lends it a way to wait for a connection. A call that has to wait for anything else is pending, and goes on
//! on the runtime: so it does nothing else here than what it would do there.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

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
    /// The library was shut down: the work is to be dropped.
    Stopped,
}

thread_local! {
    static HERE: RefCell<Option<Arc<dyn Waiting>>> = const { RefCell::new(None) };
}

/// Runs something that may wait for connections on this thread.
pub fn waiting<T>(with: Arc<dyn Waiting>, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Arc<dyn Waiting>>);
    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            let _ = HERE.try_with(|here| here.replace(before));
        }
    }
    let _before = Before(HERE.try_with(|here| here.replace(Some(with))).ok().flatten());
    work()
}

/// How to wait on this thread, where that may be done.
pub(super) fn current() -> Option<Arc<dyn Waiting>> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
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
