//! When to try again, and how long to wait before.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use url::Url;

use super::error::{Error, Result};
use super::journal::Level;
use super::mask::Mask;
use super::session::Parameters;
use super::status::Status;
use super::transport::{Failure, Limit, Reached};
use super::{Client, here};

/// Whether a remote call changes the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It may be sent again.
    Read,
    /// It must never reach the site twice.
    Write,
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The attempts at one request.
pub(super) struct Attempts<'c> {
    client: &'c Client,
    /// What is attempted, for the log.
    what: &'c str,
    effect: Effect,
    limit: Limit,
    /// What goes along that a site may repeat, and nobody else must.
    credentials: Option<&'c Parameters>,
    mask: Mask,
    made: u32,
}

impl<'c> Attempts<'c> {
    pub(super) fn new(client: &'c Client, what: &'c str, effect: Effect, limit: Limit) -> Self {
        Attempts {
            client,
            what,
            effect,
            limit,
            credentials: None,
            mask: Mask::default(),
            made: 0,
        }
    }

    pub(super) fn signed_with(self, credentials: Option<&'c Parameters>) -> Self {
        let transport = &self.client.connection.transport;
        let secrets = credentials.into_iter().flat_map(Parameters::secrets);
        secrets.for_each(|secret| transport.learn(secret));
        Attempts { credentials, ..self }
    }

    /// With an address that may be signed.
    pub(super) fn at(mut self, url: &Url) -> Self {
        self.mask.query(url);
        self
    }

    /// Counts from the beginning, because the last attempt got somewhere.
    pub(super) fn start_over(&mut self) {
        self.made = 0;
    }

    /// After an attempt that failed: waits until the next one is due, or gives the error where there must be none.
    pub(super) async fn again(&mut self, failure: Failure) -> Result<()> {
        self.made += 1;
        let mut error = failure.error;
        error.may_have_applied = self.effect == Effect::Write && failure.reached == Reached::Unknown;
        let secrets = self.credentials.take().into_iter().flat_map(Parameters::secrets);
        secrets.for_each(|secret| self.mask.secret(secret));
        self.mask.apply(&mut error);
        self.client.mask(&mut error);
        let most = self.client.limits.max_attempts;
        let pause = pause(&error, self.effect, failure.reached == Reached::Nothing, self.made, most);
        let Some(pause) = pause.filter(|pause| self.limit.allows(*pause)) else {
            // Making it again could do it twice.
            error.retryable &= !error.may_have_applied;
            return Err(error);
        };
        let told = || {
            format!(
                "{}: attempt {} of {most} failed with {error}; again in {} ms",
                self.what,
                self.made,
                pause.as_millis()
            )
        };
        self.client.connection.options.journal.write(Level::Warn, "retry", told);
        self.client.tally.note_retry();
        if !self.client.connection.transport.is_replay() {
            here::leave().await;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}

/// The pause before the next attempt, or `None` when there must be none. `attempt` counts those made, from 1.
///
/// `nothing_sent` is true when not a byte of the request left this machine: then even a write may be tried again.
fn pause(error: &Error, effect: Effect, nothing_sent: bool, attempt: u32, max_attempts: u32) -> Option<Duration> {
    if attempt >= max_attempts || !error.retryable {
        return None;
    }
    if effect == Effect::Write && !nothing_sent {
        return None;
    }
    if matches!(error.status, Status::TimeoutTotal) {
        return None;
    }
    let grown = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(10)).min(LONGEST_PAUSE);
    // Between half and the whole, so that many clients that failed together do not come back together.
    let jittered = grown.mul_f64(0.5 + 0.5 * random_fraction());
    Some(
        error
            .retry_after_ms
            .map_or(jittered, |asked| Duration::from_millis(asked).max(jittered)),
    )
}

/// Between 0 and 1.
fn random_fraction() -> f64 {
    (random() >> 11) as f64 / (1u64 << 53) as f64
}

/// A number that nobody can foresee. The standard library seeds its hashers at random, which is good enough for spreading
/// retries and for names that must not meet.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_only_tried_again_when_nothing_was_sent() {
        let error = Error::new(Status::NetworkReset, "");
        assert!(pause(&error, Effect::Read, false, 1, 3).is_some());
        assert!(pause(&error, Effect::Write, false, 1, 3).is_none());
        assert!(pause(&error, Effect::Write, true, 1, 3).is_some());
    }

    #[test]
    fn attempts_are_bounded_and_pauses_grow() {
        let error = Error::new(Status::Unavailable, "");
        assert!(pause(&error, Effect::Read, false, 3, 3).is_none());
        let first = pause(&error, Effect::Read, false, 1, 9).unwrap();
        assert!(first >= Duration::from_millis(125) && first <= Duration::from_millis(250));
        let late = pause(&error, Effect::Read, false, 8, 9).unwrap();
        assert!(late >= Duration::from_secs(4) && late <= LONGEST_PAUSE);
    }

    #[test]
    fn retry_after_is_honoured_and_lasting_faults_are_not_tried_again() {
        let mut error = Error::new(Status::RateLimited, "");
        error.retry_after_ms = Some(60_000);
        assert_eq!(pause(&error, Effect::Read, false, 1, 3), Some(Duration::from_secs(60)));
        assert!(pause(&Error::new(Status::Permission, ""), Effect::Read, false, 1, 3).is_none());
        assert!(pause(&Error::new(Status::TimeoutTotal, ""), Effect::Read, false, 1, 3).is_none());
    }
}
