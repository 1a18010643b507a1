//! `sg find`, `sg find-one`, `sg get`, `sg summarize`.

use shotgrid::client::{Kind, Value, quote};

use crate::arguments::{Filters, Find, FindOne, Format, Get, Summarize};
use crate::connect::Site;
use crate::failure::{Failure, Outcome};
use crate::filters;
use crate::output::{self, Kinds};
use crate::values::{Types, row};

/// What rows are called, and how they are. A site leaves out what a type does not have.
const USUAL: [&str; 6] = ["code", "name", "content", "subject", "login", "sg_status_list"];

/// The parameters that the reads have in common, without the closing brace.
async fn parameters(site: &Site, entity_type: &str, given: &Filters, fields: &[String], order: &[String]) -> Result<String, Failure> {
    let filters = filters::json(&mut Types::new(site), entity_type, given).await?;
    let fields: Vec<String> = match fields {
        [] => USUAL.iter().map(|name| quote(name)).collect(),
        fields => fields.iter().map(|name| quote(name)).collect(),
    };
    let mut sorts = Vec::new();
    for each in order {
        let (name, direction) = match each.split_once(':') {
            Some((name, direction @ ("asc" | "desc"))) => (name, direction),
            Some(_) => return Err(Failure::usage(format!("--order {each}: write FIELD, FIELD:asc or FIELD:desc"))),
            None => (each.as_str(), "asc"),
        };
        sorts.push(format!(r#"{{"field_name":{},"direction":"{direction}"}}"#, quote(name)));
    }
    let operator = if given.any { r#","filter_operator":"any""# } else { "" };
    Ok(format!(
        r#"{{"entity_type":{},"filters":{filters}{operator},"fields":[{}],"order":[{}],"retired_only":{}"#,
        quote(entity_type),
        fields.join(","),
        sorts.join(","),
        given.retired
    ))
}

/// The columns of a table: the id and the fields that were asked for.
fn columns(fields: &[String]) -> Option<Vec<String>> {
    let others = fields.iter().filter(|name| *name != "id").cloned();
    (!fields.is_empty()).then(|| std::iter::once("id".to_owned()).chain(others).collect())
}

pub async fn find(site: &Site, find: &Find, format: Format) -> Outcome {
    let open = parameters(site, &find.entity_type, &find.filters, &find.fields, &find.order).await?;
    let columns = columns(&find.fields);
    if let Some(page) = find.page {
        let rows = site
            .call("find", &format!(r#"{open},"limit":{},"page":{page}}}"#, find.limit))
            .await?;
        return Ok(output::rows(
            &rows.root().children().collect::<Vec<_>>(),
            format,
            columns.as_deref(),
        ));
    }
    let pages = site.pages(&format!(r#"{open},"limit":{}}}"#, find.limit)).await?;
    output::pages(pages, format, columns.as_deref()).await
}

pub async fn find_one(site: &Site, find: &FindOne, format: Format) -> Outcome {
    let open = parameters(site, &find.entity_type, &find.filters, &find.fields, &find.order).await?;
    let found = site.call("find_one", &format!("{open}}}")).await?;
    if found.root().kind() == Kind::Null {
        return Err(Failure::no(format!("no {} matches", find.entity_type)));
    }
    Ok(output::object(found.root(), format))
}

pub async fn get(site: &Site, get: &Get, format: Format) -> Outcome {
    let (entity_type, id, rest) = row(&get.row)?;
    if let Some(extra) = rest.first() {
        return Err(Failure::usage(format!("\"{extra}\" is too much: fields are named with --fields")));
    }
    let fields: Vec<String> = if get.fields.is_empty() {
        let schema = site.call("schema_field_read", &format!("[{}]", quote(&entity_type))).await?;
        schema
            .root()
            .children()
            .filter_map(Value::key)
            .map(|key| key.json().to_owned())
            .collect()
    } else {
        get.fields.iter().map(|name| quote(name)).collect()
    };
    let params = format!(r#"[{},[["id","is",{id}]],[{}]]"#, quote(&entity_type), fields.join(","));
    let found = site.call("find_one", &params).await?;
    if found.root().kind() == Kind::Null {
        return Err(Failure::no(format!("there is no {entity_type} {id}, or you may not see it")));
    }
    Ok(output::object(found.root(), format))
}

pub async fn summarize(site: &Site, given: &Summarize, format: Format) -> Outcome {
    let pair = |word: &str, what: &str| {
        let (field, kind) = word.rsplit_once(':')?;
        Some(format!(r#"{{"field":{},"type":{}{what}}}"#, quote(field), quote(kind)))
    };
    let wrong = |word: &str| Failure::usage(format!("--sum {word}: write FIELD:SUMMARY, as in id:count"));
    let sums: Result<Vec<String>, Failure> = given.sum.iter().map(|word| pair(word, "").ok_or_else(|| wrong(word))).collect();
    let groups: Vec<String> = given
        .group
        .iter()
        .map(|word| {
            let full = if word.contains(':') {
                word.clone()
            } else {
                format!("{word}:exact")
            };
            pair(&full, r#","direction":"asc""#).unwrap_or_default()
        })
        .collect();
    let filters = filters::json(&mut Types::new(site), &given.entity_type, &given.filters).await?;
    let operator = if given.filters.any { r#","filter_operator":"any""# } else { "" };
    let grouping = if groups.is_empty() {
        String::new()
    } else {
        format!(r#","grouping":[{}]"#, groups.join(","))
    };
    let params = format!(
        r#"{{"entity_type":{},"filters":{filters}{operator},"summary_fields":[{}]{grouping}}}"#,
        quote(&given.entity_type),
        sums?.join(",")
    );
    let found = site.call("summarize", &params).await?;
    if matches!(output::kind(format), Kinds::Json | Kinds::Lines) {
        return Ok(output::object(found.root(), format));
    }
    let mut rows = Vec::new();
    collect(found.root(), &mut Vec::new(), &given.group, &mut rows);
    output::made(format!("[{}]", rows.join(",")), format, None)
}

/// A row for each innermost group.
fn collect(level: Value<'_>, above: &mut Vec<String>, names: &[String], rows: &mut Vec<String>) {
    let groups = level.get("groups").filter(|groups| groups.count() > 0);
    let Some(groups) = groups else {
        let sums = level.get("summaries").into_iter().flat_map(Value::children);
        let sums = sums.filter_map(|sum| Some(format!("{}:{}", sum.key()?.json(), sum.json())));
        let members: Vec<String> = above.iter().cloned().chain(sums).collect();
        rows.push(format!("{{{}}}", members.join(",")));
        return;
    };
    let name = names
        .get(above.len())
        .map_or("group", |name| name.split(':').next().unwrap_or(name));
    for group in groups.children() {
        above.push(format!("{}:{}", quote(name), group.get("group_name").map_or("null", Value::json)));
        collect(group, above, names, rows);
        above.pop();
    }
}
