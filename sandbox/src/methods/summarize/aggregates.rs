//! The kinds of summary.

use serde_json::Value;

use super::VERB;
use crate::fault::Fault;
use crate::schema::{DataType, EntityType, SUMMARIES};
use crate::store::query::{Leaf, Query, Scope, alive, link_columns};

/// The status of a group in which several are mixed.
const IN_PROGRESS: &str = "ip";
/// The status whose share is told where none is asked for.
const FINAL: &str = "fin";

/// `{"field", "type"}`, and for the status percentages `"value"`.
pub(super) struct Summary {
    pub(super) field: String,
    kind: String,
    value: Option<String>,
}

/// A summary as a column of the result.
pub(super) struct Aggregate {
    pub(super) sql: String,
    /// As which type the result is shown.
    pub(super) data_type: DataType,
}

impl Summary {
    pub(super) fn parse(wire: &Value) -> Result<Self, Fault> {
        let text = |key: &str| wire.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(field), Some(kind)) = (text("field"), text("type")) else {
            return Err(Fault::bad_call(
                VERB,
                format_args!("invalid 'summaries', 'field' and 'type' are wanted: {wire}"),
            ));
        };
        if !SUMMARIES.contains(&kind.as_str()) {
            return Err(Fault::bad_call(
                VERB,
                format_args!("invalid 'summaries' 'type': '{kind}'. Valid types: {SUMMARIES:?}"),
            ));
        }
        Ok(Self {
            field,
            kind,
            value: text("value"),
        })
    }

    /// `None` for a field that this kind of summary says nothing of: it is left out of the answer.
    pub(super) fn compile<'a>(&self, query: &mut Query<'a>, scope: &mut Scope<'a>) -> Result<Option<Aggregate>, Fault> {
        let entity_type: &EntityType = scope.entity_type;
        let leaf = query
            .leaf(scope, &self.field)?
            .ok_or_else(|| Fault::bad_call(VERB, format_args!("{}.{} doesn't exist.", entity_type.name, self.field)))?;
        let data_type = leaf.field.data_type;
        let aggregate = |sql: String, data_type| Ok(Some(Aggregate { sql, data_type }));
        match self.kind.as_str() {
            "record_count" => return aggregate("count(*)".to_owned(), DataType::Number),
            "count" => {
                let sql = presence(query, &leaf)?;
                return aggregate(format!("count({sql})"), DataType::Number);
            }
            _ => {}
        }
        let fits = match self.kind.as_str() {
            "sum" | "maximum" | "minimum" | "average" => data_type.is_numeric(),
            "earliest" | "latest" => matches!(data_type, DataType::Date | DataType::DateTime),
            "checked" | "unchecked" | "percentage" => data_type == DataType::Checkbox,
            _ => data_type == DataType::StatusList,
        };
        // What is not used must not bind anything, either.
        if !fits {
            return Ok(None);
        }
        let Some(value) = query.expression(&leaf)? else {
            return Ok(None);
        };
        match self.kind.as_str() {
            "sum" => aggregate(format!("coalesce(sum({value}), 0)"), data_type),
            "maximum" => aggregate(format!("max({value})"), data_type),
            "minimum" => aggregate(format!("min({value})"), data_type),
            "average" => aggregate(format!("avg({value})"), DataType::Float),
            "earliest" => aggregate(format!("min({value})"), data_type),
            "latest" => aggregate(format!("max({value})"), data_type),
            "checked" => aggregate(format!("count(nullif({value}, 0))"), DataType::Number),
            "unchecked" => aggregate(format!("count(*) - count(nullif({value}, 0))"), DataType::Number),
            "percentage" => aggregate(format!("100.0 * count(nullif({value}, 0)) / max(count(*), 1)"), DataType::Float),
            "status_list" => {
                // Rows that share a status have it together; others are in progress, where there is such a status.
                let mixed = if leaf.field.valid_values.iter().any(|valid| valid == IN_PROGRESS) {
                    format!("'{IN_PROGRESS}'")
                } else {
                    "NULL".to_owned()
                };
                let none = format!("count({value}) = 0");
                let one = format!("count({value}) = count(*) AND min({value}) = max({value})");
                aggregate(
                    format!("CASE WHEN {none} THEN NULL WHEN {one} THEN min({value}) ELSE {mixed} END"),
                    data_type,
                )
            }
            "status_percentage" | "status_percentage_as_float" => {
                let wanted = self.value.as_deref().unwrap_or(FINAL);
                let place = query.bind(wanted.to_owned());
                let share = format!("100.0 * count(CASE WHEN {value} = {place} THEN 1 END) / max(count(*), 1)");
                if self.kind == "status_percentage" {
                    aggregate(format!("CAST(round({share}) AS INTEGER)"), DataType::Number)
                } else {
                    aggregate(share, DataType::Float)
                }
            }
            _ => Ok(None),
        }
    }
}

/// An expression that is null where the field has no value.
fn presence<'a>(query: &mut Query<'a>, leaf: &Leaf<'a>) -> Result<String, Fault> {
    if leaf.field.data_type == DataType::Entity {
        let (id, kind) = link_columns(leaf);
        return Ok(format!("nullif({}, 0)", alive(&kind, &id)));
    }
    if let Some(select) = query.link_select(leaf, "1", "1")? {
        return Ok(format!("({select} LIMIT 1)"));
    }
    let value = query.expression(leaf)?.unwrap_or_else(|| "NULL".to_owned());
    Ok(if leaf.field.data_type == DataType::TagList {
        format!("nullif({value}, '[]')")
    } else {
        value
    })
}
