//! Web links and local files in link fields: each is an Attachment, as an uploaded file is.

use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use super::attach::{ATTACHMENT, make_attachment, project};
use crate::fault::Fault;
use crate::methods::write::Writer;
use crate::schema::{EntityType, Field};
use crate::store::row::{self, Columns};

/// The field in which a published file keeps the storage of its path.
const PATH_STORAGE: &str = "path_cache_storage";

/// Keeps a value of a link field, with an Attachment for what has none yet. An Attachment's own file is its own.
pub(crate) fn keep<'a>(writer: &Writer<'a>, entity_type: &'a EntityType, id: i64, field: &Field, value: &Value) -> Result<(), Fault> {
    let mut value = value.clone();
    let mut columns = Columns::default();
    if entity_type.name == ATTACHMENT {
        value["type"] = json!(ATTACHMENT);
        value["id"] = json!(id);
        name_file(writer, entity_type, id, &value, &mut columns)?;
    } else if value.get("id").is_none() {
        let attachment = make(writer, entity_type, id, &value)?;
        value["type"] = json!(ATTACHMENT);
        value["id"] = json!(attachment);
    }
    let storage = value
        .get("local_storage")
        .and_then(|storage| storage.get("id"))
        .and_then(Value::as_i64);
    if field.name == "path" && entity_type.field(PATH_STORAGE).is_some() {
        let storage = storage.map(|id| ("LocalStorage".to_owned(), id));
        columns.put_link(PATH_STORAGE, storage.as_ref());
    }
    columns.put(&field.name, SqlValue::Text(value.to_string()));
    row::update(writer.connection, entity_type, id, &columns)
}

fn make(writer: &Writer<'_>, entity_type: &EntityType, id: i64, value: &Value) -> Result<i64, Fault> {
    let attachment_type = writer.schema.known_type(ATTACHMENT)?;
    let values = vec![("this_file", value.clone()), ("project", project(writer, entity_type, id)?)];
    let attachment = make_attachment(writer, values)?;
    writer.events().created(&writer.subject(attachment_type, attachment)?)?;
    Ok(attachment)
}

/// An Attachment is called what its file is called, unless it was given a name.
fn name_file<'a>(writer: &Writer<'a>, attachment: &'a EntityType, id: i64, value: &Value, columns: &mut Columns) -> Result<(), Fault> {
    let name = "filename".to_owned();
    let current = writer.current(attachment, id, std::slice::from_ref(&name))?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(|text| SqlValue::Text(text.to_owned()));
    if current.get(&name).is_none_or(Value::is_null)
        && let Some(shown) = text("name")
    {
        columns.put(&name, shown);
    }
    if let Some(kind) = text("link_type") {
        columns.put("attachment_type", kind);
    }
    Ok(())
}
