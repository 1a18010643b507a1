//! `activity_stream`: what was done to a row, and what was made for it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value, json};

use super::conversation::more_fields;
use super::parameters::Parameters;
use super::{Call, rows};
use crate::events::EVENT_LOG;
use crate::fault::Fault;
use crate::filter::Filter;
use crate::store::select::Sort;

const VERB: &str = "activity_stream";
/// Updates of a stream when the call does not say, and the most that one call gets.
const DEFAULT_UPDATES: i64 = 25;
const MOST_UPDATES: i64 = 500;
/// Rows whose making is told in the stream of the row that they link to: by these fields.
const CHILDREN: [&str; 10] = [
    "Task.entity",
    "Version.entity",
    "Version.sg_task",
    "PublishedFile.entity",
    "Shot.sg_sequence",
    "Note.note_links",
    "Note.tasks",
    "Reply.entity",
    "Reply.entity.Note.note_links",
    "Reply.entity.Note.project",
];

/// The newest update comes first.
pub(super) fn stream(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(VERB, call.parameters)?;
    let (entity_type, id) = (parameters.text("type")?, parameters.integer("id")?);
    let limit = bound(&parameters, "limit")?.unwrap_or(DEFAULT_UPDATES);
    if !(1..=MOST_UPDATES).contains(&limit) {
        return Err(parameters.invalid("integer", "limit"));
    }
    let mut members = vec![told(call, entity_type, id)?];
    if let Some(min) = bound(&parameters, "min_id")? {
        members.push(Filter::condition("id", "greater_than", json!(min)));
    }
    if let Some(max) = bound(&parameters, "max_id")? {
        members.push(Filter::condition("id", "less_than", json!(max)));
    }
    more_fields(&parameters, entity_type, &[])?;
    let viewer = call.caller.id_as("HumanUser");
    let (answer, newest, seen) = call.site.store.read(|connection| {
        rows::get(call, connection, VERB, (entity_type, id), &[])?;
        let seen = last_seen(connection, viewer, (entity_type, id))?;
        let newest_first = [Sort {
            path: "id".to_owned(),
            descending: true,
        }];
        let wanted = rows::names(&["created_at", "user", "meta", "event_type", "entity"]);
        let log = call.schema.known_type(EVENT_LOG)?;
        let filter = Filter::all(members);
        let events = rows::select(call, connection, log, &filter, &wanted, (&newest_first, Some(limit)))?;
        let number = |event: Option<&Map<String, Value>>| event.and_then(|event| event.get("id")).and_then(Value::as_i64);
        let (newest, oldest) = (number(events.first()), number(events.last()));
        let mut teller = Teller {
            call,
            connection,
            parameters: &parameters,
            primaries: BTreeMap::new(),
        };
        let mut updates = Vec::new();
        for event in &events {
            let read = number(Some(event)).is_some_and(|id| id <= seen);
            updates.extend(teller.update(event, read)?);
        }
        let answer = json!({
            "entity_type": entity_type,
            "entity_id": id,
            "latest_update_id": newest,
            "earliest_update_id": oldest,
            "updates": updates,
        });
        Ok((answer, newest, seen))
    })?;
    if let Some(newest) = newest.filter(|newest| viewer != 0 && *newest > seen) {
        remember(call, viewer, (entity_type, id), newest)?;
    }
    Ok(answer)
}

fn bound(parameters: &Parameters<'_>, key: &str) -> Result<Option<i64>, Fault> {
    parameters.get(key).map(|_| parameters.integer(key)).transpose()
}

/// What the stream tells: the events of the row itself, and of those that it has, that they were made.
fn told(call: &Call<'_>, entity_type: &str, id: i64) -> Result<Filter, Fault> {
    let row = json!({"type": entity_type, "id": id});
    let ends = |end: &str| Filter::condition("event_type", "ends_with", json!(end));
    let kinds = Filter::Group {
        any: true,
        members: ["_New", "_Change", "_Retirement", "_Revival"].map(ends).to_vec(),
    };
    let mut children = Vec::new();
    if entity_type == "Project" {
        children.push(Filter::condition("project", "is", row.clone()));
    }
    for path in CHILDREN {
        let links_here = |(child, field): (&str, &str)| {
            let field = call.schema.entity_type(child)?.field(field)?;
            Some(field.valid_types.iter().any(|valid| valid == entity_type))
        };
        let link = path.rsplit_once('.').and_then(|(owner, field)| {
            let child = owner.rsplit('.').next()?;
            links_here((child, field))
        });
        if link == Some(true) {
            children.push(Filter::condition(&format!("entity.{path}"), "is", row.clone()));
        }
    }
    let made = Filter::all(vec![
        ends("_New"),
        Filter::Group {
            any: true,
            members: children.clone(),
        },
    ]);
    let mut subjects = vec![Filter::condition("entity", "is", row)];
    if !children.is_empty() {
        subjects.push(made);
    }
    Ok(Filter::all(vec![
        Filter::condition("event_type", "starts_with", json!("Shotgun_")),
        kinds,
        Filter::Group {
            any: true,
            members: subjects,
        },
    ]))
}

