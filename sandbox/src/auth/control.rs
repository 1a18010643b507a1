//! Signing in, as whoever starts the site can set and change it.

use std::fmt;
use std::time::Duration;

use super::app_sessions::{self, AppSessionRequest, Undecided};
use super::people;
use crate::fault::Fault;
use crate::sandbox::{Builder, Sandbox};

/// Why something about signing in was not done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInError(String);

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SignInError {}

impl From<Fault> for SignInError {
    fn from(fault: Fault) -> Self {
        Self(fault.message)
    }
}

impl From<Undecided> for SignInError {
    fn from(undecided: Undecided) -> Self {
        Self(
            match undecided {
                Undecided::NoSuchRequest => {
                    "there is no such request for a session: it was never made, rejected or collected, or is too old"
                }
                Undecided::Approved => "the request for a session is approved already",
            }
            .to_owned(),
        )
    }
}

impl Builder {
    /// How long session tokens are good for, a day unless set.
    #[must_use]
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in.session_lifetime = lifetime;
        self
    }

    /// Whether programs may ask for a session in the person's browser, which they may unless set.
    #[must_use]
    pub fn app_session_launcher(mut self, offered: bool) -> Self {
        self.sign_in.app_session_launcher = offered;
        self
    }

    /// How long such a request waits for its person, 305 seconds unless set.
    #[must_use]
    pub fn app_session_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in.app_session_lifetime = lifetime;
        self
    }
}

impl Sandbox {
    /// Lets programs ask for a session in the person's browser from now on, or not. Requests that wait are
    /// rejected by the latter.
    pub fn set_app_session_launcher(&self, offered: bool) {
        self.site.auth.change(|settings| settings.app_session_launcher = offered);
    }

    /// The requests for sessions that wait to be approved or collected, the oldest first.
    #[must_use]
    pub fn app_session_requests(&self) -> Vec<AppSessionRequest> {
        app_sessions::all(&self.site)
    }

    /// One of them.
    #[must_use]
    pub fn app_session_request(&self, id: &str) -> Option<AppSessionRequest> {
        app_sessions::find(&self.site, id)
    }

    /// Approves a request for a session as the person with this login would in the browser.
    ///
    /// # Errors
    /// When there is no such request, it is approved already, or nobody active has the login.
    pub fn approve_app_session(&self, id: &str, login: &str) -> Result<(), SignInError> {
        let person = self
            .site
            .store
            .read(|connection| people::find_exactly(connection, login))?
            .filter(|person| person.active)
            .ok_or_else(|| SignInError(format!("nobody who may sign in has the login '{login}'")))?;
        Ok(app_sessions::approve(&self.site, id, person.id)?)
    }

    /// Rejects a request for a session, as a person would in the browser.
    ///
    /// # Errors
    /// When there is no such request, or it is approved already.
    pub fn reject_app_session(&self, id: &str) -> Result<(), SignInError> {
        Ok(app_sessions::reject(&self.site, id)?)
    }
}
