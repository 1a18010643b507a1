//! The validating pass: text to tape.

#![allow(
    clippy::indexing_slicing,
    reason = "every index is checked against the length just before, in a loop that must be fast"
)]

use super::marks::{Ahead, Marks};
use super::{KEYED, MAX_EXTENT, Node, Nodes, Shape, Writer};

/// How deep containers may nest.
pub const MAX_DEPTH: usize = 512;

/// The longest text, in bytes.
pub const MAX_TEXT: usize = (1 << 31) - 2;

/// How many nodes there is room for at first, at the most: the length of a text does not tell how many values are in it.
const FIRST_NODES: usize = 1 << 16;

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The byte at which it went wrong.
    pub offset: usize,
    /// What was wrong there.
    pub problem: &'static str,
    /// Whether the text simply ends too early.
    pub truncated: bool,
    /// Whether it may be JSON, but of more values than are allowed.
    pub too_many: bool,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} at byte {}", self.problem, self.offset)
    }
}

impl SyntaxError {
    pub(super) fn not_utf8(error: std::str::Utf8Error) -> SyntaxError {
        SyntaxError {
            offset: error.valid_up_to(),
            problem: "not UTF-8",
            truncated: error.error_len().is_none(),
            too_many: false,
        }
    }
}

/// What is read of a text.
pub(super) struct Tape {
    pub(super) nodes: Nodes,
    /// Whether a key has escapes. Hardly any reply has such a key, and without them keys are compared as they stand there.
    pub(super) escaped_keys: bool,
}

/// Reads a text of at most so many nodes.
pub(super) fn read(text: &str, most: usize) -> Result<Tape, SyntaxError> {
    let text = text.as_bytes();
    if text.len() > MAX_TEXT {
        return Err(SyntaxError {
            offset: MAX_TEXT,
            problem: "the text is longer than 2 GiB",
            truncated: false,
            too_many: true,
        });
    }
    // A last value and the ends of all that is around it come behind the limit.
    let most = most.min(MAX_EXTENT - 3 - MAX_DEPTH);
    let mut reader = Reader {
        marks: Marks::new(text),
        // Two beyond the limit are seen before there are more.
        nodes: Writer::with_room((text.len() / 20 + 4).min(FIRST_NODES), most + 2),
        inner: Open::NOTHING,
        around: Vec::new(),
        most,
        escaped_keys: false,
    };
    reader.run(text).map_err(|error| *error)?;
    Ok(Tape {
        nodes: reader.nodes.finish(),
        escaped_keys: reader.escaped_keys,
    })
}

struct Reader<'t> {
    marks: Marks<'t>,
    nodes: Writer,
    /// The innermost container.
    inner: Open,
    /// The containers around the innermost one.
    around: Vec<Open>,
    /// The most nodes that there may be.
    most: usize,
    /// Whether a key has escapes.
    escaped_keys: bool,
}

/// A container whose end was not read yet: in the upper half the number of its opening node, and [`KEYED`] if it is an object; in the lower
/// half how many commas it has so far. It is one word, since it is put by and taken back all the time.
#[derive(Clone, Copy)]
struct Open(u64);

impl Open {
    /// Around the root value there is nothing, which is as an array for it.
    const NOTHING: Open = Open(0);

    fn new(shape: Shape, node: usize) -> Open {
        let keyed = if shape == Shape::Object { KEYED } else { 0 };
        Open(u64::from(keyed | node as u32) << 32)
    }

    fn keyed(self) -> u32 {
        (self.0 >> 32) as u32 & KEYED
    }

    fn node(self) -> usize {
        (self.0 >> 32) as usize & !(KEYED as usize)
    }

    fn commas(self) -> u32 {
        self.0 as u32
    }
}

/// What a step of the reader comes to. Errors are boxed, so that it fits registers: handing it on through memory takes longer than most
/// steps.
type Step<T> = Result<T, Box<SyntaxError>>;

