//! What a feed is asked for.

use std::time::Duration;

use crate::client::document::{Document, Key, Kind, Value, shorten};
use crate::client::error::{Error, Result};
use crate::client::json::{Object, array, quote};

const NAMES: &[&str] = &[
    "projects",
    "entity_types",
    "event_types",
    "attributes",
    "filters",
    "fields",
    "from",
    "state",
    "accept_other_site",
    "batch",
    "poll_min_ms",
    "poll_max_ms",
    "rescan_ms",
    "window_ms",
];

/// Where a feed begins that resumes from no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// With what happens from now on.
    Now,
    /// With the oldest event there is.
    Beginning,
    /// Behind the event with this number.
    After(i64),
    /// Behind this time of the site's, as text in ISO 8601.
    Time(String),
}

/// What a feed reads, from where, and how often it looks. All that is asked of an event is asked at the site.
#[derive(Clone, Debug)]
pub struct EventOptions {
    /// The ids of the projects; empty for all, and for events of no project.
    pub projects: Vec<i64>,
    /// Types of entities, such as `Shot`; empty for all.
    pub entity_types: Vec<String>,
    /// Types of events, such as `Shotgun_Shot_Change`; empty for all.
    pub event_types: Vec<String>,
    /// Names of fields that were changed; empty for all events, also those that are about no field.
    pub attributes: Vec<String>,
    /// Further conditions, each as JSON in the form of the method `find`.
    pub filters: Vec<String>,
    /// Fields to read besides the feed's own.
    pub fields: Vec<String>,
    /// Where to begin.
    pub from: From,
    /// What a feed gave as its state: it goes on there, whatever `from` says.
    pub state: Option<String>,
    /// Resume from a state of a site that had another address.
    pub accept_other_site: bool,
    /// The most events that are given at once.
    pub batch: usize,
    /// The pause between two looks while events come.
    pub poll_min: Duration,
    /// The pause to which that grows while none come.
    pub poll_max: Duration,
    /// The pause between two looks at numbers that may fill in; it grows while none come.
    pub rescan: Duration,
    /// How long a number may take to fill in.
    pub window: Duration,
}

impl Default for EventOptions {
    fn default() -> Self {
        EventOptions {
            projects: Vec::new(),
            entity_types: Vec::new(),
            event_types: Vec::new(),
            attributes: Vec::new(),
            filters: Vec::new(),
            fields: Vec::new(),
            from: From::Now,
            state: None,
            accept_other_site: false,
            batch: 100,
            poll_min: Duration::from_secs(1),
            poll_max: Duration::from_secs(10),
            rescan: Duration::from_secs(2),
            window: Duration::from_secs(300),
        }
    }
}

