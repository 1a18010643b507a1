//! Dates and times: the forms that come over the wire, and the spans that relations name.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// The moment as the site stores and shows it.
pub(crate) fn format_date_time(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `YYYY-MM-DD`, nothing else.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(index, byte)| matches!(index, 4 | 7) == (byte == b'-') && (byte == b'-' || byte.is_ascii_digit()));
    shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// The site's words for what is no date.
pub(crate) fn invalid_date(text: &str) -> String {
    format!("Invalid date format: {text}. Correct format is: 2011-01-21")
}

/// A date-time with `Z`, with an offset, or with none (taken as UTC); a bare date is its midnight.
pub(crate) fn parse_date_time(text: &str) -> Option<DateTime<Utc>> {
    if let Some(date) = parse_date(text) {
        return Some(date.and_time(NaiveTime::MIN).and_utc());
    }
    // The separator is a `T`: RFC 3339 would let it be a space.
    let day = text.get(..10).and_then(parse_date);
    day.filter(|_| text.get(10..11).is_some_and(|separator| separator.eq_ignore_ascii_case("T")))?;
    let moment = DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.with_timezone(&Utc))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|moment| moment.and_utc()))
        .ok()?;
    // An offset may lead out of the years that have four digits, by which moments are sorted.
    (0..=9_999).contains(&moment.year()).then_some(moment)
}

/// The site's words for what is no date and time.
pub(crate) fn invalid_date_time(text: &str) -> String {
    format!(
        "Invalid date time format: {text}. Correct format is 2011-01-21T13:26:09Z (UTC), 2011-01-21T13:26:09-07:00 (UTC Offset) or any \
         ISO8601 compatible string."
    )
}

/// The units of `in_last` and `in_next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// The units by their names on the wire.
pub(crate) const UNITS: [(&str, Unit); 5] = [
    ("HOUR", Unit::Hour),
    ("DAY", Unit::Day),
    ("WEEK", Unit::Week),
    ("MONTH", Unit::Month),
    ("YEAR", Unit::Year),
];

impl Unit {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        UNITS.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit)
    }
}

/// `moment` moved by a number of units; `None` where the calendar ends.
pub(crate) fn shift(moment: DateTime<Utc>, count: i64, unit: Unit) -> Option<DateTime<Utc>> {
    let months = |count: i64| {
        let date = shift_months(moment.date_naive(), count)?;
        Some(date.and_time(moment.time()).and_utc())
    };
    match unit {
        Unit::Hour => moment.checked_add_signed(TimeDelta::try_hours(count)?),
        Unit::Day => moment.checked_add_signed(TimeDelta::try_days(count)?),
        Unit::Week => moment.checked_add_signed(TimeDelta::try_weeks(count)?),
        Unit::Month => months(count),
        Unit::Year => months(count.checked_mul(12)?),
    }
}

fn shift_months(date: NaiveDate, count: i64) -> Option<NaiveDate> {
    let magnitude = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
    if count < 0 {
        date.checked_sub_months(magnitude)
    } else {
        date.checked_add_months(magnitude)
    }
}

/// First day, and the day after the last, of the calendar span that is `offset` spans away from
/// today's. Weeks begin on Monday.
pub(crate) fn calendar_span(today: NaiveDate, offset: i64, unit: Unit) -> Option<(NaiveDate, NaiveDate)> {
    match unit {
        Unit::Hour => None,
        Unit::Day => {
            let first = today.checked_add_signed(TimeDelta::try_days(offset)?)?;
            Some((first, first.checked_add_days(Days::new(1))?))
        }
        Unit::Week => {
            let monday = week_start(today)?;
            let first = monday.checked_add_signed(TimeDelta::try_weeks(offset)?)?;
            Some((first, first.checked_add_days(Days::new(7))?))
        }
        Unit::Month => {
            let first = shift_months(today.with_day(1)?, offset)?;
            Some((first, shift_months(first, 1)?))
        }
        Unit::Year => {
            let first = shift_months(today.with_day(1)?.with_month(1)?, offset.checked_mul(12)?)?;
            Some((first, shift_months(first, 12)?))
        }
    }
}

/// The Monday on or before a day.
pub(crate) fn week_start(day: NaiveDate) -> Option<NaiveDate> {
    day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))
}
