//! The guides and the headers as a site, by doxygen. Links that lead nowhere and programs that do not compile are errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cc;
use crate::markdown::{self, Line, Link, Slugs};
use crate::steps::{Outcome, Session};
use crate::tools::{self, CXX, PYTHON, Tool};
use crate::workspace::{Workspace, files_below, read};

const DOXYGEN: Tool = Tool {
    program: "doxygen",
    package: "doxygen",
};
/// Where the site begins, and pages that are not in docs.
const FIRST: &[&str] = &["README.md", "examples/README.md", "CHANGELOG.md", "SECURITY.md"];

/// The reference's first pages, and what they are about.
const REFERENCE: &[(&str, &str)] = &[("shotgrid_8h.html", "shotgrid.h"), ("classsg_1_1client.html", "sg::client")];

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    let pages = Pages::read(&session.workspace)?;
    pages.compile(session)?;
    let written = pages.written(&session.workspace)?;
    if let Some(why) = tools::missing(&DOXYGEN, session.required)? {
        return Ok(Outcome::Skipped(format!("links and programs only: {why}")));
    }
    let site = run(&session.workspace, &written)?;
    println!("   {} pages: {}", pages.0.len(), site.display());
    Ok(Outcome::Passed)
}

fn run(workspace: &Workspace, pages: &Path) -> Result<PathBuf> {
    let site = workspace.scratch.join("site");
    // Doxygen makes only the last folder itself, and leaves pages that are no more.
    if site.exists() {
        fs::remove_dir_all(&site).with_context(|| format!("{} cannot be emptied", site.display()))?;
    }
    fs::create_dir_all(&site).with_context(|| format!("{} cannot be made", site.display()))?;
    let output = Command::new(DOXYGEN.program)
        .arg("docs/site/Doxyfile")
        .current_dir(&workspace.root)
        .env("SHOTGRID_PAGES", pages)
        .env("SHOTGRID_SITE", &site)
        .env("SHOTGRID_VERSION", env!("CARGO_PKG_VERSION"))
        .output()
        .context("doxygen could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !said.trim().is_empty() {
        bail!("doxygen: {}\n{}", output.status, said.trim_end());
    }
    // What doxygen does not understand it leaves out without a word.
    for (name, what) in REFERENCE {
        if !site.join("html").join(name).is_file() {
            bail!("the site has no page of {what}");
        }
    }
    Ok(site.join("html/index.html"))
}

/// The pages' texts, by their path in the checkout.
struct Pages(BTreeMap<PathBuf, String>);

impl Pages {
    fn read(workspace: &Workspace) -> Result<Pages> {
        let docs = files_below(&workspace.root.join("docs"), "md")?;
        let first = FIRST.iter().map(|name| workspace.root.join(name)).filter(|path| path.is_file());
        let mut pages = BTreeMap::new();
        for path in first.chain(docs) {
            let name = path
                .strip_prefix(&workspace.root)
                .context("a page outside the checkout")?
                .to_path_buf();
            pages.insert(name, read(&path)?);
        }
        Ok(Pages(pages))
    }

    /// Every fenced program (one that includes or imports something) is compiled.
    fn compile(&self, session: &Session) -> Result<()> {
        let folder = session.workspace.scratch.join("doc-programs");
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let cxx = tools::missing(&CXX, session.required)?.is_none();
        let python = tools::missing(&PYTHON, session.required)?.is_none();
        let mut count = 0;
        for (page, text) in &self.0 {
            for (language, code) in markdown::fences(text) {
                let source = folder.join(format!("{}-{count}.{language}", identifier(page)));
                fs::write(&source, &code).with_context(|| format!("{} cannot be written", source.display()))?;
                let mut command = match language {
                    "c" if code.contains("#include") => cc::compiler(&session.workspace, cc::c_compiler(), "c99"),
                    "cpp" if code.contains("#include") && cxx => cc::compiler(&session.workspace, CXX.program, "c++17"),
                    "python" if python => Command::new(PYTHON.program),
                    _ => continue,
                };
                match language {
                    "python" => command.args(["-c", "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')"]),
                    _ => command.arg("-fsyntax-only"),
                };
                cc::must_compile(command.arg(&source)).with_context(|| format!("a program in {}", page.display()))?;
                count += 1;
            }
        }
        println!("   {count} programs in {} pages", self.0.len());
        Ok(())
    }

    /// Writes the pages as doxygen wants them: each heading has a name, and each link leads to one.
    fn written(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = workspace.scratch.join("doc-pages");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut wrong = Vec::new();
        for (page, text) in &self.0 {
            let path = folder.join(if page == Path::new("README.md") {
                "README.md".to_owned()
            } else {
                format!("{}.md", identifier(page))
            });
            fs::write(&path, self.page(workspace, page, text, &mut wrong))
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        if !wrong.is_empty() {
            bail!("links that lead nowhere:\n{}", wrong.join("\n"));
        }
        Ok(folder)
    }

    fn page(&self, workspace: &Workspace, page: &Path, text: &str, wrong: &mut Vec<String>) -> String {
        let name = identifier(page);
        let mut slugs = Slugs::default();
        let mut written = String::new();
        for (line, kind) in markdown::lines(text) {
            match kind {
                Line::Heading(1, _) => written.push_str(&format!("{line} {{#{name}}}")),
                Line::Heading(_, words) => written.push_str(&format!("{line} {{#{name}-{}}}", slugs.next(words))),
                Line::Code => written.push_str(line),
                Line::Text => written.push_str(&markdown::relinked(line, |link| self.link(workspace, page, &link, wrong))),
            }
            written.push('\n');
        }
        written
    }

    /// A link, led to a name instead of a file.
    fn link(&self, workspace: &Workspace, page: &Path, link: &Link<'_>, wrong: &mut Vec<String>) -> String {
        let label = link.label;
        if link.is_elsewhere() {
            return link.to_string();
        }
        match self.destination(workspace, page, link) {
            // Doxygen finds it by its name alone.
            Some(_) if link.picture => {
                let name = Path::new(link.target).file_name().unwrap_or_default().to_string_lossy();
                format!("![{label}]({name})")
            }
            Some(Some(name)) => format!("[{label}](@ref {name})"),
            // A file that is in the checkout and not in the site.
            Some(None) => label.to_owned(),
            None => {
                wrong.push(format!("{}: {}", page.display(), link.target));
                String::new()
            }
        }
    }

    /// The name of what a link leads to; `Some(None)` for a file that is no page, `None` where there is nothing.
    fn destination(&self, workspace: &Workspace, page: &Path, link: &Link<'_>) -> Option<Option<String>> {
        let (file, anchor) = link.parts();
        let path = match file {
            "" => page.to_path_buf(),
            _ => markdown::plain(&page.parent()?.join(file))?,
        };
        if let Some(text) = self.0.get(&path) {
            let name = identifier(&path);
            return match anchor {
                None => Some(Some(name)),
                Some(anchor) => markdown::anchors(text)
                    .iter()
                    .any(|known| known == anchor)
                    .then(|| Some(format!("{name}-{anchor}"))),
            };
        }
        if path.starts_with("include") && workspace.root.join(&path).is_file() {
            return Some(Some(path.file_name()?.to_string_lossy().into_owned()));
        }
        workspace.root.join(&path).exists().then_some(None)
    }
}

/// A page's name among doxygen's.
fn identifier(page: &Path) -> String {
    let stem = page.with_extension("");
    let text = stem.strip_prefix("docs").unwrap_or(&stem).to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("page_{}", text.chars().map(plain).collect::<String>())
}
