//! People: `HumanUser` rows and their passwords.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row};

use super::caller::Caller;
use super::kept_secret;
use crate::events::EventLog;
use crate::fault::Fault;
use crate::filter::dates::{format_date_time, parse_date_time};
use crate::site::Site;

/// Bad passwords in a row that lock an account, and for how long.
const FAILURES_ALLOWED: i64 = 5;
const LOCK_MINUTES: i64 = 5;

/// A person who is not retired.
pub(super) struct Person {
    pub(super) id: i64,
    name: Option<String>,
    pub(super) login: String,
    pub(super) active: bool,
    pub(super) can_be_impersonated: bool,
    locked_until: Option<DateTime<Utc>>,
    role: Option<i64>,
}

const COLUMNS: &str = "SELECT id, name, login, sg_status_list, can_impersonate_this_user, locked_until,
    permission_rule_set FROM \"t_HumanUser\"";

fn decode(row: &Row<'_>) -> Result<Person, rusqlite::Error> {
    let status: Option<String> = row.get(3)?;
    let locked_until: Option<String> = row.get(5)?;
    Ok(Person {
        id: row.get(0)?,
        name: row.get(1)?,
        login: row.get(2)?,
        active: status.as_deref() == Some("act"),
        can_be_impersonated: row.get::<_, Option<bool>>(4)?.unwrap_or(true),
        locked_until: locked_until.as_deref().and_then(parse_date_time),
        role: row.get(6)?,
    })
}

/// The one answer to a bad login, a bad password, an account locked or not active: what was wrong is
/// nobody's business who can't sign in.
pub(super) fn refused(login: &str) -> Fault {
    Fault::authentication(format!("Can't authenticate user '{login}'."))
}

pub(super) fn authenticate(site: &Site, login: &str, password: &str) -> Result<Caller, Fault> {
    let (person, kept, failed_before) = site
        .store
        .read(|connection| {
            let Some(person) = find(connection, login)? else {
                return Ok(None);
            };
            let kept = kept_secret(connection, "HumanUser", person.id)?;
            let failed_before = failures(connection, person.id)?;
            Ok(Some((person, kept, failed_before)))
        })?
        .ok_or_else(|| refused(login))?;
    let locked = person.locked_until.is_some_and(|until| until > Utc::now());
    let right = kept.is_some_and(|kept| site.auth.verifier.verify(password, &kept));
    if locked || !person.active {
        return Err(refused(login));
    }
    let person_id = person.id;
    let caller = person.into_caller(site)?;
    if !right {
        site.store.write(|connection| note_failure(connection, &caller, person_id, login))?;
        return Err(refused(login));
    }
    if failed_before > 0 {
        site.store.write(|connection| forget_failures(connection, person_id))?;
    }
    Ok(caller)
}

fn failures(connection: &Connection, person: i64) -> Result<i64, Fault> {
    let count: Option<i64> = connection
        .prepare_cached("SELECT failures FROM failed_logins WHERE person = ?1")?
        .query_row([person], |row| row.get(0))
        .optional()?;
    Ok(count.unwrap_or_default())
}

fn forget_failures(connection: &Connection, person: i64) -> Result<(), Fault> {
    connection.execute("DELETE FROM failed_logins WHERE person = ?1", [person])?;
    Ok(())
}

fn note_failure(connection: &Connection, caller: &Caller, person: i64, login: &str) -> Result<(), Fault> {
    EventLog { connection, caller }.login("FailedLogin", login)?;
    let count = failures(connection, person)? + 1;
    if count >= FAILURES_ALLOWED {
        let until = Utc::now() + TimeDelta::minutes(LOCK_MINUTES);
        connection.execute(
            "UPDATE \"t_HumanUser\" SET locked_until = ?1 WHERE id = ?2",
            (format_date_time(until), person),
        )?;
        return forget_failures(connection, person);
    }
    connection.execute(
        "INSERT INTO failed_logins (person, failures) VALUES (?1, ?2)
         ON CONFLICT (person) DO UPDATE SET failures = excluded.failures",
        (person, count),
    )?;
    Ok(())
}

/// Logins are not told apart by case when a person signs in.
fn find(connection: &Connection, login: &str) -> Result<Option<Person>, Fault> {
    one(connection, "login = ?1", login)
}

/// They are when a script names one.
pub(super) fn find_exactly(connection: &Connection, login: &str) -> Result<Option<Person>, Fault> {
    one(connection, "login = ?1 AND login = ?1 COLLATE BINARY", login)
}

fn one(connection: &Connection, condition: &str, login: &str) -> Result<Option<Person>, Fault> {
    let sql = format!("{COLUMNS} WHERE {condition} AND _retired = 0");
    Ok(connection.prepare_cached(&sql)?.query_row([login], decode).optional()?)
}

pub(super) fn by_id(connection: &Connection, id: i64) -> Result<Option<Person>, Fault> {
    let sql = format!("{COLUMNS} WHERE id = ?1 AND _retired = 0");
    Ok(connection.prepare_cached(&sql)?.query_row([id], decode).optional()?)
}

impl Person {
    pub(super) fn into_caller(self, site: &Site) -> Result<Caller, Fault> {
        let role = self
            .role
            .and_then(|id| site.roles.get(id))
            .ok_or_else(|| Fault::authentication(format!("The user '{}' has no permission role.", self.login)))?;
        Ok(Caller {
            entity_type: "HumanUser".to_owned(),
            id: self.id,
            name: self.name.unwrap_or(self.login),
            role,
            sudo_actual_user: None,
            logs_events: true,
            session_uuid: None,
            links: Some(site.media.links.clone()),
        })
    }
}
