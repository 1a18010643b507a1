//! `cargo xtask fuzz`: the targets of `fuzz/` under cargo-fuzz, each for a while. docs/fuzzing.md says what they check.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::site::local;
use crate::tools;
use crate::workspace::{Workspace, files_below, succeed};

/// The version of cargo-fuzz whose options are used here.
const CARGO_FUZZ: &str = "0.13.2";
/// The longest input that is tried: most of what there is to find is found by short ones, and those are quicker.
const LONGEST_INPUT: u32 = 4096;

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Wish {
    seconds: u32,
    address: bool,
    targets: Vec<String>,
}

/// Runs the named targets, or all.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let known = targets(workspace)?;
    let wish = understand(arguments, &known)?;
    let program = match tools::cargo_program(workspace, "cargo-fuzz", CARGO_FUZZ, true)? {
        Ok(program) => program,
        Err(why) => bail!(why),
    };
    let mut failed = Vec::new();
    for target in &wish.targets {
        println!("== {target}, {} s", wish.seconds);
        if !one(workspace, &program, &wish, target)? {
            failed.push(target.as_str());
        }
    }
    println!("== summary");
    for target in &wish.targets {
        let word = if failed.contains(&target.as_str()) { "FAILED" } else { "passed" };
        println!("   {target:<12} {word}");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The names of the programs.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let files = files_below(&workspace.root.join("fuzz/fuzz_targets"), "rs")?;
    let names = files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
    Ok(names.collect())
}

fn understand(arguments: &[String], known: &[String]) -> Result<Wish> {
    let mut wish = Wish {
        seconds: 60,
        address: false,
        targets: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--address" => wish.address = true,
            "--seconds" => {
                let number = words.next().context("--seconds needs a number")?;
                wish.seconds = number.parse().with_context(|| format!("--seconds cannot be {number}"))?;
            }
            name if known.iter().any(|target| target == name) => wish.targets.push(name.to_owned()),
            other => bail!(
                "fuzz knows no {other}; the targets are {}, the options --seconds N and --address",
                known.join(", ")
            ),
        }
    }
    if wish.targets.is_empty() {
        wish.targets = known.to_vec();
    }
    Ok(wish)
}

/// Whether nothing was found.
fn one(workspace: &Workspace, program: &Path, wish: &Wish, target: &str) -> Result<bool> {
    let folder = workspace.scratch.join("fuzz");
    let (new, findings) = (folder.join(target).join("corpus"), folder.join(target).join("findings"));
    for folder in [&new, &findings] {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    // The trust store is read at each connect, and no target needs it.
    let no_roots = folder.join("no-roots.pem");
    fs::write(&no_roots, "").with_context(|| format!("{} cannot be written", no_roots.display()))?;
    let cargo_fuzz = |verb: &str| {
        let mut command = Command::new(program);
        command
            .current_dir(&workspace.root)
            // Joining everything at the end is most of the time of a build, and makes nothing faster here.
            .env("CARGO_PROFILE_RELEASE_LTO", "false")
            .args([verb, "--features", "libfuzzer"])
            .args(["--sanitizer", if wish.address { "address" } else { "none" }])
            .arg("--target-dir")
            .arg(folder.join("target"))
            .arg(target);
        if wish.address {
            // The stable compiler has the sanitizer, behind a switch of the nightly one.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    };
    // By itself, since cargo may have to fetch something, for which it needs the trust store and perhaps a proxy.
    succeed(&mut cargo_fuzz("build"))?;
    let mut command = local(cargo_fuzz("run"));
    command
        .env("SSL_CERT_FILE", &no_roots)
        .args([new.as_path(), &workspace.root.join("fuzz/corpus").join(target)])
        .arg("--")
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg(format!("-max_total_time={}", wish.seconds))
        .arg(format!("-max_len={LONGEST_INPUT}"))
        .args(["-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1"]);
    let dictionary = workspace.root.join("fuzz/dictionaries").join(target).with_extension("dict");
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let status = command.status().context("cargo-fuzz could not be started")?;
    if !status.success() {
        println!(
            "   {status}. What was found is in {}; to see it again:\n   cargo xtask fuzz {target} --seconds 1 after copying it to fuzz/corpus/{target}",
            findings.display()
        );
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let known = ["document".to_owned(), "params".to_owned()];
        let asked = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            understand(&words, &known).map(|wish| (wish.seconds, wish.address, wish.targets.join(" ")))
        };
        assert_eq!(asked(&[]).unwrap(), (60, false, "document params".to_owned()));
        assert_eq!(
            asked(&["params", "--seconds", "5", "--address"]).unwrap(),
            (5, true, "params".to_owned())
        );
        for wrong in [&["param"][..], &["--seconds"], &["--seconds", "x"], &["--fast"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }
}
