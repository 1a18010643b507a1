//! Values as people read them.

use std::borrow::Cow;

use shotgrid::client::{Kind, Value};

/// A value in a cell: texts as they are, links as `Sequence:12 "SQ010"`, nothing for null.
pub fn cell(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => String::new(),
        Kind::String => value.as_str().unwrap_or_default().into_owned(),
        Kind::Bool => if value.as_bool() == Some(true) { "yes" } else { "no" }.to_owned(),
        Kind::Array => value.children().map(cell).collect::<Vec<_>>().join(", "),
        Kind::Object => object(value),
        _ => value.json().to_owned(),
    }
}

fn object(value: Value<'_>) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("type"), value.get("id"), text("name")) {
        (Some(kind), Some(id), Some(name)) => format!("{kind}:{} \"{name}\"", id.json()),
        (Some(kind), Some(id), None) => format!("{kind}:{}", id.json()),
        _ => text("url")
            .or_else(|| text("local_path"))
            .map_or_else(|| value.json().to_owned(), Cow::into_owned),
    }
}

/// A text without what moves a terminal's cursor, changes its colours, or turns the direction of the line.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => shown.push(' '),
            letter if is_harmful(letter) => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// JSON with one member a line, in the order in which it came. Numbers and texts stay as they were written.
pub fn pretty(value: Value<'_>) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

/// [`pretty`] for an element of a list.
pub fn indented(value: Value<'_>) -> String {
    let mut text = String::new();
    write(value, 1, &mut text);
    text
}

fn write(value: Value<'_>, depth: usize, text: &mut String) {
    let (open, close) = match value.kind() {
        Kind::Object => ('{', '}'),
        Kind::Array => ('[', ']'),
        _ => return text.push_str(value.json()),
    };
    text.push(open);
    let flat = value.children().all(|each| !matches!(each.kind(), Kind::Object | Kind::Array)) && value.json().len() < 80 && depth > 0;
    let mut first = true;
    for each in value.children() {
        if !first {
            text.push(',');
        }
        if !flat {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth + 1));
        } else if !first {
            text.push(' ');
        }
        first = false;
        if let Some(key) = each.key() {
            text.push_str(key.json());
            text.push_str(": ");
        }
        write(each, depth + 1, text);
    }
    if !flat && !first {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
    text.push(close);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use shotgrid::client::Document;

    use super::*;

    fn document(json: &str) -> Document {
        Document::parse(json.into()).unwrap()
    }

    #[test]
    fn cells() {
        for (json, shown) in [
            ("null", ""),
            ("true", "yes"),
            ("1.50", "1.50"),
            (r#""a\nb""#, "a\nb"),
            (r#"{"type":"Sequence","id":12,"name":"SQ010"}"#, r#"Sequence:12 "SQ010""#),
            (
                r#"[{"type":"Asset","id":1,"name":"Käpt’n"},{"type":"Asset","id":2}]"#,
                "Asset:1 \"Käpt’n\", Asset:2",
            ),
            (r#"{"url":"https://x/y","name":null}"#, "https://x/y"),
            (r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        ] {
            assert_eq!(cell(document(json).root()), shown);
        }
        assert_eq!(harmless("a\u{1b}[31mb\tc\u{202e}"), "a\\u{1b}[31mb c\\u{202e}");
    }

    #[test]
    fn pretty_json_keeps_numbers_and_order() {
        let text = pretty(document(r#"[{"b":1.50,"a":{"type":"X","id":1},"l":[]}]"#).root());
        assert_eq!(
            text,
            "[\n  {\n    \"b\": 1.50,\n    \"a\": {\"type\": \"X\", \"id\": 1},\n    \"l\": []\n  }\n]\n"
        );
    }
}
