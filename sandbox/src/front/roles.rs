//! Permission Roles: each role's rules, as the site holds them against every call.

use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Section, grouped, page_with};
use super::problem::Problem;
use super::sentences;
use super::visit::Visit;
use super::wire::{Wanted, Wire, condition, link};
use crate::fault::Fault;
use crate::roles::rules::{Decision, Effect, RawRule, Role, Verb};
use crate::roles::{RoleDefinition, Roles, SUDO};
use crate::schema::{EntityType, Schema};

const TYPE: &str = "PermissionRuleSet";
const PATH: &str = "/admin/roles";

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let definitions = wire.site.store.read(Roles::definitions)?;
    let mut holders = Vec::new();
    for (id, definition) in &definitions {
        holders.push(count_holders(&wire, *id, definition)?);
    }
    let body = html! {
        div.heading { h1 { "Permission Roles" } }
        p.lead {
            "Every person and every script has one role. It decides, call by call, what may be read and written; a refusal names the \
             rule that decided."
        }
        div.table {
            table {
                thead {
                    tr {
                        th scope="col" { "Permission Role" }
                        th scope="col" { "Code" }
                        th scope="col" { "For" }
                        th scope="col" { "Held by" }
                        th scope="col" { "Rules" }
                        th scope="col" { "Builds on" }
                        th scope="col" { "May act for people" }
                    }
                }
                tbody {
                    @for ((id, definition), holders) in definitions.iter().zip(&holders) {
                        tr {
                            th scope="row" { a href={ (PATH) "/" (id) } { (definition.display_name) } }
                            td { code { (definition.code) } }
                            td { (kind(definition)) }
                            td { (grouped(*holders)) }
                            td { (definition.rules.len()) }
                            td { (definition.parent.as_deref().unwrap_or_default()) }
                            td { @if acts_for_people(wire.site.roles.get(*id).as_deref()) { "Yes" } }
                        }
                    }
                }
            }
        }
    };
    Ok(page_with(visit, Section::Roles, "Permission Roles", &body))
}

fn kind(definition: &RoleDefinition) -> &'static str {
    if definition.entity_type == "ApiUser" { "Scripts" } else { "People" }
}

fn acts_for_people(role: Option<&Role>) -> bool {
    role.is_some_and(|role| role.may(SUDO))
}

/// How many people or scripts have the role.
fn count_holders(wire: &Wire<'_>, id: i64, definition: &RoleDefinition) -> Result<i64, Fault> {
    let wanted = Wanted {
        entity_type: &definition.entity_type,
        conditions: vec![condition("permission_rule_set", "is", link(TYPE, id))],
        fields: &[],
        order: ("id", false),
    };
    Ok(wire.page(&wanted, 1, 1)?.count)
}

pub(super) fn show(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let id = visit.id()?;
    let definitions = wire.site.store.read(Roles::definitions)?;
    let (_, definition) = definitions.iter().find(|(known, _)| *known == id).ok_or(Problem::NotFound)?;
    let role = wire.site.roles.get(id).ok_or(Problem::NotFound)?;
    let holders = count_holders(&wire, id, definition)?;
    let schema = &wire.site.schema.current();
    let body = html! {
        nav.trail aria-label="Where this page is" {
            a href=(PATH) { "Permission Roles" } span aria-hidden="true" { " › " } span { (definition.display_name) }
        }
        div.heading {
            h1 { (definition.display_name) }
            code { (definition.code) }
            span.count { "for " (kind(definition).to_lowercase()) ", held by " (grouped(holders)) }
        }
        p.lead {
            "The rule that names a case most closely decides: one for the very type and field before one for a field of every type, \
             before one for a whole type, before one for everything; of equals the last. What no rule speaks of is refused, except \
             that fields can be read, and can be set by who may create the row."
        }
        @if acts_for_people(Some(&role)) {
            p { "Who has this role may act on behalf of people (" code { "sudo_as_login" } ") and open the pages for administrators." }
        }
        section {
            h2 { "Rules" }
            @for ancestor in lineage(definition, &definitions) {
                @if ancestor.code != definition.code { h3 { "From " (ancestor.display_name) } }
                @else if definition.parent.is_some() { h3 { "Its own" } }
                (rules(&ancestor.rules, schema))
            }
        }
        section {
            h2 { "What comes of them" }
            (outcome(&role, schema))
        }
    };
    Ok(page_with(visit, Section::Roles, &definition.display_name, &body))
}

