//! What is special about the library's own threads.

use std::cell::Cell;

use tokio::runtime::Handle;

use super::{panics, signals};
use crate::client::{Error, Result, Status};

thread_local! {
    /// The process in which this is a thread of the library; 0 for none. A forked child inherits the thread and not what it is.
    static OWN: Cell<i64> = const { Cell::new(0) };
    /// What is known of a host's thread. Nothing is to be done at its end, so that it is there to the last.
    static FITNESS: Cell<Fitness> = const { Cell::new(Fitness::Unknown) };
    /// Made behind everything that driving makes for a thread, and so gone before any of that.
    static LEAVING: Leaving = const { Leaving };
}

/// How much of a thread's stack must be free for it to drive: it runs whatever is due, handshakes and the reading of replies too, which
/// were seen to take 90 KB, and without optimisation five times as much.
const ROOM: usize = if cfg!(debug_assertions) { 1 << 20 } else { 256 << 10 };

/// Whether a host's thread can drive the network.
#[derive(Clone, Copy)]
enum Fitness {
    Unknown,
    /// As long as it is on its own stack, which is here.
    Within {
        lowest: usize,
        end: usize,
    },
    /// It is ending, or its stack is not known.
    Unfit,
}

struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        FITNESS.with(|fitness| fitness.set(Fitness::Unfit));
    }
}

/// Whether this thread of a host's can drive the network: there is enough of its stack, it is not inside of another runtime, and not ending.
pub(super) fn may_drive() -> bool {
    let mut fitness = FITNESS.with(Cell::get);
    if matches!(fitness, Fitness::Unknown) {
        fitness = signals::stack().map_or(Fitness::Unfit, |(lowest, end)| Fitness::Within { lowest, end });
        FITNESS.with(|known| known.set(fitness));
    }
    let Fitness::Within { lowest, end } = fitness else { return false };
    let here = std::ptr::from_ref(&fitness).addr();
    here < end
        && here.checked_sub(lowest).is_some_and(|room| room >= ROOM)
        && Handle::try_current().is_err_and(|why| why.is_missing_context())
}

/// To be called on a thread of a host's that has driven.
pub(super) fn has_driven() {
    let _ = LEAVING.try_with(|_| ());
}

/// Makes this thread one of the library's for as long as it drives: what it runs is not the host's.
pub(super) struct Driving(i64);

impl Driving {
    pub(super) fn new() -> Driving {
        Driving(OWN.try_with(|own| own.replace(signals::process_id())).unwrap_or(0))
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        let _ = OWN.try_with(|own| own.set(self.0));
    }
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
