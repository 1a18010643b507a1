//! The schema calls.

mod write;

use serde_json::{Map, Value};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::roles::refusal;
use crate::roles::rules::{Decision, Verb};
use crate::schema::{EntityType, Field};
pub(super) use write::{create, delete, update};

pub(super) fn entity_read(call: &Call<'_>) -> Result<Value, Fault> {
    project_of(call, "schema_entity_read")?;
    let types = readable_types(call).map(|entity_type| (entity_type.name.clone(), entity_type.render()));
    Ok(Value::Object(types.collect()))
}

pub(super) fn read(call: &Call<'_>) -> Result<Value, Fault> {
    let project = project_of(call, "schema_read")?;
    let mut schema = Map::new();
    for entity_type in readable_types(call) {
        schema.insert(entity_type.name.clone(), fields(call, entity_type, None, project));
    }
    Ok(Value::Object(schema))
}

pub(super) fn field_read(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "schema_field_read";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let entity_type = call.schema.known_type(parameters.text("type")?)?;
    let role = &call.caller.role;
    if let Decision::Deny(_) = role.decide(Verb::ReadEntity, &entity_type.name, "") {
        return Err(refusal::read(role, VERB, &entity_type.name));
    }
    let only = match parameters.get("field_name") {
        None => None,
        Some(_) => Some(parameters.text("field_name")?),
    };
    let found = fields(call, entity_type, only, project_of(call, VERB)?);
    match (only, &found) {
        (Some(name), Value::Object(found)) if found.is_empty() => {
            Err(Fault::bad_call(VERB, format_args!("{}.{name} doesn't exist.", entity_type.name)))
        }
        _ => Ok(found),
    }
}

/// Every type that is listed can be read: those that the role keeps from the caller are not.
fn readable_types<'a>(call: &'a Call<'_>) -> impl Iterator<Item = &'a EntityType> {
    call.schema
        .types()
        .filter(|entity_type| !matches!(call.caller.role.decide(Verb::ReadEntity, &entity_type.name, ""), Decision::Deny(_)))
}

fn fields(call: &Call<'_>, entity_type: &EntityType, only: Option<&str>, project: Option<i64>) -> Value {
    let role = &call.caller.role;
    let shown = |field: &&Field| {
        only.is_none_or(|name| name == field.name)
            && !matches!(role.decide(Verb::ReadField, &entity_type.name, &field.name), Decision::Deny(_))
    };
    let rendered = entity_type.fields.values().filter(shown).map(|field| {
        // Rules can look at the row: "editable" is false only where no row's could be updated.
        let decision = role.decide(Verb::UpdateField, &entity_type.name, &field.name);
        let permitted = !matches!(decision, Decision::Deny(_));
        (field.name.clone(), field.render(entity_type, permitted, project))
    });
    Value::Object(rendered.collect())
}

/// The project whose view of the schema is asked for: fields can be hidden in it. No type is hidden anywhere.
fn project_of(call: &Call<'_>, verb: &str) -> Result<Option<i64>, Fault> {
    let parameters = Parameters::of(verb, call.parameters)?;
    let Some(project) = parameters.get("project") else {
        return Ok(None);
    };
    // Some clients send no type: it can be no other.
    let is_project = project.get("type").is_none_or(|kind| kind == "Project");
    let id = project.get("id").and_then(Value::as_i64).filter(|_| is_project);
    let id = id.ok_or_else(|| parameters.invalid("Project", "project"))?;
    call.site
        .store
        .read(|connection| rows::get(call, connection, verb, ("Project", id), &[]).map(|_| Some(id)))
}
