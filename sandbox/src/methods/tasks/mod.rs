//! What a write to a Task moves: its own dates, and the Tasks that depend on it.
//!
//! The schedule fields are set after all others, since project and assignees say which days are worked. A Task
//! that depends on others begins on the working day after they end, unless it is pinned.

mod calendar;
mod schedule;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{NaiveDate, Utc};
use rusqlite::types::Value as SqlValue;
use serde_json::{Map, Value};

use super::writer::{Assignment, Writer, failed};
use crate::fault::Fault;
use crate::filter::dates::{format_date_time, parse_date};
use crate::schema::EntityType;
use crate::store::row::{self, Columns};
use crate::values::Stored;
use calendar::Calendar;
use schedule::{Schedule, parse_splits};

const TASK: &str = "Task";
const UPSTREAM: &str = "upstream_tasks";
const DOWNSTREAM: &str = "downstream_tasks";
/// The fields that a write can move without naming them.
pub(super) const MOVED: [&str; 7] = [
    "start_date",
    "due_date",
    "duration",
    "milestone",
    "pinned",
    "dependency_violation",
    "splits",
];

/// A Task as it was before a write.
#[derive(Clone, Default, PartialEq)]
pub(super) struct State {
    schedule: Schedule,
    pinned: bool,
}

/// The work on Tasks in one write.
struct Planner<'w, 'a> {
    writer: &'w Writer<'a>,
    task: &'a EntityType,
    /// The Task that the write names: its changes are logged with the write.
    named: i64,
    /// The other Tasks that were moved, as they were before.
    others: BTreeMap<i64, Map<String, Value>>,
}

/// The names of fields that a write of these may change.
pub(super) fn with_moved(entity_type: &EntityType, names: &[String]) -> Vec<String> {
    let mut all = names.to_vec();
    if entity_type.name == TASK {
        let moved = MOVED.iter().filter(|name| !names.iter().any(|given| given == *name));
        all.extend(moved.map(|name| (*name).to_owned()));
    }
    all
}

/// What a Task is before a write to it; nothing for rows of other types.
pub(super) fn before(writer: &Writer<'_>, entity_type: &EntityType, id: i64) -> Result<Option<State>, Fault> {
    (entity_type.name == TASK).then(|| load(writer, id)).transpose()
}

/// The state of a Task that is yet to be made.
pub(super) fn unborn(entity_type: &EntityType) -> Option<State> {
    (entity_type.name == TASK).then(State::default)
}

/// Moves what a write to a Task moves. `verb` is `create` or `update`.
pub(super) fn after_write<'a>(
    writer: &Writer<'a>,
    verb: &str,
    entity_type: &'a EntityType,
    (id, before): (i64, &State),
    assignments: &[&Assignment<'a>],
) -> Result<(), Fault> {
    let mut planner = Planner {
        writer,
        task: entity_type,
        named: id,
        others: BTreeMap::new(),
    };
    let given: BTreeMap<&str, &Stored> = assignments
        .iter()
        .map(|assignment| (assignment.field.name.as_str(), &assignment.stored))
        .collect();
    planner.check_loops(verb, &given)?;
    let calendar = Calendar::of_task(writer.connection, id)?;
    let mut state = before.clone();
    planner.set_schedule(verb, &calendar, &mut state.schedule, &given)?;
    let pinned = given.get("pinned").map(|stored| is_checked(stored));
    let is_update = verb == super::update::VERB;
    // A day that somebody chose for a Task that depends on others is held.
    let chosen = is_update && given.contains_key("start_date") && !planner.upstream(id)?.is_empty();
    state.pinned = pinned.unwrap_or(before.pinned || chosen);
    save(writer, id, &state)?;
    if is_update {
        let unpinned = pinned == Some(false) && before.pinned;
        if unpinned || given.contains_key(UPSTREAM) {
            planner.place(id)?;
        }
        if given.contains_key(DOWNSTREAM) {
            for other in planner.downstream(id)? {
                planner.place_and_follow(other)?;
            }
        }
    }
    let due = load(writer, id)?.schedule.due;
    if due.is_some() && due != before.schedule.due {
        planner.follow(id)?;
    }
    planner.finish()
}

/// A Task that is gone breaks no dependency; one that comes back finds its place, and those behind it theirs.
pub(super) fn after_lifecycle<'a>(writer: &Writer<'a>, entity_type: &'a EntityType, id: i64, retired: bool) -> Result<(), Fault> {
    if entity_type.name != TASK {
        return Ok(());
    }
    let mut planner = Planner {
        writer,
        task: entity_type,
        named: 0,
        others: BTreeMap::new(),
    };
    if retired {
        for other in planner.downstream(id)? {
            planner.check_violation(other)?;
        }
    } else {
        planner.place(id)?;
        planner.follow(id)?;
    }
    planner.finish()
}

