//! Whether a role allows an operation, asked before it is made.
//!
//! A site tells of its rules only by refusing. Reads are asked for as they are; writes are tried in a batch that cannot succeed
//! ([`rehearsal`]). What passes there is a yes only if nothing that was left open can turn it into a refusal: the row, and the
//! values where rules are known to hang on them.

mod rehearsal;
mod trials;
mod verdict;

use super::document::{Document, Kind, Value};
use super::error::Result;
use super::filters::trim_field;
use super::json::Object;
use super::methods::{is_thumbnail, row_of};
use super::retry::Effect;
use super::rpc::Call;
use super::status::Status;
use super::{Client, here};

use rehearsal::{Heard, IMPOSSIBLE, Undo};
use trials::{Trial, Write};
use verdict::{Allowed, Answer, Reason, Verdict};

pub(super) use rehearsal::Trust;

/// Making one of these may send mail to somebody before it is rolled back, so it is tried without its values.
const WRITES_LETTERS: [&str; 3] = ["HumanUser", "ClientUser", "ApiUser"];

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Read,
    Update,
    Delete,
    Revive,
}

impl Operation {
    pub(super) const ALL: [Operation; 5] = [
        Operation::Create,
        Operation::Read,
        Operation::Update,
        Operation::Delete,
        Operation::Revive,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Read => "read",
            Operation::Update => "update",
            Operation::Delete => "delete",
            Operation::Revive => "revive",
        }
    }
}

/// A field that is asked about.
pub(super) struct Asked {
    pub(super) name: String,
    /// The field of the request with the caller's value, where one is given.
    pub(super) wire: Option<String>,
}

/// What the caller wants to know.
pub(super) struct Question {
    pub(super) operation: Operation,
    pub(super) entity_type: String,
    pub(super) id: Option<i64>,
    pub(super) fields: Vec<Asked>,
    pub(super) has_data: bool,
    /// Whether requests may be tried; else only reads are made.
    pub(super) dry_run: bool,
}

impl Question {
    fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| field.name.as_str()).collect()
    }

    fn uniform(&self, verdict: Verdict) -> Answer {
        Answer::uniform(verdict, self.fields.iter().map(|field| field.name.clone()))
    }
}

/// The answer as JSON.
pub(super) async fn answer(client: &Client, question: Question) -> Result<String> {
    // Much of it is asked side by side.
    here::leave().await;
    let answer = match (question.operation, question.id) {
        (Operation::Read, _) => read(client, &question).await?,
        (Operation::Update, Some(id)) if question.dry_run && !question.fields.is_empty() => update(client, &question, id).await?,
        (Operation::Update, _) => update_by_schema(client, &question).await?,
        (Operation::Create, _) => create(client, &question).await?,
        (Operation::Delete, id) => delete(client, &question, id).await?,
        (Operation::Revive, _) => revive(client, &question).await?,
    };
    Ok(answer.json(question.operation.name(), &question.entity_type, question.id))
}

/// A type that may not be read is refused; rows and fields that may not are left out.
async fn read(client: &Client, question: &Question) -> Result<Answer> {
    let row = match row_of(client, &question.entity_type, question.id, &question.names()).await {
        Err(error) if error.status == Status::Permission => return Ok(question.uniform(Verdict::of(error, false))),
        row => row?,
    };
    let row = row.root();
    let found = row.kind() == Kind::Object;
    if !found && question.id.is_some() {
        return Ok(question.uniform(no_such_row()));
    }
    let whole = question.id.map_or_else(Verdict::row_unknown, |_| Verdict::yes());
    let of = |name: &str| match row.get(name) {
        None if found => Verdict::no(Reason::UnknownField, "there is no such field, or the role does not show it"),
        _ => whole.clone(),
    };
    Ok(Answer {
        fields: question.fields.iter().map(|field| (field.name.clone(), of(&field.name))).collect(),
        whole,
    })
}

fn no_such_row() -> Verdict {
    Verdict::no(Reason::NotFound, "there is no such row, or the role does not show it")
}

/// Tries the update with the caller's values, else with those that the row has.
async fn update(client: &Client, question: &Question, id: i64) -> Result<Answer> {
    let names = question.names();
    let (possible, row) = tokio::join!(
        rehearsal::is_possible(client),
        row_of(client, &question.entity_type, Some(id), &names)
    );
    if !possible? {
        return update_by_schema(client, question).await;
    }
    let row = match row {
        Err(error) if error.status == Status::Permission => None,
        row => Some(row?),
    };
    let row = row.as_ref().map(Document::root);
    let were: Vec<String> = names.iter().filter_map(|name| was(row, name)).collect();
    let write = Write {
        entity_type: question.entity_type.clone(),
        id: Some(id),
        undo: Undo::Update {
            entity_type: question.entity_type.clone(),
            id,
            whole: were.len() == names.len(),
            were,
        },
    };
    let trials: Vec<Trial> = question
        .fields
        .iter()
        .map(|field| trial(&question.entity_type, field, row))
        .collect();
    let (_, mut verdicts) = write.try_fields(client, &trials).await?;
    let unseen = |name: &str| row.is_none_or(|row| row.get(name).is_none());
    let mut doubtful = names.iter().zip(&verdicts);
    if doubtful.any(|(name, verdict)| unseen(name) && trials::may_be_unknown(verdict)) {
        tell_unknown_fields(client, question, &mut verdicts).await?;
    }
    Ok(Answer::of_fields(names.into_iter().map(str::to_owned).zip(verdicts).collect()))
}

