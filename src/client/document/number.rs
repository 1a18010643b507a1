//! Where numbers end.

#![allow(clippy::indexing_slicing, reason = "the first byte of a number is there")]

use super::syntax::{Step, broken_number, ends_early};

/// Where the number that begins at `at` ends, if it is whole and short, as most are, and something stands behind it that may.
#[inline(always)]
pub(super) fn short_number(text: &[u8], at: usize) -> Option<usize> {
    let word = word_at(text, at)?;
    let digits = digits_of(word);
    if !(1..8).contains(&digits) {
        return None;
    }
    let behind = (word >> (8 * digits)) as u8;
    let is_end = behind == b',' || behind == b'}' || behind == b']';
    let is_number = word as u8 != b'0' || digits == 1;
    (is_end && is_number).then_some(at + digits)
}

/// Where the number that begins at `at` ends.
#[inline(never)]
pub(super) fn number(text: &[u8], at: usize, is_whole: bool) -> Step<usize> {
    let first = at + usize::from(text[at] == b'-');
    let mut end = behind_digits(text, first);
    let leading_zero = text.get(first) == Some(&b'0');
    if end == first || (leading_zero && end > first + 1) {
        return Err(broken_number(text, if leading_zero { first + 1 } else { end }));
    }
    if text.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = behind_digits(text, fraction);
        if end == fraction {
            return Err(broken_number(text, end));
        }
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = behind_digits(text, exponent);
        if end == exponent {
            return Err(broken_number(text, end));
        }
    }
    if end == text.len() && !is_whole {
        return Err(ends_early(text));
    }
    Ok(end)
}

/// The next place that is no digit.
fn behind_digits(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(text, at) {
        let digits = digits_of(word);
        at += digits;
        if digits < 8 {
            return at;
        }
    }
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Eight bytes of the text, the first one lowest.
#[inline(always)]
fn word_at(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes of a word are digits, before one that is none.
#[inline(always)]
fn digits_of(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Digits are 0x30 to 0x39: their upper half is 3, and still is when 6 is added. What is carried beyond a byte stands behind one that
    // is no digit.
    let is_3 = |word: u64| (word & (ONES * 0xf0)) ^ (ONES * 0x30);
    let others = is_3(word) | is_3(word.wrapping_add(ONES * 6));
    (others.trailing_zeros() / 8) as usize
}
