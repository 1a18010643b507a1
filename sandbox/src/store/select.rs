//! Reading rows: columns, links and deep fields, put together as JSON.

use std::collections::BTreeMap;

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use serde_json::{Map, Value, json};

use super::query::{Leaf, Query, Scope, alive, link_columns};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::{DataType, EntityType, Storage};

/// What a reader sees in the place of a secret.
pub(crate) const MASKED: &str = "*******";

pub(crate) struct Sort {
    pub(crate) path: String,
    pub(crate) descending: bool,
}

/// Which rows a read is about.
pub(crate) struct Selection<'s> {
    pub(crate) filter: &'s Filter,
    pub(crate) retired: bool,
    pub(crate) archived_projects: bool,
}

/// One returned field and how its value is found in the result row.
struct Output<'a> {
    name: String,
    data_type: DataType,
    kind: OutputKind<'a>,
}

enum OutputKind<'a> {
    /// Column of the result.
    Scalar(usize),
    /// Columns of the target's type, id and name; all null when there is none that lives.
    Link(usize),
    /// Column of the owner's id; the links are fetched afterwards.
    Links { owner: usize, leaf: Leaf<'a> },
    /// Column that tells whether the row is there; a secret shows as asterisks.
    Secret(usize),
    /// Column that tells whether the row is there; nothing is kept, so nothing is shown.
    Nothing,
}

/// Reads rows of one type. Unknown fields are left out of the answer without a word, as a site does.
///
/// Which rows they are is asked first, and what is shown of them then: rows that are sorted out, or lie on other
/// pages, cost no look at what they link to.
pub(crate) fn rows<'a>(
    connection: &Connection,
    query: &mut Query<'a>,
    entity_type: &'a EntityType,
    fields: &[String],
    selection: &Selection<'_>,
    sorts: &[Sort],
    window: Option<(i64, i64)>,
) -> Result<Vec<Map<String, Value>>, Fault> {
    let ids = {
        let sql = page_sql(query, entity_type, selection, sorts, window)?;
        let mut statement = connection.prepare_cached(&sql)?;
        let ids = statement.query_map(params_from_iter(query.values()), |row| row.get(0))?;
        ids.collect::<Result<Vec<i64>, _>>()?
    };
    let mut rows = shown(connection, query, entity_type, fields, &ids)?;
    Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
}

/// The statement that finds the rows of a page.
pub(super) fn page_sql<'a>(
    query: &mut Query<'a>,
    entity_type: &'a EntityType,
    selection: &Selection<'_>,
    sorts: &[Sort],
    window: Option<(i64, i64)>,
) -> Result<String, Fault> {
    let mut scope = query.scope(entity_type);
    let condition = condition(query, &mut scope, selection)?;
    let order = order(query, &mut scope, sorts)?;
    let mut sql = format!(
        "SELECT {}.id FROM {} WHERE {condition} ORDER BY {order}",
        scope.alias,
        scope.tables()
    );
    if let Some((limit, offset)) = window {
        sql.push_str(&format!(" LIMIT {limit} OFFSET {offset}"));
    }
    Ok(sql)
}

/// The fields of rows that are known by their ids.
fn shown<'a>(
    connection: &Connection,
    found_by: &Query<'a>,
    entity_type: &'a EntityType,
    fields: &[String],
    ids: &[i64],
) -> Result<BTreeMap<i64, Map<String, Value>>, Fault> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = &mut found_by.another();
    let mut scope = query.scope(entity_type);
    let mut columns = vec![format!("{}.id", scope.alias)];
    let mut outputs = Vec::new();
    for name in fields {
        if let Some(output) = output(query, &mut scope, name, &mut columns)? {
            outputs.push(output);
        }
    }
    let list = query.bind_list(&ids.iter().copied().map(Value::from).collect::<Vec<_>>());
    let sql = format!(
        "SELECT {} FROM {} WHERE {}.id IN {list}",
        columns.join(", "),
        scope.tables(),
        scope.alias
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(query.values()))?;
    let mut found = Vec::new();
    let mut owners: Vec<Vec<Option<i64>>> = Vec::new();
    while let Some(row) = rows.next()? {
        let mut entity = Map::new();
        entity.insert("type".to_owned(), json!(entity_type.name));
        entity.insert("id".to_owned(), json!(row.get::<_, i64>(0)?));
        let mut row_owners = Vec::new();
        for output in &outputs {
            let value = match &output.kind {
                OutputKind::Scalar(column) => query.present(output.data_type, decode(output.data_type, row.get_ref(*column)?)),
                OutputKind::Link(column) => decode_link(row, *column)?,
                OutputKind::Secret(column) => match row.get_ref(*column)? {
                    ValueRef::Null => Value::Null,
                    _ => json!(MASKED),
                },
                OutputKind::Nothing => Value::Null,
                OutputKind::Links { owner, .. } => {
                    row_owners.push(row.get::<_, Option<i64>>(*owner)?);
                    json!([])
                }
            };
            entity.insert(output.name.clone(), value);
        }
        owners.push(row_owners);
        found.push(entity);
    }
    drop(rows);
    drop(statement);
    fill_links(connection, query, &outputs, &owners, &mut found)?;
    let by_id = |row: Map<String, Value>| Some((row.get("id")?.as_i64()?, row));
    Ok(found.into_iter().filter_map(by_id).collect())
}

