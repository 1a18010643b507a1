//! Making, hashing and checking secrets. None is ever kept in the clear.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::store::lock;

/// Rounds for passwords. Low for a server on the open net, high enough for a local test site, whose
/// seed has to be hashed at every start; it is kept with each hash, so it can be raised.
const PASSWORD_ROUNDS: u32 = 1_000;
/// Verified secrets remembered before the memory is emptied.
const REMEMBERED: usize = 1_024;

/// 256 random bits as 64 hexadecimal digits: an application key, a session token, a salt.
///
/// # Panics
/// When the operating system has no random numbers to give; no secret can be made then.
pub(crate) fn random_hex() -> String {
    let mut bytes = [0_u8; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system gives no random numbers: {error}");
    }
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}

/// An application key has 256 random bits: one round of a salted hash is enough.
pub(crate) fn hash_key(key: &str) -> String {
    let salt = random_hex();
    format!("sha256${salt}${}", digest(&[&salt, key]))
}

/// A session token is random, too, and is looked up by its hash.
pub(crate) fn hash_token(token: &str) -> String {
    digest(&["session", token])
}

/// What a form carries of the secret in its browser's cookie.
pub(crate) fn hash_form(secret: &str) -> String {
    digest(&["form", secret])
}

pub(crate) fn hash_password(password: &str) -> String {
    let salt = random_hex();
    let hash = stretch(password, &salt, PASSWORD_ROUNDS);
    format!("pbkdf2${PASSWORD_ROUNDS}${salt}${hash}")
}

fn stretch(password: &str, salt: &str, rounds: u32) -> String {
    let mut hash = [0_u8; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt.as_bytes(), rounds, &mut hash);
    hex(&hash)
}

fn matches(secret: &str, stored: &str) -> bool {
    let parts: Vec<&str> = stored.split('$').collect();
    let (computed, kept) = match parts.as_slice() {
        ["sha256", salt, kept] => (digest(&[salt, secret]), *kept),
        ["pbkdf2", rounds, salt, kept] => {
            let Ok(rounds) = rounds.parse() else {
                return false;
            };
            (stretch(secret, salt, rounds), *kept)
        }
        _ => return false,
    };
    equal(&computed, kept)
}

/// Compares two hashes whole, so that time tells nothing.
pub(crate) fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && left
            .bytes()
            .zip(right.bytes())
            .fold(0, |differences, (left, right)| differences | (left ^ right))
            == 0
}

/// Checks secrets, and remembers those that were right, since every call carries one. What it
/// remembers is a hash under a key of this run, bound to the stored hash: a new password or key
/// makes it worthless.
pub(crate) struct Verifier {
    run_key: String,
    right: Mutex<HashSet<String>>,
}

impl Verifier {
    pub(crate) fn new() -> Self {
        Self {
            run_key: random_hex(),
            right: Mutex::new(HashSet::new()),
        }
    }

    pub(crate) fn verify(&self, secret: &str, stored: &str) -> bool {
        let remembered = digest(&[&self.run_key, stored, secret]);
        if lock(&self.right).contains(&remembered) {
            return true;
        }
        if !matches(secret, stored) {
            return false;
        }
        let mut right = lock(&self.right);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(remembered);
        true
    }
}
