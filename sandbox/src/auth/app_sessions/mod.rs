//! Signing in by the browser ("app session launcher"): a program asks for a session, the person approves or
//! rejects that in the browser, and the program, which asks again and again, is given the session's token once.

mod endpoints;

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{people, secrets, sessions};
use crate::fault::Fault;
use crate::site::Site;
use crate::store::lock;

pub(crate) use endpoints::router;

/// Requests that may wait at one time. More is no studio's people but a program that went wild.
const MOST_OPEN: usize = 256;
/// The page on which a person decides about a request, before the request's id.
const PAGE: &str = "/app_session_request/";

/// A program's request for a session that waits to be approved or collected.
#[derive(Clone, PartialEq, Eq)]
pub struct AppSessionRequest {
    /// What the program asks with. Whoever has it is given the session once the request is approved.
    pub id: String,
    /// What the program calls itself.
    pub app_name: String,
    /// The machine that the program says it runs on.
    pub machine_id: String,
    /// How long ago it asked.
    pub age: Duration,
    /// Whether somebody approved it, and the program has only to come and collect its session.
    pub approved: bool,
}

impl fmt::Debug for AppSessionRequest {
    /// Without the id, which is worth a session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSessionRequest")
            .field("app_name", &self.app_name)
            .field("machine_id", &self.machine_id)
            .field("age", &self.age)
            .field("approved", &self.approved)
            .finish_non_exhaustive()
    }
}

struct Entry {
    app_name: String,
    machine_id: String,
    asked: Instant,
    /// The id of the person who approved it.
    approved_by: Option<i64>,
}

/// The requests that are open. They are of this run.
#[derive(Default)]
pub(crate) struct AppSessions(Mutex<HashMap<String, Entry>>);

/// What a program is told that asks whether its request was approved.
enum Collected {
    NotYet,
    Session {
        token: String,
        login: String,
    },
    /// Rejected, too old, collected before, or never made.
    Gone,
}

/// Why a decision about a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// Rejected, too old, collected, or never made.
    NoSuchRequest,
    /// Approved already, by whomever.
    Approved,
}

/// Opens a request and gives its id; none when too many wait.
fn open(site: &Site, app_name: &str, machine_id: &str) -> Option<String> {
    with_open(site, |entries| {
        if entries.len() >= MOST_OPEN {
            return None;
        }
        let id = secrets::random_hex();
        let entry = Entry {
            app_name: app_name.to_owned(),
            machine_id: machine_id.to_owned(),
            asked: Instant::now(),
            approved_by: None,
        };
        entries.insert(id.clone(), entry);
        Some(id)
    })
}

/// One request, for the page on which a person decides.
pub(crate) fn find(site: &Site, id: &str) -> Option<AppSessionRequest> {
    with_open(site, |entries| entries.get(id).map(|entry| entry.shown(id)))
}

/// All of them, the oldest first.
pub(crate) fn all(site: &Site) -> Vec<AppSessionRequest> {
    let mut all: Vec<_> = with_open(site, |entries| entries.iter().map(|(id, entry)| entry.shown(id)).collect());
    all.sort_by_key(|request| std::cmp::Reverse(request.age));
    all
}

/// A person lets the program have a session of theirs. Who this is must be known for certain by now.
pub(crate) fn approve(site: &Site, id: &str, person: i64) -> Result<(), Undecided> {
    with_open(site, |entries| {
        let entry = undecided(entries, id)?;
        entry.approved_by = Some(person);
        Ok(())
    })
}

/// A person does not.
pub(crate) fn reject(site: &Site, id: &str) -> Result<(), Undecided> {
    with_open(site, |entries| {
        undecided(entries, id)?;
        entries.remove(id);
        Ok(())
    })
}

/// Nobody waits any more: the people whom the requests were for are gone.
pub(crate) fn forget(site: &Site) {
    with_open(site, HashMap::clear);
}

fn undecided<'a>(entries: &'a mut HashMap<String, Entry>, id: &str) -> Result<&'a mut Entry, Undecided> {
    match entries.get_mut(id) {
        None => Err(Undecided::NoSuchRequest),
        Some(entry) if entry.approved_by.is_some() => Err(Undecided::Approved),
        Some(entry) => Ok(entry),
    }
}

/// The session is opened only now that it is collected, so that none stays that nobody has the token of, and
/// only if its person may still sign in.
fn collect(site: &Site, id: &str) -> Result<Collected, Fault> {
    with_open(site, |entries| {
        let Some(entry) = entries.get(id) else {
            return Ok(Collected::Gone);
        };
        let Some(person) = entry.approved_by else {
            return Ok(Collected::NotYet);
        };
        let person = site.store.read(|connection| people::by_id(connection, person))?;
        let collected = match person.filter(|person| person.active) {
            None => Collected::Gone,
            Some(person) => {
                let login = person.login.clone();
                let caller = person.into_caller(site)?;
                let token = sessions::open(site, &caller, Some(&login))?;
                Collected::Session { token, login }
            }
        };
        entries.remove(id);
        Ok(collected)
    })
}

/// Works on the requests that are not too old. While the site offers no browser sign-in there are none.
fn with_open<T>(site: &Site, work: impl FnOnce(&mut HashMap<String, Entry>) -> T) -> T {
    let (offered, lifetime) = {
        let settings = site.auth.settings();
        (settings.app_session_launcher, settings.app_session_lifetime)
    };
    let mut entries = lock(&site.auth.app_sessions.0);
    entries.retain(|_, entry| offered && entry.asked.elapsed() < lifetime);
    work(&mut entries)
}

impl Entry {
    fn shown(&self, id: &str) -> AppSessionRequest {
        AppSessionRequest {
            id: id.to_owned(),
            app_name: self.app_name.clone(),
            machine_id: self.machine_id.clone(),
            age: self.asked.elapsed(),
            approved: self.approved_by.is_some(),
        }
    }
}
