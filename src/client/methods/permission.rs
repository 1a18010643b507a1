//! `permission_check`: whether the role allows something, asked beforehand.

use super::entity::{Modes, field, is_thumbnail, name_of};
use super::{Args, Method, Param, Run, Takes};
use crate::client::Client;
use crate::client::document::{Document, Value};
use crate::client::error::Result;
use crate::client::filters::trim_field;
use crate::client::preflight::{self, Asked, Operation, Question};

pub(super) const METHODS: &[Method] = &[Method {
    name: "permission_check",
    summary: "Tells whether the caller's role allows an operation, for the whole and for each field, and changes nothing.",
    params: &[
        Param::required("operation", Takes::Text),
        Param::required("entity_type", Takes::Text),
        Param::optional("entity_id", Takes::Id, "null"),
        Param::optional("fields", Takes::Texts, "null"),
        Param::optional("data", Takes::Object, "null"),
        Param::optional("multi_entity_update_modes", Takes::Object, "null"),
        Param::optional("dry_run", Takes::Flag, "true"),
    ],
    returns: "An object with `allowed` (`\"yes\"`, `\"no\"` or `\"depends\"`), `reason`, `role`, `rule_id`, `rule`, `message`, \
              and `fields` with the same for each field; [permissions.md](permissions.md) has all of it.",
    example: r#"{"operation": "update", "entity_type": "Shot", "entity_id": 862, "fields": ["sg_status_list", "description"]}"#,
    run: Run::PermissionCheck,
}];

pub(super) async fn run(client: &Client, args: &Args<'_>) -> Result<Document> {
    super::local_answer(preflight::answer(client, question(args)?).await?)
}

/// What the arguments ask.
pub(super) fn question(args: &Args<'_>) -> Result<Question> {
    let name = args.text("operation")?;
    let known = Operation::ALL.into_iter().find(|operation| operation.name() == name);
    let operation = known.ok_or_else(|| {
        let all = Operation::ALL.map(Operation::name).join(", ");
        args.wrong("operation", &format!("must be one of {all}, not \"{name}\""))
    })?;
    let id = args.get("entity_id").and_then(|id| id.as_i64().ok());
    if operation == Operation::Create && id.is_some() {
        return Err(args.wrong("entity_id", "does not go with create: there is no row yet"));
    }
    let data = args.get("data");
    if data.is_some() && !matches!(operation, Operation::Create | Operation::Update) {
        return Err(args.wrong("data", "goes with create and update only"));
    }
    let mut fields = data.map_or(Ok(Vec::new()), |data| given(args, operation, data))?;
    for name in args.get("fields").into_iter().flat_map(Value::children).filter_map(Value::as_str) {
        if name.is_empty() {
            return Err(args.wrong("fields", "holds an empty name"));
        }
        if !fields.iter().any(|field: &Asked| field.name == name) {
            fields.push(Asked {
                name: name.into_owned(),
                wire: None,
            });
        }
    }
    Ok(Question {
        operation,
        entity_type: args.text("entity_type")?.into_owned(),
        id,
        fields,
        has_data: data.is_some(),
        dry_run: args.flag("dry_run", true),
    })
}

/// The values to be written, as the real call would send them. A thumbnail is uploaded, not written: only whether its field
/// may be changed is asked.
fn given(args: &Args<'_>, operation: Operation, data: Value<'_>) -> Result<Vec<Asked>> {
    let modes = Modes::new(args.get("multi_entity_update_modes"), data)
        .map_err(|problem| args.wrong_inside("multi_entity_update_modes", &problem))?;
    let asked = data.children().map(|value| {
        let name = name_of(value);
        let wire = match operation {
            _ if is_thumbnail(&name) => field(&name, "null"),
            Operation::Create => field(&name, value.json()),
            _ => modes.field(value, &trim_field(value)),
        };
        Asked {
            name: name.into_owned(),
            wire: Some(wire),
        }
    });
    Ok(asked.collect())
}
