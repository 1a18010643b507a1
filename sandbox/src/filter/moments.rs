//! Relations on dates and date-times, which are kept as text that sorts in their order.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::dates::{self, UNITS, Unit};
use super::relations::{Test, any_of, compare, first, quote, unexpected};
use crate::fault::Fault;
use crate::schema::DataType;
use crate::store::query::Query;

pub(super) fn compile(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str) -> Result<String, Fault> {
    let date_only = test.leaf.field.data_type == DataType::Date;
    match test.relation {
        "in_last" | "in_next" => {
            let (count, unit) = span_of(query, test)?;
            let signed = if test.relation == "in_last" { -count } else { count };
            let Some(edge) = dates::shift(query.now, signed, unit) else {
                return Ok("0".to_owned());
            };
            let (from, to) = if test.relation == "in_last" {
                (edge, query.now)
            } else {
                (query.now, edge)
            };
            let show = |moment: DateTime<Utc>| {
                if date_only {
                    moment.date_naive().to_string()
                } else {
                    dates::format_date_time(moment)
                }
            };
            let (from, to) = (query.bind(show(from)), query.bind(show(to)));
            Ok(format!("{expression} BETWEEN {from} AND {to}"))
        }
        "in_calendar_day" => calendar(query, test, expression, Unit::Day),
        "in_calendar_week" => calendar(query, test, expression, Unit::Week),
        "in_calendar_month" => calendar(query, test, expression, Unit::Month),
        "in_calendar_year" => calendar(query, test, expression, Unit::Year),
        relation => {
            let mut moments = Vec::new();
            for value in test.values {
                moments.push(comparable(query, test, value, date_only)?);
            }
            Ok(match relation {
                "is" | "in" => any_of(query, expression, &moments),
                // The two ends of a span of time come in either order.
                "between" => {
                    moments.sort_by(|left, right| text_of(left).cmp(text_of(right)));
                    compare(query, relation, expression, &moments)
                }
                _ => compare(query, relation, expression, &moments),
            })
        }
    }
}

fn text_of(value: &SqlValue) -> &str {
    match value {
        SqlValue::Text(text) => text,
        _ => "",
    }
}

/// The span of the calendar that is some spans away from today's.
fn calendar(query: &mut Query<'_>, test: &Test<'_, '_>, expression: &str, unit: Unit) -> Result<String, Fault> {
    let value = first(test);
    let offset = value.as_i64().ok_or_else(|| unexpected(query, test, "Integer", &value))?;
    let Some((first_day, end)) = dates::calendar_span(query.now.date_naive(), offset, unit) else {
        return Ok("0".to_owned());
    };
    let show = |day: NaiveDate| {
        if test.leaf.field.data_type == DataType::Date {
            day.to_string()
        } else {
            dates::format_date_time(day.and_time(NaiveTime::MIN).and_utc())
        }
    };
    let (from, to) = (query.bind(show(first_day)), query.bind(show(end)));
    Ok(format!("({expression} >= {from} AND {expression} < {to})"))
}

/// The value in the form that the column has.
fn comparable(query: &Query<'_>, test: &Test<'_, '_>, value: &Value, date_only: bool) -> Result<SqlValue, Fault> {
    let text = match value {
        Value::Null => return Ok(SqlValue::Null),
        Value::String(text) => text,
        _ => return Err(unexpected(query, test, "String, NilClass", value)),
    };
    if date_only {
        if text.is_empty() {
            return Ok(SqlValue::Null);
        }
        let date = dates::parse_date(text).ok_or_else(|| Fault::bad_call(query.verb, dates::invalid_date(text)))?;
        return Ok(SqlValue::Text(date.to_string()));
    }
    let moment = dates::parse_date_time(text).ok_or_else(|| Fault::bad_call(query.verb, dates::invalid_date_time(text)))?;
    Ok(SqlValue::Text(dates::format_date_time(moment)))
}

/// The `[number, unit]` of `in_last` and `in_next`.
fn span_of(query: &Query<'_>, test: &Test<'_, '_>) -> Result<(i64, Unit), Fault> {
    let wrong = |what: String| {
        Fault::bad_call(
            query.verb,
            format_args!("'{}' 'relation' {what}: {}", test.asked, quote(test.values)),
        )
    };
    let [count, unit] = test.values else {
        return Err(wrong("expects a 2-element array".to_owned()));
    };
    let count = count
        .as_i64()
        .filter(|count| *count >= 0)
        .ok_or_else(|| wrong("expects a positive Integer and a time unit".to_owned()))?;
    let name = unit.as_str().unwrap_or_default();
    let unit = Unit::from_name(name).ok_or_else(|| {
        let valid: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
        Fault::bad_call(
            query.verb,
            format_args!(
                "'{}' 'relation' doesn't support the '{name}' time unit: {} Valid time units: {valid:?}",
                test.asked,
                quote(test.values)
            ),
        )
    })?;
    Ok((count, unit))
}
