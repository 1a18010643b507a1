//! Searching, navigating, and reading what was said and done.

use super::entity::name_of;
use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::{Kind, Value, shorten};
use crate::client::error::Result;
use crate::client::filters;
use crate::client::info::SiteInfo;
use crate::client::json::{Object, quote};
use crate::client::retry::Effect;

const ENTITY_FIELDS: Param = Param::optional("entity_fields", Takes::Object, "null");
const SEED: Param = Param::optional("seed_entity_field", Takes::Any, "null");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "text_search",
        summary: "Finds entities of several types whose names hold the words.",
        params: &[
            Param::required("text", Takes::AnyText),
            Param::required("entity_types", Takes::Object),
            Param::optional("project_ids", Takes::Ids, "null"),
            Param::optional("limit", Takes::Count, "null"),
        ],
        returns: "An object with `matches` and `terms`.",
        example: r#"{"text": "bunny", "entity_types": {"Asset": [["sg_asset_type", "is", "Character"]], "Task": []}, "limit": 5}"#,
        run: Run::Rpc {
            wire: "query_display_name_cache",
            effect: Effect::Read,
            build: text_search,
            reply: Reply::Record,
        },
    },
    Method {
        name: "activity_stream_read",
        summary: "Reads what happened around an entity, newest first.",
        params: &[
            Param::required("entity_type", Takes::Text),
            Param::required("entity_id", Takes::Id),
            ENTITY_FIELDS,
            Param::optional("min_id", Takes::Count, "null"),
            Param::optional("max_id", Takes::Count, "null"),
            Param::optional("limit", Takes::Count, "null"),
        ],
        returns: "An object: `entity_type`, `entity_id`, `updates`, `earliest_update_id`, `latest_update_id`.",
        example: r#"{"entity_type": "Shot", "entity_id": 862, "limit": 20}"#,
        run: Run::Rpc {
            wire: "activity_stream",
            effect: Effect::Read,
            build: activity_stream,
            reply: Reply::Record,
        },
    },
    Method {
        name: "note_thread_read",
        summary: "Reads a note with its replies and attachments.",
        params: &[Param::required("note_id", Takes::Id), ENTITY_FIELDS],
        returns: "An array: the Note, its Replies and its Attachments.",
        example: r#"[6013, {"Note": ["created_by.HumanUser.image"]}]"#,
        run: Run::Rpc {
            wire: "note_thread_contents",
            effect: Effect::Read,
            build: note_thread,
            reply: Reply::Records,
        },
    },
    Method {
        name: "nav_expand",
        summary: "Expands a path of the project navigation.",
        params: &[
            Param::required("path", Takes::AnyText),
            SEED,
            Param::optional("entity_fields", Takes::Any, "null"),
        ],
        returns: "An object that describes the path and its children.",
        example: r#"["/Project/70"]"#,
        run: Run::Rpc {
            wire: "nav_expand",
            effect: Effect::Read,
            build: nav_expand,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "nav_search_string",
        summary: "Searches the project navigation for a text.",
        params: &[
            Param::required("root_path", Takes::AnyText),
            Param::required("search_string", Takes::AnyText),
            SEED,
        ],
        returns: "An array of paths.",
        example: r#"["/Project/70", "bunny"]"#,
        run: Run::Rpc {
            wire: "nav_search",
            effect: Effect::Read,
            build: nav_search_string,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "nav_search_entity",
        summary: "Searches the project navigation for an entity.",
        params: &[
            Param::required("root_path", Takes::AnyText),
            Param::required("entity", Takes::Entity),
            SEED,
        ],
        returns: "An array of paths.",
        example: r#"["/Project/70", {"type": "Asset", "id": 1226}]"#,
        run: Run::Rpc {
            wire: "nav_search",
            effect: Effect::Read,
            build: nav_search_entity,
            reply: Reply::AsSent,
        },
    },
];

fn text_search(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([6, 2, 0], "text_search")?;
    let mut types = Object::new();
    for conditions in args.need("entity_types")?.children() {
        let name = name_of(conditions);
        if conditions.kind() != Kind::Array {
            let problem = format!(
                "[{}] must be an array of conditions, not {}",
                quote(&shorten(&name)),
                conditions.kind().with_article()
            );
            return Err(args.wrong_inside("entity_types", &problem));
        }
        let place = |problem: String| args.wrong_inside("entity_types", &format!("[{}]{problem}", quote(&shorten(&name))));
        let mut wire = String::new();
        filters::translate(&mut wire, conditions, "and").map_err(place)?;
        types = types.raw(&name, &wire);
    }
    let object = Object::new()
        .raw("text", args.need("text")?.json())
        .raw("entity_types", &types.finish())
        .raw("project_ids", given_or(args, "project_ids", "[]"))
        .raw("max_results", given_or(args, "limit", "null"));
    Ok(Step::Send(Some(object.finish())))
}

fn activity_stream(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([6, 2, 0], "activity_stream_read")?;
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw("id", args.need("entity_id")?.json())
        .raw("max_id", given_or(args, "max_id", "null"))
        .raw("min_id", given_or(args, "min_id", "null"))
        .raw("limit", given_or(args, "limit", "null"))
        .raw("entity_fields", given_or(args, "entity_fields", "{}"));
    Ok(Step::Send(Some(object.finish())))
}

fn note_thread(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([6, 2, 0], "note_thread_read")?;
    let object = Object::new()
        .raw("note_id", args.need("note_id")?.json())
        .raw("entity_fields", given_or(args, "entity_fields", "{}"));
    Ok(Step::Send(Some(object.finish())))
}

fn nav_expand(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let object = Object::new()
        .raw("path", args.need("path")?.json())
        .raw("seed_entity_field", given_or(args, "seed_entity_field", "null"))
        .raw("entity_fields", given_or(args, "entity_fields", "null"));
    Ok(Step::Send(Some(object.finish())))
}

fn nav_search_string(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    nav_search(args, "search_string")
}

fn nav_search_entity(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    nav_search(args, "entity")
}

/// The criterion has the name of the parameter that it comes from.
fn nav_search(args: &Args<'_>, criterion: &str) -> Result<Step> {
    let criteria = Object::new().raw(criterion, args.need(criterion)?.json()).finish();
    let object = Object::new()
        .raw("root_path", args.need("root_path")?.json())
        .raw("seed_entity_field", given_or(args, "seed_entity_field", "null"))
        .raw("search_criteria", &criteria);
    Ok(Step::Send(Some(object.finish())))
}

fn given_or<'d>(args: &Args<'d>, name: &str, otherwise: &'d str) -> &'d str {
    args.get(name).map_or(otherwise, Value::json)
}
