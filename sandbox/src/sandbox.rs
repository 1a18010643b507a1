//! Starting and stopping a site.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::auth::sealed::Keeper;
use crate::auth::secrets::Verifier;
use crate::auth::settings::{self, Auth, Choices};
use crate::auth::{self, second_factor, sessions};
use crate::connections;
use crate::fault::Fault;
use crate::front::Front;
use crate::media::{self, Media, links::Links};
use crate::mishaps::{FaultError, InstalledFault, Mishaps};
use crate::requests::{RequestLog, RequestRecord};
use crate::roles::Roles;
use crate::roster::{self, Person, Script};
use crate::schema::Schema;
use crate::schema::live::LiveSchema;
use crate::seed::{self, Secrets, Seed};
use crate::server;
use crate::site::Site;
use crate::store::{Store, lock};

const DEFAULT_LISTEN: &str = "127.0.0.1:0";
/// Connections at a time; one more is answered 503.
const DEFAULT_CONNECTIONS: usize = 512;
const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);
/// How long calls that are being answered may take to end when the site stops.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// Threads that drive connections; the work itself is done on others.
const CONNECTION_THREADS: usize = 2;

/// Why a site could not be started. The message says what to do about it.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// How a site is to be. Made by [`Sandbox::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    listen: String,
    allow_remote: bool,
    data_file: Option<PathBuf>,
    /// Where the seed is from, for messages, and its text when it was given as such.
    seed: SeedSource,
    pub(crate) sign_in: Choices,
    new_keys: bool,
    connection_limit: usize,
    patience: Duration,
    /// How late events may show.
    late_events: Duration,
    /// Descriptions of faults on demand.
    faults: Vec<String>,
    media: media::Options,
}

#[derive(Clone)]
enum SeedSource {
    Default,
    File(PathBuf),
    Text(String),
}

impl fmt::Debug for SeedSource {
    /// A seed's text holds passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl SeedSource {
    fn label(&self) -> String {
        match self {
            Self::Default => "default seed".to_owned(),
            Self::File(path) => format!("seed file {}", path.display()),
            Self::Text(_) => "seed text".to_owned(),
        }
    }

    fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    fn parse(&self) -> Result<Seed, StartError> {
        let parsed = match self {
            Self::Default => Seed::parse(seed::DEFAULT),
            Self::Text(text) => Seed::parse(text),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| StartError(format!("{}: {error}", self.label())))?;
                Seed::parse(&text)
            }
        };
        parsed.map_err(|error| StartError(format!("{}: {error}", self.label())))
    }
}

