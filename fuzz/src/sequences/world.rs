//! What a sequence has in its hands, and what must hold after each call.

use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shotgrid::client::Status;
use shotgrid::ffi::*;

use super::site;
use super::texts::{SECRET, Texts};
use super::watch::{By, Watch};
use crate::input::Input;

/// Until a callback or finalizer must have come, on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// The client that a sequence begins with is the next one's too, unless it was freed or shut down: to connect means to read the whole
/// trust store.
static FIRST: Mutex<Option<usize>> = Mutex::new(None);

/// Handles of one type. NULL: there is none, or it was freed.
pub(super) struct Slots<T> {
    handles: [*mut T; 3],
    /// The one that was there at the beginning, while it is.
    first: *mut T,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Slots<T> {
    fn new(free: unsafe extern "C" fn(*mut T)) -> Slots<T> {
        Slots {
            handles: [null_mut(); 3],
            first: null_mut(),
            free,
        }
    }

    /// One of them, for a call that leaves it where it is.
    pub(super) fn get(&self, input: &mut Input<'_>) -> *mut T {
        // The newest one, mostly: a sequence that goes on with what it made comes further.
        let place = if input.one_in(4) { input.below(3) } else { 0 };
        self.handles[place]
    }

    /// Keeps a new one in place of the oldest, which is freed.
    pub(super) fn put(&mut self, handle: *mut T) {
        if handle.is_null() {
            return;
        }
        self.handles.rotate_right(1);
        let oldest = std::mem::replace(&mut self.handles[0], handle);
        self.forget(oldest);
        // SAFETY: it is one of ours, or NULL, and is forgotten here.
        unsafe { (self.free)(oldest) };
    }

    fn forget(&mut self, handle: *mut T) {
        if self.first == handle {
            self.first = null_mut();
        }
    }

    /// Takes one out, to be freed: its place is NULL then.
    pub(super) fn take(&mut self, input: &mut Input<'_>) -> *mut T {
        let taken = std::mem::replace(&mut self.handles[input.below(3)], null_mut());
        self.forget(taken);
        taken
    }

    fn all(&self) -> impl Iterator<Item = *mut T> {
        self.handles.into_iter()
    }

    fn free_all(&mut self) {
        for handle in &mut self.handles {
            // SAFETY: it is one of ours, or NULL, and is forgotten here.
            unsafe { (self.free)(std::mem::replace(handle, null_mut())) };
        }
    }
}

/// Everything that a sequence has.
pub(super) struct World {
    pub(super) options: Slots<sg_options>,
    pub(super) clients: Slots<sg_client>,
    pub(super) ops: Slots<sg_op>,
    pub(super) queues: Slots<sg_queue>,
    pub(super) pages: Slots<sg_pages>,
    pub(super) sign_ins: Slots<sg_sign_in>,
    pub(super) feeds: Slots<sg_events>,
    pub(super) results: Slots<sg_result>,
    pub(super) errors: Slots<sg_error>,
    pub(super) texts: Texts,
    /// Whether clients from before are of no more use.
    pub(super) shut_down: bool,
    watches: Vec<Arc<Watch>>,
}

/// A client that sends nothing while it connects, and tries nothing twice.
fn first_client() -> *mut sg_client {
    let mut client = null_mut();
    let (url, key) = (site::url(), format!("{SECRET}-KEY\0"));
    let name = c"fuzz".as_ptr();
    // SAFETY: the options are live and the texts end with NUL.
    unsafe {
        let options = sg_options_new();
        sg_options_set_verify_on_connect(options, 0);
        sg_options_set_no_proxy(options, 1);
        sg_options_set_max_attempts(options, 1);
        sg_options_set_timeout_ms(options, 20_000);
        let status = sg_connect_script(url.as_ptr(), name, key.as_ptr().cast(), options, &mut client);
        assert_eq!(status, Status::Ok);
        sg_options_free(options);
    }
    client
}

impl World {
    /// A client that has sent nothing yet, and a queue.
    pub(super) fn new() -> World {
        site::behave();
        let mut world = World {
            options: Slots::new(sg_options_free),
            clients: Slots::new(sg_client_free),
            ops: Slots::new(sg_op_free),
            queues: Slots::new(sg_queue_free),
            pages: Slots::new(sg_pages_free),
            sign_ins: Slots::new(sg_sign_in_free),
            feeds: Slots::new(sg_events_free),
            results: Slots::new(sg_result_free),
            errors: Slots::new(sg_error_free),
            texts: Texts::default(),
            shut_down: false,
            watches: Vec::new(),
        };
        let kept = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
        let client = kept.map_or_else(first_client, |kept| kept as *mut sg_client);
        let mut queue = null_mut();
        // SAFETY: there is a place for the queue.
        assert_eq!(unsafe { sg_queue_new(&mut queue) }, Status::Ok);
        world.clients.put(client);
        world.clients.first = client;
        world.options.put(sg_options_new());
        world.queues.put(queue);
        world
    }

