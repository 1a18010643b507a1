//! Places in a document.

use std::borrow::Cow;
use std::fmt;

use super::large::{self, Known, Large};
use super::reader::behind_space;
use super::{Document, Key, MAX_EXTENT, Node, Shape, cstrings, key, keys, time};
use crate::client::error::{Error, Result};
use crate::client::json::quote;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null = 1,
    /// `true` or `false`
    Bool,
    /// A number, kept as it was written.
    Number,
    /// A text.
    String,
    /// A list of values.
    Array,
    /// Members by name.
    Object,
}

impl Kind {
    /// The kind with its article, for messages.
    pub fn with_article(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

/// A value in a [`Document`]. Copying it copies nothing else.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document,
    node: u32,
    place: Node,
}

impl<'d> Value<'d> {
    /// The value at a node of this number, whose content is `place`.
    #[inline]
    pub(crate) fn new(document: &'d Document, node: u32, place: Node) -> Self {
        Value { document, node, place }
    }

    /// The number of its node, by which [`Document::value`] finds it again.
    pub fn node(self) -> u32 {
        self.node
    }

    /// What it is.
    #[inline]
    pub fn kind(self) -> Kind {
        self.place.kind().unwrap_or(Kind::Null)
    }

    pub(super) fn document(self) -> &'d Document {
        self.document
    }

    pub(super) fn start(self) -> usize {
        self.place.start()
    }

    /// The place behind it in the text.
    pub(super) fn end(self) -> usize {
        if self.node == self.document.root {
            return self.document.end();
        }
        let text = self.document.text.as_bytes();
        // A container ends behind the end of its last value, or the last value in that.
        let (mut value, mut brackets) = (self, 0);
        let mut end = loop {
            if !value.place.is_container() {
                break value.start() + value.place.extent();
            }
            if let Some(known) = value.known_large() {
                break known.end as usize;
            }
            brackets += 1;
            match value.last_child() {
                Some(last) => value = last,
                None => break value.start() + 1,
            }
        };
        for _ in 0..brackets {
            end = behind_space(text, end) + 1;
        }
        end
    }

