//! The modules of other languages in examples: each tells the same story by its real runtime, and must say the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::dist;
use crate::site::{Site, local, log_file};
use crate::steps::{Outcome, Session};
use crate::tools::{self, MCS, PYTHON, Tool};
use crate::workspace::{Workspace, bounded, captured, read};

const LIMIT: Duration = Duration::from_secs(180);
/// Where Debian puts the bridge from Java to C.
const JNA: &str = "/usr/share/java/jna.jar";

/// One language: what it needs, and how its story is started.
struct Language {
    name: &'static str,
    needs: &'static [Tool],
    /// Prepares what must be compiled or fetched, and gives the command without the story's arguments.
    command: fn(&Story) -> Result<Command>,
    /// Each run's arguments behind the story's own.
    runs: &'static [&'static [&'static str]],
}

/// What a language works with.
struct Story {
    /// examples/<language>
    sources: PathBuf,
    /// Where it may put what it makes.
    scratch: PathBuf,
}

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package }
}

const LANGUAGES: &[Language] = &[
    Language {
        name: "python",
        needs: &[PYTHON],
        command: |story| Ok(interpreted("python3", &["-B"], &story.sources.join("story.py"))),
        runs: &[&[]],
    },
    Language {
        name: "lua",
        needs: &[tool("luajit", "luajit")],
        command: |story| Ok(interpreted("luajit", &[], &story.sources.join("story.lua"))),
        runs: &[&[]],
    },
    Language {
        name: "ruby",
        needs: &[tool("ruby", "ruby")],
        command: |story| Ok(interpreted("ruby", &["-w"], &story.sources.join("story.rb"))),
        runs: &[&[]],
    },
    Language {
        name: "node",
        needs: &[tool("node", "nodejs"), tool("npm", "npm")],
        command: node,
        runs: &[&[]],
    },
    Language {
        name: "java",
        needs: &[tool("javac", "default-jdk-headless")],
        command: java,
        runs: &[&[]],
    },
    Language {
        name: "csharp",
        needs: &[MCS, tool("mono", "mono-runtime")],
        command: csharp,
        runs: &[&[], &["frames"]],
    },
];

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let library = &dist::library(session, "languages")?;
    let expected = read(&workspace.root.join("examples/story.txt"))?;
    let mut missing = Vec::new();
    for language in LANGUAGES {
        if let Some(why) = lacks(session, language)? {
            missing.push(format!("{}: {why}", language.name));
            continue;
        }
        let story = Story {
            sources: workspace.root.join("examples").join(language.name),
            scratch: workspace.scratch.join("languages").join(language.name),
        };
        fs::create_dir_all(&story.scratch).with_context(|| format!("{} cannot be made", story.scratch.display()))?;
        for more in language.runs {
            let mut command = local((language.command)(&story).with_context(|| language.name)?);
            // C# has no other way to be told.
            let folder = library.parent().context("the library has no folder")?;
            command.env("SHOTGRID_LIBRARY", library).env("LD_LIBRARY_PATH", folder);
            let name = [&[language.name], *more].concat().join("-");
            tell(workspace, &name, command, more, &expected)?;
        }
    }
    if tools::missing(&PYTHON, session.required)?.is_none() {
        beside_the_story(workspace, library)?;
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::Skipped(missing.join("; ")))
}

/// What the module for Python can do that no story needs, each on a site of its own.
fn beside_the_story(workspace: &Workspace, library: &Path) -> Result<()> {
    let mut command = local(interpreted("python3", &["-B"], &workspace.root.join("tests/python/module.py")));
    command.arg(&workspace.built()?.sandbox).env("SHOTGRID_LIBRARY", library);
    let log = log_file(&workspace.scratch, "python-module");
    let status = bounded(&mut command, &log, LIMIT)?;
    if !status.is_some_and(|status| status.success()) {
        bail!("tests/python/module.py: {status:?}\n{}", read(&log)?);
    }
    println!("   python: sessions, a second factor, the browser, pages, progress");
    Ok(())
}

/// Runs one story on a site of its own, since each leaves something behind.
fn tell(workspace: &Workspace, name: &str, mut command: Command, more: &[&str], expected: &str) -> Result<()> {
    let site = Site::start(
        &workspace.built()?.sandbox,
        &[],
        &log_file(&workspace.scratch, &format!("story-{name}-site")),
    )?;
    command.args(site.quickstart_arguments()?).args(more);
    let log = log_file(&workspace.scratch, &format!("story-{name}"));
    let status = bounded(&mut command, &log, LIMIT)?;
    let said = read(&log)?;
    match status {
        Some(status) if status.success() && said == expected => println!("   {name}: told to the end"),
        Some(status) if status.success() => bail!("{name} tells another story than examples/story.txt:\n{said}"),
        Some(status) => bail!("{name}: {status}\n{said}"),
        None => bail!("{name} was ended after {} s, it said:\n{said}", LIMIT.as_secs()),
    }
    Ok(())
}

/// Why a language cannot be run here.
fn lacks(session: &Session, language: &Language) -> Result<Option<String>> {
    for needed in language.needs {
        if let Some(why) = tools::missing(needed, session.required)? {
            return Ok(Some(why));
        }
    }
    // What comes as a file and not as a program, by the package that brings it.
    let file = match language.name {
        "java" => (JNA, "libjna-java"),
        "csharp" => ("/usr/lib/mono/4.5/System.Core.dll", "libmono-system-core4.0-cil"),
        _ => return Ok(None),
    };
    let (path, package) = file;
    if !Path::new(path).exists() && session.required && tools::may_install() {
        tools::install_package(package)?;
    }
    let there = Path::new(path).exists();
    Ok((!there).then(|| format!("{path} is missing (Debian: apt-get install {package})")))
}

fn interpreted(program: &str, flags: &[&str], source: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(flags).arg(source).env("LC_ALL", "C.UTF-8");
    command
}

/// Copied, so that what npm fetches stays out of the checkout.
fn node(story: &Story) -> Result<Command> {
    for name in ["package.json", "package-lock.json", "shotgrid.mjs", "story.mjs"] {
        fs::copy(story.sources.join(name), story.scratch.join(name)).with_context(|| format!("{name} cannot be copied"))?;
    }
    let mut install = Command::new("npm");
    install.current_dir(&story.scratch);
    // The package holds what it needs for each system; its script would only build it anew.
    captured(install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]))?;
    Ok(interpreted("node", &["--expose-gc"], &story.scratch.join("story.mjs")))
}

fn java(story: &Story) -> Result<Command> {
    let mut compile = Command::new("javac");
    compile.args(["-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp", JNA, "-d"]);
    compile.arg(&story.scratch);
    captured(compile.args(["Shotgrid.java", "Story.java"].map(|name| story.sources.join(name))))?;
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{JNA}:{}", story.scratch.display())).arg("Story");
    Ok(command)
}

fn csharp(story: &Story) -> Result<Command> {
    let program = story.scratch.join("story.exe");
    let mut compile = Command::new("mcs");
    // The oldest version of the language that an engine in use has.
    compile
        .args(["-langversion:7", "-warnaserror"])
        .arg(format!("-out:{}", program.display()));
    captured(compile.args(["Shotgrid.cs", "Story.cs"].map(|name| story.sources.join(name))))?;
    Ok(interpreted("mono", &[], &program))
}