    pub(super) fn change_site(&mut self, input: &mut Input<'_>) {
        site::change(input);
    }

    /// A handle for a parameter of another type, or one that is not aligned. The library must see that.
    fn foreign<T>(&self, input: &mut Input<'_>) -> *mut T {
        let places: [*mut c_void; 6] = [
            self.clients.handles[0].cast(),
            self.options.handles[0].cast(),
            self.queues.handles[0].cast(),
            self.ops.handles[0].cast(),
            self.results.handles[0].cast(),
            self.errors.handles[0].cast(),
        ];
        let (handle, misplaced) = (input.pick(&places), input.one_in(4));
        match NonNull::new(handle) {
            Some(handle) if misplaced => handle.as_ptr().wrapping_byte_add(1).cast(),
            Some(handle) => handle.as_ptr().cast(),
            None => null_mut(),
        }
    }

    fn lend<T>(&self, slots: &Slots<T>, input: &mut Input<'_>) -> *mut T {
        match input.below(16) {
            14 => null_mut(),
            15 => {
                let foreign: *mut T = self.foreign(input);
                // What is of this type after all must not be used twice at once, and it is not.
                foreign
            }
            _ => slots.get(input),
        }
    }

    pub(super) fn option(&self, input: &mut Input<'_>) -> *mut sg_options {
        self.lend(&self.options, input)
    }

    pub(super) fn client(&self, input: &mut Input<'_>) -> *const sg_client {
        self.lend(&self.clients, input)
    }

    pub(super) fn op(&self, input: &mut Input<'_>) -> *const sg_op {
        self.lend(&self.ops, input)
    }

    pub(super) fn queue(&self, input: &mut Input<'_>) -> *const sg_queue {
        self.lend(&self.queues, input)
    }

    pub(super) fn page(&self, input: &mut Input<'_>) -> *const sg_pages {
        self.lend(&self.pages, input)
    }

    pub(super) fn feed(&self, input: &mut Input<'_>) -> *const sg_events {
        self.lend(&self.feeds, input)
    }

    pub(super) fn sign_in(&self, input: &mut Input<'_>) -> *const sg_sign_in {
        self.lend(&self.sign_ins, input)
    }

    pub(super) fn result(&self, input: &mut Input<'_>) -> *const sg_result {
        self.lend(&self.results, input)
    }

    /// A record: an own one, or an operation's.
    pub(super) fn error(&self, input: &mut Input<'_>) -> *const sg_error {
        if input.one_in(3) {
            // SAFETY: an operation that lives, or NULL.
            return unsafe { sg_op_error(self.ops.get(input)) };
        }
        self.lend(&self.errors, input)
    }

    /// A cursor somewhere in a result.
    pub(super) fn value(&self, input: &mut Input<'_>) -> *const sg_value {
        if input.one_in(16) {
            return no_cursor(input);
        }
        // SAFETY: the result lives, and so do its cursors.
        unsafe {
            let mut value = sg_result_value(self.results.get(input));
            for _ in 0..input.below(5) {
                let next = match input.below(3) {
                    0 => sg_value_first(value),
                    1 => sg_value_next(value),
                    _ => sg_value_at(value, input.below(4)),
                };
                value = if next.is_null() { value } else { next };
            }
            value
        }
    }

