//! Small files that are kept between commands.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::failure::Failure;

/// Puts a text into a file that only its owner can read. Written beside and renamed, so that it is never half there.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let _ = fs::remove_file(&beside);
    let wrote = private(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    wrote.map_err(|error| {
        let _ = fs::remove_file(&beside);
        trouble(path, "cannot be written", &error)
    })
}

/// A new file that only its owner can read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub fn trouble(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::local(format!("{} {what}: {error}", path.display()))
}
