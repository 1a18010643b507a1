//! The version of the library that is loaded.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

use super::guard;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

const NUMBER: u32 = (number(env!("CARGO_PKG_VERSION_MAJOR")) << 16)
    | (number(env!("CARGO_PKG_VERSION_MINOR")) << 8)
    | number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(value) => value,
        Err(_) => 0,
    }
}

/// The version of the loaded library as text, such as "0.1.0".
///
/// It may differ from SG_VERSION_NUMBER, which is the version of the header that your program was compiled with.
///
/// @return Never NULL. The text is the library's and lives as long as the process.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_lib_version() -> *const c_char {
    guard::getter(VERSION.as_ptr(), || VERSION.as_ptr())
}

/// The version of the loaded library as a number, built as SG_VERSION_NUMBER is.
///
/// @return (major << 16) | (minor << 8) | patch
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn sg_lib_version_number() -> u32 {
    guard::getter(NUMBER, || NUMBER)
}
