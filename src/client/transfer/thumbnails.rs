//! Thumbnails that are given together with the fields of an entity.

use super::Transfer;
use super::local::LocalFile;
use super::upload::{Target, upload};
use crate::client::document::{Document, Value};
use crate::client::error::{Error, Result};
use crate::client::json::Object;
use crate::client::methods::field_of;

/// A field, `image` or `filmstrip_image`, and the path of the file for it.
pub(in crate::client) struct Thumbnail {
    pub(in crate::client) field: &'static str,
    pub(in crate::client) path: String,
}

impl Thumbnail {
    /// Fails where the file cannot be sent.
    pub(in crate::client) async fn check(&self) -> Result<()> {
        LocalFile::look_at(&self.path).await.map(drop)
    }
}

/// Uploads thumbnails of a row that was written already, and puts what the site then has in the fields into the record. A
/// failure says what was done before it.
pub(in crate::client) async fn set(
    transfer: &Transfer,
    mut record: Document,
    entity: (&str, i64),
    thumbnails: &[Thumbnail],
) -> Result<Document> {
    let (entity_type, id) = entity;
    for thumbnail in thumbnails {
        let Thumbnail { field, path } = thumbnail;
        let target = Target::thumbnail(entity_type, id, *field == "filmstrip_image");
        let attachment = upload(transfer, &target, path).await.map_err(|mut error| {
            error.message = format!("{entity_type} {id} was written, but its {field} was not: {}", error.message);
            written(error)
        })?;
        let read = field_of(&transfer.client, entity_type, id, field).await.map_err(|mut error| {
            error.attachment_id = Some(attachment);
            error.message = format!(
                "{entity_type} {id} was written and its {field} uploaded, but it could not be read: {}",
                error.message
            );
            written(error)
        })?;
        let value = read.root().get(field).map_or("null", Value::json);
        record = with_member(&record, field, value)?;
    }
    Ok(record)
}

/// Whatever failed behind a write, making the whole call again would write again.
fn written(mut error: Error) -> Error {
    error.may_have_applied = true;
    error.retryable = false;
    error
}

fn with_member(record: &Document, name: &str, json: &str) -> Result<Document> {
    let members = record.root().children().filter_map(|member| Some((member.key()?.as_str(), member)));
    let others = members.filter(|(key, _)| key != name);
    let object = others.fold(Object::new(), |object, (key, member)| object.raw(&key, member.json()));
    let text = object.raw(name, json).finish();
    Document::parse(text.into_bytes()).map_err(|error| Error::protocol(format!("the site's record cannot be read: {error}")))
}
