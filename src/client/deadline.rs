//! The time that a call has.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::here;

/// When a call must have ended. `None`: never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn after(limit: Option<Duration>) -> Self {
        // A limit beyond what the clock can count is no limit.
        Deadline(limit.and_then(|limit| Instant::now().checked_add(limit)))
    }

    /// Waits for `work`, or gives `None` when the time is over first.
    pub(super) async fn limit<F: Future>(self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        let Some(end) = self.0 else { return Some(work.await) };
        // A host's thread knows the time limit itself, and the timers are the runtime's.
        if let Some(done) = here::tried(work.as_mut()).await {
            return Some(done);
        }
        if let Ok(done) = tokio::time::timeout_at(end, work.as_mut()).await {
            return Some(done);
        }
        // Who drives may have been held up, and has looked at its clock first. What came in time is found by a look at the connections.
        tokio::task::yield_now().await;
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// When it is, if ever.
    pub(super) fn end(self) -> Option<std::time::Instant> {
        self.0.map(Instant::into_std)
    }

    /// Whether there is time for a pause of this length and something after it.
    pub(super) fn allows(self, pause: Duration) -> bool {
        self.0.is_none_or(|end| Instant::now() + pause < end)
    }
}
