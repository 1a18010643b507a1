//! Decoded strings for callers that need them NUL-terminated.

#![allow(clippy::indexing_slicing, reason = "places come from the tape of the same text")]

use super::{Document, ESCAPED, Kind, Value};

/// A copy of a document's text in which every string is decoded in place and ends with a NUL where its closing quote
/// stood. Decoding never lengthens a string.
pub struct CStrings {
    text: Vec<u8>,
    /// The decoded lengths of the strings that had escapes, by node, ascending.
    decoded: Vec<(u32, u32)>,
}

impl CStrings {
    pub(super) fn new(document: &Document) -> CStrings {
        let raw = document.text.as_bytes();
        let mut text = raw.to_vec();
        let mut decoded = Vec::new();
        for (number, node) in document.nodes.iter().enumerate() {
            let start = node.pos as usize;
            if raw[start] != b'"' {
                continue;
            }
            let end = (node.aux & !ESCAPED) as usize - 1;
            if node.aux & ESCAPED == 0 {
                text[end] = 0;
                continue;
            }
            let plain = decode(&raw[start + 1..end]);
            text[start + 1..start + 1 + plain.len()].copy_from_slice(plain.as_bytes());
            text[start + 1 + plain.len()] = 0;
            decoded.push((number as u32, plain.len() as u32));
        }
        CStrings { text, decoded }
    }

    /// The bytes of a string and the NUL behind them. `None` when the value is no string.
    pub fn get(&self, value: Value<'_>) -> Option<&[u8]> {
        if value.kind() != Kind::String {
            return None;
        }
        let start = value.start() + 1;
        let length = match self.decoded.binary_search_by_key(&value.node(), |&(node, _)| node) {
            Ok(found) => self.decoded[found].1 as usize,
            Err(_) => value.end() - 1 - start,
        };
        self.text.get(start..=start + length)
    }
}

/// Decodes what stands between the quotes of a valid JSON string. A surrogate without its other half, which no
/// UTF-8 text can hold, becomes U+FFFD.
pub(super) fn decode(raw: &[u8]) -> String {
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(escape) = rest.iter().position(|&byte| byte == b'\\') {
        plain.extend_from_slice(&rest[..escape]);
        let used = match rest[escape + 1] {
            b'u' => {
                let (character, used) = unicode_escape(&rest[escape..]);
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                used
            }
            simple => {
                plain.push(match simple {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                });
                2
            }
        };
        rest = &rest[escape + used..];
    }
    plain.extend_from_slice(rest);
    String::from_utf8_lossy(&plain).into_owned()
}

/// The character that the escape at the start of `raw` stands for, and how many bytes it takes.
fn unicode_escape(raw: &[u8]) -> (char, usize) {
    let unit = |from: usize| {
        let digits = raw.get(from..from + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(0).unwrap_or(0xfffd);
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(joined).unwrap_or('\u{fffd}'), 12);
    }
    (char::from_u32(first).unwrap_or('\u{fffd}'), 6)
}
