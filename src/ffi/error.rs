//! `sg_error`: this thread's last failure, and owned records of failures.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::guard;
use super::handle::{Borrowed, Handle, InBox, Owned};
use crate::client::{Error, Status};

/// The record of one failed call, owned by whoever took it with sg_error_take_last(). It never changes: any number of
/// threads may read it at once.
pub struct sg_error {
    _opaque: [u8; 0],
}

impl Handle for sg_error {
    type Body = Report;
    type Place = InBox;
    const NAME: &'static str = "sg_error";
    const MARK: u64 = u64::from_le_bytes(*b"sg_error");
}

/// An error with its texts as C reads them, made once.
pub(super) struct Report {
    status: Status,
    message: CString,
    server_message: Option<CString>,
    server_code: i64,
    http_status: i32,
    retryable: bool,
    retry_after_ms: i64,
    may_have_applied: bool,
    batch_index: i64,
    attachment_id: i64,
    operation: Option<CString>,
    entity_type: Option<CString>,
    entity_id: i64,
    field: Option<CString>,
    role: Option<CString>,
    rule_id: i64,
    rule_text: Option<CString>,
}

impl Report {
    pub(super) fn new(error: &Error) -> Self {
        let number = |number: Option<u64>| number.map_or(-1, |number| i64::try_from(number).unwrap_or(i64::MAX));
        let refusal = &error.refusal;
        Report {
            status: error.status,
            message: c_text(&error.message),
            server_message: error.server_message.as_deref().map(c_text),
            server_code: error.server_code.unwrap_or(0),
            http_status: error.http_status.map_or(0, i32::from),
            retryable: error.retryable && !error.may_have_applied,
            retry_after_ms: number(error.retry_after_ms),
            may_have_applied: error.may_have_applied,
            batch_index: number(error.batch_index),
            attachment_id: error.attachment_id.unwrap_or(0),
            operation: refusal.operation.as_deref().map(c_text),
            entity_type: refusal.entity_type.as_deref().map(c_text),
            entity_id: refusal.entity_id.unwrap_or(0),
            field: refusal.field.as_deref().map(c_text),
            role: refusal.role.as_deref().map(c_text),
            rule_id: refusal.rule_id.unwrap_or(0),
            rule_text: refusal.rule_text.as_deref().map(c_text),
        }
    }
}

/// A NUL inside, which would cut the text off for C, becomes U+FFFD.
fn c_text(text: &str) -> CString {
    CString::new(text)
        .or_else(|_| CString::new(text.replace('\0', "\u{fffd}")))
        .unwrap_or_default()
}

thread_local! {
    static LAST: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// A thread's record.
struct Kept {
    report: Box<Report>,
    _counted: Counted,
}

/// How many threads have a record. While it is none, no thread needs to look for its own.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// One of [`KEPT`].
struct Counted;

impl Counted {
    fn new() -> Counted {
        KEPT.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a thread is told whose record is gone already, because a destructor of the ending thread asks.
const UNAVAILABLE: &CStr = c"the error record is gone: this thread is ending";

/// Whether this thread's record is empty, as far as that is told without looking at the thread: a thread always sees what it counted itself.
#[inline]
pub(super) fn is_surely_clear() -> bool {
    KEPT.load(Ordering::Relaxed) == 0
}

/// Makes this thread's record empty.
#[inline]
pub(super) fn clear_last() {
    if !is_surely_clear() {
        drop(take());
    }
}

/// Records a failure as this thread's last.
pub(super) fn set_last(error: &Error) {
    let kept = Kept {
        report: Box::new(Report::new(error)),
        _counted: Counted::new(),
    };
    let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| last.replace(kept)));
}

fn take() -> Option<Box<Report>> {
    let kept = LAST.try_with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take()));
    kept.ok().flatten().map(|kept| kept.report)
}

/// Reads this thread's record; `gone` is the answer where a thread has none any more.
fn last<T>(gone: T, read: impl FnOnce(Option<&Report>) -> T) -> T {
    LAST.try_with(|last| last.try_borrow().ok().map(|last| read(last.as_ref().map(|kept| &*kept.report))))
        .ok()
        .flatten()
        .unwrap_or(gone)
}

/// The message of this thread's last failure, in words for a person. It holds no secret.
///
/// Every function that can fail and returns an sg_status clears the record when it begins, so after a success it is "".
/// Read it in a statement of its own: in `printf("%d %s", sg_call(...), sg_last_error())` it may be read before the call.
///
/// @return Never NULL; "" if there is no failure. Borrowed from the thread: gone with its next call that returns an
///   sg_status, and with sg_error_take_last().
/// @threadsafe yes: each thread has its own
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_last_error() -> *const c_char {
    guard::getter(UNAVAILABLE.as_ptr(), || {
        last(UNAVAILABLE.as_ptr(), |report| {
            report.map_or(c"".as_ptr(), |report| report.message.as_ptr())
        })
    })
}

/// The status of this thread's last failure. It does not clear the record.
///
/// @return SG_STATUS_OK if there is no failure; SG_STATUS_INVALID_STATE in a destructor of an ending thread whose record is
///   gone
/// @threadsafe yes: each thread has its own
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_last_error_status() -> Status {
    guard::getter(Status::Internal, || {
        last(Status::InvalidState, |report| report.map_or(Status::Ok, |report| report.status))
    })
}

