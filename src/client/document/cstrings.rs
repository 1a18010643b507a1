//! Decoded strings for callers that need them NUL-terminated.

#![allow(clippy::indexing_slicing, reason = "places come from the tape of the same text")]

use super::{Document, Key, Kind, Value};

/// A copy of a document's text in which every string, or every key, is decoded in place and ends with a NUL where its closing
/// quote stood. Decoding never lengthens a string.
pub struct CStrings {
    text: Vec<u8>,
    /// The decoded lengths of the strings that had escapes, by where they begin, ascending.
    decoded: Vec<(u32, u32)>,
}

impl CStrings {
    /// The strings that are values.
    pub(super) fn values(document: &Document) -> CStrings {
        let raw = document.text.as_str();
        let mut strings = CStrings::copied(raw);
        for node in document.nodes.iter().filter(|node| node.kind() == Some(Kind::String)) {
            let (start, end) = (node.start() + 1, node.start() + node.extent() - 1);
            if node.is_escaped() {
                strings.decode(start, &raw[start..end]);
            } else {
                strings.text[end] = 0;
            }
        }
        strings
    }

    /// The keys.
    pub(super) fn keys(document: &Document) -> CStrings {
        let raw = document.text.as_str();
        let mut strings = CStrings::copied(raw);
        for node in document.nodes.iter().filter(|node| node.is_keyed()) {
            let key = Key::before(raw, node.start());
            if key.is_escaped() {
                strings.decode(key.start(), key.raw());
            } else {
                strings.text[key.start() + key.raw().len()] = 0;
            }
        }
        strings
    }

    fn copied(text: &str) -> CStrings {
        CStrings {
            text: text.as_bytes().to_vec(),
            decoded: Vec::new(),
        }
    }

    /// Decodes the string that stands at `start`, and ends it.
    fn decode(&mut self, start: usize, raw: &str) {
        let plain = decode(raw);
        self.text[start..start + plain.len()].copy_from_slice(plain.as_bytes());
        self.text[start + plain.len()] = 0;
        self.decoded.push((start as u32, plain.len() as u32));
    }

    /// The bytes of a string that is a value, and the NUL behind them. `None` when the value is no string.
    pub fn get(&self, value: Value<'_>) -> Option<&[u8]> {
        let (start, length, escaped) = value.string_place()?;
        self.at(start, length, escaped)
    }

    /// The bytes of a key and the NUL behind them.
    pub fn key(&self, key: Key<'_>) -> Option<&[u8]> {
        self.at(key.start(), key.raw().len(), key.is_escaped())
    }

    fn at(&self, start: usize, raw_length: usize, escaped: bool) -> Option<&[u8]> {
        let length = if escaped {
            let found = self.decoded.binary_search_by_key(&start, |&(start, _)| start as usize).ok()?;
            self.decoded[found].1 as usize
        } else {
            raw_length
        };
        self.text.get(start..=start + length)
    }
}

/// Decodes what stands between the quotes of a valid JSON string. A surrogate without its other half, which no
/// UTF-8 text can hold, becomes U+FFFD.
pub(super) fn decode(raw: &str) -> String {
    let mut plain = String::with_capacity(raw.len());
    let mut from = 0;
    while let Some(run) = memchr::memchr(b'\\', &raw.as_bytes()[from..]) {
        let escape = from + run;
        plain.push_str(&raw[from..escape]);
        let (character, used) = match raw.as_bytes()[escape + 1] {
            b'u' => unicode_escape(&raw.as_bytes()[escape + 1..]),
            b'b' => ('\u{8}', 1),
            b'f' => ('\u{c}', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b't' => ('\t', 1),
            other => (char::from(other), 1),
        };
        plain.push(character);
        from = escape + 1 + used;
    }
    plain.push_str(&raw[from..]);
    plain
}

/// The character that the escape stands for whose `u` is at the start of `raw`, and how many bytes it takes from there.
fn unicode_escape(raw: &[u8]) -> (char, usize) {
    let unit = |digits: Option<&[u8]>| u32::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok();
    let first = unit(raw.get(1..5)).unwrap_or(0xfffd);
    let second = raw.get(5..7).filter(|next| *next == b"\\u").and_then(|_| unit(raw.get(7..11)));
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, second) {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(joined).unwrap_or('\u{fffd}'), 11);
    }
    (char::from_u32(first).unwrap_or('\u{fffd}'), 5)
}
