//! `sg can`: permission, asked without doing anything.

use shotgrid::client::{Key, Value, quote};

use crate::arguments::{Can, Format, Operation};
use crate::connect::Site;
use crate::failure::{self, Failure, Outcome};
use crate::output::{self, Kinds};
use crate::values::{Types, data, link, text};

pub async fn can(site: &Site, can: &Can, format: Format) -> Outcome {
    let operation = match can.operation {
        Operation::Create => "create",
        Operation::Read => "read",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Revive => "revive",
    };
    let (entity_type, id, words) = subject(&can.words)?;
    let (values, names): (Vec<String>, Vec<String>) = words.iter().cloned().partition(|word| word.contains('='));
    let data = data(&mut Types::new(site), &entity_type, &values).await?;
    let names: Vec<String> = names
        .iter()
        .flat_map(|name| name.split(','))
        .filter(|name| !name.is_empty())
        .map(quote)
        .collect();
    let given = if values.is_empty() {
        String::new()
    } else {
        format!(r#","data":{},"multi_entity_update_modes":{}"#, data.json(), data.modes_json())
    };
    let params = format!(
        r#"{{"operation":"{operation}","entity_type":{},"entity_id":{},"fields":[{}],"dry_run":{}{given}}}"#,
        quote(&entity_type),
        id.map_or("null".to_owned(), |id| id.to_string()),
        names.join(","),
        !can.no_dry_run
    );
    let answer = site.call("permission_check", &params).await?;
    let root = answer.root();
    let code = match &*text(root.get("allowed")) {
        "yes" => failure::OK,
        "no" => failure::NO,
        _ => failure::DEPENDS,
    };
    if can.quiet {
        return Ok(code);
    }
    let printed = match output::kind(format) {
        Kinds::Json | Kinds::Lines => output::object(root, format),
        Kinds::Table | Kinds::Csv => {
            let fields = root.get("fields").into_iter().flat_map(Value::children);
            let lines: Vec<String> = std::iter::once(line(operation, root))
                .chain(fields.map(|field| line(&field.key().map(Key::as_str).unwrap_or_default(), field)))
                .collect();
            output::made(format!("[{}]", lines.join(",")), format, None)?
        }
    };
    Ok(if printed == failure::OK { code } else { printed })
}

fn line(what: &str, verdict: Value<'_>) -> String {
    let of = |name: &str| verdict.get(name).map_or("null", Value::json);
    format!(
        r#"{{"what":{},"allowed":{},"reason":{},"role":{},"rule":{}}}"#,
        quote(what),
        of("allowed"),
        of("reason"),
        of("role"),
        of("rule_id")
    )
}

/// A type, perhaps with an id, and the words behind.
fn subject(words: &[String]) -> Result<(String, Option<i64>, &[String]), Failure> {
    let (first, rest) = words.split_first().ok_or_else(|| Failure::usage("what?"))?;
    if let Some((kind, id)) = link(first) {
        return Ok((kind.to_owned(), Some(id), rest));
    }
    match rest.split_first() {
        Some((second, behind)) if second.parse::<i64>().is_ok_and(|id| id >= 1) => Ok((first.clone(), second.parse().ok(), behind)),
        _ => Ok((first.clone(), None, rest)),
    }
}
