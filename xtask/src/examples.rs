//! The examples that never wait: compiled as their readers would, and run against a site that takes its time.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cc::{self, Language};
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools;
use crate::workspace::{Workspace, bounded, captured, read, wait_at_most};

const LIMIT: Duration = Duration::from_secs(120);
/// How long the site thinks before each answer. What never waits does not feel it.
const THINKS_MS: u64 = 300;
/// The longest that a program may be away from its event loop, on a machine that is busy with other tests.
const AWAY_MS: f64 = 150.0;

/// The step of `cargo xtask test`.
pub fn event_loops(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let faults = workspace.scratch.join("slow-site.json");
    std::fs::write(&faults, format!(r#"[{{"kind": "delay", "ms": {THINKS_MS}, "endpoint": "api"}}]"#))?;
    let faults = faults.to_str().context("the scratch folder's name is no UTF-8")?.to_owned();
    let site = Site::start(
        &workspace.built()?.sandbox,
        &["--faults", &faults],
        &log_file(&workspace.scratch, "examples-site"),
    )?;
    followed(workspace, &site, || poll_loop(workspace, &site))?;
    preflight(workspace, &site)?;
    recorded(workspace, &site)?;
    qt(session, &site)
}

/// Somebody who follows the event log while `happens` publishes a version, and goes on later where it was.
fn followed(workspace: &Workspace, site: &Site, happens: impl FnOnce() -> Result<()>) -> Result<()> {
    let program = workspace.scratch.join("follow_events");
    let source = workspace.root.join("examples/c/follow_events.c");
    cc::program(workspace, Language::C, &source, &program, Some(&workspace.built()?.cdylib), &[])?;
    let state = workspace.scratch.join("follow_events.state");
    // Of an earlier run, and of another site.
    let _ = std::fs::remove_file(&state);
    let state = state.to_str().context("the scratch folder's name is no UTF-8")?;
    let arguments = |seconds| [&site.url, &site.script_name, &site.api_key, state, seconds];
    let log = log_file(&workspace.scratch, "follow_events");
    let mut command = local(Command::new(&program));
    let mut following = command.args(arguments("10")).stdout(std::fs::File::create(&log)?).spawn()?;
    // A feed begins at its first look.
    std::thread::sleep(Duration::from_secs(4));
    let happened = happens();
    let Some(status) = wait_at_most(&mut following, LIMIT)? else {
        following.kill()?;
        following.wait()?;
        bail!("follow_events was ended after {} s", LIMIT.as_secs());
    };
    happened?;
    let said = read(&log)?;
    if !status.success() || !said.contains("Shotgun_Version_New") {
        bail!("follow_events did not tell of the version: {status}\n{said}");
    }
    run(workspace, &program, &arguments("1"), "follow_events-again").map(drop)
}

/// A button that is greyed out for an artist.
fn preflight(workspace: &Workspace, site: &Site) -> Result<()> {
    let program = workspace.scratch.join("can_i");
    let source = workspace.root.join("examples/c/can_i.c");
    cc::program(workspace, Language::C, &source, &program, Some(&workspace.built()?.cdylib), &[])?;
    let [url, login, password, ..] = site.quickstart_arguments()?;
    let said = run(workspace, &program, &[url, login, password], "can_i")?;
    if !said.contains("greyed out. Your role is Artist") {
        bail!("can_i did not grey out the button:\n{said}");
    }
    Ok(())
}

/// A test that is recorded, and then needs no site.
fn recorded(workspace: &Workspace, site: &Site) -> Result<()> {
    let program = workspace.scratch.join("recorded");
    let source = workspace.root.join("examples/c/recorded.c");
    cc::program(workspace, Language::C, &source, &program, Some(&workspace.built()?.cdylib), &[])?;
    let recording = workspace.scratch.join("recorded.rec");
    let _ = std::fs::remove_file(&recording);
    let recording = recording.to_str().context("the scratch folder's name is no UTF-8")?;
    let said = run(
        workspace,
        &program,
        &[recording, &site.url, &site.script_name, &site.api_key],
        "recorded",
    )?;
    let again = run(workspace, &program, &[recording], "recorded-again")?;
    if said.contains("none") || said.replace("recorded:", "replayed:") != again {
        bail!("recorded was told one thing by the site and another by the recording:\n{said}{again}");
    }
    Ok(())
}

/// A loop of poll() in C: lists, uploads and reads back.
fn poll_loop(workspace: &Workspace, site: &Site) -> Result<()> {
    let program = workspace.scratch.join("event_loop");
    let source = workspace.root.join("examples/c/event_loop.c");
    cc::program(workspace, Language::C, &source, &program, Some(&workspace.built()?.cdylib), &[])?;
    let movie = workspace.scratch.join("a \"movie\".mov");
    std::fs::write(&movie, vec![b'm'; 8 << 20])?;
    let movie = movie.to_str().context("the scratch folder's name is no UTF-8")?;
    let said = run(
        workspace,
        &program,
        &[&site.url, &site.script_name, &site.api_key, movie],
        "event_loop",
    )?;
    if !said.contains("The site has it: a \"movie\".mov") {
        bail!("event_loop did not publish the file:\n{said}");
    }
    let away = said.split("at most ").nth(1).and_then(|rest| rest.split(' ').next());
    not_away(away, &said)
}

/// A Qt application without a screen.
fn qt(session: &Session, site: &Site) -> Result<Outcome> {
    let workspace = &session.workspace;
    if let Some(why) = tools::missing_module("Qt5Widgets", "qtbase5-dev", session.required)? {
        return Ok(Outcome::Skipped(why));
    }
    let program = workspace.scratch.join("shot_list");
    let flags = captured(Command::new("pkg-config").args(["--cflags", "--libs", "Qt5Widgets"]))?;
    // Its own headers are not ours to warn about.
    let flags = flags.replace("-I", "-isystem");
    let mut command = cc::compiler(workspace, tools::CXX.program, "c++17");
    command.args(["-g", "-fPIC", "-o"]).arg(&program);
    command.arg(workspace.root.join("examples/qt/shot_list.cpp"));
    cc::with_library(&mut command, &workspace.built()?.cdylib)?;
    command.args(flags.split_whitespace());
    cc::must_compile(&mut command)?;
    let said = run(
        workspace,
        &program,
        &[&site.url, &site.script_name, &site.api_key, "--quit"],
        "shot_list",
    )?;
    let beats = said.split(" beats").next().and_then(|text| text.split_whitespace().last());
    let beats: u64 = beats.and_then(|beats| beats.parse().ok()).unwrap_or(0);
    // Two answers in a row are waited for at least: sign-in and the first page.
    if beats < 2 * THINKS_MS / 20 {
        bail!("the window stood still: {beats} beats\n{said}");
    }
    not_away(said.split("between two ").nth(1).and_then(|rest| rest.split(' ').next()), &said)?;
    Ok(Outcome::Passed)
}

fn not_away(milliseconds: Option<&str>, said: &str) -> Result<()> {
    let away: f64 = milliseconds.and_then(|text| text.parse().ok()).unwrap_or(f64::MAX);
    if away > AWAY_MS {
        bail!("the program waited where it must not, {away} ms:\n{said}");
    }
    Ok(())
}

fn run(workspace: &Workspace, program: &Path, arguments: &[&str], name: &str) -> Result<String> {
    let log = log_file(&workspace.scratch, name);
    let mut command = local(Command::new(program));
    command.args(arguments).env("QT_QPA_PLATFORM", "offscreen");
    let Some(status) = bounded(&mut command, &log, LIMIT)? else {
        bail!("{name} was ended after {} s, it said:\n{}", LIMIT.as_secs(), read(&log)?);
    };
    let said = read(&log)?;
    print!("{said}");
    if !status.success() {
        bail!("{name}: {status}\n{said}");
    }
    Ok(said)
}
