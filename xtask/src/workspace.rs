//! Where the project's files are, how its packages are built, and how other programs are run.

use std::cell::OnceCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Every package but this one. Always the same selection, so that no dependency is built twice with other features.
pub const PRODUCT: &[&str] = &["--workspace", "--exclude", "xtask"];

/// The checkout, its build folder, and what was built.
pub struct Workspace {
    /// The top folder of the checkout.
    pub root: PathBuf,
    /// Where these commands put what they make: programs, logs, the Python environment.
    pub scratch: PathBuf,
    /// Where tools are installed that the project pins.
    pub tools: PathBuf,
    /// Where archives and packages are put that go out of the house.
    pub packages: PathBuf,
    built: OnceCell<Built>,
    released: OnceCell<PathBuf>,
}

/// The artefacts that the C programs and the sandbox's users need.
pub struct Built {
    /// The shared library.
    pub cdylib: PathBuf,
    /// The library with a function that panics on purpose, for the C tests.
    pub panics: PathBuf,
    /// The sandbox's program.
    pub sandbox: PathBuf,
    /// The program that writes headers of a site.
    pub codegen: PathBuf,
}

impl Workspace {
    /// Asks cargo where the build folder is.
    pub fn find() -> Result<Workspace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the xtask package has no parent folder")?
            .to_path_buf();
        let metadata = captured(cargo(&root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
        let target = metadata
            .get("target_directory")
            .and_then(Value::as_str)
            .map(PathBuf::from)
            .context("cargo metadata names no target_directory")?;
        let scratch = target.join("xtask");
        fs::create_dir_all(&scratch).with_context(|| format!("{} cannot be made", scratch.display()))?;
        // A folder that outlives the clone may be named, so that pinned tools are built once a machine.
        let tools = std::env::var_os("SHOTGRID_TOOLS").map_or_else(|| target.join("tools"), PathBuf::from);
        Ok(Workspace {
            root,
            scratch,
            tools,
            packages: target.join("packages"),
            built: OnceCell::new(),
            released: OnceCell::new(),
        })
    }

    /// A cargo command in the checkout.
    pub fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// Builds the product once (the same profile and features as the tests) and tells where things are.
    pub fn built(&self) -> Result<&Built> {
        if let Some(built) = self.built.get() {
            return Ok(built);
        }
        let files = self.build(PRODUCT)?;
        let built = Built {
            cdylib: named(&files, &library("shotgrid"))?,
            panics: named(&files, &library("shotgrid_panics"))?,
            sandbox: named(&files, &format!("shotgrid-sandbox{}", std::env::consts::EXE_SUFFIX))?,
            codegen: named(&files, &format!("shotgrid-codegen{}", std::env::consts::EXE_SUFFIX))?,
        };
        Ok(self.built.get_or_init(|| built))
    }

    /// The shared library as it is released: built once, by itself, for whoever measures or packs it.
    pub fn released(&self) -> Result<&Path> {
        if let Some(released) = self.released.get() {
            return Ok(released);
        }
        let files = self.build(&["--release", "-p", "libshotgrid"])?;
        let cdylib = named(&files, &library("shotgrid"))?;
        Ok(self.released.get_or_init(|| cdylib))
    }

    /// Runs cargo build and tells which files it made.
    fn build(&self, what: &[&str]) -> Result<Vec<PathBuf>> {
        let output = self
            .cargo()
            .args(["build", "--message-format=json-render-diagnostics"])
            .args(what)
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        if !output.status.success() {
            bail!("the build failed");
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        Ok(messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message.get("reason").and_then(Value::as_str) == Some("compiler-artifact"))
            .filter_map(|message| message.get("filenames").and_then(Value::as_array).cloned())
            .flatten()
            .filter_map(|file| file.as_str().map(PathBuf::from))
            .collect())
    }
}

fn library(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// The file of this name among those that were built.
fn named(files: &[PathBuf], name: &str) -> Result<PathBuf> {
    files
        .iter()
        .find(|file| file.file_name().is_some_and(|found| found == name))
        .cloned()
        .with_context(|| format!("the build made no {name}"))
}

/// The cargo that started us, without what it set for us alone: build scripts that watch those variables
/// (ring's does) would otherwise build everything again each time the commands here and a plain cargo alternate.
fn cargo(root: &Path) -> Command {
    let mut command = without_cargo_variables(Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())));
    command.current_dir(root);
    command
}

/// A program that starts cargo or a compiler, without what the cargo that started us set for us alone.
pub fn without_cargo_variables(mut command: Command) -> Command {
    command.env_remove("LD_LIBRARY_PATH");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|part| text.starts_with(part))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Standard output of a program that must succeed; what it wrote to standard error is told when it does not.
pub fn captured(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{} could not be started", shown(command)))?;
    if !output.status.success() {
        bail!(
            "{}: {}\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", shown(command)))
}

/// Runs a program whose output goes straight to the terminal, and which must succeed.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{} could not be started", shown(command)))?;
    if !status.success() {
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}

/// Runs a program for at most `limit`, its output in the file `log`. `None` when it had to be ended.
pub fn bounded(command: &mut Command, log: &Path, limit: Duration) -> Result<Option<ExitStatus>> {
    let output = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
    let errors = output.try_clone().context("a file handle could not be doubled")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .with_context(|| format!("{} could not be started", shown(command)))?;
    let status = wait_at_most(&mut child, limit)?;
    if status.is_none() {
        child.kill().context("a program that took too long could not be ended")?;
        child.wait().context("a program that was ended could not be waited for")?;
    }
    Ok(status)
}

/// Waits for a child for at most `limit`; `None` when it still runs.
pub fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().context("a program could not be waited for")? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A file of the project as text.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The files below a folder that have this ending, in order.
pub fn files_below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The command line as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
