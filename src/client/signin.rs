//! Signing in by the person's browser, without a password in the program ("app session launcher").
//!
//! A program asks the site for a session, has the person's browser open the address that it is given, and asks again and again
//! whether the person has approved. The site gives the session's token once. So each question is carried to its end whatever
//! becomes of whoever waits for it, and what it brought is kept here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::Instant;
use url::Url;

use super::behind;
use super::credentials::{Credentials, Secret};
use super::document::{Document, Value};
use super::error::{Error, Result};
use super::journal::Level;
use super::mask::Mask;
use super::options::Options;
use super::recording::Form;
use super::retry::{Attempts, Effect};
use super::status::Status;
use super::transport::{Failure, Limit, Pieces, Reached, Reply, Request};
use super::{Client, reply};

/// Where a program asks, and under which it asks again.
const ENDPOINT: &str = "/internal_api/app_session_request";
/// How sites announce that they have it.
const ANNOUNCED: &str = "authentication_app_session_launcher_enabled";
/// The longest name that a site shows to a person.
const LONGEST_NAME: usize = 200;
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long sites keep a request.
const LIFETIME: Duration = Duration::from_secs(305);
/// A request that is gone so shortly before its time is taken for one that was too old.
const LONGEST_SLACK: Duration = Duration::from_secs(5);
/// The pause between two questions to a recording, which answers at once.
const REPLAYED_INTERVAL: Duration = Duration::from_millis(10);
/// The longest pause between two questions while the site is in trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So many replies in a row that make no sense are believed to be what there is.
const MOST_NONSENSE: u32 = 3;

/// A sign-in by the browser. Clones are shares in the same one; when the last is dropped it is given up.
#[derive(Clone)]
pub struct SignIn(Arc<Shared>);

struct Shared {
    /// In which nobody is signed in until the site has given the session.
    client: Client,
    app_name: String,
    machine_id: String,
    poll_interval_ms: AtomicU64,
    lifetime_ms: AtomicU64,
    begun: OnceLock<Begun>,
    login: OnceLock<String>,
    state: Arc<Mutex<State>>,
    cancelled: watch::Sender<bool>,
}

struct Begun {
    url: Url,
    /// Whoever has it is given the session once it is approved.
    id: Secret,
    since: Instant,
}

/// How far it is.
enum State {
    /// Asked, and no answer yet.
    Asking(Asking),
    /// The client has its session, of the person with this login, and has to be proven.
    Given(Option<String>),
    Done,
    Failed(Error),
}

/// The token, and whose it is, where the site tells.
type Approved = (Secret, Option<String>);

#[derive(Default)]
struct Asking {
    /// When to ask next.
    due: Option<Instant>,
    /// Questions in a row that came to nothing.
    failures: u32,
    /// Of these the last ones, which were answered with nonsense.
    nonsense: u32,
    /// Whether a reply was lost since the site last said that nobody has approved.
    reply_lost: bool,
}

impl SignIn {
    /// A sign-in that is not begun: nothing is sent yet. The person will read both names before approving.
    pub fn new(site_url: &str, app_name: &str, machine_id: &str, options: Options) -> Result<SignIn> {
        for (name, text) in [("app_name", app_name), ("machine_id", machine_id)] {
            if text.trim().is_empty() {
                return Err(Error::invalid_argument(format!(
                    "{name} is empty; the person reads it before approving the sign-in"
                )));
            }
            let length = text.chars().count();
            if length > LONGEST_NAME {
                return Err(Error::invalid_argument(format!(
                    "{name} has {length} characters; the person reads it before approving the sign-in, and it can have {LONGEST_NAME}"
                )));
            }
        }
        if options.auth_token.is_some() {
            return Err(Error::invalid_argument(
                "auth_token is the second factor of a login and password; in the browser the site asks for it itself",
            ));
        }
        let nobody = Credentials::Session { token: Secret::new("") };
        Ok(SignIn(Arc::new(Shared {
            client: Client::unproven(site_url, nobody, options)?,
            app_name: app_name.to_owned(),
            machine_id: machine_id.to_owned(),
            poll_interval_ms: AtomicU64::new(milliseconds(POLL_INTERVAL)),
            lifetime_ms: AtomicU64::new(milliseconds(LIFETIME)),
            begun: OnceLock::new(),
            login: OnceLock::new(),
            state: Arc::new(Mutex::new(State::Asking(Asking::default()))),
            cancelled: watch::Sender::new(false),
        })))
    }

