//! How the site lets people and scripts in: what whoever starts it has chosen.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use super::app_sessions::AppSessions;
use super::secrets::Verifier;

/// The choices.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long session tokens are good for.
    pub(crate) session_lifetime: Duration,
    /// Whether programs may ask for a session in the person's browser.
    pub(crate) app_session_launcher: bool,
    /// How long such a request waits for its person.
    pub(crate) app_session_lifetime: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session_lifetime: Duration::from_secs(24 * 60 * 60),
            app_session_launcher: true,
            app_session_lifetime: Duration::from_secs(305),
        }
    }
}

/// What signing in needs to know between two calls.
pub(crate) struct Auth {
    settings: RwLock<Settings>,
    pub(crate) verifier: Verifier,
    pub(crate) app_sessions: AppSessions,
}

impl Auth {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings: RwLock::new(settings),
            verifier: Verifier::new(),
            app_sessions: AppSessions::default(),
        }
    }

    /// The choices as they are now: they can change while the site runs.
    pub(crate) fn settings(&self) -> RwLockReadGuard<'_, Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.write().unwrap_or_else(PoisonError::into_inner));
    }
}
