//! A client for Autodesk Flow Production Tracking (ShotGrid) sites behind a C ABI.
//!
//! * [`client`] is the library itself: ordinary safe Rust that knows nothing of C.
//! * [`runtime`] owns tokio: threads, waiting, fork and signal care.
//! * [`ffi`] is the C ABI of `include/shotgrid.h`; it converts and holds no logic.

pub mod client;
pub mod ffi;
pub mod runtime;
