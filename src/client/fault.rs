//! The grammar of a site's faults: which of its messages are refusals, and what they tell.
//!
//! A site answers every application error with HTTP 200, a text and a number, and the numbers do not tell a permission
//! refusal from a bad value: both are 104. What does is the wording. Only wordings that real sites were seen to use
//! are matched, at the beginning of the message where they stand there, since messages quote what people typed.

use super::error::{Error, Refusal};
use super::status::Status;

/// What stands before a site's own words in a message.
pub(super) const THE_SITE_SAID: &str = "the site said: ";

/// Makes the error of an exception reply.
pub(super) fn from_exception(message: &str, code: Option<i64>) -> Error {
    let (batch_index, inner) = split_batch(message);
    let (verb, tail) = split_call(inner);
    let refusal = if is_about_credentials(tail, code) {
        None
    } else {
        refusal(verb, tail)
    };
    let status = match &refusal {
        Some(_) => Status::Permission,
        None => status_of(tail, code),
    };
    let mut error = Error::new(status, describe(status, refusal.as_ref(), message));
    error.server_message = (!message.is_empty()).then(|| message.to_owned());
    error.server_code = code;
    error.batch_index = batch_index;
    error.refusal = refusal.unwrap_or_default();
    error
}

/// The same failure as if its request had been made by itself and not in a batch.
pub(super) fn outside_batch(error: &Error) -> Error {
    let said = error.server_message.as_deref().unwrap_or_default();
    let mut alone = from_exception(split_batch(said).1, error.server_code);
    alone.http_status = error.http_status;
    alone
}

/// Fills what the site left unsaid from what the call was about, and words the message anew.
pub(super) fn complete(error: &mut Error, operation: &str, entity_type: &str, entity_id: Option<i64>) {
    if error.status != Status::Permission {
        return;
    }
    let refusal = &mut error.refusal;
    let same_type = refusal.entity_type.as_deref().is_none_or(|told| told == entity_type);
    refusal.operation.get_or_insert_with(|| operation.to_owned());
    refusal.entity_type.get_or_insert_with(|| entity_type.to_owned());
    if same_type && refusal.operation.as_deref() == Some(operation) {
        refusal.entity_id = refusal.entity_id.or(entity_id);
    }
    let server_message = error.server_message.clone().unwrap_or_default();
    error.message = describe(Status::Permission, Some(&error.refusal), &server_message);
}

fn status_of(tail: &str, code: Option<i64>) -> Status {
    match code {
        Some(102) if tail.starts_with("Cannot 'sudo'") => Status::AuthSudoTarget,
        Some(102) if tail.starts_with("Can't authenticate session token") => Status::AuthSessionExpired,
        Some(102) => Status::AuthCredentials,
        Some(106) => Status::AuthTwoFactor,
        Some(108) => Status::AuthSso,
        Some(110) => Status::AuthIdentity,
        Some(107) => Status::NotFound,
        _ if tail.contains(" field is required to be unique") => Status::Conflict,
        _ if names_missing_row(tail) => Status::NotFound,
        Some(103 | 104) => Status::Rejected,
        _ => Status::ServerFault,
    }
}

/// A message about signing in quotes the login or script name, which may be worded like anything.
fn is_about_credentials(tail: &str, code: Option<i64>) -> bool {
    code == Some(102) && (tail.starts_with("Can't authenticate") || tail.starts_with("Cannot 'sudo'"))
}

/// `Entity of type [Shot] with id=12 does not exist.` or `Export for Page id=12 not available`.
fn names_missing_row(tail: &str) -> bool {
    let missing = |rest: &str, behind: &str| rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).starts_with(behind);
    let row = tail.strip_prefix("Entity of type [").and_then(|rest| rest.split_once("] with id="));
    row.is_some_and(|(_, rest)| missing(rest, " does not exist"))
        || tail
            .strip_prefix("Export for Page id=")
            .is_some_and(|rest| missing(rest, " not available"))
}

/// `API batch() request with index N failed.  All requests rolled back.` and a newline stand before the message.
fn split_batch(message: &str) -> (Option<u64>, &str) {
    let found = message.strip_prefix("API batch() request with index ").and_then(|rest| {
        let (index, rest) = rest.split_once(" failed.")?;
        let inner = rest.trim_start();
        let inner = inner.strip_prefix("All requests rolled back.").unwrap_or(inner);
        Some((index.parse().ok()?, inner.trim_start()))
    });
    match found {
        Some((index, inner)) => (Some(index), inner),
        None => (None, message),
    }
}

/// Splits off `API update() CRUD ERROR #5: ` or `API update() `. The numbers are not known well enough to use.
fn split_call(message: &str) -> (Option<&str>, &str) {
    let Some((verb, rest)) = message.strip_prefix("API ").and_then(|rest| rest.split_once("() ")) else {
        return (None, message);
    };
    let tail = rest
        .strip_prefix("CRUD ERROR #")
        .and_then(|rest| rest.split_once(": "))
        .map_or(rest, |(_, tail)| tail);
    (Some(verb), tail)
}

