//! The tables, made from the schema. Every statement is `IF NOT EXISTS`, and columns are added where they
//! are missing, so that what a newer schema adds finds its place in an older data file.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::events::EVENT_LOG;
use crate::schema::{DataType, EntityType, Field, Schema, Storage};

/// The table that holds the rows of one entity type.
pub(crate) fn table(entity_type: &str) -> String {
    format!("\"t_{entity_type}\"")
}

/// The table that holds the links of one multi-entity field.
pub(crate) fn link_table(entity_type: &str, field: &str) -> String {
    format!("\"l_{entity_type}.{field}\"")
}

/// The column of a field's value; for an entity link, the id that it points at.
pub(crate) fn column(field: &str) -> String {
    format!("\"{field}\"")
}

/// The column of the type that an entity link points at.
pub(crate) fn type_column(field: &str) -> String {
    format!("\"{field}.type\"")
}

pub(crate) fn create_statements(schema: &Schema) -> String {
    let mut sql = String::from(FIXED_TABLES);
    for entity_type in schema.types() {
        entity_table(entity_type, &mut sql);
        beside_the_table(entity_type, &mut sql);
        if schema.is_linkable(&entity_type.name) {
            directory_triggers(entity_type, &mut sql);
        }
    }
    sql
}

/// Link tables and indexes.
fn beside_the_table(entity_type: &EntityType, sql: &mut String) {
    for field in entity_type.fields.values() {
        if field.storage == Storage::LinkTable {
            link_table_statements(entity_type, field, sql);
        }
    }
    indexes(entity_type, sql);
}

/// Makes the places of fields that a type has gained.
pub(crate) fn extend(connection: &Connection, entity_type: &EntityType) -> Result<(), rusqlite::Error> {
    add_columns(connection, entity_type)?;
    let mut sql = String::new();
    beside_the_table(entity_type, &mut sql);
    connection.execute_batch(&sql)
}

