//! How far a transfer is.

use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of files that a call has moved, and how many there are in all. Readable at any time from any thread.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
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
