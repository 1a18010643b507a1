//! The programs of tests/c and tests/cpp: compiled, given a site each, and run in three ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cc::{self, Language};
use crate::demo;
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools::{self, CXX, VALGRIND};
use crate::workspace::{Workspace, bounded, read};

/// What a program is linked with.
enum Links {
    /// libshotgrid.
    Library,
    /// The library of tests/panics: libshotgrid and a function that panics.
    Panics,
    /// Neither: it loads libshotgrid itself.
    Nothing,
}

/// A file of tests/c or tests/cpp. What cannot be looked at when it runs stands here with the reason.
struct Program {
    name: &'static str,
    language: Language,
    links: Links,
    /// What its site is started with beyond the defaults.
    site: &'static [&'static str],
    not_sanitized: Option<&'static str>,
    not_in_valgrind: Option<&'static str>,
    /// Whether memory that is lost at the end, also of forked children, is an error.
    leaks_count: bool,
}

impl Program {
    const fn new(name: &'static str, links: Links) -> Program {
        Program {
            name,
            language: Language::C,
            links,
            site: &[],
            not_sanitized: None,
            not_in_valgrind: None,
            leaks_count: true,
        }
    }
}

const PROGRAMS: &[Program] = &[
    Program::new("bad_input", Links::Library),
    Program::new("callbacks", Links::Library),
    Program::new("cancel", Links::Library),
    Program::new("cancel_calls", Links::Library),
    Program::new("cycles", Links::Library),
    Program::new("dlclose", Links::Nothing),
    Program::new("events", Links::Library),
    Program {
        // A child's copies of the parent's threads are gone, and with them the only pointers to what they had.
        leaks_count: false,
        ..Program::new("driving", Links::Library)
    },
    Program {
        not_sanitized: Some("a child forked beside busy threads inherits the sanitizer's own locks and hangs in its malloc"),
        // A child's copies of the parent's threads are gone, and with them the only pointers to what they had.
        leaks_count: false,
        ..Program::new("fork", Links::Library)
    },
    Program::new("frees", Links::Library),
    Program {
        not_sanitized: Some("a child forked beside busy threads inherits the sanitizer's own locks and hangs in its malloc"),
        // What is open when the process ends, and a child's copies of the parent's threads, are not given back.
        leaks_count: false,
        ..Program::new("in_flight", Links::Library)
    },
    Program::new("log", Links::Library),
    Program::new("panic", Links::Panics),
    Program::new("permission", Links::Library),
    Program::new("queue", Links::Library),
    Program::new("recording", Links::Library),
    Program {
        not_sanitized: Some("it looks through the memory of the process, and the sanitizer's shadow is terabytes"),
        not_in_valgrind: Some("valgrind keeps a copy of the environment, secrets and all, in the memory that it looks through"),
        ..Program::new("secrets", Links::Library)
    },
    Program {
        // Short enough to wait for their end, long enough for a renewed one to be used under valgrind.
        site: &["--session-lifetime", "6"],
        ..Program::new("session", Links::Library)
    },
    Program::new("sigmask", Links::Library),
    Program::new("sign_in", Links::Library),
    Program::new("sigpipe", Links::Library),
    Program::new("streams", Links::Panics),
    Program::new("thread_exit", Links::Library),
    Program::new("threads", Links::Library),
    Program::new("values", Links::Library),
    Program {
        language: Language::Cxx,
        ..Program::new("linkage", Links::Library)
    },
];

/// How the programs are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Sanitized,
    Valgrind,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Way::Plain => "plain",
            Way::Sanitized => "sanitized",
            Way::Valgrind => "valgrind",
        }
    }

    /// How long one program may take before it counts as hanging.
    const fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Way::Plain | Way::Sanitized => 120,
            Way::Valgrind => 600,
        })
    }

    const fn flags(self) -> &'static [&'static str] {
        match self {
            Way::Plain | Way::Valgrind => &["-D_GNU_SOURCE"],
            Way::Sanitized => &["-D_GNU_SOURCE", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        }
    }
}

/// How many programs did what.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

/// The step that runs them as they are.
pub fn plain(session: &Session) -> Result<Outcome> {
    step(session, Way::Plain)
}

/// The step that runs them with the sanitizers of the C compiler.
pub fn sanitized(session: &Session) -> Result<Outcome> {
    if let Some(why) = no_sanitizers(&session.workspace)? {
        return Ok(Outcome::Skipped(why));
    }
    step(session, Way::Sanitized)
}

/// The step that runs them under valgrind.
pub fn valgrind(session: &Session) -> Result<Outcome> {
    if let Some(why) = tools::missing(&VALGRIND, session.required)? {
        return Ok(Outcome::Skipped(why));
    }
    let outcome = step(session, Way::Valgrind)?;
    // What people copy must be as clean as the tests.
    demonstrated(session, Way::Valgrind)?;
    println!("   ok   quickstart");
    Ok(outcome)
}

