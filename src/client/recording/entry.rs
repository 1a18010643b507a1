//! One exchange that is being recorded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use ring::digest::{Context, SHA256};
use url::Url;

use super::clean::{Cleaner, without_members};
use super::recorder::Recorder;
use super::{Asked, HEADERS, LONGEST_FILE, LONGEST_REPLY, hex};
use crate::client::document::Document;
use crate::client::json::{Object, quote};
use crate::client::tally::Tally;
use crate::client::transport::Failure;

/// The bytes of files that a request sends: how many, and their hash.
pub(in crate::client) struct Sum(Mutex<(u64, Context)>);

impl Sum {
    fn new() -> Arc<Sum> {
        Arc::new(Sum(Mutex::new((0, Context::new(&SHA256)))))
    }

    pub(in crate::client) fn add(&self, bytes: &[u8]) {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.0 += bytes.len() as u64;
        sum.1.update(bytes);
    }

    fn json(&self) -> Option<String> {
        let (bytes, hash) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (bytes > 0).then(|| sized(bytes, &hex(&hash.finish())))
    }
}

fn sized(bytes: u64, hash: &str) -> String {
    Object::new().raw("bytes", &bytes.to_string()).text("sha256", hash).finish()
}

/// What is written of an exchange when it ends, however it does. Dropped before its end it was given up.
pub(in crate::client) struct Entry {
    recorder: Arc<Recorder>,
    tally: Arc<Tally>,
    start: Instant,
    told: Option<Told>,
}

struct Told {
    request: String,
    /// Where it goes, if that is signed.
    signed: Option<Url>,
    is_call: bool,
    sent: Arc<Sum>,
    head: Option<Head>,
    body: Vec<u8>,
    length: u64,
    hash: Context,
}

struct Head {
    status: u16,
    headers: Vec<(&'static str, String)>,
    /// How many bytes were announced.
    length: Option<u64>,
}

/// How an exchange ended.
enum End<'f> {
    Whole,
    Failed(&'f Failure),
    GivenUp,
}

impl Entry {
    pub(in crate::client) fn begin(recorder: &Arc<Recorder>, asked: &Asked<'_>, url: &Url, tally: &Arc<Tally>) -> Entry {
        let request = asked.json(&recorder.tape.cleaner());
        Entry {
            recorder: Arc::clone(recorder),
            tally: Arc::clone(tally),
            start: Instant::now(),
            told: Some(Told {
                request,
                signed: url.query().map(|_| url.clone()),
                is_call: asked.call.is_some(),
                sent: Sum::new(),
                head: None,
                body: Vec::new(),
                length: 0,
                hash: Context::new(&SHA256),
            }),
        }
    }

    /// What is to hear of the files that the request sends.
    pub(in crate::client) fn sum(&self) -> Option<Arc<Sum>> {
        self.told.as_ref().map(|told| Arc::clone(&told.sent))
    }

    pub(in crate::client) fn head(&mut self, status: u16, headers: &HeaderMap, length: Option<u64>) {
        let text = |name: &'static str| Some((name, headers.get(name)?.to_str().ok()?.to_owned()));
        if let Some(told) = &mut self.told {
            told.head = Some(Head {
                status,
                headers: HEADERS.into_iter().filter_map(text).collect(),
                length,
            });
        }
    }

    pub(in crate::client) fn chunk(&mut self, bytes: &[u8]) {
        let Some(told) = &mut self.told else { return };
        told.length += bytes.len() as u64;
        told.hash.update(bytes);
        if told.length <= told.longest() {
            told.body.extend_from_slice(bytes);
        }
    }

    /// Writes that the reply came to its end.
    pub(in crate::client) async fn end(self) {
        self.written(None).await;
    }

    /// Writes how it failed, and gives that back.
    pub(in crate::client) async fn fail(self, failure: Failure) -> Failure {
        let copy = Failure {
            error: failure.error.clone(),
            reached: failure.reached,
        };
        self.written(Some(copy)).await;
        failure
    }

