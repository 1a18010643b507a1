//! A read of any number of pages: asked for ahead, handed out in order.

use std::collections::VecDeque;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::find::{self, Query};
use super::{Args, method};
use crate::client::Client;
use crate::client::behind;
use crate::client::document::{Document, Kind, Value};
use crate::client::error::{Error, Result};
use crate::client::fault;
use crate::client::here;
use crate::client::records;
use crate::client::rpc::Call;
use crate::client::status::Status;

/// How many pages are asked for at once, and so at most held beside the one in use. The first page is asked for alone,
/// since most reads have no second one; past the end, one less than these are asked for in vain.
const AHEAD: usize = 4;

/// How many empty pages in a row are believed in, from a site that promises more.
const MOST_EMPTY: u32 = 16;

/// The pages of a `find`, in order.
pub struct Pages {
    client: Client,
    query: Arc<Query>,
    /// The number of the page to ask for next, from 1.
    next: u64,
    /// The number of the last page that is wanted if all before it are full, where it is known.
    last: Option<u64>,
    /// The most rows to hand out; 0 for all.
    limit: u64,
    handed_out: u64,
    /// How many pages in a row were empty.
    empty: u32,
    /// The page before.
    before: Option<Look>,
    asked: VecDeque<Asked>,
    ended: bool,
    /// What ended the read before its end. It is told again and again, so that nobody takes a part for the whole.
    failed: Option<Error>,
}

/// What tells a page from another: its length and its ends nearly always. Hashing all of it takes as long as reading it does, so that is done
/// only where those are as before.
struct Look {
    length: usize,
    ends: u64,
    whole: Option<u64>,
}

impl Look {
    fn new(rows: &str, before: Option<&Look>) -> Look {
        const END: usize = 1024;
        let rows = rows.as_bytes();
        let hash = |bytes: &[&[u8]]| BuildHasherDefault::<DefaultHasher>::default().hash_one(bytes);
        let (first, last) = (
            rows.get(..END).unwrap_or(rows),
            rows.get(rows.len().saturating_sub(END)..).unwrap_or(rows),
        );
        let (length, ends) = (rows.len(), hash(&[first, last]));
        let is_alike = before.is_some_and(|before| (before.length, before.ends) == (length, ends));
        Look {
            length,
            ends,
            whole: is_alike.then(|| hash(&[rows])),
        }
    }

    /// Whether it is that page again. Of the first that is, it is not sure.
    fn is_surely(&self, before: Option<&Look>) -> bool {
        self.whole.is_some() && before.is_some_and(|before| before.whole == self.whole)
    }
}

/// A page that was asked for. Dropping it gives it up.
struct Asked(JoinHandle<Result<Document>>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pages {
    /// Begins a read with the parameters of `find`. Nothing but the site's `info` is asked for yet.
    pub async fn open(client: &Client, params: &str) -> Result<Pages> {
        let document = super::args::parse(params)?;
        let args = Args::bind(method("find")?, document.root())?;
        if args.count("page") > 0 {
            return Err(args.wrong("page", "cannot be given where every page is read in turn"));
        }
        let query = find::query(&args, client.site_info().await?)?;
        Ok(Pages::new(client, query, args.count("limit")))
    }

    pub(super) fn new(client: &Client, query: Query, limit: u64) -> Pages {
        Pages {
            client: client.clone(),
            next: 1,
            last: (limit > 0).then(|| limit.div_ceil(query.page_size)),
            query: Arc::new(query),
            limit,
            handed_out: 0,
            empty: 0,
            before: None,
            asked: VecDeque::new(),
            ended: false,
            failed: None,
        }
    }

    /// The most bytes that all pages may have where they are kept.
    pub(super) fn most_bytes(&self) -> u64 {
        self.client.connection.options.max_reply_bytes
    }

    /// Whether every row was handed out.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next page as a list of rows, or `None` behind the last one. An error ends the read, and comes again each time.
    pub async fn next(&mut self) -> Result<Option<Document>> {
        let running = self.client.begin("find (a page)", &Arc::default());
        self.client = running.client.clone();
        let page = self.advance().await;
        running.end(page)
    }

    /// As [`Pages::next`], as a part of another call.
    pub(super) async fn advance(&mut self) -> Result<Option<Document>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.ended {
            return Ok(None);
        }
        let is_first = self.next == 1;
        let outcome = if is_first && here::is_here() {
            self.next = 2;
            self.query.fetch(&self.client, 1).await
        } else {
            self.ask(if is_first { 1 } else { AHEAD });
            let Some(mut page) = self.asked.pop_front() else { return Ok(None) };
            let number = self.taken();
            match joined(&mut page.0).await {
                // Read ahead, it ended when all calls of the client were cancelled, before this one began.
                Err(error) if error.status == Status::Cancelled => self.query.fetch(&self.client, number).await,
                read => read,
            }
        };
        let page = outcome.and_then(|reply| self.receive(reply));
        self.failed = page.as_ref().err().cloned();
        if self.failed.is_some() || self.ended {
            self.asked.clear();
        } else {
            here::leave().await;
            self.ask(AHEAD);
        }
        page
    }

    /// Asks for pages until so many are under way; beyond the last one that may be wanted, for one at a time.
    fn ask(&mut self, wanted: usize) {
        while self.asked.len() < wanted && (self.asked.is_empty() || self.last.is_none_or(|last| self.next <= last)) {
            let (client, query, number) = (self.client.clone(), Arc::clone(&self.query), self.next);
            let fetch = client
                .cancellation()
                .or(Box::pin(async move { query.fetch(&client, number).await }));
            self.asked.push_back(Asked(behind::spawn(fetch)));
            self.next += 1;
        }
    }

    /// The number of the page that was taken last out of those that were asked for.
    fn taken(&self) -> u64 {
        self.next - 1 - self.asked.len() as u64
    }

    fn receive(&mut self, reply: Document) -> Result<Option<Document>> {
        let rows = entities(&reply)?.ok_or_else(|| Error::wrong_content("the site's reply to a read has no list of entities"))?;
        let (node, count) = (rows.node(), rows.count() as u64);
        let page = self.taken();
        let more = self.has_next_page(&reply, page, count)?;
        self.empty = if count == 0 { self.empty + 1 } else { 0 };
        if more && self.empty > MOST_EMPTY {
            return Err(Error::wrong_content(
                "the site promises more pages and gives nothing but empty ones",
            ));
        }
        if count > 0 {
            let look = Look::new(rows.json(), self.before.as_ref());
            // Each row stands in one page. Something that answers every page alike would be read for ever.
            let is_same = look.is_surely(self.before.as_ref());
            self.before = Some(look);
            if is_same {
                return Err(Error::wrong_content("the site gives the same page again for the next one"));
            }
        }
        let left = if self.limit > 0 { self.limit - self.handed_out } else { u64::MAX };
        self.ended = !more || count >= left;
        self.handed_out += count.min(left);
        let rows = records::tidy(reply.narrow(node))?;
        let rows = if count > left { rows.first_elements(left as usize) } else { rows };
        Ok(Some(rows))
    }

    /// Newer sites say whether there is another page, older ones how many rows there are in all.
    fn has_next_page(&mut self, reply: &Document, page: u64, rows: u64) -> Result<bool> {
        let paging = reply.root().get("paging_info");
        let told = |name: &str| paging.and_then(|paging| paging.get(name));
        if let Some(more) = told("has_next_page").and_then(Value::as_bool) {
            return Ok(more);
        }
        let total = told("entity_count")
            .and_then(|count| count.as_i64().ok())
            .and_then(|count| u64::try_from(count).ok());
        let total = total.ok_or_else(|| Error::wrong_content("the site's reply does not say whether there is another page"))?;
        let pages = total.div_ceil(self.query.page_size);
        self.last = Some(self.last.map_or(pages, |last| last.min(pages)));
        Ok(rows > 0 && page < pages)
    }
}

