//! Programs that sign in by the browser, and a person who approves or rejects: `cargo xtask test browser`, which compiles them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use shotgrid_sandbox::Sandbox;
use shotgrid_sandbox_browser::Browser;

/// A program that waits for its person. It ends with the test.
struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts the program that a variable names, and gives the path of the page that it shows.
    fn start(variable: &str, site: &Sandbox) -> Result<(Program, String)> {
        let program = std::env::var_os(variable).with_context(|| format!("{variable} names no program: run cargo xtask test browser"))?;
        let mut child = Command::new(program)
            .args([site.url(), "--show-only"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut started = Program { child, output };
        let mut line = String::new();
        // It ends where the program does.
        while started.output.read_line(&mut line)? > 0 {
            if let Some(path) = line.trim().strip_prefix(site.url()) {
                return Ok((started, path.to_owned()));
            }
            line.clear();
        }
        bail!("{variable} shows no address");
    }

    /// Its exit code and what it said, once it has ended.
    fn end(mut self) -> Result<(Option<i32>, String)> {
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > Duration::from_secs(60) {
                bail!("the program waits for ever");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        self.child.stderr.take().context("no errors")?.read_to_string(&mut said)?;
        Ok((self.child.wait()?.code(), said))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn decide(browser: &Browser, path: &str, decision: &str) -> Result<String> {
    browser.open(path).await?;
    if browser.path().await?.starts_with("/user/login") {
        browser.fill("#login", "artist").await?;
        browser.fill("#password", "artist-pass-1").await?;
        browser.follow("main button[type=submit]").await?;
    }
    let page = browser.text("main").await?;
    browser.follow(&format!("button[value={decision}]")).await?;
    Ok(page)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and compiled programs: cargo xtask test browser"]
async fn a_person_approves_and_rejects_the_sign_in_of_a_program() -> Result<()> {
    let site = Sandbox::builder().start()?;
    let browser = Browser::start(site.url()).await?;
    for variable in ["SG_SIGN_IN_C", "SG_SIGN_IN_CPP"] {
        let (program, path) = Program::start(variable, &site)?;
        let page = decide(&browser, &path, "approve").await?;
        assert!(page.contains("Sign-in example"), "{page}");
        let (code, said) = program.end()?;
        assert_eq!(code, Some(0), "{variable}: {said}");
        assert!(
            said.contains("Signed in as artist") && said.contains("The Harbour Light"),
            "{variable}: {said}"
        );

        let (program, path) = Program::start(variable, &site)?;
        decide(&browser, &path, "reject").await?;
        let (code, said) = program.end()?;
        assert_eq!(code, Some(1), "{variable}: {said}");
        assert!(said.contains("AUTH_SIGN_IN_REJECTED"), "{variable}: {said}");
    }
    browser.quit().await?;
    Ok(())
}
