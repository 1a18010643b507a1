//! The schema as it is at this moment: the one that ships with the site, and what clients made of it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension};

use super::alteration::Alteration;
use super::{EntityType, Schema};
use crate::fault::Fault;

/// A call works from its beginning to its end on the schema that it found. The tables only ever gain
/// columns, so a schema that is replaced meanwhile still fits them.
pub(crate) struct LiveSchema {
    current: RwLock<Arc<Schema>>,
}

impl LiveSchema {
    pub(crate) fn new(schema: Schema) -> Self {
        Self {
            current: RwLock::new(Arc::new(schema)),
        }
    }

    pub(crate) fn current(&self) -> Arc<Schema> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To be called by whoever holds the store's writer, after the change is kept: calls that find the new
    /// schema must find its columns, too.
    pub(crate) fn replace(&self, schema: Schema) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
    }
}

impl Schema {
    /// Lays over the schema what is kept of earlier changes.
    pub(crate) fn with_alterations(mut self, connection: &Connection) -> Result<Self, Fault> {
        let mut statement = connection.prepare("SELECT type, field, alteration FROM schema_alterations ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        for row in rows {
            let (entity_type, field, text) = row?;
            let unfit = |reason: String| Fault::argument(format!("the change of {entity_type}.{field} in the data: {reason}"));
            let alteration: Alteration = serde_json::from_str(&text).map_err(|error| unfit(error.to_string()))?;
            self.alter(&entity_type, &field, &alteration).map_err(unfit)?;
        }
        Ok(self)
    }

    /// Changes, adds or takes away one field.
    pub(crate) fn alter(&mut self, entity_type: &str, name: &str, alteration: &Alteration) -> Result<(), String> {
        let Some(owner) = self.types.get_mut(entity_type) else {
            return Err("there is no such entity type".to_owned());
        };
        if alteration.deleted {
            owner.fields.remove(name);
            self.deleted.insert((entity_type.to_owned(), name.to_owned()));
            drop_other_sides(&mut self.types, entity_type, name);
            return Ok(());
        }
        let mut field = match owner.fields.remove(name) {
            Some(field) => field,
            None => alteration.new_field(name)?,
        };
        alteration.apply(&mut field)?;
        owner.fields.insert(name.to_owned(), field);
        Ok(())
    }
}

/// What shows the same links from the far end goes with the field.
fn drop_other_sides(types: &mut BTreeMap<String, EntityType>, entity_type: &str, name: &str) {
    for other in types.values_mut() {
        other.fields.retain(|_, field| {
            !field
                .storage
                .mirrors()
                .is_some_and(|inverse| inverse.entity_type == entity_type && inverse.field == name)
        });
    }
}

/// The change of a field that is kept, and the number under which the event log knows the field.
pub(crate) fn kept(connection: &Connection, entity_type: &str, field: &str) -> Result<Option<(i64, Alteration)>, Fault> {
    let found: Option<(i64, String)> = connection
        .prepare_cached("SELECT id, alteration FROM schema_alterations WHERE type = ?1 AND field = ?2")?
        .query_row((entity_type, field), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(id, text)| {
            let alteration = serde_json::from_str(&text).map_err(|error| Fault::argument(error.to_string()))?;
            Ok((id, alteration))
        })
        .transpose()
}

/// Keeps the change of a field and gives its number.
pub(crate) fn keep(connection: &Connection, entity_type: &str, field: &str, alteration: &Alteration) -> Result<i64, Fault> {
    let text = serde_json::to_string(alteration).map_err(|error| Fault::argument(error.to_string()))?;
    Ok(connection
        .prepare_cached(
            "INSERT INTO schema_alterations (type, field, alteration) VALUES (?1, ?2, ?3)
             ON CONFLICT (type, field) DO UPDATE SET alteration = excluded.alteration RETURNING id",
        )?
        .query_row((entity_type, field, text), |row| row.get(0))?)
}
