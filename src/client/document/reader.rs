//! The validating pass: text to tape.

#![allow(
    clippy::indexing_slicing,
    reason = "every index is checked against the length just before, in a loop that must be fast"
)]

use super::{ESCAPED, Node};

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

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    FirstElement,
    Key,
    FirstKey,
    CommaOrEnd,
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

/// Reads a text of at most so many nodes.
pub(super) fn read(text: &str, most: usize) -> Result<Vec<Node>, SyntaxError> {
    let text = text.as_bytes();
    if text.len() > MAX_TEXT {
        return Err(SyntaxError {
            offset: MAX_TEXT,
            problem: "the text is longer than 2 GiB",
            truncated: false,
            too_many: true,
        });
    }
    let mut reader = Reader {
        text,
        at: 0,
        nodes: Vec::with_capacity((text.len() / 16 + 4).min(FIRST_NODES)),
        open: Vec::new(),
        most,
    };
    if text.starts_with(b"\xef\xbb\xbf") {
        reader.at = 3;
    }
    reader.run()?;
    Ok(reader.nodes)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The opening nodes of the containers around, each with the count of what it holds so far.
    open: Vec<(u32, u32)>,
    /// The most nodes that there may be.
    most: usize,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), SyntaxError> {
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            let Some(&byte) = self.text.get(self.at) else {
                return Err(self.ends_early());
            };
            if self.nodes.len() > self.most {
                return Err(SyntaxError {
                    too_many: true,
                    ..self.wrong("too many values")
                });
            }
            expect = match (expect, byte) {
                (Expect::FirstElement, b']') | (Expect::FirstKey, b'}') => self.close(),
                (Expect::CommaOrEnd, b',') => self.comma(),
                (Expect::CommaOrEnd, b']' | b'}') => {
                    if byte != self.closer() {
                        return Err(self.wrong("the wrong closing bracket"));
                    }
                    self.close()
                }
                (Expect::CommaOrEnd, _) => return Err(self.wrong("expected a comma or a closing bracket")),
                (Expect::Key | Expect::FirstKey, b'"') => {
                    self.string()?;
                    self.skip_space();
                    match self.text.get(self.at) {
                        Some(b':') => self.at += 1,
                        Some(_) => return Err(self.wrong("expected a colon")),
                        None => return Err(self.ends_early()),
                    }
                    Expect::Value
                }
                (Expect::Key | Expect::FirstKey, _) => return Err(self.wrong("expected a key in double quotes")),
                (Expect::Value | Expect::FirstElement, b'[' | b'{') => self.open(byte)?,
                (Expect::Value | Expect::FirstElement, _) => {
                    self.scalar(byte)?;
                    Expect::CommaOrEnd
                }
            };
            if self.open.is_empty() && expect == Expect::CommaOrEnd {
                self.skip_space();
                if self.at < self.text.len() {
                    return Err(self.wrong("something stands behind the value"));
                }
                return Ok(());
            }
        }
    }

    fn closer(&self) -> u8 {
        match self.open.last().map(|&(node, _)| self.text[self.nodes[node as usize].pos as usize]) {
            Some(b'[') => b']',
            _ => b'}',
        }
    }

    fn comma(&mut self) -> Expect {
        self.at += 1;
        if self.closer() == b']' { Expect::Value } else { Expect::Key }
    }

    fn open(&mut self, byte: u8) -> Result<Expect, SyntaxError> {
        if self.open.len() == MAX_DEPTH {
            return Err(self.wrong("nested deeper than 512 levels"));
        }
        self.count_one();
        self.open.push((self.nodes.len() as u32, 0));
        self.push(Node {
            pos: self.at as u32,
            aux: 0,
        });
        self.at += 1;
        Ok(if byte == b'[' { Expect::FirstElement } else { Expect::FirstKey })
    }

    fn close(&mut self) -> Expect {
        if let Some((node, count)) = self.open.pop() {
            self.push(Node {
                pos: self.at as u32,
                aux: count,
            });
            self.nodes[node as usize].aux = self.nodes.len() as u32;
        }
        self.at += 1;
        Expect::CommaOrEnd
    }

    fn push(&mut self, node: Node) {
        if self.nodes.len() == self.nodes.capacity() {
            // No more than may come, since room takes memory too. Two beyond the limit are seen before there are more.
            let left = self.most.saturating_add(2).saturating_sub(self.nodes.len());
            self.nodes.reserve_exact(self.nodes.len().min(left));
        }
        self.nodes.push(node);
    }

    fn count_one(&mut self) {
        if let Some((_, count)) = self.open.last_mut() {
            *count += 1;
        }
    }

    fn scalar(&mut self, byte: u8) -> Result<(), SyntaxError> {
        self.count_one();
        match byte {
            b'"' => self.string(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.wrong("expected a value")),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), SyntaxError> {
        let rest = &self.text[self.at..];
        if !rest.starts_with(word) {
            let truncated = word.starts_with(rest);
            return Err(SyntaxError {
                truncated,
                ..self.wrong("expected true, false or null")
            });
        }
        self.push_scalar(self.at + word.len());
        Ok(())
    }

    fn push_scalar(&mut self, end: usize) {
        self.push(Node {
            pos: self.at as u32,
            aux: end as u32,
        });
        self.at = end;
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
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
        self.push_scalar(end);
        Ok(())
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        let text = self.text;
        let mut at = self.at + 1;
        let mut escaped = 0;
        loop {
            at = plain_run(text, at);
            match text.get(at) {
                None => return Err(self.ends_early()),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = ESCAPED;
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
        self.push(Node {
            pos: self.at as u32,
            aux: (at + 1) as u32 | escaped,
        });
        self.at = at + 1;
        Ok(())
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
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
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

/// Where the run of ordinary string bytes that starts at `at` ends: at a quote, a backslash, a control character or
/// the end of the text. Eight bytes at a time.
fn plain_run(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    while let Some(chunk) = text.get(at..at + 8) {
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
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}
