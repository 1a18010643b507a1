//! Relations on links: to one row, or to many.

use std::collections::BTreeMap;

use serde_json::Value;

use super::relations::{Test, first, is_current_user, match_text, unexpected};
use crate::fault::Fault;
use crate::schema::DataType;
use crate::store::fold;
use crate::store::query::{Query, alive, join, link_columns};
use crate::values::type_and_id;

/// The values of a filter on links: no row, and rows by their type.
#[derive(Default)]
struct Targets {
    nothing: bool,
    ids: BTreeMap<String, Vec<Value>>,
}

fn targets(query: &Query<'_>, test: &Test<'_, '_>) -> Result<Targets, Fault> {
    let mut targets = Targets::default();
    for value in test.values {
        if value.is_null() {
            targets.nothing = true;
            continue;
        }
        if !value.is_object() && test.leaf.field.data_type == DataType::Entity {
            return Err(unexpected(query, test, "Hash, NilClass", value));
        }
        let (entity_type, id) = type_and_id(query.schema, value).map_err(|message| Fault::bad_call(query.verb, message))?;
        let me = is_current_user(value);
        let id = if me { query.caller.id_as(entity_type) } else { id };
        targets.ids.entry(entity_type.to_owned()).or_default().push(Value::from(id));
    }
    Ok(targets)
}

/// `type = … AND id …` for rows of one type.
fn among(query: &mut Query<'_>, entity_type: &str, ids: &[Value], kind: &str, id: &str) -> String {
    let kind_place = query.bind(entity_type.to_owned());
    let wanted = match ids {
        [Value::Number(one)] => format!("= {}", query.bind(one.as_i64())),
        many => format!("IN {}", query.bind_list(many)),
    };
    format!("{kind} = {kind_place} AND {id} {wanted}")
}

pub(super) fn one_link<'a>(query: &mut Query<'a>, test: &Test<'_, 'a>) -> Result<String, Fault> {
    let (id, kind) = link_columns(test.leaf);
    let nothing = || format!("({id} IS NULL OR NOT {})", alive(&kind, &id));
    match test.relation {
        "is" | "in" => {
            let targets = targets(query, test)?;
            let mut parts = Vec::new();
            for (entity_type, ids) in &targets.ids {
                let these = among(query, entity_type, ids, &kind, &id);
                parts.push(format!("({these} AND {})", alive(&kind, &id)));
            }
            if targets.nothing {
                parts.push(nothing());
            }
            Ok(join(&parts, " OR ", "0"))
        }
        "type_is" => {
            let wanted = type_value(query, test)?;
            Ok(match wanted {
                None => nothing(),
                Some(wanted) => {
                    let place = query.bind(wanted);
                    format!("({kind} = {place} AND {})", alive(&kind, &id))
                }
            })
        }
        relation => {
            let name = Query::link_name(test.leaf);
            name_test(query, test, relation, &name)
        }
    }
}

pub(super) fn many_links<'a>(query: &mut Query<'a>, test: &Test<'_, 'a>) -> Result<String, Fault> {
    match test.relation {
        "is" | "contains" | "in" => {
            let targets = targets(query, test)?;
            let mut parts = Vec::new();
            for (entity_type, ids) in &targets.ids {
                let these = among(query, entity_type, ids, "d.type", "d.id");
                parts.push(query.has_link(test.leaf, &these)?);
            }
            if targets.nothing {
                parts.push(format!("NOT {}", exists(query, test, "1")?));
            }
            Ok(join(&parts, " OR ", "0"))
        }
        "type_is" => match type_value(query, test)? {
            None => Ok(format!("NOT {}", exists(query, test, "1")?)),
            Some(wanted) => {
                let place = query.bind(wanted);
                exists(query, test, &format!("d.type = {place}"))
            }
        },
        relation => {
            let condition = name_test(query, test, relation, "d.name")?;
            exists(query, test, &condition)
        }
    }
}

fn exists<'a>(query: &mut Query<'a>, test: &Test<'_, 'a>, condition: &str) -> Result<String, Fault> {
    let select = query.link_select(test.leaf, "1", condition)?;
    Ok(select.map_or_else(|| "0".to_owned(), |select| format!("EXISTS ({select})")))
}

/// The `name_…` relations on the display name of a link's target.
fn name_test(query: &mut Query<'_>, test: &Test<'_, '_>, relation: &str, expression: &str) -> Result<String, Fault> {
    let value = first(test);
    let Value::String(name) = &value else {
        return Err(unexpected(query, test, "String", &value));
    };
    if relation == "name_is" {
        let place = query.bind(fold(name));
        return Ok(format!("fold({expression}) = {place}"));
    }
    let relation = relation.strip_prefix("name_").unwrap_or(relation);
    Ok(match_text(query, relation, expression, name))
}

fn type_value(query: &Query<'_>, test: &Test<'_, '_>) -> Result<Option<String>, Fault> {
    match first(test) {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some(name)),
        other => Err(unexpected(query, test, "String, NilClass", &other)),
    }
}
