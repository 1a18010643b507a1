//! `export_page`: the rows of a page as comma-separated values.

use serde_json::Value;

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::DataType;

pub(super) const VERB: &str = "export_page";

/// A page that is not there, that may not be seen, or that lists nothing can't be exported.
pub(super) fn run(call: &Call<'_>) -> Result<String, Fault> {
    let parameters = Parameters::of(VERB, call.parameters)?;
    let missing = |key: &str| Fault::bad_call(VERB, format_args!("'{key}' missing"));
    if parameters.get("format").is_none() {
        return Err(missing("format"));
    }
    if parameters.get("page_id").is_none() {
        return Err(missing("page_id"));
    }
    if parameters.text("format")? != "csv" {
        return Err(parameters.invalid("'csv'", "format"));
    }
    // Pages have one layout here, which is the one of any name.
    if parameters.get("layout_name").is_some() {
        parameters.text("layout_name")?;
    }
    let id = parameters.integer("page_id")?;
    let not_there = || Fault::crud(format!("Export for Page id={id} not available"));
    call.site.store.read(|connection| {
        let page = rows::find(call, connection, ("Page", id), &rows::names(&["entity_type", "project"]))?;
        let page = page.ok_or_else(not_there)?;
        let listed = page.get("entity_type").and_then(Value::as_str);
        let entity_type = listed.and_then(|name| call.schema.entity_type(name)).ok_or_else(not_there)?;
        let filter = match page.get("project") {
            Some(project @ Value::Object(_)) if entity_type.in_project() => Filter::condition("project", "is", project.clone()),
            _ => Filter::everything(),
        };
        let shown = entity_type.fields.values().filter(|field| field.data_type != DataType::Password);
        let (names, titles): (Vec<String>, Vec<String>) = shown.map(|field| (field.name.clone(), field.display_name.clone())).unzip();
        let found = rows::select(call, connection, entity_type, &filter, &names, (&[], None))?;
        // Fields that the caller may not see are in no row: without rows, nobody learns their names.
        let visible: Vec<usize> = (0..names.len())
            .filter(|index| found.first().is_some_and(|row| row.contains_key(&names[*index])))
            .collect();
        let mut csv = line(visible.iter().map(|index| titles[*index].clone()));
        for row in &found {
            csv.push_str(&line(visible.iter().map(|index| text(row.get(&names[*index])))));
        }
        Ok(csv)
    })
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    quoted.join(",") + "\n"
}

/// A value as a person reads it in a table.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(members)) => {
            let shown: Vec<String> = members.iter().map(|member| text(Some(member))).collect();
            shown.join(", ")
        }
        Some(Value::Object(object)) => match object.get("name") {
            Some(name) => text(Some(name)),
            None => Value::Object(object.clone()).to_string(),
        },
        Some(other) => other.to_string(),
    }
}
