//! One HTTP exchange: a request out, a reply in, and what is known when that fails.

mod body;
mod calls;
mod failure;
mod net;
mod proxy;
mod replayed;
mod watch;
mod wire;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::header::{self, AsHeaderName, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use url::Url;

use super::credentials::Secret;
use super::deadline::Deadline;
use super::document::Reading;
use super::error::{Error, Result};
use super::here;
use super::mask::Mask;
use super::options::Options;
use super::progress::Progress;
use super::recording::{Asked, Entry, Form, Player, Recorder, Sum};
use super::retry::Effect;
use super::site::{self, Site};
use super::status::Status;
use super::tally::Tally;
pub(super) use body::Pieces;
use net::{Net, Stack};
use replayed::Rest;
pub(super) use watch::Limit;
use watch::Watch;

/// The longest reply to a form or a file, in bytes.
const LONGEST_WORDS: u64 = 1 << 20;

/// The headers of a whole reply that somebody looks at.
static LOOKED_AT: [HeaderName; 4] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION, header::RETRY_AFTER];

/// What came back over HTTP, whatever its status.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The texts of those that are looked at.
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Vec<u8>,
    /// What was read of the body while it came, where it is JSON.
    pub(super) reading: Reading,
}

impl Reply {
    /// A header's text, where it has one.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(each, _)| *each == name);
        named.next().map(|(_, text)| text.as_str())
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
pub(super) fn text_of(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
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

impl Reached {
    pub(super) const ALL: [Reached; 4] = [Reached::Nothing, Reached::Refused, Reached::Part, Reached::Unknown];

    /// As recordings write it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Reached::Nothing => "nothing",
            Reached::Refused => "refused",
            Reached::Part => "part",
            Reached::Unknown => "unknown",
        }
    }
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
    /// What the body says, for recordings.
    pub(super) form: Option<Box<Form>>,
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
            form: None,
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

    pub(super) fn form(self, form: Option<Form>) -> Request {
        let form = form.map(Box::new);
        Request { form, ..self }
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
    /// Where it is recorded, or comes from a recording.
    taped: Option<Taped>,
    /// Kept until the reply is read or given up.
    _turn: Option<OwnedSemaphorePermit>,
}

/// What a recording has to do with a reply.
enum Taped {
    Recorded(Box<Entry>),
    /// How it ends behind its body, and how long it was said to be.
    Replayed(Rest),
}

/// The name and the parameters of a remote call.
type Call<'r> = (&'r str, Option<&'r str>);

/// The HTTP side of a client: connections, TLS, proxy.
pub(super) struct Transport {
    line: Line,
    site: Site,
    max_reply_bytes: u64,
}

/// Where answers come from.
enum Line {
    Net(Box<Net>),
    Replay {
        player: Arc<Player>,
        /// Who asks.
        who: String,
    },
}

impl Transport {
    /// For somebody who is named `who` in recordings.
    pub(super) fn new(site_url: &str, who: String, options: &Options) -> Result<Transport> {
        let max_reply_bytes = options.max_reply_bytes;
        if let Some(replay) = &options.replay {
            if options.record.is_some() {
                return Err(Error::invalid_argument(
                    "a client that replays a recording makes none: set record or replay",
                ));
            }
            let player = Arc::clone(replay.player()?);
            // The recording knows its site. What is asked for is one of several at most.
            let wanted = Site::parse(site_url, true).ok();
            let site = Site::parse(player.site(wanted.as_ref().map(|site| site.address.as_str())), true)?;
            return Ok(Transport {
                line: Line::Replay { player, who },
                site,
                max_reply_bytes,
            });
        }
        let site = Site::parse(site_url, options.allow_insecure_http)?;
        let mut net = Net::new(&site, options)?;
        if let Some(path) = &options.record {
            let recorder = Recorder::open(path, site.address.as_str(), &who, &options.journal)?;
            net.recorder = Some(Arc::new(recorder));
        }
        Ok(Transport {
            line: Line::Net(Box::new(net)),
            site,
            max_reply_bytes,
        })
    }

