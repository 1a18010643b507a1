//! The host's listener to the log.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_void};

use super::callback::{UserData, sg_finalize_fn};
use super::guard;
use crate::client::{Error, Level, Result, Status};
use crate::runtime::{Listener, listen};

/// Takes a message of the log.
///
/// It runs on the library's one thread for callbacks, after the fact: logging never holds up the network. A callback must not throw, must
/// not longjmp() out, and calls that wait answer SG_STATUS_INVALID_STATE_REENTRANT there.
///
/// - level: how much it matters
/// - target: what it is about: "connect", "session", "call", "retry" or "log"; valid for the time of the callback
/// - message: one line, UTF-8, without a secret; valid for the time of the callback
/// - user_data: as it was given
pub type sg_log_fn = Option<unsafe extern "C" fn(level: Level, target: *const c_char, message: *const c_char, user_data: *mut c_void)>;

/// Has a function take the messages of the log of all clients of this process, in place of the one before.
///
/// At SG_LOG_LEVEL_DEBUG every call is told with its method, milliseconds, requests, retries and bytes. When this returns, the function
/// before is not being called any more, and its user_data are finalized; called inside that very function, that happens when it
/// ends. Where a function is too slow, messages are lost, and it is told how many.
///
/// @param[in] log  the function; NULL for none.
/// @param[in] max_level  the least important sg_log_level that is wanted, such as SG_LOG_LEVEL_INFO. Not looked at where log is NULL.
/// @param[in] user_data  is passed to it; may be NULL; stays the host's.
/// @param[in] finalize  cleans up user_data when the function was replaced; NULL if there is nothing to clean up. Not called when this
///   fails, nor if log is NULL.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: max_level is no level, and log is not NULL
/// @threadsafe yes
/// @blocking yes, while the function before is being called
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_log_set(log: sg_log_fn, max_level: i32, user_data: *mut c_void, finalize: sg_finalize_fn) -> Status {
    guard::status(|| {
        let Some(log) = log else {
            listen(None);
            return Ok(());
        };
        let level = level(max_level)?;
        let user_data = UserData::new(user_data, finalize);
        let listener: Listener = Box::new(move |level, target, message| {
            let (target, message) = (c_text(target), c_text(message));
            // SAFETY: the host promised that the function may be called with its own user_data; the texts outlive the call.
            unsafe { log(level, target.as_ptr(), message.as_ptr(), user_data.pointer()) };
        });
        listen(Some((level, listener)));
        Ok(())
    })
}

fn level(code: i32) -> Result<Level> {
    let what = || {
        Error::invalid_argument(format!(
            "max_level is {code}; levels go from SG_LOG_LEVEL_ERROR (1) to SG_LOG_LEVEL_DEBUG (4)"
        ))
    };
    Level::from_code(code).ok_or_else(what)
}

/// One line, which C can read.
fn c_text(text: &str) -> CString {
    let line: Vec<u8> = text.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }).collect();
    CString::new(line).unwrap_or_default()
}
