//! Filters: from the official client's lists to the wire's objects.

use std::borrow::Cow;

use super::document::{Kind, Value};
use super::json::{Object, array, quote};

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
            super::document::shorten(value.json())
        )),
    }
}

/// Turns a list of conditions into the wire's object. An object is taken to be in the wire's form already.
pub(super) fn translate(filters: Value<'_>, operator: &str) -> Result<String, Problem> {
    if filters.kind() == Kind::Object {
        return Ok(filters.json().to_owned());
    }
    group(filters, operator, "")
}

fn group(conditions: Value<'_>, operator: &str, place: &str) -> Result<String, Problem> {
    let translated: Result<Vec<_>, _> = conditions
        .children()
        .enumerate()
        .map(|(index, each)| condition(each, &format!("{place}[{index}]")))
        .collect();
    Ok(Object::new()
        .text("logical_operator", operator)
        .raw("conditions", &array(translated?))
        .finish())
}

fn condition(value: Value<'_>, place: &str) -> Result<String, Problem> {
    match value.kind() {
        Kind::Array => comparison(value, place),
        Kind::Object if value.get("logical_operator").is_some() || value.get("path").is_some() => Ok(value.json().to_owned()),
        Kind::Object => nested(value, place),
        kind => Err(format!(
            "{place} must be [field, relation, value…] or {{\"filter_operator\", \"filters\"}}, not {}",
            kind.with_article()
        )),
    }
}

fn nested(value: Value<'_>, place: &str) -> Result<String, Problem> {
    let Some(given) = value.get("filter_operator") else {
        return Err(format!("{place} needs a \"filter_operator\" of \"all\" or \"any\""));
    };
    let word = operator(Some(given)).map_err(|problem| format!("{place}.filter_operator {problem}"))?;
    match value.get("filters") {
        Some(filters) if filters.kind() == Kind::Array => group(filters, word, &format!("{place}.filters")),
        Some(filters) => Err(format!(
            "{place}.filters must be an array of conditions, not {}",
            filters.kind().with_article()
        )),
        None => Err(format!("{place} needs \"filters\", an array of conditions")),
    }
}

/// `[path, relation, value…]`. A single list of values is unwrapped by one level.
fn comparison(value: Value<'_>, place: &str) -> Result<String, Problem> {
    let word = |index: usize, what: &str| match value.at(index).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(format!(
            "{place} must be [field, relation, value…] and has no {what} at position {index}"
        )),
    };
    let (path, relation) = (word(0, "field name")?, word(1, "relation")?);
    let mut values: Vec<Value<'_>> = value.children().skip(2).collect();
    match values.as_slice() {
        [] => {
            return Err(format!(
                "{place} must be [field, relation, value…] and has no value; give null to compare with nothing"
            ));
        }
        [single] if single.kind() == Kind::Array => values = single.children().collect(),
        _ => {}
    }
    let trims = path != "id"
        && matches!(&*relation, "is" | "is_not" | "in" | "not_in")
        && values.first().is_some_and(|first| first.kind() == Kind::Object);
    let values = values
        .into_iter()
        .map(|value| if trims { trim(value) } else { Cow::Borrowed(value.json()) });
    Ok(Object::new()
        .text("path", &path)
        .text("relation", &relation)
        .raw("values", &array(values))
        .finish())
}

/// An entity with only the keys that identify it; every other value as it is.
pub(super) fn trim(value: Value<'_>) -> Cow<'_, str> {
    if value.kind() != Kind::Object || value.get("id").is_none() || value.get("type").is_none() {
        return Cow::Borrowed(value.json());
    }
    let members = value.children().filter_map(|member| Some((member.key()?.as_str(), member)));
    let kept = members.filter(|(key, _)| ENTITY_KEYS.contains(&&**key));
    Cow::Owned(
        kept.fold(Object::new(), |object, (key, member)| object.raw(&key, member.json()))
            .finish(),
    )
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
        translate(Document::parse(text.into()).unwrap().root(), "and")
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
