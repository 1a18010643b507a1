//! Finding out who calls: a script by its key, a person by login and password, either by a session
//! token, and either on behalf of a person.

pub(crate) mod app_sessions;
pub(crate) mod caller;
pub(crate) mod control;
pub(crate) mod cookies;
mod people;
mod scripts;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod settings;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::roles::SUDO;
use crate::site::Site;
use caller::Caller;

/// Authenticates the auth parameters of a call.
pub(crate) fn authenticate(site: &Site, parameters: &Value) -> Result<Caller, Fault> {
    let Value::Object(parameters) = parameters else {
        return Err(Fault::authentication("The call carries no authentication parameters."));
    };
    let text = |key: &str| text_parameter(parameters, key);
    let login = text("user_login")?;
    let password = text("user_password")?;
    let script_name = text("script_name")?;
    let script_key = text("script_key")?;
    let token = text("session_token")?;
    let mut caller = match (login, password, script_name, token) {
        (Some(login), Some(password), _, _) => people::authenticate(site, login, password)?,
        (_, _, Some(name), _) => scripts::authenticate(site, name, script_key.unwrap_or_default())?,
        (_, _, _, Some(token)) => {
            let reject_if_expired = parameters
                .get("reject_if_expired")
                .is_some_and(|flag| flag == true || flag == "True");
            sessions::authenticate(site, token, reject_if_expired)?
        }
        (Some(login), None, None, None) => {
            return Err(people::refused(login));
        }
        _ => {
            return Err(Fault::authentication("The call carries no authentication parameters."));
        }
    };
    if let Some(login) = text("sudo_as_login")? {
        caller = act_for(site, &caller, login)?;
    }
    caller.session_uuid = text("session_uuid")?.map(str::to_owned);
    Ok(caller)
}

/// A text among the auth parameters; an empty one counts as not given.
fn text_parameter<'a>(parameters: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Fault> {
    match parameters.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty()).map(|text| &**text)),
        // The value is not quoted: it may be a secret.
        Some(_) => Err(Fault::argument(format!("The authentication parameter '{key}' is not a string."))),
    }
}

/// `sudo_as_login`: the caller goes on as a person.
fn act_for(site: &Site, actual: &Caller, login: &str) -> Result<Caller, Fault> {
    if !actual.role.may(SUDO) {
        return Err(Fault::crud(format!(
            "The user does not have permission to 'sudo': '{}' as '{login}'",
            actual.name
        )));
    }
    let person = site
        .store
        .read(|connection| people::find_exactly(connection, login))?
        .ok_or_else(|| Fault::authentication(format!("Cannot 'sudo' - unknown or retired user: '{login}'")))?;
    if !person.active {
        return Err(Fault::authentication(format!("Cannot 'sudo' - inactive user account: '{login}'")));
    }
    if !person.can_be_impersonated {
        return Err(Fault::authentication(format!(
            "Cannot 'sudo' - user account has 'can_impersonate_this_user' turned off: '{login}'"
        )));
    }
    let mut caller = person.into_caller(site)?;
    caller.sudo_actual_user = actual.link();
    Ok(caller)
}

/// The person or script of a signed URL, if it may still sign in.
pub(crate) fn known(site: &Site, entity_type: &str, id: i64) -> Result<Option<Caller>, Fault> {
    if entity_type == "HumanUser" {
        let person = site.store.read(|connection| people::by_id(connection, id))?;
        return person
            .filter(|person| person.active)
            .map(|person| person.into_caller(site))
            .transpose();
    }
    let script = site.store.read(|connection| scripts::by_id(connection, id))?;
    script.map(|script| script.into_caller(site)).transpose()
}

/// The kept hash of a person's password or a script's key.
fn kept_secret(connection: &Connection, entity_type: &str, id: i64) -> Result<Option<String>, Fault> {
    Ok(connection
        .prepare_cached("SELECT secret FROM credentials WHERE type = ?1 AND id = ?2")?
        .query_row((entity_type, id), |row| row.get(0))
        .optional()?)
}

/// Keeps the hash of a new password or key in the place of the one before; none takes it away.
pub(crate) fn keep_secret(connection: &Connection, entity_type: &str, id: i64, hash: Option<&str>) -> Result<(), Fault> {
    connection.execute("DELETE FROM credentials WHERE type = ?1 AND id = ?2", (entity_type, id))?;
    if let Some(hash) = hash {
        connection.execute(
            "INSERT INTO credentials (type, id, secret) VALUES (?1, ?2, ?3)",
            (entity_type, id, hash),
        )?;
    }
    Ok(())
}
