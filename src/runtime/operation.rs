//! One piece of network work: started once, waited for by whoever wants to.
//!
//! Waiting is a mutex and a condition variable, never `block_on`, so that it is right on every thread of a host. What an
//! operation came to is set exactly once, by the first of: the work's end, its panic, a cancel, the runtime's end. Whoever set
//! it also runs what was to follow, which only hands a callback on to where the host wants it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::seat::{Seat, Turn};
use super::{Job, panics, threads};
use crate::client::{Error, Result, Status, behind};

/// A running or finished piece of work. Dropping it detaches from the work and does not cancel it.
pub struct Operation<T> {
    shared: Arc<Shared<T>>,
    task: AbortHandle,
}

struct Shared<T> {
    progress: Mutex<Progress<T>>,
    changed: Condvar,
    /// What the operation comes to when it is stopped before its end.
    stopped: Stopped,
}

/// Tells what an operation comes to that is stopped, when it is: by then it may have got somewhere.
type Stopped = Box<dyn Fn() -> Error + Send + Sync>;

struct Progress<T> {
    state: State<T>,
    next: Next,
    /// How many threads wait for a change.
    waiting: usize,
    /// Wakes the thread that drives until it is done.
    driver: Option<Waker>,
}

enum State<T> {
    Running,
    Done(Result<T>),
    Taken,
}

/// What follows the end.
enum Next {
    Nothing,
    Job(Job),
    /// There was a job, and there is never another.
    Begun,
}

impl<T: Send + 'static> Operation<T> {
    /// Starts `work` on the runtime. `stopped` is what the operation comes to if the work is stopped before its end.
    pub(super) fn start(
        seat: &Arc<Seat>,
        stopped: impl Fn() -> Error + Send + Sync + 'static,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Self {
        let (shared, task) = prepared(seat, stopped, work);
        let task = seat.start(task);
        Operation { shared, task }
    }

    /// The same on a thread of a host's, which drives while there is nothing else, and what it came to.
    pub(super) fn drive(
        turn: Turn<'_>,
        stopped: impl Fn() -> Error + Send + Sync + 'static,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let seat = Arc::clone(turn.seat());
        let (shared, task) = prepared(&seat, stopped, work);
        let mut task = Some(task);
        turn.drive(|waker| {
            if let Some(task) = task.take() {
                shared.lock().driver = Some(waker.clone());
                seat.handle().spawn(task);
            }
            !shared.lock().is_running()
        });
        // Nothing of it is left here, should it never have been started.
        drop(task);
        // It goes on where the seat was left to the thread of the network.
        shared.wait(None)?;
        shared.take()
    }

    /// Waits until the operation is done, at most for `limit`.
    pub fn wait(&self, limit: Option<Duration>) -> Result<()> {
        threads::refuse_own()?;
        self.shared.wait(limit)
    }

    /// Whether the operation is done.
    pub fn is_done(&self) -> bool {
        !self.shared.lock().is_running()
    }

    /// How the operation failed, once it has.
    pub fn error(&self) -> Option<Error> {
        match &self.shared.lock().state {
            State::Done(Err(error)) => Some(error.clone()),
            _ => None,
        }
    }

    /// Takes what the operation came to. There is one taker of a result; an error can be taken again.
    pub fn take(&self) -> Result<T> {
        self.shared.take()
    }

    /// Has a job run once the operation is done, at once if it is. The job must not wait for anything. It is made
    /// only if the operation takes it: there can be one.
    pub fn on_done(&self, job: impl FnOnce() -> Job) -> Result<()> {
        let mut progress = self.shared.lock();
        if !matches!(progress.next, Next::Nothing) {
            let what = "the operation has a callback already; there can be one";
            return Err(Error::new(Status::InvalidState, what));
        }
        progress.next = Next::Job(job());
        let due = progress.due();
        drop(progress);
        if let Some(job) = due {
            job();
        }
        Ok(())
    }

    /// Stops the work. Whoever waits is told at once; a second cancel, or one after the end, does nothing.
    pub fn cancel(&self) {
        self.shared.stop();
        self.task.abort();
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Progress<T>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, limit: Option<Duration>) -> Result<()> {
        let deadline = limit.map(|limit| (limit, Instant::now()));
        let mut progress = self.lock();
        // Who drove does not any more.
        progress.driver = None;
        while progress.is_running() {
            progress.waiting += 1;
            progress = match deadline {
                None => self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner),
                Some((limit, since)) => {
                    let left = limit.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        progress.waiting -= 1;
                        return Err(Error::new(
                            Status::TimeoutWait,
                            format!("the operation still runs after {} ms", limit.as_millis()),
                        ));
                    }
                    let waited = self.changed.wait_timeout(progress, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            progress.waiting -= 1;
        }
        Ok(())
    }

    fn take(&self) -> Result<T> {
        let state = &mut self.lock().state;
        match std::mem::replace(state, State::Taken) {
            State::Done(Err(error)) => {
                *state = State::Done(Err(error.clone()));
                Err(error)
            }
            State::Done(done) => done,
            State::Running => {
                *state = State::Running;
                Err(Error::new(Status::InvalidState, "the operation still runs"))
            }
            State::Taken => Err(Error::new(Status::InvalidState, "the operation's result was taken already")),
        }
    }

    fn stop(&self) {
        self.finish(|| Err((self.stopped)()));
    }

    /// Ends it, unless it has ended. Only then the outcome is asked for.
    fn finish(&self, outcome: impl FnOnce() -> Result<T>) {
        let mut progress = self.lock();
        if progress.is_running() {
            progress.state = State::Done(outcome());
            let due = progress.due();
            let (waiting, driver) = (progress.waiting, progress.driver.take());
            drop(progress);
            // To tell nobody would be a system call too.
            if waiting > 0 {
                self.changed.notify_all();
            }
            if let Some(driver) = driver {
                driver.wake();
            }
            if let Some(job) = due {
                job();
            }
        }
    }
}