fn is_checked(stored: &Stored) -> bool {
    matches!(stored, Stored::Scalar(SqlValue::Integer(flag)) if *flag != 0)
}

fn date_of(stored: &Stored) -> Option<NaiveDate> {
    match stored {
        Stored::Scalar(SqlValue::Text(text)) => parse_date(text),
        _ => None,
    }
}

fn load(writer: &Writer<'_>, id: i64) -> Result<State, Fault> {
    let mut statement = writer
        .connection
        .prepare_cached("SELECT start_date, due_date, duration, milestone, pinned, splits FROM \"t_Task\" WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| {
        let date = |text: Option<String>| text.as_deref().and_then(parse_date);
        let splits: Option<String> = row.get(5)?;
        let splits: Value = splits.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
        let parts = splits.as_array().into_iter().flatten().filter_map(|part| {
            let day = |key: &str| part.get(key).and_then(Value::as_str).and_then(parse_date);
            Some((day("start")?, day("end")?))
        });
        Ok(State {
            schedule: Schedule {
                start: date(row.get(0)?),
                due: date(row.get(1)?),
                duration: row.get(2)?,
                milestone: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
                splits: parts.collect(),
            },
            pinned: row.get::<_, Option<bool>>(4)?.unwrap_or(false),
        })
    })?)
}

fn save(writer: &Writer<'_>, id: i64, state: &State) -> Result<(), Fault> {
    let schedule = &state.schedule;
    let date = |day: Option<NaiveDate>| day.map_or(SqlValue::Null, |day| SqlValue::Text(day.to_string()));
    let splits = schedule.splits_value();
    writer
        .connection
        .prepare_cached(
            "UPDATE \"t_Task\" SET start_date = ?2, due_date = ?3, duration = ?4, milestone = ?5, pinned = ?6, splits = ?7 WHERE id = ?1",
        )?
        .execute((
            id,
            date(schedule.start),
            date(schedule.due),
            schedule.duration,
            schedule.milestone,
            state.pinned,
            (!splits.is_null()).then(|| splits.to_string()),
        ))?;
    Ok(())
}

