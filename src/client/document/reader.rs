//! The validating pass: text to tape.

#![allow(
    clippy::indexing_slicing,
    reason = "every index is checked against the length just before, in a loop that must be fast"
)]

use super::marks::{Ahead, Marks};
use super::number::{number, short_number};
use super::syntax::{Step, SyntaxError, ends_early, too_many, too_many_values, wrong};
use super::{KEYED, Known, MAX_EXTENT, Node, Nodes, Page, Shape, Writer, large};

/// How deep containers may nest.
pub const MAX_DEPTH: usize = 512;

/// The longest text, in bytes.
pub const MAX_TEXT: usize = (1 << 31) - 2;

/// What is read of a text.
pub(super) struct Tape {
    pub(super) nodes: Nodes,
    /// The place behind the root value.
    pub(super) end: usize,
    /// The large containers, in the order of their ends.
    pub(super) large: Vec<Known>,
    /// Whether a key has escapes. Hardly any reply has such a key, and without them keys are compared as they stand there.
    pub(super) escaped_keys: bool,
    /// Whether a string may have `lt;` in it: it has `t;`, or it is a long one with a semicolon.
    pub(super) entities: bool,
    /// Whether a string is [`LOCAL`].
    pub(super) has_local: bool,
}

/// What links to local files have in them. All records are searched for it, and here each string is at hand.
const LOCAL: &[u8] = b"\"local\"";

/// Reads a text, all at once or while more of it comes.
pub(super) struct Reader {
    marks: Marks,
    nodes: Writer,
    large: Vec<Known>,
    /// The containers around the innermost one.
    around: Vec<Open>,
    /// The most nodes that there may be before a value.
    most: usize,
    /// Whether a key has escapes.
    escaped_keys: bool,
    has_local: bool,
    place: Place,
}

/// Where reading goes on.
#[derive(Clone, Copy)]
struct Place {
    /// A value or its key, or what is behind a value.
    at: usize,
    is_behind: bool,
    /// The number of the value that it is behind.
    last: Option<usize>,
    /// The innermost container.
    inner: Open,
}

impl Reader {
    /// For a text of probably so many bytes and at most so many nodes.
    pub(super) fn new(length: usize, most: usize) -> Reader {
        // A page of values may come behind the limit before that is looked at.
        let most = most.min(MAX_EXTENT - 1 - Page::NODES);
        Reader {
            marks: Marks::new(),
            nodes: Writer::for_text(length, most),
            large: Vec::new(),
            around: Vec::new(),
            most,
            escaped_keys: false,
            has_local: false,
            place: Place {
                at: 0,
                is_behind: false,
                last: None,
                inner: Open::NOTHING,
            },
        }
    }

    /// How far it has read.
    pub(super) fn at(&self) -> usize {
        self.place.at
    }

    /// How many pages of nodes there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.nodes.room()
    }

    /// Reads on in a text of which more will come, of probably so many bytes, as far as that can be. False where something is wrong
    /// whatever comes, which is told at the end.
    pub(super) fn go_on(&mut self, text: &[u8], length: usize) -> bool {
        // A mark of the order of bytes may be all that there is.
        if text.len() < 3 || text.len() > MAX_TEXT {
            return true;
        }
        self.nodes.expect(length);
        self.run(text, false).map_or_else(|error| error.truncated, |()| true)
    }

    /// Reads on in all of the text.
    pub(super) fn finish(mut self, text: &[u8]) -> Result<Tape, SyntaxError> {
        if text.len() > MAX_TEXT {
            return Err(SyntaxError {
                offset: MAX_TEXT,
                problem: "the text is longer than 2 GiB",
                truncated: false,
                too_many: true,
            });
        }
        self.nodes.expect(text.len());
        let read = self.run(text, true);
        let nodes = self.nodes.finish();
        // While it read, that was looked at once in a page of values that are no containers.
        if let Some(value) = nodes.range(self.most + 1, nodes.len()).next() {
            return Err(*too_many_values(value.start()));
        }
        read.map_err(|error| *error)?;
        Ok(Tape {
            nodes,
            end: self.place.at,
            large: self.large,
            escaped_keys: self.escaped_keys,
            entities: self.marks.has_entities(),
            has_local: self.has_local,
        })
    }
}

/// A container whose end was not read yet: in the upper half the number of its node, and [`KEYED`] if it is an object; in the lower
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

/// What is in a value first.
enum First {
    /// Nothing: it is no container.
    None,
    Value,
    /// Its end: it is empty.
    End,
}

/// What is behind a value.
enum Next {
    /// Another value, or its key.
    Value(usize),
    /// The end of all that there is.
    End(usize),
}

