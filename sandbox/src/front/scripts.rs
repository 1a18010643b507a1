//! Admin › Scripts: what may call the site by a name and an application key.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::layout::{Control, Section, moment, page_at, page_with, pager, plural, shortened, token_field};
use super::problem::{Problem, see_other};
use super::visit::Visit;
use super::wire::{Wanted, Wire, condition, id_of, link, name_of, text};
use crate::fault::Fault;
use crate::methods::keys::renew_key as issue;
use crate::preferences;

const TYPE: &str = "ApiUser";
const PATH: &str = "/admin/scripts";
const PAGE_SIZE: i64 = 100;
const FIELDS: [&str; 7] = [
    "firstname",
    "description",
    "email",
    "generate_event_log_entries",
    "permission_rule_set",
    "created_at",
    "created_by",
];

fn address(id: i64) -> String {
    format!("{PATH}/{id}")
}

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let wanted = Wanted {
        entity_type: TYPE,
        conditions: Vec::new(),
        fields: &FIELDS,
        order: ("firstname", false),
    };
    let rows = wire.page(&wanted, PAGE_SIZE, visit.page_number())?;
    let body = html! {
        div.heading {
            h1 { "Scripts" }
            span.count { (plural(rows.count, "script", "scripts")) }
            a.button.primary href={ (PATH) "/new" } { span aria-hidden="true" { "+ " } "Add script" }
        }
        p.lead {
            "A script signs in with its name and its application key. Register each script by itself: the event log then tells \
             which of them did what."
        }
        @if rows.rows.is_empty() {
            p.empty { "There is no script yet. Add one, and its key is shown to you once." }
        } @else {
            div.table {
                table {
                    thead {
                        tr {
                            th scope="col" { "Script Name" }
                            th scope="col" { "Description" }
                            th scope="col" { "Maintainer" }
                            th scope="col" { "Permission Role" }
                            th scope="col" { "Generate Events" }
                            th.spare scope="col" { "Created" }
                        }
                    }
                    tbody {
                        @for row in &rows.rows {
                            tr {
                                th scope="row" { a href=(address(id_of(row))) { (shortened(text(row, "firstname"))) } }
                                td { (shortened(text(row, "description"))) }
                                td.address { (shortened(text(row, "email"))) }
                                td { @if row["permission_rule_set"].is_object() { (name_of(&row["permission_rule_set"])) } }
                                td {
                                    @if row["generate_event_log_entries"] == true { "Yes" }
                                    @else { span.badge.warn { "Off" } }
                                }
                                td.time.spare { (moment(text(row, "created_at"))) }
                            }
                        }
                    }
                }
            }
            (pager(visit, &rows))
        }
    };
    Ok(page_with(visit, Section::Scripts, "Scripts", &body))
}

/// What a script's form holds.
struct Entered {
    name: String,
    description: String,
    email: String,
    events: bool,
    role: i64,
}

/// What is wrong with it, by field; the last is about none of them.
#[derive(Default)]
struct Errors {
    name: Option<String>,
    email: Option<String>,
    role: Option<String>,
    other: Option<String>,
}

impl Errors {
    fn any(&self) -> bool {
        [&self.name, &self.email, &self.role, &self.other].into_iter().any(Option::is_some)
    }
}

impl Entered {
    fn of_form(visit: &Visit) -> Self {
        Self {
            name: visit.form.get("firstname").to_owned(),
            description: visit.form.get("description").to_owned(),
            email: visit.form.get("email").to_owned(),
            events: visit.form.get("generate_event_log_entries") == "on",
            role: visit.form.get("permission_rule_set").parse().unwrap_or_default(),
        }
    }

    fn of_row(row: &Value) -> Self {
        Self {
            name: text(row, "firstname").to_owned(),
            description: text(row, "description").to_owned(),
            email: text(row, "email").to_owned(),
            events: row["generate_event_log_entries"] == true,
            role: id_of(&row["permission_rule_set"]),
        }
    }

    fn check(&self, roles: &[Value]) -> Errors {
        let well_formed = self
            .email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        Errors {
            name: self.name.is_empty().then(|| "A script needs a name.".to_owned()),
            email: (!self.email.is_empty() && (!well_formed || self.email.contains(char::is_whitespace)))
                .then(|| "This is no e-mail address, such as td@studio.example.".to_owned()),
            role: roles
                .iter()
                .all(|role| id_of(role) != self.role)
                .then(|| "Choose one of the roles for scripts.".to_owned()),
            other: None,
        }
    }