/// The field as it is, for writing it back.
fn was(row: Option<Value<'_>>, name: &str) -> Option<String> {
    let value = row?.get(name).filter(|_| !is_thumbnail(name) && !is_secret(name))?;
    Some(rehearsal::value(name, &trim_field(value)))
}

fn trial(entity_type: &str, field: &Asked, row: Option<Value<'_>>) -> Trial {
    let present = row.and_then(|row| row.get(&field.name));
    let stand_in = || match present {
        // What it reads as is not what it is.
        _ if is_secret(&field.name) => rehearsal::value(&field.name, "{}"),
        Some(value) if !is_thumbnail(&field.name) => rehearsal::value(&field.name, &trim_field(value)),
        _ => rehearsal::value(&field.name, "null"),
    };
    let is_open = field.wire.is_none() && hangs_on_the_value(entity_type, &field.name, present);
    Trial {
        name: field.name.clone(),
        wire: field.wire.clone().unwrap_or_else(stand_in),
        given: field.wire.is_some(),
        passed: if is_open { Verdict::values_unknown() } else { Verdict::yes() },
    }
}

/// A password is shown as asterisks, which must never become one.
fn is_secret(name: &str) -> bool {
    name.contains("password")
}

/// Whether the site may refuse one value for want of permission and take another. Links in a list can be the far end of another
/// row's field; who may become active is an administrator's matter. Where the present value is not known, neither is this.
fn hangs_on_the_value(entity_type: &str, name: &str, present: Option<Value<'_>>) -> bool {
    let becomes_active = name == "sg_status_list" && WRITES_LETTERS.contains(&entity_type);
    becomes_active || present.is_none_or(|value| value.kind() == Kind::Array)
}

/// Says of fields whether they are unknown altogether.
async fn tell_unknown_fields(client: &Client, question: &Question, verdicts: &mut [Verdict]) -> Result<()> {
    let schema = match schema(client, question).await {
        Err(error) if error.status == Status::Permission => return Ok(()),
        schema => schema?,
    };
    for (field, verdict) in question.fields.iter().zip(verdicts) {
        if trials::may_be_unknown(verdict) && schema.root().get(&field.name).is_none() {
            verdict.allowed = Allowed::No;
            verdict.reason = Some(Reason::UnknownField);
        }
    }
    Ok(())
}

async fn schema(client: &Client, question: &Question) -> Result<Document> {
    let params = Object::new().text("type", &question.entity_type).finish();
    let call = Call::new("schema_field_read", Some(&params), Effect::Read);
    client.rpc(call, client.deadline()).await
}

/// Without a row, the schema knows which fields the caller can update nowhere. A row that cannot exist is tried to hear why.
async fn update_by_schema(client: &Client, question: &Question) -> Result<Answer> {
    let schema = match schema(client, question).await {
        Err(error) if error.status == Status::Permission => None,
        schema => Some(schema?),
    };
    let schema = schema.as_ref().map(Document::root);
    let is_closed = |name: &str| is_editable(schema?.get(name)?).map(|editable| !editable);
    if question.fields.is_empty() {
        let all = schema.into_iter().flat_map(Value::children).filter_map(is_editable);
        let none = schema.is_some() && all.max() == Some(false);
        let refused = || Verdict::no(Reason::Permission, "the role lets you change no field of this type");
        return Ok(question.uniform(if none { refused() } else { Verdict::row_unknown() }));
    }
    let explain = question.dry_run && question.fields.iter().any(|field| is_closed(&field.name) != Some(false));
    let explain = explain && rehearsal::is_possible(client).await?;
    let mut fields = Vec::new();
    let mut trials = Vec::new();
    for field in &question.fields {
        let verdict = match is_closed(&field.name) {
            Some(true) => Verdict::no(Reason::NotEditable, "the schema says that you cannot change it"),
            Some(false) => Verdict::row_unknown(),
            None => Verdict::depends(Reason::UnknownField, "there is no such field, or the role does not show it"),
        };
        if explain && is_closed(&field.name) != Some(false) {
            trials.push(Trial {
                name: field.name.clone(),
                wire: rehearsal::value(&field.name, "null"),
                given: false,
                passed: verdict.clone(),
            });
        }
        fields.push((field.name.clone(), verdict));
    }
    let write = Write {
        entity_type: question.entity_type.clone(),
        id: Some(IMPOSSIBLE[0]),
        undo: Undo::Nothing,
    };
    if !trials.is_empty() {
        let (_, verdicts) = write.try_fields(client, &trials).await?;
        for (trial, heard) in trials.iter().zip(verdicts) {
            let explained = matches!(heard.reason, Some(Reason::Permission | Reason::ReadOnly));
            fields
                .iter_mut()
                .filter(|(name, _)| explained && *name == trial.name)
                .for_each(|(_, verdict)| *verdict = heard.clone());
        }
    }
    Ok(Answer::of_fields(fields))
}

