//! How the site lets people and scripts in: the choices of whoever starts it, and what they come to.

use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::app_sessions::AppSessions;
use super::sealed::Keeper;
use super::secrets::Verifier;
use crate::fault::Fault;

/// What proves who a person is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInMethod {
    /// Passwords that the site keeps.
    #[default]
    Password,
    /// Passwords, which a real site asks a directory (LDAP) about; here the same as `Password` but for its name.
    Ldap,
    /// Single sign-on (SAML 2): the API refuses passwords with code 108.
    Saml,
    /// Autodesk Identity: the API refuses passwords with code 110, except those of people who have bound a
    /// Personal Access Token.
    Identity,
}

impl SignInMethod {
    const ALL: [(&'static str, Self); 4] = [
        ("password", Self::Password),
        ("ldap", Self::Ldap),
        ("saml", Self::Saml),
        ("identity", Self::Identity),
    ];

    /// `user_authentication_method` of `info`.
    pub(crate) fn announced(self) -> &'static str {
        match self {
            Self::Password => "default",
            Self::Ldap => "ldap",
            Self::Saml => "saml2",
            Self::Identity => "oxygen",
        }
    }

    /// Whether the site itself knows people's passwords, for the API as for the browser.
    pub(crate) fn takes_passwords(self) -> bool {
        matches!(self, Self::Password | Self::Ldap)
    }
}

impl FromStr for SignInMethod {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, method)| *method).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            format!("there is no way to sign in called '{name}'; there are: {names}")
        })
    }
}

impl fmt::Display for SignInMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, method)| method == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// What was chosen, of the site's start, of a seed or of both. The names are those of the seed's `authentication`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Choices {
    pub(crate) sign_in: Option<SignInMethod>,
    pub(crate) two_factor: Option<bool>,
    #[serde(with = "seconds")]
    pub(crate) session_lifetime: Option<Duration>,
    #[serde(with = "seconds")]
    pub(crate) claims_lifetime: Option<Duration>,
    pub(crate) app_session_launcher: Option<bool>,
    #[serde(with = "seconds")]
    pub(crate) app_session_lifetime: Option<Duration>,
    pub(crate) lock_after: Option<u32>,
    #[serde(with = "seconds")]
    pub(crate) lock_for: Option<Duration>,
    pub(crate) block_api: Option<bool>,
    pub(crate) block_user_agents: Option<Vec<String>>,
}

impl Choices {
    /// These, and where nothing was chosen those.
    pub(crate) fn or(self, those: Self) -> Self {
        Self {
            sign_in: self.sign_in.or(those.sign_in),
            two_factor: self.two_factor.or(those.two_factor),
            session_lifetime: self.session_lifetime.or(those.session_lifetime),
            claims_lifetime: self.claims_lifetime.or(those.claims_lifetime),
            app_session_launcher: self.app_session_launcher.or(those.app_session_launcher),
            app_session_lifetime: self.app_session_lifetime.or(those.app_session_lifetime),
            lock_after: self.lock_after.or(those.lock_after),
            lock_for: self.lock_for.or(those.lock_for),
            block_api: self.block_api.or(those.block_api),
            block_user_agents: self.block_user_agents.or(those.block_user_agents),
        }
    }

