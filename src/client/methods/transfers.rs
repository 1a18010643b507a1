//! Files: what of `client::transfer` the vocabulary has names for.

use super::{Args, Method, Param, Run, Takes, local_answer};
use crate::client::document::{Document, Kind, Value};
use crate::client::error::{Error, Result};
use crate::client::transfer::{Target, Transfer, Wanted, address, download, share_thumbnail, upload};

const ENTITY_TYPE: Param = Param::required("entity_type", Takes::Text);
const ENTITY_ID: Param = Param::required("entity_id", Takes::Id);
const PATH: Param = Param::required("path", Takes::Text);
const DISPLAY_NAME: Param = Param::optional("display_name", Takes::AnyText, "null");
const TAG_LIST: Param = Param::optional("tag_list", Takes::AnyText, "null");
const CREATED_AT: Param = Param::optional("created_at", Takes::Time, "null");

/// Which method of this area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    Upload,
    Thumbnail { filmstrip: bool },
    ShareThumbnail,
    Download,
    DownloadUrl,
}

impl Kinds {
    pub(super) fn writes(self) -> bool {
        !matches!(self, Kinds::Download | Kinds::DownloadUrl)
    }
}

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "upload",
        summary: "Uploads a regular file that is not empty to an entity, or to one of its fields. A leading ~ in the path is the person's own folder.",
        params: &[
            ENTITY_TYPE,
            ENTITY_ID,
            PATH,
            Param::optional("field_name", Takes::Text, "null"),
            DISPLAY_NAME,
            TAG_LIST,
            CREATED_AT,
        ],
        returns: "The id of the new Attachment.",
        example: r#"{"entity_type": "Version", "entity_id": 6944, "path": "/renders/SQ010_0010.mov", "field_name": "sg_uploaded_movie"}"#,
        run: Run::Transfer(Kinds::Upload),
    },
    Method {
        name: "upload_thumbnail",
        summary: "Uploads an image as the thumbnail of an entity. The site makes the thumbnail from it some time later.",
        params: &[ENTITY_TYPE, ENTITY_ID, PATH, DISPLAY_NAME, TAG_LIST, CREATED_AT],
        returns: "The id of the new Attachment.",
        example: r#"["Version", 6944, "/renders/SQ010_0010.png"]"#,
        run: Run::Transfer(Kinds::Thumbnail { filmstrip: false }),
    },
    Method {
        name: "upload_filmstrip_thumbnail",
        summary: "Uploads an image as the filmstrip of an entity's thumbnail.",
        params: &[ENTITY_TYPE, ENTITY_ID, PATH, DISPLAY_NAME, TAG_LIST, CREATED_AT],
        returns: "The id of the new Attachment.",
        example: r#"["Version", 6944, "/renders/SQ010_0010_strip.png"]"#,
        run: Run::Transfer(Kinds::Thumbnail { filmstrip: true }),
    },
    Method {
        name: "share_thumbnail",
        summary: "Gives several entities one thumbnail: that of another entity, or an image file.",
        params: &[
            Param::required("entities", Takes::Objects),
            Param::optional("thumbnail_path", Takes::Text, "null"),
            Param::optional("source_entity", Takes::Entity, "null"),
            Param::optional("filmstrip_thumbnail", Takes::Flag, "false"),
        ],
        returns: "The id of the Attachment, or null when the source has no thumbnail.",
        example: r#"{"entities": [{"type": "Shot", "id": 862}, {"type": "Task", "id": 5117}], "source_entity": {"type": "Version", "id": 6944}}"#,
        run: Run::Transfer(Kinds::ShareThumbnail),
    },
    Method {
        name: "download_attachment",
        summary: "Downloads an attachment (an id, an object with url, or with type and id) to a file, which is replaced when the whole of it has come, with the permissions that it has; until then the content is beside it in a file `.NAME.HEX.part`.",
        params: &[
            Param::optional("attachment", Takes::Any, "null"),
            Param::optional("file_path", Takes::Text, "null"),
            Param::optional("attachment_id", Takes::Id, "null"),
        ],
        returns: "The path. Without a path the content, in base64. Null for an attachment whose address is null.",
        example: r#"{"attachment": {"type": "Attachment", "id": 4271}, "file_path": "/tmp/SQ010_0010.mov"}"#,
        run: Run::Transfer(Kinds::Download),
    },
    Method {
        name: "get_attachment_download_url",
        summary: "Tells the address from which an attachment is downloaded.",
        params: &[Param::required("attachment", Takes::Any)],
        returns: "The address, or null where the attachment has none.",
        example: r#"[{"type": "Attachment", "id": 4271}]"#,
        run: Run::Transfer(Kinds::DownloadUrl),
    },
];