/// Copies the message of this thread's last failure, by snprintf's rule: what does not fit is cut off, between characters,
/// and a NUL always ends the copy. It does not clear the record.
///
/// @param[out] buffer  the caller's memory; may be NULL if capacity is 0.
/// @param[in] capacity  its size in bytes.
/// @return The message's whole length in bytes without the NUL: the copy is whole if this is less than capacity
/// @threadsafe yes: each thread has its own
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_last_error_copy(buffer: *mut c_char, capacity: usize) -> usize {
    // SAFETY: the caller keeps to the header: buffer is NULL or capacity bytes.
    let buffer = unsafe { super::string::Buffer::from_c(buffer, capacity) };
    guard::getter(0, || {
        let copy = |text: &CStr| {
            buffer.fill(text);
            text.count_bytes()
        };
        last(None, |report| Some(copy(report.map_or(c"", |report| &report.message)))).unwrap_or_else(|| copy(UNAVAILABLE))
    })
}

/// Takes this thread's record as an object of its own, for bindings that make an exception of it.
///
/// @return The record, owned by the caller: give it to sg_error_free(). NULL if there is no failure. The thread's record
///   is empty afterwards.
/// @threadsafe yes: each thread has its own
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_error_take_last() -> *mut sg_error {
    guard::getter(std::ptr::null_mut(), || {
        take().map_or(std::ptr::null_mut(), |report| Owned::<sg_error>::new(*report).into_c())
    })
}

/// Frees a record.
///
/// @param[in] error  the record, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once nobody uses the record
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_free(error: *mut sg_error) {
    from_c!(error: Owned<sg_error>);
    guard::getter((), || drop(error.take()));
}

/// The status of the failure. It does not clear the thread's record.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return SG_STATUS_OK for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_status(error: *const sg_error) -> Status {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(Status::Ok, || error.peek().map_or(Status::Ok, |report| report.status))
}

/// What happened, in words for a person. It holds no secret.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return Never NULL; "" for NULL. Borrowed from the record.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_message(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(c"".as_ptr(), || error.peek().map_or(c"".as_ptr(), |report| report.message.as_ptr()))
}

/// The site's own words, unchanged.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return Borrowed from the record; NULL where the site said nothing, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_server_message(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    text(&error, |report| report.server_message.as_deref())
}

/// The error code of the site's reply, such as 103 or 104.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return 0 for none, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_server_code(error: *const sg_error) -> i64 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| report.server_code))
}

/// The HTTP status of the reply.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return 0 where no reply came, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_http_status(error: *const sg_error) -> i32 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| report.http_status))
}

/// Whether the same call may succeed if it is made again, and would do nothing twice: it is 0 wherever
/// sg_error_may_have_applied() is 1, and for what was cancelled.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return 1 or 0; 0 for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_is_retryable(error: *const sg_error) -> i32 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| i32::from(report.retryable)))
}

/// How long the site asks to wait before another attempt.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return milliseconds; -1 for none, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_retry_after_ms(error: *const sg_error) -> i64 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(-1, || error.peek().map_or(-1, |report| report.retry_after_ms))
}

/// Whether a write may have reached the site although no answer came back. Then look before you write again. Of a download that was cancelled,
/// whether its file may have taken its place all the same, or does at that very moment; where it is 0 it never will.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return 1 or 0; 0 for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_may_have_applied(error: *const sg_error) -> i32 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| i32::from(report.may_have_applied)))
}

/// Which request of a batch failed: the one that the site refused, or the first that the library did not send the batch for.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return counted from 0; -1 where no single request failed, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_batch_index(error: *const sg_error) -> i64 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(-1, || error.peek().map_or(-1, |report| report.batch_index))
}

/// The Attachment that was uploaded before a later step of the call failed, such as sharing it or reading the thumbnail.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return its id; 0 for none, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_attachment_id(error: *const sg_error) -> i64 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| report.attachment_id))
}

/// What a refusal forbids.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return "create", "read", "update", "delete", "revive" or "sudo", borrowed from the record; NULL where the site did not tell, and
///   for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_operation(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    text(&error, |report| report.operation.as_deref())
}

/// The entity type that a refusal is about, such as "Shot".
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return Borrowed from the record; NULL where the site did not tell, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_entity_type(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    text(&error, |report| report.entity_type.as_deref())
}

/// The id of the row that a refusal is about.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return 0 where the site did not tell, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_entity_id(error: *const sg_error) -> i64 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| report.entity_id))
}

/// The field that a refusal is about, such as "sg_status_list".
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return Borrowed from the record; NULL where the site did not tell, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_field(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    text(&error, |report| report.field.as_deref())
}

/// The permission role whose rule refused, by its display name.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return Borrowed from the record; NULL where the site did not tell, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_role(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    text(&error, |report| report.role.as_deref())
}

/// The number of the permission rule that refused.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return 0 where the site did not tell, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_rule_id(error: *const sg_error) -> i64 {
    from_c!(error: Borrowed<sg_error>);
    guard::getter(0, || error.peek().map_or(0, |report| report.rule_id))
}

/// The permission rule that refused, as the site words it.
///
/// @param[in] error  the record, or NULL; stays the caller's.
/// @return Borrowed from the record; NULL where the site did not tell, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_error_rule_text(error: *const sg_error) -> *const c_char {
    from_c!(error: Borrowed<sg_error>);
    text(&error, |report| report.rule_text.as_deref())
}

fn text(error: &Borrowed<'_, sg_error>, of: impl FnOnce(&Report) -> Option<&CStr>) -> *const c_char {
    guard::getter(std::ptr::null(), || {
        error.peek().and_then(of).map_or(std::ptr::null(), CStr::as_ptr)
    })
}