/// What is met in nearly each value is written out in [`Reader::run`], which has `text`, `at` and `ahead` in registers; what is rare, above
/// all white space, is in functions of its own, so that the processor runs straight on.
impl Reader<'_> {
    fn run(&mut self, text: &[u8]) -> Step<()> {
        let mut ahead = Ahead::NOTHING;
        let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        'values: loop {
            let keyed = self.inner.keyed();
            if keyed != 0 {
                (at, ahead) = self.key(text, at, ahead)?;
            }
            if self.nodes.len() > self.most {
                return Err(too_many(at, "too many values"));
            }
            let byte;
            (at, byte) = next_byte(text, at)?;
            match byte {
                b'"' => {
                    let (end, shape);
                    (end, shape, ahead) = self.string(text, at, ahead)?;
                    at = self.scalar(shape, keyed, at, end)?;
                }
                b'{' => {
                    self.open(Shape::Object, keyed, at)?;
                    let first;
                    (at, first) = next_byte(text, at + 1)?;
                    if first != b'}' {
                        continue;
                    }
                    at = self.close(at, 0);
                }
                b'[' => {
                    self.open(Shape::Array, keyed, at)?;
                    let first;
                    (at, first) = next_byte(text, at + 1)?;
                    if first != b']' {
                        continue;
                    }
                    at = self.close(at, 0);
                }
                b'-' | b'0'..=b'9' => {
                    let end = number(text, at)?;
                    at = self.scalar(Shape::Number, keyed, at, end)?;
                }
                _ => {
                    let end = literal(text, at)?;
                    let shape = if byte == b'n' { Shape::Null } else { Shape::Bool };
                    at = self.scalar(shape, keyed, at, end)?;
                }
            }
            while !self.around.is_empty() {
                match text.get(at) {
                    Some(b',') => {
                        self.inner.0 += 1;
                        at += 1;
                        continue 'values;
                    }
                    Some(b'}') if self.inner.keyed() != 0 => at = self.close(at, 1),
                    Some(b']') if self.inner.keyed() == 0 => at = self.close(at, 1),
                    _ => at = behind_space_of_container(text, at)?,
                }
            }
            let end = behind_space(text, at);
            if end < text.len() {
                return Err(wrong(end, "something stands behind the value"));
            }
            return Ok(());
        }
    }

    /// Writes a value without nodes of its own, and gives its end.
    #[inline(always)]
    fn scalar(&mut self, shape: Shape, keyed: u32, start: usize, end: usize) -> Step<usize> {
        let length = end - start;
        if length > MAX_EXTENT {
            return Err(too_many(start, "a value is longer than 512 MiB"));
        }
        self.nodes.push(Node::new(shape, start as u32 | keyed, length as u32));
        Ok(end)
    }

    /// Begins a container.
    #[inline(always)]
    fn open(&mut self, shape: Shape, keyed: u32, at: usize) -> Step<()> {
        if self.around.len() == MAX_DEPTH {
            return Err(wrong(at, "nested deeper than 512 levels"));
        }
        self.around.push(self.inner);
        self.inner = Open::new(shape, self.nodes.len());
        self.nodes.push(Node::new(shape, at as u32 | keyed, 0));
        Ok(())
    }

    /// Ends the innermost container, which has so many elements or members more than commas, and gives the place behind it.
    #[inline(always)]
    fn close(&mut self, at: usize, more: u32) -> usize {
        let count = self.inner.commas() + more;
        self.nodes.close(self.inner.node(), at as u32, count);
        if let Some(around) = self.around.pop() {
            self.inner = around;
        }
        at + 1
    }

    /// A key and the colon behind it, where it ends.
    #[inline(always)]
    fn key(&mut self, text: &[u8], at: usize, ahead: Ahead) -> Step<(usize, Ahead)> {
        let start = match text.get(at) {
            Some(b'"') => at,
            _ => find(text, at, b'"', "expected a key in double quotes")?,
        };
        let (mark, ahead) = self.marks.behind_quote(ahead, start);
        if text.get(mark..mark + 2) == Some(b"\":") {
            return Ok((mark + 2, ahead));
        }
        let mut beyond = ahead;
        let end = self.rest_of_key(text, mark, &mut beyond)?;
        Ok((end, beyond))
    }

    /// [`Reader::key`] from the first mark in it on.
    #[cold]
    #[inline(never)]
    fn rest_of_key(&mut self, text: &[u8], mark: usize, ahead: &mut Ahead) -> Step<usize> {
        let mut end = mark + 1;
        if text.get(mark) != Some(&b'"') {
            end = escaped_string(text, mark, &mut self.marks, ahead)?;
            self.escaped_keys = true;
        }
        Ok(find(text, end, b':', "expected a colon")? + 1)
    }

    /// Where the string that begins at `start` ends, and its shape.
    #[inline(always)]
    fn string(&mut self, text: &[u8], start: usize, ahead: Ahead) -> Step<(usize, Shape, Ahead)> {
        let (mark, ahead) = self.marks.behind_quote(ahead, start);
        if text.get(mark) == Some(&b'"') {
            return Ok((mark + 1, Shape::String, ahead));
        }
        let mut beyond = ahead;
        let end = escaped_string(text, mark, &mut self.marks, &mut beyond)?;
        Ok((end, Shape::Escaped, beyond))
    }
}

