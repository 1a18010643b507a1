//! `schema_field_create`, `schema_field_update` and `schema_field_delete`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::parameters::Parameters;
use super::super::writer::Writer;
use super::super::{Call, rows};
use crate::events::Column;
use crate::fault::Fault;
use crate::roles::{SUDO, refusal};
use crate::schema::alteration::{Alteration, CREATABLE, made_up_name};
use crate::schema::{DataType, EntityType, Field, Schema, live};
use crate::store::ddl;
use crate::values::{self, Unfit};

const CREATE: &str = "schema_field_create";
const UPDATE: &str = "schema_field_update";
const DELETE: &str = "schema_field_delete";
const NAME: &str = "name";
const DEFAULT: &str = "default_value";
const VALID_VALUES: &str = "valid_values";
const VISIBLE: &str = "visible";
/// Fields that a type can have: a table has 2,000 columns at most, and a link takes two.
const MOST_FIELDS: usize = 900;

pub(in crate::methods) fn create(call: &Call<'_>) -> Result<Value, Fault> {
    need_administrator(call, |role| refusal::create_column(role, CREATE))?;
    let parameters = Parameters::of(CREATE, call.parameters)?;
    let entity_type = &call.schema.known_type(parameters.text("type")?)?.name;
    let data_type = data_type(&parameters)?;
    let given = properties(&parameters)?;
    let Some(display_name) = given.get(NAME).and_then(|name| name.as_str()) else {
        return Err(Fault::bad_call(CREATE, "invalid/missing string property 'name'"));
    };
    change(call, |writer, altered| {
        let owner = altered.known_type(entity_type)?;
        let name = free_name(altered, owner, display_name)?;
        let mut alteration = Alteration {
            data_type: Some(data_type.name().to_owned()),
            ..Alteration::default()
        };
        let mut field = alteration.new_field(&name).map_err(|reason| Fault::bad_call(CREATE, reason))?;
        if data_type == DataType::StatusList && !given.contains_key(VALID_VALUES) {
            field.valid_values = statuses(writer)?;
            alteration.properties.insert(VALID_VALUES.to_owned(), json!(field.valid_values));
        }
        set_all(CREATE, entity_type, &mut field, &given, &mut alteration.properties)?;
        check(CREATE, writer, altered, &field)?;
        let id = keep(writer, altered, entity_type, &name, &alteration)?;
        ddl::extend(writer.connection, altered.known_type(entity_type)?)?;
        let column = Column::new(id, entity_type, &field.name);
        writer.events().column_created(&column)?;
        Ok(json!(name))
    })
}

pub(in crate::methods) fn update(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(UPDATE, call.parameters)?;
    let (entity_type, name) = place(call, &parameters)?;
    need_administrator(call, |role| refusal::update_column(role, UPDATE, entity_type, name))?;
    let project = match rows::optional_link(&parameters, "project")? {
        None => None,
        Some(("Project", id)) => Some(id),
        Some(_) => return Err(parameters.invalid("Project", "project")),
    };
    let mut given = properties(&parameters)?;
    let visible = given.remove(VISIBLE);
    change(call, |writer, altered| {
        let mut field = existing(UPDATE, altered, entity_type, name)?.clone();
        let (_, mut alteration) = live::kept(writer.connection, entity_type, name)?.unwrap_or_default();
        let before = field.settable();
        set_all(UPDATE, entity_type, &mut field, &given, &mut alteration.properties)?;
        check(UPDATE, writer, altered, &field)?;
        if let Some(id) = project {
            rows::get(call, writer.connection, UPDATE, ("Project", id), &[])?;
        }
        let shown = visible
            .map(|value| set_visible(&mut alteration, (entity_type, &field), value, project))
            .transpose()?;
        let id = keep(writer, altered, entity_type, name, &alteration)?;
        let column = Column::new(id, entity_type, name);
        for (property, new) in &field.settable() {
            let old = before.get(property).unwrap_or(&Value::Null);
            if old != new {
                writer.events().column_changed(&column, property, old, new)?;
            }
        }
        if let Some((old, new)) = shown.filter(|(old, new)| old != new) {
            let column = Column { project, ..column };
            writer.events().column_changed(&column, VISIBLE, &json!(old), &json!(new))?;
        }
        Ok(json!(true))
    })
}

