//! What each field type takes on a write, and the form it is kept in.

use chrono::NaiveDate;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::files;
use crate::filter::dates;
use crate::filter::relations::class_name;
use crate::schema::{DataType, Field};

/// Largest amount of a currency field, and of a float field.
const CURRENCY_LIMIT: f64 = 9_999_999_999_999.99;
const FLOAT_LIMIT: f64 = 999_999_999.999_999;

/// A value ready to be kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stored {
    Scalar(SqlValue),
    Link(Option<(String, i64)>),
    Links(Vec<(String, i64)>),
    /// A password in the clear, on its way to being hashed.
    Secret(Option<String>),
}

/// Why a value was not taken.
pub(crate) enum Unfit {
    /// The wrong kind of JSON value: an argument error.
    Kind(String),
    /// The right kind, a bad value.
    Value(String),
    Fault(Fault),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

fn wrong_kind(expected: &str, value: &Value) -> Unfit {
    Unfit::Kind(format!("expected [{expected}] data type(s) but got {}: {value}", class_name(value)))
}

fn bad(message: impl Into<String>) -> Unfit {
    Unfit::Value(message.into())
}

/// Checks a value from the wire and puts it into the form in which it is kept.
pub(crate) fn store_form(connection: &Connection, field: &Field, value: &Value) -> Result<Stored, Unfit> {
    if value.is_null() {
        return Ok(empty_form(field));
    }
    let scalar = match field.data_type {
        DataType::Text | DataType::EntityType | DataType::SystemTaskType => text(value)?,
        DataType::Uuid => text(value)?,
        DataType::Number | DataType::Timecode => integer(value, "String, Integer, NilClass")?,
        DataType::Percent | DataType::Duration => integer(value, "String, Integer, NilClass")?,
        DataType::Float => decimal(value, FLOAT_LIMIT)?,
        DataType::Currency => decimal(value, CURRENCY_LIMIT)?,
        DataType::Footage => footage(value)?,
        DataType::Color => color(value)?,
        DataType::Checkbox => match value {
            Value::Bool(flag) => SqlValue::Integer(i64::from(*flag)),
            _ => return Err(wrong_kind("TrueClass, FalseClass, NilClass", value)),
        },
        DataType::Date => date(value)?,
        DataType::DateTime => date_time(value)?,
        DataType::List | DataType::StatusList => choice(field, value)?,
        DataType::Entity => return Ok(Stored::Link(Some(link(connection, field, value)?))),
        DataType::MultiEntity | DataType::Addressing => {
            return links(connection, field, value);
        }
        DataType::TagList => tag_list(value)?,
        DataType::Image => {
            return Err(bad("an image can only be set to null here; thumbnails are uploaded"));
        }
        DataType::Url => SqlValue::Text(files::normalise(connection, value)?.to_string()),
        DataType::Serializable => match value {
            Value::Object(_) | Value::Array(_) => SqlValue::Text(value.to_string()),
            _ => return Err(wrong_kind("Hash, NilClass", value)),
        },
        DataType::Password => match value {
            Value::String(secret) => return Ok(Stored::Secret(Some(secret.clone()))),
            _ => {
                // The value is not quoted: it may be most of a password.
                return Err(Unfit::Kind(format!(
                    "expected [String, NilClass] data type(s) but got {}",
                    class_name(value)
                )));
            }
        },
        DataType::PivotColumn | DataType::Summary => {
            return Err(bad("fields of this type keep no value"));
        }
    };
    Ok(Stored::Scalar(scalar))
}

/// What null means to a field: no value, no links, and for a checkbox, not checked.
fn empty_form(field: &Field) -> Stored {
    match field.data_type {
        DataType::Entity => Stored::Link(None),
        DataType::MultiEntity | DataType::Addressing => Stored::Links(Vec::new()),
        DataType::Password => Stored::Secret(None),
        DataType::Checkbox => Stored::Scalar(SqlValue::Integer(0)),
        _ => Stored::Scalar(SqlValue::Null),
    }
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

fn integer(value: &Value, expected: &str) -> Result<SqlValue, Unfit> {
    let number = match value {
        Value::Number(number) if !number.is_f64() => number.as_i64(),
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => return Err(bad(format!("'{text}' is not an integer"))),
        },
        _ => return Err(wrong_kind(expected, value)),
    };
    number
        .filter(|number| i32::try_from(*number).is_ok())
        .map(SqlValue::Integer)
        .ok_or_else(|| bad(format!("{value} is out of range for a 32 bit integer")))
}

fn decimal(value: &Value, limit: f64) -> Result<SqlValue, Unfit> {
    let number = value.as_f64().ok_or_else(|| wrong_kind("Float, Integer, NilClass", value))?;
    if number.abs() > limit {
        return Err(bad(format!("{value} is out of range (±{limit})")));
    }
    Ok(SqlValue::Real(number))
}

/// `FF-ff`: feet and frames.
fn footage(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((feet, frames)) if digits(feet) && digits(frames) => Ok(SqlValue::Text(text.to_owned())),
        _ => Err(bad(format!("'{text}' is not of the form FF-ff"))),
    }
}

