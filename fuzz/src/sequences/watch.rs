//! What is given to the library as `user_data`: it sees that callbacks come once and finalizers once, and nothing after them.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use shotgrid::client::{Level, Status};
use shotgrid::ffi::*;

use super::texts::SECRET;

/// Who calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The library's own thread.
    Library,
    /// A queue's dispatch.
    Queue,
    /// The log, or a session that ended: any number of times.
    Log,
}

/// One callback and its finalizer.
pub(super) struct Watch {
    by: By,
    done: AtomicU32,
    finalized: AtomicU32,
}

impl Watch {
    pub(super) fn new(by: By) -> Arc<Watch> {
        Arc::new(Watch {
            by,
            done: AtomicU32::new(0),
            finalized: AtomicU32::new(0),
        })
    }

    /// The share that the library holds until it calls [`finalized`].
    pub(super) fn lend(self: &Arc<Self>) -> *mut c_void {
        Arc::into_raw(Arc::clone(self)).cast_mut().cast()
    }

    /// Takes back what was lent, because the library did not take it.
    pub(super) fn take_back(self: &Arc<Self>) {
        assert_eq!(self.finalized.load(Ordering::SeqCst), 0, "a function that failed has finalized");
        // SAFETY: it came from `lend`, and nobody else has it.
        drop(unsafe { Arc::from_raw(Arc::as_ptr(self)) });
    }

    /// Whether the library is through with it.
    pub(super) fn is_over(&self) -> bool {
        self.finalized.load(Ordering::SeqCst) > 0
    }

    /// What must have happened by the end.
    pub(super) fn check(&self) {
        assert_eq!(self.finalized.load(Ordering::SeqCst), 1, "finalized once");
        let done = self.done.load(Ordering::SeqCst);
        match self.by {
            By::Library => assert_eq!(done, 1, "called once"),
            By::Queue => assert!(done <= 1, "called {done} times"),
            By::Log => {}
        }
    }
}

/// # Safety
/// `user_data` came from [`Watch::lend`].
unsafe fn seen(user_data: *mut c_void) -> By {
    // SAFETY: as promised.
    let watch = unsafe { &*user_data.cast::<Watch>() };
    assert_eq!(watch.finalized.load(Ordering::SeqCst), 0, "called behind its finalizer");
    watch.done.fetch_add(1, Ordering::SeqCst);
    watch.by
}

pub(super) unsafe extern "C" fn on_done(op: *mut sg_op, user_data: *mut c_void) {
    // SAFETY: the library gives back what it was given, and an operation that lives.
    unsafe {
        let by = seen(user_data);
        assert_eq!(sg_op_is_done(op), 1);
        let mut result = std::ptr::null_mut();
        if sg_op_take_result(op, &mut result) == Status::Ok {
            sg_result_free(result);
        }
        // The last call of a callback that runs in a dispatch: it leaves no error behind in that thread's record.
        let waited = sg_op_wait(op, -1);
        let expected = if by == By::Library {
            Status::InvalidStateReentrant
        } else {
            Status::Ok
        };
        assert_eq!(waited, expected);
    }
}

pub(super) unsafe extern "C" fn on_log(level: Level, target: *const c_char, message: *const c_char, user_data: *mut c_void) {
    // SAFETY: as above; both texts end with a NUL.
    unsafe {
        seen(user_data);
        for text in [target, message] {
            let text = CStr::from_ptr(text).to_str().expect("logs are UTF-8");
            assert!(!text.is_empty() && !text.contains(SECRET), "{level:?}: {text}");
        }
    }
}

pub(super) unsafe extern "C" fn on_expired(user_data: *mut c_void) {
    // SAFETY: as above.
    unsafe { seen(user_data) };
}

pub(super) unsafe extern "C" fn finalize(user_data: *mut c_void) {
    // SAFETY: this is the share that was lent, and it is given back once.
    let watch = unsafe { Arc::from_raw(user_data.cast::<Watch>()) };
    assert_eq!(watch.finalized.fetch_add(1, Ordering::SeqCst), 0, "finalized twice");
}
