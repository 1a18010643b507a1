//! Who can sign in, told to whoever started the site.

use std::fmt;

use rusqlite::Connection;

use crate::auth::caller::Caller;
use crate::auth::sealed::Keeper;
use crate::auth::second_factor;
use crate::fault::Fault;
use crate::methods::write::{Writer, issue_key};
use crate::schema::Schema;
use crate::seed::Secrets;

/// A person who can sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The login.
    pub login: String,
    /// The password; empty when it is not known, because it is not the seed's.
    pub password: String,
    /// The code of the permission role: `admin`, `manager`, `artist`, `vendor` or one of the seed's own.
    pub role: String,
    /// The secret of the second factor in base 32; empty when the person signs in without one.
    pub totp_secret: String,
}

/// A script that can sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// The script's name.
    pub name: String,
    /// The application key; empty when it is not known, because an earlier run made it.
    pub api_key: String,
    /// The code of the permission role: `api_admin` or one of the seed's own.
    pub role: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person {{ login: {:?}, role: {:?} }}", self.login, self.role)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script {{ name: {:?}, role: {:?} }}", self.name, self.role)
    }
}

/// The active people of the site, with the passwords that are known.
/// `two_factor` is whether the site wants a second factor of everybody.
pub(crate) fn people(connection: &Connection, secrets: &Secrets, keeper: &Keeper, two_factor: bool) -> Result<Vec<Person>, Fault> {
    let mut statement = connection.prepare(
        "SELECT p.id, p.login, r.code FROM \"t_HumanUser\" p JOIN roles r ON r.id = p.permission_rule_set
         WHERE p._retired = 0 AND p.sg_status_list = 'act' ORDER BY p.id",
    )?;
    let rows = statement.query_map([], |row| {
        let login: String = row.get(1)?;
        let person = Person {
            password: secrets.passwords.get(&login).cloned().unwrap_or_default(),
            login,
            role: row.get(2)?,
            totp_secret: String::new(),
        };
        Ok((row.get::<_, i64>(0)?, person))
    })?;
    let mut people = Vec::new();
    for row in rows {
        let (id, mut person) = row?;
        person.totp_secret = second_factor::secret(connection, keeper, id, two_factor)?.unwrap_or_default();
        people.push(person);
    }
    Ok(people)
}

/// The scripts of the site, with the keys that are known; `new_keys` gives each a new one.
pub(crate) fn scripts(connection: &Connection, schema: &Schema, secrets: &Secrets, new_keys: bool) -> Result<Vec<Script>, Fault> {
    let mut statement = connection.prepare(
        "SELECT s.id, s.firstname, r.code FROM \"t_ApiUser\" s JOIN roles r ON r.id = s.permission_rule_set
         WHERE s._retired = 0 ORDER BY s.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let caller = Caller::site();
    let writer = Writer {
        schema,
        caller: &caller,
        connection,
    };
    let mut scripts = Vec::new();
    for row in rows {
        let (id, name, role) = row?;
        let api_key = if new_keys {
            issue_key(&writer, id)?
        } else {
            secrets.keys.get(&name).cloned().unwrap_or_default()
        };
        scripts.push(Script { name, api_key, role });
    }
    Ok(scripts)
}
