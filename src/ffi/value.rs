//! `sg_value`: cursors on a result, for hosts without a JSON parser.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::marker::PhantomData;

use super::error::is_surely_clear;
use super::guard;
use super::handle::Out;
use super::string::{Span, Text};
use crate::client::{Document, Error, Kind, Node, Page, Result, Status, Value};

/// A place in a result: a JSON value, or a member of an object with its key.
///
/// A cursor is borrowed from its sg_result: it is never freed by itself and is gone with it. All functions take a NULL
/// cursor as "nothing there", so that look-ups chain without checks in between:
/// `sg_value_string(sg_value_get(sg_value_at(rows, 0), "code"), NULL)`. Any other pointer is a mistake, which is told where it can be: for
/// that, memory at the multiple of 1024 before it is read.
pub struct sg_value {
    _opaque: [u8; 0],
}

/// What a cursor stands on.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sg_value_type {
    /// Nothing: the cursor is NULL.
    None = 0,
    /// The JSON null.
    Null = 1,
    /// true or false.
    Bool = 2,
    /// A number.
    Number = 3,
    /// A text; dates and times are texts too.
    String = 4,
    /// A list of values.
    Array = 5,
    /// Members with keys.
    Object = 6,
}

/// `const sg_value *`: the address of a node.
struct Cursor<'a>(*const sg_value, PhantomData<&'a sg_value>);

/// Where a cursor stands.
#[derive(Clone, Copy)]
struct Spot<'a> {
    page: &'a Page,
    /// The position in the page.
    index: usize,
    node: Node,
}

impl<'a> Spot<'a> {
    fn document(self) -> &'a Document {
        let document = std::ptr::with_exposed_provenance(self.page.owner());
        // SAFETY: the page has its mark, so it knows its document, which stays where it is until the result is freed.
        unsafe { &*document }
    }

    fn value(self) -> Value<'a> {
        Value::new(self.document(), self.page.number(self.index), self.node)
    }

    /// The number of the node that is so many nodes further on.
    fn ahead(self, by: usize) -> u32 {
        self.page.number(self.index + by)
    }
}

impl<'a> Cursor<'a> {
    /// # Safety
    /// `pointer` is NULL, or a cursor of a result that outlives `'a`.
    unsafe fn from_c(pointer: *const sg_value) -> Self {
        Cursor(pointer, PhantomData)
    }

    /// Where it stands; `None` for NULL and for what is no cursor.
    #[inline(always)]
    fn spot(&self) -> Option<Spot<'a>> {
        // What is before the first node, or between two, comes out as more than a page has.
        let index = (self.0.addr().wrapping_sub(Page::HEAD) % Page::SIZE) as u32;
        let index = index.rotate_right(size_of::<Node>().trailing_zeros()) as usize;
        if index >= Page::NODES {
            return None;
        }
        let page = self.0.cast::<Page>().map_addr(|address| address & !(Page::SIZE - 1));
        // SAFETY: a cursor is the address of a node, its page begins at the multiple of a page's size before it, and its result, which
        // holds the page, outlives 'a. Of what is no cursor this reads the same machine's page as the cursor itself is on.
        let page = unsafe { &*page };
        if !page.is_marked() {
            return None;
        }
        let node = page.get(index)?;
        Some(Spot { page, index, node })
    }

    /// The place, `None` for NULL and for what is no cursor.
    fn peek(&self) -> Option<Value<'a>> {
        self.spot().map(Spot::value)
    }

    /// The place, or an error.
    fn get(&self) -> Result<Value<'a>> {
        match self.peek() {
            Some(value) => Ok(value),
            None if self.0.is_null() => Err(Error::invalid_argument("value is NULL: there is nothing at that place")),
            None => Err(Error::invalid_argument("value is no cursor of a live sg_result")),
        }
    }

    /// From this place to another of the same result.
    fn step(&self, to: impl FnOnce(Value<'a>) -> Option<Value<'a>>) -> *const sg_value {
        let Some(spot) = self.spot() else { return std::ptr::null() };
        spot.document().address(to(spot.value())).cast()
    }

    /// The cursor of the value that is so many nodes further on.
    #[inline(always)]
    fn ahead(&self, spot: Spot<'a>, by: usize) -> *const sg_value {
        match spot.index + by < Page::NODES {
            true => self.0.cast::<Node>().wrapping_add(by).cast(),
            false => elsewhere(spot.document(), spot.ahead(by)),
        }
    }
}

