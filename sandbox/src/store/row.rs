//! Writing rows and links.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

use super::ddl::{column, link_table, table, type_column};
use crate::fault::Fault;
use crate::schema::{EntityType, Field, Inverse, Storage};
use crate::values::Stored;

/// How a value for a multi-entity field is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkMode {
    Set,
    Add,
    Remove,
}

/// Columns and their values, in step.
#[derive(Default)]
pub(crate) struct Columns {
    names: Vec<String>,
    values: Vec<SqlValue>,
}

impl Columns {
    pub(crate) fn put(&mut self, field: &str, value: SqlValue) {
        self.names.push(column(field));
        self.values.push(value);
    }

    pub(crate) fn put_link(&mut self, field: &str, target: Option<&(String, i64)>) {
        self.put(field, target.map_or(SqlValue::Null, |(_, id)| SqlValue::Integer(*id)));
        self.names.push(type_column(field));
        self.values
            .push(target.map_or(SqlValue::Null, |(kind, _)| SqlValue::Text(kind.clone())));
    }

    /// Takes what is kept in columns; link lists and secrets are kept elsewhere, and a file when its Attachment is made.
    pub(crate) fn put_stored(&mut self, field: &str, value: &Stored) {
        match value {
            Stored::Scalar(value) => self.put(field, value.clone()),
            Stored::Link(target) => self.put_link(field, target.as_ref()),
            Stored::Links(_) | Stored::Secret(_) | Stored::File(_) => {}
        }
    }
}

/// Makes a row and gives its id.
pub(crate) fn insert(connection: &Connection, entity_type: &EntityType, columns: &Columns) -> Result<i64, Fault> {
    let places: Vec<String> = (1..=columns.values.len()).map(|n| format!("?{n}")).collect();
    let sql = if columns.names.is_empty() {
        format!("INSERT INTO {} DEFAULT VALUES", table(&entity_type.name))
    } else {
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            table(&entity_type.name),
            columns.names.join(", "),
            places.join(", ")
        )
    };
    connection.prepare_cached(&sql)?.execute(params_from_iter(&columns.values))?;
    Ok(connection.last_insert_rowid())
}

pub(crate) fn update(connection: &Connection, entity_type: &EntityType, id: i64, columns: &Columns) -> Result<(), Fault> {
    if columns.names.is_empty() {
        return Ok(());
    }
    let settings: Vec<String> = columns
        .names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{name} = ?{}", index + 1))
        .collect();
    let sql = format!(
        "UPDATE {} SET {} WHERE id = ?{}",
        table(&entity_type.name),
        settings.join(", "),
        columns.values.len() + 1
    );
    let id = SqlValue::Integer(id);
    connection
        .prepare_cached(&sql)?
        .execute(params_from_iter(columns.values.iter().chain([&id])))?;
    Ok(())
}

/// Whether the row is retired; `None` when there is no such row.
pub(crate) fn retired(connection: &Connection, entity_type: &EntityType, id: i64) -> Result<Option<bool>, Fault> {
    let sql = format!("SELECT _retired FROM {} WHERE id = ?1", table(&entity_type.name));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id])?;
    Ok(match rows.next()? {
        None => None,
        Some(row) => Some(row.get::<_, i64>(0)? != 0),
    })
}

pub(crate) fn set_retired(connection: &Connection, entity_type: &EntityType, id: i64, retired: bool) -> Result<(), Fault> {
    let sql = format!("UPDATE {} SET _retired = ?1 WHERE id = ?2", table(&entity_type.name));
    connection.prepare_cached(&sql)?.execute((i64::from(retired), id))?;
    Ok(())
}

/// Writes the links of a multi-entity field, wherever its storage is.
pub(crate) fn write_links(
    connection: &Connection,
    entity_type: &EntityType,
    field: &Field,
    id: i64,
    targets: &[(String, i64)],
    mode: LinkMode,
) -> Result<(), Fault> {
    match &field.storage {
        Storage::LinkTable => {
            let name = link_table(&entity_type.name, &field.name);
            if mode == LinkMode::Set {
                let sql = format!("DELETE FROM {name} WHERE owner = ?1");
                connection.prepare_cached(&sql)?.execute([id])?;
            }
            for (kind, target) in targets {
                link(connection, &name, id, (kind, *target), mode)?;
            }
        }
        Storage::InverseOfTable(inverse) => {
            let name = link_table(&inverse.entity_type, &inverse.field);
            let own = &entity_type.name;
            if mode == LinkMode::Set {
                let sql = format!("DELETE FROM {name} WHERE type = ?1 AND id = ?2");
                connection.prepare_cached(&sql)?.execute((own, id))?;
            }
            for (_, owner) in targets {
                link(connection, &name, *owner, (own, id), mode)?;
            }
        }
        Storage::InverseOfColumn(inverse) => {
            point_back(connection, entity_type, inverse, id, targets, mode)?;
        }
        _ => {}
    }
    Ok(())
}

/// Adds or removes one row of a link table.
fn link(connection: &Connection, name: &str, owner: i64, (kind, target): (&str, i64), mode: LinkMode) -> Result<(), Fault> {
    let sql = if mode == LinkMode::Remove {
        format!("DELETE FROM {name} WHERE owner = ?1 AND type = ?2 AND id = ?3")
    } else {
        format!(
            "INSERT OR IGNORE INTO {name} (owner, position, type, id)
             SELECT ?1, coalesce(max(position), 0) + 1, ?2, ?3 FROM {name} WHERE owner = ?1"
        )
    };
    connection.prepare_cached(&sql)?.execute((owner, kind, target))?;
    Ok(())
}

/// Writes the other side of an entity link: each target's own column.
fn point_back(
    connection: &Connection,
    entity_type: &EntityType,
    inverse: &Inverse,
    id: i64,
    targets: &[(String, i64)],
    mode: LinkMode,
) -> Result<(), Fault> {
    let name = table(&inverse.entity_type);
    let (id_column, kind_column) = (column(&inverse.field), type_column(&inverse.field));
    let own = &entity_type.name;
    let release = format!(
        "UPDATE {name} SET {id_column} = NULL, {kind_column} = NULL
         WHERE {id_column} = ?1 AND {kind_column} = ?2"
    );
    if mode == LinkMode::Set {
        connection.prepare_cached(&release)?.execute((id, own))?;
    }
    let sql = if mode == LinkMode::Remove {
        format!("{release} AND id = ?3")
    } else {
        format!("UPDATE {name} SET {id_column} = ?1, {kind_column} = ?2 WHERE id = ?3")
    };
    for (_, target) in targets {
        connection.prepare_cached(&sql)?.execute((id, own, target))?;
    }
    Ok(())
}
