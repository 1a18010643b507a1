//! Signing in by the browser, on the site's own page or, in the site's place, the identity provider's.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::settings::SignInMethod;
use super::{people, sessions};
use crate::fault::Fault;
use crate::front::sign_in;
use crate::site::Site;

/// Where a client is sent whose person has to sign on anew.
pub(super) const SIGN_ON_AGAIN: &str = "/saml/saml_login_request";

pub(crate) fn router() -> Router<Arc<Site>> {
    Router::new().route(SIGN_ON_AGAIN, get(sign_on_again))
}

/// The identity provider is played by the site's own page.
async fn sign_on_again(State(site): State<Arc<Site>>) -> Response {
    if site.auth.settings().method == SignInMethod::Saml {
        return Redirect::to(sign_in::PATH).into_response();
    }
    (StatusCode::NOT_FOUND, "This site has no single sign-on.").into_response()
}

/// Opens a session for a person who gives a password in the browser, however the site signs people in, and gives
/// its token. Where there is single sign-on, the claims of all of the person's sessions are good again.
pub(crate) fn sign_in(site: &Site, login: &str, password: &str, code: Option<&str>) -> Result<String, Fault> {
    let caller = people::authenticate_at_browser(site, login, password, code)?;
    sessions::renew_claims(site, caller.id)?;
    sessions::open(site, &caller, Some(login))
}
