//! What each relation means for each data type, as SQL.
//!
//! Only positive relations are compiled here; a negated one is the denial of its positive twin.

use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::{links, moments};
use crate::fault::Fault;
use crate::schema::{DataType, Field};
use crate::store::fold;
use crate::store::query::{Leaf, Query, join};
use crate::values::{self, Unfit};

/// A relation held against a field.
pub(crate) struct Test<'t, 'a> {
    /// `Type.path`, for messages.
    pub(crate) name: &'t str,
    pub(crate) leaf: &'t Leaf<'a>,
    /// The relation that was asked for, for messages.
    pub(crate) asked: &'t str,
    /// Its positive form.
    pub(crate) relation: &'t str,
    pub(crate) values: &'t [Value],
}

/// Negated relations and what they deny.
const NEGATIONS: [(&str, &str); 8] = [
    ("is_not", "is"),
    ("not_contains", "contains"),
    ("not_in", "in"),
    ("not_between", "between"),
    ("not_in_last", "in_last"),
    ("not_in_next", "in_next"),
    ("type_is_not", "type_is"),
    ("name_not_contains", "name_contains"),
];

/// Whether a relation is a negation, and its positive form.
pub(crate) fn split_negation(relation: &str) -> (bool, &str) {
    NEGATIONS
        .iter()
        .find(|(negative, _)| *negative == relation)
        .map_or((false, relation), |(_, positive)| (true, positive))
}

const TEXT: &str = "contains not_contains is is_not starts_with ends_with in not_in";
const AMOUNT: &str = "is is_not greater_than less_than between in not_in";
const NUMBER: &str = "is is_not greater_than less_than between not_between in not_in";
const DATE: &str = "is is_not greater_than less_than in_last not_in_last in_next not_in_next in_calendar_week \
    in_calendar_month in_calendar_day in_calendar_year between in not_in";
const CHOICE: &str = "is is_not in not_in";
const ONE_LINK: &str = "is is_not name_contains name_not_contains name_is type_is type_is_not in not_in";
const MANY_LINKS: &str = "is is_not contains not_contains name_contains name_not_contains name_is type_is type_is_not in not_in";
const ADDRESSES: &str = "is is_not contains not_contains in type_is type_is_not name_contains name_not_contains name_starts_with \
    name_ends_with";
const TAGS: &str = "is is_not contains not_contains name_contains name_not_contains name_id";
const PRESENCE: &str = "is is_not";

/// The relations of a data type, with a space between them; none for what can't be filtered.
fn allowed(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Text => TEXT,
        DataType::Number | DataType::Currency => NUMBER,
        DataType::Float | DataType::Percent | DataType::Duration | DataType::Timecode => AMOUNT,
        DataType::Checkbox | DataType::Image | DataType::PivotColumn => PRESENCE,
        DataType::Date | DataType::DateTime => DATE,
        DataType::List
        | DataType::StatusList
        | DataType::Uuid
        | DataType::Color
        | DataType::EntityType
        | DataType::SystemTaskType
        | DataType::Footage => CHOICE,
        DataType::Entity => ONE_LINK,
        DataType::MultiEntity => MANY_LINKS,
        DataType::Addressing => ADDRESSES,
        DataType::TagList => TAGS,
        DataType::Url | DataType::Serializable | DataType::Password | DataType::Summary => "",
    }
}

/// Refuses fields that can't be filtered and relations that their data type lacks.
pub(crate) fn check(verb: &str, name: &str, field: &Field, relation: &str) -> Result<(), Fault> {
    let valid: Vec<&str> = allowed(field.data_type).split_whitespace().collect();
    let data_type = field.data_type.name();
    if valid.is_empty() {
        return Err(Fault::bad_call(
            verb,
            format_args!("{name}'s '{data_type}' data type cannot be used in a filter."),
        ));
    }
    if !valid.contains(&relation) {
        return Err(Fault::bad_call(
            verb,
            format_args!("{name}'s '{data_type}' data type doesn't support '{relation}' 'relation'. Valid relations: {valid:?}"),
        ));
    }
    if field.data_type == DataType::PivotColumn {
        return Err(Fault::bad_call(
            verb,
            format_args!("of data type '{data_type}' not supported in API"),
        ));
    }
    Ok(())
}

/// The SQL condition of a positive relation.
pub(crate) fn compile<'a>(query: &mut Query<'a>, test: &Test<'_, 'a>) -> Result<String, Fault> {
    need_values(query, test)?;
    match test.leaf.field.data_type {
        DataType::Entity => links::one_link(query, test),
        DataType::MultiEntity | DataType::Addressing => links::many_links(query, test),
        data_type => {
            // Everything else compares one expression; what has none was refused by `check`.
            let expression = query.expression(test.leaf)?.unwrap_or_else(|| "NULL".to_owned());
            match data_type {
                DataType::Date | DataType::DateTime => moments::compile(query, test, &expression),
                DataType::TagList => tags(query, test, &expression),
                DataType::Image => presence(query, test, &expression),
                DataType::Text => text(query, test, &expression),
                DataType::Checkbox => checkbox(query, test, &expression),
                _ if data_type.is_numeric() => number(query, test, &expression),
                _ => choice(query, test, &expression),
            }
        }
    }
}

