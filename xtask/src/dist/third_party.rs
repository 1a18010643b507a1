//! THIRD-PARTY.md: whose code is in the library, and on what terms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::{Workspace, captured};

/// What the release holds beyond its crates.
const BESIDES: &str = "\
* The Rust standard library and what it is made of: MIT OR Apache-2.0, The Rust Project Developers.
* libunwind of the LLVM project, by which a panic is caught inside the library: Apache-2.0 WITH LLVM-exception.
* A few lines of the GNU C Library that every program linked with it has in it: LGPL-2.1-or-later with its exception for linking.
";

/// A crate in the library.
struct Crate {
    name: String,
    version: String,
    licence: String,
    repository: String,
    /// Names and texts of the licence files that its package has.
    texts: Vec<(String, String)>,
}

/// The file's text.
pub fn notice(workspace: &Workspace, triple: &str) -> Result<String> {
    let crates = crates(workspace, triple)?;
    let mut text = format!(
        "# What libshotgrid is made of\n\nlibshotgrid itself is MIT OR Apache-2.0. In the library are also:\n\n{BESIDES}\n\
         | crate | version | licence | from |\n| --- | --- | --- | --- |\n"
    );
    // Many share one text, word by word.
    let mut owners: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for found in &crates {
        let Crate {
            name,
            version,
            licence,
            repository,
            ..
        } = found;
        text += &format!("| {name} | {version} | {licence} | {repository} |\n");
        for (file, words) in &found.texts {
            owners.entry(words).or_default().insert(format!("{name} {version} ({file})"));
        }
    }
    let mut sections: Vec<(String, &str)> = owners
        .into_iter()
        .map(|(words, owners)| (owners.into_iter().collect::<Vec<_>>().join(", "), words))
        .collect();
    sections.sort();
    for (owners, words) in sections {
        text += &format!("\n## {owners}\n\n```text\n{words}\n```\n");
    }
    Ok(text)
}

/// The crates that the library links on this system, from cargo's own graph: no build tools, no test helpers, no macros.
fn crates(workspace: &Workspace, triple: &str) -> Result<Vec<Crate>> {
    let metadata = captured(
        workspace
            .cargo()
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", triple]),
    )?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let packages: BTreeMap<&str, &Value> = list(&metadata, "packages")
        .filter_map(|package| Some((package.get("id")?.as_str()?, package)))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata
        .get("resolve")
        .into_iter()
        .flat_map(|resolve| list(resolve, "nodes"))
        .filter_map(|node| Some((node.get("id")?.as_str()?, node)))
        .collect();
    let root = packages
        .iter()
        .find(|(_, package)| text(package, "name") == "libshotgrid")
        .map(|(id, _)| *id)
        .context("cargo metadata has no libshotgrid")?;
    let mut seen = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        let node = nodes.get(id).with_context(|| format!("cargo metadata has no node {id}"))?;
        for dependency in list(node, "deps") {
            let linked = list(dependency, "dep_kinds").any(|kind| kind.get("kind").is_none_or(Value::is_null));
            let Some(id) = dependency.get("pkg").and_then(Value::as_str) else {
                continue;
            };
            if linked && packages.get(id).is_some_and(|package| !is_macro(package)) && seen.insert(id) {
                open.push(id);
            }
        }
    }
    seen.remove(root);
    let mut found = seen
        .into_iter()
        .filter_map(|id| packages.get(id))
        .map(|package| describe(package))
        .collect::<Result<Vec<_>>>()?;
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(found)
}

fn is_macro(package: &Value) -> bool {
    list(package, "targets").any(|target| list(target, "kind").any(|kind| kind.as_str() == Some("proc-macro")))
}

fn describe(package: &Value) -> Result<Crate> {
    let folder = Path::new(text(package, "manifest_path"))
        .parent()
        .context("a package has no folder")?;
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
        let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        if path.is_file()
            && ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|start| upper.starts_with(start))
        {
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let words = String::from_utf8_lossy(&bytes).replace('\r', "");
            texts.push((name, words.trim_matches('\n').to_owned()));
        }
    }
    texts.sort();
    Ok(Crate {
        name: text(package, "name").to_owned(),
        version: text(package, "version").to_owned(),
        licence: text(package, "license").to_owned(),
        repository: text(package, "repository").to_owned(),
        texts,
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
