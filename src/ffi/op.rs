//! `sg_op`: a call that goes on while the caller does something else.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use once_cell::race::OnceBox;

use super::client::sg_client;
use super::error::{Report, sg_error};
use super::guard;
use super::handle::{Borrowed, Handle, InBox, Out, Owned};
use super::result::{give, sg_result};
use super::string::Text;
use super::structs::sg_call_options;
use crate::client::{Client, Document, Progress, Result, Status};
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
    operation: Operation<Document>,
    progress: Arc<Progress>,
    /// The record that sg_op_error() lends, made when it is first asked for.
    error: OnceBox<Lent>,
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
    type Place = InBox;
    const NAME: &'static str = "sg_op";
    const MARK: u64 = u64::from_le_bytes(*b"sg_op_op");
}

/// Begins a call and returns at once: sg_call() without the wait.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
/// @param[in] method  a method's name; not NULL; copied.
/// @param[in] params_json  as for sg_call(); NULL for no arguments; copied.
/// @param[in] options  limits of this call, or NULL for the client's own; copied.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK: the call is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
///   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED; SG_STATUS_UNSUPPORTED: options of a later version ask for
///   something that this version does not know
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_submit(
    client: *const sg_client,
    method: *const c_char,
    params_json: *const c_char,
    options: *const sg_call_options,
    out: *mut *mut sg_op,
) -> Status {
    from_c!(client: Borrowed<sg_client>, method: Text, params_json: Text, out: Out<*mut sg_op>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let connection = client.share("client")?;
        let method = method.required("method")?.to_owned();
        let params = params_json.optional("params_json")?.unwrap_or("").to_owned();
        // SAFETY: the caller keeps to the header: options are NULL or begin with their size.
        let options = unsafe { sg_call_options::read(options) }?;
        let client = options.limit(connection.body().client.clone());
        let work = Work::start(&connection.body().runtime, client, method, params)?;
        out.put(Owned::<sg_op>::new(work).into_c());
        Ok(())
    })
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

/// Cancels an operation. Whoever waits for it is told at once; connections are closed and unfinished files removed.
///
/// An operation that was cancelled in time fails with SG_STATUS_CANCELLED; sg_error_may_have_applied() tells whether the site
/// may have done a write all the same. Cancelling again, or at the end, does nothing.
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
/// @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_STATE: it goes on, or its result was taken; otherwise how the call failed, as
///   sg_call(), with SG_STATUS_CANCELLED after a cancel
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_op_take_result(op: *const sg_op, out: *mut *mut sg_result) -> Status {
    from_c!(op: Borrowed<sg_op>, out: Out<*mut sg_result>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        out.put(give(Work::of(&op)?.operation.take()?));
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
        if let Some(work) = op.take() {
            let runtime = work.runtime.clone();
            runtime.release(work);
        }
    });
}

impl Work {
    fn start(runtime: &Runtime, client: Client, method: String, params: String) -> Result<Work> {
        let progress = Arc::<Progress>::default();
        let watched = Arc::clone(&progress);
        let stopped = Client::stopped(&method, "the operation was cancelled");
        let call = async move { client.call_watched(&method, &params, &watched).await };
        Ok(Work {
            runtime: runtime.clone(),
            operation: runtime.submit(stopped, call)?,
            progress,
            error: OnceBox::new(),
        })
    }

    /// The work behind an operation of this process.
    fn of<'a>(op: &Borrowed<'a, sg_op>) -> Result<&'a Work> {
        let work = op.get("op")?;
        work.runtime.check_process()?;
        Ok(work)
    }
}
