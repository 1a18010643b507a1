//! `sg schema`.

use shotgrid::client::{Key, Kind, Value, quote};

use crate::arguments::{Format, Schema};
use crate::connect::Site;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Kinds};
use crate::show::cell;

pub async fn schema(site: &Site, which: &Schema, format: Format) -> Outcome {
    let is_json = matches!(output::kind(format), Kinds::Json | Kinds::Lines);
    let Some(entity_type) = &which.entity_type else {
        let types = site.call("schema_entity_read", "").await?;
        if is_json {
            return Ok(output::object(types.root(), format));
        }
        let row = |of: Value<'_>| {
            let key = of.key().map_or("null", Key::json);
            format!(
                r#"{{"type":{key},"name":{}}}"#,
                of.pointer("/name/value").map_or("null", Value::json)
            )
        };
        return output::made(list(types.root().children().map(row)), format, None);
    };
    let field = which.field.as_ref().map_or(String::new(), |field| format!(",{}", quote(field)));
    let fields = site.call("schema_field_read", &format!("[{}{field}]", quote(entity_type))).await?;
    let root = fields.root();
    if is_json {
        return Ok(output::object(root, format));
    }
    match &which.field {
        None => output::made(list(root.children().map(line)), format, None),
        Some(name) => {
            let field = root
                .get(name)
                .ok_or_else(|| Failure::no(format!("there is no {entity_type}.{name}")))?;
            output::one(details(name, field), format)
        }
    }
}

fn list(rows: impl Iterator<Item = String>) -> String {
    format!("[{}]", rows.collect::<Vec<_>>().join(","))
}

fn told<'d>(field: Value<'d>, name: &str) -> &'d str {
    field
        .get(name)
        .and_then(|property| property.get("value"))
        .map_or("null", Value::json)
}

/// A field in a list of fields.
fn line(field: Value<'_>) -> String {
    let values = ["valid_types", "valid_values"].iter().find_map(|name| {
        let found = field.pointer(&format!("/properties/{name}/value"))?;
        (found.count() > 0).then(|| cell(found))
    });
    format!(
        r#"{{"field":{},"name":{},"type":{},"editable":{},"takes":{}}}"#,
        quote(&field.key().map(Key::as_str).unwrap_or_default()),
        told(field, "name"),
        told(field, "data_type"),
        told(field, "editable"),
        quote(&values.unwrap_or_default())
    )
}

/// Everything about one field.
fn details(name: &str, field: Value<'_>) -> String {
    let mut members = vec![format!(r#""field":{}"#, quote(name))];
    let plain = field
        .children()
        .filter(|property| property.key().is_some_and(|key| !key.is_str("properties")));
    let more = field.get("properties").into_iter().flat_map(Value::children);
    for property in plain.chain(more) {
        let value = property.get("value").filter(|value| value.kind() != Kind::Null);
        if let (Some(key), Some(value)) = (property.key(), value) {
            members.push(format!("{}:{}", key.json(), value.json()));
        }
    }
    format!("{{{}}}", members.join(","))
}