/// `r,g,b` in decimal, or `pipeline_step`.
fn color(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    let parts: Vec<&str> = text.split(',').collect();
    let is_rgb = parts.len() == 3 && parts.iter().all(|part| part.trim().parse::<u8>().is_ok());
    if is_rgb || text == "pipeline_step" {
        return Ok(SqlValue::Text(text.to_owned()));
    }
    Err(bad(format!("'{text}' is not a color of the form r,g,b")))
}

fn date(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    let date: NaiveDate = dates::parse_date(text).ok_or_else(|| bad(format!("'{text}' is not a date of the form YYYY-MM-DD")))?;
    Ok(SqlValue::Text(date.to_string()))
}

fn date_time(value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    let moment =
        dates::parse_date_time(text).ok_or_else(|| bad(format!("'{text}' is not a date and time of the form YYYY-MM-DDTHH:MM:SSZ")))?;
    Ok(SqlValue::Text(dates::format_date_time(moment)))
}

fn choice(field: &Field, value: &Value) -> Result<SqlValue, Unfit> {
    let text = string(value)?;
    if text.is_empty() {
        return Ok(SqlValue::Null);
    }
    if !field.valid_values.iter().any(|valid| valid == text) {
        return Err(bad(format!(
            "'{text}' is not a valid value. Valid values: {:?}",
            field.valid_values
        )));
    }
    Ok(SqlValue::Text(text.to_owned()))
}

fn tag_list(value: &Value) -> Result<SqlValue, Unfit> {
    let Value::Array(tags) = value else {
        return Err(wrong_kind("Array, NilClass", value));
    };
    for tag in tags {
        string(tag)?;
    }
    Ok(SqlValue::Text(value.to_string()))
}

/// A link needs type and id, the type must be one that the field takes, and the row must live.
fn link(connection: &Connection, field: &Field, value: &Value) -> Result<(String, i64), Unfit> {
    let Value::Object(object) = value else {
        return Err(wrong_kind("Hash, NilClass", value));
    };
    let entity_type = object.get("type").and_then(Value::as_str);
    let id = object.get("id").and_then(Value::as_i64);
    let (Some(entity_type), Some(id)) = (entity_type, id) else {
        return Err(Unfit::Kind(format!("expected a Hash with 'type' and 'id' but got: {value}")));
    };
    if !field.valid_types.iter().any(|valid| valid == entity_type) {
        return Err(bad(format!(
            "'{entity_type}' is not a valid entity type. Valid types: {:?}",
            field.valid_types
        )));
    }
    let alive = connection
        .prepare_cached("SELECT 1 FROM directory WHERE type = ?1 AND id = ?2 AND retired = 0")?
        .query_row((entity_type, id), |_| Ok(()))
        .optional()?;
    if alive.is_none() {
        return Err(bad(format!("Entity of type [{entity_type}] with id={id} does not exist.")));
    }
    Ok((entity_type.to_owned(), id))
}

fn links(connection: &Connection, field: &Field, value: &Value) -> Result<Stored, Unfit> {
    let Value::Array(values) = value else {
        return Err(wrong_kind("Array, NilClass", value));
    };
    let mut links = Vec::new();
    for value in values {
        let link = link(connection, field, value)?;
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
