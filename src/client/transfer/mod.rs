//! Files: uploads, thumbnails and downloads.
//!
//! Files stream between disk and net: no more than a few chunks are in memory. Their time is limited by standing still, not in
//! all. Credentials go to the site's own address and nowhere else.

mod download;
mod form;
mod local;
mod share;
mod storage;
mod thumbnails;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use super::Client;
use super::error::Error;
use super::progress::Progress;
use super::retry::{self, Effect};
use super::transport::Limit;

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
    /// How long a request of a transfer may stand still.
    fn limit(&self) -> Limit {
        Limit::Stall(self.client.limits.timeout)
    }

    /// The pause before another attempt, or `None` when there must be none: a pause longer than a request may stand still is
    /// for the caller to decide about.
    fn pause(&self, error: &Error, effect: Effect, nothing_sent: bool, attempt: u32) -> Option<Duration> {
        let pause = retry::pause(error, effect, nothing_sent, attempt, self.client.limits.max_attempts)?;
        self.client.limits.timeout.is_none_or(|longest| pause <= longest).then_some(pause)
    }
}