/// The cursor of the value at a node of another page.
#[inline(never)]
fn elsewhere(document: &Document, number: u32) -> *const sg_value {
    document.address(document.value(number)).cast()
}

/// Gives a text that ends with a NUL, and its length without.
fn give_c_text(text: Option<&[u8]>, len: &Out<'_, usize>) -> *const c_char {
    give_text(text.and_then(|text| text.strip_suffix(&[0])), len)
}

/// Gives a text and its length.
fn give_text(text: Option<&[u8]>, len: &Out<'_, usize>) -> *const c_char {
    len.put(text.map_or(0, <[u8]>::len));
    text.map_or(std::ptr::null(), |text| text.as_ptr().cast())
}

/// What a cursor stands on.
///
/// @param[in] value  the cursor, or NULL.
/// @return SG_VALUE_TYPE_NONE for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_get_type(value: *const sg_value) -> sg_value_type {
    from_c!(value: Cursor);
    guard::reading(sg_value_type::None, || match value.spot().and_then(|spot| spot.node.kind()) {
        None => sg_value_type::None,
        Some(Kind::Null) => sg_value_type::Null,
        Some(Kind::Bool) => sg_value_type::Bool,
        Some(Kind::Number) => sg_value_type::Number,
        Some(Kind::String) => sg_value_type::String,
        Some(Kind::Array) => sg_value_type::Array,
        Some(Kind::Object) => sg_value_type::Object,
    })
}

/// How many elements an array or members an object has.
///
/// @param[in] value  the cursor, or NULL.
/// @return 0 for what is neither array nor object, and for NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_count(value: *const sg_value) -> usize {
    from_c!(value: Cursor);
    guard::reading(0, || {
        let container = value.spot().filter(|spot| spot.node.is_container());
        container.map_or(0, |spot| spot.value().count())
    })
}

/// The member of an object that has this key. Where a key is doubled, the last one counts.
///
/// @param[in] value  the cursor, or NULL.
/// @param[in] key  the key; NULL and what is not UTF-8 are found nowhere.
/// @return The cursor, borrowed from the result; NULL if there is no such member
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_get(value: *const sg_value, key: *const c_char) -> *const sg_value {
    from_c!(value: Cursor, key: Text);
    guard::reading(std::ptr::null(), || value.step(|value| value.get_bytes(key.bytes()?)))
}

/// As sg_value_get(), with the length of the key, which may hold NUL.
///
/// @param[in] value  the cursor, or NULL.
/// @param[in] key  the key; may be NULL if len is 0.
/// @param[in] len  its length in bytes.
/// @return The cursor, borrowed from the result; NULL if there is no such member
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_get_n(value: *const sg_value, key: *const c_char, len: usize) -> *const sg_value {
    from_c!(value: Cursor);
    // SAFETY: the caller keeps to the header: key is NULL or len bytes.
    let key = unsafe { Span::from_c(key, len) };
    guard::reading(std::ptr::null(), || value.step(|value| value.get(key.get("key").ok()?)))
}

/// The element of an array, or the member of an object, at a position.
///
/// To visit all of them, sg_value_first() and sg_value_next() are quicker.
///
/// @param[in] value  the cursor, or NULL.
/// @param[in] index  the position, from 0.
/// @return The cursor, borrowed from the result; NULL past the end
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_at(value: *const sg_value, index: usize) -> *const sg_value {
    from_c!(value: Cursor);
    guard::reading(std::ptr::null(), || value.step(|value| value.at(index)))
}