pub(super) async fn run(transfer: &Transfer, args: &Args<'_>, kind: Kinds) -> Result<Document> {
    match kind {
        Kinds::Upload | Kinds::Thumbnail { .. } => {
            let id = upload(transfer, &target(args, kind)?, &args.text("path")?).await?;
            local_answer(id.to_string())
        }
        Kinds::ShareThumbnail => {
            let id = share(transfer, args).await?;
            local_answer(id.map_or("null".to_owned(), |id| id.to_string()))
        }
        Kinds::Download => {
            let Some(url) = address(transfer.client.connection.transport.site(), attachment(args)?)? else {
                return local_answer("null".to_owned());
            };
            let path = args.get("file_path").and_then(Value::as_str);
            let wanted = Wanted::new(url, attachment(args)?, path.as_deref());
            local_answer(download(transfer, &wanted, path.as_deref()).await?)
        }
        Kinds::DownloadUrl => {
            let url = address(transfer.client.connection.transport.site(), attachment(args)?)?;
            local_answer(url.map_or("null".to_owned(), |url| crate::client::json::quote(url.as_str())))
        }
    }
}

/// The attachment that a download is about: `false` and null stand for none, and then its id must be given.
pub(super) fn attachment<'d>(args: &Args<'d>) -> Result<Value<'d>> {
    let given = args
        .get("attachment")
        .filter(|given| given.kind() != Kind::Bool && given.kind() != Kind::Null);
    given.or_else(|| args.get("attachment_id")).ok_or_else(|| {
        args.wrong(
            "attachment",
            "is missing: give an id, or an object with \"url\" or with \"type\" and \"id\"",
        )
    })
}

pub(super) fn target(args: &Args<'_>, kind: Kinds) -> Result<Target> {
    let text = |name: &str| args.get(name).and_then(Value::as_str).map(std::borrow::Cow::into_owned);
    let (entity_type, id) = (args.text("entity_type")?, args.need("entity_id")?.as_i64()?);
    Ok(match kind {
        Kinds::Thumbnail { filmstrip } => Target {
            created_at: text("created_at"),
            ..Target::thumbnail(&entity_type, id, filmstrip)
        },
        _ => Target {
            entity_type: entity_type.into_owned(),
            entity_id: id,
            field_name: text("field_name"),
            display_name: text("display_name"),
            tag_list: text("tag_list"),
            created_at: text("created_at"),
        },
    })
}

async fn share(transfer: &Transfer, args: &Args<'_>) -> Result<Option<i64>> {
    let named = |entity: Value<'_>| -> Result<(String, i64)> {
        let entity_type = entity.get("type").and_then(Value::as_str);
        let id = entity.get("id").and_then(|id| id.as_i64().ok());
        let both = entity_type.map(std::borrow::Cow::into_owned).zip(id);
        both.ok_or_else(|| Error::invalid_argument("share_thumbnail: each entity needs \"type\" and \"id\""))
    };
    let entities: Result<Vec<_>> = args.need("entities")?.children().map(named).collect();
    let entities = entities?;
    if entities.is_empty() {
        return Err(args.wrong("entities", "names no entity"));
    }
    let path = args.get("thumbnail_path").and_then(Value::as_str);
    let source = args.get("source_entity").map(named).transpose()?;
    share_thumbnail(transfer, entities, path.as_deref(), source, args.flag("filmstrip_thumbnail", false)).await
}