fn is_editable(field: Value<'_>) -> Option<bool> {
    field.pointer("/editable/value").and_then(Value::as_bool)
}

/// Tries the create with the caller's values. Without them it can only be refused.
async fn create(client: &Client, question: &Question) -> Result<Answer> {
    if !question.dry_run || !rehearsal::is_possible(client).await? {
        return Ok(question.uniform(untried()));
    }
    let write = Write {
        entity_type: question.entity_type.clone(),
        id: None,
        undo: Undo::Create {
            entity_type: question.entity_type.clone(),
        },
    };
    let values_count = question.has_data && !WRITES_LETTERS.contains(&question.entity_type.as_str());
    let passed = |given: bool| if given { Verdict::yes() } else { Verdict::values_unknown() };
    let trials = question.fields.iter().map(|field| {
        let given = field.wire.clone().filter(|_| values_count);
        Trial {
            name: field.name.clone(),
            given: given.is_some(),
            passed: passed(given.is_some()),
            wire: given.unwrap_or_else(|| rehearsal::value(&field.name, "null")),
        }
    });
    let (given, named): (Vec<Trial>, Vec<Trial>) = trials.partition(|trial| trial.given);
    if !values_count {
        let (against, verdicts) = write.try_fields(client, &named).await?;
        let refused = against.filter(|verdict| verdict.reason == Some(Reason::Permission) && verdict.refusal.field.is_none());
        return Ok(Answer {
            whole: refused.unwrap_or_else(Verdict::values_unknown),
            fields: named.into_iter().map(|trial| trial.name).zip(verdicts).collect(),
        });
    }
    let try_named = async {
        match named.is_empty() {
            true => Ok((None, Vec::new())),
            false => write.try_fields(client, &named).await,
        }
    };
    let (tried, tried_named) = tokio::join!(write.try_fields(client, &given), try_named);
    let ((against, of_given), (_, of_named)) = (tried?, tried_named?);
    let names = given.iter().chain(&named).map(|trial| trial.name.clone());
    Ok(Answer {
        whole: against.unwrap_or_else(Verdict::yes),
        fields: names.zip(of_given.into_iter().chain(of_named)).collect(),
    })
}

fn untried() -> Verdict {
    Verdict::depends(Reason::Untried, "nothing was tried: only a refusal of the site would show a rule")
}

async fn delete(client: &Client, question: &Question, id: Option<i64>) -> Result<Answer> {
    if !question.dry_run || !rehearsal::is_possible(client).await? {
        return Ok(question.uniform(untried()));
    }
    let entity_type = &question.entity_type;
    let undo = id.map_or(Undo::Nothing, |id| Undo::Delete {
        entity_type: entity_type.clone(),
        id,
    });
    let request = rehearsal::delete(entity_type, id.unwrap_or(IMPOSSIBLE[0]));
    let heard = rehearsal::attempt(client, request, &undo).await?;
    let verdict = match (heard, id) {
        (Heard::Refused(error), None) if error.status == Status::NotFound => Verdict::row_unknown(),
        (Heard::Refused(error), _) => Verdict::of(error, false),
        (Heard::Passed, Some(_)) => Verdict::yes(),
        (Heard::Passed, None) => Verdict::row_unknown(),
    };
    Ok(question.uniform(verdict))
}

/// A batch takes no revive, so no row can be tried: only whether any row of the type may be revived. A row that cannot exist
/// is asked for, which revives nothing.
async fn revive(client: &Client, question: &Question) -> Result<Answer> {
    if !question.dry_run {
        return Ok(question.uniform(untried()));
    }
    let params = Object::new()
        .text("type", &question.entity_type)
        .raw("id", &IMPOSSIBLE[0].to_string())
        .finish();
    let call = Call::new("revive", Some(&params), Effect::Read);
    let verdict = match client.rpc(call, client.deadline()).await {
        Err(error) if error.status == Status::Permission => Verdict::of(error, false),
        Err(error) if error.status != Status::NotFound => return Err(error),
        _ => Verdict::depends(
            Reason::Untried,
            "the role may revive rows of this type; sites do not let a revive be tried on a row",
        ),
    };
    Ok(question.uniform(verdict))
}
