//! Callbacks that wait for a thread of the host: run when it asks for them, and nowhere else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::operation::Operation;
use super::wakeup::Wakeup;
use super::{Job, panics, signals, threads};
use crate::client::{Error, Result, Status};

/// A place where callbacks of any number of operations meet. Threads may share it.
pub struct Queue {
    process: i64,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Of operations that are under way.
    expected: HashMap<u64, Job>,
    due: VecDeque<Job>,
    last: u64,
    /// A dispatch that waits is to stop waiting.
    woken: bool,
    closed: bool,
    /// The descriptor that the host watches, once it has asked for it.
    wakeup: Option<Wakeup>,
}

/// An empty queue of this process.
impl Default for Queue {
    fn default() -> Self {
        Queue {
            process: signals::process_id(),
            shared: Arc::default(),
        }
    }
}

impl Queue {
    /// Has a job run by [`Queue::dispatch`] once an operation is done. It is made only if the operation takes it.
    pub fn expect<T: Send + 'static>(&self, operation: &Operation<T>, job: impl FnOnce() -> Job) -> Result<()> {
        self.check_process()?;
        operation.on_done(|| {
            let shared = Arc::clone(&self.shared);
            let number = shared.lock().expect(job());
            Box::new(move || shared.make_due(number))
        })
    }

    /// Makes a job due that belongs to no operation. A queue that was freed drops it.
    pub fn post(&self, job: Job) {
        if self.is_foreign() {
            // Its lock may be held by a thread that does not exist here.
            std::mem::forget(job);
            return;
        }
        self.shared.post(job);
    }

    /// Runs on this thread what is due, at most `most` jobs, and at most those that are due when it begins to run. Where
    /// nothing is, it waits for it, at most for `limit`. Gives how many it ran.
    pub fn dispatch(&self, most: Option<u32>, limit: Option<Duration>) -> Result<u32> {
        self.check_process()?;
        threads::refuse_own()?;
        // The host may free the queue in a callback.
        let shared = Arc::clone(&self.shared);
        let mut state = shared.wait(limit);
        state.woken = false;
        let due = u32::try_from(state.due.len()).unwrap_or(u32::MAX);
        let mut run = 0;
        while run < most.map_or(due, |most| most.min(due)) {
            // Another thread may have taken what was due.
            let Some(job) = state.due.pop_front() else { break };
            state.show();
            drop(state);
            let _ = panics::catch(job);
            run += 1;
            state = shared.lock();
        }
        state.show();
        Ok(run)
    }

    /// Has a dispatch that waits return; if none does, the next one that would wait.
    pub fn wake(&self) -> Result<()> {
        self.check_process()?;
        let mut state = self.shared.lock();
        state.woken = true;
        state.show();
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// A descriptor that is readable while something is due, where the system has such.
    pub fn descriptor(&self) -> Result<i32> {
        self.check_process()?;
        let mut state = self.shared.lock();
        let wakeup = match &state.wakeup {
            Some(wakeup) => wakeup,
            None => {
                let made = Wakeup::new().map_err(|error| Error::new(Status::Io, format!("no descriptor for the queue: {error}")))?;
                state.wakeup.insert(made)
            }
        };
        let descriptor = wakeup.descriptor();
        state.show();
        Ok(descriptor)
    }

    /// Gives up all jobs that did not run, on this thread. In a forked child nothing is touched.
    pub fn close(&self) {
        if self.check_process().is_err() {
            return;
        }
        let mut state = self.shared.lock();
        state.closed = true;
        // The descriptor goes now, though operations that go on still know of the queue.
        let given_up = (
            std::mem::take(&mut state.expected),
            std::mem::take(&mut state.due),
            state.wakeup.take(),
        );
        drop(state);
        self.shared.changed.notify_all();
        drop(given_up);
    }

    /// Whether it belongs to a parent of this process.
    pub fn is_foreign(&self) -> bool {
        self.process != signals::process_id()
    }

    fn check_process(&self) -> Result<()> {
        if self.is_foreign() {
            let what = "the queue was made in the parent process; make one in this process";
            return Err(Error::new(Status::Forked, what));
        }
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_due(&self, number: u64) {
        let expected = self.lock().expected.remove(&number);
        if let Some(job) = expected {
            self.post(job);
        }
    }

    fn post(&self, job: Job) {
        let mut state = self.lock();
        if state.closed {
            // Dropped outside of the lock: what it holds is the host's.
            drop(state);
            return;
        }
        state.due.push_back(job);
        state.show();
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until something is due, or the wait is over.
    fn wait(&self, limit: Option<Duration>) -> MutexGuard<'_, State> {
        let since = Instant::now();
        let mut state = self.lock();
        while state.due.is_empty() && !state.woken && !state.closed {
            state = match limit.map(|limit| limit.saturating_sub(since.elapsed())) {
                Some(left) if left.is_zero() => break,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state
    }
}

impl State {
    fn expect(&mut self, job: Job) -> u64 {
        self.last += 1;
        if !self.closed {
            self.expected.insert(self.last, job);
        }
        self.last
    }

    /// Shows on the descriptor whether something is due.
    fn show(&mut self) {
        let due = !self.due.is_empty() || self.woken;
        if let Some(wakeup) = &mut self.wakeup {
            wakeup.show(due);
        }
    }
}
