//! Site preferences, by name.

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use crate::fault::Fault;

/// The role of a new script that names none.
pub(crate) const DEFAULT_SCRIPT_ROLE: &str = "default_script_permission_role";
/// The role of a new person; it can't be chosen over the API.
pub(crate) const DEFAULT_PERSON_ROLE: &str = "default_person_permission_role";

pub(crate) fn read(connection: &Connection, name: &str) -> Result<Option<Value>, Fault> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM preferences WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(crate) fn write(connection: &Connection, name: &str, value: &Value) -> Result<(), Fault> {
    connection.execute(
        "INSERT INTO preferences (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value.to_string()),
    )?;
    Ok(())
}
