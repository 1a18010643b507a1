//! The Event Log: who did what, also on whose behalf.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use chrono::NaiveDate;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::layout::{Control, Section, json_in_list, json_text, moment, page_with, pager, plural, shortened};
use super::problem::Problem;
use super::visit::{Pairs, Visit};
use super::wire::{Wanted, Wire, condition, id_of, link, name_of, text};
use crate::events::EVENT_LOG;
use crate::fault::Fault;
use crate::filter::dates::parse_date;
use crate::schema::Schema;

const PATH: &str = "/admin/events";
const PAGE_SIZE: i64 = 50;
const FIELDS: [&str; 9] = [
    "created_at",
    "event_type",
    "attribute_name",
    "description",
    "user",
    "entity",
    "project",
    "meta",
    "session_uuid",
];

/// The query of the page that shows what a person or a script did.
pub(super) fn query_for_user(entity_type: &str, id: i64) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("user", &format!("{entity_type} {id}"))
        .finish()
}

fn query_for_entity(entity_type: &str, id: i64) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("entity", &format!("{entity_type} {id}"))
        .finish()
}

/// What is wrong with what was asked for.
#[derive(Default)]
struct Errors {
    entity: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// The filter that the visitor typed. What can't be understood is left out of it, and told.
fn conditions(query: &Pairs, schema: &Schema) -> (Vec<Value>, Errors) {
    let mut conditions = Vec::new();
    let mut errors = Errors::default();
    let kind = query.get("type");
    if !kind.is_empty() {
        conditions.push(condition("event_type", "is", json!(kind)));
    }
    if let Some((kind, id)) = link_of(query.get("user")) {
        conditions.push(condition("user", "is", link(kind, id)));
    }
    match entity_condition(query.get("entity"), schema) {
        Ok(found) => conditions.extend(found),
        Err(message) => errors.entity = Some(message),
    }
    if let Ok(id) = query.get("project").parse::<i64>() {
        conditions.push(condition("project", "is", link("Project", id)));
    }
    // Moments are kept in whole seconds, and both days are part of what is shown.
    let first = |day: NaiveDate| Some(format!("{}T23:59:59Z", day.pred_opt()?));
    let last = |day: NaiveDate| Some(format!("{}T00:00:00Z", day.succ_opt()?));
    match edge(query.get("from"), first) {
        Ok(moment) => conditions.extend(moment.map(|moment| condition("created_at", "greater_than", json!(moment)))),
        Err(message) => errors.from = Some(message),
    }
    match edge(query.get("to"), last) {
        Ok(moment) => conditions.extend(moment.map(|moment| condition("created_at", "less_than", json!(moment)))),
        Err(message) => errors.to = Some(message),
    }
    let words = query.get("text");
    if !words.is_empty() {
        conditions.push(condition("description", "contains", json!(words)));
    }
    (conditions, errors)
}

/// The moment beyond a day, if one is given.
fn edge(given: &str, beyond: impl Fn(NaiveDate) -> Option<String>) -> Result<Option<String>, String> {
    if given.is_empty() {
        return Ok(None);
    }
    let moment = parse_date(given).and_then(beyond);
    moment.map(Some).ok_or_else(|| "A day is wanted, such as 2026-03-31.".to_owned())
}

/// `Shot 12`
fn link_of(given: &str) -> Option<(&str, i64)> {
    let (kind, id) = given.split_once(' ')?;
    Some((kind, id.trim().parse().ok()?))
}

/// `Shot` or `Shot 12`: events of all rows of a type, or of one.
fn entity_condition(given: &str, schema: &Schema) -> Result<Option<Value>, String> {
    if given.is_empty() {
        return Ok(None);
    }
    let (kind, id) = given.split_once(' ').unwrap_or((given, ""));
    let known = schema.types().find(|known| known.name.eq_ignore_ascii_case(kind));
    let known = known.ok_or_else(|| format!("There is no entity type “{kind}”. Try “Shot”, or “Shot 12”."))?;
    if id.is_empty() {
        return Ok(Some(condition("entity", "type_is", json!(known.name))));
    }
    match id.trim().parse() {
        Ok(id) => Ok(Some(condition("entity", "is", link(&known.name, id)))),
        Err(_) => Err(format!("After “{}”, the id of a row is wanted, such as “{0} 12”.", known.name)),
    }
}

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let (conditions, errors) = conditions(&visit.query, &wire.site.schema.current());
    let filtered = !conditions.is_empty();
    let wanted = Wanted {
        entity_type: EVENT_LOG,
        conditions,
        fields: &FIELDS,
        order: ("id", true),
    };
    let rows = wire.page(&wanted, PAGE_SIZE, visit.page_number())?;
    let scripts = acting_scripts(&wire, &rows.rows)?;
    let body = html! {
        div.heading {
            h1 { "Event Log" }
            span.count { (plural(rows.count, "event", "events")) @if filtered { " of this kind" } }
            a.button href={ (PATH) "?" (visit.query.with("page", "")) } { "Refresh" }
        }
        (filter_form(visit, &wire, &errors)?)
        @if rows.rows.is_empty() {
            p.empty {
                @if filtered { "No event is like this. " a href=(PATH) { "Show all events" } }
                @else { "Nothing has happened yet. What people and scripts do shows here." }
            }
        } @else {
            div.table {
                table.log {
                    thead {
                        tr {
                            th scope="col" { "Id" }
                            th scope="col" { "Date (UTC)" }
                            th scope="col" { "Event type" }
                            th scope="col" { "By" }
                            th scope="col" { "Entity" }
                            th scope="col" { "Project" }
                            th scope="col" { "Description" }
                        }
                    }
                    tbody { @for row in &rows.rows { (line(row, &scripts)) } }
                }
            }
            (pager(visit, &rows))
        }
    };
    Ok(page_with(visit, Section::Events, "Event Log", &body))
}

