//! The event log as it grows: every event at least once, although their numbers fill in late and out of order.
//!
//! A feed reads what is ahead of the highest number that it knows, and now and then looks again at the numbers behind it, for those that
//! were not there before: see [`tracker`]. The host keeps a small text from which it resumes. No clock but this machine's
//! monotonic one is asked.

mod look;
mod options;
mod state;
mod tracker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::behind;
use super::document::Document;
use super::error::{Error, Result};
use super::records;
use super::status::Status;
use super::{Client, site};
use look::{Found, Query, Row};
pub use options::{EventOptions, From};
use state::State;
use tracker::{Scan, Tracker};

/// So many numbers behind the newest are looked at when a feed begins now: what fills in there has yet to happen for the host.
const BEHIND_NOW: i64 = 1_000;

/// A feed of events. Dropping it ends it.
pub struct Feed {
    client: Client,
    query: Arc<Query>,
    options: EventOptions,
    site: String,
    tracker: Tracker,
    /// Events that were found and not given yet.
    ready: VecDeque<Row>,
    /// The events that were given last.
    given: Vec<Row>,
    /// A look under way. It goes on while nobody waits for it.
    looking: Option<Looking>,
    /// When to look next.
    due: Instant,
    /// How long to wait after a look that finds nothing.
    pause: Duration,
    /// Events up to this number, found before the first scan is over, may have been given before the resume.
    doubtful: i64,
    /// Whether the last look came to the end of the log, behind as well as ahead.
    at_end: bool,
}

struct Looking {
    found: JoinHandle<Result<Found>>,
    scan: Option<Scan>,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.found.abort();
    }
}

impl Feed {
    /// Opens a feed of the events that the client may see.
    pub async fn open(client: &Client, options: EventOptions) -> Result<Feed> {
        let site = site::name_of(&client.connection.transport.site().address);
        let kept = options.state.as_deref().map(State::parse).transpose()?;
        if let Some(kept) = &kept
            && kept.site != site
            && !options.accept_other_site
        {
            return Err(Error::invalid_argument(format!(
                "the state is of the site {}, and this one is {site}; set accept_other_site if it only has another name",
                super::document::shorten(&kept.site)
            )));
        }
        let page = client.site_info().await?.page_size;
        let query = Arc::new(Query::new(&options, usize::try_from(page).unwrap_or(500)));
        let head = look::newest(client).await?;
        let mut doubtful = 0;
        let tracker = match (kept, &options.from) {
            (Some(kept), _) => {
                doubtful = head;
                Tracker::new(kept.floor, kept.seen, head, Instant::now())
            }
            (None, From::Beginning) => Tracker::new(0, Vec::new(), head, Instant::now()),
            (None, From::After(id)) => Tracker::new(*id, Vec::new(), head, Instant::now()),
            (None, From::Time(time)) => match look::first_after(client, time).await? {
                Some(first) => Tracker::new(first - 1, Vec::new(), head, Instant::now()),
                None => now(client, &query, head).await?,
            },
            (None, From::Now) => now(client, &query, head).await?,
        };
        let pause = options.poll_min;
        Ok(Feed {
            client: client.clone(),
            query,
            options,
            site,
            tracker,
            ready: VecDeque::new(),
            given: Vec::new(),
            looking: None,
            due: Instant::now(),
            pause,
            doubtful,
            at_end: false,
        })
    }

    /// The next events, as an array; none where there are none within the limit. To ask for the next ones says that those before
    /// have been handled. After an error the feed goes on: ask again. A call that is dropped loses nothing.
    pub async fn next(&mut self, limit: Option<Duration>) -> Result<Option<Document>> {
        self.given.clear();
        let work = async {
            while self.ready.is_empty() {
                self.turn().await?;
            }
            self.give().map(Some)
        };
        match limit {
            None => work.await,
            Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or(Ok(None)),
        }
    }

    /// As [`Feed::next`], but none once all that the log holds was given: for whoever reads what is there and ends.
    pub async fn next_there(&mut self) -> Result<Option<Document>> {
        self.given.clear();
        while self.ready.is_empty() {
            if self.at_end {
                return Ok(None);
            }
            self.turn().await?;
        }
        self.give().map(Some)
    }

