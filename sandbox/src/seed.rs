//! Seed files: what a new site has in it. The format is described in docs/sandbox.md.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::auth::caller::Caller;
use crate::auth::sealed::Keeper;
use crate::auth::second_factor::{self, Factor};
use crate::auth::settings::{self, Choices};
use crate::auth::{identity, keep_secret, secrets};
use crate::fault::Fault;
use crate::methods::write::{FieldValue, Writer, create, issue_key};
use crate::preferences;
use crate::roles::{RoleDefinition, Roles, SUDO};
use crate::schema::{EntityType, Schema};

/// The seed of a site for which none was given.
pub(crate) const DEFAULT: &str = include_str!("../data/default-seed.json");

/// What is wrong with a seed, and where in it.
#[derive(Debug)]
pub(crate) struct SeedError {
    place: String,
    reason: String,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.reason);
        }
        write!(f, "{}: {}", self.place, self.reason)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seed {
    /// How the site lets people and scripts in, where whoever starts it has chosen nothing else.
    #[serde(default)]
    authentication: Choices,
    #[serde(default)]
    preferences: BTreeMap<String, Value>,
    #[serde(default)]
    roles: Vec<RoleDefinition>,
    #[serde(default)]
    entities: Vec<Group>,
    /// Faults on demand. They are no data: they hold for every run with this seed.
    #[serde(default)]
    faults: Vec<Value>,
}

/// Rows of one type, made in the order in which they stand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "type")]
    entity_type: String,
    /// Values for the rows that don't give their own.
    #[serde(default)]
    defaults: Map<String, Value>,
    rows: Vec<Map<String, Value>>,
}

/// The keys of a row that are no fields.
const REFERENCE: &str = "$";
const ROLE: &str = "role";
const PASSWORD: &str = "password";
const API_KEY: &str = "api_key";
const TOTP_SECRET: &str = "totp_secret";
const ACCESS_TOKEN: &str = "personal_access_token";

/// What a person signs in with who has bound a Personal Access Token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LegacyLogin {
    legacy_login: Option<String>,
    legacy_passphrase: String,
}

/// Secrets that are known only while, or because, a seed is at hand.
#[derive(Default)]
pub(crate) struct Secrets {
    /// Password by login.
    pub(crate) passwords: BTreeMap<String, String>,
    /// Application key by script name.
    pub(crate) keys: BTreeMap<String, String>,
}

impl Seed {
    pub(crate) fn parse(text: &str) -> Result<Self, SeedError> {
        serde_json::from_str(text).map_err(|error| SeedError {
            place: String::new(),
            reason: error.to_string(),
        })
    }

    pub(crate) fn faults(&self) -> &[Value] {
        &self.faults
    }

    /// The passwords and keys that the seed itself tells.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for group in &self.entities {
            for row in &group.rows {
                let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
                if let (Some(login), Some(password)) = (text("login"), text(PASSWORD)) {
                    secrets.passwords.insert(login, password);
                }
                if let (Some(name), Some(key)) = (text("firstname"), text(API_KEY)) {
                    secrets.keys.insert(name, key);
                }
            }
        }
        secrets
    }

    /// Puts everything into a new site. Gives the application keys that were made.
    pub(crate) fn plant(&self, connection: &Connection, schema: &Schema, keeper: &Keeper) -> Result<Secrets, SeedError> {
        self.authentication
            .settle()
            .map_err(Fault::argument)
            .and_then(|_| settings::keep(connection, &self.authentication))
            .map_err(at(|| "authentication".to_owned()))?;
        for (name, value) in &self.preferences {
            preferences::write(connection, name, value).map_err(at(|| format!("preferences.{name}")))?;
        }
        let caller = Caller::site();
        let mut planter = Planter {
            writer: Writer {
                schema,
                caller: &caller,
                connection,
            },
            keeper,
            references: BTreeMap::new(),
            secrets: self.secrets(),
        };
        let mut definitions = Vec::new();
        for (index, role) in self.roles.iter().enumerate() {
            let id = planter.role(role).map_err(at(|| format!("roles[{index}] ({})", role.code)))?;
            definitions.push((id, role.clone()));
        }
        Roles::build(&definitions)
            .and_then(|roles| roles.check(schema))
            .map_err(|reason| SeedError {
                place: "roles".to_owned(),
                reason,
            })?;
        for (index, group) in self.entities.iter().enumerate() {
            planter.group(index, group)?;
        }
        Ok(planter.secrets)
    }
}

/// Turns a fault into a seed error that tells the place.
fn at(place: impl Fn() -> String) -> impl Fn(Fault) -> SeedError {
    move |fault| SeedError {
        place: place(),
        reason: fault.message,
    }
}

struct Planter<'a> {
    writer: Writer<'a>,
    keeper: &'a Keeper,
    /// Rows by the names that the seed gives them.
    references: BTreeMap<String, Value>,
    secrets: Secrets,
}

