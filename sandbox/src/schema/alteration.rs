//! What a client changed about one field, and the properties that can be changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{DataType, Editability, Field, SUMMARIES, Storage};

/// Data types of fields that can be made over the API.
pub(crate) const CREATABLE: [DataType; 16] = [
    DataType::Checkbox,
    DataType::Currency,
    DataType::Date,
    DataType::DateTime,
    DataType::Duration,
    DataType::Entity,
    DataType::Float,
    DataType::Footage,
    DataType::List,
    DataType::MultiEntity,
    DataType::Number,
    DataType::Percent,
    DataType::StatusList,
    DataType::Text,
    DataType::Timecode,
    DataType::Url,
];

/// Characters of a display name.
const LONGEST_NAME: usize = 255;

/// What a column of a page can show under itself.
fn column_summaries() -> Vec<&'static str> {
    let summaries = SUMMARIES.into_iter().filter(|summary| *summary != "status_percentage_as_float");
    std::iter::once("none").chain(summaries).collect()
}

/// The changes of one field, as the data file keeps them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alteration {
    /// Of a field that a client made; the fields that ship with the site have theirs.
    pub(crate) data_type: Option<String>,
    pub(crate) properties: Map<String, Value>,
    /// Projects in which the field is not shown.
    pub(crate) hidden_in: BTreeSet<i64>,
    pub(crate) deleted: bool,
}

impl Alteration {
    /// A field with nothing but its name and type.
    pub(crate) fn new_field(&self, name: &str) -> Result<Field, String> {
        let given = self.data_type.as_deref().unwrap_or_default();
        let data_type = DataType::from_name(given).ok_or_else(|| format!("there is no data type '{given}'"))?;
        Ok(Field {
            name: name.to_owned(),
            display_name: name.to_owned(),
            description: String::new(),
            data_type,
            editability: Editability::Always,
            mandatory: false,
            unique: false,
            default: if data_type == DataType::Checkbox {
                json!(false)
            } else {
                Value::Null
            },
            valid_values: Vec::new(),
            display_values: BTreeMap::new(),
            valid_types: Vec::new(),
            summary_default: "none".to_owned(),
            open_in_new_window: true,
            hidden_in: BTreeSet::new(),
            storage: Storage::of(data_type),
        })
    }

    pub(crate) fn apply(&self, field: &mut Field) -> Result<(), String> {
        for (name, value) in &self.properties {
            field.set(name, value)?;
        }
        field.hidden_in.clone_from(&self.hidden_in);
        Ok(())
    }
}

impl Field {
    /// The properties that go with the data type: name, whether it can be changed, value.
    pub(super) fn own_properties(&self) -> Vec<(&'static str, bool, Value)> {
        let custom = self.is_custom();
        let mut properties = vec![
            ("default_value", custom, self.default.clone()),
            ("summary_default", true, json!(self.summary_default)),
        ];
        match self.data_type {
            DataType::Entity | DataType::MultiEntity | DataType::Addressing => {
                let own = matches!(self.storage, Storage::Column | Storage::LinkTable);
                properties.push(("valid_types", custom && own, json!(self.valid_types)));
            }
            DataType::TagList => properties.push(("valid_types", false, json!(["Tag"]))),
            DataType::List => properties.push(("valid_values", true, json!(self.valid_values))),
            DataType::StatusList => {
                properties.push(("valid_values", true, json!(self.valid_values)));
                properties.push(("display_values", false, json!(self.display_values)));
                properties.push(("hidden_values", false, json!([])));
            }
            DataType::Url => properties.push(("open_in_new_window", true, json!(self.open_in_new_window))),
            _ => {}
        }
        properties
    }

    /// The properties that can be set, with their values as they are.
    pub(crate) fn settable(&self) -> BTreeMap<&'static str, Value> {
        let mut settable: BTreeMap<_, _> = self
            .own_properties()
            .into_iter()
            .filter_map(|(name, editable, value)| editable.then_some((name, value)))
            .collect();
        settable.insert("name", json!(self.display_name));
        settable.insert("description", json!(self.description));
        settable
    }

    /// Whether there is such a property, though it can't be set.
    pub(crate) fn has_fixed(&self, property: &str) -> bool {
        self.own_properties()
            .iter()
            .any(|(name, editable, _)| *name == property && !editable)
    }

    /// Sets one property. Says what is wrong with a value that is none for it; whether values name what
    /// exists is not looked at.
    pub(crate) fn set(&mut self, property: &str, value: &Value) -> Result<(), String> {
        match property {
            "name" => self.display_name = display_name(value)?,
            "description" => {
                let text = if value.is_null() { Some("") } else { value.as_str() };
                text.ok_or_else(|| unfit(property, "String", value))?
                    .clone_into(&mut self.description);
            }
            "summary_default" => {
                let valid = column_summaries();
                let summary = value.as_str().filter(|summary| valid.contains(summary));
                let summary = summary.ok_or_else(|| format!("'{property}' value expected one of {valid:?} but got {value}"))?;
                summary.clone_into(&mut self.summary_default);
            }
            "default_value" => self.default = value.clone(),
            "valid_values" => self.valid_values = texts(property, value)?,
            "valid_types" => {
                let types = texts(property, value)?;
                if types.is_empty() {
                    return Err(format!("'{property}' value expected Array with at least one element"));
                }
                self.valid_types = types;
            }
            "open_in_new_window" => {
                self.open_in_new_window = value.as_bool().ok_or_else(|| unfit(property, "TrueClass, FalseClass", value))?;
            }
            _ => return Err(format!("invalid property '{property}'")),
        }
        Ok(())
    }
}

fn unfit(property: &str, expected: &str, value: &Value) -> String {
    format!("'{property}' value expected {expected} but got {value}")
}

fn display_name(value: &Value) -> Result<String, String> {
    let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| unfit("name", "String that is not empty", value))?;
    if text.chars().count() > LONGEST_NAME {
        return Err(format!("'name' value expected String of at most {LONGEST_NAME} characters"));
    }
    Ok(text.to_owned())
}

/// A list of texts, each of which is there once.
fn texts(property: &str, value: &Value) -> Result<Vec<String>, String> {
    let wrong = || unfit(property, "Array of Strings", value);
    let mut texts: Vec<String> = Vec::new();
    for member in value.as_array().ok_or_else(wrong)? {
        let text = member.as_str().map(str::trim).filter(|text| !text.is_empty()).ok_or_else(wrong)?;
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }
    Ok(texts)
}

/// The name of a field in code: `Shot Cost (EUR)` is `sg_shot_cost__eur_`.
pub(crate) fn made_up_name(display_name: &str) -> String {
    let plain = display_name.trim().chars().map(|c| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    });
    format!("sg_{}", plain.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_up_of_letters_digits_and_underlines() {
        for (display_name, name) in [
            ("Monkey Count", "sg_monkey_count"),
            ("Shot Cost (EUR)", "sg_shot_cost__eur_"),
            ("sg_already", "sg_sg_already"),
            (" Größe ", "sg_gr__e"),
            ("2nd", "sg_2nd"),
        ] {
            assert_eq!(made_up_name(display_name), name);
        }
    }
}
