//! `cargo xtask sbom`: what the shared library is made of, as a bill of materials (CycloneDX, JSON).
//!
//! The crates that are linked into the library on one target, with versions, licences, checksums and who needs whom. The same tree
//! gives the same bytes: it holds no time and no random number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::steps::{Outcome, Session};
use crate::workspace::{Workspace, captured, read};

const PACKAGE: &str = "libshotgrid";
/// What must be in it, and what is for developers alone.
const LINKED: &[&str] = &["hyper", "reqwest", "ring", "rustls", "tokio", "zeroize"];
const NOT_LINKED: &[&str] = &["axum", "cbindgen", "openssl", "rcgen", "rusqlite", "shotgrid-sandbox", "syn"];

/// A crate by name and version.
type Crate = (String, String);

/// Writes the bill of materials for a target, such as `x86_64-unknown-linux-gnu`.
pub fn write(workspace: &Workspace, target: &str, path: &Path) -> Result<()> {
    fs::write(path, text(workspace, target)?).with_context(|| format!("{} cannot be written", path.display()))
}

/// The command.
pub fn run(workspace: &Workspace, names: &[&str]) -> Result<ExitCode> {
    let path = names
        .first()
        .map_or_else(|| workspace.scratch.join("libshotgrid.cdx.json"), PathBuf::from);
    let target = names.get(1).map_or_else(host, |target| Ok((*target).to_owned()))?;
    write(workspace, &target, &path)?;
    println!("{}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// The step of `cargo xtask test`: the bill is that of the tree, and of nothing else.
pub fn check(session: &Session) -> Result<Outcome> {
    let workspace = &session.workspace;
    let target = host()?;
    let written = text(workspace, &target)?;
    if written != text(workspace, &target)? {
        bail!("two bills of the same tree differ");
    }
    let bill: Value = serde_json::from_str(&written).context("the bill is not JSON")?;
    let faults = faults(
        &bill,
        &read(&workspace.root.join("Cargo.lock"))?,
        &declared(&metadata(workspace, &target)?),
    );
    if !faults.is_empty() {
        bail!("the bill of materials is wrong:\n{}", faults.join("\n"));
    }
    println!("   {} crates for {target}", array(&bill, "components").len());
    Ok(Outcome::Passed)
}

/// The target that the compiler makes programs for here.
fn host() -> Result<String> {
    let said = captured(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

fn text(workspace: &Workspace, target: &str) -> Result<String> {
    let edges = edges(workspace, target)?;
    let metadata = metadata(workspace, target)?;
    let packages: BTreeMap<Crate, &Value> = array(&metadata, "packages")
        .iter()
        .map(|package| (named(package), package))
        .collect();
    let checksums = checksums(&read(&workspace.root.join("Cargo.lock"))?);
    let component = |which: &Crate| -> Result<Value> {
        let package = packages
            .get(which)
            .with_context(|| format!("cargo metadata does not know {}", which.0))?;
        let told = |key: &str| package.get(key).and_then(Value::as_str);
        // Older crates separate licences to choose from by a slash.
        let license = told("license").map(|license| license.replace('/', " OR ").replace("  OR  ", " OR "));
        let members = [
            ("type", Some(json!("library"))),
            ("bom-ref", Some(json!(reference(which)))),
            ("name", Some(json!(which.0))),
            ("version", Some(json!(which.1))),
            ("purl", Some(json!(reference(which)))),
            ("licenses", license.map(|expression| json!([{ "expression": expression }]))),
            (
                "hashes",
                checksums
                    .get(which)
                    .map(|checksum| json!([{ "alg": "SHA-256", "content": checksum }])),
            ),
            (
                "externalReferences",
                told("repository").map(|url| json!([{ "type": "vcs", "url": url }])),
            ),
        ];
        Ok(members
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect())
    };
    let root = edges
        .keys()
        .find(|(name, _)| name == PACKAGE)
        .with_context(|| format!("{PACKAGE} is not in its own tree"))?;
    let components: Result<Vec<Value>> = edges.keys().filter(|which| *which != root).map(component).collect();
    let needs = |(which, needed): (&Crate, &BTreeSet<Crate>)| {
        let refs: Vec<String> = needed.iter().map(reference).collect();
        json!({ "ref": reference(which), "dependsOn": refs })
    };
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(root)?,
            "properties": [{ "name": "cargo:target", "value": target }],
        },
        "components": components?,
        "dependencies": edges.iter().map(needs).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// Who needs whom, as cargo resolves it for the library alone: what other packages of the workspace ask for is left out, and so
/// are macros, which run in the compiler.
fn edges(workspace: &Workspace, target: &str) -> Result<BTreeMap<Crate, BTreeSet<Crate>>> {
    let tree = captured(workspace.cargo().args([
        "tree",
        "--locked",
        "--package",
        PACKAGE,
        "--edges",
        "normal,no-proc-macro",
        "--target",
        target,
        "--prefix",
        "depth",
        "--no-dedupe",
        "--format",
        " {p}",
    ]))?;
    let mut edges: BTreeMap<Crate, BTreeSet<Crate>> = BTreeMap::new();
    let mut above: Vec<Crate> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (depth, name, version) = (words.next(), words.next(), words.next());
        let (Some(Ok(depth)), Some(name), Some(version)) = (depth.map(str::parse::<usize>), name, version) else {
            bail!("cargo tree wrote a line of another kind: {line}");
        };
        let which = (name.to_owned(), version.trim_start_matches('v').to_owned());
        above.truncate(depth);
        if let Some(needing) = above.last() {
            edges.entry(needing.clone()).or_default().insert(which.clone());
        }
        edges.entry(which.clone()).or_default();
        above.push(which);
    }
    Ok(edges)
}

fn metadata(workspace: &Workspace, target: &str) -> Result<Value> {
    let said = captured(
        workspace
            .cargo()
            .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target]),
    )?;
    serde_json::from_str(&said).context("cargo metadata printed no JSON")
}

/// The crates that the package's manifest names for every target, by name.
fn declared(metadata: &Value) -> BTreeSet<String> {
    let package = array(metadata, "packages")
        .iter()
        .find(|package| text_of(package, "name") == PACKAGE);
    let dependencies = package.map(|package| array(package, "dependencies")).unwrap_or_default();
    let always =
        |dependency: &&Value| dependency.get("kind").is_some_and(Value::is_null) && dependency.get("target").is_some_and(Value::is_null);
    dependencies
        .iter()
        .filter(always)
        .map(|dependency| text_of(dependency, "name").to_owned())
        .collect()
}

/// The checksums of Cargo.lock.
fn checksums(lock: &str) -> BTreeMap<Crate, String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.and_then(|line| line.strip_suffix('"')).map(str::to_owned)
    };
    lock.split("[[package]]")
        .filter_map(|block| Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?)))
        .collect()
}

