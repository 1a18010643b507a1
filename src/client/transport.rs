//! One HTTP exchange: a request out, a reply in, and what is known when that fails.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{self, HeaderMap, HeaderValue};
use rustls::CertificateError;

use super::deadline::Deadline;
use super::error::{Error, Result};
use super::options::Options;
use super::site::Site;
use super::status::Status;
use super::tls;

/// An idle connection is not reused after this long: firewalls forget connections without a word.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How often an idle connection is probed while it is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The port of a proxy that names none, as for the official client.
const PROXY_PORT: u16 = 8080;

/// What came back over HTTP, whatever its status.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A header's text, where it has one.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
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

/// How far a failed request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Not a byte of it left this machine.
    Nothing,
    /// The site answered that it did not do it.
    Refused,
    /// It may have been done.
    Unknown,
}

/// A failed attempt.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) reached: Reached,
}

/// The HTTP side of a client: connections, TLS, proxy.
pub(super) struct Transport {
    http: reqwest::Client,
    site: Site,
    max_reply_bytes: u64,
    has_proxy_option: bool,
}

impl Transport {
    pub(super) fn new(site: Site, options: &Options) -> Result<Transport> {
        let tls = match tls::configuration(options.ca_file.as_deref()) {
            Ok(config) => config,
            // A machine without a trust store can still talk to a site on this machine.
            Err(error) if error.status == Status::TlsNoRoots && site.rpc.scheme() == "http" => tls::without_roots()?,
            Err(error) => return Err(error),
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .default_headers(headers(&site, options)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_keepalive(KEEP_ALIVE)
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE_LIMIT);
        if let Some(limit) = options.connect_timeout {
            builder = builder.connect_timeout(limit);
        }
        let has_proxy_option = options.proxy.is_some() && !options.no_proxy;
        if options.no_proxy {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &options.proxy {
            builder = builder.proxy(self::proxy(proxy.expose())?);
        }
        let http = builder.build().map_err(|error| {
            Error::new(
                Status::Internal,
                format!("the HTTP stack could not be set up: {}", chain(&error.without_url())),
            )
        })?;
        Ok(Transport {
            http,
            site,
            max_reply_bytes: options.max_reply_bytes,
            has_proxy_option,
        })
    }

    /// Posts a JSON text to the site's RPC endpoint and reads the whole reply.
    pub(super) async fn post_rpc(&self, body: Bytes, deadline: Deadline) -> std::result::Result<Reply, Failure> {
        let sent = Arc::new(AtomicBool::new(false));
        let watched = WatchedBody {
            bytes: Some(body),
            sent: sent.clone(),
        };
        let exchange = async {
            let response = self
                .http
                .post(self.site.rpc.clone())
                .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                .body(reqwest::Body::wrap(watched))
                .send()
                .await
                .map_err(|error| self.classify(&error.without_url()))?;
            self.read(response).await
        };
        let outcome = deadline.limit(exchange).await.unwrap_or_else(|| {
            Err(Error::new(
                Status::TimeoutTotal,
                format!("{} did not answer within the time limit", self.site.name()),
            ))
        });
        outcome.map_err(|error| Failure {
            reached: if sent.load(Ordering::Acquire) {
                Reached::Unknown
            } else {
                Reached::Nothing
            },
            error,
        })
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Reply> {
        let too_large = || {
            Error::new(
                Status::ProtocolTooLarge,
                format!("the reply is larger than the limit of {} bytes", self.max_reply_bytes),
            )
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > self.max_reply_bytes {
            return Err(too_large());
        }
        // What is announced is only believed so far: memory follows what really comes.
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0).min(1 << 20));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > self.max_reply_bytes => return Err(too_large()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(Reply { status, headers, body }),
                Err(error) => return Err(self.classify_body(&error.without_url(), status)),
            }
        }
    }

    fn classify_body(&self, error: &reqwest::Error, http_status: u16) -> Error {
        let broken = sources(error).any(|source| {
            source
                .downcast_ref::<std::io::Error>()
                .is_some_and(|io| matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput))
        });
        let mut found = match broken {
            true => Error::protocol(format!(
                "the reply of {} cannot be decompressed: {}",
                self.site.name(),
                chain(error)
            )),
            false => self.classify(error),
        };
        found.http_status = Some(http_status);
        found
    }

    /// Tells what kind of failure the HTTP stack reports.
    fn classify(&self, error: &reqwest::Error) -> Error {
        let place = self.site.name();
        let status = self.status_of(error);
        let what = match status {
            Status::TimeoutConnect => format!("{place} did not take the connection within the connect limit"),
            Status::NetworkDns => format!("the name of {place} has no address"),
            Status::NetworkConnect => format!("{place} cannot be reached"),
            Status::NetworkProxy => format!("the proxy did not make the connection to {place}"),
            Status::Protocol => format!("{place} did not answer in HTTP"),
            Status::NetworkReset => format!("{place} dropped the connection before the whole reply had come"),
            _ if status.class() == Status::Tls.class() => format!("no secure connection to {place}: {}", status.describe()),
            _ => format!("the exchange with {place} failed"),
        };
        Error::new(status, format!("{what} ({})", chain(error)))
    }

