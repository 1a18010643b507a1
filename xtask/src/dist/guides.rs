//! The guides and examples as an archive has them: links lead to what is in it, and what is not is only named.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::tree;
use crate::markdown::{self, Line, Link};
use crate::workspace::{Workspace, files_below, read};

/// Where they are, from the prefix.
pub const FOLDER: &str = "share/doc/libshotgrid";
/// For those who change the library: what they tell needs the checkout.
const NOT_FOR_USERS: &[&str] = &["docs/developing.md", "docs/fuzzing.md", "docs/release.md"];
/// Pages and what they show, from the checkout's top.
const FOLDERS: &[&str] = &["docs", "examples"];
const PAGES: &[&str] = &["CHANGELOG.md", "SECURITY.md"];
/// What the folders hold that is no part of a guide.
const LEFT_OUT: &[&str] = &["docs/site"];

/// Puts them below a prefix, which has everything else already.
pub fn add(workspace: &Workspace, prefix: &Path) -> Result<()> {
    let mut pages: Vec<PathBuf> = PAGES.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        tree::copy_folder(&workspace.root.join(folder), &prefix.join(place(Path::new(folder))))?;
        for file in files_below(&workspace.root.join(folder), "md")? {
            let page = file.strip_prefix(&workspace.root).context("a page outside the checkout")?;
            pages.push(page.to_path_buf());
        }
    }
    for name in LEFT_OUT.iter().chain(NOT_FOR_USERS) {
        let path = prefix.join(place(Path::new(name)));
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("{} cannot be left out", path.display()))?;
    }
    pages.retain(|page| !NOT_FOR_USERS.iter().any(|name| page == Path::new(name)));
    // Pages lead to each other: all of them are there before the first is looked at.
    for page in &pages {
        tree::copy(&workspace.root.join(page), &prefix.join(place(page)))?;
    }
    for page in &pages {
        let text = read(&workspace.root.join(page))?;
        let mut written = String::new();
        for (line, kind) in markdown::lines(&text) {
            match kind {
                Line::Text => written.push_str(&markdown::relinked(line, |link| led(prefix, page, &link))),
                Line::Heading(..) | Line::Code => written.push_str(line),
            }
            written.push('\n');
        }
        tree::write(&prefix.join(place(page)), &written)?;
    }
    Ok(())
}

/// Where a file of the checkout is, from the prefix.
fn place(file: &Path) -> PathBuf {
    match file.strip_prefix("docs") {
        Ok(rest) => Path::new(FOLDER).join(rest),
        Err(_) if file.starts_with("examples") => Path::new(FOLDER).join(file),
        Err(_) => file.to_path_buf(),
    }
}

/// A link of a page of the checkout, led to where its target is in the archive.
fn led(prefix: &Path, page: &Path, link: &Link<'_>) -> String {
    let (file, anchor) = link.parts();
    if link.is_elsewhere() || file.is_empty() {
        return link.to_string();
    }
    let target = page
        .parent()
        .and_then(|folder| markdown::plain(&folder.join(file)))
        .map(|file| place(&file));
    match target {
        Some(target) if prefix.join(&target).exists() => {
            let anchor = anchor.map_or_else(String::new, |anchor| format!("#{anchor}"));
            Link {
                target: &(between(&place(page), &target) + &anchor),
                ..*link
            }
            .to_string()
        }
        _ => link.label.to_owned(),
    }
}

/// The way from a file to another, both told from the same folder.
fn between(from: &Path, to: &Path) -> String {
    let folder = from.parent().unwrap_or_else(|| Path::new(""));
    let shared = folder
        .components()
        .zip(to.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.components().skip(shared).map(|_| "..".into());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Every link of the pages below a prefix leads to something below it; how many there are.
pub fn check(prefix: &Path) -> Result<usize> {
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in files_below(prefix, "md")? {
        let page = file.strip_prefix(prefix).context("a page outside the prefix")?;
        markdown::each_link(&read(&file)?, |link| {
            count += 1;
            if !link.is_elsewhere() && !leads(prefix, page, &link) {
                wrong.push(format!("{}: {}", page.display(), link.target));
            }
        });
    }
    if count == 0 {
        bail!("no page of the archive has a link");
    }
    if !wrong.is_empty() {
        bail!("links that lead to nothing in the archive:\n{}", wrong.join("\n"));
    }
    Ok(count)
}

/// Whether a link of the page of the archive has something at its end.
fn leads(prefix: &Path, page: &Path, link: &Link<'_>) -> bool {
    let (file, anchor) = link.parts();
    let target = match file {
        "" => Some(page.to_path_buf()),
        _ => page.parent().and_then(|folder| markdown::plain(&folder.join(file))),
    };
    let Some(target) = target.map(|target| prefix.join(target)) else {
        return false;
    };
    match anchor {
        None => target.exists(),
        Some(anchor) => read(&target).is_ok_and(|text| markdown::anchors(&text).iter().any(|known| known == anchor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_follow_their_targets() {
        let prefix = std::env::temp_dir().join(format!("libshotgrid-guides-{}", std::process::id()));
        tree::fresh(&prefix).unwrap();
        for file in ["include/shotgrid.h", "share/doc/libshotgrid/events.md", "CHANGELOG.md"] {
            tree::write(&prefix.join(file), "# T\n\n## A part\n").unwrap();
        }
        let led = |page: &str, target: &str| {
            let (label, picture) = ("x", false);
            led(&prefix, Path::new(page), &Link { label, target, picture })
        };
        assert_eq!(led("docs/abi.md", "../include/shotgrid.h"), "[x](../../../include/shotgrid.h)");
        assert_eq!(led("docs/abi.md", "events.md#a-part"), "[x](events.md#a-part)");
        assert_eq!(led("examples/c/README.md", "../../docs/events.md"), "[x](../../events.md)");
        assert_eq!(led("CHANGELOG.md", "docs/events.md"), "[x](share/doc/libshotgrid/events.md)");
        assert_eq!(led("docs/abi.md", "../abi/libshotgrid.abi"), "x");
        assert_eq!(led("docs/abi.md", "../../outside"), "x");
        assert_eq!(led("docs/abi.md", "#here"), "[x](#here)");
        assert_eq!(led("docs/abi.md", "https://here"), "[x](https://here)");
        fs::remove_dir_all(&prefix).unwrap();
    }

    #[test]
    fn a_dead_link_is_told() {
        let prefix = std::env::temp_dir().join(format!("libshotgrid-links-{}", std::process::id()));
        let checked = |text: &str| {
            tree::fresh(&prefix).unwrap();
            tree::write(&prefix.join("doc/a.md"), text).unwrap();
            tree::write(&prefix.join("README.md"), "# T\n\n## A part\n").unwrap();
            check(&prefix).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(checked("[r](../README.md) [p](../README.md#a-part) [w](https://no)\n"), Ok(3));
        for dead in ["../README", "../README.md#another-part", "../../README.md", "b.md", "#a-part"] {
            let told = checked(&format!("[x]({dead})\n")).unwrap_err();
            assert!(told.ends_with(&format!("doc/a.md: {dead}")), "{told}");
        }
        checked("no link\n").unwrap_err();
        fs::remove_dir_all(&prefix).unwrap();
    }
}
