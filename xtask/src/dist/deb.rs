//! Debian packages: the library, and what one compiles with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::tree::{self, Finished, Layout};
use super::{MAJOR, REAL_NAME, SONAME, VERSION, pack};
use crate::steps::Session;
use crate::tools::{self, Tool};
use crate::workspace::{Workspace, captured, read};

const DPKG_DEB: Tool = Tool {
    program: "dpkg-deb",
    package: "dpkg",
};
const LINTIAN: Tool = Tool {
    program: "lintian",
    package: "lintian",
};
/// What lintian says of every package that is not on its way into Debian itself.
const NOT_FOR_US: &[&str] = &[
    "initial-upload-closes-no-bugs",
    "bogus-mail-host",
    "embedded-library",
    "copyright-file-contains-full-apache-2-license",
];
const LIBDIR: &str = "lib/x86_64-linux-gnu";
const WHO: &str = "The libshotgrid project <libshotgrid@project.invalid>";

/// A package: its name, what goes into it, and its words for people.
struct Package {
    name: String,
    section: &'static str,
    depends: String,
    summary: &'static str,
    description: &'static str,
}

/// Makes both packages, and tells where they are; `None` where nothing makes them.
pub fn make(session: &Session, finished: &Finished, glibc: &str) -> Result<Option<Vec<PathBuf>>> {
    if let Some(why) = tools::missing(&DPKG_DEB, session.required)? {
        println!("   no Debian packages: {why}");
        return Ok(None);
    }
    let workspace = &session.workspace;
    let folder = workspace.scratch.join("dist/deb");
    tree::fresh(&folder)?;
    let layout = Layout { libdir: LIBDIR, glibc };
    let whole = folder.join("whole");
    tree::lay_out(workspace, finished, &layout, &whole)?;
    let library = format!("libshotgrid{MAJOR}");
    let packages = [
        Package {
            depends: format!("libc6 (>= {glibc})"),
            section: "libs",
            summary: "C library for Autodesk Flow Production Tracking (ShotGrid)",
            description: " Signs in to a site as a person or as a script, makes every call that the\n \
                          official Python client knows, and tells a permission refusal from every\n other failure.\n",
            name: library.clone(),
        },
        Package {
            depends: format!("{library} (= {VERSION}-1)"),
            section: "libdevel",
            summary: "C library for Autodesk Flow Production Tracking - development files",
            description: " Headers for C and C++, the static library, and the files by which pkg-config\n and CMake find them.\n",
            name: "libshotgrid-dev".to_owned(),
        },
    ];
    let mut made = Vec::new();
    for package in &packages {
        let root = folder.join(&package.name);
        let runtime = package.section == "libs";
        if runtime {
            for file in [REAL_NAME, SONAME] {
                keep(&whole.join(LIBDIR).join(file), &root.join("usr").join(LIBDIR).join(file))?;
            }
        } else {
            for name in ["include", LIBDIR] {
                let target = root.join("usr").join(name);
                fs::create_dir_all(&target).with_context(|| format!("{} cannot be made", target.display()))?;
                captured(Command::new("cp").arg("-a").arg(whole.join(name).join(".")).arg(&target))?;
            }
            for file in [REAL_NAME, SONAME] {
                let file = root.join("usr").join(LIBDIR).join(file);
                fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
            }
        }
        made.push(build(workspace, package, &root, runtime)?);
    }
    Ok(Some(made))
}

/// Copies a file or a link.
fn keep(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    captured(Command::new("cp").arg("-a").arg(from).arg(to)).map(drop)
}

