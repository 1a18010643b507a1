//! The kinds of grouping.

use rusqlite::Row;
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use super::VERB;
use crate::fault::Fault;
use crate::filter::dates::{self, Unit};
use crate::schema::DataType;
use crate::store::query::{Leaf, Query, Scope, link_columns};
use crate::store::select;

/// Number groupings and the width of their groups.
const WIDTHS: [(&str, i64); 6] = [
    ("tens", 10),
    ("hundreds", 100),
    ("thousands", 1_000),
    ("tensofthousands", 10_000),
    ("hundredsofthousands", 100_000),
    ("millions", 1_000_000),
];

/// Groupings that are not of numbers or dates.
const OTHER_KINDS: [&str; 3] = ["exact", "entitytype", "firstletter"];

const DATE_KINDS: [&str; 8] = ["day", "week", "month", "quarter", "year", "clustered_date", "oneday", "fivedays"];

/// `{"field", "type", "direction"}`.
pub(super) struct Grouping {
    field: String,
    kind: String,
    descending: bool,
}

/// A grouping as columns of the result.
pub(super) struct Key {
    pub(super) columns: Vec<String>,
    pub(super) order: String,
    shown: Shown,
}

/// How a group's value is made from its columns.
enum Shown {
    /// Type, id and name of the row linked to.
    Link,
    /// All the links of a row, as JSON.
    Links,
    Checkbox,
    Plain(DataType),
    /// First number of a group of this width.
    Span(i64),
}

impl Grouping {
    pub(super) fn parse(wire: &Value) -> Result<Self, Fault> {
        let wrong = || Fault::bad_call(VERB, format_args!("invalid 'grouping': {wire}"));
        let text = |key: &str| match wire.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong()),
        };
        let descending = match text("direction")?.as_deref() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(wrong()),
        };
        let kind = text("type")?.unwrap_or_else(|| "exact".to_owned());
        let widths = WIDTHS.iter().map(|(name, _)| *name);
        let valid: Vec<&str> = OTHER_KINDS.into_iter().chain(widths).chain(DATE_KINDS).collect();
        if !valid.contains(&kind.as_str()) {
            return Err(Fault::bad_call(
                VERB,
                format_args!("invalid 'grouping' 'type': '{kind}'. Valid types: {valid:?}"),
            ));
        }
        Ok(Self {
            field: text("field")?.ok_or_else(wrong)?,
            kind,
            descending,
        })
    }

    pub(super) fn compile<'a>(&self, query: &mut Query<'a>, scope: &mut Scope<'a>) -> Result<Key, Fault> {
        let entity_type = scope.entity_type;
        let leaf = query
            .leaf(scope, &self.field)?
            .ok_or_else(|| Fault::bad_call(VERB, format_args!("{}.{} doesn't exist.", entity_type.name, self.field)))?;
        let data_type = leaf.field.data_type;
        if matches!(
            data_type,
            DataType::Image | DataType::Url | DataType::Serializable | DataType::Password | DataType::PivotColumn | DataType::Summary
        ) {
            return Err(Fault::bad_call(
                VERB,
                format_args!("Grouping is not allowed for field {}.{}.", entity_type.name, self.field),
            ));
        }
        let is_link = data_type == DataType::Entity || data_type.is_multi_link();
        if self.kind == "exact" && data_type.is_multi_link() {
            // Rows are in one group when they have the same links.
            let parts = "d.type AS type, d.id AS id, d.name AS name";
            let links = query.link_select(&leaf, parts, "1")?;
            let links = links.unwrap_or_else(|| "SELECT NULL AS type, NULL AS id, NULL AS name WHERE 0".to_owned());
            let links = format!("SELECT * FROM ({links}) ORDER BY name, type, id");
            let member = "json_object('type', type, 'id', id, 'name', name, 'valid', 'valid')";
            let columns = [
                format!("nullif((SELECT json_group_array({member}) FROM ({links})), '[]')"),
                format!("(SELECT group_concat(name, ', ') FROM ({links}))"),
            ];
            return Ok(self.key(columns.to_vec(), Shown::Links));
        }
        if is_link && matches!(self.kind.as_str(), "exact" | "entitytype" | "firstletter") {
            let columns = link_parts(query, scope, &leaf)?;
            return Ok(self.link_key(columns));
        }
        let kind = self.kind.as_str();
        let value = query.expression(&leaf)?;
        let width = WIDTHS.iter().find(|(name, _)| *name == kind);
        match (value, width) {
            (Some(value), None) if kind == "exact" && data_type == DataType::Checkbox => {
                Ok(self.key(vec![format!("ifnull({value}, 0)")], Shown::Checkbox))
            }
            (Some(value), None) if kind == "exact" => Ok(self.key(vec![value], Shown::Plain(data_type))),
            (Some(value), None) if kind == "firstletter" && is_text(data_type) => {
                let letter = format!("upper(substr(fold({value}), 1, 1))");
                Ok(self.key(vec![letter], Shown::Plain(DataType::Text)))
            }
            (Some(value), None) if DATE_KINDS.contains(&kind) && matches!(data_type, DataType::Date | DataType::DateTime) => {
                let bucket = date_bucket(query, kind, &value)?;
                Ok(self.key(vec![bucket], Shown::Plain(DataType::Text)))
            }
            (Some(value), Some((_, width))) if data_type.is_numeric() => {
                // Downwards: what lies below zero belongs to the group below.
                let whole = format!("(CAST({value} AS INTEGER) - ({value} < CAST({value} AS INTEGER)))");
                let first = format!("{whole} - (({whole} % {width}) + {width}) % {width}");
                Ok(self.key(vec![first], Shown::Span(*width)))
            }
            _ => Err(Fault::bad_call(
                VERB,
                format_args!(
                    "{}.{} data type '{}' doesn't support 'grouping' 'type': '{kind}'",
                    entity_type.name,
                    self.field,
                    data_type.name()
                ),
            )),
        }
    }

    fn key(&self, columns: Vec<String>, shown: Shown) -> Key {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let order = columns
            .last()
            .map_or_else(|| "1".to_owned(), |column| format!("{column} {direction}"));
        Key { columns, order, shown }
    }

    fn link_key(&self, [kind, id, name]: [String; 3]) -> Key {
        match self.kind.as_str() {
            "entitytype" => self.key(vec![kind], Shown::Plain(DataType::Text)),
            "firstletter" => {
                let letter = format!("upper(substr(fold({name}), 1, 1))");
                self.key(vec![letter], Shown::Plain(DataType::Text))
            }
            _ => self.key(vec![kind, id, name], Shown::Link),
        }
    }
}

