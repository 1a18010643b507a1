//! Files: uploads, thumbnails and downloads.
//!
//! Files stream between disk and net: no more than a few chunks are in memory. Their time is limited by standing still, not in
//! all. Credentials go to the site's own address and nowhere else.

mod content;
mod download;
mod form;
mod local;
mod replaced;
mod share;
mod spool;
mod storage;
mod thumbnails;
mod upload;

use std::sync::Arc;

use super::Client;
use super::progress::Progress;
use super::transport::Limit;

pub(super) use content::Wanted;
pub(super) use download::{address, download};
pub(super) use share::share_thumbnail;
pub(super) use thumbnails::{Thumbnail, set as set_thumbnails};
pub(super) use upload::{Target, upload};

/// What the steps of one transfer share.
#[derive(Clone)]
pub(super) struct Transfer {
    pub(super) client: Client,
    pub(super) progress: Arc<Progress>,
}

impl Transfer {
    /// How long a request of a transfer may stand still, and pause: a longer pause is for the caller to decide about.
    fn limit(&self) -> Limit {
        Limit::Stall(self.client.limits.timeout)
    }
}
