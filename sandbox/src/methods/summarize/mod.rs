//! `summarize`: counts, sums and the like, over all rows and over groups within groups.

mod aggregates;
mod groups;

use std::collections::BTreeMap;

use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value, json};

use super::Call;
use super::parameters::Parameters;
use super::read::filter_of;
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::EntityType;
use crate::store::query::Query;
use crate::store::select::{self, Selection};
use aggregates::Summary;
use groups::Grouping;

pub(super) const VERB: &str = "summarize";

/// What a call asks for.
struct Request<'a> {
    entity_type: &'a EntityType,
    summaries: Vec<Summary>,
    groupings: Vec<Grouping>,
    filter: Filter,
    archived_projects: bool,
}

pub(super) fn run(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(VERB, call.parameters)?;
    let request = Request {
        entity_type: call.schema.known_type(parameters.text("type")?)?,
        summaries: parsed(&parameters, "summaries", Summary::parse)?,
        groupings: parsed(&parameters, "grouping", Grouping::parse)?,
        filter: filter_of(VERB, &parameters)?,
        archived_projects: parameters.flag("include_archived_projects", true)?,
    };
    call.read(VERB, request.entity_type, |connection| {
        // A sum of averages is no average: each depth of grouping is asked for by itself.
        let mut levels = Vec::new();
        for depth in 0..=request.groupings.len() {
            levels.push(level(call, connection, &request, depth)?);
        }
        let whole = levels.first().and_then(|rows| rows.first());
        let summaries = whole.map_or_else(|| json!({}), |row| row.summaries.clone());
        Ok(json!({"summaries": summaries, "groups": children(&levels, 1, "")}))
    })
}

fn parsed<T>(parameters: &Parameters<'_>, key: &str, parse: impl Fn(&Value) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    parameters.list(key)?.iter().map(parse).collect()
}

/// One group, or at depth 0 everything.
struct LevelRow {
    /// Tells the group among all of its depth; begins with its parent's.
    key: String,
    parent: String,
    name: Value,
    value: Value,
    summaries: Value,
}

fn level(call: &Call<'_>, connection: &Connection, request: &Request<'_>, depth: usize) -> Result<Vec<LevelRow>, Fault> {
    let schema = call.schema;
    let mut query = Query::new(schema, call.caller, VERB);
    let mut scope = query.scope(request.entity_type);
    let mut keys = Vec::new();
    for grouping in request.groupings.iter().take(depth) {
        keys.push(grouping.compile(&mut query, &mut scope)?);
    }
    let mut columns: Vec<String> = keys.iter().flat_map(|key| key.columns.clone()).collect();
    let mut aggregates = Vec::new();
    for summary in &request.summaries {
        if let Some(aggregate) = summary.compile(&mut query, &mut scope)? {
            aggregates.push((columns.len(), aggregate.data_type, &summary.field));
            columns.push(aggregate.sql);
        }
    }
    if columns.is_empty() {
        columns.push("1".to_owned());
    }
    let selection = Selection {
        filter: &request.filter,
        retired: false,
        archived_projects: request.archived_projects,
    };
    let condition = select::condition(&mut query, &mut scope, &selection)?;
    let mut sql = format!("SELECT {} FROM {} WHERE {condition}", columns.join(", "), scope.tables());
    if !keys.is_empty() {
        let places: Vec<String> = (1..=keys.iter().map(|key| key.columns.len()).sum::<usize>())
            .map(|place| place.to_string())
            .collect();
        let order: Vec<String> = keys.iter().map(|key| key.order.clone()).collect();
        sql.push_str(&format!(" GROUP BY {} ORDER BY {}", places.join(", "), order.join(", ")));
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(query.values()))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut path = String::new();
        let mut parent = String::new();
        let (mut name, mut value) = (Value::Null, Value::Null);
        let mut first = 0;
        for key in &keys {
            (name, value) = key.decode(row, first)?;
            first += key.columns.len();
            parent.clone_from(&path);
            path.push_str(&format!("{value}\n"));
        }
        let mut summaries = Map::new();
        for (column, data_type, field) in &aggregates {
            let value = select::decode(*data_type, row.get_ref(*column)?);
            summaries.insert((*field).clone(), value);
        }
        found.push(LevelRow {
            key: path,
            parent,
            name,
            value,
            summaries: Value::Object(summaries),
        });
    }
    Ok(found)
}

/// The groups below one group, each with those below it.
fn children(levels: &[Vec<LevelRow>], depth: usize, parent: &str) -> Value {
    let Some(rows) = levels.get(depth) else {
        return json!([]);
    };
    rows.iter()
        .filter(|row| row.parent == parent)
        .map(|row| {
            let mut group = BTreeMap::from([
                ("group_name", row.name.clone()),
                ("group_value", row.value.clone()),
                ("summaries", row.summaries.clone()),
            ]);
            if levels.len() > depth + 1 {
                group.insert("groups", children(levels, depth + 1, &row.key));
            }
            json!(group)
        })
        .collect()
}
