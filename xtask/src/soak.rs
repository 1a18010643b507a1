//! `cargo xtask soak`: tests/soak/soak.c for as long as is asked, against a site that fails now and then.

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cc::{self, Language};
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::workspace::{Workspace, wait_at_most};

/// Long enough to see what grows.
const MINUTES: f64 = 30.0;
/// In the checks: long enough to see that it works, and what grows quickly.
const SHORT: Duration = Duration::from_secs(20);
/// What it may take longer, on a busy machine: to make its rows, and to end.
const MORE: Duration = Duration::from_secs(300);

/// The step of `cargo xtask test`.
pub fn short(session: &Session) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("it reads /proc, which Linux has".to_owned()));
    }
    if !soak(&session.workspace, SHORT)? {
        bail!("it gave a wrong answer, or something grows");
    }
    Ok(Outcome::Passed)
}

/// The command.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let good = soak(workspace, understand(arguments)?)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn understand(arguments: &[String]) -> Result<Duration> {
    let minutes = match arguments {
        [] => MINUTES,
        [option, minutes] if option == "--minutes" => minutes
            .parse()
            .ok()
            .filter(|minutes: &f64| (0.1..=10_000.0).contains(minutes))
            .with_context(|| format!("--minutes cannot be {minutes}; it is a number from 0.1"))?,
        _ => bail!("soak takes --minutes N and nothing else"),
    };
    Ok(Duration::from_secs_f64(minutes * 60.0))
}

/// Whether every answer was right and nothing grew.
fn soak(workspace: &Workspace, time: Duration) -> Result<bool> {
    let built = workspace.built()?;
    let folder = workspace.scratch.join("soak");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let (sources, program) = (workspace.root.join("tests/soak"), folder.join("soak"));
    cc::program(
        workspace,
        Language::C,
        &sources.join("soak.c"),
        &program,
        Some(&built.cdylib),
        &["-D_GNU_SOURCE", "-O1"],
    )?;
    let faults = sources.join("faults.json");
    let faults = faults.to_str().context("the checkout's path is no UTF-8")?;
    let site = Site::start(&built.sandbox, &["--faults", faults], &log_file(&folder, "site"))?;
    let mut command = local(Command::new(&program));
    command
        .arg(time.as_secs_f64().to_string())
        .envs(site.environment()?)
        .env("SG_TEST_FOLDER", &folder);
    let mut child = command
        .spawn()
        .with_context(|| format!("{} could not be started", program.display()))?;
    match wait_at_most(&mut child, time + MORE)? {
        Some(status) => Ok(status.success()),
        None => {
            child.kill().context("the soak could not be ended")?;
            child.wait().context("the soak could not be waited for")?;
            bail!("it hangs: it did not end within {} s", (time + MORE).as_secs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long() {
        let asked = |words: &[&str]| understand(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(asked(&[]).unwrap().as_secs(), 1800);
        assert_eq!(asked(&["--minutes", "0.5"]).unwrap().as_secs(), 30);
        for wrong in [&["--minutes"][..], &["--minutes", "x"], &["--minutes", "0"], &["10"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }
}
