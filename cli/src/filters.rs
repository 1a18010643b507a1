//! Conditions as people write them: `code is SQ010_0010`, `sg_status_list in wtg,ip`, `project is Project:70`.

use shotgrid::client::{Document, quote};

use crate::arguments::Filters;
use crate::failure::Failure;
use crate::values::{Types, value};

/// What a relation takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    One,
    /// Values, separated by commas.
    List,
    /// Two values.
    Two,
    /// A count and a unit.
    Span,
    /// A whole number.
    Number,
    /// A text, whatever it looks like.
    Text,
}

/// Every relation. What it takes.
const RELATIONS: &[(&str, Takes)] = &[
    ("is", Takes::One),
    ("is_not", Takes::One),
    ("less_than", Takes::One),
    ("greater_than", Takes::One),
    ("contains", Takes::Text),
    ("not_contains", Takes::Text),
    ("starts_with", Takes::Text),
    ("ends_with", Takes::Text),
    ("name_contains", Takes::Text),
    ("name_not_contains", Takes::Text),
    ("name_starts_with", Takes::Text),
    ("name_ends_with", Takes::Text),
    ("name_is", Takes::Text),
    ("type_is", Takes::Text),
    ("type_is_not", Takes::Text),
    ("in", Takes::List),
    ("not_in", Takes::List),
    ("between", Takes::Two),
    ("not_between", Takes::Two),
    ("in_last", Takes::Span),
    ("not_in_last", Takes::Span),
    ("in_next", Takes::Span),
    ("not_in_next", Takes::Span),
    ("in_calendar_day", Takes::Number),
    ("in_calendar_week", Takes::Number),
    ("in_calendar_month", Takes::Number),
    ("in_calendar_year", Takes::Number),
];

/// Shorter forms.
const SIGNS: &[(&str, &str)] = &[
    ("=", "is"),
    ("==", "is"),
    ("!=", "is_not"),
    ("<", "less_than"),
    (">", "greater_than"),
    ("~", "contains"),
];

/// The filters of a command as JSON, and their operator.
pub async fn json(types: &mut Types<'_>, entity_type: &str, filters: &Filters) -> Result<String, Failure> {
    if let Some(json) = &filters.filters_json {
        return match Document::parse(json.as_bytes().to_vec()) {
            Ok(_) => Ok(json.clone()),
            Err(error) => Err(Failure::usage(format!("--filters-json is no JSON: {error}"))),
        };
    }
    Ok(format!("[{}]", conditions(types, entity_type, &filters.filters).await?.join(",")))
}

/// Conditions as people write them, each as JSON.
pub async fn conditions(types: &mut Types<'_>, entity_type: &str, all: &[String]) -> Result<Vec<String>, Failure> {
    let mut conditions = Vec::new();
    for written in all {
        conditions.push(condition(types, entity_type, written).await?);
    }
    Ok(conditions)
}

async fn condition(types: &mut Types<'_>, entity_type: &str, written: &str) -> Result<String, Failure> {
    let (field, (relation, takes), rest) = parts(written)?;
    let wrong = |what: &str| Failure::usage(format!("\"{written}\": {relation} takes {what}"));
    if rest.is_empty() {
        let hint = format!("'{field} is null' asks for those where it is empty, '{field} is_not null' for the others");
        return Err(wrong("a value, and there is none").hint(hint));
    }
    let list = |rest: &str| -> Vec<String> { split(rest).into_iter().filter(|part| !part.is_empty()).collect() };
    let json = match takes {
        Takes::Text => quote(&unquote(rest)),
        Takes::Number => rest
            .parse::<i64>()
            .map_err(|_| wrong("a whole number, such as 0 for this one"))?
            .to_string(),
        Takes::Span => {
            let mut words = rest.split_whitespace();
            let count = words.next().and_then(|count| count.parse::<u32>().ok());
            let unit = words.next().map(|unit| unit.trim_end_matches(['s', 'S']).to_ascii_uppercase());
            let unit = unit.filter(|unit| ["HOUR", "DAY", "WEEK", "MONTH", "YEAR"].contains(&unit.as_str()));
            match (count, unit, words.next()) {
                (Some(count), Some(unit), None) => format!("[{count},{}]", quote(&unit)),
                _ => return Err(wrong("a count and a unit, such as 2 days")),
            }
        }
        Takes::List | Takes::Two => {
            let words = if takes == Takes::Two { two(rest) } else { list(rest) };
            if takes == Takes::Two && words.len() != 2 {
                return Err(wrong("two values, such as 1001 and 1100"));
            }
            let mut values = Vec::new();
            for word in &words {
                values.push(value(types, entity_type, field, word).await);
            }
            format!("[{}]", values.join(","))
        }
        Takes::One => value(types, entity_type, field, rest).await,
    };
    Ok(format!("[{},{},{json}]", quote(field), quote(relation)))
}

