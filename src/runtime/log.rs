//! The host's listener to the log: one for the process, called on the thread for callbacks.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use super::{Runtime, process};
use crate::client::{Journal, Level, Log};

/// Takes one message. Dropping it lets go of the host's data.
pub type Listener = Box<dyn FnMut(Level, &str, &str) + Send>;

/// So many messages wait for a listener that is slow; further ones are counted and lost.
const MOST_WAITING: usize = 4096;

/// Where a process's listener stands.
#[derive(Default)]
pub(super) struct Post {
    /// The number of the least important level that is wanted; 0 without a listener.
    most: AtomicI32,
    current: Mutex<Option<Arc<Current>>>,
}

struct Current {
    listener: Mutex<Option<Listener>>,
    /// The thread that is inside the listener.
    telling: Mutex<Option<ThreadId>>,
    removed: AtomicBool,
    /// Removed inside a call of its own, which is to let go of it when it ends.
    left_to_call: AtomicBool,
    waiting: AtomicUsize,
    lost: AtomicU64,
}

/// Has a listener take the messages up to a level, in place of the one before, or nobody. When it returns, the one before is not
/// being called any more and is gone; only where it is called on this very thread, it goes when that call ends.
pub fn listen(listener: Option<(Level, Listener)>) {
    process::log_post().change(listener);
}

impl Post {
    fn change(&self, listener: Option<(Level, Listener)>) {
        let most = listener.as_ref().map_or(0, |(level, _)| *level as i32);
        let next = listener.map(|(_, listener)| {
            Arc::new(Current {
                listener: Mutex::new(Some(listener)),
                telling: Mutex::new(None),
                removed: AtomicBool::new(false),
                left_to_call: AtomicBool::new(false),
                waiting: AtomicUsize::new(0),
                lost: AtomicU64::new(0),
            })
        });
        let mut current = lock(&self.current);
        let before = std::mem::replace(&mut *current, next);
        self.most.store(most, Ordering::Release);
        drop(current);
        if let Some(before) = before {
            before.remove();
        }
    }

    fn wants(&self, level: Level) -> bool {
        level as i32 <= self.most.load(Ordering::Acquire)
    }
}

impl Current {
    fn remove(&self) {
        self.removed.store(true, Ordering::SeqCst);
        if *lock(&self.telling) == Some(thread::current().id()) {
            self.left_to_call.store(true, Ordering::SeqCst);
        } else {
            let_go(lock(&self.listener));
        }
    }

    fn tell(&self, level: Level, target: &str, message: &str) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        let mut held = lock(&self.listener);
        *lock(&self.telling) = Some(thread::current().id());
        if let Some(listener) = held.as_mut().filter(|_| !self.removed.load(Ordering::SeqCst)) {
            let lost = self.lost.swap(0, Ordering::AcqRel);
            if lost > 0 {
                listener(
                    Level::Warn,
                    "log",
                    &format!("{lost} messages were lost because this listener is slow"),
                );
            }
            listener(level, target, message);
        }
        *lock(&self.telling) = None;
        if self.left_to_call.load(Ordering::SeqCst) {
            let_go(held);
        }
    }
}

/// Lets go of a listener outside of its lock: the host's clean-up may do anything.
fn let_go(mut held: MutexGuard<'_, Option<Listener>>) {
    let listener = held.take();
    drop(held);
    drop(listener);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runtime {
    /// The journal of clients on this runtime.
    pub fn journal(&self) -> Journal {
        Journal::new(Arc::new(ToHost(self.clone())))
    }
}

/// Hands messages on to the process's listener.
struct ToHost(Runtime);

impl Log for ToHost {
    fn wants(&self, level: Level) -> bool {
        process::log_post().wants(level)
    }

    fn write(&self, level: Level, target: &'static str, message: String) {
        let Some(current) = lock(&process::log_post().current).clone() else {
            return;
        };
        if current.waiting.load(Ordering::Acquire) >= MOST_WAITING {
            current.lost.fetch_add(1, Ordering::AcqRel);
            return;
        }
        // Without its thread the library has ended, and there is nobody to tell.
        if let Ok(dispatcher) = self.0.dispatcher() {
            current.waiting.fetch_add(1, Ordering::AcqRel);
            dispatcher.run(Box::new(move || current.tell(level, target, &message)));
        }
    }
}
