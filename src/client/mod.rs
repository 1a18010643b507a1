//! The client: ordinary safe Rust over one HTTP stack. It knows nothing of C.
//!
//! A call goes `methods` (the vocabulary of the official client) → `rpc` (credentials, retries) → `transport` (HTTP), and
//! back through `reply` and `fault` (what the site said) to a [`Document`].

pub mod behind;
mod cancellation;
mod credentials;
mod deadline;
mod document;
pub mod environment;
mod error;
pub mod events;
mod fault;
mod filters;
mod handover;
pub mod here;
mod info;
mod journal;
mod json;
mod mask;
mod methods;
mod options;
mod preflight;
mod progress;
mod recording;
mod records;
mod reply;
mod retry;
mod rpc;
mod session;
pub mod signin;
mod site;
mod status;
mod tally;
mod tls;
mod transfer;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use deadline::Deadline;
use info::SiteInfo;
use mask::Mask;
use preflight::Trust;
use session::Session;
use tally::Tally;
use transport::Transport;

pub use cancellation::Cancellation;
pub use credentials::{Credentials, Secret};
pub use document::{CStrings, Document, Key, Kind, MAX_DEPTH, SyntaxError, Value};
pub(crate) use document::{Node, Page};
pub use error::{Error, Record, Refusal, Result};
pub use handover::SessionWatch;
pub use journal::{Journal, Level, Log};
pub use json::quote;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use methods::fuzzing;
pub use methods::{Method, Pages, Param, Takes, methods, methods_json};
pub use options::Options;
pub use progress::Progress;
pub use recording::Replay;
pub use status::Status;
pub use tally::{Running, Stats};

/// A connection to a site as a person, a script or in a session. Any number of tasks may use it at once.
/// Cloning it gives another share in the same connection.
#[derive(Clone)]
pub struct Client {
    connection: Arc<Connection>,
    limits: Limits,
    /// Of the call that this share makes.
    tally: Arc<Tally>,
}

/// What a call may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    timeout: Option<Duration>,
    max_attempts: u32,
}

/// What the shares of a client have in common.
struct Connection {
    transport: Transport,
    session: Session,
    info: OnceCell<SiteInfo>,
    trust: Trust,
    options: Options,
}

impl Client {
    /// Signs in. Unless [`Options::verify_on_connect`] is off, the site's `info` and a proof of the credentials are fetched
    /// at the same time, so that wrong credentials are an error here and not at the first call.
    pub async fn connect(site_url: &str, credentials: Credentials, options: Options) -> Result<Client> {
        check(&credentials, &options)?;
        let client = Client::unproven(site_url, credentials, options)?;
        client.prove("connect").await?;
        Ok(client)
    }

    /// A client that has sent nothing yet.
    fn unproven(site_url: &str, credentials: Credentials, options: Options) -> Result<Client> {
        let limits = Limits {
            timeout: options.timeout,
            max_attempts: options.max_attempts,
        };
        let who = match &options.sudo_as_login {
            Some(login) => format!("{credentials} for \"{login}\""),
            None => credentials.to_string(),
        };
        let transport = Transport::new(site_url, who, &options)?;
        let session = Session::new(credentials, &options);
        let mut mask = Mask::default();
        session.secrets(&mut mask);
        transport.secrets(&mut mask);
        mask.secrets().for_each(|secret| transport.learn(secret));
        let connection = Arc::new(Connection {
            transport,
            session,
            info: OnceCell::new(),
            trust: Trust::default(),
            options,
        });
        Ok(Client {
            connection,
            limits,
            tally: Arc::default(),
        })
    }

    /// Asks what there is to know before the first call, if it is wanted. It counts as a call of this name.
    async fn prove(&self, what: &str) -> Result<()> {
        let running = Running::new(self, what, &Arc::default());
        let proven = running.client.prove_if_wanted().await;
        running.end(proven)?;
        let journal = &self.connection.options.journal;
        journal.write(Level::Info, "connect", || self.introduction());
        Ok(())
    }

    async fn prove_if_wanted(&self) -> Result<()> {
        if self.connection.options.verify_on_connect {
            let deadline = self.deadline();
            let (info, proof) = tokio::join!(self.info(deadline), self.prove_credentials(deadline));
            // Refused credentials say more than whatever else went wrong.
            match proof {
                Err(refused) if refused.status.class() == Status::Auth.class() => return Err(refused),
                proof => info.and(proof)?,
            }
            self.require_features(deadline).await?;
        }
        Ok(())
    }