    /// Takes note of a secret, which no recording may hold.
    pub(super) fn learn(&self, secret: &Secret) {
        match &self.line {
            Line::Replay { player, .. } => player.learn(secret),
            Line::Net(net) => net.recorder.iter().for_each(|recorder| recorder.learn(secret)),
        }
    }

    /// Whether answers come from a recording: then nothing is waited for.
    pub(super) fn is_replay(&self) -> bool {
        matches!(self.line, Line::Replay { .. })
    }

    /// Whether anybody wants to know what forms say.
    pub(super) fn wants_forms(&self) -> bool {
        self.is_replay() || self.recorder().is_some()
    }

    /// Where what this client does is recorded, if it is.
    pub(super) fn recorder(&self) -> Option<&Arc<Recorder>> {
        match &self.line {
            Line::Net(net) => net.recorder.as_ref(),
            Line::Replay { .. } => None,
        }
    }

    /// The time, for what depends on how much of it has passed. In a recording as much has passed as had then.
    pub(super) fn now(&self) -> Instant {
        match &self.line {
            Line::Net(_) => Instant::now(),
            Line::Replay { player, .. } => player.now(),
        }
    }

    /// Cancels calls, by `request`, and has the threads of the host's that carry them out notice.
    pub(super) fn cancel_calls(&self, request: impl FnOnce()) {
        match &self.line {
            Line::Net(net) => match &net.wire {
                Some(wire) => wire.cancel_calls(request),
                None => request(),
            },
            Line::Replay { .. } => request(),
        }
    }

    /// The passwords that stand in addresses.
    pub(super) fn secrets(&self, mask: &mut Mask) {
        self.site.password.iter().for_each(|password| mask.secret(password));
        if let Line::Net(net) = &self.line {
            net.ways.passwords().for_each(|password| mask.secret(&password));
        }
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Sends a form or a file and reads the whole reply. It is a few words: a file may take long, but not what is said of it.
    pub(super) async fn send_file(&self, request: Request, limit: Limit) -> std::result::Result<Reply, Failure> {
        let mut incoming = self.send(Stack::Files, request, None, limit).await?;
        incoming.most_bytes = incoming.most_bytes.min(LONGEST_WORDS);
        if let Limit::Stall(longest) = limit {
            incoming.limit = Limit::Total(Deadline::after(longest));
        }
        self.finish(incoming).await
    }

    /// Sends a request whose reply is a file.
    pub(super) async fn fetch_file(&self, request: Request, limit: Limit) -> std::result::Result<Incoming, Failure> {
        self.send(Stack::Files, request, None, limit).await
    }

    async fn finish(&self, incoming: Incoming) -> std::result::Result<Reply, Failure> {
        let watch = Arc::clone(&incoming.watch);
        let reply = self.read(incoming).await?;
        if reply.status >= 300 {
            watch.take_back();
        }
        Ok(reply)
    }

    async fn send(&self, stack: Stack, request: Request, call: Option<Call<'_>>, limit: Limit) -> std::result::Result<Incoming, Failure> {
        match &self.line {
            Line::Net(net) => match &net.recorder {
                None => self.send_over(net, stack, request, limit, None).await,
                Some(recorder) => Box::pin(self.send_recorded(net, stack, request, call, limit, recorder)).await,
            },
            Line::Replay { player, who } => Box::pin(self.replay(player, who, request, call, limit)).await,
        }
    }

    async fn send_recorded(
        &self,
        net: &Net,
        stack: Stack,
        request: Request,
        call: Option<Call<'_>>,
        limit: Limit,
        recorder: &Arc<Recorder>,
    ) -> std::result::Result<Incoming, Failure> {
        let address = self.told_address(&request.url);
        let mut entry = Entry::begin(recorder, &self.asked(&request, call, &address), &request.url, &request.tally);
        match self.send_over(net, stack, request, limit, entry.sum()).await {
            Ok(mut incoming) => {
                entry.head(incoming.status(), incoming.response.headers(), incoming.length());
                incoming.taped = Some(Taped::Recorded(Box::new(entry)));
                Ok(incoming)
            }
            Err(failure) => Err(entry.fail(failure).await),
        }
    }

    /// What a request asks, for recordings.
    fn asked<'r>(&self, request: &'r Request, call: Option<Call<'r>>, to: &'r str) -> Asked<'r> {
        let range = request.headers.iter().find(|(name, _)| *name == header::RANGE);
        Asked {
            http: request.method.as_str(),
            to,
            call,
            form: request.form.as_deref(),
            range: range.and_then(|(_, value)| value.to_str().ok()),
        }
    }

