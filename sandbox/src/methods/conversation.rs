//! `note_thread_contents` and `activity_stream`: what was said and done about a row.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::store::select::Sort;

/// Updates of a stream when the call does not say, and the most that one call gets.
const DEFAULT_UPDATES: i64 = 25;
const MOST_UPDATES: i64 = 500;

/// `entity_fields`: more fields to show, by entity type.
fn more_fields(parameters: &Parameters<'_>, entity_type: &str, fields: &[&str]) -> Result<Vec<String>, Fault> {
    let mut wanted = rows::names(fields);
    match parameters.get("entity_fields") {
        None => {}
        Some(Value::Object(by_type)) => {
            for name in by_type.get(entity_type).and_then(Value::as_array).into_iter().flatten() {
                let name = name
                    .as_str()
                    .ok_or_else(|| parameters.invalid("object of arrays of strings", "entity_fields"))?;
                wanted.push(name.to_owned());
            }
        }
        Some(_) => return Err(parameters.invalid("object", "entity_fields")),
    }
    Ok(wanted)
}

/// The note, then its replies and files in the order in which they came.
pub(super) fn note_thread(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "note_thread_contents";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let note = parameters.integer("note_id")?;
    call.site.store.read(|connection| {
        let fields = more_fields(&parameters, "Note", &["content", "created_at", "created_by"])?;
        let head = rows::get(call, connection, VERB, ("Note", note), &fields)?;
        let link = json!({"type": "Note", "id": note});
        let mut thread = Vec::new();
        for (entity_type, path, fields) in [
            ("Reply", "entity", ["content", "created_at", "user"]),
            ("Attachment", "attachment_links", ["created_at", "created_by", "image"]),
        ] {
            let fields = more_fields(&parameters, entity_type, &fields)?;
            let filter = Filter::condition(path, "is", link.clone());
            let known = call.schema.known_type(entity_type)?;
            thread.extend(rows::select(call, connection, known, &filter, &fields, (&[], None))?);
        }
        thread.sort_by_cached_key(|row| row.get("created_at").and_then(Value::as_str).unwrap_or_default().to_owned());
        for reply in &mut thread {
            add_image(call, connection, reply)?;
        }
        thread.insert(0, head);
        Ok(json!(thread))
    })
}

/// Whoever replied is shown with their picture.
fn add_image(call: &Call<'_>, connection: &Connection, row: &mut Map<String, Value>) -> Result<(), Fault> {
    let Some(user) = row.get("user").and_then(rows::link_of) else {
        return Ok(());
    };
    let found = rows::find(call, connection, user, &rows::names(&["image"]))?;
    let image = found.and_then(|mut found| found.remove("image")).unwrap_or(Value::Null);
    if let Some(Value::Object(user)) = row.get_mut("user") {
        user.insert("image".to_owned(), image);
    }
    Ok(())
}

/// What the event log has on the row, newest first.
pub(super) fn activity_stream(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "activity_stream";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let (entity_type, id) = (parameters.text("type")?, parameters.integer("id")?);
    let bound = |key: &str| parameters.get(key).map(|_| parameters.integer(key)).transpose();
    let limit = bound("limit")?.unwrap_or(DEFAULT_UPDATES);
    if !(1..=MOST_UPDATES).contains(&limit) {
        return Err(parameters.invalid("integer", "limit"));
    }
    let mut members = vec![
        Filter::condition("entity", "is", json!({"type": entity_type, "id": id})),
        Filter::condition("event_type", "starts_with", json!("Shotgun_")),
    ];
    if let Some(min) = bound("min_id")? {
        members.push(Filter::condition("id", "greater_than", json!(min)));
    }
    if let Some(max) = bound("max_id")? {
        members.push(Filter::condition("id", "less_than", json!(max)));
    }
    let fields = more_fields(&parameters, entity_type, &["sg_status_list", "image", "cached_display_name"])?;
    let newest_first = [Sort {
        path: "id".to_owned(),
        descending: true,
    }];
    call.site.store.read(|connection| {
        let row = rows::get(call, connection, VERB, (entity_type, id), &fields)?;
        let primary = primary_entity(row);
        let wanted = rows::names(&["created_at", "user", "meta", "event_type"]);
        let log = call.schema.known_type("EventLogEntry")?;
        let filter = Filter::all(members);
        let events = rows::select(call, connection, log, &filter, &wanted, (&newest_first, Some(limit)))?;
        let mut updates = Vec::new();
        for event in &events {
            updates.push(update(call, connection, event, &primary)?);
        }
        Ok(json!({
            "entity_type": entity_type,
            "entity_id": id,
            "latest_update_id": events.first().and_then(|event| event.get("id")),
            "earliest_update_id": events.last().and_then(|event| event.get("id")),
            "updates": updates,
        }))
    })
}

fn primary_entity(mut row: Map<String, Value>) -> Value {
    let name = row.remove("cached_display_name").unwrap_or(Value::Null);
    let status = row.remove("sg_status_list").unwrap_or(Value::Null);
    row.insert("name".to_owned(), name);
    row.insert("status".to_owned(), status);
    Value::Object(row)
}

fn update(call: &Call<'_>, connection: &Connection, event: &Map<String, Value>, primary: &Value) -> Result<Value, Fault> {
    let action = event
        .get("event_type")
        .and_then(Value::as_str)
        .and_then(|name| name.rsplit('_').next());
    let update_type = match action {
        Some("New") => "create",
        Some("Retirement") => "delete",
        Some("Revival") => "revive",
        _ => "update",
    };
    let mut user = event.get("user").cloned().unwrap_or(Value::Null);
    if let Some(link) = event.get("user").and_then(rows::link_of) {
        let row = rows::find(call, connection, link, &rows::names(&["image", "sg_status_list"]))?.unwrap_or_default();
        user["image"] = json!(row.get("image"));
        user["status"] = json!(row.get("sg_status_list"));
    }
    Ok(json!({
        "id": event.get("id"),
        "update_type": update_type,
        "created_at": event.get("created_at"),
        "created_by": user,
        "meta": event.get("meta"),
        "primary_entity": primary,
        "read": false,
    }))
}
