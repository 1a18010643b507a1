//! Permission roles: who may read, create, update, retire and revive what.

mod check;
pub(crate) mod guard;
pub(crate) mod refusal;
pub(crate) mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::schema::Schema;
use rules::{RawRule, Role};

/// What a role may do beyond reading and writing rows.
pub(crate) const SUDO: &str = "sudo";

/// A role as a seed file writes it and as the data file keeps it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleDefinition {
    pub(crate) code: String,
    pub(crate) display_name: String,
    /// `HumanUser` or `ApiUser`: whom the role is for.
    pub(crate) entity_type: String,
    /// A role whose rules come first; this role's own rules are laid over them.
    #[serde(default)]
    pub(crate) parent: Option<String>,
    #[serde(default)]
    pub(crate) may: BTreeSet<String>,
    #[serde(default)]
    pub(crate) rules: Vec<RawRule>,
}

/// All roles of the site, by the id of their PermissionRuleSet.
#[derive(Default)]
pub(crate) struct Roles {
    by_id: BTreeMap<i64, Arc<Role>>,
}

impl Roles {
    /// Puts definitions together with their parents; says which role is wrong and why.
    pub(crate) fn build(definitions: &[(i64, RoleDefinition)]) -> Result<Self, String> {
        let mut by_id = BTreeMap::new();
        for (id, definition) in definitions {
            let role = Role::build(*id, definition, definitions).map_err(|reason| format!("role '{}': {reason}", definition.code))?;
            by_id.insert(*id, Arc::new(role));
        }
        Ok(Self { by_id })
    }

    pub(crate) fn load(connection: &Connection) -> Result<Self, Fault> {
        Self::build(&Self::definitions(connection)?).map_err(Fault::argument)
    }

    /// The roles as they were written down, by id.
    pub(crate) fn definitions(connection: &Connection) -> Result<Vec<(i64, RoleDefinition)>, Fault> {
        let mut statement = connection.prepare("SELECT id, definition FROM roles ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let mut definitions = Vec::new();
        for row in rows {
            let (id, text) = row?;
            let definition = serde_json::from_str(&text).map_err(|error| Fault::argument(format!("role {id} in the data: {error}")))?;
            definitions.push((id, definition));
        }
        Ok(definitions)
    }

    pub(crate) fn save(connection: &Connection, id: i64, definition: &RoleDefinition) -> Result<(), Fault> {
        let text = serde_json::to_string(definition).map_err(|error| Fault::argument(error.to_string()))?;
        connection.execute(
            "INSERT INTO roles (id, code, definition) VALUES (?1, ?2, ?3)",
            (id, &definition.code, text),
        )?;
        Ok(())
    }

    /// Holds every role against the schema.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), String> {
        self.by_id
            .values()
            .try_for_each(|role| check::check(role, schema).map_err(|reason| format!("role '{}': {reason}", role.code)))
    }

    pub(crate) fn get(&self, id: i64) -> Option<Arc<Role>> {
        self.by_id.get(&id).cloned()
    }
}
