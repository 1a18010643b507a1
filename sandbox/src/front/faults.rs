//! Faults on demand: those that are installed, and a form to install more.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::layout::{Control, Section, grouped, page_with, plural, shortened, token_field};
use super::problem::{Problem, see_other};
use super::visit::Visit;
use super::wire::text;
use crate::mishaps::InstalledFault;

const PATH: &str = "/admin/faults";

/// One for each thing that goes wrong most often out there.
const EXAMPLES: [(&str, &str); 5] = [
    (
        "The site is busy, twice, whatever is asked",
        r#"{"kind": "status", "status": 503, "retry_after": 2, "times": 2}"#,
    ),
    (
        "An update is written, and its answer lost",
        r#"{"kind": "drop", "applied": true, "method": "update", "times": 1}"#,
    ),
    (
        "Everything takes two seconds longer for one person",
        r#"{"kind": "delay", "ms": 2000, "login": "artist"}"#,
    ),
    (
        "An answer is cut off in the middle",
        r#"{"kind": "truncate", "method": "read", "times": 1}"#,
    ),
    (
        "Storage asks to slow down, one time in five",
        r#"{"kind": "status", "status": 503, "endpoint": "storage", "probability": 0.2}"#,
    ),
];

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    visit.administrator()?;
    Ok(page_with(visit, Section::Faults, "Faults", &page(visit, "", None)))
}

pub(super) fn install(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let described = visit.form.get("faults");
    match wire.site.mishaps.install(described) {
        Ok(_) => Ok(see_other(PATH)),
        Err(error) => {
            let body = page(visit, described, Some(&error.to_string()));
            let mut answer = page_with(visit, Section::Faults, "Faults", &body);
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(answer)
        }
    }
}

pub(super) fn remove(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let id = u64::try_from(visit.id()?).map_err(|_| Problem::NotFound)?;
    if wire.site.mishaps.remove(id) {
        Ok(see_other(PATH))
    } else {
        Err(Problem::NotFound)
    }
}

pub(super) fn clear(visit: &Visit) -> Result<Response, Problem> {
    visit.administrator()?.site.mishaps.clear();
    Ok(see_other(PATH))
}

fn page(visit: &Visit, described: &str, error: Option<&str>) -> Markup {
    let installed = visit.site.mishaps.list();
    let count = i64::try_from(installed.len()).unwrap_or(i64::MAX);
    html! {
        div.heading {
            h1 { "Faults" }
            span.count { (plural(count, "fault", "faults")) " installed" }
            @if !installed.is_empty() {
                form method="post" action={ (PATH) "/clear" } {
                    (token_field(visit))
                    button type="submit" { "Remove all" }
                }
            }
        }
        p.lead {
            "What goes wrong on demand, for the requests that a fault names: slow, busy, cut off or mad answers, to see how a plug-in \
             lives with them. These pages are spared. Faults are not kept when the site ends."
        }
        @if installed.is_empty() {
            p.empty { "Nothing goes wrong. Install a fault below, and the requests that it is for get it." }
        } @else {
            div.table {
                table {
                    thead {
                        tr {
                            th scope="col" { "No." }
                            th scope="col" { "Fault" }
                            th.number scope="col" { "Requests it was for" }
                            th.number scope="col" { "Applied" }
                            th scope="col" { span.hidden { "Remove" } }
                        }
                    }
                    tbody { @for fault in &installed { (line(visit, fault)) } }
                }
            }
        }
        section.card.faults {
            h2 { "Install" }
            form method="post" action=(PATH) {
                (token_field(visit))
                (form(described, error))
                div.actions { button.primary type="submit" { "Install" } }
            }
            details open[installed.is_empty() && error.is_none()] {
                summary { "Examples" }
                dl.examples {
                    @for (position, (about, text)) in EXAMPLES.iter().enumerate() {
                        dt { (about) }
                        dd { (super::home::copied(&format!("example-{position}"), text)) }
                    }
                }
            }
        }
    }
}

fn form(described: &str, error: Option<&str>) -> Markup {
    let control = Control {
        hint: "One, or a list of them. The kinds are delay, trickle, status, exception, drop, truncate, garbage and content_length.",
        error,
        ..Control::new("faults", "Faults as JSON")
    };
    control.show(&html! {
        textarea.source #faults name="faults" rows="5" spellcheck="false" required autocomplete="off"
            aria-invalid=[error.map(|_| "true")] aria-describedby=[control.described_by()] { (described) }
    })
}

/// The fault's kind, and what else is said of it.
fn description(described: &Value) -> Markup {
    let empty = Map::new();
    let keys = described.as_object().unwrap_or(&empty);
    html! {
        div.fault {
            strong { (text(described, "kind")) }
            @for (key, value) in keys.iter().filter(|(key, _)| *key != "kind") {
                span.badge { (key) " " code { (shortened(&value.to_string())) } }
            }
        }
    }
}

fn line(visit: &Visit, fault: &InstalledFault) -> Markup {
    let described: Value = serde_json::from_str(&fault.description).unwrap_or_default();
    html! {
        tr {
            td.id { (fault.id) }
            td.rest { (description(&described)) }
            td.number { (grouped(i64::try_from(fault.matched).unwrap_or(i64::MAX))) }
            td.number { (grouped(i64::try_from(fault.applied).unwrap_or(i64::MAX))) }
            td.number {
                form method="post" action={ (PATH) "/" (fault.id) "/remove" } {
                    (token_field(visit))
                    button.small type="submit" { "Remove" span.hidden { " fault " (fault.id) } }
                }
            }
        }
    }
}
