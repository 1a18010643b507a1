//! `work_schedule_read` and `work_schedule_update`: which days are worked.

use chrono::{Datelike, NaiveDate};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::dates::parse_date;
use crate::preferences;
use crate::roles::SUDO;

/// `{"studio": WEEK, "projects": {"1": WEEK}, "users": {"7": WEEK}}`, a week being seven booleans from
/// Monday on.
const WEEKS: &str = "work_weeks";
/// The longest time that one call asks about.
const MOST_DAYS: i64 = 3_660;

/// Whose schedule: the levels that count, the closest first.
struct Levels(Vec<(&'static str, i64)>);

impl Levels {
    fn of(project: Option<i64>, user: Option<i64>) -> Self {
        let mut levels = Vec::new();
        levels.extend(user.map(|id| ("USER", id)));
        levels.extend(project.map(|id| ("PROJECT", id)));
        levels.push(("STUDIO", 0));
        Self(levels)
    }
}

struct Day {
    working: bool,
    description: Option<String>,
    reason: String,
}

/// An exception is closer than any week; of each kind, the person's counts before the project's, and that
/// before the studio's.
fn day(connection: &Connection, levels: &Levels, date: NaiveDate) -> Result<Day, Fault> {
    for (level, owner) in &levels.0 {
        let exception = connection
            .prepare_cached("SELECT working, description FROM work_days WHERE level = ?1 AND owner = ?2 AND day = ?3")?
            .query_row((level, owner, date.to_string()), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((working, description)) = exception {
            return Ok(Day {
                working,
                description,
                reason: format!("{level}_EXCEPTION"),
            });
        }
    }
    let weeks = preferences::read(connection, WEEKS)?.unwrap_or(Value::Null);
    let weekday = date.weekday().num_days_from_monday() as usize;
    for (level, owner) in &levels.0 {
        let week = match *level {
            "USER" => &weeks["users"][owner.to_string()],
            "PROJECT" => &weeks["projects"][owner.to_string()],
            _ => &weeks["studio"],
        };
        if let Some(working) = week.get(weekday).and_then(Value::as_bool) {
            return Ok(Day {
                working,
                description: None,
                reason: format!("{level}_WORK_WEEK"),
            });
        }
    }
    Ok(Day {
        working: weekday < 5,
        description: None,
        reason: "STUDIO_WORK_WEEK".to_owned(),
    })
}

/// Whether a day is worked, by a person if one is given, in a project if one is given.
pub(super) fn is_working(connection: &Connection, project: Option<i64>, user: Option<i64>, date: NaiveDate) -> Result<bool, Fault> {
    Ok(day(connection, &Levels::of(project, user), date)?.working)
}

fn owner(parameters: &Parameters<'_>, key: &str, entity_type: &str) -> Result<Option<i64>, Fault> {
    match rows::optional_link(parameters, key)? {
        None => Ok(None),
        Some((given, id)) if given == entity_type => Ok(Some(id)),
        Some(_) => Err(parameters.invalid(entity_type, key)),
    }
}

fn date(parameters: &Parameters<'_>, key: &str) -> Result<NaiveDate, Fault> {
    parse_date(parameters.text(key)?).ok_or_else(|| parameters.invalid("date", key))
}

/// The project and the person must be there, and be the caller's to see.
fn check_owners(call: &Call<'_>, connection: &Connection, verb: &str, project: Option<i64>, user: Option<i64>) -> Result<(), Fault> {
    for (entity_type, id) in [("Project", project), ("HumanUser", user)] {
        if let Some(id) = id {
            rows::get(call, connection, verb, (entity_type, id), &[])?;
        }
    }
    Ok(())
}

pub(super) fn read(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "work_schedule_read";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let (first, last) = (date(&parameters, "start_date")?, date(&parameters, "end_date")?);
    let (project, user) = (owner(&parameters, "project", "Project")?, owner(&parameters, "user", "HumanUser")?);
    if last < first || (last - first).num_days() > MOST_DAYS {
        return Err(parameters.invalid("date", "end_date"));
    }
    let levels = Levels::of(project, user);
    call.site.store.read(|connection| {
        check_owners(call, connection, VERB, project, user)?;
        let mut days = Map::new();
        for date in first.iter_days().take_while(|date| *date <= last) {
            let day = day(connection, &levels, date)?;
            let shown = json!({"working": day.working, "description": day.description, "reason": day.reason});
            days.insert(date.to_string(), shown);
        }
        Ok(Value::Object(days))
    })
}

/// Sets one day apart for the studio, a project or a person.
pub(super) fn update(call: &Call<'_>) -> Result<Value, Fault> {
    const VERB: &str = "work_schedule_update";
    let parameters = Parameters::of(VERB, call.parameters)?;
    let date = date(&parameters, "date")?;
    if parameters.get("working").is_none() {
        return Err(parameters.invalid("boolean", "working"));
    }
    let working = parameters.flag("working", true)?;
    let description = parameters.get("description").map(|_| parameters.text("description")).transpose()?;
    let (project, user) = (owner(&parameters, "project", "Project")?, owner(&parameters, "user", "HumanUser")?);
    if project.is_some() && user.is_some() {
        return Err(Fault::bad_call(VERB, "'project' and 'user' can't both be given"));
    }
    if !matches!(
        parameters.get("recalculate_field").map(Value::as_str),
        None | Some(Some("duration" | "due_date"))
    ) {
        return Err(parameters.invalid("'duration' or 'due_date'", "recalculate_field"));
    }
    let own = user.is_some_and(|user| user == call.caller.id_as("HumanUser"));
    if !own && !call.caller.role.may(SUDO) {
        return Err(Fault::crud(format!(
            "The user does not have permission to '{VERB}': '{}'",
            call.caller.name
        )));
    }
    let (level, owner) = match (project, user) {
        (Some(id), _) => ("PROJECT", id),
        (_, Some(id)) => ("USER", id),
        _ => ("STUDIO", 0),
    };
    call.write(|writer| {
        check_owners(call, writer.connection, VERB, project, user)?;
        writer
            .connection
            .prepare_cached("INSERT OR REPLACE INTO work_days (level, owner, day, working, description) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((level, owner, date.to_string(), working, description))?;
        Ok(json!({
            "date": date.to_string(),
            "working": working,
            "description": description,
            "project": parameters.get("project"),
            "user": parameters.get("user"),
        }))
    })
}
