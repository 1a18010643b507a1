//! Strings that do not stand in the text as a caller needs them: decoded, or with a NUL behind them.

#![allow(clippy::indexing_slicing, reason = "places come from the tape of the same text")]

use std::ops::Range;

use once_cell::race::OnceBox;

use super::{Document, Key, Kind, Node, Page, Value};

/// Copies of strings, or of keys, decoded. Those of neighbours on the tape are made together, when the first of them is asked for, while
/// what they are made of is near in memory. One is found by the number of its value, without a search.
pub struct CStrings {
    of: Of,
    // Made without a lock: a fork meanwhile must not leave the child waiting.
    groups: Box<[OnceBox<Group>]>,
}

/// What has a copy.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// The strings that are values, with a NUL behind each.
    Values,
    /// The strings that are values and have escapes.
    EscapedValues,
    /// The keys, with a NUL behind each.
    Keys,
    /// The keys that have escapes.
    EscapedKeys,
}

/// The strings of some pages of the tape.
struct Group {
    /// Where the first begins and where each ends, as numbers of 2 bytes, or of 4 where `is_long`; then the strings, one behind the other.
    text: Vec<u8>,
    is_long: bool,
    /// Which of the nodes have one: a bit for each of a block.
    which: [u64; BLOCKS],
    /// How many there are before each block.
    before: [u16; BLOCKS],
}

/// How many nodes a block has: half a page, so that there is a bit for each.
const BLOCK: usize = Page::NODES / 2;

/// How many pages a group has at the most.
const PAGES: usize = 32;

/// How many blocks a group has at the most.
const BLOCKS: usize = PAGES * Page::NODES / BLOCK;

const _: () = assert!(BLOCK * 2 == Page::NODES && BLOCK <= u64::BITS as usize && BLOCKS * BLOCK <= u16::MAX as usize);

impl CStrings {
    pub(super) fn new(document: &Document, of: Of) -> CStrings {
        let groups = document.node_count().div_ceil(BLOCKS * BLOCK);
        CStrings {
            of,
            groups: (0..groups).map(|_| OnceBox::new()).collect(),
        }
    }

    /// The bytes of the string of a value, or of its key, and the NUL behind them where it has one.
    #[inline]
    pub fn get<'s>(&'s self, value: Value<'_>) -> Option<&'s [u8]> {
        let number = value.node() as usize;
        let (block, bit) = (number / BLOCK, 1 << (number % BLOCK));
        let (number, block) = (block / BLOCKS, block % BLOCKS);
        let group = self
            .groups
            .get(number)?
            .get_or_init(|| Box::new(Group::new(value.document(), self.of, number)));
        group.get(block, bit)
    }
}

impl Group {
    fn new(document: &Document, of: Of, number: usize) -> Group {
        match of {
            Of::Values => Group::of_values(document, number, true, |node| node.kind() == Some(Kind::String)),
            Of::EscapedValues => Group::of_values(document, number, false, Node::is_escaped),
            Of::Keys => Group::of_keys(document, number, true, |_| true),
            Of::EscapedKeys => Group::of_keys(document, number, false, |key| key.is_escaped()),
        }
    }

    fn of_values(document: &Document, number: usize, nul: bool, has: impl Fn(Node) -> bool) -> Group {
        Group::with(document, number, nul, has, |node| {
            node.start() + 1..node.start() + node.extent() - 1
        })
    }

    fn of_keys(document: &Document, number: usize, nul: bool, has: impl Fn(Key<'_>) -> bool) -> Group {
        let key = |node: Node| Key::before(document, node.start());
        Group::with(
            document,
            number,
            nul,
            |node| node.is_keyed() && has(key(node)),
            |node| key(node).place(),
        )
    }

    /// The strings of those nodes that have one, which stand at these places between quotes.
    #[inline]
    fn with(document: &Document, number: usize, nul: bool, has: impl Fn(Node) -> bool, place: impl Fn(Node) -> Range<usize>) -> Group {
        let pages = || document.nodes.pages_from(number * PAGES).take(PAGES);
        let blocks = || pages().flat_map(|page| page.chunks_exact(BLOCK));
        let (mut which, mut before) = ([0; BLOCKS], [0; BLOCKS]);
        let (mut strings, mut raw) = (0, 0);
        for (number, block) in blocks().enumerate() {
            // Backwards, as the compiler needs fewest steps.
            let bits = block.iter().rev().fold(0, |bits, node| bits << 1 | u64::from(has(*node)));
            (which[number], before[number]) = (bits, strings);
            for bit in Bits(bits) {
                strings += 1;
                // Decoding never lengthens a string, and shortens one that has escapes.
                raw += place(block[bit]).len() + usize::from(nul);
            }
        }
        let places = usize::from(strings) + 1;
        let is_long = 2 * places + raw > usize::from(u16::MAX);
        let head = if is_long { 4 } else { 2 } * places;
        let spared = if nul { 0 } else { usize::from(strings).saturating_sub(1) };
        let room = head + raw - spared + CHUNK;
        let mut group = Group {
            text: Vec::with_capacity(room),
            is_long,
            which,
            before,
        };
        group.text.resize(head, 0);
        group.put(0, head);
        let (mut end, mut put) = (head, 0);
        for (block, bits) in blocks().zip(&which) {
            for bit in Bits(*bits) {
                let place = place(block[bit]);
                group.text.resize(end + place.len() + CHUNK, 0);
                end = decode_at(&mut group.text, end, document.text.as_bytes(), place);
                if nul {
                    group.text[end] = 0;
                    end += 1;
                }
                put += 1;
                group.put(put, end);
            }
        }
        group.text.truncate(end);
        if room - end > end / 16 + CHUNK {
            group.text.shrink_to_fit();
        }
        group
    }

    /// Notes where a string ends, the first of which is number 1.
    #[inline]
    fn put(&mut self, number: usize, end: usize) {
        match self.is_long {
            true => self.text[4 * number..][..4].copy_from_slice(&(end as u32).to_le_bytes()),
            false => self.text[2 * number..][..2].copy_from_slice(&(end as u16).to_le_bytes()),
        }
    }

    #[inline]
    fn end(&self, number: usize) -> Option<usize> {
        match self.is_long {
            true => self
                .text
                .get(4 * number..)?
                .first_chunk()
                .map(|end| u32::from_le_bytes(*end) as usize),
            false => self
                .text
                .get(2 * number..)?
                .first_chunk()
                .map(|end| u16::from_le_bytes(*end).into()),
        }
    }

    #[inline]
    fn get(&self, block: usize, bit: u64) -> Option<&[u8]> {
        let which = *self.which.get(block)?;
        if which & bit == 0 {
            return None;
        }
        let number = usize::from(*self.before.get(block)?) + (which & (bit - 1)).count_ones() as usize;
        self.text.get(self.end(number)?..self.end(number + 1)?)
    }
}

/// The numbers of the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let first = self.0.trailing_zeros() as usize;
        let others = self.0.checked_sub(1)?;
        self.0 &= others;
        Some(first)
    }
}

