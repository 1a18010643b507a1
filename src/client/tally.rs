//! Counting what a client does: for each call, and for all of them together.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::Client;
use super::cancellation::Cancellation;
use super::document::{Document, shorten};
use super::error::{Error, Result};
use super::journal::Level;
use super::methods;
use super::progress::Progress;
use super::status::Status;

/// What a client has done since it connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls that ended, well or not, and those under way.
    pub calls: u64,
    /// Calls that failed, cancelled ones among them.
    pub calls_failed: u64,
    /// Calls under way.
    pub calls_running: u64,
    /// Requests that were sent for them.
    pub requests: u64,
    /// How many of the requests were made because an earlier one had failed.
    pub retries: u64,
    /// Bytes of request bodies, files among them.
    pub bytes_sent: u64,
    /// Bytes of reply bodies, after decompression.
    pub bytes_received: u64,
    /// Requests that a recording lacks, because it could not be written.
    pub unrecorded: u64,
}

/// What a call does, and what all do.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// What all calls of a client do.
#[derive(Debug, Default)]
pub(super) struct Totals {
    counters: Counters,
    calls: AtomicU64,
    failed: AtomicU64,
    running: AtomicU64,
    unrecorded: AtomicU64,
}

/// Counts for one call and for all at once.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Arc<Totals>,
    own: Counters,
    progress: Arc<Progress>,
    cancellation: Cancellation,
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Tally {
    /// For another call of the same client.
    fn another(&self, progress: &Arc<Progress>) -> Tally {
        Tally {
            totals: Arc::clone(&self.totals),
            own: Counters::default(),
            progress: Arc::clone(progress),
            cancellation: self.cancellation.another(),
        }
    }

    /// Whether the call is to end.
    pub(super) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// How far the call is.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    fn note(&self, which: impl Fn(&Counters) -> &AtomicU64, count: u64) {
        add(which(&self.own), count);
        add(which(&self.totals.counters), count);
    }

    pub(super) fn note_request(&self) {
        self.note(|counters| &counters.requests, 1);
    }

    pub(super) fn note_retry(&self) {
        self.note(|counters| &counters.retries, 1);
    }

    pub(super) fn note_sent(&self, bytes: u64) {
        self.note(|counters| &counters.bytes_sent, bytes);
    }

    pub(super) fn note_received(&self, bytes: u64) {
        self.note(|counters| &counters.bytes_received, bytes);
    }

    pub(super) fn note_unrecorded(&self) {
        add(&self.totals.unrecorded, 1);
    }

    /// In words, for the log.
    fn told(&self) -> String {
        let own = &self.own;
        let (requests, retries) = (read(&own.requests), read(&own.retries));
        let again = if retries > 0 {
            format!(" ({retries} retries)")
        } else {
            String::new()
        };
        let (sent, received) = (read(&own.bytes_sent), read(&own.bytes_received));
        format!(
            "{requests} request{}{again}, {sent} bytes sent, {received} received",
            if requests == 1 { "" } else { "s" }
        )
    }
}

/// One call of the host's under way: counted, timed, and told about in the log when it ends. Dropped before its end it was
/// cancelled.
pub struct Running {
    /// What the call is made with.
    pub(super) client: Client,
    /// The method, or what it is called in the log.
    what: String,
    start: Instant,
    ended: bool,
}

impl Running {
    pub(super) fn new(client: &Client, what: impl Into<String>, progress: &Arc<Progress>) -> Running {
        let client = Client {
            tally: Arc::new(client.tally.another(progress)),
            ..client.clone()
        };
        let totals = &client.tally.totals;
        add(&totals.calls, 1);
        add(&totals.running, 1);
        Running {
            what: what.into(),
            start: Instant::now(),
            ended: false,
            client,
        }
    }

    /// Carries it out as a method of the official client's vocabulary: see [`Client::call`].
    pub async fn call(&mut self, params: String) -> Result<Document> {
        let outcome = {
            let work = pin!(methods::call(&self.client, &self.what, params));
            let tally = &self.client.tally;
            tally.cancellation.watch(work, &tally.progress).await
        };
        self.ended(outcome)
    }

    /// Carries it out as a wire method: see [`Client::call_raw`].
    pub async fn call_raw(&mut self, params: String) -> Result<Document> {
        let outcome = {
            let work = pin!(methods::call_raw(&self.client, &self.what, params));
            let tally = &self.client.tally;
            tally.cancellation.watch(work, &tally.progress).await
        };
        self.ended(outcome)
    }

    /// Tells whether it is to end.
    pub fn cancellation(&self) -> Cancellation {
        self.client.cancellation()
    }

    /// Ends it, and gives its outcome back.
    pub(super) fn end<T>(mut self, outcome: Result<T>) -> Result<T> {
        self.ended(outcome)
    }

    fn ended<T>(&mut self, outcome: Result<T>) -> Result<T> {
        let outcome = outcome.map_err(|mut error| {
            self.client.mask(&mut error);
            error
        });
        self.note_end(outcome.as_ref().err());
        outcome
    }

    fn note_end(&mut self, error: Option<&Error>) {
        self.ended = true;
        let totals = &self.client.tally.totals;
        totals.running.fetch_sub(1, Ordering::Relaxed);
        add(&totals.failed, u64::from(error.is_some()));
        let journal = &self.client.connection.options.journal;
        let how = || {
            format!(
                "{} in {} ms: {}",
                shorten(&self.what),
                self.start.elapsed().as_millis(),
                self.client.tally.told()
            )
        };
        match error {
            None => journal.write(Level::Debug, "call", how),
            Some(error) if error.status == Status::Cancelled => journal.write(Level::Debug, "call", || format!("{}; cancelled", how())),
            Some(error) => journal.write(Level::Error, "call", || format!("{}; failed with {error}", how())),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.note_end(Some(&Error::new(Status::Cancelled, "")));
        }
    }
}

impl Client {
    /// What the client has done so far, with all its shares.
    pub fn stats(&self) -> Stats {
        let totals = &self.tally.totals;
        let counters = &totals.counters;
        Stats {
            calls: read(&totals.calls),
            calls_failed: read(&totals.failed),
            calls_running: read(&totals.running),
            requests: read(&counters.requests),
            retries: read(&counters.retries),
            bytes_sent: read(&counters.bytes_sent),
            bytes_received: read(&counters.bytes_received),
            unrecorded: read(&totals.unrecorded),
        }
    }
}
