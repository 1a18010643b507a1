//! Trying a request without making it: a batch that cannot succeed.
//!
//! A site checks permissions before values and carries a batch out as a whole or not at all. So the request stands first in a
//! batch whose last requests cannot be carried out: where the site refuses the first, it was forbidden; where it refuses
//! another, the first one passed, and was rolled back with the rest.
//!
//! What keeps such a batch from ever being applied:
//! * the requests behind the first are updates of rows that cannot exist, two of them, and would change nothing if they did;
//! * before the first trial with a client, such an update is sent alone. Only where the site refuses it, and says that it rolls
//!   batches back, is anything else tried;
//! * if a batch is carried out all the same, it is undone, the caller is told, and the client tries nothing any more.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use crate::client::Client;
use crate::client::document::{Document, Value};
use crate::client::error::{Error, Result};
use crate::client::fault;
use crate::client::json::{Object, array};
use crate::client::methods::field;
use crate::client::retry::Effect;
use crate::client::rpc::Call;
use crate::client::status::Status;

/// The largest ids that every site can hold: no site has come that far.
pub(super) const IMPOSSIBLE: [i64; 2] = [2_147_483_647, 2_147_483_646];

/// What is known of how the site treats batches that fail.
#[derive(Default)]
pub(in crate::client) struct Trust {
    rolls_back: OnceCell<bool>,
    broken: AtomicBool,
}

/// What the site says of a request.
pub(super) enum Heard {
    /// It would be carried out.
    Passed,
    /// It would be refused, with this.
    Refused(Error),
}

/// How to take back what was never to be done.
#[derive(Clone)]
pub(super) enum Undo {
    Create {
        entity_type: String,
    },
    Delete {
        entity_type: String,
        id: i64,
    },
    /// The fields as they were, as far as that is known.
    Update {
        entity_type: String,
        id: i64,
        were: Vec<String>,
        /// Whether these are all that are tried.
        whole: bool,
    },
    /// There is nothing to take back.
    Nothing,
}

/// An update of a row that cannot exist. It adds nothing to the tags, so that it changes nothing even there.
fn impossible(id: i64) -> String {
    let tags = Object::new()
        .text("field_name", "tags")
        .raw("value", "[]")
        .text("multi_entity_update_mode", "add")
        .finish();
    update("Project", id, &[tags])
}

pub(super) fn update(entity_type: &str, id: i64, fields: &[String]) -> String {
    Object::new()
        .text("request_type", "update")
        .text("type", entity_type)
        .raw("id", &id.to_string())
        .raw("fields", &array(fields))
        .finish()
}

pub(super) fn create(entity_type: &str, fields: &[String]) -> String {
    Object::new()
        .text("request_type", "create")
        .text("type", entity_type)
        .raw("fields", &array(fields))
        .raw("return_fields", r#"["id"]"#)
        .finish()
}

pub(super) fn delete(entity_type: &str, id: i64) -> String {
    Object::new()
        .text("request_type", "delete")
        .text("type", entity_type)
        .raw("id", &id.to_string())
        .finish()
}

/// A field of a request whose value is this JSON.
pub(super) fn value(name: &str, json: &str) -> String {
    field(name, json)
}

/// Whether requests can be tried on this site. Asked of the site once.
pub(super) async fn is_possible(client: &Client) -> Result<bool> {
    let trust = &client.connection.trust;
    if trust.broken.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let ask = || async {
        match send(client, &[impossible(IMPOSSIBLE[0])]).await {
            Ok(_) => Ok(false),
            Err(error) => match error.batch_index {
                Some(index) => Ok(index == 0 && says_rolled_back(&error)),
                None => Err(error),
            },
        }
    };
    trust.rolls_back.get_or_try_init(ask).await.copied()
}

/// Tries a request. Only where [`is_possible`] says so.
pub(super) async fn attempt(client: &Client, request: String, undo: &Undo) -> Result<Heard> {
    match send(client, &[request, impossible(IMPOSSIBLE[0]), impossible(IMPOSSIBLE[1])]).await {
        Ok(applied) => Err(take_back(client, &applied, undo).await),
        Err(error) if error.batch_index.is_none() => Err(error),
        Err(error) if !says_rolled_back(&error) => {
            client.connection.trust.broken.store(true, Ordering::Relaxed);
            Err(unsafe_site("the site did not say that it rolled the trial back", true))
        }
        Err(error) if error.batch_index == Some(0) => {
            let error = fault::outside_batch(&error);
            if is_about_the_type(&error) {
                return Err(error);
            }
            Ok(Heard::Refused(error))
        }
        Err(_) => Ok(Heard::Passed),
    }
}

/// A batch that fails changes nothing, so it may be sent again as reads may.
async fn send(client: &Client, requests: &[String]) -> Result<Document> {
    let params = array(requests);
    client.rpc(Call::new("batch", Some(&params), Effect::Read), client.deadline()).await
}

fn says_rolled_back(error: &Error) -> bool {
    let said = error.server_message.as_deref().unwrap_or_default();
    said.contains("All requests rolled back")
}

/// An entity type that the site does not have is the caller's mistake, and no answer.
fn is_about_the_type(error: &Error) -> bool {
    let said = error.server_message.as_deref().unwrap_or_default();
    error.status == Status::Rejected && said.contains("Entity type '") && said.ends_with("' does not exist.")
}

/// The site carried out what it could not. Undoes it as well as can be.
async fn take_back(client: &Client, applied: &Document, undo: &Undo) -> Error {
    client.connection.trust.broken.store(true, Ordering::Relaxed);
    let first = applied.root().first();
    let row = |entity_type: &str, id: i64| Object::new().text("type", entity_type).raw("id", &id.to_string());
    let call = match undo {
        Undo::Nothing => None,
        Undo::Create { entity_type } => {
            let id = first.and_then(|made| made.get("id")).and_then(|id| id.as_i64().ok());
            id.map(|id| ("delete", row(entity_type, id).finish()))
        }
        Undo::Delete { entity_type, id } => first
            .and_then(Value::as_bool)
            .unwrap_or(true)
            .then(|| ("revive", row(entity_type, *id).finish())),
        Undo::Update { entity_type, id, were, .. } => Some(("update", row(entity_type, *id).raw("fields", &array(were)).finish())),
    };
    let undone = match &call {
        Some((wire, params)) => {
            let done = client.rpc(Call::new(wire, Some(params), Effect::Write), client.deadline()).await;
            // What is not known cannot be written back.
            done.is_ok() && !matches!(undo, Undo::Update { whole: false, .. })
        }
        None => matches!(undo, Undo::Nothing | Undo::Delete { .. }),
    };
    let what = "the site carried out an update of a row that cannot exist, and with it what was only to be tried";
    unsafe_site(
        &format!("{what}; {}", if undone { "it was undone" } else { "it could not be undone" }),
        !undone,
    )
}

fn unsafe_site(what: &str, may_have_applied: bool) -> Error {
    let mut error = Error::protocol(format!("{what}. Nothing more is tried with this client"));
    error.may_have_applied = may_have_applied;
    error.retryable = false;
    error
}
