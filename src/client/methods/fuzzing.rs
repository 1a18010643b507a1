//! What the fuzz targets (`fuzz/`) reach of the client's inside, without a network. It is there with the feature `fuzzing` alone,
//! and nothing of it is in the C ABI.

use reqwest::header::{self, HeaderName};

use super::{Args, Reply, Run, Step, complete, entity, find, method, pages, parse, permission, received, transfers};
use crate::client::credentials::Secret;
use crate::client::document::{Document, Reading, Value};
use crate::client::error::{Error, Result};
use crate::client::info::SiteInfo;
use crate::client::recording::fuzzing as recording;
use crate::client::records;
use crate::client::site::Site;
use crate::client::transfer::address;
use crate::client::{fault, reply, transport};

/// What a call would send as its parameters. `None`: it sends none, or reads its arguments without sending them as they are.
pub fn request(name: &str, params: &str, info: &str) -> Result<Option<String>> {
    let described = Document::parse(info.into()).map_err(|error| Error::protocol(error.to_string()))?;
    let info = SiteInfo::read(described)?;
    let method = method(name)?;
    let document = parse(params)?;
    let args = Args::bind(method, document.root())?;
    let step = match &method.run {
        Run::Rpc { build, .. } => build(&args, &info)?,
        Run::Save { build, .. } => {
            entity::thumbnails(args.need("data")?)?;
            build(&args, &info)?
        }
        Run::Find { .. } => Step::Send(Some(find::query(&args, &info)?.page(1))),
        Run::Transfer(kind) => {
            check_transfer(&args, *kind)?;
            Step::Send(None)
        }
        Run::PermissionCheck => {
            permission::question(&args)?;
            Step::Send(None)
        }
        Run::Info | Run::SessionToken | Run::LastAccessed | Run::Authenticate => Step::Send(None),
    };
    Ok(match step {
        Step::Send(params) => params,
        Step::Answer(answer) => Some(answer),
    })
}

/// Reads what the call of a file is about.
fn check_transfer(args: &Args<'_>, kind: transfers::Kinds) -> Result<()> {
    use transfers::Kinds;
    match kind {
        Kinds::Upload | Kinds::Thumbnail { .. } => transfers::target(args, kind).map(drop),
        Kinds::ShareThumbnail => Ok(()),
        Kinds::Download | Kinds::DownloadUrl => {
            let site = Site::parse("https://studio.example", false)?;
            address(&site, transfers::attachment(args)?).map(drop)
        }
    }
}

/// A reply of a site.
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`; empty for none.
    pub kind: &'a str,
    /// Where a redirect leads; empty for nowhere.
    pub location: &'a str,
    /// What `Retry-After` says; empty for nothing.
    pub retry_after: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// What the host gets for a call that is answered so.
pub fn receive(name: &str, params: &str, answer: &Answer<'_>) -> Result<Document> {
    let method = method(name)?;
    let document = parse(params)?;
    let args = Args::bind(method, document.root())?;
    let answer = || transport::Reply {
        status: answer.status,
        headers: headers(answer),
        body: answer.body.to_vec(),
        reading: Reading::within(usize::MAX),
    };
    let failed = |failure: transport::Failure| complete(failure.error, &args);
    match &method.run {
        Run::Rpc { reply: Reply::Text, .. } => reply::read_text(answer()).map_err(failed),
        Run::Rpc { reply: kind, .. } => received(reply::read(answer()).map_err(failed)?, kind, &args),
        Run::Save { .. } => received(reply::read(answer()).map_err(failed)?, &Reply::Record, &args),
        Run::Find { .. } => {
            let page = reply::read(answer()).map_err(failed)?;
            match pages::entities(&page)?.map(Value::node) {
                Some(node) => records::tidy(page.narrow(node)),
                None => Ok(page),
            }
        }
        Run::Info => {
            let info = reply::read(answer()).map_err(failed)?;
            SiteInfo::read(info).map(|info| info.document)
        }
        Run::Transfer(_) | Run::SessionToken | Run::LastAccessed | Run::Authenticate | Run::PermissionCheck => {
            reply::read(answer()).map_err(failed)
        }
    }
}

fn headers(answer: &Answer<'_>) -> Vec<(HeaderName, String)> {
    let given = [
        (header::CONTENT_TYPE, answer.kind),
        (header::LOCATION, answer.location),
        (header::RETRY_AFTER, answer.retry_after),
    ];
    let usable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    let given = given.into_iter().filter(|(_, text)| usable(text));
    given.map(|(name, text)| (name, text.to_owned())).collect()
}

/// The error of an exception reply, completed by what the call was about.
pub fn exception(message: &str, code: Option<i64>, subject: Option<(&str, &str, Option<i64>)>) -> Error {
    let mut error = fault::from_exception(message, code);
    if let Some((operation, entity_type, id)) = subject {
        fault::complete(&mut error, operation, entity_type, id);
    }
    error
}

/// How many requests a recording tells of, or what is wrong with it.
pub fn recording(bytes: &[u8]) -> std::result::Result<usize, String> {
    recording::read_whole(bytes)
}

/// A JSON text as recordings have it, without what is secret in it and without `secret`. `None` where it is no JSON.
pub fn recorded(text: &str, secret: &str) -> Option<String> {
    recording::clean(text, &Secret::new(secret))
}
