//! `cargo xtask demo`: the first page's demonstration against a local site.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::cc::{self, Language};
use crate::site::{Site, local, log_file};
use crate::workspace::Workspace;

/// Builds everything, starts a site, runs the program, ends the site.
pub fn run(workspace: &Workspace) -> Result<ExitCode> {
    println!("Building the library and the local site …");
    let built = workspace.built()?;
    println!("Compiling examples/c/quickstart.c …");
    let program = compile(workspace)?;
    let site = Site::start(&built.sandbox, &[], &log_file(&workspace.scratch, "demo-site"))?;
    println!("A local site runs at {}.\n", site.url);
    let status = local(Command::new(&program))
        .args(site.quickstart_arguments()?)
        .status()
        .with_context(|| format!("{} could not be started", program.display()))?;
    drop(site);
    println!("\nThe local site was stopped. The program's source: examples/c/quickstart.c");
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("quickstart: {status}");
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The program of the demonstration, compiled as its readers would.
pub fn compile(workspace: &Workspace) -> Result<PathBuf> {
    let source = workspace.root.join("examples/c/quickstart.c");
    let program = workspace.scratch.join("quickstart");
    cc::program(workspace, Language::C, &source, &program, Some(&workspace.built()?.cdylib), &[])?;
    Ok(program)
}
