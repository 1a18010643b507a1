//! Signing in, as whoever starts the site can set and change it.

use std::fmt;
use std::time::Duration;

use super::app_sessions::{self, AppSessionRequest, Undecided};
use super::second_factor::{self, Factor};
use super::settings::{Choices, SignInMethod};
use super::{browser, identity, people, sessions};
use crate::fault::Fault;
use crate::sandbox::{Builder, Sandbox};
use crate::site::Site;

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
    /// What proves who a person is: passwords, unless set.
    #[must_use]
    pub fn sign_in_method(mut self, method: SignInMethod) -> Self {
        self.sign_in.sign_in = Some(method);
        self
    }

    /// Whether every password needs the code of a second factor beside it; people without one get one when the site
    /// starts, see [`Person::totp_secret`](crate::Person::totp_secret). Unless set, only people to whom the seed gives one need a code.
    #[must_use]
    pub fn two_factor(mut self, required: bool) -> Self {
        self.sign_in.two_factor = Some(required);
        self
    }

    /// How long session tokens are good for, a day unless set.
    #[must_use]
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in.session_lifetime = Some(lifetime);
        self
    }

    /// How long the identity provider's claims are good for in a session on a site with single sign-on; as long as the session
    /// unless set.
    #[must_use]
    pub fn claims_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in.claims_lifetime = Some(lifetime);
        self
    }

    /// Whether programs may ask for a session in the person's browser, which they may unless set.
    #[must_use]
    pub fn app_session_launcher(mut self, offered: bool) -> Self {
        self.sign_in.app_session_launcher = Some(offered);
        self
    }

    /// How long such a request waits for its person, 305 seconds unless set.
    #[must_use]
    pub fn app_session_lifetime(mut self, lifetime: Duration) -> Self {
        self.sign_in.app_session_lifetime = Some(lifetime);
        self
    }

    /// How many wrong passwords in a row lock an account, 5 unless set.
    #[must_use]
    pub fn lock_after(mut self, wrong_passwords: u32) -> Self {
        self.sign_in.lock_after = Some(wrong_passwords);
        self
    }

    /// For how long an account is locked then, 5 minutes unless set.
    #[must_use]
    pub fn lock_for(mut self, time: Duration) -> Self {
        self.sign_in.lock_for = Some(time);
        self
    }

    /// Lets nobody use the API: everybody is answered HTTP 403 and a page.
    #[must_use]
    pub fn block_api(mut self, blocked: bool) -> Self {
        self.sign_in.block_api = Some(blocked);
        self
    }

    /// Lets clients not use the API that have this text in their `User-Agent`, in upper or lower case. May be set several times.
    #[must_use]
    pub fn block_user_agent(mut self, part: impl Into<String>) -> Self {
        self.sign_in.block_user_agents.get_or_insert_default().push(part.into());
        self
    }
}

/// A person who may sign in, by login.
pub(crate) fn person_by_login(site: &Site, login: &str) -> Result<i64, SignInError> {
    site.store
        .read(|connection| people::find_exactly(connection, login))?
        .filter(|person| person.active)
        .map(|person| person.id)
        .ok_or_else(|| SignInError(format!("nobody who may sign in has the login '{login}'")))
}

impl Sandbox {
    fn choose(&self, change: impl FnOnce(&mut Choices)) -> Result<(), SignInError> {
        self.site.auth.change(change).map_err(SignInError)
    }

    /// From now on, people prove in another way who they are. Sessions that are open go on.
    ///
    /// # Errors
    /// When it does not go together with what else is set.
    pub fn set_sign_in_method(&self, method: SignInMethod) -> Result<(), SignInError> {
        self.choose(|choices| choices.sign_in = Some(method))
    }

    /// Wants the code of a second factor beside every password from now on, or no longer. Active people without one get one.
    ///
    /// # Errors
    /// When the site takes no passwords, or the data can't be written.
    pub fn set_two_factor(&self, required: bool) -> Result<(), SignInError> {
        self.choose(|choices| choices.two_factor = Some(required))?;
        if required {
            self.site
                .store
                .write(|connection| second_factor::set_up_all(connection, &self.site.auth.keeper))?;
        }
        Ok(())
    }

    /// Gives a person a second factor with a new secret, and the secret in base 32. The person needs a code from now on, whether the
    /// site wants that of everybody or not.
    ///
    /// # Errors
    /// When nobody who may sign in has the login, or the data can't be written.
    pub fn set_up_two_factor(&self, login: &str) -> Result<String, SignInError> {
        let person = person_by_login(&self.site, login)?;
        let factor = self
            .site
            .store
            .write(|connection| second_factor::set_up_new(connection, &self.site.auth.keeper, person, true))?;
        Ok(factor.secret())
    }

