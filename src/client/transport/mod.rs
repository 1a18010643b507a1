//! One HTTP exchange: a request out, a reply in, and what is known when that fails.

mod body;
mod failure;
mod proxy;
mod watch;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::deadline::Deadline;
use super::error::{Error, Result};
use super::mask::Mask;
use super::options::Options;
use super::progress::Progress;
use super::retry::Effect;
use super::site::{self, Site};
use super::status::Status;
use super::tally::Tally;
use super::tls;
pub(super) use body::Pieces;
use proxy::Ways;
pub(super) use watch::Limit;
use watch::Watch;

/// An idle connection is not reused after this long: firewalls forget connections without a word.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How often an idle connection is probed while it is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The longest reply to a form or a file, in bytes.
const LONGEST_WORDS: u64 = 1 << 20;

/// How long what was sent may stay unacknowledged by the other side's system until the connection counts as dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// What came back over HTTP, whatever its status.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The most values that it may hold.
    pub(super) most_values: usize,
}

impl Reply {
    /// A header's text, where it has one.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        text_of(&self.headers, name)
    }

    /// How long the site asks to wait: `Retry-After` in seconds or as a date.
    pub(super) fn retry_after_ms(&self) -> Option<u64> {
        let text = self.header(header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return seconds.checked_mul(1000);
        }
        let until = httpdate::parse_http_date(text).ok()?;
        let wait = until.duration_since(SystemTime::now()).unwrap_or_default();
        u64::try_from(wait.as_millis()).ok()
    }
}

/// A header's text, where there is one.
pub(super) fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// How far a failed request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Not a byte of it left this machine.
    Nothing,
    /// The site answered that it did not do it.
    Refused,
    /// Its end never left this machine, and what is not whole no site carries out.
    Part,
    /// It may have been done.
    Unknown,
}

/// A failed attempt.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) reached: Reached,
}

/// A request, but for what is the same for all.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Pieces,
    pub(super) progress: Option<Arc<Progress>>,
    pub(super) tally: Arc<Tally>,
    pub(super) effect: Effect,
}

