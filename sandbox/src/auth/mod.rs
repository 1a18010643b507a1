//! Finding out who calls: a script by its key, a person by login and password, either by a session
//! token, and either on behalf of a person.

pub(crate) mod app_sessions;
pub(crate) mod blocked;
pub(crate) mod browser;
pub(crate) mod caller;
pub(crate) mod control;
pub(crate) mod cookies;
pub(crate) mod identity;
mod people;
mod scripts;
pub(crate) mod sealed;
pub(crate) mod second_factor;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod settings;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::roles::SUDO;
use crate::site::Site;
use caller::Caller;

const SUDO_AS: &str = "sudo_as_login";

/// What is kept about signing in beside the tables of the store.
pub(crate) fn prepare(connection: &Connection) -> Result<(), Fault> {
    connection.execute_batch(second_factor::TABLES)?;
    connection.execute_batch(identity::TABLES)?;
    connection.execute_batch(settings::TABLES)?;
    sessions::add_claims(connection)
}

/// What a call says of who calls: the first of these that is there.
pub(crate) enum Credentials<'a> {
    Password {
        login: &'a str,
        password: &'a str,
        /// The code of a second factor.
        code: Option<&'a str>,
    },
    Script {
        name: &'a str,
        key: &'a str,
    },
    Session {
        token: &'a str,
        reject_if_expired: bool,
    },
}

impl<'a> Credentials<'a> {
    pub(crate) fn of(parameters: &'a Map<String, Value>) -> Result<Self, Fault> {
        let text = |key: &str| text_parameter(parameters, key);
        let login = text("user_login")?;
        let password = text("user_password")?;
        let code = text("auth_token")?;
        let name = text("script_name")?;
        let key = text("script_key")?;
        let token = text("session_token")?;
        match (login, password, name, token) {
            (Some(login), Some(password), _, _) => Ok(Self::Password { login, password, code }),
            (_, _, Some(name), _) => Ok(Self::Script {
                name,
                key: key.unwrap_or_default(),
            }),
            (_, _, _, Some(token)) => Ok(Self::Session {
                token,
                reject_if_expired: parameters
                    .get("reject_if_expired")
                    .is_some_and(|flag| flag == true || flag == "True"),
            }),
            (Some(login), None, None, None) => Err(people::refused(login)),
            _ => Err(nothing_given()),
        }
    }
}

fn nothing_given() -> Fault {
    Fault::authentication("The call carries no authentication parameters.")
}

/// Authenticates the auth parameters of a call.
pub(crate) fn authenticate(site: &Site, parameters: &Value) -> Result<Caller, Fault> {
    let parameters = parameters.as_object().ok_or_else(nothing_given)?;
    let mut caller = match Credentials::of(parameters)? {
        Credentials::Password { login, password, code } => people::authenticate(site, login, password, code)?,
        Credentials::Script { name, key } => scripts::authenticate(site, name, key)?,
        Credentials::Session { token, reject_if_expired } => sessions::authenticate(site, token, reject_if_expired)?,
    };
    if let Some(login) = text_parameter(parameters, SUDO_AS)? {
        caller = act_for(site, &caller, login)?;
    }
    caller.session_uuid = text_parameter(parameters, "session_uuid")?.map(str::to_owned);
    Ok(caller)
}

/// The token of the session that a call is made in, unless it is made for somebody else.
pub(crate) fn own_session(parameters: &Value) -> Result<Option<&str>, Fault> {
    let Some(parameters) = parameters.as_object() else {
        return Ok(None);
    };
    match Credentials::of(parameters)? {
        Credentials::Session { token, .. } if text_parameter(parameters, SUDO_AS)?.is_none() => Ok(Some(token)),
        _ => Ok(None),
    }
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
    caller.activates_people = actual.activates_people;
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

/// Keeps the hash of a new password or key in the place of the one before; none takes it away. Sessions that were opened
/// with the one before end.
pub(crate) fn keep_secret(connection: &Connection, entity_type: &str, id: i64, hash: Option<&str>) -> Result<(), Fault> {
    sessions::end_all_of(connection, entity_type, id)?;
    connection.execute("DELETE FROM credentials WHERE type = ?1 AND id = ?2", (entity_type, id))?;
    if let Some(hash) = hash {
        connection.execute(
            "INSERT INTO credentials (type, id, secret) VALUES (?1, ?2, ?3)",
            (entity_type, id, hash),
        )?;
    }
    Ok(())
}
