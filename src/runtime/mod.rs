//! The library's threads: one tokio runtime per process, made when the first client connects.
//!
//! Nothing here knows of C. A client holds a [`Runtime`], which answers by itself when the runtime was shut down since, or
//! when the client is used in a forked child: the threads of a runtime exist only in the process that made them.

mod bell;
mod browser;
mod dispatcher;
mod log;
#[cfg(feature = "wiping-allocator")]
mod memory;
mod operation;
pub mod panics;
mod process;
mod queue;
mod seat;
mod signals;
mod threads;
mod wakeup;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use bell::{Bell, is_quiet, what_came};

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub use dispatcher::Dispatcher;
pub use log::{Listener, listen};
pub use operation::Operation;
use process::Generation;
pub use queue::Queue;
use seat::Seat;
pub use signals::Uncancelled;

use crate::client::{Cancellation, Error, Result};

/// Something to be run once, on whatever thread.
pub type Job = Box<dyn FnOnce() + Send>;

/// A share in the process's runtime.
#[derive(Clone)]
pub struct Runtime(Arc<Generation>);

impl Runtime {
    /// The runtime of this process, started if there is none.
    pub fn acquire() -> Result<Runtime> {
        process::acquire().map(Runtime)
    }

    /// Starts `work`. `stopped` tells what it comes to if it is stopped before its end, by a cancel or a shutdown.
    pub fn submit<T: Send + 'static>(
        &self,
        stopped: impl Fn() -> Error + Send + Sync + 'static,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Operation<T>> {
        Ok(Operation::start(self.0.usable()?, stopped, work))
    }

    /// Refuses what belongs to the parent of this process: its locks may be held by threads that do not exist here.
    pub fn check_process(&self) -> Result<()> {
        self.0.check_process()
    }

    /// Whether work can be given to it here and now.
    pub fn check_usable(&self) -> Result<()> {
        self.0.usable().map(drop)
    }

    /// Whether work can be given to it here and now, and waited for.
    pub fn ready(&self) -> Result<()> {
        threads::refuse_own()?;
        self.check_usable()
    }

    /// The thread for callbacks, started if there is none.
    pub fn dispatcher(&self) -> Result<Dispatcher> {
        self.0.dispatcher()
    }

    /// Starts `work` and waits for its end. This thread drives the network meanwhile, if nothing else is under way.
    pub fn run<T: Send + 'static>(
        &self,
        stopped: impl Fn() -> Error + Send + Sync + 'static,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        threads::refuse_own()?;
        waited_for(self.0.usable()?, stopped, work)
    }

    /// As [`Runtime::run`], for work that does one thing after the other: as long as it only waits for the site, this thread carries it out
    /// by itself.
    pub fn run_here<T: Send + 'static>(
        &self,
        cancellation: Cancellation,
        stopped: impl Fn() -> Error + Send + Sync + 'static,
        work: impl Future<Output = Result<T>> + Send + Unpin + 'static,
    ) -> Result<T> {
        threads::refuse_own()?;
        let seat = self.0.usable()?;
        let mut work = operation::caught(work);
        match seat.poll_here(cancellation, &mut work) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => waited_for(seat, stopped, work),
        }
    }

    /// Lets go of something that holds connections: on a thread of the runtime, not on the caller's, which may be a garbage
    /// collector's. In a forked child it is leaked, because its locks and sockets belong to the parent.
    pub fn release<T: Send + 'static>(&self, thing: T) {
        if self.0.is_foreign() {
            std::mem::forget(thing);
        } else if let Ok(seat) = self.0.usable() {
            let share = seat.share();
            seat.start(async move {
                drop(thing);
                drop(share);
            });
        }
    }
}

/// Has work done on the runtime, and waits for its end. Where the runtime is at its end, that comes at once.
fn waited_for<T: Send + 'static>(
    seat: &Arc<Seat>,
    stopped: impl Fn() -> Error + Send + Sync + 'static,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    if let Some(turn) = seat.take() {
        return Operation::drive(turn, stopped, work);
    }
    let operation = Operation::start(seat, stopped, work);
    operation.wait(None)?;
    operation.take()
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // The last share frees the runtime, which in a forked child belongs to the parent.
        if self.0.is_foreign() {
            std::mem::forget(Arc::clone(&self.0));
        }
    }
}

/// Stops all work and ends the threads, waiting for them at most for `timeout`. A later [`Runtime::acquire`] starts anew.
pub fn shutdown(timeout: Duration) -> Result<()> {
    threads::refuse_own()?;
    process::shutdown(timeout)
}