/// What is wrong with a bill, held against what does not come from the same command.
fn faults(bill: &Value, lock: &str, declared: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let checksums = checksums(lock);
    let components: BTreeMap<Crate, &Value> = array(bill, "components")
        .iter()
        .map(|component| (named(component), component))
        .collect();
    let names: BTreeSet<&str> = components.keys().map(|(name, _)| name.as_str()).collect();
    for (which, component) in &components {
        let told = component.pointer("/hashes/0/content").and_then(Value::as_str);
        if told.is_none() || told != checksums.get(which).map(String::as_str) {
            faults.push(format!("{} {} has not the checksum of Cargo.lock", which.0, which.1));
        }
        if component.pointer("/licenses/0/expression").is_none() {
            faults.push(format!("{} has no licence", which.0));
        }
    }
    let wanted = declared.iter().map(String::as_str).chain(LINKED.iter().copied());
    faults.extend(wanted.filter(|name| !names.contains(name)).map(|name| format!("{name} is missing")));
    let unwanted = NOT_LINKED.iter().filter(|name| names.contains(*name));
    faults.extend(unwanted.map(|name| format!("{name} is not linked into the library")));
    let root = bill
        .pointer("/metadata/component/bom-ref")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let needs: BTreeMap<&str, &Value> = array(bill, "dependencies")
        .iter()
        .map(|needs| (text_of(needs, "ref"), needs))
        .collect();
    let mut reached = BTreeSet::new();
    let mut open = vec![root];
    while let Some(which) = open.pop() {
        if reached.insert(which) {
            let behind = needs.get(which).map(|needs| array(needs, "dependsOn")).unwrap_or_default();
            open.extend(behind.iter().filter_map(Value::as_str));
        }
    }
    let known: BTreeSet<String> = components.keys().map(reference).chain([root.to_owned()]).collect();
    let reached: BTreeSet<String> = reached.into_iter().map(str::to_owned).collect();
    faults.extend(
        known
            .symmetric_difference(&reached)
            .map(|which| format!("{which} is listed and not needed, or needed and not listed")),
    );
    faults
}

fn reference((name, version): &Crate) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn named(package: &Value) -> Crate {
    (text_of(package, "name").to_owned(), text_of(package, "version").to_owned())
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn array<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str =
        "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"here\"\nversion = \"0.1.0\"\n";

    fn bill(hash: &str, needed: &[&str]) -> Value {
        json!({
            "metadata": { "component": { "bom-ref": "root" } },
            "components": [{ "name": "a", "version": "1.0.0", "hashes": [{ "content": hash }], "licenses": [{ "expression": "MIT" }] }],
            "dependencies": [{ "ref": "root", "dependsOn": needed }],
        })
    }

    #[test]
    fn what_is_wrong_with_a_bill_is_told() {
        let missing = |fault: &String| LINKED.iter().any(|name| fault == &format!("{name} is missing"));
        let told = |bill: &Value, declared: &[&str]| -> Vec<String> {
            let declared = declared.iter().map(|name| (*name).to_owned()).collect();
            faults(bill, LOCK, &declared).into_iter().filter(|fault| !missing(fault)).collect()
        };
        let reference = "pkg:cargo/a@1.0.0";
        assert!(told(&bill("ab", &[reference]), &["a"]).is_empty());
        assert!(told(&bill("cd", &[reference]), &["a"])[0].contains("checksum"));
        assert!(told(&bill("ab", &[]), &["a"])[0].contains("not needed"));
        assert!(told(&bill("ab", &[reference, "pkg:cargo/b@2.0.0"]), &["a"])[0].contains("b@2.0.0"));
        assert_eq!(told(&bill("ab", &[reference]), &["b"]), ["b is missing"]);
    }
}
