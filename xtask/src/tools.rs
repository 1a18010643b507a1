//! Programs of the system that a step needs: found, installed where that was asked for, or a reason to skip.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, captured, succeed};

/// A program and the Debian package that brings it.
pub struct Tool {
    /// The program's name.
    pub program: &'static str,
    /// The package's name.
    pub package: &'static str,
}

/// The C compiler is not here: without one nothing of the project builds.
pub const CXX: Tool = Tool {
    program: "g++",
    package: "g++",
};
/// A second opinion on C++.
pub const CLANGXX: Tool = Tool {
    program: "clang++",
    package: "clang",
};
/// What makes the certificate that is measured with.
pub const OPENSSL: Tool = Tool {
    program: "openssl",
    package: "openssl",
};
/// Memory checker.
pub const VALGRIND: Tool = Tool {
    program: "valgrind",
    package: "valgrind",
};
/// Symbol lister.
pub const NM: Tool = Tool {
    program: "nm",
    package: "binutils",
};
/// ELF reader.
pub const READELF: Tool = Tool {
    program: "readelf",
    package: "binutils",
};
/// Python.
pub const PYTHON: Tool = Tool {
    program: "python3",
    package: "python3",
};
/// The C# compiler of Mono.
pub const MCS: Tool = Tool {
    program: "mcs",
    package: "mono-mcs",
};
/// What knows the compiler's flags of libraries.
pub const PKG_CONFIG: Tool = Tool {
    program: "pkg-config",
    package: "pkg-config",
};
/// What builds the projects of most who write C++.
pub const CMAKE: Tool = Tool {
    program: "cmake",
    package: "cmake",
};
/// A browser without a window.
pub const CHROMIUM: Tool = Tool {
    program: "chromium",
    package: "chromium",
};
/// What makes network namespaces and lines between them.
pub const IP: Tool = Tool {
    program: "ip",
    package: "iproute2",
};
/// A firewall.
pub const NFT: Tool = Tool {
    program: "nft",
    package: "nftables",
};
/// A web server to stand before a site.
pub const NGINX: Tool = Tool {
    program: "nginx",
    package: "nginx-light",
};
/// A proxy.
pub const TINYPROXY: Tool = Tool {
    program: "tinyproxy",
    package: "tinyproxy-bin",
};
/// What drives it.
pub const CHROMEDRIVER: Tool = Tool {
    program: "chromedriver",
    package: "chromium-driver",
};

/// Packages that were already asked for in this run, so that a failing one is not tried again by every step.
static TRIED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Where a program is, by the search path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// `Ok(None)` when the tool is there, `Ok(Some(sentence))` when it is missing. Installs it first where that is
/// wanted and possible.
pub fn missing(tool: &Tool, install: bool) -> Result<Option<String>> {
    if on_path(tool.program).is_some() {
        return Ok(None);
    }
    if install && may_install() {
        install_package(tool.package)?;
        if on_path(tool.program).is_some() {
            return Ok(None);
        }
    }
    Ok(Some(format!(
        "{} is not installed (Debian: apt-get install {})",
        tool.program, tool.package
    )))
}

/// As [`missing`], for a library that pkg-config knows by `module`.
pub fn missing_module(module: &str, package: &'static str, install: bool) -> Result<Option<String>> {
    if let Some(why) = missing(&PKG_CONFIG, install)? {
        return Ok(Some(why));
    }
    let there = || {
        let asked = Command::new(PKG_CONFIG.program).args(["--exists", module]).status();
        asked.is_ok_and(|status| status.success())
    };
    if !there() && install && may_install() {
        install_package(package)?;
    }
    Ok((!there()).then(|| format!("{module} is not installed (Debian: apt-get install {package})")))
}

/// Installing needs Debian's package manager and the right to use it.
pub fn may_install() -> bool {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    root && on_path("apt-get").is_some()
}

/// Installs one Debian package, at most one try a run.
pub fn install_package(package: &'static str) -> Result<()> {
    let Ok(mut tried) = TRIED.lock() else {
        bail!("an earlier installation failed midway")
    };
    let first = tried.is_empty();
    if !tried.insert(package) {
        return Ok(());
    }
    println!("   installing {package}");
    if first {
        succeed(apt().args(["update", "-qq"])).context("the list of Debian's packages could not be fetched")?;
    }
    succeed(apt().args(["install", "-y", "-qq", "--no-install-recommends", package]))
        .with_context(|| format!("{package} could not be installed"))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// A program that cargo builds, in just this version: found, or installed where that is wanted, or why it is not there.
pub fn cargo_program(workspace: &Workspace, name: &str, version: &str, install: bool) -> Result<std::result::Result<PathBuf, String>> {
    let pinned = workspace.tools.join("bin").join(name);
    let right =
        |program: &PathBuf| captured(Command::new(program).arg("--version")).is_ok_and(|said| said.trim() == format!("{name} {version}"));
    if let Some(program) = [Some(pinned.clone()), on_path(name)].into_iter().flatten().find(right) {
        return Ok(Ok(program));
    }
    if !install {
        return Ok(Err(format!(
            "{name} {version} is not installed (cargo install {name} --version {version} --locked)"
        )));
    }
    println!("   installing {name} {version}");
    let mut command = workspace.cargo();
    // Its own build folder, which cargo removes again.
    command.env_remove("CARGO_TARGET_DIR");
    command.args(["install", "--quiet", name, "--version", version, "--locked", "--force", "--root"]);
    succeed(command.arg(&workspace.tools))?;
    Ok(Ok(pinned))
}
