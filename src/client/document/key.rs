//! The keys of an object's members, which stand in the text alone.

#![allow(
    clippy::indexing_slicing,
    reason = "the text was validated, so a key stands before a member's value"
)]

use std::borrow::Cow;
use std::ops::Range;

use super::{Document, cstrings};
use crate::client::json::quote;

/// The key of a member.
#[derive(Clone, Copy)]
pub struct Key<'d> {
    text: &'d str,
    /// The first byte behind the opening quote.
    start: usize,
    /// The closing quote.
    end: usize,
    /// Whether no key of the document has escapes.
    plain: bool,
}

/// The closing quote of the key before a value. Between them there are a colon and white space, and nothing else.
fn end_before(text: &[u8], value: usize) -> usize {
    let mut end = value - 1;
    while text[end] != b'"' {
        end -= 1;
    }
    end
}

/// The last quote before `end`, where there is one. Eight bytes are looked at as one word.
fn quote_before(text: &[u8], mut end: usize) -> usize {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    while let Some(word) = text[..end].last_chunk() {
        let others = u64::from_le_bytes(*word) ^ u64::from_le_bytes([b'"'; 8]);
        // The highest bit of each byte that is a quote.
        let quotes = !(((others & LOW) + LOW) | others | LOW);
        if quotes != 0 {
            return end - 1 - quotes.leading_zeros() as usize / 8;
        }
        end -= 8;
    }
    while text[end - 1] != b'"' {
        end -= 1;
    }
    end - 1
}

/// Whether the key of the member whose value begins at `value` is this name, which has no quote, in a text in which no key has
/// escapes: then a quote that stands before the closing one by as much as the name is long is the opening one.
#[inline]
pub(super) fn is_plain_name(text: &[u8], value: usize, name: &[u8]) -> bool {
    let before = &text[..value];
    // Most sites send no white space.
    let key = match before.strip_suffix(b"\":") {
        Some(key) => key,
        None => &text[..end_before(text, value)],
    };
    let start = key.len().checked_sub(name.len() + 1);
    start.is_some_and(|start| key[start] == b'"' && &key[start + 1..] == name)
}

impl<'d> Key<'d> {
    /// The key of the member whose value begins at `value`.
    pub(super) fn before(document: &'d Document, value: usize) -> Key<'d> {
        let (text, plain) = (&*document.text, !document.escaped_keys);
        let bytes = text.as_bytes();
        let end = end_before(bytes, value);
        // A quote inside a key has a backslash before it, and its opening quote has not.
        let mut open = quote_before(bytes, end);
        while !plain && open > 0 && bytes[open - 1] == b'\\' {
            open = quote_before(bytes, open);
        }
        Key {
            text,
            start: open + 1,
            end,
            plain,
        }
    }

    /// What stands between the quotes.
    pub(super) fn raw(self) -> &'d str {
        &self.text[self.start..self.end]
    }

    /// The place of what stands between the quotes.
    pub(super) fn place(self) -> Range<usize> {
        self.start..self.end
    }

    /// It as it was written, in its quotes.
    pub fn json(self) -> &'d str {
        &self.text[self.start - 1..=self.end]
    }

    pub(super) fn is_escaped(self) -> bool {
        !self.plain && self.raw().as_bytes().contains(&b'\\')
    }

    /// It as a JSON string without escapes that are not needed.
    pub fn quoted(self) -> Cow<'d, str> {
        if self.is_escaped() {
            return Cow::Owned(quote(&self.as_str()));
        }
        Cow::Borrowed(self.json())
    }

    /// Whether it is exactly this text.
    pub fn is_str(self, text: &str) -> bool {
        if self.is_escaped() {
            return cstrings::decode(self.raw()) == text;
        }
        self.raw() == text
    }

    /// It, decoded.
    pub fn as_str(self) -> Cow<'d, str> {
        if self.is_escaped() {
            return Cow::Owned(cstrings::decode(self.raw()));
        }
        Cow::Borrowed(self.raw())
    }
}
