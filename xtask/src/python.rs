//! The official Python client: against the local site, since whatever it can do there ours may rely on; and against the
//! library, call by call.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools::{self, PYTHON};
use crate::workspace::{bounded, captured, read};

/// How long the whole conversation may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(300);

/// The step of `cargo xtask test`.
pub fn official_client(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let python = match environment(session)? {
        Environment::Ready(python) => python,
        Environment::Missing(why) => return Ok(Outcome::Skipped(why)),
    };
    let site_log = log_file(&workspace.scratch, "official-client-site");
    let sandbox = &workspace.built()?.sandbox;
    let site = Site::start(sandbox, &[], &site_log)?;
    let script = workspace.root.join("sandbox/tests/official_client.py");
    run(session, &python, &script, &[&site.ready])?;
    // Each way to sign in wants a site of its own.
    let script = workspace.root.join("sandbox/tests/official_sign_in.py");
    run(session, &python, &script, &[&sandbox.display().to_string()])
}

/// The step of `cargo xtask test` that holds the library against the official client, call by call.
pub fn parity(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let python = match environment(session)? {
        Environment::Ready(python) => python,
        Environment::Missing(why) => return Ok(Outcome::Skipped(why)),
    };
    let library = workspace.built()?.cdylib.display().to_string();
    let script = workspace.root.join("tests/parity/run.py");
    run(session, &python, &script, &["--library", &library])
}

/// Runs a script of the environment and shows what it says.
fn run(session: &Session, python: &Path, script: &Path, arguments: &[&str]) -> Result<Outcome> {
    let name = script.file_stem().unwrap_or_default().to_string_lossy();
    let log = log_file(&session.workspace.scratch, &format!("python-{name}"));
    let mut command = local(Command::new(python));
    command.arg(script).args(arguments);
    let status = bounded(&mut command, &log, LIMIT)?;
    let said = read(&log)?;
    print!("{said}");
    match status {
        Some(status) if status.success() => Ok(Outcome::Passed),
        Some(status) => bail!("{name}: {status}"),
        None => bail!("{name} was ended after {} s", LIMIT.as_secs()),
    }
}

/// A virtual environment, or the reason why there is none.
pub enum Environment {
    /// Its interpreter.
    Ready(PathBuf),
    /// The reason as a sentence.
    Missing(String),
}

/// A virtual environment with the pinned client in it.
pub fn environment(session: &Session) -> Result<Environment> {
    pinned(session, "tests/official/requirements.txt", "official-client")
}

/// A virtual environment `name` below the build folder with what the file `requirements` of the checkout pins.
pub fn pinned(session: &Session, requirements: &str, name: &str) -> Result<Environment> {
    let workspace = &session.workspace;
    let requirements = workspace.root.join(requirements);
    let folder = workspace.scratch.join(name);
    let python = folder.join("bin/python");
    // The copy of the list that the environment was filled from: it is filled anew when the list changes.
    let stamp = folder.join("requirements.txt");
    let wanted = read(&requirements)?;
    if python.is_file() && read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Environment::Ready(python));
    }
    if let Some(why) = tools::missing(&PYTHON, session.required)? {
        return Ok(Environment::Missing(why));
    }
    let mut made = make(&folder);
    if made.is_err() && session.required && tools::may_install() {
        // Debian keeps this part of Python in a package of its own.
        tools::install_package("python3-venv")?;
        made = make(&folder);
    }
    if let Err(error) = made {
        return Ok(Environment::Missing(format!(
            "no virtual environment could be made (Debian: apt-get install python3-venv): {error:#}"
        )));
    }
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--no-deps",
        "-r",
    ]);
    if let Err(error) = captured(install.arg(&requirements)) {
        return Ok(Environment::Missing(format!(
            "what {} pins could not be installed: {error:#}",
            requirements.display()
        )));
    }
    std::fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(Environment::Ready(python))
}

fn make(folder: &Path) -> Result<()> {
    captured(Command::new(PYTHON.program).args(["-m", "venv", "--clear"]).arg(folder)).map(drop)
}