    fn values(&self) -> Map<String, Value> {
        let optional = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        Map::from_iter([
            ("firstname".to_owned(), json!(self.name)),
            ("description".to_owned(), optional(&self.description)),
            ("email".to_owned(), optional(&self.email)),
            ("generate_event_log_entries".to_owned(), json!(self.events)),
            ("permission_rule_set".to_owned(), link("PermissionRuleSet", self.role)),
        ])
    }
}

/// What the site says of values that it does not take, beside the field where that is known.
fn errors_of(fault: Fault) -> Result<Errors, Fault> {
    let mut errors = Errors::default();
    if fault.code == 100 {
        return Err(fault);
    }
    if fault
        .message
        .contains("The value for the Script Name field is required to be unique")
    {
        errors.name = Some("Another script has this name. Names are unique.".to_owned());
    } else {
        errors.other = Some(fault.message);
    }
    Ok(errors)
}

/// The roles that a script can have.
fn roles(wire: &Wire<'_>) -> Result<Vec<Value>, Fault> {
    wire.all(&Wanted {
        entity_type: "PermissionRuleSet",
        conditions: vec![condition("entity_type", "is", json!(TYPE))],
        fields: &["display_name", "code"],
        order: ("id", false),
    })
}

pub(super) fn new(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let roles = roles(&wire)?;
    let preferred = visit
        .site
        .store
        .read(|connection| preferences::read(connection, preferences::DEFAULT_SCRIPT_ROLE))?;
    let role = roles.iter().find(|role| preferred.as_ref() == Some(&role["code"]));
    let entered = Entered {
        name: String::new(),
        description: String::new(),
        email: String::new(),
        events: true,
        role: role.map(id_of).unwrap_or_default(),
    };
    let body = new_form(visit, &roles, &entered, &Errors::default());
    Ok(page_with(visit, Section::Scripts, "Add script", &body))
}

fn new_form(visit: &Visit, roles: &[Value], entered: &Entered, errors: &Errors) -> Markup {
    html! {
        (trail("Add script"))
        section.card.form {
            h1 { "Add script" }
            form method="post" action=(PATH) novalidate {
                (token_field(visit))
                (fields(roles, entered, errors))
                div.actions {
                    button.primary type="submit" { "Add script" }
                    a.button href=(PATH) { "Cancel" }
                }
                p.hint { "The application key is generated when the script is added, and shown once." }
            }
        }
    }
}

fn trail(here: &str) -> Markup {
    html! {
        nav.trail aria-label="Where this page is" { a href=(PATH) { "Scripts" } span aria-hidden="true" { " › " } span { (here) } }
    }
}

fn fields(roles: &[Value], entered: &Entered, errors: &Errors) -> Markup {
    let control = |id: &'static str, label: &'static str, hint: &'static str| Control {
        hint,
        error: match id {
            "firstname" => errors.name.as_deref(),
            "email" => errors.email.as_deref(),
            "permission_rule_set" => errors.role.as_deref(),
            _ => None,
        },
        ..Control::new(id, label)
    };
    let role = control(
        "permission_rule_set",
        "Permission Role",
        "Decides what the script's calls may read and write.",
    );
    html! {
        @if let Some(other) = &errors.other {
            p.error.alert role="alert" { (other) }
        }
        (control("firstname", "Script Name", "What the script signs in with. Unique on the site, upper and lower case count.")
            .text("text", &entered.name, true))
        (control("description", "Description", "").show(&html! {
            textarea #description name="description" rows="3" { (entered.description) }
        }))
        (control("email", "Maintainer’s E-mail", "").text("email", &entered.email, false))
        (role.show(&html! {
            select #permission_rule_set name="permission_rule_set" required aria-invalid=[role.error.map(|_| "true")]
                aria-describedby=[role.described_by()] {
                @if entered.role == 0 { option value="" selected { "" } }
                @for row in roles {
                    option value=(id_of(row)) selected[id_of(row) == entered.role] { (text(row, "display_name")) }
                }
            }
        }))
        div.field.check {
            input #generate_event_log_entries type="checkbox" name="generate_event_log_entries" checked[entered.events]
                aria-describedby="events-hint";
            label for="generate_event_log_entries" { "Generate Events" }
            p.hint #events-hint {
                "Write what the script does to the event log. Off, no e-mail notifications are sent for it either, since they are \
                 made from the log. What it does on behalf of a person is always written."
            }
        }
    }
}

pub(super) fn create(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let roles = roles(&wire)?;
    let entered = Entered::of_form(visit);
    let mut errors = entered.check(&roles);
    if !errors.any() {
        match wire.create(TYPE, &entered.values()) {
            Ok(made) => return Ok(show_key(visit, id_of(&made), &entered.name, text(&made, "salted_password"), true)),
            Err(fault) => errors = errors_of(fault)?,
        }
    }
    let body = new_form(visit, &roles, &entered, &errors);
    let mut answer = page_with(visit, Section::Scripts, "Add script", &body);
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(answer)
}

