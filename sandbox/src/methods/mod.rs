//! The methods of the wire, by name.

mod batch;
mod create;
mod info;
mod lifecycle;
mod parameters;
mod read;
mod schema;
mod session;
mod summarize;
mod update;
mod writer;

/// What the seed needs of writing rows.
pub(crate) mod write {
    pub(crate) use super::create::{create, issue_key};
    pub(crate) use super::parameters::FieldValue;
    pub(crate) use super::writer::Writer;
}

use rusqlite::Connection;
use serde_json::Value;

use crate::auth;
use crate::auth::caller::Caller;
use crate::fault::Fault;
use crate::roles::refusal;
use crate::roles::rules::{Decision, Verb};
use crate::schema::EntityType;
use crate::site::Site;
use writer::Writer;

/// What a call answers.
pub(crate) enum Reply {
    /// Sent as `{"results": …}`.
    Results(Value),
    /// Sent as it is.
    Bare(Value),
}

/// Runs one call: `parameters` is the array from the request, the auth parameters first.
pub(crate) fn call(site: &Site, method: &str, parameters: &[Value]) -> Result<Reply, Fault> {
    if method == "info" {
        return Ok(Reply::Bare(info::answer()));
    }
    let run = find(method).ok_or_else(|| Fault::argument(format!("API method '{method}' does not exist.")))?;
    let none = Value::Null;
    let caller = auth::authenticate(site, parameters.first().unwrap_or(&none))?;
    let call = Call {
        site,
        caller: &caller,
        authentication: parameters.first().unwrap_or(&none),
        parameters: parameters.get(1).unwrap_or(&none),
    };
    run(&call).map(Reply::Results)
}

/// A call whose caller is known.
struct Call<'a> {
    site: &'a Site,
    caller: &'a Caller,
    authentication: &'a Value,
    parameters: &'a Value,
}

impl Call<'_> {
    /// Runs `work` as one transaction in the caller's name.
    fn write<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        self.site.store.write(|connection| {
            work(&Writer {
                schema: &self.site.schema,
                caller: self.caller,
                connection,
            })
        })
    }

    /// Runs `work` on one snapshot, for a caller who may see rows of the type.
    fn read<T>(&self, verb: &str, entity_type: &EntityType, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let role = &self.caller.role;
        if let Decision::Deny(_) = role.decide(Verb::ReadEntity, &entity_type.name, "") {
            return Err(refusal::read(role, verb, &entity_type.name));
        }
        self.site.store.read(work)
    }
}

type Method = fn(&Call<'_>) -> Result<Value, Fault>;

const METHODS: [(&str, Method); 11] = [
    ("read", read::run),
    ("create", create::run),
    ("update", update::run),
    ("delete", lifecycle::delete),
    ("revive", lifecycle::revive),
    ("batch", batch::run),
    ("summarize", summarize::run),
    ("schema_entity_read", schema::entity_read),
    ("schema_read", schema::read),
    ("schema_field_read", schema::field_read),
    ("get_session_token", session::get_token),
];

fn find(name: &str) -> Option<Method> {
    METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method)
}
