//! Attachments in the data: the row, its file, and the field that links to it.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use super::{links, thumbnails};
use crate::auth::caller::Caller;
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::methods::write::{FieldValue, Writer, create};
use crate::schema::{DataType, EntityType, Field, Storage};
use crate::store::row::{self, Columns};

pub(super) const ATTACHMENT: &str = "Attachment";
pub(super) const IMAGE: &str = "image";
pub(super) const FILMSTRIP: &str = "filmstrip_image";
const VERB: &str = "update";

/// What is to become of a file.
pub(super) struct Order {
    pub(super) entity_type: String,
    pub(super) id: i64,
    /// The field that gets it; none where it is only attached.
    pub(super) field: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) tags: Option<String>,
    pub(super) created_at: Option<String>,
}

/// A file that is on disk.
pub(super) struct File {
    pub(super) blob: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) name: String,
}

impl Order {
    fn is_thumbnail(&self) -> bool {
        matches!(self.field.as_deref(), Some(IMAGE | FILMSTRIP))
    }
}

/// Refuses what the caller may not do, and what can't be done.
pub(super) fn check<'a>(writer: &Writer<'a>, order: &Order) -> Result<(&'a EntityType, Option<&'a Field>), Fault> {
    let entity_type = writer.schema.known_type(&order.entity_type)?;
    let guard = writer.guard();
    let field = match order.field.as_deref() {
        None => None,
        Some(name) => {
            let field = entity_type.field(name).ok_or_else(|| {
                let type_name = &entity_type.name;
                Fault::numbered(
                    VERB,
                    "2",
                    format_args!("Update failed for [{type_name}.{name}]: the field does not exist."),
                )
            })?;
            guard.check_ever_updates(entity_type, name)?;
            Some(field)
        }
    };
    if !order.is_thumbnail() {
        guard.check_create(writer.schema.known_type(ATTACHMENT)?)?;
    }
    let there = row::retired(writer.connection, entity_type, order.id)? == Some(false) && guard.sees(entity_type, order.id)?;
    if !there {
        return Err(Fault::no_such_row(VERB, &entity_type.name, order.id));
    }
    if let Some(field) = field {
        guard.check_field(VERB, entity_type, &field.name, Some(order.id))?;
        let wanted = if order.is_thumbnail() { DataType::Image } else { DataType::Url };
        if field.data_type != wanted {
            let kind = field.data_type.name();
            let message = format!(
                "Update failed for [{}.{}]: a field of type '{kind}' takes no file.",
                entity_type.name, field.name
            );
            return Err(Fault::numbered(VERB, "5", message));
        }
    }
    Ok((entity_type, field))
}

/// Makes the Attachment and links it. Gives its id and the thumbnails to be made.
pub(super) fn attach(writer: &Writer<'_>, order: &Order, file: &File) -> Result<(i64, Vec<String>), Fault> {
    let (entity_type, field) = check(writer, order)?;
    let id = make_row(writer, entity_type, order, file)?;
    let attachment_type = writer.schema.known_type(ATTACHMENT)?;
    let mut pictures = Vec::new();
    let own = thumbnails::order(writer, id, false)?;
    thumbnails::show(writer, attachment_type, id, IMAGE, &own)?;
    let Some(field) = field else {
        return Ok((id, vec![own]));
    };
    let before = writer.current(entity_type, order.id, std::slice::from_ref(&field.name))?;
    if field.name == FILMSTRIP {
        let key = thumbnails::order(writer, id, true)?;
        thumbnails::show(writer, entity_type, order.id, FILMSTRIP, &key)?;
        pictures.push(key);
    } else if field.name == IMAGE {
        thumbnails::show(writer, entity_type, order.id, IMAGE, &own)?;
    } else {
        let mut columns = Columns::default();
        columns.put(&field.name, SqlValue::Text(upload_value(id, order, file).to_string()));
        row::update(writer.connection, entity_type, order.id, &columns)?;
    }
    touch(writer, entity_type, order.id)?;
    let after = writer.current(entity_type, order.id, std::slice::from_ref(&field.name))?;
    let subject = writer.subject(entity_type, order.id)?;
    let changed = BTreeMap::from([(field.name.clone(), field)]);
    writer.log_changes(&subject, &changed, &before, &after, false)?;
    pictures.push(own);
    Ok((id, pictures))
}

/// Who changed the row last, and when.
pub(super) fn touch(writer: &Writer<'_>, entity_type: &EntityType, id: i64) -> Result<(), Fault> {
    if entity_type.field("updated_at").is_none() {
        return Ok(());
    }
    let mut columns = Columns::default();
    columns.put("updated_at", SqlValue::Text(format_date_time(Utc::now())));
    columns.put_link("updated_by", writer.caller.link().as_ref());
    row::update(writer.connection, entity_type, id, &columns)
}

