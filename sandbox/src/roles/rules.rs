//! The rules of a role, and which of them decides.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RoleDefinition;
use crate::filter::Filter;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    ReadEntity,
    CreateEntity,
    RetireEntity,
    ReviveEntity,
    ReadField,
    /// Setting a field while its row is created.
    CreateField,
    /// Changing a field of a row that is there.
    UpdateField,
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadEntity => "read_entity",
            Self::CreateEntity => "create_entity",
            Self::RetireEntity => "retire_entity",
            Self::ReviveEntity => "revive_entity",
            Self::ReadField => "read_field",
            Self::CreateField => "create_field",
            Self::UpdateField => "update_field",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// `*` in the place of an entity type or field.
pub(crate) const ANY: &str = "*";

fn any() -> String {
    ANY.to_owned()
}

/// A rule as it is written down. One line can give the same rule for several verbs, types and fields; it
/// then stands for as many rules, numbered upwards from `id`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) id: i64,
    pub(crate) effect: Effect,
    pub(crate) verbs: Vec<Verb>,
    #[serde(default = "any_list")]
    pub(crate) entity_types: Vec<String>,
    #[serde(default = "any_list")]
    pub(crate) field_names: Vec<String>,
    /// A filter in wire form. Where it holds for the row, the rule allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<Value>,
}

fn any_list() -> Vec<String> {
    vec![any()]
}

/// One rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: i64,
    pub(crate) verb: Verb,
    pub(crate) effect: Effect,
    pub(crate) entity_type: String,
    pub(crate) field_name: String,
    /// Everything passes the condition of a rule that has none.
    pub(crate) condition: Filter,
    pub(crate) conditional: bool,
}

impl Rule {
    /// How closely the rule names the case at hand; `None` when it is about something else. A rule for a
    /// field counts for more than one for a type, so that "nobody sets created_at" is said once.
    fn closeness(&self, verb: Verb, entity_type: &str, field_name: &str) -> Option<u8> {
        let part = |pattern: &str, name: &str, weight: u8| match pattern {
            ANY => Some(0),
            pattern if pattern == name => Some(weight),
            _ => None,
        };
        if self.verb != verb {
            return None;
        }
        let by_type = part(&self.entity_type, entity_type, 1)?;
        let by_field = part(&self.field_name, field_name, 2)?;
        Some(by_type + by_field)
    }

    /// True for a rule that names its entity type: refusals quote only those.
    pub(crate) fn is_explicit(&self) -> bool {
        self.entity_type != ANY
    }
}

/// What a role says of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision<'a> {
    Allow,
    /// Allowed on the rows that pass the rule's condition.
    AllowIf(&'a Rule),
    /// Refused on every row, by this rule or for want of any.
    Deny(Option<&'a Rule>),
}

/// A permission role with the rules of its parents.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) code: String,
    pub(crate) display_name: String,
    may: BTreeSet<String>,
    rules: Vec<Rule>,
}

impl Role {
    pub(crate) fn build(id: i64, definition: &RoleDefinition, all: &[(i64, RoleDefinition)]) -> Result<Self, String> {
        let mut lineage = vec![definition];
        while let Some(parent) = lineage.last().and_then(|last| last.parent.as_ref()) {
            let (_, parent) = all
                .iter()
                .find(|(_, other)| other.code == *parent)
                .ok_or_else(|| format!("there is no parent role '{parent}'"))?;
            if lineage.iter().any(|seen| seen.code == parent.code) {
                return Err(format!("role {id} is its own ancestor"));
            }
            lineage.push(parent);
        }
        let mut rules = Vec::new();
        let mut may = BTreeSet::new();
        for ancestor in lineage.iter().rev() {
            may.extend(ancestor.may.iter().cloned());
            for raw in &ancestor.rules {
                rules.extend(expand(raw)?);
            }
        }
        Ok(Self {
            code: definition.code.clone(),
            display_name: definition.display_name.clone(),
            may,
            rules,
        })
    }

    /// The site itself, as it writes its seed.
    pub(crate) fn unrestricted() -> Self {
        let verbs = [
            Verb::ReadEntity,
            Verb::CreateEntity,
            Verb::RetireEntity,
            Verb::ReviveEntity,
            Verb::UpdateField,
        ];
        let rule = |verb| Rule {
            id: 0,
            verb,
            effect: Effect::Allow,
            entity_type: any(),
            field_name: any(),
            condition: Filter::everything(),
            conditional: false,
        };
        Self {
            code: "site".to_owned(),
            display_name: "Site".to_owned(),
            may: BTreeSet::new(),
            rules: verbs.map(rule).to_vec(),
        }
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn may(&self, what: &str) -> bool {
        self.may.contains(what)
    }

    /// The rule that names the case most closely decides; of equals, the last one. What no rule
    /// speaks of is refused, except that fields can be seen, and be set by who creates the row.
    pub(crate) fn decide(&self, verb: Verb, entity_type: &str, field_name: &str) -> Decision<'_> {
        let deciding = self
            .rules
            .iter()
            .filter_map(|rule| Some((rule.closeness(verb, entity_type, field_name)?, rule)))
            .max_by_key(|(closeness, _)| *closeness)
            .map(|(_, rule)| rule);
        match deciding {
            None if matches!(verb, Verb::ReadField | Verb::CreateField) => Decision::Allow,
            None => Decision::Deny(None),
            Some(rule) if rule.effect == Effect::Deny => Decision::Deny(rule.is_explicit().then_some(rule)),
            Some(rule) if rule.conditional => Decision::AllowIf(rule),
            Some(_) => Decision::Allow,
        }
    }
}

fn expand(raw: &RawRule) -> Result<Vec<Rule>, String> {
    if raw.effect == Effect::Deny && raw.condition.is_some() {
        return Err(format!(
            "rule {}: a condition says where a rule allows; a DENY rule has none",
            raw.id
        ));
    }
    let condition = match &raw.condition {
        None => Filter::everything(),
        Some(wire) => Filter::parse("permission_rule", wire).map_err(|fault| format!("rule {}: {}", raw.id, fault.message))?,
    };
    let mut rules = Vec::new();
    for verb in &raw.verbs {
        if matches!(verb, Verb::ReadField | Verb::CreateField) && raw.condition.is_some() {
            return Err(format!("rule {}: {} takes no condition", raw.id, verb.name()));
        }
        for entity_type in &raw.entity_types {
            for field_name in &raw.field_names {
                rules.push(Rule {
                    id: raw.id + rules.len() as i64,
                    verb: *verb,
                    effect: raw.effect,
                    entity_type: entity_type.clone(),
                    field_name: field_name.clone(),
                    condition: condition.clone(),
                    conditional: raw.condition.is_some(),
                });
            }
        }
    }
    Ok(rules)
}
