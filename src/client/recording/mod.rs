//! Recordings: what goes between clients and their sites, written to a file without secrets, and answers from such a file.
//!
//! A recording is text: a JSON object a line, each whole in itself, so that what a crash leaves can be replayed. The first says what
//! it is, one introduces each client, and one tells each request with its outcome. `docs/recording.md` has the format.

mod address;
mod asked;
mod clean;
mod entry;
mod index;
mod nearest;
mod outcome;
mod player;
mod recorder;

pub(super) use asked::{Asked, Form, FormFile};
pub(super) use entry::{Entry, Sum};
pub(super) use outcome::{Outcome, Then};
pub(super) use player::Player;
pub use player::Replay;
pub(super) use recorder::Recorder;

/// The member of the first line that says what the file is, and of which version.
const MARK: &str = "libshotgrid_recording";
/// The version of the format.
const VERSION: i64 = 1;

/// What stands in the place of a secret. It replays as one: it may stand in an address and in a header.
pub(super) const REMOVED: &str = "secret-removed";

/// The headers of replies that decide what a client does. The others, cookies among them, are not recorded.
const HEADERS: [&str; 8] = [
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-range",
    "etag",
    "last-modified",
    "location",
    "retry-after",
];

/// The most bytes of a call's reply that are kept.
const LONGEST_REPLY: u64 = 32 << 20;
/// The most bytes of a file that are kept. Of a longer one its size and hash are.
const LONGEST_FILE: u64 = 8 << 20;
/// The longest line that is read. What is written is shorter, though each byte may take six in JSON.
const LONGEST_LINE: u64 = 256 << 20;

/// The hash of some bytes, in hexadecimal.
fn hex(digest: &ring::digest::Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the fuzz targets reach.
#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing {
    use super::clean::Cleaner;
    use super::index::Index;
    use crate::client::credentials::Secret;
    use crate::client::document::Document;

    pub(in crate::client) fn read_whole(bytes: &[u8]) -> Result<usize, String> {
        let index = Index::read(bytes).map_err(|wrong| wrong.into_owned())?;
        Ok(index.exchanges.len())
    }

    pub(in crate::client) fn clean(text: &str, secret: &Secret) -> Option<String> {
        let mut cleaner = Cleaner::default();
        cleaner.learn(secret);
        Some(cleaner.json(&Document::parse(text.as_bytes().to_vec()).ok()?))
    }
}