    /// Sets the pause between two questions to the site; 2 s unless chosen.
    pub fn set_poll_interval(&self, interval: Duration) {
        self.0.poll_interval_ms.store(milliseconds(interval).max(1), Ordering::Relaxed);
    }

    /// Sets how long the site keeps a request; 305 s unless chosen. One that is gone before was rejected.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.0.lifetime_ms.store(milliseconds(lifetime).max(1), Ordering::Relaxed);
    }

    /// Asks the site for a session, and gives the address that the person's browser is to open. It begins once; if that fails
    /// it may be tried again.
    pub async fn begin(&self) -> Result<&Url> {
        let shared = &self.0;
        let _state = shared.state.lock().await;
        if shared.begun.get().is_some() {
            return Err(Error::new(Status::InvalidState, "the sign-in has begun already; make another one"));
        }
        let begun = shared.unless_cancelled(shared.ask_for_session()).await?;
        Ok(&shared.begun.get_or_init(|| begun).url)
    }

    /// The address that the person's browser is to open, once it has begun. It is for this person alone.
    pub fn url(&self) -> Option<&str> {
        self.0.begun.get().map(|begun| begun.url.as_str())
    }

    /// The login of the person who approved, as the site tells it, once the client is proven.
    pub fn login(&self) -> Option<&str> {
        self.0.login.get().map(String::as_str)
    }

    /// Waits until the person has decided, and gives the client. Whoever stops waiting loses nothing, and may wait again; at
    /// the end each wait gives a share in the same client.
    pub async fn wait(&self) -> Result<Client> {
        let shared = &self.0;
        if shared.begun.get().is_none() {
            return Err(Error::new(Status::InvalidState, "the sign-in has not begun; begin it first"));
        }
        shared.unless_cancelled(Arc::clone(shared).decided()).await
    }

    /// As [`SignIn::wait`], for at most so long: then it is not decided yet.
    pub async fn wait_for(&self, limit: Option<Duration>) -> Result<Client> {
        let Some(limit) = limit else { return self.wait().await };
        let undecided = |_| Err(Error::new(Status::TimeoutWait, "nobody has approved or rejected the sign-in yet"));
        tokio::time::timeout(limit, self.wait()).await.unwrap_or_else(undecided)
    }

    /// Gives the sign-in up: whoever waits is told at once, and nobody is given the session.
    pub fn cancel(&self) {
        self.0.cancelled.send_replace(true);
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SignIn")
            .field("app_name", &self.0.app_name)
            .finish_non_exhaustive()
    }
}

