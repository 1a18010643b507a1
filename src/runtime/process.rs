//! One runtime per process, across shutdowns and forks.
//!
//! A [`Process`] belongs to one process number and is never freed. A forked child finds its parent's, leaves it alone with
//! all its locks, which may be held by threads that do not exist here, and makes its own. Within a process, a
//! [`Generation`] is the time from one shutdown to the next.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;
use once_cell::sync::OnceCell;
use tokio::runtime::Builder;

use super::dispatcher::{self, Dispatcher};
use super::log::Post;
use super::seat::Seat;
use super::{signals, threads};
use crate::client::{Error, Result, Status};

/// So many pieces of work are run between two looks at the network and at whether a host's thread has what it waits for.
const AT_ONCE: u32 = 16;

/// The state of one process. A chain: a child puts its own behind what it inherited.
struct Process {
    id: i64,
    current: Mutex<Arc<Generation>>,
    /// Closed, with threads that still end.
    ending: Mutex<Vec<Arc<Generation>>>,
    log: Post,
    /// The state of the forked child that inherited this one.
    child: OnceBox<Process>,
}

/// The time from one shutdown to the next.
pub(super) struct Generation {
    process: i64,
    engine: OnceCell<Engine>,
    closed: AtomicBool,
}

/// A running tokio runtime.
struct Engine {
    seat: Arc<Seat>,
    alive: Arc<AtomicUsize>,
    /// The thread of the network, until somebody has waited for its end.
    network: Mutex<Option<JoinHandle<()>>>,
    callbacks: OnceCell<dispatcher::Thread>,
}

/// The current generation of this process with its runtime running.
pub(super) fn acquire() -> Result<Arc<Generation>> {
    loop {
        let generation = Arc::clone(&*process().lock());
        let engine = generation.engine.get_or_try_init(Engine::start)?;
        // A shutdown that came in between has not seen the engine; then this thread ends it and joins the next generation.
        if !generation.closed.load(Ordering::SeqCst) {
            return Ok(generation);
        }
        engine.stop(Duration::ZERO);
    }
}

/// Closes the current generation, and waits for the threads of it and of those before.
pub(super) fn shutdown(timeout: Duration) -> Result<()> {
    let since = Instant::now();
    let process = process();
    let old = std::mem::replace(&mut *process.lock(), Generation::new(process.id));
    old.closed.store(true, Ordering::SeqCst);
    let mut ending = process.ending();
    ending.push(old);
    let all = ending.clone();
    drop(ending);
    let left: usize = all
        .iter()
        .filter_map(|generation| generation.engine.get())
        .map(|engine| engine.stop(timeout.saturating_sub(since.elapsed())))
        .sum();
    process
        .ending()
        .retain(|generation| generation.engine.get().is_some_and(|engine| engine.threads() > 0));
    // Who does not wait is not told that there was something to wait for.
    if left == 0 || timeout.is_zero() {
        return Ok(());
    }
    let what = format!(
        "{left} threads still run in the library after {} ms; they end by themselves",
        timeout.as_millis()
    );
    Err(Error::new(Status::TimeoutWait, what))
}

/// Where this process's listener to the log stands.
pub(super) fn log_post() -> &'static Post {
    &process().log
}

/// This process's state. Takes no lock, so that a forked child can always call it.
fn process() -> &'static Process {
    static FIRST: OnceBox<Process> = OnceBox::new();
    let id = signals::process_id();
    let mut process = FIRST.get_or_init(|| Process::new(id));
    while let Some(child) = process.child.get() {
        process = child;
    }
    if process.id == id {
        process
    } else {
        process.child.get_or_init(|| Process::new(id))
    }
}