    fn status_of(&self, error: &reqwest::Error) -> Status {
        if let Some(status) = sources(error).find_map(tls_status) {
            return status;
        }
        let text = chain(error);
        if text.contains("dns error") {
            return if self.has_proxy_option {
                Status::NetworkProxy
            } else {
                Status::NetworkDns
            };
        }
        if text.contains("tunnel error") {
            return Status::NetworkProxy;
        }
        if error.is_connect() {
            return match (error.is_timeout(), self.has_proxy_option) {
                (_, true) => Status::NetworkProxy,
                (true, false) => Status::TimeoutConnect,
                (false, false) => Status::NetworkConnect,
            };
        }
        let hyper = || sources(error).filter_map(|source| source.downcast_ref::<hyper::Error>());
        if hyper().any(|error| error.is_parse() && !error.is_incomplete_message()) {
            return Status::Protocol;
        }
        let dropped = |kind| {
            matches!(
                kind,
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::NotConnected
            )
        };
        let io_dropped = sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| dropped(io.kind()));
        if io_dropped || hyper().any(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed()) {
            return Status::NetworkReset;
        }
        if error.is_timeout() { Status::Timeout } else { Status::Network }
    }
}

fn headers(site: &Site, options: &Options) -> Result<HeaderMap> {
    let mut agent = format!("libshotgrid ({}); {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    if let Some(suffix) = &options.user_agent_suffix {
        agent.push_str("; ");
        agent.push_str(suffix);
    }
    let agent = HeaderValue::from_str(&agent)
        .map_err(|_| Error::invalid_argument("user_agent_suffix has characters that a header cannot hold; use visible ASCII"))?;
    let mut headers = HeaderMap::from_iter([(header::USER_AGENT, agent)]);
    if let Some(basic) = &site.basic {
        let mut value = HeaderValue::from_str(basic.expose())
            .map_err(|_| Error::invalid_argument("the user information in site_url cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

/// Reads `[user:password@]host[:port]`, or a URL, as a proxy for everything.
fn proxy(text: &str) -> Result<reqwest::Proxy> {
    // The text may hold a password, so no message repeats it.
    let wrong = || Error::invalid_argument("proxy is no address; write [user:password@]host[:port] or http://[user:password@]host[:port]");
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(Error::invalid_argument("proxy must be an http proxy"));
    }
    let (user, place) = match rest.trim_end_matches('/').rsplit_once('@') {
        Some((user, place)) => (Some(user.split_once(':').ok_or_else(wrong)?), place),
        None => (None, rest.trim_end_matches('/')),
    };
    let mut url = url::Url::parse(&format!("http://{place}")).map_err(|_| wrong())?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    let names_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if !names_port {
        url.set_port(Some(PROXY_PORT)).map_err(|()| wrong())?;
    }
    let proxy = reqwest::Proxy::all(url).map_err(|_| wrong())?;
    Ok(match user {
        Some((name, password)) => proxy.basic_auth(name, password),
        None => proxy,
    })
}

/// A request body that tells whether the HTTP stack has begun to write the request. The stack asks for the body when
/// a connection stands and the head is being written: before that, not a byte has left.
struct WatchedBody {
    bytes: Option<Bytes>,
    sent: Arc<AtomicBool>,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        self.sent.store(true, Ordering::Release);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// An error and all that caused it.
fn sources<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        // An io::Error names as its source the source of what it wraps, so what it wraps would be passed over.
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The causes of an error on one line, each said once.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for text in sources(error).map(ToString::to_string) {
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

fn tls_status(error: &(dyn StdError + 'static)) -> Option<Status> {
    let rustls::Error::InvalidCertificate(problem) = error.downcast_ref::<rustls::Error>()? else {
        return Some(Status::Tls);
    };
    Some(match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Status::TlsUntrusted,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Status::TlsExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Status::TlsHostName,
        _ => Status::Tls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_as_the_official_client_reads_them() {
        for good in [
            "proxy.example.com",
            "proxy:3128",
            "joe:p@ss:word@127.0.0.1:8888",
            "http://proxy.example.com/",
            "[::1]:3128",
        ] {
            assert!(proxy(good).is_ok(), "{good}");
        }
        for bad in ["", "https://proxy", "user@proxy", "proxy:1234:5678", "proxy:99999", "proxy/path"] {
            let error = proxy(bad).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{bad}");
        }
        assert!(!proxy("joe:hunter2@proxy:1:2").unwrap_err().message.contains("hunter2"));
    }
}
