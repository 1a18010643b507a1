//! The first page: what this site is and how to connect to it.

use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Section, grouped, page_with, shortened};
use super::problem::{Problem, see_other};
use super::sign_in;
use super::visit::{Visit, is_administrator};
use super::wire::{Wanted, id_of, text};

/// Scripts that the page names.
const SCRIPTS_NAMED: i64 = 8;

/// Where the address bar leads who leaves the page's name out.
pub(super) fn admin(visit: &Visit) -> Result<Response, Problem> {
    visit.administrator()?;
    Ok(see_other("/admin/scripts"))
}

pub(super) fn show(visit: &Visit) -> Result<Response, Problem> {
    let url = visit.site_url();
    let administrator = visit.caller().is_some_and(is_administrator);
    let has_demo_people = !visit.site.front.demo_people.is_empty();
    let body = html! {
        div.intro {
            h1 { "A Flow Production Tracking site of your own" }
            p.lead {
                "This is the sandbox: a local site that speaks the same wire as a real one. People and scripts sign in, permission \
                 roles refuse what they forbid, and every change is in the event log. Nothing of it leaves this machine."
            }
        }
        div.columns {
            section.card {
                h2 { "Connect" }
                p { "The site's address, for any client of the JSON API:" }
                (copied("site-url", &url))
                p {
                    "Sign in as a person with login and password, or as a script with its name and application key. The program \
                     that runs this site printed both for the scripts of its seed when it started."
                }
                @if administrator { (scripts(visit)?) }
            }
            @if visit.caller().is_some() || !has_demo_people { (what_next(visit, administrator)) }
            @else { (demo_people(visit)) }
        }
        section.card {
            h2 { "First calls" }
            div.columns.samples {
                div {
                    h3 { "Python" }
                    pre.code { code { (python(&url)) } }
                }
                div {
                    h3 { "C" }
                    pre.code { code { (c(&url)) } }
                }
            }
        }
        @if visit.caller().is_some() && has_demo_people { (demo_people(visit)) }
    };
    Ok(page_with(visit, Section::Home, "Home", &body))
}

/// The scripts that there are, as many as a line of text holds.
fn scripts(visit: &Visit) -> Result<Markup, Problem> {
    let wanted = Wanted {
        entity_type: "ApiUser",
        conditions: Vec::new(),
        fields: &["firstname"],
        order: ("id", false),
    };
    let found = visit.administrator()?.page(&wanted, SCRIPTS_NAMED, 1)?;
    let more = found.count - SCRIPTS_NAMED;
    Ok(html! {
        @if !found.rows.is_empty() {
            p {
                "Scripts: "
                @for (position, row) in found.rows.iter().enumerate() {
                    @if position > 0 { ", " }
                    a href={ "/admin/scripts/" (id_of(row)) } { (shortened(text(row, "firstname"))) }
                }
                @if more > 0 { " and " a href="/admin/scripts" { (grouped(more)) " more" } }
                "."
            }
        }
        p { "For a plug-in of your own, " a href="/admin/scripts/new" { "add a script" } ": one script, one key." }
    })
}

fn demo_people(visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 { "Demo people" }
            p {
                "The default seed brings these people. "
                @if visit.caller().is_none() { a href=(sign_in::PATH) { "Sign in" } " as one of them." }
                @else { "A plug-in can sign in as one of them." }
            }
            (sign_in::demo_table(visit))
        }
    }
}

fn what_next(visit: &Visit, administrator: bool) -> Markup {
    html! {
        section.card {
            @if administrator {
                h2 { "Look around" }
                dl.links {
                    dt { a href="/admin/requests" { "Requests" } }
                    dd { "What your plug-in sent, and what it was answered." }
                    dt { a href="/admin/events" { "Event Log" } }
                    dd { "Who changed what, also on whose behalf." }
                    dt { a href="/admin/roles" { "Permission Roles" } }
                    dd { "Why a call was refused, in sentences." }
                    dt { a href="/admin/faults" { "Faults" } }
                    dd { "A slow, busy or broken site on demand." }
                    dt { a href="/admin/people" { "People" } }
                    dd { "Who there is, and whose account is locked." }
                }
            } @else if let Some(caller) = visit.caller() {
                h2 { "Signed in as " (caller.name) }
                p {
                    "Your permission role is " strong { (caller.role.display_name) } ". It decides what your calls may read and \
                     write, as it does for a plug-in that signs in as you."
                }
                p { "The pages for administrators are not part of it." }
            } @else {
                h2 { "Administration" }
                p {
                    "Administrators add scripts here, read the event log, and see what a plug-in sent. "
                    a href=(sign_in::PATH) { "Sign in" } " to begin."
                }
            }
        }
    }
}

/// A text that is there to be copied.
pub(super) fn copied(id: &str, text: &str) -> Markup {
    html! {
        div.copied {
            code id=(id) { (text) }
            button type="button" data-copy=(id) hidden { "Copy" }
        }
    }
}

fn python(url: &str) -> String {
    format!(
        "import shotgun_api3\n\n\
         sg = shotgun_api3.Shotgun(\n    \"{url}\",\n    script_name=\"my_plugin\",\n    api_key=\"…\",\n)\n\
         print(sg.find(\"Shot\", [], [\"code\"]))"
    )
}

fn c(url: &str) -> String {
    format!(
        "#include <shotgrid.h>\n\n\
         sg_client *client;\nif (sg_connect_script(\"{url}\",\n        \"my_plugin\", \"…\", NULL, &client))\n    puts(sg_last_error());"
    )
}