    /// Says that nobody got the events that were given last: they come again.
    pub fn give_back(&mut self) {
        for row in self.given.drain(..).rev() {
            self.ready.push_front(row);
        }
    }

    /// Where the host is, having handled all that it was given: a JSON text to resume from.
    pub fn state(&mut self) -> String {
        self.given.clear();
        self.state_before_last()
    }

    /// As [`Feed::state`], but for the events that were given last: they would be given again.
    pub fn state_before_last(&mut self) -> String {
        let pending: Vec<i64> = self.ready.iter().chain(&self.given).map(|row| row.id).collect();
        let (floor, seen) = self.tracker.handled(&pending);
        let site = self.site.clone();
        State { site, floor, seen }.text()
    }

    fn give(&mut self) -> Result<Document> {
        let count = self.ready.len().min(self.options.batch);
        self.given = self.ready.drain(..count).collect();
        let texts = self.given.iter().map(|row| row.text.as_str());
        let document = Document::parse(super::json::array(texts).into_bytes());
        records::tidy(document.map_err(|error| Error::new(Status::Internal, error.to_string()))?)
    }

    /// Waits until a look is due, and takes in what it finds.
    async fn turn(&mut self) -> Result<()> {
        if self.looking.is_none() {
            if self.due > Instant::now() {
                tokio::time::sleep_until(self.due).await;
            }
            self.looking = Some(self.look());
        }
        let Some(looking) = &mut self.looking else { return Ok(()) };
        let found = (&mut looking.found).await;
        let scan = self.looking.take().and_then(|mut looking| looking.scan.take());
        match found {
            Ok(Ok(found)) => {
                self.take_in(found, scan);
                Ok(())
            }
            // It ended when all calls of the client were cancelled, before this wait began.
            Ok(Err(error)) if error.status == Status::Cancelled => Ok(()),
            Ok(Err(error)) => {
                let asked = Duration::from_millis(error.retry_after_ms.unwrap_or(0));
                self.rest(asked);
                Err(error)
            }
            Err(_) => Err(Error::new(Status::Cancelled, "the feed was stopped while it read")),
        }
    }

    fn look(&mut self) -> Looking {
        let scan = self.tracker.scan_due(self.options.rescan, self.options.window, Instant::now());
        let known = scan.as_ref().map(|scan| self.tracker.known_within(scan));
        let range = scan.as_ref().map(|scan| (scan.after, scan.until));
        let look = look::look(self.client.clone(), Arc::clone(&self.query), self.tracker.top(), range.zip(known));
        Looking {
            found: behind::spawn(look),
            scan,
        }
    }

    fn take_in(&mut self, found: Found, scan: Option<Scan>) {
        let now = Instant::now();
        let before = self.ready.len();
        let behind = self.tracker.top();
        for mut row in found.rows {
            if self.tracker.note(row.id, now) {
                row.finish(row.id <= self.doubtful, row.id < behind);
                self.ready.push_back(row);
            }
        }
        self.tracker.passed(found.more, now);
        if let (Some(scan), Some(reached)) = (scan, found.scanned) {
            let over = self.tracker.scanned(scan, reached, self.options.window, now);
            if over && !found.more {
                self.doubtful = 0;
            }
        }
        if !found.more && found.scanned.is_none() && self.tracker.has_nothing_behind() {
            self.doubtful = 0;
        }
        self.at_end = !(found.more || self.tracker.is_scanning());
        if !self.at_end {
            self.due = now;
        } else if self.ready.len() > before {
            self.pause = self.options.poll_min;
            self.due = now + self.pause;
        } else {
            self.rest(Duration::ZERO);
        }
    }

    /// A longer pause before the next look.
    fn rest(&mut self, at_least: Duration) {
        self.due = Instant::now() + self.pause.max(at_least);
        self.pause = (self.pause * 3 / 2).min(self.options.poll_max).max(self.options.poll_min);
    }
}

/// From here on. What is there already counts as handled, but for numbers that fill in yet.
async fn now(client: &Client, query: &Query, head: i64) -> Result<Tracker> {
    let floor = (head - BEHIND_NOW).max(0);
    let seen = query.ids(client, floor, head).await?;
    Ok(Tracker::new(floor, seen, head, Instant::now()))
}
