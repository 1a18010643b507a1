//! Taking apart the parameters of a call.

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::filter::relations::class_name;
use crate::store::row::LinkMode;

/// The parameters of a call that takes an object; a call without any sends none.
pub(super) struct Parameters<'a> {
    verb: &'a str,
    object: Option<&'a Map<String, Value>>,
}

impl<'a> Parameters<'a> {
    pub(super) fn of(verb: &'a str, value: &'a Value) -> Result<Self, Fault> {
        match value {
            Value::Null => Ok(Self { verb, object: None }),
            Value::Object(object) => Ok(Self {
                verb,
                object: Some(object),
            }),
            // What was given is not quoted: it may hold a password.
            other => Err(Fault::bad_call(
                verb,
                format_args!("expected [Hash] parameters but got {}", class_name(other)),
            )),
        }
    }

    /// A parameter; null counts as not given.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object?.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn invalid(&self, kind: &str, key: &str) -> Fault {
        let given = self.get(key).unwrap_or(&Value::Null);
        Fault::bad_call(self.verb, format_args!("invalid/missing {kind} '{key}': {given}"))
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, Fault> {
        self.get(key).and_then(Value::as_str).ok_or_else(|| self.invalid("string", key))
    }

    pub(super) fn integer(&self, key: &str) -> Result<i64, Fault> {
        self.get(key).and_then(Value::as_i64).ok_or_else(|| self.invalid("integer", key))
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, Fault> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.invalid("boolean", key)),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<&'a [Value], Fault> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(self.invalid("array", key)),
        }
    }

    /// A list of names: `return_fields` and its like.
    pub(super) fn names(&self, key: &str) -> Result<Vec<String>, Fault> {
        self.list(key)?
            .iter()
            .map(|name| {
                name.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| self.invalid("array of strings", key))
            })
            .collect()
    }

    /// The `fields` of a write.
    pub(super) fn fields(&self) -> Result<Vec<FieldValue<'a>>, Fault> {
        let Some(Value::Array(fields)) = self.get("fields") else {
            // What was given is not quoted: it may hold a password.
            return Err(Fault::bad_call(self.verb, "invalid/missing array 'fields'"));
        };
        // A mode of the whole request holds for the fields that give none.
        let mode = self.mode(self.get("multi_entity_update_mode"), LinkMode::Set)?;
        fields.iter().map(|field| self.field(field, mode)).collect()
    }

    fn mode(&self, given: Option<&Value>, default: LinkMode) -> Result<LinkMode, Fault> {
        match given.and_then(Value::as_str) {
            Some("set") => Ok(LinkMode::Set),
            Some("add") => Ok(LinkMode::Add),
            Some("remove") => Ok(LinkMode::Remove),
            _ => match given {
                None | Some(Value::Null) => Ok(default),
                Some(other) => Err(Fault::bad_call(
                    self.verb,
                    format_args!("invalid 'multi_entity_update_mode': {other}"),
                )),
            },
        }
    }

    fn field(&self, field: &'a Value, mode: LinkMode) -> Result<FieldValue<'a>, Fault> {
        let name = field
            .get("field_name")
            .and_then(Value::as_str)
            .ok_or_else(|| Fault::bad_call(self.verb, "invalid/missing string 'field_name'"))?;
        let mode = self.mode(field.get("multi_entity_update_mode"), mode)?;
        Ok(FieldValue {
            name,
            value: field.get("value").unwrap_or(&Value::Null),
            mode,
        })
    }
}

/// A value for a field in a create or update.
pub(crate) struct FieldValue<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a Value,
    pub(crate) mode: LinkMode,
}

impl<'a> FieldValue<'a> {
    /// Values that take the place of what the fields have.
    pub(crate) fn set<N: AsRef<str>>(fields: &'a [(N, Value)]) -> Vec<FieldValue<'a>> {
        let set = |(name, value): &'a (N, Value)| FieldValue {
            name: name.as_ref(),
            value,
            mode: LinkMode::Set,
        };
        fields.iter().map(set).collect()
    }
}
