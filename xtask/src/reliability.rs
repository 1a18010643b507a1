//! `cargo xtask reliability`: measures what docs/reliability.md promises, and writes or compares its tables.
//!
//! A test that finds the variable [`ROWS`] set to a folder writes there one file for each section of the page, `NN-NAME.json`:
//! `{"title", "about", "columns": […], "rows": [[…]]}`. Sections stand in the order of their files' names. Cells are what does not
//! depend on the machine: statuses, counts, "within the limit"; never a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::network;
use crate::steps::{Outcome, Session};
use crate::workspace::{PRODUCT, Workspace, files_below, read, succeed};

/// Names the folder for the rows.
const ROWS: &str = "SHOTGRID_RELIABILITY_ROWS";
/// The test that is a storm of faulted writes, and of how many unless told otherwise.
const STORM: &str = "a_storm_of_faults_applies_no_write_twice";
const WRITES: u64 = 2_700;
const PAGE: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- measured: what follows is written by cargo xtask reliability -->\n";
const END: &str = "<!-- end of what was measured -->\n";

/// What measures some sections of the page.
struct Source {
    name: &'static str,
    /// With which digits the names of its sections begin.
    sections: &'static str,
    by: By,
}

enum By {
    /// Rust tests of these names.
    Tests(&'static [&'static str]),
    /// The tests that need a network of their own.
    Network,
}

const SOURCES: &[Source] = &[
    Source {
        name: "faults",
        sections: "1",
        by: By::Tests(&["reliability"]),
    },
    Source {
        name: "network",
        sections: "2",
        by: By::Network,
    },
    Source {
        name: "site",
        sections: "5",
        by: By::Tests(&["hostile_site"]),
    },
    Source {
        name: "secrets",
        sections: "6",
        by: By::Tests(&["secrets_in_memory", "secrets_told"]),
    },
    Source {
        name: "callers",
        sections: "7",
        by: By::Tests(&["short"]),
    },
];

impl Source {
    fn has(&self, section: &str) -> bool {
        section.starts_with(|first| self.sections.contains(first))
    }

    fn measure(&self, session: &Session, rows: &Path) -> Result<Outcome> {
        match self.by {
            By::Tests(names) => self.rust_tests(names, session, rows),
            By::Network => network::run(session, Some((ROWS, rows))),
        }
    }

    fn rust_tests(&self, names: &[&str], session: &Session, rows: &Path) -> Result<Outcome> {
        if let Some(written) = WRITTEN.get() {
            for file in files_below(written, "json")? {
                let name = file.file_name().unwrap_or_default();
                if self.has(&name.to_string_lossy()) {
                    fs::copy(&file, rows.join(name))?;
                }
            }
            return Ok(Outcome::Passed);
        }
        let mut test = session.workspace.cargo();
        test.arg("test").args(PRODUCT);
        test.args(names.iter().flat_map(|name| ["--test", *name]));
        succeed(test.env(ROWS, rows))?;
        Ok(Outcome::Passed)
    }
}

/// The rows that a run of all Rust tests wrote, so that these are not run twice.
static WRITTEN: OnceLock<PathBuf> = OnceLock::new();

/// Sections by name, as they stand in the page.
type Sections = BTreeMap<String, String>;

/// Has a run of all Rust tests write its rows, for [`check`] in the same run of this program.
pub fn written_by(workspace: &Workspace, tests: &mut Command) -> Result<()> {
    let rows = workspace.scratch.join("reliability/rust-tests");
    emptied(&rows)?;
    tests.env(ROWS, WRITTEN.get_or_init(|| rows));
    Ok(())
}