fn build(workspace: &Workspace, package: &Package, root: &Path, runtime: bool) -> Result<PathBuf> {
    let epoch = pack::epoch(workspace);
    let documents = root.join("usr/share/doc").join(&package.name);
    tree::write(&documents.join("copyright"), &copyright(workspace)?)?;
    let date = captured(Command::new("date").args(["-u", "-R", "-d", &format!("@{epoch}")]))?;
    let entry = format!(
        "libshotgrid ({VERSION}-1) unstable; urgency=medium\n\n  * See the project's CHANGELOG.md.\n\n -- {WHO}  {}\n",
        date.trim()
    );
    tree::write(&documents.join("changelog.Debian"), &entry)?;
    captured(Command::new("gzip").args(["-9n"]).arg(documents.join("changelog.Debian")))?;
    let Package {
        name,
        section,
        depends,
        summary,
        description,
    } = package;
    let size = captured(Command::new("du").args(["-sk", "--apparent-size"]).arg(root))?;
    let size = size.split_whitespace().next().unwrap_or("0");
    let control = format!(
        "Package: {name}\nSource: libshotgrid\nVersion: {VERSION}-1\nArchitecture: amd64\nMulti-Arch: same\nMaintainer: {WHO}\n\
         Installed-Size: {size}\nDepends: {depends}\nSection: {section}\nPriority: optional\nDescription: {summary}\n{description}"
    );
    tree::write(&root.join("DEBIAN/control"), &control)?;
    if runtime {
        tree::write(&root.join("DEBIAN/shlibs"), &format!("libshotgrid {MAJOR} {name} (>= {VERSION})\n"))?;
        tree::write(&root.join("DEBIAN/triggers"), "activate-noawait ldconfig\n")?;
    }
    let sums = captured(
        Command::new("sh")
            .args(["-c", "find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum"])
            .current_dir(root),
    )?;
    tree::write(&root.join("DEBIAN/md5sums"), &sums)?;
    captured(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(root))?;
    let file = workspace.packages.join(format!("{name}_{VERSION}-1_amd64.deb"));
    captured(
        Command::new(DPKG_DEB.program)
            .args(["--root-owner-group", "--build"])
            .arg(root)
            .arg(&file)
            .env("SOURCE_DATE_EPOCH", epoch),
    )?;
    Ok(file)
}

/// The file that Debian wants: whose, and on what terms, in full.
fn copyright(workspace: &Workspace) -> Result<String> {
    let indented = |text: &str| -> String {
        let lines = text.lines().map(|line| {
            if line.trim().is_empty() {
                " .".to_owned()
            } else {
                format!(" {line}")
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: libshotgrid\n\n\
         Files: *\nCopyright: the authors of libshotgrid and of the crates named below\nLicense: Expat or Apache-2.0\n\
         Comment:\n{}\n\nLicense: Expat\n{}\n\nLicense: Apache-2.0\n On Debian systems, the full text is in /usr/share/common-licenses/Apache-2.0.\n",
        indented(&super::third_party::notice(workspace, super::TRIPLE)?),
        indented(&read(&workspace.root.join("LICENSE-MIT"))?),
    ))
}

/// Installs both into a root of their own, has a program built from them, removes them, and looks what stays.
pub fn check(session: &Session, packages: &[PathBuf], consumer: impl Fn(&Path) -> Result<()>) -> Result<()> {
    let root = session.workspace.scratch.join("dist/deb-root");
    tree::fresh(&root)?;
    for folder in ["var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log"] {
        fs::create_dir_all(root.join(folder)).with_context(|| format!("{folder} cannot be made"))?;
    }
    for file in ["status", "available"] {
        tree::write(&root.join("var/lib/dpkg").join(file), "")?;
    }
    let dpkg = |arguments: &[&str]| {
        let mut command = Command::new("dpkg");
        // The root has no C library of its own that could be depended on.
        command
            .arg(format!("--root={}", root.display()))
            .args(["--force-depends", "--force-not-root"])
            .args(arguments);
        captured(&mut command)
    };
    let files: Vec<String> = packages.iter().map(|path| path.display().to_string()).collect();
    let install: Vec<&str> = std::iter::once("--install").chain(files.iter().map(String::as_str)).collect();
    dpkg(&install)?;
    consumer(&root.join("usr"))?;
    dpkg(&["--purge", "libshotgrid-dev", &format!("libshotgrid{MAJOR}")])?;
    if root.join("usr").exists() {
        let left = captured(Command::new("find").arg(root.join("usr")))?;
        bail!("after both packages were removed, this stays:\n{left}");
    }
    if let Some(why) = tools::missing(&LINTIAN, session.required)? {
        println!("   Debian packages: installed, used, removed; lintian skipped: {why}");
        return Ok(());
    }
    let output = Command::new(LINTIAN.program)
        .args(["--allow-root", "--no-cfg", "--suppress-tags", &NOT_FOR_US.join(",")])
        .args(packages)
        .output()
        .context("lintian could not be started")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let faults: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("E:") || line.starts_with("W:"))
        .collect();
    if !faults.is_empty() {
        bail!("lintian:\n{}", faults.join("\n"));
    }
    println!("   Debian packages: installed, used, removed; lintian finds nothing");
    Ok(())
}
