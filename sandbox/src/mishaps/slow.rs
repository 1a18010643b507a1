//! Answers that come slowly.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::{StreamExt, stream};

use super::Trickle;

/// Lets the body pause after half of its first piece, and come in small pieces.
pub(super) fn slowed(response: Response, pause: Duration, trickle: Option<Trickle>) -> Response {
    let (mut parts, body) = response.into_parts();
    // What a client is told of the length does not depend on how it comes.
    if let Some(length) = body.size_hint().exact() {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
    let state = (body.into_data_stream(), VecDeque::new(), true);
    let pieces = stream::unfold(state, move |(mut frames, mut pieces, first)| async move {
        let mut first = first;
        while pieces.is_empty() {
            match frames.next().await? {
                Err(error) => return Some((Err(error), (frames, pieces, first))),
                Ok(bytes) => {
                    pieces = divide(bytes, if first { pause } else { Duration::ZERO }, trickle);
                    first = false;
                }
            }
        }
        let (wait, piece): (Duration, Bytes) = pieces.pop_front()?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some((Ok(piece), (frames, pieces, first)))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// Pieces, each with the time before it.
fn divide(mut bytes: Bytes, pause: Duration, trickle: Option<Trickle>) -> VecDeque<(Duration, Bytes)> {
    let mut pieces = VecDeque::new();
    if !pause.is_zero() {
        let half = bytes.split_to(bytes.len() / 2);
        pieces.push_back((Duration::ZERO, half));
        pieces.push_back((pause, bytes));
    } else {
        pieces.push_back((Duration::ZERO, bytes));
    }
    let Some(trickle) = trickle else { return pieces };
    let mut small = VecDeque::new();
    for (wait, mut piece) in pieces {
        small.push_back((wait, piece.split_to(piece.len().min(trickle.bytes))));
        while !piece.is_empty() {
            small.push_back((trickle.every, piece.split_to(piece.len().min(trickle.bytes))));
        }
    }
    small
}
