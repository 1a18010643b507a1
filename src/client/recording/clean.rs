//! Removing what nobody may read in a recording: members and fields that are secrets by their names, what stands in signed addresses,
//! and every secret that the client knows, in whatever form it stands.

use url::Url;

use super::{REMOVED, address};
use crate::client::credentials::Secret;
use crate::client::document::{Document, Kind, Value};
use crate::client::json::quote;
use crate::client::mask::{Mask, is_word};
use crate::client::records::Edited;
use crate::client::site::percent_decode;

/// Members of objects, and fields of rows, whose values are secrets.
const SECRET: [&str; 13] = [
    "session_id",
    "session_token",
    "sessionToken",
    "sessionRequestId",
    "script_key",
    "api_key",
    "application_key",
    "user_password",
    "password",
    "password_proxy",
    "salted_password",
    "auth_token",
    "_session_id",
];

/// So many secrets are known at the most, since every text is searched for each.
const MOST_KNOWN: usize = 1000;

/// A text that is no JSON, such as a reply that was cut short, without the values of members that are secrets by their names.
pub(super) fn without_members(text: &str) -> String {
    SECRET.iter().fold(text.to_owned(), |text, name| without_member(&text, name))
}

fn without_member(text: &str, name: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find(name) {
        let (before, behind) = rest.split_at(found + name.len());
        clean.push_str(before);
        let value = behind.trim_start_matches(['\\', '"', ':', ' ', '\t', '\r', '\n']);
        let (lead, _) = behind.split_at(behind.len() - value.len());
        clean.push_str(lead);
        rest = value;
        // Behind the name of a member stand its quote, escaped where JSON is within JSON, a colon, and no text that is empty.
        let opened = lead.split_once(':').map(|(_, quotes)| quotes.matches('"').count());
        if lead.starts_with(['"', '\\']) && opened.is_some_and(|quotes| quotes < 2) {
            let (_, behind_value) = value.split_at(value_end(lead, value));
            if behind_value.len() < value.len() {
                clean.push_str(REMOVED);
            }
            rest = behind_value;
        }
    }
    clean.push_str(rest);
    clean
}

/// Where a value ends behind what stands before it: at a quote that is escaped as the opening one is, or where a number ends.
fn value_end(lead: &str, value: &str) -> usize {
    let escapes = |before: &str| before.len() - before.trim_end_matches('\\').len();
    let Some(open) = lead.strip_suffix('"') else {
        return value.find([',', '}', ']']).unwrap_or(value.len());
    };
    // Backslashes at the end of the value stand before its quote too, each as often as it takes to escape one here.
    let (own, of_one) = (escapes(open), 2 * (escapes(open) + 1));
    let mut quotes = value.match_indices('"');
    let end = quotes.find(|(place, _)| value.get(..*place).is_some_and(|before| escapes(before) % of_one == own));
    end.map_or(value.len(), |(place, _)| place - own)
}

/// Removes secrets.
#[derive(Default)]
pub(in crate::client) struct Cleaner {
    known: Vec<Secret>,
    mask: Mask,
    /// Secrets that are plain words. A mark in the place of one tells it where a reader knows what must stand there, so they are looked for
    /// in what a site says alone.
    words: Mask,
    /// What is secret in one exchange alone: the signatures of its address.
    own: Mask,
}

impl Cleaner {
    pub(super) fn learn(&mut self, secret: &Secret) {
        let known = self.known.iter().any(|known| known.expose() == secret.expose());
        if !known && !secret.expose().is_empty() && secret.expose() != REMOVED {
            let mask = if is_word(secret.expose()) {
                &mut self.words
            } else {
                &mut self.mask
            };
            mask.secret(secret);
            self.known.push(secret.clone());
        }
    }

    /// From now on, what an address is signed with is removed as well, but not what another was.
    pub(super) fn is_at(&mut self, address: Option<&Url>) {
        self.own = Mask::default();
        address.into_iter().for_each(|address| self.own.query(address));
    }

    /// Learns the secrets that a document tells by the names of its members.
    pub(super) fn learn_from(&mut self, value: Value<'_>) {
        if value.key().is_some_and(|key| is_secret(&key.as_str())) && matches!(value.kind(), Kind::String | Kind::Number) {
            let text = value.as_str().unwrap_or(value.json().into());
            // More than these no honest reply tells; they are removed by their names in any case.
            if self.known.len() < MOST_KNOWN {
                self.learn(&Secret::new(text.into_owned()));
            }
        }
        value.children().for_each(|child| self.learn_from(child));
    }

