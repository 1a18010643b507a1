//! What becomes of a session that the library cannot renew: the host is told, and hands over another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::credentials::{Credentials, Secret};
use super::error::{Error, Result};
use super::journal::Level;
use super::status::Status;
use super::{Client, here};

/// Is told that a session has ended and cannot be renewed.
pub trait SessionWatch: Send + Sync {
    /// Called once for each session that ends, on a thread of the network: it must only hand the news on.
    fn session_expired(&self);
}

/// Where the host and the calls that ran into a session's end meet.
pub(super) struct Handover {
    host: Mutex<Host>,
    /// Sent to whenever something changes that calls wait for.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Host {
    watch: Option<Arc<dyn SessionWatch>>,
    patience: Duration,
    /// The generation whose end the host was told of.
    told: Option<u64>,
    /// The generation in place of which there will be no other one.
    declined: Option<u64>,
}

impl Default for Handover {
    fn default() -> Self {
        Handover {
            host: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Handover {
    fn lock(&self) -> MutexGuard<'_, Host> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the host of a session's end, if nobody has, and waits for another session as long as the host wants calls to wait.
    pub(super) async fn wait(&self, ended: u64, generation: impl Fn() -> u64, error: Error) -> Result<()> {
        let mut changed = self.changed.subscribe();
        if generation() != ended {
            return Ok(());
        }
        let (told, patience) = {
            let mut host = self.lock();
            let Some(watch) = host.watch.clone() else { return Err(error) };
            let told = host.told.replace(ended) != Some(ended);
            (told.then_some(watch), host.patience)
        };
        // Outside of the lock: what the host does with it is its own.
        if let Some(watch) = told {
            watch.session_expired();
        }
        let decided = async {
            loop {
                if generation() != ended {
                    return true;
                }
                if self.lock().declined == Some(ended) || changed.changed().await.is_err() {
                    return false;
                }
            }
        };
        here::leave().await;
        match tokio::time::timeout(patience, decided).await {
            Ok(true) => Ok(()),
            _ => Err(error),
        }
    }
}

impl Client {
    /// The token of the session in use: whoever has it is this person until the session ends. It may have ended already.
    pub fn session_token(&self) -> Result<Secret> {
        self.require_person("a script has no session of its own; connect it by its name and key wherever it is needed")?;
        let token = self.connection.session.token();
        token.map(|token| token.text).ok_or_else(|| {
            Error::new(
                Status::InvalidState,
                "no session has been opened yet, because the credentials were not verified on connect; make a call first",
            )
        })
    }

    /// Has somebody told when a session ends that cannot be renewed, in place of whoever was told before. Calls that run into it
    /// wait so long for [`Client::renew_session`] before they fail.
    pub fn watch_session(&self, watch: Option<Arc<dyn SessionWatch>>, patience: Duration) -> Result<()> {
        self.check_watchable()?;
        let mut host = self.connection.session.handover.lock();
        host.patience = patience;
        let before = std::mem::replace(&mut host.watch, watch);
        // Whoever is new knows nothing of an end that another was told of.
        let is_same = matches!((&before, &host.watch), (Some(before), Some(now)) if Arc::ptr_eq(before, now));
        if !is_same {
            host.told = None;
        }
        drop(host);
        // Outside of the lock: what it lets go of is the host's.
        drop(before);
        Ok(())
    }

    /// Fails where there is no session to watch.
    pub fn check_watchable(&self) -> Result<()> {
        self.require_person("a script has no session that could end")
    }

    /// Goes on in another session, in place of the one in use; with `None` nobody will bring one, and calls that wait for
    /// it fail at once.
    pub fn renew_session(&self, token: Option<Secret>) -> Result<()> {
        self.require_person("a script has no session that could be replaced")?;
        if token.as_ref().is_some_and(|token| token.expose().is_empty()) {
            return Err(Error::invalid_argument(
                "session_token is empty; give a session's token, or none if nobody will sign in",
            ));
        }
        let session = &self.connection.session;
        match token {
            Some(text) => {
                // A download sends it as a cookie, and a site may repeat it.
                self.connection.transport.learn(&text);
                session.set_token(text);
                let journal = &self.connection.options.journal;
                journal.write(Level::Info, "session", || "the host handed over another session".to_owned());
            }
            None => session.handover.lock().declined = Some(session.generation()),
        }
        session.handover.changed.send_replace(());
        Ok(())
    }

    fn require_person(&self, why: &str) -> Result<()> {
        match self.connection.session.credentials {
            Credentials::Script { .. } => Err(Error::new(Status::InvalidState, why)),
            Credentials::Person { .. } | Credentials::Session { .. } => Ok(()),
        }
    }
}
