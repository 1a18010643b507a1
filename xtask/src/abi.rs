//! The ABI only grows: the header is held against abi/libshotgrid.abi, by libabigail.
//!
//! A Rust library's debug information describes Rust's types, not the header's. So what is compared is a stand-in: a library compiled
//! from the header alone, every function with its prototype and no body. That the real library has these functions, with these
//! parameters, is the matter of the steps `symbols` and `header`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::dist::SONAME;
use crate::header;
use crate::prototypes::{self, functions};
use crate::steps::{Outcome, Session};
use crate::tools::{self, CXX, Tool};
use crate::workspace::{Workspace, captured, read};

const ABIDW: Tool = Tool {
    program: "abidw",
    package: "abigail-tools",
};
/// The bit of abidiff's exit code that says that something differs. The lower ones are errors.
const DIFFERS: i32 = 4;

/// How a header stands to the baseline.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// They say the same.
    Same,
    /// Everything is as it was, and there is more.
    Grown(String),
    /// Something that programs rely on is gone or another.
    Broken(String),
}

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    for tool in [&CXX, &ABIDW] {
        if let Some(why) = tools::missing(tool, session.required)? {
            return Ok(Outcome::Skipped(why));
        }
    }
    let workspace = &session.workspace;
    let text = read(&header::path(workspace))?;
    match compare(workspace, &text)? {
        Verdict::Same => {}
        Verdict::Grown(report) => bail!("the header has more than abi/libshotgrid.abi; run `cargo xtask abi` and commit it\n{report}"),
        Verdict::Broken(report) => bail!("the ABI only grows (docs/abi.md), and this breaks programs that are out there:\n{report}"),
    }
    introduced(&text, &read(&workspace.root.join("docs/symbols.md"))?)?;
    let changes = deliberate(workspace, &text)?;
    println!("   as the baseline says; {changes} deliberate changes were told");
    Ok(Outcome::Passed)
}

