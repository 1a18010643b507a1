//! A small client of the wire, made for these tests.

use std::fmt;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

/// What a call that failed was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: i64,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

/// Calls in the name of one script, person or session.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    authentication: Value,
}

impl Client {
    pub fn new(url: &str, authentication: Value) -> Self {
        Self {
            agent: ureq::Agent::new_with_defaults(),
            url: format!("{url}/api3/json"),
            authentication,
        }
    }

    /// The script that may do everything.
    pub fn admin(site: &Sandbox) -> Self {
        let script = site.script();
        Self::script(site, &script.name, &script.api_key)
    }

    pub fn script(site: &Sandbox, name: &str, key: &str) -> Self {
        Self::new(site.url(), json!({"script_name": name, "script_key": key}))
    }

    /// The first person with a role.
    pub fn person(site: &Sandbox, role: &str) -> Self {
        let person = site.person(role).unwrap();
        Self::login(site, &person.login, &person.password)
    }

    pub fn login(site: &Sandbox, login: &str, password: &str) -> Self {
        Self::new(site.url(), json!({"user_login": login, "user_password": password}))
    }

    /// The same caller with more auth parameters.
    pub fn with(&self, key: &str, value: Value) -> Self {
        let mut other = self.clone();
        other.authentication[key] = value;
        other
    }

    pub fn call(&self, method: &str, parameters: Value) -> Result<Value, Refusal> {
        self.send(method, &json!([self.authentication, parameters]))
    }

    pub fn send(&self, method: &str, params: &Value) -> Result<Value, Refusal> {
        told(&self.send_bare(method, params))
    }

    /// The whole answer, exception or not.
    pub fn send_bare(&self, method: &str, params: &Value) -> Value {
        self.post(&json!({"method_name": method, "params": params}).to_string())
    }

    fn post(&self, body: &str) -> Value {
        let mut reply = self.agent.post(&self.url).content_type("application/json").send(body).unwrap();
        let text = reply.body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// A call whose parameters are given as JSON text, for what a JSON value does not keep.
    pub fn call_with_text(&self, method: &str, parameters: &str) -> Result<Value, Refusal> {
        let body = format!(
            "{{\"method_name\": \"{method}\", \"params\": [{}, {parameters}]}}",
            self.authentication
        );
        told(&self.post(&body))
    }

    /// Content type and text of the answer to a call.
    pub fn text(&self, method: &str, parameters: &Value) -> (String, String) {
        let body = json!({"method_name": method, "params": [self.authentication, parameters]}).to_string();
        let mut reply = self.agent.post(&self.url).content_type("application/json").send(&body).unwrap();
        let content_type = reply.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, reply.body_mut().read_to_string().unwrap())
    }

    /// The answer to a call, none when the site went away before it was there.
    pub fn try_call(&self, method: &str, parameters: Value) -> Option<Value> {
        let body = json!({"method_name": method, "params": [self.authentication, parameters]}).to_string();
        let mut reply = self.agent.post(&self.url).content_type("application/json").send(&body).ok()?;
        let reply: Value = serde_json::from_str(&reply.body_mut().read_to_string().ok()?).ok()?;
        Some(reply["results"].clone())
    }

    /// `read` with conditions that must all hold.
    pub fn find(&self, entity_type: &str, conditions: Value, fields: Value) -> Result<Vec<Value>, Refusal> {
        self.read(json!({
            "type": entity_type,
            "return_fields": fields,
            // The most that a page holds: tests that write for a while have more rows than a page has unasked.
            "paging": {"entities_per_page": 5000, "current_page": 1},
            "filters": {"logical_operator": "and", "conditions": conditions},
        }))
    }

    pub fn read(&self, parameters: Value) -> Result<Vec<Value>, Refusal> {
        let results = self.call("read", parameters)?;
        Ok(results["entities"].as_array().unwrap().clone())
    }

    /// Ids of the rows found.
    pub fn ids(&self, entity_type: &str, conditions: Value) -> Result<Vec<i64>, Refusal> {
        let found = self.find(entity_type, conditions, json!(["id"]))?;
        Ok(found.iter().map(|row| row["id"].as_i64().unwrap()).collect())
    }

    /// One row's fields.
    pub fn get(&self, entity_type: &str, id: i64, fields: Value) -> Value {
        let found = self.find(entity_type, json!([is("id", json!(id))]), fields).unwrap();
        found.into_iter().next().unwrap_or(Value::Null)
    }

    pub fn create(&self, entity_type: &str, data: Value) -> Result<Value, Refusal> {
        self.call(
            "create",
            json!({"type": entity_type, "fields": fields(&data), "return_fields": ["id"]}),
        )
    }

    pub fn update(&self, entity_type: &str, id: i64, data: Value) -> Result<Value, Refusal> {
        self.call("update", json!({"type": entity_type, "id": id, "fields": fields(&data)}))
    }

    pub fn delete(&self, entity_type: &str, id: i64) -> Result<Value, Refusal> {
        self.call("delete", json!({"type": entity_type, "id": id}))
    }

    pub fn revive(&self, entity_type: &str, id: i64) -> Result<Value, Refusal> {
        self.call("revive", json!({"type": entity_type, "id": id}))
    }

    /// A new shot's id.
    pub fn new_shot(&self, code: &str) -> i64 {
        id_of(&self.create("Shot", json!({"code": code, "project": project(1)})).unwrap())
    }

    /// Ids above this belong to what happens from now on.
    pub fn last_event(&self) -> i64 {
        self.ids("EventLogEntry", json!([])).unwrap().last().copied().unwrap_or(0)
    }

    pub fn events_after(&self, id: i64) -> Vec<Value> {
        let fields = json!([
            "event_type",
            "attribute_name",
            "meta",
            "user",
            "entity",
            "project",
            "session_uuid",
            "description"
        ]);
        self.find("EventLogEntry", json!([condition("id", "greater_than", json!([id]))]), fields)
            .unwrap()
    }
}

/// What was answered, or why it was not.
fn told(reply: &Value) -> Result<Value, Refusal> {
    if reply["exception"] == true {
        return Err(Refusal {
            code: reply["error_code"].as_i64().unwrap(),
            message: reply["message"].as_str().unwrap().to_owned(),
        });
    }
    Ok(reply["results"].clone())
}

/// `{"a": 1}` as the list of fields that a write wants.
pub fn fields(data: &Value) -> Value {
    let object = data.as_object().unwrap();
    object
        .iter()
        .map(|(name, value)| json!({"field_name": name, "value": value}))
        .collect()
}

pub fn condition(path: &str, relation: &str, values: Value) -> Value {
    json!({"path": path, "relation": relation, "values": values})
}

pub fn is(path: &str, value: Value) -> Value {
    condition(path, "is", json!([value]))
}

pub fn link(entity_type: &str, id: i64) -> Value {
    json!({"type": entity_type, "id": id})
}

pub fn project(id: i64) -> Value {
    link("Project", id)
}

pub fn id_of(row: &Value) -> i64 {
    row["id"].as_i64().unwrap()
}

/// A site with the default seed.
pub fn site() -> Sandbox {
    Sandbox::builder().start().unwrap()
}