/// The field is hidden with all that is in it. Its name stays taken.
pub(in crate::methods) fn delete(call: &Call<'_>) -> Result<Value, Fault> {
    need_administrator(call, |role| refusal::delete_column(role, DELETE))?;
    let parameters = Parameters::of(DELETE, call.parameters)?;
    let (entity_type, name) = place(call, &parameters)?;
    change(call, |writer, altered| {
        let field = existing(DELETE, altered, entity_type, name)?;
        if !field.is_custom() || altered.known_type(entity_type)?.display_field == name {
            let message = format_args!("{entity_type}.{name} can't be deleted: it is not a custom field.");
            return Err(Fault::bad_call(DELETE, message));
        }
        let (_, mut alteration) = live::kept(writer.connection, entity_type, name)?.unwrap_or_default();
        alteration.deleted = true;
        let id = keep(writer, altered, entity_type, name, &alteration)?;
        // A rule that looks at the field would let nobody through any more.
        let roles = &call.site.roles;
        if let Err(reason) = roles.check(altered)
            && roles.check(writer.schema).is_ok()
        {
            let message = format!("API {DELETE}() {entity_type}.{name} can't be deleted, a permission rule names it: {reason}");
            return Err(Fault::crud(message));
        }
        writer.events().column_retired(&Column::new(id, entity_type, name))?;
        Ok(json!(true))
    })
}

/// The schema is for those who may act for everybody. Permission comes before what else could be wrong.
fn need_administrator(call: &Call<'_>, refusal: impl FnOnce(&crate::roles::rules::Role) -> Fault) -> Result<(), Fault> {
    let role = &call.caller.role;
    if role.may(SUDO) { Ok(()) } else { Err(refusal(role)) }
}

/// Runs `work` on a copy of the schema, which becomes the site's when all that was done is kept.
fn change(call: &Call<'_>, work: impl FnOnce(&Writer<'_>, &mut Schema) -> Result<Value, Fault>) -> Result<Value, Fault> {
    let live = &call.site.schema;
    call.site.store.write_then(
        |connection| {
            let current = live.current();
            let mut altered = Schema::clone(&current);
            let writer = Writer {
                schema: &current,
                caller: call.caller,
                connection,
            };
            let answer = work(&writer, &mut altered)?;
            Ok((altered, answer))
        },
        |(altered, answer)| {
            live.replace(altered);
            answer
        },
    )
}

fn keep(writer: &Writer<'_>, altered: &mut Schema, entity_type: &str, name: &str, alteration: &Alteration) -> Result<i64, Fault> {
    altered.alter(entity_type, name, alteration).map_err(Fault::argument)?;
    live::keep(writer.connection, entity_type, name, alteration)
}

/// Type and name of the field that a call is about.
fn place<'a>(call: &Call<'a>, parameters: &Parameters<'a>) -> Result<(&'a str, &'a str), Fault> {
    let entity_type = call.schema.known_type(parameters.text("type")?)?;
    Ok((&entity_type.name, parameters.text("field_name")?))
}

fn existing<'s>(verb: &str, schema: &'s Schema, entity_type: &str, name: &str) -> Result<&'s Field, Fault> {
    let field = schema.known_type(entity_type)?.field(name);
    field.ok_or_else(|| Fault::bad_call(verb, format_args!("{entity_type}.{name} doesn't exist.")))
}

fn data_type(parameters: &Parameters<'_>) -> Result<DataType, Fault> {
    let given = parameters.text("data_type")?;
    let known = CREATABLE.into_iter().find(|data_type| data_type.name() == given);
    known.ok_or_else(|| {
        let valid = CREATABLE.map(DataType::name);
        Fault::bad_call(
            CREATE,
            format_args!("invalid 'data_type': {}. Valid data types: {valid:?}", json!(given)),
        )
    })
}

/// The `properties` of a call by their names.
fn properties<'a>(parameters: &Parameters<'a>) -> Result<BTreeMap<&'a str, &'a Value>, Fault> {
    let wrong = || parameters.invalid("array of objects with 'property_name' and 'value'", "properties");
    let named = parameters.list("properties")?.iter().map(|property| {
        let name = property.get("property_name").and_then(Value::as_str).ok_or_else(wrong)?;
        Ok((name, property.get("value").unwrap_or(&Value::Null)))
    });
    named.collect()
}

/// A name that no field has: the one made up, or with a number behind it. That of a deleted field is refused.
fn free_name(schema: &Schema, owner: &EntityType, display_name: &str) -> Result<String, Fault> {
    if owner.fields.len() >= MOST_FIELDS {
        return Err(Fault::crud(format!(
            "API {CREATE}() failed, {} has {MOST_FIELDS} fields, which is as many as there can be.",
            owner.name
        )));
    }
    let wished = made_up_name(display_name);
    if schema.had_field(&owner.name, &wished) {
        return Err(Fault::argument(format!(
            "API {CREATE}() failed, there is a retired field with the same field_name: {wished}. \
             Delete the retired field forever from the Trash Page in Shotgun and try again."
        )));
    }
    let taken = |name: &String| owner.field(name).is_some() || schema.had_field(&owner.name, name);
    let numbered = (1..).map(|number| format!("{wished}_{number}"));
    let free = std::iter::once(wished.clone()).chain(numbered).find(|name| !taken(name));
    Ok(free.unwrap_or(wished))
}