impl Builder {
    /// The address to listen on, `127.0.0.1:0` (any free port) unless set.
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Lets the site listen on an address that other machines can reach.
    #[must_use]
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.allow_remote = allow;
        self
    }

    /// Keeps the data in a file, made when it is not there. Without one, the data go when the site stops.
    #[must_use]
    pub fn data_file(mut self, path: impl AsRef<Path>) -> Self {
        self.data_file = Some(path.as_ref().to_owned());
        self
    }

    /// Fills a new site from this seed file instead of the default seed.
    #[must_use]
    pub fn seed_file(mut self, path: impl AsRef<Path>) -> Self {
        self.seed = SeedSource::File(path.as_ref().to_owned());
        self
    }

    /// Fills a new site from this seed, given as JSON text.
    #[must_use]
    pub fn seed_str(mut self, seed: impl Into<String>) -> Self {
        self.seed = SeedSource::Text(seed.into());
        self
    }

    /// Gives every script of an existing data file a new application key. Only hashes of the keys are
    /// kept, so this is the way to know them in a later run.
    #[must_use]
    pub fn new_keys(mut self, new_keys: bool) -> Self {
        self.new_keys = new_keys;
        self
    }

    /// Lets `info` send clients to the storage endpoints with their files, instead of forms.
    #[must_use]
    pub fn direct_uploads(mut self, direct: bool) -> Self {
        self.media.direct_uploads = direct;
        self
    }

    /// The largest file that is taken, in bytes; 8 GiB unless set.
    #[must_use]
    pub fn upload_limit(mut self, bytes: u64) -> Self {
        self.media.limit = bytes;
        self
    }

    /// How long an upload to the storage may be left alone before it is forgotten, a day unless set.
    #[must_use]
    pub fn upload_lifetime(mut self, lifetime: Duration) -> Self {
        self.media.upload_lifetime = lifetime;
        self
    }

    /// How long a thumbnail is pending before it is made, 300 ms unless set.
    #[must_use]
    pub fn thumbnail_delay(mut self, delay: Duration) -> Self {
        self.media.thumbnail_delay = delay;
        self
    }

    /// How many connections there may be at a time, 512 unless set. One more is answered 503 and closed.
    #[must_use]
    pub fn connection_limit(mut self, limit: usize) -> Self {
        self.connection_limit = limit;
        self
    }

    /// How long a client may take to send the head of a request, and pause while it sends the body; 30 seconds
    /// unless set.
    #[must_use]
    pub fn request_timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Lets some events show later than those behind them, by this time at most, and some numbers of the event log be
    /// missing, as on real sites. Unless set, the log has no gaps.
    #[must_use]
    pub fn late_events(mut self, longest: Duration) -> Self {
        self.late_events = longest;
        self
    }

    /// Installs faults on demand from the start, described as for [`Sandbox::add_faults`].
    #[must_use]
    pub fn faults(mut self, described: impl Into<String>) -> Self {
        self.faults.push(described.into());
        self
    }

    /// Starts the site on threads of its own.
    ///
    /// # Errors
    /// When the address can't be listened on, the seed or the data file can't be used, or a thread can't
    /// be started.
    pub fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::start(self)
    }
}

/// A running site. It stops when this is dropped.
pub struct Sandbox {
    url: String,
    people: Vec<Person>,
    scripts: Vec<Script>,
    pub(crate) site: Arc<Site>,
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    /// In a mutex so that threads can share the site.
    stopped: Mutex<mpsc::Receiver<()>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sandbox {{ url: {:?} }}", self.url)
    }
}

