//! The schema: which entity types and fields the site has.

use super::entity::name_of;
use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::Value;
use crate::client::error::Result;
use crate::client::info::SiteInfo;
use crate::client::json::{Object, array};
use crate::client::retry::Effect;

const PROJECT: Param = Param::optional("project_entity", Takes::Entity, "null");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "schema_entity_read",
        summary: "Lists the entity types that the caller may see.",
        params: &[PROJECT],
        returns: "An object: for each entity type its `name` and `visible`.",
        example: r#"{"project_entity": {"type": "Project", "id": 70}}"#,
        run: Run::Rpc {
            wire: "schema_entity_read",
            effect: Effect::Read,
            build: whole,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "schema_read",
        summary: "Describes every field of every entity type.",
        params: &[PROJECT],
        returns: "An object: for each entity type its fields, as `schema_field_read` describes them.",
        example: r#"{}"#,
        run: Run::Rpc {
            wire: "schema_read",
            effect: Effect::Read,
            build: whole,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "schema_field_read",
        summary: "Describes the fields of an entity type, or one of them.",
        params: &[
            Param::required("entity_type", Takes::Text),
            Param::optional("field_name", Takes::Text, "null"),
            PROJECT,
        ],
        returns: "An object: for each field its data type, display name, editability for the caller, properties.",
        example: r#"["Shot", "sg_status_list"]"#,
        run: Run::Rpc {
            wire: "schema_field_read",
            effect: Effect::Read,
            build: fields,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "schema_field_create",
        summary: "Creates a field of an entity type and returns its name.",
        params: &[
            Param::required("entity_type", Takes::Text),
            Param::required("data_type", Takes::Text),
            Param::required("display_name", Takes::Text),
            Param::optional("properties", Takes::Object, "null"),
        ],
        returns: "The new field's name, a text.",
        example: r#"["Shot", "list", "Mood", {"valid_values": ["dark", "bright"], "description": "How it feels"}]"#,
        run: Run::Rpc {
            wire: "schema_field_create",
            effect: Effect::Write,
            build: create,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "schema_field_update",
        summary: "Changes properties of a field, for all projects or for one.",
        params: &[
            Param::required("entity_type", Takes::Text),
            Param::required("field_name", Takes::Text),
            Param::optional("properties", Takes::Object, "null"),
            PROJECT,
        ],
        returns: "`true`.",
        example: r#"["Shot", "sg_mood", {"description": "How the shot feels"}]"#,
        run: Run::Rpc {
            wire: "schema_field_update",
            effect: Effect::Write,
            build: update,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "schema_field_delete",
        summary: "Deletes a field of an entity type.",
        params: &[
            Param::required("entity_type", Takes::Text),
            Param::required("field_name", Takes::Text),
        ],
        returns: "`true`.",
        example: r#"["Shot", "sg_mood"]"#,
        run: Run::Rpc {
            wire: "schema_field_delete",
            effect: Effect::Write,
            build: delete,
            reply: Reply::AsSent,
        },
    },
];

fn whole(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    let project = project(args, info)?;
    Ok(Step::Send(
        project.map(|project| Object::new().raw("project", project.json()).finish()),
    ))
}

fn fields(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw_if("field_name", args.get("field_name").map(Value::json))
        .raw_if("project", project(args, info)?.map(Value::json));
    Ok(Step::Send(Some(object.finish())))
}

/// The display name is a property like the others, and the first.
fn create(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let name = property("name", args.need("display_name")?.json());
    let all = std::iter::once(name).chain(properties(args));
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .text("data_type", &args.text("data_type")?)
        .raw("properties", &array(all));
    Ok(Step::Send(Some(object.finish())))
}

fn update(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .text("field_name", &args.text("field_name")?)
        .raw("properties", &array(properties(args)))
        .raw_if("project", project(args, info)?.map(Value::json));
    Ok(Step::Send(Some(object.finish())))
}

fn delete(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .text("field_name", &args.text("field_name")?);
    Ok(Step::Send(Some(object.finish())))
}

fn properties(args: &Args<'_>) -> impl Iterator<Item = String> {
    let given = args.get("properties");
    given
        .into_iter()
        .flat_map(Value::children)
        .map(|value| property(&name_of(value), value.json()))
}

fn property(name: &str, json: &str) -> String {
    Object::new().text("property_name", name).raw("value", json).finish()
}

fn project<'d>(args: &Args<'d>, info: &SiteInfo) -> Result<Option<Value<'d>>> {
    let project = args.get("project_entity");
    if project.is_some() {
        info.require([5, 4, 4], "project_entity")?;
    }
    Ok(project)
}
