//! Replaying: which recorded answer a request gets.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::time::Instant;

use super::Asked;
use super::asked::{document, keys};
use super::clean::Cleaner;
use super::index::{Index, Wrong};
use super::nearest::Differences;
use super::outcome::Outcome;
use crate::client::credentials::Secret;
use crate::client::document::{Document, Value, shorten};
use crate::client::error::{Error, Result, file_trouble};
use crate::client::retry::Effect;
use crate::client::status::Status;

/// So many recorded requests are compared with one that is not found, and so many differences of each are counted.
const MOST_COMPARED: usize = 500;
const MOST_DIFFERENCES: usize = 64;

/// A recording to answer from in place of a site. Clones share in it: what one client was answered is not answered to another
/// again. A new one begins at the beginning.
#[derive(Clone)]
pub struct Replay(Arc<Shared>);

struct Shared {
    path: PathBuf,
    player: OnceCell<Arc<Player>>,
}

impl Replay {
    /// Answers from the recording at `path`, which is read when the first client connects.
    pub fn new(path: impl Into<PathBuf>) -> Replay {
        Replay(Arc::new(Shared {
            path: path.into(),
            player: OnceCell::new(),
        }))
    }

    /// The recording, read.
    pub(in crate::client) fn player(&self) -> Result<&Arc<Player>> {
        let shared = &self.0;
        shared.player.get_or_try_init(|| Player::open(&shared.path).map(Arc::new))
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Replay").field(&self.0.path).finish()
    }
}

/// Answers from a recording.
pub(in crate::client) struct Player {
    path: PathBuf,
    start: Instant,
    index: Index,
    state: Mutex<State>,
    /// What the replaying clients prove themselves with, which no message may tell.
    cleaner: Mutex<Cleaner>,
}

struct State {
    file: File,
    /// Which exchanges were answered from.
    used: Vec<bool>,
    /// When the exchange was recorded that was answered from last.
    moment: u64,
}

impl Player {
    fn open(path: &Path) -> Result<Player> {
        // To open a pipe would be to wait for somebody who writes.
        if std::fs::metadata(path).is_ok_and(|facts| !facts.is_file()) {
            return Err(Error::new(
                Status::Io,
                format!("{} cannot be replayed: it is no regular file", path.display()),
            ));
        }
        let file = File::open(path).map_err(|error| file_trouble(path, "cannot be replayed", &error))?;
        let broken = |what: Wrong| Error::new(Status::Recording, format!("{} cannot be replayed: {what}", path.display()));
        let index = Index::read(BufReader::new(&file)).map_err(broken)?;
        Ok(Player {
            path: path.to_owned(),
            start: Instant::now(),
            state: Mutex::new(State {
                file,
                used: vec![false; index.exchanges.len()],
                moment: 0,
            }),
            index,
            cleaner: Mutex::default(),
        })
    }

    /// Takes note of a secret of a replaying client's.
    pub(in crate::client) fn learn(&self, secret: &Secret) {
        self.cleaner.lock().unwrap_or_else(PoisonError::into_inner).learn(secret);
    }

    /// The site that answers: the one of this address if the recording is of it, or else the one of its first client.
    pub(in crate::client) fn site(&self, wanted: Option<&str>) -> &str {
        let mut sites = self.index.clients.iter().map(|client| client.site.as_str());
        let first = sites.clone().next().unwrap_or_default();
        sites.find(|site| Some(*site) == wanted).unwrap_or(first)
    }

