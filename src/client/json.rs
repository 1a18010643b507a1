//! Writing JSON text: small pieces joined by hand, so that the caller's own text passes through byte for byte.

use std::borrow::Cow;

/// A text as a JSON string, with non-ASCII characters left as they are.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

/// Appends a text as a JSON string.
pub(super) fn push_quoted(to: &mut String, text: &str) {
    let text = escaped(text);
    to.reserve(text.len() + 2);
    to.push('"');
    to.push_str(&text);
    to.push('"');
}

/// What stands between the quotes of a text as a JSON string.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !needs_escapes(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Cow::Owned(inner.unwrap_or_default().to_owned())
}

/// Whether there are quotes, backslashes or control characters. Eight bytes are looked at as one word, and the last of them with some of those
/// before.
fn needs_escapes(text: &[u8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Highest bits are set where there is a byte that is less than so much, and nowhere else if there is none.
    let below = |word: u64, least: u8| word.wrapping_sub(EACH * u64::from(least)) & !word;
    let in_word = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        let (quotes, backslashes) = (word ^ (EACH * u64::from(b'"')), word ^ (EACH * u64::from(b'\\')));
        (below(word, b' ') | below(quotes, 1) | below(backslashes, 1)) & (EACH * 0x80) != 0
    };
    match text.last_chunk() {
        Some(last) => in_word(last) || text.as_chunks().0.iter().any(in_word),
        None => text.iter().any(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')),
    }
}

/// A whole number, written into a place for it.
pub(super) fn decimal(mut number: u64, into: &mut [u8; 20]) -> &str {
    let mut start = into.len();
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    std::str::from_utf8(into.get(start..).unwrap_or_default()).unwrap_or_default()
}

/// Room for most of what is put together, so that it does not grow by and by.
pub(super) const ROOM: usize = 256;

/// An array of texts that are JSON already.
pub(super) fn array<T: AsRef<str>>(elements: impl IntoIterator<Item = T>) -> String {
    let mut text = String::with_capacity(ROOM);
    text.push('[');
    for element in elements {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(element.as_ref());
    }
    text.push(']');
    text
}

/// Appends an array whose elements are written one behind the other.
pub(super) fn push_list<T>(to: &mut String, elements: impl IntoIterator<Item = T>, push: impl Fn(&mut String, T)) {
    to.push('[');
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            to.push(',');
        }
        push(to, element);
    }
    to.push(']');
}

/// An object under construction.
pub(super) struct Object {
    text: String,
    is_empty: bool,
}

impl Object {
    pub(super) fn new() -> Self {
        let mut text = String::with_capacity(ROOM);
        text.push('{');
        Object { text, is_empty: true }
    }

    /// Adds a member whose value is JSON already.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key);
        self.text.push_str(json);
        self
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(',');
        }
        push_quoted(&mut self.text, key);
        self.text.push(':');
    }

    /// Adds a member whose value is JSON already, where there is one.
    pub(super) fn raw_if(self, key: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.raw(key, json),
            None => self,
        }
    }

    /// Adds a text.
    pub(super) fn text(mut self, key: &str, text: &str) -> Self {
        self.key(key);
        push_quoted(&mut self.text, text);
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}
