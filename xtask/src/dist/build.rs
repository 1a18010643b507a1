//! The release build: optimised, for an old glibc, without a path of the build machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{SONAME, TRIPLE};
use crate::python::{self, Environment};
use crate::steps::Session;
use crate::workspace::{Workspace, captured, without_cargo_variables};

/// Overwritten by what the shipped bytes say, once they are known: the linker's own would differ with the paths in its debug information.
const BUILD_ID: &str = "0x0000000000000000000000000000000000000000";

/// What the compiler made.
pub struct Compiled {
    /// The shared library, with debug information.
    pub cdylib: PathBuf,
    /// The static library, likewise.
    pub staticlib: PathBuf,
    /// What a program that links the static library needs of the system, as linker arguments.
    pub native: String,
}

/// Compiles the library of the checkout `root` for a version of glibc, into the folder `target`; `Err` inside `Ok` says what is missing
/// for that.
pub fn compile(session: &Session, glibc: &str, root: &Path, target: &Path) -> Result<Result<Compiled, String>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Err("archives are made on x86_64 Linux".to_owned()));
    }
    let python = match python::pinned(session, "packaging/requirements.txt", "release-tools")? {
        Environment::Ready(python) => python,
        Environment::Missing(why) => return Ok(Err(why)),
    };
    let programs = python.parent().context("the Python environment has no folder of programs")?;
    let workspace = &session.workspace;
    println!("   compiling for glibc {glibc} (minutes, the first time)");
    let mut command = without_cargo_variables(Command::new(programs.join("cargo-zigbuild")));
    command
        .current_dir(root)
        .args(["rustc", "--lib", "--package", "libshotgrid", "--profile", "dist", "--locked"])
        // Named here, so that no rlib is among them: with one, cargo leaves link-time optimisation out.
        .args(["--crate-type", "cdylib", "--crate-type", "staticlib"])
        .args(["--target", &format!("{TRIPLE}.{glibc}")])
        .args(["--", "--print", "native-static-libs"])
        .args(["-C", &format!("link-arg=-Wl,-soname,{SONAME}")])
        .args(["-C", &format!("link-arg=-Wl,--build-id={BUILD_ID}")])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_ENCODED_RUSTFLAGS", rust_flags(root)?)
        .env_remove("RUSTFLAGS")
        // Debug information of C names folders of this machine.
        .env("CFLAGS", "-g0")
        .env("ZIG_GLOBAL_CACHE_DIR", workspace.tools.join("zig-cache"))
        .env("CARGO_ZIGBUILD_CACHE_DIR", workspace.scratch.join("dist/zigbuild"))
        .env("PATH", search_path(programs)?);
    let output = command.output().context("cargo-zigbuild could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("the release build failed:\n{}", said.trim_end());
    }
    let made = target.join(TRIPLE).join("dist");
    Ok(Ok(Compiled {
        cdylib: made.join("libshotgrid.so"),
        staticlib: made.join("libshotgrid.a"),
        native: native_libraries(&said).context("the compiler did not say what the static library needs")?,
    }))
}

/// The line `note: native-static-libs: …` of the compiler, which cargo repeats when there was nothing to compile.
fn native_libraries(said: &str) -> Option<String> {
    let line = said.lines().rev().find_map(|line| line.split_once("native-static-libs: "))?;
    Some(line.1.trim().to_owned())
}

/// Names of the build machine become names that are the same everywhere.
fn rust_flags(root: &Path) -> Result<OsString> {
    let mut flags = Vec::new();
    for (folder, name) in build_paths(root)? {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    Ok(flags.join("\u{1f}").into())
}

/// Folders of this machine that compilers write into what they make, and what stands there in their place.
fn build_paths(root: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir().context("there is no home folder")?.join(".cargo"),
    };
    let mut paths = vec![(root.to_path_buf(), "/libshotgrid")];
    let registries = home.join("registry/src");
    if let Ok(entries) = std::fs::read_dir(&registries) {
        paths.extend(entries.filter_map(|entry| entry.ok()).map(|entry| (entry.path(), "/crates")));
    }
    paths.push((home, "/cargo"));
    // The compiler applies the last that fits, so the longer ones come last.
    paths.sort_by_key(|(path, _)| path.as_os_str().len());
    Ok(paths)
}

/// What must not be found in a shipped file: the folders above, the build folder, the home folder.
pub fn traces(workspace: &Workspace) -> Result<Vec<String>> {
    let mut folders: Vec<PathBuf> = build_paths(&workspace.root)?.into_iter().map(|(path, _)| path).collect();
    folders.push(workspace.scratch.clone());
    folders.push(workspace.tools.clone());
    folders.extend(std::env::home_dir());
    let sysroot = captured(Command::new("rustc").args(["--print", "sysroot"]))?;
    folders.push(PathBuf::from(sysroot.trim()));
    Ok(folders.iter().map(|folder| format!("{}/", folder.display())).collect())
}

fn search_path(first: &Path) -> Result<OsString> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&old));
    std::env::join_paths(all).context("PATH holds a name that it cannot hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_counts() {
        let said = "note: native-static-libs: -lc\nwarning: x\nnote: native-static-libs: -lgcc_s -lm -lc\n   Finished\n";
        assert_eq!(native_libraries(said).as_deref(), Some("-lgcc_s -lm -lc"));
        assert_eq!(native_libraries("   Finished\n"), None);
    }

    #[test]
    fn the_longest_path_is_the_last() {
        let paths = build_paths(Path::new("/a")).unwrap();
        let lengths: Vec<usize> = paths.iter().map(|(path, _)| path.as_os_str().len()).collect();
        assert!(lengths.is_sorted(), "{lengths:?}");
    }
}
