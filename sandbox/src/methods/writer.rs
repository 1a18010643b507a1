//! What creating, updating, deleting and reviving have in common.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;
use serde_json::{Map, Value, json};

use super::parameters::FieldValue;
use crate::auth::caller::Caller;
use crate::auth::{keep_secret, secrets};
use crate::events::{EventLog, Subject};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::filter::relations::class_name;
use crate::media::{attach, linked};
use crate::roles::guard::Guard;
use crate::schema::{DataType, Editability, EntityType, Field, Schema, Storage};
use crate::store::ddl::{column, table};
use crate::store::query::Query;
use crate::store::row::{self, LinkMode};
use crate::store::select::{self, Selection};
use crate::values::{self, Stored, Unfit};

/// A write transaction of one caller.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) caller: &'a Caller,
    pub(crate) connection: &'a Connection,
}

/// A field that is written, and its value in the form in which it is kept.
pub(crate) struct Assignment<'a> {
    pub(crate) field: &'a Field,
    pub(crate) stored: Stored,
    pub(crate) mode: LinkMode,
}

impl<'a> Writer<'a> {
    pub(crate) fn guard(&self) -> Guard<'a> {
        Guard {
            schema: self.schema,
            caller: self.caller,
            connection: self.connection,
        }
    }

    pub(crate) fn events(&self) -> EventLog<'a> {
        EventLog {
            connection: self.connection,
            caller: self.caller,
        }
    }

    /// True while the site writes its own seed: read-only fields have to come from somewhere.
    pub(crate) fn is_site(&self) -> bool {
        self.caller.link().is_none()
    }

    /// The fields named, each of which must exist and be the caller's to write. Permission comes
    /// before everything that could be wrong with the values.
    pub(crate) fn writable_fields(
        &self,
        verb: &str,
        entity_type: &'a EntityType,
        given: &[FieldValue<'_>],
        id: Option<i64>,
    ) -> Result<Vec<&'a Field>, Fault> {
        let mut fields = Vec::new();
        for value in given {
            let field = entity_type.field(value.name).ok_or_else(|| {
                let type_name = &entity_type.name;
                let name = value.name;
                if verb == "create" {
                    Fault::numbered(
                        verb,
                        "6",
                        format_args!("Create failed for [{type_name}]: field [{type_name}.{name}] does not exist."),
                    )
                } else {
                    Fault::numbered(
                        verb,
                        "2",
                        format_args!("Update failed for [{type_name}.{name}]: the field does not exist."),
                    )
                }
            })?;
            self.guard().check_field(verb, entity_type, &field.name, id)?;
            fields.push(field);
        }
        for field in &fields {
            self.check_editability(verb, entity_type, field)?;
        }
        Ok(fields)
    }

    fn check_editability(&self, verb: &str, entity_type: &EntityType, field: &Field) -> Result<(), Fault> {
        if self.is_site() {
            return Ok(());
        }
        let name = format!("{}.{}", entity_type.name, field.name);
        match field.editability {
            Editability::Always => Ok(()),
            Editability::OnCreate if verb == "create" => Ok(()),
            Editability::OnCreate => Err(Fault::bad_call(verb, format_args!("{name} is editable on create only."))),
            Editability::Never => Err(Fault::bad_call(verb, format_args!("{name} is read only"))),
        }
    }

    /// The value in the form in which it is kept, or the site's word for what is wrong with it.
    pub(crate) fn store_form(&self, verb: &str, entity_type: &EntityType, field: &Field, value: &Value) -> Result<Stored, Fault> {
        let stored = values::store_form(self.schema, self.connection, field, value).map_err(|unfit| match unfit {
            Unfit::Fault(fault) => fault,
            Unfit::Argument(message) => Fault::bad_call(verb, message),
            Unfit::Kind(message) => Fault::bad_call(verb, format_args!("{}.{} {message}", entity_type.name, field.name)),
            Unfit::Value(message) => failed(verb, entity_type, field, &message),
        })?;
        if let ("permission_rule_set", Stored::Link(Some((_, role)))) = (field.name.as_str(), &stored)
            && !self.role_fits(entity_type, *role)?
        {
            let message = format!("the permission role is not one for {}", entity_type.name);
            return Err(failed(verb, entity_type, field, &message));
        }
        Ok(stored)
    }

    /// A role is for people or for scripts.
    fn role_fits(&self, entity_type: &EntityType, role: i64) -> Result<bool, Fault> {
        Ok(self
            .connection
            .prepare_cached("SELECT entity_type = ?1 FROM \"t_PermissionRuleSet\" WHERE id = ?2")?
            .query_row((&entity_type.name, role), |row| row.get(0))?)
    }

    /// Refuses a value that another live row has in a field whose values are unique: within the
    /// project, where rows belong to one.
    pub(crate) fn check_unique(&self, verb: &str, entity_type: &EntityType, id: i64, field: &Field) -> Result<(), Fault> {
        if !field.unique {
            return Ok(());
        }
        let name = column(&field.name);
        let same_project = if entity_type.in_project() {
            " AND other.project IS mine.project"
        } else {
            ""
        };
        let table_name = table(&entity_type.name);
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table_name} mine JOIN {table_name} other
                ON other.{name} = mine.{name} AND other.id <> mine.id AND other._retired = 0{same_project}
             WHERE mine.id = ?1)"
        );
        let taken: bool = self.connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?;
        if !taken {
            return Ok(());
        }
        let sentence = format!("The value for the {} field is required to be unique. <br>", field.display_name);
        let type_name = &entity_type.name;
        Err(if verb == "create" {
            Fault::numbered(verb, "61", format_args!("Create failed for [{type_name}]. {sentence}"))
        } else {
            Fault::numbered(
                verb,
                "51",
                format_args!("Update failed for [{type_name}.{}]. {sentence} ", field.name),
            )
        })
    }

    /// Writes what is not kept in the row's own columns: links and secrets.
    pub(crate) fn write_elsewhere(
        &self,
        verb: &str,
        entity_type: &'a EntityType,
        id: i64,
        assignment: &Assignment<'a>,
    ) -> Result<(), Fault> {
        match &assignment.stored {
            Stored::Links(targets) => {
                self.check_other_side(verb, assignment, targets)?;
                row::write_links(self.connection, entity_type, assignment.field, id, targets, assignment.mode)
            }
            Stored::Secret(secret) => {
                let hash = secret.as_deref().map(secrets::hash_password);
                keep_secret(self.connection, &entity_type.name, id, hash.as_deref())
            }
            Stored::File(value) => linked::keep(self, entity_type, id, assignment.field, value),
            Stored::Scalar(_) => attach::after_write(self, entity_type, id, assignment.field),
            Stored::Link(_) => Ok(()),
        }
    }

    /// Writing the far end of a link changes the row at the near end: who may not do that there may
    /// not do it here.
    fn check_other_side(&self, verb: &str, assignment: &Assignment<'a>, targets: &[(String, i64)]) -> Result<(), Fault> {
        let (Storage::InverseOfColumn(inverse) | Storage::InverseOfTable(inverse)) = &assignment.field.storage else {
            return Ok(());
        };
        let other = self.schema.known_type(&inverse.entity_type)?;
        for (_, id) in targets {
            self.guard().check_field(verb, other, &inverse.field, Some(*id))?;
        }
        Ok(())
    }

    /// The row's fields as they are now, retired or not, whatever the caller may see.
    pub(crate) fn current(&self, entity_type: &'a EntityType, id: i64, fields: &[String]) -> Result<Map<String, Value>, Fault> {
        for retired in [false, true] {
            let mut query = Query::unlimited(self.schema, self.caller, "read");
            if let Some(row) = self.one_row(&mut query, entity_type, id, fields, retired)? {
                return Ok(row);
            }
        }
        Ok(Map::new())
    }

    /// The row as the caller may see it, for the answer to a write. Who may not see what was written
    /// still learns its type and id.
    pub(crate) fn answer(&self, entity_type: &'a EntityType, id: i64, fields: &[String]) -> Result<Map<String, Value>, Fault> {
        let mut query = Query::new(self.schema, self.caller, "read");
        let row = self.one_row(&mut query, entity_type, id, fields, false)?;
        Ok(row.unwrap_or_else(|| Map::from_iter([("type".to_owned(), json!(entity_type.name)), ("id".to_owned(), json!(id))])))
    }

    fn one_row(
        &self,
        query: &mut Query<'a>,
        entity_type: &'a EntityType,
        id: i64,
        fields: &[String],
        retired: bool,
    ) -> Result<Option<Map<String, Value>>, Fault> {
        let filter = Filter::condition("id", "is", json!(id));
        let selection = Selection {
            filter: &filter,
            retired,
            archived_projects: true,
        };
        let rows = select::rows(self.connection, query, entity_type, fields, &selection, &[], None)?;
        Ok(rows.into_iter().next())
    }

    /// What the event log says of a row.
    pub(crate) fn subject(&self, entity_type: &'a EntityType, id: i64) -> Result<Subject<'a>, Fault> {
        let wanted = [entity_type.display_field.clone(), "project".to_owned()];
        let row = self.current(entity_type, id, &wanted)?;
        let project = if entity_type.name == "Project" {
            Some(id)
        } else {
            row.get("project").and_then(|project| project.get("id")).and_then(Value::as_i64)
        };
        let name = row.get(&entity_type.display_field).and_then(Value::as_str).map(str::to_owned);
        Ok(Subject {
            entity_type,
            id,
            name,
            project,
        })
    }

    /// Writes an event for each field whose value is another than before.
    pub(crate) fn log_changes(
        &self,
        subject: &Subject<'_>,
        fields: &BTreeMap<String, &Field>,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        in_create: bool,
    ) -> Result<(), Fault> {
        for (name, field) in fields {
            let old = before.get(name).unwrap_or(&Value::Null);
            let new = after.get(name).unwrap_or(&Value::Null);
            let nothing_yet = in_create && is_blank(new);
            if old != new && !nothing_yet {
                self.events().changed(subject, field, old, new, in_create)?;
            }
        }
        Ok(())
    }
}