/// What is met in nearly each value is written out in [`Reader::run`], which has `text`, `at` and `ahead` in registers; what is rare, above
/// all white space, is in functions of its own, so that the processor runs straight on.
impl Reader {
    /// Reads on. Where the text ends too early, it goes on from there when there is more of it.
    fn run(&mut self, text: &[u8], is_whole: bool) -> Step<()> {
        self.marks.forget();
        let mut place = self.place;
        if place.at == 0 && text.starts_with(b"\xef\xbb\xbf") {
            place.at = 3;
        }
        let read = self.read(text, is_whole, &mut place);
        self.place = place;
        let end = read?;
        (self.place.at, self.place.is_behind) = (end, true);
        let behind = behind_space(text, end);
        if behind < text.len() {
            return Err(wrong(behind, "something stands behind the value"));
        }
        // More of the text would be too much, or white space.
        Ok(())
    }

    /// Reads on from a place to the end of the root value. The place is moved along: a step changes nothing else before it has all that
    /// it needs.
    #[inline(always)]
    fn read(&mut self, text: &[u8], is_whole: bool, place: &mut Place) -> Step<usize> {
        let mut ahead = Ahead::NOTHING;
        let mut at = place.at;
        if std::mem::take(&mut place.is_behind) {
            if self.around.is_empty() {
                return Ok(at);
            }
            match self.behind(text, at, place.last, place)? {
                Next::Value(next) => at = next,
                Next::End(end) => return Ok(end),
            }
        } else if self.around.is_empty() {
            let byte;
            (at, byte) = next_byte(text, at)?;
            if byte != b'{' && byte != b'[' {
                return self.lone_scalar(text, at, byte, is_whole);
            }
        }
        loop {
            place.at = at;
            let keyed = place.inner.keyed();
            if keyed != 0 {
                (at, ahead) = self.key(text, at, ahead)?;
            }
            // Most values are strings, and nothing stands before them.
            if text.get(at) == Some(&b'"') {
                (at, ahead) = self.string(text, at, keyed, ahead)?;
            } else {
                let byte;
                (at, byte) = next_byte(text, at)?;
                let first = match byte {
                    b'{' => self.open(text, &mut at, Shape::Object, b'}', keyed, place)?,
                    b'[' => self.open(text, &mut at, Shape::Array, b']', keyed, place)?,
                    _ => {
                        (at, ahead) = self.scalar(text, at, byte, keyed, ahead, is_whole)?;
                        First::None
                    }
                };
                match first {
                    First::None => {}
                    First::Value => continue,
                    First::End if self.around.is_empty() => return Ok(at),
                    First::End => {}
                }
            }
            match self.behind(text, at, None, place)? {
                Next::Value(next) => at = next,
                Next::End(end) => return Ok(end),
            }
        }
    }

    /// Reads on behind a value, where containers may end. It is the one of the number `last`, or the one that was written last.
    #[inline(always)]
    fn behind(&mut self, text: &[u8], mut at: usize, mut last: Option<usize>, place: &mut Place) -> Step<Next> {
        // Behind most values nothing ends.
        if text.get(at) == Some(&b',') {
            place.inner.0 += 1;
            return Ok(Next::Value(at + 1));
        }
        loop {
            match text.get(at) {
                Some(b',') => {
                    place.inner.0 += 1;
                    return Ok(Next::Value(at + 1));
                }
                Some(b'}') if place.inner.keyed() != 0 => {
                    last = Some(self.close(at, last, place));
                    at += 1;
                }
                Some(b']') if place.inner.keyed() == 0 => {
                    last = Some(self.close(at, last, place));
                    at += 1;
                }
                _ => match behind_space_of_container(text, at) {
                    Ok(behind) => at = behind,
                    Err(error) => {
                        (place.at, place.is_behind, place.last) = (at, true, last);
                        return Err(error);
                    }
                },
            }
            // Looked for where a container has ended, and not behind each value.
            if self.around.is_empty() {
                return Ok(Next::End(at));
            }
        }
    }

    /// A root value that is no container.
    #[cold]
    #[inline(never)]
    fn lone_scalar(&mut self, text: &[u8], at: usize, byte: u8, is_whole: bool) -> Step<usize> {
        self.scalar(text, at, byte, 0, Ahead::NOTHING, is_whole).map(|(end, _)| end)
    }