/// The value of the field that links to an uploaded file, with the path for the URL.
fn upload_value(id: i64, order: &Order, file: &File) -> Value {
    json!({
        "type": ATTACHMENT,
        "id": id,
        "link_type": "upload",
        "name": order.display_name.as_deref().unwrap_or(&file.name),
        "content_type": content_type(&file.name),
        "url": format!("/file_serve/attachment/{id}"),
    })
}

/// The kind of a file, by its name.
pub(super) fn content_type(name: &str) -> String {
    mime_guess::from_path(name).first_or_octet_stream().to_string()
}

fn make_row(writer: &Writer<'_>, entity_type: &EntityType, order: &Order, file: &File) -> Result<i64, Fault> {
    let attachment = writer.schema.known_type(ATTACHMENT)?;
    let shown = order.display_name.as_deref().unwrap_or(&file.name);
    let mut values = vec![
        ("original_fname", json!(file.name)),
        ("attachment_type", json!("upload")),
        ("project", project(writer, entity_type, order.id)?),
    ];
    // The display name is a column, or made of the file name.
    let own_name = attachment
        .field("display_name")
        .is_some_and(|field| field.storage == Storage::Column);
    values.push(("filename", json!(if own_name { file.name.as_str() } else { shown })));
    if own_name {
        values.push(("display_name", json!(shown)));
    }
    if let Some(extension) = Path::new(&file.name).extension().and_then(|extension| extension.to_str()) {
        values.push(("file_extension", json!(extension)));
    }
    if let Some(tags) = &order.tags {
        let tags: Vec<&str> = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
        values.push(("tag_list", json!(tags)));
    }
    if let Some(moment) = &order.created_at {
        writer.guard().check_field("create", attachment, "created_at", None)?;
        values.push(("created_at", json!(date_time(moment)?)));
    }
    if order.field.is_none() {
        values.push(("attachment_links", json!([{"type": entity_type.name, "id": order.id}])));
    }
    let id = make_attachment(writer, values)?;
    let mut columns = Columns::default();
    columns.put("file_size", SqlValue::Integer(i64::try_from(file.size).unwrap_or(i64::MAX)));
    columns.put("this_file", SqlValue::Text(upload_value(id, order, file).to_string()));
    row::update(writer.connection, attachment, id, &columns)?;
    writer.connection.execute(
        "INSERT INTO attachment_files (attachment, blob, size, etag, name, content_type) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            id,
            &file.blob,
            file.size.cast_signed(),
            &file.etag,
            &file.name,
            content_type(&file.name),
        ),
    )?;
    writer.events().created(&writer.subject(attachment, id)?)?;
    Ok(id)
}

/// Makes an Attachment in the caller's name. What a client may not set is the site's to set; whether the caller may attach is
/// known by now.
pub(super) fn make_attachment(writer: &Writer<'_>, mut values: Vec<(&str, Value)>) -> Result<i64, Fault> {
    let attachment = writer.schema.known_type(ATTACHMENT)?;
    if let Some((kind, id)) = writer.caller.link() {
        values.push(("created_by", json!({"type": kind, "id": id})));
        values.push(("updated_by", json!({"type": kind, "id": id})));
    }
    values.retain(|(name, value)| attachment.field(name).is_some() && !value.is_null());
    let site = Caller::site();
    create(&Writer { caller: &site, ..*writer }, attachment, &FieldValue::set(&values))
}

/// The project of the row that a file is for.
pub(super) fn project(writer: &Writer<'_>, entity_type: &EntityType, id: i64) -> Result<Value, Fault> {
    let project = writer.subject(entity_type, id)?.project;
    Ok(project.map_or(Value::Null, |id| json!({"type": "Project", "id": id})))
}

/// A date-time as clients write it in forms: with a `T` or a space, with an offset or, meaning UTC, without.
fn date_time(text: &str) -> Result<String, Fault> {
    let text = text.trim().replacen(' ', "T", 1);
    let moment = DateTime::parse_from_rfc3339(&text)
        .map(|moment| moment.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").map(|moment| moment.and_utc()))
        .map_err(|_| Fault::argument(format!("The form's 'created_at' is no date and time: '{text}'")))?;
    Ok(format_date_time(moment))
}

/// What follows from a write to a field that holds an image: one that is cleared takes its filmstrip along.
pub(crate) fn after_write(writer: &Writer<'_>, entity_type: &EntityType, id: i64, field: &Field) -> Result<(), Fault> {
    if field.data_type != DataType::Image {
        return Ok(());
    }
    thumbnails::forget(writer, entity_type, id, &field.name)?;
    if field.name == IMAGE && entity_type.field(FILMSTRIP).is_some() {
        thumbnails::forget(writer, entity_type, id, FILMSTRIP)?;
        let mut columns = Columns::default();
        columns.put(FILMSTRIP, SqlValue::Null);
        row::update(writer.connection, entity_type, id, &columns)?;
    }
    Ok(())
}

/// True while a thumbnail is yet to be made.
pub(super) fn is_pending(value: &Value) -> bool {
    value.as_str() == Some(links::PENDING)
}
