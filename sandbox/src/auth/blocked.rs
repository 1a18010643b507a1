//! Clients that may not use the API at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::settings::Settings;
use crate::site::Site;

/// What is the API; the rest is for browsers.
const API: [&str; 3] = ["/api3/", "/upload/", "/internal_api/"];
const PAGE: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>API access blocked</title></head>
<body>
<h1>API access blocked</h1>
<p>This site does not let this client use its API. Ask the site's administrator for access.</p>
</body>
</html>
";

/// Answers blocked clients with a page, and lets the others through.
pub(crate) async fn refuse(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let is_api = API.iter().any(|prefix| request.uri().path().starts_with(prefix));
    if is_api && is_blocked(&site.auth.settings(), &request) {
        return (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response();
    }
    next.run(request).await
}

fn is_blocked(settings: &Settings, request: &Request) -> bool {
    if settings.block_api {
        return true;
    }
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default().to_lowercase();
    settings.block_user_agents.iter().any(|part| agent.contains(&part.to_lowercase()))
}
