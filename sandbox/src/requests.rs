//! A record of the requests received, for whoever wants to see what a client sent.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::store::lock;

/// Requests remembered; older ones are forgotten.
const KEPT: usize = 1_000;
/// Parameters of a larger body are not kept.
const LARGEST_KEPT: usize = 256 * 1024;
/// What stands for a secret.
const MASK: &str = "*******";
/// Names under which secrets travel.
const SECRETS: [&str; 6] = [
    "script_key",
    "user_password",
    "auth_token",
    "session_token",
    "password_proxy",
    "salted_password",
];

/// A request that the site has answered. Secrets are masked.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// Counts from 1 as requests are answered.
    pub number: u64,
    /// The wire method; empty when the request was too broken to have one.
    pub method_name: String,
    /// The `params` array as JSON text, secrets masked; empty when it was very large.
    pub params: String,
    /// Length of the body in bytes.
    pub body_length: usize,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// `error_code` of the answer, if it was an error.
    pub error_code: Option<i64>,
    /// Message of the answer, if it was an error.
    pub error_message: Option<String>,
    /// Time from the whole request being there to the answer being ready.
    pub duration: Duration,
}

#[derive(Default)]
struct Log {
    received: u64,
    records: VecDeque<RequestRecord>,
}

/// The last requests, oldest first.
#[derive(Default)]
pub(crate) struct RequestLog(Mutex<Log>);

impl RequestLog {
    pub(crate) fn add(&self, mut record: RequestRecord) {
        let mut log = lock(&self.0);
        log.received += 1;
        record.number = log.received;
        if log.records.len() == KEPT {
            log.records.pop_front();
        }
        log.records.push_back(record);
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        lock(&self.0).records.iter().cloned().collect()
    }

    pub(crate) fn received(&self) -> u64 {
        lock(&self.0).received
    }
}

/// The parameters as text without secrets.
pub(crate) fn masked(parameters: &[Value], body_length: usize) -> String {
    if body_length > LARGEST_KEPT {
        return String::new();
    }
    let mut parameters = Value::from(parameters.to_vec());
    mask(&mut parameters);
    parameters.to_string()
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(members) => members.iter_mut().for_each(mask),
        Value::Object(object) => {
            // A write names its field beside the value.
            let names_secret = object
                .get("field_name")
                .and_then(Value::as_str)
                .is_some_and(|name| SECRETS.contains(&name));
            for (key, member) in object.iter_mut() {
                let secret = SECRETS.contains(&key.as_str()) || (names_secret && key == "value");
                if secret && !member.is_null() {
                    *member = Value::from(MASK);
                } else {
                    mask(member);
                }
            }
        }
        _ => {}
    }
}
