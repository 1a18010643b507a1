//! Remote calls: the envelope, the credentials that go with it, and trying again.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::{Credentials, Secret};
use super::deadline::Deadline;
use super::document::{Document, Value};
use super::error::{Error, Result};
use super::journal::Level;
use super::recording::REMOVED;
use super::retry::{Attempts, Effect};
use super::session::{Parameters, Token};
use super::status::Status;
use super::transport::{Failure, Limit, Reached, Reply};
use super::{Client, here, reply};

/// For how long a session that could not be renewed is not tried again.
const REFUSALS_HOLD: Duration = Duration::from_secs(10);

/// A read that every role may make, and that costs the site little.
const PROOF: &str = r#"{"type":"Project","return_fields":["id"],"filters":{"logical_operator":"and","conditions":[]},"return_only":"active","paging":{"entities_per_page":1,"current_page":1}}"#;

/// One remote call, without the credentials.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    wire_method: &'a str,
    params: Option<&'a str>,
    effect: Effect,
    /// Whether the reply is text of any kind, and not JSON.
    replies_text: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(wire_method: &'a str, params: Option<&'a str>, effect: Effect) -> Self {
        Call {
            wire_method,
            params,
            effect,
            replies_text: false,
        }
    }

    /// A read.
    pub(super) fn read(params: &'a str) -> Self {
        Call::new("read", Some(params), Effect::Read)
    }

    /// The same call, whose reply is text of any kind: the result is that text as a JSON string.
    pub(super) fn replying_text(self) -> Self {
        Call {
            replies_text: true,
            ..self
        }
    }
}

/// The authentication of one request.
pub(super) struct Ticket {
    pub(super) parameters: Arc<Parameters>,
    /// Of the session token that it holds, if it holds one.
    generation: Option<u64>,
}

impl Client {
    /// Asks the site about itself. Needs no credentials.
    pub(super) async fn fetch_info(&self, deadline: Deadline) -> Result<Document> {
        self.exchange(Call::new("info", None, Effect::Read), None, deadline).await
    }

    /// Makes a remote call with this client's credentials. A session that has ended is renewed once.
    pub(super) async fn rpc(&self, call: Call<'_>, deadline: Deadline) -> Result<Document> {
        let ticket = self.call_ticket(deadline).await?;
        let error = match self.exchange(call, Some(&ticket.parameters), deadline).await {
            Err(error) => error,
            done => return done,
        };
        Box::pin(self.made_again(call, ticket, error, deadline)).await
    }

    /// Makes a call again whose session has ended.
    async fn made_again(&self, call: Call<'_>, ticket: Ticket, error: Error, deadline: Deadline) -> Result<Document> {
        let (ticket, deadline) = self.renewed_ticket(&ticket, error, deadline).await?;
        self.exchange(call, Some(&ticket.parameters), deadline).await
    }

    /// The authentication of a call, or of a form.
    pub(super) async fn call_ticket(&self, deadline: Deadline) -> Result<Ticket> {
        self.require_features(deadline).await?;
        self.ticket(deadline).await
    }

    /// Another ticket for a call that failed because its session has ended: the site refused the token before it looked at
    /// the call, so making it again repeats nothing. Any other error comes back. The time that the call has left comes along.
    pub(super) async fn renewed_ticket(&self, ticket: &Ticket, error: Error, deadline: Deadline) -> Result<(Ticket, Deadline)> {
        let deadline = self.renewed(ticket.generation, error, deadline).await?;
        Ok((self.ticket(deadline).await?, deadline))
    }

    /// Sees to another session in place of one that has ended, with which a call failed: opened with the person's password, or
    /// handed over by the host. Gives the time that the call has left.
    async fn renewed(&self, ended: Option<u64>, error: Error, deadline: Deadline) -> Result<Deadline> {
        let error = match &self.connection.session.credentials {
            Credentials::Script { .. } => return Err(error),
            Credentials::Person { .. } if error.status == Status::AuthSessionExpired => match self.renew(ended, deadline).await {
                Ok(()) => return Ok(deadline),
                Err(failed) => failed,
            },
            Credentials::Person { .. } | Credentials::Session { .. } => error,
        };
        self.handed_over(ended, error).await
    }

    /// Waits for the session that the host hands over in place of one that has ended. The call that waited for a person has its
    /// whole time again, which is given.
    pub(super) async fn handed_over(&self, ended: Option<u64>, error: Error) -> Result<Deadline> {
        // Single sign-on ends a session by leading to its page.
        if !matches!(error.status, Status::AuthSessionExpired | Status::AuthSso) {
            return Err(error);
        }
        let session = &self.connection.session;
        session.handover.wait(ended.unwrap_or(0), || session.generation(), error).await?;
        Ok(self.deadline())
    }

