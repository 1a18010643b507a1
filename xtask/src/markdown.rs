//! What the project's pages have of Markdown: headings with their anchors, links, and fenced programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A line of a page, by what can stand in it.
pub enum Line<'a> {
    /// A heading: how deep it is, and its words.
    Heading(usize, &'a str),
    /// A part of a program, or its fence.
    Code,
    /// Anything else.
    Text,
}

/// A link, or a picture.
pub struct Link<'a> {
    /// What is read in its place.
    pub label: &'a str,
    /// Where it leads.
    pub target: &'a str,
    /// Whether it is shown where it stands.
    pub picture: bool,
}

impl Link<'_> {
    /// Whether it leads out of the project.
    pub fn is_elsewhere(&self) -> bool {
        self.target.contains("://")
    }

    /// The file, which is empty for the page itself, and the anchor in it.
    pub fn parts(&self) -> (&str, Option<&str>) {
        match self.target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor)),
            None => (self.target, None),
        }
    }
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.picture { "!" } else { "" };
        write!(out, "{mark}[{}]({})", self.label, self.target)
    }
}

/// The lines of a page, each with what it is.
pub fn lines(text: &str) -> impl Iterator<Item = (&str, Line<'_>)> {
    let mut fenced = false;
    text.lines().map(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        let kind = if fence || fenced || line.starts_with("    ") {
            Line::Code
        } else if level > 0 && heading.starts_with(' ') {
            Line::Heading(level, heading.trim())
        } else {
            Line::Text
        };
        (line, kind)
    })
}

/// A line with other words in the place of each link.
pub fn relinked(line: &str, mut words: impl FnMut(Link<'_>) -> String) -> String {
    let mut written = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("](") {
        let (Some((open, label)), Some((target, after))) = (before.rsplit_once('['), behind.split_once(')')) else {
            break;
        };
        let plain = open.strip_suffix('!');
        written.push_str(plain.unwrap_or(open));
        written.push_str(&words(Link {
            label,
            target,
            picture: plain.is_some(),
        }));
        rest = after;
    }
    written + rest
}

/// What is said of each link of a page that is not part of a program.
pub fn each_link(text: &str, mut said: impl FnMut(Link<'_>)) {
    for (line, kind) in lines(text) {
        if matches!(kind, Line::Text) {
            relinked(line, |link| {
                said(link);
                String::new()
            });
        }
    }
}

/// The anchors of a page, level by level below its title.
pub fn anchors(text: &str) -> Vec<String> {
    let mut slugs = Slugs::default();
    lines(text)
        .filter_map(|(_, kind)| match kind {
            Line::Heading(level, words) if level > 1 => Some(slugs.next(words)),
            _ => None,
        })
        .collect()
}

/// The anchors that were given so far.
#[derive(Default)]
pub struct Slugs(BTreeMap<String, usize>);

impl Slugs {
    /// A heading's anchor, as the forges make it.
    pub fn next(&mut self, heading: &str) -> String {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = self.0.entry(slug.clone()).or_insert(0);
        *count += 1;
        match *count {
            1 => slug,
            more => format!("{slug}-{}", more - 1),
        }
    }
}

/// The fenced blocks of a page with their languages.
pub fn fences(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.trim(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some((_, code))) => {
                code.push_str(line);
                code.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// A path without its `..`; `None` where it leads out of the folder that it is told from.
pub fn plain(path: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !parts.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            part => parts.push(part),
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_they_are_read() {
        let page = "# T\n\nSee [a](a.md#x) and ![b](b.png).\n```c\nx[0](1);\n```\n    [c](c.md)\nno](link), [d](https://d)\n";
        let mut found = Vec::new();
        each_link(page, |link| found.push((link.to_string(), link.is_elsewhere())));
        assert_eq!(found, [("[a](a.md#x)".to_owned(), false), ("![b](b.png)".to_owned(), false)]);
        assert_eq!(
            relinked("[a](b) ![c](d)!", |link| format!("<{}{}>", link.target, link.picture)),
            "<bfalse> <dtrue>!"
        );
    }

    #[test]
    fn anchors_are_those_of_the_forges() {
        assert_eq!(
            anchors("# Title\n## One, two\n```\n## no\n```\n## One two\n### `x_y`: z\n"),
            ["one-two", "one-two-1", "x_y-z"]
        );
    }

    #[test]
    fn no_path_leads_out() {
        assert_eq!(plain(Path::new("a/../b/./c")), Some(PathBuf::from("b/c")));
        assert_eq!(plain(Path::new("a/../../b")), None);
    }
}
