//! Remote calls over HTTP/1.1: connections that are kept, and one exchange after the other on each.
//!
//! Every call goes this way where no proxy is on it and nothing is recorded. It is the library's own because it can do what no HTTP stack
//! does: a host's thread that makes a call writes and reads by itself, without a runtime. Bytes go where they belong, once.

mod connection;
mod reply;
mod socket;
mod trouble;

#[cfg(test)]
mod hard_tests;
#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::header::{HeaderName, HeaderValue};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::task::AbortHandle;
use tower_service::Service;

use super::watch::Watch;
use crate::client::credentials::Wiped;
use crate::client::document::Reading;
use crate::client::error::{Error, Result as Outcome};
use crate::client::here;
use crate::client::json::decimal;
use crate::client::site::Site;
use crate::client::status::Status;
use connection::{Connection, Idle, Sent};
use reply::Head;
pub(super) use trouble::{Trouble, is_dropped, is_silent};

/// A request of up to so many bytes is written at once, head and body.
const SMALL: usize = 64 * 1024;

/// How connections are made and kept.
#[derive(Clone)]
pub(super) struct Manner {
    /// The longest that making one may take.
    pub(super) connect_timeout: Option<Duration>,
    /// An idle one is not used again after so long.
    pub(super) idle_limit: Duration,
    /// The one that a thread used last is not preferred when it has been idle for so much longer than another: that one is more surely alive,
    /// and what nobody prefers is closed in the end.
    pub(super) own_within: Duration,
    /// How often an idle one is probed.
    pub(super) keep_alive: Duration,
    /// For how long what was sent may stay unacknowledged.
    pub(super) silence: Duration,
    /// How many idle ones are kept.
    pub(super) most_idle: usize,
}

/// The connections of a client for remote calls.
pub(super) struct Wire {
    place: Uri,
    /// How to make them secure, where they are to be.
    secure: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    connector: HttpConnector,
    manner: Manner,
    /// The head of every request, up to the length of its body. It may hold a password.
    head: Wiped,
    idle: Arc<Mutex<Kept>>,
}

/// A request as it is written, and where its body begins.
pub(super) struct Request {
    text: Wiped,
    body: usize,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Vec<u8>,
    /// What was read of the body while it came.
    pub(super) reading: Reading,
}

/// What went wrong, and the status of the reply that had begun.
pub(super) struct Broken {
    pub(super) trouble: Trouble,
    pub(super) status: Option<u16>,
}

impl From<Trouble> for Broken {
    fn from(trouble: Trouble) -> Broken {
        Broken { trouble, status: None }
    }
}

/// How far a request was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    /// The site has answered, or ended the connection, before it had all of it.
    Part,
    /// Not a byte was taken.
    Nothing,
}

/// Connections that wait for a request, the one that was used last at the end.
#[derive(Default)]
struct Kept {
    idle: Vec<Idle>,
    /// Those that hosts' threads may wait for: a cancel ends them, but for those that are idle.
    waited_for: Vec<Weak<TcpStream>>,
    /// Whether something closes those that nobody uses.
    is_swept: bool,
    /// That.
    sweeper: Option<AbortHandle>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
    }
}

