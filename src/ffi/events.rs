//! `sg_events`: the event log as it grows.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::client::sg_client;
use super::guard;
use super::handle::{Borrowed, Handle, InBox, Out, Owned};
use super::op::{Gives, Outcome, Work, sg_op};
use super::result::{give, sg_result};
use super::string::Text;
use crate::client::events::{EventOptions, Feed};
use crate::client::{Cancellation, Document, Error, Result, Status};
use crate::runtime::Runtime;

/// A feed of the events of a site: every event at least once, although their numbers fill in late and out of order.
///
/// It works on after its client was freed. docs/events.md says what can be relied on.
pub struct sg_events {
    _opaque: [u8; 0],
}

/// What is behind an `sg_events`.
pub(super) struct Following {
    runtime: Runtime,
    cancellation: Cancellation,
    shared: Arc<Shared>,
}

struct Shared {
    feed: tokio::sync::Mutex<Feed>,
    /// The number of the wait for the next events that is under way; 0 for none.
    waiting: AtomicU64,
    /// How many waits there were.
    waits: AtomicU64,
    /// Whether the events that were given last came by an operation: then only the next request says that they were handled.
    by_operation: AtomicBool,
    /// Whether the events that were given last got nowhere, because their operation was cancelled.
    lost: AtomicBool,
    /// The state when the wait under way began. Locked by whoever begins to wait or asks for the state, so that the two do not find each
    /// other at the feed.
    before: Mutex<String>,
}

impl Handle for sg_events {
    type Body = Following;
    type Place = InBox;
    const NAME: &'static str = "sg_events";
    const MARK: u64 = u64::from_le_bytes(*b"sg_evnts");
}

/// Opens a feed of the events that a client may see.
///
/// The options are a JSON object. What to read: "projects" (ids or links), "entity_types" (such as "Shot"), "event_types" (such as
/// "Shotgun_Shot_Change"), "attributes" (names of fields), "filters" (conditions as for find), all of them asked at the site; and "fields", to
/// be read besides those that every event has. Where to begin: "from", one of "now" (the default), "beginning", {"id": N} and {"time": "…Z"}; or
/// "state", what sg_events_state() gave, which wins. How: "batch", the most events at once (100); "poll_min_ms" (1000) and "poll_max_ms"
/// (10000), the pauses between two looks while events come and while none do; "window_ms" (300000), how long a number may take to fill in;
/// "rescan_ms" (2000), how soon it is looked for; "accept_other_site" (false), to resume at another address.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the feed.
/// @param[in] options_json  the options; NULL for all defaults; copied.
/// @param[out] out  the feed, owned by the caller: give it to sg_events_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: an option is wrong, or the state is of another site; otherwise as sg_call()
/// @threadsafe yes
/// @blocking yes, within the time limits of the client's options: it asks which event is the newest
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_events_open(client: *const sg_client, options_json: *const c_char, out: *mut *mut sg_events) -> Status {
    from_c!(client: Borrowed<sg_client>, options_json: Text, out: Out<*mut sg_events>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let connection = client.share("client")?;
        let (runtime, client) = (connection.body().runtime.clone(), connection.body().client.clone());
        let options = EventOptions::parse(options_json.optional("options_json")?.unwrap_or_default())?;
        let cancellation = client.cancellation();
        let opening = cancellation.or(async move { Feed::open(&client, options).await });
        let feed = runtime.run(stopped, opening)?;
        let shared = Shared {
            feed: tokio::sync::Mutex::new(feed),
            waiting: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            by_operation: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            before: Mutex::default(),
        };
        let following = Following {
            runtime,
            cancellation,
            shared: Arc::new(shared),
        };
        out.put(Owned::<sg_events>::new(following).into_c());
        Ok(())
    })
}

/// Waits for the next events: a result that is an array of one or more, in the order of their numbers but for those that filled in late.
///
/// Each is a row of EventLogEntry with three members more: "actor" ({"kind", "user", "acting"}; kind is "person", "script", "script_for_person",
/// "person_for_person" or "site"), "duplicate_possible" (true only where a feed has resumed and may have given it before), and "late" (true where
/// it filled in behind others). sg_client_cancel_calls() ends the wait. To ask for the next events says that those before have been handled. A failure does not end the
/// feed: it looks again when you ask again, after a pause.
///
/// @param[in] feed  the feed; not NULL; stays the caller's.
/// @param[in] timeout_ms  the longest wait in milliseconds; 0 only looks; negative waits for as long as it takes. A look that is under way when
///   the time is over goes on, and the next call has what it finds.
/// @param[out] out  the events, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_TIMEOUT_WAIT: there were none; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: somebody waits for the next
///   events already, or after a shutdown; otherwise as sg_call(), and the feed goes on
/// @threadsafe yes, but one at a time
/// @blocking yes, at most for timeout_ms
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_events_next(feed: *const sg_events, timeout_ms: i64, out: *mut *mut sg_result) -> Status {
    from_c!(feed: Borrowed<sg_events>, out: Out<*mut sg_result>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let following = feed.get("feed")?;
        following.runtime.ready()?;
        let turn = Turn::begin(&following.shared, false)?;
        let limit = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let waiting = following.cancellation.or(async move { turn.next(limit).await });
        let events = following.runtime.run(stopped, waiting)?;
        let none = || Error::new(Status::TimeoutWait, "no event came within the time");
        out.put(give(events.ok_or_else(none)?));
        Ok(())
    })
}

