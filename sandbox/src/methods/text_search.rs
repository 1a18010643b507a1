//! `query_display_name_cache`: rows by words of their names.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::{DataType, EntityType, Field};

const VERB: &str = "query_display_name_cache";
/// The field that links a row to the one it belongs to.
const OWNER: &str = "entity";
const SHORTEST_TEXT: usize = 3;
/// Matches of a call that sets no limit.
const DEFAULT_MATCHES: i64 = 50;

/// A row matches when every word is part of its name, or of the name of the row that it belongs to.
pub(super) fn run(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(VERB, call.parameters)?;
    let text = parameters.text("text")?;
    if text.trim().chars().count() < SHORTEST_TEXT {
        return Err(Fault::bad_call(
            VERB,
            format_args!("'text' must have at least {SHORTEST_TEXT} characters: {}", json!(text)),
        ));
    }
    let Some(Value::Object(entity_types)) = parameters.get("entity_types") else {
        return Err(parameters.invalid("object", "entity_types"));
    };
    let projects = parameters.list("project_ids")?;
    if !projects.iter().all(Value::is_i64) {
        return Err(parameters.invalid("array of integers", "project_ids"));
    }
    let limit = match parameters.get("max_results") {
        None => DEFAULT_MATCHES,
        Some(_) => parameters.integer("max_results")?,
    };
    if limit < 1 {
        return Err(parameters.invalid("integer", "max_results"));
    }
    let terms: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    call.site.store.read(|connection| {
        let mut matches = Vec::new();
        for (name, wire) in in_order(call.request, entity_types) {
            let left = limit - matches.len() as i64;
            if left <= 0 {
                break;
            }
            let entity_type = call.schema.known_type(name)?;
            let mut members = vec![given_filter(wire)?];
            members.extend(terms.iter().map(|term| named(entity_type, term)));
            if !projects.is_empty() {
                let path = if name == "Project" {
                    Some("id")
                } else {
                    entity_type.in_project().then_some("project.Project.id")
                };
                if let Some(path) = path {
                    members.push(Filter::Condition {
                        path: path.to_owned(),
                        relation: "in".to_owned(),
                        values: projects.to_vec(),
                    });
                }
            }
            let fields = rows::names(&[&entity_type.display_field, "project", "image", "sg_status_list", OWNER]);
            let filter = Filter::all(members);
            let found = rows::select(call, connection, entity_type, &filter, &fields, (&[], Some(left)))?;
            matches.extend(found.iter().map(|row| shown(row, &entity_type.display_field)));
        }
        Ok(json!({"matches": matches, "terms": terms}))
    })
}

fn named(entity_type: &EntityType, term: &str) -> Filter {
    let mut members = vec![Filter::condition(&entity_type.display_field, "contains", json!(term))];
    if owner(entity_type).is_some() {
        members.push(Filter::condition(OWNER, "name_contains", json!(term)));
    }
    Filter::Group { any: true, members }
}

/// The link to the row that a row belongs to, told under `links`.
fn owner(entity_type: &EntityType) -> Option<&Field> {
    entity_type.field(OWNER).filter(|field| field.data_type == DataType::Entity)
}

/// The types in the order in which the call names them.
fn in_order<'a>(request: &str, entity_types: &'a Map<String, Value>) -> Vec<(&'a String, &'a Value)> {
    let keys = serde_json::from_str::<Request>(request).map_or_else(|_| Vec::new(), |request| request.params.1.entity_types.0);
    let mut types: Vec<_> = entity_types.iter().collect();
    types.sort_by_key(|(name, _)| keys.iter().position(|key| key == *name));
    types
}

/// As much of a request as tells the order of the types.
#[derive(Deserialize)]
struct Request {
    params: (IgnoredAny, Asked),
}

#[derive(Deserialize)]
struct Asked {
    entity_types: Keys,
}

/// The keys of an object as they stand in it.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Filters of a type: a filter, or a list of conditions that must all hold.
fn given_filter(wire: &Value) -> Result<Filter, Fault> {
    match wire {
        Value::Null => Ok(Filter::everything()),
        Value::Array(members) => members
            .iter()
            .map(|member| Filter::parse(VERB, member))
            .collect::<Result<_, _>>()
            .map(Filter::all),
        other => Filter::parse(VERB, other),
    }
}

fn shown(row: &Map<String, Value>, display_field: &str) -> Value {
    let link = row.get(OWNER).filter(|link| link.is_object());
    let links = match link {
        Some(link) => json!([link.get("type"), link.get("name")]),
        None => json!(["", ""]),
    };
    json!({
        "type": row.get("type"),
        "id": row.get("id"),
        "name": row.get(display_field),
        "project_id": row.get("project").and_then(|project| project.get("id")),
        "image": row.get("image"),
        "links": links,
        "status": row.get("sg_status_list"),
    })
}
