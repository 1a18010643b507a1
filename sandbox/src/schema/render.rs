//! The schema as the schema calls answer it.

use serde_json::{Value, json};

use super::{Editability, EntityType, Field};

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
    /// updating it: false only where no row at all could be updated. Without a project, everything is
    /// shown.
    pub(crate) fn render(&self, entity_type: &EntityType, permitted: bool, project: Option<i64>) -> Value {
        let visible = project.is_none_or(|id| !self.hidden_in.contains(&id));
        let editable = permitted && self.editability != Editability::Never;
        json!({
            "data_type": {"editable": false, "value": self.data_type.name()},
            "description": {"editable": true, "value": self.description},
            "editable": {"editable": false, "value": editable},
            "entity_type": {"editable": false, "value": entity_type.name},
            "mandatory": {"editable": false, "value": self.mandatory},
            "name": {"editable": true, "value": self.display_name},
            "unique": {"editable": false, "value": self.unique},
            "visible": {"editable": self.is_custom(), "value": visible},
            "properties": self.render_properties(),
        })
    }

    fn render_properties(&self) -> Value {
        let properties = self.own_properties().into_iter();
        let rendered = properties.map(|(name, editable, value)| (name.to_owned(), json!({"editable": editable, "value": value})));
        Value::Object(rendered.collect())
    }
}