/// Refuses a number of values that the relation does not take.
fn need_values(query: &Query<'_>, test: &Test<'_, '_>) -> Result<(), Fault> {
    let given = test.values.len();
    let expected = match test.relation {
        "in" if given == 0 => "at least a 1-element array",
        "in" => return Ok(()),
        "between" | "in_last" | "in_next" if given != 2 => "a 2-element array",
        "between" | "in_last" | "in_next" => return Ok(()),
        _ if given != 1 => "a 1-element array",
        _ => return Ok(()),
    };
    Err(Fault::bad_call(
        query.verb,
        format_args!("'{}' 'relation' expects {expected}: {}", test.asked, quote(test.values)),
    ))
}

/// The values as messages quote them.
pub(super) fn quote(values: &[Value]) -> String {
    const MOST_SHOWN: usize = 20;
    let shown: Vec<String> = values.iter().take(MOST_SHOWN).map(inspect).collect();
    let more = if values.len() > MOST_SHOWN { ", …" } else { "" };
    format!("[{}{more}]", shown.join(", "))
}

fn is_null(expression: &str) -> String {
    format!("{expression} IS NULL")
}

/// `expression IN values`, null among the values meaning rows without one.
pub(super) fn any_of(query: &mut Query<'_>, expression: &str, values: &[SqlValue]) -> String {
    let present: Vec<&SqlValue> = values.iter().filter(|value| **value != SqlValue::Null).collect();
    let mut parts = Vec::new();
    match present.as_slice() {
        [] => {}
        [one] => {
            let place = query.bind((*one).clone());
            parts.push(format!("{expression} = {place}"));
        }
        many => {
            let many: Vec<Value> = many.iter().map(|value| json_of(value)).collect();
            let list = query.bind_list(&many);
            parts.push(format!("{expression} IN {list}"));
        }
    }
    if present.len() < values.len() {
        parts.push(is_null(expression));
    }
    join(&parts, " OR ", "0")
}

fn json_of(value: &SqlValue) -> Value {
    match value {
        SqlValue::Integer(number) => Value::from(*number),
        SqlValue::Real(number) => Value::from(*number),
        SqlValue::Text(text) => Value::from(text.as_str()),
        SqlValue::Null | SqlValue::Blob(_) => Value::Null,
    }
}

/// The texts of a test. An empty one means none at all where one value is looked for, and is nothing's value in a list.
fn texts(query: &Query<'_>, test: &Test<'_, '_>) -> Result<Vec<SqlValue>, Fault> {
    let mut texts = Vec::new();
    for value in test.values {
        match value {
            Value::Null => texts.push(SqlValue::Null),
            Value::String(text) if text.is_empty() => {
                if test.relation == "is" {
                    texts.push(SqlValue::Null);
                }
            }
            Value::String(text) => texts.push(SqlValue::Text(text.clone())),
            _ => return Err(unexpected(query, test, "String, NilClass", value)),
        }
    }
    Ok(texts)
}

fn text(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let texts = texts(query, test)?;
    if matches!(test.relation, "is" | "in") {
        return Ok(any_of(query, expression, &texts));
    }
    // Nothing is part of no text; the empty text is part of every text.
    let needle = match test.values {
        [Value::String(needle)] => needle,
        _ => return Ok("0".to_owned()),
    };
    Ok(match_text(query, test.relation, expression, needle))
}

/// `contains`, `starts_with` and `ends_with`, without regard to case.
pub(super) fn match_text(query: &mut Query<'_>, relation: &str, expression: &str, needle: &str) -> String {
    let place = query.bind(fold(needle));
    match relation {
        "starts_with" => format!("substr(fold({expression}), 1, length({place})) = {place}"),
        "ends_with" => {
            format!("({expression} IS NOT NULL AND (length({place}) = 0 OR substr(fold({expression}), -length({place})) = {place}))")
        }
        _ => format!("instr(fold({expression}), {place}) > 0"),
    }
}

/// One of a set of words: lists, statuses, types, colors.
fn choice(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let field = test.leaf.field;
    let mut words = texts(query, test)?;
    match field.data_type {
        // What is kept is one of these, whatever the case in which it is asked for.
        DataType::List | DataType::StatusList => {
            for word in &mut words {
                if let SqlValue::Text(text) = word {
                    let asked = fold(text);
                    if let Some(valid) = field.valid_values.iter().find(|valid| fold(valid) == asked) {
                        text.clone_from(valid);
                    }
                }
            }
        }
        DataType::Uuid => {
            if let Some(wrong) = test.values.iter().find(|value| value.is_null()) {
                return Err(unexpected(query, test, "String", wrong));
            }
            for word in &mut words {
                if let SqlValue::Text(text) = word {
                    *text = canonical_uuid(text);
                }
            }
        }
        DataType::Color | DataType::EntityType => {
            let exactly = format!("({expression} COLLATE BINARY)");
            return Ok(any_of(query, &exactly, &words));
        }
        _ => {}
    }
    Ok(any_of(query, expression, &words))
}