impl Sandbox {
    /// A site with the default seed, on any free port of the loopback interface, kept nowhere.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            listen: DEFAULT_LISTEN.to_owned(),
            allow_remote: false,
            data_file: None,
            seed: SeedSource::Default,
            sign_in: Choices::default(),
            new_keys: false,
            connection_limit: DEFAULT_CONNECTIONS,
            patience: DEFAULT_PATIENCE,
            late_events: Duration::ZERO,
            faults: Vec::new(),
            media: media::Options::default(),
        }
    }

    fn start(options: Builder) -> Result<Self, StartError> {
        let listener = listen(&options)?;
        let address = listener.local_addr().map_err(|error| StartError(error.to_string()))?;
        let seed = options.seed.parse()?;
        let schema = Schema::built_in().map_err(|error| StartError(error.to_string()))?;
        let (mut store, new) =
            Store::open(options.data_file.as_deref(), &schema, options.late_events).map_err(|error| StartError(error.to_string()))?;
        let keeper = Keeper::beside(store.path());
        let planted = fill(&store, &schema, &keeper, &seed, new, &options)?;
        store
            .write(|connection| Ok(connection.execute_batch(media::TABLES)?))
            .map_err(data_error)?;
        let schema = store.read(|connection| schema.with_alterations(connection)).map_err(data_error)?;
        let links = Arc::new(Links::new(format!("http://{address}")));
        let media = Media::open(store.path(), links, options.media, address.ip().is_loopback())
            .map_err(|error| StartError(format!("the directory for files beside the data can't be used: {error}")))?;
        store.remember_start().map_err(|error| StartError(error.to_string()))?;
        let mishaps = Mishaps::default();
        mishaps
            .install_values(seed.faults())
            .map_err(|error| StartError(format!("{}: {error}", options.seed.label())))?;
        for described in &options.faults {
            mishaps.install(described).map_err(|error| StartError(error.to_string()))?;
        }
        let site = Arc::new(Site {
            media,
            mishaps,
            roles: store.read(Roles::load).map_err(data_error)?,
            auth: Auth::new(planted.choices, keeper).map_err(StartError)?,
            requests: RequestLog::default(),
            front: Front::new(address.ip(), options.seed.is_default().then(|| planted.people.clone())),
            patience: options.patience,
            schema: LiveSchema::new(schema),
            store,
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(CONNECTION_THREADS)
            .thread_name("shotgrid-sandbox")
            .enable_all()
            .build()
            .map_err(|error| StartError(format!("can't start a thread: {error}")))?;
        {
            let _inside = runtime.enter();
            media::resume(&site);
            media::look_after(&site);
        }
        let (stop, stop_asked) = watch::channel(false);
        let (told_stopped, stopped) = mpsc::channel();
        serve(&runtime, listener, site.clone(), options.connection_limit, stop_asked, told_stopped)?;
        Ok(Self {
            url: format!("http://{address}"),
            people: planted.people,
            scripts: planted.scripts,
            site,
            runtime: Some(runtime),
            stop,
            stopped: Mutex::new(stopped),
        })
    }

    /// The site's URL, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The people who can sign in.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The first person with this permission role.
    #[must_use]
    pub fn person(&self, role: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.role == role)
    }

    /// The scripts that can sign in.
    #[must_use]
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// The first script with the role `api_admin`, or the first of all.
    ///
    /// # Panics
    /// When the seed has no script.
    #[must_use]
    pub fn script(&self) -> &Script {
        self.scripts
            .iter()
            .find(|script| script.role == "api_admin")
            .or_else(|| self.scripts.first())
            .unwrap_or_else(|| panic!("the seed of this site has no script"))
    }

    /// Ends the time of every session token handed out so far.
    ///
    /// # Errors
    /// When the data can't be written.
    pub fn expire_sessions(&self) -> Result<(), StartError> {
        sessions::expire_all(&self.site).map_err(data_error)
    }

    /// Makes data, sessions, schema and files what they were when the site started, keys and passwords among them. Faults and the
    /// requests received stay. Calls that are under way may fail.
    ///
    /// # Errors
    /// When the data are kept in a file ([`Builder::data_file`]), or can't be written.
    pub fn reset(&self) -> Result<(), StartError> {
        self.site.put_back().map_err(data_error)
    }

    /// The last requests received, oldest first, at most a thousand: calls, uploads, downloads and what else clients
    /// ask for. Secrets in them are masked.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.site.requests.records()
    }

    /// Installs faults on demand: one as a JSON object, or a list of them. Gives their numbers. The manual,
    /// `docs/sandbox.md`, has the kinds and their keys.
    ///
    /// # Errors
    /// When something is wrong with a description; then none of them is installed.
    pub fn add_faults(&self, described: &str) -> Result<Vec<u64>, FaultError> {
        self.site.mishaps.install(described)
    }

    /// The faults on demand that are installed, in the order in which they are tried.
    #[must_use]
    pub fn faults(&self) -> Vec<InstalledFault> {
        self.site.mishaps.list()
    }

    /// Takes a fault on demand away; false when there is none of that number.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.site.mishaps.remove(id)
    }

    /// Takes all faults on demand away.
    pub fn clear_faults(&self) {
        self.site.mishaps.clear();
    }

    /// How many requests have been answered since the site started.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.site.requests.received()
    }
}

impl Drop for Sandbox {
    /// Calls that are being answered get a moment to end; then everything stops.
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        let _ = lock(&self.stopped).recv_timeout(STOP_WAIT);
        if let Some(runtime) = self.runtime.take() {
            // Not on this thread: it may be driving a runtime of the caller's, which must not block.
            let stopper = std::thread::spawn(move || runtime.shutdown_timeout(STOP_WAIT));
            let _ = stopper.join();
        }
    }
}

