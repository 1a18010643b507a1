//! Relations on links: to one row, or to many.

use serde_json::Value;

use super::relations::{Test, any_part, first, is_current_user, match_text, need_values, unexpected};
use crate::fault::Fault;
use crate::store::fold;
use crate::store::query::{Query, link_columns};

/// A link's value in a filter: no row, or one row of one type.
enum Target {
    Nothing,
    Row { entity_type: String, id: i64 },
}

fn targets(query: &Query<'_>, test: &Test<'_, '_>) -> Result<Vec<Target>, Fault> {
    test.values
        .iter()
        .map(|value| match value {
            Value::Null => Ok(Target::Nothing),
            Value::Object(object) => {
                let entity_type = object.get("type").and_then(Value::as_str);
                let id = object.get("id").and_then(Value::as_i64);
                let (Some(entity_type), Some(id)) = (entity_type, id) else {
                    return Err(Fault::bad_call(
                        query.verb,
                        format_args!("{} expected a Hash with 'type' and 'id' but got: {value}", test.name),
                    ));
                };
                let me = is_current_user(value);
                Ok(Target::Row {
                    id: if me { query.caller.id_as(entity_type) } else { id },
                    entity_type: entity_type.to_owned(),
                })
            }
            _ => Err(unexpected(query, test, "Hash, NilClass", value)),
        })
        .collect()
}

pub(super) fn one_link<'a>(query: &mut Query<'a>, test: &Test<'_, 'a>) -> Result<String, Fault> {
    let (id, kind) = link_columns(test.leaf);
    let alive =
        |kind: &str, id: &str| format!("EXISTS (SELECT 1 FROM directory d WHERE d.type = {kind} AND d.id = {id} AND d.retired = 0)");
    match test.relation {
        "is" | "in" => {
            let mut parts = Vec::new();
            for target in targets(query, test)? {
                parts.push(match target {
                    Target::Nothing => format!("({id} IS NULL OR NOT {})", alive(&kind, &id)),
                    Target::Row {
                        entity_type,
                        id: target_id,
                    } => {
                        let kind_place = query.bind(entity_type);
                        let id_place = query.bind(target_id);
                        format!(
                            "({id} = {id_place} AND {kind} = {kind_place} AND {})",
                            alive(&kind_place, &id_place)
                        )
                    }
                });
            }
            Ok(any_part(parts))
        }
        "type_is" => {
            let wanted = type_value(query, test)?;
            Ok(match wanted {
                None => format!("({id} IS NULL OR NOT {})", alive(&kind, &id)),
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
            let mut parts = Vec::new();
            for target in targets(query, test)? {
                parts.push(match target {
                    Target::Nothing => format!("NOT {}", exists(query, test, "1")?),
                    Target::Row { entity_type, id } => {
                        let kind = query.bind(entity_type);
                        let id = query.bind(id);
                        exists(query, test, &format!("d.type = {kind} AND d.id = {id}"))?
                    }
                });
            }
            Ok(any_part(parts))
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
    need_values(query, test, 1)?;
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
    need_values(query, test, 1)?;
    match first(test) {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some(name)),
        other => Err(unexpected(query, test, "String, NilClass", &other)),
    }
}
