//! Rules of the house that no compiler checks.

use anyhow::{Result, bail};

use crate::steps::{Outcome, Session};
use crate::workspace::{files_below, read};

/// A file longer than this hides things from whoever opens it for the first time.
pub const MOST_LINES: usize = 600;
/// The only places where the library may leave safe Rust.
const UNSAFE_HOMES: &[&str] = &["src/ffi/", "src/runtime/signals.rs"];
/// A library in somebody else's program has no business on that program's terminal.
const STREAMS: &[&str] = &[
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
    "io::stdout",
    "io::stderr",
    "io::stdin",
];

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    let root = &session.workspace.root;
    let mut faults = Vec::new();
    let mut files = 0;
    for folder in ["src", "cli/src", "sandbox/src", "xtask/src"] {
        for file in files_below(&root.join(folder), "rs")? {
            files += 1;
            let shown = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            faults.extend(file_faults(&shown, &read(&file)?));
        }
    }
    if files == 0 {
        bail!("there are no Rust files to look at");
    }
    if !faults.is_empty() {
        bail!("{} rules of the house are broken:\n{}", faults.len(), faults.join("\n"));
    }
    println!("   {files} files");
    Ok(Outcome::Passed)
}

/// What is wrong with one file, by its path in the checkout.
fn file_faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        faults.push(format!("{path}: {lines} lines; split what is over {MOST_LINES}"));
    }
    let library = path.starts_with("src/");
    // Elsewhere the lint `unsafe_code` of the workspace says it: nobody there has reason to allow it.
    let safe = library && !UNSAFE_HOMES.iter().any(|home| path.starts_with(home));
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let place = format!("{path}:{}", index + 1);
        if safe && words(code).any(|word| word == "unsafe") {
            faults.push(format!("{place}: unsafe outside of {}", UNSAFE_HOMES.join(" and ")));
        }
        if library {
            let used = STREAMS.iter().filter(|word| code.contains(**word));
            // `print!` is in `println!` too: one fault a line is enough.
            faults.extend(used.take(1).map(|word| format!("{place}: {word} in the library")));
        }
    }
    faults
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_can_fail() {
        assert_eq!(
            file_faults("src/client/a.rs", "let x = 1; // unsafe { } is only a word here"),
            Vec::<String>::new()
        );
        assert_eq!(file_faults("src/client/a.rs", "#![deny(unsafe_code)]"), Vec::<String>::new());
        assert_eq!(file_faults("src/client/a.rs", "unsafe { f() }").len(), 1);
        assert_eq!(file_faults("src/runtime/signals.rs", "unsafe { f() }").len(), 0);
        assert_eq!(file_faults("src/ffi/a.rs", "println!()").len(), 1);
        assert_eq!(file_faults("sandbox/src/a.rs", "println!()").len(), 0);
        assert_eq!(file_faults("src/a.rs", &"\n".repeat(MOST_LINES + 1)).len(), 1);
    }
}
