//! `create`, `update`, `delete` and `revive`.

use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::{Kind, Value};
use crate::client::error::{Error, Result};
use crate::client::filters::trim_field;
use crate::client::info::SiteInfo;
use crate::client::json::{Object, array, quote};
use crate::client::retry::Effect;
use crate::client::status::Status;

use super::find::return_fields;

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
        run: Run::Rpc {
            wire: "create",
            effect: Effect::Write,
            build: create,
            reply: Reply::Record,
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
        run: Run::Rpc {
            wire: "update",
            effect: Effect::Write,
            build: update,
            reply: Reply::Record,
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
            reply: Reply::AsSent,
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
            reply: Reply::AsSent,
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
    let fields = fields_to_create(args.need("data")?)?;
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw("fields", &fields)
        .raw("return_fields", &return_fields(args.get("return_fields")));
    Ok(Step::Send(Some(object.finish())))
}

fn update(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let modes =
        Modes::new(args.get("multi_entity_update_modes")).map_err(|problem| args.wrong_inside("multi_entity_update_modes", &problem))?;
    let (entity_type, id) = (args.text("entity_type")?, args.need("entity_id")?.json());
    let fields = fields_to_update(args.need("data")?, &modes)?;
    if fields.is_empty() {
        return Ok(Step::Answer(Object::new().raw("id", id).text("type", &entity_type).finish()));
    }
    let object = Object::new().text("type", &entity_type).raw("id", id).raw("fields", &array(fields));
    Ok(Step::Send(Some(object.finish())))
}

/// Thumbnails are uploaded, not written, and `null` creates none.
fn fields_to_create(data: Value<'_>) -> Result<String> {
    let mut fields = Vec::with_capacity(data.count());
    for value in data.children() {
        let name = name_of(value);
        match is_thumbnail(&name) {
            true if value.kind() == Kind::Null => {}
            true => return Err(no_upload(&name)),
            false => fields.push(field(&name, value.json())),
        }
    }
    Ok(array(fields))
}

/// `image: null` clears the thumbnail; a filmstrip cannot be cleared by itself.
fn fields_to_update(data: Value<'_>, modes: &Modes<'_>) -> Result<Vec<String>> {
    let mut fields = Vec::with_capacity(data.count());
    for value in data.children() {
        let name = name_of(value);
        match (is_thumbnail(&name), value.kind()) {
            (true, Kind::Null) if name == "filmstrip_image" => continue,
            (true, Kind::Null) | (false, _) => fields.push(modes.field(&name, &trim_field(value))),
            (true, _) => return Err(no_upload(&name)),
        }
    }
    Ok(fields)
}

/// The name of a member.
pub(super) fn name_of(member: Value<'_>) -> String {
    member.key().and_then(Value::as_str).unwrap_or_default().into_owned()
}

fn is_thumbnail(name: &str) -> bool {
    matches!(name, "image" | "filmstrip_image")
}

fn no_upload(name: &str) -> Error {
    Error::new(
        Status::Unsupported,
        format!("this version of the library cannot upload, so \"{name}\" can be set to null only"),
    )
}

/// `{"field_name", "value"}` of the wire.
pub(super) fn field(name: &str, json: &str) -> String {
    Object::new().text("field_name", name).raw("value", json).finish()
}

/// How the links of multi-entity fields are changed, by field.
pub(super) struct Modes<'d>(Option<Value<'d>>);

impl<'d> Modes<'d> {
    pub(super) fn new(given: Option<Value<'d>>) -> std::result::Result<Modes<'d>, String> {
        for mode in given.into_iter().flat_map(Value::children) {
            if !["set", "add", "remove"].iter().any(|known| mode.is_str(known)) {
                return Err(format!(
                    "[{}] must be \"set\", \"add\" or \"remove\", not {}",
                    quote(&name_of(mode)),
                    mode.json()
                ));
            }
        }
        Ok(Modes(given))
    }

    /// The wire's field with its mode, where one is given for it.
    pub(super) fn field(&self, name: &str, json: &str) -> String {
        let mode = self.0.and_then(|modes| modes.get(name));
        Object::new()
            .text("field_name", name)
            .raw("value", json)
            .raw_if("multi_entity_update_mode", mode.map(Value::json))
            .finish()
    }
}
