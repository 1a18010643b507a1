//! The page on which a person decides whether a program gets a session of theirs ("app session launcher").

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Section, page_with, plural, token_field};
use super::problem::Problem;
use super::visit::Visit;
use crate::auth::app_sessions::{self, AppSessionRequest, Undecided};

pub(super) fn show(visit: &Visit) -> Result<Response, Problem> {
    let Some(request) = app_sessions::find(&visit.site, visit.id_text()) else {
        return Ok(gone(visit));
    };
    let wire = visit.person()?;
    if request.approved {
        return Ok(decided(visit, &request, true));
    }
    let asked = plural(i64::try_from(request.age.as_secs()).unwrap_or(i64::MAX), "second", "seconds");
    let body = html! {
        section.card.form.decision {
            h1 { "Sign in to " (request.app_name) "?" }
            p { "A program asks for a session in your name. With it, it can do whatever your permission role lets you do." }
            dl.facts {
                dt { "Program" } dd { strong { (request.app_name) } }
                dt { "Machine" } dd { (request.machine_id) }
                dt { "Asked" } dd { (asked) " ago" }
                dt { "You are" } dd { strong { (wire.caller.name) } ", " (wire.caller.role.display_name) }
            }
            form method="post" action=(visit.path()) {
                (token_field(visit))
                div.actions {
                    button.primary type="submit" name="decision" value="approve" { "Approve" }
                    button type="submit" name="decision" value="reject" { "Reject" }
                }
            }
            p.hint { "Approve only what you started yourself just now. Names of programs and machines are what the program says." }
            form method="post" action="/user/logout" {
                (token_field(visit))
                input type="hidden" name="back" value=(visit.path());
                p.hint { "Not " (wire.caller.name) "? " button.link type="submit" { "Sign in as somebody else" } }
            }
        }
    };
    Ok(page_with(visit, Section::None, "Sign-in request", &body))
}

pub(super) fn decide(visit: &Visit) -> Result<Response, Problem> {
    let id = visit.id_text();
    let wire = visit.person()?;
    let Some(request) = app_sessions::find(&visit.site, id) else {
        return Ok(gone(visit));
    };
    let approves = match visit.form.get("decision") {
        "approve" => true,
        "reject" => false,
        _ => return Err(Problem::Incomplete("The form says neither “approve” nor “reject”.")),
    };
    let taken = if approves {
        app_sessions::approve(&visit.site, id, wire.caller.id)
    } else {
        app_sessions::reject(&visit.site, id)
    };
    match taken {
        Ok(()) => Ok(decided(visit, &request, approves)),
        // Whoever was first has decided; this says how.
        Err(Undecided::Approved) => Ok(decided(visit, &request, true)),
        Err(Undecided::NoSuchRequest) => Ok(gone(visit)),
    }
}

fn decided(visit: &Visit, request: &AppSessionRequest, approved: bool) -> Response {
    let title = if approved { "Approved" } else { "Rejected" };
    let body = notice(
        title,
        &html! {
            strong { (request.app_name) }
            @if approved { " is being signed in. You can close this page and go back to it." }
            @else { " gets no session. You can close this page." }
        },
    );
    page_with(visit, Section::None, title, &body)
}

fn gone(visit: &Visit) -> Response {
    let title = "This request has ended";
    let body = notice(
        title,
        &html! {
            "It was answered already, or has waited for too long. Start the sign-in in the program again, and it opens a new one."
        },
    );
    let mut answer = page_with(visit, Section::None, title, &body);
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

fn notice(title: &str, words: &Markup) -> Markup {
    html! {
        section.notice {
            h1 { (title) }
            p { (words) }
            p.actions { a.button href="/" { "Home" } }
        }
    }
}
