//! Archives whose bytes follow from their content alone, and their checksums.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, captured};

/// Packs `folder`, which stands in `parent`, as the file `path`.
pub fn archive(workspace: &Workspace, parent: &Path, folder: &str, path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut tar = Command::new("tar")
        .args([
            "--sort=name",
            "--format=gnu",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mode=u=rwX,go=rX",
        ])
        .arg(format!("--mtime=@{}", epoch(workspace)))
        .arg("--directory")
        .arg(parent)
        .args(["--create", "--file=-", folder])
        .env("LC_ALL", "C")
        .stdout(Stdio::piped())
        .spawn()
        .context("tar could not be started")?;
    let packed = tar.stdout.take().context("tar has no output")?;
    let gzip = Command::new("gzip")
        .args(["--no-name", "-9"])
        .env_remove("GZIP")
        .stdin(packed)
        .stdout(file)
        .status()
        .context("gzip could not be started")?;
    let tar = tar.wait().context("tar could not be waited for")?;
    if !tar.success() || !gzip.success() {
        bail!("{folder} could not be packed: tar {tar}, gzip {gzip}");
    }
    Ok(())
}

/// The time that everything in a package bears: that of the last commit, or the one that is asked for.
pub fn epoch(workspace: &Workspace) -> String {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return given;
    }
    let mut git = Command::new("git");
    git.arg("-C").arg(&workspace.root).args(["log", "-1", "--format=%ct"]);
    // Sources without a history have no time but the first.
    captured(&mut git).map_or_else(|_| "0".to_owned(), |time| time.trim().to_owned())
}

/// Writes SHA256SUMS of every package that is there, as `sha256sum --check` reads it.
pub fn checksums(workspace: &Workspace) -> Result<()> {
    let folder = &workspace.packages;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
        let entry = entry.with_context(|| format!("{} cannot be listed", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && name != "SHA256SUMS" {
            names.push(name);
        }
    }
    names.sort();
    let sums = captured(Command::new("sha256sum").args(&names).current_dir(folder))?;
    super::tree::write(&folder.join("SHA256SUMS"), &sums)
}

/// Unpacks an archive as its users do; the prefix is the one folder in it.
pub fn unpack(archive: &Path, into: &Path) -> Result<PathBuf> {
    fs::create_dir_all(into).with_context(|| format!("{} cannot be made", into.display()))?;
    captured(
        Command::new("tar")
            .arg("--extract")
            .arg("--file")
            .arg(archive)
            .arg("--directory")
            .arg(into),
    )?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".tar.gz").unwrap_or(&name);
    let prefix = into.join(name.strip_suffix("-debug").unwrap_or(name));
    if !prefix.is_dir() {
        bail!("{} holds no folder of its own name", archive.display());
    }
    Ok(prefix)
}
