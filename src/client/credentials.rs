//! Who is calling: secrets that wipe themselves, and the three ways to sign in.

use std::fmt;

use zeroize::Zeroize;

use super::mask::SHORTEST;

/// A text that must not be seen: wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(std::mem::take(&mut self.0).into_bytes());
    }
}

/// Bytes among which a secret may be: wiped when they are dropped.
pub(super) struct Wiped(Vec<u8>);

impl Wiped {
    /// Some pieces, one behind the other.
    pub(super) fn joined(pieces: &[&[u8]]) -> Wiped {
        Wiped(pieces.concat())
    }

    /// Nothing, with room for all that will be pushed: what grows leaves copies behind.
    pub(super) fn with_room(bytes: usize) -> Wiped {
        Wiped(Vec::with_capacity(bytes))
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(std::mem::take(&mut self.0));
    }
}

/// Wipes bytes with all the room that they have: as blocks, and not one after the other as a vector is wiped by itself.
fn wipe(mut bytes: Vec<u8>) {
    bytes.spare_capacity_mut().zeroize();
    bytes.as_mut_slice().zeroize();
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
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

/// Who it is, without what proves it.
impl fmt::Display for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            _ if self.mistaken().is_some() => out.write_str("\"***\""),
            Credentials::Script { name, .. } => write!(out, "script \"{name}\""),
            Credentials::Person { login, .. } => write!(out, "\"{login}\""),
            Credentials::Session { .. } => out.write_str("a session"),
        }
    }
}

impl Credentials {
    /// The name, where it looks like what proves it, because somebody mixed the two up: then it is a secret. So is a login that holds the
    /// password, which would be told with a mark inside.
    pub(super) fn mistaken(&self) -> Option<Secret> {
        let name = match self {
            Credentials::Script { name, .. } => Some(name).filter(|name| looks_like_key(name)),
            Credentials::Person { login, password } => Some(login).filter(|login| {
                let password = password.expose();
                password.len() >= SHORTEST && *login != password && login.contains(password)
            }),
            Credentials::Session { .. } => None,
        };
        name.map(Secret::new)
    }
}

/// Whether it is long and made of what keys are made of: hexadecimal digits alone, or signs that no name of one word has.
fn looks_like_key(name: &str) -> bool {
    const LONG: usize = 20;
    let in_words = |sign: char| sign.is_alphanumeric() || "_-.:@/()".contains(sign);
    let signs = !name.contains(' ') && !name.chars().all(in_words);
    name.len() >= LONG && (signs || name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_mixed_up_with_its_proof_is_not_told() {
        let script = |name: &str| {
            let api_key = Secret::new("pipeline_admin");
            Credentials::Script {
                name: name.into(),
                api_key,
            }
            .to_string()
        };
        let person = |login: &str, password: &str| {
            let password = Secret::new(password);
            Credentials::Person {
                login: login.into(),
                password,
            }
            .to_string()
        };
        for name in [
            "pipeline_admin",
            "Publisher for Nuke & Maya",
            "toolkit_desktop_application_v2 (Linux)",
        ] {
            assert_eq!(script(name), format!("script \"{name}\""));
        }
        for key in ["c35869b1c35869b1c35869b1", "sojuK&9cxfg1^mvzqpuwt-b"] {
            assert_eq!(script(key), "\"***\"");
        }
        assert_eq!(person("artist", "artist-pass-1"), "\"artist\"");
        assert_eq!(person("artist", "artist"), "\"artist\"");
        assert_eq!(person("artist-pass-1", "artist"), "\"***\"");
    }
}
