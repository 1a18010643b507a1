//! Letting it happen.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::response::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures_util::StreamExt;

use super::slow::slowed;
use super::{Ending, Endpoint, Nonsense, Plan};
use crate::connections::{End, Performance};
use crate::fault::Fault;
use crate::media::storage_refusal;
use crate::server::exception;

/// Of an answer that is cut, so much is sent at most.
const LARGEST_CUT: usize = 64 * 1024 * 1024;

/// What a request comes to.
pub(crate) enum Outcome {
    Answer(Response),
    /// The answer as it would have been, as far as there is one, and what is sent instead.
    Cut(Option<Response<()>>, Performance),
}

pub(crate) async fn carry_out(plan: Plan, endpoint: Endpoint, request: Request, next: Next) -> Outcome {
    pause(plan.before_reading).await;
    let applied = plan.ending.as_ref().is_none_or(Ending::applied);
    let answer = if applied {
        Some(next.run(request).await)
    } else {
        // The client has sent all of its request before it is told: else it might not hear what it is told.
        drain(request.into_body()).await;
        None
    };
    pause(plan.before_answering).await;
    let response = match plan.ending {
        None => answer,
        Some(Ending::Drop { end, .. }) => {
            let performance = Performance {
                head: Vec::new(),
                body: Bytes::new(),
                end,
            };
            return Outcome::Cut(None, performance);
        }
        Some(Ending::Truncate { keep, end }) => return cut(answer.unwrap_or_default(), |body| truncated(body, keep, end)).await,
        Some(Ending::ContentLength { by }) => {
            return cut(answer.unwrap_or_default(), |body| {
                let announced = i64::try_from(body.len()).unwrap_or(i64::MAX).saturating_add(by).max(0);
                (announced.unsigned_abs(), body, End::Close)
            })
            .await;
        }
        Some(Ending::Status { status, headers, body, .. }) => {
            let mut response = match body {
                Some(body) => (status, body).into_response(),
                None => page(status, endpoint),
            };
            for (name, value) in headers {
                response.headers_mut().insert(name, value);
            }
            Some(response)
        }
        Some(Ending::Exception { code, message, .. }) => Some(match endpoint {
            Endpoint::Upload => format!("0:{message}\n").into_response(),
            _ => exception(&Fault::of(code, message)),
        }),
        Some(Ending::Garbage { what, .. }) => Some(nonsense(what)),
    };
    let response = response.unwrap_or_default();
    Outcome::Answer(if plan.in_body.is_zero() && plan.trickle.is_none() {
        response
    } else {
        slowed(response, plan.in_body, plan.trickle)
    })
}

async fn pause(time: std::time::Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

async fn drain(body: Body) {
    let mut frames = body.into_data_stream();
    while let Some(Ok(_)) = frames.next().await {}
}

/// Sends an answer by hand: how many bytes are announced, which are sent, and how it ends.
async fn cut(response: Response, change: impl FnOnce(Bytes) -> (u64, Bytes, End)) -> Outcome {
    let (parts, body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut frames = body.into_data_stream();
    while let Some(Ok(frame)) = frames.next().await {
        bytes.extend_from_slice(&frame);
        if bytes.len() > LARGEST_CUT {
            break;
        }
    }
    let (announced, body, end) = change(bytes.into());
    let performance = Performance {
        head: head(&parts, announced),
        body,
        end,
    };
    Outcome::Cut(Some(Response::from_parts(parts, ())), performance)
}

fn truncated(body: Bytes, keep: Option<usize>, end: End) -> (u64, Bytes, End) {
    let keep = keep.unwrap_or(body.len() / 2).min(body.len().saturating_sub(1));
    // Something is missing of an answer without a body, too.
    let announced = body.len().max(keep + 1);
    (announced as u64, body.slice(..keep), end)
}

fn head(parts: &Parts, length: u64) -> Vec<u8> {
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_u16()).into_bytes();
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
    }
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    head.extend_from_slice(format!("content-length: {length}\r\ndate: {date}\r\n\r\n").as_bytes());
    head
}

/// What stands in an answer of this status: the storage speaks XML, all else is a page for people.
fn page(status: StatusCode, endpoint: Endpoint) -> Response {
    if endpoint == Endpoint::Storage {
        let (code, message) = match status.as_u16() {
            403 => ("AccessDenied", "Access Denied"),
            429 | 503 => ("SlowDown", "Please reduce your request rate."),
            500 => ("InternalError", "We encountered an internal error. Please try again."),
            _ => ("Error", status.canonical_reason().unwrap_or_default()),
        };
        return storage_refusal(status, code, message);
    }
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
    (status, html(), body).into_response()
}

fn html() -> [(header::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "text/html; charset=utf-8")]
}

fn nonsense(what: Nonsense) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    match what {
        Nonsense::Html => {
            let body = "<html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>\n";
            (html(), body).into_response()
        }
        Nonsense::Empty => (json, "").into_response(),
        Nonsense::BrokenJson => (json, "{\"results\": [{\"type\": \"Shot\", \"id\": ").into_response(),
        Nonsense::WrongJson => (json, "[\"surprise\", 17]").into_response(),
        Nonsense::BrokenGzip => {
            // The mark of gzip, and nothing like it behind.
            let mut response = (json, &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03surprise, surprise"[..]).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
    }
}