    /// Whoever made the request goes on when the line is written, so that requests that follow one another do so in the file, and a
    /// crash finds it there. It is made and written on a thread for files: a large one takes time, and so may a disk.
    async fn written(mut self, failure: Option<Failure>) {
        // Where the threads are gone, nobody is there to be told.
        let _ = tokio::task::spawn_blocking(move || self.write(failure.as_ref().map_or(End::Whole, End::Failed))).await;
    }

    fn write(&mut self, end: End<'_>) {
        let Some(told) = self.told.take() else { return };
        let moments = (self.recorder.tape.moment(self.start), self.start.elapsed().as_millis());
        let line = {
            let mut cleaner = self.recorder.tape.cleaner();
            cleaner.is_at(told.signed.as_ref());
            let line = told.line(self.recorder.client, &mut cleaner, &end, moments);
            cleaner.is_at(None);
            line
        };
        if !self.recorder.write(&line) {
            self.tally.note_unrecorded();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.write(End::GivenUp);
    }
}

impl Told {
    fn longest(&self) -> u64 {
        if self.is_call { LONGEST_REPLY } else { LONGEST_FILE }
    }

    fn line(mut self, client: u64, cleaner: &mut Cleaner, end: &End<'_>, (start, took): (u128, u128)) -> String {
        let body = std::mem::take(&mut self.body);
        let mut object = Object::new().raw("request", &self.request).raw("client", &client.to_string());
        object = object.raw_if("sent", self.sent.json().as_deref());
        if let Some(head) = &self.head {
            object = object.raw("reply", &self.reply(head, body, cleaner));
        }
        object = match end {
            End::Whole => object,
            End::Failed(failure) => object.raw("failed", &failed(failure, cleaner)),
            End::GivenUp => object.raw("given_up", "true"),
        };
        object.raw("at_ms", &start.to_string()).raw("took_ms", &took.to_string()).finish() + "\n"
    }

    fn reply(&self, head: &Head, body: Vec<u8>, cleaner: &mut Cleaner) -> String {
        let (name, content) = self.content(body, cleaner);
        let headers = head.headers.iter();
        let clean = |name: &str, value: &str| match name {
            "location" => cleaner.address(value),
            _ => cleaner.text(value),
        };
        let headers = headers.fold(Object::new(), |object, (name, value)| object.text(name, &clean(name, value)));
        let reply = Object::new()
            .raw("status", &head.status.to_string())
            .raw("headers", &headers.finish());
        // Where less came than was announced.
        let length = head.length.filter(|length| *length != self.length);
        let reply = reply.raw_if("length", length.map(|length| length.to_string()).as_deref());
        match content.is_empty() {
            true => reply.finish(),
            false => reply.raw(name, &content).finish(),
        }
    }

    /// What came: as JSON or text where it is that, so that people can read it.
    fn content(&self, body: Vec<u8>, cleaner: &mut Cleaner) -> (&'static str, String) {
        if self.length > self.longest() {
            return ("omitted", sized(self.length, &hex(&self.hash.clone().finish())));
        }
        if body.is_empty() {
            return ("text", String::new());
        }
        let text = match String::from_utf8(body) {
            Ok(text) => text,
            // A text that was cut within a character.
            Err(error) if error.utf8_error().error_len().is_none() => {
                let end = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(end);
                String::from_utf8(bytes).unwrap_or_default()
            }
            Err(error) => return ("base64", quote(&STANDARD.encode(cleaner.bytes(error.into_bytes())))),
        };
        // A file keeps its lines, and a text what may stand before it.
        let is_document = text.starts_with(['{', '[']) && (self.is_call || !text.contains(['\n', '\r']));
        match Document::parse(text.clone().into_bytes()) {
            Ok(document) => {
                cleaner.learn_from(document.root());
                match is_document {
                    true => ("json", cleaner.json(&document)),
                    false => ("text", quote(&cleaner.said(&text))),
                }
            }
            Err(_) => ("text", quote(&cleaner.said(&without_members(&text)))),
        }
    }
}

fn failed(failure: &Failure, cleaner: &Cleaner) -> String {
    let error = &failure.error;
    let object = Object::new().text("status", error.status.name());
    let object = object.text("message", &cleaner.text(&error.message));
    let http = error.http_status.map(|status| status.to_string());
    object
        .raw_if("http_status", http.as_deref())
        .text("reached", failure.reached.name())
        .finish()
}
