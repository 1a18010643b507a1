//! `note_thread_contents`: a note, and what was said to it.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::Filter;

/// `entity_fields`: more fields to show, by entity type.
pub(super) fn more_fields(parameters: &Parameters<'_>, entity_type: &str, fields: &[&str]) -> Result<Vec<String>, Fault> {
    let mut wanted = rows::names(fields);
    match parameters.get("entity_fields") {
        None => {}
        Some(Value::Object(by_type)) => {
            let wrong = || parameters.invalid("object of arrays of strings", "entity_fields");
            let more = match by_type.get(entity_type) {
                None => &[],
                Some(more) => more.as_array().ok_or_else(wrong)?.as_slice(),
            };
            for name in more {
                wanted.push(name.as_str().ok_or_else(wrong)?.to_owned());
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
        let parts: [(&str, &str, &[&str]); 2] = [
            ("Reply", "entity", &["content", "created_at", "user"]),
            ("Attachment", "attachment_links", &["created_at", "created_by"]),
        ];
        for (entity_type, path, fields) in parts {
            let fields = more_fields(&parameters, entity_type, fields)?;
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