impl Process {
    fn new(id: i64) -> Box<Self> {
        Box::new(Process {
            id,
            current: Mutex::new(Generation::new(id)),
            ending: Mutex::default(),
            log: Post::default(),
            child: OnceBox::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Generation>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ending(&self) -> MutexGuard<'_, Vec<Arc<Generation>>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generation {
    fn new(process: i64) -> Arc<Self> {
        Arc::new(Generation {
            process,
            engine: OnceCell::new(),
            closed: AtomicBool::new(false),
        })
    }

    /// Whether it belongs to a parent of this process.
    pub(super) fn is_foreign(&self) -> bool {
        self.process != signals::process_id()
    }

    /// Refuses it in a child of its process.
    pub(super) fn check_process(&self) -> Result<()> {
        if !self.is_foreign() {
            return Ok(());
        }
        let what = "the client was made in the parent process; connect again in this process";
        Err(Error::new(Status::Forked, what))
    }

    /// The runtime, if work can be given to it.
    pub(super) fn usable(&self) -> Result<&Arc<Seat>> {
        self.running().map(|engine| &engine.seat)
    }

    /// The thread for callbacks.
    pub(super) fn dispatcher(&self) -> Result<Dispatcher> {
        let thread = self.running()?.callbacks.get_or_try_init(dispatcher::Thread::start)?;
        thread.dispatcher().ok_or_else(was_shut_down)
    }

    fn running(&self) -> Result<&Engine> {
        self.check_process()?;
        let engine = self.engine.get().filter(|_| !self.closed.load(Ordering::SeqCst));
        engine.ok_or_else(was_shut_down)
    }
}

impl Engine {
    /// Starts the threads. They never run with the signals open, and the caller's mask is as before afterwards. A thread of the runtime's pool
    /// that is born later, of a host's thread that drives, has that one's mask and priority until it is adopted, and the priority for good.
    fn start() -> Result<Engine> {
        let alive = Arc::new(AtomicUsize::new(0));
        let _masked = signals::Blocked::new();
        let next = AtomicUsize::new(2);
        let (born, gone) = (Arc::clone(&alive), Arc::clone(&alive));
        let runtime = Builder::new_current_thread()
            .thread_name_fn(move || format!("sg-io-{}", next.fetch_add(1, Ordering::Relaxed)))
            .on_thread_start(move || {
                threads::adopt();
                born.fetch_add(1, Ordering::SeqCst);
            })
            .on_thread_stop(move || {
                gone.fetch_sub(1, Ordering::SeqCst);
            })
            .event_interval(AT_ONCE)
            .enable_io()
            .enable_time()
            .build();
        let seat = Seat::new(runtime.map_err(|error| no_threads(&error))?);
        let (served, living) = (Arc::clone(&seat), Living::new(&alive));
        let thread = thread::Builder::new().name("sg-io-1".to_owned()).spawn(move || {
            threads::adopt();
            served.serve();
            drop(served);
            drop(living);
        });
        let thread = thread.map_err(|error| no_threads(&error))?;
        Ok(Engine {
            seat,
            alive,
            network: Mutex::new(Some(thread)),
            callbacks: OnceCell::new(),
        })
    }

    /// Stops all work, runs the callbacks that follow from that, and waits for the threads. Gives how many still run. With no
    /// time to wait all that happens by itself. It may be called again, to wait on.
    fn stop(&self, timeout: Duration) -> usize {
        let since = Instant::now();
        self.seat.close();
        while self.alive.load(Ordering::SeqCst) + self.seat.count_alone() > 0 && since.elapsed() < timeout {
            thread::sleep(Duration::from_millis(1));
        }
        if self.alive.load(Ordering::SeqCst) == 0 && !timeout.is_zero() {
            // It has nothing more to do, but the system may still know it.
            let thread = self.network.lock().unwrap_or_else(PoisonError::into_inner).take();
            // It does not panic.
            let _ = thread.map(JoinHandle::join);
        }
        if let Some(thread) = self.callbacks.get() {
            thread.stop(timeout.saturating_sub(since.elapsed()));
        }
        self.threads()
    }

    /// How many threads still run: the library's, and hosts' in calls that they carry out.
    fn threads(&self) -> usize {
        let calling = self.callbacks.get().is_some_and(|thread| !thread.has_ended());
        self.alive.load(Ordering::SeqCst) + self.seat.count_alone() + usize::from(calling)
    }
}

/// A thread that is counted while it lives.
struct Living(Arc<AtomicUsize>);

impl Living {
    fn new(alive: &Arc<AtomicUsize>) -> Living {
        alive.fetch_add(1, Ordering::SeqCst);
        Living(Arc::clone(alive))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn was_shut_down() -> Error {
    Error::new(
        Status::InvalidState,
        "the library was shut down after this client had connected; connect again",
    )
}

fn no_threads(why: &std::io::Error) -> Error {
    Error::new(Status::Internal, format!("the library's threads could not be started: {why}"))
}
