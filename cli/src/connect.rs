//! Who is calling which site: from the environment, or from the session that `sg login` kept.

use std::env;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use shotgrid::client::{Client, Credentials, Document, Options, Pages, Progress, Replay, Secret};

use crate::arguments::Connection;
use crate::failure::Failure;
use crate::saved;

/// A connection, and what is known of it.
pub struct Site {
    pub client: Client,
    pub url: String,
    /// The script's name or the person's login.
    pub name: String,
    pub is_script: bool,
    pub sudo: Option<String>,
    pub progress: Arc<Progress>,
}

impl Site {
    pub async fn call(&self, method: &str, params: &str) -> Result<Document, Failure> {
        Ok(self.client.call_watched(method, params, &self.progress).await?)
    }

    pub async fn pages(&self, params: &str) -> Result<Pages, Failure> {
        Ok(Pages::open(&self.client, params).await?)
    }
}

/// A variable of the environment that is set to something.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

pub fn options(connection: &Connection) -> Options {
    Options {
        timeout: (connection.timeout > 0).then(|| Duration::from_secs(connection.timeout)),
        user_agent_suffix: Some(concat!("sg (", env!("CARGO_PKG_VERSION"), ")").to_owned()),
        sudo_as_login: connection.sudo.clone(),
        auth_token: None,
        allow_insecure_http: connection.insecure_http,
        record: connection.record.clone(),
        replay: connection.replay.as_ref().map(Replay::new),
        ..Options::default()
    }
}

pub async fn connect(connection: &Connection, progress: &Arc<Progress>) -> Result<Site, Failure> {
    let given = connection.site.clone().or_else(|| variable("SG_SITE"));
    let mut options = options(connection);
    // A recording asks nobody who they are. Names are given along, for what is asked about them.
    let replays = connection.replay.is_some();
    let (url, name, is_script, credentials) = if let Some(name) = variable("SG_SCRIPT") {
        let key = variable("SG_KEY").or(replays.then(String::new));
        let key = key.ok_or_else(|| Failure::auth("SG_SCRIPT is set, and SG_KEY, its application key, is not"))?;
        let credentials = Credentials::Script {
            name: name.clone(),
            api_key: Secret::new(key),
        };
        (url(given, replays)?, name, true, credentials)
    } else if let Some(login) = variable("SG_LOGIN") {
        options.auth_token = variable("SG_AUTH_TOKEN").map(Secret::new);
        let url = url(given, replays)?;
        let credentials = Credentials::Person {
            login: login.clone(),
            password: if replays { Secret::new("") } else { password(&login)? },
        };
        (url, login, false, credentials)
    } else if replays {
        let credentials = Credentials::Session { token: Secret::new("") };
        (url(given, replays)?, String::new(), false, credentials)
    } else {
        let kept = saved::load(given.as_deref())?.ok_or_else(|| {
            let site = given.map_or(String::new(), |site| format!(" to {site}"));
            Failure::auth(format!("you are not signed in{site}")).hint("run `sg login`, or set SG_SITE, SG_SCRIPT and SG_KEY")
        })?;
        let credentials = Credentials::Session { token: kept.token };
        (kept.site, kept.login, false, credentials)
    };
    let client = Client::connect(&url, credentials, options).await?;
    Ok(Site {
        client,
        url,
        name,
        is_script,
        sudo: connection.sudo.clone(),
        progress: Arc::clone(progress),
    })
}

fn url(given: Option<String>, replays: bool) -> Result<String, Failure> {
    let given = given.or(replays.then(String::new));
    given.ok_or_else(|| Failure::usage("which site? Set SG_SITE, or give --site https://studio.shotgrid.autodesk.com"))
}

/// The person's password: set, or typed where there is somebody to type it.
pub fn password(login: &str) -> Result<Secret, Failure> {
    if let Some(password) = variable("SG_PASSWORD") {
        return Ok(Secret::new(password));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::auth(format!("no password for {login}")).hint("set SG_PASSWORD, or run sg on a terminal, where it asks"));
    }
    let typed = rpassword::prompt_password(format!("Password of {login}: "));
    typed
        .map(Secret::new)
        .map_err(|error| Failure::local(format!("the password could not be read: {error}")))
}
