//! Downloading an attachment: to a file, whole or not at all, or into memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use url::Url;

use super::Transfer;
use super::content::Wanted;
use super::local::expanded;
use super::replaced::Replaced;
use super::spool::Spool;
use crate::client::document::{Kind, Value};
use crate::client::error::{Error, Result, file_trouble};
use crate::client::fault::THE_SITE_SAID;
use crate::client::json::quote;
use crate::client::progress::Progress;
use crate::client::reply;
use crate::client::retry::{self, Attempts, Effect};
use crate::client::session::Token;
use crate::client::site::{Site, name_of};
use crate::client::status::Status;
use crate::client::transport::{Failure, Incoming, Reached, Request};

/// How often a redirect is followed.
const MOST_REDIRECTS: usize = 10;

/// The address of an attachment: its own, or by its id on the site. `None` where it has none.
pub(in crate::client) fn address(site: &Site, attachment: Value<'_>) -> Result<Option<Url>> {
    let on_site = |id: i64| site.at(&format!("/file_serve/attachment/{id}")).map(Some);
    if attachment.kind() == Kind::Number {
        return on_site(attachment.as_i64()?);
    }
    if let Some(url) = attachment.get("url") {
        let Some(text) = url.as_str() else { return Ok(None) };
        // It may hold a signature, so no message repeats it.
        let wrong = |what: &str| Error::invalid_argument(format!("the attachment's \"url\" {what}"));
        let url = site.at(&text).map_err(|_| wrong("is no address"))?;
        return match url.scheme() {
            "http" | "https" => Ok(Some(url)),
            scheme => Err(wrong(&format!("is a {scheme} link, and not on the net"))),
        };
    }
    match attachment.get("id") {
        Some(id) if attachment.get("type").is_some_and(|kind| kind.is_str("Attachment")) => on_site(id.as_i64()?),
        _ => Err(Error::invalid_argument(
            "an attachment is an id, an object with \"url\", or an object with \"type\": \"Attachment\" and \"id\"",
        )),
    }
}

/// Fetches a file. With a path it ends up there, and the path is the answer; without, its content in base64 is.
pub(in crate::client) async fn download(transfer: &Transfer, wanted: &Wanted, path: Option<&str>) -> Result<String> {
    let url = &wanted.url;
    let Some(path) = path else {
        let read = async {
            let incoming = open(transfer, url, None).await?;
            transfer
                .client
                .connection
                .transport
                .read(wanted.checked(given(transfer, incoming).await?)?)
                .await
        };
        return match read.await {
            Ok(reply) => Ok(quote(&STANDARD.encode(&reply.body))),
            Err(failure) => Err(failure.error),
        };
    };
    let most = transfer.client.connection.options.max_download_bytes;
    let mut partial = Partial::create(expanded(path), most).await?;
    let fetched = fetch(transfer, wanted, &mut partial).await;
    let settled = match fetched {
        Ok(()) => partial.settle().await,
        failed => failed,
    };
    // When the host is told, the file is there, or nothing.
    let progress = Arc::clone(&transfer.progress);
    aside(move || match settled {
        Ok(()) => partial.finish_here(&progress),
        Err(error) => partial.give_up_here(error),
    })
    .await?;
    Ok(quote(path))
}

/// A file under a name of its own until it is whole. Dropping it removes it, by and by.
struct Partial {
    /// Where it belongs.
    target: PathBuf,
    path: PathBuf,
    spool: Spool,
    length: u64,
    /// The most that it may become.
    most: Option<u64>,
    /// It is in its place, or removed.
    is_over: bool,
}

impl Partial {
    /// Creates it on a thread for files: a disk that hangs must not hold up the network. Where nobody waits for it any more, it is
    /// dropped there, and so removed.
    async fn create(target: PathBuf, most: Option<u64>) -> Result<Partial> {
        aside(move || Partial::create_here(target, most)).await
    }