    /// What they come to. The text says which of them can't be, or can't be together.
    pub(crate) fn settle(&self) -> Result<Settings, String> {
        let method = self.sign_in.unwrap_or_default();
        let two_factor = self.two_factor.unwrap_or(false);
        if two_factor && !method.takes_passwords() {
            return Err(format!(
                "a second factor goes with a password, and a site with the sign-in '{method}' takes none: choose one of the two"
            ));
        }
        if self.claims_lifetime.is_some() && method != SignInMethod::Saml {
            return Err(format!(
                "a lifetime of claims is for single sign-on: it needs the sign-in 'saml', not '{method}'"
            ));
        }
        let app_session_launcher = self.app_session_launcher.unwrap_or(true);
        if self.app_session_lifetime.is_some() && !app_session_launcher {
            return Err("requests for sessions have a lifetime, and are refused at the same time: choose one of the two".to_owned());
        }
        // Sessions and claims may be over as soon as they are there, which is what a test may want.
        for (what, lifetime) in [
            ("requests for sessions", self.app_session_lifetime),
            ("locked accounts", self.lock_for),
        ] {
            if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
                return Err(format!("the time of {what} must be more than nothing"));
            }
        }
        if self.lock_after == Some(0) {
            return Err("an account is locked after one wrong password at the earliest, not after 0".to_owned());
        }
        let block_user_agents = self.block_user_agents.clone().unwrap_or_default();
        if block_user_agents.iter().any(|part| part.trim().is_empty()) {
            return Err("a client is blocked by a part of its User-Agent, which can't be empty; to block all, block the API".to_owned());
        }
        Ok(Settings {
            method,
            two_factor,
            session_lifetime: self.session_lifetime.unwrap_or(Duration::from_secs(24 * 60 * 60)),
            claims_lifetime: self.claims_lifetime,
            app_session_launcher,
            app_session_lifetime: self.app_session_lifetime.unwrap_or(Duration::from_secs(305)),
            lock_after: self.lock_after.unwrap_or(5),
            lock_for: self.lock_for.unwrap_or(Duration::from_secs(5 * 60)),
            block_api: self.block_api.unwrap_or(false),
            block_user_agents,
        })
    }
}

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS sign_in_choices (one INTEGER PRIMARY KEY CHECK (one = 1), choices TEXT NOT NULL);
";

/// Keeps the choices of a seed in the data that it fills.
pub(crate) fn keep(connection: &Connection, choices: &Choices) -> Result<(), Fault> {
    let text = serde_json::to_string(choices).map_err(Fault::store)?;
    connection.execute("INSERT OR REPLACE INTO sign_in_choices (one, choices) VALUES (1, ?1)", [text])?;
    Ok(())
}

/// The choices that the data were filled with.
pub(crate) fn kept(connection: &Connection) -> Result<Choices, Fault> {
    let text: Option<String> = connection
        .query_row("SELECT choices FROM sign_in_choices", [], |row| row.get(0))
        .optional()?;
    text.map_or_else(|| Ok(Choices::default()), |text| serde_json::from_str(&text).map_err(Fault::store))
}

/// How the site lets people and scripts in.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) method: SignInMethod,
    /// Whether every password needs a code beside it, not only those of people who want that.
    pub(crate) two_factor: bool,
    /// How long session tokens are good for.
    pub(crate) session_lifetime: Duration,
    /// How long the word of the identity provider is good for in a session; as long as the session if not set.
    pub(crate) claims_lifetime: Option<Duration>,
    /// Whether programs may ask for a session in the person's browser.
    pub(crate) app_session_launcher: bool,
    /// How long such a request waits for its person.
    pub(crate) app_session_lifetime: Duration,
    /// Wrong passwords in a row that lock an account, and for how long.
    pub(crate) lock_after: u32,
    pub(crate) lock_for: Duration,
    /// Whether nobody may use the API, and the parts of a `User-Agent` that may not.
    pub(crate) block_api: bool,
    pub(crate) block_user_agents: Vec<String>,
}

/// What signing in needs to know between two calls.
pub(crate) struct Auth {
    chosen: RwLock<(Choices, Settings)>,
    pub(crate) verifier: Verifier,
    pub(crate) app_sessions: AppSessions,
    pub(crate) keeper: Keeper,
}

/// The settings for as long as they are looked at.
pub(crate) struct Current<'a>(RwLockReadGuard<'a, (Choices, Settings)>);

impl std::ops::Deref for Current<'_> {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0.1
    }
}

impl Auth {
    pub(crate) fn new(choices: Choices, keeper: Keeper) -> Result<Self, String> {
        let settings = choices.settle()?;
        Ok(Self {
            chosen: RwLock::new((choices, settings)),
            verifier: Verifier::new(),
            app_sessions: AppSessions::default(),
            keeper,
        })
    }

    /// The choices as they are now: they can change while the site runs.
    pub(crate) fn settings(&self) -> Current<'_> {
        Current(self.chosen.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Chooses anew. What can't be leaves everything as it was.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Choices)) -> Result<(), String> {
        let mut chosen = self.chosen.write().unwrap_or_else(PoisonError::into_inner);
        let mut choices = chosen.0.clone();
        change(&mut choices);
        let settings = choices.settle()?;
        *chosen = (choices, settings);
        Ok(())
    }
}

/// A time as a number of seconds, which may have a fraction.
mod seconds {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        let time = |seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|_| serde::de::Error::custom(format!("{seconds} is no number of seconds")))
        };
        seconds.map(time).transpose()
    }
}
