//! What each relation means for each data type, as SQL.
//!
//! Only positive relations are compiled here; a negated one is the denial of its positive twin.

use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;

use super::dates::{self, Unit};
use super::links;
use crate::fault::Fault;
use crate::schema::{DataType, Field};
use crate::store::fold;
use crate::store::query::{Leaf, Query, join};

/// A relation held against a field.
pub(crate) struct Test<'t, 'a> {
    /// `Type.path`, for messages.
    pub(crate) name: &'t str,
    pub(crate) leaf: &'t Leaf<'a>,
    pub(crate) relation: &'t str,
    pub(crate) values: &'t [Value],
}

/// Negated relations and what they deny.
const NEGATIONS: [(&str, &str); 9] = [
    ("is_not", "is"),
    ("not_contains", "contains"),
    ("not_in", "in"),
    ("not_between", "between"),
    ("not_in_last", "in_last"),
    ("not_in_next", "in_next"),
    ("type_is_not", "type_is"),
    ("name_not_contains", "name_contains"),
    ("name_is_not", "name_is"),
];

/// Whether a relation is a negation, and its positive form.
pub(crate) fn split_negation(relation: &str) -> (bool, &str) {
    NEGATIONS
        .iter()
        .find(|(negative, _)| *negative == relation)
        .map_or((false, relation), |(_, positive)| (true, positive))
}

const TEXT: &str = "is is_not contains not_contains starts_with ends_with in not_in";
const NUMBER: &str = "is is_not less_than greater_than between not_between in not_in";
const DATE: &str = "is is_not greater_than less_than in_last not_in_last in_next not_in_next in_calendar_day \
    in_calendar_week in_calendar_month in_calendar_year between not_between in not_in";
const CHOICE: &str = "is is_not in not_in";
const ONE_LINK: &str = "is is_not type_is type_is_not name_contains name_not_contains name_is name_is_not name_starts_with \
    name_ends_with in not_in";
const MANY_LINKS: &str = "is is_not contains not_contains type_is type_is_not name_contains name_not_contains name_is \
    name_is_not name_starts_with name_ends_with in not_in";
const TAGS: &str = "is is_not contains not_contains name_contains name_not_contains name_is name_id in not_in";
const PRESENCE: &str = "is is_not";

/// The relations of a data type, with a space between them; none for what can't be filtered.
fn allowed(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Text | DataType::Footage | DataType::Color | DataType::EntityType | DataType::SystemTaskType => TEXT,
        DataType::Number | DataType::Float | DataType::Currency | DataType::Percent | DataType::Duration | DataType::Timecode => NUMBER,
        DataType::Checkbox | DataType::Image => PRESENCE,
        DataType::Date | DataType::DateTime => DATE,
        DataType::List | DataType::StatusList | DataType::Uuid => CHOICE,
        DataType::Entity => ONE_LINK,
        DataType::MultiEntity | DataType::Addressing => MANY_LINKS,
        DataType::TagList => TAGS,
        DataType::Url | DataType::Serializable | DataType::Password | DataType::PivotColumn | DataType::Summary => "",
    }
}

/// Refuses fields that can't be filtered and relations that their data type lacks.
pub(crate) fn check(verb: &str, name: &str, field: &Field, relation: &str) -> Result<(), Fault> {
    let valid: Vec<&str> = allowed(field.data_type).split_whitespace().collect();
    let data_type = field.data_type.name();
    if valid.is_empty() {
        return Err(Fault::bad_call(
            verb,
            format_args!("{name} '{data_type}' data type cannot be used in a filter."),
        ));
    }
    if !valid.contains(&relation) {
        return Err(Fault::bad_call(
            verb,
            format_args!("{name} data type '{data_type}' doesn't support '{relation}' 'relation'. Valid relations: {valid:?}"),
        ));
    }
    Ok(())
}