/// Where a string ends whose first mark is not its end.
#[cold]
#[inline(never)]
fn escaped_string(text: &[u8], mut mark: usize, marks: &mut Marks<'_>, ahead: &mut Ahead) -> Step<usize> {
    loop {
        match text.get(mark) {
            Some(b'"') => return Ok(mark + 1),
            Some(b'\\') => {
                let end = escape(text, mark)?;
                (mark, *ahead) = marks.since(*ahead, end);
            }
            Some(_) => return Err(wrong(mark, "an unescaped control character in a string")),
            None => return Err(ends_early(text)),
        }
    }
}

/// Checks the escape at `at` and returns where it ends.
fn escape(text: &[u8], at: usize) -> Step<usize> {
    match text.get(at + 1) {
        None => Err(ends_early(text)),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match text.get(at + 2..at + 6) {
            None => Err(ends_early(text)),
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            Some(_) => Err(wrong(at, "a \\u escape is broken")),
        },
        Some(_) => Err(wrong(at, "an unknown escape in a string")),
    }
}

/// Where the word that begins at `at` ends.
#[inline(never)]
fn literal(text: &[u8], at: usize) -> Step<usize> {
    let rest = &text[at..];
    let word: &[u8] = match rest.first() {
        Some(b't') => b"true",
        Some(b'f') => b"false",
        Some(b'n') => b"null",
        _ => return Err(wrong(at, "expected a value")),
    };
    if !rest.starts_with(word) {
        let mut error = wrong(at, "expected true, false or null");
        error.truncated = word.starts_with(rest);
        return Err(error);
    }
    Ok(at + word.len())
}

/// Where the number that begins at `at` ends.
#[inline(always)]
fn number(text: &[u8], at: usize) -> Step<usize> {
    // Most are whole and short, and known by one word.
    if let Some(word) = word_at(text, at) {
        let digits = digits_of(word);
        if (1..8).contains(&digits) {
            let goes_on = matches!((word >> (8 * digits)) as u8, b'.' | b'e' | b'E');
            if !goes_on && word as u8 != b'0' {
                return Ok(at + digits);
            }
        }
    }
    any_number(text, at)
}

/// [`number`], of whatever form.
#[inline(never)]
fn any_number(text: &[u8], at: usize) -> Step<usize> {
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
    Ok(end)
}

/// The place of the next byte that is no white space, which has to be this one.
#[cold]
#[inline(never)]
fn find(text: &[u8], at: usize, wanted: u8, problem: &'static str) -> Step<usize> {
    let at = behind_space(text, at);
    match text.get(at) {
        Some(&byte) if byte == wanted => Ok(at),
        Some(_) => Err(wrong(at, problem)),
        None => Err(ends_early(text)),
    }
}

/// The place of the next byte that is no white space, and it.
#[inline(always)]
fn next_byte(text: &[u8], at: usize) -> Step<(usize, u8)> {
    match text.get(at) {
        Some(&byte) if byte > b' ' => Ok((at, byte)),
        _ => {
            let at = far_byte(text, at)?;
            Ok((at, text[at]))
        }
    }
}

/// The place of the next byte that is no white space.
#[cold]
#[inline(never)]
fn far_byte(text: &[u8], at: usize) -> Step<usize> {
    let at = behind_space(text, at);
    if at == text.len() {
        return Err(ends_early(text));
    }
    Ok(at)
}

/// The place behind the white space at `at`, in a container between its values; anything else that stands there is wrong.
#[cold]
#[inline(never)]
fn behind_space_of_container(text: &[u8], at: usize) -> Step<usize> {
    let behind = behind_space(text, at);
    match text.get(behind) {
        Some(b',' | b']' | b'}') if behind > at => Ok(behind),
        Some(b']' | b'}') => Err(wrong(at, "the wrong closing bracket")),
        Some(_) => Err(wrong(behind, "expected a comma or a closing bracket")),
        None => Err(ends_early(text)),
    }
}

#[cold]
#[inline(never)]
fn wrong(offset: usize, problem: &'static str) -> Box<SyntaxError> {
    Box::new(SyntaxError {
        offset,
        problem,
        truncated: false,
        too_many: false,
    })
}

#[cold]
#[inline(never)]
fn too_many(offset: usize, problem: &'static str) -> Box<SyntaxError> {
    let mut error = wrong(offset, problem);
    error.too_many = true;
    error
}

#[cold]
#[inline(never)]
fn broken_number(text: &[u8], offset: usize) -> Box<SyntaxError> {
    let mut error = wrong(offset, "a number is broken");
    error.truncated = offset >= text.len();
    error
}

#[cold]
#[inline(never)]
fn ends_early(text: &[u8]) -> Box<SyntaxError> {
    let mut error = wrong(text.len(), "the text ends too early");
    error.truncated = true;
    error
}

/// The next place that is no white space.
fn behind_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
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