/// The step that runs the demonstration of the first page, and sees it fail where it must.
pub fn quickstart(session: &Session) -> Result<Outcome> {
    print!("{}", demonstrated(session, Way::Plain)?);
    Ok(Outcome::Passed)
}

/// What the demonstration says when it is run in this way.
fn demonstrated(session: &Session, way: Way) -> Result<String> {
    let workspace = &session.workspace;
    let program = demo::compile(workspace)?;
    let site = Site::start(&workspace.built()?.sandbox, &[], &log_file(&workspace.scratch, "quickstart-site"))?;
    let run = |arguments: &[&str]| -> Result<(ExitStatus, String)> {
        let log = log_file(&workspace.scratch, "quickstart");
        let limit = way.limit();
        let command = match way {
            Way::Plain | Way::Sanitized => Command::new(&program),
            Way::Valgrind => under_valgrind(&program, true),
        };
        match bounded(local(command).args(arguments), &log, limit)? {
            Some(status) => Ok((status, read(&log)?)),
            None => bail!("quickstart was ended after {} s, it said:\n{}", limit.as_secs(), read(&log)?),
        }
    };
    let good = site.quickstart_arguments()?;
    let (status, told) = run(&good)?;
    if !status.success() {
        bail!("quickstart: {status}\n{told}");
    }
    let [url, login, _, script, key] = good;
    let (status, said) = run(&[url, login, "not the password", script, key])?;
    if status.code() != Some(1) || !said.contains("AUTH") {
        bail!("quickstart with a wrong password: {status}, where it should tell AUTH and end with 1:\n{said}");
    }
    Ok(told)
}