    /// The answer to a request: the first that was not given yet, of the same person or script before others. A read is given the
    /// last one again and again; a write is answered as often as it was recorded.
    pub(in crate::client) fn answer(&self, site: &str, who: &str, asked: &Asked<'_>, effect: Effect) -> Result<Outcome> {
        let read = |cleaner: &Cleaner| {
            let asked = document(asked.json(cleaner));
            asked.ok_or_else(|| Error::new(Status::Internal, "a request cannot be compared with the recorded ones"))
        };
        let index = &self.index;
        let recorded = |asked: &Document| {
            let (same, alike) = keys(site, asked.root());
            index.same.get(&same).or_else(|| index.alike.get(&alike))
        };
        // Without what this client knows to be secret: the one that was recorded may have had the same, or another.
        let clean = || read(&self.cleaner.lock().unwrap_or_else(PoisonError::into_inner));
        let found = match recorded(&read(&Cleaner::default())?) {
            None => recorded(&clean()?),
            found => found,
        };
        let found = found.map_or(&[][..], Vec::as_slice);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let own: Vec<_> = found.iter().copied().filter(|place| self.who(*place) == who).collect();
        let unused = |places: &[usize]| places.iter().copied().find(|place| state.used.get(*place) == Some(&false));
        // What one was answered is no answer to another who has answers of their own.
        let among = if own.is_empty() { found } else { &own[..] };
        let again = || among.last().copied().filter(|_| effect == Effect::Read);
        let Some(place) = unused(among).or_else(again) else {
            let asked = clean()?;
            let what = match among {
                [] => self.nearest(&state.file, asked.root()),
                _ => {
                    let times = if among.len() == 1 {
                        "once"
                    } else {
                        &format!("{} times", among.len())
                    };
                    format!("; it was made {times}, and a write is answered as often as it was made")
                }
            };
            let asked = shorten(asked.json());
            let message = format!("{} holds no such request as {asked}{what}", self.path.display());
            return Err(Error::new(Status::RecordingNoMatch, message));
        };
        let broken = |line: u64, what: Wrong| Error::new(Status::Recording, format!("{}, line {line}: {what}", self.path.display()));
        let Some(exchange) = index.exchanges.get(place) else {
            return Err(Error::new(Status::Internal, "a recording's index is wrong"));
        };
        let line = exchange.read(&state.file).map_err(|what| broken(exchange.line, what))?;
        if let Some(used) = state.used.get_mut(place) {
            *used = true;
        }
        let number = |name: &str| line.root().get(name).and_then(|number| u64::try_from(number.as_i64().ok()?).ok());
        state.moment = number("at_ms").unwrap_or(0) + number("took_ms").unwrap_or(0);
        drop(state);
        Outcome::read(line.root()).map_err(|what| broken(exchange.line, what))
    }

    /// When what was answered last was recorded.
    pub(in crate::client) fn now(&self) -> Instant {
        let moment = self.state.lock().unwrap_or_else(PoisonError::into_inner).moment;
        self.start.checked_add(Duration::from_millis(moment)).unwrap_or(self.start)
    }

    fn who(&self, place: usize) -> &str {
        let client = self
            .index
            .exchanges
            .get(place)
            .and_then(|exchange| self.index.clients.get(exchange.client));
        client.map_or("", |client| client.who.as_str())
    }

    /// The nearest recorded request, in words.
    fn nearest(&self, file: &File, asked: Value<'_>) -> String {
        let subject = |request: Value<'_>| {
            let part = |name: &str| request.get(name).and_then(Value::as_str).map(std::borrow::Cow::into_owned);
            // The step of a path that says what it is about.
            let to = part("to").map(|to| to.trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned());
            (part("call"), part("http"), to)
        };
        let wanted = subject(asked);
        let mut nearest: Option<(u64, Differences)> = None;
        for exchange in self.index.exchanges.iter().take(MOST_COMPARED) {
            let Ok(request) = exchange.read_request(file) else { continue };
            if subject(request.root()) != wanted {
                continue;
            }
            let differences = Differences::between(request.root(), asked, MOST_DIFFERENCES);
            if nearest.as_ref().is_none_or(|(_, least)| differences.count < least.count) {
                nearest = Some((exchange.line, differences));
            }
        }
        match nearest {
            Some((line, Differences { first: Some(first), .. })) => format!("; the nearest is in line {line}: {first}"),
            _ => format!("; it holds none of its kind among {} requests", self.index.exchanges.len()),
        }
    }
}
