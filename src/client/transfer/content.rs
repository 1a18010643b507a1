//! Whether what came for a file is the file: networks ask to sign in, and proxies answer, with a 200 in place of the server.

use reqwest::header;
use url::Url;

use super::download::not_sent;
use crate::client::document::{Value, shorten};
use crate::client::error::Error;
use crate::client::transport::{Failure, Incoming};

/// A file that is wanted.
pub(in crate::client) struct Wanted {
    pub(super) url: Url,
    /// Whether it may be a web page or a JSON text, which are else what answers in place of a file.
    may_be_text: bool,
}

impl Wanted {
    /// By the attachment that was named, and where it is to go.
    pub(in crate::client) fn new(url: Url, attachment: Value<'_>, path: Option<&str>) -> Wanted {
        let said = |key: &str| attachment.get(key).and_then(Value::as_str);
        let may_be_text = said("link_type").is_some_and(|kind| kind == "web")
            || said("content_type").is_some_and(|kind| is_text(&kind))
            || said("name").is_some_and(|name| is_name_of_text(&name))
            || path.is_some_and(is_name_of_text)
            || is_name_of_text(url.path());
        Wanted { url, may_be_text }
    }

    /// Fails where a success is not the file's.
    pub(super) fn checked(&self, incoming: Incoming) -> Result<Incoming, Failure> {
        if incoming.status() >= 300 {
            return Ok(incoming);
        }
        let is_given = |name| incoming.header(name).is_some();
        let kind = incoming.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        // What names a file, or what is there to be asked for again in parts, comes from a server of files. Pages may have a date.
        let is_named = incoming.status() == 206 || is_given(header::CONTENT_DISPOSITION);
        let is_kept = is_named || is_given(header::ETAG) || is_given(header::LAST_MODIFIED);
        let what = if is_compressed(&incoming, &kind) {
            "compressed, which was not asked for".to_owned()
        } else if kind.contains("html") && !is_named && !self.may_be_text {
            "a web page; a network that asks to sign in does that. A page that is wanted has a name that ends in .html".to_owned()
        } else if kind.contains("json") && !is_kept && !self.may_be_text {
            format!("a text ({}) that no server of files sent", shorten(&kind))
        } else if incoming.length() == Some(0) && !is_kept {
            "nothing, without a sign that the file is empty".to_owned()
        } else {
            return Ok(incoming);
        };
        let mut error = Error::protocol(format!("what came in place of the file is {what}"));
        error.http_status = Some(incoming.status());
        Err(not_sent(error))
    }
}

/// Whether a file was compressed on its way. Files that are compressed themselves are often announced so, and are what they are.
fn is_compressed(incoming: &Incoming, kind: &str) -> bool {
    let coding = incoming.header(header::CONTENT_ENCODING).unwrap_or_default().to_ascii_lowercase();
    let is_plain = matches!(coding.trim(), "" | "identity");
    !is_plain
        && !["gzip", "compress", "x-tar", "x-tgz", "zip"]
            .iter()
            .any(|packed| kind.contains(packed))
}

fn is_text(kind: &str) -> bool {
    kind.contains("html") || kind.contains("json")
}

fn is_name_of_text(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("html" | "htm" | "xhtml" | "json"))
}
