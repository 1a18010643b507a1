//! The host's own functions, called back by the library.
#![allow(unsafe_code)]

use std::ffi::c_void;

use super::guard;
use super::handle::{Borrowed, lend};
use super::op::sg_op;
use crate::client::{Error, Result, Status};
use crate::runtime::Job;

/// Is told that an operation is at its end.
///
/// Where the host has freed the operation before, it is still valid for the time of the callback. It may be freed inside.
/// A callback must not throw, and must not longjmp() out. On the library's thread for callbacks all signals are blocked, and a program that
/// is started there inherits that.
///
/// - op: the operation, by the pointer that began it; the host's as ever
/// - user_data: as it was given
pub type sg_done_fn = Option<unsafe extern "C" fn(op: *mut sg_op, user_data: *mut c_void)>;

/// Lets the host clean up what it gave as user_data. It is called exactly once: after the callback, or when it is certain that the
/// callback will never be called. Where the function that takes it fails, it is not called. It must not throw.
///
/// - user_data: as it was given
pub type sg_finalize_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Has a function called when an operation is at its end; soon, if it is already.
///
/// It is called exactly once, well or not, after a cancel and a shutdown too, and never inside this function. It runs on the library's
/// one thread for callbacks, one after another, so it should be brief, and calls that wait answer
/// SG_STATUS_INVALID_STATE_REENTRANT there. To be called on a thread of your own use sg_queue_on_done().
///
/// @param[in] op  the operation; not NULL; stays the caller's, and may be freed at once.
/// @param[in] on_done  the function; not NULL.
/// @param[in] user_data  is passed to it; may be NULL; stays the host's.
/// @param[in] finalize  cleans up user_data when the library is done with it; NULL if there is nothing to clean up.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the operation has a callback already, or the library
///   was shut down; SG_STATUS_FORKED; SG_STATUS_INTERNAL: the thread for callbacks could not be started
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_on_done(op: *const sg_op, on_done: sg_done_fn, user_data: *mut c_void, finalize: sg_finalize_fn) -> Status {
    from_c!(op: Borrowed<sg_op>);
    guard::status(|| {
        let call = done_job(&op, on_done, user_data, finalize)?;
        let work = op.get("op")?;
        let dispatcher = work.runtime().dispatcher()?;
        work.operation().on_done(|| {
            let job = call();
            Box::new(move || dispatcher.run(job))
        })
    })
}

/// What calls the host back about an operation, made once it is certain that it will be kept: dropping it finalizes.
pub(super) fn done_job(
    op: &Borrowed<'_, sg_op>,
    on_done: sg_done_fn,
    user_data: *mut c_void,
    finalize: sg_finalize_fn,
) -> Result<impl FnOnce() -> Job> {
    let op = op.share("op")?;
    op.body().runtime().check_process()?;
    let on_done = on_done.ok_or_else(|| Error::invalid_argument("on_done is NULL"))?;
    Ok(move || -> Job {
        let user_data = UserData::new(user_data, finalize);
        Box::new(move || {
            // SAFETY: the host promised that the function may be called with its own user_data.
            lend::<sg_op>(&op, |op| unsafe { on_done(op, user_data.pointer()) });
            drop(user_data);
        })
    })
}

/// What the host gave with a function. Dropping it finalizes.
pub(super) struct UserData {
    pointer: *mut c_void,
    finalize: sg_finalize_fn,
}

// SAFETY: the header says on which threads functions are called and data are finalized; the host gave them for that.
unsafe impl Send for UserData {}
// SAFETY: nothing is read through the pointer here.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(pointer: *mut c_void, finalize: sg_finalize_fn) -> Self {
        UserData { pointer, finalize }
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(finalize) = self.finalize {
            // SAFETY: the host promised that it may be called with its own user_data; a value is dropped once.
            unsafe { finalize(self.pointer) };
        }
    }
}
