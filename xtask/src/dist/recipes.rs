//! The recipes of packaging: Rez and Conan take the archive and use what they made of it. (vcpkg's is not run.)

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Made, VERSION, tree};
use crate::python::{self, Environment};
use crate::site::{Site, local, log_file};
use crate::steps::Session;
use crate::workspace::captured;

/// Both, from an environment with what packaging/recipes.txt pins.
pub fn check(session: &Session, made: &Made) -> Result<()> {
    let python = match python::pinned(session, "packaging/recipes.txt", "recipe-tools")? {
        Environment::Ready(python) => python,
        Environment::Missing(why) => bail!("{why}"),
    };
    let programs = python.parent().context("the Python environment has no folder of programs")?;
    let folder = session.workspace.scratch.join("dist/recipes");
    tree::fresh(&folder)?;
    rez(session, made, programs, &folder)?;
    conan(session, made, programs, &folder)
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
