//! The C++ wrapper: its headers, its tests in every variant that a host may build it in, what must not compile, its examples.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::c_programs::under_valgrind;
use crate::cc;
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools::{self, CLANGXX, CXX, Tool, VALGRIND};
use crate::workspace::{Workspace, bounded, files_below, read};

/// What the wrapper and everything that is written with it must pass besides the project's warnings.
const STRICT: &[&str] = &["-Wconversion", "-Wshadow", "-Wold-style-cast"];
/// As Unreal and others build.
const BARE: &[&str] = &["-fno-exceptions", "-fno-rtti"];

/// A way to build the tests, and to run them.
struct Variant {
    name: &'static str,
    standard: &'static str,
    flags: &'static [&'static str],
    /// Run under valgrind too, which wants to know the lines.
    valgrind: bool,
}

/// Compiled, linked and run by g++.
const VARIANTS: &[Variant] = &[
    Variant {
        name: "c++17",
        standard: "c++17",
        flags: &["-g"],
        valgrind: true,
    },
    Variant {
        name: "bare",
        standard: "c++17",
        flags: BARE,
        valgrind: false,
    },
    Variant {
        name: "old-strings",
        standard: "c++17",
        flags: &["-D_GLIBCXX_USE_CXX11_ABI=0"],
        valgrind: false,
    },
    Variant {
        name: "sanitized",
        standard: "c++20",
        flags: &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        valgrind: false,
    },
];

/// Only looked at by the compiler, for what the variants leave open: the files that use most of the headers.
const LOOKS: &[(&Tool, &str, &[&str])] = &[
    (&CXX, "c++23", &[]),
    (&CLANGXX, "c++17", BARE),
    (&CLANGXX, "c++20", &[]),
    // The name that every version knows c++23 by.
    (&CLANGXX, "c++2b", &[]),
];

const LOOKED_AT: &[&str] = &["calls", "methods", "operations", "text"];

/// The examples, by the credentials that they are started with, and what they must say.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("shots", "SG_TEST_ARTIST", "You may not update Shot.sg_status_list"),
    ("frames", "SG_TEST_SCRIPT", "characters"),
    ("can_i", "SG_TEST_ARTIST", "greyed out. Your role is Artist"),
    ("recorded", "SG_TEST_ARTIST", "replayed: you may not, as Artist"),
];

/// The example that follows the event log, and goes on where it was.
const FOLLOWER: &str = "follow_events";

/// A site with a shot that is not in progress yet, so that it can be set to that.
const SHOT_TO_DO: &str = r#"{
  "roles": [
    {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [{"id": 1, "effect": "allow", "verbs": ["read_entity"]}]},
    {"code": "admin", "display_name": "Admin", "entity_type": "HumanUser", "rules": [
      {"id": 1, "effect": "allow", "verbs": ["read_entity", "update_field"]}]}],
  "entities": [
    {"type": "Project", "rows": [{"$": "film", "name": "The Film"}]},
    {"type": "ApiUser", "rows": [{"firstname": "robot", "role": "api_admin"}]},
    {"type": "HumanUser", "rows": [{"login": "ann", "firstname": "Ann", "role": "admin", "password": "sesame-1"}]},
    {"type": "Shot", "rows": [{"code": "010", "project": "$film", "sg_status_list": "wtg"}]}]
}"#;

/// How long a program may take, under valgrind too.
const LIMIT: Duration = Duration::from_secs(300);