    /// The document's large containers, if it may be one of them.
    fn large(self) -> Option<&'d Large> {
        // Each element takes a node, and so does it itself.
        let may_be = self.place.step() > large::FROM;
        self.document.large.as_deref().filter(|_| may_be)
    }

    /// What is kept of it, if it is a large container.
    fn known_large(self) -> Option<Known> {
        self.large()?.get(self.node)
    }

    /// The number of the node behind it and all that it holds.
    pub(super) fn behind(self) -> u32 {
        self.node + self.place.step() as u32
    }

    /// The text of what is no container.
    fn scalar(self) -> &'d str {
        let start = self.place.start();
        self.document.text.get(start..start + self.place.extent()).unwrap_or_default()
    }

    /// Its JSON text, as it was written.
    pub fn json(self) -> &'d str {
        self.document.text.get(self.start()..self.end()).unwrap_or_default()
    }

    /// How many elements or members it has; 0 for everything else.
    pub fn count(self) -> usize {
        match self.known_large() {
            Some(known) => known.count as usize,
            None => self.children().count(),
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(self) -> bool {
        self.place.step() <= 1
    }

    /// Whether its members are found by an index.
    fn has_keys_indexed(self) -> bool {
        self.place.step() > keys::INDEX_FROM && self.known_large().is_some_and(|known| known.count as usize >= keys::INDEX_FROM)
    }

    /// Its first element or member.
    pub fn first(self) -> Option<Value<'d>> {
        self.children().next()
    }

    /// Its last element or member.
    pub(super) fn last_child(self) -> Option<Value<'d>> {
        let (node, place) = self.document.nodes.last_child(self.node as usize, self.place)?;
        Some(Value::new(self.document, node, place))
    }

    /// The element or member behind it in what holds it.
    #[allow(clippy::should_implement_trait, reason = "a place has a next sibling; it is no iterator")]
    pub fn next(self) -> Option<Value<'d>> {
        if self.place.is_last() {
            return None;
        }
        self.document.value(self.behind())
    }

    /// Its elements or members in order.
    pub fn children(self) -> impl Iterator<Item = Value<'d>> {
        let document = self.document;
        let children = document.nodes.children(self.node as usize, self.place);
        children.map(move |(node, place)| Value { document, node, place })
    }

    /// What names it, when it is a member of an object.
    pub fn key(self) -> Option<Key<'d>> {
        self.place.is_keyed().then(|| Key::before(self.document, self.start()))
    }

    /// Whether it is the member of this name, which has no quotes.
    #[inline]
    pub(in crate::client) fn is_named(self, name: &str) -> bool {
        if self.document.escaped_keys || !self.place.is_keyed() {
            return self.key().is_some_and(|key| key.is_str(name));
        }
        key::is_plain_name(self.document.text.as_bytes(), self.place.start(), name.as_bytes())
    }

    /// Whether it is a string that is not empty.
    #[inline]
    pub(in crate::client) fn is_text(self) -> bool {
        self.string_place().is_some_and(|(_, length, _)| length > 0)
    }

    /// Whether it is a string of exactly this text.
    pub fn is_str(self, text: &str) -> bool {
        match self.raw_str() {
            Some((raw, false)) => raw == text,
            Some((raw, true)) => cstrings::decode(raw) == text,
            None => false,
        }
    }

    /// Where the text between the quotes begins, how many bytes it has, and whether there are escapes among them.
    pub(super) fn string_place(self) -> Option<(usize, usize, bool)> {
        if self.kind() != Kind::String {
            return None;
        }
        let length = self.place.extent().checked_sub(2)?;
        Some((self.place.start() + 1, length, self.place.is_escaped()))
    }

    /// The text between the quotes, and whether it has escapes.
    fn raw_str(self) -> Option<(&'d str, bool)> {
        let (start, length, escaped) = self.string_place()?;
        Some((self.document.text.get(start..start + length)?, escaped))
    }

    /// The member of this name; the last one where the name is doubled.
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        self.get_bytes(name.as_bytes())
    }

    /// As [`Value::get`]; what is not UTF-8 names nothing.
    pub(crate) fn get_bytes(self, name: &[u8]) -> Option<Value<'d>> {
        if self.place.kind() != Some(Kind::Object) {
            return None;
        }
        let document = self.document;
        if document.escaped_keys || self.has_keys_indexed() {
            return self.get_carefully(std::str::from_utf8(name).ok()?);
        }
        let text = document.text.as_bytes();
        let members = self
            .children()
            .filter(|member| key::is_plain_name(text, member.place.start(), name));
        // Only a key with escapes has quotes.
        members.last().filter(|_| !name.contains(&b'"'))
    }

    /// [`Value::get`] of a large object, or where keys have escapes.
    fn get_carefully(self, name: &str) -> Option<Value<'d>> {
        let document = self.document;
        let is_it = |member: &Value<'d>| member.key().is_some_and(|key| key.is_str(name));
        match self.large().and_then(|large| large.keys(document).of(self.node, name)) {
            Some(members) => members.filter_map(|node| document.value(node)).find(is_it),
            None => self.children().filter(is_it).last(),
        }
    }

    /// The element or member at this position, counted from 0.
    pub fn at(self, position: usize) -> Option<Value<'d>> {
        match self.known_large().and(self.large()) {
            Some(large) => self.document.value(large.element(self.document, self.node, position)?),
            None => self.children().nth(position),
        }
    }

    /// The value that a JSON pointer (RFC 6901) leads to, from here.
    pub fn pointer(self, pointer: &str) -> Option<Value<'d>> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |here, step| match here.kind() {
                Kind::Array => {
                    let canonical = step == "0" || !step.starts_with(['0', '+']);
                    here.at(canonical.then(|| step.parse().ok())??)
                }
                _ => here.get(&step.replace("~1", "/").replace("~0", "~")),
            })
    }

    /// Its text, decoded, when it is a string.
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        let (raw, escaped) = self.raw_str()?;
        if escaped {
            return Some(Cow::Owned(cstrings::decode(raw)));
        }
        Some(Cow::Borrowed(raw))
    }

    /// It as a JSON string without escapes that are not needed, when it is a string.
    pub(in crate::client) fn quoted(self) -> Option<Cow<'d, str>> {
        let (raw, escaped) = self.raw_str()?;
        if escaped {
            return Some(Cow::Owned(quote(&cstrings::decode(raw))));
        }
        Some(Cow::Borrowed(self.scalar()))
    }

    /// Its text, decoded, when it is a string. It is borrowed from the document.
    pub fn text(self) -> Option<&'d [u8]> {
        if self.place.is_escaped() {
            return self.document.decoded().get(self);
        }
        self.plain_text()
    }

    /// As [`Value::text`], when it is a string without escapes.
    #[inline]
    pub(crate) fn plain_text(self) -> Option<&'d [u8]> {
        if !self.place.is_short(Shape::String, MAX_EXTENT as u32) {
            return None;
        }
        let (start, length) = (self.place.start(), self.place.extent());
        self.document.text.as_bytes().get(start + 1..start + length - 1)
    }

    /// Its key, decoded, when it is a member of an object.
    pub fn key_text(self) -> Option<&'d [u8]> {
        let key = self.key()?;
        if key.is_escaped() {
            return self.document.decoded_keys().get(self);
        }
        Some(key.raw().as_bytes())
    }

    /// Its truth, when it is a boolean.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.place.extent() == "true".len())
    }

    /// Its truth, or an error that says what it is instead.
    pub fn as_bool_checked(self) -> Result<bool> {
        self.as_bool().ok_or_else(|| self.is_not("a boolean"))
    }

    /// Its number, when it is one of up to eight digits and nothing else, as most are. They are read as one word.
    #[inline]
    pub(crate) fn short_whole(self) -> Option<u32> {
        const EACH: u64 = 0x0101_0101_0101_0101;
        if !self.place.is_short(Shape::Number, 8) {
            return None;
        }
        let (start, length) = (self.place.start(), self.place.extent());
        let word = u64::from_le_bytes(*self.document.text.as_bytes().get(start..start + 8)?.first_chunk()?);
        // What stands behind the number is pushed out; before it there are zeros then.
        let digits = (word ^ (EACH * 0x30)).wrapping_shl(64 - 8 * length as u32);
        if (digits.wrapping_add(EACH * 0x76) | digits) & (EACH * 0x80) != 0 {
            return None;
        }
        // Neighbours are put together: digits to pairs, pairs to fours, and these.
        let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
        Some((fours.wrapping_mul(10_000 << 32 | 1) >> 32) as u32)
    }

    /// Its whole number, or an error that says what it is instead.
    pub fn as_i64(self) -> Result<i64> {
        if self.kind() != Kind::Number {
            return Err(self.is_not("a number"));
        }
        if let Some(whole) = self.short_whole() {
            return Ok(whole.into());
        }
        let text = self.scalar();
        text.parse().map_err(|_| {
            let whole = !text.contains(['.', 'e', 'E']);
            let problem = if whole { "does not fit 64 bits" } else { "is not a whole number" };
            Error::invalid_argument(format!("the value {} {problem}", shorten(text)))
        })
    }

    /// Its number, or an error that says what it is instead. A number beyond the range of a double is an error too.
    pub fn as_f64(self) -> Result<f64> {
        if self.kind() != Kind::Number {
            return Err(self.is_not("a number"));
        }
        // A double holds these exactly.
        if let Some(whole) = self.short_whole() {
            return Ok(whole.into());
        }
        let text = self.scalar();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(Error::invalid_argument(format!(
                "the value {} does not fit a double",
                shorten(text)
            ))),
        }
    }

    /// Its date-time or date in milliseconds since 1970 UTC, or an error that says what it is instead.
    pub fn as_time_ms(self) -> Result<i64> {
        let Some(text) = self.as_str() else {
            return Err(self.is_not("a date-time or date text"));
        };
        time::parse_ms(&text).ok_or_else(|| {
            Error::invalid_argument(format!(
                "the value \"{}\" is no date-time (2024-07-15T15:00:00Z) and no date (2024-07-15)",
                shorten(&text)
            ))
        })
    }

    /// Truth as the site's and the official client's languages see it: nothing, zero and what is empty are false.
    pub fn is_truthy(self) -> bool {
        match self.kind() {
            Kind::Null => false,
            Kind::Bool => self.as_bool() == Some(true),
            Kind::Number => self.as_f64().map_or(true, |number| number != 0.0),
            Kind::String => self.is_text(),
            Kind::Array | Kind::Object => !self.is_empty(),
        }
    }

    #[cold]
    fn is_not(self, wanted: &str) -> Error {
        Error::invalid_argument(format!("the value is {}, not {wanted}", self.kind().with_article()))
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Value({:?}, {} bytes)", self.kind(), self.json().len())
    }
}

/// A value as a message shows it in place of what is allowed. Arrays and objects may have line breaks, and are told by their kind.
pub(in crate::client) fn shown(value: Value<'_>) -> Cow<'_, str> {
    match value.kind() {
        Kind::Array | Kind::Object => Cow::Borrowed(value.kind().with_article()),
        _ => shorten(value.json()),
    }
}

/// The text, cut where a message would grow too long. It may have line breaks: a message shows the text of a caller in JSON's quotes.
pub(in crate::client) fn shorten(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => Cow::Owned(format!("{}…", text.get(..cut).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
