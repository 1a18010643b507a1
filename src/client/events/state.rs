//! The text that a feed resumes from.
//!
//! `{"shotgrid_events":1,"site":"studio.example.com","floor":1000,"seen":"1x3 2"}`: everything up to 1000 is handled, and so are
//! 1001 to 1003 and 1005. Each run of numbers is told by its distance from the end of the one before, and its length.

use crate::client::document::{Document, Kind, Value};
use crate::client::error::{Error, Result};
use crate::client::json::Object;

const VERSION: i64 = 1;
/// No feed keeps more than this.
const MOST_SEEN: i64 = 4 * super::tracker::HORIZON;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) site: String,
    pub(super) floor: i64,
    /// In order.
    pub(super) seen: Vec<i64>,
}

impl State {
    pub(super) fn text(&self) -> String {
        let mut runs: Vec<(i64, i64)> = Vec::new();
        let mut end = self.floor;
        for id in &self.seen {
            match runs.last_mut() {
                Some((_, length)) if *id == end + 1 => *length += 1,
                _ => runs.push((*id - end, 1)),
            }
            end = *id;
        }
        let told = |(gap, length): &(i64, i64)| match length {
            1 => gap.to_string(),
            _ => format!("{gap}x{length}"),
        };
        let seen: Vec<String> = runs.iter().map(told).collect();
        Object::new()
            .raw("shotgrid_events", &VERSION.to_string())
            .text("site", &self.site)
            .raw("floor", &self.floor.to_string())
            .text("seen", &seen.join(" "))
            .finish()
    }

    pub(super) fn parse(text: &str) -> Result<State> {
        let wrong = |what: &str| Error::invalid_argument(format!("state is no state of a feed: {what}; give what the feed gave"));
        let document = Document::parse(text.as_bytes().to_vec()).map_err(|error| wrong(&error.to_string()))?;
        let root = document.root();
        let number = |name: &str| root.get(name).and_then(|value| value.as_i64().ok());
        match number("shotgrid_events").filter(|_| root.kind() == Kind::Object) {
            Some(VERSION) => {}
            Some(version) => {
                let what = format!(
                    "state is of version {version}, and this library knows {VERSION}; use the library that made it, or a newer one"
                );
                return Err(Error::invalid_argument(what));
            }
            None => return Err(wrong("it names no version")),
        }
        let text = |name: &str| root.get(name).and_then(Value::as_str);
        let site = text("site").ok_or_else(|| wrong("it names no site"))?.into_owned();
        let floor = number("floor")
            .filter(|floor| *floor >= 0)
            .ok_or_else(|| wrong("it has no floor"))?;
        let runs = text("seen").ok_or_else(|| wrong("it does not say what was seen"))?;
        let seen = seen(floor, &runs).ok_or_else(|| wrong("what it has seen is no list of runs"))?;
        Ok(State { site, floor, seen })
    }
}

fn seen(floor: i64, runs: &str) -> Option<Vec<i64>> {
    let mut seen = Vec::new();
    let mut end = floor;
    let mut left = MOST_SEEN;
    for run in runs.split_ascii_whitespace() {
        let (gap, length) = run.split_once('x').unwrap_or((run, "1"));
        let (gap, length) = (gap.parse::<i64>().ok()?, length.parse::<i64>().ok()?);
        left = left.checked_sub(length).filter(|left| *left >= 0)?;
        if gap < 1 || length < 1 {
            return None;
        }
        let first = end.checked_add(gap)?;
        end = first.checked_add(length - 1)?;
        seen.extend(first..=end);
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status::Status;

    fn state(floor: i64, seen: &[i64]) -> State {
        State {
            site: "studio.example.com".into(),
            floor,
            seen: seen.to_vec(),
        }
    }

    #[test]
    fn texts_come_back() {
        for (floor, seen, runs) in [
            (0, &[][..], ""),
            (1000, &[1001, 1002, 1003, 1005], "1x3 2"),
            (7, &[9], "2"),
            (7, &[8, 10, 11, 40], "1 2x2 29"),
        ] {
            let state = state(floor, seen);
            assert!(state.text().contains(&format!("\"seen\":\"{runs}\"")), "{}", state.text());
            assert_eq!(State::parse(&state.text()).unwrap(), state);
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let with = |seen: &str| format!(r#"{{"shotgrid_events":1,"site":"s","floor":5,"seen":"{seen}"}}"#);
        let mut refused = vec![
            "".to_owned(),
            "[]".into(),
            "{}".into(),
            "null".into(),
            "{\"shotgrid_events\":2}".into(),
        ];
        refused.extend(["0", "1x0", "-1", "x", "1x", "1x9999999999", "9223372036854775807", "1.5"].map(with));
        refused.push(r#"{"shotgrid_events":1,"site":"s","floor":-1,"seen":""}"#.into());
        refused.push(r#"{"shotgrid_events":1,"floor":1,"seen":""}"#.into());
        for text in refused {
            let error = State::parse(&text).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{text}");
        }
    }
}
