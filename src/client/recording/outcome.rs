//! What a line says of how an exchange ended.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::index::Wrong;
use crate::client::document::{Kind, Value};
use crate::client::error::Error;
use crate::client::status::Status;
use crate::client::transport::{Failure, Reached};

/// How an exchange ended.
pub(in crate::client) struct Outcome {
    pub(in crate::client) reply: Option<Replied>,
    pub(in crate::client) then: Then,
}

/// What came of a reply.
pub(in crate::client) struct Replied {
    pub(in crate::client) status: u16,
    pub(in crate::client) headers: HeaderMap,
    /// How many bytes were announced.
    pub(in crate::client) length: u64,
    pub(in crate::client) body: Vec<u8>,
}

/// What came after it.
pub(in crate::client) enum Then {
    /// Nothing: it was whole.
    End,
    Failed(Failure),
    /// Nobody knows: whoever had asked gave it up.
    Unknown,
}

impl Outcome {
    /// Reads the object of a line.
    pub(super) fn read(line: Value<'_>) -> Result<Outcome, Wrong> {
        let given_up = line.get("given_up").is_some_and(Value::is_truthy);
        let then = match line.get("failed") {
            Some(failed) => Then::Failed(failure(failed)?),
            None if given_up => Then::Unknown,
            None => Then::End,
        };
        let reply = line.get("reply").map(reply).transpose()?;
        if reply.is_none() && matches!(then, Then::End) {
            return Err("it has neither \"reply\" nor \"failed\" nor \"given_up\"".into());
        }
        Ok(Outcome { reply, then })
    }
}

fn reply(reply: Value<'_>) -> Result<Replied, Wrong> {
    let number = |name: &str| reply.get(name).and_then(|number| number.as_i64().ok());
    let status = number("status").and_then(|status| u16::try_from(status).ok());
    let status = status
        .filter(|status| (100..1000).contains(status))
        .ok_or("the \"status\" of its \"reply\" is no HTTP status")?;
    let mut headers = HeaderMap::new();
    for header in reply.get("headers").into_iter().flat_map(Value::children) {
        let name = header.key().and_then(|key| HeaderName::from_bytes(key.as_str().as_bytes()).ok());
        let value = header.as_str().and_then(|value| HeaderValue::from_str(&value).ok());
        let (Some(name), Some(value)) = (name, value) else {
            return Err(format!("a header of its reply is none: {}", header.json()).into());
        };
        headers.append(name, value);
    }
    let body = content(reply)?;
    let length = number("length")
        .and_then(|length| u64::try_from(length).ok())
        .unwrap_or(body.len() as u64);
    Ok(Replied {
        status,
        headers,
        length,
        body,
    })
}

fn content(reply: Value<'_>) -> Result<Vec<u8>, Wrong> {
    if let Some(json) = reply.get("json") {
        return Ok(json.json().as_bytes().to_vec());
    }
    if let Some(text) = reply.get("text") {
        let text = text.as_str().ok_or("the \"text\" of its reply is none")?;
        return Ok(text.into_owned().into_bytes());
    }
    if let Some(coded) = reply.get("base64") {
        let coded = coded.as_str().unwrap_or_default();
        return STANDARD
            .decode(coded.as_bytes())
            .map_err(|error| format!("the \"base64\" of its reply is none: {error}").into());
    }
    match reply.get("omitted") {
        Some(omitted) => {
            let bytes = omitted.get("bytes").map_or("?", Value::json);
            Err(format!("its reply was too large to be kept ({bytes} bytes), and its hash alone is there").into())
        }
        None => Ok(Vec::new()),
    }
}

fn failure(failed: Value<'_>) -> Result<Failure, Wrong> {
    let text = |name: &str| failed.get(name).and_then(Value::as_str);
    let name = text("status").unwrap_or_default();
    let status = Status::ALL.iter().find(|status| status.name() == name && **status != Status::Ok);
    let status = status.ok_or_else(|| format!("\"{name}\", the \"status\" of its failure, is none"))?;
    let reached = text("reached").unwrap_or_default();
    let reached = Reached::ALL.into_iter().find(|known| known.name() == reached);
    let reached = reached.ok_or("its failure does not say how far the request \"reached\": nothing, refused, part or unknown")?;
    let mut error = Error::new(*status, text("message").unwrap_or_default());
    error.http_status = failed
        .get("http_status")
        .filter(|status| status.kind() == Kind::Number)
        .and_then(|status| u16::try_from(status.as_i64().ok()?).ok());
    Ok(Failure { error, reached })
}
