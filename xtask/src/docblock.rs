//! The text of the header: the comment of every function, a fixed block that a caller can rely on, and whose names it has.

use anyhow::{Result, bail};

use crate::header;
use crate::prototypes::{Function, foreign_names, functions};
use crate::steps::{Outcome, Session};
use crate::workspace::read;

/// What every block says in one line each.
const TAGS: &[&str] = &["@threadsafe", "@blocking", "@callback-safe", "@since"];

/// The step of `cargo xtask test`.
pub fn check(session: &Session) -> Result<Outcome> {
    let header = read(&header::path(&session.workspace))?;
    let functions = functions(&header)?;
    if functions.is_empty() {
        bail!("the header declares no function");
    }
    let mut faults: Vec<String> = functions.iter().flat_map(faults).collect();
    faults.extend(
        foreign_names(&header)
            .into_iter()
            .map(|name| format!("{name}: not a name of ours (SG_, sg_)")),
    );
    if !faults.is_empty() {
        bail!("{} faults in the header:\n{}", faults.len(), faults.join("\n"));
    }
    println!("   {} functions", functions.len());
    Ok(Outcome::Passed)
}

/// What is wrong with a function's comment, one line each.
fn faults(function: &Function) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("{}: {text}", function.name));
    let comment = &function.comment;
    if comment.is_empty() {
        fault("has no comment".to_owned());
        return faults;
    }
    if comment.starts_with('@') {
        fault("does not say first what it does".to_owned());
    }
    let told: Vec<(&str, &str)> = comment.lines().filter_map(parameter).collect();
    for name in &function.parameters {
        match told.iter().find(|(found, _)| found == name) {
            None => fault(format!("@param {name} is missing")),
            Some((_, "")) => fault(format!("@param {name} says nothing")),
            Some(_) => {}
        }
    }
    for (name, _) in told
        .iter()
        .filter(|(name, _)| function.parameters.iter().all(|known| known != name))
    {
        fault(format!("@param {name} is no parameter of it"));
    }
    let value = |tag: &str| comment.lines().find_map(|line| after_tag(line, tag));
    match (function.returns_void, value("@return")) {
        (true, Some(_)) => fault("has @return but gives nothing back".to_owned()),
        (false, None | Some("")) => fault("@return is missing or says nothing".to_owned()),
        _ => {}
    }
    for tag in TAGS {
        if value(tag).is_none_or(str::is_empty) {
            fault(format!("{tag} is missing or says nothing"));
        }
    }
    faults
}

/// The name and the text of a `@param` line, with or without its direction.
fn parameter(line: &str) -> Option<(&str, &str)> {
    let text = line.strip_prefix("@param")?;
    let text = match text.strip_prefix('[') {
        Some(after) => after.split_once(']')?.1,
        None => text,
    };
    let text = text.trim_start();
    Some(
        text.split_once(char::is_whitespace)
            .map_or((text, ""), |(name, told)| (name, told.trim())),
    )
}

/// What a line says after a tag.
fn after_tag<'a>(line: &'a str, tag: &str) -> Option<&'a str> {
    let after = line.strip_prefix(tag)?;
    (after.is_empty() || after.starts_with([' ', ':', '\t'])).then(|| after.trim_start_matches(':').trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(comment: &str) -> Function {
        Function {
            name: "sg_f".to_owned(),
            parameters: vec!["a".to_owned()],
            returns_void: false,
            declaration: String::new(),
            comment: comment.to_owned(),
        }
    }

    const GOOD: &str =
        "Does it.\n@param[in] a The first.\n@return The sum.\n@threadsafe yes\n@blocking no\n@callback-safe yes\n@since 0.1.0";

    #[test]
    fn a_whole_block_has_no_fault() {
        assert_eq!(faults(&function(GOOD)), Vec::<String>::new());
    }

    #[test]
    fn each_missing_part_is_a_fault() {
        for (index, line) in GOOD.lines().enumerate() {
            let cut: Vec<&str> = GOOD.lines().filter(|other| *other != line).collect();
            assert_eq!(faults(&function(&cut.join("\n"))).len(), 1, "line {index} without a fault: {line}");
        }
        assert_eq!(faults(&function("")).len(), 1);
        assert_eq!(faults(&function(&GOOD.replace("The first.", ""))).len(), 1);
        assert_eq!(faults(&function(&GOOD.replace("@blocking no", "@blocking"))).len(), 1);
        assert_eq!(faults(&function(&format!("{GOOD}\n@param b Who?"))).len(), 1);
        let void = Function {
            returns_void: true,
            ..function(GOOD)
        };
        assert_eq!(faults(&void).len(), 1);
    }
}
