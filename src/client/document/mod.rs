//! JSON documents that keep their text: what came from the site is what the host gets.
//!
//! A [`Document`] owns the text and a *tape*: one small node for every value, written in a single validating pass.
//! Nothing is decoded until it is asked for, and a [`Value`] is only a place in the text. The same reader serves the
//! site's replies and the parameters of a call, so that numbers, key order and doubled keys survive in both directions.

mod cstrings;
mod join;
mod key;
mod keys;
mod large;
mod marks;
mod nodes;
mod number;
mod reader;
mod reading;
mod syntax;
mod time;
mod value;

use std::fmt;

use once_cell::race::OnceBox;

pub use cstrings::CStrings;
use cstrings::Of;
pub use key::Key;
use large::{Known, Large};
use nodes::{KEYED, MAX_EXTENT, Nodes, Shape, Writer};
pub(crate) use nodes::{Node, Page};
pub use reader::MAX_DEPTH;
use reader::{MAX_TEXT, Tape};
pub use reading::Reading;
pub use syntax::SyntaxError;
pub use value::{Kind, Value};
pub(in crate::client) use value::{shorten, shown};

/// A parsed JSON text. Immutable, and readable by any number of threads.
pub struct Document {
    /// The text up to the end of the root value, and a NUL.
    text: String,
    nodes: Nodes,
    large: Option<Box<Large>>,
    /// Whether a key has escapes.
    escaped_keys: bool,
    /// Whether a string may have `lt;` in it: see [`Tape`].
    entities: bool,
    /// Whether a string is `local`.
    has_local: bool,
    root: u32,
    // Made when they are first needed, without a lock: a fork meanwhile must not leave the child waiting.
    strings: OnceBox<CStrings>,
    key_strings: OnceBox<CStrings>,
    decoded: OnceBox<CStrings>,
    decoded_keys: OnceBox<CStrings>,
}

impl Document {
    /// Reads a whole text, which must be one JSON value.
    pub fn parse(text: Vec<u8>) -> Result<Document, SyntaxError> {
        Reading::within(usize::MAX).finish(text)
    }

    /// The document of the value at the node `root`, behind which the tape ends.
    fn new(mut text: String, tape: Tape, root: u32) -> Document {
        let mut nodes = tape.nodes;
        let behind = root + nodes.get(root as usize).step() as u32;
        text.truncate(tape.end);
        text.push('\0');
        nodes.end_before(behind as usize);
        nodes.change(root as usize, Node::alone);
        Document {
            text,
            nodes,
            large: Large::new(tape.large, root, behind),
            escaped_keys: tape.escaped_keys,
            entities: tape.entities,
            has_local: tape.has_local,
            root,
            strings: OnceBox::new(),
            key_strings: OnceBox::new(),
            decoded: OnceBox::new(),
            decoded_keys: OnceBox::new(),
        }
    }

    /// The document that has the value at `node` as its root. What stands behind it is dropped.
    pub fn narrow(self, node: u32) -> Document {
        let Some(end) = self.value(node).map(Value::end) else {
            return self;
        };
        let (text, mut tape) = self.into_parts();
        tape.end = end;
        Document::new(text, tape, node)
    }

    fn into_parts(self) -> (String, Tape) {
        let tape = Tape {
            end: self.end(),
            nodes: self.nodes,
            large: self.large.map_or_else(Vec::new, |large| large.into_known()),
            escaped_keys: self.escaped_keys,
            entities: self.entities,
            has_local: self.has_local,
        };
        (self.text, tape)
    }

    /// The root value.
    pub fn root(&self) -> Value<'_> {
        Value::new(self, self.root, self.nodes.get(self.root as usize))
    }

    /// The place behind the root value in the text.
    fn end(&self) -> usize {
        self.text.len() - 1
    }

    /// The text of the root value.
    pub fn json(&self) -> &str {
        self.root().json()
    }

    /// The text of the root value with a NUL behind it.
    pub fn json_with_nul(&self) -> &[u8] {
        let start = self.root().start();
        self.text.as_bytes().get(start..).unwrap_or(&[0])
    }

    /// Whether a string has `lt;` in it, which was looked for while the text was read. The ampersand before it may be written as an escape.
    pub fn holds_less_than(&self) -> bool {
        self.entities && memchr::memmem::find(self.json().as_bytes(), b"lt;").is_some()
    }

    /// Whether a string without escapes is `local`, which was looked for while the text was read.
    pub fn holds_local(&self) -> bool {
        self.has_local
    }

    /// How many nodes there are: nodes are numbered from 0.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The value with this node number, if that number is one that [`Value::node`] gives.
    pub fn value(&self, node: u32) -> Option<Value<'_>> {
        let place = self.nodes.get(node as usize);
        place.kind().map(|_| Value::new(self, node, place))
    }

    /// The address of a value's node, which is a host's cursor; NULL for none.
    pub(crate) fn address(&self, value: Option<Value<'_>>) -> *const Node {
        value.map_or(std::ptr::null(), |value| self.nodes.address(value.node() as usize))
    }

    /// Tells the tape where the document is, so that an address of a node leads to it: it must stay there from now on.
    pub(crate) fn settle(&mut self) {
        self.nodes.settle(std::ptr::from_ref(self).addr());
        std::ptr::from_ref(self).expose_provenance();
    }

    /// Every string of the document but for keys, decoded and NUL-terminated.
    pub fn c_strings(&self) -> &CStrings {
        self.strings.get_or_init(|| Box::new(CStrings::new(self, Of::Values)))
    }

    /// Every key of the document, decoded and NUL-terminated. Many hosts never ask for one.
    pub fn c_keys(&self) -> &CStrings {
        self.key_strings.get_or_init(|| Box::new(CStrings::new(self, Of::Keys)))
    }

    /// The strings that have escapes.
    fn decoded(&self) -> &CStrings {
        self.decoded.get_or_init(|| Box::new(CStrings::new(self, Of::EscapedValues)))
    }

    /// The keys that have escapes.
    fn decoded_keys(&self) -> &CStrings {
        self.decoded_keys.get_or_init(|| Box::new(CStrings::new(self, Of::EscapedKeys)))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A reply can hold a session token or a new script's key.
        write!(out, "Document({} bytes)", self.json().len())
    }
}

#[cfg(test)]
mod tests;
