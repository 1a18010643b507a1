//! Text for parameters, and which parameters there are.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};

use once_cell::sync::Lazy;

use super::guard;
use super::string::{Buffer, Text};
use crate::client::{methods_json, quote};

static METHODS: Lazy<CString> = Lazy::new(|| CString::new(methods_json()).unwrap_or_default());

/// Writes a text as a JSON string, in quotes and with its quotes, backslashes and control characters escaped, for a host that puts
/// parameters together without a JSON library. What people type must go through it.
///
/// As snprintf, it tells how much room it needs; but what does not fit is not cut off, because half a string breaks the JSON
/// around it: then the buffer becomes "".
///
/// @param[in] text  the text; NULL becomes the JSON null.
/// @param[out] buffer  the caller's memory; may be NULL if capacity is 0.
/// @param[in] capacity  its size in bytes.
/// @return The length of the JSON in bytes without the NUL: it is whole if this is less than capacity. 0 if the text is not UTF-8.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_json_quote(text: *const c_char, buffer: *mut c_char, capacity: usize) -> usize {
    from_c!(text: Text);
    // SAFETY: the caller keeps to the header: buffer is NULL or has room for capacity bytes.
    let buffer = unsafe { Buffer::from_c(buffer, capacity) };
    guard::getter(0, || {
        let json = match text.optional("text") {
            Ok(text) => text.map_or("null".to_owned(), quote),
            Err(_) => String::new(),
        };
        let length = json.len();
        let whole = if length < capacity { json } else { String::new() };
        buffer.fill(&CString::new(whole).unwrap_or_default());
        length
    })
}

/// What sg_call() knows, for bindings that offer each method by its name: a JSON object whose keys are the methods' names. Each method is
/// an object with the texts `summary` and `returns`, `example` (parameters as sg_call() takes them; null where there are none), and
/// `parameters` in their positional order, each with `name`, `takes` (in words), `required`, and `default` where it has one.
///
/// It is docs/methods.md in another form. Later versions may add methods, parameters behind the present ones, and members.
///
/// @return Never NULL. The text is the library's and lives as long as the process.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_methods_json() -> *const c_char {
    const NONE: &CStr = c"{}";
    guard::getter(NONE.as_ptr(), || METHODS.as_ptr())
}
