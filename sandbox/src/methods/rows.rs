//! Rows that a call is about, as its caller may see them.

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::Call;
use super::parameters::Parameters;
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::EntityType;
use crate::store::query::Query;
use crate::store::select::{self, Selection, Sort};

/// Type and id of an entity among the parameters.
pub(super) fn link<'a>(parameters: &Parameters<'a>, key: &str) -> Result<(&'a str, i64), Fault> {
    let given = parameters.get(key);
    given.and_then(link_of).ok_or_else(|| parameters.invalid("entity", key))
}

/// The same, for an entity that need not be given.
pub(super) fn optional_link<'a>(parameters: &Parameters<'a>, key: &str) -> Result<Option<(&'a str, i64)>, Fault> {
    parameters.get(key).map(|_| link(parameters, key)).transpose()
}

pub(super) fn link_of(value: &Value) -> Option<(&str, i64)> {
    Some((value.get("type")?.as_str()?, value.get("id")?.as_i64()?))
}

/// Live rows that pass the filter and that the caller may see.
pub(super) fn select(
    call: &Call<'_>,
    connection: &Connection,
    entity_type: &EntityType,
    filter: &Filter,
    fields: &[String],
    (sorts, limit): (&[Sort], Option<i64>),
) -> Result<Vec<Map<String, Value>>, Fault> {
    let mut query = Query::new(call.schema, call.caller, "read");
    let selection = Selection {
        filter,
        retired: false,
        archived_projects: true,
    };
    // The schema of the call lives as long as the query does; the type is looked up there.
    let entity_type = call.schema.known_type(&entity_type.name)?;
    let window = limit.map(|limit| (limit, 0));
    select::rows(connection, &mut query, entity_type, fields, &selection, sorts, window)
}

/// One live row, if the caller may see it.
pub(super) fn find(
    call: &Call<'_>,
    connection: &Connection,
    (entity_type, id): (&str, i64),
    fields: &[String],
) -> Result<Option<Map<String, Value>>, Fault> {
    let entity_type = call.schema.known_type(entity_type)?;
    let filter = Filter::condition("id", "is", Value::from(id));
    let found = select(call, connection, entity_type, &filter, fields, (&[], Some(1)))?;
    Ok(found.into_iter().next())
}

/// One live row; one that the caller may not see is told as if it did not exist.
pub(super) fn get(
    call: &Call<'_>,
    connection: &Connection,
    verb: &str,
    (entity_type, id): (&str, i64),
    fields: &[String],
) -> Result<Map<String, Value>, Fault> {
    find(call, connection, (entity_type, id), fields)?.ok_or_else(|| Fault::no_such_row(verb, entity_type, id))
}

/// The names as a list of return fields.
pub(super) fn names(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}