/// Something to be compiled, by itself.
struct Job {
    command: Command,
    /// What the compiler must say, one of each; none where it must be content.
    refusals: Option<Vec<String>>,
    about: String,
}

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    if let Some(why) = tools::missing(&CXX, session.required)? {
        return Ok(Outcome::Skipped(why));
    }
    let workspace = &session.workspace;
    let without_clang = tools::missing(&CLANGXX, session.required)?;
    let without_valgrind = tools::missing(&VALGRIND, session.required)?;
    let compilers: Vec<&Tool> = [&CXX].into_iter().chain(without_clang.is_none().then_some(&CLANGXX)).collect();
    let folder = workspace.scratch.join("cpp");
    let has_nlohmann = nlohmann(session, &folder)?;

    let mut jobs = Vec::new();
    let mut programs = Vec::new();
    for variant in VARIANTS {
        programs.push((variant, objects(workspace, variant, &folder, &mut jobs)?));
    }
    looks(workspace, &compilers, &mut jobs)?;
    headers_alone(workspace, &folder, &mut jobs)?;
    refused(workspace, &folder, &mut jobs)?;
    for name in EXAMPLES.iter().map(|(name, _, _)| *name).chain([FOLLOWER]) {
        jobs.push(example(workspace, name, &folder)?);
    }
    let count = jobs.len();
    all(jobs)?;
    println!("   {count} compilations");

    for (variant, objects) in &programs {
        let suite = link(workspace, variant, objects, &folder.join(variant.name))?;
        run(workspace, variant.name, &mut Command::new(&suite), &folder)?;
        if variant.valgrind && without_valgrind.is_none() {
            run(workspace, "valgrind", &mut under_valgrind(&suite, true), &folder)?;
        }
    }
    mixed(workspace, &programs, &folder)?;
    for example in EXAMPLES {
        run_example(workspace, *example, &folder)?;
    }
    run_follower(workspace, &folder)?;
    let left_out: Vec<String> = [without_clang, without_valgrind, has_nlohmann].into_iter().flatten().collect();
    Ok(if left_out.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Skipped(format!("in part: {}", left_out.join("; ")))
    })
}

/// Why the conversion to nlohmann::json is not tested; its test is empty then.
fn nlohmann(session: &Session, folder: &Path) -> Result<Option<String>> {
    let source = write(&folder.join("nlohmann-there.cpp"), "#include <nlohmann/json.hpp>\n")?;
    let there = || -> Result<bool> {
        let mut command = Command::new(CXX.program);
        let output = command
            .args(["-fsyntax-only"])
            .arg(&source)
            .output()
            .context("g++ could not be started")?;
        Ok(output.status.success())
    };
    if there()? {
        return Ok(None);
    }
    if session.required && tools::may_install() {
        tools::install_package("nlohmann-json3-dev")?;
        if there()? {
            return Ok(None);
        }
    }
    Ok(Some(
        "nlohmann/json.hpp is not installed (Debian: apt-get install nlohmann-json3-dev)".to_owned(),
    ))
}

fn compiler(workspace: &Workspace, by: &Tool, standard: &str, flags: &[&str]) -> Command {
    let mut command = cc::compiler(workspace, by.program, standard);
    command.args(STRICT).args(flags);
    command
}

fn suite_files(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    files_below(&workspace.root.join("tests/cpp/wrapper"), "cpp")
}

/// The jobs that compile the tests in a variant, and the objects that they make.
fn objects(workspace: &Workspace, variant: &Variant, folder: &Path, jobs: &mut Vec<Job>) -> Result<Vec<PathBuf>> {
    let folder = folder.join(variant.name);
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut objects = Vec::new();
    for source in suite_files(workspace)? {
        let object = folder.join(source.file_name().unwrap_or_default()).with_extension("o");
        let mut command = compiler(workspace, &CXX, variant.standard, variant.flags);
        command.args(["-c", "-o"]).arg(&object).arg(&source);
        jobs.push(Job {
            command,
            refusals: None,
            about: format!("{} ({})", source.display(), variant.name),
        });
        objects.push(object);
    }
    Ok(objects)
}

fn looks(workspace: &Workspace, compilers: &[&Tool], jobs: &mut Vec<Job>) -> Result<()> {
    for (by, standard, flags) in LOOKS {
        if !compilers.iter().any(|there| there.program == by.program) {
            continue;
        }
        for name in LOOKED_AT {
            let source = workspace.root.join("tests/cpp/wrapper").join(name).with_extension("cpp");
            let mut command = compiler(workspace, by, standard, flags);
            command.arg("-fsyntax-only").arg(&source);
            jobs.push(Job {
                command,
                refusals: None,
                about: format!("{} ({} {standard})", source.display(), by.program),
            });
        }
    }
    Ok(())
}

/// Each header is whole by itself, and may come twice.
fn headers_alone(workspace: &Workspace, folder: &Path, jobs: &mut Vec<Job>) -> Result<()> {
    let headers = files_below(&workspace.root.join("include/shotgrid"), "hpp")?;
    if headers.is_empty() {
        bail!("include/shotgrid holds no headers");
    }
    for header in headers {
        let name = header.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lines = read(&header)?.lines().count();
        if lines > crate::house::MOST_LINES {
            bail!(
                "{}: {lines} lines; split what is over {}",
                header.display(),
                crate::house::MOST_LINES
            );
        }
        let include = format!("#include <shotgrid/{name}>\n");
        let source = write(&folder.join(format!("alone-{name}.cpp")), &format!("{include}{include}"))?;
        let mut command = compiler(workspace, &CXX, "c++17", &[]);
        command.arg("-fsyntax-only").arg(source);
        jobs.push(Job {
            command,
            refusals: None,
            about: name,
        });
    }
    Ok(())
}

