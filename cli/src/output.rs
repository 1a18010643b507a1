//! Standard output: JSON, tables, CSV. Data only.

use std::io::{IsTerminal, Write};

use shotgrid::client::environment::variable;
use shotgrid::client::{Document, Key, Kind, Pages, Value};

use crate::arguments::Format;
use crate::failure::{self, Failure, Outcome};
use crate::show::{cell, indented, pretty};
use crate::table::table;

/// The width of a table where the terminal does not tell its own.
const USUAL_WIDTH: usize = 120;

/// What the output is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    Json,
    Lines,
    Table,
    Csv,
}

/// What was asked for; else a table for people and JSON for programs.
pub fn kind(format: Format) -> Kinds {
    match format {
        Format { json: true, .. } => Kinds::Json,
        Format { jsonl: true, .. } => Kinds::Lines,
        Format { csv: true, .. } => Kinds::Csv,
        Format { table: true, .. } => Kinds::Table,
        _ if std::io::stdout().is_terminal() => Kinds::Table,
        _ => Kinds::Json,
    }
}

pub fn print(text: &str) -> u8 {
    failure::written(std::io::stdout().lock().write_all(text.as_bytes()))
}

fn width() -> Option<usize> {
    std::io::stdout().is_terminal().then(|| {
        let told = variable("COLUMNS").and_then(|columns| columns.parse().ok());
        let asked = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        told.or(asked).unwrap_or(USUAL_WIDTH)
    })
}

/// A document that is one object: its members below each other in a table.
pub fn one(json: String, format: Format) -> Outcome {
    let document = Document::parse(json.into_bytes()).map_err(|error| Failure::local(error.to_string()))?;
    Ok(object(document.root(), format))
}

/// Rows that were put together here, with these columns or those that any of them has.
pub fn made(json: String, format: Format, columns: Option<&[String]>) -> Outcome {
    let document = Document::parse(json.into_bytes()).map_err(|error| Failure::local(error.to_string()))?;
    Ok(rows(&document.root().children().collect::<Vec<_>>(), format, columns))
}

/// One object, as [`one`].
pub fn object(value: Value<'_>, format: Format) -> u8 {
    match kind(format) {
        Kinds::Json => print(&pretty(value)),
        Kinds::Lines => print(&format!("{}\n", value.json())),
        Kinds::Csv if value.kind() == Kind::Object => {
            let columns: Vec<String> = value.children().map(name).collect();
            print(&rows_as(Kinds::Csv, &[value], Some(&columns)))
        }
        Kinds::Csv => print(&csv(&["value".to_owned()], &[vec![cell(value)]])),
        Kinds::Table if value.kind() == Kind::Object => {
            let rows: Vec<Vec<String>> = value.children().map(|member| vec![name(member), cell(member)]).collect();
            print(&table(&["field".to_owned(), "value".to_owned()], &rows, width()))
        }
        Kinds::Table => print(&format!("{}\n", crate::show::harmless(&cell(value)))),
    }
}

/// Anything that a call gives: rows where it is rows.
pub fn anything(value: Value<'_>, format: Format) -> u8 {
    let is_rows = value.kind() == Kind::Array && value.count() > 0 && value.children().all(|each| each.kind() == Kind::Object);
    match kind(format) {
        Kinds::Table | Kinds::Csv if is_rows => rows(&value.children().collect::<Vec<_>>(), format, None),
        Kinds::Lines if value.kind() == Kind::Array => rows(&value.children().collect::<Vec<_>>(), format, None),
        _ => object(value, format),
    }
}

/// Rows, with these columns or those that any of them has.
pub fn rows(rows: &[Value<'_>], format: Format, columns: Option<&[String]>) -> u8 {
    print(&rows_as(kind(format), rows, columns))
}

/// Rows, page by page: at once where they need not be seen all together.
pub async fn pages(mut pages: Pages, format: Format, columns: Option<&[String]>) -> Outcome {
    let kind = kind(format);
    let mut read = Vec::new();
    let mut count = 0;
    while let Some(page) = pages.next().await? {
        let mut text = String::new();
        for row in page.root().children() {
            match kind {
                Kinds::Lines => text.push_str(&format!("{}\n", row.json())),
                Kinds::Json => text.push_str(&format!("{}{}", if count == 0 { "[\n  " } else { ",\n  " }, indented(row))),
                Kinds::Table | Kinds::Csv => {}
            }
            count += 1;
        }
        if let Err(error) = std::io::stdout().lock().write_all(text.as_bytes()) {
            return Ok(failure::written(Err(error)));
        }
        if matches!(kind, Kinds::Table | Kinds::Csv) {
            read.push(page);
        }
    }
    Ok(match kind {
        Kinds::Lines => print(""),
        Kinds::Json => print(if count == 0 { "[]\n" } else { "\n]\n" }),
        Kinds::Table | Kinds::Csv => {
            let rows: Vec<Value<'_>> = read.iter().flat_map(|page| page.root().children()).collect();
            print(&rows_as(kind, &rows, columns))
        }
    })
}

fn rows_as(kind: Kinds, rows: &[Value<'_>], columns: Option<&[String]>) -> String {
    match kind {
        Kinds::Json if rows.is_empty() => "[]\n".to_owned(),
        Kinds::Json => {
            let rows: Vec<String> = rows.iter().map(|row| indented(*row)).collect();
            format!("[\n  {}\n]\n", rows.join(",\n  "))
        }
        Kinds::Lines => rows.iter().map(|row| format!("{}\n", row.json())).collect(),
        Kinds::Table | Kinds::Csv => {
            let columns = columns.map_or_else(|| columns_of(rows), <[String]>::to_vec);
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|row| columns.iter().map(|name| row.get(name).map_or(String::new(), cell)).collect())
                .collect();
            if kind == Kinds::Table {
                table(&columns, &cells, width())
            } else {
                csv(&columns, &cells)
            }
        }
    }
}

fn name(member: Value<'_>) -> String {
    member.key().map(Key::as_str).unwrap_or_default().into_owned()
}

/// The names that any row has, in the order in which they come. A type that all share is not repeated.
fn columns_of(rows: &[Value<'_>]) -> Vec<String> {
    let mut columns = Vec::new();
    let kinds: Vec<Option<&str>> = rows.iter().map(|row| kind_of(*row)).collect();
    let one_kind = kinds.windows(2).all(|pair| pair.first() == pair.last()) && kinds.first().is_some_and(Option::is_some);
    for member in rows.iter().flat_map(|row| row.children()) {
        let name = name(member);
        if !(columns.contains(&name) || one_kind && name == "type") {
            columns.push(name);
        }
    }
    columns
}

/// The entity type of a row.
fn kind_of(row: Value<'_>) -> Option<&str> {
    row.get("id")?;
    row.get("type").map(Value::json)
}

/// By RFC 4180.
fn csv(columns: &[String], rows: &[Vec<String>]) -> String {
    let quoted = |text: &String| {
        if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.clone()
        }
    };
    let line = |row: &[String]| format!("{}\r\n", row.iter().map(quoted).collect::<Vec<_>>().join(","));
    std::iter::once(line(columns)).chain(rows.iter().map(|row| line(row))).collect()
}
