//! Replies of any kind. Input: `METHOD|STATUS|CONTENT-TYPE|LOCATION|RETRY-AFTER`, a line feed, the body.

use shotgrid::client::fuzzing::{Answer, receive};
use shotgrid::client::{Error, Status};

use crate::input::method;
use crate::json_oracle::is_json;

/// Whatever a site answers, the host gets JSON or an error that says what is wrong.
pub fn run(data: &[u8]) {
    let cut = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (head, body) = data.split_at(cut);
    let body = body.get(1..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let mut parts = head.split('|');
    let mut part = || parts.next().unwrap_or_default();
    let method = method(part());
    let answer = Answer {
        status: status(part()),
        kind: part(),
        location: part(),
        retry_after: part(),
        body,
    };
    match receive(method.name, method.example, &answer) {
        Ok(document) => {
            assert!(answer.status < 300, "a reply with the HTTP status {} is a success", answer.status);
            assert!(is_json(document.json()), "what the host gets is no JSON: {}", document.json());
            let most = 2 * body.len() + 64;
            assert!(
                document.node_count() <= most,
                "{} nodes for {} bytes",
                document.node_count(),
                body.len()
            );
        }
        Err(error) => check(&error, &answer),
    }
}

/// Statuses from 200 on; whatever is no number is one all the same.
fn status(text: &str) -> u16 {
    let sum = || text.bytes().map(u16::from).fold(0, u16::wrapping_add);
    let number = text.parse().unwrap_or_else(|_| 200 + sum() % 400);
    200 + (number.saturating_sub(200)) % 400
}

fn check(error: &Error, answer: &Answer<'_>) {
    assert!(!error.message.is_empty(), "{error:?}");
    let unexpected = matches!(
        error.status,
        Status::Ok | Status::Internal | Status::InvalidArgument | Status::InvalidState | Status::Forked | Status::Cancelled | Status::Io
    );
    assert!(!unexpected, "{error:?}");
    // The longest thing that a message repeats is the site's own.
    let most = answer.body.len() * 4 + answer.location.len() + 2_000;
    assert!(error.message.len() < most, "{error:?}");
    if error.status == Status::Permission {
        assert!(error.server_message.as_deref().is_some_and(|text| !text.is_empty()), "{error:?}");
    } else {
        assert_eq!(error.refusal, Default::default(), "{error:?}");
    }
}
