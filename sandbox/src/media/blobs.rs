//! Bytes on their way to disk.

use std::fmt::Write;
use std::path::PathBuf;

use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::{INCOMING, KEPT, Media};
use crate::auth::secrets;

/// A file that has been received. It goes when it is dropped before it was kept.
pub(super) struct Incoming {
    path: PathBuf,
    pub(super) size: u64,
    /// A hash of the bytes, in quotes, as in an `ETag` header.
    pub(super) etag: String,
}

/// Why a file was not received.
pub(super) enum Failure {
    TooLarge(u64),
    /// The client stopped sending, or sent what can't be understood.
    Broken(String),
    Disk(std::io::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "The file is larger than the {limit} bytes that this site takes."),
            Self::Broken(reason) => write!(f, "The file did not arrive whole: {reason}"),
            Self::Disk(error) => write!(f, "The file could not be stored: {error}"),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // It is not there any more when it was kept.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes a stream to disk as it comes.
pub(super) async fn receive<S, B, E>(media: &Media, mut stream: S) -> Result<Incoming, Failure>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
    E: std::fmt::Display,
{
    let path = media.place(INCOMING, &secrets::random_hex());
    let mut incoming = Incoming {
        path,
        size: 0,
        etag: String::new(),
    };
    let mut file = tokio::fs::File::create(&incoming.path).await.map_err(Failure::Disk)?;
    let mut hasher = Sha256::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Failure::Broken(error.to_string()))?;
        let bytes = chunk.as_ref();
        incoming.size += bytes.len() as u64;
        if incoming.size > media.limit {
            return Err(Failure::TooLarge(media.limit));
        }
        hasher.update(bytes);
        file.write_all(bytes).await.map_err(Failure::Disk)?;
    }
    file.sync_all().await.map_err(Failure::Disk)?;
    let mut etag = String::from("\"");
    for byte in hasher.finalize().iter().take(16) {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    incoming.etag = etag;
    Ok(incoming)
}

impl Incoming {
    /// Gives the file its place and tells the name there.
    pub(super) fn keep(self, media: &Media) -> std::io::Result<String> {
        let name = secrets::random_hex();
        std::fs::rename(&self.path, media.place(KEPT, &name))?;
        Ok(name)
    }
}

/// Takes away a file that was kept for nothing.
pub(super) fn discard(media: &Media, name: &str) {
    let _ = std::fs::remove_file(media.place(KEPT, name));
}

/// A new file of the bytes of others, which stay.
pub(super) fn joined(media: &Media, parts: &[PathBuf], etag: String) -> std::io::Result<Incoming> {
    let mut incoming = Incoming {
        path: media.place(INCOMING, &secrets::random_hex()),
        size: 0,
        etag,
    };
    let mut whole = std::fs::File::create(&incoming.path)?;
    for part in parts {
        incoming.size += std::io::copy(&mut std::fs::File::open(part)?, &mut whole)?;
    }
    whole.sync_all()?;
    Ok(incoming)
}
