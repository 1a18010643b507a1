//! How far a request is, and whether it still moves.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Reached;
use crate::client::deadline::Deadline;
use crate::client::progress::Progress;
use crate::client::retry::Effect;
use crate::client::tally::Tally;

/// What limits the time of a request.
#[derive(Clone, Copy)]
pub(in crate::client) enum Limit {
    /// When it must have ended.
    Total(Deadline),
    /// How long it may stand still: for files, which may rightly take long. `None`: for ever.
    Stall(Option<Duration>),
}

impl Limit {
    /// Whether a pause of this length before another attempt is within it.
    pub(in crate::client) fn allows(self, pause: Duration) -> bool {
        match self {
            Limit::Total(deadline) => deadline.allows(pause),
            Limit::Stall(longest) => longest.is_none_or(|longest| pause <= longest),
        }
    }
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
/// Less than [`WHOLE`], which it does not take back.
const GIVEN_UP: u8 = 2;
const WHOLE: u8 = 3;

/// Watches one request.
pub(super) struct Watch {
    /// [`WAITING`], then [`BEGUN`], then [`WHOLE`]; or [`GIVEN_UP`], after which it goes no further: a request that was given up is
    /// never begun, nor is its end sent, though the HTTP stack may be about to.
    state: AtomicU8,
    /// When it moved, where its time is limited by that.
    movement: Option<Movement>,
    progress: Option<Arc<Progress>>,
    /// The bytes of files that it has sent or received, to be taken back if it is tried again.
    counted: AtomicU64,
    tally: Arc<Tally>,
    effect: Effect,
}

struct Movement {
    start: Instant,
    /// The last one, in milliseconds from the start.
    last: AtomicU64,
}

impl Movement {
    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Acquire))
    }
}

impl Watch {
    /// Of a request within this limit.
    pub(super) fn new(limit: Limit, progress: Option<Arc<Progress>>, tally: Arc<Tally>, effect: Effect) -> Watch {
        tally.note_request();
        let movement = matches!(limit, Limit::Stall(_)).then(|| Movement {
            start: Instant::now(),
            last: AtomicU64::new(0),
        });
        Watch {
            tally,
            effect,
            state: AtomicU8::new(WAITING),
            movement,
            progress,
            counted: AtomicU64::new(0),
        }
    }

    /// Notes that the request is being written. False when it was given up before: then not a byte may be.
    pub(super) fn begin(&self) -> bool {
        self.note_movement();
        let before = self.state.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire);
        before != Err(GIVEN_UP)
    }

    /// Notes that the end of the request is being written. False when it or its call was given up before: then it may not be.
    pub(super) fn finish(&self) -> bool {
        let before = self.state.compare_exchange(BEGUN, WHOLE, Ordering::AcqRel, Ordering::Acquire);
        before != Err(GIVEN_UP) && (self.effect == Effect::Read || self.tally.progress().let_write_go())
    }

    /// Takes back that it was begun: not a byte of it was taken.
    pub(super) fn not_begun(&self) {
        let back = |state| (state != GIVEN_UP).then_some(WAITING);
        // What was given up stays so.
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, back);
    }

    /// Gives the request up, and tells how far it came, beyond which it will not come.
    pub(super) fn give_up(&self) -> Reached {
        match self.state.fetch_max(GIVEN_UP, Ordering::AcqRel) {
            WAITING => Reached::Nothing,
            BEGUN | GIVEN_UP => Reached::Part,
            _ => Reached::Unknown,
        }
    }

    pub(super) fn note_movement(&self) {
        if let Some(movement) = &self.movement {
            let now = u64::try_from(movement.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            movement.last.store(now, Ordering::Release);
        }
    }

    pub(super) fn note_sent(&self, count: u64) {
        self.tally.note_sent(count);
    }

    pub(super) fn note_received(&self, count: u64) {
        self.note_movement();
        self.tally.note_received(count);
    }

    pub(super) fn note_file_bytes(&self, count: u64) {
        self.note_movement();
        self.counted.fetch_add(count, Ordering::AcqRel);
        if let Some(progress) = &self.progress {
            progress.advance(count);
        }
    }

    /// Takes back what was counted for an attempt that failed.
    pub(super) fn take_back(&self) {
        if let Some(progress) = &self.progress {
            progress.take_back(self.counted.swap(0, Ordering::AcqRel));
        }
    }

    /// Waits for `work` within the limit. `None` when the limit was reached first.
    pub(super) async fn within<F: Future>(&self, limit: Limit, work: F) -> Option<F::Output> {
        let (longest, movement) = match (limit, &self.movement) {
            (Limit::Total(deadline), _) => return deadline.limit(work).await,
            (Limit::Stall(Some(longest)), Some(movement)) => (longest, movement),
            (Limit::Stall(_), _) => return Some(work.await),
        };
        let mut work = pin!(work);
        loop {
            let moved = movement.last();
            let Some(end) = moved.checked_add(longest) else {
                return Some(work.await);
            };
            match tokio::time::timeout_at(end, &mut work).await {
                Ok(done) => return Some(done),
                Err(_) if movement.last() > moved => {}
                Err(_) => return None,
            }
        }
    }
}
