//! Who is calling which site: from the environment, or from the session that `sg login` kept.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use shotgrid::client::{Client, Credentials, Document, Journal, Level, Log, Options, Pages, Progress, Replay, Secret, environment};

use crate::arguments::Connection;
use crate::failure::{Failure, say};
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

pub fn options(connection: &Connection) -> Options {
    Options {
        timeout: (connection.timeout > 0).then(|| Duration::from_secs(connection.timeout)),
        user_agent_suffix: Some(concat!("sg (", env!("CARGO_PKG_VERSION"), ")").to_owned()),
        sudo_as_login: connection.sudo.clone(),
        auth_token: None,
        allow_insecure_http: connection.insecure_http,
        journal: Journal::new(Arc::new(EndOfRecording)),
        record: connection.record.clone(),
        replay: connection.replay.as_ref().map(Replay::new),
        ..Options::default()
    }
}

/// A recording that cannot be written any more fails no call, so somebody must tell the person.
struct EndOfRecording;

impl Log for EndOfRecording {
    fn wants(&self, level: Level) -> bool {
        level == Level::Error
    }

    fn write(&self, _: Level, target: &'static str, message: String) {
        if target == "record" {
            say(&message);
        }
    }
}

pub async fn connect(connection: &Connection, progress: &Arc<Progress>) -> Result<Site, Failure> {
    let given = connection.site.clone().or_else(environment::site);
    let mut options = options(connection);
    let replays = connection.replay.is_some();
    let mut name = String::new();
    let (url, credentials) = match environment::credentials(&mut options, password)? {
        Some(credentials) => (url(given, replays)?, credentials),
        None if replays => (url(given, replays)?, Credentials::Session { token: Secret::new("") }),
        None => {
            let kept = saved::load(given.as_deref())?.ok_or_else(|| {
                let site = given.map_or(String::new(), |site| format!(" to {site}"));
                Failure::auth(format!("you are not signed in{site}")).hint("run `sg login`, or set SG_SITE, SG_SCRIPT and SG_KEY")
            })?;
            name = kept.login;
            (kept.site, Credentials::Session { token: kept.token })
        }
    };
    let is_script = matches!(credentials, Credentials::Script { .. });
    if let Credentials::Script { name: told, .. } | Credentials::Person { login: told, .. } = &credentials {
        name.clone_from(told);
    }
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

/// The person's password, typed where there is somebody to type it.
pub fn password(login: &str) -> Result<Secret, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::auth(format!("no password for {login}")).hint("set SG_PASSWORD, or run sg on a terminal, where it asks"));
    }
    let typed = rpassword::prompt_password(format!("Password of {login}: "));
    typed
        .map(Secret::new)
        .map_err(|error| Failure::local(format!("the password could not be read: {error}")))
}