    /// A code with which a person can sign in now: that of this half minute, or, when it was used, of the next one.
    ///
    /// # Errors
    /// When nobody who may sign in has the login, the person has no second factor, or both codes were used.
    pub fn two_factor_code(&self, login: &str) -> Result<String, SignInError> {
        let person = person_by_login(&self.site, login)?;
        second_factor::usable_code(&self.site, person)?.map_err(|reason| SignInError(format!("'{login}' {reason}")))
    }

    /// Binds a Personal Access Token: on a site with Autodesk Identity, the person can use the API with this legacy login and
    /// passphrase from now on.
    ///
    /// # Errors
    /// When nobody who may sign in has the login, somebody else has the legacy login, or the data can't be written.
    pub fn bind_personal_access_token(&self, login: &str, legacy_login: &str, passphrase: &str) -> Result<(), SignInError> {
        let person = person_by_login(&self.site, login)?;
        let bound = |connection: &_| identity::bind(connection, person, legacy_login, passphrase);
        Ok(self.site.store.write(bound)?)
    }

    /// Takes a person's Personal Access Token away.
    ///
    /// # Errors
    /// When nobody who may sign in has the login, or the data can't be written.
    pub fn unbind_personal_access_token(&self, login: &str) -> Result<(), SignInError> {
        let person = person_by_login(&self.site, login)?;
        Ok(self.site.store.write(|connection| identity::unbind(connection, person))?)
    }

    /// Signs a person in as the site's page, or that of its identity provider, does, however the site signs people in, and gives the
    /// session's token. On a site with single sign-on, the claims of the person's other sessions are good again, too.
    ///
    /// # Errors
    /// When login, password or code is refused; the text is the site's.
    pub fn sign_in_by_browser(&self, login: &str, password: &str, code: Option<&str>) -> Result<String, SignInError> {
        Ok(browser::sign_in(&self.site, login, password, code)?)
    }

    /// Signs out of a session: its token is dead from now on.
    ///
    /// # Errors
    /// When the session is over already, or the data can't be written.
    pub fn sign_out(&self, session_token: &str) -> Result<(), SignInError> {
        let caller = sessions::caller(&self.site, session_token)?;
        Ok(sessions::close(&self.site, &caller, session_token)?)
    }

    /// Ends the time of the identity provider's claims in every session of a person. On a site with single sign-on such a session is
    /// answered HTTP 302 until the person has signed in by the browser again.
    ///
    /// # Errors
    /// When the data can't be written.
    pub fn expire_claims(&self) -> Result<(), SignInError> {
        Ok(sessions::expire_claims(&self.site)?)
    }

    /// Lets nobody use the API from now on, or everybody again who is not blocked by their `User-Agent`.
    ///
    /// # Errors
    /// Never so far.
    pub fn set_block_api(&self, blocked: bool) -> Result<(), SignInError> {
        self.choose(|choices| choices.block_api = Some(blocked))
    }

    /// From now on, clients may not use the API that have one of these texts in their `User-Agent`; the ones set before no longer count.
    ///
    /// # Errors
    /// When one of them is empty.
    pub fn set_blocked_user_agents(&self, parts: &[&str]) -> Result<(), SignInError> {
        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
        self.choose(|choices| choices.block_user_agents = Some(parts))
    }

    /// Lets programs ask for a session in the person's browser from now on, or not. Requests that wait are
    /// rejected by the latter.
    ///
    /// # Errors
    /// When a lifetime is set for requests that are not to be.
    pub fn set_app_session_launcher(&self, offered: bool) -> Result<(), SignInError> {
        self.choose(|choices| choices.app_session_launcher = Some(offered))
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
        let person = person_by_login(&self.site, login)?;
        Ok(app_sessions::approve(&self.site, id, person)?)
    }

    /// Rejects a request for a session, as a person would in the browser.
    ///
    /// # Errors
    /// When there is no such request, or it is approved already.
    pub fn reject_app_session(&self, id: &str) -> Result<(), SignInError> {
        Ok(app_sessions::reject(&self.site, id)?)
    }
}

/// The code that an authenticator shows now for a secret in base 32 (TOTP, RFC 6238: SHA-1, six digits, half minutes).
///
/// # Errors
/// When the secret is not base 32, or has less than 128 bits.
pub fn two_factor_code(secret: &str) -> Result<String, SignInError> {
    Factor::parse(secret).map(|factor| factor.code()).map_err(SignInError)
}
