//! Permission rules in words.

use serde_json::Value;

use crate::filter::Filter;
use crate::filter::relations::{is_current_user, split_negation};
use crate::roles::rules::{ANY, Effect, RawRule, Verb};
use crate::schema::{EntityType, Field, Schema};

/// What a rule says.
pub(super) struct Sentence {
    /// `May read, create …` and so on, up to the condition.
    pub(super) says: String,
    /// The condition, without the word before it.
    pub(super) provided: Option<String>,
}

/// A rule in words. One that is about rows and about single fields says both.
pub(super) fn of(rule: &RawRule, schema: &Schema) -> Sentence {
    let any_field = rule.field_names.iter().any(|name| name == ANY);
    let (of_rows, of_fields): (Vec<Verb>, Vec<Verb>) = rule
        .verbs
        .iter()
        .partition(|verb| any_field && !matches!(verb, Verb::CreateField | Verb::ReadField) || !is_about_fields(**verb));
    let conjunction = if rule.effect == Effect::Allow { "and" } else { "or" };
    let mut parts = Vec::new();
    if !of_rows.is_empty() {
        let verbs: Vec<String> = of_rows.iter().map(|verb| of_row(*verb).to_owned()).collect();
        parts.push(format!("{} {}", listed(&verbs, conjunction), types(rule, schema)));
    }
    if !of_fields.is_empty() {
        let verbs: Vec<String> = of_fields.iter().map(|verb| of_field(*verb).to_owned()).collect();
        parts.push(format!("{} {}", listed(&verbs, conjunction), fields(rule, schema)));
    }
    let may = if rule.effect == Effect::Allow { "May" } else { "May not" };
    let subject = rule.entity_types.iter().find_map(|name| schema.entity_type(name));
    Sentence {
        says: format!("{may} {}", parts.join(&format!("; {} ", may.to_lowercase()))),
        provided: rule.condition.as_ref().and_then(|wire| {
            let filter = Filter::parse("permission_rule", wire).ok()?;
            Some(condition(&filter, subject, schema))
        }),
    }
}

fn is_about_fields(verb: Verb) -> bool {
    matches!(verb, Verb::ReadField | Verb::CreateField | Verb::UpdateField)
}

fn of_row(verb: Verb) -> &'static str {
    match verb {
        Verb::ReadEntity | Verb::ReadField => "read",
        Verb::CreateEntity | Verb::CreateField => "create",
        Verb::UpdateField => "change",
        Verb::RetireEntity => "retire",
        Verb::ReviveEntity => "revive",
    }
}

fn of_field(verb: Verb) -> &'static str {
    match verb {
        Verb::CreateField => "set while creating",
        other => of_row(other),
    }
}

/// `a, b and c`
fn listed(words: &[String], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

fn types(rule: &RawRule, schema: &Schema) -> String {
    if rule.entity_types.iter().any(|name| name == ANY) {
        return "everything".to_owned();
    }
    let names: Vec<String> = rule
        .entity_types
        .iter()
        .map(|name| schema.entity_type(name).map_or(name, |known| &known.display_name).clone())
        .collect();
    format!("{} rows", listed(&names, "and"))
}

fn fields(rule: &RawRule, schema: &Schema) -> String {
    let subject = rule.entity_types.iter().find_map(|name| schema.entity_type(name));
    let any = rule.field_names.iter().any(|name| name == ANY);
    let names: Vec<String> = if any {
        vec!["all fields".to_owned()]
    } else {
        rule.field_names.iter().map(|name| field_name(name, subject, schema)).collect()
    };
    let of = if rule.entity_types.iter().any(|name| name == ANY) {
        "any row".to_owned()
    } else {
        types(rule, schema)
    };
    format!("{} of {of}", listed(&names, "and"))
}

/// The name that people see, where it is known of which type the field is; those of all types are called alike.
fn field_name(name: &str, subject: Option<&EntityType>, schema: &Schema) -> String {
    let known = match subject {
        Some(entity_type) => entity_type.field(name),
        None => schema.types().find_map(|entity_type| entity_type.field(name)),
    };
    known.map_or(name, |field| &field.display_name).to_owned()
}

fn condition(filter: &Filter, subject: Option<&EntityType>, schema: &Schema) -> String {
    match filter {
        Filter::Group { any, members } => {
            let words: Vec<String> = members
                .iter()
                .map(|member| match member {
                    Filter::Group { members, .. } if members.len() > 1 => format!("({})", condition(member, subject, schema)),
                    _ => condition(member, subject, schema),
                })
                .collect();
            words.join(if *any { ", or " } else { ", and " })
        }
        Filter::Condition { path, relation, values } => {
            let (what, field) = path_words(path, subject, schema);
            format!("{what} {}", test(relation, values, field))
        }
        // No rule has one: rules come from the wire form.
        Filter::Site(_) => String::new(),
    }
}

/// `Assigned To of its Task` for a path, and the field that it ends at.
fn path_words<'a>(path: &str, subject: Option<&'a EntityType>, schema: &'a Schema) -> (String, Option<&'a Field>) {
    let mut entity_type = subject;
    let mut field = None;
    let mut words: Vec<String> = Vec::new();
    for (position, segment) in path.split('.').enumerate() {
        if position % 2 == 1 {
            entity_type = schema.entity_type(segment);
            continue;
        }
        field = entity_type.and_then(|entity_type| entity_type.field(segment));
        words.push(field.map_or(segment, |field| &field.display_name).to_owned());
    }
    words.reverse();
    match words.as_slice() {
        [] => (path.to_owned(), field),
        [_] if path == "id" => ("it".to_owned(), field),
        [one] => (format!("its {one}"), field),
        [first @ .., last] => (format!("the {} of its {last}", first.join(" of the ")), field),
    }
}

