//! The event log: what is written down of each change, and for whom.

use chrono::Utc;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::auth::caller::Caller;
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::roles::refusal::COLUMN;
use crate::schema::{EntityType, Field};
use crate::store::late::{MARK, NUMBER};

/// Entries about the event log itself would never end.
pub(crate) const EVENT_LOG: &str = "EventLogEntry";

/// Characters of a text that a description quotes; `meta` has all of it.
const LONGEST_SHOWN: usize = 200;

/// The row that an event is about.
#[derive(Clone)]
pub(crate) struct Subject<'a> {
    pub(crate) entity_type: &'a EntityType,
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
    /// The project it belongs to; a project belongs to itself.
    pub(crate) project: Option<i64>,
}

/// A field of the schema, as an event is about it.
pub(crate) struct Column<'a> {
    /// The number under which the log knows it. It is no row, so `meta` alone says which field it was.
    pub(crate) id: i64,
    pub(crate) entity_type: &'a str,
    pub(crate) name: &'a str,
    /// The project that the change was made for.
    pub(crate) project: Option<i64>,
}

impl<'a> Column<'a> {
    pub(crate) fn new(id: i64, entity_type: &'a str, name: &'a str) -> Self {
        Self {
            id,
            entity_type,
            name,
            project: None,
        }
    }
}

/// Writes the entries of one caller's work.
pub(crate) struct EventLog<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) caller: &'a Caller,
}