    /// What a link leads to is replaced and not the link, with the permissions that it has.
    fn create_here(target: PathBuf, most: Option<u64>) -> Result<Partial> {
        let target = std::fs::canonicalize(&target).unwrap_or(target);
        let wrong = |what: &str| Error::invalid_argument(format!("{} {what}", target.display()));
        let before = std::fs::metadata(&target).ok();
        if let Some(before) = &before {
            if before.is_dir() {
                return Err(wrong("is a folder, not a file"));
            }
            if !before.is_file() {
                return Err(wrong("is no regular file, and is not replaced by one"));
            }
            if before.permissions().readonly() {
                return Err(Error::new(Status::Io, format!("{} is write-protected", target.display())));
            }
        }
        let name = target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        // A name of the greatest length must not grow.
        let short: String = name.chars().take(40).collect();
        let path = target.with_file_name(format!(".{short}.{:016x}.part", retry::random()));
        let file = std::fs::File::options().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| unwritable(&target, &error))?;
        let partial = Partial {
            target,
            path,
            spool: Spool::new(file, before.is_some()),
            length: 0,
            most,
            is_over: false,
        };
        if let Some(before) = before
            && let Err(error) = std::fs::set_permissions(&partial.path, before.permissions())
        {
            let error = unwritable(&partial.target, &error);
            return partial.give_up_here(error);
        }
        Ok(partial)
    }

    async fn start_over(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.length) == 0 {
            return Ok(());
        }
        self.spool.start_over().await
    }

    async fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.spool.append(bytes).await?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Refuses so many more bytes where the file would become too large.
    fn make_room(&self, more: u64) -> std::result::Result<(), Failure> {
        match self.most {
            Some(most) if self.length.saturating_add(more) > most => Err(not_sent(Error::new(
                Status::ProtocolTooLarge,
                format!("the file is larger than the limit of {most} bytes for downloads"),
            ))),
            _ => Ok(()),
        }
    }

    /// Waits until all that came is written.
    async fn settle(&self) -> Result<()> {
        self.spool.settle().await.map_err(|error| unwritable(&self.target, &error))
    }

    /// Puts the whole file where it belongs, unless the call was stopped before. Until then what was there stays.
    fn finish_here(mut self, progress: &Progress) -> Result<()> {
        let written = self.spool.write_rest(self.length);
        self.spool.close();
        let replaced = Replaced::of(&self.target);
        // A host that was told of a cancel may have put something else there since. The disk may have taken long before.
        if written.is_ok() && !progress.let_write_go() {
            return self.give_up_here(Error::new(
                Status::Cancelled,
                "the download was stopped before its file took its place",
            ));
        }
        match written.and_then(|()| std::fs::rename(&self.path, &self.target)) {
            Ok(()) => {
                self.is_over = true;
                replaced.free_behind();
                Ok(())
            }
            Err(error) => {
                let error = unwritable(&self.target, &error);
                self.give_up_here(error)
            }
        }
    }

    /// Removes it at once, on a thread that may wait for a disk.
    fn give_up_here<T>(mut self, why: Error) -> Result<T> {
        drop(self.leftover());
        Err(why)
    }

    /// What is to be removed of it.
    fn leftover(&mut self) -> Option<Leftover> {
        (!std::mem::replace(&mut self.is_over, true)).then(|| Leftover(std::mem::take(&mut self.path)))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(leftover) = self.leftover() {
            self.spool.let_go(leftover);
        }
    }
}

/// What is left of a download that was given up: it goes with this, wherever that is dropped.
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Does what a disk may take long for on a thread for files.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let stopped = |_| Error::new(Status::Cancelled, "the library was shut down while a file was being worked on");
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

/// Fetches until the file is whole; after a failure from where it is, if the server can do that.
async fn fetch(transfer: &Transfer, wanted: &Wanted, partial: &mut Partial) -> Result<()> {
    let mut attempts = Attempts::new(&transfer.client, "a download", Effect::Read, transfer.limit());
    let mut validator = None;
    let mut furthest = 0;
    loop {
        let failure = match attempt_once(transfer, wanted, partial, &mut validator).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        // What came for the first time counts: a bad line gets a file through in the end, a dead one does not.
        if partial.length > furthest {
            furthest = partial.length;
            attempts.start_over();
        }
        attempts.again(failure).await?;
    }
}

