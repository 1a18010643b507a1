//! Uploads that were begun and never linked, and files that nothing refers to: they go after a while.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::Utc;
use rusqlite::Connection;

use super::{KEPT, Media, blobs};
use crate::fault::Fault;
use crate::site::Site;

/// The most uploads that can be open. For one more, those that were left alone longest go.
const MOST_OPEN: i64 = 1_000;
/// A file this young may belong to a write that is on its way.
const SETTLED: Duration = Duration::from_secs(60 * 60);
/// How often it is looked for abandoned uploads, unless they go sooner than that.
const ROUND: Duration = Duration::from_secs(10 * 60);
const SHORTEST_ROUND: Duration = Duration::from_millis(50);

/// Notes that something was done to an upload just now.
pub(super) fn touch(connection: &Connection, id: &str) -> Result<(), Fault> {
    connection.execute(
        "INSERT INTO upload_times (upload, touched) VALUES (?1, ?2)
         ON CONFLICT (upload) DO UPDATE SET touched = excluded.touched",
        (id, Utc::now().timestamp_millis()),
    )?;
    Ok(())
}

/// Makes room for one more upload. Gives the files that are to go once this is kept.
pub(super) fn make_room(connection: &Connection) -> Result<Vec<String>, Fault> {
    let excess: i64 = connection.query_row("SELECT count(*) FROM uploads", [], |row| row.get(0))?;
    let excess = (excess + 1 - MOST_OPEN).max(0);
    remove(
        connection,
        "SELECT u.id FROM uploads u LEFT JOIN upload_times t ON t.upload = u.id ORDER BY coalesce(t.touched, 0) LIMIT ?1",
        excess,
    )
}

/// Forgets the uploads that a query finds, and tells their files.
fn remove(connection: &Connection, which: &str, limit: i64) -> Result<Vec<String>, Fault> {
    let ids = connection
        .prepare_cached(which)?
        .query_map([limit], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let mut files = Vec::new();
    for id in ids {
        let mut blobs = connection.prepare_cached(
            "SELECT blob FROM uploads WHERE id = ?1 AND blob IS NOT NULL UNION ALL SELECT blob FROM upload_parts WHERE upload = ?1",
        )?;
        for blob in blobs.query_map([&id], |row| row.get(0))? {
            files.push(blob?);
        }
        forget(connection, &id)?;
        connection.execute("DELETE FROM uploads WHERE id = ?1", [&id])?;
    }
    Ok(files)
}

/// Forgets what belongs to an upload beside its row.
pub(super) fn forget(connection: &Connection, id: &str) -> Result<(), Fault> {
    connection.execute("DELETE FROM upload_parts WHERE upload = ?1", [id])?;
    connection.execute("DELETE FROM upload_times WHERE upload = ?1", [id])?;
    Ok(())
}

/// Takes away the uploads that were left alone for too long.
fn sweep(site: &Site) -> Result<(), Fault> {
    let lifetime = i64::try_from(site.media.upload_lifetime.as_millis()).unwrap_or(i64::MAX);
    let before = Utc::now().timestamp_millis().saturating_sub(lifetime);
    // Most often there is nothing to do, and nobody is to wait for that.
    let any = "SELECT count(*) FROM uploads u LEFT JOIN upload_times t ON t.upload = u.id WHERE coalesce(t.touched, 0) < ?1";
    let count: i64 = site
        .store
        .read(|connection| Ok(connection.query_row(any, [before], |row| row.get(0))?))?;
    if count == 0 {
        return Ok(());
    }
    let files = site.store.write(|connection| {
        remove(
            connection,
            "SELECT u.id FROM uploads u LEFT JOIN upload_times t ON t.upload = u.id WHERE coalesce(t.touched, 0) < ?1",
            before,
        )
    })?;
    for file in files {
        blobs::discard(&site.media, &file);
    }
    Ok(())
}

/// Removes files that nothing refers to: a run that was killed may have left some between disk and data.
fn remove_strays(media: &Media, connection: &Connection) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT blob FROM attachment_files UNION SELECT blob FROM uploads WHERE blob IS NOT NULL UNION SELECT blob FROM upload_parts",
    )?;
    let known = statement.query_map([], |row| row.get(0))?.collect::<Result<HashSet<String>, _>>()?;
    let Ok(entries) = std::fs::read_dir(media.directory.join(KEPT)) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
        if !known.contains(&name) && age.is_some_and(|age| age >= SETTLED) {
            blobs::discard(media, &name);
        }
    }
    Ok(())
}

/// Looks for abandoned uploads at the start and from then on. What fails is tried again in the next round.
pub(crate) fn look_after(site: &Arc<Site>) {
    let site = Arc::downgrade(site);
    tokio::spawn(async move {
        let mut first = true;
        while let Some(site) = site.upgrade() {
            let round = (site.media.upload_lifetime / 4).clamp(SHORTEST_ROUND, ROUND);
            let looked = tokio::task::spawn_blocking(move || {
                let _ = sweep(&site);
                if first {
                    let _ = site.store.read(|connection| remove_strays(&site.media, connection));
                }
            });
            let _ = looked.await;
            first = false;
            tokio::time::sleep(round).await;
        }
    });
}
