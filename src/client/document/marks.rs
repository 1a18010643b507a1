//! Where strings may end: a pass over the text that has no branch for what it finds there.
//!
//! A reader that looks for the end of each string by itself takes many steps to it, and no processor guesses how many. This pass takes
//! blocks of 64 bytes, marks in each all bytes at which something happens inside a string, and hands on a bit for each.

#![allow(clippy::indexing_slicing, reason = "every index is below a length that stands beside it")]

use zeroize::Zeroizing;

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// How many blocks are looked at before the reader goes on: as much text as the nearest cache keeps beside all else.
const WINDOW: usize = 64;

/// The marks of a text: quotes, backslashes and control characters, wherever they stand, and the end of the text.
pub(super) struct Marks<'t> {
    text: &'t [u8],
    /// The marks of each block of a window of the text: a bit for each byte, the first one lowest.
    window: [u64; WINDOW],
    /// The block of the window that comes next.
    next: usize,
    /// Where the block before that one begins in the text.
    block: u32,
    /// Where the window ends in the text.
    end: usize,
}

/// The marks of a block that the reader has not come to. It hands them on, so that they stay in a register.
#[derive(Clone, Copy)]
pub(super) struct Ahead(u64);

impl Ahead {
    /// Of no block: before a text is begun.
    pub(super) const NOTHING: Ahead = Ahead(0);
}

impl<'t> Marks<'t> {
    pub(super) fn new(text: &'t [u8]) -> Marks<'t> {
        Marks {
            text,
            window: [0; WINDOW],
            next: WINDOW,
            block: 0,
            end: 0,
        }
    }

    /// The first mark behind the quote at `open`, which was not passed yet.
    #[inline(always)]
    pub(super) fn behind_quote(&mut self, ahead: Ahead, open: usize) -> (usize, Ahead) {
        let (mark, mut ahead) = self.pass(ahead, open);
        if mark != open {
            ahead = self.pass_to(ahead, open);
        }
        self.pass(ahead, open)
    }

    /// The first mark at `from` or behind it.
    #[inline(always)]
    pub(super) fn since(&mut self, mut ahead: Ahead, from: usize) -> (usize, Ahead) {
        loop {
            let mark;
            (mark, ahead) = self.pass(ahead, from);
            if mark >= from {
                return (mark, ahead);
            }
        }
    }

    /// Passes over marks up to the one at `to`: line feeds between values are marks too, which sites send none of.
    #[cold]
    #[inline(never)]
    fn pass_to(&mut self, ahead: Ahead, to: usize) -> Ahead {
        self.since(ahead, to).1
    }

    /// The next mark. None before `from` is wanted, but may come.
    #[inline(always)]
    fn pass(&mut self, mut ahead: Ahead, from: usize) -> (usize, Ahead) {
        while ahead.0 == 0 {
            ahead = match self.window.get(self.next) {
                Some(&marks) => {
                    self.next += 1;
                    self.block += BLOCK as u32;
                    Ahead(marks)
                }
                None => self.next_window(from),
            };
        }
        let mark = (self.block + ahead.0.trailing_zeros()) as usize;
        (mark, Ahead(ahead.0 & (ahead.0 - 1)))
    }

    /// Looks at the blocks from `from` on, and gives the first of them.
    #[cold]
    #[inline(never)]
    fn next_window(&mut self, from: usize) -> Ahead {
        let mut start = self.end.max(from).min(self.text.len());
        if start >= from + WINDOW * BLOCK {
            start += unmarked(&self.text[start..]);
        }
        let (blocks, rest) = self.text[start..].as_chunks();
        for (marks, block) in self.window.iter_mut().zip(blocks) {
            *marks = marks_of(block);
        }
        if let Some(marks) = self.window.get_mut(blocks.len()) {
            // What is behind the end of the text is marks, so that nobody goes further.
            // A reply may end with a session token, of which nothing may stay on a stack.
            let mut block = Zeroizing::new([0; BLOCK]);
            block[..rest.len()].copy_from_slice(rest);
            *marks = marks_of(&block);
        }
        self.block = start as u32;
        self.end = start + blocks.len().min(WINDOW) * BLOCK;
        self.next = 1;
        Ahead(self.window[0])
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

/// The marks of a block.
///
/// Compilers make vectors of the first loop, on every processor that has any, as wide as all of its kind have them. No vector instruction
/// gathers a bit of each byte on all of them, so each row of eight bytes has its marks in a bit of its own, which makes a square of
/// eight times eight bits when rows are laid over each other; turned over, it has the bits in the order of the text.
#[inline(always)]
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    let mut rows = [0; BLOCK];
    let mut at = 0;
    while at < BLOCK {
        let byte = block[at];
        let is_mark = byte == b'"' || byte == b'\\' || byte < b' ';
        rows[at] = if is_mark { BIT_OF_ROW[at] } else { 0 };
        at += 1;
    }
    let (rows, _) = rows.as_chunks();
    turned_over(rows.iter().fold(0, |square, row| square | u64::from_le_bytes(*row)))
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

    #[test]
    fn each_byte_has_its_bit() {
        for byte in 0..=u8::MAX {
            let is_mark = byte < b' ' || byte == b'"' || byte == b'\\';
            for place in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[place] = byte;
                assert_eq!(marks_of(&block), u64::from(is_mark) << place, "{byte} at {place}");
                let mut block = [0; BLOCK];
                block[place] = byte;
                assert_eq!(marks_of(&block), !(u64::from(!is_mark) << place), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn marks_come_in_order_up_to_the_end() {
        // Every third byte, then none for more than a window, then every byte.
        let mut text = b"\"aa".repeat(3_000);
        text.extend([b'b'; 2 * WINDOW * BLOCK]);
        text.extend(b"\\".repeat(100));
        for length in [0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 9_000, text.len()] {
            let text = &text[..length];
            let expected = (0..length).filter(|&at| text[at] != b'a' && text[at] != b'b');
            let (mut marks, mut ahead) = (Marks::new(text), Ahead::NOTHING);
            let mut from = 0;
            for wanted in expected.chain([length]) {
                let mark;
                (mark, ahead) = marks.since(ahead, from);
                assert_eq!(mark, wanted, "of {length}");
                from = mark + 1;
            }
        }
    }
}
