//! The schema as the schema calls answer it.

use serde_json::{Map, Value, json};

use super::{DataType, Editability, EntityType, Field};

impl EntityType {
    /// One type as `schema_entity_read` shows it.
    pub(crate) fn render(&self) -> Value {
        json!({
            "name": {"value": self.display_name, "editable": false},
            "visible": {"value": true, "editable": false},
        })
    }
}

impl Field {
    /// One field as `schema_field_read` shows it. `permitted` is what the caller's role says of
    /// updating it: false only where no row at all could be updated.
    pub(crate) fn render(&self, entity_type: &EntityType, permitted: bool) -> Value {
        let editable = permitted && self.editability != Editability::Never;
        json!({
            "data_type": {"editable": false, "value": self.data_type.name()},
            "description": {"editable": true, "value": self.description},
            "editable": {"editable": false, "value": editable},
            "entity_type": {"editable": false, "value": entity_type.name},
            "mandatory": {"editable": false, "value": self.mandatory},
            "name": {"editable": true, "value": self.display_name},
            "unique": {"editable": false, "value": self.unique},
            "visible": {"editable": self.is_custom(), "value": true},
            "properties": self.render_properties(),
        })
    }

    fn render_properties(&self) -> Value {
        let custom = self.is_custom();
        let mut properties = Map::new();
        let mut put = |name: &str, editable: bool, value: Value| {
            properties.insert(name.to_owned(), json!({"editable": editable, "value": value}));
        };
        put("default_value", custom, self.default.clone());
        put("summary_default", true, json!(self.summary_default));
        match self.data_type {
            DataType::Entity | DataType::MultiEntity | DataType::Addressing => {
                put("valid_types", custom, json!(self.valid_types));
            }
            DataType::TagList => put("valid_types", false, json!(["Tag"])),
            DataType::List => put("valid_values", true, json!(self.valid_values)),
            DataType::StatusList => {
                put("valid_values", true, json!(self.valid_values));
                put("display_values", false, json!(self.display_values));
                put("hidden_values", false, json!([]));
            }
            DataType::Url => put("open_in_new_window", true, json!(true)),
            _ => {}
        }
        Value::Object(properties)
    }
}
