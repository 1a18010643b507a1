//! The registry of methods: the vocabulary of the official client, as data.
//!
//! A [`Method`] says what it is called, what it takes, how that becomes the wire's parameters, and what the reply is.
//! Methods join by standing in the table of their area; nothing else has to know them.

mod args;
mod batch;
mod describe;
mod entity;
mod find;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod pages;
mod people;
mod permission;
mod schedule;
mod schema;
mod search;
mod site;
mod summarize;
mod transfers;

use std::sync::Arc;

use super::Client;
use super::document::{Document, Kind, Value, shorten};
use super::error::{Error, Result};
use super::fault;
use super::info::SiteInfo;
use super::json::quote;
use super::records;
use super::retry::Effect;
use super::rpc::Call;
use super::transfer::Transfer;

pub(super) use args::Args;
use args::parse;
pub use args::{Param, Takes};
pub use describe::methods_json;
pub(super) use entity::{field, is_thumbnail};
pub(super) use find::{field_of, row_of};
pub use pages::Pages;

/// One method of the vocabulary.
pub struct Method {
    /// Its name in the official client.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it takes, in positional order.
    pub params: &'static [Param],
    /// What the caller gets, in a sentence or two.
    pub returns: &'static str,
    /// Parameters that show how it is called.
    pub example: &'static str,
    run: Run,
}

/// How a method is carried out.
enum Run {
    /// One remote call.
    Rpc {
        wire: &'static str,
        effect: Effect,
        build: fn(&Args<'_>, &SiteInfo) -> Result<Step>,
        reply: Reply,
    },
    /// A create or update, perhaps with thumbnails.
    Save {
        wire: &'static str,
        build: fn(&Args<'_>, &SiteInfo) -> Result<Step>,
    },
    /// A file on its way.
    Transfer(transfers::Kinds),
    /// A read of many pages, or of the first row.
    Find { first_only: bool },
    /// The site's description of itself: the only call without credentials.
    Info,
    /// The token of this client's session.
    SessionToken,
    /// A note of which project a person uses.
    LastAccessed,
    /// A proof of somebody's login and password.
    Authenticate,
    /// What the role allows, tried out.
    PermissionCheck,
}

impl Method {
    /// Whether the official client has it, too.
    pub fn is_official(&self) -> bool {
        !matches!(self.run, Run::PermissionCheck)
    }
}

/// What a method's arguments come to.
enum Step {
    /// Send these parameters; none where they are `None`.
    Send(Option<String>),
    /// There is nothing to ask the site: this is the answer.
    Answer(String),
}

/// What the reply of a remote call is, and so what the caller gets.
enum Reply {
    /// Whatever the site sends.
    AsSent,
    /// A record, which some sites wrap in a list.
    Record,
    /// A list of records and other values.
    Records,
    /// What each request of a batch would have returned.
    Answers,
    /// Whether something was done.
    Flag,
    /// Text of any kind.
    Text,
    /// An object that tells of success: the caller gets a boolean.
    Success,
}

/// Every method, by area.
static AREAS: &[&[Method]] = &[
    find::METHODS,
    entity::METHODS,
    batch::METHODS,
    summarize::METHODS,
    schema::METHODS,
    schedule::METHODS,
    people::METHODS,
    search::METHODS,
    transfers::METHODS,
    site::METHODS,
    permission::METHODS,
];

/// Every method that `call` knows.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    AREAS.iter().flat_map(|area| area.iter())
}

/// The method of this name.
fn method(name: &str) -> Result<&'static Method> {
    methods().find(|method| method.name == name).ok_or_else(|| unknown(name))
}

/// Carries out a method of the vocabulary.
pub(super) async fn call(client: &Client, name: &str, params: String) -> Result<Document> {
    let method = method(name)?;
    let document = parse(params)?;
    let args = Args::bind(method, document.root())?;
    let transfer = || Transfer {
        client: client.clone(),
        progress: Arc::clone(client.tally.progress()),
    };
    // What is large and rare is boxed: this future is as large as its largest part, and is moved for each call.
    match &method.run {
        Run::Save { wire, build } => Box::pin(entity::save(&transfer(), &args, wire, *build)).await,
        Run::Transfer(kind) => Box::pin(transfers::run(&transfer(), &args, *kind))
            .await
            .map_err(|error| complete(error, &args)),
        Run::Info => Box::pin(client.fetch_info(client.deadline())).await,
        Run::SessionToken => {
            let token = Box::pin(client.token_in_use(client.deadline())).await?;
            local_answer(quote(token.text.expose()))
        }
        Run::LastAccessed => Box::pin(people::last_accessed(client, &args, client.deadline())).await,
        Run::Authenticate => Box::pin(people::authenticate(client, &args, client.deadline())).await,
        Run::PermissionCheck => Box::pin(permission::run(client, &args)).await,
        Run::Find { first_only } => find::run(client, &args, *first_only).await,
        Run::Rpc {
            wire,
            effect,
            build,
            reply,
        } => {
            let deadline = client.deadline();
            let info = client.info(deadline).await?;
            let params = match build(&args, info)? {
                Step::Answer(text) => return local_answer(text),
                Step::Send(params) => params,
            };
            let call = Call::new(wire, params.as_deref(), *effect);
            let call = if matches!(reply, Reply::Text) { call.replying_text() } else { call };
            let outcome = client.rpc(call, deadline).await;
            let document = outcome.map_err(|error| complete(error, &args))?;
            match effect {
                Effect::Read => received(document, reply, &args),
                Effect::Write => written(received(document, reply, &args)),
            }
        }
    }
}