/// The SQL condition of a positive relation.
pub(crate) fn compile<'a>(query: &mut Query<'a>, test: &Test<'_, 'a>) -> Result<String, Fault> {
    let data_type = test.leaf.field.data_type;
    match data_type {
        DataType::Entity => links::one_link(query, test),
        DataType::MultiEntity | DataType::Addressing => links::many_links(query, test),
        _ => {
            // Everything else compares one expression; what has none was refused by `check`.
            let expression = query.expression(test.leaf)?.unwrap_or_else(|| "NULL".to_owned());
            match data_type {
                DataType::Date | DataType::DateTime => moments(query, test, &expression),
                DataType::TagList => tags(query, test, &expression),
                DataType::Image => presence(query, test, &expression),
                _ if data_type.is_folded_text() => text(query, test, &expression),
                _ => plain(query, test, &expression),
            }
        }
    }
}

fn is_null(expression: &str) -> String {
    format!("{expression} IS NULL")
}

/// `expression IN values`, null among the values meaning rows without one.
fn any_of(query: &mut Query<'_>, expression: &str, values: &[Value]) -> String {
    let present: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
    let mut parts = Vec::new();
    match present.as_slice() {
        [] => {}
        [one] => {
            let place = bind_scalar(query, one);
            parts.push(format!("{expression} = {place}"));
        }
        many => {
            let list = query.bind_list(many);
            parts.push(format!("{expression} IN {list}"));
        }
    }
    if present.len() < values.len() {
        parts.push(is_null(expression));
    }
    join(&parts, " OR ", "0")
}

