//! HTTP: the one endpoint that all methods share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;

use crate::auth::app_sessions;
use crate::fault::Fault;
use crate::front;
use crate::media;
use crate::methods::{self, Reply};
use crate::requests::{self, RequestRecord};
use crate::site::Site;

/// The largest body that is taken; more is answered 413.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

pub(crate) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/api3/json", post(rpc))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CompressionLayer::new())
        .merge(media::router())
        .merge(app_sessions::router())
        .merge(front::router())
        .with_state(site)
}

async fn rpc(State(site): State<Arc<Site>>, headers: HeaderMap, body: Bytes) -> Response {
    let user_agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    // The store is synchronous: its work is kept off the threads that drive the connections.
    let answered = tokio::task::spawn_blocking(move || answer(&site, user_agent, &body)).await;
    answered.unwrap_or_else(|_| (StatusCode::INTERNAL_SERVER_ERROR, "The site failed to answer.").into_response())
}

fn answer(site: &Site, user_agent: String, body: &[u8]) -> Response {
    let started = Instant::now();
    let Ok(text) = std::str::from_utf8(body) else {
        return (StatusCode::BAD_REQUEST, "The request body is not UTF-8.").into_response();
    };
    let call = Envelope::open(text);
    let mut record = RequestRecord {
        number: 0,
        method_name: String::new(),
        params: String::new(),
        body_length: body.len(),
        user_agent,
        error_code: None,
        error_message: None,
        duration: Duration::ZERO,
    };
    let result = call.and_then(|call| {
        record.params = requests::masked(&call.parameters, body.len());
        record.method_name = call.method_name;
        methods::call(site, &record.method_name, &call.parameters)
    });
    let reply = match result {
        Ok(Reply::Results(results)) => json!({"results": results}),
        Ok(Reply::Bare(value)) => value,
        Ok(Reply::Csv(text)) => {
            record.duration = started.elapsed();
            site.requests.add(record);
            return ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response();
        }
        Err(fault) => {
            let reply = json!({
                "exception": true,
                "message": fault.message,
                "error_code": fault.code,
            });
            record.error_code = Some(fault.code);
            record.error_message = Some(fault.message);
            reply
        }
    };
    record.duration = started.elapsed();
    site.requests.add(record);
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (content_type, reply.to_string()).into_response()
}

/// A request body: the method and its parameters.
struct Envelope {
    method_name: String,
    parameters: Vec<Value>,
}

impl Envelope {
    fn open(text: &str) -> Result<Self, Fault> {
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
}
