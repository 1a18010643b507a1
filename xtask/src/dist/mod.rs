//! `cargo xtask dist`: what goes out of the house, made and looked at from the outside.

mod build;
mod consumers;
mod deb;
mod guides;
mod inspect;
mod openssl;
mod pack;
mod recipes;
mod third_party;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::steps::{Outcome, Session};
use crate::workspace::{Workspace, captured};

/// What is made for.
pub const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// The versions of glibc that archives are made for, the oldest first: that of CentOS 7, and that of the VFX Platform from CY2023 on.
const BASELINES: &[&str] = &["2.17", "2.28"];
/// The version of everything here.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Part of the soname: the ABI only grows while it stays (docs/abi.md).
pub const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");
/// What programs ask the loader for.
pub const SONAME: &str = concat!("libshotgrid.so.", env!("CARGO_PKG_VERSION_MAJOR"));
/// The file itself.
pub const REAL_NAME: &str = concat!("libshotgrid.so.", env!("CARGO_PKG_VERSION"));

/// What was made for one glibc.
pub struct Made {
    /// The archive.
    pub archive: PathBuf,
    /// The archive with the debug information.
    pub debug: PathBuf,
    finished: tree::Finished,
}

/// Something that needs a release build, or the reason why there is none here.
pub enum Release<T> {
    /// It was made.
    Ready(T),
    /// The reason as a sentence.
    Missing(String),
}

/// The command: archives for the named versions of glibc, or for the oldest; with `all` every one, and everything that is made of them.
pub fn run(workspace: Workspace, all: bool, names: &[&str]) -> Result<ExitCode> {
    let session = Session { workspace, required: true };
    let baselines: Vec<&str> = match names {
        [] if all => BASELINES.to_vec(),
        [] => vec![oldest()],
        names => names.to_vec(),
    };
    for glibc in baselines {
        let Release::Ready(made) = archives(&session, glibc)? else {
            bail!("no archive can be made here");
        };
        inspect::archive(&session.workspace, &made, glibc)?;
        if all {
            let prefix = consumers::check(&session, &made)?;
            if glibc == oldest() {
                more(&session, &made, glibc, &prefix)?;
            }
        }
    }
    pack::checksums(&session.workspace)?;
    println!("{}", session.workspace.packages.display());
    Ok(ExitCode::SUCCESS)
}

/// What takes minutes, and is the same for every glibc: an OpenSSL in the way of the library at `prefix`, the crate, the recipes, the
/// Debian packages, and the same bytes once more.
fn more(session: &Session, made: &Made, glibc: &str, prefix: &Path) -> Result<()> {
    openssl::check(session, prefix)?;
    consumers::rust(session)?;
    recipes::check(session, made)?;
    if let Some(packages) = deb::make(session, &made.finished, glibc)? {
        deb::check(session, &packages, |prefix| {
            consumers::by_prefix(session, prefix, "lib/x86_64-linux-gnu")
        })?;
    }
    again(session, made, glibc)
}

/// The same sources in another folder, compiled into another one, give the same bytes.
fn again(session: &Session, made: &Made, glibc: &str) -> Result<()> {
    let folder = session.workspace.scratch.join("dist/again");
    let copy = folder.join("a copy of the checkout");
    tree::fresh(&folder)?;
    let root = &session.workspace.root;
    let mut list = Command::new("git");
    list.arg("-C")
        .arg(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    for name in captured(&mut list)?.lines() {
        tree::copy(&root.join(name), &copy.join(name))?;
    }
    let compiled = match build::compile(session, glibc, &copy, &folder.join("target"))? {
        Ok(compiled) => compiled,
        Err(why) => bail!(why),
    };
    let finished = tree::finish(&compiled, &folder.join("finished"))?;
    for (one, other) in made.finished.shipped().iter().zip(finished.shipped()) {
        if tree::digest(one)? != tree::digest(&other)? {
            bail!(
                "compiled in another folder, this is another file: {} and {}",
                one.display(),
                other.display()
            );
        }
    }
    println!("   compiled again in another folder: the same bytes");
    Ok(())
}

/// The step of `cargo xtask test`: the archive for the oldest glibc, from its making to its users.
pub fn check(session: &Session) -> Result<Outcome> {
    let missing = consumers::missing(session)?;
    if !missing.is_empty() {
        return Ok(Outcome::Skipped(missing.join("; ")));
    }
    let made = match archives(session, oldest())? {
        Release::Ready(made) => made,
        Release::Missing(why) => return Ok(Outcome::Skipped(why)),
    };
    inspect::archive(&session.workspace, &made, oldest())?;
    consumers::check(session, &made)?;
    Ok(Outcome::Passed)
}

/// A freshly unpacked archive below the scratch folder: its prefix, with include, lib and share in it. `name` keeps users apart.
pub fn unpacked(workspace: &Workspace, made: &Made, name: &str) -> Result<PathBuf> {
    let folder = workspace.scratch.join("dist/unpacked").join(name);
    tree::fresh(&folder)?;
    pack::unpack(&made.archive, &folder)
}

/// The shared library as a user has it, for whoever loads it by name: from an archive that is unpacked for it; from the build folder where
/// nothing is required, since a release takes minutes.
pub fn library(session: &Session, name: &str) -> Result<PathBuf> {
    if !session.required {
        return Ok(session.workspace.built()?.cdylib.clone());
    }
    match archives(session, oldest())? {
        Release::Ready(made) => Ok(unpacked(&session.workspace, &made, name)?.join("lib/libshotgrid.so")),
        Release::Missing(why) => bail!(why),
    }
}

/// The version of glibc that tests make the archive for.
pub fn oldest() -> &'static str {
    BASELINES.first().copied().unwrap_or_default()
}

/// Compiles, lays out and packs for one glibc.
pub fn archives(session: &Session, glibc: &str) -> Result<Release<Made>> {
    if !BASELINES.contains(&glibc) {
        bail!("there is no baseline {glibc}; there are {}", BASELINES.join(", "));
    }
    let workspace = &session.workspace;
    let compiled = match build::compile(session, glibc, &workspace.root, &workspace.scratch.join("dist/target"))? {
        Ok(compiled) => compiled,
        Err(why) => return Ok(Release::Missing(why)),
    };
    let folder = workspace.scratch.join("dist").join(glibc);
    let layout = tree::Layout { libdir: "lib", glibc };
    let finished = tree::finish(&compiled, &folder.join("finished"))?;
    let name = format!("libshotgrid-{VERSION}-{TRIPLE}.{glibc}");
    let (tree, debug) = (folder.join("tree"), folder.join("debug"));
    tree::fresh(&tree)?;
    tree::fresh(&debug)?;
    tree::lay_out(workspace, &finished, &layout, &tree.join(&name))?;
    tree::add_for_archive(workspace, &finished, &layout, &tree.join(&name))?;
    tree::add_debug(&finished, &layout, &debug.join(&name))?;
    let made = Made {
        archive: workspace.packages.join(format!("{name}.tar.gz")),
        debug: workspace.packages.join(format!("{name}-debug.tar.gz")),
        finished,
    };
    std::fs::create_dir_all(&workspace.packages).with_context(|| format!("{} cannot be made", workspace.packages.display()))?;
    pack::archive(workspace, &tree, &name, &made.archive)?;
    pack::archive(workspace, &debug, &name, &made.debug)?;
    Ok(Release::Ready(made))
}