fn data_error(fault: Fault) -> StartError {
    StartError(fault.message)
}

fn listen(options: &Builder) -> Result<TcpListener, StartError> {
    let address: SocketAddr = options.listen.parse().map_err(|_| {
        StartError(format!(
            "'{}' is no address to listen on; an address and a port are wanted, such as {DEFAULT_LISTEN}",
            options.listen
        ))
    })?;
    if !address.ip().is_loopback() && !options.allow_remote {
        return Err(StartError(format!(
            "{address} can be reached by other machines; give --allow-remote (in Rust allow_remote) to listen there"
        )));
    }
    let listener = TcpListener::bind(address).map_err(|error| StartError(format!("can't listen on {address}: {error}")))?;
    listener
        .set_nonblocking(true)
        .map_err(|error| StartError(format!("can't listen on {address}: {error}")))?;
    Ok(listener)
}

fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    site: Arc<Site>,
    connection_limit: usize,
    stop_asked: watch::Receiver<bool>,
    told_stopped: mpsc::Sender<()>,
) -> Result<(), StartError> {
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| StartError(format!("can't listen: {error}")))?;
    let limits = connections::Limits {
        connections: connection_limit,
        head_wait: site.patience,
    };
    let router = server::router(site);
    runtime.spawn(async move {
        connections::serve(listener, router, limits, stop_asked).await;
        let _ = told_stopped.send(());
    });
    Ok(())
}

/// Who can sign in, once the data are there.
struct Planted {
    people: Vec<Person>,
    scripts: Vec<Script>,
    /// How they sign in.
    choices: Choices,
}

fn fill(store: &Store, schema: &Schema, keeper: &Keeper, seed: &Seed, new: bool, options: &Builder) -> Result<Planted, StartError> {
    let mut seed_error = None;
    let filled = store.write(|connection| {
        auth::prepare(connection)?;
        let secrets = if new {
            let made = seed.plant(connection, schema, keeper).map_err(|error| {
                let fault = Fault::argument(error.to_string());
                seed_error = Some(error);
                fault
            })?;
            Store::mark_filled(connection)?;
            made
        } else {
            still_good(connection, seed.secrets())?
        };
        let choices = options.sign_in.clone().or(settings::kept(connection)?);
        let two_factor = choices.settle().map_err(Fault::argument)?.two_factor;
        if two_factor {
            second_factor::set_up_all(connection, keeper)?;
        }
        Ok(Planted {
            people: roster::people(connection, &secrets, keeper, two_factor)?,
            scripts: roster::scripts(connection, schema, &secrets, options.new_keys && !new)?,
            choices,
        })
    });
    filled.map_err(|fault| match seed_error {
        Some(error) => StartError(format!("{}: {error}", options.seed.label())),
        None => data_error(fault),
    })
}

/// Of the secrets that a seed tells, those that the data of an earlier run still have.
fn still_good(connection: &Connection, told: Secrets) -> Result<Secrets, Fault> {
    Ok(Secrets {
        passwords: kept(connection, ("HumanUser", "login"), told.passwords)?,
        keys: kept(connection, ("ApiUser", "firstname"), told.keys)?,
    })
}

fn kept(
    connection: &Connection,
    (entity_type, name_field): (&str, &str),
    told: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Fault> {
    let verifier = Verifier::new();
    let sql = format!(
        "SELECT c.secret FROM \"t_{entity_type}\" e JOIN credentials c ON c.type = ?1 AND c.id = e.id
         WHERE e.{name_field} = ?2 AND e._retired = 0"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut kept = BTreeMap::new();
    for (name, secret) in told {
        let mut rows = statement.query((entity_type, &name))?;
        if let Some(row) = rows.next()?
            && verifier.verify(&secret, &row.get::<_, String>(0)?)
        {
            kept.insert(name, secret);
        }
    }
    Ok(kept)
}
