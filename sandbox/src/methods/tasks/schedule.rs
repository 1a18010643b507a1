//! The dates of one Task and what each of them does to the others.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::calendar::Calendar;
use crate::fault::Fault;
use crate::filter::dates::parse_date;

/// First and last day of a part of a split Task.
pub(super) type Part = (NaiveDate, NaiveDate);

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Schedule {
    pub(super) start: Option<NaiveDate>,
    pub(super) due: Option<NaiveDate>,
    /// In minutes.
    pub(super) duration: Option<i64>,
    pub(super) milestone: bool,
    pub(super) splits: Vec<Part>,
}

impl Schedule {
    /// A new start moves the end, or, where there is no duration yet, makes one.
    pub(super) fn set_start(&mut self, calendar: &Calendar<'_>, start: Option<NaiveDate>) -> Result<(), Fault> {
        self.start = start;
        let Some(start) = start else {
            return Ok(());
        };
        if self.milestone {
            self.due = Some(start);
        } else if !self.splits.is_empty() {
            self.move_splits(calendar, start)?;
        } else if let Some(duration) = self.duration {
            if let Some(due) = calendar.end(start, calendar.days(duration))? {
                self.due = Some(due);
            }
        } else if let Some(due) = self.due {
            self.due = Some(due.max(start));
            self.measure(calendar)?;
        }
        Ok(())
    }

    /// A new end makes another duration, or, where there is no start yet, finds one.
    pub(super) fn set_due(&mut self, calendar: &Calendar<'_>, due: Option<NaiveDate>) -> Result<(), Fault> {
        self.due = due;
        let Some(due) = due else {
            return Ok(());
        };
        if self.milestone {
            self.start = Some(due);
        } else if !self.splits.is_empty() {
            self.end_splits(calendar, due)?;
        } else if let Some(start) = self.start {
            self.start = Some(start.min(due));
            self.measure(calendar)?;
        } else if let Some(duration) = self.duration {
            self.start = calendar.beginning(due, calendar.days(duration))?;
        }
        Ok(())
    }

    /// A new duration moves the end, or, where there is no start, the start.
    pub(super) fn set_duration(&mut self, calendar: &Calendar<'_>, duration: Option<i64>) -> Result<(), Fault> {
        if self.milestone {
            return Ok(());
        }
        self.duration = duration;
        let Some(duration) = duration else {
            return Ok(());
        };
        let days = calendar.days(duration);
        if !self.splits.is_empty() {
            self.fit_splits(calendar, days)?;
        } else if let Some(start) = self.start {
            if let Some(due) = calendar.end(start, days)? {
                self.due = Some(due);
            }
        } else if let Some(due) = self.due {
            self.start = calendar.beginning(due, days)?;
        }
        Ok(())
    }

    /// A milestone is one day and takes no time.
    pub(super) fn set_milestone(&mut self, calendar: &Calendar<'_>, milestone: bool) -> Result<(), Fault> {
        if self.milestone == milestone {
            return Ok(());
        }
        self.milestone = milestone;
        if milestone {
            let day = self.due.or(self.start);
            (self.start, self.due) = (day, day);
            self.duration = Some(0);
            self.splits.clear();
        } else if self.start.is_some() && self.due.is_some() {
            self.measure(calendar)?;
        }
        Ok(())
    }

    /// The parts say where a split Task begins and ends and how long it takes. Without any, the dates stay.
    pub(super) fn set_splits(&mut self, calendar: &Calendar<'_>, splits: Vec<Part>) -> Result<(), Fault> {
        self.splits = splits;
        if !self.splits.is_empty() {
            self.start = self.splits.first().map(|(first, _)| *first);
            self.due = self.splits.last().map(|(_, last)| *last);
        }
        self.measure(calendar)
    }

    /// The duration that the dates make.
    fn measure(&mut self, calendar: &Calendar<'_>) -> Result<(), Fault> {
        let whole: Vec<Part> = self.start.zip(self.due).into_iter().collect();
        let parts = if self.splits.is_empty() { &whole } else { &self.splits };
        if parts.is_empty() {
            return Ok(());
        }
        let mut days = 0;
        for (first, last) in parts {
            let Some(count) = calendar.count(*first, *last)? else {
                return Ok(());
            };
            days += count;
        }
        self.duration = Some(calendar.minutes(days));
        Ok(())
    }