/// A bad value of the right kind.
pub(super) fn failed(verb: &str, entity_type: &EntityType, field: &Field, message: &str) -> Fault {
    let type_name = &entity_type.name;
    if verb == "create" {
        // A bad path is the file's fault and is told without the field, as sites do.
        let of_field = if field.data_type == DataType::Url {
            String::new()
        } else {
            format!("[{type_name}.{}]: ", field.name)
        };
        return Fault::numbered(verb, "6", format_args!("Create failed for [{type_name}]: {of_field}{message}"));
    }
    Fault::numbered(verb, "5", format_args!("Update failed for [{type_name}.{}]: {message}", field.name))
}

/// What a field has that nobody has set: no event tells of it when a row is made.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(members) => members.is_empty(),
        _ => false,
    }
}

/// Field names for a message that must not quote the values of secrets.
pub(crate) fn quote_fields(entity_type: &EntityType, given: &[FieldValue<'_>]) -> Value {
    given
        .iter()
        .map(|value| {
            let secret = entity_type
                .field(value.name)
                .is_some_and(|field| field.data_type == DataType::Password);
            let shown = if secret {
                json!(class_name(value.value))
            } else {
                value.value.clone()
            };
            (value.name.to_owned(), shown)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// A text for a column, or none.
pub(crate) fn text_value(text: Option<String>) -> SqlValue {
    text.map_or(SqlValue::Null, SqlValue::Text)
}
