//! Files: uploads, thumbnails and downloads. Bytes are kept in a directory beside the data file, under
//! names that the site makes up; what a client calls a file is only ever text.

mod abandoned;
pub(crate) mod attach;
mod blobs;
pub(crate) mod form;
pub(crate) mod linked;
pub(crate) mod links;
mod pictures;
mod serve;
mod share;
mod storage;
mod thumbnails;
mod upload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::site::Site;
use links::Links;

pub(crate) use abandoned::look_after;
pub(crate) use form::form_start;
pub(crate) use storage::refusal as storage_refusal;
pub(crate) use thumbnails::resume;

/// Where a file is while it is being received, and where it stays.
const INCOMING: &str = "incoming";
const KEPT: &str = "kept";
const THUMBNAILS: &str = "thumbnails";

pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS attachment_files (
    attachment INTEGER PRIMARY KEY, blob TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    name TEXT NOT NULL, content_type TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS thumbnails (
    key TEXT PRIMARY KEY, attachment INTEGER NOT NULL, filmstrip INTEGER NOT NULL, content_type TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS thumbnail_uses (
    type TEXT NOT NULL, id INTEGER NOT NULL, field TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (type, id, field)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, owner_type TEXT NOT NULL, owner INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    in_parts INTEGER NOT NULL, blob TEXT, size INTEGER, etag TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upload_parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    PRIMARY KEY (upload, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upload_times (upload TEXT PRIMARY KEY, touched INTEGER NOT NULL) WITHOUT ROWID;
";

/// How the site deals with files.
pub(crate) struct Media {
    directory: PathBuf,
    pub(crate) links: Arc<Links>,
    /// Whether `info` sends clients to the storage endpoints.
    pub(crate) direct_uploads: bool,
    /// Whether files go to who asks without credentials: only while nobody else's machine can ask.
    open_downloads: bool,
    /// The largest file that is taken.
    limit: u64,
    /// How long a thumbnail is pending.
    thumbnail_delay: Duration,
    /// How long an upload to the storage may be left alone.
    upload_lifetime: Duration,
}

/// The choices that whoever starts the site has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) direct_uploads: bool,
    pub(crate) limit: u64,
    pub(crate) thumbnail_delay: Duration,
    pub(crate) upload_lifetime: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            direct_uploads: false,
            limit: 8 << 30,
            thumbnail_delay: Duration::from_millis(300),
            upload_lifetime: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Media {
    /// Makes the directories beside the data file. What an earlier run left half received goes.
    pub(crate) fn open(data_file: &Path, links: Arc<Links>, options: Options, loopback: bool) -> std::io::Result<Self> {
        let mut name = data_file.as_os_str().to_owned();
        name.push(".files");
        let directory = PathBuf::from(name);
        let incoming = directory.join(INCOMING);
        match std::fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for place in [incoming, directory.join(KEPT), directory.join(THUMBNAILS)] {
            std::fs::create_dir_all(place)?;
        }
        Ok(Self {
            directory,
            links,
            open_downloads: loopback,
            direct_uploads: options.direct_uploads,
            limit: options.limit,
            thumbnail_delay: options.thumbnail_delay,
            upload_lifetime: options.upload_lifetime,
        })
    }

    /// Removes every file that is kept; nothing in the data names one any more.
    pub(crate) fn forget_all(&self) -> std::io::Result<()> {
        for kind in [KEPT, THUMBNAILS] {
            for file in std::fs::read_dir(self.directory.join(kind))? {
                std::fs::remove_file(file?.path())?;
            }
        }
        Ok(())
    }

    /// `name` is one that the site made up.
    fn place(&self, kind: &str, name: &str) -> PathBuf {
        self.directory.join(kind).join(name)
    }
}

pub(crate) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/upload/upload_file", post(upload::file))
        .route("/upload/publish_thumbnail", post(upload::thumbnail))
        .route("/upload/share_thumbnail", post(upload::share))
        .route("/upload/api_get_upload_link_info", post(upload::link_info))
        .route("/upload/api_get_upload_link_for_part", post(upload::link_for_part))
        .route("/upload/api_complete_multipart_upload", post(upload::complete))
        .route("/upload/api_link_file", post(upload::link_file))
        .route("/storage/{upload}", put(storage::put_whole))
        .route("/storage/{upload}/{part}", put(storage::put_part))
        .route("/file_serve/attachment/{id}", get(serve::attachment))
        .route("/thumbnails/{key}", get(serve::thumbnail))
        .route(links::PENDING, get(serve::pending))
        // Files are as large as they are: what is streamed to disk has a limit of its own.
        .layer(DefaultBodyLimit::disable())
}
