//! HTTP: the one endpoint that all methods share.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;

use crate::auth::{app_sessions, blocked, browser, sessions};
use crate::control;
use crate::exchange;
use crate::fault::Fault;
use crate::front;
use crate::media;
use crate::methods::{self, Reply};
use crate::requests::{self, Claim, Notes};
use crate::site::Site;

/// The largest body that is taken; more is answered 413.
pub(crate) const LARGEST_BODY: usize = 32 * 1024 * 1024;

pub(crate) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/api3/json", post(rpc))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CompressionLayer::new())
        .merge(media::router())
        .merge(app_sessions::router())
        .merge(front::router())
        .merge(browser::router())
        .merge(control::router())
        .layer(middleware::from_fn_with_state(site.clone(), blocked::refuse))
        .layer(middleware::from_fn_with_state(site.clone(), exchange::observe))
        .with_state(site)
}

async fn rpc(State(site): State<Arc<Site>>, body: Bytes) -> Response {
    // The store is synchronous: its work is kept off the threads that drive the connections.
    let answered = tokio::task::spawn_blocking(move || answer(&site, &body)).await;
    answered.unwrap_or_else(|_| exception(&Fault::failed()))
}

fn answer(site: &Site, body: &[u8]) -> Response {
    let Ok(text) = std::str::from_utf8(body) else {
        return (StatusCode::BAD_REQUEST, "The request body is not UTF-8.").into_response();
    };
    let mut notes = Notes::default();
    let result = Envelope::open(text).and_then(|call| {
        notes = call.notes(site, body.len());
        methods::call(site, &notes.method_name, &call.parameters, text)
    });
    let mut response = match result {
        Ok(Reply::Results(results)) => json_answer(&json!({"results": results})),
        Ok(Reply::Bare(value)) => json_answer(&value),
        Ok(Reply::Csv(text)) => ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response(),
        Err(fault) => {
            let redirect = redirect(site, &fault);
            notes.error_code = redirect.is_none().then_some(fault.code);
            let response = redirect.unwrap_or_else(|| exception(&fault));
            notes.error_message = Some(fault.message);
            response
        }
    };
    response.extensions_mut().insert(notes);
    response
}

fn json_answer(reply: &Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (content_type, reply.to_string()).into_response()
}

/// What a call is answered that was not carried out.
pub(crate) fn exception(fault: &Fault) -> Response {
    json_answer(&json!({"exception": true, "message": fault.message, "error_code": fault.code}))
}

/// Where the client has to send its person first, if that is what a fault says.
pub(crate) fn redirect(site: &Site, fault: &Fault) -> Option<Response> {
    let place = site.media.links.whole(fault.redirect?);
    Some((StatusCode::FOUND, [(header::LOCATION, place)]).into_response())
}

/// A request body: the method and its parameters.
pub(crate) struct Envelope {
    pub(crate) method_name: String,
    parameters: Vec<Value>,
}

impl Envelope {
    pub(crate) fn open(text: &str) -> Result<Self, Fault> {
        // NaN and Infinity, which some clients send, and nesting beyond reason end up here, too.
        let body: Value =
            serde_json::from_str(text).map_err(|error| Fault::argument(format!("The request body is not valid JSON: {error}")))?;
        let Value::Object(mut body) = body else {
            return Err(Fault::argument("The request body is not a JSON object."));
        };
        let Some(Value::String(method_name)) = body.remove("method_name") else {
            return Err(Fault::argument("The request has no 'method_name'."));
        };
        let parameters = match body.remove("params") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(parameters)) => parameters,
            Some(_) => return Err(Fault::argument("The request's 'params' is not an array.")),
        };
        Ok(Self { method_name, parameters })
    }

    /// Whom the call names, without proof.
    pub(crate) fn claim(&self, site: &Site) -> Claim {
        let authentication = self.parameters.first().and_then(Value::as_object);
        let claim = authentication.map(Claim::of).unwrap_or_default();
        claim.with_session(|token| sessions::owner(site, token))
    }

    pub(crate) fn notes(&self, site: &Site, body_length: usize) -> Notes {
        Notes {
            method_name: self.method_name.clone(),
            who: self.claim(site).who(),
            params: requests::masked(Value::from(self.parameters.clone()), body_length as u64),
            ..Notes::default()
        }
    }
}
