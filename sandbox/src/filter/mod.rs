//! Filters in wire form, as calls and permission rules carry them.

pub(crate) mod dates;
mod links;
mod moments;
pub(crate) mod relations;

use serde_json::{Map, Value};

use crate::fault::Fault;

/// A filter, understood but not yet held against a schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Group {
        any: bool,
        members: Vec<Filter>,
    },
    Condition {
        path: String,
        relation: String,
        values: Vec<Value>,
    },
    /// A condition of the site's own as SQL, in which [`ROW`] stands for the row's table.
    Site(String),
}

/// What a [`Filter::Site`] calls the table of the row that it is about.
pub(crate) const ROW: &str = "{row}";

impl Filter {
    /// The filter that every row passes.
    pub(crate) fn everything() -> Self {
        Self::all(Vec::new())
    }

    /// The filter whose members must all be passed.
    pub(crate) fn all(members: Vec<Self>) -> Self {
        Self::Group { any: false, members }
    }

    /// `field relation value`, for filters that the site itself asks.
    pub(crate) fn condition(path: &str, relation: &str, value: Value) -> Self {
        Self::Condition {
            path: path.to_owned(),
            relation: relation.to_owned(),
            values: vec![value],
        }
    }

    /// Reads `{"logical_operator", "conditions"}` or `{"path", "relation", "values"}`.
    pub(crate) fn parse(verb: &str, wire: &Value) -> Result<Self, Fault> {
        let Value::Object(object) = wire else {
            return Err(invalid(verb, "'filters'", wire));
        };
        if object.contains_key("path") || object.contains_key("relation") {
            Self::parse_condition(verb, object)
        } else {
            Self::parse_group(verb, object)
        }
    }

    fn parse_group(verb: &str, object: &Map<String, Value>) -> Result<Self, Fault> {
        let operator = object.get("logical_operator").unwrap_or(&Value::Null);
        let any = match operator.as_str() {
            Some("and") => false,
            Some("or") => true,
            _ => return Err(invalid(verb, "'filters' 'logical_operator'", operator)),
        };
        let conditions = object.get("conditions").unwrap_or(&Value::Null);
        let Value::Array(conditions) = conditions else {
            return Err(invalid(verb, "'filters' 'conditions'", conditions));
        };
        let members = conditions
            .iter()
            .map(|condition| Self::parse(verb, condition))
            .collect::<Result<_, _>>()?;
        Ok(Self::Group { any, members })
    }

    fn parse_condition(verb: &str, object: &Map<String, Value>) -> Result<Self, Fault> {
        let text = |key: &str| {
            let value = object.get(key).unwrap_or(&Value::Null);
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| invalid(verb, &format!("'filters' '{key}'"), value))
        };
        let values = match object.get("values") {
            Some(Value::Array(values)) => values.clone(),
            other => {
                return Err(invalid(verb, "'filters' 'values'", other.unwrap_or(&Value::Null)));
            }
        };
        Ok(Self::Condition {
            path: text("path")?,
            relation: text("relation")?,
            values,
        })
    }
}

fn invalid(verb: &str, what: &str, value: &Value) -> Fault {
    Fault::bad_call(verb, format_args!("invalid/missing {what}: {value}"))
}
