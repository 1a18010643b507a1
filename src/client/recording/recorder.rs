//! Writing: one file for all clients of this process that name it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::clean::Cleaner;
use super::{MARK, VERSION};
use crate::client::credentials::Secret;
use crate::client::error::{Error, Result};
use crate::client::journal::{Journal, Level};
use crate::client::json::Object;
use crate::client::status::Status;

/// The recordings of this process.
static TAPES: Mutex<Vec<Arc<Tape>>> = Mutex::new(Vec::new());

/// A recording that is being written.
pub(super) struct Tape {
    path: PathBuf,
    /// Whose it is: a child of a fork does not go on with its parent's.
    process: u32,
    start: Instant,
    writing: Mutex<Writing>,
    /// What must not be written.
    cleaner: Mutex<Cleaner>,
}

#[derive(Default)]
struct Writing {
    /// Open while a client uses it, and until it cannot be written.
    file: Option<File>,
    /// How much of it is whole.
    length: u64,
    /// How many clients have introduced themselves, and how many are there.
    introduced: u64,
    present: u64,
}

/// A client's share in a recording.
pub(in crate::client) struct Recorder {
    pub(super) tape: Arc<Tape>,
    /// The client's number.
    pub(super) client: u64,
    journal: Journal,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Begins a recording, or goes on with one of this process. It never writes to a file that was there before.
    pub(in crate::client) fn open(path: &Path, site: &str, who: &str, journal: &Journal) -> Result<Recorder> {
        let tape = Tape::at(path);
        let client = tape.join(site, who)?;
        Ok(Recorder {
            tape,
            client,
            journal: journal.clone(),
        })
    }

    /// Takes note of a secret, which is not written from now on.
    pub(in crate::client) fn learn(&self, secret: &Secret) {
        locked(&self.tape.cleaner).learn(secret);
    }

    /// Writes a line. False where it could not be: then nothing is written any more, and the recording ends with its last whole line.
    pub(super) fn write(&self, line: &str) -> bool {
        match self.tape.append(line) {
            Ok(written) => written,
            Err(error) => {
                let told = || format!("the recording {} ends here, for it {}", self.tape.path.display(), error.message);
                self.journal.write(Level::Error, "record", told);
                false
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut writing = locked(&self.tape.writing);
        writing.present -= 1;
        if writing.present == 0 {
            writing.file = None;
            // Nobody is left whose secrets these are.
            *locked(&self.tape.cleaner) = Cleaner::default();
        }
    }
}

impl Tape {
    /// The recording at a path: the one that this process made there, or a new one.
    fn at(path: &Path) -> Arc<Tape> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let process = std::process::id();
        let mut tapes = locked(&TAPES);
        let same = |tape: &&Arc<Tape>| tape.path == path && tape.process == process;
        if let Some(tape) = tapes.iter().find(same) {
            return Arc::clone(tape);
        }
        let tape = Arc::new(Tape {
            path,
            process,
            start: Instant::now(),
            writing: Mutex::default(),
            cleaner: Mutex::default(),
        });
        tapes.push(Arc::clone(&tape));
        tape
    }

    /// Introduces a client, whose number is given.
    fn join(&self, site: &str, who: &str) -> Result<u64> {
        let mut writing = locked(&self.writing);
        match &writing.file {
            _ if writing.present == 0 => writing.file = Some(self.open(&mut writing)?),
            Some(file) if !is_at(file, &self.path) => {
                let what = format!("{} was moved or removed while it was being recorded", self.path.display());
                return Err(Error::new(Status::Io, what));
            }
            _ => {}
        }
        let number = writing.introduced + 1;
        let client = Object::new().raw("client", &number.to_string()).text("site", site).text("as", who);
        // A recording that could not be written before stays as it is.
        if writing.file.is_some() {
            writing.append(&(client.finish() + "\n")).map_err(|error| {
                if writing.introduced == 0 {
                    self.take_back();
                }
                self.trouble(&error)
            })?;
        }
        writing.introduced = number;
        writing.present += 1;
        Ok(number)
    }

    /// Makes the file, for nobody else to read. One that is there is only taken if it is as this process has left it.
    fn open(&self, writing: &mut Writing) -> Result<File> {
        let there = std::fs::metadata(&self.path).ok().map(|facts| facts.len());
        if writing.length > 0 && there == Some(writing.length) {
            return OpenOptions::new()
                .append(true)
                .open(&self.path)
                .map_err(|error| self.trouble(&error));
        }
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(|error| self.trouble(&error))?;
        let by = concat!("libshotgrid ", env!("CARGO_PKG_VERSION"));
        let head = Object::new().raw(MARK, &VERSION.to_string()).text("by", by).finish() + "\n";
        file.write_all(head.as_bytes()).map_err(|error| {
            self.take_back();
            self.trouble(&error)
        })?;
        *writing = Writing {
            length: head.len() as u64,
            ..Writing::default()
        };
        Ok(file)
    }

    /// Removes the file that this process has just made and could not begin: the next try would take it for another's.
    fn take_back(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn trouble(&self, error: &std::io::Error) -> Error {
        let path = self.path.display();
        let text = match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{path} is there already, and a recording replaces no file and is added to none; remove it, or name another")
            }
            _ => format!("{path} cannot be written as a recording: {error}"),
        };
        Error::new(Status::Io, text)
    }

    /// Milliseconds since the recording began.
    pub(super) fn moment(&self, at: Instant) -> u128 {
        at.saturating_duration_since(self.start).as_millis()
    }

    pub(super) fn cleaner(&self) -> MutexGuard<'_, Cleaner> {
        locked(&self.cleaner)
    }

    /// Whether it was written. The error comes once.
    fn append(&self, line: &str) -> Result<bool> {
        locked(&self.writing).append(line).map_err(|error| {
            let text = format!("cannot be written any more: {error}");
            Error::new(Status::Io, text)
        })
    }
}

/// Whether a file is still the one of this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |one: std::fs::Metadata, other: std::fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    file.metadata()
        .is_ok_and(|one| std::fs::metadata(path).is_ok_and(|other| same(one, other)))
}

/// Elsewhere a file that is open stays where it is.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

impl Writing {
    fn append(&mut self, line: &str) -> std::io::Result<bool> {
        let Some(file) = &mut self.file else { return Ok(false) };
        if let Err(error) = file.write_all(line.as_bytes()) {
            // A part of a line would make the whole unreadable.
            let _ = file.set_len(self.length);
            self.file = None;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(true)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_was_moved_is_not_gone_on_with() {
        let path = std::env::temp_dir().join(format!("libshotgrid-moved-{}.rec", std::process::id()));
        let open = || Recorder::open(&path, "https://site/", "nobody", &Journal::default());
        let first = open().unwrap();
        drop(open().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(open().err().unwrap().message.contains("moved or removed"));
        drop(first);
        drop(open().unwrap());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_full_disk_ends_a_recording_once() {
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut writing = Writing {
            file: Some(full),
            ..Writing::default()
        };
        assert_eq!(writing.append("a line\n").unwrap_err().kind(), ErrorKind::StorageFull);
        assert!(!writing.append("a line\n").unwrap(), "it is told once");
    }
}
