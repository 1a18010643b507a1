//! include/shotgrid.h: written from src/ffi by cbindgen, committed, and compared.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::steps::{Outcome, Session};
use crate::workspace::Workspace;

/// The committed header.
pub fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("include/shotgrid.h")
}

/// Writes the header into the checkout.
pub fn write(workspace: &Workspace) -> Result<()> {
    let text = generate(workspace)?;
    let path = path(workspace);
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// Fails, with the difference, when the committed header is not what the sources say.
pub fn check(workspace: &Workspace) -> Result<()> {
    let fresh = generate(workspace)?;
    let committed = path(workspace);
    if fs::read(&committed).is_ok_and(|bytes| bytes == fresh) {
        return Ok(());
    }
    let fresh_path = workspace.scratch.join("shotgrid.h");
    fs::write(&fresh_path, fresh).with_context(|| format!("{} cannot be written", fresh_path.display()))?;
    let difference = Command::new("diff")
        .args(["-u", "--label", "committed", "--label", "from src/ffi"])
        .args([&committed, &fresh_path])
        .output()
        .context("diff could not be started")?;
    bail!(
        "include/shotgrid.h is not what src/ffi says; run `cargo xtask header` and commit it\n{}{}",
        String::from_utf8_lossy(&difference.stdout),
        String::from_utf8_lossy(&difference.stderr)
    );
}

/// The step of `cargo xtask test`.
pub fn verify(session: &Session) -> Result<Outcome> {
    check(&session.workspace).map(|()| Outcome::Passed)
}

fn generate(workspace: &Workspace) -> Result<Vec<u8>> {
    let config = cbindgen::Config::from_file(workspace.root.join("cbindgen.toml"))
        .map_err(|error| anyhow!("cbindgen.toml cannot be used: {error}"))?;
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_crate(&workspace.root)
        .generate()
        .context("the header cannot be generated from src/ffi")?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(text)
}
