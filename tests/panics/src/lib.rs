//! The library with all of its functions, and one more that panics inside the frame every exported function has.
//! The released library has no function that could be made to panic, so its tests need one of their own.

// The second exported name.
#![allow(unsafe_code)]

use shotgrid::client::Status;
use shotgrid::ffi::guard;

/// Panics inside the guard.
///
/// Declared by tests/c/panics.h, not by the library's header.
#[allow(clippy::panic)]
#[unsafe(no_mangle)]
pub extern "C" fn sg_test_panic() -> Status {
    guard::status(|| panic!("this defect was made on purpose"))
}