/// What a refusal tells, or `None` when the message is none.
fn refusal(verb: Option<&str>, tail: &str) -> Option<Refusal> {
    if ["Update failed for [", "Create failed for [", "Path ", "Entity of type ["]
        .iter()
        .any(|start| tail.starts_with(start))
    {
        return None;
    }
    let (subject, rule) = match tail.split_once(" Rule: ") {
        Some((subject, rule)) => (subject, Some(rule)),
        None => (tail, None),
    };
    let mut found = about_field(verb, subject)
        .or_else(|| about_entity(subject))
        .or_else(|| about_right(subject))
        .or_else(|| {
            rule.is_some_and(|rule| rule.contains(" -- PermissionRule ")).then(|| Refusal {
                operation: verb.map(operation),
                ..Refusal::default()
            })
        })?;
    if let Some(rule) = rule {
        read_rule(rule, &mut found);
    }
    Some(found)
}

/// `The field is not editable for this user: [Task.content].`
fn about_field(verb: Option<&str>, subject: &str) -> Option<Refusal> {
    let place = subject.strip_prefix("The field is not editable for this user: [")?;
    let (entity_type, field) = place.split_once(']').map_or(place, |(place, _)| place).split_once('.')?;
    Some(Refusal {
        operation: Some(operation(verb.unwrap_or("update"))),
        entity_type: Some(entity_type.to_owned()),
        field: Some(field.to_owned()),
        ..Refusal::default()
    })
}

/// `Entity of type Shot cannot be created by this user.` or `Entity Project 75 can not be deleted by this user.`
fn about_entity(subject: &str) -> Option<Refusal> {
    let rest = subject.strip_prefix("Entity ")?;
    let (what, action) = rest.split_once(" cannot be ").or_else(|| rest.split_once(" can not be "))?;
    let action = action.strip_suffix('.').unwrap_or(action).strip_suffix(" by this user")?;
    if !["accessed", "created", "updated", "deleted", "retired", "revived"].contains(&action) {
        return None;
    }
    let (entity_type, entity_id) = match what.strip_prefix("of type ") {
        Some(entity_type) => (entity_type, None),
        None => what.rsplit_once(' ').and_then(|(name, id)| Some((name, Some(id.parse().ok()?))))?,
    };
    Some(Refusal {
        operation: Some(operation(action)),
        entity_type: Some(entity_type.to_owned()),
        entity_id,
        ..Refusal::default()
    })
}

/// `The user does not have permission to 'sudo': …`, `Must sudo as Administrator to …`, `… is permitted only for …`.
fn about_right(subject: &str) -> Option<Refusal> {
    let known = subject.starts_with("The user does not have permission to")
        || subject.starts_with("Must sudo as")
        || subject.starts_with("User promotion to active is permitted only for");
    known.then(|| Refusal {
        operation: subject
            .starts_with("The user does not have permission to 'sudo'")
            .then(|| "sudo".to_owned()),
        ..Refusal::default()
    })
}

/// `Artist`, or `Artist -- PermissionRule 2615: update_field_condition FOR …`.
fn read_rule(rule: &str, refusal: &mut Refusal) {
    let Some((role, rest)) = rule.split_once(" -- PermissionRule ") else {
        refusal.role = Some(rule.trim().trim_end_matches('.').to_owned());
        return;
    };
    refusal.role = Some(role.trim().to_owned());
    if let Some((number, text)) = rest.split_once(": ") {
        refusal.rule_id = number.trim().parse().ok();
        refusal.rule_text = Some(text.trim().to_owned());
    }
}

/// The operation that a site's verb stands for.
fn operation(verb: &str) -> String {
    match verb {
        "accessed" => "read",
        "created" => "create",
        "updated" => "update",
        "deleted" | "retired" => "delete",
        "revived" => "revive",
        own => own,
    }
    .to_owned()
}

fn describe(status: Status, refusal: Option<&Refusal>, server_message: &str) -> String {
    let said = match server_message.trim() {
        "" => "the site gave no reason".to_owned(),
        text => format!("{THE_SITE_SAID}{text}"),
    };
    let Some(refusal) = refusal else {
        return match status {
            Status::AuthTwoFactor => format!("the site wants a second factor, or another one: set auth_token ({said})"),
            Status::AuthSso => format!("the site signs people in by single sign-on and takes no passwords ({said})"),
            Status::AuthIdentity => format!(
                "the site signs people in by Autodesk Identity: bind a personal access token and use the legacy login and passphrase, \
                 or sign in by browser ({said})"
            ),
            _ => said,
        };
    };
    let role = refusal
        .role
        .as_deref()
        .map_or("the permission role".to_owned(), |role| format!("the permission role {role}"));
    let what = match (&refusal.operation, &refusal.entity_type) {
        (Some(operation), Some(entity_type)) => {
            let field = refusal
                .field
                .as_deref()
                .map_or(String::new(), |field| format!("the field {field} of "));
            let id = refusal.entity_id.map_or(String::new(), |id| format!(" {id}"));
            format!("{role} does not allow you to {operation} {field}{entity_type}{id}")
        }
        (Some(operation), None) => format!("{role} does not allow you to {operation}"),
        _ => format!("{role} does not allow this"),
    };
    format!("{what}; {said}")
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
