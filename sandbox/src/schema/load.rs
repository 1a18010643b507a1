//! Reading the schema files and checking that they agree with themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::{DataType, Editability, EntityType, Field, Inverse, Schema, Storage};

/// The schema that ships with the site, one file for each part of it.
const FILES: [(&str, &str); 9] = [
    ("mixins.json", include_str!("../../data/schema/mixins.json")),
    ("people.json", include_str!("../../data/schema/people.json")),
    ("production.json", include_str!("../../data/schema/production.json")),
    ("media.json", include_str!("../../data/schema/media.json")),
    ("site.json", include_str!("../../data/schema/site.json")),
    ("story.json", include_str!("../../data/schema/story.json")),
    ("stage.json", include_str!("../../data/schema/stage.json")),
    ("administration.json", include_str!("../../data/schema/administration.json")),
    ("custom.json", include_str!("../../data/schema/custom.json")),
];

/// What is wrong with a schema file, and where.
#[derive(Debug)]
pub(crate) struct SchemaError(String);

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    /// Groups of fields that many types share.
    #[serde(default)]
    mixins: BTreeMap<String, BTreeMap<String, RawField>>,
    #[serde(default)]
    types: BTreeMap<String, RawType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawType {
    name: Option<String>,
    display_field: String,
    #[serde(default)]
    mixins: Vec<String>,
    fields: BTreeMap<String, RawField>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawField {
    #[serde(rename = "type")]
    data_type: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    editable: RawEditable,
    #[serde(default)]
    mandatory: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    default: Value,
    #[serde(default)]
    valid_values: Vec<String>,
    #[serde(default)]
    display_values: BTreeMap<String, String>,
    #[serde(default)]
    valid_types: Vec<String>,
    summary_default: Option<String>,
    /// `Type.field` of the link that this field is the other side of.
    inverse_of: Option<String>,
    /// A filter in wire form that rows of an inverse link must pass.
    only: Option<Value>,
    concat: Option<Vec<String>>,
    count_of: Option<String>,
    /// The value is another for everybody who asks.
    #[serde(default)]
    of_caller: bool,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum RawEditable {
    #[default]
    Always,
    OnCreate,
    Never,
}

impl Schema {
    /// The schema that ships with the site.
    pub(crate) fn built_in() -> Result<Self, SchemaError> {
        let mut mixins = BTreeMap::new();
        let mut raw_types = BTreeMap::new();
        for (name, text) in FILES {
            let file: RawFile = serde_json::from_str(text).map_err(|error| SchemaError(format!("schema file {name}: {error}")))?;
            mixins.extend(file.mixins);
            raw_types.extend(file.types);
        }
        let everything: Vec<String> = raw_types.keys().filter(|name| *name != "EventLogEntry").cloned().collect();
        let mut types = BTreeMap::new();
        for (name, raw) in raw_types {
            let entity_type = build_type(&name, raw, &mixins, &everything)?;
            types.insert(name, entity_type);
        }
        let mut schema = Self {
            types,
            deleted: BTreeSet::new(),
        };
        schema.settle_inverses()?;
        schema.check()?;
        Ok(schema)
    }

    /// An inverse field looks at a column or at a link table, depending on the field it mirrors.
    fn settle_inverses(&mut self) -> Result<(), SchemaError> {
        let snapshot = self.clone();
        for entity_type in self.types.values_mut() {
            for field in entity_type.fields.values_mut() {
                let Storage::InverseOfTable(inverse) = field.storage.clone() else {
                    continue;
                };
                let mirrored = snapshot
                    .entity_type(&inverse.entity_type)
                    .and_then(|other| other.field(&inverse.field))
                    .ok_or_else(|| {
                        SchemaError(format!(
                            "{}.{} is the inverse of {}.{}, which does not exist",
                            entity_type.name, field.name, inverse.entity_type, inverse.field
                        ))
                    })?;
                field.valid_types = vec![inverse.entity_type.clone()];
                if mirrored.data_type == DataType::Entity {
                    field.storage = Storage::InverseOfColumn(inverse);
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SchemaError> {
        for entity_type in self.types() {
            let name = &entity_type.name;
            check_identifier(name)?;
            if entity_type.field(&entity_type.display_field).is_none() {
                return Err(SchemaError(format!(
                    "{name}: display field '{}' does not exist",
                    entity_type.display_field
                )));
            }
            for field in entity_type.fields.values() {
                check_identifier(&field.name)?;
                for valid in &field.valid_types {
                    if self.entity_type(valid).is_none() {
                        return Err(SchemaError(format!("{name}.{}: valid type '{valid}' does not exist", field.name)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Names go into SQL text as quoted identifiers, so they are held to plain characters.
fn check_identifier(name: &str) -> Result<(), SchemaError> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.is_empty() || !plain {
        return Err(SchemaError(format!("'{name}' is no name for a type or field")));
    }
    Ok(())
}

fn build_type(
    name: &str,
    raw: RawType,
    mixins: &BTreeMap<String, BTreeMap<String, RawField>>,
    everything: &[String],
) -> Result<EntityType, SchemaError> {
    let mut raw_fields = BTreeMap::new();
    for mixin in &raw.mixins {
        let shared = mixins
            .get(mixin)
            .ok_or_else(|| SchemaError(format!("{name}: no mixin '{mixin}'")))?;
        raw_fields.extend(shared.clone());
    }
    raw_fields.extend(raw.fields);
    let mut fields = BTreeMap::new();
    for (field_name, raw_field) in raw_fields {
        let field = build_field(name, &field_name, raw_field, everything)?;
        fields.insert(field_name, field);
    }
    Ok(EntityType {
        display_name: raw.name.unwrap_or_else(|| name.to_owned()),
        name: name.to_owned(),
        display_field: raw.display_field,
        fields,
    })
}

fn build_field(entity_type: &str, name: &str, raw: RawField, everything: &[String]) -> Result<Field, SchemaError> {
    let data_type = DataType::from_name(&raw.data_type)
        .ok_or_else(|| SchemaError(format!("{entity_type}.{name}: no data type '{}'", raw.data_type)))?;
    let valid_types = if raw.valid_types.iter().any(|valid| valid == "*") {
        everything.to_vec()
    } else {
        raw.valid_types
    };
    let computed = raw.concat.is_some() || raw.count_of.is_some() || raw.of_caller;
    let storage = match (raw.inverse_of, raw.concat, raw.count_of) {
        (Some(mirrored), _, _) => {
            let (other_type, other_field) = mirrored
                .split_once('.')
                .ok_or_else(|| SchemaError(format!("{entity_type}.{name}: inverse_of wants Type.field, not '{mirrored}'")))?;
            Storage::InverseOfTable(Inverse {
                entity_type: other_type.to_owned(),
                field: other_field.to_owned(),
                only: raw.only.clone(),
            })
        }
        (None, Some(parts), _) => Storage::Concat(parts),
        (None, None, Some(counted)) => Storage::CountOf(counted),
        (None, None, None) if raw.of_caller => Storage::LastAccess,
        (None, None, None) => Storage::of(data_type),
    };
    // A computed value, or a narrowed view of a link, can't be written through.
    let editability = match raw.editable {
        _ if computed || raw.only.is_some() => Editability::Never,
        RawEditable::Always => Editability::Always,
        RawEditable::OnCreate => Editability::OnCreate,
        RawEditable::Never => Editability::Never,
    };
    let summary_default = raw.summary_default.unwrap_or_else(|| "none".to_owned());
    Ok(Field {
        name: name.to_owned(),
        display_name: raw.name,
        description: raw.description,
        data_type,
        editability,
        mandatory: raw.mandatory,
        unique: raw.unique,
        default: raw.default,
        valid_values: raw.valid_values,
        display_values: raw.display_values,
        valid_types,
        summary_default,
        open_in_new_window: true,
        hidden_in: BTreeSet::new(),
        storage,
    })
}
