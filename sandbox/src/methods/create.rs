//! `create`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use rusqlite::types::Value as SqlValue;
use serde_json::{Map, Value, json};

use super::keys::{KEY_FIELD, issue_key};
use super::parameters::{FieldValue, Parameters};
use super::writer::{Assignment, Writer, quote_fields, text_value};
use super::{Call, tasks};
use crate::auth::identity;
use crate::events::EVENT_LOG;
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::preferences;
use crate::schema::{DataType, EntityType, Storage};
use crate::store::row::{self, Columns, LinkMode};
use crate::values::{Stored, default_of};

pub(super) const VERB: &str = "create";

pub(super) fn run(call: &Call<'_>) -> Result<Value, Fault> {
    call.write(|writer| request(writer, &Parameters::of(VERB, call.parameters)?))
}

/// One create, alone or in a batch.
pub(super) fn request(writer: &Writer<'_>, parameters: &Parameters<'_>) -> Result<Value, Fault> {
    let entity_type = writer.schema.known_type(parameters.text("type")?)?;
    let given = parameters.fields()?;
    let return_fields = parameters.names("return_fields")?;
    let id = create(writer, entity_type, &given)?;
    let mut answered: BTreeSet<String> = given.iter().map(|value| value.name.to_owned()).collect();
    answered.extend(return_fields);
    let answered: Vec<String> = answered.into_iter().collect();
    let mut reply = writer.answer(entity_type, id, &answered)?;
    if entity_type.name == "ApiUser" {
        reply.insert(KEY_FIELD.to_owned(), json!(issue_key(writer, id)?));
    }
    Ok(Value::Object(reply))
}

/// Makes the row, its links and its events, and gives its id.
pub(crate) fn create<'a>(writer: &Writer<'a>, entity_type: &'a EntityType, given: &[FieldValue<'_>]) -> Result<i64, Fault> {
    writer.guard().check_create(entity_type)?;
    let fields = writer.writable_fields(VERB, entity_type, given, None)?;
    let mut assignments: BTreeMap<&'a str, Assignment<'a>> = BTreeMap::new();
    for (field, value) in fields.into_iter().zip(given) {
        let stored = writer.store_form(VERB, entity_type, field, value.value)?;
        let assignment = Assignment {
            field,
            stored,
            mode: LinkMode::Set,
        };
        assignments.insert(&field.name, assignment);
    }
    check_mandatory(entity_type, given, &assignments)?;
    add_defaults(writer, entity_type, &mut assignments)?;
    identity::check_activation(
        writer.caller,
        entity_type,
        assignments.get("sg_status_list").map(|status| &status.stored),
        None,
    )?;
    let id = insert(writer, entity_type, &assignments)?;
    for assignment in assignments.values() {
        writer.write_elsewhere(VERB, entity_type, id, assignment)?;
    }
    name_the_nameless(writer, entity_type, id, &assignments)?;
    for field in entity_type.fields.values() {
        writer.check_unique(VERB, entity_type, id, field)?;
    }
    if let Some(unborn) = tasks::unborn(entity_type) {
        let assignments: Vec<&Assignment<'a>> = assignments.values().collect();
        tasks::after_write(writer, VERB, entity_type, (id, &unborn), &assignments)?;
    }
    // A rule that looks at the row can be asked only now that there is one.
    writer.guard().check_created(entity_type, id)?;
    log(writer, entity_type, id, &assignments)?;
    Ok(id)
}

fn check_mandatory(entity_type: &EntityType, given: &[FieldValue<'_>], assignments: &BTreeMap<&str, Assignment<'_>>) -> Result<(), Fault> {
    for field in entity_type.fields.values().filter(|field| field.mandatory) {
        let present = assignments
            .get(field.name.as_str())
            .is_some_and(|assignment| !matches!(assignment.stored, Stored::Scalar(SqlValue::Null) | Stored::Link(None)));
        if !present {
            return Err(Fault::bad_call(
                VERB,
                format_args!("missing '{}' attribute: {}", field.name, quote_fields(entity_type, given)),
            ));
        }
    }
    Ok(())
}

/// What is not given gets the schema's default; roles get the site preference's.
fn add_defaults<'a>(
    writer: &Writer<'a>,
    entity_type: &'a EntityType,
    assignments: &mut BTreeMap<&'a str, Assignment<'a>>,
) -> Result<(), Fault> {
    for field in entity_type.fields.values() {
        if field.storage != Storage::Column || assignments.contains_key(field.name.as_str()) {
            continue;
        }
        let value = if field.name == "permission_rule_set" {
            default_role(writer, &entity_type.name)?
        } else {
            default_of(field)
        };
        if value.is_null() {
            continue;
        }
        let stored = writer.store_form(VERB, entity_type, field, &value)?;
        let assignment = Assignment {
            field,
            stored,
            mode: LinkMode::Set,
        };
        assignments.insert(&field.name, assignment);
    }
    Ok(())
}

