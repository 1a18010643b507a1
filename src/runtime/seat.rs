//! Who drives the network.
//!
//! One thread at a time polls the descriptors and runs what is due. A host's thread that waits for its call does so itself, if nothing
//! else is under way: then a call changes threads nowhere. Otherwise the library's own thread of the network drives, which also
//! looks after what goes on while the host does something else. What the work is does not change with that: it is started on
//! the runtime and ends there, whoever drives.

use std::future::poll_fn;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use tokio::runtime::{Handle, Runtime};

use super::bell::{self, Bell};
use super::{signals, threads};
use crate::client::Cancellation;
use crate::client::here::{self, Came, Waiting, Woken};

/// For so long the seat stays empty behind a call that a host's thread drove, which may well make another one. What happens meanwhile
/// on connections waits: a call looks there before it begins.
const PAUSE: Duration = Duration::from_millis(10);

/// The seat of whoever drives.
pub(super) struct Seat {
    handle: Handle,
    /// Locked by whoever drives. The thread of the network takes it out at the end.
    runtime: Mutex<Option<Runtime>>,
    state: Mutex<State>,
    /// For the thread of the network while it does not drive.
    changed: Condvar,
    /// Readable once the seat is closed, for hosts' threads that wait by themselves. Made for the first of them.
    bell: OnceCell<Bell>,
}

#[derive(Default)]
struct State {
    driver: Driver,
    /// Wakes whoever drives, who notes it whenever it is awake.
    waker: Option<Waker>,
    /// Pieces of work under way.
    due: usize,
    /// Pieces of work so far.
    begun: u64,
    /// Whether several pieces were under way at once since there was none.
    crowded: bool,
    /// Hosts' threads that carry out their calls by themselves.
    alone: usize,
    /// How often a host's thread has driven.
    turns: u64,
    /// The thread of the network waits without a limit for a host's thread to leave.
    asleep: bool,
    closing: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Driver {
    #[default]
    Nobody,
    Host,
    Network,
}

/// A piece of work under way, for which somebody must drive.
pub(super) struct Share(Arc<Seat>);

/// A host's thread that carries out its call by itself.
struct Alone<'s>(&'s Seat);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.lock().alone -= 1;
    }
}

/// A host's thread in the seat.
pub(super) struct Turn<'s>(&'s Arc<Seat>);

impl Seat {
    pub(super) fn new(runtime: Runtime) -> Arc<Seat> {
        Arc::new(Seat {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            state: Mutex::default(),
            changed: Condvar::new(),
            bell: OnceCell::new(),
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Notes a piece of work.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        let mut state = self.lock();
        state.due += 1;
        state.crowded |= state.due > 1;
        state.begun = state.begun.wrapping_add(1);
        Share(Arc::clone(self))
    }

    /// Starts work from a thread that does not drive.
    pub(super) fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
        let task = self.handle.spawn(work).abort_handle();
        let mut state = self.lock();
        let driver = state.driver;
        // It leaves: see Turn::drive.
        let waker = state.waker.take_if(|_| driver == Driver::Host);
        drop(state);
        if driver == Driver::Nobody {
            self.changed.notify_one();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        task
    }

    /// The seat for this thread of a host's, if it is fit to drive and nothing else is under way.
    pub(super) fn take(self: &Arc<Self>) -> Option<Turn<'_>> {
        if !threads::may_drive() {
            return None;
        }
        let mut state = self.lock();
        if state.driver != Driver::Nobody || state.due > 0 || state.closing {
            return None;
        }
        state.driver = Driver::Host;
        state.turns = state.turns.wrapping_add(1);
        Some(Turn(self))
    }

    /// Polls work on this thread of a host's, which waits for the connections of its own by itself: then nobody need drive. Work that has to
    /// wait for anything else is pending, and is to be given to the runtime.
    pub(super) fn poll_here<T>(self: &Arc<Self>, cancellation: Cancellation, work: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
        if !threads::may_drive() || self.bell.get_or_try_init(Bell::new).is_err() {
            return Poll::Pending;
        }
        let Some(_alone) = self.alone() else { return Poll::Pending };
        let _own = threads::Driving::new();
        let context = self.handle.enter();
        let outcome = here::waiting(Arc::clone(self) as Arc<dyn Waiting>, cancellation, || {
            Pin::new(work).poll(&mut Context::from_waker(Waker::noop()))
        });
        drop(context);
        threads::has_driven();
        outcome
    }

    /// Notes a thread that carries out its call by itself, unless the seat is closed.
    fn alone(&self) -> Option<Alone<'_>> {
        let mut state = self.lock();
        if state.closing {
            return None;
        }
        state.alone += 1;
        Some(Alone(self))
    }

