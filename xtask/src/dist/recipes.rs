//! The recipes of packaging: Rez and Conan take the archive and use what they made of it. vcpkg's runs without vcpkg.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Made, VERSION, tree};
use crate::python::{self, Environment};
use crate::site::{Site, local, log_file};
use crate::steps::Session;
use crate::tools::CMAKE;
use crate::workspace::{Workspace, captured, read};

/// Where the recipes name the version of what they make.
const VERSIONS: &[&str] = &["conan/conanfile.py", "rez/package.py", "vcpkg/vcpkg.json"];
/// What vcpkg looks for after an installation, by the rules of its own that a port breaks most easily: it is in one kind of linkage and not
/// in the other, or in both, or in none.
const VCPKG_FILES: &[(&str, bool, bool)] = &[
    ("include/shotgrid.h", true, true),
    ("include/shotgrid/shotgrid.hpp", true, true),
    ("share/libshotgrid/copyright", true, true),
    ("share/shotgrid/shotgrid-config.cmake", true, true),
    ("share/shotgrid/shotgrid-config-version.cmake", true, true),
    ("lib/pkgconfig/shotgrid.pc", true, true),
    ("lib/libshotgrid.so", true, false),
    ("lib/libshotgrid.a", false, true),
    ("lib/cmake", false, false),
    ("debug", false, false),
];

/// All of them; Rez and Conan from an environment with what packaging/recipes.txt pins.
pub fn check(session: &Session, made: &Made) -> Result<()> {
    let packaging = session.workspace.root.join("packaging");
    for name in VERSIONS {
        if !read(&packaging.join(name))?.contains(&format!("\"{VERSION}\"")) {
            bail!("packaging/{name} does not name the version {VERSION}");
        }
    }
    let python = match python::pinned(session, "packaging/recipes.txt", "recipe-tools")? {
        Environment::Ready(python) => python,
        Environment::Missing(why) => bail!("{why}"),
    };
    let programs = python.parent().context("the Python environment has no folder of programs")?;
    let folder = session.workspace.scratch.join("dist/recipes");
    tree::fresh(&folder)?;
    rez(session, made, programs, &folder)?;
    conan(session, made, programs, &folder)?;
    vcpkg(&session.workspace, made, &folder)
}

/// A package that is built, resolved, and runs the tour of the first page.
fn rez(session: &Session, made: &Made, programs: &Path, folder: &Path) -> Result<()> {
    let workspace = &session.workspace;
    let recipe = folder.join("rez");
    tree::copy_folder(&workspace.root.join("packaging/rez"), &recipe)?;
    let packages = folder.join("rez-packages");
    let rez = |program: &str| {
        let mut command = local(Command::new(programs.join(program)));
        command
            .current_dir(&recipe)
            .env("REZ_LOCAL_PACKAGES_PATH", &packages)
            .env("REZ_PACKAGES_PATH", &packages)
            // Whatever is configured for the person who runs this.
            .env("REZ_DISABLE_HOME_CONFIG", "1")
            .env("HOME", folder)
            .env("SHOTGRID_ARCHIVE", &made.archive);
        command
    };
    captured(rez("rez-build").arg("--install"))?;
    let site = Site::start(&workspace.built()?.sandbox, &[], &log_file(folder, "rez-site"))?;
    let said = captured(
        rez("rez-env")
            .args(["shotgrid", "--", "sg_demo"])
            .args(site.quickstart_arguments()?),
    )?;
    if said.trim().is_empty() {
        bail!("sg_demo said nothing");
    }
    println!("   Rez: built, resolved, sg_demo ran");
    Ok(())
}

/// `conan create` with its test package, shared and static.
fn conan(session: &Session, made: &Made, programs: &Path, folder: &Path) -> Result<()> {
    let recipe = folder.join("conan");
    tree::copy_folder(&session.workspace.root.join("packaging/conan"), &recipe)?;
    let conan = || {
        let mut command = local(Command::new(programs.join("conan")));
        command.env("CONAN_HOME", folder.join("conan-home")).current_dir(folder);
        command
    };
    captured(conan().args(["profile", "detect"]))?;
    for shared in ["True", "False"] {
        let mut create = conan();
        create.arg("create").arg(&recipe);
        create.args(["-c", &format!("user.shotgrid:archive={}", made.archive.display())]);
        let output = create
            .args(["-o", &format!("shotgrid/*:shared={shared}")])
            .output()
            .context("conan could not be started")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || !said.contains(&format!("shotgrid {VERSION}: NETWORK")) {
            bail!("conan create with shared={shared}: {}\n{said}", output.status);
        }
    }
    println!("   Conan: created and tested, shared and static");
    Ok(())
}

/// vcpkg cannot be had from a package index: functions that stand in for its own run the port, and a program is built from what it installs.
fn vcpkg(workspace: &Workspace, made: &Made, folder: &Path) -> Result<()> {
    for linkage in ["dynamic", "static"] {
        let folder = folder.join("vcpkg").join(linkage);
        let prefix = folder.join("packages");
        tree::fresh(&folder)?;
        captured(
            Command::new(CMAKE.program)
                .arg(format!("-DPORT_FOLDER={}", workspace.root.join("packaging/vcpkg").display()))
                .arg(format!("-DCURRENT_BUILDTREES_DIR={}", folder.join("buildtrees").display()))
                .arg(format!("-DCURRENT_PACKAGES_DIR={}", prefix.display()))
                .arg(format!("-DVCPKG_LIBRARY_LINKAGE={linkage}"))
                .arg("-P")
                .arg(workspace.root.join("tests/stand_ins/vcpkg.cmake"))
                .env("SHOTGRID_ARCHIVE", &made.archive),
        )?;
        // Nothing but what was installed can be found from now on.
        let moved = folder.join("installed");
        fs::rename(&prefix, &moved).with_context(|| format!("{} cannot be moved", prefix.display()))?;
        tree::fresh(&folder.join("buildtrees"))?;
        for (name, dynamic, fixed) in VCPKG_FILES {
            let wanted = if linkage == "static" { *fixed } else { *dynamic };
            if moved.join(name).exists() != wanted {
                bail!("vcpkg, {linkage}: {name} is {}", if wanted { "missing" } else { "there" });
            }
        }
        example(workspace, &folder, &moved).with_context(|| format!("vcpkg, {linkage}"))?;
    }
    println!("   vcpkg: the port run with functions that stand in for vcpkg's, and used, shared and static; vcpkg itself has not run it");
    Ok(())
}

/// The program that Conan's recipe tests itself with, from a prefix.
fn example(workspace: &Workspace, folder: &Path, prefix: &Path) -> Result<()> {
    let build = folder.join("example");
    captured(
        Command::new(CMAKE.program)
            .arg("-S")
            .arg(workspace.root.join("packaging/conan/test_package"))
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())),
    )?;
    captured(Command::new(CMAKE.program).arg("--build").arg(&build))?;
    let said = captured(&mut local(Command::new(build.join("example"))))?;
    if said.contains(&format!("shotgrid {VERSION}: NETWORK")) {
        return Ok(());
    }
    bail!("the program said:\n{said}")
}
