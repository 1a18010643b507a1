//! Autodesk Identity: passwords are none of the site's business, but a person who has bound a Personal Access Token signs in to the
//! API with a *legacy login* and a *legacy passphrase*.

use rusqlite::{Connection, OptionalExtension};

use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::caller::Caller;
use super::secrets;
use crate::fault::Fault;
use crate::schema::EntityType;
use crate::values::Stored;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS legacy_logins (
    person INTEGER PRIMARY KEY, login TEXT NOT NULL COLLATE FOLD UNIQUE, secret TEXT NOT NULL);
";

/// The person with this legacy login, and the hash of the passphrase.
pub(super) fn find(connection: &Connection, login: &str) -> Result<Option<(i64, String)>, Fault> {
    Ok(connection
        .prepare_cached("SELECT person, secret FROM legacy_logins WHERE login = ?1")?
        .query_row([login], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Binds a Personal Access Token: from now on a person has this legacy login, and no other.
pub(crate) fn bind(connection: &Connection, person: i64, login: &str, passphrase: &str) -> Result<(), Fault> {
    if find(connection, login)?.is_some_and(|(other, _)| other != person) {
        return Err(Fault::argument(format!("the legacy login '{login}' is another person's")));
    }
    connection.execute(
        "INSERT INTO legacy_logins (person, login, secret) VALUES (?1, ?2, ?3)
         ON CONFLICT (person) DO UPDATE SET login = excluded.login, secret = excluded.secret",
        (person, login, secrets::hash_password(passphrase)),
    )?;
    Ok(())
}

/// Takes it away.
pub(crate) fn unbind(connection: &Connection, person: i64) -> Result<(), Fault> {
    connection.execute("DELETE FROM legacy_logins WHERE person = ?1", [person])?;
    Ok(())
}

/// Scripts make nobody active on such a site: neither a new person, who is active unless something else is said, nor one who
/// was not active `before`.
pub(crate) fn check_activation(
    caller: &Caller,
    entity_type: &EntityType,
    status: Option<&Stored>,
    before: Option<&Value>,
) -> Result<(), Fault> {
    let activates = matches!(status, Some(Stored::Scalar(SqlValue::Text(status))) if status == "act");
    let was_active = before.is_some_and(|before| before == "act");
    if caller.activates_people || entity_type.name != "HumanUser" || !activates || was_active {
        return Ok(());
    }
    Err(Fault::identity("User promotion to active is permitted only for Identity Users"))
}
