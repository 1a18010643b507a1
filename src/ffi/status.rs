//! Names and meanings of status codes. The codes themselves are `client::Status`.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

use super::guard;
use crate::client::Status;

/// The texts of all statuses, each with a NUL behind it, made on first use.
///
/// Found without a lock: a fork while another thread makes them must not leave the child waiting.
static TEXTS: once_cell::race::OnceBox<Vec<(Status, std::ffi::CString, std::ffi::CString)>> = once_cell::race::OnceBox::new();

/// The name of a status, without its SG_STATUS_ prefix, such as "PERMISSION".
///
/// @param[in] status  any number; a detail that this version does not know is named as its class.
/// @return Never NULL; "UNKNOWN" for an unknown class. The text is the library's and lives as long as the process.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_status_name(status: i32) -> *const c_char {
    guard::getter(c"UNKNOWN".as_ptr(), || find(status).map_or(c"UNKNOWN", |(name, _)| name).as_ptr())
}

/// What a status means, in one sentence for a person.
///
/// @param[in] status  any number; a detail that this version does not know is described as its class.
/// @return Never NULL. The text is the library's and lives as long as the process.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_status_describe(status: i32) -> *const c_char {
    const UNKNOWN: &CStr = c"A status that this version of the library does not know.";
    guard::getter(UNKNOWN.as_ptr(), || find(status).map_or(UNKNOWN, |(_, meaning)| meaning).as_ptr())
}

fn find(code: i32) -> Option<(&'static CStr, &'static CStr)> {
    let wanted = Status::from_code(code)?;
    let text = |text: &str| std::ffi::CString::new(text).unwrap_or_default();
    let all = TEXTS.get_or_init(|| {
        Box::new(
            Status::ALL
                .iter()
                .map(|status| (*status, text(status.name()), text(status.describe())))
                .collect(),
        )
    });
    let (_, name, meaning) = all.iter().find(|(status, _, _)| *status == wanted)?;
    Some((name, meaning))
}
