//! An archive as its users get it: unpacked into a folder of its own and looked at there.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Made, REAL_NAME, SONAME, VERSION, build, guides, pack, tree};
use crate::elf;
use crate::workspace::{Workspace, captured, read};

/// What the shared library may weigh.
const LARGEST: u64 = 6 * 1024 * 1024;
/// What an archive must hold, apart from what is looked at closely.
const HELD: &[&str] = &[
    "CHANGELOG.md",
    "CMakeLists.txt",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "THIRD-PARTY.md",
    "include/shotgrid.h",
    "include/shotgrid/shotgrid.hpp",
    "libshotgrid.cdx.json",
    "lib/cmake/shotgrid/shotgrid-config-version.cmake",
    "lib/cmake/shotgrid/shotgrid-config.cmake",
    "lib/libshotgrid.a",
    "lib/pkgconfig/shotgrid-static.pc",
    "lib/pkgconfig/shotgrid.pc",
    "share/doc/libshotgrid/examples/c/quickstart.c",
    "share/doc/libshotgrid/methods.md",
];

/// Fails when something is missing, too much, or not as it should be.
pub fn archive(workspace: &Workspace, made: &Made, glibc: &str) -> Result<()> {
    let prefix = super::unpacked(workspace, made, "inspected")?;
    let folder = prefix.parent().context("the prefix is nowhere")?.to_path_buf();
    for name in HELD {
        let file = prefix.join(name);
        if !fs::metadata(&file).is_ok_and(|found| found.is_file() && found.len() > 0) {
            bail!("the archive has no {name}");
        }
    }
    let library = prefix.join("lib").join(REAL_NAME);
    names(&prefix, &library)?;
    flags(&library, glibc)?;
    let functions = elf::name_faults(
        &library,
        &prefix.join("include/shotgrid.h"),
        &prefix.join(guides::FOLDER).join("symbols.md"),
    )?;
    let size = fs::metadata(&library).context("the library has no size")?.len();
    if size > LARGEST {
        bail!("{} has {size} bytes, more than {LARGEST}", library.display());
    }
    let files = traceless(workspace, &prefix)?;
    let links = guides::check(&prefix)?;
    debug_information(made, &folder, &library)?;
    repeatable(workspace, made, &folder, &prefix)?;
    println!(
        "   glibc {glibc}: {files} files, {links} links in the guides, {functions} functions, the shared library has {:.2} MB",
        size as f64 / 1e6
    );
    Ok(())
}

/// The library's three names, each leading to the next.
fn names(prefix: &Path, library: &Path) -> Result<()> {
    let links = [(SONAME, REAL_NAME), ("libshotgrid.so", SONAME)];
    for (name, to) in links {
        let found = fs::read_link(prefix.join("lib").join(name)).with_context(|| format!("lib/{name} is no link"))?;
        if found != Path::new(to) {
            bail!("lib/{name} leads to {}, not to {to}", found.display());
        }
    }
    let section = elf::read_elf(library, "-d")?;
    if !section.contains(&format!("Library soname: [{SONAME}]")) {
        bail!("the soname is not {SONAME}:\n{section}");
    }
    let text = read(&prefix.join("lib/pkgconfig/shotgrid.pc"))?;
    if !text.contains(&format!("Version: {VERSION}\n")) || text.contains('@') {
        bail!("shotgrid.pc is not filled in:\n{text}");
    }
    Ok(())
}

/// What the loader sees, and the oldest glibc that satisfies it.
fn flags(library: &Path, glibc: &str) -> Result<()> {
    elf::flag_faults(library)?;
    let newest = elf::newest_glibc(&elf::read_elf(library, "-V")?).context("the library asks for no version of glibc")?;
    let baseline = elf::newest_glibc(&format!("GLIBC_{glibc}")).context("the baseline is no version")?;
    if newest > baseline {
        bail!("the library asks for glibc {}.{}, which is newer than {glibc}", newest.0, newest.1);
    }
    let sections = elf::read_elf(library, "-S")?;
    for (name, there) in [(".symtab", false), (".debug_info", false), (".gnu_debuglink", true)] {
        if sections.contains(name) != there {
            bail!("the section {name} is {}", if there { "missing" } else { "not stripped" });
        }
    }
    Ok(())
}

/// No file names a folder of the machine that it was made on; how many files there are.
fn traceless(workspace: &Workspace, prefix: &Path) -> Result<usize> {
    let traces = build::traces(workspace)?;
    let mut files = 0;
    let mut folders = vec![prefix.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
            let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            if let Some(trace) = trace_in(&path, &traces)? {
                bail!("{} names {trace}, a folder of the machine that it was made on", path.display());
            }
        }
    }
    Ok(files)
}

fn trace_in<'a>(file: &Path, traces: &'a [String]) -> Result<Option<&'a str>> {
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(traces.iter().map(String::as_str).find(|trace| text.contains(trace)))
}

/// The debug archive goes over the tree, and its file belongs to the library: debuggers compare checksum and build ID.
fn debug_information(made: &Made, folder: &Path, library: &Path) -> Result<()> {
    let over = pack::unpack(&made.debug, folder)?;
    let debug = over.join("lib").join(tree::debug_name());
    let id = |file: &Path| -> Result<String> {
        let notes = elf::read_elf(file, "-n")?;
        let id = notes
            .lines()
            .find_map(|line| line.split_once("Build ID: ").map(|(_, id)| id.trim().to_owned()));
        id.with_context(|| format!("{} has no build ID", file.display()))
    };
    let (ours, theirs) = (id(library)?, id(&debug)?);
    if ours != theirs || ours.bytes().all(|digit| digit == b'0') {
        bail!("the library's build ID is {ours}, that of its debug information {theirs}");
    }
    // The link: the file's name, and its checksum as gzip writes it too, eight bytes before its end.
    let link = folder.join("debuglink");
    let mut dump = std::ffi::OsString::from(".gnu_debuglink=");
    dump.push(&link);
    captured(
        Command::new("objcopy")
            .arg("--dump-section")
            .arg(dump)
            .arg(library)
            .arg("/dev/null"),
    )?;
    let link = fs::read(&link).context("the library has no debug link")?;
    let packed = Command::new("gzip").args(["-1", "-n", "-c"]).arg(&debug).output();
    let packed = packed.context("gzip could not be started")?.stdout;
    let checksum = packed.len().checked_sub(8).and_then(|start| packed.get(start..start + 4));
    if !link.starts_with(tree::debug_name().as_bytes()) || checksum.is_none_or(|checksum| !link.ends_with(checksum)) {
        bail!("the library's debug link does not lead to {}", debug.display());
    }
    fs::remove_file(&debug).with_context(|| format!("{} cannot be removed", debug.display()))
}

/// What was unpacked, packed again, is the same file: no times, owners or orders of this machine are in it.
fn repeatable(workspace: &Workspace, made: &Made, folder: &Path, prefix: &Path) -> Result<()> {
    let name = prefix.file_name().unwrap_or_default().to_string_lossy();
    let again = folder.join("again.tar.gz");
    pack::archive(workspace, folder, &name, &again)?;
    if tree::digest(&again)? != tree::digest(&made.archive)? {
        bail!("packed twice, the archive is not the same");
    }
    Ok(())
}