/// A unique identifier without braces, in lower case and with its hyphens; what is none stays as it is.
fn canonical_uuid(text: &str) -> String {
    let digits: String = text
        .trim_start_matches('{')
        .trim_end_matches('}')
        .chars()
        .filter(|character| *character != '-')
        .map(|character| character.to_ascii_lowercase())
        .collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text.to_owned();
    }
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

fn checkbox(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let wanted = values::checkbox(&first(test)).map_err(|unfit| refused(query, test, unfit))?;
    let place = query.bind(i64::from(wanted));
    // A row that a newer schema gave the field to has none yet: not checked.
    Ok(if wanted {
        format!("{expression} = {place}")
    } else {
        format!("ifnull({expression}, 0) = {place}")
    })
}

fn number(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let mut numbers = Vec::new();
    for value in test.values {
        let value = own_id(query, test, value);
        numbers.push(if value.is_null() {
            SqlValue::Null
        } else {
            values::number(test.leaf.field.data_type, &value).map_err(|unfit| refused(query, test, unfit))?
        });
    }
    match test.relation {
        "is" | "in" => Ok(any_of(query, expression, &numbers)),
        relation => Ok(compare(query, relation, expression, &numbers)),
    }
}

/// A value that no write of the field would take, either, as the refusal of a filter.
fn refused(query: &Query<'_>, test: &Test<'_, '_>, unfit: Unfit) -> Fault {
    match unfit {
        Unfit::Kind(message) => Fault::bad_call(query.verb, format_args!("{} {message}", test.name)),
        Unfit::Argument(message) | Unfit::Value(message) => Fault::bad_call(query.verb, message),
        Unfit::Fault(fault) => fault,
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

/// `less_than`, `greater_than` and `between`; rows without a value never pass, and no row passes a bound that is none.
pub(super) fn compare(query: &mut Query<'_>, relation: &str, expression: &str, values: &[SqlValue]) -> String {
    if values.contains(&SqlValue::Null) {
        return "0".to_owned();
    }
    let places: Vec<String> = values.iter().map(|value| query.bind(value.clone())).collect();
    match (relation, places.as_slice()) {
        ("less_than", [bound]) => format!("{expression} < {bound}"),
        ("greater_than", [bound]) => format!("{expression} > {bound}"),
        (_, [low, high]) => format!("{expression} BETWEEN {low} AND {high}"),
        _ => "0".to_owned(),
    }
}

/// Whether there is a value at all: the only question that can be asked of an image.
fn presence(query: &Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    match test.values {
        [Value::Null] => Ok(is_null(expression)),
        values => Err(Fault::bad_call(
            query.verb,
            format_args!(
                "'{}' 'relation' expects a nil value for 'image' data type: {}",
                test.asked,
                quote(values)
            ),
        )),
    }
}

fn tags(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let each = format!("SELECT 1 FROM json_each({expression}) g");
    let value = first(test);
    Ok(match (test.relation, &value) {
        ("name_id", Value::Number(id)) if id.is_i64() => {
            let place = query.bind(id.as_i64());
            format!("EXISTS ({each} JOIN directory d ON d.type = 'Tag' AND d.name = g.value WHERE d.id = {place})")
        }
        ("name_id", _) => return Err(unexpected(query, test, "Integer", &value)),
        ("name_contains", Value::String(part)) => {
            let condition = match_text(query, "contains", "g.value", part);
            format!("EXISTS ({each} WHERE {condition})")
        }
        ("name_contains", _) => return Err(unexpected(query, test, "String", &value)),
        (_, Value::Null) => format!("NOT EXISTS ({each})"),
        (_, Value::String(tag)) => {
            let place = query.bind(fold(tag));
            format!("EXISTS ({each} WHERE fold(g.value) = {place})")
        }
        _ => return Err(unexpected(query, test, "String, NilClass", &value)),
    })
}

pub(super) fn first(test: &Test<'_, '_>) -> Value {
    test.values.first().cloned().unwrap_or(Value::Null)
}

pub(super) fn unexpected(query: &Query<'_>, test: &Test<'_, '_>, expected: &str, value: &Value) -> Fault {
    Fault::bad_call(query.verb, format_args!("{} {}", test.name, values::expectation(expected, value)))
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

/// A JSON value in the form that the site's messages quote it in.
pub(crate) fn inspect(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Array(members) => {
            let members: Vec<String> = members.iter().map(inspect).collect();
            format!("[{}]", members.join(", "))
        }
        Value::Object(object) => {
            let members: Vec<String> = object
                .iter()
                .map(|(key, value)| format!("{} => {}", Value::from(key.as_str()), inspect(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
