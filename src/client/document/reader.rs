//! The validating pass: text to tape.

#![allow(
    clippy::indexing_slicing,
    reason = "every index is checked against the length just before, in a loop that must be fast"
)]

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
    let most = most.min(MAX_EXTENT - 2);
    let mut reader = Reader {
        text,
        at: 0,
        // Two beyond the limit are seen before there are more.
        nodes: Writer::with_room((text.len() / 20 + 4).min(FIRST_NODES), most + 2),
        open: Vec::new(),
        most,
        escaped_keys: false,
    };
    if text.starts_with(b"\xef\xbb\xbf") {
        reader.at = 3;
    }
    reader.run()?;
    Ok(Tape {
        nodes: reader.nodes.finish(),
        escaped_keys: reader.escaped_keys,
    })
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    nodes: Writer,
    /// The containers around.
    open: Vec<Open>,
    /// The most nodes that there may be.
    most: usize,
    /// Whether a key has escapes.
    escaped_keys: bool,
}

/// A container whose end was not read yet.
struct Open {
    /// Its opening node.
    node: u32,
    /// How many commas it has so far.
    commas: u32,
    is_object: bool,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), SyntaxError> {
        // Set while the next value is a member's.
        let mut keyed = 0;
        loop {
            if self.nodes.len() > self.most {
                return Err(SyntaxError {
                    too_many: true,
                    ..self.wrong("too many values")
                });
            }
            match self.next_byte()? {
                b'"' => self.string(keyed)?,
                byte @ (b'{' | b'[') => {
                    self.open(byte, keyed)?;
                    let first = self.next_byte()?;
                    if matches!((byte, first), (b'{', b'}') | (b'[', b']')) {
                        self.close(0);
                    } else {
                        keyed = if byte == b'{' {
                            self.key(first)?;
                            KEYED
                        } else {
                            0
                        };
                        continue;
                    }
                }
                byte => self.scalar(byte, keyed)?,
            }
            keyed = loop {
                let Some(open) = self.open.last_mut() else {
                    return self.end();
                };
                let is_object = open.is_object;
                self.at = behind_space(self.text, self.at);
                match self.text.get(self.at) {
                    Some(b',') => {
                        open.commas += 1;
                        self.at += 1;
                        if !is_object {
                            break 0;
                        }
                        let first = self.next_byte()?;
                        self.key(first)?;
                        break KEYED;
                    }
                    Some(b'}') if is_object => self.close(1),
                    Some(b']') if !is_object => self.close(1),
                    Some(b']' | b'}') => return Err(self.wrong("the wrong closing bracket")),
                    Some(_) => return Err(self.wrong("expected a comma or a closing bracket")),
                    None => return Err(self.ends_early()),
                }
            };
        }
    }

    /// The next byte that is no white space, which is not passed over.
    fn next_byte(&mut self) -> Result<u8, SyntaxError> {
        self.skip_space();
        self.text.get(self.at).copied().ok_or_else(|| self.ends_early())
    }

    /// Behind the root value nothing may stand.
    fn end(&mut self) -> Result<(), SyntaxError> {
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.wrong("something stands behind the value"));
        }
        Ok(())
    }

    fn open(&mut self, byte: u8, keyed: u32) -> Result<(), SyntaxError> {
        if self.open.len() == MAX_DEPTH {
            return Err(self.wrong("nested deeper than 512 levels"));
        }
        self.open.push(Open {
            node: self.nodes.len() as u32,
            commas: 0,
            is_object: byte == b'{',
        });
        let shape = if byte == b'{' { Shape::Object } else { Shape::Array };
        self.nodes.push(Node::new(shape, self.at as u32 | keyed, 0));
        self.at += 1;
        Ok(())
    }

    /// Ends a container that has so many elements or members more than commas.
    fn close(&mut self, more: u32) {
        if let Some(open) = self.open.pop() {
            self.nodes.close(open.node as usize, self.at as u32, open.commas + more);
        }
        self.at += 1;
    }

    fn scalar(&mut self, byte: u8, keyed: u32) -> Result<(), SyntaxError> {
        match byte {
            b't' => self.literal(b"true", Shape::Bool, keyed),
            b'f' => self.literal(b"false", Shape::Bool, keyed),
            b'n' => self.literal(b"null", Shape::Null, keyed),
            b'-' | b'0'..=b'9' => self.number(keyed),
            _ => Err(self.wrong("expected a value")),
        }
    }

    /// A key and the colon behind it.
    fn key(&mut self, first: u8) -> Result<(), SyntaxError> {
        if first != b'"' {
            return Err(self.wrong("expected a key in double quotes"));
        }
        let (end, escaped) = self.string_end()?;
        self.escaped_keys |= escaped;
        self.at = end;
        if self.next_byte()? != b':' {
            return Err(self.wrong("expected a colon"));
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &[u8], shape: Shape, keyed: u32) -> Result<(), SyntaxError> {
        let rest = &self.text[self.at..];
        if !rest.starts_with(word) {
            let truncated = word.starts_with(rest);
            return Err(SyntaxError {
                truncated,
                ..self.wrong("expected true, false or null")
            });
        }
        self.push_scalar(self.at + word.len(), shape, keyed)
    }

    /// A value without nodes of its own, up to `end`.
    fn push_scalar(&mut self, end: usize, shape: Shape, keyed: u32) -> Result<(), SyntaxError> {
        let length = end - self.at;
        if length > MAX_EXTENT {
            return Err(SyntaxError {
                too_many: true,
                ..self.wrong("a value is longer than 512 MiB")
            });
        }
        self.nodes.push(Node::new(shape, self.at as u32 | keyed, length as u32));
        self.at = end;
        Ok(())
    }

    fn number(&mut self, keyed: u32) -> Result<(), SyntaxError> {
        let text = self.text;
        let digits = |mut at: usize| {
            let start = at;
            while text.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            (at, at > start)
        };
        let fail = |at: usize| SyntaxError {
            offset: at,
            problem: "a number is broken",
            truncated: at >= text.len(),
            too_many: false,
        };
        let mut end = self.at + usize::from(text[self.at] == b'-');
        let leading_zero = text.get(end) == Some(&b'0');
        let (behind, any) = digits(end);
        if !any || (leading_zero && behind > end + 1) {
            return Err(fail(if any { end + 1 } else { behind }));
        }
        end = behind;
        if text.get(end) == Some(&b'.') {
            let (behind, any) = digits(end + 1);
            if !any {
                return Err(fail(behind));
            }
            end = behind;
        }
        if matches!(text.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
            let (behind, any) = digits(end + 1 + sign);
            if !any {
                return Err(fail(behind));
            }
            end = behind;
        }
        self.push_scalar(end, Shape::Number, keyed)
    }

    fn string(&mut self, keyed: u32) -> Result<(), SyntaxError> {
        let (end, escaped) = self.string_end()?;
        self.push_scalar(end, if escaped { Shape::Escaped } else { Shape::String }, keyed)
    }

    /// Where the string that begins here ends, and whether it has escapes.
    #[inline]
    fn string_end(&self) -> Result<(usize, bool), SyntaxError> {
        let text = self.text;
        let mut at = self.at + 1;
        let mut escaped = false;
        loop {
            at = plain_run(text, at);
            match text.get(at) {
                None => return Err(self.ends_early()),
                Some(b'"') => return Ok((at + 1, escaped)),
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape(at)?;
                }
                Some(_) => {
                    return Err(SyntaxError {
                        offset: at,
                        problem: "an unescaped control character in a string",
                        truncated: false,
                        too_many: false,
                    });
                }
            }
        }
    }

    /// Checks the escape at `at` and returns where it ends.
    fn escape(&self, at: usize) -> Result<usize, SyntaxError> {
        match self.text.get(at + 1) {
            None => Err(self.ends_early()),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => match self.text.get(at + 2..at + 6) {
                None => Err(self.ends_early()),
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
                Some(_) => Err(SyntaxError {
                    offset: at,
                    problem: "a \\u escape is broken",
                    truncated: false,
                    too_many: false,
                }),
            },
            Some(_) => Err(SyntaxError {
                offset: at,
                problem: "an unknown escape in a string",
                truncated: false,
                too_many: false,
            }),
        }
    }

    fn skip_space(&mut self) {
        self.at = behind_space(self.text, self.at);
    }

    fn wrong(&self, problem: &'static str) -> SyntaxError {
        SyntaxError {
            offset: self.at,
            problem,
            truncated: false,
            too_many: false,
        }
    }

    fn ends_early(&self) -> SyntaxError {
        SyntaxError {
            offset: self.text.len(),
            problem: "the text ends too early",
            truncated: true,
            too_many: false,
        }
    }
}