/// The first element of an array or member of an object, for a loop with sg_value_next().
///
/// @param[in] value  the cursor, or NULL.
/// @return The cursor, borrowed from the result; NULL if there is none
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_first(value: *const sg_value) -> *const sg_value {
    from_c!(value: Cursor);
    guard::reading(std::ptr::null(), || match value.spot() {
        Some(spot) if spot.node.is_container() && spot.node.step() > 1 => value.ahead(spot, 1),
        _ => std::ptr::null(),
    })
}

/// The element or member behind this one in the same array or object. One step, however large the array is.
///
/// @param[in] value  the cursor, or NULL.
/// @return The cursor, borrowed from the result; NULL after the last one
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_next(value: *const sg_value) -> *const sg_value {
    from_c!(value: Cursor);
    guard::reading(std::ptr::null(), || match value.spot() {
        Some(spot) if !spot.node.is_last() => value.ahead(spot, spot.node.step()),
        _ => std::ptr::null(),
    })
}

/// The value at a JSON pointer (RFC 6901), such as "/entities/0/code"; "" is the cursor itself.
///
/// @param[in] value  the cursor, or NULL.
/// @param[in] json_pointer  the pointer, with ~0 for ~ and ~1 for / inside a key; NULL finds nothing.
/// @return The cursor, borrowed from the result; NULL if there is no such value
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_pointer(value: *const sg_value, json_pointer: *const c_char) -> *const sg_value {
    from_c!(value: Cursor, json_pointer: Text);
    guard::reading(std::ptr::null(), || {
        value.step(|value| value.pointer(json_pointer.required("json_pointer").ok()?))
    })
}

/// The key of the member that a cursor stands on.
///
/// @param[in] value  the cursor, or NULL.
/// @param[out] len  its length in bytes without the NUL; may be NULL. A key may hold NUL.
/// @return The key, UTF-8 and NUL-terminated, borrowed from the result; NULL if the cursor stands on no object's member
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_key(value: *const sg_value, len: *mut usize) -> *const c_char {
    from_c!(value: Cursor, len: Out<usize>);
    guard::reading(std::ptr::null(), || {
        let key = value.spot().and_then(|spot| spot.document().c_keys().get(spot.value()));
        give_c_text(key, &len)
    })
}

/// The key of the member that a cursor stands on, without a NUL: what sg_value_key() gives, by less memory and time.
///
/// @param[in] value  the cursor, or NULL.
/// @param[out] len  its length in bytes; not NULL, because the key does not end there.
/// @return The key, UTF-8, borrowed from the result and not NUL-terminated; NULL if the cursor stands on no object's member or len is NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_key_text(value: *const sg_value, len: *mut usize) -> *const c_char {
    from_c!(value: Cursor, len: Out<usize>);
    text(value, len, Value::key_text)
}

/// The text of a string, decoded. Dates and times are strings: see sg_value_time_ms().
///
/// @param[in] value  the cursor, or NULL.
/// @param[out] len  its length in bytes without the NUL; may be NULL. A text may hold NUL.
/// @return The text, UTF-8 and NUL-terminated, borrowed from the result; NULL if there is no string
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_string(value: *const sg_value, len: *mut usize) -> *const c_char {
    from_c!(value: Cursor, len: Out<usize>);
    guard::reading(std::ptr::null(), || {
        let string = value.spot().and_then(|spot| spot.document().c_strings().get(spot.value()));
        give_c_text(string, &len)
    })
}

/// The text of a string, decoded, without a NUL: what sg_value_string() gives, by less memory and time, since most texts are given where
/// they stand in the reply.
///
/// @param[in] value  the cursor, or NULL.
/// @param[out] len  its length in bytes; not NULL, because the text does not end there.
/// @return The text, UTF-8, borrowed from the result and not NUL-terminated; NULL if there is no string or len is NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_text(value: *const sg_value, len: *mut usize) -> *const c_char {
    from_c!(value: Cursor, len: Out<usize>);
    match value.peek().and_then(Value::plain_text) {
        Some(text) if !len.is_null() => give_text(Some(text), &len),
        _ => text(value, len, Value::text),
    }
}