impl EventLog<'_> {
    /// True when nothing is to be written about this type, or for this caller.
    fn is_silent(&self, entity_type: &str) -> bool {
        entity_type == EVENT_LOG || !self.caller.leaves_events()
    }

    pub(crate) fn created(&self, subject: &Subject<'_>) -> Result<(), Fault> {
        let description = format!("{} created new {}", self.caller.name, label(subject));
        self.lifecycle(subject, "New", "new_entity", &description, json!({}))
    }

    pub(crate) fn viewed(&self, subject: &Subject<'_>) -> Result<(), Fault> {
        let description = format!("{} viewed {}", self.caller.name, label(subject));
        self.lifecycle(
            subject,
            "View",
            "attachment_view",
            &description,
            json!({"display_name": subject.name}),
        )
    }

    pub(crate) fn revived(&self, subject: &Subject<'_>) -> Result<(), Fault> {
        let description = format!("{} revived {}", self.caller.name, label(subject));
        let more = json!({"display_name": subject.name});
        self.lifecycle(subject, "Revival", "entity_revival", &description, more)
    }

    /// A retirement is told twice: as the change of the retirement date, and as itself.
    pub(crate) fn retired(&self, subject: &Subject<'_>) -> Result<(), Fault> {
        let now = format_date_time(Utc::now());
        if self.is_silent(&subject.entity_type.name) {
            return Ok(());
        }
        let description = format!("{} deleted {}", self.caller.name, label(subject));
        let meta = json!({
            "type": "attribute_change",
            "attribute_name": "retirement_date",
            "entity_type": subject.entity_type.name,
            "entity_id": subject.id,
            "field_data_type": "date_time",
            "old_value": null,
            "new_value": now,
        });
        self.write(subject, "Change", Some("retirement_date"), &description, meta)?;
        let more = json!({"display_name": subject.name, "retirement_date": now});
        self.lifecycle(subject, "Retirement", "entity_retirement", &description, more)
    }

    /// One field got another value, in an update or while its row was made.
    pub(crate) fn changed(&self, subject: &Subject<'_>, field: &Field, old: &Value, new: &Value, in_create: bool) -> Result<(), Fault> {
        if self.is_silent(&subject.entity_type.name) {
            return Ok(());
        }
        let mut meta = json!({
            "type": "attribute_change",
            "attribute_name": field.name,
            "entity_type": subject.entity_type.name,
            "entity_id": subject.id,
            "field_data_type": field.data_type.name(),
            "old_value": old,
            "new_value": new,
        });
        if in_create {
            meta["in_create"] = json!(true);
        }
        if field.data_type.is_multi_link() {
            meta["added"] = without(new, old);
            meta["removed"] = without(old, new);
        }
        let description = format!(
            "{} changed \"{}\" from \"{}\" to \"{}\" on {}",
            self.caller.name,
            field.display_name,
            show(old),
            show(new),
            label(subject)
        );
        self.write(subject, "Change", Some(&field.name), &description, meta)
    }

    pub(crate) fn column_created(&self, column: &Column<'_>) -> Result<(), Fault> {
        self.column(column, "New", None, "created new", json!({"type": "new_entity"}))
    }

    pub(crate) fn column_changed(&self, column: &Column<'_>, property: &str, old: &Value, new: &Value) -> Result<(), Fault> {
        // The log has its own word for the display name.
        let attribute = if property == "name" { "human_name" } else { property };
        let done = format!("changed \"{attribute}\" from \"{}\" to \"{}\" on", show(old), show(new));
        let meta = json!({"type": "attribute_change", "attribute_name": attribute, "old_value": old, "new_value": new});
        self.column(column, "Change", Some(attribute), &done, meta)
    }

    pub(crate) fn column_retired(&self, column: &Column<'_>) -> Result<(), Fault> {
        let meta = json!({"type": "entity_retirement", "retirement_date": format_date_time(Utc::now())});
        self.column(column, "Retirement", None, "deleted", meta)
    }

    fn column(&self, column: &Column<'_>, action: &str, attribute: Option<&str>, done: &str, mut meta: Value) -> Result<(), Fault> {
        if self.is_silent(COLUMN) {
            return Ok(());
        }
        let name = format!("{}.{}", column.entity_type, column.name);
        meta["entity_type"] = json!(COLUMN);
        meta["entity_id"] = json!(column.id);
        meta["display_name"] = json!(name);
        let description = format!("{} {done} Field {name}", self.caller.name);
        let event_type = format!("Shotgun_{COLUMN}_{action}");
        self.insert(&event_type, attribute, &description, None, column.project, meta)
    }

    /// Someone signed in or out, or failed to sign in. The person is both the user and the subject.
    pub(crate) fn login(&self, action: &str, login: &str) -> Result<(), Fault> {
        let description = match action {
            "Login" => format!("{} ({login}) logged in", self.caller.name),
            "Logout" => format!("{} ({login}) logged out", self.caller.name),
            _ => format!("{} ({login}) failed to log in", self.caller.name),
        };
        let meta = json!({"type": "user_login", "action": action, "login": login});
        let event_type = format!("Shotgun_User_{action}");
        let entity = self.caller.link();
        self.insert(&event_type, None, &description, entity, None, meta)
    }

    fn lifecycle(&self, subject: &Subject<'_>, action: &str, meta_type: &str, description: &str, more: Value) -> Result<(), Fault> {
        if self.is_silent(&subject.entity_type.name) {
            return Ok(());
        }
        let mut meta = Map::new();
        meta.insert("type".to_owned(), json!(meta_type));
        meta.insert("entity_type".to_owned(), json!(subject.entity_type.name));
        meta.insert("entity_id".to_owned(), json!(subject.id));
        if let Value::Object(more) = more {
            meta.extend(more);
        }
        self.write(subject, action, None, description, Value::Object(meta))
    }

    fn write(&self, subject: &Subject<'_>, action: &str, attribute: Option<&str>, description: &str, meta: Value) -> Result<(), Fault> {
        let entity = (subject.entity_type.name.clone(), subject.id);
        self.insert(
            &format!("Shotgun_{}_{action}", subject.entity_type.name),
            attribute,
            description,
            Some(entity),
            subject.project,
            meta,
        )
    }

    fn insert(
        &self,
        event_type: &str,
        attribute: Option<&str>,
        description: &str,
        entity: Option<(String, i64)>,
        project: Option<i64>,
        mut meta: Value,
    ) -> Result<(), Fault> {
        if let Some(actual) = self.caller.sudo_meta() {
            meta["sudo_actual_user"] = actual;
        }
        let (entity_type, entity_id) = entity.unzip();
        let (user_type, user_id) = self.caller.link().unzip();
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO \"t_EventLogEntry\" (id, _retired, event_type, attribute_name, description, created_at,
                        \"entity.type\", entity, \"user.type\", user, \"project.type\", project, meta, session_uuid)
                     VALUES ({NUMBER}, {MARK}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            ))?
            .execute((
                event_type,
                attribute,
                description,
                format_date_time(Utc::now()),
                entity_type,
                entity_id,
                user_type,
                user_id,
                project.map(|_| "Project"),
                project,
                meta.to_string(),
                &self.caller.session_uuid,
            ))?;
        Ok(())
    }
}

fn label(subject: &Subject<'_>) -> String {
    let name = subject.name.as_deref().unwrap_or("");
    format!("{} {name}", subject.entity_type.display_name)
}

/// The members of one list that the other lacks.
fn without(list: &Value, other: &Value) -> Value {
    let empty = Vec::new();
    let other = other.as_array().unwrap_or(&empty);
    let members = list.as_array().unwrap_or(&empty);
    members.iter().filter(|member| !other.contains(member)).cloned().collect()
}

/// A value as a person reads it in a sentence.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.chars().take(LONGEST_SHOWN).collect(),
        Value::Array(members) => {
            let shown: Vec<String> = members.iter().map(show).collect();
            shown.join(", ")
        }
        Value::Object(object) => match object.get("name") {
            Some(Value::String(name)) => name.clone(),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}