    /// The bytes of a file in which each secret that the client knows is stars. Short ones stand in many a file by chance.
    pub(super) fn bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        const SHORTEST: usize = 8;
        for secret in self
            .known
            .iter()
            .map(|secret| secret.expose().as_bytes())
            .filter(|secret| secret.len() >= SHORTEST)
        {
            let found: Vec<usize> = memchr::memmem::find_iter(&bytes, secret).collect();
            for start in found {
                if let Some(place) = bytes.get_mut(start..start + secret.len()) {
                    place.fill(b'*');
                }
            }
        }
        bytes
    }

    fn knows(&self, text: &[u8]) -> bool {
        self.known.iter().any(|known| known.expose().as_bytes() == text)
    }

    /// A text without secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut clean = match address::may_hold_secrets(text) {
            true => self.steps(&address::without_secrets(text)),
            false => text.to_owned(),
        };
        self.cross_out(&mut clean);
        clean
    }

    /// As [`Cleaner::text`], of what a site says.
    pub(super) fn said(&self, text: &str) -> String {
        let mut clean = self.text(text);
        self.words.cross_out(&mut clean, REMOVED);
        clean
    }

    fn cross_out(&self, text: &mut String) {
        self.mask.cross_out(text, REMOVED);
        self.own.cross_out(text, REMOVED);
    }

    /// An address or a path without secrets.
    pub(super) fn address(&self, address: &str) -> String {
        self.text(&self.steps(&address::alone(address)))
    }

    /// A path without the secrets that are steps of it: there, also short ones are known for certain.
    fn steps(&self, path: &str) -> String {
        let steps: Vec<_> = path
            .split('/')
            .map(|step| if self.knows(&percent_decode(step)) { REMOVED } else { step })
            .collect();
        steps.join("/")
    }

    /// A text as JSON: as it is where it is JSON.
    pub(super) fn json_or_text(&self, text: &str) -> String {
        match Document::parse(text.as_bytes().to_vec()) {
            Ok(document) => self.json(&document),
            Err(_) => quote(&self.text(text)),
        }
    }

    /// A document on one line, without secrets.
    pub(super) fn json(&self, document: &Document) -> String {
        let text = document.json();
        let mut crossed = text.to_owned();
        self.cross_out(&mut crossed);
        let mut walk = Walk {
            cleaner: self,
            edited: Edited::new(text),
            holds_known: crossed != text,
        };
        walk.value(document.root(), false);
        // Line breaks stand between values alone: in a text they are escaped.
        walk.edited.finish().replace(['\n', '\r'], " ")
    }
}

/// A way through a document.
struct Walk<'c> {
    cleaner: &'c Cleaner,
    edited: Edited<'c>,
    /// Whether a known secret stands in it at all. Few do, and to look for them in each value by itself takes long.
    holds_known: bool,
}

impl<'c> Walk<'c> {
    fn value(&mut self, value: Value<'c>, secret: bool) {
        let key = value.key();
        let secret = secret || key.is_some_and(|key| is_secret(&key.as_str()));
        if let Some(key) = key.filter(|_| self.holds_known) {
            self.replace(key.json(), &key.as_str());
        }
        match value.kind() {
            Kind::Object => {
                // A field of a row and its value, as calls write them.
                let field = value.get("field_name").and_then(Value::as_str);
                let holds_secret = field.is_some_and(|name| is_secret(&name));
                for member in value.children() {
                    let is_value = member.key().is_some_and(|key| key.is_str("value"));
                    self.value(member, secret || (holds_secret && is_value));
                }
            }
            Kind::Array => value.children().for_each(|element| self.value(element, secret)),
            Kind::String => match value.as_str().unwrap_or_default() {
                text if text.is_empty() => {}
                _ if secret => self.edited.replace(value.json(), &quote(REMOVED)),
                text if key.is_some_and(|key| key.is_str("message")) => self.replace_with(value.json(), &text, &self.cleaner.said(&text)),
                text if self.holds_known || address::may_hold_secrets(&text) => self.replace(value.json(), &text),
                _ => {}
            },
            Kind::Number if secret || self.cleaner.knows(value.json().as_bytes()) => self.edited.replace(value.json(), &quote(REMOVED)),
            _ => {}
        }
    }

