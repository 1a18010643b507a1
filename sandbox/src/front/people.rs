//! Admin › People: who there is, in which role, and whose account is locked.

use axum::response::Response;
use chrono::Utc;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::layout::{Section, moment, page_with, pager, plural, shortened, token_field};
use super::problem::{Problem, see_other};
use super::visit::Visit;
use super::wire::{Wanted, condition, id_of, name_of, names_of, text};
use crate::filter::dates::parse_date_time;

const TYPE: &str = "HumanUser";
const PATH: &str = "/admin/people";
const PAGE_SIZE: i64 = 100;
const FIELDS: [&str; 9] = [
    "name",
    "login",
    "email",
    "sg_status_list",
    "permission_rule_set",
    "groups",
    "projects",
    "locked_until",
    "last_login",
];

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let search = visit.query.get("search");
    let mut conditions = Vec::new();
    if !search.is_empty() {
        let fields = ["name", "login", "email"].map(|field| condition(field, "contains", json!(search)));
        conditions.push(json!({"logical_operator": "or", "conditions": fields}));
    }
    let wanted = Wanted {
        entity_type: TYPE,
        conditions,
        fields: &FIELDS,
        order: ("name", false),
    };
    let rows = wire.page(&wanted, PAGE_SIZE, visit.page_number())?;
    let unlocked = visit.query.get("unlocked");
    let body = html! {
        div.heading {
            h1 { "People" }
            span.count { (plural(rows.count, "person", "people")) }
            form.search method="get" action=(PATH) role="search" {
                label.hidden for="search" { "Name, login or e-mail" }
                input #search type="search" name="search" value=(search) placeholder="Name, login or e-mail";
                button type="submit" { "Search" }
            }
        }
        @if !unlocked.is_empty() {
            p.alert.good role="status" { "The account " strong { (unlocked) } " is unlocked." }
        }
        @if rows.rows.is_empty() {
            p.empty {
                @if search.is_empty() { "There is nobody here." }
                @else { "Nobody’s name, login or e-mail contains “" (search) "”. " a href=(PATH) { "Show everybody" } }
            }
        } @else {
            div.table {
                table {
                    thead {
                        tr {
                            th scope="col" { "Name" }
                            th scope="col" { "Login" }
                            th scope="col" { "Permission Role" }
                            th scope="col" { "Status" }
                            th scope="col" { "Groups" }
                            th scope="col" { "Projects" }
                            th.spare scope="col" { "Last login" }
                        }
                    }
                    tbody { @for row in &rows.rows { (line(visit, row)) } }
                }
            }
            (pager(visit, &rows))
        }
    };
    Ok(page_with(visit, Section::People, "People", &body))
}

fn line(visit: &Visit, row: &Value) -> Markup {
    let id = id_of(row);
    let role = &row["permission_rule_set"];
    html! {
        tr {
            th scope="row" {
                a href={ "/admin/events?" (super::event_log::query_for_user(TYPE, id)) } title="Show this person’s events" {
                    (shortened(text(row, "name")))
                }
                div.under { (shortened(text(row, "email"))) }
            }
            td { code { (shortened(text(row, "login"))) } }
            td { @if role.is_object() { a href={ "/admin/roles/" (id_of(role)) } { (name_of(role)) } } }
            td { (status(visit, row)) }
            td { (names_of(&row["groups"]).join(", ")) }
            td { (names_of(&row["projects"]).join(", ")) }
            td.time.spare { (moment(text(row, "last_login"))) }
        }
    }
}

fn status(visit: &Visit, row: &Value) -> Markup {
    let locked = parse_date_time(text(row, "locked_until")).is_some_and(|until| until > Utc::now());
    html! {
        @match text(row, "sg_status_list") {
            "act" => "Active",
            "dis" => span.badge { "Disabled" },
            other => (other),
        }
        @if locked {
            div.locked {
                span.badge.bad title={ "Until " (text(row, "locked_until")) } { "Locked" }
                form method="post" action={ (PATH) "/" (id_of(row)) "/unlock" } {
                    (token_field(visit))
                    button.small type="submit" { "Unlock" span.hidden { " " (text(row, "login")) } }
                }
            }
        }
    }
}

pub(super) fn unlock(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let id = visit.id()?;
    let person = wire.one(TYPE, id, &["login"])?.ok_or(Problem::NotFound)?;
    wire.update(TYPE, id, &Map::from_iter([("locked_until".to_owned(), Value::Null)]))?;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("unlocked", text(&person, "login"))
        .finish();
    Ok(see_other(&format!("{PATH}?{query}")))
}