/// The cases of refused.cases: `==== name`, then `says a | b` where it must not compile, then the code.
fn refused(workspace: &Workspace, folder: &Path, jobs: &mut Vec<Job>) -> Result<()> {
    // Read once for all of them.
    let header = write(&folder.join("refused.hpp"), "#include <shotgrid/shotgrid.hpp>\n")?;
    let mut once = compiler(workspace, &CXX, "c++17", &[]);
    once.args(["-x", "c++-header", "-o"])
        .arg(header.with_extension("hpp.gch"))
        .arg(&header);
    cc::must_compile(&mut once)?;
    let text = read(&workspace.root.join("tests/cpp/wrapper/refused.cases"))?;
    for (index, case) in text.split("\n==== ").skip(1).enumerate() {
        let (name, rest) = case.split_once('\n').context("a case of refused.cases has no code")?;
        let (refusals, code) = match rest.strip_prefix("says ").and_then(|rest| rest.split_once('\n')) {
            Some((says, code)) => (Some(says.split(" | ").map(str::to_owned).collect()), code),
            None if name.starts_with("compiles") => (None, rest),
            None => bail!("refused.cases: the case \"{name}\" does not say why it is refused"),
        };
        let source = write(&folder.join(format!("refused-{index}.cpp")), code)?;
        let mut command = compiler(workspace, &CXX, "c++17", &[]);
        command.arg("-include").arg(&header).arg("-fsyntax-only").arg(&source);
        jobs.push(Job {
            command,
            refusals,
            about: format!("refused.cases, \"{name}\""),
        });
    }
    Ok(())
}

/// Compiles as its first comment says, and with our warnings.
fn example(workspace: &Workspace, name: &str, folder: &Path) -> Result<Job> {
    let source = workspace.root.join("examples/cpp").join(name).with_extension("cpp");
    let mut command = compiler(workspace, &CXX, "c++17", &[]);
    command.args(["-g", "-pthread", "-o"]).arg(folder.join(name)).arg(&source);
    cc::with_library(&mut command, &workspace.built()?.cdylib)?;
    Ok(Job {
        command,
        refusals: None,
        about: format!("examples/cpp/{name}.cpp"),
    })
}

/// Runs all jobs, as many at once as the machine has processors. Tells every fault.
fn all(jobs: Vec<Job>) -> Result<()> {
    let queue = Mutex::new(VecDeque::from(jobs));
    let faults = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().map_err(|_| anyhow!("a compilation ended badly"))?.pop_front();
            let Some(job) = next else { return Ok(()) };
            if let Err(fault) = compile(job) {
                faults
                    .lock()
                    .map_err(|_| anyhow!("a compilation ended badly"))?
                    .push(format!("{fault:#}"));
            }
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("a compilation ended badly"))?)
    })?;
    let faults = faults.into_inner().map_err(|_| anyhow!("a compilation ended badly"))?;
    if !faults.is_empty() {
        bail!("{} faults:\n{}", faults.len(), faults.join("\n"));
    }
    Ok(())
}

fn compile(mut job: Job) -> Result<()> {
    let Some(expected) = job.refusals else {
        return cc::must_compile(&mut job.command).with_context(|| job.about);
    };
    let output = job.command.output().with_context(|| format!("{}: no compiler", job.about))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        bail!("{} compiles, and must not", job.about);
    }
    if !expected.iter().any(|part| said.contains(part.as_str())) {
        bail!(
            "{} is refused, but not with \"{}\":\n{}",
            job.about,
            expected.join("\" or \""),
            said.trim_end()
        );
    }
    Ok(())
}

fn link(workspace: &Workspace, variant: &Variant, objects: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let suite = folder.join("suite");
    let mut command = compiler(workspace, &CXX, variant.standard, variant.flags);
    command.args(["-pthread", "-o"]).arg(&suite).args(objects);
    cc::with_library(&mut command, &workspace.built()?.cdylib)?;
    cc::must_compile(&mut command)?;
    Ok(suite)
}

