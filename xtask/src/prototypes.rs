//! Reads the functions out of include/shotgrid.h: names, parameters, comments.

use anyhow::{Result, bail};

/// A function that the header declares.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its parameters' names, in order.
    pub parameters: Vec<String>,
    /// Whether it gives nothing back.
    pub returns_void: bool,
    /// The declaration as it stands in the header, without its semicolon.
    pub declaration: String,
    /// The text of the comment right above it, without the stars. Empty when there is none.
    pub comment: String,
}

/// The functions of a header that cbindgen wrote, in their order.
pub fn functions(header: &str) -> Result<Vec<Function>> {
    let mut rest = header;
    let mut comment = String::new();
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        if let Some(after) = rest.strip_prefix("/*") {
            let Some((text, after)) = after.split_once("*/") else {
                bail!("a comment of the header has no end")
            };
            comment = if text.starts_with('*') {
                without_stars(text)
            } else {
                String::new()
            };
            rest = after;
        } else if rest.starts_with('#') || rest.starts_with("//") {
            rest = after_line(rest);
        } else if let Some(after) = rest.strip_prefix("extern \"C\" {") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('}') {
            rest = after;
        } else {
            let (declaration, after) = declaration(rest)?;
            found.extend(function(declaration, std::mem::take(&mut comment)));
            rest = after;
        }
    }
}

/// What the callback types of a header point to, as declarations of functions that are named after them.
pub fn callbacks(header: &str) -> Vec<String> {
    let pointers = header.lines().filter_map(|line| line.strip_prefix("typedef ")?.strip_suffix(';'));
    pointers
        .filter_map(|line| {
            let (result, rest) = line.split_once("(*")?;
            let (name, parameters) = rest.split_once(')')?;
            Some(format!("{result}{name}_pointee{parameters}"))
        })
        .collect()
}

/// Macros and types of a header whose names do not begin with ours: they would meet a host's own.
pub fn foreign_names(header: &str) -> Vec<String> {
    let macros = header
        .lines()
        .filter_map(|line| line.trim().strip_prefix("#define "))
        .filter_map(|rest| {
            let name = rest.split(|letter: char| !is_word(letter)).next()?;
            (!name.starts_with("SG_") && name != "SHOTGRID_H").then(|| format!("#define {name}"))
        });
    let types = header
        .lines()
        .filter(|line| line.starts_with("typedef") || line.starts_with('}'))
        .filter_map(|line| {
            let name = last_word(line.trim_end().strip_suffix(';')?)?;
            (!name.starts_with("sg_")).then(|| format!("typedef {name}"))
        });
    macros.chain(types).collect()
}

/// Up to the semicolon that ends a declaration, whatever braces stand in it.
fn declaration(text: &str) -> Result<(&str, &str)> {
    let mut depth = 0_u32;
    for (place, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => {
                let (declaration, after) = text.split_at(place);
                return Ok((declaration, after.trim_start_matches(';')));
            }
            _ => {}
        }
    }
    bail!(
        "a declaration of the header has no end: {}",
        text.lines().next().unwrap_or_default()
    )
}

/// The function of a declaration; `None` for types.
fn function(declaration: &str, comment: String) -> Option<Function> {
    if declaration.starts_with("typedef") || declaration.contains('{') {
        return None;
    }
    let (head, tail) = declaration.split_once('(')?;
    let (list, _) = tail.rsplit_once(')')?;
    let name = last_word(head)?;
    let kind: Vec<&str> = head.split_whitespace().collect();
    let returns_void = kind.iter().rev().nth(1) == Some(&"void");
    let parameters = match list.trim() {
        "void" | "" => Vec::new(),
        list => top_level(list).into_iter().filter_map(parameter_name).collect(),
    };
    Some(Function {
        name,
        parameters,
        returns_void,
        declaration: declaration.to_owned(),
        comment,
    })
}

/// Splits at the commas that stand outside of parentheses.
fn top_level(list: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    list.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .collect()
}

/// `uint32_t value` gives `value`, `void (*done)(void *data)` gives `done`.
fn parameter_name(parameter: &str) -> Option<String> {
    match parameter.split_once("(*") {
        Some((_, after)) => last_word(after.split(')').next()?),
        None => last_word(parameter),
    }
}

fn last_word(text: &str) -> Option<String> {
    let text = text.trim_end();
    let start = text.rfind(|letter| !is_word(letter)).map_or(0, |place| place + 1);
    text.get(start..).filter(|found| !found.is_empty()).map(str::to_owned)
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn after_line(text: &str) -> &str {
    let mut rest = text;
    loop {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if !line.ends_with('\\') || rest.is_empty() {
            return rest;
        }
    }
}

fn without_stars(comment: &str) -> String {
    let lines = comment.lines().map(|line| line.trim().trim_start_matches('*').trim());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"
/* Not a function's comment. */
#ifndef X
#define TWO(a) \
  ((a) + 1)
#ifdef __cplusplus
extern "C" {
#endif
/** A kind. */
typedef enum sg_kind { SG_KIND_A = 0, SG_KIND_B = 1 } sg_kind;
typedef struct sg_thing sg_thing;
/**
 * Makes one.
 *
 * @param name  What it is called
 */
SG_API sg_thing *sg_thing_new(const char *name, void (*done)(void *data, int n), size_t *len) SG_NOEXCEPT;
SG_API void sg_thing_free(struct sg_thing *thing) SG_NOEXCEPT;
/** Says it. */
const char *sg_say(void);
#ifdef __cplusplus
}
#endif
#endif
"#;

    #[test]
    fn reads_what_cbindgen_writes() {
        let found = functions(HEADER).unwrap();
        let names: Vec<&str> = found.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["sg_thing_new", "sg_thing_free", "sg_say"]);
        assert_eq!(found[0].parameters, ["name", "done", "len"]);
        assert_eq!(found[0].comment, "Makes one.\n\n@param name  What it is called");
        assert_eq!(found[1].parameters, ["thing"]);
        assert_eq!(found[1].comment, "", "the comment belongs to the function above");
        assert!(found[1].returns_void && !found[0].returns_void && !found[2].returns_void);
        assert!(found[2].parameters.is_empty());
    }

    #[test]
    fn callbacks_become_functions() {
        let header = "typedef void (*sg_fn)(sg_a *a, void *data);\ntypedef struct sg_a sg_a;\n";
        assert_eq!(callbacks(header), ["void sg_fn_pointee(sg_a *a, void *data)"]);
    }

    #[test]
    fn names_that_are_not_ours_are_told() {
        assert_eq!(
            foreign_names("#ifndef SHOTGRID_H\n#define SHOTGRID_H\n#define SG_MAX(a) 1\ntypedef struct sg_a sg_a;\n"),
            Vec::<String>::new()
        );
        let foreign = "#define MAX 1\n#define TWO(a) 2\ntypedef struct b b;\ntypedef enum c {\n  SG_C = 0,\n} c;\n";
        assert_eq!(foreign_names(foreign), ["#define MAX", "#define TWO", "typedef b", "typedef c"]);
    }

    #[test]
    fn a_header_that_breaks_off_is_an_error() {
        assert!(functions("/* no end").is_err());
        assert!(functions("int sg_a(void)").is_err());
    }
}
