//! The HTTP stacks: connections, TLS, proxies.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::sync::Semaphore;

use super::failure;
use super::proxy::Ways;
use super::wire::{Manner, Wire};
use crate::client::error::{Error, Result};
use crate::client::options::Options;
use crate::client::recording::Recorder;
use crate::client::site::Site;
use crate::client::status::Status;
use crate::client::tls;

/// An idle connection is not reused after this long: firewalls forget connections without a word.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// A thread that calls again and again does so within this time.
const OWN_WITHIN: Duration = Duration::from_millis(100);
/// How often an idle connection is probed while it is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long what was sent may stay unacknowledged by the other side's system until the connection counts as dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// An HTTP stack with a bound on what is under way at once. Turns come in the order in which they were asked for, so that
/// nobody is starved.
pub(super) struct Http {
    /// Made when it is first needed.
    client: Mutex<Option<reqwest::Client>>,
    make: Box<dyn Fn() -> Result<reqwest::Client> + Send + Sync>,
    pub(super) turns: Arc<Semaphore>,
}

impl Http {
    fn new(most: u32, make: impl Fn() -> Result<reqwest::Client> + Send + Sync + 'static) -> Http {
        let most = usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Http {
            client: Mutex::default(),
            make: Box::new(make),
            turns: Arc::new(Semaphore::new(most)),
        }
    }

    pub(super) fn client(&self) -> Result<reqwest::Client> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        match &*client {
            Some(client) => Ok(client.clone()),
            None => Ok(client.insert((self.make)()?).clone()),
        }
    }

    /// Lets go of every connection that waits for another request: see [`Wire::forget_idle`].
    pub(super) fn forget_idle(&self) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The HTTP stacks of a client.
pub(super) struct Net {
    /// For remote calls, where no proxy is on the way and nothing is recorded.
    pub(super) wire: Option<Wire>,
    /// For all other remote calls: decompresses replies.
    pub(super) calls: Http,
    /// For forms and files, whose bytes are what they are.
    files: Http,
    pub(super) ways: Arc<Ways>,
    pub(super) recorder: Option<Arc<Recorder>>,
}

/// Which of the HTTP stacks.
#[derive(Clone, Copy)]
pub(super) enum Stack {
    Calls,
    Files,
}

impl Net {
    pub(super) fn new(site: &Site, options: &Options) -> Result<Net> {
        let extra = tls::extra_authorities(options.ca_file.as_deref())?;
        // The trust store is many files. Of a site without TLS at the most the storage needs it.
        let secure = match site.address.scheme() {
            "http" => None,
            _ => Some(tls::configuration(extra.clone())?),
        };
        let ways = Arc::new(Ways::new(options)?);
        let straight = ways.via(&site.address)?.is_none();
        let (agent, most, connect_timeout) = (user_agent(options)?, options.max_connections, options.connect_timeout);
        // Half of the limit, so that a read has time for another attempt. For files, whose limit is one of standing still, all of it.
        let longest = options.timeout.unwrap_or(LONGEST_SILENCE * 2);
        let silence = (longest / 2).min(LONGEST_SILENCE);
        let wire = match straight && options.record.is_none() {
            true => {
                let manner = Manner {
                    connect_timeout,
                    idle_limit: IDLE_LIMIT,
                    own_within: OWN_WITHIN,
                    keep_alive: KEEP_ALIVE,
                    silence,
                    most_idle: usize::try_from(most).unwrap_or(usize::MAX),
                };
                Some(Wire::new(site, secure.as_ref(), &agent, manner)?)
            }
            false => None,
        };
        let rule = ways.rule();
        let builder = move |silence: Duration| -> Result<reqwest::ClientBuilder> {
            let tls = match &secure {
                Some(config) => config.clone(),
                None => match tls::configuration(extra.clone()) {
                    // A machine without a trust store can still talk to a site on this machine.
                    Err(error) if error.status == Status::TlsNoRoots => tls::without_roots()?,
                    other => other?,
                },
            };
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
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
            Ok(match &rule {
                Some(rule) => builder.proxy(rule.clone()),
                None => builder,
            })
        };
        let broken = |error: reqwest::Error| -> Error {
            let why = failure::chain(&error.without_url());
            Error::new(Status::Internal, format!("the HTTP stack could not be set up: {why}"))
        };
        let calls = builder.clone();
        Ok(Net {
            wire,
            calls: Http::new(most, move || calls(silence)?.build().map_err(broken)),
            files: Http::new(most.div_ceil(2), move || {
                let builder = builder(longest)?.no_gzip().no_deflate();
                builder.build().map_err(broken)
            }),
            ways,
            recorder: None,
        })
    }

    pub(super) fn stack(&self, stack: Stack) -> &Http {
        match stack {
            Stack::Calls => &self.calls,
            Stack::Files => &self.files,
        }
    }
}

/// Ends a connection whose other side has been silent for so long, though it owes an answer to something sent or to a probe. Not
/// the site: its system, which answers at once even if the site takes its time, as long as it takes in what is sent.
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
    let wrong = || Error::invalid_argument("user_agent_suffix may have visible ASCII characters and spaces only");
    // A header value would take other bytes too, which sites and proxies read in different ways or refuse.
    if !agent.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    HeaderValue::from_str(&agent).map_err(|_| wrong())
}
