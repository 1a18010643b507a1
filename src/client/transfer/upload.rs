//! Uploading a file to an entity: by form, or straight to the storage behind the site.

use std::sync::Arc;

use super::Transfer;
use super::form::{Form, id_of};
use super::local::LocalFile;
use super::storage::{PART, Place};
use crate::client::document::{Document, Kind, Value};
use crate::client::error::Result;
use crate::client::retry::Effect;

/// Where a file belongs.
pub(in crate::client) struct Target {
    pub(in crate::client) entity_type: String,
    pub(in crate::client) entity_id: i64,
    pub(in crate::client) field_name: Option<String>,
    pub(in crate::client) display_name: Option<String>,
    pub(in crate::client) tag_list: Option<String>,
    pub(in crate::client) created_at: Option<String>,
}

impl Target {
    /// A thumbnail, or the filmstrip of one.
    pub(in crate::client) fn thumbnail(entity_type: &str, entity_id: i64, filmstrip: bool) -> Target {
        let field = if filmstrip { "filmstrip_thumb_image" } else { "thumb_image" };
        Target {
            entity_type: entity_type.to_owned(),
            entity_id,
            field_name: Some(field.to_owned()),
            display_name: None,
            tag_list: None,
            created_at: None,
        }
    }

    pub(in crate::client) fn is_filmstrip(&self) -> bool {
        matches!(self.field_name.as_deref(), Some("filmstrip_thumb_image" | "filmstrip_image"))
    }

    fn is_thumbnail(&self) -> bool {
        self.is_filmstrip() || matches!(self.field_name.as_deref(), Some("thumb_image" | "image"))
    }

    fn entity(&self) -> Vec<(&'static str, String)> {
        vec![("entity_type", self.entity_type.clone()), ("entity_id", self.entity_id.to_string())]
    }

    /// What the site is told besides the entity and the file.
    fn details(&self, file: &LocalFile) -> Vec<(&'static str, String)> {
        let mut details = Vec::new();
        if self.is_thumbnail() {
            details.extend(self.is_filmstrip().then(|| ("filmstrip", "True".to_owned())));
            return details;
        }
        details.extend(self.field_name.clone().map(|name| ("field_name", name)));
        details.push(("display_name", self.display_name.clone().unwrap_or_else(|| file.name.clone())));
        details.extend(self.tag_list.clone().filter(|tags| !tags.is_empty()).map(|tags| ("tag_list", tags)));
        details.extend(self.created_at.clone().map(|time| ("created_at", time)));
        details
    }
}

/// Uploads a file and gives the id of its Attachment.
pub(in crate::client) async fn upload(transfer: &Transfer, target: &Target, path: &str) -> Result<i64> {
    let file = Arc::new(LocalFile::look_at(path).await?);
    let client = &transfer.client;
    let info = client.site_info().await?;
    if target.is_filmstrip() {
        info.require([3, 1, 0], "a filmstrip thumbnail")?;
    }
    transfer.progress.expect(file.length);
    if goes_to_storage(&info.document, target) {
        return through_storage(transfer, target, &file).await;
    }
    let thumbnail = target.is_thumbnail();
    let path = if thumbnail {
        "/upload/publish_thumbnail"
    } else {
        "/upload/upload_file"
    };
    let form = Form {
        last: target.details(&file),
        file: Some((if thumbnail { "thumb_image" } else { "file" }, &file)),
        ..Form::new(path, Effect::Write, target.entity())
    };
    id_of(&transfer.post(&form).await?)
}

async fn through_storage(transfer: &Transfer, target: &Target, file: &Arc<LocalFile>) -> Result<i64> {
    let kind = if target.is_thumbnail() { "Thumbnail" } else { "Attachment" };
    let in_parts = if file.length > PART { "True" } else { "False" };
    let mut fields = vec![
        ("upload_type", kind.to_owned()),
        ("filename", file.name.clone()),
        ("multipart_upload", in_parts.to_owned()),
    ];
    fields.extend(target.created_at.clone().map(|time| ("created_at", time)));
    let asked = Form::new("/upload/api_get_upload_link_info", Effect::Read, fields);
    let place = Arc::new(Place::read(transfer.post(&asked).await?)?);
    transfer.put_file(file, &place).await?;
    let mut first = target.entity();
    first.push(("upload_link_info", place.reply.clone()));
    let form = Form {
        last: target.details(file),
        ..Form::new("/upload/api_link_file", Effect::Write, first)
    };
    let linked = transfer.post(&form).await.map_err(|mut error| {
        let how = match error.may_have_applied {
            true => "nobody knows whether it was linked",
            false => "it was not linked",
        };
        error.message = format!(
            "the file is stored, but {how} to {} {}: {}",
            target.entity_type, target.entity_id, error.message
        );
        error
    })?;
    id_of(&linked)
}

/// Whether the site wants files of this field in its storage: its `info` says so by entity type and field.
fn goes_to_storage(info: &Document, target: &Target) -> bool {
    let root = info.root();
    let flag = root.get("s3_direct_uploads_enabled").and_then(Value::as_bool);
    if flag != Some(true) {
        return false;
    }
    let types = root.get("s3_enabled_upload_types");
    let field = target.field_name.as_deref();
    let listed = |entity_type: &str| {
        types
            .and_then(|types| types.get(entity_type))
            .is_some_and(|fields| lists(fields, field))
    };
    listed(&target.entity_type) || listed("*") || (target.entity_type == "Version" && field == Some("sg_uploaded_movie"))
}

/// Whether a list of field names, or one of them, has this one or stands for all.
fn lists(fields: Value<'_>, field: Option<&str>) -> bool {
    let is = |name: Value<'_>| name.is_str("*") || field.is_some_and(|field| name.is_str(field));
    match fields.kind() {
        Kind::Array => fields.children().any(is),
        _ => is(fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_follows_what_the_site_says() {
        let goes = |info: &str, entity_type: &str, field: Option<&str>| {
            let target = Target {
                field_name: field.map(str::to_owned),
                ..Target::thumbnail(entity_type, 1, false)
            };
            goes_to_storage(&Document::parse(info.into()).unwrap(), &target)
        };
        let enabled = |types: &str| format!(r#"{{"s3_direct_uploads_enabled":true,"s3_enabled_upload_types":{types}}}"#);
        assert!(goes(&enabled(r#"{"Version":"*"}"#), "Version", None));
        assert!(goes(&enabled(r#"{"Version":["*"]}"#), "Version", Some("x")));
        assert!(goes(&enabled(r#"{"*":["image"]}"#), "Shot", Some("image")));
        assert!(!goes(&enabled(r#"{"*":["image"]}"#), "Shot", Some("thumb_image")));
        assert!(!goes(&enabled(r#"{"Version":["a"]}"#), "Version", None));
        assert!(goes(&enabled("null"), "Version", Some("sg_uploaded_movie")));
        assert!(!goes(&enabled("{}"), "Shot", Some("sg_uploaded_movie")));
        assert!(!goes(
            r#"{"s3_enabled_upload_types":{"*":"*"}}"#,
            "Version",
            Some("sg_uploaded_movie")
        ));
    }
}
