//! Cookies that a browser sends.

use axum::http::{HeaderMap, header};

/// The cookie that carries a session token, by the name that real sites give it.
pub(crate) const SESSION: &str = "_session_id";

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}
