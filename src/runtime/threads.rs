//! What is special about the library's own threads.

use std::cell::Cell;

use super::{panics, signals};
use crate::client::{Error, Result, Status};

thread_local! {
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// Called first on every thread of the runtime.
pub(super) fn adopt() {
    signals::Blocked::for_good();
    panics::guard_this_thread();
    let _ = OWN.try_with(|own| own.set(true));
}

/// Whether this is a thread of the library.
pub(super) fn is_own() -> bool {
    OWN.try_with(Cell::get).unwrap_or(false)
}

/// Refuses what would wait for ever on a thread of the library.
pub(super) fn refuse_own() -> Result<()> {
    if is_own() {
        return Err(Error::new(
            Status::InvalidStateReentrant,
            "a call that waits was made on one of the library's own threads, where it would never end",
        ));
    }
    Ok(())
}
