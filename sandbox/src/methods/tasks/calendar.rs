//! The working days of a Task: those of the one person who is assigned to it, else those of its project.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use crate::fault::Fault;
use crate::methods::work_schedule;
use crate::preferences;

/// The most days that are looked at to find one: nobody plans farther.
const FARTHEST: usize = 4_000;
const HOURS_PER_DAY: f64 = 8.0;

pub(super) struct Calendar<'a> {
    connection: &'a Connection,
    project: Option<i64>,
    person: Option<i64>,
    minutes_per_day: i64,
    known: RefCell<BTreeMap<NaiveDate, bool>>,
}

impl<'a> Calendar<'a> {
    pub(super) fn of_task(connection: &'a Connection, id: i64) -> Result<Self, Fault> {
        let project = connection
            .prepare_cached("SELECT project FROM \"t_Task\" WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?
            .flatten();
        let assigned = connection
            .prepare_cached("SELECT type, id FROM \"l_Task.task_assignees\" WHERE owner = ?1 LIMIT 2")?
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(String, i64)>, _>>()?;
        let person = match assigned.as_slice() {
            [(kind, person)] if kind == "HumanUser" => Some(*person),
            _ => None,
        };
        let hours = preferences::read(connection, "hours_per_day")?.as_ref().and_then(Value::as_f64);
        let hours = hours.filter(|hours| *hours > 0.0 && *hours <= 24.0).unwrap_or(HOURS_PER_DAY);
        Ok(Self {
            connection,
            project,
            person,
            minutes_per_day: ((hours * 60.0).round() as i64).max(1),
            known: RefCell::default(),
        })
    }

    fn works(&self, day: NaiveDate) -> Result<bool, Fault> {
        if let Some(known) = self.known.borrow().get(&day) {
            return Ok(*known);
        }
        let works = work_schedule::is_working(self.connection, self.project, self.person, day)?;
        self.known.borrow_mut().insert(day, works);
        Ok(works)
    }

    /// The working days from `day` on, or back, as far as anybody plans.
    fn walk(&self, day: NaiveDate, back: bool) -> impl Iterator<Item = Result<NaiveDate, Fault>> + '_ {
        let next = move |day: &NaiveDate| {
            let one = Days::new(1);
            if back {
                day.checked_sub_days(one)
            } else {
                day.checked_add_days(one)
            }
        };
        std::iter::successors(Some(day), next)
            .take(FARTHEST)
            .filter_map(|day| self.works(day).map(|works| works.then_some(day)).transpose())
    }

    /// How many working days a duration takes; what is begun is a whole day.
    pub(super) fn days(&self, duration: i64) -> i64 {
        (duration.max(0) + self.minutes_per_day - 1) / self.minutes_per_day
    }

    pub(super) fn minutes(&self, days: i64) -> i64 {
        days * self.minutes_per_day
    }

    /// Working days from the first day to the last, both counted; none where that is farther than anybody plans.
    pub(super) fn count(&self, first: NaiveDate, last: NaiveDate) -> Result<Option<i64>, Fault> {
        if usize::try_from((last - first).num_days()).is_ok_and(|days| days >= FARTHEST) {
            return Ok(None);
        }
        let mut count = 0;
        for day in self.walk(first, false) {
            if day? > last {
                break;
            }
            count += 1;
        }
        Ok(Some(count))
    }

    /// The day on which work that begins on `first` ends after some working days.
    pub(super) fn end(&self, first: NaiveDate, days: i64) -> Result<Option<NaiveDate>, Fault> {
        self.reach(first, days, false)
    }

    /// The day on which work must begin to end on `last`.
    pub(super) fn beginning(&self, last: NaiveDate, days: i64) -> Result<Option<NaiveDate>, Fault> {
        self.reach(last, days, true)
    }

    fn reach(&self, from: NaiveDate, days: i64, back: bool) -> Result<Option<NaiveDate>, Fault> {
        match usize::try_from(days) {
            Ok(0) | Err(_) => Ok(Some(from)),
            Ok(days) => self.walk(from, back).nth(days - 1).transpose(),
        }
    }

    /// The working day that comes after a day.
    pub(super) fn next(&self, day: NaiveDate) -> Result<Option<NaiveDate>, Fault> {
        match day.checked_add_days(Days::new(1)) {
            Some(next) => self.walk(next, false).next().transpose(),
            None => Ok(None),
        }
    }
}