impl<T> Progress<T> {
    fn is_running(&self) -> bool {
        matches!(self.state, State::Running)
    }

    /// What is to be run now.
    fn due(&mut self) -> Option<Job> {
        if self.is_running() {
            return None;
        }
        match std::mem::replace(&mut self.next, Next::Begun) {
            Next::Job(job) => Some(job),
            other => {
                self.next = other;
                None
            }
        }
    }
}

/// Completes the operation when the task goes away unfinished: aborted, or ended with the runtime.
struct Completion<T>(Arc<Shared<T>>);

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// An operation, and what is to be run for it.
fn prepared<T: Send + 'static>(
    seat: &Arc<Seat>,
    stopped: impl Fn() -> Error + Send + Sync + 'static,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> (Arc<Shared<T>>, impl Future<Output = ()> + Send + 'static) {
    let shared = Arc::new(Shared {
        progress: Mutex::new(Progress {
            state: State::Running,
            next: Next::Nothing,
            waiting: 0,
            driver: None,
        }),
        changed: Condvar::new(),
        stopped: Box::new(stopped),
    });
    // Made before the task: a task that is dropped unstarted must complete the operation as well.
    let completion = Completion(Arc::clone(&shared));
    // Boxed before anything else, since a runtime moves what it is given several times.
    let work = behind::sharing(Arc::new(seat.share()), caught(Box::pin(work)));
    let task = async move {
        let outcome = work.await;
        completion.0.finish(|| outcome);
    };
    (shared, task)
}

/// Polls `work`; a panic inside ends it with an error.
pub(super) fn caught<T>(mut work: impl Future<Output = Result<T>> + Unpin) -> impl Future<Output = Result<T>> + Unpin {
    std::future::poll_fn(move |context| match panics::catch(|| Pin::new(&mut work).poll(context)) {
        Ok(progress) => progress,
        Err(told) => Poll::Ready(Err(Error::new(Status::Internal, told))),
    })
}
