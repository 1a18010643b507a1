//! What is special about the library's own threads.

use std::cell::Cell;

use super::{panics, signals};
use crate::client::{Error, Result, Status};

thread_local! {
    /// The process in which this is a thread of the library; 0 for none. A forked child inherits the thread and not what it is.
    static OWN: Cell<i64> = const { Cell::new(0) };
}

/// Called first on every thread of the runtime.
pub(super) fn adopt() {
    signals::Blocked::for_good();
    panics::guard_this_thread();
    let _ = OWN.try_with(|own| own.set(signals::process_id()));
}

/// Whether this is a thread of the library.
pub(super) fn is_own() -> bool {
    let own = OWN.try_with(Cell::get).unwrap_or(0);
    own != 0 && own == signals::process_id()
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
