//! The library's threads, as a host sees them.
#![allow(unsafe_code)]

use std::time::Duration;

use super::guard;
use crate::client::Status;
use crate::runtime;

/// Ends the library's threads, for a host's unload hook (uninitializePlugin, ShutdownModule) or before a check for leaks.
///
/// Calls that other threads have in flight end with SG_STATUS_CANCELLED. Clients that exist answer SG_STATUS_INVALID_STATE
/// from then on and are still to be freed; results stay valid. A new connect starts new threads. If no client was
/// connected, this does nothing. Threads that an earlier call left behind are waited for too, and so are threads of yours that
/// are inside of a call.
///
/// Callbacks of sg_op_on_done() are called, with SG_STATUS_CANCELLED, before it returns SG_STATUS_OK for a timeout_ms above 0. After
/// SG_STATUS_TIMEOUT_WAIT, and with 0, they may still be running or to come: code that they are in must stay loaded.
///
/// @param[in] timeout_ms  how long to wait for the threads' end; 0 to let them end by themselves.
/// @return SG_STATUS_OK: the threads are gone and no call goes on, or timeout_ms was 0; SG_STATUS_TIMEOUT_WAIT: some still end
/// @threadsafe yes; of two calls at once, one may return before the other's threads are gone
/// @blocking yes, at most for timeout_ms
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_runtime_shutdown(timeout_ms: u32) -> Status {
    guard::status(|| runtime::shutdown(Duration::from_millis(u64::from(timeout_ms))))
}
