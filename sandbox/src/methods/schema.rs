//! The schema calls.

use serde_json::{Map, Value};

use super::Call;
use super::parameters::Parameters;
use crate::fault::Fault;
use crate::roles::refusal;
use crate::roles::rules::{Decision, Verb};
use crate::schema::{EntityType, Field};

pub(super) fn entity_read(call: &Call<'_>) -> Result<Value, Fault> {
    check_project(call, "schema_entity_read")?;
    let types = readable_types(call).map(|entity_type| (entity_type.name.clone(), entity_type.render()));
    Ok(Value::Object(types.collect()))
}

pub(super) fn read(call: &Call<'_>) -> Result<Value, Fault> {
    check_project(call, "schema_read")?;
    let mut schema = Map::new();
    for entity_type in readable_types(call) {
        schema.insert(entity_type.name.clone(), fields(call, entity_type, None));
    }
    Ok(Value::Object(schema))
}

pub(super) fn field_read(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "schema_field_read";
    check_project(call, VERB)?;
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
    let found = fields(call, entity_type, only);
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

fn fields(call: &Call<'_>, entity_type: &EntityType, only: Option<&str>) -> Value {
    let role = &call.caller.role;
    let shown = |field: &&Field| {
        only.is_none_or(|name| name == field.name)
            && !matches!(role.decide(Verb::ReadField, &entity_type.name, &field.name), Decision::Deny(_))
    };
    let rendered = entity_type.fields.values().filter(shown).map(|field| {
        // Rules can look at the row: "editable" is false only where no row's could be updated.
        let decision = role.decide(Verb::UpdateField, &entity_type.name, &field.name);
        let permitted = !matches!(decision, Decision::Deny(_));
        (field.name.clone(), field.render(entity_type, permitted))
    });
    Value::Object(rendered.collect())
}

/// `project` narrows visibility to one project; here all fields are visible in every one.
fn check_project(call: &Call<'_>, verb: &str) -> Result<(), Fault> {
    let parameters = Parameters::of(verb, call.parameters)?;
    match parameters.get("project") {
        Some(project) if project.get("id").and_then(Value::as_i64).is_none() => Err(parameters.invalid("entity", "project")),
        _ => Ok(()),
    }
}