/// Names of the scripts that acted on behalf of somebody in these events.
fn acting_scripts(wire: &Wire<'_>, rows: &[Value]) -> Result<BTreeMap<(String, i64), String>, Fault> {
    let mut names = BTreeMap::new();
    for kind in ["ApiUser", "HumanUser"] {
        let actors = rows.iter().filter_map(|row| row["meta"].get("sudo_actual_user"));
        let ids: Vec<Value> = actors
            .filter(|actor| text(actor, "type") == kind)
            .map(|actor| json!(id_of(actor)))
            .collect();
        if ids.is_empty() {
            continue;
        }
        let wanted = Wanted {
            entity_type: kind,
            conditions: vec![json!({"path": "id", "relation": "in", "values": ids})],
            fields: &["cached_display_name"],
            order: ("id", false),
        };
        for row in wire.all(&wanted)? {
            names.insert((kind.to_owned(), id_of(&row)), text(&row, "cached_display_name").to_owned());
        }
    }
    Ok(names)
}

fn line(row: &Value, scripts: &BTreeMap<(String, i64), String>) -> Markup {
    let id = id_of(row);
    let kind = text(row, "event_type");
    let project = &row["project"];
    html! {
        tr {
            td.id { a href={ (PATH) "/" (id) } { (id) } }
            td.time { (moment(text(row, "created_at"))) }
            td { (kind_badge(kind)) }
            td { (by(row, scripts)) }
            td { (entity(row)) }
            td.project {
                @if project.is_object() { a href={ (PATH) "?project=" (id_of(project)) } { (name_of(project)) } }
            }
            td.wide {
                span { (shortened(text(row, "description"))) }
                (json_in_list("Metadata", &row["meta"], &format!("{PATH}/{id}")))
            }
        }
    }
}

/// `Shotgun_Shot_Change` with what happened set off.
fn kind_badge(kind: &str) -> Markup {
    let short = kind.strip_prefix("Shotgun_").unwrap_or(kind);
    let action = short.rsplit_once('_').map_or("", |(_, action)| action);
    let class = match action {
        "New" | "Revival" => "badge good",
        "Retirement" | "FailedLogin" => "badge bad",
        "Login" | "Logout" | "View" => "badge info",
        _ => "badge",
    };
    html! { span class=(class) title=(kind) { (short.replace('_', " ")) } }
}

/// The person or script that the event names, and who really acted where that is another.
fn by(row: &Value, scripts: &BTreeMap<(String, i64), String>) -> Markup {
    let user = &row["user"];
    let actor = row["meta"].get("sudo_actual_user");
    html! {
        @if user.is_object() {
            a href={ (PATH) "?" (query_for_user(text(user, "type"), id_of(user))) } { (name_of(user)) }
            @if text(user, "type") == "ApiUser" { " " span.kind { "script" } }
        } @else { span.kind { "no longer there" } }
        @if let Some(actor) = actor {
            @let key = (text(actor, "type").to_owned(), id_of(actor));
            ", by "
            a href={ (PATH) "?" (query_for_user(&key.0, key.1)) } {
                @match scripts.get(&key) {
                    Some(name) => (name),
                    None => (name_of(actor)),
                }
            }
        }
    }
}

/// The row that the event is about. A retired row is no longer linked to; the metadata still tell which it was.
fn entity(row: &Value) -> Markup {
    let link = &row["entity"];
    let meta = &row["meta"];
    html! {
        @if link.is_object() {
            a href={ (PATH) "?" (query_for_entity(text(link, "type"), id_of(link))) } { (name_of(link)) }
            div.under { (text(link, "type")) " " (id_of(link)) }
        } @else if let Some(id) = meta.get("entity_id").and_then(Value::as_i64) {
            span.gone { (shortened(text(meta, "display_name"))) }
            div.under { (text(meta, "entity_type")) " " (id) ", retired" }
        }
    }
}

