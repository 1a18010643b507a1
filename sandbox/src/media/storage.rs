//! The storage that files are put to directly: signed URLs, whole files and parts.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use rusqlite::{Connection, OptionalExtension};

use super::attach::File;
use super::blobs::{self, Failure, Incoming};
use super::upload::storage_failed;
use super::{KEPT, abandoned};
use crate::auth::caller::Caller;
use crate::auth::secrets;
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::site::Site;

/// Parts are numbered from 1 up to this.
const LAST_PART: i64 = 10_000;

fn path(upload: &str) -> String {
    format!("/storage/{upload}")
}

fn part_path(upload: &str, part: i64) -> String {
    format!("/storage/{upload}/{part}")
}

/// First step: notes the upload and tells where to put the file.
pub(super) fn begin(site: &Site, caller: &Caller, kind: &str, name: &str, in_parts: bool) -> Result<String, Fault> {
    let id = secrets::random_hex();
    let abandoned = site.store.write(|connection| {
        let abandoned = abandoned::make_room(connection)?;
        abandoned::touch(connection, &id)?;
        connection.execute(
            "INSERT INTO uploads (id, owner_type, owner, kind, name, in_parts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (&id, &caller.entity_type, caller.id, kind, name, in_parts),
        )?;
        Ok(abandoned)
    })?;
    for blob in abandoned {
        blobs::discard(&site.media, &blob);
    }
    let url = site.media.links.signed(&path(&id), None);
    Ok(format!("1\n{url}\n{}\n{kind}\n{id}\n{name}\n", format_date_time(Utc::now())))
}

struct Upload {
    kind: String,
    name: String,
    in_parts: bool,
    whole: Option<(String, i64, String)>,
}

/// An upload of the caller's own: nobody else's exists for them.
fn find(connection: &Connection, caller: &Caller, id: &str) -> Result<Upload, Fault> {
    connection
        .query_row(
            "SELECT kind, name, in_parts, blob, size, etag FROM uploads WHERE id = ?1 AND owner_type = ?2 AND owner = ?3",
            (id, &caller.entity_type, caller.id),
            |row| {
                let blob: Option<String> = row.get(3)?;
                let rest: (Option<i64>, Option<String>) = (row.get(4)?, row.get(5)?);
                Ok(Upload {
                    kind: row.get(0)?,
                    name: row.get(1)?,
                    in_parts: row.get(2)?,
                    whole: blob.map(|blob| (blob, rest.0.unwrap_or_default(), rest.1.unwrap_or_default())),
                })
            },
        )
        .optional()?
        .ok_or_else(|| Fault::argument("There is no such upload."))
}

pub(super) fn part_link(site: &Site, caller: &Caller, id: &str, part: i64) -> Result<String, Fault> {
    let upload = site.store.read(|connection| find(connection, caller, id))?;
    if !upload.in_parts || !(1..=LAST_PART).contains(&part) {
        return Err(Fault::argument(format!("The upload has no part {part}.")));
    }
    Ok(format!("1\n{}\n", site.media.links.signed(&part_path(id, part), None)))
}

/// A part that has arrived.
#[derive(PartialEq, Eq)]
struct Part {
    number: i64,
    blob: String,
    size: i64,
    etag: String,
}

fn parts(connection: &Connection, id: &str) -> Result<Vec<Part>, Fault> {
    let mut statement = connection.prepare_cached("SELECT number, blob, size, etag FROM upload_parts WHERE upload = ?1 ORDER BY number")?;
    let parts = statement.query_map([id], |row| {
        Ok(Part {
            number: row.get(0)?,
            blob: row.get(1)?,
            size: row.get(2)?,
            etag: row.get(3)?,
        })
    })?;
    Ok(parts.collect::<Result<_, _>>()?)
}

/// Puts the parts together, if they are those that the client means. Nobody waits meanwhile: the parts are copied to
/// a new file first, which takes their place if they are still the same then.
pub(super) fn complete(site: &Site, caller: &Caller, id: &str, etags: &[&str]) -> Result<String, Fault> {
    let parts_now = site.store.read(|connection| {
        find(connection, caller, id)?;
        parts(connection, id)
    })?;
    let bare = |etag: &str| etag.trim().trim_matches('"').to_owned();
    let numbered = parts_now.iter().zip(1..).all(|(part, expected)| part.number == expected);
    let same = parts_now.len() == etags.len() && parts_now.iter().zip(etags).all(|(part, given)| bare(&part.etag) == bare(given));
    let Some(first) = parts_now.first() else {
        return Err(Fault::argument("No part of the upload is there."));
    };
    if !numbered || !same {
        return Err(Fault::argument(
            "One or more of the specified parts could not be found, or its ETag does not match.",
        ));
    }
    let size: i64 = parts_now.iter().map(|part| part.size).sum();
    if size.cast_unsigned() > site.media.limit {
        return Err(Fault::argument(Failure::TooLarge(site.media.limit).to_string()));
    }
    let etag = format!("\"{}-{}\"", bare(&first.etag), parts_now.len());
    let changed = || Fault::argument("The upload changed while it was completed.");
    let places: Vec<PathBuf> = parts_now.iter().map(|part| site.media.place(KEPT, &part.blob)).collect();
    let joined = match blobs::joined(&site.media, &places, etag.clone()) {
        // A part that was put again, or completed by another call, has gone from where it was.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(changed()),
        joined => joined.map_err(storage_failed)?,
    };
    if joined.size != size.cast_unsigned() {
        return Err(changed());
    }
    let blob = joined.keep(&site.media).map_err(storage_failed)?;
    let kept = site.store.write(|connection| {
        if parts(connection, id)? != parts_now {
            return Err(changed());
        }
        abandoned::forget(connection, id)?;
        abandoned::touch(connection, id)?;
        connection.execute(
            "UPDATE uploads SET blob = ?1, size = ?2, etag = ?3 WHERE id = ?4",
            (&blob, size, &etag, id),
        )?;
        Ok(())
    });
    if let Err(fault) = kept {
        blobs::discard(&site.media, &blob);
        return Err(fault);
    }
    for part in parts_now {
        blobs::discard(&site.media, &part.blob);
    }
    Ok("1\n".to_owned())
}