/// The next place that is no white space.
#[inline]
fn behind_space(text: &[u8], mut at: usize) -> usize {
    // Sites send none, so the first look is made to be the last.
    while let Some(&byte) = text.get(at)
        && byte <= b' '
        && matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
    {
        at += 1;
    }
    at
}

/// Where the run of ordinary string bytes that starts at `at` ends: at a quote, a backslash, a control character or
/// the end of the text. Short runs are read by words of eight bytes; for long ones there are the processor's vectors.
fn plain_run(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    for _ in 0..WORDS {
        let Some(chunk) = text.get(at..at + 8) else {
            return plain_bytes(text, at);
        };
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        let word = u64::from_le_bytes(bytes);
        let quotes = zero_byte(word ^ (ONES * b'"' as u64));
        let backslashes = zero_byte(word ^ (ONES * b'\\' as u64));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special = quotes | backslashes | controls;
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = &text[at..];
    let run = &rest[..memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len())];
    // All at once, which the compiler does by vectors; where there is one, it is looked for again.
    if run.iter().fold(false, |found, &byte| found | (byte < 0x20)) {
        return plain_bytes(text, at);
    }
    at + run.len()
}

/// How many words are read before a run counts as long.
const WORDS: usize = 3;

/// [`plain_run`] byte by byte.
fn plain_bytes(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}
