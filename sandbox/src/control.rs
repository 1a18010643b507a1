//! What an author's own tests ask of the sandbox itself: `/sandbox/…`. No site has these paths, and no
//! client of a site knows them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::app_sessions::{self, Undecided};
use crate::auth::control::{SignInError, person_by_login};
use crate::auth::sessions;
use crate::connections::ConnectionHandle;
use crate::fault::Fault;
use crate::hosts::is_this_machine;
use crate::site::Site;

/// A web page can't add a header to what it sends to another site, not without being allowed to.
const MARK: &str = "x-sandbox-control";

pub(crate) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/sandbox/requests", get(requests).delete(forget_requests))
        .route("/sandbox/faults", get(faults).post(install_faults).delete(clear_faults))
        .route("/sandbox/faults/{id}", delete(remove_fault))
        .route("/sandbox/sessions/expire", post(expire_sessions))
        .route("/sandbox/sign_ins", get(sign_ins))
        .route("/sandbox/sign_ins/{id}/approve", post(approve))
        .route("/sandbox/sign_ins/{id}/reject", post(reject))
        .route("/sandbox/reset", post(reset))
        .route_layer(middleware::from_fn(guard))
}

/// Only this machine may ask, and nothing that a web page in somebody's browser could send.
async fn guard(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectionHandle>().map(|handle| handle.peer);
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let refused = if !peer.is_some_and(|peer| peer.ip().is_loopback()) {
        Some("the sandbox is controlled from its own machine only")
    } else if !host.is_some_and(is_this_machine) {
        Some("the sandbox is controlled by its loopback address, such as http://127.0.0.1:PORT, only")
    } else if !headers.contains_key(MARK) {
        Some("the header 'X-Sandbox-Control' is missing; any value will do")
    } else {
        None
    };
    match refused {
        Some(reason) => refusal(StatusCode::FORBIDDEN, reason),
        None => next.run(request).await,
    }
}

async fn faults(State(site): State<Arc<Site>>) -> Response {
    let installed = site.mishaps.list().into_iter().map(|fault| {
        json!({
            "id": fault.id,
            "fault": serde_json::from_str::<Value>(&fault.description).unwrap_or_default(),
            "matched": fault.matched,
            "applied": fault.applied,
        })
    });
    Json(json!({"faults": installed.collect::<Vec<_>>()})).into_response()
}

/// All that are described, or none.
async fn install_faults(State(site): State<Arc<Site>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_json(&headers) {
        return refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "faults are described in JSON: Content-Type must be application/json",
        );
    }
    let Ok(text) = std::str::from_utf8(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is not UTF-8");
    };
    match site.mishaps.install(text) {
        Ok(ids) => (StatusCode::CREATED, Json(json!({"ids": ids}))).into_response(),
        Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn clear_faults(State(site): State<Arc<Site>>) -> Response {
    site.mishaps.clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn remove_fault(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Response {
    match id.parse().is_ok_and(|id| site.mishaps.remove(id)) {
        true => StatusCode::NO_CONTENT.into_response(),
        false => refusal(StatusCode::NOT_FOUND, "there is no such fault"),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
}

/// Work on the store, which is kept off the threads that drive the connections.
async fn done(site: Arc<Site>, work: impl FnOnce(&Site) -> Result<(), Fault> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(move || work(&site)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(fault)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &fault.message),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &Fault::failed().message),
    }
}

async fn expire_sessions(State(site): State<Arc<Site>>) -> Response {
    done(site, sessions::expire_all).await
}

/// Puts the data back as they were when the site started.
async fn reset(State(site): State<Arc<Site>>) -> Response {
    if site.store.can_be_put_back() {
        done(site, Site::put_back).await
    } else {
        refusal(
            StatusCode::CONFLICT,
            "this site keeps its data in a file (--data), which is never put back; start one without",
        )
    }
}

async fn sign_ins(State(site): State<Arc<Site>>) -> Response {
    let open = app_sessions::all(&site).into_iter().map(|request| {
        json!({
            "id": request.id,
            "app_name": request.app_name,
            "machine_id": request.machine_id,
            "age": request.age.as_secs_f64(),
            "approved": request.approved,
        })
    });
    Json(json!({"sign_ins": open.collect::<Vec<_>>()})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    login: String,
}

async fn approve(State(site): State<Arc<Site>>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let approval = Some(&body).filter(|_| is_json(&headers));
    let Some(Ok(Approval { login })) = approval.map(|body| serde_json::from_slice(body)) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "who approves is told in JSON (Content-Type: application/json): {\"login\": \"artist\"}",
        );
    };
    match person_by_login(&site, &login) {
        Ok(person) => decided(app_sessions::approve(&site, &id, person)),
        Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn reject(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Response {
    decided(app_sessions::reject(&site, &id))
}

fn decided(outcome: Result<(), Undecided>) -> Response {
    let Err(undecided) = outcome else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let status = match undecided {
        Undecided::NoSuchRequest => StatusCode::NOT_FOUND,
        Undecided::Approved => StatusCode::CONFLICT,
    };
    refusal(status, &SignInError::from(undecided).to_string())
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({"error": reason}))).into_response()
}

#[derive(Deserialize)]
struct Wanted {
    /// Only those with a higher number.
    #[serde(default)]
    after: u64,
}

async fn requests(State(site): State<Arc<Site>>, wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>) -> Response {
    let Ok(Query(wanted)) = wanted else {
        return refusal(StatusCode::BAD_REQUEST, "'after' is the number of a request");
    };
    let records = site.requests.after(wanted.after);
    let records: Vec<Value> = records.iter().map(|record| record.as_json()).collect();
    Json(json!({"answered": site.requests.received(), "requests": records})).into_response()
}

async fn forget_requests(State(site): State<Arc<Site>>) -> Response {
    site.requests.clear();
    StatusCode::NO_CONTENT.into_response()
}