/// How many rows a selection has.
pub(crate) fn count<'a>(
    connection: &Connection,
    query: &mut Query<'a>,
    entity_type: &'a EntityType,
    selection: &Selection<'_>,
) -> Result<i64, Fault> {
    let mut scope = query.scope(entity_type);
    let condition = condition(query, &mut scope, selection)?;
    let sql = format!("SELECT count(*) FROM {} WHERE {condition}", scope.tables());
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row(params_from_iter(query.values()), |row| row.get(0))?)
}

/// The WHERE clause of a selection, with what the caller may see.
pub(crate) fn condition<'a>(query: &mut Query<'a>, scope: &mut Scope<'a>, selection: &Selection<'_>) -> Result<String, Fault> {
    let retired = i64::from(selection.retired);
    let mut parts = vec![format!("{}._retired = {retired}", scope.alias)];
    if !selection.archived_projects {
        let path = if scope.entity_type.name == "Project" {
            Some("archived")
        } else {
            scope.entity_type.in_project().then_some("project.Project.archived")
        };
        if let Some(path) = path {
            let archived = Filter::condition(path, "is_not", json!(true));
            parts.push(query.filter(scope, &archived)?);
        }
    }
    parts.push(query.filter(scope, selection.filter)?);
    if let Some(visible) = query.visibility(scope)? {
        parts.push(visible);
    }
    Ok(parts.join(" AND "))
}

/// Unknown sort fields, and fields without an order, are passed over; ids break ties.
fn order<'a>(query: &mut Query<'a>, scope: &mut Scope<'a>, sorts: &[Sort]) -> Result<String, Fault> {
    let mut parts = Vec::new();
    for sort in sorts {
        let Some(leaf) = query.leaf(scope, &sort.path)? else {
            continue;
        };
        let expression = match leaf.field.data_type {
            DataType::Entity => Some(Query::link_name(&leaf)),
            DataType::Serializable | DataType::Url | DataType::Image => None,
            DataType::Footage => {
                // Feet, and frames behind them.
                let feet = query.expression(&leaf)?;
                feet.map(|text| format!("CAST({text} AS INTEGER) * 1e6 + CAST(substr({text}, instr({text}, '-') + 1) AS INTEGER)"))
            }
            _ => query.expression(&leaf)?,
        };
        if let Some(expression) = expression {
            let direction = if sort.descending { "DESC" } else { "ASC" };
            parts.push(format!("{expression} {direction}"));
        }
    }
    parts.push(format!("{}.id ASC", scope.alias));
    Ok(parts.join(", "))
}

