//! Scripts: `ApiUser` rows and their application keys.

use rusqlite::{Connection, OptionalExtension, Row};

use super::caller::Caller;
use super::kept_secret;
use super::settings::SignInMethod;
use crate::fault::Fault;
use crate::site::Site;

/// A script that is not retired.
pub(super) struct Script {
    id: i64,
    name: String,
    logs_events: bool,
    role: Option<i64>,
}

const COLUMNS: &str = "SELECT id, firstname, generate_event_log_entries, permission_rule_set FROM \"t_ApiUser\"";

fn decode(row: &Row<'_>) -> Result<Script, rusqlite::Error> {
    Ok(Script {
        id: row.get(0)?,
        name: row.get(1)?,
        logs_events: row.get(2)?,
        role: row.get(3)?,
    })
}

pub(super) fn authenticate(site: &Site, name: &str, key: &str) -> Result<Caller, Fault> {
    let refused = || Fault::authentication(format!("Can't authenticate script '{name}'"));
    let (script, kept) = site
        .store
        .read(|connection| {
            let script = find(connection, name)?;
            let kept = match &script {
                None => None,
                Some(script) => kept_secret(connection, "ApiUser", script.id)?,
            };
            Ok(script.zip(kept))
        })?
        .ok_or_else(refused)?;
    if !site.auth.verifier.verify(key, &kept) {
        return Err(refused());
    }
    script.into_caller(site)
}

/// Names of scripts are told apart by case.
fn find(connection: &Connection, name: &str) -> Result<Option<Script>, Fault> {
    let sql = format!("{COLUMNS} WHERE firstname = ?1 AND firstname = ?1 COLLATE BINARY AND _retired = 0");
    Ok(connection.prepare_cached(&sql)?.query_row([name], decode).optional()?)
}

pub(super) fn by_id(connection: &Connection, id: i64) -> Result<Option<Script>, Fault> {
    let sql = format!("{COLUMNS} WHERE id = ?1 AND _retired = 0");
    Ok(connection.prepare_cached(&sql)?.query_row([id], decode).optional()?)
}

impl Script {
    pub(super) fn into_caller(self, site: &Site) -> Result<Caller, Fault> {
        let role = self
            .role
            .and_then(|id| site.roles.get(id))
            .ok_or_else(|| Fault::authentication(format!("The script '{}' has no permission role.", self.name)))?;
        Ok(Caller {
            entity_type: "ApiUser".to_owned(),
            id: self.id,
            name: self.name,
            role,
            sudo_actual_user: None,
            logs_events: self.logs_events,
            activates_people: site.auth.settings().method != SignInMethod::Identity,
            session_uuid: None,
            links: Some(site.media.links.clone()),
        })
    }
}
