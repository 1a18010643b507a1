//! `delete` and `revive`: rows are retired, never destroyed.

use serde_json::{Value, json};

use super::parameters::Parameters;
use super::writer::Writer;
use super::{Call, tasks};
use crate::fault::Fault;
use crate::roles::rules::{Decision, Verb};
use crate::store::row;

pub(super) const DELETE: &str = "delete";
const REVIVE: &str = "revive";

pub(super) fn delete(call: &Call<'_>) -> Result<Value, Fault> {
    run(call, DELETE, true)
}

pub(super) fn revive(call: &Call<'_>) -> Result<Value, Fault> {
    run(call, REVIVE, false)
}

fn run(call: &Call<'_>, verb: &str, retire: bool) -> Result<Value, Fault> {
    call.write(|writer| request(writer, &Parameters::of(verb, call.parameters)?, verb, retire))
}

/// True when the row's state is another now, false when it was so before.
pub(super) fn request(writer: &Writer<'_>, parameters: &Parameters<'_>, verb: &str, retire: bool) -> Result<Value, Fault> {
    let entity_type = writer.schema.known_type(parameters.text("type")?)?;
    let id = parameters.integer("id")?;
    let guard = writer.guard();
    let check = || {
        if retire {
            guard.check_delete(entity_type, id)
        } else {
            guard.check_revive(entity_type, id)
        }
    };
    let rule = if retire { Verb::RetireEntity } else { Verb::ReviveEntity };
    // Where no row of the type may be touched, whether this one exists is no part of the answer.
    if let Decision::Deny(_) = writer.caller.role.decide(rule, &entity_type.name, "") {
        check()?;
    }
    let state = row::retired(writer.connection, entity_type, id)?;
    let Some(retired) = state else {
        return Err(Fault::no_such_row(verb, &entity_type.name, id));
    };
    if !guard.sees(entity_type, id)? {
        return Err(Fault::no_such_row(verb, &entity_type.name, id));
    }
    check()?;
    if retired == retire {
        return Ok(json!(false));
    }
    row::set_retired(writer.connection, entity_type, id, retire)?;
    let subject = writer.subject(entity_type, id)?;
    if retire {
        writer.events().retired(&subject)?;
    } else {
        writer.events().revived(&subject)?;
    }
    tasks::after_lifecycle(writer, entity_type, id, retire)?;
    Ok(json!(true))
}
