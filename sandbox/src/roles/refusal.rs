//! The wording of refusals.

use serde_json::Value;

use super::rules::{Decision, Role, Rule, Verb};
use crate::fault::Fault;
use crate::filter::Filter;

/// The numbers before refusals. Only that of a refused delete is known from real sites.
const READ: &str = "1.1";
const DELETE: &str = "4.1";
const REVIVE: &str = "4.2";
const UPDATE: &str = "5.1";
const CREATE: &str = "6.1";

/// The rule behind a decision that did not let the caller through.
fn rule_of<'a>(decision: Decision<'a>) -> Option<&'a Rule> {
    match decision {
        Decision::Allow => None,
        Decision::AllowIf(rule) => Some(rule),
        Decision::Deny(rule) => rule,
    }
}

/// ` Rule: Role -- PermissionRule n: …`, the part that says why.
fn because(role: &Role, rule: Option<&Rule>) -> String {
    let Some(rule) = rule else {
        return String::new();
    };
    let verb = rule.verb.name();
    let field = if matches!(rule.verb, Verb::CreateField | Verb::UpdateField) {
        format!(", field_name => {}", rule.field_name)
    } else {
        String::new()
    };
    let what = format!("FOR entity_type => {}{field}", rule.entity_type);
    let head = format!(" Rule: {} -- PermissionRule {}:", role.display_name, rule.id);
    if rule.conditional {
        format!("{head} {verb}_condition {what}.  RULE: {}", render(&rule.condition))
    } else {
        format!("{head} DENY {verb} {what}")
    }
}

/// A condition as refusals quote it.
pub(crate) fn render(filter: &Filter) -> String {
    match filter {
        Filter::Group { any, members } => {
            let operator = if *any { "or" } else { "and" };
            let members: Vec<String> = members.iter().map(render).collect();
            format!("{{\"logical_operator\":\"{operator}\",\"conditions\":[{}]}}", members.join(","))
        }
        Filter::Condition { path, relation, values } => format!(
            "{{\"path\":{}, \"relation\":{},\"values\":{}}}",
            Value::from(path.as_str()),
            Value::from(relation.as_str()),
            Value::from(values.clone())
        ),
        // No rule has one: rules come from the wire form.
        Filter::Site(_) => "{}".to_owned(),
    }
}

/// Reading a type of which the role may see no row.
pub(crate) fn read(role: &Role, verb: &str, entity_type: &str) -> Fault {
    Fault::numbered(
        verb,
        READ,
        format_args!(
            "Entity of type {entity_type} can not be accessed by this user. Rule: {}",
            role.display_name
        ),
    )
}

pub(crate) fn create(role: &Role, entity_type: &str, decision: Decision<'_>) -> Fault {
    Fault::numbered(
        "create",
        CREATE,
        format_args!(
            "Entity of type {entity_type} cannot be created by this user.{}",
            because(role, rule_of(decision))
        ),
    )
}

pub(crate) fn update(role: &Role, verb: &str, entity_type: &str, field: &str, decision: Decision<'_>) -> Fault {
    let number = if verb == "create" { CREATE } else { UPDATE };
    Fault::numbered(
        verb,
        number,
        format_args!(
            "The field is not editable for this user: [{entity_type}.{field}].{}",
            because(role, rule_of(decision))
        ),
    )
}

/// A refused delete names the row where the rule looked at the row, and the type where it did not.
pub(crate) fn delete(role: &Role, entity_type: &str, id: i64, decision: Decision<'_>) -> Fault {
    retirement(role, "delete", (DELETE, "deleted"), entity_type, id, decision)
}

pub(crate) fn revive(role: &Role, entity_type: &str, id: i64, decision: Decision<'_>) -> Fault {
    retirement(role, "revive", (REVIVE, "revived"), entity_type, id, decision)
}

fn retirement(role: &Role, verb: &str, (number, done): (&str, &str), entity_type: &str, id: i64, decision: Decision<'_>) -> Fault {
    let what = match decision {
        Decision::AllowIf(_) => format!("Entity {entity_type} {id}"),
        _ => format!("Entity of type {entity_type}"),
    };
    Fault::numbered(
        verb,
        number,
        format_args!("{what} can not be {done} by this user.{}", because(role, rule_of(decision))),
    )
}

/// What the site calls the fields of the schema where it speaks of them as of rows.
pub(crate) const COLUMN: &str = "DisplayColumn";

pub(crate) fn create_column(role: &Role, verb: &str) -> Fault {
    let message = format_args!(
        "Entity of type {COLUMN} cannot be created by this user. Rule: {}",
        role.display_name
    );
    Fault::numbered(verb, CREATE, message)
}

pub(crate) fn update_column(role: &Role, verb: &str, entity_type: &str, field: &str) -> Fault {
    let message = format_args!(
        "The field is not editable for this user: [{entity_type}.{field}]. Rule: {}",
        role.display_name
    );
    Fault::numbered(verb, UPDATE, message)
}

pub(crate) fn delete_column(role: &Role, verb: &str) -> Fault {
    let message = format_args!(
        "Entity of type {COLUMN} can not be deleted by this user. Rule: {}",
        role.display_name
    );
    Fault::numbered(verb, DELETE, message)
}