async fn attempt_once(
    transfer: &Transfer,
    wanted: &Wanted,
    partial: &mut Partial,
    validator: &mut Option<HeaderValue>,
) -> std::result::Result<(), Failure> {
    let resume = validator
        .clone()
        .filter(|_| partial.length > 0)
        .map(|value| (partial.length, value));
    let transport = &transfer.client.connection.transport;
    let incoming = open(transfer, &wanted.url, resume).await?;
    let mut incoming = wanted.checked(given(transfer, incoming).await?)?;
    let goes_on = incoming.status() == 206 && starts_at(&incoming, partial.length);
    if !goes_on {
        transfer.progress.take_back(partial.length);
        partial.start_over().await.map_err(|error| local(partial, &error))?;
        let tag = incoming.header(header::ETAG).filter(|tag| !tag.starts_with("W/"));
        *validator = tag
            .or_else(|| incoming.header(header::LAST_MODIFIED))
            .and_then(|text| HeaderValue::from_str(text).ok());
    }
    if partial.length == 0 {
        transfer.progress.set_total(incoming.length().unwrap_or(0));
    }
    partial.make_room(incoming.length().unwrap_or(0))?;
    while let Some(chunk) = transport.chunk(&mut incoming).await? {
        partial.make_room(chunk.len() as u64)?;
        partial.append(&chunk).await.map_err(|error| local(partial, &error))?;
        transfer.progress.advance(chunk.len() as u64);
    }
    Ok(())
}

/// The reply, if it is the file.
async fn given(transfer: &Transfer, incoming: Incoming) -> std::result::Result<Incoming, Failure> {
    if incoming.status() < 300 {
        return Ok(incoming);
    }
    let mask = incoming.mask();
    let mut failure = reply::failure(transfer.client.connection.transport.read(incoming).await?);
    failure.error = refused(failure.error);
    mask.apply(&mut failure.error);
    Err(failure)
}

fn starts_at(incoming: &Incoming, offset: u64) -> bool {
    let range = incoming
        .header(header::CONTENT_RANGE)
        .and_then(|range| range.strip_prefix("bytes "));
    range
        .and_then(|range| range.split('-').next())
        .and_then(|start| start.trim().parse().ok())
        == Some(offset)
}

/// What asking for a file led to.
struct Answer {
    incoming: Incoming,
    /// The generation of the session token that went with the last request, if one did.
    session: Option<u64>,
    asks_to_sign_in: bool,
}

/// From an offset of a file, if it is still the file of this validator.
type Resume = Option<(u64, HeaderValue)>;

/// Asks for the file. A session that has ended is renewed once, as for calls.
async fn open(transfer: &Transfer, url: &Url, resume: Resume) -> std::result::Result<Incoming, Failure> {
    let client = &transfer.client;
    let mut answer = follow(transfer, url, resume.as_ref()).await?;
    // Followed, it would end in a page that asks for a password, saved as if it were the file.
    let unknown = || Error::new(Status::AuthSessionExpired, "the site asks to sign in before it gives the file");
    let refused = matches!(answer.incoming.status(), 401 | 403) && client.can_renew();
    if let Some(ended) = answer.session.filter(|_| refused || answer.asks_to_sign_in) {
        // It holds a turn, and another turn is needed: many that wait for one another would wait for ever.
        drop(answer);
        let renewed = match client.can_renew() {
            true => client.renew(Some(ended), client.deadline()).await,
            false => Err(unknown()),
        };
        if let Err(error) = renewed {
            client.handed_over(Some(ended), error).await.map_err(not_sent)?;
        }
        answer = follow(transfer, url, resume.as_ref()).await?;
    }
    if answer.asks_to_sign_in {
        return Err(not_sent(unknown()));
    }
    Ok(answer.incoming)
}

/// Asks for the file, and follows where the site leads.
async fn follow(transfer: &Transfer, url: &Url, resume: Option<&(u64, HeaderValue)>) -> std::result::Result<Answer, Failure> {
    let client = &transfer.client;
    let transport = &client.connection.transport;
    let mut url = url.clone();
    for _ in 0..=MOST_REDIRECTS {
        let mut session = None;
        let mut request =
            Request::new(Method::GET, url.clone(), &client.tally).header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some((offset, validator)) = resume {
            let range = HeaderValue::try_from(format!("bytes={offset}-")).unwrap_or(HeaderValue::from_static("bytes=0-"));
            request = request.header(header::RANGE, range).header(header::IF_RANGE, validator.clone());
        }
        if transport.site().owns(&url) {
            let token = client.token_in_use(client.deadline()).await.map_err(not_sent)?;
            request = request.header(header::COOKIE, cookie(&token).map_err(not_sent)?);
            session = Some(token.generation);
        }
        let incoming = transport.fetch_file(request, transfer.limit()).await?;
        let next = redirect(&incoming, &url).transpose().map_err(not_sent)?;
        let asks_to_sign_in = next.as_ref().is_some_and(|next| is_sign_in(next, transport.site()));
        match next.filter(|_| !asks_to_sign_in) {
            Some(next) => url = next,
            None => {
                return Ok(Answer {
                    incoming,
                    session,
                    asks_to_sign_in,
                });
            }
        }
    }
    Err(not_sent(Error::protocol("the download was redirected more than ten times")))
}