    /// Writes the value without nodes of its own that begins at `start`, and gives its end.
    #[inline(always)]
    fn scalar(&mut self, text: &[u8], start: usize, byte: u8, keyed: u32, ahead: Ahead, is_whole: bool) -> Step<(usize, Ahead)> {
        match byte {
            b'"' => self.far_string(text, start, keyed, ahead),
            b'-' | b'0'..=b'9' => {
                let end = match short_number(text, start) {
                    Some(end) => end,
                    None => number(text, start, is_whole)?,
                };
                self.put(Shape::Number, keyed, start, end)?;
                Ok((end, ahead))
            }
            b'n' => {
                let end = literal(text, start)?;
                self.put(Shape::Null, keyed, start, end)?;
                Ok((end, ahead))
            }
            _ => {
                let end = literal(text, start)?;
                self.put(Shape::Bool, keyed, start, end)?;
                Ok((end, ahead))
            }
        }
    }

    /// Writes the string that begins at `start`, and gives its end.
    #[inline(always)]
    fn string(&mut self, text: &[u8], start: usize, keyed: u32, ahead: Ahead) -> Step<(usize, Ahead)> {
        let (mark, ahead) = self.marks.behind_quote(text, ahead, start);
        if text.get(mark) != Some(&b'"') {
            let mut beyond = ahead;
            let end = escaped_string(text, mark, &mut self.marks, &mut beyond)?;
            self.put(Shape::Escaped, keyed, start, end)?;
            return Ok((end, beyond));
        }
        let end = mark + 1;
        if end - start == LOCAL.len() {
            self.has_local |= text.get(start..end) == Some(LOCAL);
        }
        self.put(Shape::String, keyed, start, end)?;
        Ok((end, ahead))
    }

    /// [`Reader::string`] behind white space, or alone.
    #[cold]
    #[inline(never)]
    fn far_string(&mut self, text: &[u8], start: usize, keyed: u32, ahead: Ahead) -> Step<(usize, Ahead)> {
        self.string(text, start, keyed, ahead)
    }

    /// Writes the node of a value without nodes of its own.
    #[inline(always)]
    fn put(&mut self, shape: Shape, keyed: u32, start: usize, end: usize) -> Step<()> {
        let length = end - start;
        if length > MAX_EXTENT {
            return Err(too_many(start, "a value is longer than 256 MiB"));
        }
        match self.nodes.push_value(Node::new(shape, start as u32 | keyed, length as u32)) {
            true => Ok(()),
            false => Err(too_many_values(start)),
        }
    }

    /// Begins a container, and ends it where nothing is in it. `at` is moved into it, or behind it.
    #[inline(always)]
    fn open(&mut self, text: &[u8], at: &mut usize, shape: Shape, close: u8, keyed: u32, place: &mut Place) -> Step<First> {
        if self.around.len() == MAX_DEPTH {
            return Err(wrong(*at, "nested deeper than 512 levels"));
        }
        let node = self.nodes.len();
        // Its end may be what a page begins with, each time.
        if node > self.most {
            return Err(too_many_values(*at));
        }
        let (inside, first) = next_byte(text, *at + 1)?;
        let start = std::mem::replace(at, inside) as u32 | keyed;
        if first == close {
            self.nodes.push(Node::new(shape, start, 1));
            *at += 1;
            return Ok(First::End);
        }
        self.nodes.push(Node::new(shape, start, 0));
        self.around.push(place.inner);
        place.inner = Open::new(shape, node);
        Ok(First::Value)
    }

    /// Ends the innermost container, the last value in which has the number `last`, and gives its own number.
    #[inline(always)]
    fn close(&mut self, at: usize, last: Option<usize>, place: &mut Place) -> usize {
        let (node, count, end) = (place.inner.node(), place.inner.commas() + 1, at + 1);
        self.nodes.close(node, last);
        large::note(&mut self.large, node, count as usize, end);
        if let Some(around) = self.around.pop() {
            place.inner = around;
        }
        node
    }

    /// A key and the colon behind it, where it ends.
    #[inline(always)]
    fn key(&mut self, text: &[u8], at: usize, ahead: Ahead) -> Step<(usize, Ahead)> {
        let start = match text.get(at) {
            Some(b'"') => at,
            _ => find(text, at, b'"', "expected a key in double quotes")?,
        };
        let (mark, ahead) = self.marks.behind_quote(text, ahead, start);
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
}

/// Where a string ends whose first mark is not its end.
#[cold]
#[inline(never)]
fn escaped_string(text: &[u8], mut mark: usize, marks: &mut Marks, ahead: &mut Ahead) -> Step<usize> {
    loop {
        match text.get(mark) {
            Some(b'"') => return Ok(mark + 1),
            Some(b'\\') => {
                let end = escape(text, mark)?;
                (mark, *ahead) = marks.since(text, *ahead, end);
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

/// The next place that is no white space.
pub(super) fn behind_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}
