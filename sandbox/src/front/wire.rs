//! The calls that the pages make, in the name of the person who is signed in.

use serde_json::{Map, Value, json};

use super::layout::shortened;
use crate::auth::caller::Caller;
use crate::fault::Fault;
use crate::methods;
use crate::site::Site;

/// The most rows that one call gives.
const MOST: i64 = 5_000;

pub(super) struct Wire<'a> {
    pub(super) site: &'a Site,
    pub(super) caller: &'a Caller,
}

/// What is wanted of one type.
pub(super) struct Wanted<'a> {
    pub(super) entity_type: &'a str,
    pub(super) conditions: Vec<Value>,
    pub(super) fields: &'a [&'a str],
    /// The field that the rows are ordered by, and whether the last comes first.
    pub(super) order: (&'a str, bool),
}

/// A page of rows.
pub(super) struct Rows {
    pub(super) rows: Vec<Value>,
    pub(super) page: i64,
    pub(super) pages: i64,
    pub(super) count: i64,
}

impl Wire<'_> {
    pub(super) fn call(&self, method: &str, parameters: &Value) -> Result<Value, Fault> {
        methods::call_as(self.site, self.caller, method, parameters)
    }

    /// A page of rows; beyond the last, the last.
    pub(super) fn page(&self, wanted: &Wanted<'_>, size: i64, number: i64) -> Result<Rows, Fault> {
        let found = self.read(wanted, size, number.min(i64::from(i32::MAX)))?;
        if number > found.pages {
            return self.read(wanted, size, found.pages);
        }
        Ok(found)
    }

    fn read(&self, wanted: &Wanted<'_>, size: i64, number: i64) -> Result<Rows, Fault> {
        let (order, descending) = wanted.order;
        let direction = if descending { "desc" } else { "asc" };
        let reply = self.call(
            "read",
            &json!({
                "type": wanted.entity_type,
                "filters": {"logical_operator": "and", "conditions": wanted.conditions},
                "return_fields": wanted.fields,
                "sorts": [{"field_name": order, "direction": direction}],
                "paging": {"entities_per_page": size, "current_page": number},
                "return_paging_info": true,
            }),
        )?;
        let figure = |name: &str| reply["paging_info"][name].as_i64().unwrap_or_default();
        Ok(Rows {
            page: number,
            pages: figure("page_count").max(1),
            count: figure("entity_count"),
            rows: reply["entities"].as_array().cloned().unwrap_or_default(),
        })
    }

    /// All rows, as far as one call gives them.
    pub(super) fn all(&self, wanted: &Wanted<'_>) -> Result<Vec<Value>, Fault> {
        Ok(self.page(wanted, MOST, 1)?.rows)
    }

    pub(super) fn one(&self, entity_type: &str, id: i64, fields: &[&str]) -> Result<Option<Value>, Fault> {
        let wanted = Wanted {
            entity_type,
            conditions: vec![condition("id", "is", json!(id))],
            fields,
            order: ("id", false),
        };
        Ok(self.page(&wanted, 1, 1)?.rows.into_iter().next())
    }

    pub(super) fn create(&self, entity_type: &str, values: &Map<String, Value>) -> Result<Value, Fault> {
        self.call("create", &json!({"type": entity_type, "fields": fields(values)}))
    }

    pub(super) fn update(&self, entity_type: &str, id: i64, values: &Map<String, Value>) -> Result<Value, Fault> {
        self.call("update", &json!({"type": entity_type, "id": id, "fields": fields(values)}))
    }

    pub(super) fn delete(&self, entity_type: &str, id: i64) -> Result<Value, Fault> {
        self.call("delete", &json!({"type": entity_type, "id": id}))
    }
}

pub(super) fn condition(path: &str, relation: &str, value: Value) -> Value {
    json!({"path": path, "relation": relation, "values": [value]})
}

pub(super) fn link(entity_type: &str, id: i64) -> Value {
    json!({"type": entity_type, "id": id})
}

/// The values of a write in the form in which a call carries them.
fn fields(values: &Map<String, Value>) -> Value {
    values
        .iter()
        .map(|(name, value)| json!({"field_name": name, "value": value}))
        .collect()
}

/// A field's text; empty when it has none.
pub(super) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The name of the row that a link points at, or what it is where it has none.
pub(super) fn name_of(link: &Value) -> String {
    match link.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        Some(name) => shortened(name),
        None => format!("{} {}", text(link, "type"), id_of(link)),
    }
}

pub(super) fn id_of(row: &Value) -> i64 {
    row.get("id").and_then(Value::as_i64).unwrap_or_default()
}

/// The names of the rows in a list of links.
pub(super) fn names_of(links: &Value) -> Vec<String> {
    links
        .as_array()
        .map(|links| links.iter().map(name_of).collect())
        .unwrap_or_default()
}