/// The only page that ever shows a key. It is made from what was just generated; only a hash is kept.
fn show_key(visit: &Visit, id: i64, name: &str, key: &str, is_new: bool) -> Response {
    let title = if is_new { "Script added" } else { "New application key" };
    let body = html! {
        (trail(name))
        section.card.form {
            h1 { (title) }
            p {
                @if is_new { "The script " } @else { "From now on, only this key signs the script " }
                strong { (name) }
                @if is_new { " can sign in now, with this application key:" } @else { " in:" }
            }
            div.copied.key {
                code #application-key { (key) }
                button.primary type="button" data-copy="application-key" hidden { "Copy" }
            }
            p.alert.warn {
                "Copy it now. It is shown this once: the site keeps only a hash of it, and can't tell it again. It is the script's \
                 password; keep it as one."
            }
            div.actions {
                a.button.primary href=(PATH) { "Done" }
                a.button href=(address(id)) { "Edit script" }
            }
        }
    };
    page_at(visit, Section::Scripts, title, Some(&address(id)), &body)
}

fn find(visit: &Visit, wire: &Wire<'_>) -> Result<(i64, Value), Problem> {
    let id = visit.id()?;
    let row = wire.one(TYPE, id, &FIELDS)?.ok_or(Problem::NotFound)?;
    Ok((id, row))
}

pub(super) fn edit(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let (_, row) = find(visit, &wire)?;
    let body = edit_page(visit, &row, &roles(&wire)?, &Entered::of_row(&row), &Errors::default());
    Ok(page_with(visit, Section::Scripts, text(&row, "firstname"), &body))
}

fn edit_page(visit: &Visit, row: &Value, roles: &[Value], entered: &Entered, errors: &Errors) -> Markup {
    let id = id_of(row);
    let own = address(id);
    let name = text(row, "firstname");
    html! {
        (trail(name))
        @if visit.query.get("saved") == "1" && !errors.any() {
            p.alert.good role="status" { "Saved." }
        }
        section.card.form {
            h1 { (name) }
            p.meta {
                "Script " (id) ", added " (moment(text(row, "created_at")))
                @if row["created_by"].is_object() { " by " (name_of(&row["created_by"])) }
                " · " a href={ "/admin/events?" (super::event_log::query_for_user(TYPE, id)) } { "its events" }
            }
            form method="post" action=(own) novalidate {
                (token_field(visit))
                (fields(roles, entered, errors))
                div.actions {
                    button.primary type="submit" { "Save" }
                    a.button href=(PATH) { "Cancel" }
                }
            }
        }
        section.card.form {
            h2 { "Application key" }
            p { "The key is kept as a hash and can't be shown again. A new one takes its place at once, wherever the old one is in use." }
            details.confirm {
                summary.button { "New key…" }
                form method="post" action={ (own) "/key" } {
                    (token_field(visit))
                    p { "What runs with the present key is refused from then on, and its sessions end." }
                    button.primary type="submit" { "Generate new key" }
                }
            }
        }
        section.card.form {
            h2 { "Retire" }
            p { "A retired script can't sign in. What it did stays in the event log." }
            details.confirm {
                summary.button { "Retire script…" }
                form method="post" action={ (own) "/retire" } {
                    (token_field(visit))
                    p { "Calls made with its key are refused from then on." }
                    button.danger type="submit" { "Retire " (name) }
                }
            }
        }
    }
}

pub(super) fn save(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let (id, row) = find(visit, &wire)?;
    let roles = roles(&wire)?;
    let entered = Entered::of_form(visit);
    let mut errors = entered.check(&roles);
    if !errors.any() {
        match wire.update(TYPE, id, &entered.values()) {
            Ok(_) => return Ok(see_other(&format!("{}?saved=1", address(id)))),
            Err(fault) => errors = errors_of(fault)?,
        }
    }
    let body = edit_page(visit, &row, &roles, &entered, &errors);
    let mut answer = page_with(visit, Section::Scripts, text(&row, "firstname"), &body);
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(answer)
}

pub(super) fn renew_key(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let (id, row) = find(visit, &wire)?;
    let key = issue(wire.site, wire.caller, id)?;
    Ok(show_key(visit, id, text(&row, "firstname"), &key, false))
}

pub(super) fn retire(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let (id, _) = find(visit, &wire)?;
    wire.delete(TYPE, id)?;
    Ok(see_other(PATH))
}
