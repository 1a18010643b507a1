//! Writing JSON text: small pieces joined by hand, so that the caller's own text passes through byte for byte.

/// A text as a JSON string, with non-ASCII characters left as they are.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An array of texts that are JSON already.
pub(super) fn array<T: AsRef<str>>(elements: impl IntoIterator<Item = T>) -> String {
    let mut text = String::from("[");
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
        Object(String::from("{"))
    }

    /// Adds a member whose value is JSON already.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quote(key));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// Adds a member whose value is JSON already, where there is one.
    pub(super) fn raw_if(self, key: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.raw(key, json),
            None => self,
        }
    }

    /// Adds a text.
    pub(super) fn text(self, key: &str, text: &str) -> Self {
        let quoted = quote(text);
        self.raw(key, &quoted)
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
