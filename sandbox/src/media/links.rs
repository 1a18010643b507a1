//! URLs of the site's own files: complete, signed, and good for a while.

use std::fmt::Write;

use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::auth::caller::Caller;
use crate::auth::secrets;
use crate::schema::DataType;

/// What an image field holds until the thumbnail is made.
pub(crate) const PENDING: &str = "/images/status/transient/thumbnail_pending.png";
/// Seconds for which a signed URL is good.
const LIFETIME: i64 = 15 * 60;

/// Makes and checks URLs. The key is of this run: a URL does not outlive it.
pub(crate) struct Links {
    base: String,
    key: String,
}

/// What is said by a signed URL that is good.
pub(crate) struct Seal {
    /// For whom it was made: type and id.
    pub(crate) viewer: Option<(String, i64)>,
}

impl Links {
    pub(crate) fn new(base: String) -> Self {
        Self {
            base,
            key: secrets::random_hex(),
        }
    }

    /// The whole URL of a path.
    pub(crate) fn whole(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The whole URL of a path, signed.
    pub(crate) fn signed(&self, path: &str, viewer: Option<(String, i64)>) -> String {
        let expires = Utc::now().timestamp() + LIFETIME;
        let viewer = viewer.map_or_else(String::new, |(kind, id)| format!("{kind}-{id}"));
        let signature = self.signature(path, expires, &viewer);
        self.whole(&format!("{path}?expires={expires}&viewer={viewer}&signature={signature}"))
    }

    fn signature(&self, path: &str, expires: i64, viewer: &str) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()) else {
            return String::new();
        };
        mac.update(format!("{path}\n{expires}\n{viewer}").as_bytes());
        let mut text = String::new();
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Holds a query against the path it came with; the text says why it does not do.
    pub(crate) fn check(&self, path: &str, query: &str) -> Result<Seal, &'static str> {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let (Some(expires), Some(signature)) = (value("expires"), value("signature")) else {
            return Err("The request is not signed.");
        };
        let viewer = value("viewer").unwrap_or_default();
        let expires: i64 = expires.parse().map_err(|_| "The request is not signed.")?;
        let expected = self.signature(path, expires, viewer);
        let differences = expected.bytes().zip(signature.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        if expected.is_empty() || expected.len() != signature.len() || differences != 0 {
            return Err("The signature does not match.");
        }
        if expires < Utc::now().timestamp() {
            return Err("Request has expired");
        }
        let viewer = viewer.split_once('-');
        Ok(Seal {
            viewer: viewer.and_then(|(kind, id)| Some((kind.to_owned(), id.parse().ok()?))),
        })
    }

    /// Makes the URL in a stored value whole, for a caller who is answered.
    pub(crate) fn present(&self, caller: &Caller, data_type: DataType, value: &mut Value) {
        match (data_type, value) {
            (DataType::Url, Value::Object(object)) if object.get("link_type") == Some(&json!("upload")) => {
                if let Some(path) = object.get("url").and_then(Value::as_str) {
                    let whole = self.signed(path, caller.link());
                    object.insert("url".to_owned(), json!(whole));
                }
            }
            (DataType::Image, Value::String(path)) if path == PENDING => *path = self.whole(path),
            (DataType::Image, Value::String(path)) if path.starts_with('/') => *path = self.signed(path, caller.link()),
            _ => {}
        }
    }
}
