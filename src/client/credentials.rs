//! Who is calling: secrets that wipe themselves, and the three ways to sign in.

use std::fmt;

use zeroize::Zeroizing;

/// A text that must not be seen: wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// Who it is, without what proves it.
impl fmt::Display for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Script { name, .. } => write!(out, "script \"{name}\""),
            Credentials::Person { login, .. } => write!(out, "\"{login}\""),
            Credentials::Session { .. } => out.write_str("a session"),
        }
    }
}

/// What a host signs in with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A registered script and its application key.
    Script {
        /// The script's name.
        name: String,
        /// Its application key.
        api_key: Secret,
    },
    /// A person. Exchanged for a session token; kept to renew it when it ends.
    Person {
        /// The person's login.
        login: String,
        /// The person's password or legacy passphrase.
        password: Secret,
    },
    /// A session that was opened elsewhere.
    Session {
        /// The session token.
        token: Secret,
    },
}
