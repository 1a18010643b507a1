//! Putting bytes into the storage behind a site, at addresses that the site signs.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use tokio::task::JoinSet;
use url::Url;

use super::Transfer;
use super::form::Form;
use super::local::LocalFile;
use crate::client::document::shorten;
use crate::client::error::{Error, Result};
use crate::client::reply;
use crate::client::retry::{Attempts, Effect};
use crate::client::site::{is_loopback, name_of};
use crate::client::status::Status;
use crate::client::transport::{Failure, Pieces, Reply, Request};

/// Files larger than this go up in parts of this size.
pub(super) const PART: u64 = 20_000_000;
/// How many parts go up at once.
const AT_ONCE: usize = 4;

/// Where the site wants a file, as it said.
pub(super) struct Place {
    /// The site's whole reply, which the last step repeats.
    pub(super) reply: String,
    url: String,
    timestamp: String,
    upload_type: String,
    upload_id: String,
}

impl Place {
    pub(super) fn read(reply: String) -> Result<Place> {
        let mut lines = reply.lines().skip(1).map(str::to_owned);
        let (Some(url), Some(timestamp), Some(upload_type), Some(upload_id)) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(Error::wrong_content("the site did not say where the file should go"));
        };
        Ok(Place {
            url,
            timestamp,
            upload_type,
            upload_id,
            reply,
        })
    }
}

/// A stretch of a file.
#[derive(Clone, Copy)]
struct Part {
    number: u64,
    offset: u64,
    length: u64,
}

impl Transfer {
    /// Puts a whole file where the site wants it, in parts where it is large.
    pub(super) async fn put_file(&self, file: &Arc<LocalFile>, place: &Arc<Place>) -> Result<()> {
        let whole = Part {
            number: 1,
            offset: 0,
            length: file.length,
        };
        if file.length <= PART {
            self.put(file, &place.url, whole).await?;
        } else {
            self.put_parts(file, place).await?;
        }
        file.check_unchanged().await
    }

    /// Parts go up side by side; the first that fails for good stops the others.
    async fn put_parts(&self, file: &Arc<LocalFile>, place: &Arc<Place>) -> Result<()> {
        let count = file.length.div_ceil(PART);
        let mut waiting = (0..count).map(|index| Part {
            number: index + 1,
            offset: index * PART,
            length: PART.min(file.length - index * PART),
        });
        let mut tags = vec![String::new(); usize::try_from(count).unwrap_or(0)];
        let mut moving = JoinSet::new();
        loop {
            while moving.len() < AT_ONCE
                && let Some(part) = waiting.next()
            {
                let (transfer, file, place) = (self.clone(), Arc::clone(file), Arc::clone(place));
                moving.spawn(async move { Ok((part.number, transfer.put_part(&file, &place, part).await?)) });
            }
            let Some(ended) = moving.join_next().await else { break };
            let (number, tag): (u64, String) =
                ended.unwrap_or_else(|error| Err(Error::new(Status::Internal, format!("sending a part was stopped: {error}"))))?;
            if let Some(slot) = usize::try_from(number - 1).ok().and_then(|index| tags.get_mut(index)) {
                *slot = tag;
            }
        }
        let fields = place.fields(&file.name, ("etags", tags.join(",")));
        self.post(&Form::new("/upload/api_complete_multipart_upload", Effect::Write, fields))
            .await
            .map(drop)
    }

    /// Where the site wants bytes. From a secure site never to an open place.
    fn storage_address(&self, address: &str) -> Result<Url> {
        let url = Url::parse(address).map_err(|_| Error::protocol("the site gave no address for the file"))?;
        let connection = &self.client.connection;
        let open = connection.options.allow_insecure_http || connection.transport.site().address.scheme() == "http" || is_loopback(&url);
        match url.scheme() {
            "https" => Ok(url),
            "http" if open => Ok(url),
            "http" => Err(Error::protocol(format!(
                "the site, which is secure, wants the file at {}, which is not",
                name_of(&url)
            ))),
            other => Err(Error::protocol(format!(
                "the site wants the file at an address of the kind {}",
                shorten(other)
            ))),
        }
    }

    async fn put_part(&self, file: &LocalFile, place: &Place, part: Part) -> Result<String> {
        let fields = place.fields(&file.name, ("part_number", part.number.to_string()));
        let reply = self
            .post(&Form::new("/upload/api_get_upload_link_for_part", Effect::Read, fields))
            .await?;
        let url = reply
            .lines()
            .nth(1)
            .ok_or_else(|| Error::wrong_content("the site did not say where a part should go"))?;
        self.put(file, url, part).await
    }

    /// Puts a stretch of the file and gives its ETag. The same bytes at the same address may be put again: each attempt reads them
    /// anew.
    async fn put(&self, file: &LocalFile, address: &str, part: Part) -> Result<String> {
        // The address is a secret: it lets whoever has it write. No message repeats it.
        let url = self.storage_address(address)?;
        let kind = HeaderValue::try_from(file.content_type()).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let mut attempts = Attempts::new(&self.client, "a part for the storage", Effect::Read, self.limit()).at(&url);
        loop {
            let body = Pieces::default().file(&file.path, file.open_at(part.offset).await?, part.length);
            let request = Request::new(Method::PUT, url.clone(), &self.client.tally)
                .header(header::CONTENT_TYPE, kind.clone())
                .body(body)
                .progress(&self.progress);
            match self.client.connection.transport.send_file(request, self.limit()).await {
                Ok(reply) if reply.status < 300 => return tag_of(&reply),
                Ok(reply) => attempts.again(refused(reply)).await?,
                Err(failure) => attempts.again(failure).await?,
            }
        }
    }
}

/// The ETag of what was stored. Every storage gives one; what answers without it has stored nothing, as far as anybody knows.
fn tag_of(reply: &Reply) -> Result<String> {
    let tag = reply.header(header::ETAG).map(str::to_owned);
    tag.ok_or_else(|| {
        let what = "what answered in place of the storage gave no ETag, so nobody knows whether the file was stored";
        Error::wrong_content(what)
    })
}

/// What a refusal of the storage means.
fn refused(reply: Reply) -> Failure {
    let status = reply.status;
    let code = storage_code(&reply.body).map_or(String::new(), |code| format!(", {code}"));
    let mut failure = reply::failure(reply);
    let error = &mut failure.error;
    let (kind, what) = match status {
        // Somebody in between leads elsewhere: where that is, no file goes.
        300..400 => (Status::Protocol, "redirects, which is not followed"),
        407 => return failure,
        408 => (Status::Timeout, "gave up waiting for the file"),
        429 => (Status::RateLimited, "asks for fewer requests"),
        500.. => (Status::Unavailable, "is too busy or down"),
        _ => (Status::Rejected, "refuses the file"),
    };
    error.status = kind;
    error.retryable = !matches!(kind, Status::Rejected | Status::Protocol);
    error.message = format!("the storage behind the site {what} (HTTP status {status}{code})");
    failure
}

/// The word by which S3 and what is like it say why, such as `EntityTooLarge`. Nothing else of their XML is told: it can repeat the address.
fn storage_code(body: &[u8]) -> Option<&str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (matches!(code.len(), 1..=64) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(code)
}

impl Place {
    fn fields(&self, file_name: &str, more: (&'static str, String)) -> Vec<(&'static str, String)> {
        vec![
            ("upload_type", self.upload_type.clone()),
            ("filename", file_name.to_owned()),
            ("timestamp", self.timestamp.clone()),
            ("upload_id", self.upload_id.clone()),
            more,
        ]
    }
}
