//! How far a transfer is.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// No write has left this machine whole.
const HELD: u8 = 0;
/// The site may have got one.
const WRITTEN: u8 = 1;
/// The call was stopped before, and none may leave any more.
const STOPPED: u8 = 2;

/// The bytes of files that a call has moved, and how many there are in all. Readable at any time from any thread.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    /// [`HELD`], [`WRITTEN`] or [`STOPPED`]: the first to leave HELD decides.
    writes: AtomicU8,
}

impl Progress {
    /// The bytes moved so far. An attempt that failed is taken back.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// All bytes that there are to move; 0 while that is not known.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Acquire)
    }

    /// Stops the call's writes. True when the site may have got one already; otherwise none will leave this machine whole, and what
    /// is not whole no site carries out.
    pub(super) fn stop_writes(&self) -> bool {
        let before = self.writes.compare_exchange(HELD, STOPPED, Ordering::AcqRel, Ordering::Acquire);
        before == Err(WRITTEN)
    }

    /// Asks to let the end of a write go. False when the call was stopped before.
    pub(super) fn let_write_go(&self) -> bool {
        let before = self.writes.compare_exchange(HELD, WRITTEN, Ordering::AcqRel, Ordering::Acquire);
        before != Err(STOPPED)
    }

    pub(super) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn set_total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Release);
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn take_back(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::AcqRel);
    }
}
