//! `create`, `update`, `delete` and `revive`.

use std::borrow::Cow;

use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::{Document, Key, Kind, Value, shorten, shown};
use crate::client::error::{Error, Result};
use crate::client::filters::trim_field;
use crate::client::info::SiteInfo;
use crate::client::json::{Object, ROOM, push_list, quote};
use crate::client::retry::Effect;
use crate::client::rpc::Call;
use crate::client::transfer::{Thumbnail, Transfer, set_thumbnails};

use super::find::return_fields;

const IMAGE: &str = "image";
const FILMSTRIP: &str = "filmstrip_image";

const ENTITY_TYPE: Param = Param::required("entity_type", Takes::Text);
const ENTITY_ID: Param = Param::required("entity_id", Takes::Id);
const DATA: Param = Param::required("data", Takes::Object);

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "create",
        summary: "Creates an entity and returns it with the fields that were set.",
        params: &[ENTITY_TYPE, DATA, Param::optional("return_fields", Takes::Texts, "null")],
        returns: "The entity with `type`, `id`, the fields that were set and those asked for.",
        example: r#"{"entity_type": "Version", "data": {"project": {"type": "Project", "id": 70}, "code": "SQ010_0010_comp_v001"}, "return_fields": ["code", "sg_status_list"]}"#,
        run: Run::Save {
            wire: "create",
            build: create,
        },
    },
    Method {
        name: "update",
        summary: "Changes fields of an entity and returns them.",
        params: &[
            ENTITY_TYPE,
            ENTITY_ID,
            DATA,
            Param::optional("multi_entity_update_modes", Takes::Object, "null"),
        ],
        returns: "The entity with `type`, `id` and the fields that were changed.",
        example: r#"["Shot", 862, {"sg_status_list": "ip", "assets": [{"type": "Asset", "id": 1226}]}, {"assets": "add"}]"#,
        run: Run::Save {
            wire: "update",
            build: update,
        },
    },
    Method {
        name: "delete",
        summary: "Retires an entity; false when it was retired already.",
        params: &[ENTITY_TYPE, ENTITY_ID],
        returns: "`true`, or `false` when it was retired already.",
        example: r#"["Shot", 862]"#,
        run: Run::Rpc {
            wire: "delete",
            effect: Effect::Write,
            build: one_row,
            reply: Reply::Flag,
        },
    },
    Method {
        name: "revive",
        summary: "Brings a retired entity back; false when it was not retired.",
        params: &[ENTITY_TYPE, ENTITY_ID],
        returns: "`true`, or `false` when it was not retired.",
        example: r#"["Shot", 862]"#,
        run: Run::Rpc {
            wire: "revive",
            effect: Effect::Write,
            build: one_row,
            reply: Reply::Flag,
        },
    },
];

fn one_row(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw("id", args.need("entity_id")?.json());
    Ok(Step::Send(Some(object.finish())))
}

fn create(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let fields = fields_to_create(args.need("data")?);
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw("fields", &fields)
        .raw("return_fields", return_fields(args.get("return_fields")));
    Ok(Step::Send(Some(object.finish())))
}

fn update(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let modes = Modes::new(args.get("multi_entity_update_modes"), args.need("data")?)
        .map_err(|problem| args.wrong_inside("multi_entity_update_modes", &problem))?;
    let (entity_type, id) = (args.text("entity_type")?, args.need("entity_id")?.json());
    let fields = fields_to_update(args.need("data")?, &modes);
    if fields == "[]" {
        return Ok(Step::Answer(Object::new().raw("id", id).text("type", &entity_type).finish()));
    }
    let object = Object::new().text("type", &entity_type).raw("id", id).raw("fields", &fields);
    Ok(Step::Send(Some(object.finish())))
}

/// Writes the fields, then uploads the thumbnails that stand among them.
pub(super) async fn save(
    transfer: &Transfer,
    args: &Args<'_>,
    wire: &str,
    build: fn(&Args<'_>, &SiteInfo) -> Result<Step>,
) -> Result<Document> {
    let client = &transfer.client;
    let info = client.site_info().await?;
    let thumbnails = thumbnails(args.need("data")?)?;
    if thumbnails.iter().any(|thumbnail| thumbnail.field == FILMSTRIP) {
        info.require([3, 1, 0], "a filmstrip thumbnail")?;
    }
    let step = build(args, info)?;
    // A file that cannot be sent must be known before the fields are written.
    for thumbnail in &thumbnails {
        thumbnail.check().await?;
    }
    let record = match step {
        Step::Answer(text) => super::local_answer(text)?,
        Step::Send(params) => {
            let sent = client
                .rpc(Call::new(wire, params.as_deref(), Effect::Write), client.deadline())
                .await;
            let sent = sent.map_err(|error| super::complete(error, args))?;
            super::written(super::received(sent, &Reply::Record, args).and_then(with_id))?
        }
    };
    if thumbnails.is_empty() {
        return Ok(record);
    }
    let id = id_of(&record)?;
    set_thumbnails(transfer, record, (&args.text("entity_type")?, id), &thumbnails).await
}

fn id_of(record: &Document) -> Result<i64> {
    let id = record.root().get("id").and_then(|id| id.as_i64().ok());
    id.ok_or_else(|| Error::wrong_content("the site's record has no id"))
}

/// What was written is a row, and rows have ids.
fn with_id(record: Document) -> Result<Document> {
    id_of(&record).map(|_| record)
}

/// Thumbnails are uploaded, not written.
pub(super) fn thumbnails(data: Value<'_>) -> Result<Vec<Thumbnail>> {
    let given = |field: &'static str| {
        data.get(field)
            .filter(|value| value.kind() != Kind::Null)
            .map(|value| (field, value))
    };
    let both = [given(IMAGE), given(FILMSTRIP)];
    let thumbnail = |(field, value): (&'static str, Value<'_>)| match value.as_str().filter(|path| !path.is_empty()) {
        Some(path) => Ok(Thumbnail {
            field,
            path: path.into_owned(),
        }),
        None => Err(Error::invalid_argument(format!(
            "data[\"{field}\"] must be the path of an image, or null"
        ))),
    };
    both.into_iter().flatten().map(thumbnail).collect()
}

