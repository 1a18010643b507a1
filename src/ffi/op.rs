//! `sg_op`: a call, or a connect, that goes on while the caller does something else.
#![allow(unsafe_code)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use once_cell::race::OnceBox;

use super::client::{Connection, sg_client};
use super::error::{Report, sg_error};
use super::guard;
use super::handle::{Borrowed, Handle, InArc, Out, Owned};
use super::result::{give, sg_result};
use crate::client::{Client, Document, Error, Progress, Result, Status};
use crate::runtime::{Operation, Runtime};

/// A call under way, or at its end.
///
/// Any number of threads may wait for it, ask how far it is, or cancel it. Freeing it lets the call go on unobserved.
pub struct sg_op {
    _opaque: [u8; 0],
}

/// What is behind an `sg_op`.
pub(super) struct Work {
    runtime: Runtime,
    operation: Operation<Outcome>,
    gives: Gives,
    progress: Arc<Progress>,
    /// The record that sg_op_error() lends, made when it is first asked for.
    error: OnceBox<Lent>,
}

/// What an operation comes to.
pub(super) enum Outcome {
    /// `None`: behind the last page.
    Answer(Option<Document>),
    Client(Client),
}

/// What an operation comes to, as it is known from its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Answer,
    Client,
}

/// An error record that belongs to an operation.
struct Lent(*mut sg_error);

// SAFETY: a record never changes, and its one owner is the operation.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: the pointer came from Owned::into_c and whoever borrowed it is done with the operation.
        drop(unsafe { Owned::<sg_error>::from_c(self.0) }.take());
    }
}

impl Handle for sg_op {
    type Body = Work;
    type Place = InArc;
    const NAME: &'static str = "sg_op";
    const MARK: u64 = u64::from_le_bytes(*b"sg_op_op");
}

/// Waits until an operation is at its end.
///
/// @param[in] op  the operation; not NULL; stays the caller's.
/// @param[in] timeout_ms  the longest wait in milliseconds; 0 only looks; negative waits for as long as it takes.
/// @return SG_STATUS_OK: it is at its end, well or not; SG_STATUS_TIMEOUT_WAIT: it goes on; SG_STATUS_INVALID_ARGUMENT;
///   SG_STATUS_FORKED in a child of the process that began it
/// @threadsafe yes
/// @blocking yes, at most for timeout_ms
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_wait(op: *const sg_op, timeout_ms: i64) -> Status {
    from_c!(op: Borrowed<sg_op>);
    guard::status(|| {
        let work = Work::of(&op)?;
        work.operation.wait(u64::try_from(timeout_ms).ok().map(Duration::from_millis))
    })
}

/// Whether an operation is at its end.
///
/// @param[in] op  the operation, or NULL; stays the caller's.
/// @return 1: it is; 0: it goes on, or op is NULL, or belongs to a parent of this process
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_is_done(op: *const sg_op) -> i32 {
    from_c!(op: Borrowed<sg_op>);
    guard::getter(0, || Work::of(&op).map_or(0, |work| i32::from(work.operation.is_done())))
}

/// Cancels an operation. Whoever waits for it is told at once; connections are closed and unfinished files removed
/// soon after.
///
/// An operation that was cancelled in time fails with SG_STATUS_CANCELLED; sg_error_may_have_applied() tells whether the site
/// may have done a write all the same, and of a download whether its file may have taken its place. Cancelling again, or at the end, does nothing.
///
/// @param[in] op  the operation; not NULL; stays the caller's.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_cancel(op: *const sg_op) -> Status {
    from_c!(op: Borrowed<sg_op>);
    guard::status(|| {
        Work::of(&op)?.operation.cancel();
        Ok(())
    })
}

/// How far the files of an operation are, for uploads and downloads.
///
/// @param[in] op  the operation; not NULL; stays the caller's.
/// @param[out] done  the bytes that were moved so far; an attempt that failed is taken back. May be NULL.
/// @param[out] total  all bytes that there are to move; 0 while that is not known, and for calls without files. May be NULL.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_progress(op: *const sg_op, done: *mut u64, total: *mut u64) -> Status {
    from_c!(op: Borrowed<sg_op>, done: Out<u64>, total: Out<u64>);
    guard::status(|| {
        done.put(0);
        total.put(0);
        let work = op.get("op")?;
        done.put(work.progress.done());
        total.put(work.progress.total());
        Ok(())
    })
}