    /// Begins to watch a callback.
    pub(super) fn watch(&mut self, by: By) -> Arc<Watch> {
        let watch = Watch::new(by);
        self.watches.push(Arc::clone(&watch));
        watch
    }

    /// The function that was to take a callback failed.
    pub(super) fn not_taken(&mut self, watch: &Arc<Watch>) {
        watch.take_back();
        self.watches.retain(|other| !Arc::ptr_eq(other, watch));
    }

    /// What holds for every status: it and the thread's record say the same, and a failure says why.
    pub(super) fn check(&self, got: Status) -> bool {
        assert_ne!(got, Status::Internal, "{}", last_message());
        assert_eq!(sg_last_error_status(), got, "{}", last_message());
        let message = last_message();
        assert_eq!(message.is_empty(), got == Status::Ok, "{message}");
        assert!(!message.contains(SECRET), "{message}");
        got == Status::Ok
    }

    /// Keeps what came out of an `out` parameter that began as something else. NULL for `out` is an error.
    pub(super) fn keep<T>(&mut self, got: Status, out: Option<*mut T>, slots: fn(&mut World) -> &mut Slots<T>, may_be_null: bool) {
        let good = self.check(got);
        match out {
            None => assert!(!good, "there is nowhere to put the answer"),
            Some(made) if good => {
                assert!(may_be_null || !made.is_null(), "a success gives something");
                slots(self).put(made);
            }
            Some(made) => assert!(made.is_null(), "a failure gives nothing"),
        }
    }

    /// What holds after every call, those that cannot fail too.
    pub(super) fn after(&mut self, name: &str) {
        assert_ne!(sg_last_error_status(), Status::Internal, "{name}: {}", last_message());
        self.texts.clear();
    }

    /// Frees everything in this or that order, and sees that all that was promised to be called was.
    pub(super) fn end(mut self, input: &mut Input<'_>) {
        site::behave();
        // SAFETY: operations that live, or NULL.
        self.ops.all().for_each(|op| unsafe {
            sg_op_cancel(op);
        });
        let mut order: [fn(&mut World); 9] = [
            |world| world.ops.free_all(),
            |world| world.queues.free_all(),
            |world| world.pages.free_all(),
            |world| world.sign_ins.free_all(),
            |world| world.feeds.free_all(),
            |world| world.results.free_all(),
            |world| world.clients.free_all(),
            |world| world.options.free_all(),
            |world| world.errors.free_all(),
        ];
        order.rotate_left(input.below(9));
        if !self.shut_down && !self.clients.first.is_null() {
            let first = self.clients.first;
            self.clients
                .handles
                .iter_mut()
                .filter(|handle| **handle == first)
                .for_each(|handle| *handle = null_mut());
            *FIRST.lock().unwrap_or_else(PoisonError::into_inner) = Some(first as usize);
        }
        order.iter().for_each(|free| free(&mut self));
        // SAFETY: there is no function to be called.
        assert_eq!(unsafe { sg_log_set(None, 1, null_mut(), None) }, Status::Ok);
        let began = Instant::now();
        for watch in &self.watches {
            while !watch.is_over() {
                assert!(began.elapsed() < LONG, "a callback or a finalizer never came");
                std::thread::sleep(Duration::from_micros(200));
            }
            watch.check();
        }
        // SAFETY: the record is this thread's.
        unsafe { sg_error_free(sg_error_take_last()) };
    }
}

fn last_message() -> String {
    // SAFETY: never NULL, and of this thread.
    let text = unsafe { CStr::from_ptr(sg_last_error()) };
    text.to_str().expect("messages are UTF-8").to_owned()
}

/// A place that is no cursor, in memory of which the library may look at as much as belongs to a cursor.
fn no_cursor(input: &mut Input<'_>) -> *const sg_value {
    #[repr(align(1024))]
    struct Block([u8; 1024]);
    static BLOCK: Block = Block([0x73; 1024]);
    BLOCK.0.as_ptr().wrapping_add(input.below(1024)).cast()
}
