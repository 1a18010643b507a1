//! `update`.

use std::collections::BTreeMap;

use chrono::Utc;
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::parameters::{FieldValue, Parameters};
use super::writer::{Assignment, Writer};
use super::{Call, tasks};
use crate::auth::identity;
use crate::events::EVENT_LOG;
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::schema::EntityType;
use crate::store::row::{self, Columns};

pub(super) const VERB: &str = "update";

pub(super) fn run(call: &Call<'_>) -> Result<Value, Fault> {
    call.write(|writer| request(writer, &Parameters::of(VERB, call.parameters)?))
}

/// One update, alone or in a batch.
pub(super) fn request(writer: &Writer<'_>, parameters: &Parameters<'_>) -> Result<Value, Fault> {
    let entity_type = writer.schema.known_type(parameters.text("type")?)?;
    let id = parameters.integer("id")?;
    let given = parameters.fields()?;
    update(writer, entity_type, id, &given)?;
    let mut answered: Vec<String> = given.iter().map(|value| value.name.to_owned()).collect();
    answered.extend(parameters.names("return_fields")?);
    Ok(Value::Object(writer.answer(entity_type, id, &answered)?))
}

fn update<'a>(writer: &Writer<'a>, entity_type: &'a EntityType, id: i64, given: &[FieldValue<'_>]) -> Result<(), Fault> {
    for field in given.iter().filter_map(|value| entity_type.field(value.name)) {
        writer.guard().check_ever_updates(entity_type, &field.name)?;
    }
    let exists = row::retired(writer.connection, entity_type, id)? == Some(false) && writer.guard().sees(entity_type, id)?;
    if !exists {
        return Err(Fault::no_such_row(VERB, &entity_type.name, id));
    }
    let fields = writer.writable_fields(VERB, entity_type, given, Some(id))?;
    let named: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let names = tasks::with_moved(entity_type, &named);
    let by_name: BTreeMap<String, _> = names
        .iter()
        .filter_map(|name| Some((name.clone(), entity_type.field(name)?)))
        .collect();
    let before = writer.current(entity_type, id, &names)?;
    let task = tasks::before(writer, entity_type, id)?;
    let mut columns = Columns::default();
    let mut assignments = Vec::new();
    for (field, value) in fields.into_iter().zip(given) {
        let stored = writer.store_form(VERB, entity_type, field, value.value)?;
        if field.name == "sg_status_list" {
            identity::check_activation(writer.caller, entity_type, Some(&stored), before.get("sg_status_list"))?;
        }
        columns.put_stored(&field.name, &stored);
        assignments.push(Assignment {
            field,
            stored,
            mode: value.mode,
        });
    }
    if entity_type.field("updated_at").is_some() {
        columns.put("updated_at", SqlValue::Text(format_date_time(Utc::now())));
        columns.put_link("updated_by", writer.caller.link().as_ref());
    }
    row::update(writer.connection, entity_type, id, &columns)?;
    for assignment in &assignments {
        writer.write_elsewhere(VERB, entity_type, id, assignment)?;
        writer.check_unique(VERB, entity_type, id, assignment.field)?;
    }
    if let Some(task) = &task {
        let assignments: Vec<&Assignment<'a>> = assignments.iter().collect();
        tasks::after_write(writer, VERB, entity_type, (id, task), &assignments)?;
    }
    if entity_type.name == EVENT_LOG || !writer.caller.leaves_events() {
        return Ok(());
    }
    let after = writer.current(entity_type, id, &names)?;
    let subject = writer.subject(entity_type, id)?;
    writer.log_changes(&subject, &by_name, &before, &after, false)
}