fn emptied(folder: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

/// What the command was asked for.
#[derive(Debug, PartialEq)]
enum Wish {
    /// The page's tables, or those of the named sources.
    Tables { required: bool, names: Vec<String> },
    /// A storm of so many faulted writes, by a seed. The page stays as it is.
    Storm { writes: u64, seed: u64 },
}

/// The command.
pub fn run(workspace: Workspace, arguments: &[String]) -> Result<ExitCode> {
    match understand(arguments)? {
        Wish::Tables { required, names } => write(workspace, required, &names),
        Wish::Storm { writes, seed } => storm(&workspace, writes, seed),
    }
}

fn understand(arguments: &[String]) -> Result<Wish> {
    let (mut required, mut writes, mut seed, mut names) = (false, None, None, Vec::new());
    let mut words = arguments.iter();
    let number = |option: &str, word: Option<&String>| -> Result<u64> {
        let word = word.with_context(|| format!("{option} needs a number"))?;
        let number = word.parse().ok().filter(|number| *number > 0);
        number.with_context(|| format!("{option} cannot be {word}; it is a number from 1"))
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--required" => required = true,
            "--writes" => writes = Some(number(word, words.next())?),
            "--seed" => seed = Some(number(word, words.next())?),
            name if SOURCES.iter().any(|source| source.name == name) => names.push(name.to_owned()),
            other => {
                let known: Vec<_> = SOURCES.iter().map(|source| source.name).collect();
                bail!(
                    "reliability knows no {other}; it measures {}, and its options are --required, --writes N and --seed N",
                    known.join(", ")
                );
            }
        }
    }
    match (writes, seed) {
        (None, None) => Ok(Wish::Tables { required, names }),
        _ if required || !names.is_empty() => bail!("--writes and --seed make a storm alone, without tables"),
        _ => Ok(Wish::Storm {
            writes: writes.unwrap_or(WRITES),
            seed: seed.unwrap_or(1),
        }),
    }
}