/// Up to which update a person was told of the row before; a script is told everything anew.
fn last_seen(connection: &Connection, person: i64, (entity_type, id): (&str, i64)) -> Result<i64, Fault> {
    let seen = connection
        .prepare_cached("SELECT last_update FROM streams_seen WHERE person = ?1 AND type = ?2 AND id = ?3")?
        .query_row((person, entity_type, id), |row| row.get(0))
        .optional()?;
    Ok(seen.unwrap_or(0))
}

fn remember(call: &Call<'_>, person: i64, (entity_type, id): (&str, i64), newest: i64) -> Result<(), Fault> {
    call.site.store.write(|connection| {
        connection
            .prepare_cached(
                "INSERT INTO streams_seen (person, type, id, last_update) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (person, type, id) DO UPDATE SET last_update = max(last_update, excluded.last_update)",
            )?
            .execute((person, entity_type, id, newest))?;
        Ok(())
    })
}

/// Makes updates of events.
struct Teller<'a, 'c> {
    call: &'a Call<'c>,
    connection: &'a Connection,
    parameters: &'a Parameters<'a>,
    /// Rows that updates are about, as they are now.
    primaries: BTreeMap<(String, i64), Option<Value>>,
}

impl Teller<'_, '_> {
    /// Nothing is told of rows that the caller may not see.
    fn update(&mut self, event: &Map<String, Value>, read: bool) -> Result<Option<Value>, Fault> {
        let Some(subject) = event.get("entity").and_then(rows::link_of) else {
            return Ok(None);
        };
        let action = event
            .get("event_type")
            .and_then(Value::as_str)
            .and_then(|name| name.rsplit('_').next());
        let mut meta = event.get("meta").cloned().unwrap_or(Value::Null);
        let (update_type, primary) = match (action, subject.0) {
            (Some("New"), "Reply") => {
                let fields = rows::names(&["content", "entity"]);
                let reply = rows::find(self.call, self.connection, subject, &fields)?.unwrap_or_default();
                meta["content"] = json!(reply.get("content"));
                let note = reply.get("entity").and_then(rows::link_of);
                ("create_reply", note.map(|note| self.primary(note)).transpose()?.flatten())
            }
            (Some("New"), _) => ("create", self.primary(subject)?),
            (Some("Retirement"), _) => ("delete", self.primary(subject)?),
            (Some("Revival"), _) => ("revive", self.primary(subject)?),
            _ => ("update", self.primary(subject)?),
        };
        let Some(primary) = primary else {
            return Ok(None);
        };
        let mut user = event.get("user").cloned().unwrap_or(Value::Null);
        if let Some(link) = event.get("user").and_then(rows::link_of) {
            let row = rows::find(self.call, self.connection, link, &rows::names(&["image", "sg_status_list"]))?.unwrap_or_default();
            user["image"] = json!(row.get("image"));
            user["status"] = json!(row.get("sg_status_list"));
        }
        Ok(Some(json!({
            "id": event.get("id"),
            "update_type": update_type,
            "created_at": event.get("created_at"),
            "created_by": user,
            "meta": meta,
            "primary_entity": primary,
            "read": read,
        })))
    }

    /// The row that an update is about, with the fields that the call wants of its type.
    fn primary(&mut self, (entity_type, id): (&str, i64)) -> Result<Option<Value>, Fault> {
        let key = (entity_type.to_owned(), id);
        if let Some(known) = self.primaries.get(&key) {
            return Ok(known.clone());
        }
        let display = &self.call.schema.known_type(entity_type)?.display_field;
        let own = [display.as_str(), "sg_status_list"];
        let more = more_fields(self.parameters, entity_type, &[])?;
        let fields: Vec<String> = rows::names(&own).into_iter().chain(more.iter().cloned()).collect();
        let found = rows::find(self.call, self.connection, (entity_type, id), &fields)?;
        let primary = found.map(|mut row| {
            let (name, status) = (row.get(display).cloned(), row.get("sg_status_list").cloned());
            // What was read for `name` and `status` alone was not asked for.
            row.retain(|field, _| !own.contains(&field.as_str()) || more.contains(field));
            row.insert("name".to_owned(), json!(name));
            row.insert("status".to_owned(), json!(status));
            Value::Object(row)
        });
        self.primaries.insert(key, primary.clone());
        Ok(primary)
    }
}
