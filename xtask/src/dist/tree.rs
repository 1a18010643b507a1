//! The installed tree: what lies where, for the archive and for distributions' packages alike.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::build::Compiled;
use super::guides;
use super::{MAJOR, REAL_NAME, SONAME, TRIPLE, VERSION};
use crate::sbom;
use crate::workspace::{Workspace, captured, files_below, read};

/// How a tree differs from the next.
pub struct Layout<'a> {
    /// Where libraries are, from the prefix: `lib`, or with the processor's name behind it.
    pub libdir: &'a str,
    /// The oldest glibc that the library runs on.
    pub glibc: &'a str,
}

/// The libraries as they are shipped: without debug information, which has a file of its own, and with a build ID that follows from
/// their content.
pub struct Finished {
    /// Folder with [`REAL_NAME`], its `.debug` and `libshotgrid.a`.
    folder: PathBuf,
    native: String,
}

impl Finished {
    /// The files that are shipped.
    pub fn shipped(&self) -> [PathBuf; 2] {
        [self.folder.join(REAL_NAME), self.folder.join("libshotgrid.a")]
    }
}

/// The name of the file with the debug information.
pub fn debug_name() -> String {
    format!("{REAL_NAME}.debug")
}

/// Takes what the compiler made apart.
pub fn finish(compiled: &Compiled, folder: &Path) -> Result<Finished> {
    fresh(folder)?;
    let (library, debug, archive) = (folder.join(REAL_NAME), folder.join(debug_name()), folder.join("libshotgrid.a"));
    captured(Command::new("objcopy").arg("--only-keep-debug").arg(&compiled.cdylib).arg(&debug))?;
    captured(
        Command::new("strip")
            .args(["--strip-unneeded", "-o"])
            .arg(&library)
            .arg(&compiled.cdylib),
    )?;
    // The note: lengths of name and content, kind 3, "GNU", then 20 bytes.
    let mut note = [4_u32, 20, 3].map(u32::to_le_bytes).concat();
    note.extend(b"GNU\0");
    note.extend(digest(&library)?.iter().take(20));
    let note_file = folder.join("build-id");
    fs::write(&note_file, note).with_context(|| format!("{} cannot be written", note_file.display()))?;
    let mut update = std::ffi::OsString::from(".note.gnu.build-id=");
    update.push(&note_file);
    captured(Command::new("objcopy").arg("--update-section").arg(&update).arg(&library))?;
    captured(Command::new("objcopy").arg("--update-section").arg(&update).arg(&debug))?;
    let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
    link.push(&debug);
    captured(Command::new("objcopy").arg(link).arg(&library))?;
    captured(Command::new("chmod").arg("0644").arg(&library))?;
    captured(
        Command::new("strip")
            .args(["--strip-debug", "--enable-deterministic-archives", "-o"])
            .arg(&archive)
            .arg(&compiled.staticlib),
    )?;
    Ok(Finished {
        folder: folder.to_path_buf(),
        native: compiled.native.clone(),
    })
}

/// Puts headers, libraries, and what finds them, below a prefix.
pub fn lay_out(workspace: &Workspace, finished: &Finished, layout: &Layout<'_>, prefix: &Path) -> Result<()> {
    let libdir = prefix.join(layout.libdir);
    for file in [REAL_NAME, "libshotgrid.a"] {
        copy(&finished.folder.join(file), &libdir.join(file))?;
    }
    link(REAL_NAME, &libdir.join(SONAME))?;
    link(SONAME, &libdir.join("libshotgrid.so"))?;
    let include = workspace.root.join("include");
    copy(&include.join("shotgrid.h"), &prefix.join("include/shotgrid.h"))?;
    for file in files_below(&include.join("shotgrid"), "hpp")? {
        copy(&file, &prefix.join("include/shotgrid").join(file.file_name().unwrap_or_default()))?;
    }
    let packaging = workspace.root.join("packaging");
    for (template, place) in [
        ("cmake/shotgrid-config.cmake.in", "cmake/shotgrid/shotgrid-config.cmake"),
        (
            "cmake/shotgrid-config-version.cmake.in",
            "cmake/shotgrid/shotgrid-config-version.cmake",
        ),
        ("pkgconfig/shotgrid.pc.in", "pkgconfig/shotgrid.pc"),
        ("pkgconfig/shotgrid-static.pc.in", "pkgconfig/shotgrid-static.pc"),
    ] {
        write(&libdir.join(place), &filled(&read(&packaging.join(template))?, finished, layout))?;
    }
    Ok(())
}