/// The role's ancestors, the farthest first, and itself.
fn lineage<'a>(definition: &'a RoleDefinition, all: &'a [(i64, RoleDefinition)]) -> Vec<&'a RoleDefinition> {
    let mut lineage = vec![definition];
    // A role that is its own ancestor was refused when the site started.
    while let Some(parent) = lineage.last().and_then(|last| last.parent.as_ref())
        && let Some((_, parent)) = all.iter().find(|(_, other)| other.code == *parent)
    {
        lineage.push(parent);
    }
    lineage.reverse();
    lineage
}

fn rules(rules: &[RawRule], schema: &Schema) -> Markup {
    html! {
        @if rules.is_empty() {
            p.empty { "No rule: everything is refused." }
        } @else {
            ol.rules {
                @for rule in rules {
                    @let sentence = sentences::of(rule, schema);
                    li {
                        span.number { (numbers(rule)) }
                        span.badge.good[rule.effect == Effect::Allow].bad[rule.effect == Effect::Deny] {
                            @if rule.effect == Effect::Allow { "Allow" } @else { "Deny" }
                        }
                        div {
                            (sentence.says)
                            @if let Some(provided) = &sentence.provided {
                                span.provided { ", where " (provided) }
                            }
                            "."
                            @if let Some(condition) = &rule.condition {
                                details.json {
                                    summary { "Condition" }
                                    pre.code { code { (super::layout::json_text(condition)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The numbers that refusals quote: one line may stand for several rules.
fn numbers(rule: &RawRule) -> String {
    let count = rule.verbs.len() * rule.entity_types.len() * rule.field_names.len();
    match i64::try_from(count) {
        Ok(count) if count > 1 => format!("{}–{}", rule.id, rule.id + count - 1),
        _ => rule.id.to_string(),
    }
}

/// What the rules come to for each type.
fn outcome(role: &Role, schema: &Schema) -> Markup {
    let mut kinds: Vec<&EntityType> = schema.types().collect();
    kinds.sort_by(|left, right| left.display_name.cmp(&right.display_name));
    html! {
        details {
            summary { "All " (kinds.len()) " entity types" }
            div.table {
                table.outcome {
                    thead {
                        tr {
                            th scope="col" { "Entity type" }
                            th scope="col" { "Read" }
                            th scope="col" { "Create" }
                            th scope="col" { "Change" }
                            th scope="col" { "Retire" }
                            th scope="col" { "Revive" }
                        }
                    }
                    tbody {
                        @for kind in kinds {
                            tr {
                                th scope="row" { (kind.display_name) " " @if kind.display_name != kind.name { code { (kind.name) } } }
                                (cell(of_rows(role, Verb::ReadEntity, kind)))
                                (cell(of_rows(role, Verb::CreateEntity, kind)))
                                (cell(of_fields(role, kind)))
                                (cell(of_rows(role, Verb::RetireEntity, kind)))
                                (cell(of_rows(role, Verb::ReviveEntity, kind)))
                            }
                        }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Say {
    Yes,
    Sometimes,
    No,
}

impl Say {
    fn of(decision: Decision<'_>) -> Self {
        match decision {
            Decision::Allow => Self::Yes,
            Decision::AllowIf(_) => Self::Sometimes,
            Decision::Deny(_) => Self::No,
        }
    }
}

fn of_rows(role: &Role, verb: Verb, kind: &EntityType) -> (Say, &'static str) {
    match Say::of(role.decide(verb, &kind.name, "")) {
        Say::Yes => (Say::Yes, "yes"),
        Say::Sometimes => (Say::Sometimes, "some rows"),
        Say::No => (Say::No, "no"),
    }
}

fn of_fields(role: &Role, kind: &EntityType) -> (Say, &'static str) {
    let says: Vec<Say> = kind
        .fields
        .keys()
        .map(|field| Say::of(role.decide(Verb::UpdateField, &kind.name, field)))
        .collect();
    let all = |wanted: Say| says.iter().all(|say| *say == wanted);
    if all(Say::Yes) {
        (Say::Yes, "all fields")
    } else if all(Say::No) {
        (Say::No, "no")
    } else if says.contains(&Say::Sometimes) {
        (Say::Sometimes, "some fields or rows")
    } else {
        (Say::Sometimes, "some fields")
    }
}

fn cell((say, words): (Say, &'static str)) -> Markup {
    let class = match say {
        Say::Yes => "yes",
        Say::Sometimes => "sometimes",
        Say::No => "no",
    };
    html! { td class=(class) { (words) } }
}