/// Sends a wire method as it is.
pub(super) async fn call_raw(client: &Client, wire_method: &str, params: String) -> Result<Document> {
    if wire_method.is_empty() {
        return Err(Error::invalid_argument("wire_method is empty"));
    }
    // Checked before it is sent, since broken JSON could close the envelope around it.
    let checked = if params.trim().is_empty() { None } else { Some(parse(params)?) };
    let effect = effect_on_the_wire(wire_method);
    let deadline = client.deadline();
    if wire_method == "info" {
        return client.fetch_info(deadline).await;
    }
    client
        .rpc(Call::new(wire_method, checked.as_ref().map(Document::json), effect), deadline)
        .await
}

/// Whether a wire method changes the site. One that is not known is taken for a write.
fn effect_on_the_wire(wire_method: &str) -> Effect {
    let known = methods().find_map(|method| match method.run {
        Run::Rpc { wire, effect, .. } if wire == wire_method => Some(effect),
        _ => None,
    });
    match wire_method {
        "info" | "read" | "get_session_token" => Effect::Read,
        _ => known.unwrap_or(Effect::Write),
    }
}

fn unknown(name: &str) -> Error {
    let nearest = args::nearest(name, methods().map(|method| method.name));
    let hint = nearest.map_or(String::new(), |known| format!("; did you mean \"{known}\"?"));
    Error::invalid_argument(format!("there is no method {}{hint}", quote(&shorten(name))))
}

/// The result of a call that the site was not asked about.
fn local_answer(text: String) -> Result<Document> {
    Document::parse(text.into_bytes()).map_err(|error| Error::protocol(error.to_string()))
}

fn received(document: Document, reply: &Reply, args: &Args<'_>) -> Result<Document> {
    match reply {
        Reply::AsSent | Reply::Text => Ok(document),
        Reply::Flag => match document.root().kind() {
            Kind::Bool => Ok(document),
            other => {
                let found = other.with_article();
                Err(Error::wrong_content(format!(
                    "the site's reply should be true or false and is {found}"
                )))
            }
        },
        Reply::Answers => {
            batch::check(args.need("requests")?, document.root())?;
            records::tidy(document)
        }
        Reply::Success => {
            let told = document.root().get("status").is_some_and(|status| status.is_str("success"));
            local_answer(told.to_string())
        }
        Reply::Records => records::tidy(document),
        Reply::Record => {
            let root = document.root();
            let record = if root.kind() == Kind::Array { root.first() } else { Some(root) };
            let Some(node) = record.filter(|record| record.kind() == Kind::Object).map(Value::node) else {
                return Err(Error::wrong_content("the site's reply holds no record"));
            };
            records::tidy(document.narrow(node))
        }
    }
}

/// An answer that cannot be read says nothing of what was done.
fn written(outcome: Result<Document>) -> Result<Document> {
    outcome.map_err(after_write)
}

fn after_write(mut error: Error) -> Error {
    error.may_have_applied = true;
    error.retryable = false;
    error
}

/// A refusal that names no row is about the one that the call names.
fn complete(mut error: Error, args: &Args<'_>) -> Error {
    let subject = match (error.batch_index, args.get("requests")) {
        (Some(index), Some(requests)) => usize::try_from(index).ok().and_then(|index| requests.at(index)).map(batch::subject),
        _ => args.subject(),
    };
    if let Some((operation, entity_type, entity_id)) = subject {
        fault::complete(&mut error, &operation, &entity_type, entity_id);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_parameters_are_unique_and_described() {
        let names: Vec<_> = methods().map(|method| method.name).collect();
        for (index, method) in methods().enumerate() {
            assert!(!names[..index].contains(&method.name), "{} stands twice", method.name);
            assert!(method.summary.ends_with('.') && method.returns.ends_with('.'), "{}", method.name);
            let example = parse(method.example).unwrap();
            Args::bind(method, example.root()).unwrap_or_else(|error| panic!("{error}"));
            for (position, param) in method.params.iter().enumerate() {
                assert!(
                    method.params[..position].iter().all(|other| other.name != param.name),
                    "{}.{}",
                    method.name,
                    param.name
                );
                let required_first = param.default.is_some() || method.params[..position].iter().all(|other| other.default.is_none());
                assert!(required_first, "{}.{} is required behind an optional one", method.name, param.name);
            }
        }
    }
}