/// What an archive has besides: the way in for CMake's FetchContent, guides, examples, licences.
pub fn add_for_archive(workspace: &Workspace, finished: &Finished, layout: &Layout<'_>, prefix: &Path) -> Result<()> {
    let packaging = workspace.root.join("packaging");
    for (template, place) in [("cmake/CMakeLists.txt.in", "CMakeLists.txt"), ("INSTALL.md.in", "README.md")] {
        write(&prefix.join(place), &filled(&read(&packaging.join(template))?, finished, layout))?;
    }
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&workspace.root.join(name), &prefix.join(name))?;
    }
    write(&prefix.join("THIRD-PARTY.md"), &super::third_party::notice(workspace, TRIPLE)?)?;
    sbom::write(workspace, TRIPLE, &prefix.join("libshotgrid.cdx.json"))?;
    guides::add(workspace, prefix)
}

/// The debug information, to be unpacked over the tree.
pub fn add_debug(finished: &Finished, layout: &Layout<'_>, prefix: &Path) -> Result<()> {
    copy(&finished.folder.join(debug_name()), &prefix.join(layout.libdir).join(debug_name()))
}

fn filled(template: &str, finished: &Finished, layout: &Layout<'_>) -> String {
    let up = |levels: usize| vec![".."; levels].join("/");
    let depth = layout.libdir.split('/').count();
    let native: Vec<&str> = finished
        .native
        .split_whitespace()
        .map(|word| word.trim_start_matches("-l"))
        .collect();
    [
        ("@VERSION@", VERSION.to_owned()),
        ("@MAJOR@", MAJOR.to_owned()),
        ("@SONAME@", SONAME.to_owned()),
        ("@REAL_NAME@", REAL_NAME.to_owned()),
        ("@TRIPLE@", TRIPLE.to_owned()),
        ("@GLIBC@", layout.glibc.to_owned()),
        ("@LIBDIR@", layout.libdir.to_owned()),
        ("@PREFIX_FROM_LIB@", up(depth)),
        ("@PREFIX_FROM_PKGCONFIG@", up(depth + 1)),
        ("@NATIVE_LIBS@", finished.native.clone()),
        ("@NATIVE_LIBS_CMAKE@", native.join(";")),
    ]
    .iter()
    .fold(template.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

/// The SHA-256 of a file.
pub fn digest(file: &Path) -> Result<Vec<u8>> {
    let text = captured(Command::new("sha256sum").arg("--binary").arg(file))?;
    let hex = text.split_whitespace().next().unwrap_or_default().trim_start_matches('\\');
    let bytes = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).context("sha256sum printed no UTF-8")?;
        u8::from_str_radix(pair, 16).with_context(|| format!("sha256sum printed no number: {text}"))
    });
    bytes.collect()
}

/// An empty folder.
pub fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

/// Copies a file into a folder that is made where it is missing.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))
}

/// Copies the files below a folder.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be listed", from.display()))? {
        let entry = entry.with_context(|| format!("{} cannot be listed", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Writes a file into a folder that is made where it is missing.
pub fn write(path: &Path, text: &str) -> Result<()> {
    make_parent(path)?;
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

fn link(to: &str, at: &Path) -> Result<()> {
    captured(Command::new("ln").arg("-s").arg(to).arg(at)).map(drop)
}

fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}
