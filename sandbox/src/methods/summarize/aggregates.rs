//! The kinds of summary.

use serde_json::Value;

use super::VERB;
use crate::fault::Fault;
use crate::schema::{DataType, EntityType};
use crate::store::query::{Leaf, Query, Scope, alive, link_columns};

const KINDS: [&str; 14] = [
    "record_count",
    "count",
    "sum",
    "maximum",
    "minimum",
    "average",
    "earliest",
    "latest",
    "percentage",
    "status_percentage",
    "status_percentage_as_float",
    "status_list",
    "checked",
    "unchecked",
];

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
        if !KINDS.contains(&kind.as_str()) {
            return Err(Fault::bad_call(
                VERB,
                format_args!("invalid 'summaries' 'type': '{kind}'. Valid types: {KINDS:?}"),
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
        let Some(value) = query.expression(&leaf)? else {
            return Ok(None);
        };
        let numeric = data_type.is_numeric();
        let moment = matches!(data_type, DataType::Date | DataType::DateTime);
        let status = data_type == DataType::StatusList;
        match self.kind.as_str() {
            "sum" if numeric => aggregate(format!("coalesce(sum({value}), 0)"), data_type),
            "maximum" if numeric => aggregate(format!("max({value})"), data_type),
            "minimum" if numeric => aggregate(format!("min({value})"), data_type),
            "average" if numeric => aggregate(format!("avg({value})"), DataType::Float),
            "earliest" if moment => aggregate(format!("min({value})"), data_type),
            "latest" if moment => aggregate(format!("max({value})"), data_type),
            "checked" if data_type == DataType::Checkbox => aggregate(format!("count(nullif({value}, 0))"), DataType::Number),
            "unchecked" if data_type == DataType::Checkbox => aggregate(format!("count(*) - count(nullif({value}, 0))"), DataType::Number),
            "percentage" if data_type == DataType::Checkbox => {
                aggregate(format!("100.0 * count(nullif({value}, 0)) / max(count(*), 1)"), DataType::Float)
            }
            "status_list" if status => aggregate(
                // One status says something of all rows only when all have it.
                format!("CASE WHEN count({value}) = count(*) AND min({value}) = max({value}) THEN min({value}) END"),
                data_type,
            ),
            "status_percentage" | "status_percentage_as_float" if status => {
                let Some(wanted) = &self.value else {
                    return Ok(None);
                };
                let place = query.bind(wanted.clone());
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
    Ok(query.expression(leaf)?.unwrap_or_else(|| "NULL".to_owned()))
}