/// Takes what an operation came to. A result can be taken once; a failure is told each time.
///
/// @param[in] op  the operation; not NULL; stays the caller's.
/// @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure, and for
///   sg_pages_submit_next() behind the last page. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_STATE: it goes on, or its result was taken, or it is a connect, whose client
///   sg_op_take_client() gives; otherwise how the call failed, as sg_call(), with SG_STATUS_CANCELLED after a cancel
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_take_result(op: *const sg_op, out: *mut *mut sg_result) -> Status {
    from_c!(op: Borrowed<sg_op>, out: Out<*mut sg_result>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        match Work::of(&op)?.take(Gives::Answer)? {
            Outcome::Answer(Some(document)) => out.put(give(document)),
            Outcome::Answer(None) | Outcome::Client(_) => {}
        }
        Ok(())
    })
}

/// Takes the client of a connect that was begun with sg_submit_connect_user() and its like. It can be taken once; a failure is
/// told each time.
///
/// @param[in] op  the operation; not NULL; stays the caller's.
/// @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_STATE: it goes on, or its client was taken, or it is no connect; otherwise how the
///   connect failed, as sg_connect_user(), with SG_STATUS_CANCELLED after a cancel
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_take_client(op: *const sg_op, out: *mut *mut sg_client) -> Status {
    from_c!(op: Borrowed<sg_op>, out: Out<*mut sg_client>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let work = Work::of(&op)?;
        if let Outcome::Client(client) = work.take(Gives::Client)? {
            let runtime = work.runtime.clone();
            out.put(Owned::<sg_client>::new(Connection { runtime, client }).into_c());
        }
        Ok(())
    })
}

/// How an operation failed: its own record, whatever happened on this thread.
///
/// @param[in] op  the operation, or NULL; stays the caller's.
/// @return The record, borrowed from the operation and never freed by itself; NULL while it goes on, where it did not
///   fail, for NULL, and in a child of the process that began it.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_error(op: *const sg_op) -> *const sg_error {
    from_c!(op: Borrowed<sg_op>);
    guard::getter(std::ptr::null(), || {
        let Ok(work) = Work::of(&op) else { return std::ptr::null() };
        let Some(error) = work.operation.error() else {
            return std::ptr::null();
        };
        let lent = work
            .error
            .get_or_init(|| Box::new(Lent(Owned::<sg_error>::new(Report::new(&error)).into_c())));
        lent.0.cast_const()
    })
}

/// Frees an operation. A call that goes on does so, unobserved: to stop it, cancel it first.
///
/// @param[in] op  the operation, or NULL, which does nothing; gone afterwards, and its error record with it.
/// @threadsafe yes, once nobody uses the operation
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_free(op: *mut sg_op) {
    from_c!(op: Owned<sg_op>);
    guard::getter((), || {
        if let Some(op) = op.take() {
            let runtime = op.body().runtime.clone();
            runtime.release(op);
        }
    });
}

impl Work {
    /// Begins it. `stopped` tells what it comes to if it is stopped before its end.
    pub(super) fn start(
        runtime: &Runtime,
        gives: Gives,
        stopped: impl Fn() -> Error + Send + Sync + 'static,
        progress: Arc<Progress>,
        work: impl Future<Output = Result<Outcome>> + Send + 'static,
    ) -> Result<*mut sg_op> {
        let work = Work {
            runtime: runtime.clone(),
            operation: runtime.submit(stopped, work)?,
            gives,
            progress,
            error: OnceBox::new(),
        };
        Ok(Owned::<sg_op>::new(work).into_c())
    }

    /// The work behind an operation of this process.
    fn of<'a>(op: &Borrowed<'a, sg_op>) -> Result<&'a Work> {
        let work = op.get("op")?;
        work.runtime.check_process()?;
        Ok(work)
    }

    pub(super) fn operation(&self) -> &Operation<Outcome> {
        &self.operation
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn take(&self, wanted: Gives) -> Result<Outcome> {
        if self.gives != wanted {
            let what = match self.gives {
                Gives::Answer => "the operation is no connect; its answer is taken with sg_op_take_result()",
                Gives::Client => "the operation is a connect; its client is taken with sg_op_take_client()",
            };
            return Err(Error::new(Status::InvalidState, what));
        }
        self.operation.take()
    }
}
