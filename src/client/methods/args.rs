//! The parameters of a call: keyword object or positional array, checked against what the method takes.

use std::borrow::Cow;

use super::{Method, Run, batch};
use crate::client::document::{Document, Key, Kind, Value, shorten};
use crate::client::error::{Error, Result};
use crate::client::filters;
use crate::client::json::quote;

/// One parameter of a method.
pub struct Param {
    /// Its name in the official client.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Its default as JSON text; `None` when it must be given. Where the default is `null`, `null` may be given.
    pub default: Option<&'static str>,
}

impl Param {
    pub(super) const fn required(name: &'static str, takes: Takes) -> Param {
        Param {
            name,
            takes,
            default: None,
        }
    }

    pub(super) const fn optional(name: &'static str, takes: Takes, default: &'static str) -> Param {
        Param {
            name,
            takes,
            default: Some(default),
        }
    }
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A text that is not empty.
    Text,
    /// A text that is not empty and that no message repeats.
    Secret,
    /// A text.
    AnyText,
    /// A row's id: a whole number.
    Id,
    /// A whole number from 0.
    Count,
    /// `true` or `false`.
    Flag,
    /// An array of texts.
    Texts,
    /// An array of ids.
    Ids,
    /// An object.
    Object,
    /// An array of objects.
    Objects,
    /// A list of conditions, or an object in the wire's form.
    Filters,
    /// `"all"` or `"any"`.
    Operator,
    /// An entity: an object with `type` and `id`.
    Entity,
    /// A date-time text.
    Time,
    /// Anything.
    Any,
}

impl Takes {
    /// What is allowed, for a message.
    pub fn allowed(self) -> &'static str {
        match self {
            Takes::Text | Takes::Secret => "a text that is not empty",
            Takes::AnyText => "a text",
            Takes::Id => "an id, which is a whole number from 1",
            Takes::Count => "a whole number from 0",
            Takes::Flag => "true or false",
            Takes::Texts => "an array of texts",
            Takes::Ids => "an array of ids, which are whole numbers from 1",
            Takes::Object => "an object",
            Takes::Objects => "an array of objects",
            Takes::Filters => "an array of conditions, or an object in the wire's form",
            Takes::Operator => "\"all\" (or \"and\") or \"any\" (or \"or\")",
            Takes::Entity => "an entity, which is an object with \"type\" and \"id\"",
            Takes::Time => "a date-time such as \"2026-01-31T12:00:00Z\"",
            Takes::Any => "anything",
        }
    }

    fn accepts(self, value: Value<'_>) -> bool {
        match self {
            Takes::Text | Takes::Secret => value.is_text(),
            Takes::AnyText => value.kind() == Kind::String,
            Takes::Id => value.as_i64().is_ok_and(|id| id >= 1),
            Takes::Count => value.as_i64().is_ok_and(|count| count >= 0),
            Takes::Flag => value.kind() == Kind::Bool,
            Takes::Object => value.kind() == Kind::Object,
            Takes::Texts | Takes::Ids | Takes::Objects => value.kind() == Kind::Array && self.wrong_element(value).is_none(),
            Takes::Filters => matches!(value.kind(), Kind::Array | Kind::Object),
            Takes::Operator => filters::operator(Some(value)).is_ok(),
            Takes::Entity => value.get("type").is_some() && value.get("id").is_some(),
            Takes::Time => value.as_time_ms().is_ok(),
            Takes::Any => true,
        }
    }

    /// What each element of an array must be; `None` where this takes no array, or checks what is in it elsewhere.
    fn element(self) -> Option<Takes> {
        match self {
            Takes::Texts => Some(Takes::AnyText),
            Takes::Ids => Some(Takes::Id),
            Takes::Objects => Some(Takes::Object),
            _ => None,
        }
    }

    /// The first element of an array that is not what it must be.
    fn wrong_element(self, array: Value<'_>) -> Option<(usize, Value<'_>)> {
        let element = self.element().filter(|_| array.kind() == Kind::Array)?;
        array.children().enumerate().find(|(_, each)| !element.accepts(*each))
    }
}