fn test(relation: &str, values: &[Value], field: Option<&Field>) -> String {
    let many = field.is_some_and(|field| field.data_type.is_multi_link());
    let (negated, positive) = split_negation(relation);
    let shown: Vec<String> = values.iter().map(value).collect();
    let shown = listed(&shown, if positive == "between" { "and" } else { "or" });
    let verb = match (positive, negated) {
        ("is" | "in", false) if many => "include",
        ("is" | "in", true) if many => "do not include",
        ("is" | "in" | "name_is", false) => "is",
        ("is" | "in" | "name_is", true) => "is not",
        ("contains" | "name_contains", false) => "contains",
        ("contains" | "name_contains", true) => "does not contain",
        ("starts_with" | "name_starts_with", _) => "begins with",
        ("ends_with" | "name_ends_with", _) => "ends with",
        ("greater_than", _) => "is greater than",
        ("less_than", _) => "is less than",
        ("between", false) => "is between",
        ("between", true) => "is not between",
        ("type_is", false) => "is of the type",
        ("type_is", true) => "is not of the type",
        _ => return format!("{} {shown}", relation.replace('_', " ")),
    };
    format!("{verb} {shown}")
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => format!("“{text}”"),
        Value::Object(_) if is_current_user(value) => "the person signed in".to_owned(),
        Value::Object(link) => {
            let text = |key: &str| link.get(key).and_then(Value::as_str);
            match (text("type"), text("name"), link.get("id")) {
                (Some(kind), Some(name), _) => format!("{kind} “{name}”"),
                (Some(kind), None, Some(id)) => format!("{kind} {id}"),
                _ => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(rule: &str) -> (String, String) {
        let schema = Schema::built_in().unwrap();
        let rule: RawRule = serde_json::from_str(rule).unwrap();
        let sentence = of(&rule, &schema);
        (sentence.says, sentence.provided.unwrap_or_default())
    }

    #[test]
    fn rules_read_as_sentences() {
        let me = r#"{"type": "HumanUser", "id": 0, "valid": "logged_in_user_token"}"#;
        for (rule, says, provided) in [
            (
                r#"{"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity", "update_field"]}"#.to_owned(),
                "May read, create and change everything",
                "",
            ),
            (
                r#"{"id": 1, "effect": "deny", "verbs": ["create_field", "update_field"], "field_names": ["created_at", "created_by"]}"#
                    .to_owned(),
                "May not set while creating or change Date Created and Created by of any row",
                "",
            ),
            (
                r#"{"id": 1, "effect": "deny", "verbs": ["retire_entity"], "entity_types": ["Shot", "HumanUser"]}"#.to_owned(),
                "May not retire Shot and Person rows",
                "",
            ),
            (
                format!(
                    r#"{{"id": 1, "effect": "allow", "verbs": ["update_field"], "entity_types": ["Task"], "field_names": ["sg_status_list"],
                    "condition": {{"logical_operator": "or", "conditions": [
                        {{"path": "task_assignees", "relation": "is", "values": [{me}]}},
                        {{"path": "task_assignees.Group.users", "relation": "is", "values": [{me}]}}]}}}}"#
                ),
                "May change Status of Task rows",
                "its Assigned To include the person signed in, or the People of its Assigned To include the person signed in",
            ),
            (
                r#"{"id": 1, "effect": "allow", "verbs": ["retire_entity"], "entity_types": ["Project"],
                    "condition": {"path": "name", "relation": "is_not", "values": ["Template Project"]}}"#
                    .to_owned(),
                "May retire Project rows",
                "its Project Name is not “Template Project”",
            ),
            (
                format!(
                    r#"{{"id": 1, "effect": "allow", "verbs": ["update_field"], "entity_types": ["HumanUser"], "field_names": ["email"],
                    "condition": {{"path": "id", "relation": "is", "values": [{me}]}}}}"#
                ),
                "May change Email of Person rows",
                "it is the person signed in",
            ),
        ] {
            assert_eq!(sentence(&rule), (says.to_owned(), provided.to_owned()), "{rule}");
        }
    }
}
