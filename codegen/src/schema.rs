//! A site's schema, as `schema_read` and `schema_entity_read` give it, put into an order that does not change.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The entity types of a site.
pub struct Schema {
    /// The site's address, where it is known.
    pub site: Option<String>,
    /// By name.
    pub entities: BTreeMap<String, Entity>,
}

/// One entity type.
pub struct Entity {
    /// How the site shows it, such as "Asset Build" for CustomEntity05.
    pub display_name: String,
    /// By name.
    pub fields: BTreeMap<String, Field>,
}

/// One field.
pub struct Field {
    /// How the site shows it.
    pub display_name: String,
    /// What somebody wrote about it; "" for nothing.
    pub description: String,
    /// Such as "status_list".
    pub data_type: String,
    /// Whether the site takes values for it.
    pub editable: bool,
    /// The values of a list, each with what the site shows for it where that is something else.
    pub valid_values: Vec<(String, Option<String>)>,
    /// The types that a link may lead to.
    pub valid_types: Vec<String>,
}

impl Schema {
    /// Reads the saved form, `{"site": …, "entities": …, "fields": …}`, or the result of `schema_read` alone.
    pub fn parse(text: &str) -> Result<Schema, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let whole = value.as_object().ok_or("it is no JSON object")?;
        let saved = whole.get("fields").and_then(Value::as_object);
        let (types, entities) = match saved {
            // An entity type of this name would have fields that are objects with a data_type.
            Some(types) if whole.contains_key("entities") => (types, whole.get("entities")),
            _ => (whole, None),
        };
        if types.is_empty() {
            return Err("it has no entity types".to_owned());
        }
        let mut all = BTreeMap::new();
        for (name, fields) in types {
            let fields = fields.as_object().ok_or_else(|| format!("{name} is no object of fields"))?;
            let shown = entities
                .and_then(|entities| entities.get(name))
                .and_then(|entity| text_of(entity, "name"));
            let entity = Entity {
                display_name: shown.unwrap_or_else(|| name.clone()),
                fields: fields_of(name, fields)?,
            };
            all.insert(name.clone(), entity);
        }
        Ok(Schema {
            site: entities.and(whole.get("site")).and_then(Value::as_str).map(str::to_owned),
            entities: all,
        })
    }

    /// Keeps only these types. Fails for one that the site does not have.
    pub fn only(mut self, types: &[String]) -> Result<Schema, String> {
        if types.is_empty() {
            return Ok(self);
        }
        if let Some(unknown) = types.iter().find(|name| !self.entities.contains_key(*name)) {
            return Err(format!("the site has no entity type {unknown}"));
        }
        self.entities.retain(|name, _| types.contains(name));
        Ok(self)
    }
}

fn fields_of(entity: &str, fields: &Map<String, Value>) -> Result<BTreeMap<String, Field>, String> {
    let mut all = BTreeMap::new();
    for (name, told) in fields {
        let data_type = text_of(told, "data_type").ok_or_else(|| format!("{entity}.{name} has no data_type"))?;
        let property = |key: &str| told.pointer(&format!("/properties/{key}/value"));
        let texts = |key: &str| -> Vec<String> {
            let values = property(key).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let shown = property("display_values");
        let valid_values = texts("valid_values").into_iter().map(|value| {
            let shown = shown.and_then(|shown| shown.get(&value)).and_then(Value::as_str);
            let shown = shown.filter(|shown| *shown != value).map(str::to_owned);
            (value, shown)
        });
        let mut valid_types = texts("valid_types");
        // Sites give them in no order of their own.
        valid_types.sort();
        let field = Field {
            display_name: text_of(told, "name").unwrap_or_else(|| name.clone()),
            description: text_of(told, "description").unwrap_or_default(),
            data_type,
            editable: told.pointer("/editable/value").and_then(Value::as_bool).unwrap_or(true),
            valid_values: valid_values.collect(),
            valid_types,
        };
        all.insert(name.clone(), field);
    }
    // Every row has these, and no site lists both.
    for (name, data_type, shown) in [("id", "number", "Id"), ("type", "entity_type", "Type")] {
        all.entry(name.to_owned()).or_insert_with(|| Field {
            display_name: shown.to_owned(),
            description: String::new(),
            data_type: data_type.to_owned(),
            editable: false,
            valid_values: Vec::new(),
            valid_types: Vec::new(),
        });
    }
    Ok(all)
}

/// The text of `{"key": {"value": "text"}}`.
fn text_of(told: &Value, key: &str) -> Option<String> {
    told.get(key)?.get("value")?.as_str().map(str::to_owned)
}
