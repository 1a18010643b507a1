//! Writing JSON text: small pieces joined by hand, so that the caller's own text passes through byte for byte.

/// A text as a JSON string, with non-ASCII characters left as they are.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

/// Appends a text as a JSON string.
fn push_quoted(to: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        to.push_str(&serde_json::Value::from(text).to_string());
        return;
    }
    to.push('"');
    to.push_str(text);
    to.push('"');
}

/// Room for most of what is put together, so that it does not grow by and by.
const ROOM: usize = 256;

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

/// An object under construction.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        let mut text = String::with_capacity(ROOM);
        text.push('{');
        Object(text)
    }

    /// Adds a member whose value is JSON already.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key);
        self.0.push_str(json);
        self
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_quoted(&mut self.0, key);
        self.0.push(':');
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
        push_quoted(&mut self.0, text);
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