fn filter_form(visit: &Visit, wire: &Wire<'_>, errors: &Errors) -> Result<Markup, Fault> {
    let query = &visit.query;
    let text = |kind: &str, control: Control<'_>| control.text(kind, query.get(control.id), false);
    let choice = |id: &'static str, label: &'static str, options: Markup| -> Markup {
        Control::new(id, label).show(&html! {
            select id=(id) name=(id) { option value="" { "any" } (options) }
        })
    };
    let entity = Control {
        error: errors.entity.as_deref(),
        example: "Shot, or Shot 12",
        ..Control::new("entity", "Entity")
    };
    let day = |id: &'static str, label: &'static str, error: &Option<String>| {
        let control = Control {
            error: error.as_deref(),
            ..Control::new(id, label)
        };
        text("date", control)
    };
    Ok(html! {
        form.filters method="get" action=(PATH) {
            (choice("type", "Event type", kinds(wire, query.get("type"))?))
            (choice("user", "Person or script", html! {
                optgroup label="Scripts" { (options(wire, "ApiUser", "firstname", query.get("user"))?) }
                optgroup label="People" { (options(wire, "HumanUser", "name", query.get("user"))?) }
            }))
            (text("search", entity))
            (choice("project", "Project", projects(wire, query.get("project"))?))
            (day("from", "From", &errors.from))
            (day("to", "To", &errors.to))
            (text("search", Control::new("text", "Description contains")))
            div.actions {
                button.primary type="submit" { "Filter" }
                a.button href=(PATH) { "Clear" }
            }
        }
    })
}

/// The types of the latest events: of a long log, all would take longer to find than the page is waited for.
fn kinds(wire: &Wire<'_>, chosen: &str) -> Result<Markup, Fault> {
    let latest = wire.all(&Wanted {
        entity_type: EVENT_LOG,
        conditions: Vec::new(),
        fields: &["event_type"],
        order: ("id", true),
    })?;
    let mut names: BTreeSet<&str> = latest.iter().map(|row| text(row, "event_type")).collect();
    names.insert(chosen);
    Ok(html! {
        @for name in names.into_iter().filter(|name| !name.is_empty()) {
            option value=(name) selected[name == chosen] { (name.strip_prefix("Shotgun_").unwrap_or(name).replace('_', " ")) }
        }
    })
}

fn rows_of(wire: &Wire<'_>, kind: &str, name: &str) -> Result<Vec<Value>, Fault> {
    wire.all(&Wanted {
        entity_type: kind,
        conditions: Vec::new(),
        fields: &[name],
        order: (name, false),
    })
}

fn options(wire: &Wire<'_>, kind: &str, name: &str, chosen: &str) -> Result<Markup, Fault> {
    let rows = rows_of(wire, kind, name)?;
    let value = |row: &Value| format!("{kind} {}", id_of(row));
    Ok(html! {
        @for row in &rows {
            option value=(value(row)) selected[value(row) == chosen] { (text(row, name)) }
        }
    })
}

fn projects(wire: &Wire<'_>, chosen: &str) -> Result<Markup, Fault> {
    let rows = rows_of(wire, "Project", "name")?;
    Ok(html! {
        @for row in &rows {
            option value=(id_of(row)) selected[id_of(row).to_string() == chosen] { (text(row, "name")) }
        }
    })
}

/// One event by itself.
pub(super) fn show(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let id = visit.id()?;
    let row = wire.one(EVENT_LOG, id, &FIELDS)?.ok_or(Problem::NotFound)?;
    let scripts = acting_scripts(&wire, std::slice::from_ref(&row))?;
    let body = html! {
        nav.trail aria-label="Where this page is" {
            a href=(PATH) { "Event Log" } span aria-hidden="true" { " › " } span { "Event " (id) }
        }
        section.card {
            h1 { (text(&row, "description")) }
            dl.facts {
                dt { "Date (UTC)" } dd { (moment(text(&row, "created_at"))) }
                dt { "Event type" } dd { code { (text(&row, "event_type")) } }
                dt { "By" } dd { (by(&row, &scripts)) }
                dt { "Entity" } dd { (entity(&row)) }
                dt { "Project" } dd { @if row["project"].is_object() { (name_of(&row["project"])) } }
                dt { "Field" } dd { code { (text(&row, "attribute_name")) } }
                dt { "Session UUID" } dd { code { (text(&row, "session_uuid")) } }
            }
            h2 { "Metadata" }
            pre.code { code { (json_text(&row["meta"])) } }
        }
    };
    Ok(page_with(visit, Section::Events, &format!("Event {id}"), &body))
}