impl<'a> Planter<'a> {
    fn role(&mut self, role: &RoleDefinition) -> Result<i64, Fault> {
        if let Some(unknown) = role.may.iter().find(|what| *what != SUDO) {
            return Err(Fault::argument(format!("'may' can't have \"{unknown}\"; it can have \"{SUDO}\"")));
        }
        let entity_type = self.writer.schema.known_type("PermissionRuleSet")?;
        let mut fields = vec![
            ("code".to_owned(), json!(role.code)),
            ("display_name".to_owned(), json!(role.display_name)),
            ("entity_type".to_owned(), json!(role.entity_type)),
        ];
        if let Some(parent) = &role.parent {
            let link = self.role_link(parent)?;
            fields.push(("parent_set".to_owned(), link));
        }
        let id = self.create(entity_type, &fields)?;
        Roles::save(self.writer.connection, id, role)?;
        let link = json!({"type": "PermissionRuleSet", "id": id});
        self.references.insert(role_reference(&role.code), link);
        Ok(id)
    }

    fn role_link(&self, code: &str) -> Result<Value, Fault> {
        self.references
            .get(&role_reference(code))
            .cloned()
            .ok_or_else(|| Fault::argument(format!("there is no role '{code}' before this")))
    }

    fn group(&mut self, index: usize, group: &Group) -> Result<(), SeedError> {
        let entity_type = self
            .writer
            .schema
            .known_type(&group.entity_type)
            .map_err(at(|| format!("entities[{index}]")))?;
        for (row_index, row) in group.rows.iter().enumerate() {
            let place = || format!("entities[{index}].rows[{row_index}] ({})", group.entity_type);
            let mut values = group.defaults.clone();
            values.extend(row.clone());
            self.row(entity_type, values).map_err(at(place))?;
        }
        Ok(())
    }

    fn row(&mut self, entity_type: &'a EntityType, mut row: Map<String, Value>) -> Result<(), Fault> {
        let reference = take_text(&mut row, REFERENCE)?;
        let role = take_text(&mut row, ROLE)?;
        let password = take_text(&mut row, PASSWORD)?;
        let api_key = take_text(&mut row, API_KEY)?;
        let totp_secret = take_text(&mut row, TOTP_SECRET)?;
        let access_token = row.remove(ACCESS_TOKEN);
        if entity_type.name != "HumanUser" && (totp_secret.is_some() || access_token.is_some()) {
            return Err(Fault::argument(format!(
                "'{TOTP_SECRET}' and '{ACCESS_TOKEN}' are for people (HumanUser)"
            )));
        }
        let login = row.get("login").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut fields = Vec::new();
        for (name, value) in row {
            let is_link = entity_type.field(&name).is_some_and(|field| !field.valid_types.is_empty());
            let value = if is_link { self.resolve(value)? } else { value };
            fields.push((name, value));
        }
        if let Some(role) = role {
            fields.push(("permission_rule_set".to_owned(), self.role_link(&role)?));
        }
        let id = self.create(entity_type, &fields)?;
        let connection = self.writer.connection;
        if let Some(password) = password {
            let hash = secrets::hash_password(&password);
            keep_secret(connection, &entity_type.name, id, Some(&hash))?;
        }
        if let Some(secret) = totp_secret {
            let factor = Factor::parse(&secret).map_err(Fault::argument)?;
            second_factor::set_up(connection, self.keeper, id, &factor, true)?;
        }
        if let Some(token) = access_token {
            // What it says instead is not quoted: it may be a secret.
            let token: LegacyLogin = serde_json::from_value(token).map_err(|_| {
                Fault::argument(format!(
                    "'{ACCESS_TOKEN}' has a text 'legacy_passphrase', may have a text 'legacy_login', and nothing else"
                ))
            })?;
            let legacy_login = token.legacy_login.unwrap_or(login);
            identity::bind(connection, id, &legacy_login, &token.legacy_passphrase)?;
        }
        if entity_type.name == "ApiUser" {
            let key = match api_key {
                Some(key) => {
                    let hash = secrets::hash_key(&key);
                    keep_secret(connection, &entity_type.name, id, Some(&hash))?;
                    key
                }
                None => issue_key(&self.writer, id)?,
            };
            let name = fields
                .iter()
                .find(|(name, _)| name == "firstname")
                .and_then(|(_, value)| value.as_str())
                .unwrap_or_default();
            self.secrets.keys.insert(name.to_owned(), key);
        }
        if let Some(reference) = reference {
            let link = json!({"type": entity_type.name, "id": id});
            if self.references.insert(reference.clone(), link).is_some() {
                return Err(Fault::argument(format!("the reference '{reference}' is taken by an earlier row")));
            }
        }
        Ok(())
    }

    /// `"$name"` is the row of that name, alone or in a list.
    fn resolve(&self, value: Value) -> Result<Value, Fault> {
        match value {
            Value::String(text) => {
                let name = text
                    .strip_prefix('$')
                    .ok_or_else(|| Fault::argument(format!("a link is written \"$name\", not \"{text}\"")))?;
                self.references
                    .get(name)
                    .cloned()
                    .ok_or_else(|| Fault::argument(format!("there is no row named '{name}' before this")))
            }
            Value::Array(members) => members
                .into_iter()
                .map(|member| self.resolve(member))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::from),
            other => Ok(other),
        }
    }

    fn create(&self, entity_type: &'a EntityType, fields: &[(String, Value)]) -> Result<i64, Fault> {
        create(&self.writer, entity_type, &FieldValue::set(fields))
    }
}

/// A role's place among the references; no row's name has a space in front.
fn role_reference(code: &str) -> String {
    format!(" role {code}")
}

fn take_text(row: &mut Map<String, Value>, key: &str) -> Result<Option<String>, Fault> {
    match row.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::argument(format!("'{key}' is not a text"))),
    }
}