/// Where a reply leads, if it leads elsewhere. From a secure address never to an open one.
fn redirect(incoming: &Incoming, from: &Url) -> Option<Result<Url>> {
    if !matches!(incoming.status(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let target = from.join(incoming.header(header::LOCATION)?);
    Some(match target {
        Ok(url) if from.scheme() == "https" && url.scheme() != "https" => Err(Error::protocol(format!(
            "the download leads from a secure address to {}, which is not",
            name_of(&url)
        ))),
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(Error::protocol("the download leads to no address on the net")),
    })
}

fn is_sign_in(url: &Url, site: &Site) -> bool {
    site.owns(url) && (url.path().starts_with("/user/login") || url.path().contains("/saml/"))
}

/// The session as the web application knows it.
fn cookie(token: &Token) -> Result<HeaderValue> {
    let mut cookie = HeaderValue::try_from(format!("_session_id={}", token.text.expose()))
        .map_err(|_| Error::protocol("the session token has characters that a cookie cannot hold"))?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// What an HTTP status means for a file.
fn refused(mut error: Error) -> Error {
    let (status, what) = match error.http_status {
        Some(400) => (
            Status::Rejected,
            "the attachment cannot be downloaded: it may not exist, or be a link to a local file",
        ),
        Some(404) => (Status::NotFound, "there is no such attachment"),
        Some(409) => (Status::Unavailable, "the attachment is still being scanned for malware"),
        Some(410) => (Status::Rejected, "the attachment is in quarantine"),
        _ => return error,
    };
    error.status = status;
    error.retryable = status == Status::Unavailable;
    error.message = match &error.server_message {
        Some(said) => format!("{what}; {THE_SITE_SAID}{said}"),
        None => what.to_owned(),
    };
    error
}

pub(super) fn not_sent(error: Error) -> Failure {
    Failure {
        error,
        reached: Reached::Nothing,
    }
}

fn local(partial: &Partial, error: &std::io::Error) -> Failure {
    not_sent(unwritable(&partial.target, error))
}

fn unwritable(target: &Path, error: &std::io::Error) -> Error {
    file_trouble(target, "cannot be written", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a download of these bytes over "before" leaves, and how it ends.
    fn replaced(name: &str, bytes: &[u8], progress: &Progress) -> (PathBuf, Result<()>) {
        let folder = std::env::temp_dir().join(format!("libshotgrid-{}-download-{name}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let target = folder.join("file");
        std::fs::write(&target, "before").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(async {
            let mut partial = Partial::create(target.clone(), None).await.unwrap();
            partial.append(bytes).await.unwrap();
            partial.settle().await.unwrap();
            partial.finish_here(progress)
        });
        let names: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["file"]);
        (target, outcome)
    }

    /// Whoever starts a program that it has fetched may do so at once.
    #[test]
    fn a_whole_file_is_in_its_place_and_closed() {
        let bytes = vec![7; 1 << 20];
        for round in 0..20 {
            let (target, outcome) = replaced(&format!("whole-{round}"), &bytes, &Progress::default());
            outcome.unwrap();
            #[cfg(target_os = "linux")]
            {
                let open = std::fs::read_dir("/proc/self/fd").unwrap();
                let mut open = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
                assert!(!open.any(|path| path == target));
            }
            assert!(std::fs::read(&target).unwrap() == bytes);
            std::fs::remove_dir_all(target.parent().unwrap()).unwrap();
        }
    }

    /// The disk may take long to take a file, and the host was told of the cancel at once.
    #[test]
    fn what_was_stopped_before_it_took_its_place_never_does() {
        let progress = Progress::default();
        assert!(!progress.stop_writes());
        let (target, outcome) = replaced("stopped", b"behind", &progress);
        assert_eq!(outcome.unwrap_err().status, Status::Cancelled);
        assert_eq!(std::fs::read(&target).unwrap(), b"before");
        std::fs::remove_dir_all(target.parent().unwrap()).unwrap();
        // One that is stopped behind that may have.
        let progress = Progress::default();
        let (target, outcome) = replaced("in-place", b"behind", &progress);
        assert!(outcome.is_ok() && progress.stop_writes());
        std::fs::remove_dir_all(target.parent().unwrap()).unwrap();
    }
}