    /// An address as recordings have it: on the site by its path alone.
    fn told_address(&self, url: &Url) -> String {
        match self.site.owns(url) {
            true => url[url::Position::BeforePath..].to_owned(),
            false => url.as_str().to_owned(),
        }
    }

    async fn send_over(
        &self,
        net: &Net,
        stack: Stack,
        request: Request,
        limit: Limit,
        sum: Option<Arc<Sum>>,
    ) -> std::result::Result<Incoming, Failure> {
        // The HTTP stack's connections are the runtime's. It looks at them before this goes on, since a site may have ended them meanwhile.
        here::leave().await;
        tokio::task::yield_now().await;
        let http = net.stack(stack);
        let proxy = net.ways.via(&request.url).map_err(not_sent)?.map(|via| via.named_by);
        let name = site::name_of(&request.url);
        let place = Place { name, proxy };
        let turn = turn(&http.turns, limit).await?;
        let watch = Arc::new(Watch::new(limit, request.progress, request.tally, request.effect));
        let mut outgoing = http.client().map_err(not_sent)?.request(request.method, request.url);
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        let sending = outgoing.body(reqwest::Body::wrap(request.body.watched(watch.clone(), sum))).send();
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
                taped: None,
                _turn: Some(turn),
            }),
            Err(error) => Err(failed(error, &watch)),
        }
    }

    /// Reads a whole reply, up to the limit on its size.
    pub(super) async fn read(&self, mut incoming: Incoming) -> std::result::Result<Reply, Failure> {
        let most = incoming.most_bytes;
        let too_large = |watch: &Watch| failed(too_large(most), watch);
        let announced = incoming.length().unwrap_or(0);
        if announced > most {
            let failure = too_large(&incoming.watch);
            return Err(incoming.given_up(failure).await);
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
                let failure = too_large(&incoming.watch);
                return Err(incoming.given_up(failure).await);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers: LOOKED_AT
                .iter()
                .filter_map(|name| Some((name.clone(), incoming.header(name)?.to_owned())))
                .collect(),
            body,
            reading: reading(self.max_reply_bytes),
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
        let outcome = outcome.map_err(|error| failed(error, &incoming.watch));
        match incoming.taped.take() {
            None => outcome,
            Some(taped) => Box::pin(incoming.passed(taped, outcome)).await,
        }
    }
}

impl Incoming {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
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
        match &self.taped {
            Some(Taped::Replayed(rest)) => Some(rest.length),
            _ => self.response.content_length(),
        }
    }
}

/// Waits for a turn. For files that is no standing still: those before it are limited themselves.
async fn turn(turns: &Arc<Semaphore>, limit: Limit) -> std::result::Result<OwnedSemaphorePermit, Failure> {
    if let Ok(turn) = Arc::clone(turns).try_acquire_owned() {
        return Ok(turn);
    }
    let mut turn = Box::pin(Arc::clone(turns).acquire_owned());
    let turn = match limit {
        Limit::Total(deadline) => match here::waited(turn.as_mut(), deadline.end()).await {
            Some(waited) => waited,
            None => deadline.limit(turn).await,
        },
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

/// For a reply of at most so many bytes. Each value takes up to 28 bytes of memory besides its text, and text of a site has more than
/// four bytes for each; a few are always allowed.
fn reading(most_bytes: u64) -> Reading {
    Reading::within(usize::try_from(most_bytes / 4).unwrap_or(usize::MAX).max(4096))
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

fn too_large(most: u64) -> Error {
    let what = format!("the reply is larger than the limit of {most} bytes");
    Error::new(Status::ProtocolTooLarge, what)
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
