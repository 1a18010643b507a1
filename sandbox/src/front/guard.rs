//! What keeps other sites out of the pages: whose request is taken, and what browsers are told of each answer.

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;

use super::visit::Visit;
use crate::auth::cookies::{self, cookie};
use crate::auth::secrets;
use crate::hosts::is_this_machine;

/// The cookie that ties a sign-in form to the browser that it was shown in.
pub(super) const VISITOR: &str = "_visitor_id";

/// Everything comes from this site, and nothing is written into the page; no other site may frame it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

pub(super) fn harden(answer: &mut Response) {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        // Keys are shown once: a page must not come back from a cache.
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The host and port that a request names.
pub(super) fn authority(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named
        .or_else(|| uri.authority().map(|authority| authority.as_str()))
        .map(str::to_owned)
}

/// Whether the request was meant for this site, where the site knows its own name.
pub(super) fn is_meant_for_us(authority: Option<&str>, loopback: bool) -> bool {
    !loopback || authority.is_some_and(is_this_machine)
}

/// Whether a form was sent by a page of another site, as far as the browser says.
pub(super) fn comes_from_elsewhere(headers: &HeaderMap, authority: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text("origin") {
        let host = origin.split_once("://").map(|(_, host)| host);
        return host.is_none_or(|host| !host.eq_ignore_ascii_case(authority));
    }
    // Another port of this machine is the same site, but not the same origin.
    text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// What a form of this browser must bring along. Made of a secret that only the browser's cookie has, which it
/// does not tell.
pub(super) fn form_token(cookie_value: &str) -> String {
    secrets::hash_form(cookie_value)
}

/// Whether a form was made for the browser that sends it.
pub(super) fn is_own_form(headers: &HeaderMap, token: &str) -> bool {
    [cookies::SESSION, VISITOR]
        .into_iter()
        .filter_map(|name| cookie(headers, name))
        .any(|secret| secrets::equal(&form_token(secret), token))
}

/// The header that sets a cookie which no script can read and no other site can make a browser send with a form.
pub(super) fn set_cookie(visit: &Visit, name: &str, value: &str, path: &str) -> String {
    let secure = if visit.is_encrypted() { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}")
}

/// The header that makes a browser forget a cookie.
pub(super) fn forget_cookie(visit: &Visit, name: &str, path: &str) -> String {
    format!("{}; Max-Age=0", set_cookie(visit, name, "", path))
}

/// A place on this site to come back to; whatever else is given leads to the first page.
pub(super) fn place_here(given: &str) -> &str {
    let here = given.starts_with('/')
        // Browsers take both for the start of another host's name.
        && !given.starts_with("//")
        && !given.contains('\\')
        // They pass over some of these, and the header that the place is sent in takes no others.
        && given.bytes().all(|byte| byte.is_ascii_graphic());
    if here { given } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for place in ["/", "/admin/scripts?page=2", "/app_session_request/a-b"] {
            assert_eq!(place_here(place), place);
        }
        for place in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=y",
            "javascript:alert(1)",
            "admin",
            "/ü",
        ] {
            assert_eq!(place_here(place), "/", "{place:?}");
        }
    }
}
