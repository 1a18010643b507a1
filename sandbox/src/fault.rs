//! What a site answers when it does not do what it was asked.

use std::fmt;

/// An application error, sent as HTTP 200 with `{"exception": true, "message", "error_code"}`, or as a redirect.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: String,
    /// The path that the client is sent to instead of being answered.
    pub(crate) redirect: Option<&'static str>,
}

impl Fault {
    pub(crate) fn of(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            redirect: None,
        }
    }

    /// The caller could not be authenticated.
    pub(crate) fn authentication(message: impl Into<String>) -> Self {
        Self::of(102, message)
    }

    /// A second factor is wanted, or the one given is wrong.
    pub(crate) fn second_factor(message: impl Into<String>) -> Self {
        Self::of(106, message)
    }

    /// The site signs people in by single sign-on.
    pub(crate) fn single_sign_on(message: impl Into<String>) -> Self {
        Self::of(108, message)
    }

    /// The site signs people in by Autodesk Identity.
    pub(crate) fn identity(message: impl Into<String>) -> Self {
        Self::of(110, message)
    }

    /// The person must go there before the call can be answered.
    pub(crate) fn redirect(path: &'static str, message: impl Into<String>) -> Self {
        Self {
            redirect: Some(path),
            ..Self::authentication(message)
        }
    }

    /// The store failing is the site's own fault, never the caller's: code 100 is used by nothing else here.
    pub(crate) fn store(reason: impl fmt::Display) -> Self {
        Self::of(100, format!("The site's data store failed: {reason}"))
    }

    /// The arguments of the call make no sense.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::of(103, message)
    }

    /// The call was understood and refused: permission, missing row, bad value, conflict.
    pub(crate) fn crud(message: impl Into<String>) -> Self {
        Self::of(104, message)
    }

    /// A place in the navigation tree was not found.
    pub(crate) fn navigation(message: impl Into<String>) -> Self {
        Self::of(107, message)
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
            message: format!(
                "API batch() request with index {index} failed.  All requests rolled back.\n{}",
                self.message
            ),
            ..self
        }
    }

    /// The site broke while it carried out the call: nothing of it was kept.
    pub(crate) fn failed() -> Self {
        Self::of(100, "The site failed to answer.")
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
    fn from(error: rusqlite::Error) -> Self {
        Self::store(error)
    }
}
