//! What a request asks, told without who asks: what is written of it, and what it is found again by.

use ring::digest::{SHA256, digest};

use super::clean::Cleaner;
use crate::client::document::{Document, Kind, Value};
use crate::client::json::{self, Object, quote};

/// A form without the credentials that go with it.
#[derive(Default)]
pub(in crate::client) struct Form {
    pub(in crate::client) fields: Vec<(&'static str, String)>,
    pub(in crate::client) file: Option<FormFile>,
}

/// A field of a form that is a file.
pub(in crate::client) struct FormFile {
    pub(in crate::client) field: &'static str,
    pub(in crate::client) name: String,
    pub(in crate::client) kind: String,
}

/// What a request asks.
pub(in crate::client) struct Asked<'r> {
    /// The method of HTTP.
    pub(in crate::client) http: &'r str,
    /// A path on the site, or an address elsewhere.
    pub(in crate::client) to: &'r str,
    /// The method and the parameters of a remote call.
    pub(in crate::client) call: Option<(&'r str, Option<&'r str>)>,
    pub(in crate::client) form: Option<&'r Form>,
    pub(in crate::client) range: Option<&'r str>,
}

impl Asked<'_> {
    /// As JSON, from which everything that must not be told is removed.
    pub(in crate::client) fn json(&self, cleaner: &Cleaner) -> String {
        if let Some((method, params)) = self.call {
            let params = params.map(|params| cleaner.json_or_text(params));
            return Object::new().text("call", method).raw_if("params", params.as_deref()).finish();
        }
        let clean = |text: &str| quote(&cleaner.text(text));
        let to = cleaner.address(self.to);
        let mut object = Object::new().text("http", self.http).text("to", &to);
        if let Some(form) = self.form {
            let fields = form.fields.iter();
            let fields = fields.fold(Object::new(), |object, (name, value)| object.raw(name, &clean(value)));
            object = object.raw("fields", &fields.finish());
            object = object.raw_if("file", form.file.as_ref().map(|file| file.json(clean)).as_deref());
        }
        object.raw_if("range", self.range.map(quote).as_deref()).finish()
    }
}

impl FormFile {
    fn json(&self, clean: impl Fn(&str) -> String) -> String {
        let object = Object::new().text("field", self.field).raw("name", &clean(&self.name));
        object.text("type", &self.kind).finish()
    }
}

/// By what a request is found again.
pub(super) type Key = [u8; 32];

/// The keys of a request to a site: of itself, and of whatever differs from it in dates and times alone.
pub(super) fn keys(site: &str, request: Value<'_>) -> (Key, Key) {
    (key(site, &canonical(request, false)), key(site, &canonical(request, true)))
}

fn key(site: &str, text: &str) -> Key {
    let hash = digest(&SHA256, format!("{site}\n{text}").as_bytes());
    hash.as_ref().try_into().unwrap_or_default()
}

/// The value with the members of its objects in the order of their names and nothing between them. Where times do not matter, one is
/// as good as another.
fn canonical(value: Value<'_>, any_time: bool) -> String {
    match value.kind() {
        Kind::Object => {
            let mut members: Vec<_> = value
                .children()
                .filter_map(|member| Some((member.key()?.as_str(), canonical(member, any_time))))
                .collect();
            members.sort();
            let object = members.iter().fold(Object::new(), |object, (key, text)| object.raw(key, text));
            object.finish()
        }
        Kind::Array => {
            let mut elements: Vec<_> = value.children().map(|element| canonical(element, any_time)).collect();
            // The fields of a row that is written come in the order in which the host gave them, as members of an object.
            if value
                .children()
                .all(|element| element.get("field_name").is_some() && element.get("value").is_some())
            {
                elements.sort();
            }
            json::array(elements)
        }
        Kind::String => {
            let text = value.as_str().unwrap_or_default();
            if any_time && is_time(&text) {
                return "time".to_owned();
            }
            quote(&text)
        }
        _ => value.json().to_owned(),
    }
}

/// Whether a text is a date, or a date and a time.
fn is_time(text: &str) -> bool {
    let date = text.bytes().take(10).enumerate().all(|(place, byte)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let rest = text.get(10..).unwrap_or_default();
    let is_time = rest
        .strip_prefix(['T', ' '])
        .is_some_and(|time| time.bytes().all(|byte| byte.is_ascii_digit() || b":.,Z+-".contains(&byte)));
    text.len() >= 10 && date && (rest.is_empty() || is_time)
}

/// A request as JSON, read.
pub(super) fn document(json: String) -> Option<Document> {
    Document::parse(json.into_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(json: &str) -> (Key, Key) {
        keys("https://site/", document(json.to_owned()).unwrap().root())
    }

    #[test]
    fn the_order_of_members_and_blanks_do_not_matter() {
        assert_eq!(keys_of(r#"{"a":1,"b":[1,"x"]}"#), keys_of(r#"{ "b" : [1, "\u0078"], "a":1 }"#));
        let fields = |fields: &str| keys_of(&format!(r#"{{"fields":[{fields}]}}"#));
        let (code, cut) = (r#"{"field_name":"code","value":"a"}"#, r#"{"field_name":"sg_cut_in","value":1}"#);
        assert_eq!(fields(&format!("{code},{cut}")), fields(&format!("{cut},{code}")));
        for other in [r#"{"a":1,"b":["x",1]}"#, r#"{"a":2,"b":[1,"x"]}"#, r#"{"a":1}"#] {
            assert_ne!(keys_of(r#"{"a":1,"b":[1,"x"]}"#).1, keys_of(other).1, "{other}");
        }
    }

    #[test]
    fn times_differ_and_are_alike() {
        let (exact, alike) = keys_of(r#"["2026-11-30T16:00:00Z","2026-11-30"]"#);
        let (later, alike_too) = keys_of(r#"["2026-12-01T08:30:00.5+01:00","2026-12-01"]"#);
        assert_ne!(exact, later);
        assert_eq!(alike, alike_too);
        for no_time in ["2026-11-3", "2026-11-30x", "2026-11-30T16 o'clock", "v2026-11-30", "2026/11/30", ""] {
            assert!(!is_time(no_time), "{no_time}");
        }
    }
}
