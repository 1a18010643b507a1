//! Downloads.

use std::io::SeekFrom;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream;
use rusqlite::OptionalExtension;
use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::storage::refusal;
use super::{KEPT, THUMBNAILS, pictures, thumbnails};
use crate::auth;
use crate::auth::caller::Caller;
use crate::auth::cookies::{SESSION, cookie};
use crate::fault::Fault;
use crate::methods::write::Writer;
use crate::roles::guard::Guard;
use crate::server::redirect;
use crate::site::Site;
use crate::store::row;

/// Bytes read at a time.
const CHUNK: u64 = 256 * 1024;

/// What a download is answered.
enum Found {
    File {
        blob: String,
        size: u64,
        etag: String,
        name: String,
        content_type: String,
    },
    Elsewhere(String),
    /// Retired, never there, not to be seen, or a file on somebody's disk: all the same to who asks.
    Nothing,
    Refused(Fault),
}

/// Who asks, as far as it is known: the official client sends no cookie to a site on a port.
enum Asker {
    Session(String),
    Sealed(Option<(String, i64)>),
    Unknown,
}

pub(super) async fn attachment(State(site): State<Arc<Site>>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let Ok(id) = id.parse::<i64>() else {
        return nothing();
    };
    let query = uri.query().unwrap_or_default();
    let asker = match (query.contains("signature="), cookie(&headers, SESSION)) {
        (true, _) => match site.media.links.check(&format!("/file_serve/attachment/{id}"), query) {
            Ok(seal) => Asker::Sealed(seal.viewer),
            Err(reason) => return refusal(StatusCode::FORBIDDEN, "AccessDenied", reason),
        },
        (false, Some(token)) => Asker::Session(token.to_owned()),
        (false, None) if !site.media.open_downloads => return (StatusCode::FORBIDDEN, "Sign in to download files.").into_response(),
        (false, None) => Asker::Unknown,
    };
    // A download that is resumed is the same view.
    let begins = !headers.contains_key(header::RANGE);
    let media = site.clone();
    let found = tokio::task::spawn_blocking(move || find(&site, id, &asker, begins)).await;
    match found {
        Ok(Ok(Found::File {
            blob,
            size,
            etag,
            name,
            content_type,
        })) => {
            let mut answer = send(media.media.place(KEPT, &blob), size, &etag, &headers).await;
            let disposition = format!("attachment; filename*=UTF-8''{}", percent_encoded(&name));
            for (name, value) in [(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, disposition)] {
                if let Ok(value) = value.parse() {
                    answer.headers_mut().insert(name, value);
                }
            }
            answer
        }
        Ok(Ok(Found::Elsewhere(url))) => Redirect::to(&url).into_response(),
        Ok(Ok(Found::Nothing)) => nothing(),
        Ok(Ok(Found::Refused(fault))) => redirect(&media, &fault).unwrap_or_else(|| (StatusCode::FORBIDDEN, fault.message).into_response()),
        Ok(Err(_)) | Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "The site failed to answer.").into_response(),
    }
}

/// Sites say no more than this.
fn nothing() -> Response {
    (StatusCode::BAD_REQUEST, "There is no such attachment.").into_response()
}

fn find(site: &Site, id: i64, asker: &Asker, begins: bool) -> Result<Found, Fault> {
    let schema = site.schema.current();
    let entity_type = schema.known_type("Attachment")?;
    let caller = match asker {
        Asker::Session(token) => match auth::sessions::caller(site, token) {
            Ok(caller) => Some(caller),
            Err(fault) => return Ok(Found::Refused(fault)),
        },
        Asker::Sealed(Some((kind, id))) => auth::known(site, kind, *id)?,
        Asker::Sealed(None) | Asker::Unknown => None,
    };
    // Who is not known sees what the site sees, and leaves no name.
    let anonymous = Caller::site();
    let viewer = caller.as_ref().unwrap_or(&anonymous);
    let (found, visible) = site.store.read(|connection| {
        let guard = Guard {
            schema: &schema,
            caller: viewer,
            connection,
        };
        if row::retired(connection, entity_type, id)? != Some(false) || !guard.sees(entity_type, id)? {
            return Ok((Found::Nothing, false));
        }
        let file = connection
            .query_row(
                "SELECT blob, size, etag, name, content_type FROM attachment_files WHERE attachment = ?1",
                [id],
                |row| {
                    Ok(Found::File {
                        blob: row.get(0)?,
                        size: row.get::<_, i64>(1)?.cast_unsigned(),
                        etag: row.get(2)?,
                        name: row.get(3)?,
                        content_type: row.get(4)?,
                    })
                },
            )
            .optional()?;
        if let Some(file) = file {
            return Ok((file, true));
        }
        let writer = Writer {
            schema: &schema,
            caller: viewer,
            connection,
        };
        let row = writer.current(entity_type, id, &["this_file".to_owned()])?;
        let value = row.get("this_file");
        let text = |key: &str| value.and_then(|value| value.get(key)).and_then(Value::as_str);
        Ok(match (text("link_type"), text("url")) {
            (Some("web"), Some(url)) => (Found::Elsewhere(url.to_owned()), true),
            _ => (Found::Nothing, false),
        })
    })?;
    if visible && begins && caller.is_some() {
        site.store.write(|connection| {
            let writer = Writer {
                schema: &schema,
                caller: viewer,
                connection,
            };
            writer.events().viewed(&writer.subject(entity_type, id)?)
        })?;
    }
    Ok(found)
}