/// The command: takes what was added into the baseline, and refuses everything else.
pub fn update(workspace: &Workspace) -> Result<ExitCode> {
    let text = read(&header::path(workspace))?;
    let baseline = baseline(workspace);
    if baseline.exists() {
        match compare(workspace, &text)? {
            Verdict::Same => println!("nothing was added"),
            Verdict::Grown(report) => println!("{report}"),
            Verdict::Broken(report) => bail!("this is no addition; a new soname would be needed (docs/abi.md):\n{report}"),
        }
    }
    let described = describe(workspace, &text)?;
    fs::copy(&described, &baseline).with_context(|| format!("{} cannot be written", baseline.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn baseline(workspace: &Workspace) -> PathBuf {
    workspace.root.join("abi/libshotgrid.abi")
}

/// Holds a header against the baseline.
fn compare(workspace: &Workspace, text: &str) -> Result<Verdict> {
    let (old, new) = (baseline(workspace), describe(workspace, text)?);
    // Structs that say their own size may get members at their end, which abidiff would count as a break.
    let (before, after) = (members(&read(&old)?), members(&read(&new)?));
    let grown: Vec<&str> = before
        .iter()
        .filter(|(name, list)| {
            let begins = list.first().is_some_and(|first| first.contains("'struct_size'"));
            begins && after.get(*name).is_some_and(|now| now.len() > list.len() && now.starts_with(list))
        })
        .map(|(name, _)| name.as_str())
        .collect();
    let suppressions = workspace.scratch.join("abi/suppressions.ini");
    let rules: Vec<String> = grown.iter().map(|name| format!("[suppress_type]\n  name = {name}\n")).collect();
    fs::write(&suppressions, rules.concat()).with_context(|| format!("{} cannot be written", suppressions.display()))?;
    let run = |arguments: &[&str], suppressed: bool| -> Result<Option<String>> {
        let mut command = Command::new("abidiff");
        command.args(arguments);
        if suppressed {
            command.arg("--suppressions").arg(&suppressions);
        }
        let output = command.arg(&old).arg(&new).output().context("abidiff could not be started")?;
        let code = output.status.code().unwrap_or(1);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if code % DIFFERS != 0 {
            bail!("abidiff: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok((code != 0).then_some(said))
    };
    if let Some(report) = run(&["--no-added-syms"], true)? {
        return Ok(Verdict::Broken(report));
    }
    Ok(run(&["--harmless"], false)?.map_or(Verdict::Same, Verdict::Grown))
}

/// The members of each struct of a description, in order: a line with the offset, one with name and type.
fn members(description: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = None;
    let mut offset = "";
    for line in description.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("<class-decl name='") {
            current = rest.split('\'').next().map(str::to_owned);
        } else if line.starts_with("<data-member") {
            offset = line;
        } else if line.starts_with("<var-decl")
            && let Some(name) = &current
        {
            found.entry(name.clone()).or_default().push(format!("{offset} {line}"));
        } else if line == "</class-decl>" {
            current = None;
        }
    }
    found
}

/// What abidw says of the stand-in of a header.
fn describe(workspace: &Workspace, text: &str) -> Result<PathBuf> {
    let folder = workspace.scratch.join("abi");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let put = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))
    };
    put("shotgrid.h", text)?;
    put("shotgrid.cpp", &stand_in(text)?)?;
    // As C++, where the enums are types of their own, and at relative paths, so that none of this machine's is in the baseline.
    captured(
        Command::new(CXX.program)
            .current_dir(&folder)
            .args(["-std=c++17", "-w", "-g", "-fPIC", "-shared", "shotgrid.cpp", "-o", "shotgrid.so"])
            .arg(format!("-Wl,-soname,{SONAME}")),
    )?;
    captured(
        Command::new(ABIDW.program)
            .current_dir(&folder)
            .args([
                "--no-corpus-path",
                "--no-comp-dir-path",
                "--no-show-locs",
                "--type-id-style",
                "hash",
            ])
            .args(["--out-file", "shotgrid.abi", "shotgrid.so"]),
    )?;
    Ok(folder.join("shotgrid.abi"))
}

/// C++ that defines every function of the header, and one function of the kind of each callback: what a pointer to a function points to
/// is not compared.
fn stand_in(text: &str) -> Result<String> {
    let mut source = "#include \"shotgrid.h\"\nextern \"C\" {\n".to_owned();
    for function in functions(text)? {
        source += &format!("{} {{ __builtin_trap(); }}\n", function.declaration);
    }
    for callback in prototypes::callbacks(text) {
        source += &format!("SG_API {callback} {{ __builtin_trap(); }}\n");
    }
    Ok(source + "}\n")
}

/// The version that the table gives for a function is the one that its comment gives.
fn introduced(text: &str, table: &str) -> Result<()> {
    let mut faults = Vec::new();
    for function in functions(text)? {
        let since = function.comment.lines().find_map(|line| line.strip_prefix("@since "));
        let row = format!("| `{}` | {} |", function.name, since.unwrap_or_default().trim());
        if !table.lines().any(|line| line.trim() == row) {
            faults.push(format!("docs/symbols.md has no row {row}"));
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

/// One change to the header that must be told.
struct Change {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    breaks: bool,
}

const fn breaks(what: &'static str, from: &'static str, to: &'static str) -> Change {
    Change {
        what,
        from,
        to,
        breaks: true,
    }
}

const fn grows(what: &'static str, from: &'static str, to: &'static str) -> Change {
    Change {
        what,
        from,
        to,
        breaks: false,
    }
}

const CHANGES: &[Change] = &[
    breaks("a function is gone", "SG_API uint32_t sg_lib_version_number(void) SG_NOEXCEPT;", ""),
    breaks(
        "a function gives another type",
        "SG_API uint32_t sg_lib_version_number(",
        "SG_API uint64_t sg_lib_version_number(",
    ),
    breaks(
        "a parameter has another type",
        "sg_op_wait(const sg_op *op, int64_t timeout_ms)",
        "sg_op_wait(const sg_op *op, int32_t timeout_ms)",
    ),
    breaks(
        "there is one parameter more",
        "sg_op_wait(const sg_op *op, int64_t timeout_ms)",
        "sg_op_wait(const sg_op *op, int64_t timeout_ms, int32_t more)",
    ),
    breaks(
        "a callback has one parameter more",
        "(*sg_done_fn)(sg_op *op, void *user_data)",
        "(*sg_done_fn)(sg_op *op, void *user_data, int32_t more)",
    ),
    breaks("a status has another number", "SG_STATUS_INTERNAL = 4,", "SG_STATUS_INTERNAL = 5,"),
    breaks("a status is gone", "SG_STATUS_INTERNAL = 4,", ""),
    breaks("the enums are wider", "  : int32_t\n", "  : int64_t\n"),
    breaks("a member is gone", "  uint64_t unrecorded;\n", ""),
    breaks("a member has another type", "  uint64_t retries;\n", "  uint32_t retries;\n"),
    breaks(
        "a member came in between",
        "  uint64_t unrecorded;\n",
        "  uint64_t more;\n  uint64_t unrecorded;\n",
    ),
    grows(
        "a member came at the end",
        "  uint64_t unrecorded;\n",
        "  uint64_t unrecorded;\n  uint64_t more;\n",
    ),
    grows(
        "there is one status more",
        "SG_STATUS_INTERNAL = 4,",
        "SG_STATUS_INTERNAL = 4, SG_STATUS_MORE = 250,",
    ),
    grows(
        "there is one function more",
        "SG_API uint32_t sg_lib_version_number(void) SG_NOEXCEPT;",
        "SG_API uint32_t sg_lib_version_number(void) SG_NOEXCEPT;\nSG_API uint32_t sg_more(void) SG_NOEXCEPT;",
    ),
];

/// Each kind of change, made in a copy of the header, is told for what it is; how many there are.
fn deliberate(workspace: &Workspace, text: &str) -> Result<usize> {
    for change in CHANGES {
        let changed = text.replace(change.from, change.to);
        if changed == text {
            bail!("the header has no {:?} any more, which the check changes on purpose", change.from);
        }
        let verdict = compare(workspace, &changed).with_context(|| format!("where {}", change.what))?;
        let told = match verdict {
            Verdict::Same => false,
            Verdict::Grown(_) => !change.breaks,
            Verdict::Broken(_) => change.breaks,
        };
        if !told {
            bail!("where {}, the check says {verdict:?}", change.what);
        }
    }
    Ok(CHANGES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_in_order() {
        let text = "<class-decl name='sg_a' size-in-bits='64'>\n<data-member layout-offset-in-bits='0'>\n\
                    <var-decl name='struct_size' type-id='1'/>\n</data-member>\n<data-member layout-offset-in-bits='32'>\n\
                    <var-decl name='b' type-id='2'/>\n</data-member>\n</class-decl>\n<var-decl name='stray'/>\n";
        let found = members(text);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found["sg_a"],
            [
                "<data-member layout-offset-in-bits='0'> <var-decl name='struct_size' type-id='1'/>",
                "<data-member layout-offset-in-bits='32'> <var-decl name='b' type-id='2'/>"
            ]
        );
    }

    #[test]
    fn a_row_must_have_the_version_of_the_comment() {
        let header = "/**\n * Says it.\n * @since 0.2.0\n */\nSG_API void sg_a(void) SG_NOEXCEPT;\n";
        assert!(introduced(header, "| `sg_a` | 0.2.0 |\n").is_ok());
        assert!(introduced(header, "| `sg_a` | 0.1.0 |\n").is_err());
    }
}
