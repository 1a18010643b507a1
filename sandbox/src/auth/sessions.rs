//! Session tokens. A token is kept as its hash only.

use std::time::Duration;

use chrono::Utc;
use rusqlite::{Connection, OptionalExtension};

use super::browser::SIGN_ON_AGAIN;
use super::caller::Caller;
use super::settings::SignInMethod;
use super::{people, secrets};
use crate::events::EventLog;
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::roles::SUDO;
use crate::site::Site;

/// What is kept of a session.
struct Session {
    entity_type: String,
    id: i64,
    sudo_actual_user: Option<(String, i64)>,
    expires_at: i64,
    /// Until when the identity provider's word is good.
    claims_until: Option<i64>,
}

/// Data files of earlier versions lack the time of the claims.
pub(super) fn add_claims(connection: &Connection) -> Result<(), Fault> {
    let known: i64 = connection.query_row(
        "SELECT count(*) FROM pragma_table_info('sessions') WHERE name = 'claims_until'",
        [],
        |row| row.get(0),
    )?;
    if known == 0 {
        connection.execute_batch("ALTER TABLE sessions ADD COLUMN claims_until INTEGER")?;
    }
    Ok(())
}

/// Opens a session for a caller and gives its token. With a login, a person has signed in by this.
pub(crate) fn open(site: &Site, caller: &Caller, login: Option<&str>) -> Result<String, Fault> {
    let token = secrets::random_hex();
    let (sudo_type, sudo_id) = caller.sudo_actual_user.clone().unzip();
    site.store.write(|connection| {
        connection.execute(
            "INSERT INTO sessions (token_hash, type, id, sudo_type, sudo_id, expires_at, claims_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                secrets::hash_token(&token),
                &caller.entity_type,
                caller.id,
                sudo_type,
                sudo_id,
                end_of_new_session(site),
                end_of_new_claims(site),
            ),
        )?;
        let Some(login) = login else {
            return Ok(());
        };
        connection.execute(
            "UPDATE \"t_HumanUser\" SET last_login = ?1 WHERE id = ?2",
            (format_date_time(Utc::now()), caller.id),
        )?;
        EventLog { connection, caller }.login("Login", login)
    })?;
    Ok(token)
}

fn end_of_new_session(site: &Site) -> i64 {
    from_now(site.auth.settings().session_lifetime)
}

fn end_of_new_claims(site: &Site) -> Option<i64> {
    site.auth.settings().claims_lifetime.map(from_now)
}

fn from_now(time: Duration) -> i64 {
    let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Utc::now().timestamp_millis().saturating_add(time)
}

/// A session that has expired is refused where the client asks for that, and begun anew where it
/// does not.
pub(super) fn authenticate(site: &Site, token: &str, reject_if_expired: bool) -> Result<Caller, Fault> {
    let refused = || {
        let characters: Vec<char> = token.chars().collect();
        let last4: String = characters[characters.len().saturating_sub(4)..].iter().collect();
        Fault::authentication(format!("Can't authenticate session token ending with '{last4}'"))
    };
    let hash = secrets::hash_token(token);
    let session = find(site, &hash)?.ok_or_else(refused)?;
    if session.expires_at <= Utc::now().timestamp_millis() {
        if reject_if_expired {
            return Err(refused());
        }
        site.store.write(|connection| {
            connection.execute(
                "UPDATE sessions SET expires_at = ?1 WHERE token_hash = ?2",
                (end_of_new_session(site), &hash),
            )?;
            Ok(())
        })?;
    }
    let mut caller = super::known(site, &session.entity_type, session.id)?.ok_or_else(refused)?;
    match session.sudo_actual_user {
        Some((actual_type, actual_id)) => {
            site.store
                .read(|connection| people::by_id(connection, session.id))?
                .filter(|person| person.can_be_impersonated)
                .ok_or_else(refused)?;
            let actual = super::known(site, &actual_type, actual_id)?
                .filter(|actual| actual.role.may(SUDO))
                .ok_or_else(refused)?;
            caller.activates_people = actual.activates_people;
            caller.sudo_actual_user = actual.link();
        }
        None => check_claims(site, &session)?,
    }
    Ok(caller)
}

