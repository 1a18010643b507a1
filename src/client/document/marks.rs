//! Where strings may end: a pass over the text that has no branch for what it finds there.
//!
//! A reader that looks for the end of each string by itself takes many steps to it, and no processor guesses how many. This pass takes
//! blocks of 64 bytes, marks in each all bytes at which something happens inside a string, and hands on a bit for each.

#![allow(clippy::indexing_slicing, reason = "every index is below a length that stands beside it")]

use fearless_simd::prelude::*;
use fearless_simd::{Fallback, Level, Simd, dispatch, u8x64};
use zeroize::Zeroizing;

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// How many blocks are looked at before the reader goes on: as much text as the nearest cache keeps beside all else.
const WINDOW: usize = 64;

/// The marks of a text: quotes, backslashes and control characters, wherever they stand, and the end of the text.
pub(super) struct Marks {
    /// Which vectors the processor has.
    level: Level,
    /// The marks of each block of a window of the text: a bit for each byte, the first one lowest.
    window: [u64; WINDOW],
    /// The block of the window that comes next.
    next: usize,
    /// Where the block before that one begins in the text.
    block: u32,
    /// Where the window ends in the text.
    end: usize,
    /// Whether there may have been [an entity](Marks::has_entities) yet.
    entities: bool,
}

/// The marks of a block that the reader has not come to. It hands them on, so that they stay in a register.
#[derive(Clone, Copy)]
pub(super) struct Ahead(u64);

impl Ahead {
    /// Of no block: before a text is begun, or goes on.
    pub(super) const NOTHING: Ahead = Ahead(0);

    fn without_first(self) -> Ahead {
        Ahead(self.0 & (self.0 - 1))
    }
}

/// Each function is given the text, which may be longer than before.
impl Marks {
    pub(super) fn new() -> Marks {
        Marks {
            level: level(),
            window: [0; WINDOW],
            next: WINDOW,
            block: 0,
            end: 0,
            entities: false,
        }
    }

    /// Whether there is `t;` in a string, as in `&lt;`, or a semicolon in a long one, as far as the text was looked at.
    pub(super) fn has_entities(&self) -> bool {
        self.entities
    }

    /// Forgets all marks: the text goes on behind what was its end.
    pub(super) fn forget(&mut self) {
        (self.next, self.end) = (WINDOW, 0);
    }

    /// The first mark behind the quote at `open`, which was not passed yet.
    #[inline(always)]
    pub(super) fn behind_quote(&mut self, text: &[u8], ahead: Ahead, open: usize) -> (usize, Ahead) {
        // The next mark is the quote itself. If it is not, the one behind it is no further than the quote.
        let ahead = self.filled(text, ahead, open);
        let (mark, ahead) = self.pass(text, ahead.without_first(), open);
        match mark > open {
            true => (mark, ahead),
            false => self.far_behind_quote(text, ahead, open),
        }
    }

    /// The first mark at `from` or behind it.
    #[inline(always)]
    pub(super) fn since(&mut self, text: &[u8], mut ahead: Ahead, from: usize) -> (usize, Ahead) {
        loop {
            let mark;
            (mark, ahead) = self.pass(text, ahead, from);
            if mark >= from {
                return (mark, ahead);
            }
        }
    }

    /// [`Marks::behind_quote`] behind line feeds between values, which are marks too. Sites send none.
    #[cold]
    #[inline(never)]
    fn far_behind_quote(&mut self, text: &[u8], ahead: Ahead, open: usize) -> (usize, Ahead) {
        self.since(text, ahead, open + 1)
    }

    /// The next mark. None before `from` is wanted, but may come.
    #[inline(always)]
    fn pass(&mut self, text: &[u8], ahead: Ahead, from: usize) -> (usize, Ahead) {
        let ahead = self.filled(text, ahead, from);
        let mark = (self.block + ahead.0.trailing_zeros()) as usize;
        (mark, ahead.without_first())
    }

    /// Marks that the reader has not come to, of the next block that has any.
    #[inline(always)]
    fn filled(&mut self, text: &[u8], mut ahead: Ahead, from: usize) -> Ahead {
        while ahead.0 == 0 {
            ahead = match self.window.get(self.next) {
                Some(&marks) => {
                    self.next += 1;
                    self.block += BLOCK as u32;
                    Ahead(marks)
                }
                None => self.next_window(text, from),
            };
        }
        ahead
    }