/// Code with and without exceptions in one program, as a host that links libraries of both has it.
fn mixed(workspace: &Workspace, programs: &[(&Variant, Vec<PathBuf>)], folder: &Path) -> Result<()> {
    let [(with, its), (_, bare), ..] = programs else {
        bail!("there are no two variants to mix")
    };
    let pairs = its.iter().zip(bare).enumerate();
    let objects: Vec<PathBuf> = pairs
        .map(|(index, (with, without))| if index % 2 == 0 { with } else { without }.clone())
        .collect();
    let folder = folder.join("mixed");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let suite = link(workspace, with, &objects, &folder)?;
    run(workspace, "mixed", &mut Command::new(suite), &folder)
}

/// Runs the tests against a site of their own.
fn run(workspace: &Workspace, name: &str, command: &mut Command, folder: &Path) -> Result<()> {
    let site = Site::start(&workspace.built()?.sandbox, &[], &log_file(folder, &format!("{name}-site")))?;
    command
        .envs(site.environment()?)
        .env("SG_TEST_METHODS", workspace.root.join("docs/methods.md"))
        .env("SG_TEST_FOLDER", folder)
        .env("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
        .env("UBSAN_OPTIONS", "print_stacktrace=1");
    let mut command = local(std::mem::replace(command, Command::new("")));
    finished(name, &mut command, &log_file(folder, name)).map(|_| println!("   ok   {name}"))
}

fn run_example(workspace: &Workspace, (name, who, expected): (&str, &str, &str), folder: &Path) -> Result<()> {
    let site = Site::start(&workspace.built()?.sandbox, &[], &log_file(folder, &format!("{name}-site")))?;
    let [url, login, password, script, key] = site.quickstart_arguments()?;
    let credentials = if who == "SG_TEST_SCRIPT" {
        [script, key]
    } else {
        [login, password]
    };
    let mut command = local(Command::new(folder.join(name)));
    command.arg(url).args(credentials);
    if name == "recorded" {
        let recording = folder.join("recorded.rec");
        // Of an earlier run.
        let _ = fs::remove_file(&recording);
        command.arg(recording);
    }
    let said = finished(name, &mut command, &log_file(folder, name))?;
    if !said.contains(expected) {
        bail!("the example {name} does not say \"{expected}\":\n{said}");
    }
    println!("   ok   example {name}");
    Ok(())
}

/// Somebody changes a shot, the follower tells of it, and the next time it does not.
fn run_follower(workspace: &Workspace, folder: &Path) -> Result<()> {
    let seed = write(&folder.join("follow_events.seed"), SHOT_TO_DO)?;
    let seed = seed.to_str().context("the scratch folder's name is no UTF-8")?;
    let site = Site::start(
        &workspace.built()?.sandbox,
        &["--seed", seed],
        &log_file(folder, "follow_events-site"),
    )?;
    let log = log_file(folder, FOLLOWER);
    let admin = site.person("admin")?;
    let mut change = local(Command::new(folder.join("shots")));
    finished("shots", change.args([&site.url, &admin.login, &admin.password]), &log)?;
    // As kept by one who has seen nothing yet.
    let name = site.url.trim_start_matches("http://");
    let nothing = format!(r#"{{"shotgrid_events":1,"site":"{name}","floor":0,"seen":""}}"#);
    let state = write(&folder.join("follow_events.state"), &nothing)?;
    let follow = || {
        let mut command = local(Command::new(folder.join(FOLLOWER)));
        command.args([&site.url, &site.script_name, &site.api_key]).arg(&state).arg("2");
        finished(FOLLOWER, &mut command, &log)
    };
    let said = follow()?;
    if !said.contains("Shotgun_Shot_Change sg_status_list by ") || !said.contains("(person), perhaps told before") {
        bail!("the example {FOLLOWER} does not tell of the change:\n{said}");
    }
    let again = follow()?;
    if !again.is_empty() {
        bail!("the example {FOLLOWER} does not go on where it was:\n{again}");
    }
    println!("   ok   example {FOLLOWER}");
    Ok(())
}

/// What a program said that must end well.
fn finished(name: &str, command: &mut Command, log: &Path) -> Result<String> {
    match bounded(command, log, LIMIT)? {
        Some(status) if status.success() => read(log),
        Some(status) => bail!("{name}: {status}\n{}", read(log)?.trim_end()),
        None => bail!("{name} was ended after {} s, it said:\n{}", LIMIT.as_secs(), read(log)?.trim_end()),
    }
}

fn write(path: &Path, text: &str) -> Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path.to_path_buf())
}
