//! Ending all calls of a client at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::error::Result;
use super::progress::Progress;
use super::{Client, here};

/// Tells a call whether those of its client were cancelled since it began.
#[derive(Clone, Debug, Default)]
pub struct Cancellation {
    client: Arc<Calls>,
    /// How often the client's calls had been cancelled when this one began.
    begun: u64,
}

#[derive(Debug, Default)]
struct Calls {
    /// How often they were cancelled.
    cancelled: AtomicU64,
    changed: Notify,
}

impl Cancellation {
    /// For a call of the same client that begins now.
    pub(super) fn another(&self) -> Cancellation {
        Cancellation {
            begun: self.client.cancelled.load(Ordering::Acquire),
            client: Arc::clone(&self.client),
        }
    }

    /// Whether the call is to end.
    pub fn is_requested(&self) -> bool {
        self.client.cancelled.load(Ordering::Acquire) != self.begun
    }

    /// What work that begins now comes to, unless the client's calls are cancelled before its end.
    pub fn or<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + use<T, F>
    where
        F: Future<Output = Result<T>>,
    {
        let cancellation = self.another();
        async move { cancellation.watch(pin!(work), &Progress::default()).await }
    }

    /// What the work of this call comes to, unless it is cancelled before its end. Then it writes nothing more, and is to be dropped.
    pub(super) fn watch<T>(
        &self,
        mut work: Pin<&mut impl Future<Output = Result<T>>>,
        progress: &Progress,
    ) -> impl Future<Output = Result<T>> {
        // Boxed, as what small calls have no use for: they are moved and wiped as a whole.
        let mut changed: Option<Pin<Box<Notified<'_>>>> = None;
        let cancelled = || Poll::Ready(Err(Client::stopped(progress, "the client's calls were cancelled")));
        poll_fn(move |context| {
            if self.is_requested() {
                return cancelled();
            }
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            // A host's thread that carries the call out is woken by the end of its connection.
            if !here::is_here() {
                let changed = changed.get_or_insert_with(|| Box::pin(self.client.changed.notified()));
                // What matters is that it wakes.
                let _ = changed.as_mut().poll(context);
            }
            match self.is_requested() {
                true => cancelled(),
                false => Poll::Pending,
            }
        })
    }
}

impl Client {
    /// Ends every call that is under way, which fails as cancelled. Calls that begin later go on as usual.
    pub fn cancel_calls(&self) {
        let calls = &self.tally.cancellation().client;
        self.connection.transport.cancel_calls(|| {
            calls.cancelled.fetch_add(1, Ordering::AcqRel);
        });
        calls.changed.notify_waiters();
    }

    /// For work beside the calls that is to end with them.
    pub fn cancellation(&self) -> Cancellation {
        self.tally.cancellation().clone()
    }
}