impl EventOptions {
    /// Reads options from a JSON object; an empty text is all defaults.
    pub fn parse(text: &str) -> Result<EventOptions> {
        let mut options = EventOptions::default();
        if text.trim().is_empty() {
            return Ok(options);
        }
        let document = Document::parse(text.as_bytes().to_vec())
            .map_err(|error| Error::invalid_argument(format!("the options of the feed are not JSON: {error}")))?;
        let root = document.root();
        if root.kind() != Kind::Object {
            return Err(Error::invalid_argument("the options of the feed are no JSON object"));
        }
        for value in root.children() {
            let name = value.key().map(Key::as_str).unwrap_or_default();
            options.set(&name, value)?;
        }
        if options.poll_max < options.poll_min {
            return Err(Error::invalid_argument("poll_max_ms is less than poll_min_ms"));
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: Value<'_>) -> Result<()> {
        match name {
            "projects" => self.projects = list(name, value, "of ids, or of links to projects", project)?,
            "entity_types" => self.entity_types = texts(name, value)?,
            "event_types" => self.event_types = texts(name, value)?,
            "attributes" => self.attributes = texts(name, value)?,
            "filters" => self.filters = list(name, value, "of conditions, as for find", condition)?,
            "fields" => self.fields = texts(name, value)?,
            "from" => self.from = from(value)?,
            "state" => {
                self.state = match value.kind() {
                    Kind::Null => None,
                    Kind::String => value.as_str().map(|text| text.into_owned()),
                    _ => Some(value.json().to_owned()),
                }
            }
            "accept_other_site" => {
                self.accept_other_site = match value.json() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(wrong(name, "is neither true nor false")),
                }
            }
            "batch" => self.batch = usize::try_from(number(name, value, 1, 5_000)?).unwrap_or(100),
            "poll_min_ms" => self.poll_min = milliseconds(name, value, 1)?,
            "poll_max_ms" => self.poll_max = milliseconds(name, value, 1)?,
            "rescan_ms" => self.rescan = milliseconds(name, value, 1)?,
            "window_ms" => self.window = milliseconds(name, value, 0)?,
            _ => {
                return Err(Error::invalid_argument(format!(
                    "a feed has no option {}; there are {}",
                    quote(&shorten(name)),
                    NAMES.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// The conditions of the method `find`.
    pub(super) fn conditions(&self) -> Vec<String> {
        let mut conditions = self.filters.clone();
        if !self.projects.is_empty() {
            let link = |id: &i64| Object::new().text("type", "Project").raw("id", &id.to_string()).finish();
            conditions.push(one_of("project", self.projects.iter().map(link)));
        }
        if !self.entity_types.is_empty() {
            // After a delete no event of the row is linked to it any more; the name of the event stays.
            let named = |entity_type: &String| format!(r#"["event_type","starts_with",{}]"#, quote(&format!("Shotgun_{entity_type}_")));
            let any = array(self.entity_types.iter().map(named));
            conditions.push(Object::new().text("filter_operator", "any").raw("filters", &any).finish());
        }
        if !self.event_types.is_empty() {
            conditions.push(one_of("event_type", self.event_types.iter().map(|name| quote(name))));
        }
        if !self.attributes.is_empty() {
            conditions.push(one_of("attribute_name", self.attributes.iter().map(|name| quote(name))));
        }
        conditions
    }
}

fn one_of(field: &str, values: impl Iterator<Item = String>) -> String {
    array([quote(field), quote("in"), array(values)])
}

fn wrong(name: &str, what: &str) -> Error {
    Error::invalid_argument(format!("the feed's option {name} {what}"))
}

fn list<T>(name: &str, value: Value<'_>, of: &str, read: fn(Value<'_>) -> Option<T>) -> Result<Vec<T>> {
    let all = (value.kind() == Kind::Array).then(|| value.children().map(read).collect::<Option<Vec<T>>>());
    all.flatten().ok_or_else(|| wrong(name, &format!("is no list {of}")))
}

fn texts(name: &str, value: Value<'_>) -> Result<Vec<String>> {
    let text = |value: Value<'_>| value.as_str().filter(|text| !text.is_empty()).map(|text| text.into_owned());
    list(name, value, "of texts", text)
}

fn project(value: Value<'_>) -> Option<i64> {
    match value.kind() {
        Kind::Object => value.get("id")?.as_i64().ok(),
        _ => value.as_i64().ok(),
    }
}

fn condition(value: Value<'_>) -> Option<String> {
    matches!(value.kind(), Kind::Array | Kind::Object).then(|| value.json().to_owned())
}

fn number(name: &str, value: Value<'_>, least: i64, most: i64) -> Result<i64> {
    let number = value.as_i64().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| wrong(name, &format!("is no whole number from {least} to {most}")))
}

/// A day at most.
fn milliseconds(name: &str, value: Value<'_>, least: i64) -> Result<Duration> {
    let count = number(name, value, least, 86_400_000)?;
    Ok(Duration::from_millis(u64::try_from(count).unwrap_or(0)))
}

fn from(value: Value<'_>) -> Result<From> {
    let what = "is none of \"now\", \"beginning\", {\"id\": N} and {\"time\": \"2026-01-31T12:00:00Z\"}";
    let wrong = || wrong("from", what);
    match value.kind() {
        Kind::String if value.is_str("now") => Ok(From::Now),
        Kind::String if value.is_str("beginning") => Ok(From::Beginning),
        Kind::Object if value.count() == 1 => match (value.get("id"), value.get("time")) {
            (Some(id), None) => id.as_i64().ok().filter(|id| *id >= 0).map(From::After).ok_or_else(wrong),
            (None, Some(time)) => time.as_str().map(|time| From::Time(time.into_owned())).ok_or_else(wrong),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status::Status;

    #[test]
    fn conditions_are_those_of_find() {
        let options = EventOptions::parse(
            r#"{"projects": [70, {"type": "Project", "id": 71}], "entity_types": ["Shot", "Task"], "event_types": ["E"],
                "attributes": ["sg_status_list"], "filters": [["user", "is_not", null]]}"#,
        )
        .unwrap();
        assert_eq!(
            options.conditions(),
            [
                r#"["user", "is_not", null]"#,
                r#"["project","in",[{"type":"Project","id":70},{"type":"Project","id":71}]]"#,
                r#"{"filter_operator":"any","filters":[["event_type","starts_with","Shotgun_Shot_"],["event_type","starts_with","Shotgun_Task_"]]}"#,
                r#"["event_type","in",["E"]]"#,
                r#"["attribute_name","in",["sg_status_list"]]"#,
            ]
        );
        assert_eq!(EventOptions::parse(r#"{"from": {"id": 7}}"#).unwrap().from, From::After(7));
        assert!(EventOptions::parse("").unwrap().conditions().is_empty());
    }

    #[test]
    fn what_cannot_be_says_what_can() {
        for (text, words) in [
            ("[", "not JSON"),
            ("[]", "no JSON object"),
            (r#"{"project": 1}"#, "there are projects, entity_types"),
            (r#"{"projects": 1}"#, "no list of ids"),
            (r#"{"projects": ["a"]}"#, "no list of ids"),
            (r#"{"entity_types": [""]}"#, "no list of texts"),
            (r#"{"filters": [1]}"#, "no list of conditions"),
            (r#"{"from": "yesterday"}"#, "none of \"now\""),
            (r#"{"from": {"id": -1}}"#, "none of \"now\""),
            (r#"{"batch": 0}"#, "from 1 to 5000"),
            (r#"{"poll_min_ms": 0}"#, "from 1 to 86400000"),
            (r#"{"poll_min_ms": 50, "poll_max_ms": 20}"#, "less than poll_min_ms"),
            (r#"{"accept_other_site": 1}"#, "neither true nor false"),
        ] {
            let error = EventOptions::parse(text).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument);
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
}