/// Type, id and name of the live row linked to. A row with several links is in several groups.
fn link_parts<'a>(query: &mut Query<'a>, scope: &mut Scope<'a>, leaf: &Leaf<'a>) -> Result<[String; 3], Fault> {
    let alias = query.alias();
    let join = match query.live_links(leaf.entity_type, leaf.field)? {
        Some((source, from)) => format!(
            "LEFT JOIN (SELECT {} AS owner, d.type, d.id, d.name FROM {from}) {alias} ON {alias}.owner = {}.id",
            source.owner, leaf.alias
        ),
        None => {
            let (id, kind) = link_columns(leaf);
            format!("LEFT JOIN directory {alias} ON {alias}.type = {kind} AND {alias}.id = {id} AND {alias}.retired = 0")
        }
    };
    scope.add_join(join);
    Ok(["type", "id", "name"].map(|column| format!("{alias}.{column}")))
}

fn is_text(data_type: DataType) -> bool {
    data_type.is_folded_text() || matches!(data_type, DataType::List | DataType::StatusList)
}

/// The group that a date falls into: its first day, its month, …
fn date_bucket(query: &mut Query<'_>, kind: &str, value: &str) -> Result<String, Fault> {
    let day = format!("substr({value}, 1, 10)");
    Ok(match kind {
        "week" => format!("date({day}, 'weekday 0', '-6 days')"),
        "month" => format!("substr({value}, 1, 7)"),
        "quarter" => format!("substr({value}, 1, 4) || '-Q' || ((CAST(substr({value}, 6, 2) AS INTEGER) + 2) / 3)"),
        "year" => format!("substr({value}, 1, 4)"),
        "fivedays" => format!("date({day}, '-' || (CAST(julianday({day}) - 2440587.5 AS INTEGER) % 5) || ' days')"),
        "clustered_date" => clusters(query, &day)?,
        _ => day,
    })
}

/// Near days by themselves, farther ones by week, month and year.
fn clusters(query: &mut Query<'_>, day: &str) -> Result<String, Fault> {
    let today = query.now.date_naive();
    let spans = [
        ("Today", 0, Unit::Day),
        ("Yesterday", -1, Unit::Day),
        ("Tomorrow", 1, Unit::Day),
        ("This Week", 0, Unit::Week),
        ("Last Week", -1, Unit::Week),
        ("Next Week", 1, Unit::Week),
        ("This Month", 0, Unit::Month),
        ("Last Month", -1, Unit::Month),
        ("Next Month", 1, Unit::Month),
        ("This Year", 0, Unit::Year),
    ];
    let mut sql = "CASE".to_owned();
    for (name, offset, unit) in spans {
        let (first, end) = dates::calendar_span(today, offset, unit).ok_or_else(|| Fault::bad_call(VERB, "the calendar ends here"))?;
        let (first, end) = (query.bind(first.to_string()), query.bind(end.to_string()));
        sql.push_str(&format!(" WHEN {day} >= {first} AND {day} < {end} THEN '{name}'"));
    }
    let now = query.bind(today.to_string());
    sql.push_str(&format!(" WHEN {day} < {now} THEN 'Earlier' WHEN {day} > {now} THEN 'Later' END"));
    Ok(sql)
}

impl Key {
    /// Name and value of a row's group.
    pub(super) fn decode(&self, row: &Row<'_>, first: usize) -> Result<(Value, Value), Fault> {
        match self.shown {
            Shown::Link => {
                let mut link = select::decode_link(row, first)?;
                if link.is_null() {
                    return Ok((json!(""), link));
                }
                link["valid"] = json!("valid");
                Ok((link["name"].clone(), link))
            }
            Shown::Links => {
                let links: Option<String> = row.get(first)?;
                let name: Option<String> = row.get(first + 1)?;
                let links = links.and_then(|text| serde_json::from_str(&text).ok());
                Ok((json!(name.unwrap_or_default()), links.unwrap_or(Value::Null)))
            }
            Shown::Checkbox => {
                let checked: bool = row.get(first)?;
                Ok((json!(if checked { "[X]" } else { "[ ]" }), json!(checked)))
            }
            Shown::Plain(data_type) => {
                let value = select::decode(data_type, row.get_ref(first)?);
                let name = match &value {
                    Value::Null => json!(""),
                    Value::String(_) => value.clone(),
                    other => json!(other.to_string()),
                };
                Ok((name, value))
            }
            Shown::Span(width) => match row.get(first)? {
                SqlValue::Integer(from) => Ok((json!(format!("{from}-{}", from + width - 1)), json!(from))),
                _ => Ok((json!(""), Value::Null)),
            },
        }
    }
}
