//! Text that comes from C.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;

use crate::client::{Error, Result};

/// `const char *`: NUL-terminated UTF-8.
pub(super) struct Text<'a>(*const c_char, PhantomData<&'a c_char>);

impl<'a> Text<'a> {
    /// # Safety
    /// `pointer` is NULL, or NUL-terminated text that outlives `'a` unchanged.
    pub(super) unsafe fn from_c(pointer: *const c_char) -> Self {
        Text(pointer, PhantomData)
    }

    /// The text as it stands there, UTF-8 or not; `None` for NULL.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        // SAFETY: the text is NUL-terminated and outlives 'a.
        (!self.0.is_null()).then(|| unsafe { CStr::from_ptr(self.0) }.to_bytes())
    }

    /// The text, or an error that names the parameter.
    pub(super) fn required(&self, name: &str) -> Result<&'a str> {
        self.optional(name)?
            .ok_or_else(|| Error::invalid_argument(format!("{name} is NULL")))
    }

    /// The text, `None` for NULL, or an error that names the parameter.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&'a str>> {
        self.bytes().map(|text| utf8(text, name)).transpose()
    }
}

/// `const char *` with a length: UTF-8 that may hold NUL and need not end with it.
pub(super) struct Span<'a>(*const c_char, usize, PhantomData<&'a c_char>);

impl<'a> Span<'a> {
    /// # Safety
    /// `pointer` is NULL, or `len` bytes that outlive `'a` unchanged.
    pub(super) unsafe fn from_c(pointer: *const c_char, len: usize) -> Self {
        Span(pointer, len, PhantomData)
    }

    /// The text, or an error that names the parameter. NULL with length 0 is the empty text.
    pub(super) fn get(&self, name: &str) -> Result<&'a str> {
        if self.1 == 0 {
            return Ok("");
        }
        if self.0.is_null() {
            return Err(Error::invalid_argument(format!("{name} is NULL, but its length is {}", self.1)));
        }
        if isize::try_from(self.1).is_err() {
            return Err(Error::invalid_argument(format!("the length of {name} is out of range: {}", self.1)));
        }
        // SAFETY: the bytes are there and outlive 'a, and the length is one that memory can have.
        utf8(unsafe { std::slice::from_raw_parts(self.0.cast::<u8>(), self.1) }, name)
    }
}

fn utf8<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str> {
    str::from_utf8(bytes).map_err(|error| Error::invalid_argument(format!("{name} is not UTF-8 (byte {})", error.valid_up_to())))
}

/// `char *` with a size: the caller's memory for a text.
pub(super) struct Buffer<'a>(*mut u8, usize, PhantomData<&'a mut u8>);

impl Buffer<'_> {
    /// # Safety
    /// `pointer` is NULL, or `capacity` bytes that nobody else uses meanwhile. They need not be initialised.
    pub(super) unsafe fn from_c(pointer: *mut c_char, capacity: usize) -> Self {
        Buffer(pointer.cast(), if pointer.is_null() { 0 } else { capacity }, PhantomData)
    }

    /// Copies a text with a NUL behind it if there is room for all of it, and tells whether there was.
    pub(super) fn fill_whole(&self, text: &str) -> bool {
        if self.1 <= text.len() {
            return false;
        }
        // SAFETY: the memory has room for the text and a NUL, and cannot overlap with text that the library owns.
        unsafe {
            self.0.copy_from_nonoverlapping(text.as_ptr(), text.len());
            self.0.add(text.len()).write(0);
        }
        true
    }

    /// Whether it is NULL.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_null()
    }

    /// Copies as much of a text as fits, in whole characters, with a NUL behind it.
    pub(super) fn fill(&self, text: &CStr) {
        let Some(room) = self.1.checked_sub(1) else { return };
        let bytes = text.to_bytes();
        let starts_character = |at: usize| bytes.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
        let end = (0..=room.min(bytes.len())).rev().find(|at| starts_character(*at)).unwrap_or(0);
        // SAFETY: the memory has room for `end` bytes and a NUL, and cannot overlap with text that the library owns.
        unsafe {
            self.0.copy_from_nonoverlapping(bytes.as_ptr(), end);
            self.0.add(end).write(0);
        }
    }
}