    /// Who is connected to what, for the log.
    fn introduction(&self) -> String {
        let version = match self.connection.info.get() {
            Some(info) => format!(", version {}", info.version),
            None => String::new(),
        };
        format!(
            "{} is connected to {}{version}",
            self.connection.session.credentials,
            site::name_of(&self.connection.transport.site().address)
        )
    }

    /// Calls a method of the official client's vocabulary. `params` is a JSON object of keyword arguments, a JSON array of
    /// positional arguments, or empty for none.
    pub async fn call(&self, method: &str, params: &str) -> Result<Document> {
        self.call_watched(method, params, &Arc::default()).await
    }

    /// As [`Client::call`]. How far the files of the call are can be read from `progress` at any time.
    pub async fn call_watched(&self, method: &str, params: &str, progress: &Arc<Progress>) -> Result<Document> {
        self.begin(method, progress).call(params.to_owned()).await
    }

    /// Sends any wire method with any parameters, and gives its `results`. `params` is JSON, or empty for none. The
    /// call is taken for a write unless the method is known to only read.
    pub async fn call_raw(&self, wire_method: &str, params: &str) -> Result<Document> {
        self.begin(wire_method, &Arc::default()).call_raw(params.to_owned()).await
    }

    /// Begins a call, which counts from now on. `progress` is for this call alone.
    pub fn begin(&self, method: impl Into<String>, progress: &Arc<Progress>) -> Running {
        Running::new(self, method, progress)
    }

    /// What a call comes to that is stopped before its end. From now on it writes nothing.
    pub fn stopped(progress: &Progress, why: &str) -> Error {
        let mut error = Error::new(Status::Cancelled, why);
        error.may_have_applied = progress.stop_writes();
        error
    }

    /// A share in the same connection whose calls have another time limit.
    pub fn with_timeout(self, timeout: Option<Duration>) -> Client {
        let limits = Limits { timeout, ..self.limits };
        Client { limits, ..self }
    }

    /// A share in the same connection whose reads are tried another number of times.
    pub fn with_max_attempts(self, max_attempts: u32) -> Client {
        let limits = Limits {
            max_attempts,
            ..self.limits
        };
        Client { limits, ..self }
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.limits.timeout)
    }

    /// Crosses out of an error all that proves who this client is, which a site or a proxy may have repeated.
    fn mask(&self, error: &mut Error) {
        let mut mask = Mask::default();
        self.connection.session.secrets(&mut mask);
        self.connection.transport.secrets(&mut mask);
        mask.apply(error);
    }

    /// What the site says about itself; fetched once.
    async fn info(&self, deadline: Deadline) -> Result<&SiteInfo> {
        if let Some(known) = self.connection.info.get() {
            return Ok(known);
        }
        Box::pin(self.asked_info(deadline)).await
    }

    /// As [`Client::info`], within a time limit of its own.
    async fn site_info(&self) -> Result<&SiteInfo> {
        match self.connection.info.get() {
            Some(known) => Ok(known),
            None => self.info(self.deadline()).await,
        }
    }

    async fn asked_info(&self, deadline: Deadline) -> Result<&SiteInfo> {
        let fetch = || async { SiteInfo::read(self.fetch_info(deadline).await?) };
        // Another call may be fetching it, with more time than this one has.
        let known = deadline.limit(self.connection.info.get_or_try_init(fetch)).await;
        known.unwrap_or_else(|| {
            Err(Error::new(
                Status::TimeoutTotal,
                "the site did not describe itself within the time limit",
            ))
        })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client")
            .field("options", &self.connection.options)
            .finish_non_exhaustive()
    }
}

/// Refuses credentials that no site could accept, before anything is sent.
fn check(credentials: &Credentials, options: &Options) -> Result<()> {
    let given = |name: &str, text: &str| {
        // A recording knows nobody.
        if text.is_empty() && options.replay.is_none() {
            Err(Error::invalid_argument(format!("{name} is empty")))
        } else {
            Ok(())
        }
    };
    match credentials {
        Credentials::Script { name, api_key } => {
            given("script_name", name)?;
            given("api_key", api_key.expose())?;
        }
        Credentials::Person { login, password } => {
            given("login", login)?;
            given("password", password.expose())?;
        }
        Credentials::Session { token } => given("session_token", token.expose())?,
    }
    if options.auth_token.is_some() && !matches!(credentials, Credentials::Person { .. }) {
        return Err(Error::invalid_argument(
            "auth_token is the second factor of a person; it goes with a login and password only",
        ));
    }
    Ok(())
}
