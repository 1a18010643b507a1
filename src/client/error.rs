//! The error record: everything that is known about a call that failed.

use std::fmt;
use std::io::ErrorKind;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use super::status::Status;

/// The outcome of everything in the client that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What a permission refusal tells: read out of the site's message, each part only where the site told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `create`, `read`, `update`, `delete`, `revive` or `sudo`.
    pub operation: Option<String>,
    /// The entity type, such as `Shot`.
    pub entity_type: Option<String>,
    /// The row's id.
    pub entity_id: Option<i64>,
    /// The field's name, without the entity type.
    pub field: Option<String>,
    /// The permission role whose rule refused, by its display name.
    pub role: Option<String>,
    /// The number of the permission rule.
    pub rule_id: Option<i64>,
    /// The rule as the site words it: its verb, what it is for, and its condition.
    pub rule_text: Option<String>,
}

/// The record behind an [`Error`].
#[derive(Clone, Debug)]
pub struct Record {
    /// The status, class and detail.
    pub status: Status,
    /// What happened, for a person. Holds no secret.
    pub message: String,
    /// The site's own words, unchanged, where the site said something.
    pub server_message: Option<String>,
    /// The `error_code` of the site's reply.
    pub server_code: Option<i64>,
    /// The HTTP status, where a reply came.
    pub http_status: Option<u16>,
    /// Whether the same call may succeed if it is made again, and would do nothing twice.
    pub retryable: bool,
    /// How long the site asks to wait before that.
    pub retry_after_ms: Option<u64>,
    /// Whether the site may have applied a write although no answer came.
    pub may_have_applied: bool,
    /// Which request of a batch failed, counted from 0.
    pub batch_index: Option<u64>,
    /// The Attachment that was uploaded before a later step failed.
    pub attachment_id: Option<i64>,
    /// What a permission refusal told. All empty for every other status.
    pub refusal: Refusal,
}

/// A failed call. One pointer wide, so that results stay small.
#[derive(Clone)]
pub struct Error(Box<Record>);

impl Error {
    /// An error with a message and everything else unset. `retryable` follows from the status.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Error(Box::new(Record {
            status,
            message: message.into(),
            server_message: None,
            server_code: None,
            http_status: None,
            retryable: matches!(
                Status::from_code(status.class()),
                Some(Status::Timeout | Status::Network | Status::RateLimited | Status::Unavailable)
            ),
            retry_after_ms: None,
            may_have_applied: false,
            batch_index: None,
            attachment_id: None,
            refusal: Refusal::default(),
        }))
    }

    /// The caller's mistake.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Error::new(Status::InvalidArgument, message)
    }

    /// A reply that breaks the API's promise.
    pub fn protocol(message: impl Into<String>) -> Self {
        Error::new(Status::Protocol, message)
    }

    /// A reply whose HTTP status tells of success, and which does not hold what was asked for.
    pub(super) fn wrong_content(message: impl Into<String>) -> Self {
        let mut error = Error::protocol(message);
        error.http_status = Some(200);
        error
    }
}

/// What a trouble with a local file comes to. The system's words do not name the file.
pub(super) fn file_trouble(path: &Path, what: &str, error: &std::io::Error) -> Error {
    // Files are worked on by threads of the runtime, which a shutdown ends.
    if error.kind() == ErrorKind::Other && error.to_string() == "background task failed" {
        return Error::new(Status::Cancelled, "the library was shut down while a file was being worked on");
    }
    let text = format!("{} {what}: {error}", path.display());
    match error.kind() {
        ErrorKind::InvalidInput => Error::invalid_argument(text),
        _ => Error::new(Status::Io, text),
    }
}

impl Deref for Error {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Record {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.status.name(), self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Error {}
