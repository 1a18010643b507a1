//! Secrets that the site has to know again, and not merely to recognise: sealed in the data file, under a key that lies
//! beside it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

use crate::fault::Fault;
use crate::store::lock;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Seals and opens. The key file is made when something is sealed for the first time.
pub(crate) struct Keeper {
    path: PathBuf,
    cipher: Mutex<Option<ChaCha20Poly1305>>,
}

impl Keeper {
    /// The key is in `FILE.key` beside the data file FILE.
    pub(crate) fn beside(data_file: &Path) -> Self {
        let mut name = data_file.as_os_str().to_owned();
        name.push(".key");
        Self {
            path: PathBuf::from(name),
            cipher: Mutex::new(None),
        }
    }

    /// `about` says what the secret is of, and has to be said again to open it.
    pub(crate) fn seal(&self, about: &str, secret: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce: [u8; NONCE_BYTES] = random().map_err(|reason| self.failed(&reason))?;
        let payload = Payload {
            msg: secret,
            aad: about.as_bytes(),
        };
        let sealed = self
            .cipher(true)?
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|error| self.failed(&error.to_string()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let not_ours = || self.failed("it is not the one that this data file's secrets were sealed with");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(not_ours)?;
        let payload = Payload {
            msg: sealed,
            aad: about.as_bytes(),
        };
        self.cipher(false)?.decrypt(&Nonce::from(*nonce), payload).map_err(|_| not_ours())
    }

    fn cipher(&self, may_make: bool) -> Result<ChaCha20Poly1305, Fault> {
        let mut cipher = lock(&self.cipher);
        if let Some(cipher) = &*cipher {
            return Ok(cipher.clone());
        }
        let key = self.key(may_make).map_err(|reason| self.failed(&reason))?;
        let made = ChaCha20Poly1305::new(&key.into());
        *cipher = Some(made.clone());
        Ok(made)
    }

    fn key(&self, may_make: bool) -> Result<[u8; KEY_BYTES], String> {
        match File::open(&self.path) {
            Ok(file) => read_key(file),
            Err(error) if error.kind() == ErrorKind::NotFound && may_make => self.make_key(),
            Err(error) => Err(error.to_string()),
        }
    }

    fn make_key(&self) -> Result<[u8; KEY_BYTES], String> {
        let key = random()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&self.path).map_err(|error| error.to_string())?;
        file.write_all(&key)
            .and_then(|()| file.sync_all())
            .map_err(|error| error.to_string())?;
        Ok(key)
    }

    fn failed(&self, reason: &str) -> Fault {
        Fault::store(format!("the key file {} can't be used: {reason}", self.path.display()))
    }
}

fn read_key(file: File) -> Result<[u8; KEY_BYTES], String> {
    let mut bytes = Vec::new();
    file.take(KEY_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    bytes.try_into().map_err(|_| format!("it has not the {KEY_BYTES} bytes of a key"))
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], String> {
    let mut bytes = [0_u8; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::scratch::Scratch;

    #[test]
    fn what_is_sealed_is_opened_only_with_the_same_key_and_words() {
        let scratch = Scratch::new().unwrap();
        let data = scratch.file("site.sqlite");
        let sealed = Keeper::beside(&data).seal("person 7", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        let again = Keeper::beside(&data);
        assert_eq!(again.open("person 7", &sealed).unwrap(), b"secret");
        assert!(again.open("person 8", &sealed).is_err());
        assert!(again.open("person 7", &sealed[..5]).is_err());
        assert!(Keeper::beside(&scratch.file("other")).open("person 7", &sealed).is_err());
        std::fs::write(scratch.file("site.sqlite.key"), [7; KEY_BYTES]).unwrap();
        let refused = Keeper::beside(&data).open("person 7", &sealed).unwrap_err();
        assert!(refused.message.contains("site.sqlite.key"), "{refused}");
        std::fs::write(scratch.file("site.sqlite.key"), "short").unwrap();
        assert!(Keeper::beside(&data).open("person 7", &sealed).is_err());
        // It is nobody's else to read.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::remove_file(scratch.file("site.sqlite.key")).unwrap();
            Keeper::beside(&data).seal("person 7", b"secret").unwrap();
            let mode = std::fs::metadata(scratch.file("site.sqlite.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
