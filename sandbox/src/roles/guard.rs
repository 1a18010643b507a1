//! Asking a role about a row.

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::refusal;
use super::rules::{Decision, Verb};
use crate::auth::caller::Caller;
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::{EntityType, Schema};
use crate::store::query::Query;

/// A caller's permissions, with what is needed to hold them against rows.
#[derive(Clone, Copy)]
pub(crate) struct Guard<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) caller: &'a Caller,
    pub(crate) connection: &'a Connection,
}

impl<'a> Guard<'a> {
    fn decide(&self, verb: Verb, entity_type: &EntityType, field: &str) -> Decision<'a> {
        self.caller.role.decide(verb, &entity_type.name, field)
    }

    /// Refuses a caller who may create no row of the type.
    pub(crate) fn check_create(&self, entity_type: &EntityType) -> Result<(), Fault> {
        match self.decide(Verb::CreateEntity, entity_type, "") {
            decision @ Decision::Deny(_) => Err(refusal::create(&self.caller.role, &entity_type.name, decision)),
            _ => Ok(()),
        }
    }

    /// Holds a conditional create rule against the row as it was made.
    pub(crate) fn check_created(&self, entity_type: &'a EntityType, id: i64) -> Result<(), Fault> {
        let decision = self.decide(Verb::CreateEntity, entity_type, "");
        if self.holds(decision, entity_type, id)? {
            return Ok(());
        }
        Err(refusal::create(&self.caller.role, &entity_type.name, decision))
    }

    /// Whether the role may set the field: of the row with this id, or of one that is yet to be made.
    pub(crate) fn check_field(&self, verb: &str, entity_type: &'a EntityType, field: &str, id: Option<i64>) -> Result<(), Fault> {
        let (decision, allowed) = match id {
            None => {
                let decision = self.decide(Verb::CreateField, entity_type, field);
                (decision, matches!(decision, Decision::Allow))
            }
            Some(id) => {
                let decision = self.decide(Verb::UpdateField, entity_type, field);
                (decision, self.holds(decision, entity_type, id)?)
            }
        };
        if allowed {
            return Ok(());
        }
        Err(refusal::update(&self.caller.role, verb, &entity_type.name, field, decision))
    }

    /// Refuses a field that the role may not change on any row, before it matters which row is meant.
    pub(crate) fn check_ever_updates(&self, entity_type: &EntityType, field: &str) -> Result<(), Fault> {
        match self.decide(Verb::UpdateField, entity_type, field) {
            decision @ Decision::Deny(_) => Err(refusal::update(&self.caller.role, "update", &entity_type.name, field, decision)),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_delete(&self, entity_type: &'a EntityType, id: i64) -> Result<(), Fault> {
        let decision = self.decide(Verb::RetireEntity, entity_type, "");
        if self.holds(decision, entity_type, id)? {
            return Ok(());
        }
        Err(refusal::delete(&self.caller.role, &entity_type.name, id, decision))
    }

    pub(crate) fn check_revive(&self, entity_type: &'a EntityType, id: i64) -> Result<(), Fault> {
        let decision = self.decide(Verb::ReviveEntity, entity_type, "");
        if self.holds(decision, entity_type, id)? {
            return Ok(());
        }
        Err(refusal::revive(&self.caller.role, &entity_type.name, id, decision))
    }

    /// Whether a row exists, retired or not, and the caller may know of it.
    pub(crate) fn sees(&self, entity_type: &'a EntityType, id: i64) -> Result<bool, Fault> {
        let decision = self.decide(Verb::ReadEntity, entity_type, "");
        let exists = |decision| self.row_passes(decision, entity_type, id);
        match decision {
            // Rows that can't be read may still be written: creating events, say.
            Decision::Deny(_) => exists(None),
            Decision::Allow => exists(None),
            Decision::AllowIf(rule) => exists(Some(&rule.condition)),
        }
    }

    fn holds(&self, decision: Decision<'a>, entity_type: &'a EntityType, id: i64) -> Result<bool, Fault> {
        match decision {
            Decision::Allow => Ok(true),
            Decision::Deny(_) => Ok(false),
            Decision::AllowIf(rule) => self.row_passes(Some(&rule.condition), entity_type, id),
        }
    }

    fn row_passes(&self, condition: Option<&Filter>, entity_type: &'a EntityType, id: i64) -> Result<bool, Fault> {
        let mut query = Query::unlimited(self.schema, self.caller, "permission_rule");
        let mut scope = query.scope(entity_type);
        let condition = match condition {
            None => "1".to_owned(),
            Some(filter) => query.filter(&mut scope, filter)?,
        };
        let id = query.bind(id);
        let sql = format!("SELECT 1 FROM {} WHERE {}.id = {id} AND {condition}", scope.tables(), scope.alias);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_row(params_from_iter(query.values()), |_| Ok(())).optional()?;
        Ok(found.is_some())
    }
}
