//! Faults on demand: what goes wrong because an author's test asked for it. (What goes wrong because a
//! call was wrong is a [`crate::fault::Fault`].)

mod act;
mod facts;
mod parse;
mod slow;

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::connections::End;
use crate::store::lock;

pub(crate) use act::{Outcome, carry_out};
pub(crate) use facts::{Endpoint, Facts};

/// The most faults that are installed at a time.
const MOST: usize = 1_000;

/// What is wrong with the description of a fault on demand: the place, the key and what is allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultError {}

/// A fault on demand that is installed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstalledFault {
    /// Its number, from 1 on.
    pub id: u64,
    /// Its description, as JSON text.
    pub description: String,
    /// Requests so far that it was for.
    pub matched: u64,
    /// How often it was applied.
    pub applied: u64,
}

/// When a delay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    BeforeReading,
    BeforeAnswering,
    InBody,
}

/// What an answer is replaced by that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nonsense {
    Html,
    Empty,
    BrokenGzip,
    BrokenJson,
    WrongJson,
}

/// What a request comes to in the place of its answer. `applied` says whether it is carried out all the same.
#[derive(Clone, Debug)]
enum Ending {
    Status {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Option<String>,
        applied: bool,
    },
    Exception {
        code: i64,
        message: String,
        applied: bool,
    },
    Drop {
        end: End,
        applied: bool,
    },
    Garbage {
        what: Nonsense,
        applied: bool,
    },
    Truncate {
        keep: Option<usize>,
        end: End,
    },
    ContentLength {
        by: i64,
    },
}

impl Ending {
    /// Whether the request is carried out before it comes to this.
    fn applied(&self) -> bool {
        match self {
            Self::Status { applied, .. } | Self::Exception { applied, .. } | Self::Drop { applied, .. } | Self::Garbage { applied, .. } => {
                *applied
            }
            Self::Truncate { .. } | Self::ContentLength { .. } => true,
        }
    }
}

/// The answer's body comes in pieces.
#[derive(Clone, Copy, Debug)]
struct Trickle {
    bytes: usize,
    every: Duration,
}

#[derive(Clone, Debug)]
enum Kind {
    Delay { pause: Duration, at: Moment },
    Trickle(Trickle),
    Ending(Ending),
}

/// Which requests a fault is for, and how often.
#[derive(Clone, Debug)]
struct Scope {
    methods: Vec<String>,
    endpoint: Option<Endpoint>,
    path: Option<String>,
    script: Option<String>,
    login: Option<String>,
    /// The first of the requests that are matched, from 1 on.
    from: u64,
    times: Option<u64>,
    probability: f64,
    seed: u64,
}

impl Scope {
    fn matches(&self, facts: &Facts) -> bool {
        let one_of = |wanted: &[String], given: &Option<String>| {
            wanted.is_empty() || given.as_ref().is_some_and(|given| wanted.iter().any(|wanted| wanted == given))
        };
        let same = |wanted: &Option<String>, given: &Option<String>| wanted.is_none() || wanted == given;
        one_of(&self.methods, &facts.method)
            && self.endpoint.is_none_or(|endpoint| endpoint == facts.endpoint)
            && self.path.as_ref().is_none_or(|prefix| facts.path.starts_with(prefix))
            && same(&self.script, &facts.claim.script)
            && same(&self.login, &facts.claim.login)
    }
}

/// One fault on demand, checked.
#[derive(Clone, Debug)]
pub(crate) struct Mishap {
    /// As it was described.
    description: Value,
    /// What the log of requests calls it.
    label: String,
    scope: Scope,
    kind: Kind,
}

struct Installed {
    id: u64,
    mishap: Mishap,
    matched: u64,
    applied: u64,
    dice: fastrand::Rng,
}

#[derive(Default)]
struct Registry {
    last_id: u64,
    installed: Vec<Installed>,
}

/// The faults that are installed, in the order in which they are tried.
#[derive(Default)]
pub(crate) struct Mishaps(Mutex<Registry>);

/// What becomes of one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    before_reading: Duration,
    before_answering: Duration,
    in_body: Duration,
    trickle: Option<Trickle>,
    ending: Option<Ending>,
    /// What was applied, for the log of requests.
    pub(crate) labels: Vec<String>,
}

impl Mishaps {
    /// Installs all that a JSON text describes, or, when something is wrong with one, none.
    pub(crate) fn install(&self, text: &str) -> Result<Vec<u64>, FaultError> {
        let described = serde_json::from_str(text).map_err(|error| FaultError(format!("no valid JSON: {error}")))?;
        self.install_all(parse::all(described)?)
    }

    /// The same for descriptions that stand in a seed.
    pub(crate) fn install_values(&self, described: &[Value]) -> Result<Vec<u64>, FaultError> {
        self.install_all(parse::all(Value::from(described.to_vec()))?)
    }

    fn install_all(&self, mishaps: Vec<Mishap>) -> Result<Vec<u64>, FaultError> {
        let mut registry = lock(&self.0);
        if registry.installed.len() + mishaps.len() > MOST {
            return Err(FaultError(format!("there can be {MOST} faults at a time")));
        }
        let ids = mishaps.into_iter().map(|mishap| {
            registry.last_id += 1;
            let id = registry.last_id;
            let dice = fastrand::Rng::with_seed(mishap.scope.seed);
            registry.installed.push(Installed {
                id,
                mishap,
                matched: 0,
                applied: 0,
                dice,
            });
            id
        });
        Ok(ids.collect())
    }

    pub(crate) fn list(&self) -> Vec<InstalledFault> {
        let registry = lock(&self.0);
        let installed = registry.installed.iter().map(|installed| InstalledFault {
            id: installed.id,
            description: installed.mishap.description.to_string(),
            matched: installed.matched,
            applied: installed.applied,
        });
        installed.collect()
    }

    /// False when there is none of that number.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut registry = lock(&self.0);
        let before = registry.installed.len();
        registry.installed.retain(|installed| installed.id != id);
        registry.installed.len() < before
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).installed.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).installed.is_empty()
    }

    /// Whether one of them asks who a request is from.
    fn ask_who(&self) -> bool {
        let registry = lock(&self.0);
        let mut scopes = registry.installed.iter().map(|installed| &installed.mishap.scope);
        scopes.any(|scope| scope.script.is_some() || scope.login.is_some())
    }

    /// Tries the faults in order. Delays add up; of those that replace the answer the first is taken, and those after
    /// it are not used up.
    pub(crate) fn plan(&self, facts: &Facts) -> Plan {
        let mut plan = Plan::default();
        for installed in &mut lock(&self.0).installed {
            let scope = &installed.mishap.scope;
            if !scope.matches(facts) {
                continue;
            }
            installed.matched += 1;
            let due = installed.matched >= scope.from && scope.times.is_none_or(|times| installed.applied < times);
            let superseded = plan.ending.is_some() && matches!(installed.mishap.kind, Kind::Ending(_));
            if !due || superseded || (scope.probability < 1.0 && installed.dice.f64() >= scope.probability) {
                continue;
            }
            installed.applied += 1;
            plan.labels.push(installed.mishap.label.clone());
            match &installed.mishap.kind {
                Kind::Delay { pause, at } => {
                    let sum = match at {
                        Moment::BeforeReading => &mut plan.before_reading,
                        Moment::BeforeAnswering => &mut plan.before_answering,
                        Moment::InBody => &mut plan.in_body,
                    };
                    *sum += *pause;
                }
                Kind::Trickle(trickle) => plan.trickle = Some(*trickle),
                Kind::Ending(ending) => plan.ending = Some(ending.clone()),
            }
        }
        plan
    }
}