impl Shared {
    async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut cancelled = self.cancelled.subscribe();
        tokio::select! {
            biased;
            _ = cancelled.wait_for(|cancelled| *cancelled) => Err(Error::new(Status::Cancelled, "the sign-in was cancelled")),
            outcome = work => outcome,
        }
    }

    async fn ask_for_session(&self) -> Result<Begun> {
        let client = &self.client;
        let info = client.site_info().await?;
        if !info.document.root().get(ANNOUNCED).is_some_and(Value::is_truthy) {
            return Err(off("its description of itself does not name it"));
        }
        let url = client.connection.transport.site().at(ENDPOINT)?;
        let limit = Limit::Total(client.deadline());
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("appName", &self.app_name)
            .append_pair("machineId", &self.machine_id)
            .finish();
        let told = || {
            let fields = vec![("appName", self.app_name.clone()), ("machineId", self.machine_id.clone())];
            client.connection.transport.wants_forms().then_some(Form { fields, file: None })
        };
        // A request that is made twice is one that nobody approves: it does no harm.
        let mut attempts = Attempts::new(client, "sign-in", Effect::Read, limit);
        let reply = loop {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            let request = Request::new(Method::POST, url.clone(), &client.tally)
                .header(header::CONTENT_TYPE, kind)
                .header(header::ACCEPT, HeaderValue::from_static("application/json"))
                .body(Pieces::default().bytes(body.clone()))
                .form(told());
            match client.connection.transport.send_file(request, limit).await.and_then(accepted) {
                Ok(reply) => break reply,
                Err(failure) if matches!(failure.error.http_status, Some(403 | 404)) => {
                    return Err(off("it refuses requests for sessions"));
                }
                Err(failure) => attempts.again(failure).await?,
            }
        };
        let document =
            Document::parse(reply.body).map_err(|_| Error::protocol("the site's reply to the request for a session is not JSON"))?;
        self.begun(&document)
    }

    fn begun(&self, reply: &Document) -> Result<Begun> {
        let text = |name: &str| {
            let found = reply.root().get(name);
            let text = found.and_then(|value| {
                value
                    .as_str()
                    .map(|text| text.into_owned())
                    .or_else(|| Some(value.as_i64().ok()?.to_string()))
            });
            text.filter(|text| !text.is_empty())
                .ok_or_else(|| Error::protocol(format!("the site's reply to the request for a session has no {name}")))
        };
        let id = Secret::new(text("sessionRequestId")?);
        let url = Url::parse(&text("url")?).map_err(|_| Error::protocol("the address to approve the sign-in at is none"))?;
        // It is handed to the system, which would open anything.
        let secure = self.client.connection.transport.site().address.scheme() == "https";
        if !(url.scheme() == "https" || url.scheme() == "http" && !secure) {
            return Err(Error::protocol(format!(
                "the address to approve the sign-in at is no {} address",
                if secure { "https" } else { "http" }
            )));
        }
        let since = self.client.connection.transport.now();
        Ok(Begun { url, id, since })
    }

    async fn decided(self: Arc<Self>) -> Result<Client> {
        loop {
            let due = match &*self.state.lock().await {
                State::Asking(asking) => asking.due,
                State::Given(_) => None,
                State::Done => return Ok(self.client.clone()),
                State::Failed(error) => return Err(error.clone()),
            };
            if let Some(due) = due {
                tokio::time::sleep_until(due).await;
            }
            let asked = behind::spawn(Arc::clone(&self).step());
            // It ends with the runtime, and this with it.
            asked
                .await
                .map_err(|_| Error::new(Status::Cancelled, "the sign-in was stopped"))??;
        }
    }

    /// Asks once, unless another one has done so meanwhile, and notes what came of it. Never stopped halfway.
    async fn step(self: Arc<Self>) -> Result<()> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        if *self.cancelled.borrow() {
            return Ok(());
        }
        if let State::Asking(asking) = &mut *state {
            if asking.due.is_some_and(|due| due > Instant::now()) {
                return Ok(());
            }
            match self.ask(asking).await {
                Ok(None) => return Ok(()),
                Ok(Some((token, login))) => {
                    self.client.connection.session.set_token(token);
                    *state = State::Given(login);
                }
                Err(error) => {
                    *state = State::Failed(error);
                    return Ok(());
                }
            }
        }
        self.prove(&mut state).await
    }

    /// The session is the client's by now; a network that fails does not cost it.
    async fn prove(&self, state: &mut OwnedMutexGuard<State>) -> Result<()> {
        let State::Given(login) = &mut **state else { return Ok(()) };
        match self.client.prove("sign-in").await {
            Ok(()) => {
                if let Some(login) = login.take() {
                    let _ = self.login.set(login);
                }
                **state = State::Done;
            }
            Err(error) if error.retryable => return Err(error),
            Err(error) => **state = State::Failed(error),
        }
        Ok(())
    }

    /// Asks whether the person has decided; the token and the person's login if it was approved.
    async fn ask(&self, asking: &mut Asking) -> Result<Option<Approved>> {
        let Some(begun) = self.begun.get() else { return Ok(None) };
        let is_replay = self.client.connection.transport.is_replay();
        let interval = match is_replay {
            // A recording may end before anybody has decided.
            true => REPLAYED_INTERVAL,
            false => Duration::from_millis(self.poll_interval_ms.load(Ordering::Relaxed)),
        };
        let failure = match self.question(begun).await {
            Ok(reply) => match self.answer(reply) {
                Ok(None) => {
                    *asking = Asking {
                        due: Some(Instant::now() + interval),
                        ..Asking::default()
                    };
                    return Ok(None);
                }
                Ok(given) => return Ok(given),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        let mut error = failure.error;
        let mut mask = Mask::default();
        mask.secret(&begun.id);
        mask.apply(&mut error);
        self.client.mask(&mut error);
        let age = self.client.connection.transport.now().saturating_duration_since(begun.since);
        let lifetime = Duration::from_millis(self.lifetime_ms.load(Ordering::Relaxed));
        if error.http_status == Some(404) {
            return Err(gone(asking.reply_lost, age + (lifetime / 20).min(LONGEST_SLACK) >= lifetime));
        }
        let in_trouble = error.retryable || error.http_status.is_some_and(|status| status >= 500);
        asking.nonsense = if error.status == Status::Protocol && failure.reached == Reached::Unknown {
            asking.nonsense + 1
        } else {
            0
        };
        asking.reply_lost |= lost(&error);
        let hopeless = !in_trouble && (asking.nonsense == 0 || asking.nonsense >= MOST_NONSENSE);
        if hopeless || age >= lifetime {
            error.may_have_applied = asking.reply_lost;
            return Err(error);
        }
        asking.failures += 1;
        let pause = interval
            .saturating_mul(1 << asking.failures.min(10))
            .min(LONGEST_PAUSE.max(interval));
        let pause = match error.retry_after_ms {
            Some(asked) if !is_replay => pause.max(Duration::from_millis(asked)),
            _ => pause,
        };
        asking.due = Some(Instant::now() + pause.min(lifetime.saturating_sub(age).max(interval)));
        let told = || {
            format!(
                "sign-in: asking whether it was approved failed with {error}; again in {} ms",
                pause.as_millis()
            )
        };
        self.client.connection.options.journal.write(Level::Warn, "retry", told);
        Ok(None)
    }

    async fn question(&self, begun: &Begun) -> std::result::Result<Reply, Failure> {
        let client = &self.client;
        let transport = &client.connection.transport;
        let mut url = transport.site().at(ENDPOINT).map_err(not_sent)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(begun.id.expose());
        }
        let request = Request::new(Method::PUT, url, &client.tally).header(header::ACCEPT, HeaderValue::from_static("application/json"));
        transport
            .send_file(request, Limit::Total(client.deadline()))
            .await
            .and_then(accepted)
    }

    /// What a reply gives, if it was approved.
    fn answer(&self, reply: Reply) -> std::result::Result<Option<Approved>, Failure> {
        // What cannot be read may have been the token.
        let unreadable = |what: &str| Failure {
            error: Error::protocol(what),
            reached: Reached::Unknown,
        };
        let document = Document::parse(reply.body).map_err(|_| unreadable("the site's answer about the sign-in is not JSON"))?;
        let text = |name: &str| document.root().get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(approved) = document.root().get("approved") else {
            return Err(unreadable(
                "the site's answer about the sign-in does not say whether it was approved",
            ));
        };
        if !approved.is_truthy() {
            return Ok(None);
        }
        let Some(token) = text("sessionToken") else {
            return Err(unreadable("the sign-in was approved, but the site gave no session"));
        };
        let login = text("userLogin").map(|login| login.into_owned());
        Ok(Some((Secret::new(token.into_owned()), login)))
    }
}

