//! The schema: which entity types and fields the site has.

use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::Value;
use crate::client::error::Result;
use crate::client::info::SiteInfo;
use crate::client::json::Object;
use crate::client::retry::Effect;

const PROJECT: Param = Param::optional("project_entity", Takes::Entity, "null");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "schema_entity_read",
        summary: "Lists the entity types that the caller may see.",
        params: &[PROJECT],
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
        run: Run::Rpc {
            wire: "schema_field_read",
            effect: Effect::Read,
            build: fields,
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

fn project<'d>(args: &Args<'d>, info: &SiteInfo) -> Result<Option<Value<'d>>> {
    let project = args.get("project_entity");
    if project.is_some() {
        info.require([5, 4, 4], "project_entity")?;
    }
    Ok(project)
}