/// The role that the site's preferences give to new scripts and people.
fn default_role(writer: &Writer<'_>, entity_type: &str) -> Result<Value, Fault> {
    let name = if entity_type == "ApiUser" {
        preferences::DEFAULT_SCRIPT_ROLE
    } else {
        preferences::DEFAULT_PERSON_ROLE
    };
    let code = preferences::read(writer.connection, name)?;
    let Some(code) = code.as_ref().and_then(Value::as_str) else {
        return Ok(Value::Null);
    };
    let id: i64 = writer
        .connection
        .prepare_cached("SELECT id FROM roles WHERE code = ?1")?
        .query_row([code], |row| row.get(0))
        .map_err(|_| Fault::argument(format!("The preference '{name}' names no role: '{code}'.")))?;
    Ok(json!({"type": "PermissionRuleSet", "id": id}))
}

fn insert<'a>(writer: &Writer<'a>, entity_type: &'a EntityType, assignments: &BTreeMap<&str, Assignment<'a>>) -> Result<i64, Fault> {
    let mut columns = Columns::default();
    for assignment in assignments.values() {
        columns.put_stored(&assignment.field.name, &assignment.stored);
    }
    let unset = |name: &str| entity_type.field(name).is_some() && !assignments.contains_key(name);
    let now = format_date_time(Utc::now());
    for name in ["created_at", "updated_at"] {
        if unset(name) {
            columns.put(name, SqlValue::Text(now.clone()));
        }
    }
    let me = writer.caller.link();
    for name in ["created_by", "updated_by"] {
        if unset(name) {
            columns.put_link(name, me.as_ref());
        }
    }
    // An entry that a client makes is its own, as the ones that the site makes.
    if entity_type.name == EVENT_LOG && unset("user") {
        columns.put_link("user", me.as_ref());
    }
    row::insert(writer.connection, entity_type, &columns)
}

/// A row without a code is called `New Shot 17`.
fn name_the_nameless(
    writer: &Writer<'_>,
    entity_type: &EntityType,
    id: i64,
    assignments: &BTreeMap<&str, Assignment<'_>>,
) -> Result<(), Fault> {
    let has_code = matches!(
        assignments.get("code").map(|assignment| &assignment.stored),
        Some(Stored::Scalar(SqlValue::Text(_)))
    );
    if entity_type.display_field != "code" || has_code {
        return Ok(());
    }
    let name = format!("New {} {id}", entity_type.display_name);
    let mut columns = Columns::default();
    columns.put("code", text_value(Some(name)));
    row::update(writer.connection, entity_type, id, &columns)
}

fn log<'a>(writer: &Writer<'a>, entity_type: &'a EntityType, id: i64, assignments: &BTreeMap<&str, Assignment<'a>>) -> Result<(), Fault> {
    if entity_type.name == EVENT_LOG || !writer.caller.leaves_events() {
        return Ok(());
    }
    let set: Vec<String> = assignments
        .iter()
        .filter(|(_, assignment)| assignment.field.data_type != DataType::Password)
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let names = tasks::with_moved(entity_type, &set);
    let fields: BTreeMap<String, _> = names
        .iter()
        .filter_map(|name| Some((name.clone(), entity_type.field(name)?)))
        .collect();
    let after = writer.current(entity_type, id, &names)?;
    let subject = writer.subject(entity_type, id)?;
    writer.log_changes(&subject, &fields, &Map::new(), &after, true)?;
    writer.events().created(&subject)
}
