//! `sg_pages`: a `find` of any size, page by page.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::client::sg_client;
use super::guard;
use super::handle::{Borrowed, Handle, InBox, Out, Owned};
use super::op::{Gives, Outcome, Work, sg_op};
use super::result::{give, sg_result};
use super::string::Text;
use crate::client::{Cancellation, Client, Document, Error, Pages, Progress, Result, Status};
use crate::runtime::Runtime;

/// A `find` in progress, for reads of any size: a million rows never take more memory than a few pages.
///
/// The next four pages are asked for ahead. It works on after its client was freed.
pub struct sg_pages {
    _opaque: [u8; 0],
}

/// What is behind an `sg_pages`.
pub(super) struct Walk {
    runtime: Runtime,
    cancellation: Cancellation,
    /// Where the last page that was asked for leaves the pages for the next one. Who asks is in line at once, so that pages come
    /// in that order; one that is stopped leaves nothing.
    next: Mutex<oneshot::Receiver<Pages>>,
}

impl Handle for sg_pages {
    type Body = Walk;
    type Place = InBox;
    const NAME: &'static str = "sg_pages";
    const MARK: u64 = u64::from_le_bytes(*b"sg_pages");
}

/// Begins to read a `find` page by page. No page is asked for yet.
///
/// @param[in] client  the client; not NULL; stays the caller's, and may be freed before the pages.
/// @param[in] params_json  the parameters of the method find, as for sg_call(), but without "page"; not NULL; copied. A
///   "limit" is the most rows in all.
/// @param[out] out  the pages, owned by the caller: give them to sg_pages_free(). NULL on failure. Not NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_UNSUPPORTED; otherwise as sg_call()
/// @threadsafe yes
/// @blocking yes, until the site's description of itself is known, which it is after a verified connect
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_pages_open(client: *const sg_client, params_json: *const c_char, out: *mut *mut sg_pages) -> Status {
    from_c!(client: Borrowed<sg_client>, params_json: Text, out: Out<*mut sg_pages>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let connection = client.share("client")?;
        let (runtime, client) = (connection.body().runtime.clone(), connection.body().client.clone());
        let params = params_json.required("params_json")?.to_owned();
        let why = "the library was shut down while the pages were being opened";
        let cancellation = client.cancellation();
        let opening = cancellation.or(async move { Pages::open(&client, &params).await });
        let pages = runtime.run(stopped(why), opening)?;
        let (first, next) = oneshot::channel();
        // Its far end is in our hand.
        let _ = first.send(pages);
        let walk = Walk {
            runtime,
            cancellation,
            next: Mutex::new(next),
        };
        out.put(Owned::<sg_pages>::new(walk).into_c());
        Ok(())
    })
}

/// The next page: a result that is an array of rows.
///
/// Behind the last page the answer is SG_STATUS_OK and NULL. A find that finds nothing has one empty page. After a failure
/// every further call fails in the same way, and behind a page that was stopped with SG_STATUS_INVALID_STATE, so that a part is never taken for the whole.
///
/// It ends by its time limits, or by sg_client_cancel_calls() from another thread, with all calls of the client. To bound or cancel one
/// page alone, use sg_pages_submit_next() with sg_op_wait() and sg_op_cancel().
///
/// @param[in] pages  the pages; not NULL; stay the caller's.
/// @param[out] out  the page, owned by the caller: give it to sg_result_free(). NULL behind the last page and on failure. Not
///   NULL itself.
/// @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE when a page was stopped before, or after a shutdown;
///   otherwise as sg_call()
/// @threadsafe yes: each thread gets another page
/// @blocking yes, within the time limits of the client's options, which each page has for itself
/// @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_pages_next(pages: *const sg_pages, out: *mut *mut sg_result) -> Status {
    from_c!(pages: Borrowed<sg_pages>, out: Out<*mut sg_result>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let walk = pages.get("pages")?;
        let why = "the library was shut down while a page was being read";
        // Before the pages are moved: in a forked child even dropping them would touch what belongs to the parent.
        walk.runtime.ready()?;
        if let Some(page) = walk.runtime.run(stopped(why), walk.next())? {
            out.put(give(page));
        }
        Ok(())
    })
}

/// Begins to read the next page and returns at once: sg_pages_next() without the wait.
///
/// Several may be begun: pages come in the order in which they were asked for. An operation that is cancelled ends the reading,
/// so that a part is never taken for the whole.
///
/// @param[in] pages  the pages; not NULL; stay the caller's, and may be freed before the operation.
/// @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
///   sg_op_take_result() gives the page, or SG_STATUS_OK and NULL behind the last one.
/// @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
///   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED
/// @threadsafe yes
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_pages_submit_next(pages: *const sg_pages, out: *mut *mut sg_op) -> Status {
    from_c!(pages: Borrowed<sg_pages>, out: Out<*mut sg_op>);
    guard::status(|| {
        out.start(std::ptr::null_mut())?;
        let walk = pages.get("pages")?;
        walk.runtime.check_usable()?;
        let next = walk.next();
        let work = async move { next.await.map(Outcome::Answer) };
        let stopped = stopped("the operation was cancelled");
        out.put(Work::start(&walk.runtime, Gives::Answer, stopped, Arc::default(), work)?);
        Ok(())
    })
}

/// Frees the pages, and gives up those that are being fetched ahead. Results that came from them stay valid.
///
/// @param[in] pages  the pages, or NULL, which does nothing; gone afterwards.
/// @threadsafe yes, once nobody uses the pages
/// @blocking no
/// @callback-safe yes
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sg_pages_free(pages: *mut sg_pages) {
    from_c!(pages: Owned<sg_pages>);
    guard::getter((), || {
        if let Some(walk) = pages.take() {
            walk.runtime.release(walk.next);
        }
    });
}

impl Walk {
    fn next(&self) -> impl Future<Output = Result<Option<Document>>> + Send + use<> {
        let (leave, next) = oneshot::channel();
        let before = std::mem::replace(&mut *self.next.lock().unwrap_or_else(PoisonError::into_inner), next);
        self.cancellation.or(async move {
            let lost = |_| Error::new(Status::InvalidState, "reading a page was stopped before; open the pages again");
            let mut pages = before.await.map_err(lost)?;
            let page = pages.next().await;
            // Nobody may come for them.
            let _ = leave.send(pages);
            page
        })
    }
}

fn stopped(why: &'static str) -> impl Fn() -> Error + Send + Sync + 'static {
    move || Client::stopped(&Progress::default(), why)
}
