//! One thumbnail for several entities.

use super::Transfer;
use super::form::Form;
use super::upload::{Target, upload};
use crate::client::error::{Error, Result};
use crate::client::retry::Effect;
use crate::client::status::Status;

/// An entity type and id.
pub(in crate::client) type Named = (String, i64);

/// Gives entities the thumbnail of `source`, or of a file, which is then uploaded to the first of them. The id of the
/// Attachment; `None` when the source has no thumbnail.
pub(in crate::client) async fn share_thumbnail(
    transfer: &Transfer,
    mut entities: Vec<Named>,
    path: Option<&str>,
    source: Option<Named>,
    filmstrip: bool,
) -> Result<Option<i64>> {
    let client = &transfer.client;
    client.site_info().await?.require([4, 0, 0], "share_thumbnail")?;
    let (source, uploaded) = match (path, source) {
        (None, Some(source)) => (source, None),
        (Some(path), None) => {
            let (entity_type, id) = entities.remove(0);
            let attachment = upload(transfer, &Target::thumbnail(&entity_type, id, filmstrip), path).await?;
            if entities.is_empty() {
                return Ok(Some(attachment));
            }
            ((entity_type, id), Some(attachment))
        }
        _ => {
            return Err(Error::invalid_argument(
                "share_thumbnail needs either \"thumbnail_path\" or \"source_entity\"",
            ));
        }
    };
    let name = |(entity_type, id): &Named| format!("{entity_type}_{id}");
    let all: Vec<String> = entities.iter().map(name).collect();
    let form = Form::new(
        "/upload/share_thumbnail",
        Effect::Write,
        vec![
            ("entities", all.join(",")),
            ("source_entity", name(&source)),
            // The two words that the official client sends.
            ("filmstrip_thumbnail", if filmstrip { "1" } else { "False" }.to_owned()),
        ],
    );
    let shared = transfer.post(&form).await.and_then(|reply| read(&reply));
    shared.map_err(|mut error| {
        error.attachment_id = uploaded;
        error.may_have_applied |= uploaded.is_some();
        if error.server_message.as_deref().is_some_and(|text| text.starts_with('2')) {
            error.status = Status::Unavailable;
            error.retryable = true;
            error.message = "the site is still making the thumbnail; try again".to_owned();
        }
        error.retryable &= !error.may_have_applied;
        error
    })
}

/// `1:` and an id; where no number follows, the source had no thumbnail.
fn read(reply: &str) -> Result<Option<i64>> {
    let Some(rest) = reply.strip_prefix("1:") else {
        let mut error = Error::wrong_content("the site's reply does not say whether the thumbnail is shared");
        error.server_message = Some(reply.to_owned());
        error.may_have_applied = true;
        return Err(error);
    };
    Ok(rest.lines().next().and_then(|id| id.trim().parse().ok()))
}
