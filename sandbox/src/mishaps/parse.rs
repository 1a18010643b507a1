//! Descriptions of faults. Every mistake is told with the key and what is allowed there.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::{Ending, Endpoint, FaultError, Kind, Mishap, Moment, Nonsense, Scope, Trickle};
use crate::connections::End;

const LONGEST_PAUSE: u64 = 600_000;
const LARGEST_TEXT: usize = 1024 * 1024;
const SSO: &str = "/saml/saml_login_request";

/// Where a fault may be described: one, a list, or `{"faults": [...]}`.
pub(super) fn all(described: Value) -> Result<Vec<Mishap>, FaultError> {
    let list = match described {
        Value::Array(list) => list,
        Value::Object(mut object) if object.contains_key("faults") => match (object.remove("faults"), object.keys().next()) {
            (Some(Value::Array(list)), None) => list,
            (_, Some(key)) => return Err(FaultError(format!("unknown key '{key}' beside 'faults'"))),
            _ => return Err(FaultError("'faults' is no list".to_owned())),
        },
        one => vec![one],
    };
    let numbered = list.into_iter().enumerate();
    numbered
        .map(|(index, described)| one(described).map_err(|reason| FaultError(format!("faults[{index}]: {reason}"))))
        .collect()
}

fn one(described: Value) -> Result<Mishap, String> {
    let Value::Object(object) = &described else {
        return Err("a fault is an object such as {\"kind\": \"status\", \"status\": 503}".to_owned());
    };
    let mut keys = Keys { object, known: Vec::new() };
    let (kind, summary) = kind(&mut keys)?;
    let scope = scope(&mut keys)?;
    let label = keys.text("name")?.unwrap_or(summary);
    keys.no_others()?;
    Ok(Mishap {
        label,
        scope,
        kind,
        description: described,
    })
}

const KINDS: [&str; 8] = [
    "delay",
    "trickle",
    "status",
    "exception",
    "drop",
    "truncate",
    "garbage",
    "content_length",
];

/// The kind, and what it is called when it has no name.
fn kind(keys: &mut Keys<'_>) -> Result<(Kind, String), String> {
    let kind = keys.choice("kind", &KINDS)?.ok_or_else(|| missing("kind", &allowed(&KINDS)))?;
    match kind {
        "delay" => {
            let ms = keys.wanted_number("ms", 0, LONGEST_PAUSE)?;
            let at = match keys.choice("at", &["before_reading", "before_answering", "in_body"])? {
                Some("before_reading") => Moment::BeforeReading,
                Some("in_body") => Moment::InBody,
                _ => Moment::BeforeAnswering,
            };
            let pause = Duration::from_millis(ms);
            Ok((Kind::Delay { pause, at }, format!("delay {ms} ms")))
        }
        "trickle" => {
            let bytes = keys.number("bytes", 1, 1_000_000)?.unwrap_or(1);
            let ms = keys.number("ms", 1, LONGEST_PAUSE)?.unwrap_or(10);
            let trickle = Trickle {
                bytes: usize::try_from(bytes).unwrap_or(1),
                every: Duration::from_millis(ms),
            };
            Ok((Kind::Trickle(trickle), format!("trickle {bytes} bytes every {ms} ms")))
        }
        _ => ending(kind, keys).map(|(ending, summary)| (Kind::Ending(ending), summary)),
    }
}

fn ending(kind: &str, keys: &mut Keys<'_>) -> Result<(Ending, String), String> {
    Ok(match kind {
        "status" => status(keys)?,
        "exception" => {
            let code = keys.wanted_number("code", 0, 1_000_000)?;
            let ending = Ending::Exception {
                code: i64::try_from(code).unwrap_or_default(),
                message: keys.text("message")?.unwrap_or_default(),
                applied: keys.flag("applied")?,
            };
            (ending, format!("exception {code}"))
        }
        "drop" => {
            let (end, applied) = (keys.end()?, keys.flag("applied")?);
            let moment = if applied { "after" } else { "before" };
            (Ending::Drop { end, applied }, format!("drop {moment} applying"))
        }
        "truncate" => {
            let keep = keys.number("keep", 0, u64::from(u32::MAX))?;
            let ending = Ending::Truncate {
                keep: keep.and_then(|keep| usize::try_from(keep).ok()),
                end: keys.end()?,
            };
            (ending, "truncate".to_owned())
        }
        "garbage" => {
            const NONSENSE: [&str; 5] = ["html", "empty", "broken_gzip", "broken_json", "wrong_json"];
            let name = keys.choice("as", &NONSENSE)?.ok_or_else(|| missing("as", &allowed(&NONSENSE)))?;
            let what = match name {
                "html" => Nonsense::Html,
                "empty" => Nonsense::Empty,
                "broken_gzip" => Nonsense::BrokenGzip,
                "broken_json" => Nonsense::BrokenJson,
                _ => Nonsense::WrongJson,
            };
            let applied = keys.flag("applied")?;
            (Ending::Garbage { what, applied }, format!("garbage {name}"))
        }
        _ => {
            const WANTED: &str = "a whole number from -1000000 to 1000000 that is not 0";
            keys.known.push("by");
            let by = match keys.object.get("by") {
                None => return Err(missing("by", WANTED)),
                Some(given) => given
                    .as_i64()
                    .filter(|by| *by != 0 && by.abs() <= 1_000_000)
                    .ok_or_else(|| wrong("by", given, WANTED))?,
            };
            (Ending::ContentLength { by }, format!("content length {by:+}"))
        }
    })
}

