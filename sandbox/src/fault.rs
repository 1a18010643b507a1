//! What a site answers when it does not do what it was asked.

use std::fmt;

/// An application error, sent as HTTP 200 with `{"exception": true, "message", "error_code"}`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl Fault {
    /// The caller could not be authenticated.
    pub(crate) fn authentication(message: impl Into<String>) -> Self {
        Self {
            code: 102,
            message: message.into(),
        }
    }

    /// The arguments of the call make no sense.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self {
            code: 103,
            message: message.into(),
        }
    }

    /// The call was understood and refused: permission, missing row, bad value, conflict.
    pub(crate) fn crud(message: impl Into<String>) -> Self {
        Self {
            code: 104,
            message: message.into(),
        }
    }

    /// `API verb() …`, the form of every argument error.
    pub(crate) fn bad_call(verb: &str, message: impl fmt::Display) -> Self {
        Self::argument(format!("API {verb}() {message}"))
    }

    /// `API verb() CRUD ERROR #n: …`
    pub(crate) fn numbered(verb: &str, number: &str, message: impl fmt::Display) -> Self {
        Self::crud(format!("API {verb}() CRUD ERROR #{number}: {message}"))
    }

    /// The prefix that a batch puts before the message of the request that failed in it.
    pub(crate) fn in_batch(self, index: usize) -> Self {
        Self {
            code: self.code,
            message: format!(
                "API batch() request with index {index} failed.  All requests rolled back.\n{}",
                self.message
            ),
        }
    }

    /// The site broke while it carried out the call: nothing of it was kept.
    pub(crate) fn failed() -> Self {
        Self {
            code: 100,
            message: "The site failed to answer.".to_owned(),
        }
    }

    /// The text for an entity type that the schema lacks.
    pub(crate) fn unknown_type(name: &str) -> Self {
        Self::argument(format!("Entity type '{name}' does not exist."))
    }

    /// The text for a row that is not there, or that the caller may not know of.
    pub(crate) fn no_such_row(verb: &str, entity_type: &str, id: i64) -> Self {
        Self::numbered(
            verb,
            "3",
            format_args!("Entity of type [{entity_type}] with id={id} does not exist."),
        )
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault {} {:?}", self.code, self.message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<rusqlite::Error> for Fault {
    /// The store failing is the site's own fault, never the caller's: code 100 is used by nothing else here.
    fn from(error: rusqlite::Error) -> Self {
        Self {
            code: 100,
            message: format!("The site's data store failed: {error}"),
        }
    }
}
