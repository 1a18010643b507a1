//! Thumbnails: ordered with an upload, pending, made on a thread of their own, shown by any number of rows.

use std::sync::Arc;

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension};

use super::{KEPT, THUMBNAILS, links, pictures};
use crate::auth::secrets;
use crate::fault::Fault;
use crate::methods::write::Writer;
use crate::schema::EntityType;
use crate::site::Site;
use crate::store::ddl::{column, table};
use crate::store::row::{self, Columns};

/// Notes that a thumbnail of an attachment is wanted and gives its key.
pub(super) fn order(writer: &Writer<'_>, attachment: i64, filmstrip: bool) -> Result<String, Fault> {
    let key = secrets::random_hex();
    writer.connection.execute(
        "INSERT INTO thumbnails (key, attachment, filmstrip) VALUES (?1, ?2, ?3)",
        (&key, attachment, filmstrip),
    )?;
    Ok(key)
}

/// Lets a row show a thumbnail, made or pending, if its type has the field.
pub(super) fn show(writer: &Writer<'_>, entity_type: &EntityType, id: i64, field: &str, key: &str) -> Result<(), Fault> {
    if entity_type.field(field).is_none() {
        return Ok(());
    }
    writer.connection.execute(
        "INSERT INTO thumbnail_uses (type, id, field, key) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (type, id, field) DO UPDATE SET key = excluded.key",
        (&entity_type.name, id, field, key),
    )?;
    let made = content_type(writer.connection, key)?.is_some();
    let url = if made { url(key) } else { links::PENDING.to_owned() };
    let mut columns = Columns::default();
    columns.put(field, SqlValue::Text(url));
    row::update(writer.connection, entity_type, id, &columns)
}

pub(super) fn forget(writer: &Writer<'_>, entity_type: &EntityType, id: i64, field: &str) -> Result<(), Fault> {
    writer.connection.execute(
        "DELETE FROM thumbnail_uses WHERE type = ?1 AND id = ?2 AND field = ?3",
        (&entity_type.name, id, field),
    )?;
    Ok(())
}

/// The thumbnail that a row shows: its key and attachment.
pub(super) fn shown(connection: &Connection, entity_type: &str, id: i64, field: &str) -> Result<Option<(String, i64)>, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT t.key, t.attachment FROM thumbnail_uses u JOIN thumbnails t ON t.key = u.key
             WHERE u.type = ?1 AND u.id = ?2 AND u.field = ?3",
        )?
        .query_row((entity_type, id, field), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// The kind of image that a thumbnail is, once it is made.
pub(super) fn content_type(connection: &Connection, key: &str) -> Result<Option<String>, Fault> {
    let found: Option<Option<String>> = connection
        .prepare_cached("SELECT content_type FROM thumbnails WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

fn url(key: &str) -> String {
    format!("/thumbnails/{key}")
}

/// Makes thumbnails after the time for which they are pending.
pub(super) fn make_later(site: &Arc<Site>, keys: Vec<String>) {
    let site = site.clone();
    tokio::spawn(async move {
        tokio::time::sleep(site.media.thumbnail_delay).await;
        let _ = tokio::task::spawn_blocking(move || {
            for key in keys {
                // One that can't be made stays pending, and is tried again when the site starts anew.
                let _ = make(&site, &key);
            }
        })
        .await;
    });
}

/// Makes what was pending when the site ended.
pub(crate) fn resume(site: &Arc<Site>) {
    let pending = site.store.read(|connection| {
        let mut statement = connection.prepare("SELECT key FROM thumbnails WHERE content_type IS NULL")?;
        let keys = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(keys)
    });
    if let Ok(keys) = pending
        && !keys.is_empty()
    {
        make_later(site, keys);
    }
}

fn make(site: &Site, key: &str) -> Result<(), Fault> {
    let (blob, filmstrip): (String, bool) = site.store.read(|connection| {
        Ok(connection.query_row(
            "SELECT f.blob, t.filmstrip FROM thumbnails t JOIN attachment_files f ON f.attachment = t.attachment WHERE t.key = ?1",
            [key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    })?;
    let picture = pictures::reduced(&site.media.place(KEPT, &blob), filmstrip);
    std::fs::write(site.media.place(THUMBNAILS, key), &picture.bytes)
        .map_err(|error| Fault::crud(format!("a thumbnail could not be stored: {error}")))?;
    site.store.write(|connection| {
        connection.execute(
            "UPDATE thumbnails SET content_type = ?1 WHERE key = ?2",
            (picture.content_type, key),
        )?;
        let mut statement = connection.prepare("SELECT type, id, field FROM thumbnail_uses WHERE key = ?1")?;
        let uses = statement
            .query_map([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<Vec<(String, i64, String)>, _>>()?;
        for (entity_type, id, field) in uses {
            let sql = format!("UPDATE {} SET {} = ?1 WHERE id = ?2", table(&entity_type), column(&field));
            connection.execute(&sql, (url(key), id))?;
        }
        Ok(())
    })
}