impl Request {
    pub(super) fn new(method: Method, url: Url, tally: &Arc<Tally>) -> Request {
        Request {
            tally: Arc::clone(tally),
            effect: Effect::Read,
            method,
            url,
            headers: Vec::new(),
            body: Pieces::default(),
            progress: None,
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Request {
        self.headers.push((name, value));
        self
    }

    pub(super) fn body(self, body: Pieces) -> Request {
        Request { body, ..self }
    }

    pub(super) fn effect(self, effect: Effect) -> Request {
        Request { effect, ..self }
    }

    pub(super) fn progress(self, progress: &Arc<Progress>) -> Request {
        Request {
            progress: Some(Arc::clone(progress)),
            ..self
        }
    }
}

/// Where a request goes, for messages.
struct Place {
    name: String,
    /// What named the proxy on the way, where there is one.
    proxy: Option<&'static str>,
}

/// A reply whose body is read as it comes.
pub(super) struct Incoming {
    response: Response,
    watch: Arc<Watch>,
    limit: Limit,
    most_bytes: u64,
    place: Place,
    /// Kept until the reply is read or given up.
    _turn: OwnedSemaphorePermit,
}

/// An HTTP stack with a bound on what is under way at once. Turns come in the order in which they were asked for, so that
/// nobody is starved.
struct Http {
    client: RwLock<reqwest::Client>,
    make: Box<dyn Fn() -> Result<reqwest::Client> + Send + Sync>,
    turns: Arc<Semaphore>,
}

impl Http {
    fn new(most: u32, make: impl Fn() -> Result<reqwest::Client> + Send + Sync + 'static) -> Result<Http> {
        let most = usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Ok(Http {
            client: RwLock::new(make()?),
            make: Box::new(make),
            turns: Arc::new(Semaphore::new(most)),
        })
    }

    fn client(&self) -> reqwest::Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of every connection that waits for another request. Where one has died without a word, because a firewall forgot
    /// it or the machine changed its network, the others have as well, and each would cost the same wait.
    fn forget_idle(&self) {
        if let Ok(fresh) = (self.make)() {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}

/// The HTTP side of a client: connections, TLS, proxy.
pub(super) struct Transport {
    /// For remote calls: decompresses replies.
    calls: Http,
    /// For forms and files, whose bytes are what they are.
    files: Http,
    site: Site,
    max_reply_bytes: u64,
    ways: Arc<Ways>,
}

impl Transport {
    pub(super) fn new(site: Site, options: &Options) -> Result<Transport> {
        let tls = match tls::configuration(options.ca_file.as_deref()) {
            Ok(config) => config,
            // A machine without a trust store can still talk to a site on this machine.
            Err(error) if error.status == Status::TlsNoRoots && site.address.scheme() == "http" => tls::without_roots()?,
            Err(error) => return Err(error),
        };
        let ways = Arc::new(Ways::new(options)?);
        ways.via(&site.address)?;
        let (agent, most, connect_timeout) = (user_agent(options)?, options.max_connections, options.connect_timeout);
        let rule = ways.rule();
        let builder = move |silence: Duration| {
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(agent.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .tcp_keepalive(KEEP_ALIVE)
                .tcp_nodelay(true)
                .pool_idle_timeout(IDLE_LIMIT)
                .pool_max_idle_per_host(usize::try_from(most).unwrap_or(usize::MAX));
            if let Some(limit) = connect_timeout {
                builder = builder.connect_timeout(limit);
            }
            // The environment is read by us alone.
            builder = noticing(builder, silence).no_proxy();
            match &rule {
                Some(rule) => builder.proxy(rule.clone()),
                None => builder,
            }
        };
        let broken = |error: reqwest::Error| -> Error {
            let why = failure::chain(&error.without_url());
            Error::new(Status::Internal, format!("the HTTP stack could not be set up: {why}"))
        };
        // Half of the limit, so that a read has time for another attempt. For files, whose limit is one of standing still, all of it.
        let longest = options.timeout.unwrap_or(LONGEST_SILENCE * 2);
        let silence = (longest / 2).min(LONGEST_SILENCE);
        let calls = builder.clone();
        Ok(Transport {
            calls: Http::new(options.max_connections, move || calls(silence).build().map_err(broken))?,
            files: Http::new(options.max_connections.div_ceil(2), move || {
                let builder = builder(longest).no_gzip().no_deflate();
                builder.build().map_err(broken)
            })?,
            site,
            max_reply_bytes: options.max_reply_bytes,
            ways,
        })
    }

    /// The passwords that stand in addresses.
    pub(super) fn secrets(&self, mask: &mut Mask) {
        self.site.password.iter().for_each(|password| mask.secret(password));
        self.ways.passwords().for_each(|password| mask.secret(&password));
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Posts a JSON text to the site's RPC endpoint and reads the whole reply.
    pub(super) async fn post_rpc(
        &self,
        body: Bytes,
        effect: Effect,
        deadline: Deadline,
        tally: &Arc<Tally>,
    ) -> std::result::Result<Reply, Failure> {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let mut request = Request::new(Method::POST, self.site.rpc.clone(), tally)
            .effect(effect)
            .header(header::CONTENT_TYPE, json)
            .body(Pieces::default().bytes(body));
        // User information in the address is for remote calls alone.
        request
            .headers
            .extend(self.site.basic_header().map(|value| (header::AUTHORIZATION, value)));
        let incoming = self.send(&self.calls, request, Limit::Total(deadline)).await?;
        self.finish(incoming).await
    }

    /// Sends a form or a file and reads the whole reply. It is a few words: a file may take long, but not what is said of it.
    pub(super) async fn send_file(&self, request: Request, limit: Limit) -> std::result::Result<Reply, Failure> {
        let mut incoming = self.send(&self.files, request, limit).await?;
        incoming.most_bytes = incoming.most_bytes.min(LONGEST_WORDS);
        if let Limit::Stall(longest) = limit {
            incoming.limit = Limit::Total(Deadline::after(longest));
        }
        self.finish(incoming).await
    }

    /// Sends a request whose reply is a file.
    pub(super) async fn fetch_file(&self, request: Request, limit: Limit) -> std::result::Result<Incoming, Failure> {
        self.send(&self.files, request, limit).await
    }

    async fn finish(&self, incoming: Incoming) -> std::result::Result<Reply, Failure> {
        let watch = Arc::clone(&incoming.watch);
        let reply = self.read(incoming).await?;
        if reply.status >= 300 {
            watch.take_back();
        }
        Ok(reply)
    }

    async fn send(&self, http: &Http, request: Request, limit: Limit) -> std::result::Result<Incoming, Failure> {
        let proxy = self.ways.via(&request.url).map_err(not_sent)?.map(|via| via.named_by);
        let name = site::name_of(&request.url);
        let place = Place { name, proxy };
        let turn = turn(http, limit).await?;
        let watch = Watch::new(request.progress, request.tally, request.effect);
        let mut outgoing = http.client().request(request.method, request.url);
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        let sending = outgoing.body(reqwest::Body::wrap(request.body.watched(watch.clone()))).send();
        let outcome = match watch.within(limit, sending).await {
            Some(sent) => sent.map_err(|error| {
                if failure::died_in_silence(&error) {
                    http.forget_idle();
                }
                place.classify(&error.without_url())
            }),
            None => {
                // A file may stand still for as long as the system takes to find a connection dead: whichever says so first, the idle
                // ones may be as dead.
                if matches!(limit, Limit::Stall(_)) {
                    http.forget_idle();
                }
                Err(too_slow(limit, &place))
            }
        };
        match outcome {
            Ok(response) => Ok(Incoming {
                response,
                watch,
                limit,
                most_bytes: self.max_reply_bytes,
                place,
                _turn: turn,
            }),
            Err(error) => Err(failed(error, &watch)),
        }
    }

    /// Reads a whole reply, up to the limit on its size.
    pub(super) async fn read(&self, mut incoming: Incoming) -> std::result::Result<Reply, Failure> {
        let most = incoming.most_bytes;
        let too_large = |watch: &Watch| {
            let what = format!("the reply is larger than the limit of {most} bytes");
            failed(Error::new(Status::ProtocolTooLarge, what), watch)
        };
        let announced = incoming.length().unwrap_or(0);
        if announced > most {
            return Err(too_large(&incoming.watch));
        }
        // What is announced is only believed so far: memory follows what really comes.
        // A byte more, for the NUL that a document ends with.
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0).min(16 << 20) + 1);
        let status = incoming.status();
        loop {
            let chunk = match self.chunk(&mut incoming).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // Who refuses may hang up without taking the rest of the request, which cuts off the words but not the status. A
                // range that cannot be had (416) is no refusal.
                Err(failure) if status >= 300 && status != 416 && failure.error.status == Status::NetworkReset => break,
                Err(failure) => return Err(failure),
            };
            if (body.len() + chunk.len()) as u64 > most {
                return Err(too_large(&incoming.watch));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers: std::mem::take(incoming.response.headers_mut()),
            body,
            most_values: most_values(self.max_reply_bytes),
        })
    }

    /// The next bytes of a reply; `None` at its end.
    pub(super) async fn chunk(&self, incoming: &mut Incoming) -> std::result::Result<Option<Bytes>, Failure> {
        let status = incoming.status();
        // Whoever reads may have been busy with what it read before.
        incoming.watch.note_movement();
        let outcome = match incoming.watch.within(incoming.limit, incoming.response.chunk()).await {
            Some(read) => read.map_err(|error| incoming.place.classify_body(&error.without_url(), status)),
            None => Err(too_slow(incoming.limit, &incoming.place)),
        };
        if let Ok(Some(bytes)) = &outcome {
            incoming.watch.note_received(bytes.len() as u64);
        }
        outcome.map_err(|error| failed(error, &incoming.watch))
    }
}

impl Incoming {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        text_of(self.response.headers(), name)
    }

    /// What must not be told of its address.
    pub(super) fn mask(&self) -> Mask {
        let mut mask = Mask::default();
        mask.query(self.response.url());
        mask
    }

    /// How many bytes the body has, where that is announced.
    pub(super) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }
}

/// Waits for a turn. For files that is no standing still: those before it are limited themselves.
async fn turn(http: &Http, limit: Limit) -> std::result::Result<OwnedSemaphorePermit, Failure> {
    let turn = Arc::clone(&http.turns).acquire_owned();
    let turn = match limit {
        Limit::Total(deadline) => deadline.limit(turn).await,
        Limit::Stall(_) => Some(turn.await),
    };
    match turn {
        Some(Ok(turn)) => Ok(turn),
        // It is closed with the client alone.
        Some(Err(_)) => Err(not_sent(Error::new(Status::Cancelled, "the client is gone"))),
        None => Err(not_sent(Error::new(
            Status::TimeoutTotal,
            "all connections of the client were busy for the whole time limit",
        ))),
    }
}

/// The most values of a reply of so many bytes. Each takes up to 28 bytes of memory besides its text, and text of a site has more than
/// four bytes for each; a few are always allowed.
fn most_values(most_bytes: u64) -> usize {
    usize::try_from(most_bytes / 4).unwrap_or(usize::MAX).max(4096)
}

fn not_sent(error: Error) -> Failure {
    Failure {
        error,
        reached: Reached::Nothing,
    }
}

fn failed(error: Error, watch: &Watch) -> Failure {
    watch.take_back();
    Failure {
        reached: watch.give_up(),
        error,
    }
}

fn too_slow(limit: Limit, place: &Place) -> Error {
    match limit {
        Limit::Total(_) => Error::new(Status::TimeoutTotal, format!("{place} did not answer within the time limit")),
        Limit::Stall(_) => Error::new(
            Status::Timeout,
            format!("the exchange with {place} stood still for the whole time limit"),
        ),
    }
}

/// Ends a connection whose other side has been silent for so long, though it owes an answer to something sent or to a probe. Not
/// the site: its system, which answers at once even if the site takes its time.
#[cfg(target_os = "linux")]
fn noticing(builder: reqwest::ClientBuilder, silence: Duration) -> reqwest::ClientBuilder {
    builder.tcp_user_timeout(silence)
}

/// Elsewhere the system's own limits hold.
#[cfg(not(target_os = "linux"))]
fn noticing(builder: reqwest::ClientBuilder, _: Duration) -> reqwest::ClientBuilder {
    builder
}

fn user_agent(options: &Options) -> Result<HeaderValue> {
    let mut agent = format!("libshotgrid ({}); {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    if let Some(suffix) = &options.user_agent_suffix {
        agent.push_str("; ");
        agent.push_str(suffix);
    }
    HeaderValue::from_str(&agent)
        .map_err(|_| Error::invalid_argument("user_agent_suffix has characters that a header cannot hold; use visible ASCII"))
}
