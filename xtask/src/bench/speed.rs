//! The step `speed`: instruction counts of fixed work against those that were accepted. They do not depend on what else the
//! machine does, and times are left to `cargo xtask bench`.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::plan::Server;
use super::programs::{Canned, library_program, released, server_program};
use crate::steps::{Outcome, Session};
use crate::tools::{self, VALGRIND};
use crate::workspace::{bounded, read};

/// How much more than the accepted number of instructions is a failure. Compilers differ by a few percent. What is accepted was counted
/// with AVX2, which valgrind offers where the processor has it.
const TOLERANCE: f64 = 1.10;
/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Fixed work: its name in benches/instructions.json, what the program does, how many rows, and two counts of repetitions. What is
/// between the counts is the work alone, without the start of the process.
const WORKS: &[(&str, &str, &str, [u32; 2])] = &[
    ("one entity", "one", "1", [100, 600]),
    ("500 rows, all values", "rows", "500", [2, 12]),
    ("500 rows, text", "text", "500", [2, 12]),
    ("100 creates, one batch", "batch", "100", [10, 60]),
];

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    if let Some(why) = tools::missing(&VALGRIND, session.required)? {
        return Ok(Outcome::Skipped(why));
    }
    if let Some(why) = tools::missing_module("libcrypto", "libssl-dev", session.required)? {
        return Ok(Outcome::Skipped(why));
    }
    let accepted = session.workspace.root.join("benches/instructions.json");
    let accepted: Value = serde_json::from_str(&read(&accepted)?).with_context(|| format!("{} is no JSON", accepted.display()))?;
    let folder = session.workspace.scratch.join("bench");
    let program = library_program(session, &folder)?;
    let server = Canned::start(&server_program(session, &folder)?, Server::Fast, &folder)?;
    let log = folder.join("callgrind");
    let mut worse = Vec::new();
    for (name, work, size, counts) in WORKS {
        let count = |repetitions: u32| -> Result<f64> {
            let mut command = released(Command::new(VALGRIND.program));
            command
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=yes"])
                .arg(&program)
                .args([work, &*server.url(), &repetitions.to_string(), size, "5000", "-", "-"]);
            match bounded(&mut command, &log, LIMIT)? {
                Some(status) if status.success() => collected(&read(&log)?),
                Some(status) => bail!("{name}: {status}\n{}", read(&log)?),
                None => bail!("{name}: ended after {} s", LIMIT.as_secs()),
            }
        };
        let [few, many] = *counts;
        let found = (count(many)? - count(few)?) / f64::from(many - few);
        let limit = accepted
            .get(name)
            .and_then(Value::as_f64)
            .with_context(|| format!("benches/instructions.json has no \"{name}\""))?;
        println!(
            "   {name:<24} {found:>12.0} instructions, accepted {limit:>12.0}: {:+.1} %",
            (found / limit - 1.0) * 100.0
        );
        if found > limit * TOLERANCE {
            worse.push(*name);
        }
    }
    if !worse.is_empty() {
        bail!(
            "more instructions than was accepted: {}; where that is right, write the new number into benches/instructions.json",
            worse.join(", ")
        );
    }
    Ok(Outcome::Passed)
}

/// `==1== Collected : 123456`
fn collected(said: &str) -> Result<f64> {
    let number = said
        .lines()
        .find_map(|line| line.split_once("Collected : ").map(|(_, number)| number.trim()));
    let number = number.with_context(|| format!("callgrind told no count:\n{said}"))?;
    number.parse().with_context(|| format!("{number} is no count"))
}
