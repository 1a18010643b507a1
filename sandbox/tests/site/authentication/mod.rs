//! Who may call, and how the others are told.

mod app_sessions;
mod blocked;
mod choices;
mod command_line;
mod credentials;
mod identity;
mod locks;
mod second_factor;
mod sessions;
mod single_sign_on;
mod sudo;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use crate::client::{Client, Refusal, is};

pub fn refused(message: &str) -> Refusal {
    Refusal {
        code: 102,
        message: message.to_owned(),
    }
}

pub fn token(client: &Client) -> String {
    let session = client.call("get_session_token", json!(null)).unwrap();
    session["session_id"].as_str().unwrap().to_owned()
}

pub fn session(site: &Sandbox, token: &str) -> Client {
    Client::new(site.url(), json!({"session_token": token, "reject_if_expired": true}))
}

pub fn dead(token: &str) -> Refusal {
    refused(&format!(
        "Can't authenticate session token ending with '{}'",
        &token[token.len() - 4..]
    ))
}

/// The id of a person.
pub fn person(site: &Sandbox, login: &str) -> i64 {
    Client::admin(site).ids("HumanUser", json!([is("login", json!(login))])).unwrap()[0]
}

/// The types of the events of signing in and out since one, in order.
pub fn sign_in_events(site: &Sandbox, after: i64) -> Vec<Value> {
    let events = Client::admin(site).events_after(after);
    let types = events.iter().map(|event| event["event_type"].clone());
    types.filter(|kind| kind.as_str().unwrap().starts_with("Shotgun_User_")).collect()
}
