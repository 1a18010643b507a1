//! The pages for people: signing in, scripts, roles, the event log, the requests received. Plain HTML made here, one
//! style sheet, and a little JavaScript that nothing depends on.
//!
//! What is shown is read, and what is changed is written, by the calls that clients make, in the name of
//! the person who is signed in: the pages can do nothing that the person's role forbids.

mod approve;
mod event_log;
mod faults;
mod guard;
mod home;
mod layout;
mod people;
mod problem;
mod requests;
mod roles;
mod scripts;
mod sentences;
pub(crate) mod sign_in;
mod visit;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::roster::Person;
use crate::site::Site;
use problem::Problem;
use visit::Visit;

/// What the pages know of how the site was started.
pub(crate) struct Front {
    /// True where only this machine reaches the site.
    loopback: bool,
    /// The people of the default seed, whose passwords are in its file for everybody to read. Nobody's else are told.
    demo_people: Vec<Person>,
}

impl Front {
    pub(crate) fn new(address: IpAddr, demo_people: Option<Vec<Person>>) -> Self {
        let loopback = address.is_loopback();
        let known = |person: &Person| !person.password.is_empty();
        Self {
            loopback,
            // Whom other machines reach should have passwords of its own.
            demo_people: demo_people
                .filter(|_| loopback)
                .unwrap_or_default()
                .into_iter()
                .filter(known)
                .collect(),
        }
    }
}

pub(crate) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/", page(home::show))
        .route("/user/login", form(sign_in::form, sign_in::submit))
        .route("/user/logout", action(sign_in::leave))
        .route("/admin", page(home::admin))
        .route("/admin/scripts", form(scripts::list, scripts::create))
        .route("/admin/scripts/new", page(scripts::new))
        .route("/admin/scripts/{id}", form(scripts::edit, scripts::save))
        .route("/admin/scripts/{id}/key", action(scripts::renew_key))
        .route("/admin/scripts/{id}/retire", action(scripts::retire))
        .route("/admin/people", page(people::list))
        .route("/admin/people/{id}/unlock", action(people::unlock))
        .route("/admin/roles", page(roles::list))
        .route("/admin/roles/{id}", page(roles::show))
        .route("/admin/events", page(event_log::list))
        .route("/admin/events/{id}", page(event_log::show))
        .route("/admin/requests", page(requests::list))
        .route("/admin/requests/{id}", page(requests::show))
        .route("/admin/faults", form(faults::list, faults::install))
        .route("/admin/faults/clear", action(faults::clear))
        .route("/admin/faults/{id}/remove", action(faults::remove))
        .route("/app_session_request/{id}", form(approve::show, approve::decide))
        .route(STYLE, get(|| asset("text/css; charset=utf-8", include_bytes!("assets/style.css"))))
        .route(
            SCRIPT,
            get(|| asset("text/javascript; charset=utf-8", include_bytes!("assets/front.js"))),
        )
        .route(ICON, get(|| asset("image/svg+xml", include_bytes!("assets/icon.svg"))))
}

const STYLE: &str = "/front/style.css";
const SCRIPT: &str = "/front/front.js";
const ICON: &str = "/front/icon.svg";

/// Answers one visit. The store is synchronous, so this runs off the threads that drive the connections.
type Handler = fn(&Visit) -> Result<Response, Problem>;

fn page(show: Handler) -> MethodRouter<Arc<Site>> {
    get(move |site, parameters, request| receive(site, parameters, request, show))
}

fn action(submit: Handler) -> MethodRouter<Arc<Site>> {
    post(move |site, parameters, request| receive(site, parameters, request, submit))
}

fn form(show: Handler, submit: Handler) -> MethodRouter<Arc<Site>> {
    page(show).merge(action(submit))
}

async fn receive(State(site): State<Arc<Site>>, parameters: RawPathParams, request: Request, handle: Handler) -> Response {
    let id = parameters.iter().find(|(name, _)| *name == "id");
    let id = id.map(|(_, value)| value.to_owned());
    visit::receive(site, id, request, handle).await
}

async fn asset(content_type: &'static str, bytes: &'static [u8]) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, bytes).into_response()
}