/// `cargo xtask c-tests`: every way that this machine has.
pub fn run_alone(workspace: &Workspace, names: &[&str]) -> Result<ExitCode> {
    if let Some(unknown) = names.iter().find(|name| PROGRAMS.iter().all(|program| program.name != **name)) {
        let all: Vec<&str> = PROGRAMS.iter().map(|program| program.name).collect();
        bail!("there is no program {unknown}; the programs are {}", all.join(", "));
    }
    let mut sum = Tally::default();
    for way in [Way::Plain, Way::Sanitized, Way::Valgrind] {
        let missing = match way {
            Way::Plain => None,
            Way::Sanitized => no_sanitizers(workspace)?,
            Way::Valgrind => tools::missing(&VALGRIND, false)?,
        };
        println!("== {}", way.name());
        if let Some(why) = missing {
            println!("   skipped: {why}");
            continue;
        }
        let tally = run(workspace, way, names)?;
        sum = Tally {
            passed: sum.passed + tally.passed,
            failed: sum.failed + tally.failed,
            skipped: sum.skipped + tally.skipped,
        };
    }
    print_tally(&sum);
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn step(session: &Session, way: Way) -> Result<Outcome> {
    let tally = run(&session.workspace, way, &[])?;
    print_tally(&tally);
    if tally.failed > 0 {
        bail!("{} of the C programs failed ({})", tally.failed, way.name());
    }
    Ok(Outcome::Passed)
}

fn print_tally(tally: &Tally) {
    print!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.skipped > 0 {
        print!(", {} skipped", tally.skipped);
    }
    println!();
}

/// Runs the named programs, or all, in one way.
fn run(workspace: &Workspace, way: Way, names: &[&str]) -> Result<Tally> {
    every_file_is_listed(workspace)?;
    let folder = workspace.scratch.join("c-programs").join(way.name());
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let old_library = as_on_an_old_system(workspace)?;
    let mut tally = Tally::default();
    for program in PROGRAMS.iter().filter(|program| names.is_empty() || names.contains(&program.name)) {
        let not_here = match way {
            Way::Plain => None,
            Way::Sanitized => program.not_sanitized,
            Way::Valgrind => program.not_in_valgrind,
        };
        if let Some(why) = not_here {
            println!("   skip {:<12} {why}", program.name);
            tally.skipped += 1;
            continue;
        }
        if program.language == Language::Cxx
            && let Some(why) = tools::missing(&CXX, false)?
        {
            println!("   skip {:<12} {why}", program.name);
            tally.skipped += 1;
            continue;
        }
        let started = Instant::now();
        let result = run_program(workspace, way, program, &folder, &old_library);
        let took = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                println!("   ok   {:<12} {took:.2} s", program.name);
                tally.passed += 1;
            }
            Err(error) => {
                println!("   FAIL {:<12} {took:.2} s\n{error:#}", program.name);
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}

/// Compiles a program, starts a site for it alone, and runs it.
fn run_program(workspace: &Workspace, way: Way, program: &Program, folder: &Path, old_library: &Path) -> Result<()> {
    let built = workspace.built()?;
    let extension = program.language.extension();
    let source = workspace
        .root
        .join("tests")
        .join(extension)
        .join(program.name)
        .with_extension(extension);
    let executable = folder.join(program.name);
    let library = match program.links {
        Links::Library => Some(built.cdylib.as_path()),
        Links::Panics => Some(built.panics.as_path()),
        Links::Nothing => None,
    };
    cc::program(workspace, program.language, &source, &executable, library, way.flags())?;
    let site = Site::start(&built.sandbox, program.site, &log_file(folder, &format!("{}-site", program.name)))?;
    let mut command = local(match way {
        Way::Plain | Way::Sanitized => Command::new(&executable),
        Way::Valgrind => under_valgrind(&executable, program.leaks_count),
    });
    command
        .envs(site.environment()?)
        .env("SG_TEST_LIBRARY", &built.cdylib)
        .env("SG_TEST_LIBRARY_OLD_SYSTEM", old_library)
        .env("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
        .env("UBSAN_OPTIONS", "print_stacktrace=1");
    let log = log_file(folder, program.name);
    match bounded(&mut command, &log, way.limit())? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{status}\n{}", read(&log)?.trim_end()),
        None => bail!("ended after {} s, it said:\n{}", way.limit().as_secs(), read(&log)?.trim_end()),
    }
}

/// Every wrong access is an error, and so is lost memory. What is still reachable at the end is not: the library keeps
/// its state for the life of the process.
pub fn under_valgrind(executable: &Path, leaks_count: bool) -> Command {
    let mut command = Command::new(VALGRIND.program);
    command.args(["--quiet", "--error-exitcode=99", "--num-callers=30", "--fair-sched=yes"]);
    if leaks_count {
        command.args([
            "--leak-check=full",
            "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect",
        ]);
    } else {
        command.arg("--leak-check=no");
    }
    command.arg(executable);
    command
}

/// A file that nobody runs would look like a test.
fn every_file_is_listed(workspace: &Workspace) -> Result<()> {
    for language in [Language::C, Language::Cxx] {
        let folder = workspace.root.join("tests").join(language.extension());
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
            let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
            if path.extension().is_some_and(|extension| extension == language.extension()) {
                files.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            }
        }
        let listed: BTreeSet<String> = PROGRAMS
            .iter()
            .filter(|program| program.language == language)
            .map(|program| program.name.to_owned())
            .collect();
        if files != listed {
            bail!("{} holds {files:?}, but the list in xtask says {listed:?}", folder.display());
        }
    }
    Ok(())
}

/// A copy of the library in which the name `__cxa_thread_atexit_impl` is one that no C library has. That is how it is
/// on glibc before 2.18: Rust then ends its thread-locals in another way, which crashes if the library was unmapped.
fn as_on_an_old_system(workspace: &Workspace) -> Result<PathBuf> {
    const KNOWN: &[u8] = b"\0__cxa_thread_atexit_impl\0";
    const UNKNOWN: &[u8] = b"\0__cxa_thread_atexit_none\0";
    let library = &workspace.built()?.cdylib;
    let mut bytes = fs::read(library).with_context(|| format!("{} cannot be read", library.display()))?;
    let places: Vec<usize> = bytes
        .windows(KNOWN.len())
        .enumerate()
        .filter(|(_, window)| *window == KNOWN)
        .map(|(place, _)| place)
        .collect();
    if cfg!(target_os = "linux") && places.is_empty() {
        bail!(
            "{} does not ask for __cxa_thread_atexit_impl; the test of unloading needs another way",
            library.display()
        );
    }
    for place in places {
        if let Some(name) = bytes.get_mut(place..place + KNOWN.len()) {
            name.copy_from_slice(UNKNOWN);
        }
    }
    let copy = workspace.scratch.join("libshotgrid-old-system.so");
    fs::write(&copy, bytes).with_context(|| format!("{} cannot be written", copy.display()))?;
    Ok(copy)
}

/// Why the sanitizers cannot be used here: some compilers come without their libraries.
fn no_sanitizers(workspace: &Workspace) -> Result<Option<String>> {
    let source = workspace.scratch.join("sanitizers.c");
    fs::write(&source, "int main(void) { return 0; }\n").with_context(|| format!("{} cannot be written", source.display()))?;
    let tried = cc::program(
        workspace,
        Language::C,
        &source,
        &workspace.scratch.join("sanitizers"),
        None,
        Way::Sanitized.flags(),
    );
    Ok(tried
        .err()
        .map(|_| "the C compiler has no sanitizers (Debian: apt-get install gcc)".to_owned()))
}
