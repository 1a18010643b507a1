//! What is of the site and not of its rows: preferences, subscriptions, who was in which project when.

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::dates::format_date_time;
use crate::preferences;
use crate::roles::SUDO;

/// The preferences that clients may read, with what a site has that set nothing.
fn defaults() -> [(&'static str, Value); 17] {
    [
        (
            "creative_review_settings",
            json!("{\"approval_statuses\": [\"apr\"], \"default_status\": \"rev\"}"),
        ),
        ("date_component_order", json!("month_day")),
        ("duration_units", json!("days")),
        ("enable_rv_integration", json!(true)),
        ("enable_shotgun_review_for_rv", json!(false)),
        ("format_currency_fields_decimal_options", json!("$1,000.99")),
        ("format_currency_fields_display_dollar_sign", json!(false)),
        ("format_currency_fields_negative_options", json!("- $1,000")),
        (
            "format_date_fields",
            json!("08/04/22 OR 04/08/22 (depending on the Month order preference)"),
        ),
        ("format_float_fields", json!("9,999.99")),
        ("format_float_fields_rounding", json!("9.999999")),
        ("format_footage_fields", json!("10-05")),
        ("format_number_fields", json!("1,000")),
        ("format_time_hour_fields", json!("12 hour")),
        ("hours_per_day", json!(8.0)),
        ("support_local_storage", json!(true)),
        (
            "view_master_settings",
            json!("{\"status_order\": [\"wtg\", \"rdy\", \"ip\", \"hld\", \"fin\", \"omt\"], \"step_order\": []}"),
        ),
    ]
}

/// No names, or none at all, mean every preference; unknown names are passed over.
pub(super) fn preferences_read(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of("preferences_read", call.parameters)?;
    let wanted = parameters.names("prefs")?;
    call.site.store.read(|connection| {
        let mut found = Map::new();
        for (name, default) in defaults() {
            if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
                let value = preferences::read(connection, name)?.unwrap_or(default);
                found.insert(name.to_owned(), value);
            }
        }
        Ok(Value::Object(found))
    })
}

/// Licences are the business of whoever may act for everybody.
fn need_administrator(call: &Call<'_>, verb: &str) -> Result<(), Fault> {
    if call.caller.role.may(SUDO) {
        return Ok(());
    }
    Err(Fault::crud(format!(
        "The user does not have permission to '{verb}': '{}'",
        call.caller.name
    )))
}

pub(super) fn subscriptions_read(call: &Call<'_>) -> Result<Value, Fault> {
    need_administrator(call, "user_subscriptions_read")?;
    call.site.store.read(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT p.id, s.subscription FROM \"t_HumanUser\" p LEFT JOIN subscriptions s ON s.person = p.id
             WHERE p._retired = 0 ORDER BY p.id",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?)))?;
        let mut found = Vec::new();
        for row in rows {
            let (person, kept) = row?;
            let subscription: Value = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
            found.push(json!({"humanUserId": person, "subscription": subscription}));
        }
        Ok(Value::from(found))
    })
}

pub(super) fn subscriptions_create(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "user_subscriptions_create";
    need_administrator(call, VERB)?;
    let parameters = Parameters::of(VERB, call.parameters)?;
    if parameters.get("users").is_none() {
        return Err(parameters.invalid("array", "users"));
    }
    let users = parameters.list("users")?;
    call.write(|writer| {
        for user in users {
            let person = user.get("humanUserId").and_then(Value::as_i64);
            let person = person.ok_or_else(|| Fault::bad_call(VERB, format_args!("invalid/missing integer 'humanUserId': {user}")))?;
            let subscription = user.get("subscription").unwrap_or(&Value::Null);
            let fits = match subscription {
                Value::Null | Value::String(_) => true,
                Value::Array(members) => members.iter().all(Value::is_string),
                _ => false,
            };
            if !fits {
                return Err(Fault::bad_call(VERB, format_args!("invalid 'subscription': {subscription}")));
            }
            if rows::find(call, writer.connection, ("HumanUser", person), &[])?.is_none() {
                return Err(Fault::bad_call(VERB, format_args!("Invalid humanUserId {person}")));
            }
            writer
                .connection
                .prepare_cached("INSERT OR REPLACE INTO subscriptions (person, subscription) VALUES (?1, ?2)")?
                .execute((person, subscription.to_string()))?;
        }
        Ok(json!({"status": "success"}))
    })
}

/// Told for the caller, or, by who may act for others, for the person named.
pub(super) fn project_accessed(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "update_project_last_accessed_by_current_user";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let project = parameters.integer("project_id")?;
    let me = call.caller.id_as("HumanUser");
    let person = match parameters.get("user_id") {
        None => me,
        Some(_) => parameters.integer("user_id")?,
    };
    if person != me {
        need_administrator(call, VERB)?;
    }
    call.write(|writer| {
        rows::get(call, writer.connection, VERB, ("Project", project), &[])?;
        // A script is nowhere.
        if person == 0 {
            return Ok(json!([{"type": "Project", "id": project, "last_accessed_by_current_user": null}]));
        }
        rows::get(call, writer.connection, VERB, ("HumanUser", person), &[])?;
        let now = format_date_time(Utc::now());
        writer
            .connection
            .prepare_cached("INSERT OR REPLACE INTO project_accesses (project, person, at) VALUES (?1, ?2, ?3)")?
            .execute((project, person, &now))?;
        Ok(json!([{"type": "Project", "id": project, "last_accessed_by_current_user": now}]))
    })
}
