//! A record of the requests received, for whoever wants to see what a client sent.

mod mask;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::store::lock;

pub(crate) use mask::{masked, query as masked_query};

/// Requests remembered, and bytes of their parameters; older ones are forgotten.
const KEPT: usize = 1_000;
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// The longest path, query or header that is kept whole.
const LONGEST: usize = 2_000;

/// A request that the site has answered, or that a fault on demand kept from being answered. Secrets are masked.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Counts from 1 as requests are answered.
    pub number: u64,
    /// When the head of the request was there, as `2026-11-24T13:55:26Z`.
    pub received_at: String,
    /// `POST`, `GET`, `PUT` …
    pub http_method: String,
    /// The path, such as `/api3/json`.
    pub path: String,
    /// What stood behind the `?`, signatures and other secrets masked.
    pub query: String,
    /// The wire method; empty when the request was no call, or too broken to have one.
    pub method_name: String,
    /// Who said they were asking: a script's name, a person's login, the owner of a session. Empty when nobody did.
    pub who: String,
    /// The `params` array of a call, or the fields of a form, as JSON text; empty when there are none or they are very large.
    pub params: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// The status of the answer; none when the connection was ended without one.
    pub status: Option<u16>,
    /// `error_code` of the answer, if it was an error.
    pub error_code: Option<i64>,
    /// Message of the answer, if it was an error.
    pub error_message: Option<String>,
    /// Bytes of the request's body, as far as it was read.
    pub bytes_in: u64,
    /// Bytes of the answer's body as they were sent, compressed where they were.
    pub bytes_out: u64,
    /// Time from the request's head being there to the answer being ready.
    pub duration: Duration,
    /// The faults on demand that were applied, in order.
    pub faults: Vec<String>,
}

/// What whoever carries out a request knows of it; travels with the answer as an extension.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) method_name: String,
    pub(crate) who: String,
    pub(crate) params: String,
    pub(crate) error_code: Option<i64>,
    pub(crate) error_message: Option<String>,
}

/// How much has gone through a body so far.
pub(crate) type Count = Arc<AtomicU64>;

struct Entry {
    record: RequestRecord,
    bytes_in: Count,
    bytes_out: Count,
}

#[derive(Default)]
struct Log {
    received: u64,
    bytes: usize,
    entries: VecDeque<Entry>,
}

/// The last requests, oldest first.
#[derive(Default)]
pub(crate) struct RequestLog(Mutex<Log>);

impl RequestLog {
    /// The counts go on while bodies are on their way.
    pub(crate) fn add(&self, mut record: RequestRecord, bytes_in: Count, bytes_out: Count) {
        for text in [&mut record.path, &mut record.query, &mut record.user_agent] {
            shorten(text);
        }
        let mut log = lock(&self.0);
        log.received += 1;
        record.number = log.received;
        log.bytes += record.params.len();
        log.entries.push_back(Entry {
            record,
            bytes_in,
            bytes_out,
        });
        while log.entries.len() > KEPT || log.bytes > KEPT_BYTES {
            let Some(oldest) = log.entries.pop_front() else { break };
            log.bytes -= oldest.record.params.len();
        }
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.after(0)
    }

    /// Those after a number, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<RequestRecord> {
        let log = lock(&self.0);
        let wanted = log.entries.iter().filter(|entry| entry.record.number > number);
        let records = wanted.map(|entry| RequestRecord {
            bytes_in: entry.bytes_in.load(Ordering::Relaxed),
            bytes_out: entry.bytes_out.load(Ordering::Relaxed),
            ..entry.record.clone()
        });
        records.collect()
    }

    pub(crate) fn received(&self) -> u64 {
        lock(&self.0).received
    }

    /// Forgets the requests; they are counted still.
    pub(crate) fn clear(&self) {
        let mut log = lock(&self.0);
        log.entries.clear();
        log.bytes = 0;
    }
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
}

impl RequestRecord {
    pub(crate) fn as_json(&self) -> Value {
        json!({
            "number": self.number,
            "received_at": self.received_at,
            "http_method": self.http_method,
            "path": self.path,
            "query": self.query,
            "method_name": self.method_name,
            "who": self.who,
            "params": serde_json::from_str::<Value>(&self.params).unwrap_or_default(),
            "user_agent": self.user_agent,
            "status": self.status,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "ms": self.duration.as_secs_f64() * 1_000.0,
            "faults": self.faults,
        })
    }
}

/// Whom the authentication parameters of a call or the fields of a form name, without proof.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    pub(crate) script: Option<String>,
    pub(crate) login: Option<String>,
    session_token: Option<String>,
    sudo_as_login: Option<String>,
}

impl Claim {
    pub(crate) fn of(authentication: &Map<String, Value>) -> Self {
        let text = |key: &str| authentication.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            script: text("script_name"),
            login: text("user_login"),
            session_token: text("session_token"),
            sudo_as_login: text("sudo_as_login"),
        }
    }

    /// Finds the owner of a session where neither a script nor a person is named.
    pub(crate) fn with_session(mut self, owner: impl FnOnce(&str) -> Option<(bool, String)>) -> Self {
        if self.script.is_some() || self.login.is_some() {
            return self;
        }
        match self.session_token.as_deref().and_then(owner) {
            Some((true, login)) => self.login = Some(login),
            Some((false, name)) => self.script = Some(name),
            None => {}
        }
        self
    }

    pub(crate) fn who(&self) -> String {
        let actual = self.login.as_ref().or(self.script.as_ref()).cloned().unwrap_or_default();
        match &self.sudo_as_login {
            Some(login) => format!("{actual} as {login}"),
            None => actual,
        }
    }
}
