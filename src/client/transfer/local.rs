//! A file to send.

use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::fs::File;
use tokio::io::AsyncSeekExt;

use crate::client::error::{Error, Result, file_trouble};
use crate::client::status::Status;

/// A file as it was when its upload began.
pub(super) struct LocalFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) length: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    /// Looks at the file, before anything is sent.
    pub(super) async fn look_at(path: &str) -> Result<LocalFile> {
        let path = expanded(path);
        let wrong = |what: &str| Error::invalid_argument(format!("{} {what}", path.display()));
        let facts = tokio::fs::metadata(&path).await.map_err(|error| unreadable(&path, &error))?;
        if facts.is_dir() {
            return Err(wrong("is a folder, not a file"));
        }
        // To open a pipe could wait for ever.
        if !facts.is_file() {
            return Err(wrong("is no regular file"));
        }
        // Opened, not only looked at: what may not be read must be known before anything is sent.
        File::open(&path).await.map_err(|error| unreadable(&path, &error))?;
        if facts.len() == 0 {
            return Err(wrong("is empty"));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(LocalFile {
            name: name.ok_or_else(|| wrong("names no file"))?,
            length: facts.len(),
            modified: facts.modified().ok(),
            path,
        })
    }

    /// The kind of its content, by its name.
    pub(super) fn content_type(&self) -> String {
        mime_guess::from_path(&self.name).first_or_octet_stream().to_string()
    }

    /// Opens it anew at a place in it, so that a part that is sent again is sent whole.
    pub(super) async fn open_at(&self, offset: u64) -> Result<std::fs::File> {
        let failed = |error: &std::io::Error| unreadable(&self.path, error);
        let mut file = File::open(&self.path).await.map_err(|error| failed(&error))?;
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).await.map_err(|error| failed(&error))?;
        }
        Ok(file.into_std().await)
    }

    /// Fails if the file is not what it was: then what was sent is part the one, part the other.
    pub(super) async fn check_unchanged(&self) -> Result<()> {
        let facts = tokio::fs::metadata(&self.path)
            .await
            .map_err(|error| unreadable(&self.path, &error))?;
        if facts.len() == self.length && facts.modified().ok() == self.modified {
            return Ok(());
        }
        Err(Error::new(
            Status::Io,
            format!("{} was changed while it was being sent", self.path.display()),
        ))
    }
}

/// A leading `~` is the person's own folder.
pub(super) fn expanded(path: &str) -> PathBuf {
    let rest = path
        .strip_prefix('~')
        .filter(|rest| rest.is_empty() || rest.starts_with(['/', '\\']));
    match (rest, std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(path),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let what = match error.kind() {
        ErrorKind::NotFound => "does not exist".to_owned(),
        ErrorKind::PermissionDenied => "may not be read".to_owned(),
        _ => return file_trouble(path, "cannot be read", error),
    };
    Error::new(Status::Io, format!("{} {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_name() {
        let kind = |name: &str| {
            LocalFile {
                path: PathBuf::new(),
                name: name.to_owned(),
                length: 1,
                modified: None,
            }
            .content_type()
        };
        for (name, expected) in [
            ("a.mov", "video/quicktime"),
            ("a.MP4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.jpg", "image/jpeg"),
            ("a.png", "image/png"),
            ("a.txt", "text/plain"),
            ("a", "application/octet-stream"),
            ("a.unheardof", "application/octet-stream"),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn a_tilde_is_the_persons_folder() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(expanded("~/x/y"), home.join("x/y"));
        assert_eq!(expanded("~"), home);
        assert_eq!(expanded("~other/x"), PathBuf::from("~other/x"));
        assert_eq!(expanded("/a/~"), PathBuf::from("/a/~"));
    }
}
