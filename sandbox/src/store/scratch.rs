//! The directory of a site whose data are not to be kept.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, lock};

const PREFIX: &str = "shotgrid-sandbox-";
/// Locked for as long as the owner of the directory lives: the system lets go of it however the owner ends.
const OWNER: &str = "owner.sqlite";
const TAKE: &str = "BEGIN EXCLUSIVE";
/// A directory this young may belong to a site that has not yet locked it.
const SETTLED: Duration = Duration::from_secs(60);

/// A directory of our own, removed with everything in it when this is dropped.
pub(crate) struct Scratch {
    directory: PathBuf,
    /// In a mutex because the store is shared among threads; nothing is ever asked of it.
    owner: Mutex<Option<Connection>>,
}

impl Scratch {
    /// A new directory. Those that sites left behind when they were killed go on this occasion.
    pub(crate) fn new() -> Result<Self, StoreError> {
        let parent = std::env::temp_dir();
        sweep(&parent, SETTLED);
        Self::within(&parent)
    }

    fn within(parent: &Path) -> Result<Self, StoreError> {
        let name = format!("{PREFIX}{}", &crate::auth::secrets::random_hex()[..16]);
        let directory = parent.join(name);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder
            .create(&directory)
            .map_err(|error| StoreError::Io(directory.clone(), error))?;
        // From here on the directory goes, too, when something fails.
        let scratch = Self {
            directory,
            owner: Mutex::new(None),
        };
        let owner = Connection::open(scratch.directory.join(OWNER))?;
        owner.execute_batch(TAKE)?;
        *lock(&scratch.owner) = Some(owner);
        Ok(scratch)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Drop for Scratch {
    /// Nobody is left to tell when this fails: the site is going away.
    fn drop(&mut self) {
        // Some systems keep a directory that holds an open file.
        lock(&self.owner).take();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Removes the directories whose owners are gone. What can't be read or removed, another user's for one,
/// is left alone: no site needs it gone.
fn sweep(parent: &Path, settled: Duration) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if is_settled(&entry, settled) && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A directory, no link to one, with a name such as ours, that is older than `settled`.
fn is_settled(entry: &DirEntry, settled: Duration) -> bool {
    if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
        return false;
    }
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age >= settled)
}

/// True when the owner's lock can be had, which nobody can while the owner lives.
fn is_abandoned(directory: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(owner) = Connection::open_with_flags(directory.join(OWNER), flags) else {
        return false;
    };
    owner.busy_timeout(Duration::ZERO).is_ok() && owner.execute_batch(TAKE).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_site_left_is_swept_and_nothing_else() {
        let parent = Scratch::new().unwrap();
        let living = Scratch::within(&parent.directory).unwrap();
        let killed = Scratch::within(&parent.directory).unwrap();
        // A killed process lets go of its lock and removes nothing.
        lock(&killed.owner).take();
        let of_others = parent.directory.join("shotgrid-sandbox-notes");
        fs::create_dir(&of_others).unwrap();
        sweep(&parent.directory, Duration::from_secs(60));
        assert!(killed.directory.exists(), "too young");
        sweep(&parent.directory, Duration::ZERO);
        assert!(!killed.directory.exists());
        assert!(living.directory.exists() && of_others.exists());
        let path = living.directory.clone();
        drop(living);
        assert!(!path.exists());
    }
}
