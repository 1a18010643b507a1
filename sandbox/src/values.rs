//! What each field type takes on a write, and the form it is kept in.

use chrono::NaiveDate;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::files;
use crate::filter::dates;
use crate::filter::relations::{class_name, inspect};
use crate::schema::{DataType, Field, Schema};

/// Largest amount of a currency field, and of a float field.
const CURRENCY_LIMIT: f64 = 9_999_999_999_999.99;
const FLOAT_LIMIT: f64 = 999_999_999.999_999;
/// What stands in a Task's color for "as the pipeline step".
const STEP_COLOR: &str = "pipeline_step";
/// Names that a Task's color may be given by, and the colors they are kept as.
const COLOR_NAMES: [(&str, &str); 8] = [
    ("blue", "2,149,216"),
    ("orange", "253,141,3"),
    ("pink", "254,125,179"),
    ("red", "253,1,0"),
    ("green", "29,215,46"),
    ("purple", "183,0,188"),
    ("grey", "129,129,129"),
    ("black", "45,45,45"),
];

/// A value ready to be kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stored {
    Scalar(SqlValue),
    Link(Option<(String, i64)>),
    Links(Vec<(String, i64)>),
    /// A web link or a local file, of which an Attachment is made when the row is there.
    File(Value),
    /// A password in the clear, on its way to being hashed.
    Secret(Option<String>),
}

/// Why a value was not taken.
pub(crate) enum Unfit {
    /// The wrong kind of JSON value: an argument error.
    Kind(String),
    /// An argument error that sites tell without the name of the field.
    Argument(String),
    /// The right kind, a bad value.
    Value(String),
    Fault(Fault),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

pub(crate) fn wrong_kind(expected: &str, value: &Value) -> Unfit {
    Unfit::Kind(expectation(expected, value))
}

/// The words for a value of the wrong kind, in writes and in filters.
pub(crate) fn expectation(expected: &str, value: &Value) -> String {
    format!(
        "expected [{expected}] data type(s) but got {}: {}",
        class_name(value),
        inspect(value)
    )
}

fn bad(message: impl Into<String>) -> Unfit {
    Unfit::Value(message.into())
}

/// The kinds of JSON value that a data type takes, in the words of the site's messages; in filters as in writes.
pub(crate) fn kinds(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Number => "String, Integer, NilClass",
        DataType::Duration => "String, Integer, NilClass, Float",
        DataType::Percent | DataType::Timecode => "Integer, NilClass",
        DataType::Float | DataType::Currency => "String, Integer, Float, NilClass",
        DataType::Checkbox => "String, FalseClass, TrueClass",
        DataType::Entity | DataType::Image | DataType::Url => "Hash, NilClass",
        DataType::Serializable => "Hash, Array, NilClass",
        DataType::MultiEntity | DataType::Addressing => "Array",
        DataType::TagList => "Array, NilClass",
        _ => "String, NilClass",
    }
}

/// Checks a value from the wire and puts it into the form in which it is kept.
pub(crate) fn store_form(schema: &Schema, connection: &Connection, field: &Field, value: &Value) -> Result<Stored, Unfit> {
    if value.is_null() {
        return empty_form(field);
    }
    let data_type = field.data_type;
    let scalar = match data_type {
        DataType::Text | DataType::SystemTaskType | DataType::Uuid => text(value)?,
        DataType::EntityType => type_name(schema, value)?,
        DataType::Number | DataType::Timecode | DataType::Percent | DataType::Duration => match number(data_type, value)? {
            SqlValue::Integer(number) if i32::try_from(number).is_err() => {
                return Err(bad(format!("integer out of range: {}", inspect(value))));
            }
            number => number,
        },
        DataType::Float | DataType::Currency => decimal(data_type, value)?,
        DataType::Footage => footage(value)?,
        DataType::Color => color(field, value)?,
        DataType::Checkbox => SqlValue::Integer(i64::from(checkbox(value)?)),
        DataType::Date => date(value)?,
        DataType::DateTime => date_time(value)?,
        DataType::List | DataType::StatusList => choice(field, value)?,
        DataType::Entity => return Ok(Stored::Link(Some(link(schema, connection, field, value)?))),
        DataType::MultiEntity | DataType::Addressing => return links(schema, connection, field, value),
        DataType::TagList => tag_list(value)?,
        DataType::Image => return Err(no_image(field, value)),
        DataType::Url => return Ok(Stored::File(files::normalise(connection, value)?)),
        DataType::Serializable => match value {
            Value::Object(_) | Value::Array(_) => SqlValue::Text(value.to_string()),
            _ => return Err(wrong_kind(kinds(data_type), value)),
        },
        DataType::Password => match value {
            Value::String(secret) => return Ok(Stored::Secret(Some(secret.clone()))),
            // The value is not quoted: it may be most of a password.
            _ => {
                let message = format!("expected [{}] data type(s) but got {}", kinds(data_type), class_name(value));
                return Err(Unfit::Kind(message));
            }
        },
        DataType::PivotColumn | DataType::Summary => {
            let message = format!("of data type '{}' not supported in API", data_type.name());
            return Err(Unfit::Argument(message));
        }
    };
    Ok(Stored::Scalar(scalar))
}