    /// Every part and every gap keeps its working days.
    fn move_splits(&mut self, calendar: &Calendar<'_>, start: NaiveDate) -> Result<(), Fault> {
        let mut moved: Vec<Part> = Vec::new();
        let mut before: Option<Part> = None;
        for (first, last) in &self.splits {
            let begins = match (before, moved.last()) {
                (Some((_, old_end)), Some((_, new_end))) => {
                    let one = Days::new(1);
                    let gap = calendar.count(old_end + one, *first - one)?.unwrap_or(1);
                    calendar.end(*new_end + one, gap + 1)?
                }
                _ => Some(start),
            };
            let days = calendar.count(*first, *last)?.unwrap_or(1);
            let begins = begins.unwrap_or(*first);
            moved.push((begins, calendar.end(begins, days)?.unwrap_or(begins)));
            before = Some((*first, *last));
        }
        self.due = moved.last().map(|(_, last)| *last);
        self.splits = moved;
        self.measure(calendar)
    }

    /// What lies behind the new end goes; an end within a gap is a day of work.
    fn end_splits(&mut self, calendar: &Calendar<'_>, due: NaiveDate) -> Result<(), Fault> {
        let old_end = self.splits.last().map(|(_, last)| *last);
        self.splits.retain(|(first, _)| *first <= due);
        match self.splits.last_mut() {
            None => self.splits.push((due, due)),
            Some((_, last)) if due <= *last || old_end == Some(*last) => *last = due,
            Some(_) => self.splits.push((due, due)),
        }
        self.start = self.splits.first().map(|(first, _)| *first);
        self.measure(calendar)
    }

    /// The last part grows, or the last parts shrink and go.
    fn fit_splits(&mut self, calendar: &Calendar<'_>, days: i64) -> Result<(), Fault> {
        let mut fitted = Vec::new();
        let mut left = days;
        for (index, (first, last)) in self.splits.iter().enumerate() {
            let has = calendar.count(*first, *last)?.unwrap_or(1);
            let is_last = index + 1 == self.splits.len();
            let takes = if is_last { left } else { has.min(left) };
            if takes <= 0 && !fitted.is_empty() {
                break;
            }
            fitted.push((*first, calendar.end(*first, takes.max(1))?.unwrap_or(*last)));
            left -= takes;
        }
        self.due = fitted.last().map(|(_, last)| *last);
        self.splits = fitted;
        self.measure(calendar)
    }

    pub(super) fn splits_value(&self) -> Value {
        if self.splits.is_empty() {
            return Value::Null;
        }
        self.splits
            .iter()
            .map(|(first, last)| json!({"start": first.to_string(), "end": last.to_string()}))
            .collect()
    }
}

/// Reads `[{"start", "end"}, …]` and says what is wrong with it.
pub(super) fn parse_splits(calendar: &Calendar<'_>, value: &Value) -> Result<Result<Vec<Part>, String>, Fault> {
    let parts: &[Value] = match value {
        Value::Null => &[],
        Value::Object(object) if object.is_empty() => &[],
        Value::Array(parts) => parts,
        _ => return Ok(Err("Splits are an array of hashes with 'start' and 'end'.".to_owned())),
    };
    let mut splits: Vec<Part> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let number = index + 1;
        let day = |key: &str| part.get(key).and_then(Value::as_str).and_then(parse_date);
        let (Some(first), Some(last)) = (day("start"), day("end")) else {
            return Ok(Err(format!(
                "Split segment {number} needs dates of the form YYYY-MM-DD as 'start' and 'end'."
            )));
        };
        if last < first {
            return Ok(Err(format!("The end date in split segment {number} is before its start date.")));
        }
        if let Some((_, before)) = splits.last() {
            if first <= *before {
                return Ok(Err(format!(
                    "The start date in split segment {number} is not after the end date of the previous segment."
                )));
            }
            // A gap of days off is none.
            if calendar.next(*before)?.is_none_or(|next| next >= first) {
                return Ok(Err(format!(
                    "The start date in split segment {number} is only one calendar day away from the end date of the previous segment. \
                     There must be calendar days between split segments."
                )));
            }
        }
        splits.push((first, last));
    }
    Ok(Ok(splits))
}