    /// Looks at the blocks from `from` on, and gives the first of them.
    #[cold]
    #[inline(never)]
    fn next_window(&mut self, text: &[u8], from: usize) -> Ahead {
        let mut start = self.end.max(from).min(text.len());
        if start >= from + WINDOW * BLOCK {
            let run = unmarked(&text[start..]);
            self.entities |= memchr::memchr(b';', &text[start..start + run]).is_some();
            start += run;
        }
        let (blocks, rest) = text[start..].as_chunks();
        let blocks = &blocks[..blocks.len().min(WINDOW)];
        self.entities |= mark(self.level, &text[..start], blocks, &mut self.window);
        if let Some(marks) = self.window.get_mut(blocks.len()..)
            && !marks.is_empty()
        {
            // What is behind the end of the text is marks, so that nobody goes further.
            // A reply may end with a session token, of which nothing may stay on a stack.
            let mut block = Zeroizing::new([[0; BLOCK]]);
            block[0][..rest.len()].copy_from_slice(rest);
            self.entities |= mark(self.level, &text[..text.len() - rest.len()], &*block, marks);
        }
        self.block = start as u32;
        self.end = start + blocks.len() * BLOCK;
        self.next = 1;
        Ahead(self.window[0])
    }
}

/// Which vectors are used. Builds that are not optimised leave vectors on the stack, where nothing of a text may stay.
fn level() -> Level {
    match cfg!(debug_assertions) {
        true => Level::Fallback(Fallback::new()),
        false => Level::new(),
    }
}

/// How many bytes come before the next mark. In strings of thousands of bytes it is searched for by the widest vectors that the processor
/// has.
fn unmarked(text: &[u8]) -> usize {
    let run = memchr::memchr2(b'"', b'\\', text).unwrap_or(text.len());
    // All at once, which the compiler does by vectors; where there is one, it is looked for again.
    if text[..run].iter().fold(false, |found, &byte| found | (byte < b' ')) {
        return text.iter().position(|&byte| byte < b' ').unwrap_or(run);
    }
    run
}

/// Writes down the marks of blocks, for which there is room, and tells whether there may be an [entity](Marks::has_entities) in them, or end in
/// them that begins in the text before. By the widest vectors that the processor has.
fn mark(level: Level, before: &[u8], blocks: &[[u8; BLOCK]], window: &mut [u64]) -> bool {
    let behind_t = before.last() == Some(&b't');
    if level.is_fallback() {
        return mark_plainly(behind_t, blocks, window);
    }
    dispatch!(level, vectors => mark_by(vectors, behind_t, blocks, window))
}

#[inline(always)]
fn mark_by<V: Simd>(vectors: V, behind_t: bool, blocks: &[[u8; BLOCK]], window: &mut [u64]) -> bool {
    let (mut entities, mut behind_t) = (0, u64::from(behind_t));
    for (marks, block) in window.iter_mut().zip(blocks) {
        let bytes = u8x64::from_slice(vectors, block);
        let is = |byte| bytes.simd_eq(byte);
        *marks = (is(b'"') | is(b'\\') | bytes.simd_lt(b' ')).to_bitmask();
        let t = is(b't').to_bitmask();
        entities |= is(b';').to_bitmask() & (t << 1 | behind_t);
        behind_t = t >> (BLOCK - 1);
    }
    entities != 0
}

/// [`mark`] without instructions that not all processors of a kind have. Compilers make vectors of its loops.
///
/// No vector instruction gathers a bit of each byte on all of them, so each row of eight bytes has its marks in a bit of its own, which makes
/// a square of eight times eight bits when rows are laid over each other; turned over, it has the bits in the order of the text.
fn mark_plainly(mut behind_t: bool, blocks: &[[u8; BLOCK]], window: &mut [u64]) -> bool {
    let mut entities = false;
    for (marks, block) in window.iter_mut().zip(blocks) {
        let mut rows = [0; BLOCK];
        for ((row, &byte), bit) in rows.iter_mut().zip(block).zip(BIT_OF_ROW) {
            let is_mark = byte == b'"' || byte == b'\\' || byte < b' ';
            *row = if is_mark { bit } else { 0 };
        }
        let (rows, _) = rows.as_chunks();
        *marks = turned_over(rows.iter().fold(0, |square, row| square | u64::from_le_bytes(*row)));
        let pairs = block.iter().zip(&block[1..]);
        entities |= behind_t && block[0] == b';';
        entities |= pairs.fold(false, |found, (&first, &second)| found | (first == b't' && second == b';'));
        behind_t = block[BLOCK - 1] == b't';
    }
    entities
}

