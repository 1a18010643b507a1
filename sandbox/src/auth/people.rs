//! People: `HumanUser` rows and their passwords.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row};

use super::caller::Caller;
use super::second_factor::{self, Wrong};
use super::settings::SignInMethod;
use super::{identity, kept_secret};
use crate::events::EventLog;
use crate::fault::Fault;
use crate::filter::dates::{format_date_time, parse_date_time};
use crate::site::Site;

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

/// By a password given to the API, which not every site takes.
pub(super) fn authenticate(site: &Site, login: &str, password: &str, code: Option<&str>) -> Result<Caller, Fault> {
    let method = site.auth.settings().method;
    match method {
        SignInMethod::Password | SignInMethod::Ldap => by_password(site, login, password, code),
        SignInMethod::Saml => Err(Fault::single_sign_on(format!(
            "This site signs people in by single sign-on: the API takes no password of the user '{login}'."
        ))),
        SignInMethod::Identity => by_passphrase(site, login, password),
    }
}

/// By a password given in the browser. Where the site has an identity provider, that is what takes it, and it asks for no code.
pub(super) fn authenticate_at_browser(site: &Site, login: &str, password: &str, code: Option<&str>) -> Result<Caller, Fault> {
    by_password(site, login, password, code)
}

fn by_password(site: &Site, login: &str, password: &str, code: Option<&str>) -> Result<Caller, Fault> {
    let attempt = site
        .store
        .read(|connection| {
            let Some(person) = find(connection, login)? else {
                return Ok(None);
            };
            let kept = kept_secret(connection, "HumanUser", person.id)?;
            Attempt::of(connection, person, kept).map(Some)
        })?
        .ok_or_else(|| refused(login))?;
    attempt.judge(site, login, password, code)
}

/// On a site with Autodesk Identity: only people who have bound a Personal Access Token have a passphrase.
fn by_passphrase(site: &Site, login: &str, passphrase: &str) -> Result<Caller, Fault> {
    let attempt = site
        .store
        .read(|connection| {
            let Some((id, hash)) = identity::find(connection, login)? else {
                return Ok(None);
            };
            let person = by_id(connection, id)?;
            person.map(|person| Attempt::of(connection, person, Some(hash))).transpose()
        })?
        .ok_or_else(|| {
            Fault::identity(format!(
                "This site signs people in by Autodesk Identity: the API takes no password of the user '{login}', who has bound no \
                 Personal Access Token."
            ))
        })?;
    attempt.judge(site, login, passphrase, None)
}

/// A person who wants in.
struct Attempt {
    person: Person,
    /// The hash that the password is held against.
    kept: Option<String>,
    /// Wrong passwords just before.
    failed_before: u32,
}

impl Attempt {
    fn of(connection: &Connection, person: Person, kept: Option<String>) -> Result<Self, Fault> {
        let failed_before = failures(connection, person.id)?;
        Ok(Self {
            person,
            kept,
            failed_before,
        })
    }

    fn judge(self, site: &Site, login: &str, password: &str, code: Option<&str>) -> Result<Caller, Fault> {
        let Self {
            person,
            kept,
            failed_before,
        } = self;
        let locked = person.locked_until.is_some_and(|until| until > Utc::now());
        let right = kept.is_some_and(|kept| site.auth.verifier.verify(password, &kept));
        if locked || !person.active {
            return Err(refused(login));
        }
        let id = person.id;
        let caller = person.into_caller(site)?;
        if !right {
            note_failure(site, &caller, login)?;
            return Err(refused(login));
        }
        let (has_codes, required) = {
            let settings = site.auth.settings();
            (settings.method.takes_passwords(), settings.two_factor)
        };
        if has_codes && let Err(wrong) = second_factor::take(site, id, code, required)? {
            return Err(refused_code(site, &caller, login, &wrong)?);
        }
        if failed_before > 0 {
            site.store.write(|connection| forget_failures(connection, id))?;
        }
        Ok(caller)
    }
}

/// The password was right. A code that is missing is how clients find out that one is wanted; a wrong one is held against them.
fn refused_code(site: &Site, caller: &Caller, login: &str, wrong: &Wrong) -> Result<Fault, Fault> {
    Ok(Fault::second_factor(match wrong {
        Wrong::Missing => format!("The user '{login}' signs in with a second factor: its code is missing."),
        Wrong::NotSetUp => format!("This site wants a second factor, and the user '{login}' has set up none."),
        Wrong::Code => {
            note_failure(site, caller, login)?;
            format!("The code of the second factor of the user '{login}' is wrong, or was used before.")
        }
    }))
}

fn failures(connection: &Connection, person: i64) -> Result<u32, Fault> {
    let count: Option<u32> = connection
        .prepare_cached("SELECT failures FROM failed_logins WHERE person = ?1")?
        .query_row([person], |row| row.get(0))
        .optional()?;
    Ok(count.unwrap_or_default())
}

fn forget_failures(connection: &Connection, person: i64) -> Result<(), Fault> {
    connection.execute("DELETE FROM failed_logins WHERE person = ?1", [person])?;
    Ok(())
}

/// Logs that somebody tried to be this person, and locks the account when that was once too often.
fn note_failure(site: &Site, caller: &Caller, login: &str) -> Result<(), Fault> {
    let (allowed, lock_for) = {
        let settings = site.auth.settings();
        (settings.lock_after, settings.lock_for)
    };
    site.store.write(|connection| {
        EventLog { connection, caller }.login("FailedLogin", login)?;
        let count = failures(connection, caller.id)?.saturating_add(1);
        if count >= allowed {
            connection.execute(
                "UPDATE \"t_HumanUser\" SET locked_until = ?1 WHERE id = ?2",
                (format_date_time(lock_end(lock_for)), caller.id),
            )?;
            return forget_failures(connection, caller.id);
        }
        connection.execute(
            "INSERT INTO failed_logins (person, failures) VALUES (?1, ?2)
             ON CONFLICT (person) DO UPDATE SET failures = excluded.failures",
            (caller.id, count),
        )?;
        Ok(())
    })
}

/// Times are kept in whole seconds: no lock is shorter than it should be.
fn lock_end(lock_for: Duration) -> DateTime<Utc> {
    let now = Utc::now();
    TimeDelta::from_std(lock_for)
        .ok()
        .and_then(|time| now.checked_add_signed(time)?.checked_add_signed(TimeDelta::milliseconds(999)))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
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
            activates_people: true,
            session_uuid: None,
            links: Some(site.media.links.clone()),
        })
    }
}