/// A reply whose HTTP status says that the request was understood.
fn accepted(reply: Reply) -> std::result::Result<Reply, Failure> {
    if reply.status < 300 {
        Ok(reply)
    } else {
        Err(reply::failure(reply))
    }
}

/// Whether the site may have answered all the same, and with the session.
fn lost(error: &Error) -> bool {
    match error.http_status {
        // What stands before the site got no reply from it.
        Some(status) => status < 300 || matches!(status, 502 | 504),
        None => matches!(
            error.status,
            Status::Protocol | Status::ProtocolTooLarge | Status::Network | Status::NetworkReset | Status::Timeout | Status::TimeoutTotal
        ),
    }
}

fn not_sent(error: Error) -> Failure {
    Failure {
        error,
        reached: Reached::Nothing,
    }
}

fn off(why: &str) -> Error {
    let what = format!("the site offers no sign-in by the browser ({why}); sign in with a login and password, or as a script");
    Error::new(Status::AuthSignInOff, what)
}

/// Why a request is gone. The site does not say; what happened before does.
fn gone(reply_lost: bool, too_old: bool) -> Error {
    let (status, what) = if reply_lost {
        (
            Status::AuthSignInLost,
            "the sign-in is over, and the reply that may have carried its session was lost; begin another one",
        )
    } else if too_old {
        (
            Status::AuthSignInExpired,
            "nobody approved the sign-in in the browser in time; begin another one",
        )
    } else {
        (
            Status::AuthSignInRejected,
            "the sign-in was rejected in the browser; begin another one if that was a mistake",
        )
    };
    let mut error = Error::new(status, what);
    error.http_status = Some(404);
    error.may_have_applied = reply_lost;
    error
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
