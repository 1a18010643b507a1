//! What is shown in the place of a page that can't be.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::layout::{Section, page_with};
use super::sign_in;
use super::visit::Visit;
use crate::fault::Fault;

/// Why a visit does not get what it asked for.
pub(super) enum Problem {
    SignedOut,
    /// For administrators, and the visitor is none.
    NotForYou,
    NotFound,
    /// A form that was not made by a page shown to this browser.
    Forged,
    /// A form that lacks what every browser would have sent.
    Incomplete(&'static str),
    Fault(Fault),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Problem {
    pub(super) fn show(self, visit: &Visit) -> Response {
        let (status, title, words) = match self {
            // A form is not sent again after the sign-in: what it was about is looked at anew first.
            Self::SignedOut if !visit.is_post() => return to_sign_in(visit),
            Self::SignedOut => (
                StatusCode::FORBIDDEN,
                "You are signed out",
                "Your session has ended, and nothing was changed. Sign in and try again.".to_owned(),
            ),
            Self::NotForYou => (StatusCode::FORBIDDEN, "For administrators", not_for(visit)),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Not found",
                "There is nothing at this address. It may have been retired, or have expired.".to_owned(),
            ),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "This form was not accepted",
                "It was not made for your present session, and nothing was changed. Go back, load the page again, and \
                 send it once more."
                    .to_owned(),
            ),
            Self::Incomplete(reason) => (StatusCode::BAD_REQUEST, "The site did not take this", reason.to_owned()),
            Self::Fault(fault) => {
                let (status, title) = match fault.code {
                    104 => (StatusCode::FORBIDDEN, "The site refused this"),
                    100 => (StatusCode::INTERNAL_SERVER_ERROR, "The site failed"),
                    _ => (StatusCode::BAD_REQUEST, "The site did not take this"),
                };
                (status, title, fault.message)
            }
        };
        let body = html! {
            section.notice {
                h1 { (title) }
                p { (words) }
                p.actions {
                    @if visit.caller().is_none() {
                        a.button.primary href=(sign_in::PATH) { "Sign in" }
                    }
                    a.button href="/" { "Home" }
                }
            }
        };
        let mut answer = page_with(visit, Section::None, title, &body);
        *answer.status_mut() = status;
        answer
    }
}

fn not_for(visit: &Visit) -> String {
    let role = visit.caller().map_or("", |caller| caller.role.display_name.as_str());
    format!("Your permission role, {role}, does not include this page. An administrator of the site can open it.")
}

fn to_sign_in(visit: &Visit) -> Response {
    see_other(&sign_in::address(&visit.place()))
}

/// Sends a browser on to a page of this site.
pub(super) fn see_other(place: &str) -> Response {
    Redirect::to(place).into_response()
}

/// Adds a cookie to an answer.
pub(super) fn with_cookie(mut answer: Response, cookie: &str) -> Response {
    if let Ok(cookie) = cookie.parse() {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}