/// Where people sign on elsewhere, they have to do so again when the word of their identity provider is too old.
fn check_claims(site: &Site, session: &Session) -> Result<(), Fault> {
    let too_old = session.claims_until.is_some_and(|until| until <= Utc::now().timestamp_millis());
    if too_old && session.entity_type == "HumanUser" && site.auth.settings().method == SignInMethod::Saml {
        return Err(Fault::redirect(
            SIGN_ON_AGAIN,
            "The claims of the identity provider have expired: the person has to sign on anew.",
        ));
    }
    Ok(())
}

/// Whose session a browser's cookie is; one that has expired is nobody's.
pub(crate) fn caller(site: &Site, token: &str) -> Result<Caller, Fault> {
    authenticate(site, token, true)
}

/// Ends a person's session: who has signed out in one place is signed in elsewhere still.
pub(crate) fn close(site: &Site, caller: &Caller, token: &str) -> Result<(), Fault> {
    site.store.write(|connection| {
        connection.execute("DELETE FROM sessions WHERE token_hash = ?1", [secrets::hash_token(token)])?;
        let login: Option<String> = connection
            .query_row(
                "SELECT login FROM \"t_HumanUser\" WHERE id = ?1",
                [caller.id_as("HumanUser")],
                |row| row.get(0),
            )
            .optional()?;
        let Some(login) = login else {
            return Ok(());
        };
        EventLog { connection, caller }.login("Logout", &login)
    })
}

/// Ends every session of a person or script, also those that it opened on behalf of others.
pub(crate) fn end_all_of(connection: &Connection, entity_type: &str, id: i64) -> Result<(), Fault> {
    connection.execute(
        "DELETE FROM sessions WHERE (type = ?1 AND id = ?2) OR (sudo_type = ?1 AND sudo_id = ?2)",
        (entity_type, id),
    )?;
    Ok(())
}

/// Whose session a token is: true and the login of a person, false and the name of a script.
pub(crate) fn owner(site: &Site, token: &str) -> Option<(bool, String)> {
    let session = find(site, &secrets::hash_token(token)).ok()??;
    let is_person = session.entity_type == "HumanUser";
    let sql = match is_person {
        true => "SELECT login FROM \"t_HumanUser\" WHERE id = ?1",
        false => "SELECT firstname FROM \"t_ApiUser\" WHERE id = ?1",
    };
    let name = site.store.read(|connection| {
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row([session.id], |row| row.get(0)).optional()?.flatten())
    });
    Some((is_person, name.ok()??))
}

fn find(site: &Site, hash: &str) -> Result<Option<Session>, Fault> {
    site.store.read(|connection| {
        Ok(connection
            .prepare_cached("SELECT type, id, sudo_type, sudo_id, expires_at, claims_until FROM sessions WHERE token_hash = ?1")?
            .query_row([hash], |row| {
                let sudo: (Option<String>, Option<i64>) = (row.get(2)?, row.get(3)?);
                Ok(Session {
                    entity_type: row.get(0)?,
                    id: row.get(1)?,
                    sudo_actual_user: sudo.0.zip(sudo.1),
                    expires_at: row.get(4)?,
                    claims_until: row.get(5)?,
                })
            })
            .optional()?)
    })
}

/// Ends the time of every session that is open.
pub(crate) fn expire_all(site: &Site) -> Result<(), Fault> {
    site.store.write(|connection| {
        connection.execute("UPDATE sessions SET expires_at = 0", [])?;
        Ok(())
    })
}

/// Ends the time of the identity provider's word in every session of a person.
pub(crate) fn expire_claims(site: &Site) -> Result<(), Fault> {
    site.store.write(|connection| {
        connection.execute("UPDATE sessions SET claims_until = 0 WHERE type = 'HumanUser'", [])?;
        Ok(())
    })
}

/// The identity provider has given its word for a person anew.
pub(crate) fn renew_claims(site: &Site, person: i64) -> Result<(), Fault> {
    site.store.write(|connection| {
        connection.execute(
            "UPDATE sessions SET claims_until = ?1 WHERE type = 'HumanUser' AND id = ?2",
            (end_of_new_claims(site), person),
        )?;
        Ok(())
    })
}
