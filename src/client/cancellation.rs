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

    /// Has the calls of the client end that have begun.
    pub(super) fn request(&self) {
        self.client.cancelled.fetch_add(1, Ordering::AcqRel);
        self.client.changed.notify_waiters();
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
                // It may have been told of a cancel that was requested just before this call began, and is told no more then.
                let notified = || Box::pin(self.client.changed.notified());
                while changed.get_or_insert_with(notified).as_mut().poll(context).is_ready() {
                    changed = None;
                }
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
        let cancellation = self.tally.cancellation();
        self.connection.transport.cancel_calls(|| cancellation.request());
    }

    /// For work beside the calls that is to end with them.
    pub fn cancellation(&self) -> Cancellation {
        self.tally.cancellation().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;
    use crate::client::status::Status;

    /// How often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn is_cancelled<T>(polled: &Poll<Result<T>>) -> bool {
        matches!(polled, Poll::Ready(Err(error)) if error.status == Status::Cancelled)
    }

    #[test]
    fn what_waits_is_woken_and_goes_no_further() {
        let calls = Cancellation::default();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let polls = AtomicUsize::new(0);
        let work = poll_fn(|_| {
            polls.fetch_add(1, Ordering::SeqCst);
            Poll::<Result<()>>::Pending
        });
        let mut work = pin!(calls.or(work));
        assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        calls.request();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(is_cancelled(&work.as_mut().poll(&mut Context::from_waker(&waker))));
        assert_eq!(polls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_cancel_while_work_goes_on_is_seen_at_once() {
        let calls = Cancellation::default();
        let work = calls.or(poll_fn(|_| {
            calls.request();
            Poll::<Result<()>>::Pending
        }));
        assert!(is_cancelled(&pin!(work).poll(&mut Context::from_waker(Waker::noop()))));
        let done = calls.or(std::future::ready(Ok(())));
        assert!(matches!(
            pin!(done).poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(Ok(()))
        ));
    }

    /// It was counted, and is told of a little later.
    #[test]
    fn what_begins_in_the_middle_of_a_cancel_hears_the_next_one() {
        let calls = Cancellation::default();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        calls.client.cancelled.fetch_add(1, Ordering::AcqRel);
        let mut work = pin!(calls.or(std::future::pending::<Result<()>>()));
        assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        calls.client.changed.notify_waiters();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        calls.request();
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert!(is_cancelled(&work.as_mut().poll(&mut Context::from_waker(&waker))));
    }
}
