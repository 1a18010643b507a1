//! What the official client changes in the records that it returns, and nothing more.
//!
//! At the top level of each record `&lt;` is turned back into `<`, and a link to a local file gets this platform's path.
//! Most replies hold neither, and then the site's bytes stay as they are.

use super::document::{Document, Kind, Value};
use super::error::{Error, Result};
use super::json::{Object, quote};

#[cfg(target_os = "macos")]
const LOCAL_PATH: &str = "local_path_mac";
#[cfg(windows)]
const LOCAL_PATH: &str = "local_path_windows";
#[cfg(not(any(target_os = "macos", windows)))]
const LOCAL_PATH: &str = "local_path_linux";

/// Applies the contract to a record or a list of records.
pub(super) fn tidy(document: Document) -> Result<Document> {
    if !document.holds_less_than() && !document.holds_local() {
        return Ok(document);
    }
    let mut edited = Edited::new(document.json());
    let root = document.root();
    match root.kind() {
        Kind::Array => root.children().for_each(|record| edited.record(record)),
        _ => edited.record(root),
    }
    if edited.from == 0 {
        return Ok(document);
    }
    let changed = edited.finish();
    Document::parse(changed.into_bytes()).map_err(|error| Error::wrong_content(format!("the site's records cannot be read: {error}")))
}

/// A text of which some values are replaced.
pub(super) struct Edited<'t> {
    text: &'t str,
    changed: String,
    /// Up to where the text is in `changed`.
    from: usize,
}

impl<'t> Edited<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Edited {
            text,
            changed: String::new(),
            from: 0,
        }
    }

    fn record(&mut self, record: Value<'_>) {
        if record.kind() != Kind::Object {
            return;
        }
        for field in record.children() {
            let replacement = match field.kind() {
                Kind::String => field
                    .as_str()
                    .filter(|text| text.contains("&lt;"))
                    .map(|text| quote(&text.replace("&lt;", "<"))),
                Kind::Object => local_link(field),
                _ => None,
            };
            if let Some(replacement) = replacement {
                self.replace(field.json(), &replacement);
            }
        }
    }

    /// Replaces a piece of the text, which stands behind those that were replaced before.
    pub(super) fn replace(&mut self, piece: &str, replacement: &str) {
        // Values borrow from the text, so their places in it are pointer differences.
        let start = piece.as_ptr().addr() - self.text.as_ptr().addr();
        self.changed.push_str(self.text.get(self.from..start).unwrap_or_default());
        self.changed.push_str(replacement);
        self.from = start + piece.len();
    }

    pub(super) fn finish(mut self) -> String {
        self.changed.push_str(self.text.get(self.from..).unwrap_or_default());
        self.changed
    }
}

/// A link to a local file with `local_path` and `url` for this platform.
fn local_link(link: Value<'_>) -> Option<String> {
    if !link.get("link_type")?.is_str("local") {
        return None;
    }
    let path = link.get(LOCAL_PATH)?;
    let url = format!("file://{}", path.as_str().unwrap_or_default());
    let kept = link.children().filter_map(|member| Some((member.key()?.as_str(), member)));
    let object = kept
        .filter(|(key, _)| key != "local_path" && key != "url")
        .fold(Object::new(), |object, (key, member)| object.raw(&key, member.json()));
    Some(object.raw("local_path", path.json()).text("url", &url).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(text: &str) -> String {
        tidy(Document::parse(text.into()).unwrap()).unwrap().json().to_owned()
    }

    #[test]
    fn bytes_stay_where_nothing_must_change() {
        for text in [
            r#"[ {"a" : 1.0, "b":"x &gt; y"} ]"#,
            r#"[{"a":{"n":"&lt;"}}]"#,
            r#""&lt;""#,
            r#"[{"a":["&lt;"]}]"#,
        ] {
            assert_eq!(tidied(text), text);
        }
    }

    #[test]
    fn less_than_comes_back_at_the_top_level_of_records() {
        assert_eq!(
            tidied(r#"[{"id":1,"a":"x &lt; y &amp;"}, {"a":"\u0026lt;é"}]"#),
            r#"[{"id":1,"a":"x < y &amp;"}, {"a":"<é"}]"#
        );
        assert_eq!(tidied(r#"{"a":"&lt;&lt;"}"#), r#"{"a":"<<"}"#);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn local_links_get_this_platforms_path() {
        assert_eq!(
            tidied(r#"[{"f":{"url":"x","link_type":"local","local_path_linux":"/a b"}}]"#),
            r#"[{"f":{"link_type":"local","local_path_linux":"/a b","local_path":"/a b","url":"file:///a b"}}]"#
        );
        assert_eq!(
            tidied(r#"[{"f":{"link_type":"local","local_path_linux":null}}]"#),
            r#"[{"f":{"link_type":"local","local_path_linux":null,"local_path":null,"url":"file://"}}]"#
        );
        let other = r#"[{"f":{"link_type":"local","local_path_mac":"/a"}}]"#;
        assert_eq!(tidied(other), other);
    }
}