/// What null means to a field: no value. A checkbox and a list of links always have one.
fn empty_form(field: &Field) -> Result<Stored, Unfit> {
    Ok(match field.data_type {
        DataType::Entity => Stored::Link(None),
        DataType::MultiEntity | DataType::Addressing | DataType::Checkbox => {
            return Err(wrong_kind(kinds(field.data_type), &Value::Null));
        }
        DataType::Color if takes_step_color(field) => return Err(bad("Value cannot be nil.")),
        DataType::Password => Stored::Secret(None),
        _ => Stored::Scalar(SqlValue::Null),
    })
}

fn string(value: &Value) -> Result<&str, Unfit> {
    value.as_str().ok_or_else(|| wrong_kind("String, NilClass", value))
}

/// Text is kept without surrounding white space; what is empty then is no text at all.
fn text(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?.trim();
    Ok(if text.is_empty() {
        SqlValue::Null
    } else {
        SqlValue::Text(text.to_owned())
    })
}

fn type_name(schema: &Schema, value: &Value) -> Result<SqlValue, Unfit> {
    let name = string(value)?;
    if name.is_empty() || schema.entity_type(name).is_some() {
        return text(value);
    }
    let valid = quoted(schema.types().map(|entity_type| entity_type.name.as_str()));
    Err(bad(format!("'{name}' is not a valid entity type. Valid entity types: {valid}.")))
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// What is the right kind of JSON value for a data type and no value of it all the same.
fn invalid_data(data_type: DataType, value: &str) -> Unfit {
    bad(format!("Invalid data for '{}' data type. Value: {value}", data_type.name()))
}

/// A number as it is kept: some types take texts that hold one, and a duration loses its fraction.
pub(crate) fn number(data_type: DataType, value: &Value) -> Result<SqlValue, Unfit> {
    if matches!(data_type, DataType::Float | DataType::Currency) {
        return real(data_type, value).map(SqlValue::Real);
    }
    let expected = kinds(data_type);
    match value {
        Value::Number(number) if !number.is_f64() => number
            .as_i64()
            .map(SqlValue::Integer)
            .ok_or_else(|| bad(format!("integer out of range: {number}"))),
        Value::Number(number) if data_type == DataType::Duration => {
            let minutes = number.as_f64().unwrap_or_default().trunc();
            // Far from the limits of what a float can tell apart, so that what is too large is refused as such.
            Ok(SqlValue::Integer(minutes.clamp(-1e15, 1e15) as i64))
        }
        Value::String(text) if expected.contains("String") => match text.trim().parse::<i64>() {
            Ok(number) => Ok(SqlValue::Integer(number)),
            Err(_) => Err(invalid_data(data_type, text)),
        },
        _ => Err(wrong_kind(expected, value)),
    }
}

/// Floats have six decimals, compared as they are kept.
fn real(data_type: DataType, value: &Value) -> Result<f64, Unfit> {
    let number = match value {
        Value::String(text) => text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(|| invalid_data(data_type, text))?,
        _ => value.as_f64().ok_or_else(|| wrong_kind(kinds(data_type), value))?,
    };
    Ok(if data_type == DataType::Float && number.abs() <= FLOAT_LIMIT {
        (number * 1e6).round() / 1e6
    } else {
        number
    })
}

fn decimal(data_type: DataType, value: &Value) -> Result<SqlValue, Unfit> {
    let number = real(data_type, value)?;
    let limit = if data_type == DataType::Float {
        FLOAT_LIMIT
    } else {
        CURRENCY_LIMIT
    };
    if number.abs() > limit {
        return Err(bad(format!("{} is out of range (±{limit})", inspect(value))));
    }
    Ok(SqlValue::Real(number))
}

/// True, false, or one of the words for them.
pub(crate) fn checkbox(value: &Value) -> Result<bool, Unfit> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) => match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(invalid_data(DataType::Checkbox, text)),
        },
        _ => Err(wrong_kind(kinds(DataType::Checkbox), value)),
    }
}

/// `FF-ff`: feet and frames.
fn footage(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    if text.is_empty() {
        return Ok(SqlValue::Null);
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((feet, frames)) if digits(feet) && digits(frames) => Ok(SqlValue::Text(text.to_owned())),
        _ => Err(invalid_data(DataType::Footage, &format!("{text}. Correct format is FF-ff"))),
    }
}

/// True for the color fields that can follow the pipeline step: their default says so.
fn takes_step_color(field: &Field) -> bool {
    field.default == STEP_COLOR
}

/// `r,g,b` in decimal; for a Task's color also [`STEP_COLOR`] and the names.
fn color(field: &Field, value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    if takes_step_color(field) {
        let named = COLOR_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, kept)) = named {
            return Ok(SqlValue::Text((*kept).to_owned()));
        }
        if text == STEP_COLOR {
            return Ok(SqlValue::Text(text.to_owned()));
        }
    }
    let parts: Vec<&str> = text.split(',').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let why = if parts.len() == 1 {
        "Value is not a valid color token"
    } else if parts.len() != 3 {
        "The value is not a valid color expression"
    } else if !parts.iter().all(digits) {
        "At least one component value is not valid"
    } else if !parts.iter().all(|part| part.parse::<u8>().is_ok()) {
        "At least one component value is out of range"
    } else {
        return Ok(SqlValue::Text(text.to_owned()));
    };
    Err(bad(format!(
        "{why}: [{text}]. The expected format is r,g,b where the values of r, g and b are in the range 0-255."
    )))
}

