//! What serde_json makes of a text, as a tree that keeps everything: order, doubled keys, numbers as they are written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Whether a text is JSON. Numbers beyond every range and lone surrogates are; how deep it nests does not matter.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A value with its text.
pub(crate) struct Tree<'t> {
    pub(crate) json: &'t str,
    pub(crate) kind: Branch<'t>,
}

/// What a value is.
pub(crate) enum Branch<'t> {
    Null,
    Bool(bool),
    Number,
    String(String),
    Array(Vec<Tree<'t>>),
    Object(Vec<(String, Tree<'t>)>),
}

impl<'t> Tree<'t> {
    /// Reads a text that is JSON.
    pub(crate) fn read(json: &'t str) -> Tree<'t> {
        let json = json.trim_matches([' ', '\n', '\r', '\t']);
        let kind = match json.bytes().next() {
            Some(b'n') => Branch::Null,
            Some(b't') => Branch::Bool(true),
            Some(b'f') => Branch::Bool(false),
            Some(b'"') => Branch::String(decoded(json)),
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(json).expect("it was JSON a moment ago");
                Branch::Array(elements.into_iter().map(|element| Tree::read(element.get())).collect())
            }
            Some(b'{') => {
                let members: Members<'_> = serde_json::from_str(json).expect("it was JSON a moment ago");
                let read = |(key, value): (&'t RawValue, &'t RawValue)| (decoded(key.get()), Tree::read(value.get()));
                Branch::Object(members.0.into_iter().map(read).collect())
            }
            _ => Branch::Number,
        };
        Tree { json, kind }
    }
}

/// The members of an object in order, doubled keys too.
struct Members<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The text of a JSON string, read as UTF-16. What is no character there becomes U+FFFD.
fn decoded(json: &str) -> String {
    if let Ok(text) = serde_json::from_str(json) {
        return text;
    }
    let mut units = Vec::new();
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        let mut push = |letter: char| units.extend_from_slice(letter.encode_utf16(&mut [0; 2]));
        match letter {
            '\\' => match letters.next() {
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).expect("four digits"));
                }
                Some('n') => push('\n'),
                Some('r') => push('\r'),
                Some('t') => push('\t'),
                Some('b') => push('\u{8}'),
                Some('f') => push('\u{c}'),
                Some(itself) => push(itself),
                None => {}
            },
            letter => push(letter),
        }
    }
    String::from_utf16_lossy(&units)
}
