//! `sg_result`: what a call answered.
#![allow(unsafe_code)]

use std::ffi::c_char;

use super::guard;
use super::handle::{Borrowed, Exclusive, Handle, InBox, Out, Owned};
use super::value::sg_value;
use crate::client::Document;

/// The answer to a call: a JSON value, as the site sent it but for what sg_call() changes in records.
///
/// It never changes: any number of threads may read it at once. It does not need its client any more: it stays valid after
/// sg_client_free(), after sg_runtime_shutdown(), and in a forked child.
pub struct sg_result {
    _opaque: [u8; 0],
}

impl Handle for sg_result {
    type Body = Document;
    type Place = InBox;
    const NAME: &'static str = "sg_result";
    const MARK: u64 = u64::from_le_bytes(*b"sg_reslt");
}

/// A new result for C.
pub(super) fn give(document: Document) -> *mut sg_result {
    let result = Owned::<sg_result>::new(document).into_c();
    // SAFETY: it was just made, and nobody else has it.
    if let Ok(document) = unsafe { Exclusive::from_c(result) }.get("result") {
        // It stays in its box until it is freed.
        document.settle();
    }
    result
}

/// The JSON text of the whole answer: the site's bytes, but for what sg_call() changes in records. That of sg_call_raw() is not changed.
///
/// @param[in] result  the result; NULL gives NULL; stays the caller's.
/// @param[out] len  its length in bytes without the NUL; may be NULL.
/// @return The text, UTF-8 and NUL-terminated, borrowed from the result; NULL if result is NULL.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_result_json(result: *const sg_result, len: *mut usize) -> *const c_char {
    from_c!(result: Borrowed<sg_result>, len: Out<usize>);
    guard::getter(std::ptr::null(), || {
        len.put(0);
        let Some(document) = result.peek() else { return std::ptr::null() };
        len.put(document.json().len());
        document.json_with_nul().as_ptr().cast()
    })
}

/// A cursor on the whole answer, from where sg_value_get(), sg_value_at() and the others go on.
///
/// @param[in] result  the result; NULL gives NULL; stays the caller's.
/// @return The cursor, borrowed from the result and never freed by itself; NULL if result is NULL.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_result_value(result: *const sg_result) -> *const sg_value {
    from_c!(result: Borrowed<sg_result>);
    guard::getter(std::ptr::null(), || {
        let root = |document: &Document| document.address(Some(document.root())).cast();
        result.peek().map_or(std::ptr::null(), root)
    })
}

/// Frees a result, and with it every cursor and text that came from it.
///
/// @param[in] result  the result, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once nobody uses the result
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_result_free(result: *mut sg_result) {
    from_c!(result: Owned<sg_result>);
    guard::getter((), || drop(result.take()));
}
