//! `batch`: many writes that are applied together or not at all.

use std::borrow::Cow;

use super::entity::{Modes, field, name_of};
use super::find::return_fields;
use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::{Kind, Value, shorten};
use crate::client::error::{Error, Result};
use crate::client::info::SiteInfo;
use crate::client::json::Object;
use crate::client::retry::Effect;

pub(super) const METHODS: &[Method] = &[Method {
    name: "batch",
    summary: "Makes several creates, updates and deletes in one transaction.",
    params: &[Param::required("requests", Takes::Objects)],
    returns: "An array with what each request would have returned by itself, in order.",
    example: r#"[[{"request_type": "create", "entity_type": "Shot", "data": {"code": "SQ010_0020", "project": {"type": "Project", "id": 70}}}, {"request_type": "update", "entity_type": "Shot", "entity_id": 862, "data": {"sg_status_list": "fin"}}, {"request_type": "delete", "entity_type": "Shot", "entity_id": 863}]]"#,
    run: Run::Rpc {
        wire: "batch",
        effect: Effect::Write,
        build,
        reply: Reply::Answers,
    },
}];

fn build(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let requests = args.need("requests")?;
    if requests.count() == 0 {
        return Ok(Step::Answer("[]".to_owned()));
    }
    let mut all = String::with_capacity(requests.json().len() * 2);
    for (index, each) in requests.children().enumerate() {
        all.push(if index == 0 { '[' } else { ',' });
        all = request(all, each).map_err(|problem| args.wrong_inside("requests", &format!("[{index}]{problem}")))?;
    }
    all.push(']');
    Ok(Step::Send(Some(all)))
}

/// Fails unless there is an answer to each request: a record, or for a delete whether it did something.
pub(super) fn check(requests: Value<'_>, answers: Value<'_>) -> Result<()> {
    let fits = |(request, answer): (Value<'_>, Value<'_>)| match request.get("request_type").is_some_and(|kind| kind.is_str("delete")) {
        true => answer.kind() == Kind::Bool,
        false => answer.get("id").is_some_and(|id| id.as_i64().is_ok()),
    };
    let whole = answers.kind() == Kind::Array && answers.count() == requests.count();
    if whole && requests.children().zip(answers.children()).all(fits) {
        return Ok(());
    }
    Err(Error::wrong_content("the site's reply does not answer each request of the batch"))
}

/// One request, behind a text. Unlike those of `update`, its entities are sent whole, and thumbnails are plain values.
fn request(behind: String, given: Value<'_>) -> std::result::Result<String, String> {
    let kind = text(given, "request_type")?;
    let allowed: &[&str] = match &*kind {
        "create" => &["request_type", "entity_type", "data", "return_fields"],
        "update" => &[
            "request_type",
            "entity_type",
            "entity_id",
            "data",
            "multi_entity_update_modes",
            "multi_entity_update_mode",
        ],
        "delete" => &["request_type", "entity_type", "entity_id"],
        other => {
            return Err(format!(
                ".request_type must be \"create\", \"update\" or \"delete\", not \"{}\"",
                shorten(other)
            ));
        }
    };
    if let Some(unknown) = given.children().map(name_of).find(|name| !allowed.contains(&name.as_ref())) {
        return Err(format!(
            " has an unknown key \"{}\"; a {kind} takes {}",
            shorten(&unknown),
            allowed.join(", ")
        ));
    }
    let object = Object::behind(behind)
        .text("request_type", &kind)
        .text("type", &text(given, "entity_type")?);
    Ok(match &*kind {
        "create" => object
            .list("fields", data(given)?.children(), |text, value| {
                field(text, &name_of(value), value.json())
            })
            .raw("return_fields", return_fields(texts(given, "return_fields")?))
            .finish(),
        "update" => {
            let modes = given.get("multi_entity_update_modes").filter(|modes| modes.kind() != Kind::Null);
            let modes = Modes::new(modes, data(given)?).map_err(|problem| format!(".multi_entity_update_modes{problem}"))?;
            object
                .raw("id", id(given)?.json())
                .list("fields", data(given)?.children(), |text, value| {
                    modes.field(text, &name_of(value), value.json())
                })
                .raw_if("multi_entity_update_mode", given.get("multi_entity_update_mode").map(Value::json))
                .finish()
        }
        _ => object.raw("id", id(given)?.json()).finish(),
    })
}

fn text<'d>(given: Value<'d>, name: &str) -> std::result::Result<Cow<'d, str>, String> {
    let found = given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| format!(" needs \"{name}\", a text"))
}

fn id(given: Value<'_>) -> std::result::Result<Value<'_>, String> {
    given
        .get("entity_id")
        .filter(|id| id.as_i64().is_ok_and(|id| id >= 1))
        .ok_or_else(|| " needs \"entity_id\", a whole number from 1".to_owned())
}

fn data(given: Value<'_>) -> std::result::Result<Value<'_>, String> {
    given
        .get("data")
        .filter(|data| data.kind() == Kind::Object)
        .ok_or_else(|| " needs \"data\", an object of fields".to_owned())
}

fn texts<'d>(given: Value<'d>, name: &str) -> std::result::Result<Option<Value<'d>>, String> {
    match given.get(name) {
        Some(list) if list.kind() == Kind::Array && list.children().all(|each| each.kind() == Kind::String) => Ok(Some(list)),
        Some(other) if other.kind() != Kind::Null => Err(format!(".{name} must be an array of texts, not {}", other.kind().with_article())),
        _ => Ok(None),
    }
}

/// Operation, entity type and id of a request.
pub(super) fn subject(request: Value<'_>) -> (String, String, Option<i64>) {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default().into_owned();
    (
        text("request_type"),
        text("entity_type"),
        request.get("entity_id").and_then(|id| id.as_i64().ok()),
    )
}
