//! `cargo xtask test`: the list of steps, how they are run and summed up.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bench::speed;
use crate::workspace::Workspace;
use crate::{
    abi, browser, c_programs, checks, codegen, cpp, dist, doc_site, docblock, elf, examples, header, hosts, house, languages, python,
    reliability, sbom, soak,
};

/// How a step ended when nothing failed.
pub enum Outcome {
    /// Everything was checked.
    Passed,
    /// It could not be run here; the reason as a sentence.
    Skipped(String),
}

/// What a step works with.
pub struct Session {
    /// The checkout and what was built of it.
    pub workspace: Workspace,
    /// Whether a skip is a failure, and so whether missing tools are installed.
    pub required: bool,
}

/// One named check.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Session) -> Result<Outcome>,
}

/// In the order in which they run: what answers fast first, so that a slip shows early.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "the Rust code is formatted",
        run: checks::format,
    },
    Step {
        name: "house",
        about: "file sizes, where unsafe may be, no standard streams",
        run: house::check,
    },
    Step {
        name: "header",
        about: "include/shotgrid.h is what src/ffi says",
        run: header::verify,
    },
    Step {
        name: "header-text",
        about: "every function has its whole comment, every name is ours",
        run: docblock::check,
    },
    Step {
        name: "c-header",
        about: "the header compiles as C and C++, alone and twice",
        run: checks::header_compiles,
    },
    Step {
        name: "abi",
        about: "the header is what abi/libshotgrid.abi says, or more; changes on purpose are told",
        run: abi::check,
    },
    Step {
        name: "tls-stack",
        about: "no OpenSSL and no native-tls in the tree",
        run: checks::tls_stack,
    },
    Step {
        name: "lints",
        about: "clippy finds nothing",
        run: checks::lints,
    },
    Step {
        name: "rust-tests",
        about: "cargo test of every package",
        run: checks::rust_tests,
    },
    Step {
        name: "symbols",
        about: "the library exports what the header says and no more",
        run: elf::symbols,
    },
    Step {
        name: "elf",
        about: "stays mapped, no search paths, no text relocations",
        run: elf::flags,
    },
    Step {
        name: "c-programs",
        about: "tests/c and tests/cpp as they are",
        run: c_programs::plain,
    },
    Step {
        name: "c-sanitized",
        about: "tests/c under the address and undefined-behaviour sanitizers",
        run: c_programs::sanitized,
    },
    Step {
        name: "c-valgrind",
        about: "tests/c under valgrind",
        run: c_programs::valgrind,
    },
    Step {
        name: "soak",
        about: "sixteen threads and every kind of call against a site that fails now and then, for a short while",
        run: soak::short,
    },
    Step {
        name: "cpp",
        about: "the C++ wrapper: compilers, variants, what must not compile, its examples",
        run: cpp::check,
    },
    Step {
        name: "quickstart",
        about: "the demo of the first page, from its start to its end",
        run: c_programs::quickstart,
    },
    Step {
        name: "examples",
        about: "programs with an event loop of their own, C and Qt, against a site that takes its time",
        run: examples::event_loops,
    },
    Step {
        name: "codegen",
        about: "the header of a whole site, by shotgrid-codegen, compiles; a mistyped field does not",
        run: codegen::check,
    },
    Step {
        name: "docs",
        about: "the guides and headers as a site: links, programs in the text, doxygen",
        run: doc_site::check,
    },
    Step {
        name: "languages",
        about: "the modules for Python, Lua, Ruby, Node, Java and C# tell the story of the first page",
        run: languages::check,
    },
    Step {
        name: "hosts",
        about: "plug-ins in Blender and GIMP, without a window",
        run: hosts::check,
    },
    Step {
        name: "official-client",
        about: "the official Python client against the local site",
        run: python::official_client,
    },
    Step {
        name: "parity",
        about: "the official Python client and the library send and return the same",
        run: python::parity,
    },
    Step {
        name: "browser",
        about: "the sandbox's pages in a headless Chromium",
        run: browser::pages,
    },
    Step {
        name: "reliability",
        about: "faults between client and site come to what docs/reliability.md says",
        run: reliability::check,
    },
    Step {
        name: "speed",
        about: "fixed work takes no more instructions than was accepted",
        run: speed::check,
    },
    Step {
        name: "dist",
        about: "the release archive: built for an old glibc, unpacked, looked at, and used",
        run: dist::check,
    },
    Step {
        name: "dependencies",
        about: "banned crates, licences and sources",
        run: checks::dependencies,
    },
    Step {
        name: "sbom",
        about: "the bill of materials is that of the library's tree",
        run: sbom::check,
    },
];

/// The steps, a line each.
pub fn list() -> String {
    let lines = STEPS.iter().map(|step| format!("  {:<28} {}", step.name, step.about));
    format!("The steps of test, in their order:\n\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Runs the named steps, or all of them.
pub fn run(workspace: Workspace, required: bool, names: &[&str]) -> Result<ExitCode> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let all: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step {unknown}; the steps are {}", all.join(", "));
    }
    let session = Session { workspace, required };
    let mut report = Vec::new();
    for step in STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)) {
        println!("== {}: {}", step.name, step.about);
        let started = Instant::now();
        let result = (step.run)(&session);
        let took = started.elapsed();
        match &result {
            Ok(Outcome::Passed) => println!("   passed in {}\n", seconds(took)),
            Ok(Outcome::Skipped(why)) => println!("   skipped: {why}\n"),
            Err(error) => println!("   FAILED after {}\n{}\n", seconds(took), indented(&format!("{error:#}"))),
        }
        report.push((step, result, took));
    }
    Ok(sum_up(&report, required))
}

/// Prints the table and gives the exit code.
fn sum_up(report: &[(&Step, Result<Outcome>, Duration)], required: bool) -> ExitCode {
    println!("== summary");
    let mut good = true;
    for (step, result, took) in report {
        let (word, note) = match result {
            Ok(Outcome::Passed) => ("passed", String::new()),
            Ok(Outcome::Skipped(why)) if required => ("FAILED", format!("required, but skipped: {why}")),
            Ok(Outcome::Skipped(why)) => ("skipped", why.clone()),
            Err(error) => ("FAILED", format!("{error:#}").lines().next().unwrap_or_default().to_owned()),
        };
        good &= word != "FAILED";
        println!("   {:<16} {word:<8} {:>8}  {note}", step.name, seconds(*took));
    }
    let total: Duration = report.iter().map(|(_, _, took)| *took).sum();
    println!(
        "   {:<16} {:<8} {:>8}",
        "all",
        if good { "passed" } else { "FAILED" },
        seconds(total)
    );
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
