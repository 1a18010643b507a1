//! The methods of the wire, by name.

mod activity;
mod batch;
mod conversation;
mod create;
mod export_page;
mod follow;
mod info;
pub(crate) mod keys;
mod lifecycle;
mod navigation;
mod parameters;
mod presets;
mod read;
mod rows;
mod schema;
mod session;
mod site_wide;
mod summarize;
mod tasks;
mod text_search;
mod update;
mod work_schedule;
mod writer;

/// What the seed needs of writing rows.
pub(crate) mod write {
    pub(crate) use super::create::create;
    pub(crate) use super::keys::issue_key;
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
use crate::schema::{EntityType, Schema};
use crate::site::Site;
use writer::Writer;

/// What a call answers.
pub(crate) enum Reply {
    /// Sent as `{"results": …}`.
    Results(Value),
    /// Sent as it is.
    Bare(Value),
    /// A file of comma-separated values, sent as it is.
    Csv(String),
}

/// Runs one call: `parameters` is the array from the request, the auth parameters first; `request` is the text
/// of the whole.
pub(crate) fn call(site: &Site, method: &str, parameters: &[Value], request: &str) -> Result<Reply, Fault> {
    if method == "info" {
        return Ok(Reply::Bare(info::answer(site)));
    }
    let run = find(method);
    if run.is_none() && method != export_page::VERB {
        return Err(no_such_method(method));
    }
    let none = Value::Null;
    let caller = auth::authenticate(site, parameters.first().unwrap_or(&none))?;
    let schema = site.schema.current();
    let call = Call {
        site,
        schema: &schema,
        caller: &caller,
        authentication: parameters.first().unwrap_or(&none),
        parameters: parameters.get(1).unwrap_or(&none),
        request,
    };
    match run {
        Some(run) => run(&call).map(Reply::Results),
        None => export_page::run(&call).map(Reply::Csv),
    }
}

/// Runs one call for a caller who is known already, as a person at the site's own pages is.
pub(crate) fn call_as(site: &Site, caller: &Caller, method: &str, parameters: &Value) -> Result<Value, Fault> {
    let run = find(method).ok_or_else(|| no_such_method(method))?;
    run(&Call {
        site,
        schema: &site.schema.current(),
        caller,
        authentication: &Value::Null,
        parameters,
        request: "",
    })
}

fn no_such_method(method: &str) -> Fault {
    Fault::argument(format!("API method '{method}' does not exist."))
}

/// A call whose caller is known.
struct Call<'a> {
    site: &'a Site,
    schema: &'a Schema,
    caller: &'a Caller,
    authentication: &'a Value,
    parameters: &'a Value,
    /// The request as it came, for what is lost when it is read: the order of an object's keys.
    request: &'a str,
}

impl Call<'_> {
    /// Runs `work` as one transaction in the caller's name.
    fn write<T>(&self, work: impl FnOnce(&Writer<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        self.site.store.write(|connection| {
            // While the call waited for its turn, the schema may have become another.
            let schema = self.site.schema.current();
            work(&Writer {
                schema: &schema,
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

const METHODS: [(&str, Method); 29] = [
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
    ("schema_field_create", schema::create),
    ("schema_field_update", schema::update),
    ("schema_field_delete", schema::delete),
    ("get_session_token", session::get_token),
    ("note_thread_contents", conversation::note_thread),
    ("activity_stream", activity::stream),
    ("query_display_name_cache", text_search::run),
    ("work_schedule_read", work_schedule::read),
    ("work_schedule_update", work_schedule::update),
    ("nav_expand", navigation::expand),
    ("nav_search", navigation::search),
    ("follow", follow::follow),
    ("unfollow", follow::unfollow),
    ("followers", follow::followers),
    ("following", follow::following),
    ("preferences_read", site_wide::preferences_read),
    ("user_subscriptions_read", site_wide::subscriptions_read),
    ("user_subscriptions_create", site_wide::subscriptions_create),
    ("update_project_last_accessed_by_current_user", site_wide::project_accessed),
];

fn find(name: &str) -> Option<Method> {
    METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method)
}
