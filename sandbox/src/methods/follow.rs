//! `follow`, `unfollow`, `followers`, `following`.

use serde_json::{Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::roles::SUDO;

/// Who can follow.
const FOLLOWER: &str = "HumanUser";

pub(super) fn follow(call: &Call<'_>) -> Result<Value, Fault> {
    change(call, "follow", "followed")
}

pub(super) fn unfollow(call: &Call<'_>) -> Result<Value, Fault> {
    change(call, "unfollow", "unfollowed")
}

/// True when the person follows now what they did not follow before, or the other way round.
fn change(call: &Call<'_>, verb: &str, done: &str) -> Result<Value, Fault> {
    let parameters = Parameters::of(verb, call.parameters)?;
    let user = person(&parameters)?;
    let (entity_type, id) = rows::link(&parameters, "entity")?;
    let own = call.caller.id_as(FOLLOWER) == user;
    if !own && !call.caller.role.may(SUDO) {
        return Err(Fault::crud(format!(
            "The user does not have permission to '{verb}': '{}' for HumanUser {user}",
            call.caller.name
        )));
    }
    let changed = call.write(|writer| {
        let connection = writer.connection;
        rows::get(call, connection, verb, (FOLLOWER, user), &[])?;
        rows::get(call, connection, verb, (entity_type, id), &[])?;
        let sql = if verb == "follow" {
            "INSERT OR IGNORE INTO follows (person, type, id) VALUES (?1, ?2, ?3)"
        } else {
            "DELETE FROM follows WHERE person = ?1 AND type = ?2 AND id = ?3"
        };
        Ok(connection.prepare_cached(sql)?.execute((user, entity_type, id))? > 0)
    })?;
    Ok(json!({
        done: changed,
        "user": parameters.get("user"),
        "entity": parameters.get("entity"),
    }))
}

/// The follower: a person. Scripts follow nothing.
fn person(parameters: &Parameters<'_>) -> Result<i64, Fault> {
    match rows::link(parameters, "user")? {
        (FOLLOWER, id) => Ok(id),
        _ => Err(parameters.invalid("HumanUser", "user")),
    }
}

pub(super) fn followers(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "followers";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let (entity_type, id) = rows::link(&parameters, "entity")?;
    call.site.store.read(|connection| {
        rows::get(call, connection, VERB, (entity_type, id), &[])?;
        let mut statement = connection.prepare_cached("SELECT person FROM follows WHERE type = ?1 AND id = ?2 ORDER BY person")?;
        let people = statement.query_map((entity_type, id), |row| row.get::<_, i64>(0))?;
        let fields = rows::names(&["name", "sg_status_list"]);
        let mut followers = Vec::new();
        for person in people {
            let Some(row) = rows::find(call, connection, (FOLLOWER, person?), &fields)? else {
                continue;
            };
            followers.push(json!({
                "type": FOLLOWER,
                "id": row.get("id"),
                "name": row.get("name"),
                "status": row.get("sg_status_list"),
                "valid": "valid",
            }));
        }
        Ok(Value::from(followers))
    })
}

pub(super) fn following(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "following";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let user = person(&parameters)?;
    let project = rows::optional_link(&parameters, "project")?;
    let only = match parameters.get("entity_type") {
        None => None,
        Some(_) => Some(call.schema.known_type(parameters.text("entity_type")?)?.name.as_str()),
    };
    call.site.store.read(|connection| {
        rows::get(call, connection, VERB, (FOLLOWER, user), &[])?;
        let mut statement = connection.prepare_cached("SELECT type, id FROM follows WHERE person = ?1 ORDER BY type, id")?;
        let followed = statement.query_map([user], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
        let mut found = Vec::new();
        for entity in followed {
            let (entity_type, id) = entity?;
            if only.is_some_and(|only| only != entity_type) || call.schema.entity_type(&entity_type).is_none() {
                continue;
            }
            let Some(row) = rows::find(call, connection, (&entity_type, id), &rows::names(&["project"]))? else {
                continue;
            };
            let in_project = |wanted: i64| {
                let of_row = row.get("project").and_then(|project| project.get("id")).and_then(Value::as_i64);
                of_row == Some(wanted) || (entity_type == "Project" && id == wanted)
            };
            if project.is_none_or(|(_, wanted)| in_project(wanted)) {
                found.push(json!({"type": entity_type, "id": id}));
            }
        }
        Ok(Value::from(found))
    })
}