/// The JSON text of a value: the site's bytes, but for what sg_call() changes in records. That of sg_call_raw() is not changed.
///
/// @param[in] value  the cursor, or NULL.
/// @param[out] len  its length in bytes; not NULL, because the text does not end there.
/// @return The text, borrowed from the result and not NUL-terminated; NULL if value or len is NULL
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_json(value: *const sg_value, len: *mut usize) -> *const c_char {
    from_c!(value: Cursor, len: Out<usize>);
    text(value, len, |value| Some(value.json().as_bytes()))
}

/// Whether there is nothing: the JSON null, or no value at all.
///
/// @param[in] value  the cursor, or NULL.
/// @return 1 for the JSON null and for a NULL cursor, else 0
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_is_null(value: *const sg_value) -> i32 {
    from_c!(value: Cursor);
    guard::reading(1, || {
        i32::from(value.spot().is_none_or(|spot| spot.node.kind() == Some(Kind::Null)))
    })
}

/// Reads a whole number.
///
/// @param[in] value  the cursor; NULL is an error.
/// @param[out] out  the number; 0 on failure; not NULL.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: no number, not whole, or out of range. The message says what it is.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_int64(value: *const sg_value, out: *mut i64) -> Status {
    from_c!(value: Cursor, out: Out<i64>);
    match value.peek().and_then(Value::short_whole) {
        Some(number) if can_only_succeed(&out) => {
            out.put(number.into());
            Status::Ok
        }
        _ => read(value, out, 0, Value::as_i64),
    }
}

/// Reads a number as a double.
///
/// @param[in] value  the cursor; NULL is an error.
/// @param[out] out  the number; 0 on failure; not NULL.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: no number, or out of range. The message says what it is.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_double(value: *const sg_value, out: *mut f64) -> Status {
    from_c!(value: Cursor, out: Out<f64>);
    match value.peek().and_then(Value::short_whole) {
        Some(number) if can_only_succeed(&out) => {
            out.put(number.into());
            Status::Ok
        }
        _ => read(value, out, 0.0, Value::as_f64),
    }
}

/// Reads true or false.
///
/// @param[in] value  the cursor; NULL is an error.
/// @param[out] out  1 or 0; 0 on failure; not NULL.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: neither true nor false. The message says what it is.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_bool(value: *const sg_value, out: *mut i32) -> Status {
    from_c!(value: Cursor, out: Out<i32>);
    read(value, out, 0, |value| value.as_bool_checked().map(i32::from))
}

/// Reads the site's text of a date and time, or of a date, as milliseconds since 1970-01-01 00:00 UTC.
///
/// @param[in] value  the cursor; NULL is an error.
/// @param[out] out  the milliseconds, negative before 1970; 0 on failure; not NULL.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: no such text. The message says what it is.
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_value_time_ms(value: *const sg_value, out: *mut i64) -> Status {
    from_c!(value: Cursor, out: Out<i64>);
    read(value, out, 0, Value::as_time_ms)
}

/// Gives a text of a value that does not end with a NUL, where its length can be told.
#[inline(never)]
fn text<'a>(value: Cursor<'a>, len: Out<'_, usize>, of: fn(Value<'a>) -> Option<&'a [u8]>) -> *const c_char {
    guard::reading(std::ptr::null(), || match len.is_null() {
        true => std::ptr::null(),
        false => give_text(value.peek().and_then(of), &len),
    })
}

/// Reads a value, or says why not.
#[inline(never)]
fn read<'a, T: Copy>(value: Cursor<'a>, out: Out<'_, T>, nothing: T, reading: fn(Value<'a>) -> Result<T>) -> Status {
    guard::reading_status(|| {
        out.start(nothing)?;
        out.put(reading(value.get()?)?);
        Ok(())
    })
}

/// Whether a function that has a value to give is done when it has given it: what most calls do needs no frame.
#[inline(always)]
fn can_only_succeed<T>(out: &Out<'_, T>) -> bool {
    !out.is_null() && is_surely_clear()
}