/// The file of an upload that is whole, and what it is to be.
pub(super) fn take(site: &Site, caller: &Caller, id: &str) -> Result<(String, File), Fault> {
    let upload = site.store.read(|connection| find(connection, caller, id))?;
    let (blob, size, etag) = upload
        .whole
        .ok_or_else(|| Fault::argument("The file of the upload is not there."))?;
    let file = File {
        blob,
        size: size.cast_unsigned(),
        etag,
        name: upload.name,
    };
    Ok((upload.kind, file))
}

/// An upload is linked once.
pub(super) fn close(connection: &Connection, id: &str) -> Result<(), Fault> {
    abandoned::forget(connection, id)?;
    match connection.execute("DELETE FROM uploads WHERE id = ?1", [id])? {
        0 => Err(Fault::argument("There is no such upload.")),
        _ => Ok(()),
    }
}

pub(super) async fn put_whole(State(site): State<Arc<Site>>, Path(id): Path<String>, uri: Uri, body: Body) -> Response {
    put(site, &uri, body, path(&id), move |site, incoming| keep_whole(site, &id, incoming)).await
}

pub(super) async fn put_part(State(site): State<Arc<Site>>, Path((id, part)): Path<(String, i64)>, uri: Uri, body: Body) -> Response {
    put(site, &uri, body, part_path(&id, part), move |site, incoming| {
        keep_part(site, &id, part, incoming)
    })
    .await
}

async fn put(
    site: Arc<Site>,
    uri: &Uri,
    body: Body,
    path: String,
    keep: impl FnOnce(&Site, Incoming) -> Result<(), Fault> + Send + 'static,
) -> Response {
    if let Err(reason) = site.media.links.check(&path, uri.query().unwrap_or_default()) {
        return refusal(StatusCode::FORBIDDEN, "AccessDenied", reason);
    }
    let incoming = match blobs::receive(&site.media, body.into_data_stream()).await {
        Ok(incoming) => incoming,
        Err(failure) => {
            let (status, code) = match failure {
                Failure::TooLarge(_) => (StatusCode::BAD_REQUEST, "EntityTooLarge"),
                Failure::Broken(_) => (StatusCode::BAD_REQUEST, "IncompleteBody"),
                Failure::Disk(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            };
            return refusal(status, code, &failure.to_string());
        }
    };
    let etag = incoming.etag.clone();
    match tokio::task::spawn_blocking(move || keep(&site, incoming)).await {
        Ok(Ok(())) => ([(header::ETAG, etag)], ()).into_response(),
        Ok(Err(fault)) => refusal(StatusCode::NOT_FOUND, "NoSuchUpload", &fault.message),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "The storage failed."),
    }
}

/// A file or part that is put again takes the place of the one before.
fn keep_whole(site: &Site, id: &str, incoming: Incoming) -> Result<(), Fault> {
    let (size, etag) = (incoming.size.cast_signed(), incoming.etag.clone());
    let blob = incoming.keep(&site.media).map_err(storage_failed)?;
    let kept = site.store.write(|connection| {
        let old: Option<Option<String>> = connection
            .query_row("SELECT blob FROM uploads WHERE id = ?1 AND NOT in_parts", [id], |row| row.get(0))
            .optional()?;
        let old = old.ok_or_else(|| Fault::argument("The upload does not exist, or is one of parts."))?;
        connection.execute(
            "UPDATE uploads SET blob = ?1, size = ?2, etag = ?3 WHERE id = ?4",
            (&blob, size, &etag, id),
        )?;
        abandoned::touch(connection, id)?;
        Ok(old)
    });
    replaced(site, &blob, kept)
}

fn keep_part(site: &Site, id: &str, part: i64, incoming: Incoming) -> Result<(), Fault> {
    let (size, etag) = (incoming.size.cast_signed(), incoming.etag.clone());
    let blob = incoming.keep(&site.media).map_err(storage_failed)?;
    let kept = site.store.write(|connection| {
        let open: Option<bool> = connection
            .query_row("SELECT blob IS NULL FROM uploads WHERE id = ?1 AND in_parts", [id], |row| {
                row.get(0)
            })
            .optional()?;
        if open != Some(true) {
            return Err(Fault::argument("The upload does not exist, or is complete."));
        }
        let old: Option<String> = connection
            .query_row(
                "SELECT blob FROM upload_parts WHERE upload = ?1 AND number = ?2",
                (id, part),
                |row| row.get(0),
            )
            .optional()?;
        connection.execute(
            "INSERT OR REPLACE INTO upload_parts (upload, number, blob, size, etag) VALUES (?1, ?2, ?3, ?4, ?5)",
            (id, part, &blob, size, &etag),
        )?;
        abandoned::touch(connection, id)?;
        Ok(old)
    });
    replaced(site, &blob, kept)
}

/// Of the new file and the old one, the one that is not wanted goes.
fn replaced(site: &Site, new: &str, kept: Result<Option<String>, Fault>) -> Result<(), Fault> {
    match kept {
        Ok(old) => {
            if let Some(old) = old {
                blobs::discard(&site.media, &old);
            }
            Ok(())
        }
        Err(fault) => {
            blobs::discard(&site.media, new);
            Err(fault)
        }
    }
}

/// What storage says in XML. The texts are the site's own: nothing in them needs escaping.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
