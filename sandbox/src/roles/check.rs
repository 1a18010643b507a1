//! Holding rules against the schema, so that a slip of the pen is told when the site starts and not when
//! somebody is refused by it.

use std::collections::BTreeSet;

use super::rules::{ANY, Role, Rule};
use crate::auth::caller::Caller;
use crate::schema::{EntityType, Schema};
use crate::store::query::Query;

/// Says which rule of a role is wrong, and why.
pub(crate) fn check(role: &Role, schema: &Schema) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for rule in role.rules() {
        if !ids.insert(rule.id) {
            return Err(format!("rule {}: the number is given twice", rule.id));
        }
        check_rule(rule, schema).map_err(|reason| format!("rule {}: {reason}", rule.id))?;
    }
    Ok(())
}

fn check_rule(rule: &Rule, schema: &Schema) -> Result<(), String> {
    if rule.entity_type == ANY {
        return Ok(());
    }
    let entity_type = schema.known_type(&rule.entity_type).map_err(|fault| fault.message)?;
    if rule.field_name != ANY && entity_type.field(&rule.field_name).is_none() {
        return Err(format!("{}.{} doesn't exist", rule.entity_type, rule.field_name));
    }
    compile(rule, entity_type, schema)
}

/// A condition that names what does not exist can't be turned into SQL.
fn compile(rule: &Rule, entity_type: &EntityType, schema: &Schema) -> Result<(), String> {
    let caller = Caller::site();
    let mut query = Query::unlimited(schema, &caller, "permission_rule");
    let mut scope = query.scope(entity_type);
    query.filter(&mut scope, &rule.condition).map(|_| ()).map_err(|fault| fault.message)
}