    /// How many threads carry out their calls by themselves.
    pub(super) fn count_alone(&self) -> usize {
        self.lock().alone
    }

    /// Has whoever drives leave the seat, and the thread of the network end the runtime.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
        self.changed.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What the thread of the network does until it is closed.
    pub(super) fn serve(&self) {
        while let Some(begun) = self.await_turn() {
            self.drive(|context| {
                let mut state = self.lock();
                state.note(context);
                state.closing || (state.due == 0 && state.begun != begun && !std::mem::take(&mut state.crowded))
            });
            self.leave();
        }
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }

    /// Waits until the thread of the network is in the seat. Gives how much work had been begun and is not under way any more; nothing
    /// when it is to end.
    fn await_turn(&self) -> Option<u64> {
        let mut state = self.lock();
        while state.driver != Driver::Nobody || (state.due == 0 && !state.closing) {
            let seen = state.turns;
            let (after, waited) = self.changed.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if waited.timed_out() && state.turns == seen {
                if state.driver == Driver::Nobody {
                    break;
                }
                state.asleep = true;
                while state.driver != Driver::Nobody {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                state.asleep = false;
            }
        }
        if state.closing {
            return None;
        }
        state.driver = Driver::Network;
        Some(state.begun.wrapping_sub(state.due as u64))
    }

    /// Drives until it is enough.
    fn drive(&self, mut enough: impl FnMut(&Context<'_>) -> bool) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            runtime.block_on(poll_fn(|context| if enough(context) { Poll::Ready(()) } else { Poll::Pending }));
        }
    }

    fn leave(&self) {
        let mut state = self.lock();
        state.driver = Driver::Nobody;
        state.waker = None;
        let told = state.due > 0 || state.asleep || state.closing;
        drop(state);
        if told {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting for Seat {
    fn wait(&self, connection: &TcpStream, to_write: bool, until: Option<Instant>) -> std::io::Result<Woken> {
        match self.bell.get() {
            Some(bell) => bell.wait(connection, to_write, until),
            None => Ok(Woken::Stopped),
        }
    }

    fn is_stopped(&self) -> bool {
        self.bell.get().is_none_or(Bell::was_rung)
    }

    fn watch(&self, connection: &Arc<TcpStream>) -> bool {
        self.bell.get().is_some_and(|bell| bell.watch(connection))
    }

    fn is_quiet(&self, connection: &TcpStream) -> bool {
        bell::is_quiet(connection)
    }

    fn what_came(&self, connection: &TcpStream) -> Came {
        bell::what_came(connection)
    }
}

impl State {
    /// Notes how whoever drives is woken.
    fn note(&mut self, context: &Context<'_>) {
        if self.waker.is_none() {
            self.waker = Some(context.waker().clone());
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.due -= 1;
        if state.due == 0 && state.driver == Driver::Network {
            let waker = state.waker.clone();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Turn<'_> {
    /// The seat.
    pub(super) fn seat(&self) -> &Arc<Seat> {
        self.0
    }

    /// Drives until `done` says so, which is asked whenever the waker that it is given was woken; or the seat is closed; or others begin
    /// something: when their work goes on must not depend on when the host lets this thread run, which may be of little priority,
    /// in a handler of a signal, or held by a debugger.
    pub(super) fn drive(self, mut done: impl FnMut(&Waker) -> bool) {
        let _unpiped = signals::Unpiped::new();
        let _own = threads::Driving::new();
        let mut looked = false;
        self.0.drive(|context| {
            let mut state = self.0.lock();
            state.note(context);
            let enough = state.closing || state.due > 1;
            drop(state);
            if looked {
                return done(context.waker()) || enough;
            }
            // Nobody has looked at the connections since somebody drove last. What the site has closed meanwhile is of no use.
            looked = true;
            context.waker().wake_by_ref();
            false
        });
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.leave();
        threads::has_driven();
    }
}
