//! The developer's commands: `cargo xtask demo`, `cargo xtask test` and their parts. docs/developing.md tells the rest.

// Every line this program prints is meant for the person at the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod abi;
mod bench;
mod browser;
mod c_programs;
mod cc;
mod checks;
mod codegen;
mod cpp;
mod demo;
mod dist;
mod doc_site;
mod docblock;
mod elf;
mod examples;
mod fuzz;
mod header;
mod hosts;
mod house;
mod languages;
mod markdown;
mod network;
mod prototypes;
mod python;
mod reliability;
mod sbom;
mod site;
mod soak;
mod steps;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use workspace::Workspace;

const USAGE: &str = "\
cargo xtask <command>        cargo xtask <command> --help tells of one alone

  demo                         build the library and the local site, run examples/c/quickstart.c against it
  test [--required] [STEP…]    every check and test, or only the named steps
                               --required: a skipped step is a failure, and missing tools are installed
  c-tests [PROGRAM…]           the programs of tests/c, or only the named ones: plain, sanitized, under valgrind
  bench [--keep] [WORD…]       the library beside what people would use instead: medians, ratios, targets
                               --keep: the figures and charts go into docs/performance.md
  fuzz [TARGET…] [--seconds N] [--address]
                               the targets of fuzz/, or only the named ones, under cargo-fuzz, for 60 seconds each
  soak [--minutes N]           sixteen threads, every kind of call, a site that fails now and then, for 30 minutes
  sbom [PATH [TARGET]]         write what the shared library is made of, as CycloneDX; for this machine's kind unless told otherwise
  dist [--all] [GLIBC…]        release archives for the named versions of glibc (the oldest, when none is named; --all: every one),
                               looked at from the outside, in target/packages
  abi                          take what the header has more into abi/libshotgrid.abi; refuses what is no addition
  header [--check]             write include/shotgrid.h from src/ffi, or only compare
  reliability [--required] [SOURCE…]
                               measure what docs/reliability.md tells, and write its tables anew, or only those of the named sources
  reliability --writes N [--seed N]
                               a storm of so many faulted writes: none may be applied twice";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        println!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let is_help = |word: &String| matches!(word.as_str(), "help" | "--help" | "-h");
    if is_help(command) || rest.iter().any(|word| is_help(word) && word.starts_with('-')) {
        let about = if is_help(command) { rest.first() } else { Some(command) };
        println!("{}", help(about.map(String::as_str))?);
        return Ok(ExitCode::SUCCESS);
    }
    if command == "fuzz" {
        return fuzz::run(&Workspace::find()?, rest);
    }
    if command == "soak" {
        return soak::run(&Workspace::find()?, rest);
    }
    if command == "reliability" {
        return reliability::run(Workspace::find()?, rest);
    }
    let (flags, names): (Vec<&str>, Vec<&str>) = rest.iter().map(String::as_str).partition(|word| word.starts_with("--"));
    let known: &[&str] = match command.as_str() {
        "test" => &["--required"],
        "bench" => &["--keep"],
        "header" => &["--check"],
        "dist" => &["--all"],
        _ => &[],
    };
    if let Some(unknown) = flags.iter().find(|flag| !known.contains(flag)) {
        bail!("{command} has no option {unknown}\n\n{USAGE}");
    }
    let workspace = Workspace::find()?;
    match command.as_str() {
        "demo" => demo::run(&workspace),
        "test" => steps::run(workspace, !flags.is_empty(), &names),
        "bench" => bench::run(&steps::Session { workspace, required: true }, !flags.is_empty(), &names),
        "c-tests" => c_programs::run_alone(&workspace, &names),
        "sbom" => sbom::run(&workspace, &names),
        "abi" => abi::update(&workspace),
        "dist" => dist::run(workspace, !flags.is_empty(), &names),
        "header" if flags.is_empty() => header::write(&workspace).map(|()| ExitCode::SUCCESS),
        "header" => header::check(&workspace).map(|()| ExitCode::SUCCESS),
        other => bail!("there is no command {other}\n\n{USAGE}"),
    }
}

/// What is said of one command, or of all.
fn help(command: Option<&str>) -> Result<String> {
    let Some(command) = command else {
        return Ok(format!("{USAGE}\n\n{}", steps::list()));
    };
    // What belongs to a command stands below its first line, farther to the right.
    let mut ours = false;
    let lines = USAGE.lines().skip(1).filter(|line| {
        if let Some(rest) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) {
            ours = rest.split(' ').next() == Some(command);
        }
        ours
    });
    let about: Vec<&str> = lines.collect();
    if about.is_empty() {
        bail!("there is no command {command}\n\n{USAGE}");
    }
    let steps = if command == "test" {
        format!("\n\n{}", steps::list())
    } else {
        String::new()
    };
    Ok(format!("{}{steps}", about.join("\n")))
}
