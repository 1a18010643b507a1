//! What every request goes through on its way in and every answer on its way out: it is measured and noted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::connections::ConnectionHandle;
use crate::filter::dates::format_date_time;
use crate::mishaps::{self, Facts, Outcome};
use crate::requests::{Count, Notes, RequestRecord, masked_query};
use crate::site::Site;

/// Requests for the site's own pages and controls say nothing about a client.
const UNNOTED: [&str; 6] = ["/admin", "/user/", "/app_session_request/", "/sandbox/", "/front/", "/favicon"];
/// The id in this path is all that is needed to be handed a session token.
const SIGN_IN: &str = "/internal_api/app_session_request/";

pub(crate) async fn observe(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let handle = request.extensions().get::<ConnectionHandle>().cloned();
    let (parts, body) = request.into_parts();
    let record = noted(parts.uri.path()).then(|| begin(&parts));
    let (bytes_in, bytes_out) = (Count::default(), Count::default());
    let body = Watched {
        body,
        count: bytes_in.clone(),
        patience: Some(site.patience),
        pause: None,
        handle: None,
    };
    let request = Request::from_parts(parts, Body::new(body));
    let Some(mut record) = record else {
        return released(next.run(request).await, bytes_out, handle);
    };
    let answered = answer(&site, request, next, &mut record).await;
    record.duration = started.elapsed();
    match (answered, handle) {
        (Outcome::Cut(_, performance), Some(handle)) => {
            bytes_out.store(performance.body.len() as u64, Ordering::Relaxed);
            site.requests.add(record, bytes_in, bytes_out);
            match handle.perform(performance).await {}
        }
        // Without a connection there is nothing to cut.
        (Outcome::Cut(..), None) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        (Outcome::Answer(response), handle) => {
            site.requests.add(record, bytes_in, bytes_out.clone());
            released(response, bytes_out, handle)
        }
    }
}

/// Answers, with the faults that are due, and completes the record.
async fn answer(site: &Arc<Site>, request: Request, next: Next, record: &mut RequestRecord) -> Outcome {
    let outcome = if site.mishaps.is_empty() {
        Outcome::Answer(next.run(request).await)
    } else {
        let (facts, request) = Facts::gather(site, &site.mishaps, request).await;
        let plan = site.mishaps.plan(&facts);
        record.faults.clone_from(&plan.labels);
        let endpoint = facts.endpoint();
        fill(record, facts.notes);
        mishaps::carry_out(plan, endpoint, request, next).await
    };
    match outcome {
        Outcome::Answer(mut response) => {
            record.status = Some(response.status().as_u16());
            if let Some(notes) = response.extensions_mut().remove::<Notes>() {
                fill(record, notes);
            }
            Outcome::Answer(response)
        }
        Outcome::Cut(Some(mut response), performance) => {
            record.status = Some(response.status().as_u16());
            if let Some(notes) = response.extensions_mut().remove::<Notes>() {
                fill(record, notes);
            }
            Outcome::Cut(None, performance)
        }
        cut @ Outcome::Cut(None, _) => cut,
    }
}

/// The connection is free for the next request when the answer's body has gone.
fn released(response: Response, count: Count, handle: Option<ConnectionHandle>) -> Response {
    response.map(|body| {
        Body::new(Watched {
            body,
            count,
            patience: None,
            pause: None,
            handle,
        })
    })
}

fn noted(path: &str) -> bool {
    path != "/" && !UNNOTED.iter().any(|own| path.starts_with(own))
}

fn begin(parts: &request::Parts) -> RequestRecord {
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    RequestRecord {
        received_at: format_date_time(Utc::now()),
        http_method: parts.method.to_string(),
        path: masked_path(parts.uri.path()),
        query: parts.uri.query().map(masked_query).unwrap_or_default(),
        user_agent: user_agent.unwrap_or_default().to_owned(),
        who: viewer(&parts.uri),
        ..RequestRecord::default()
    }
}

fn masked_path(path: &str) -> String {
    match path.strip_prefix(SIGN_IN) {
        Some(_) => format!("{SIGN_IN}*******"),
        None => path.to_owned(),
    }
}

/// For whom a signed URL was made.
fn viewer(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let viewer = query.split('&').find_map(|pair| pair.strip_prefix("viewer="));
    viewer.unwrap_or_default().replacen('-', " ", 1)
}

fn fill(record: &mut RequestRecord, notes: Notes) {
    record.method_name = notes.method_name;
    record.params = notes.params;
    record.error_code = notes.error_code;
    record.error_message = notes.error_message;
    if !notes.who.is_empty() {
        record.who = notes.who;
    }
}

/// A body on its way: counted, and given up when it stands still for too long.
struct Watched {
    body: Body,
    count: Count,
    patience: Option<Duration>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Of the connection that is free again when an answer's body has gone.
    handle: Option<ConnectionHandle>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(frame) = polled {
            self.pause = None;
            if let Some(Ok(frame)) = &frame {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.count.fetch_add(length as u64, Ordering::Relaxed);
            }
            return Poll::Ready(frame);
        }
        let Some(patience) = self.patience else {
            return Poll::Pending;
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if pause.as_mut().poll(context).is_ready() {
            let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the client stopped sending");
            return Poll::Ready(Some(Err(axum::Error::new(error))));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.set_busy(false);
        }
    }
}
