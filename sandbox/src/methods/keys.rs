//! Application keys of scripts.

use chrono::Utc;
use rusqlite::types::Value as SqlValue;
use serde_json::json;

use super::writer::Writer;
use crate::auth::caller::Caller;
use crate::auth::{keep_secret, secrets};
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::site::Site;
use crate::store::row::{self, Columns};
use crate::store::select::MASKED;

const SCRIPT: &str = "ApiUser";
/// The field in which a new script's application key is told, this once.
pub(super) const KEY_FIELD: &str = "salted_password";

/// Gives a script an application key. It can't be read again: only its hash is kept.
pub(crate) fn issue_key(writer: &Writer<'_>, id: i64) -> Result<String, Fault> {
    let key = secrets::random_hex();
    keep_secret(writer.connection, SCRIPT, id, Some(&secrets::hash_key(&key)))?;
    Ok(key)
}

/// Gives a script another key in a caller's name. The one before, and what was opened with it, ends at once.
pub(crate) fn renew_key(site: &Site, caller: &Caller, id: i64) -> Result<String, Fault> {
    let verb = super::update::VERB;
    let schema = site.schema.current();
    let script = schema.known_type(SCRIPT)?;
    let field = script
        .field(KEY_FIELD)
        .ok_or_else(|| Fault::bad_call(verb, format_args!("{SCRIPT}.{KEY_FIELD} doesn't exist.")))?;
    site.store.write(|connection| {
        let writer = Writer {
            schema: &schema,
            caller,
            connection,
        };
        let guard = writer.guard();
        guard.check_ever_updates(script, KEY_FIELD)?;
        if row::retired(connection, script, id)? != Some(false) || !guard.sees(script, id)? {
            return Err(Fault::no_such_row(verb, SCRIPT, id));
        }
        guard.check_field(verb, script, KEY_FIELD, Some(id))?;
        let key = issue_key(&writer, id)?;
        let mut columns = Columns::default();
        columns.put("updated_at", SqlValue::Text(format_date_time(Utc::now())));
        columns.put_link("updated_by", caller.link().as_ref());
        row::update(connection, script, id, &columns)?;
        let subject = writer.subject(script, id)?;
        writer.events().changed(&subject, field, &json!(MASKED), &json!(MASKED), false)?;
        Ok(key)
    })
}
