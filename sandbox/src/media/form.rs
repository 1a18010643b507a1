//! The forms that uploads come in.

use std::collections::BTreeMap;

use axum::body::{self, Body};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use serde_json::{Map, Value, json};

use super::Media;
use super::blobs::{self, Incoming};

/// The largest form without its file, and the most fields of one.
const LARGEST: usize = 1024 * 1024;
const MOST_FIELDS: usize = 100;

/// Fields, and the file if there is one.
pub(crate) struct Form {
    fields: BTreeMap<String, String>,
    pub(super) file: Option<Received>,
}

pub(super) struct Received {
    /// The part's name and what the client calls the file.
    pub(super) part: String,
    pub(super) name: String,
    pub(super) bytes: Incoming,
}

impl Form {
    pub(super) async fn read(media: &Media, request: Request) -> Result<Self, String> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data")) {
            return Self::multipart(media, request).await;
        }
        Self::url_encoded(request.into_body()).await
    }

    async fn multipart(media: &Media, request: Request) -> Result<Self, String> {
        let mut parts = Multipart::from_request(request, &()).await.map_err(|error| error.body_text())?;
        let mut form = Self {
            fields: BTreeMap::new(),
            file: None,
        };
        let mut length = 0;
        while let Some(mut part) = parts.next_field().await.map_err(|error| error.body_text())? {
            let name = part.name().unwrap_or_default().to_owned();
            if let Some(file_name) = part.file_name().map(base_name) {
                let bytes = blobs::receive(media, part).await.map_err(|failure| failure.to_string())?;
                form.file = Some(Received {
                    part: name,
                    name: file_name,
                    bytes,
                });
                continue;
            }
            let mut value = Vec::new();
            while let Some(chunk) = part.chunk().await.map_err(|error| error.body_text())? {
                length += chunk.len();
                if length > LARGEST || form.fields.len() > MOST_FIELDS {
                    return Err("The form is too large.".to_owned());
                }
                value.extend_from_slice(&chunk);
            }
            let value = String::from_utf8(value).map_err(|_| format!("The form field '{name}' is not UTF-8."))?;
            form.fields.insert(name, value);
        }
        Ok(form)
    }

    pub(crate) async fn url_encoded(body: Body) -> Result<Self, String> {
        let body = body::to_bytes(body, LARGEST)
            .await
            .map_err(|_| "The form is too large, or did not arrive whole.".to_owned())?;
        let mut fields = BTreeMap::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(sides.next().unwrap_or_default())?;
            fields.insert(name, decode(sides.next().unwrap_or_default())?);
        }
        Ok(Self { fields, file: None })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn wanted(&self, name: &str) -> Result<&str, String> {
        self.get(name).ok_or_else(|| format!("The form has no '{name}'."))
    }

    pub(super) fn number(&self, name: &str) -> Result<i64, String> {
        let text = self.wanted(name)?;
        text.parse().map_err(|_| format!("The form's '{name}' is no number: '{text}'"))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(value, "True" | "true" | "1"))
    }

    /// The fields as auth parameters; others among them do no harm.
    pub(super) fn authentication(&self) -> Map<String, Value> {
        let fields = self.fields.iter().map(|(name, value)| (name.clone(), json!(value)));
        fields.collect()
    }
}

/// The fields of a form as far as its first bytes tell; what comes after a file is not looked for.
pub(crate) fn form_start(bytes: &[u8], is_multipart: bool) -> Map<String, Value> {
    if is_multipart {
        return multipart_start(&String::from_utf8_lossy(bytes));
    }
    let pairs = bytes.split(|byte| *byte == b'&').filter_map(|pair| {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(sides.next()?).ok()?;
        Some((name, Value::from(decode(sides.next()?).ok()?)))
    });
    pairs.collect()
}

fn multipart_start(text: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    for part in text.split("; name=\"").skip(1) {
        let Some((head, value)) = part.split_once("\r\n\r\n") else { break };
        if head.contains("filename") {
            break;
        }
        if let (Some((name, _)), Some((value, _))) = (head.split_once('"'), value.split_once("\r\n")) {
            fields.insert(name.to_owned(), Value::from(value));
        }
    }
    fields
}

/// The last part of a file name that may be a path on any platform, without control characters.
pub(super) fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|character| !character.is_control()).collect();
    match name.as_str() {
        "" | "." | ".." => "file".to_owned(),
        _ => name,
    }
}

fn decode(text: &[u8]) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err("The form is not URL-encoded.".to_owned());
                };
                u8::try_from(high * 16 + low).unwrap_or_default()
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| "The form is not UTF-8.".to_owned())
}
