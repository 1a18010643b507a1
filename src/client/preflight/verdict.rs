//! What is known about an operation or a field, and how the caller is told.

use crate::client::error::{Error, Refusal};
use crate::client::json::{Object, quote};
use crate::client::status::Status;

/// Whether the role allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    Yes,
    No,
    /// It cannot be known yet, or not without doing it.
    Depends,
}

/// Why it is not a plain yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The role forbids it.
    Permission,
    /// Nobody can write the field, or not any more.
    ReadOnly,
    /// The schema says that the caller cannot change the field: one of the two above.
    NotEditable,
    /// There is no such row, or none that the caller may see.
    NotFound,
    /// The field is not there, or the caller may not see it.
    UnknownField,
    /// The site refuses the data that the caller gave.
    Rejected,
    /// A unique value in the data is taken.
    Conflict,
    /// It hangs on the row, and none was named.
    Row,
    /// It hangs on the values, and none were given.
    Values,
    /// It was not tried, or could not be.
    Untried,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Reason::Permission => "permission",
            Reason::ReadOnly => "read_only",
            Reason::NotEditable => "not_editable",
            Reason::NotFound => "not_found",
            Reason::UnknownField => "unknown_field",
            Reason::Rejected => "rejected",
            Reason::Conflict => "conflict",
            Reason::Row => "row",
            Reason::Values => "values",
            Reason::Untried => "untried",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) allowed: Allowed,
    pub(super) reason: Option<Reason>,
    pub(super) refusal: Refusal,
    pub(super) message: Option<String>,
}

impl Verdict {
    pub(super) fn yes() -> Verdict {
        Verdict {
            allowed: Allowed::Yes,
            reason: None,
            refusal: Refusal::default(),
            message: None,
        }
    }

    pub(super) fn no(reason: Reason, message: impl Into<String>) -> Verdict {
        Verdict {
            allowed: Allowed::No,
            reason: Some(reason),
            refusal: Refusal::default(),
            message: Some(message.into()),
        }
    }

    pub(super) fn depends(reason: Reason, message: impl Into<String>) -> Verdict {
        Verdict {
            allowed: Allowed::Depends,
            ..Verdict::no(reason, message)
        }
    }

    /// It hangs on the row, and none was named.
    pub(super) fn row_unknown() -> Verdict {
        Verdict::depends(Reason::Row, "rules can hang on the row; name it with entity_id")
    }

    /// It hangs on the values, and none were given.
    pub(super) fn values_unknown() -> Verdict {
        Verdict::depends(Reason::Values, "rules can hang on the values; give them with data")
    }

    /// What a refusal of the tried request says. `given`: the values are the caller's own and not ones that stand in for them.
    pub(super) fn of(error: Error, given: bool) -> Verdict {
        let message = error.message.clone();
        match error.status {
            Status::Permission => Verdict {
                refusal: error.refusal.clone(),
                ..Verdict::no(Reason::Permission, message)
            },
            Status::NotFound => Verdict::no(Reason::NotFound, message),
            _ if says_read_only(&message) => Verdict::no(Reason::ReadOnly, message),
            Status::Conflict if given => Verdict::no(Reason::Conflict, message),
            Status::Rejected if given => Verdict::no(Reason::Rejected, message),
            _ => Verdict::depends(Reason::Untried, message),
        }
    }

    fn write(&self, object: Object) -> Object {
        let text = |text: Option<&str>| text.map_or("null".to_owned(), quote);
        let allowed = match self.allowed {
            Allowed::Yes => "yes",
            Allowed::No => "no",
            Allowed::Depends => "depends",
        };
        object
            .text("allowed", allowed)
            .raw("reason", &text(self.reason.map(Reason::name)))
            .raw("role", &text(self.refusal.role.as_deref()))
            .raw("rule_id", &self.refusal.rule_id.map_or("null".to_owned(), |id| id.to_string()))
            .raw("rule", &text(self.refusal.rule_text.as_deref()))
            .raw("message", &text(self.message.as_deref()))
    }
}

/// `Page.page_type is read only` and `Task.updated_at is editable on create only.`
pub(super) fn says_read_only(message: &str) -> bool {
    message.ends_with(" is read only") || message.ends_with(" is editable on create only.")
}

/// The whole answer.
pub(super) struct Answer {
    pub(super) whole: Verdict,
    pub(super) fields: Vec<(String, Verdict)>,
}

impl Answer {
    /// The same verdict for the whole and for each field.
    pub(super) fn uniform(verdict: Verdict, names: impl Iterator<Item = String>) -> Answer {
        Answer {
            fields: names.map(|name| (name, verdict.clone())).collect(),
            whole: verdict,
        }
    }

    /// A write of several fields is as allowed as the least allowed of them.
    pub(super) fn of_fields(fields: Vec<(String, Verdict)>) -> Answer {
        let first = |allowed| fields.iter().map(|(_, verdict)| verdict).find(|verdict| verdict.allowed == allowed);
        let whole = first(Allowed::No).or_else(|| first(Allowed::Depends)).cloned();
        Answer {
            whole: whole.unwrap_or_else(Verdict::yes),
            fields,
        }
    }

    pub(super) fn json(&self, operation: &str, entity_type: &str, id: Option<i64>) -> String {
        let fields = self.fields.iter().fold(Object::new(), |object, (name, verdict)| {
            object.raw(name, &verdict.write(Object::new()).finish())
        });
        let object = Object::new()
            .text("operation", operation)
            .text("entity_type", entity_type)
            .raw("entity_id", &id.map_or("null".to_owned(), |id| id.to_string()));
        self.whole.write(object).raw("fields", &fields.finish()).finish()
    }
}