    /// Replaces what stands in the document as `json` if the text that it means holds a secret.
    fn replace(&mut self, json: &'c str, text: &str) {
        self.replace_with(json, text, &self.cleaner.text(text));
    }

    fn replace_with(&mut self, json: &'c str, text: &str, clean: &str) {
        if clean != text {
            self.edited.replace(json, &quote(clean));
        }
    }
}

fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(json: &str) -> String {
        let mut cleaner = Cleaner::default();
        let document = Document::parse(json.into()).unwrap();
        cleaner.learn(&Secret::new("correct horse"));
        cleaner.learn(&Secret::new("code"));
        cleaner.learn_from(document.root());
        cleaner.json(&document)
    }

    #[test]
    fn secrets_go_by_name_and_by_sight() {
        for (json, clean) in [
            (
                r#"{"results":{"session_id":"t0ken-of-mine"},"note":"T0KEN-of-mine!"}"#,
                r#"{"results":{"session_id":"secret-removed"},"note":"secret-removed!"}"#,
            ),
            (
                r#"{"fields":[{"field_name":"password_proxy","value":"hunter2"},{"field_name":"login","value":"bo"}]}"#,
                r#"{"fields":[{"field_name":"password_proxy","value":"secret-removed"},{"field_name":"login","value":"bo"}]}"#,
            ),
            (
                r#"{"password":["a","",7,null]}"#,
                r#"{"password":["secret-removed","","secret-removed",null]}"#,
            ),
            (
                r#"{"correct\u0020horse":"correct+horse"}"#,
                r#"{"secret-removed":"secret-removed"}"#,
            ),
            (
                "{\"url\" :\r\n \"https://x/y?Signature=abc\\u0026n=1\"}",
                r#"{"url" :   "https://x/y?Signature=secret-removed&n=1"}"#,
            ),
            (
                r#"{"fields":["code"],"message":"the code is wrong"}"#,
                r#"{"fields":["code"],"message":"the secret-removed is wrong"}"#,
            ),
            (r#"{"id":12,"name":"no secret"}"#, r#"{"id":12,"name":"no secret"}"#),
        ] {
            assert_eq!(cleaned(json), clean, "{json}");
        }
    }

    #[test]
    fn a_secret_that_is_a_step_of_a_path_may_be_short() {
        let mut cleaner = Cleaner::default();
        cleaner.learn(&Secret::new("17"));
        assert_eq!(cleaner.address("/app_session_request/17"), "/app_session_request/secret-removed");
        assert_eq!(
            cleaner.address("/file_serve/attachment/171?x=17"),
            "/file_serve/attachment/171?x=17"
        );
    }

    #[test]
    fn files_that_are_no_text_keep_their_length() {
        let mut cleaner = Cleaner::default();
        cleaner.learn(&Secret::new("0123456789abcdef"));
        cleaner.learn(&Secret::new("PNG!"));
        assert_eq!(cleaner.bytes(b"\xffPNG!0123456789abcdef\0".to_vec()), b"\xffPNG!****************\0");
    }

    #[test]
    fn what_was_cut_short_has_no_secrets_by_their_names() {
        for (cut, clean) in [
            (
                r#"{"results":{"session_id":"4f3c9a","x"#,
                r#"{"results":{"session_id":"secret-removed","x"#,
            ),
            (r#"{"session_token" : "4f3c"#, r#"{"session_token" : "secret-removed"#),
            (r#"{"password":"a\"b\\","n":1,"#, r#"{"password":"secret-removed","n":1,"#),
            (
                r#"{"text":"{\"api_key\":\"4f3c\",\"a\":1"#,
                r#"{"text":"{\"api_key\":\"secret-removed\",\"a\":1"#,
            ),
            (r#"{"auth_token":123456,"a":[1"#, r#"{"auth_token":secret-removed,"a":[1"#),
            ("no password: none", "no password: none"),
            (r#"{"password":""#, r#"{"password":""#),
            (r#"{"password":"","n":"#, r#"{"password":"","n":"#),
        ] {
            assert_eq!(without_members(cut), clean);
        }
    }
}
