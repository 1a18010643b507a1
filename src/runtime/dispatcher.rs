//! The one thread on which the library calls a host back, if the host has not asked for a thread of its own.
//!
//! A host's callback may take its time; on a thread of the network it would hold up every call.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::{Job, panics, signals, threads};
use crate::client::{Error, Result, Status};

/// The way to the thread. Each share keeps the thread alive, so that what was promised is run before it ends.
#[derive(Clone)]
pub struct Dispatcher(Sender<Job>);

impl Dispatcher {
    /// Runs a job on the thread, behind those that were given before.
    pub fn run(&self, job: Job) {
        // The thread ends only when nobody holds a share.
        let _ = self.0.send(job);
    }
}

/// The thread.
pub(super) struct Thread {
    dispatcher: Mutex<Option<Dispatcher>>,
    join: Mutex<Option<JoinHandle<()>>>,
    /// Disconnected once the thread has run its last job.
    ended: Mutex<Receiver<()>>,
}

impl Thread {
    pub(super) fn start() -> Result<Thread> {
        let (jobs, due) = channel::<Job>();
        let (living, ended) = channel::<()>();
        let _masked = signals::Blocked::new();
        let join = Builder::new().name("sg-callbacks".to_owned()).spawn(move || {
            threads::adopt();
            for job in due {
                // A job that panics is a defect of ours, and must not cost the host its other callbacks.
                let _ = panics::catch(job);
            }
            drop(living);
        });
        let join = join.map_err(|error| Error::new(Status::Internal, format!("the thread for callbacks could not be started: {error}")))?;
        Ok(Thread {
            dispatcher: Mutex::new(Some(Dispatcher(jobs))),
            join: Mutex::new(Some(join)),
            ended: Mutex::new(ended),
        })
    }

    /// The way to the thread, unless it is told to end.
    pub(super) fn dispatcher(&self) -> Option<Dispatcher> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the thread end when it has run what it was promised, and waits for that, at most for `timeout`.
    pub(super) fn stop(&self, timeout: Duration) {
        drop(self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner).take());
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(ended.recv_timeout(timeout), Err(RecvTimeoutError::Timeout)) {
            return;
        }
        let join = self.join.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nothing is left of it but its last breath.
        let _ = join.map(JoinHandle::join);
    }

    /// Whether it has run its last job.
    pub(super) fn has_ended(&self) -> bool {
        self.join.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
