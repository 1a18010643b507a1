//! `sg_queue`: callbacks on a thread of the host.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::num::NonZeroU32;
use std::time::Duration;

use super::callback::{done_job, sg_done_fn, sg_finalize_fn};
use super::error::clear_last;
use super::guard;
use super::handle::{Borrowed, Handle, InArc, Out, Owned};
use super::op::sg_op;
use crate::client::Status;
use crate::runtime::Queue;

/// Where callbacks wait until a thread of the host calls sg_queue_dispatch(): the way to be called back in applications whose
/// interface or scene may be touched by one thread alone.
///
/// An event loop watches sg_queue_fd(); a game loop dispatches in each frame without waiting.
pub struct sg_queue {
    _opaque: [u8; 0],
}

impl Handle for sg_queue {
    type Body = Queue;
    type Place = InArc;
    const NAME: &'static str = "sg_queue";
    const MARK: u64 = u64::from_le_bytes(*b"sg_queue");
}

/// Makes an empty queue. It serves operations of any number of clients.
///
/// @param[out] out  the queue, owned by the caller: give it to sg_queue_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_queue_new(out: *mut *mut sg_queue) -> Status {
    from_c!(out: Out<*mut sg_queue>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        out.put(Owned::<sg_queue>::new(Queue::default()).into_c());
        Ok(())
    })
}

/// Has a function called by sg_queue_dispatch() when an operation is at its end; by the next one, if it is already.
///
/// It is called exactly once, well or not, after a cancel and a shutdown too, unless the queue is freed before. All functions of the
/// library may be called inside, those that wait too.
///
/// @param[in] queue  the queue; not NULL; stays the caller's.
/// @param[in] op  the operation; not NULL; stays the caller's, and may be freed at once.
/// @param[in] on_done  the function; not NULL.
/// @param[in] user_data  is passed to it; may be NULL; stays the host's.
/// @param[in] finalize  cleans up user_data when the library is done with it, in sg_queue_dispatch() or sg_queue_free(); NULL if
///   there is nothing to clean up.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the operation has a callback already;
///   SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_queue_on_done(
    queue: *const sg_queue,
    op: *const sg_op,
    on_done: sg_done_fn,
    user_data: *mut c_void,
    finalize: sg_finalize_fn,
) -> Status {
    from_c!(queue: Borrowed<sg_queue>, op: Borrowed<sg_op>);
    guard::status(|| {
        let queue = queue.get("queue")?;
        let call = done_job(&op, on_done, user_data, finalize)?;
        queue.expect(op.get("op")?.operation(), call)
    })
}

/// Runs on this thread the callbacks that are due, in the order in which their operations ended.
///
/// Those that become due meanwhile wait for the next call, so that a frame is never held up for long. It may be called inside a
/// callback, as a dialogue does that runs an event loop of its own.
///
/// @param[in] queue  the queue; not NULL; stays the caller's.
/// @param[in] max_callbacks  run at most so many; 0 for all that are due.
/// @param[in] timeout_ms  if nothing is due, the longest wait for it in milliseconds; 0 only looks; negative waits for as long as it
///   takes.
/// @param[out] count  how many were run; may be NULL.
/// @return SG_STATUS_OK, also if none was due; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED in a child of the process that made
///   the queue
/// @threadsafe yes: each callback is run once, by one of the threads
/// @blocking yes, at most for timeout_ms and the callbacks' own time
/// @callback-safe inside callbacks of a queue; on the library's own threads it answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_queue_dispatch(queue: *const sg_queue, max_callbacks: u32, timeout_ms: i64, count: *mut u32) -> Status {
    from_c!(queue: Borrowed<sg_queue>, count: Out<u32>);
    guard::status(|| {
        count.put(0);
        // A share: a callback may free the queue.
        let queue = queue.share("queue")?;
        let limit = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let most = NonZeroU32::new(max_callbacks).map(NonZeroU32::get);
        count.put(queue.body().dispatch(most, limit)?);
        // What failed inside callbacks is theirs.
        clear_last();
        Ok(())
    })
}

/// Has a sg_queue_dispatch() that waits return without a callback; if none waits, the next one returns at once. Until then the
/// descriptor is readable.
///
/// @param[in] queue  the queue; not NULL; stays the caller's.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_queue_wake(queue: *const sg_queue) -> Status {
    from_c!(queue: Borrowed<sg_queue>);
    guard::status(|| queue.get("queue")?.wake())
}

/// A descriptor for poll(), epoll, QSocketNotifier, GLib or libuv: readable for as long as a callback is due, or a
/// sg_queue_wake() was not seen. Then call sg_queue_dispatch() with no wait; do not read from it, nor write to it, nor close it.
///
/// @param[in] queue  the queue; stays the caller's.
/// @return The descriptor, which is the queue's and closed with it; -1 on systems without such (Windows), and on failure, of which
///   sg_last_error() tells
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_queue_fd(queue: *const sg_queue) -> i32 {
    from_c!(queue: Borrowed<sg_queue>);
    let mut descriptor = -1;
    guard::status(|| {
        descriptor = queue.get("queue")?.descriptor()?;
        Ok(())
    });
    descriptor
}

/// Frees a queue. Callbacks that were not run never will be: their user_data have been finalized, on this thread, when it returns.
/// Their operations go on, and are still to be freed: a host whose callbacks free them keeps a list, or keeps the operation in user_data
/// and frees it in finalize.
///
/// @param[in] queue  the queue, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once no other thread uses the queue
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_queue_free(queue: *mut sg_queue) {
    from_c!(queue: Owned<sg_queue>);
    guard::getter((), || {
        if let Some(queue) = queue.take() {
            queue.body().close();
            if queue.body().is_foreign() {
                std::mem::forget(queue);
            }
        }
    });
}