impl<'a> Planner<'_, 'a> {
    /// Sets the schedule fields that were given, in the order in which sites do: milestone, duration, start, due.
    fn set_schedule(
        &self,
        verb: &str,
        calendar: &Calendar<'_>,
        schedule: &mut Schedule,
        given: &BTreeMap<&str, &Stored>,
    ) -> Result<(), Fault> {
        let wrong = |name: &str, message: &str| match self.task.field(name) {
            Some(field) => failed(verb, self.task, field, message),
            None => Fault::bad_call(verb, message),
        };
        let date = |name: &str| given.get(name).map(|stored| date_of(stored));
        let (start, due) = (date("start_date"), date("due_date"));
        if let Some(stored) = given.get("milestone") {
            if let (true, Some(Some(start)), Some(Some(due))) = (is_checked(stored), start, due)
                && start != due
            {
                let message = format!("A milestone is one day, but start_date is {start} and due_date is {due}.");
                return Err(wrong("milestone", &message));
            }
            schedule.set_milestone(calendar, is_checked(stored))?;
        }
        if let Some(stored) = given.get("splits") {
            let value = match stored {
                Stored::Scalar(SqlValue::Text(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
                _ => Value::Null,
            };
            let splits = parse_splits(calendar, &value)?.map_err(|message| wrong("splits", &message))?;
            let said_all = !splits.is_empty();
            schedule.set_splits(calendar, splits)?;
            if said_all {
                return Ok(());
            }
        }
        let both = matches!((start, due), (Some(Some(_)), Some(Some(_))));
        if let (Some(Stored::Scalar(duration)), false) = (given.get("duration"), both) {
            let minutes = match duration {
                SqlValue::Integer(minutes) => Some(*minutes),
                _ => None,
            };
            schedule.set_duration(calendar, minutes)?;
        }
        if let Some(start) = start {
            schedule.set_start(calendar, start)?;
        }
        if let Some(due) = due {
            schedule.set_due(calendar, due)?;
        }
        Ok(())
    }

    /// The live Tasks that one depends on.
    fn upstream(&self, id: i64) -> Result<Vec<i64>, Fault> {
        self.neighbours("l.id", "l.owner", id)
    }

    /// The live Tasks that depend on one.
    fn downstream(&self, id: i64) -> Result<Vec<i64>, Fault> {
        self.neighbours("l.owner", "l.id", id)
    }

    fn neighbours(&self, wanted: &str, known: &str, id: i64) -> Result<Vec<i64>, Fault> {
        let sql = format!(
            "SELECT t.id FROM \"l_Task.upstream_tasks\" l JOIN \"t_Task\" t ON t.id = {wanted} AND t._retired = 0
             WHERE {known} = ?1 AND l.type = 'Task' ORDER BY t.id"
        );
        let mut statement = self.writer.connection.prepare_cached(&sql)?;
        let found = statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// Refuses dependencies that lead back to where they began.
    fn check_loops(&self, verb: &str, given: &BTreeMap<&str, &Stored>) -> Result<(), Fault> {
        for name in [UPSTREAM, DOWNSTREAM] {
            if !given.contains_key(name) {
                continue;
            }
            let mut seen = BTreeSet::new();
            let mut ahead: VecDeque<i64> = self.downstream(self.named)?.into();
            while let Some(id) = ahead.pop_front() {
                if id == self.named {
                    let message = "Can't create this dependency as it causes a loop.";
                    return Err(match self.task.field(name) {
                        Some(field) => failed(verb, self.task, field, message),
                        None => Fault::bad_call(verb, message),
                    });
                }
                if seen.insert(id) {
                    ahead.extend(self.downstream(id)?);
                }
            }
        }
        Ok(())
    }

    /// Keeps what a Task is before it is moved, once.
    fn remember(&mut self, id: i64) -> Result<(), Fault> {
        if id != self.named && !self.others.contains_key(&id) {
            let names = with_moved(self.task, &[]);
            self.others.insert(id, self.writer.current(self.task, id, &names)?);
        }
        Ok(())
    }

    /// Puts a Task that is not pinned on the working day after the last of those it depends on. True when its end moved.
    fn place(&mut self, id: i64) -> Result<bool, Fault> {
        let mut state = load(self.writer, id)?;
        if state.pinned {
            return Ok(false);
        }
        let calendar = Calendar::of_task(self.writer.connection, id)?;
        let mut first = None;
        for upstream in self.upstream(id)? {
            if let Some(due) = load(self.writer, upstream)?.schedule.due {
                first = first.max(calendar.next(due)?);
            }
        }
        if first.is_none() || first == state.schedule.start {
            return Ok(false);
        }
        self.remember(id)?;
        let due = state.schedule.due;
        state.schedule.set_start(&calendar, first)?;
        save(self.writer, id, &state)?;
        Ok(state.schedule.due != due)
    }

    fn place_and_follow(&mut self, id: i64) -> Result<(), Fault> {
        if self.place(id)? {
            self.follow(id)?;
        }
        Ok(())
    }

    /// Moves everything that depends on a Task whose end moved.
    fn follow(&mut self, id: i64) -> Result<(), Fault> {
        let mut moved = VecDeque::from([id]);
        while let Some(id) = moved.pop_front() {
            for other in self.downstream(id)? {
                if self.place(other)? {
                    moved.push_back(other);
                }
            }
        }
        Ok(())
    }

    /// A pinned Task may begin before those that it depends on have ended: it says so.
    fn check_violation(&mut self, id: i64) -> Result<(), Fault> {
        let state = load(self.writer, id)?;
        let mut violated = false;
        if let (true, Some(start)) = (state.pinned, state.schedule.start) {
            for upstream in self.upstream(id)? {
                violated |= load(self.writer, upstream)?.schedule.due.is_some_and(|due| due >= start);
            }
        }
        let connection = self.writer.connection;
        let known: Option<bool> = connection
            .prepare_cached("SELECT dependency_violation FROM \"t_Task\" WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?;
        if known.unwrap_or(false) != violated {
            self.remember(id)?;
            connection
                .prepare_cached("UPDATE \"t_Task\" SET dependency_violation = ?2 WHERE id = ?1")?
                .execute((id, violated))?;
        }
        Ok(())
    }

    /// Says which dependencies are broken now, and writes down what happened to the other Tasks.
    fn finish(mut self) -> Result<(), Fault> {
        let mut touched: BTreeSet<i64> = self.others.keys().copied().collect();
        if self.named != 0 {
            touched.insert(self.named);
        }
        let around: Vec<i64> = touched.iter().copied().collect();
        for id in around {
            touched.extend(self.downstream(id)?);
        }
        for id in touched {
            self.check_violation(id)?;
        }
        let now = format_date_time(Utc::now());
        for (id, before) in &self.others {
            let mut columns = Columns::default();
            columns.put("updated_at", SqlValue::Text(now.clone()));
            columns.put_link("updated_by", self.writer.caller.link().as_ref());
            row::update(self.writer.connection, self.task, *id, &columns)?;
            if !self.writer.caller.leaves_events() {
                continue;
            }
            let names = with_moved(self.task, &[]);
            let after = self.writer.current(self.task, *id, &names)?;
            let fields = names
                .iter()
                .filter_map(|name| Some((name.clone(), self.task.field(name)?)))
                .collect();
            let subject = self.writer.subject(self.task, *id)?;
            self.writer.log_changes(&subject, &fields, before, &after, false)?;
        }
        Ok(())
    }
}