/// Reads the text of a call's parameters. Empty text: no parameters.
pub(super) fn parse(params: impl Into<String>) -> Result<Document> {
    let mut text = params.into();
    if text.trim().is_empty() {
        "{}".clone_into(&mut text);
    }
    Document::parse(text.into_bytes()).map_err(|error| Error::invalid_argument(format!("params_json is not JSON: {error}")))
}

/// The arguments of a call, by parameter.
pub(in crate::client) struct Args<'d> {
    method: &'static Method,
    /// What they were given as.
    params: Value<'d>,
    values: Vec<Option<Value<'d>>>,
}

impl<'d> Args<'d> {
    pub(super) fn bind(method: &'static Method, params: Value<'d>) -> Result<Args<'d>> {
        let mut args = Args {
            method,
            params,
            values: vec![None; method.params.len()],
        };
        match params.kind() {
            Kind::Object => args.bind_keywords(params)?,
            Kind::Array => args.bind_positions(params)?,
            kind => {
                return Err(Error::invalid_argument(format!(
                    "params_json must be an object of keyword arguments or an array of positional ones, not {}",
                    kind.with_article()
                )));
            }
        }
        args.check()?;
        Ok(args)
    }

    fn bind_keywords(&mut self, params: Value<'d>) -> Result<()> {
        for value in params.children() {
            let name = value.key().map(Key::as_str).unwrap_or_default();
            let position = self.method.params.iter().position(|param| param.name == name);
            let slot = position
                .and_then(|position| self.values.get_mut(position))
                .ok_or_else(|| unknown(self.method, &name))?;
            if slot.replace(value).is_some() {
                return Err(Error::invalid_argument(format!(
                    "{}: parameter \"{name}\" is given twice",
                    self.method.name
                )));
            }
        }
        Ok(())
    }

    fn bind_positions(&mut self, params: Value<'d>) -> Result<()> {
        if params.count() > self.values.len() {
            let (name, most, given) = (self.method.name, self.values.len(), params.count());
            return Err(Error::invalid_argument(format!(
                "{name} takes at most {most} parameters ({}), not {given}",
                names(self.method)
            )));
        }
        self.values
            .iter_mut()
            .zip(params.children())
            .for_each(|(slot, value)| *slot = Some(value));
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        for (param, slot) in self.method.params.iter().zip(&mut self.values) {
            match (*slot, param.default) {
                (None, None) => {
                    return Err(Error::invalid_argument(format!(
                        "{} needs the parameter \"{}\": {}",
                        self.method.name,
                        param.name,
                        param.takes.allowed()
                    )));
                }
                (None, Some(_)) => {}
                (Some(value), Some("null")) if value.kind() == Kind::Null => *slot = None,
                (Some(value), _) if param.takes.accepts(value) => {}
                (Some(value), _) => return Err(wrong(self.method, param, value)),
            }
        }
        Ok(())
    }

    /// The argument, where one was given that is not its `null` default.
    pub(in crate::client) fn get(&self, name: &str) -> Option<Value<'d>> {
        let position = self.method.params.iter().position(|param| param.name == name)?;
        self.values.get(position).copied().flatten()
    }

    /// How long the text of all arguments is.
    pub(super) fn length(&self) -> usize {
        self.params.json().len()
    }

    /// The argument of a parameter that must be given.
    pub(super) fn need(&self, name: &str) -> Result<Value<'d>> {
        self.get(name).ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// The text of an argument that must be given.
    pub(super) fn text(&self, name: &str) -> Result<Cow<'d, str>> {
        self.need(name)?.as_str().ok_or_else(|| self.wrong(name, "must be a text"))
    }

    /// A whole number from 0, or 0 where none was given.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.get(name)
            .and_then(|value| value.as_i64().ok())
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0)
    }

    /// A flag, or the one given here where none was given.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    /// An error about an argument.
    pub(super) fn wrong(&self, name: &str, problem: &str) -> Error {
        Error::invalid_argument(format!("{}: parameter \"{name}\" {problem}", self.method.name))
    }

    /// An error about something inside an argument, whose place begins with a bracket or dot.
    pub(super) fn wrong_inside(&self, name: &str, problem: &str) -> Error {
        Error::invalid_argument(format!("{}: {name}{problem}", self.method.name))
    }

    /// Operation, entity type and id that the call is about, where it is about one entity type.
    pub(super) fn subject(&self) -> Option<(String, String, Option<i64>)> {
        let operation = match &self.method.run {
            Run::Save { wire, .. } => *wire,
            Run::Rpc { wire, .. } => match *wire {
                "delete" | "revive" => *wire,
                _ => "read",
            },
            Run::Find { .. } => "read",
            Run::Transfer(kind) if kind.writes() => "update",
            Run::Transfer(_) | Run::Info | Run::SessionToken | Run::LastAccessed | Run::Authenticate | Run::PermissionCheck => return None,
        };
        let entity_type = self.get("entity_type")?.as_str()?.into_owned();
        Some((
            operation.to_owned(),
            entity_type,
            self.get("entity_id").and_then(|id| id.as_i64().ok()),
        ))
    }
}

