//! One request for a page: who asks, and what they sent along.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::wire::Wire;
use super::{Handler, guard, layout};
use crate::auth::caller::Caller;
use crate::auth::cookies::{self, cookie};
use crate::auth::{secrets, sessions};
use crate::fault::Fault;
use crate::roles::SUDO;
use crate::site::Site;

/// No form of these pages is longer.
const LONGEST_FORM: usize = 64 * 1024;
/// The field of every form that tells it was made for this browser.
pub(super) const FORM_TOKEN: &str = "form_token";

/// Names and values, as a form or a query string carries them.
#[derive(Default)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The value of this name without white space around it; empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The value as it was typed.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// These pairs as a query string, with another value for one name, or without it.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, old) in self.0.iter().filter(|(key, old)| key != name && !old.is_empty()) {
            query.append_pair(key, old);
        }
        if !value.is_empty() {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

/// Somebody signed in.
struct Session {
    token: String,
    caller: Caller,
}

/// One request for a page.
pub(super) struct Visit {
    pub(super) site: Arc<Site>,
    pub(super) query: Pairs,
    pub(super) form: Pairs,
    id: Option<String>,
    parts: Parts,
    authority: String,
    session: Option<Session>,
    /// The secret of a browser in which nobody is signed in, and whether it is new.
    visitor: (String, bool),
}

/// Takes a request in, lets `handle` answer it, and sees to it that whatever is answered is safe to show.
pub(super) async fn receive(site: Arc<Site>, id: Option<String>, request: Request, handle: Handler) -> Response {
    let (parts, body) = request.into_parts();
    let authority = guard::authority(&parts.headers, &parts.uri);
    let mut answer = if guard::is_meant_for_us(authority.as_deref(), site.front.loopback) {
        let authority = authority.unwrap_or_default();
        take_in(site, id, parts, body, authority, handle).await
    } else {
        layout::bare(
            StatusCode::MISDIRECTED_REQUEST,
            "Not this site's name",
            "This site answers on this machine only, by the address that it printed when it started. The address that you \
             followed names another host.",
        )
    };
    guard::harden(&mut answer);
    answer
}

async fn take_in(site: Arc<Site>, id: Option<String>, parts: Parts, body: Body, authority: String, handle: Handler) -> Response {
    let Ok(body) = to_bytes(body, LONGEST_FORM).await else {
        return layout::bare(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too much",
            "What was sent is longer than any form of this site.",
        );
    };
    let answered = tokio::task::spawn_blocking(move || {
        let form = Pairs::parse(&body);
        match Visit::begin(site, id, parts, authority, form) {
            Ok(visit) => visit.answer(handle),
            Err(fault) => layout::bare(StatusCode::INTERNAL_SERVER_ERROR, "The site failed", &fault.message),
        }
    });
    answered
        .await
        .unwrap_or_else(|_| (StatusCode::INTERNAL_SERVER_ERROR, "The site failed to answer.").into_response())
}

impl Visit {
    fn begin(site: Arc<Site>, id: Option<String>, parts: Parts, authority: String, form: Pairs) -> Result<Self, Fault> {
        let session = match cookie(&parts.headers, cookies::SESSION) {
            None => None,
            Some(token) => match sessions::caller(&site, token) {
                // Neither a script opens a page, nor what acts on behalf of a person.
                Ok(caller) if caller.entity_type == "HumanUser" && caller.sudo_actual_user.is_none() => Some(Session {
                    token: token.to_owned(),
                    caller,
                }),
                Ok(_) => None,
                // Expired, unknown, of somebody who is gone: nobody is signed in.
                Err(fault) if fault.code == Fault::authentication("").code => None,
                Err(fault) => return Err(fault),
            },
        };
        let visitor = match cookie(&parts.headers, guard::VISITOR) {
            Some(secret) if secret.len() == 64 => (secret.to_owned(), false),
            _ => (secrets::random_hex(), true),
        };
        Ok(Self {
            query: Pairs::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            site,
            form,
            id,
            parts,
            authority,
            session,
            visitor,
        })
    }

    fn answer(&self, handle: Handler) -> Response {
        let answered = match self.check_form() {
            Ok(()) => handle(self),
            Err(problem) => Err(problem),
        };
        let mut answer = answered.unwrap_or_else(|problem| problem.show(self));
        let (visitor, new) = &self.visitor;
        if self.session.is_none() && *new && self.parts.method == Method::GET {
            let cookie = guard::set_cookie(self, guard::VISITOR, visitor, "/");
            if let Ok(cookie) = cookie.parse() {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        answer
    }

    /// Refuses a form that another site made the browser send.
    fn check_form(&self) -> Result<(), Problem> {
        if self.parts.method != Method::POST {
            return Ok(());
        }
        if guard::comes_from_elsewhere(&self.parts.headers, &self.authority) {
            return Err(Problem::Forged);
        }
        if !guard::is_own_form(&self.parts.headers, self.form.exact(FORM_TOKEN)) {
            return Err(Problem::Forged);
        }
        Ok(())
    }

    /// What the forms of this page must bring along.
    pub(super) fn form_token(&self) -> String {
        let secret = self.session.as_ref().map_or(&self.visitor.0, |session| &session.token);
        guard::form_token(secret)
    }

    /// Who is signed in.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.session.as_ref().map(|session| &session.caller)
    }

    /// Who is signed in, and the session's token, to be ended.
    pub(super) fn session(&self) -> Option<(&Caller, &str)> {
        self.session.as_ref().map(|session| (&session.caller, session.token.as_str()))
    }

    /// The calls of whoever is signed in.
    pub(super) fn person(&self) -> Result<Wire<'_>, Problem> {
        let caller = self.caller().ok_or(Problem::SignedOut)?;
        Ok(Wire { site: &self.site, caller })
    }

    /// The calls of an administrator: of a person whose role may act for others, as sites have it.
    pub(super) fn administrator(&self) -> Result<Wire<'_>, Problem> {
        let wire = self.person()?;
        if is_administrator(wire.caller) {
            Ok(wire)
        } else {
            Err(Problem::NotForYou)
        }
    }

    /// The row that the path names.
    pub(super) fn id(&self) -> Result<i64, Problem> {
        self.id_text().parse().map_err(|_| Problem::NotFound)
    }

    /// The last part of the path, where it names something.
    pub(super) fn id_text(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// The page asked for, the first unless the query names another.
    pub(super) fn page_number(&self) -> i64 {
        self.query.get("page").parse().ok().filter(|page| *page > 0).unwrap_or(1)
    }

    pub(super) fn is_post(&self) -> bool {
        self.parts.method == Method::POST
    }

    pub(super) fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// Path and query, to come back to.
    pub(super) fn place(&self) -> String {
        let place = self.parts.uri.path_and_query();
        guard::place_here(place.map_or("/", |place| place.as_str())).to_owned()
    }

    /// The site's address as the visitor's browser knows it.
    pub(super) fn site_url(&self) -> String {
        let scheme = if self.is_encrypted() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Whether the browser came by HTTPS: through a server in front of this one, which speaks plain HTTP.
    pub(super) fn is_encrypted(&self) -> bool {
        let scheme = self.parts.headers.get("x-forwarded-proto");
        scheme.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
    }
}

pub(super) fn is_administrator(caller: &Caller) -> bool {
    caller.role.may(SUDO)
}