/// For each byte of a block the bit of its row.
const BIT_OF_ROW: [u8; BLOCK] = {
    let mut bits = [0; BLOCK];
    let mut byte = 0;
    while byte < BLOCK {
        bits[byte] = 1 << (byte / 8);
        byte += 1;
    }
    bits
};

/// Eight bytes of eight bits with rows and columns exchanged (Warren, Hacker's Delight, 7-3).
#[inline(always)]
const fn turned_over(square: u64) -> u64 {
    const fn exchanged(square: u64, by: u32, which: u64) -> u64 {
        let different = (square ^ (square >> by)) & which;
        square ^ different ^ (different << by)
    }
    let square = exchanged(square, 7, 0x00aa_00aa_00aa_00aa);
    let square = exchanged(square, 14, 0x0000_cccc_0000_cccc);
    exchanged(square, 28, 0x0000_0000_f0f0_f0f0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way that there is on this processor.
    fn levels() -> Vec<Level> {
        let mut levels = vec![Level::new(), Level::Fallback(Fallback::new())];
        #[cfg(target_arch = "x86_64")]
        levels.extend(Level::new().as_sse4_2().map(Level::Sse4_2));
        levels
    }

    #[test]
    fn each_byte_has_its_bit() {
        let marks_of = |level, block: [u8; BLOCK]| {
            let mut window = [0];
            mark(level, &[], &[block], &mut window);
            window[0]
        };
        for level in levels() {
            for byte in 0..=u8::MAX {
                let is_mark = byte < b' ' || byte == b'"' || byte == b'\\';
                for place in 0..BLOCK {
                    let mut block = [b'a'; BLOCK];
                    block[place] = byte;
                    assert_eq!(marks_of(level, block), u64::from(is_mark) << place, "{byte} at {place}");
                    let mut block = [0; BLOCK];
                    block[place] = byte;
                    assert_eq!(marks_of(level, block), !(u64::from(!is_mark) << place), "{byte} at {place}");
                }
            }
        }
    }

    #[test]
    fn entities_are_seen_wherever_they_stand() {
        for level in levels() {
            let sees = |before: &[u8], text: &[u8]| mark(level, before, text.as_chunks().0, &mut [0; 3]);
            let plain = b"tl;;,t".repeat(3 * BLOCK).into_iter().take(3 * BLOCK).collect::<Vec<_>>();
            assert!(!sees(b"a", &plain) && !sees(b"", &plain) && sees(b"t", b";".repeat(BLOCK).as_slice()));
            for place in 0..3 * BLOCK {
                let mut text = plain.clone();
                text[place] = b';';
                let before = if place == 0 { b't' } else { text[place - 1] };
                assert_eq!(sees(b"t", &text), before == b't', "{place}");
            }
        }
    }

    #[test]
    fn marks_come_in_order_up_to_the_end() {
        // Every third byte, then none for more than a window, then every byte.
        let mut text = b"\"aa".repeat(3_000);
        text.extend([b'b'; 2 * WINDOW * BLOCK]);
        text.extend(b"\\".repeat(100));
        let lengths = [0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 9_000, text.len()];
        for (level, length) in levels().into_iter().flat_map(|level| lengths.map(|length| (level, length))) {
            let text = &text[..length];
            let expected = (0..length).filter(|&at| text[at] != b'a' && text[at] != b'b');
            let (mut marks, mut ahead) = (Marks { level, ..Marks::new() }, Ahead::NOTHING);
            let mut from = 0;
            for wanted in expected.chain([length]) {
                let mark;
                (mark, ahead) = marks.since(text, ahead, from);
                assert_eq!(mark, wanted, "of {length}");
                from = mark + 1;
            }
        }
    }
}
