//! The frame of every exported function: no panic leaves it, and failures reach the thread's error record.

use super::error::{clear_last, set_last};
use crate::client::{Error, Result, Status};
use crate::runtime::{Uncancelled, panics};

/// The frame of a function that can fail: clears this thread's error, runs `call`, and records how it failed.
pub fn status(call: impl FnOnce() -> Result<()>) -> Status {
    let _uncancelled = Uncancelled::here();
    panics::catch(|| framed(call)).unwrap_or_else(broken)
}

/// The frame of a function that cannot fail. `fallback` is the answer if it panics nevertheless.
pub fn getter<T>(fallback: T, call: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::here();
    panics::catch(call).unwrap_or_else(|told| {
        broken(told);
        fallback
    })
}

/// As [`status`], for functions that read one value of a result.
#[inline]
pub(super) fn reading_status(call: impl FnOnce() -> Result<()>) -> Status {
    panics::catch_small(|| framed(call)).unwrap_or_else(broken)
}

/// As [`getter`], for functions that read one value of a result: hosts call them for every value of every row.
#[inline]
pub(super) fn reading<T>(fallback: T, call: impl FnOnce() -> T) -> T {
    panics::catch_small(call).unwrap_or_else(|told| {
        broken(told);
        fallback
    })
}

#[inline]
fn framed(call: impl FnOnce() -> Result<()>) -> Status {
    clear_last();
    call().map_or_else(recorded, |()| Status::Ok)
}

#[cold]
fn recorded(error: Error) -> Status {
    let status = error.status;
    set_last(&error);
    status
}

/// A panic is a defect of the library; `told` says where it is.
#[cold]
fn broken(told: String) -> Status {
    // Recording it must not be what ends the host.
    let _ = panics::catch(|| set_last(&Error::new(Status::Internal, told)));
    Status::Internal
}