    /// Makes a read with a person's login and password in place of this client's credentials.
    pub(super) async fn read_as(
        &self,
        login: &str,
        password: &Secret,
        auth_token: Option<&Secret>,
        params: &str,
        deadline: Deadline,
    ) -> Result<Document> {
        let parameters = self.connection.session.as_person(login, password, auth_token);
        self.exchange(Call::read(params), Some(&parameters), deadline).await
    }

    /// Fails where the site is too old for this client's way of signing in.
    pub(super) async fn require_features(&self, deadline: Deadline) -> Result<()> {
        if !matches!(self.connection.session.credentials, Credentials::Script { .. }) {
            self.info(deadline).await?.require([5, 3, 0], "signing in by session token")?;
        }
        if self.connection.session.acts_for_another() {
            self.info(deadline).await?.require([5, 3, 12], "sudo_as_login")?;
        }
        Ok(())
    }

    /// Fails unless the site accepts this client's credentials.
    pub(super) async fn prove_credentials(&self, deadline: Deadline) -> Result<()> {
        let parameters = match &self.connection.session.credentials {
            Credentials::Person { .. } if !self.connection.session.acts_for_another() => return self.ticket(deadline).await.map(drop),
            Credentials::Person { .. } => self.ticket(deadline).await?.parameters,
            Credentials::Script { name, api_key } => self.connection.session.script(name, api_key),
            // The version of the site is being asked for at the same time.
            Credentials::Session { .. } => match self.connection.session.token() {
                Some(token) => self.connection.session.with_token(&token, None),
                None => return Err(no_session()),
            },
        };
        match self.exchange(Call::read(PROOF), Some(&parameters), deadline).await {
            // A refusal of anything but acting for another is given to somebody whom the site knows.
            Err(error) if matches!(error.status, Status::Permission) && error.refusal.operation.as_deref() != Some("sudo") => Ok(()),
            // Whoever it is may replay a recording of somebody else.
            Err(error) if error.status == Status::RecordingNoMatch => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// The session token in use, fetched first where there is none yet.
    pub(super) async fn token_in_use(&self, deadline: Deadline) -> Result<Token> {
        let session = &self.connection.session;
        let _opening = deadline.limit(session.opening.lock()).await.ok_or_else(waited_for_sign_in)?;
        if let Some(token) = session.token() {
            return Ok(token);
        }
        Ok(session.replace_token(0, self.open_session(true, deadline).await?))
    }

    /// The session token in use, if there is one and nobody is opening another session.
    fn token_at_hand(&self) -> Option<Token> {
        let session = &self.connection.session;
        let _opening = session.opening.try_lock().ok()?;
        session.token()
    }

    async fn ticket(&self, deadline: Deadline) -> Result<Ticket> {
        if let Credentials::Script { name, api_key } = &self.connection.session.credentials {
            return Ok(Ticket {
                parameters: self.connection.session.script(name, api_key),
                generation: None,
            });
        }
        let token = match self.token_at_hand() {
            Some(token) => token,
            None => Box::pin(self.token_in_use(deadline)).await?,
        };
        // Known by now, except while connecting, where it is being asked for at the same time.
        let info = self.connection.info.get();
        Ok(Ticket {
            parameters: self.connection.session.with_token(&token, info),
            generation: Some(token.generation),
        })
    }

    /// A session token of these credentials. A second factor opens the first session alone: it works once.
    async fn open_session(&self, first: bool, deadline: Deadline) -> Result<Secret> {
        let session = &self.connection.session;
        let parameters = match &session.credentials {
            Credentials::Script { name, api_key } => session.script(name, api_key),
            Credentials::Person { login, password } => Arc::new(session.sign_in(login, password, first)),
            Credentials::Session { .. } => return Err(no_session()),
        };
        match self.fetch_token(&parameters, deadline).await {
            // Whoever it is may replay a recording of somebody else.
            Err(error) if error.status == Status::RecordingNoMatch => Ok(Secret::new(REMOVED)),
            opened => opened,
        }
    }

    /// Whether another session can be opened when this one has ended: not where it was opened elsewhere.
    pub(super) fn can_renew(&self) -> bool {
        !matches!(self.connection.session.credentials, Credentials::Session { .. })
    }

    /// Opens another session in place of one that has ended, unless another call has done so since.
    pub(super) async fn renew(&self, ended: Option<u64>, deadline: Deadline) -> Result<()> {
        let session = &self.connection.session;
        let mut before = deadline.limit(session.opening.lock()).await.ok_or_else(waited_for_sign_in)?;
        let generation = session.generation();
        if Some(generation) != ended {
            return Ok(());
        }
        let transport = &self.connection.transport;
        if let Some((of, when, why)) = &*before
            && *of == generation
            && transport.now().saturating_duration_since(*when) < REFUSALS_HOLD
        {
            return Err(why.clone());
        }
        match self.open_session(false, deadline).await.map_err(not_renewed) {
            // Unless the host has handed one over meanwhile: that is the newer wish.
            Ok(text) => session.replace_token(generation, text),
            Err(error) => {
                *before = (error.status == Status::AuthSessionExpired).then(|| (generation, transport.now(), error.clone()));
                return Err(error);
            }
        };
        let journal = &self.connection.options.journal;
        journal.write(Level::Info, "session", || "the session had ended and was renewed".to_owned());
        Ok(())
    }

    async fn fetch_token(&self, parameters: &Parameters, deadline: Deadline) -> Result<Secret> {
        let reply = self
            .exchange(Call::new("get_session_token", None, Effect::Read), Some(parameters), deadline)
            .await?;
        let token = reply
            .root()
            .get("session_id")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty());
        // It goes along with every call, and in a header.
        const LONGEST: usize = 4096;
        if token.as_ref().is_some_and(|token| token.len() > LONGEST) {
            return Err(Error::protocol(format!("the site's session_id is longer than {LONGEST} bytes")));
        }
        token
            .map(|token| Secret::new(token.into_owned()))
            .ok_or_else(|| Error::wrong_content("the site signed nobody in: its reply has no session_id"))
    }

    /// Sends one request, again where that is safe, and reads its reply. Boxed, as what is large and a part of many others is.
    fn exchange(
        &self,
        call: Call<'_>,
        credentials: Option<&Parameters>,
        deadline: Deadline,
    ) -> Pin<Box<impl Future<Output = Result<Document>> + Send>> {
        Box::pin(async move {
            let limit = Limit::Total(deadline);
            let mut attempts = Attempts::new(self, call.wire_method, call.effect, limit).signed_with(credentials);
            loop {
                match self.attempt(call, credentials, deadline).await {
                    Ok(document) => return Ok(document),
                    Err(failure) => Box::pin(attempts.again(failure)).await?,
                }
            }
        })
    }

    /// Sends a request once, and reads its reply.
    async fn attempt(
        &self,
        call: Call<'_>,
        credentials: Option<&Parameters>,
        deadline: Deadline,
    ) -> std::result::Result<Document, Failure> {
        let transport = &self.connection.transport;
        let asked = (call.wire_method, call.params);
        let reply = transport.post_rpc(asked, credentials, call.effect, deadline, &self.tally).await?;
        let read = if call.replies_text { reply::read_text } else { reply::read };
        if is_for_a_thread(&reply) {
            return Box::pin(read_on_a_thread(reply, read)).await;
        }
        read(reply)
    }
}

/// Whether a reply is so large that it is read on a thread of its own: the one thread of the network has others to serve, which one of the host's
/// has not.
fn is_for_a_thread(reply: &Reply) -> bool {
    const LARGE: usize = 256 * 1024;
    reply.body.len() >= LARGE && !here::is_here()
}

/// Reads a reply there.
async fn read_on_a_thread(
    reply: Reply,
    read: fn(Reply) -> std::result::Result<Document, Failure>,
) -> std::result::Result<Document, Failure> {
    let lost = |error: tokio::task::JoinError| Failure {
        error: Error::new(Status::Internal, format!("reading the reply was stopped: {error}")),
        reached: Reached::Unknown,
    };
    tokio::task::spawn_blocking(move || read(reply))
        .await
        .unwrap_or_else(|error| Err(lost(error)))
}

/// Another call is signing in, and takes longer than this one may.
fn waited_for_sign_in() -> Error {
    Error::new(
        Status::TimeoutTotal,
        "the session was still being opened when the time limit of this call was over",
    )
}

/// A client that was to join a session of which there is no token.
fn no_session() -> Error {
    Error::new(Status::InvalidState, "there is no session yet")
}

/// Why a session that ended stays ended. A network that fails meanwhile says nothing about the credentials.
fn not_renewed(mut error: Error) -> Error {
    if error.status.class() == Status::Auth.class() {
        error.status = Status::AuthSessionExpired;
        error.message = format!("the session ended and could not be renewed: {}", error.message);
    }
    error
}