fn date(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    if text.is_empty() {
        return Ok(SqlValue::Null);
    }
    let date: NaiveDate = dates::parse_date(text).ok_or_else(|| bad(dates::invalid_date(text)))?;
    Ok(SqlValue::Text(date.to_string()))
}

fn date_time(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    let moment = dates::parse_date_time(text).ok_or_else(|| bad(dates::invalid_date_time(text)))?;
    Ok(SqlValue::Text(dates::format_date_time(moment)))
}

fn choice(field: &Field, value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    if text.is_empty() {
        return Ok(SqlValue::Null);
    }
    if field.valid_values.iter().any(|valid| valid == text) {
        return Ok(SqlValue::Text(text.to_owned()));
    }
    let (one, many) = if field.data_type == DataType::StatusList {
        ("status", "Valid statuses")
    } else {
        ("list value", "Valid list values")
    };
    let valid = quoted(field.valid_values.iter().map(String::as_str));
    Err(bad(format!("'{text}' is not a valid {one}. {many}: {valid}.")))
}

fn tag_list(value: &Value) -> Result<SqlValue, Unfit> {
    let Value::Array(tags) = value else {
        return Err(wrong_kind(kinds(DataType::TagList), value));
    };
    for tag in tags {
        string(tag)?;
    }
    Ok(SqlValue::Text(value.to_string()))
}

/// Images are uploaded; a value can only be taken away.
fn no_image(field: &Field, value: &Value) -> Unfit {
    match value {
        Value::Object(object) if object.contains_key("type") => {
            let name = &field.name;
            Unfit::Argument(format!("Write access of the 'image' data type ({name}) not yet supported in API"))
        }
        Value::Object(_) => Unfit::Argument(format!("invalid/missing entity hash string 'type': {}", inspect(value))),
        _ => wrong_kind(kinds(DataType::Image), value),
    }
}

/// Type and id of a link, in a write or in a filter. The text says what is missing.
pub(crate) fn type_and_id<'v>(schema: &Schema, value: &'v Value) -> Result<(&'v str, i64), String> {
    let Value::Object(object) = value else {
        return Err(format!("invalid/missing entity hash: {}", inspect(value)));
    };
    let name = object.get("type").and_then(Value::as_str);
    let Some(name) = name.filter(|name| schema.entity_type(name).is_some()) else {
        let valid: Vec<&str> = schema.types().map(|entity_type| entity_type.name.as_str()).collect();
        return Err(format!(
            "invalid/missing entity hash string 'type': {} Valid entity types: {valid:?}",
            inspect(value)
        ));
    };
    match object.get("id").and_then(Value::as_i64) {
        Some(id) => Ok((name, id)),
        None => Err(format!("invalid/missing entity hash integer 'id': {}", inspect(value))),
    }
}

/// A link needs type and id, the type must be one that the field takes, and the row must live.
fn link(schema: &Schema, connection: &Connection, field: &Field, value: &Value) -> Result<(String, i64), Unfit> {
    if !field.data_type.is_multi_link() && !value.is_object() {
        return Err(wrong_kind(kinds(DataType::Entity), value));
    }
    let (entity_type, id) = type_and_id(schema, value).map_err(Unfit::Argument)?;
    if !field.valid_types.iter().any(|valid| valid == entity_type) {
        return Err(bad(match field.valid_types.as_slice() {
            [one] => format!("{one} expected, got {entity_type}"),
            many => format!("Value is not legal. One of {} expected, got {entity_type}", many.join(", ")),
        }));
    }
    let alive = connection
        .prepare_cached("SELECT 1 FROM directory WHERE type = ?1 AND id = ?2 AND retired = 0")?
        .query_row((entity_type, id), |_| Ok(()))
        .optional()?;
    if alive.is_none() {
        return Err(bad(format!(
            "Value is not legal. Entity of type [{entity_type}] with id={id} does not exist."
        )));
    }
    Ok((entity_type.to_owned(), id))
}

fn links(schema: &Schema, connection: &Connection, field: &Field, value: &Value) -> Result<Stored, Unfit> {
    let Value::Array(values) = value else {
        return Err(wrong_kind(kinds(field.data_type), value));
    };
    let mut links = Vec::new();
    for value in values {
        let link = link(schema, connection, field, value)?;
        if !links.contains(&link) {
            links.push(link);
        }
    }
    Ok(Stored::Links(links))
}

/// The value that a field of a new row has when none was given.
pub(crate) fn default_of(field: &Field) -> Value {
    match (&field.default, field.data_type) {
        (Value::Null, DataType::Checkbox) => json!(false),
        (default, _) => default.clone(),
    }
}