/// `null` creates no thumbnail.
fn fields_to_create(data: Value<'_>) -> String {
    fields(data.children().filter(|value| !is_thumbnail(&name_of(*value))), |text, value| {
        push_field(text, value, value.json(), None);
    })
}

/// `image: null` clears the thumbnail; a filmstrip cannot be cleared by itself.
fn fields_to_update(data: Value<'_>, modes: &Modes<'_>) -> String {
    let is_written = |name: &str, value: Value<'_>| !is_thumbnail(name) || (name == IMAGE && value.kind() == Kind::Null);
    fields(
        data.children().filter(|value| is_written(&name_of(*value), *value)),
        |text, value| {
            push_field(text, value, &trim_field(value), modes.of(value));
        },
    )
}

fn fields<'d>(values: impl Iterator<Item = Value<'d>>, push: impl Fn(&mut String, Value<'d>)) -> String {
    let mut text = String::with_capacity(ROOM);
    push_list(&mut text, values, push);
    text
}

/// The name of a member.
pub(super) fn name_of(member: Value<'_>) -> Cow<'_, str> {
    member.key().map(Key::as_str).unwrap_or_default()
}

pub(in crate::client) fn is_thumbnail(name: &str) -> bool {
    matches!(name, IMAGE | FILMSTRIP)
}

/// `{"field_name", "value"}` of the wire.
pub(in crate::client) fn field(name: &str, json: &str) -> String {
    let mut text = String::with_capacity(ROOM);
    push_named_field(&mut text, &quote(name), json, None);
    text
}

/// Appends the wire's field for a member of the data, whose value is this JSON, with its mode where it has one.
pub(super) fn push_field(to: &mut String, member: Value<'_>, json: &str, mode: Option<Value<'_>>) {
    push_named_field(to, &member.key().map(Key::quoted).unwrap_or_default(), json, mode);
}

fn push_named_field(to: &mut String, name: &str, json: &str, mode: Option<Value<'_>>) {
    to.push_str(r#"{"field_name":"#);
    to.push_str(name);
    to.push_str(r#","value":"#);
    to.push_str(json);
    if let Some(mode) = mode {
        to.push_str(r#","multi_entity_update_mode":"#);
        to.push_str(mode.json());
    }
    to.push('}');
}

/// Whether it says how the links of a multi-entity field are changed.
pub(super) fn is_mode(value: Value<'_>) -> bool {
    ["set", "add", "remove"].iter().any(|known| value.is_str(known))
}

/// How the links of multi-entity fields are changed, by field.
pub(super) struct Modes<'d>(Option<Value<'d>>);

impl<'d> Modes<'d> {
    pub(super) fn new(given: Option<Value<'d>>, data: Value<'_>) -> std::result::Result<Modes<'d>, String> {
        let Some(modes) = given else { return Ok(Modes(None)) };
        if modes.kind() != Kind::Object {
            return Err(format!(" must be an object, or null, not {}", modes.kind().with_article()));
        }
        for mode in modes.children() {
            // A mode that is not taken for what it is meant for would let "set" remove every other link.
            if data.get(&name_of(mode)).is_none() {
                return Err(format!("[{}] names no field of the data", quote(&shorten(&name_of(mode)))));
            }
            if !is_mode(mode) {
                return Err(format!(
                    "[{}] must be \"set\", \"add\" or \"remove\", not {}",
                    quote(&shorten(&name_of(mode))),
                    shown(mode)
                ));
            }
        }
        Ok(Modes(given))
    }

    /// The wire's field for a member of the data, whose value is this JSON.
    pub(super) fn field(&self, member: Value<'_>, json: &str) -> String {
        let mut text = String::with_capacity(ROOM);
        push_field(&mut text, member, json, self.of(member));
        text
    }

    /// The mode that is given for a member of the data.
    pub(super) fn of(&self, member: Value<'_>) -> Option<Value<'d>> {
        self.0.and_then(|modes| modes.get(&name_of(member)))
    }
}
