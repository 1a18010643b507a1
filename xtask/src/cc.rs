//! The C compiler: how the project's C programs are compiled and linked.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::CXX;
use crate::workspace::Workspace;

/// What every C and C++ file of the project, and the header, must pass.
pub const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The C compiler: `$CC`, or `cc`.
pub fn c_compiler() -> OsString {
    std::env::var_os("CC")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "cc".into())
}

/// A compiler with the project's warnings and its header.
pub fn compiler(workspace: &Workspace, program: impl Into<OsString>, standard: &str) -> Command {
    let mut command = Command::new(program.into());
    command
        .arg(format!("-std={standard}"))
        .args(WARNINGS)
        .arg("-I")
        .arg(workspace.root.join("include"));
    command
}

/// A language and its standard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// C99 by the C compiler.
    C,
    /// C++11 by g++: the oldest that the header is for.
    Cxx,
}

impl Language {
    /// The ending of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Language::C => "c",
            Language::Cxx => "cpp",
        }
    }
}

/// Compiles one file to a program; `library` is the shared library that it is linked with, if any, and found
/// again by its folder when the program runs.
pub fn program(
    workspace: &Workspace,
    language: Language,
    source: &Path,
    output: &Path,
    library: Option<&Path>,
    flags: &[&str],
) -> Result<()> {
    let mut command = match language {
        Language::C => compiler(workspace, c_compiler(), "c99"),
        Language::Cxx => compiler(workspace, CXX.program, "c++11"),
    };
    command.args(["-g", "-pthread"]).args(flags).arg("-o").arg(output).arg(source);
    if let Some(library) = library {
        with_library(&mut command, library)?;
    }
    // Part of the C library since glibc 2.34, a library of its own before.
    command.args(cfg!(target_os = "linux").then_some("-ldl"));
    must_compile(&mut command)
}

/// Links with a shared library, which the program finds again by its folder.
pub fn with_library(command: &mut Command, library: &Path) -> Result<()> {
    let folder = library.parent().context("the library has no folder")?;
    let mut search = OsString::from("-Wl,-rpath,");
    search.push(folder);
    command.arg(library_name(library)?).arg("-L").arg(folder).arg(search);
    Ok(())
}

/// Runs a compiler; its words are the error.
pub fn must_compile(command: &mut Command) -> Result<()> {
    let compiler = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("the compiler {compiler} could not be started"))?;
    if !output.status.success() {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        bail!(
            "{compiler} {}\n{}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// `libshotgrid.so` is `-lshotgrid`.
fn library_name(library: &Path) -> Result<String> {
    let stem = library
        .file_stem()
        .and_then(|stem| stem.to_str())
        .context("the library's name is no UTF-8")?;
    Ok(format!("-l{}", stem.strip_prefix("lib").unwrap_or(stem)))
}
