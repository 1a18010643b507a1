//! What the shared library shows to the loader: names, flags, search paths.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::header;
use crate::prototypes::functions;
use crate::steps::{Outcome, Session};
use crate::tools::{self, NM, READELF};
use crate::workspace::{captured, read};

/// Names that another library owns which hosts of ours link too.
const TAKEN: &str = include_str!("../data/sokol_gfx.txt");

/// Exported = declared in the header = listed in docs/symbols.md, and nobody else's.
pub fn symbols(session: &Session) -> Result<Outcome> {
    if let Some(why) = not_here(session, &NM)? {
        return Ok(Outcome::Skipped(why));
    }
    let workspace = &session.workspace;
    let names = name_faults(
        &workspace.built()?.cdylib,
        &header::path(workspace),
        &workspace.root.join("docs/symbols.md"),
    )?;
    println!("   {names} functions");
    Ok(Outcome::Passed)
}

/// Holds a library against a header and a table of symbols; how many names there are, when all agree.
pub fn name_faults(library: &Path, header: &Path, list: &Path) -> Result<usize> {
    let listing = captured(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library))?;
    let exported: BTreeSet<String> = listing
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    let declared: BTreeSet<String> = functions(&read(header)?)?.into_iter().map(|function| function.name).collect();
    let listed: BTreeSet<String> = table(&read(list)?);
    let mut faults = Vec::new();
    let mut only = |left: &BTreeSet<String>, right: &BTreeSet<String>, what: &str| {
        faults.extend(left.difference(right).map(|name| format!("{name} is {what}")));
    };
    only(&exported, &declared, "exported, but the header does not declare it");
    only(&declared, &exported, "declared in the header, but not exported");
    only(&declared, &listed, "declared in the header, but docs/symbols.md does not list it");
    only(&listed, &declared, "listed in docs/symbols.md, but the header does not declare it");
    faults.extend(
        exported
            .iter()
            .filter(|name| !name.starts_with("sg_"))
            .map(|name| format!("{name} does not begin with sg_")),
    );
    faults.extend(
        exported
            .iter()
            .filter(|name| is_taken(name))
            .map(|name| format!("{name} is a name of sokol_gfx.h")),
    );
    if !faults.is_empty() {
        bail!("{} faults in the exported names:\n{}", faults.len(), faults.join("\n"));
    }
    Ok(exported.len())
}

/// The dynamic section: stays mapped after dlclose, finds nothing by paths of the build machine, needs no writable text.
pub fn flags(session: &Session) -> Result<Outcome> {
    if let Some(why) = not_here(session, &READELF)? {
        return Ok(Outcome::Skipped(why));
    }
    flag_faults(&session.workspace.built()?.cdylib)?;
    Ok(Outcome::Passed)
}

/// Fails when a library's dynamic section has a fault.
pub fn flag_faults(library: &Path) -> Result<()> {
    let faults = dynamic_faults(&read_elf(library, "-d")?);
    if !faults.is_empty() {
        bail!("{}:\n{}", library.display(), faults.join("\n"));
    }
    Ok(())
}

/// What `readelf` prints of a file.
pub fn read_elf(file: &Path, what: &str) -> Result<String> {
    captured(Command::new("readelf").args([what, "-W"]).arg(file).env("LC_ALL", "C"))
}

/// The highest version of glibc that a library asks for, by the output of `readelf -V`.
pub fn newest_glibc(versions: &str) -> Option<(u32, u32)> {
    let names = versions.split("GLIBC_").skip(1);
    names
        .filter_map(|rest| {
            let number = rest.split(|letter: char| !letter.is_ascii_digit() && letter != '.').next()?;
            let mut parts = number.split('.');
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        })
        .max()
}

/// What is wrong in the output of `readelf -d`.
fn dynamic_faults(section: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !section.lines().any(|line| line.contains("FLAGS_1") && line.contains("NODELETE")) {
        faults.push("NODELETE is not set: dlclose would unmap code that threads still run".to_owned());
    }
    for (word, why) in [
        ("(RPATH)", "a search path of the build machine"),
        ("(RUNPATH)", "a search path of the build machine"),
        ("TEXTREL", "code that the loader must patch"),
        ("libssl", "OpenSSL"),
        ("libcrypto", "OpenSSL"),
    ] {
        faults.extend(
            section
                .lines()
                .filter(|line| line.contains(word))
                .map(|line| format!("{why}: {}", line.trim())),
        );
    }
    faults
}

fn not_here(session: &Session, tool: &tools::Tool) -> Result<Option<String>> {
    if !cfg!(target_os = "linux") {
        return Ok(Some("this reads ELF files as Linux has them".to_owned()));
    }
    tools::missing(tool, session.required)
}

/// The functions that a Markdown table names in its first column.
fn table(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix('|'))
        .filter_map(|row| row.split('|').next())
        .filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'))
        .filter(|name| name.starts_with("sg_"))
        .map(str::to_owned)
        .collect()
}

fn is_taken(name: &str) -> bool {
    TAKEN
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_neighbour_are_told() {
        for name in [
            "sg_setup",
            "sg_shutdown",
            "sg_isvalid",
            "sg_query_desc",
            "sg_make_buffer",
            "sg_draw",
            "sg_gl_x",
        ] {
            assert!(is_taken(name), "{name}");
        }
        for name in ["sg_call", "sg_runtime_shutdown", "sg_status_name", "sg_drawing"] {
            assert!(!is_taken(name), "{name}");
        }
    }

    #[test]
    fn a_table_gives_its_first_column() {
        let text = "| function | since |\n|---|---|\n| `sg_a` | `sg_not` |\nand `sg_b` in a sentence\n| `SG_C` | 1 |\n";
        assert_eq!(table(text), BTreeSet::from(["sg_a".to_owned()]));
    }

    #[test]
    fn the_newest_version_is_by_number() {
        let versions = "0x10: Name: GLIBC_2.9 Flags: none\n0x20: Name: GLIBC_2.17  Flags: none\n0x30: Name: GLIBC_2.3.4";
        assert_eq!(newest_glibc(versions), Some((2, 17)));
        assert_eq!(newest_glibc("no versions"), None);
    }

    #[test]
    fn each_flag_of_the_dynamic_section_counts() {
        let good = " 0x000000006ffffffb (FLAGS_1)            Flags: NOW NODELETE\n 0x1 (NEEDED) Shared library: [libc.so.6]";
        assert_eq!(dynamic_faults(good), Vec::<String>::new());
        assert_eq!(dynamic_faults(" 0x6ffffffb (FLAGS_1) Flags: NOW").len(), 1);
        for line in [
            "0x1d (RUNPATH) Library runpath: [/x]",
            "0xf (RPATH) [/x]",
            "0x16 (TEXTREL) 0x0",
            "0x1 (NEEDED) [libssl.so.3]",
        ] {
            assert_eq!(dynamic_faults(&format!("{good}\n{line}")).len(), 1, "{line}");
        }
    }
}