/// Sets what is given, and takes down what was set.
fn set_all(
    verb: &str,
    entity_type: &str,
    field: &mut Field,
    given: &BTreeMap<&str, &Value>,
    kept: &mut Map<String, Value>,
) -> Result<(), Fault> {
    for (property, value) in given {
        let settable = field.settable();
        if !settable.contains_key(property) {
            let name = &field.name;
            return Err(if field.has_fixed(property) {
                Fault::bad_call(verb, format_args!("property '{property}' of {entity_type}.{name} is not editable"))
            } else {
                let valid: Vec<_> = settable.into_keys().collect();
                Fault::bad_call(verb, format_args!("invalid property '{property}'. Valid properties: {valid:?}"))
            });
        }
        field.set(property, value).map_err(|reason| Fault::bad_call(verb, reason))?;
    }
    for (property, value) in field.settable() {
        if given.contains_key(property) {
            kept.insert(property.to_owned(), value);
        }
    }
    Ok(())
}

/// Holds what the field says of itself against the site.
fn check(verb: &str, writer: &Writer<'_>, schema: &Schema, field: &Field) -> Result<(), Fault> {
    let wrong = |message: String| Err(Fault::bad_call(verb, message));
    let is_link = matches!(field.data_type, DataType::Entity | DataType::MultiEntity);
    if is_link && field.valid_types.is_empty() {
        return wrong("missing required property 'valid_types': Array of entity types".to_owned());
    }
    if is_link && field.is_custom() {
        for name in &field.valid_types {
            schema.known_type(name)?;
            if !schema.is_linkable(name) {
                return wrong(format!(
                    "'valid_types' value expected types that can be linked to, which {name} is not"
                ));
            }
        }
    }
    if field.data_type == DataType::StatusList {
        let known = statuses(writer)?;
        if let Some(unknown) = field.valid_values.iter().find(|value| !known.contains(value)) {
            return wrong(format!(
                "'{VALID_VALUES}' value expected codes of statuses, which '{unknown}' is not"
            ));
        }
    }
    check_default(verb, writer, field)
}

fn check_default(verb: &str, writer: &Writer<'_>, field: &Field) -> Result<(), Fault> {
    let wrong = |message: String| Err(Fault::bad_call(verb, format_args!("'{DEFAULT}' value {message}")));
    match (field.data_type, &field.default) {
        (DataType::Checkbox, Value::Bool(_)) => return Ok(()),
        (DataType::Checkbox, _) if field.is_custom() => return wrong("Only true or false allowed in checkbox".to_owned()),
        (_, Value::Null) => return Ok(()),
        (DataType::Entity | DataType::MultiEntity | DataType::Url, given) => {
            return wrong(format!("expected NilClass for {} but got {given}", field.data_type.name()));
        }
        _ => {}
    }
    match values::store_form(writer.schema, writer.connection, field, &field.default) {
        Ok(_) => Ok(()),
        Err(Unfit::Fault(fault)) => Err(fault),
        Err(Unfit::Kind(message) | Unfit::Argument(message) | Unfit::Value(message)) => wrong(message),
    }
}

/// The codes of the site's statuses, in their order.
fn statuses(writer: &Writer<'_>) -> Result<Vec<String>, Fault> {
    let mut statement = writer
        .connection
        .prepare_cached("SELECT code FROM \"t_Status\" WHERE _retired = 0 AND code IS NOT NULL ORDER BY list_order, id")?;
    let codes = statement.query_map([], |row| row.get(0))?;
    Ok(codes.collect::<Result<_, _>>()?)
}

/// Shows or hides the field in one project; says what was, and what is.
fn set_visible(
    alteration: &mut Alteration,
    (entity_type, field): (&str, &Field),
    value: &Value,
    project: Option<i64>,
) -> Result<(bool, bool), Fault> {
    if !field.is_custom() {
        let message = format_args!("property '{VISIBLE}' of {entity_type}.{} is not editable", field.name);
        return Err(Fault::bad_call(UPDATE, message));
    }
    let Some(visible) = value.as_bool() else {
        let message = format_args!("'{VISIBLE}' value expected TrueClass, FalseClass but got {value}");
        return Err(Fault::bad_call(UPDATE, message));
    };
    let Some(project) = project else {
        let message = format_args!("property '{VISIBLE}' is set for one project: missing 'project'");
        return Err(Fault::bad_call(UPDATE, message));
    };
    let before = !alteration.hidden_in.contains(&project);
    if visible {
        alteration.hidden_in.remove(&project);
    } else {
        alteration.hidden_in.insert(project);
    }
    Ok((before, visible))
}