/// The error of an argument that is not what its parameter takes. Where an element of an array is at fault, that is told: among hundreds
/// nobody finds it.
#[cold]
fn wrong(method: &Method, param: &Param, value: Value<'_>) -> Error {
    let (name, takes) = (param.name, param.takes);
    if let (Some(element), Some((index, each))) = (takes.element(), takes.wrong_element(value)) {
        let (allowed, shown) = (element.allowed(), shown(element, each));
        let mut error = Error::invalid_argument(format!("{}: {name}[{index}] must be {allowed}, not {shown}", method.name));
        if batch::are_requests(method, param) {
            error.batch_index = u64::try_from(index).ok();
        }
        return error;
    }
    let or_null = if param.default == Some("null") { ", or null" } else { "" };
    let (allowed, shown) = (takes.allowed(), shown(takes, value));
    Error::invalid_argument(format!(
        "{}: parameter \"{name}\" must be {allowed}{or_null}, not {shown}",
        method.name
    ))
}

/// A value as a message shows it: its kind, and its text where that helps.
fn shown(takes: Takes, value: Value<'_>) -> String {
    match value.kind() {
        kind if takes == Takes::Secret => kind.with_article().to_owned(),
        Kind::String | Kind::Number | Kind::Bool => format!("{} ({})", value.kind().with_article(), shorten(value.json())),
        kind => kind.with_article().to_owned(),
    }
}

fn names(method: &Method) -> String {
    method.params.iter().map(|param| param.name).collect::<Vec<_>>().join(", ")
}

fn unknown(method: &Method, name: &str) -> Error {
    let hint = nearest(name, method.params.iter().map(|param| param.name)).map(|known| format!("; did you mean \"{known}\"?"));
    let takes = if method.params.is_empty() {
        "nothing".to_owned()
    } else {
        names(method)
    };
    Error::invalid_argument(format!(
        "{} has no parameter {}{} It takes {takes}",
        method.name,
        quote(&shorten(name)),
        hint.as_deref().unwrap_or(".")
    ))
}

/// The known name that is most like this one, if it is like enough to have been meant. Nobody meant one of them who wrote a name much
/// longer than all of them, and to compare it would take long.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const LONGEST: usize = 80;
    const LIKE_ENOUGH: f64 = 0.8;
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let likeness = known.map(|known| (strsim::jaro_winkler(&lower, known), known));
    let (likeness, nearest) = likeness.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (likeness >= LIKE_ENOUGH).then_some(nearest)
}