pub(super) async fn thumbnail(State(site): State<Arc<Site>>, Path(key): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let query = uri.query().unwrap_or_default();
    if let Err(reason) = site.media.links.check(&format!("/thumbnails/{key}"), query) {
        return refusal(StatusCode::FORBIDDEN, "AccessDenied", reason);
    }
    // The signature was made by the site, so the key is one of its own names.
    let path = site.media.place(THUMBNAILS, &key);
    let etag = format!("\"{key}\"");
    let found = tokio::task::spawn_blocking(move || site.store.read(|connection| thumbnails::content_type(connection, &key))).await;
    let Ok(Ok(Some(content_type))) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(file) = tokio::fs::metadata(&path).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut answer = send(path, file.len(), &etag, &headers).await;
    if let Ok(content_type) = content_type.parse() {
        answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    answer
}

pub(super) async fn pending() -> Response {
    let picture = pictures::pending();
    ([(header::CONTENT_TYPE, picture.content_type)], picture.bytes).into_response()
}

/// Which bytes a client wants.
enum Wanted {
    All,
    Part { first: u64, last: u64 },
    Impossible,
}

/// One range of the forms `a-b`, `a-` and `-n`; anything else is answered by the whole file, as is a
/// range of a file that has changed.
fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Wanted {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let range = text(header::RANGE)
        .and_then(|range| range.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    let changed = text(header::IF_RANGE).is_some_and(|known| known != etag);
    let Some((from, to)) = range.filter(|_| !changed) else {
        return Wanted::All;
    };
    let last_byte = size.saturating_sub(1);
    let (first, last) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(last_byte)),
        (Ok(first), Err(_)) if to.is_empty() => (first, last_byte),
        (Err(_), Ok(0)) if from.is_empty() => return Wanted::Impossible,
        (Err(_), Ok(count)) if from.is_empty() => (size.saturating_sub(count), last_byte),
        _ => return Wanted::All,
    };
    if first >= size {
        return Wanted::Impossible;
    }
    Wanted::Part { first, last }
}

/// Sends a file, or the part that is wanted, as it is read.
async fn send(path: std::path::PathBuf, size: u64, etag: &str, headers: &HeaderMap) -> Response {
    let common = [
        (header::ETAG, etag.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known == Some(etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let (status, first, length) = match wanted(headers, size, etag) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Impossible => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, common, range).into_response();
        }
    };
    let body = match open(path, first).await {
        Ok(file) => stream(file, length),
        Err(_) => return (StatusCode::INTERNAL_SERVER_ERROR, "The file can't be read.").into_response(),
    };
    let mut answer = (status, common, [(header::CONTENT_LENGTH, length.to_string())], body).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {first}-{}/{size}", first + length - 1).parse()
    {
        answer.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    answer
}

async fn open(path: std::path::PathBuf, first: u64) -> std::io::Result<File> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(first)).await?;
    Ok(file)
}

fn stream(file: File, length: u64) -> Body {
    Body::from_stream(stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut chunk = Vec::new();
        let read = (&mut file).take(left.min(CHUNK)).read_to_end(&mut chunk).await? as u64;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((chunk, (file, left - read))))
    }))
}

fn percent_encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
