//! Filters: from the official client's lists to the wire's objects.

use std::borrow::Cow;
use std::fmt;

use super::document::{Key, Kind, Value};
use super::json::{array, push_quoted, quote};

/// The keys of an entity that a filter or an update sends; the site needs no more of it.
const ENTITY_KEYS: &[&str] = &[
    "id",
    "type",
    "url",
    "name",
    "content_type",
    "local_path",
    "storage",
    "relative_path",
];

/// What is wrong with a filter, and where.
pub(super) type Problem = String;

/// Turns `all`/`and` and `any`/`or` into the wire's word. None given: all.
pub(super) fn operator(value: Option<Value<'_>>) -> Result<&'static str, Problem> {
    let Some(value) = value else {
        return Ok("and");
    };
    match value.as_str().as_deref() {
        Some("all" | "and") => Ok("and"),
        Some("any" | "or") => Ok("or"),
        _ => Err(format!(
            "must be \"all\" (or \"and\") or \"any\" (or \"or\"), not {}",
            super::document::shown(value)
        )),
    }
}

/// Appends what a list of conditions is on the wire. An object is taken to be in the wire's form already.
pub(super) fn translate(to: &mut String, filters: Value<'_>, operator: &'static str) -> Result<(), Problem> {
    if filters.kind() == Kind::Object {
        to.push_str(filters.json());
        return Ok(());
    }
    group(to, filters, operator, None)
}

/// Where a condition stands, which only messages tell.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// The group of conditions that it is in, where that is itself a condition.
    within: Option<&'p Place<'p>>,
    index: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = self.within {
            write!(out, "{within}.filters")?;
        }
        write!(out, "[{}]", self.index)
    }
}