/// The field, the relation and what stands behind it.
fn parts(written: &str) -> Result<(&str, (&'static str, Takes), &str), Failure> {
    let trimmed = written.trim();
    let wrong = |why: String| {
        Failure::usage(format!("\"{written}\" is no condition: {why}")).hint("write FIELD RELATION VALUE, as in 'code is SQ010_0010'")
    };
    let field_end = trimmed
        .find(|letter: char| letter.is_whitespace() || "=!<>~".contains(letter))
        .unwrap_or(trimmed.len());
    let (field, rest) = trimmed.split_at(field_end);
    let rest = rest.trim_start();
    if field.is_empty() || rest.is_empty() {
        return Err(wrong("it has no relation".to_owned()));
    }
    if let Some((sign, relation)) = SIGNS
        .iter()
        .filter(|(sign, _)| rest.starts_with(sign))
        .max_by_key(|(sign, _)| sign.len())
    {
        return Ok((
            field,
            known(relation).unwrap_or(("is", Takes::One)),
            rest.get(sign.len()..).unwrap_or_default().trim(),
        ));
    }
    // The longest relation that stands there, with blanks or underscores: "is not" before "is".
    let plain = rest.to_lowercase();
    let stands = |name: &str| {
        let end = |form: &str| {
            plain
                .strip_prefix(form)
                .is_some_and(|behind| behind.is_empty() || behind.starts_with(char::is_whitespace))
        };
        [name.to_owned(), name.replace('_', " ")].iter().any(|form| end(form))
    };
    let found = RELATIONS.iter().filter(|(name, _)| stands(name)).max_by_key(|(name, _)| name.len());
    match found {
        Some((name, takes)) => Ok((field, (*name, *takes), rest.get(name.len()..).unwrap_or_default().trim())),
        None => {
            let word = rest.split_whitespace().next().unwrap_or_default();
            let nearest = "is, is_not, in, contains, starts_with, less_than, greater_than, between, in_last and others";
            Err(wrong(format!("there is no relation \"{word}\"; there are {nearest}")))
        }
    }
}

fn known(name: &str) -> Option<(&'static str, Takes)> {
    RELATIONS.iter().find(|(known, _)| *known == name).copied()
}

fn unquote(word: &str) -> String {
    let inner = ['"', '\''].iter().find_map(|mark| word.strip_prefix(*mark)?.strip_suffix(*mark));
    inner.unwrap_or(word).to_owned()
}

/// At commas that stand in no quotes.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut inside = None;
    for letter in text.chars() {
        match (inside, letter) {
            (None, ',') => parts.push(String::new()),
            (None, '"' | '\'') => inside = Some(letter),
            (Some(mark), _) if letter == mark => inside = None,
            _ => {}
        }
        if let Some(part) = parts.last_mut().filter(|_| letter != ',' || inside.is_some()) {
            part.push(letter);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// `A and B`, `A,B` or `A B`.
fn two(text: &str) -> Vec<String> {
    if let Some((one, other)) = text.split_once(" and ") {
        return vec![one.trim().to_owned(), other.trim().to_owned()];
    }
    match split(text) {
        parts if parts.len() == 1 => text.split_whitespace().map(str::to_owned).collect(),
        parts => parts,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use super::*;

    #[test]
    fn conditions_fall_into_their_parts() {
        let apart = |text| {
            parts(text)
                .map(|(field, (relation, _), rest)| format!("{field}|{relation}|{rest}"))
                .ok()
        };
        for (written, wanted) in [
            ("code is sh010", "code|is|sh010"),
            ("code is not sh 010", "code|is_not|sh 010"),
            ("code IS_NOT x", "code|is_not|x"),
            ("code=x", "code|is|x"),
            ("sg_cut_in > 1001", "sg_cut_in|greater_than|1001"),
            ("code != null", "code|is_not|null"),
            ("code is", "code|is|"),
            ("status not in a,b", "status|not_in|a,b"),
            ("created_at in_last 2 days", "created_at|in_last|2 days"),
            ("a.B.c starts with x", "a.B.c|starts_with|x"),
            ("code isx", ""),
            ("code", ""),
            ("code within x", ""),
        ] {
            assert_eq!(apart(written).unwrap_or_default(), wanted, "{written}");
        }
    }

    #[test]
    fn lists_are_split_outside_of_quotes() {
        assert_eq!(split(r#"a, "b,c" ,d"#), ["a", r#""b,c""#, "d"]);
        assert_eq!(two("1 and 2"), ["1", "2"]);
        assert_eq!(two("1,2"), ["1", "2"]);
        assert_eq!(two("1 2"), ["1", "2"]);
    }
}