/// The outcome of a page that was asked for.
async fn joined(page: &mut JoinHandle<Result<Document>>) -> Result<Document> {
    page.await.unwrap_or_else(|error| {
        let status = if error.is_panic() { Status::Internal } else { Status::Cancelled };
        Err(Error::new(status, format!("reading a page was stopped: {error}")))
    })
}

impl Query {
    /// Reads one of several pages, within a time limit of its own.
    pub(super) async fn fetch(&self, client: &Client, number: u64) -> Result<Document> {
        self.send(client, self.page(number)).await
    }

    /// As [`Query::fetch`], the only page.
    pub(super) async fn fetch_once(&mut self, client: &Client, number: u64, size: u64) -> Result<Document> {
        let params = self.only_page(number, size);
        self.send(client, params).await
    }

    async fn send(&self, client: &Client, params: String) -> Result<Document> {
        client.rpc(Call::read(&params), client.deadline()).await.map_err(|mut error| {
            fault::complete(&mut error, "read", &self.entity_type, None);
            error
        })
    }
}

/// The rows of a page; `None` where the reply names none.
pub(super) fn entities(reply: &Document) -> Result<Option<Value<'_>>> {
    let root = reply.root();
    let wrong = |what: &str, kind: Kind| Error::wrong_content(format!("{what} {}", kind.with_article()));
    if root.kind() != Kind::Object {
        return Err(wrong("the site's reply to a read should be an object and is", root.kind()));
    }
    match root.get("entities") {
        None => Ok(None),
        Some(rows) if rows.kind() == Kind::Array => Ok(Some(rows)),
        Some(other) => Err(wrong("the entities of the site's reply should be an array and are", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::Look;

    #[test]
    fn the_same_page_again_is_known_and_no_other_is_taken_for_it() {
        let page = |middle: &str| format!("[{}{middle}{}]", "a".repeat(2000), "b".repeat(2000));
        let is_same = |pages: &[&str]| {
            let mut before = None;
            pages
                .iter()
                .map(|rows| {
                    let look = Look::new(rows, before.as_ref());
                    let is_same = look.is_surely(before.as_ref());
                    before = Some(look);
                    is_same
                })
                .collect::<Vec<_>>()
        };
        let (one, two) = (page("1"), page("2"));
        assert_eq!(is_same(&[&one, &one, &one, &one]), [false, false, true, true]);
        assert_eq!(is_same(&[&one, &two, &one, &two]), [false; 4]);
        assert_eq!(is_same(&["[1]", "[1]", "[1]"]), [false, false, true]);
        assert_eq!(is_same(&["[1]", "[1]", "[2]", "[2]"]), [false; 4]);
    }
}
