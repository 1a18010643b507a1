//! `sg create`, `sg update`, `sg delete`, `sg revive`, `sg batch`, `sg call`.

use std::io::Read;
use std::path::Path;

use shotgrid::client::{Document, Kind, quote};

use crate::arguments::{Call, Create, Format, Rows, Update};
use crate::connect::Site;
use crate::failure::{self, Failure, Outcome};
use crate::output::{self, Kinds};
use crate::values::{Types, data, link, row};

pub async fn create(site: &Site, create: &Create, format: Format) -> Outcome {
    let data = data(&mut Types::new(site), &create.entity_type, &create.values).await?;
    if let Some((name, _)) = data.modes.first() {
        return Err(Failure::usage(format!(
            "{name}: a new row has nothing to add to or take from; write {name}="
        )));
    }
    let params = format!("[{},{}]", quote(&create.entity_type), data.json());
    let made = site.call("create", &params).await?;
    Ok(output::object(made.root(), format))
}

pub async fn update(site: &Site, update: &Update, format: Format) -> Outcome {
    let (entity_type, id, words) = row(&update.words)?;
    if words.is_empty() {
        return Err(Failure::usage("nothing is to be changed").hint("write FIELD=VALUE behind the row"));
    }
    let data = data(&mut Types::new(site), &entity_type, words).await?;
    let params = format!("[{},{id},{},{}]", quote(&entity_type), data.json(), data.modes_json());
    let changed = site.call("update", &params).await?;
    Ok(output::object(changed.root(), format))
}

/// Deletes or revives rows, one after the other. It stops at the first that fails, and says how far it came.
pub async fn delete(site: &Site, given: &Rows, method: &str, format: Format) -> Outcome {
    let mut rows: Vec<(String, i64)> = Vec::new();
    let mut kind: Option<String> = None;
    for word in &given.rows {
        match (link(word), word.parse::<i64>(), &kind) {
            (Some((of, id)), ..) => rows.push((of.to_owned(), id)),
            (None, Ok(id), Some(of)) if id >= 1 => rows.push((of.clone(), id)),
            (None, Err(_), _) if word.starts_with(|letter: char| letter.is_ascii_uppercase()) => kind = Some(word.clone()),
            _ => return Err(Failure::usage(format!("\"{word}\" names no row")).hint("write Shot 862 863, or Shot:862 Version:6944")),
        }
    }
    if rows.is_empty() {
        return Err(Failure::usage("no row is named").hint("write Shot 862, or Shot:862"));
    }
    let (done, not_done) = if method == "delete" {
        ("deleted", "was deleted before")
    } else {
        ("revived", "was not deleted")
    };
    let kind = output::kind(format);
    // What must be told as a whole.
    let mut told = Vec::new();
    let mut outcome = Ok(failure::OK);
    for (entity_type, id) in rows {
        let is_done = match site.call(method, &format!("[{},{id}]", quote(&entity_type))).await {
            Ok(answer) => answer.root().as_bool() == Some(true),
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        };
        let row = format!(r#"{{"type":{},"id":{id},"{done}":{is_done}}}"#, quote(&entity_type));
        let code = match kind {
            Kinds::Table => output::print(&format!("{entity_type}:{id} {}\n", if is_done { done } else { not_done })),
            Kinds::Lines => output::print(&format!("{row}\n")),
            Kinds::Json | Kinds::Csv => {
                told.push(row);
                failure::OK
            }
        };
        if code != failure::OK {
            return Ok(code);
        }
    }
    if matches!(kind, Kinds::Json | Kinds::Csv) && (outcome.is_ok() || !told.is_empty()) {
        let columns = ["type", "id", done].map(str::to_owned);
        let code = output::made(format!("[{}]", told.join(",")), format, Some(&columns))?;
        return outcome.map(|_| code);
    }
    outcome
}

/// A JSON array of requests, or one request a line.
pub async fn batch(site: &Site, file: &Path) -> Outcome {
    let text = input(file)?;
    let requests = match Document::parse(text.clone().into_bytes()) {
        Ok(all) if all.root().kind() == Kind::Array => text,
        _ => {
            let mut lines = Vec::new();
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                if let Err(error) = Document::parse(line.as_bytes().to_vec()) {
                    return Err(Failure::usage(format!("line {} is no JSON: {error}", index + 1)));
                }
                lines.push(line);
            }
            format!("[{}]", lines.join(","))
        }
    };
    let results = site.call("batch", &format!("[{requests}]")).await?;
    let lines: String = results.root().children().map(|result| format!("{}\n", result.json())).collect();
    Ok(output::print(&lines))
}

pub async fn call(site: &Site, call: &Call, format: Format) -> Outcome {
    let parameters = if call.parameters == "-" {
        input(Path::new("-"))?
    } else {
        call.parameters.clone()
    };
    if !parameters.trim().is_empty()
        && let Err(error) = Document::parse(parameters.clone().into_bytes())
    {
        return Err(Failure::usage(format!("this is not JSON: {error}")).hint("parameters are as in '[\"Shot\", [], [\"code\"]]'"));
    }
    let answer = if call.raw {
        site.client.call_raw(&call.method, &parameters).await?
    } else {
        site.call(&call.method, &parameters).await?
    };
    // JSON is what a method's answer is, also for people, unless they ask for a table.
    let format = Format {
        json: !(format.table || format.csv || format.jsonl),
        ..format
    };
    Ok(output::anything(answer.root(), format))
}

/// The text of a file, or of standard input.
fn input(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let outcome = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    outcome.map_err(|error| Failure::local(format!("{}: {error}", file.display())))?;
    Ok(text)
}