impl Wire {
    /// A site whose address begins with `https` needs a configuration of TLS.
    pub(super) fn new(site: &Site, tls: Option<&ClientConfig>, agent: &HeaderValue, manner: Manner) -> Outcome<Wire> {
        let internal = |what: &dyn std::fmt::Display| Error::new(Status::Internal, format!("the site's address cannot be used: {what}"));
        let url = &site.rpc;
        let place = url.as_str().parse().map_err(|error| internal(&error))?;
        let name = match url.host() {
            Some(url::Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(|error| internal(&error)),
            Some(url::Host::Ipv4(address)) => Ok(ServerName::from(std::net::IpAddr::V4(address))),
            Some(url::Host::Ipv6(address)) => Ok(ServerName::from(std::net::IpAddr::V6(address))),
            None => Err(internal(&"it has no host")),
        };
        let secure = match tls.cloned() {
            _ if url.scheme() == "http" => None,
            None => return Err(internal(&"there is no configuration of TLS")),
            Some(mut tls) => {
                tls.alpn_protocols = vec![b"http/1.1".to_vec()];
                Some((name?, Arc::new(tls)))
            }
        };
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(manner.keep_alive));
        connector.set_keepalive_interval(Some(manner.keep_alive));
        connector.set_keepalive_retries(Some(3));
        // Divided among the site's addresses, so that one that is dead leaves time for the others.
        connector.set_connect_timeout(manner.connect_timeout);
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(manner.silence));
        Ok(Wire {
            place,
            secure,
            connector,
            manner,
            head: head(site, agent),
            idle: Arc::default(),
        })
    }

    /// The request whose body has these pieces.
    pub(super) fn request(&self, body: &[&[u8]]) -> Request {
        let length: usize = body.iter().map(|piece| piece.len()).sum();
        let mut digits = [0; 20];
        let digits = decimal(length as u64, &mut digits);
        let head = [self.head.as_ref(), digits.as_bytes(), b"\r\n\r\n"];
        let behind_head = head.iter().map(|piece| piece.len()).sum();
        let mut text = Wiped::with_room(behind_head + length);
        head.iter().for_each(|piece| text.push(piece));
        body.iter().for_each(|piece| text.push(piece));
        Request { text, body: behind_head }
    }

    /// Sends a request and reads the reply, of at most so many bytes. It ends by then, if not whoever waits for it ends it before.
    pub(super) async fn post(&self, request: &Request, watch: &Watch, until: Option<Instant>, most: u64) -> Result<Answer, Broken> {
        let kept = self.take_idle();
        let mut is_fresh = kept.is_none();
        let mut connection = match kept {
            Some(idle) => Connection::again(idle, until).map_err(Trouble::Io)?,
            None => self.connect(until).await?,
        };
        let text = request.text.as_ref();
        connection.expect(text.len()).map_err(Trouble::Io)?;
        watch.note_sent((text.len() - request.body) as u64);
        let mut written = self.send(&mut connection, text, watch).await?;
        if written == Written::Nothing {
            watch.not_begun();
        }
        if written == Written::Nothing && !is_fresh {
            // It died at this very moment.
            is_fresh = true;
            connection = self.connect(until).await?;
            written = self.send(&mut connection, text, watch).await?;
        }
        let head = match Head::read(&mut connection).await {
            // Others that were kept as long may be gone as well.
            Err(trouble) => {
                if !is_fresh && trouble.is_hang_up() {
                    self.forget_idle();
                }
                return Err(trouble.into());
            }
            Ok(head) => head,
        };
        let status = head.status;
        let broken = |trouble| Broken {
            trouble,
            status: Some(status),
        };
        let mut reading = super::reading(most);
        let body = head.body(&mut connection, most, &mut reading).await.map_err(broken)?;
        if let Some(cut) = body.cut {
            // Who refuses may hang up without taking the rest of the request, which cuts off the words but not the status.
            if status < 300 {
                return Err(broken(cut));
            }
        } else if head.keeps && written == Written::Whole {
            self.keep(connection);
        }
        watch.note_received(body.bytes.len() as u64);
        Ok(Answer {
            status,
            headers: head.headers,
            body: body.bytes,
            reading,
        })
    }

    /// Sends a request, unless the site answers before that.
    async fn send(&self, connection: &mut Connection, text: &[u8], watch: &Watch) -> Result<Written, Trouble> {
        // The end of a large one goes by itself: without it no site carries the request out.
        let (most, end) = text.split_at(if text.len() <= SMALL { 0 } else { text.len() - SMALL / 2 });
        if !watch.begin() {
            return Err(Trouble::GivenUp);
        }
        let mut written = Written::Nothing;
        for (piece, is_end) in [(most, false), (end, true)] {
            if is_end && !watch.finish() {
                return Err(Trouble::GivenUp);
            }
            let mut done = 0;
            loop {
                let sent = connection.send(piece, &mut done).await?;
                if done > 0 {
                    written = Written::Part;
                }
                match sent {
                    Sent::Whole => break,
                    Sent::Heard if !Head::has_begun(connection)? => {}
                    Sent::Heard | Sent::HungUp => return Ok(written),
                }
            }
        }
        Ok(Written::Whole)
    }

    /// Makes a connection.
    async fn connect(&self, until: Option<Instant>) -> Result<Connection, Trouble> {
        // The limit on it is a timer's.
        here::leave().await;
        let connecting = async {
            let mut connector = self.connector.clone();
            let connected = connector.call(self.place.clone()).await;
            let stream = connected.map_err(|error| Trouble::Connect(Box::new(error)))?.into_inner();
            let stream = stream.into_std().map_err(Trouble::Io)?;
            let tls = match &self.secure {
                None => None,
                Some((name, config)) => {
                    let tls = ClientConnection::new(Arc::clone(config), name.clone());
                    Some(Box::new(tls.map_err(|error| Trouble::Connect(Box::new(error)))?))
                }
            };
            let mut connection = Connection::new(stream, tls, until).map_err(Trouble::Io)?;
            connection.shake_hands().await.map_err(|trouble| match trouble {
                Trouble::Io(error) => Trouble::Connect(Box::new(error)),
                trouble => trouble,
            })?;
            Ok(connection)
        };
        let connecting: std::pin::Pin<Box<dyn Future<Output = _> + Send + '_>> = Box::pin(connecting);
        match self.manner.connect_timeout {
            Some(limit) => tokio::time::timeout(limit, connecting).await.unwrap_or(Err(Trouble::ConnectTime)),
            None => connecting.await,
        }
    }

    /// An idle connection that is open: the one that this thread used last, because the system keeps what works together on one processor, if
    /// it is nearly as fresh as the one that was used last; otherwise that.
    fn take_idle(&self) -> Option<Idle> {
        loop {
            let mut all = kept(&self.idle);
            let thread = here::thread();
            let newest = all.idle.last()?.since;
            let is_fresh = |idle: &Idle| newest.saturating_duration_since(idle.since) < self.manner.own_within;
            let own = all.idle.iter().rposition(|idle| idle.by == thread && is_fresh(idle));
            let mut idle = match own {
                Some(own) => all.idle.remove(own),
                None => all.idle.pop()?,
            };
            if !here::is_here() {
                all.waited_for.retain(|each| !idle.is_watched_by(each));
            }
            drop(all);
            if idle.since.elapsed() < self.manner.idle_limit && idle.is_alive() {
                return Some(idle);
            }
        }
    }

    /// Keeps a connection for another request.
    fn keep(&self, connection: Connection) {
        let is_of_runtime = connection.is_of_runtime();
        let Some(idle) = connection.into_idle() else { return };
        let mut all = kept(&self.idle);
        if all.idle.len() >= self.manner.most_idle {
            return;
        }
        if is_of_runtime {
            all.waited_for.retain(|each| each.strong_count() > 0);
            all.waited_for.push(idle.watched());
        }
        all.idle.push(idle);
        if std::mem::replace(&mut all.is_swept, true) {
            return;
        }
        // Where the runtime has ended, it is dropped at once, and sees to the connections then.
        drop(all);
        let sweeper = Sweeper(Arc::downgrade(&self.idle));
        let swept = tokio::spawn(sweeper.sweep(self.manner.idle_limit)).abort_handle();
        kept(&self.idle).sweeper = Some(swept);
    }

    /// Cancels calls, by `request`, and ends the connections that hosts' threads use for them. Those that are idle then, and calls that begin
    /// later, have nothing to do with that. One that is ended as its call succeeds is kept, and found to have ended when it is to be used.
    pub(super) fn cancel_calls(&self, request: impl FnOnce()) {
        let all = kept(&self.idle);
        request();
        let used = all
            .waited_for
            .iter()
            .filter(|each| !all.idle.iter().any(|idle| idle.is_watched_by(each)));
        for connection in used.filter_map(Weak::upgrade) {
            // It may have ended already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets go of every connection that waits for another request. Where one has died without a word, because a firewall forgot
    /// it or the machine changed its network, the others have as well, and each would cost the same wait.
    pub(super) fn forget_idle(&self) {
        let gone = std::mem::take(&mut kept(&self.idle).idle);
        drop(gone);
    }
}

fn kept(idle: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes connections that nobody uses; at the latest with the runtime.
struct Sweeper(Weak<Mutex<Kept>>);

impl Sweeper {
    /// Closes those that nobody has used for so long, until there are none.
    async fn sweep(mut self, limit: Duration) {
        while let Some(oldest) = self.close_older(limit) {
            tokio::time::sleep_until((oldest + limit).into()).await;
        }
    }

    /// When the oldest that is left was used. There is nothing more to do where none is.
    fn close_older(&mut self, limit: Duration) -> Option<Instant> {
        let idle = self.0.upgrade()?;
        let mut all = kept(&idle);
        let old = all.idle.iter().take_while(|each| each.since.elapsed() >= limit).count();
        let gone: Vec<Idle> = all.idle.drain(..old).collect();
        let oldest = all.idle.first().map(|each| each.since);
        if oldest.is_none() {
            all.is_swept = false;
            self.0 = Weak::new();
        }
        drop(all);
        drop(gone);
        oldest
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let Some(idle) = self.0.upgrade() else { return };
        let mut all = kept(&idle);
        all.is_swept = false;
        let gone = std::mem::take(&mut all.idle);
        drop(all);
        drop(gone);
    }
}

/// The head of every request, up to the number that is its length.
fn head(site: &Site, agent: &HeaderValue) -> Wiped {
    let url = &site.rpc;
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let basic = site.basic_header();
    let agent = agent.as_bytes();
    let mut parts: Vec<&[u8]> = vec![
        b"POST ",
        url.path().as_bytes(),
        b" HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\n",
    ];
    if let Some(basic) = &basic {
        parts.extend([&b"authorization: "[..], basic.as_bytes(), b"\r\n"]);
    }
    parts.extend([
        &b"accept: */*\r\nuser-agent: "[..],
        agent,
        b"\r\naccept-encoding: gzip,deflate\r\nhost: ",
        host.as_bytes(),
        b"\r\ncontent-length: ",
    ]);
    Wiped::joined(&parts)
}