/// Begins to wait for the next events and returns at once: sg_events_next() without the wait or its limit.
///
/// One at a time. That the events were handled is said by asking for the next ones, and not by sg_events_state(). Those of an operation that
/// was cancelled come again; those of one that nobody took the result of do not.
///
/// @param[in] feed  the feed; not NULL; stays the caller's, and may be freed before the operation.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
///   sg_op_take_result() gives the events.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
///   SG_STATUS_INVALID_STATE: somebody waits for the next events already, or after a shutdown; SG_STATUS_FORKED
/// @threadsafe yes, but one at a time
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_events_submit_next(feed: *const sg_events, out: *mut *mut sg_op) -> Status {
    from_c!(feed: Borrowed<sg_events>, out: Out<*mut sg_op>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let following = feed.get("feed")?;
        following.runtime.check_usable()?;
        let turn = Turn::begin(&following.shared, true)?;
        let (shared, wait) = (Arc::clone(&following.shared), turn.wait);
        // Asked for exactly when this is what the operation comes to. Whoever waits next need not wait until the work was dropped.
        let stopped = move || {
            shared.lost.store(true, Ordering::SeqCst);
            shared.over(wait);
            Error::new(Status::Cancelled, "the wait for events was cancelled")
        };
        let waiting = following.cancellation.or(async move { turn.next(None).await });
        let work = async move { waiting.await.map(Outcome::Answer) };
        out.put(Work::start(&following.runtime, Gives::Answer, stopped, Arc::default(), work)?);
        Ok(())
    })
}

/// Where the host is in the log: a JSON text of a few kilobytes to resume from, as "state" of sg_events_open().
///
/// Keep it after the events were handled. It covers all that sg_events_next() gave, and of sg_events_submit_next() all but the events that came last. A
/// feed that resumes gives everything that the state does not cover, so what was handled since it was kept comes again, marked.
///
/// @param[in] feed  the feed; not NULL; stays the caller's.
/// @param[out] out  the state, owned by the caller: sg_result_json() gives its text, sg_result_free() frees it. NULL on failure. Not NULL
///   itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
/// @threadsafe yes; while somebody waits for events it is the state from before that
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_events_state(feed: *const sg_events, out: *mut *mut sg_result) -> Status {
    from_c!(feed: Borrowed<sg_events>, out: Out<*mut sg_result>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let following = feed.get("feed")?;
        following.runtime.check_process()?;
        let text = following.shared.state();
        let document = Document::parse(text.into_bytes()).map_err(|error| Error::new(Status::Internal, error.to_string()))?;
        out.put(give(document));
        Ok(())
    })
}

/// Frees a feed. Events that came from it stay valid.
///
/// @param[in] feed  the feed, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once nobody uses the feed
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_events_free(feed: *mut sg_events) {
    from_c!(feed: Owned<sg_events>);
    guard::getter((), || {
        if let Some(following) = feed.take() {
            following.runtime.release(following.shared);
        }
    });
}

fn stopped() -> Error {
    Error::new(Status::Cancelled, "the library was shut down while the feed waited")
}

impl Shared {
    fn state(&self) -> String {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        // A wait that has begun may not have come to the feed yet, and may be cancelled: what it gives is its own matter.
        if self.waiting.load(Ordering::SeqCst) == 0
            && let Ok(mut feed) = self.feed.try_lock()
        {
            return self.state_of(&mut feed);
        }
        before.clone()
    }

    fn state_of(&self, feed: &mut Feed) -> String {
        self.take_back(feed);
        if self.by_operation.load(Ordering::SeqCst) {
            feed.state_before_last()
        } else {
            feed.state()
        }
    }

    /// Has the feed give again what got nowhere.
    fn take_back(&self, feed: &mut Feed) {
        if self.lost.swap(false, Ordering::SeqCst) {
            feed.give_back();
        }
    }

    /// A wait has ended, unless it had before.
    fn over(&self, wait: u64) {
        let _ = self.waiting.compare_exchange(wait, 0, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// The one wait for the next events.
struct Turn {
    shared: Arc<Shared>,
    wait: u64,
}

impl Turn {
    /// What was given before counts as handled from here on.
    fn begin(shared: &Arc<Shared>, by_operation: bool) -> Result<Turn> {
        let mut before = shared.before.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = shared.waits.fetch_add(1, Ordering::SeqCst) + 1;
        if shared
            .waiting
            .compare_exchange(0, wait, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
        {
            return Err(Error::new(
                Status::InvalidState,
                "somebody waits for the next events of this feed already; one at a time",
            ));
        }
        let turn = Turn {
            shared: Arc::clone(shared),
            wait,
        };
        // A wait that was cancelled may have the feed yet. It handled nothing, so the state from before it holds.
        if let Ok(mut feed) = shared.feed.try_lock() {
            shared.take_back(&mut feed);
            *before = feed.state();
        }
        shared.by_operation.store(by_operation, Ordering::SeqCst);
        Ok(turn)
    }

    async fn next(&self, limit: Option<Duration>) -> Result<Option<Document>> {
        let mut feed = self.shared.feed.lock().await;
        // Cancelled before it came to the feed, and another wait may have begun: nobody would get what this one takes.
        if self.shared.waiting.load(Ordering::SeqCst) != self.wait {
            return Ok(None);
        }
        self.shared.take_back(&mut feed);
        feed.next(limit).await
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.over(self.wait);
    }
}