fn status(keys: &mut Keys<'_>) -> Result<(Ending, String), String> {
    let number = keys.wanted_number("status", 200, 599)?;
    let status = u16::try_from(number).ok().and_then(|number| StatusCode::from_u16(number).ok());
    let status = status.ok_or_else(|| missing("status", "a number from 200 to 599"))?;
    let mut headers = keys.headers()?;
    if let Some(seconds) = keys.number("retry_after", 0, 1_000_000)? {
        headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    let location = keys.text("location")?.or_else(|| status.is_redirection().then(|| SSO.to_owned()));
    if let Some(location) = location {
        headers.push((header::LOCATION, value("location", &location)?));
    }
    let body = keys.text("body")?;
    if let Some(content_type) = keys.text("content_type")? {
        headers.push((header::CONTENT_TYPE, value("content_type", &content_type)?));
    }
    let applied = keys.flag("applied")?;
    let ending = Ending::Status {
        status,
        headers,
        body,
        applied,
    };
    Ok((ending, format!("status {number}")))
}

fn scope(keys: &mut Keys<'_>) -> Result<Scope, String> {
    let probability = match keys.take("probability") {
        None => 1.0,
        Some(given) => given
            .as_f64()
            .filter(|chance| (0.0..=1.0).contains(chance))
            .ok_or_else(|| wrong("probability", given, "a number from 0 to 1"))?,
    };
    Ok(Scope {
        methods: keys.texts("method")?,
        endpoint: keys.choice("endpoint", &Endpoint::NAMES)?.and_then(Endpoint::named),
        path: keys.text("path")?,
        script: keys.text("script")?,
        login: keys.text("login")?,
        from: keys.number("from", 1, u64::MAX)?.unwrap_or(1),
        times: keys.number("times", 1, u64::MAX)?,
        probability,
        seed: keys.number("seed", 0, u64::MAX)?.unwrap_or_default(),
    })
}

fn allowed(names: &[&str]) -> String {
    format!("one of {}", names.join(", "))
}

fn missing(key: &str, wanted: &str) -> String {
    format!("'{key}' is missing; it is {wanted}")
}

fn wrong(key: &str, given: &Value, wanted: &str) -> String {
    let mut shown = given.to_string();
    if shown.len() > 60 {
        let end = (0..=60).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or_default();
        shown.truncate(end);
        shown.push('…');
    }
    format!("'{key}' can't be {shown}; it is {wanted}")
}

fn value(key: &str, text: &str) -> Result<HeaderValue, String> {
    parsed(text).ok_or_else(|| wrong(key, &Value::from(text), "a text that can stand in a header"))
}

fn parsed<T: FromStr>(text: &str) -> Option<T>
where
    T::Err: Display,
{
    text.parse().ok()
}

/// The keys of a description. Those that were asked for are the ones that it may have.
struct Keys<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// What is given; null counts as nothing.
    fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.object.get(key).filter(|given| !given.is_null())
    }

    fn choice(&mut self, key: &'static str, names: &[&'static str]) -> Result<Option<&'static str>, String> {
        let Some(given) = self.take(key) else { return Ok(None) };
        let chosen = names.iter().find(|name| given.as_str() == Some(**name));
        chosen.copied().map(Some).ok_or_else(|| wrong(key, given, &allowed(names)))
    }

    fn number(&mut self, key: &'static str, least: u64, most: u64) -> Result<Option<u64>, String> {
        let Some(given) = self.take(key) else { return Ok(None) };
        let number = given.as_u64().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| wrong(key, given, &range(least, most)))
    }

    fn wanted_number(&mut self, key: &'static str, least: u64, most: u64) -> Result<u64, String> {
        self.number(key, least, most)?.ok_or_else(|| missing(key, &range(least, most)))
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, String> {
        match self.take(key) {
            None => Ok(false),
            Some(given) => given.as_bool().ok_or_else(|| wrong(key, given, "true or false")),
        }
    }

    fn text(&mut self, key: &'static str) -> Result<Option<String>, String> {
        let Some(given) = self.take(key) else { return Ok(None) };
        let text = given.as_str().filter(|text| text.len() <= LARGEST_TEXT);
        text.map(|text| Some(text.to_owned()))
            .ok_or_else(|| wrong(key, given, "a text of at most 1 MiB"))
    }

    /// A text, or a list of them.
    fn texts(&mut self, key: &'static str) -> Result<Vec<String>, String> {
        let Some(given) = self.take(key) else { return Ok(Vec::new()) };
        let texts = match given {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(members) if !members.is_empty() => members.iter().map(|member| member.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        texts.ok_or_else(|| wrong(key, given, "a text or a list of texts"))
    }

    /// How the connection ends: `"reset": true` for the hard way.
    fn end(&mut self) -> Result<End, String> {
        Ok(if self.flag("reset")? { End::Reset } else { End::Close })
    }

    fn headers(&mut self) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        const WANTED: &str = "an object of header names and texts, other than Content-Length, Transfer-Encoding and Connection";
        let Some(given) = self.take("headers") else { return Ok(Vec::new()) };
        let framing = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
        let pairs = given.as_object().ok_or_else(|| wrong("headers", given, WANTED))?;
        let pairs = pairs.iter().map(|(name, text)| {
            let name: HeaderName = parsed(name).filter(|name| !framing.contains(name))?;
            Some((name, parsed(text.as_str()?)?))
        });
        pairs.collect::<Option<_>>().ok_or_else(|| wrong("headers", given, WANTED))
    }

    fn no_others(&self) -> Result<(), String> {
        match self.object.keys().find(|key| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(format!("unknown key '{key}'; it is {}", allowed(&self.known))),
        }
    }
}

fn range(least: u64, most: u64) -> String {
    match most {
        u64::MAX => format!("a whole number from {least} on"),
        _ => format!("a whole number from {least} to {most}"),
    }
}