/// Decodes what stands between the quotes of a valid JSON string. A surrogate without its other half, which no
/// UTF-8 text can hold, becomes U+FFFD.
pub(super) fn decode(raw: &str) -> String {
    let mut plain = vec![0; raw.len() + CHUNK];
    let end = decode_at(&mut plain, 0, raw.as_bytes(), 0..raw.len());
    plain.truncate(end);
    // It is UTF-8, since it was.
    String::from_utf8(plain).unwrap_or_default()
}

/// How many bytes are copied together.
const CHUNK: usize = 16;

/// Decodes what stands at `place` in the text between quotes, and gives its end in `plain`, where it begins at `at`, and where there is
/// room for it as it stands there and a chunk: whole chunks are copied, and what was too much is written over.
fn decode_at(plain: &mut [u8], mut at: usize, text: &[u8], place: Range<usize>) -> usize {
    let (text, length) = (&text[place.start..], place.len());
    let mut from = 0;
    loop {
        let left = length - from;
        let run = match (text[from..].first_chunk(), plain[at..].first_chunk_mut()) {
            (Some(chunk), Some(to)) => {
                *to = *chunk;
                run(chunk).min(left)
            }
            // The text ends here.
            _ => {
                let rest = &text[from..length];
                let run = rest.iter().position(|&byte| byte == b'\\').unwrap_or(left);
                plain[at..at + run].copy_from_slice(&rest[..run]);
                run
            }
        };
        (from, at) = (from + run, at + run);
        if run == CHUNK {
            continue;
        }
        if from == length {
            return at;
        }
        let byte = text[from + 1];
        if byte == b'u' {
            let (character, used) = unicode_escape(&text[from + 1..length]);
            at += character.encode_utf8(&mut plain[at..]).len();
            from += 1 + used;
        } else {
            plain[at] = MEANT[usize::from(byte)];
            (from, at) = (from + 2, at + 1);
        }
    }
}

/// What is meant by a byte behind a backslash.
const MEANT: [u8; 256] = {
    let mut meant = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        meant[byte] = match byte as u8 {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            other => other,
        };
        byte += 1;
    }
    meant
};

/// How many bytes of a chunk come before the first backslash.
#[inline(always)]
fn run(chunk: &[u8; CHUNK]) -> usize {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    // All at once, which the compiler does by vectors.
    if !chunk.iter().fold(false, |found, &byte| found | (byte == b'\\')) {
        return CHUNK;
    }
    // The lowest bit of those that are set is the highest one of the first byte that is a backslash.
    let first = |half: u64| {
        let others = half ^ (EACH * u64::from(b'\\'));
        (others.wrapping_sub(EACH) & !others & (EACH << 7)).trailing_zeros() as usize / 8
    };
    let both = u128::from_le_bytes(*chunk);
    match first(both as u64) {
        8 => 8 + first((both >> 64) as u64),
        run => run,
    }
}

/// The character that the escape stands for whose `u` is at the start of `raw`, and how many bytes it takes from there.
fn unicode_escape(raw: &[u8]) -> (char, usize) {
    // The text was validated, so these are digits; those that are letters have bit 6 set.
    let digit = |unit: u32, &digit: &u8| unit << 4 | (u32::from(digit & 15) + 9 * u32::from(digit >> 6));
    let unit = |digits: Option<&[u8]>| Some(digits?.iter().fold(0, digit));
    let first = unit(raw.get(1..5)).unwrap_or(0xfffd);
    let second = raw.get(5..7).filter(|next| *next == b"\\u").and_then(|_| unit(raw.get(7..11)));
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, second) {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(joined).unwrap_or('\u{fffd}'), 11);
    }
    (char::from_u32(first).unwrap_or('\u{fffd}'), 5)
}
