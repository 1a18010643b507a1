//! Where the links of a multi-entity field are found. A link is kept once; the field at the other end
//! looks at the same place from the other side, so the two can't disagree.

use crate::schema::{EntityType, Field, Schema, Storage};

use super::ddl::{column, link_table, table, type_column};

/// A source of `(owner, type, id)` triples, to be put in a FROM clause under the alias given.
pub(crate) struct LinkSource {
    /// The table and its alias.
    pub(crate) from: String,
    /// The id of the row that has the field.
    pub(crate) owner: String,
    /// The type of the row linked to: a column, or a literal where it is always the same.
    pub(crate) target_type: String,
    /// The id of the row linked to.
    pub(crate) target_id: String,
    /// What else must hold, if anything.
    pub(crate) condition: Option<String>,
    /// The order in which links are shown.
    pub(crate) order: String,
}

/// The links of `field`, a multi-entity field of `entity_type`. `None` for any other field.
pub(crate) fn source(schema: &Schema, entity_type: &EntityType, field: &Field, alias: &str) -> Option<LinkSource> {
    match &field.storage {
        Storage::LinkTable => Some(LinkSource {
            from: format!("{} {alias}", link_table(&entity_type.name, &field.name)),
            owner: format!("{alias}.owner"),
            target_type: format!("{alias}.type"),
            target_id: format!("{alias}.id"),
            condition: None,
            order: format!("{alias}.position"),
        }),
        Storage::InverseOfColumn(inverse) => {
            // An entity link column of another type's table.
            schema.entity_type(&inverse.entity_type)?;
            Some(LinkSource {
                from: format!("{} {alias}", table(&inverse.entity_type)),
                owner: format!("{alias}.{}", column(&inverse.field)),
                target_type: format!("'{}'", inverse.entity_type),
                target_id: format!("{alias}.id"),
                condition: Some(format!("{alias}.{} = '{}'", type_column(&inverse.field), entity_type.name)),
                order: format!("{alias}.id"),
            })
        }
        Storage::InverseOfTable(inverse) => Some(LinkSource {
            from: format!("{} {alias}", link_table(&inverse.entity_type, &inverse.field)),
            owner: format!("{alias}.id"),
            target_type: format!("'{}'", inverse.entity_type),
            target_id: format!("{alias}.owner"),
            condition: Some(format!("{alias}.type = '{}'", entity_type.name)),
            order: format!("{alias}.owner"),
        }),
        _ => None,
    }
}