/// What is not an entity: names for links, secrets, sessions, roles, preferences.
const FIXED_TABLES: &str = "
CREATE TABLE IF NOT EXISTS directory (
    type TEXT NOT NULL, id INTEGER NOT NULL, name TEXT COLLATE FOLD, retired INTEGER NOT NULL,
    PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credentials (
    type TEXT NOT NULL, id INTEGER NOT NULL, secret TEXT NOT NULL,
    PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failed_logins (person INTEGER PRIMARY KEY, failures INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY, type TEXT NOT NULL, id INTEGER NOT NULL,
    sudo_type TEXT, sudo_id INTEGER, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS roles (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, definition TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS follows (
    person INTEGER NOT NULL, type TEXT NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (type, id, person)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS follows_of_person ON follows (person, type, id);
CREATE TABLE IF NOT EXISTS subscriptions (person INTEGER PRIMARY KEY, subscription TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS project_accesses (
    project INTEGER NOT NULL, person INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (project, person)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams_seen (
    person INTEGER NOT NULL, type TEXT NOT NULL, id INTEGER NOT NULL, last_update INTEGER NOT NULL,
    PRIMARY KEY (person, type, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS work_days (
    level TEXT NOT NULL, owner INTEGER NOT NULL, day TEXT NOT NULL, working INTEGER NOT NULL, description TEXT,
    PRIMARY KEY (level, owner, day)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS schema_alterations (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, field TEXT NOT NULL, alteration TEXT NOT NULL, UNIQUE (type, field));
CREATE TABLE IF NOT EXISTS preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

fn entity_table(entity_type: &EntityType, sql: &mut String) {
    sql.push_str(&format!(
        "CREATE TABLE IF NOT EXISTS {} (id INTEGER PRIMARY KEY AUTOINCREMENT, _retired INTEGER NOT NULL DEFAULT 0",
        table(&entity_type.name)
    ));
    for (name, definition) in columns(entity_type) {
        sql.push_str(&format!(", \"{name}\" {definition}"));
    }
    sql.push_str(");\n");
}

/// The columns of a table besides the fixed ones: name without quotes, and definition.
fn columns(entity_type: &EntityType) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    for field in entity_type.fields.values().filter(|field| field.name != "id") {
        match &field.storage {
            Storage::Column => {
                columns.push((field.name.clone(), column_kind(field.data_type).to_owned()));
                if field.data_type == DataType::Entity {
                    columns.push((format!("{}.type", field.name), "TEXT".to_owned()));
                }
            }
            Storage::Concat(parts) => {
                let definition = format!("TEXT COLLATE FOLD AS ({}) VIRTUAL", concat_expression(parts));
                columns.push((field.name.clone(), definition));
            }
            _ => {}
        }
    }
    columns
}

/// Adds the columns that the schema has and a table made by an older one lacks.
pub(crate) fn add_missing_columns(connection: &Connection, schema: &Schema) -> Result<(), rusqlite::Error> {
    schema.types().try_for_each(|entity_type| add_columns(connection, entity_type))
}

/// A table that is yet to be made lacks nothing.
fn add_columns(connection: &Connection, entity_type: &EntityType) -> Result<(), rusqlite::Error> {
    let there = connection
        .prepare_cached("SELECT name FROM pragma_table_xinfo(?1)")?
        .query_map([format!("t_{}", entity_type.name)], |row| row.get(0))?
        .collect::<Result<BTreeSet<String>, _>>()?;
    if there.is_empty() {
        return Ok(());
    }
    for (name, definition) in columns(entity_type).into_iter().filter(|(name, _)| !there.contains(name)) {
        let table = table(&entity_type.name);
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN \"{name}\" {definition}"))?;
    }
    Ok(())
}

fn column_kind(data_type: DataType) -> &'static str {
    match data_type {
        // Rows that were there before the field are unchecked, not nothing.
        DataType::Checkbox => "INTEGER DEFAULT 0",
        DataType::Number | DataType::Percent | DataType::Duration | DataType::Timecode | DataType::Entity => "INTEGER",
        DataType::Float | DataType::Currency => "REAL",
        _ if data_type.is_folded_text() => "TEXT COLLATE FOLD",
        _ => "TEXT",
    }
}

fn concat_expression(parts: &[String]) -> String {
    let joined: Vec<String> = parts.iter().map(|part| format!("coalesce({}, '')", column(part))).collect();
    format!("nullif(trim({}), '')", joined.join(" || ' ' || "))
}

fn link_table_statements(entity_type: &EntityType, field: &Field, sql: &mut String) {
    let name = link_table(&entity_type.name, &field.name);
    let index = format!("\"i_{}.{}\"", entity_type.name, field.name);
    sql.push_str(&format!(
        "CREATE TABLE IF NOT EXISTS {name} (owner INTEGER NOT NULL, position INTEGER NOT NULL,
            type TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (owner, type, id)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS {index} ON {name} (id, type, owner);\n"
    ));
}

/// Links are looked up from both ends, and unique values are looked for at every write. A project's rows
/// are mostly asked for by status in the order of their names: one index answers that without the table.
fn indexes(entity_type: &EntityType, sql: &mut String) {
    let table_name = table(&entity_type.name);
    let mut add = |label: &str, columns: &str| {
        sql.push_str(&format!(
            "CREATE INDEX IF NOT EXISTS \"i_{}.{label}\" ON {table_name} ({columns});\n",
            entity_type.name
        ));
    };
    for field in entity_type.fields.values() {
        if field.storage != Storage::Column || field.name == "id" {
            continue;
        }
        let name = column(&field.name);
        match field.data_type {
            // Hardly ever asked for, and written at every update.
            DataType::Entity if field.name == "updated_by" => {}
            DataType::Entity => add(&field.name, &format!("{name}, {}", type_column(&field.name))),
            DataType::StatusList => add(&field.name, &name),
            // "What is new" is asked of every type, and in this order.
            DataType::DateTime if matches!(field.name.as_str(), "created_at" | "updated_at") => add(&field.name, &name),
            _ if field.unique => add(&field.name, &name),
            _ => {}
        }
    }
    // The log is read in the order of its ids, and written all the time.
    if entity_type.name == EVENT_LOG {
        return;
    }
    let display = entity_type.field(&entity_type.display_field);
    if entity_type.in_project() && display.is_some_and(|field| field.storage == Storage::Column) {
        let mut columns = vec![
            column("project"),
            column(&entity_type.display_field),
            type_column("project"),
            "_retired".to_owned(),
        ];
        if entity_type.field("sg_status_list").is_some() {
            columns.push(column("sg_status_list"));
        }
        add("by_name", &columns.join(", "));
    }
}

fn directory_triggers(entity_type: &EntityType, sql: &mut String) {
    let name = &entity_type.name;
    let table_name = table(name);
    let display = column(&entity_type.display_field);
    sql.push_str(&format!(
        "CREATE TRIGGER IF NOT EXISTS \"d_{name}.insert\" AFTER INSERT ON {table_name} BEGIN
            INSERT INTO directory (type, id, name, retired)
            VALUES ('{name}', NEW.id, NEW.{display}, NEW._retired);
        END;
        CREATE TRIGGER IF NOT EXISTS \"d_{name}.update\" AFTER UPDATE ON {table_name}
        WHEN NEW.{display} IS NOT OLD.{display} COLLATE BINARY OR NEW._retired IS NOT OLD._retired BEGIN
            UPDATE directory SET name = NEW.{display}, retired = NEW._retired
            WHERE type = '{name}' AND id = NEW.id;
        END;\n"
    ));
}