fn group(to: &mut String, conditions: Value<'_>, operator: &'static str, within: Option<&Place<'_>>) -> Result<(), Problem> {
    to.push_str(r#"{"logical_operator":""#);
    to.push_str(operator);
    to.push_str(r#"","conditions":["#);
    for (index, each) in conditions.children().enumerate() {
        if index > 0 {
            to.push(',');
        }
        condition(to, each, Place { within, index })?;
    }
    to.push_str("]}");
    Ok(())
}

fn condition(to: &mut String, value: Value<'_>, place: Place<'_>) -> Result<(), Problem> {
    match value.kind() {
        Kind::Array => comparison(to, value, place),
        Kind::Object if value.get("logical_operator").is_some() || value.get("path").is_some() => {
            to.push_str(value.json());
            Ok(())
        }
        Kind::Object => nested(to, value, place),
        kind => Err(format!(
            "{place} must be [field, relation, value…] or {{\"filter_operator\", \"filters\"}}, not {}",
            kind.with_article()
        )),
    }
}

fn nested(to: &mut String, value: Value<'_>, place: Place<'_>) -> Result<(), Problem> {
    let Some(given) = value.get("filter_operator") else {
        return Err(format!("{place} needs a \"filter_operator\" of \"all\" or \"any\""));
    };
    let word = operator(Some(given)).map_err(|problem| format!("{place}.filter_operator {problem}"))?;
    match value.get("filters") {
        Some(filters) if filters.kind() == Kind::Array => group(to, filters, word, Some(&place)),
        Some(filters) => Err(format!(
            "{place}.filters must be an array of conditions, not {}",
            filters.kind().with_article()
        )),
        None => Err(format!("{place} needs \"filters\", an array of conditions")),
    }
}

/// `[path, relation, value…]`. A single list of values is unwrapped by one level.
fn comparison(to: &mut String, value: Value<'_>, place: Place<'_>) -> Result<(), Problem> {
    let mut parts = value.children();
    let mut word = |index: usize, what: &str| {
        let text = parts.next().and_then(|part| Some((part, part.as_str()?)));
        text.filter(|(_, text)| !text.is_empty())
            .ok_or_else(|| format!("{place} must be [field, relation, value…] and has no {what} at position {index}"))
    };
    let (path, relation) = (word(0, "field name")?, word(1, "relation")?);
    let Some(first) = parts.next() else {
        return Err(format!(
            "{place} must be [field, relation, value…] and has no value; give null to compare with nothing"
        ));
    };
    for (opening, (part, text)) in [(r#"{"path":"#, &path), (r#","relation":"#, &relation)] {
        to.push_str(opening);
        match text {
            // As it was written it is what it would be quoted as.
            Cow::Borrowed(_) => to.push_str(part.json()),
            Cow::Owned(text) => push_quoted(to, text),
        }
    }
    to.push_str(r#","values":["#);
    let may_trim = path.1 != "id" && matches!(&*relation.1, "is" | "is_not" | "in" | "not_in");
    match (first.kind(), parts.next()) {
        (Kind::Array, None) => push_values(to, first.children(), may_trim),
        (_, second) => push_values(to, [Some(first), second].into_iter().flatten().chain(parts), may_trim),
    }
    to.push_str("]}");
    Ok(())
}

/// Values of a comparison. If the first is an entity, entities are trimmed.
fn push_values<'d>(to: &mut String, values: impl Iterator<Item = Value<'d>>, may_trim: bool) {
    let mut trims = may_trim;
    for (index, value) in values.enumerate() {
        if index == 0 {
            trims &= value.kind() == Kind::Object;
        } else {
            to.push(',');
        }
        if trims {
            push_trimmed(to, value)
        } else {
            to.push_str(value.json())
        }
    }
}

/// Appends an entity with only the keys that identify it; every other value as it is.
fn push_trimmed(to: &mut String, value: Value<'_>) {
    let before = to.len();
    let (mut has_id, mut has_type) = (false, false);
    if value.kind() == Kind::Object {
        to.push('{');
        for member in value.children() {
            let Some(key) = member.key().map(Key::as_str) else { continue };
            if !ENTITY_KEYS.contains(&&*key) {
                continue;
            }
            if !to.ends_with('{') {
                to.push(',');
            }
            to.push('"');
            to.push_str(&key);
            to.push_str("\":");
            to.push_str(member.json());
            has_id |= key == "id";
            has_type |= key == "type";
        }
        to.push('}');
    }
    if !has_id || !has_type {
        to.truncate(before);
        to.push_str(value.json());
    }
}

/// An entity with only the keys that identify it; every other value as it is.
pub(super) fn trim(value: Value<'_>) -> Cow<'_, str> {
    if value.kind() != Kind::Object {
        return Cow::Borrowed(value.json());
    }
    let mut text = String::with_capacity(value.json().len());
    push_trimmed(&mut text, value);
    Cow::Owned(text)
}

/// [`trim`] for a field's value: an entity, or each entity of a list.
pub(super) fn trim_field(value: Value<'_>) -> Cow<'_, str> {
    if value.kind() == Kind::Array && value.children().any(|each| each.kind() == Kind::Object) {
        return Cow::Owned(array(value.children().map(trim)));
    }
    trim(value)
}

/// Texts as a JSON array.
pub(super) fn text_array(texts: &[&str]) -> String {
    array(texts.iter().map(|text| quote(text)))
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::*;

    fn translated(text: &str) -> Result<String, Problem> {
        let mut wire = String::new();
        translate(&mut wire, Document::parse(text.into()).unwrap().root(), "and").map(|()| wire)
    }

    fn conditions(text: &str) -> String {
        let all = translated(text).unwrap();
        let inner = all
            .strip_prefix(r#"{"logical_operator":"and","conditions":"#)
            .and_then(|rest| rest.strip_suffix('}'));
        inner.unwrap().to_owned()
    }

    #[test]
    fn every_form_of_a_condition() {
        for (given, wire) in [
            (r#"[]"#, r#"[]"#),
            (r#"[["code","is","x"]]"#, r#"[{"path":"code","relation":"is","values":["x"]}]"#),
            (r#"[["id","in",1,2]]"#, r#"[{"path":"id","relation":"in","values":[1,2]}]"#),
            (r#"[["id","in",[1,2]]]"#, r#"[{"path":"id","relation":"in","values":[1,2]}]"#),
            (r#"[["id","in",[[1]]]]"#, r#"[{"path":"id","relation":"in","values":[[1]]}]"#),
            (r#"[["code","in",[]]]"#, r#"[{"path":"code","relation":"in","values":[]}]"#),
            (r#"[["code","is",null]]"#, r#"[{"path":"code","relation":"is","values":[null]}]"#),
            (r#"[["n","is",1e400]]"#, r#"[{"path":"n","relation":"is","values":[1e400]}]"#),
            (
                r#"[{"filter_operator":"any","filters":[["a","is",1],{"filter_operator":"all","filters":[]}]}]"#,
                r#"[{"logical_operator":"or","conditions":[{"path":"a","relation":"is","values":[1]},{"logical_operator":"and","conditions":[]}]}]"#,
            ),
            (
                r#"[{"path":"a","relation":"is","values":[1]}]"#,
                r#"[{"path":"a","relation":"is","values":[1]}]"#,
            ),
        ] {
            assert_eq!(conditions(given), wire, "{given}");
        }
        let wire = r#"{"logical_operator":"or", "conditions":[]}"#;
        assert_eq!(translated(wire).unwrap(), wire);
    }

    #[test]
    fn entities_are_trimmed_where_the_official_client_trims_them() {
        let entity = r#"{"type":"Asset","id":1,"name":"n","code":"drop"}"#;
        let trimmed = r#"{"type":"Asset","id":1,"name":"n"}"#;
        assert!(conditions(&format!(r#"[["asset","is",{entity}]]"#)).contains(&format!("[{trimmed}]")));
        assert!(conditions(&format!(r#"[["asset","in",[{entity},null]]]"#)).contains(&format!("[{trimmed},null]")));
        assert!(conditions(&format!(r#"[["asset","in",[null,{entity}]]]"#)).contains(&format!("[null,{entity}]")));
        assert!(conditions(&format!(r#"[["asset","type_is",{entity}]]"#)).contains(entity));
        assert!(conditions(&format!(r#"[["id","is",{entity}]]"#)).contains(entity));
        let field = Document::parse(format!("[{entity},3]").into()).unwrap();
        assert_eq!(trim_field(field.root()), format!("[{trimmed},3]"));
        let link = Document::parse(r#"{"url":"u","extra":1}"#.into()).unwrap();
        assert_eq!(trim_field(link.root()), r#"{"url":"u","extra":1}"#);
    }

    #[test]
    fn problems_say_where() {
        for (given, words) in [
            (r#"[1]"#, "[0] must be"),
            (
                r#"[["code","is","x"],["code"]]"#,
                "[1] must be [field, relation, value…] and has no relation",
            ),
            (r#"[["code","is"]]"#, "has no value"),
            (r#"[[1,"is",2]]"#, "no field name at position 0"),
            (r#"[[]]"#, "no field name"),
            (r#"[{"filters":[]}]"#, "needs a \"filter_operator\""),
            (
                r#"[{"filter_operator":"xor","filters":[]}]"#,
                "[0].filter_operator must be \"all\" (or \"and\") or \"any\" (or \"or\"), not",
            ),
            (r#"[{"filter_operator":"any"}]"#, "needs \"filters\""),
            (r#"[{"filter_operator":"any","filters":[["a"]]}]"#, "[0].filters[0]"),
            (r#"[{"filter_operator":"any","filters":{}}]"#, "[0].filters must be an array"),
        ] {
            let problem = translated(given).unwrap_err();
            assert!(problem.contains(words), "{given}: {problem}");
        }
    }
}
