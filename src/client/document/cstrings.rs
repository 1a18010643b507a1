//! Strings that do not stand in the text as a caller needs them: decoded, or with a NUL behind them.

#![allow(clippy::indexing_slicing, reason = "places come from the tape of the same text")]

use super::{Document, Key, Kind, Node, Value};

/// Copies of strings, or of keys, decoded and each with a NUL behind it. One is found by the number of its value, without a search.
pub struct CStrings {
    /// One behind the other.
    text: String,
    /// Where each begins, and where the next one would.
    starts: Vec<u32>,
    /// Which of the nodes have one.
    blocks: Vec<Block>,
}

/// Which of some neighbours on the tape have a string.
struct Block {
    /// A bit for each.
    which: u64,
    /// The string of the first that has one.
    first: u32,
}

/// How many nodes a block is for.
const BLOCK: usize = u64::BITS as usize;

/// What stands between the quotes, and whether it has escapes.
type Raw<'d> = (&'d str, bool);

impl CStrings {
    /// The strings that are values.
    pub(super) fn values(document: &Document) -> CStrings {
        CStrings::of_values(document, |node| node.kind() == Some(Kind::String))
    }

    /// The strings that are values and have escapes.
    pub(super) fn escaped_values(document: &Document) -> CStrings {
        CStrings::of_values(document, Node::is_escaped)
    }

    fn of_values(document: &Document, has: impl Fn(Node) -> bool) -> CStrings {
        // Decoding never lengthens a string, and its quotes are as much as a NUL.
        let length = |node: &Node| if has(*node) { node.extent() } else { 0 };
        let room = document.nodes.pages().map(|page| page.iter().map(length).sum::<usize>()).sum();
        CStrings::new(document, room, &has, |node| {
            let raw = &document.text[node.start() + 1..node.start() + node.extent() - 1];
            Some((raw, node.is_escaped()))
        })
    }

    /// The keys.
    pub(super) fn keys(document: &Document) -> CStrings {
        CStrings::of_keys(document, |_| true)
    }

    /// The keys that have escapes.
    pub(super) fn escaped_keys(document: &Document) -> CStrings {
        CStrings::of_keys(document, |key| key.is_escaped())
    }

    fn of_keys(document: &Document, wanted: impl Fn(Key<'_>) -> bool) -> CStrings {
        CStrings::new(document, 0, Node::is_keyed, |node| {
            let key = Some(Key::before(&document.text, node.start())).filter(|key| wanted(*key))?;
            Some((key.raw(), key.is_escaped()))
        })
    }

    /// The strings of those nodes that may have one, with room for so many bytes at first.
    fn new<'d>(document: &'d Document, room: usize, may: impl Fn(Node) -> bool, of: impl Fn(Node) -> Option<Raw<'d>>) -> CStrings {
        let mut strings = CStrings {
            text: String::with_capacity(room),
            starts: vec![0],
            blocks: Vec::with_capacity(document.nodes.len().div_ceil(BLOCK)),
        };
        let mut number = 0;
        for page in document.nodes.pages() {
            for (index, node) in page.iter().enumerate() {
                if may(*node)
                    && let Some(raw) = of(*node)
                {
                    strings.push(number + index, raw);
                }
            }
            number += page.len();
        }
        strings
    }

    /// Adds the string of a node that stands behind all that have one yet.
    fn push(&mut self, number: usize, (raw, escaped): Raw<'_>) {
        let first = self.starts.len() as u32 - 1;
        while self.blocks.len() <= number / BLOCK {
            self.blocks.push(Block { which: 0, first });
        }
        self.blocks[number / BLOCK].which |= 1 << (number % BLOCK);
        if escaped {
            decode_onto(&mut self.text, raw);
        } else {
            self.text.push_str(raw);
        }
        self.text.push('\0');
        self.starts.push(self.text.len() as u32);
    }

    /// The bytes of the string of a value, or of its key, and the NUL behind them.
    #[inline]
    pub fn get(&self, value: Value<'_>) -> Option<&[u8]> {
        let number = value.node() as usize;
        let block = self.blocks.get(number / BLOCK)?;
        let bit = 1 << (number % BLOCK);
        if block.which & bit == 0 {
            return None;
        }
        let place = block.first as usize + (block.which & (bit - 1)).count_ones() as usize;
        let [start, end] = *self.starts.get(place..place + 2)? else {
            return None;
        };
        self.text.as_bytes().get(start as usize..end as usize)
    }
}

/// Decodes what stands between the quotes of a valid JSON string. A surrogate without its other half, which no
/// UTF-8 text can hold, becomes U+FFFD.
pub(super) fn decode(raw: &str) -> String {
    let mut plain = String::with_capacity(raw.len());
    decode_onto(&mut plain, raw);
    plain
}

fn decode_onto(plain: &mut String, raw: &str) {
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