fn output<'a>(query: &mut Query<'a>, scope: &mut Scope<'a>, name: &str, columns: &mut Vec<String>) -> Result<Option<Output<'a>>, Fault> {
    if name == "type" || name == "id" {
        return Ok(None);
    }
    let Some(leaf) = query.leaf(scope, name)? else {
        return Ok(None);
    };
    let first = columns.len();
    let data_type = leaf.field.data_type;
    let kind = match &leaf.field.storage {
        Storage::LinkTable | Storage::InverseOfColumn(_) | Storage::InverseOfTable(_) => {
            columns.push(format!("{}.id", leaf.alias));
            OutputKind::Links { owner: first, leaf }
        }
        Storage::Column if data_type == DataType::Entity => {
            let (id, kind) = link_columns(&leaf);
            let name = Query::link_name(&leaf);
            let live = alive(&kind, &id);
            columns.extend([format!("CASE WHEN {live} THEN {kind} END"), id, name]);
            OutputKind::Link(first)
        }
        Storage::Secret => {
            columns.push(format!("{}.id", leaf.alias));
            OutputKind::Secret(first)
        }
        Storage::Nothing => OutputKind::Nothing,
        Storage::Column | Storage::Concat(_) | Storage::CountOf(_) | Storage::LastAccess => {
            let expression = query.expression(&leaf)?.unwrap_or_else(|| "NULL".to_owned());
            columns.push(expression);
            OutputKind::Scalar(first)
        }
    };
    Ok(Some(Output {
        name: name.to_owned(),
        data_type,
        kind,
    }))
}

/// One query for each link field fetches the links of all rows of the page.
fn fill_links<'a>(
    connection: &Connection,
    outer: &Query<'a>,
    outputs: &[Output<'a>],
    owners: &[Vec<Option<i64>>],
    found: &mut [Map<String, Value>],
) -> Result<(), Fault> {
    let links = outputs.iter().filter_map(|output| match &output.kind {
        OutputKind::Links { leaf, .. } => Some((&output.name, leaf)),
        _ => None,
    });
    for (position, (name, leaf)) in links.enumerate() {
        let ids: Vec<Value> = owners
            .iter()
            .filter_map(|row| row.get(position).copied().flatten())
            .map(Value::from)
            .collect();
        let mut by_owner = links_of(connection, outer, leaf, &ids)?;
        // Several rows may share an owner when the links are those of a linked row.
        for (entity, row) in found.iter_mut().zip(owners) {
            let owner = row.get(position).copied().flatten();
            let value = match owner {
                None => Value::Null,
                Some(owner) => Value::Array(by_owner.entry(owner).or_default().clone()),
            };
            entity.insert(name.clone(), value);
        }
    }
    Ok(())
}

fn links_of<'a>(connection: &Connection, outer: &Query<'a>, leaf: &Leaf<'a>, owners: &[Value]) -> Result<BTreeMap<i64, Vec<Value>>, Fault> {
    let mut query = Query::unlimited(outer.schema, outer.caller, outer.verb);
    let mut by_owner: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    let Some((source, from)) = query.live_links(leaf.entity_type, leaf.field)? else {
        return Ok(by_owner);
    };
    let list = query.bind_list(owners);
    let sql = format!(
        "SELECT {owner}, d.type, d.id, d.name FROM {from} AND {owner} IN {list} ORDER BY {owner}, {}",
        source.order,
        owner = source.owner,
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(query.values()))?;
    while let Some(row) = rows.next()? {
        by_owner.entry(row.get(0)?).or_default().push(decode_link(row, 1)?);
    }
    Ok(by_owner)
}

/// `{"type", "id", "name"}` of the columns that begin at `first`, null when the type is.
pub(crate) fn decode_link(row: &Row<'_>, first: usize) -> Result<Value, Fault> {
    let Some(entity_type) = row.get::<_, Option<String>>(first)? else {
        return Ok(Value::Null);
    };
    Ok(json!({
        "type": entity_type,
        "id": row.get::<_, i64>(first + 1)?,
        "name": row.get::<_, Option<String>>(first + 2)?,
    }))
}

/// A stored value as the wire shows it.
pub(crate) fn decode(data_type: DataType, stored: ValueRef<'_>) -> Value {
    match (data_type, SqlValue::try_from(stored)) {
        (DataType::TagList, Ok(SqlValue::Null)) => json!([]),
        (_, Err(_) | Ok(SqlValue::Null | SqlValue::Blob(_))) => Value::Null,
        (DataType::Checkbox, Ok(SqlValue::Integer(flag))) => json!(flag != 0),
        (_, Ok(SqlValue::Integer(number))) => json!(number),
        (_, Ok(SqlValue::Real(number))) => json!(number),
        (DataType::TagList | DataType::Url | DataType::Serializable, Ok(SqlValue::Text(text))) => {
            serde_json::from_str(&text).unwrap_or(Value::Null)
        }
        (_, Ok(SqlValue::Text(text))) => json!(text),
    }
}
