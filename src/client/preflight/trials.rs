//! Trying several fields with few requests.

use tokio::task::JoinSet;

use super::rehearsal::{self, Heard, Undo};
use super::verdict::{Allowed, Reason, Verdict, says_read_only};
use crate::client::Client;
use crate::client::error::{Error, Result};
use crate::client::status::Status;

/// After so many refusals of one request for all fields, the remaining ones are tried by themselves, side by side.
const TOGETHER: usize = 2;

/// A field that is tried.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) name: String,
    /// The field of the request.
    pub(super) wire: String,
    /// Whether the value is the caller's own.
    pub(super) given: bool,
    /// What it means that it passes.
    pub(super) passed: Verdict,
}

/// The write whose fields are tried.
#[derive(Clone)]
pub(super) struct Write {
    pub(super) entity_type: String,
    /// The row that is updated; none is created.
    pub(super) id: Option<i64>,
    pub(super) undo: Undo,
}

impl Write {
    fn request(&self, wires: &[String]) -> String {
        match self.id {
            Some(id) => rehearsal::update(&self.entity_type, id, wires),
            None => rehearsal::create(&self.entity_type, wires),
        }
    }

    async fn attempt(&self, client: &Client, wires: &[String]) -> Result<Heard> {
        rehearsal::attempt(client, self.request(wires), &self.undo).await
    }

    /// Whether the fields may be written, each by itself. With it, what stands against writing all of them at once.
    pub(super) async fn try_fields(&self, client: &Client, trials: &[Trial]) -> Result<(Option<Verdict>, Vec<Verdict>)> {
        let mut verdicts: Vec<Option<Verdict>> = vec![None; trials.len()];
        let mut against = None;
        let given = trials.iter().all(|trial| trial.given);
        for _ in 0..TOGETHER {
            let open = open(&verdicts);
            if open.is_empty() && !trials.is_empty() {
                break;
            }
            let wires: Vec<String> = open
                .iter()
                .filter_map(|at| trials.get(*at))
                .map(|trial| trial.wire.clone())
                .collect();
            let error = match self.attempt(client, &wires).await? {
                Heard::Passed => {
                    settle(&mut verdicts, &open, |at| trials.get(at).map(|trial| trial.passed.clone()));
                    break;
                }
                Heard::Refused(error) => error,
            };
            let verdict = Verdict::of(error.clone(), given);
            against.get_or_insert_with(|| verdict.clone());
            if let Some(at) = self.blamed(&error, trials, &open) {
                settle(&mut verdicts, &[at], |_| Some(verdict.clone()));
            } else if self.is_about_no_field(&error) {
                settle(&mut verdicts, &open, |_| Some(self.for_each_field(&verdict)));
                break;
            } else if open.len() == 1 {
                settle(&mut verdicts, &open, |_| Some(verdict.clone()));
            } else {
                break;
            }
        }
        self.try_alone(client, trials, &mut verdicts).await?;
        let untried = || Verdict::depends(Reason::Untried, "it was not tried");
        let verdicts = verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(untried));
        Ok((against, verdicts.collect()))
    }

    /// Tries what is still open, field by field, side by side.
    async fn try_alone(&self, client: &Client, trials: &[Trial], verdicts: &mut [Option<Verdict>]) -> Result<()> {
        let mut tries = JoinSet::new();
        for at in open(verdicts) {
            let Some(trial) = trials.get(at).cloned() else { continue };
            let (client, write) = (client.clone(), self.clone());
            tries.spawn(async move { (at, write.attempt(&client, &[trial.wire]).await) });
        }
        while let Some(joined) = tries.join_next().await {
            let (at, heard) =
                joined.map_err(|_| Error::new(Status::Cancelled, "the library was shut down while permissions were checked"))?;
            let Some(trial) = trials.get(at) else { continue };
            let verdict = match heard? {
                Heard::Passed => trial.passed.clone(),
                // A create of one field lacks others, which is no word on this one.
                Heard::Refused(error) => Verdict::of(error, trial.given && self.id.is_some()),
            };
            settle(verdicts, &[at], |_| Some(verdict.clone()));
        }
        Ok(())
    }

    /// The one of these fields that the refusal is about.
    fn blamed(&self, error: &Error, trials: &[Trial], open: &[usize]) -> Option<usize> {
        let names = |name: &str| {
            let said = error.server_message.as_deref().unwrap_or_default();
            let place = format!(" {}.{name} is ", self.entity_type);
            let refused = error.refusal.field.as_deref() == Some(name) && error.refusal.entity_type.as_deref() == Some(&self.entity_type);
            refused || (says_read_only(said) && said.contains(&place))
        };
        open.iter()
            .copied()
            .find(|at| trials.get(*at).is_some_and(|trial| names(&trial.name)))
    }

    /// Whether the refusal is about the whole, or about who knows what.
    fn is_about_no_field(&self, error: &Error) -> bool {
        match self.id {
            Some(_) => error.status == Status::NotFound,
            None => error.status != Status::Permission || error.refusal.field.is_none(),
        }
    }

    /// What it means for each field that the whole is refused. A create that lacks a value says nothing of those it has.
    fn for_each_field(&self, whole: &Verdict) -> Verdict {
        match whole.reason {
            Some(Reason::Permission | Reason::NotFound) => whole.clone(),
            _ => Verdict::depends(Reason::Untried, whole.message.clone().unwrap_or_default()),
        }
    }
}

fn open(verdicts: &[Option<Verdict>]) -> Vec<usize> {
    let open = verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_none());
    open.map(|(at, _)| at).collect()
}

fn settle(verdicts: &mut [Option<Verdict>], which: &[usize], verdict: impl Fn(usize) -> Option<Verdict>) {
    for at in which {
        if let Some(slot) = verdicts.get_mut(*at) {
            *slot = verdict(*at);
        }
    }
}

/// Whether a field's verdict may be one about its name alone.
pub(super) fn may_be_unknown(verdict: &Verdict) -> bool {
    verdict.allowed != Allowed::Yes && matches!(verdict.reason, Some(Reason::Untried | Reason::Rejected))
}