fn bind_scalar(query: &mut Query<'_>, value: &Value) -> String {
    match value {
        Value::Bool(flag) => query.bind(i64::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => query.bind(integer),
            None => query.bind(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => query.bind(text.clone()),
        other => query.bind(other.to_string()),
    }
}

fn text(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let nullable = matches!(test.relation, "is" | "in");
    for value in test.values {
        if !(value.is_string() || (nullable && value.is_null())) {
            return Err(unexpected(query, test, "String, NilClass", value));
        }
    }
    if nullable {
        // An empty text is stored as none.
        let values: Vec<Value> = test
            .values
            .iter()
            .map(|value| if value == "" { Value::Null } else { value.clone() })
            .collect();
        return Ok(any_of(query, expression, &values));
    }
    need_values(query, test, 1)?;
    let needle = test.values.first().and_then(Value::as_str).unwrap_or_default();
    Ok(match_text(query, test.relation, expression, needle))
}

/// `contains`, `starts_with` and `ends_with`, without regard to case.
pub(super) fn match_text(query: &mut Query<'_>, relation: &str, expression: &str, needle: &str) -> String {
    let place = query.bind(fold(needle));
    match relation {
        "starts_with" => format!("substr(fold({expression}), 1, length({place})) = {place}"),
        "ends_with" => format!("(length({place}) = 0 OR substr(fold({expression}), -length({place})) = {place})"),
        _ => format!("instr(fold({expression}), {place}) > 0"),
    }
}

/// Numbers, checkboxes, lists, statuses and unique identifiers.
fn plain(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let data_type = test.leaf.field.data_type;
    let (expected, fits): (&str, fn(&Value) -> bool) = match data_type {
        DataType::Checkbox => ("TrueClass, FalseClass, NilClass", |value| value.is_boolean() || value.is_null()),
        DataType::Float | DataType::Currency | DataType::Percent => {
            ("Float, Integer, NilClass", |value| value.is_number() || value.is_null())
        }
        DataType::Number | DataType::Duration | DataType::Timecode => ("String, Integer, NilClass", |value| {
            value.is_i64() || value.is_null() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok())
        }),
        _ => ("String, NilClass", |value| value.is_string() || value.is_null()),
    };
    let given: Vec<Value> = test.values.iter().map(|value| own_id(query, test, value)).collect();
    if let Some(wrong) = given.iter().find(|value| !fits(value)) {
        return Err(unexpected(query, test, expected, wrong));
    }
    let numeric = expected.contains("Integer");
    let values: Vec<Value> = given
        .iter()
        .map(|value| match value.as_str().and_then(|text| text.parse::<i64>().ok()) {
            Some(integer) if numeric => Value::from(integer),
            _ => value.clone(),
        })
        .collect();
    match test.relation {
        "is" | "in" => Ok(any_of(query, expression, &values)),
        relation => compare(query, test, relation, expression, &values),
    }
}

/// A link with this mark stands for whoever asks, as in the filters of the web application.
pub(crate) fn is_current_user(value: &Value) -> bool {
    value.get("valid").is_some_and(|valid| valid == "logged_in_user_token")
}

/// The id of whoever asks, where the `id` field is held against the current user.
fn own_id(query: &Query<'_>, test: &Test<'_, '_>, value: &Value) -> Value {
    if test.leaf.field.name != "id" || !is_current_user(value) {
        return value.clone();
    }
    Value::from(query.caller.id_as(&test.leaf.entity_type.name))
}

/// `less_than`, `greater_than` and `between`; rows without a value never pass.
fn compare(query: &mut Query<'_>, test: &Test<'_, '_>, relation: &str, expression: &str, values: &[Value]) -> Result<String, Fault> {
    let needed = if relation == "between" { 2 } else { 1 };
    need_values(query, test, needed)?;
    let mut places = Vec::new();
    for value in values.iter().take(needed) {
        if value.is_null() {
            return Ok("0".to_owned());
        }
        places.push(bind_scalar(query, value));
    }
    Ok(match (relation, places.as_slice()) {
        ("less_than", [bound, ..]) => format!("{expression} < {bound}"),
        ("greater_than", [bound, ..]) => format!("{expression} > {bound}"),
        (_, [low, high, ..]) => format!("{expression} BETWEEN {low} AND {high}"),
        _ => "0".to_owned(),
    })
}

/// Dates and date-times are stored as text that sorts in their order.
fn moments(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let date_only = test.leaf.field.data_type == DataType::Date;
    match test.relation {
        "in_last" | "in_next" => {
            let (count, unit) = span_of(query, test)?;
            let signed = if test.relation == "in_last" { -count } else { count };
            let Some(edge) = dates::shift(query.now, signed, unit) else {
                return Ok("0".to_owned());
            };
            let (from, to) = if signed < 0 { (edge, query.now) } else { (query.now, edge) };
            let show = |moment| {
                let text = dates::format_date_time(moment);
                if date_only { text[..10].to_owned() } else { text }
            };
            let (from, to) = (query.bind(show(from)), query.bind(show(to)));
            Ok(format!("{expression} BETWEEN {from} AND {to}"))
        }
        relation if relation.starts_with("in_calendar_") => {
            need_values(query, test, 1)?;
            let offset = test
                .values
                .first()
                .and_then(Value::as_i64)
                .ok_or_else(|| unexpected(query, test, "Integer", &first(test)))?;
            let unit = relation.strip_prefix("in_calendar_").and_then(Unit::from_name).unwrap_or(Unit::Day);
            let today = query.now.date_naive();
            let Some((first_day, end)) = dates::calendar_span(today, offset, unit) else {
                return Ok("0".to_owned());
            };
            let show = |day: NaiveDate| {
                if date_only {
                    day.to_string()
                } else {
                    dates::format_date_time(day.and_time(NaiveTime::MIN).and_utc())
                }
            };
            let (from, to) = (query.bind(show(first_day)), query.bind(show(end)));
            Ok(format!("({expression} >= {from} AND {expression} < {to})"))
        }
        relation => {
            let values = test
                .values
                .iter()
                .map(|value| comparable_moment(query, test, value, date_only))
                .collect::<Result<Vec<_>, _>>()?;
            if matches!(relation, "is" | "in") {
                Ok(any_of(query, expression, &values))
            } else {
                compare(query, test, relation, expression, &values)
            }
        }
    }
}

/// The value in the form that the column has.
fn comparable_moment(query: &Query<'_>, test: &Test<'_, '_>, value: &Value, date_only: bool) -> Result<Value, Fault> {
    let text = match value {
        Value::Null => return Ok(Value::Null),
        Value::String(text) => text,
        _ => return Err(unexpected(query, test, "String, NilClass", value)),
    };
    let moment = dates::parse_date_time(text)
        .ok_or_else(|| Fault::bad_call(query.verb, format_args!("{} '{text}' is not a valid date.", test.name)))?;
    let shown = dates::format_date_time(moment);
    Ok(Value::from(if date_only { &shown[..10] } else { &shown }))
}

/// The `[number, unit]` of `in_last` and `in_next`.
fn span_of(query: &Query<'_>, test: &Test<'_, '_>) -> Result<(i64, Unit), Fault> {
    need_values(query, test, 2)?;
    let wrong = || {
        Fault::bad_call(
            query.verb,
            format_args!(
                "{} '{}' expects a number and one of HOUR, DAY, WEEK, MONTH, YEAR.",
                test.name, test.relation
            ),
        )
    };
    let count = test.values.first().and_then(Value::as_i64).filter(|count| *count >= 0);
    let unit = test.values.get(1).and_then(Value::as_str).and_then(Unit::from_name);
    count.zip(unit).ok_or_else(wrong)
}

/// Whether there is a value at all: the only question that can be asked of an image.
fn presence(query: &Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    match test.values {
        [Value::Null] => Ok(is_null(expression)),
        _ => Err(unexpected(query, test, "NilClass", &first(test))),
    }
}

fn tags(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let each = format!("SELECT 1 FROM json_each({expression}) g");
    if test.relation == "name_id" {
        let id = test
            .values
            .first()
            .and_then(Value::as_i64)
            .ok_or_else(|| unexpected(query, test, "Integer", &first(test)))?;
        let place = query.bind(id);
        return Ok(format!(
            "EXISTS ({each} JOIN directory d ON d.type = 'Tag' AND d.name = g.value WHERE d.id = {place})"
        ));
    }
    let mut parts = Vec::new();
    for value in test.values {
        parts.push(match value {
            Value::Null => format!("NOT EXISTS ({each})"),
            Value::String(tag) if test.relation == "name_contains" => {
                let condition = match_text(query, "contains", "g.value", tag);
                format!("EXISTS ({each} WHERE {condition})")
            }
            Value::String(tag) => {
                let place = query.bind(fold(tag));
                format!("EXISTS ({each} WHERE fold(g.value) = {place})")
            }
            other => return Err(unexpected(query, test, "String, NilClass", other)),
        });
    }
    Ok(join(&parts, " OR ", "0"))
}

pub(super) fn first(test: &Test<'_, '_>) -> Value {
    test.values.first().cloned().unwrap_or(Value::Null)
}

/// As many values as the relation takes.
pub(super) fn need_values(query: &Query<'_>, test: &Test<'_, '_>, needed: usize) -> Result<(), Fault> {
    if test.values.len() == needed {
        return Ok(());
    }
    Err(Fault::bad_call(
        query.verb,
        format_args!(
            "{} '{}' expects {needed} value(s) but got {}",
            test.name,
            test.relation,
            test.values.len()
        ),
    ))
}

pub(super) fn unexpected(query: &Query<'_>, test: &Test<'_, '_>, expected: &str, value: &Value) -> Fault {
    Fault::bad_call(
        query.verb,
        format_args!(
            "{} expected [{expected}] data type(s) but got {}: {value}",
            test.name,
            class_name(value)
        ),
    )
}

/// The name that the site's messages use for the kind of a JSON value.
pub(crate) fn class_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NilClass",
        Value::Bool(true) => "TrueClass",
        Value::Bool(false) => "FalseClass",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Hash",
    }
}
