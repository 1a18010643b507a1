//! Who signs in, as the environment of a command says: for programs that are started in a shell. The C functions do not look there.

use super::credentials::{Credentials, Secret};
use super::error::Error;
use super::options::Options;
use super::status::Status;

/// A variable that is set to something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The site's address, by `SG_SITE`.
pub fn site() -> Option<String> {
    variable("SG_SITE")
}

/// A script by `SG_SCRIPT` and `SG_KEY`, or a person by `SG_LOGIN`, `SG_PASSWORD` (asked for by `ask`, which is told the login, where it
/// is not set) and `SG_AUTH_TOKEN`, a second factor, which goes into the options. Nobody where neither name is set. Never from the command
/// line, which everybody on the machine can read. Where a recording is replayed, which asks nobody who they are, names
/// alone will do.
pub fn credentials<E: From<Error>>(options: &mut Options, ask: impl FnOnce(&str) -> Result<Secret, E>) -> Result<Option<Credentials>, E> {
    if let Some(name) = variable("SG_SCRIPT") {
        let key = variable("SG_KEY").or(options.replay.is_some().then(String::new));
        let key = key.ok_or_else(|| Error::new(Status::Auth, "SG_SCRIPT is set, and SG_KEY, its application key, is not"))?;
        return Ok(Some(Credentials::Script {
            name,
            api_key: Secret::new(key),
        }));
    }
    let Some(login) = variable("SG_LOGIN") else { return Ok(None) };
    person(login, options, ask).map(Some)
}

/// A person with this login, as [`credentials`].
pub fn person<E>(login: String, options: &mut Options, ask: impl FnOnce(&str) -> Result<Secret, E>) -> Result<Credentials, E> {
    options.auth_token = variable("SG_AUTH_TOKEN").map(Secret::new);
    let password = match variable("SG_PASSWORD") {
        Some(password) => Secret::new(password),
        None if options.replay.is_some() => Secret::new(""),
        None => ask(&login)?,
    };
    Ok(Credentials::Person { login, password })
}