/// Fails when a write was applied twice, or the host was told wrong.
fn storm(workspace: &Workspace, writes: u64, seed: u64) -> Result<ExitCode> {
    let mut test = workspace.cargo();
    test.arg("test").args(PRODUCT);
    test.args(["--test", "reliability", "--", "--exact", STORM, "--nocapture"]);
    test.env("SHOTGRID_RELIABILITY_WRITES", writes.to_string());
    succeed(test.env("SHOTGRID_RELIABILITY_SEED", seed.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

fn write(workspace: Workspace, required: bool, names: &[String]) -> Result<ExitCode> {
    let session = Session { workspace, required };
    let page = session.workspace.root.join(PAGE);
    let before = read(&page)?;
    let (after, skipped) = measured(&session, &before, names)?;
    skipped.iter().for_each(|why| println!("   kept as they were: {why}"));
    if required && !skipped.is_empty() {
        bail!("required, but not everything could be measured");
    }
    fs::write(&page, &after).with_context(|| format!("{} cannot be written", page.display()))?;
    println!("   {PAGE} {}", if after == before { "is as it was" } else { "is written anew" });
    Ok(ExitCode::SUCCESS)
}

/// The step of `cargo xtask test`: measures, and compares with the page.
pub fn check(session: &Session) -> Result<Outcome> {
    let committed = read(&session.workspace.root.join(PAGE))?;
    let (found, skipped) = measured(session, &committed, &[])?;
    if let Some(difference) = first_difference(&committed, &found) {
        bail!("{PAGE} is not what was measured; `cargo xtask reliability` writes it anew\n{difference}");
    }
    match skipped.is_empty() {
        true => Ok(Outcome::Passed),
        false => Ok(Outcome::Skipped(format!("in part: {}", skipped.join("; ")))),
    }
}

/// The page with what was measured now, by the named sources or by all, and why some of it was not. Sections that were not measured stay.
fn measured(session: &Session, page: &str, names: &[String]) -> Result<(String, Vec<String>)> {
    let (head, old, tail) = parts(page)?;
    let mut sections = Sections::new();
    let mut skipped = Vec::new();
    for source in SOURCES {
        let kept = || old.clone().into_iter().filter(|(name, _)| source.has(name));
        if !names.is_empty() && names.iter().all(|name| name != source.name) {
            sections.extend(kept());
            continue;
        }
        let rows = session.workspace.scratch.join("reliability").join(source.name);
        emptied(&rows)?;
        match source.measure(session, &rows)? {
            Outcome::Passed => {
                let found = collected(&rows)?;
                if found.is_empty() {
                    bail!("{} measured nothing", source.name);
                }
                if let Some(foreign) = found.keys().find(|name| !source.has(name)) {
                    bail!(
                        "{} wrote the section {foreign}, and its sections begin with {}",
                        source.name,
                        source.sections
                    );
                }
                sections.extend(found);
            }
            Outcome::Skipped(why) => {
                skipped.push(format!("{}: {why}", source.name));
                sections.extend(kept());
            }
        }
    }
    let text: String = sections.iter().map(|(name, text)| format!("{}{text}", mark(name))).collect();
    Ok((format!("{head}{BEGIN}{text}{END}{tail}"), skipped))
}

fn mark(section: &str) -> String {
    format!("<!-- section {section} -->\n")
}

/// What stands before the tables, the sections, and what stands behind.
fn parts(page: &str) -> Result<(&str, Sections, &str)> {
    let (head, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE} has no line {BEGIN}"))?;
    let (tables, tail) = rest.split_once(END).with_context(|| format!("{PAGE} has no line {END}"))?;
    let mut sections = Sections::new();
    for section in tables.split("<!-- section ").skip(1) {
        let (name, text) = section.split_once(" -->\n").context("a section of the page has no name")?;
        sections.insert(name.to_owned(), text.to_owned());
    }
    Ok((head, sections, tail))
}

/// The sections that were written to a folder.
fn collected(rows: &Path) -> Result<Sections> {
    let mut sections = Sections::new();
    for file in files_below(rows, "json")? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let section: Value = serde_json::from_str(&read(&file)?).with_context(|| format!("{} is no JSON", file.display()))?;
        let text = rendered(&section).with_context(|| format!("{} is no section", file.display()))?;
        sections.insert(name, text);
    }
    Ok(sections)
}

fn rendered(section: &Value) -> Result<String> {
    let text = |key: &str| section.get(key).and_then(Value::as_str).with_context(|| format!("it has no {key}"));
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().context("it lacks a list");
    let cells = |row: &Value| -> Result<Vec<String>> {
        let cell = |cell: &Value| match cell {
            Value::String(text) => text.replace('|', "\\|").replace('\n', " "),
            other => other.to_string(),
        };
        Ok(list(Some(row))?.iter().map(cell).collect())
    };
    let columns = cells(section.get("columns").context("it has no columns")?)?;
    let mut out = format!("\n### {}\n\n{}\n\n", text("title")?, text("about")?);
    let mut line = |cells: &[String]| out.push_str(&format!("| {} |\n", cells.join(" | ")));
    line(&columns);
    line(&vec!["---".to_owned(); columns.len()]);
    for row in list(section.get("rows"))? {
        let row = cells(&row)?;
        if row.len() != columns.len() {
            bail!("a row has {} cells, and there are {} columns: {row:?}", row.len(), columns.len());
        }
        line(&row);
    }
    out.push('\n');
    Ok(out)
}

/// The first line that differs, in both.
fn first_difference(committed: &str, found: &str) -> Option<String> {
    if committed == found {
        return None;
    }
    let (mut old, mut new) = (committed.lines(), found.lines());
    loop {
        match (old.next(), new.next()) {
            (None, None) => return Some("the line breaks differ".to_owned()),
            (old, new) if old == new => {}
            (old, new) => {
                let shown = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
                return Some(format!("committed: {}\nmeasured:  {}", shown(old), shown(new)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sections_become_tables_and_pages_are_taken_apart() -> Result<()> {
        let section = json!({"title": "A", "about": "What it is.", "columns": ["x", "y"], "rows": [["a|b", 2]]});
        let text = rendered(&section)?;
        assert_eq!(text, "\n### A\n\nWhat it is.\n\n| x | y |\n| --- | --- |\n| a\\|b | 2 |\n\n");
        let page = format!("head\n{BEGIN}{}{text}{}more\n{END}tail\n", mark("10-a"), mark("20-b"));
        let (head, sections, tail) = parts(&page)?;
        assert_eq!((head, tail), ("head\n", "tail\n"));
        assert_eq!(sections.get("10-a"), Some(&text));
        assert_eq!(sections.get("20-b").map(String::as_str), Some("more\n"));
        assert!(parts("no marks").is_err());
        assert!(rendered(&json!({"title": "A", "about": "", "columns": ["x"], "rows": [["a", "b"]]})).is_err());
        Ok(())
    }

    #[test]
    fn what_is_asked_for() {
        let asked = |words: &[&str]| understand(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let tables = |required, names: &[&str]| Wish::Tables {
            required,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(asked(&[]).unwrap(), tables(false, &[]));
        assert_eq!(asked(&["--required"]).unwrap(), tables(true, &[]));
        assert_eq!(asked(&["callers", "faults"]).unwrap(), tables(false, &["callers", "faults"]));
        assert_eq!(asked(&["--writes", "20000"]).unwrap(), Wish::Storm { writes: 20_000, seed: 1 });
        assert_eq!(asked(&["--seed", "7"]).unwrap(), Wish::Storm { writes: WRITES, seed: 7 });
        for wrong in [
            &["--writes"][..],
            &["--writes", "0"],
            &["--seed", "x"],
            &["caller"],
            &["callers", "--writes", "9"],
        ] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_difference_is_shown() {
        assert_eq!(first_difference("a\n", "a\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").as_deref(), Some("committed: b\nmeasured:  c"));
        assert!(first_difference("a\n", "a\nb\n").is_some());
    }
}
