//! `sg events`: what happens on the site, printed as it does, or what is in the log and then the end.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use shotgrid::client::events::{EventOptions, Feed, From};
use shotgrid::client::{Document, Error, Kind, Status, Value, quote};

use crate::arguments::{Events, Format};
use crate::connect::Site;
use crate::failure::{self, Failure, Outcome, say};
use crate::filters;
use crate::kept;
use crate::output::{self, Kinds};
use crate::show::{cell, harmless};
use crate::table::cut;
use crate::values::{Types, link};

/// The pause between two looks grows so far while nothing happens.
const CALM: u32 = 10;
/// As much of a value is shown as takes so many columns.
const LONGEST_SHOWN: usize = 40;

/// Held while events are printed and the place behind them is kept: whoever ends the program waits for it.
pub type Whole = Arc<tokio::sync::Mutex<()>>;

pub async fn events(site: &Site, events: &Events, format: Format, whole: &Whole) -> Outcome {
    let lines = match output::kind(format) {
        Kinds::Csv => return Err(Failure::usage("events are lines for people, or JSON: there is no --csv")),
        Kinds::Table => line,
        Kinds::Json | Kinds::Lines => json_line,
    };
    let mut feed = open(site, events).await?;
    warn_of_unknown(site, &events.entity_type).await;
    if let Some(path) = &events.state {
        // Before anything is printed: a place that cannot be kept is told at once, and "now" is what it is from here on.
        kept::replace(path, &feed.state())?;
    }
    let mut in_trouble = false;
    loop {
        let found = if events.follow {
            feed.next(None).await
        } else {
            feed.next_there().await
        };
        let given = match found {
            Ok(Some(given)) => given,
            Ok(None) => return Ok(failure::OK),
            // What passes by itself is waited for: the feed looks again after a pause.
            Err(error) if events.follow && error.retryable => {
                if !std::mem::replace(&mut in_trouble, true) {
                    say(&format!("sg: {}; trying again", error.message));
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if std::mem::take(&mut in_trouble) {
            say("sg: going on");
        }
        let text: String = given.root().children().map(lines).collect();
        let place = events.state.clone().map(|path| (path, feed.state()));
        let whole = Arc::clone(whole).lock_owned().await;
        // Whoever reads this may take their time, and Ctrl-C is to end it all the same.
        let told = tokio::task::spawn_blocking(move || {
            let _whole = whole;
            tell(&text, place.as_ref().map(|(path, state)| (path.as_path(), state.as_str())))
        });
        let told = told
            .await
            .map_err(|error| Failure::local(format!("the events were not printed: {error}")))?;
        if let Some(code) = told? {
            return Ok(code);
        }
    }
}

/// Prints events, and then keeps the place behind them. Gives an exit code where there is nobody left to print to.
fn tell(text: &str, place: Option<(&Path, &str)>) -> Result<Option<u8>, Failure> {
    let mut out = std::io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    drop(out);
    if let Err(error) = printed {
        return Ok(Some(failure::written(Err(error))));
    }
    place.map_or(Ok(None), |(path, state)| kept::replace(path, state).map(|()| None))
}

async fn open(site: &Site, events: &Events) -> Result<Feed, Failure> {
    let state = match &events.state {
        Some(path) => state(path)?,
        None => None,
    };
    if !events.follow && events.state.is_none() && events.from.as_ref().is_none_or(|from| *from == From::Now) {
        return Err(
            Failure::usage("from now on there is nothing yet").hint("give --follow, --from beginning (an ID, a TIME), or --state FILE")
        );
    }
    let resumes = state.is_some();
    let options = EventOptions {
        projects: events.project.clone(),
        entity_types: events.entity_type.clone(),
        event_types: events.event.clone(),
        attributes: events.attribute.clone(),
        filters: filters::conditions(&mut Types::new(site), "EventLogEntry", &events.filters).await?,
        fields: events.fields.clone(),
        from: events.from.clone().unwrap_or(From::Now),
        state,
        poll_min: events.every,
        poll_max: events.every.saturating_mul(CALM),
        rescan: events.every.saturating_mul(2),
        ..EventOptions::default()
    };
    Feed::open(&site.client, options)
        .await
        .map_err(|error| match (&events.state, error.status) {
            (Some(path), Status::InvalidArgument) if resumes => of_state(path, &error),
            _ => error.into(),
        })
}

/// Whoever misspells a type waits for events that never come. It is no error: a log may tell of types that the site has no more.
async fn warn_of_unknown(site: &Site, entity_types: &[String]) {
    if entity_types.is_empty() {
        return;
    }
    // Not everybody may read the schema.
    let Ok(all) = site.call("schema_entity_read", "").await else {
        return;
    };
    for unknown in entity_types.iter().filter(|entity_type| all.root().get(entity_type).is_none()) {
        let unknown = harmless(unknown);
        say(&format!(
            "sg: the site has no entity type \"{unknown}\"; `sg schema` lists those that it has"
        ));
    }
}

fn of_state(path: &Path, error: &Error) -> Failure {
    let hint = "another site or another reader has a file of its own; without one --from says where to begin";
    Failure::local(format!("{}: {}", path.display(), error.message)).hint(hint)
}

/// The state that was kept; none where it is the first time.
fn state(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(kept::trouble(path, "cannot be read", &error)),
    }
}

/// `--from`.
pub fn from(word: &str) -> Result<From, String> {
    let wrong = || "now, beginning, the ID of an event, or a time in UTC such as 2026-01-31 or 2026-01-31T12:00:00Z".to_owned();
    match word {
        "now" => Ok(From::Now),
        "beginning" => Ok(From::Beginning),
        _ if word.bytes().all(|letter| letter.is_ascii_digit()) => word.parse().map(From::After).map_err(|_| wrong()),
        _ => {
            let time = if word.contains(['T', 't']) {
                word.to_ascii_uppercase()
            } else {
                format!("{word}T00:00:00Z")
            };
            let is_time = Document::parse(quote(&time).into_bytes()).is_ok_and(|time| time.root().as_time_ms().is_ok());
            (is_time && time.ends_with('Z')).then_some(From::Time(time)).ok_or_else(wrong)
        }
    }
}

/// `--project`: 70, or Project:70.
pub fn project(word: &str) -> Result<i64, String> {
    let id = match link(word) {
        Some(("Project", id)) => Some(id),
        _ => word.parse().ok().filter(|id| *id >= 1),
    };
    id.ok_or_else(|| "a project is its id, as in 70 or Project:70".to_owned())
}

/// `--every`.
pub fn every(word: &str) -> Result<Duration, String> {
    let seconds = word.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    seconds
        .filter(|pause| range.contains(pause))
        .ok_or_else(|| "seconds, from 0.01 to 3600".to_owned())
}

fn json_line(event: Value<'_>) -> String {
    format!("{}\n", event.json())
}

/// When, what, on what, what of it, by whom; and what is to be known of the event.
fn line(event: Value<'_>) -> String {
    let text = |name: &str| event.get(name).map(cell).unwrap_or_default();
    let parts = [
        text("created_at"),
        text("event_type"),
        subject(event),
        change(event),
        format!("by {}", actor(event)),
        marks(event),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}\n", harmless(&parts.join("  ")))
}

/// The row that it is about. After a delete no event is linked to it any more, and only `meta` knows its number.
fn subject(event: Value<'_>) -> String {
    if let Some(entity) = event.get("entity").filter(|entity| entity.kind() == Kind::Object) {
        return cell(entity);
    }
    let of = |name: &str| event.get("meta").and_then(|meta| meta.get(name)).map(cell).unwrap_or_default();
    match (of("entity_type"), of("entity_id"), of("display_name")) {
        (kind, id, _) if kind.is_empty() || id.is_empty() => String::new(),
        (kind, id, name) if name.is_empty() => format!("{kind}:{id}"),
        (kind, id, name) => format!("{kind}:{id} \"{name}\""),
    }
}

fn change(event: Value<'_>) -> String {
    let attribute = event.get("attribute_name").map(cell).unwrap_or_default();
    let of = |name: &str| event.get("meta").and_then(|meta| meta.get(name));
    match (of("old_value"), of("new_value")) {
        (Some(old), Some(new)) if !attribute.is_empty() => format!("{attribute}: {} → {}", shown(old), shown(new)),
        _ => attribute,
    }
}

fn shown(value: Value<'_>) -> String {
    match cell(value) {
        text if text.is_empty() => "nothing".to_owned(),
        text => cut(&text, LONGEST_SHOWN),
    }
}

fn actor(event: Value<'_>) -> String {
    let of = |name: &str| event.get("actor").and_then(|actor| actor.get(name));
    let name = |link: Option<Value<'_>>| {
        let member = |name: &str| link.and_then(|link| link.get(name)).map(cell).unwrap_or_default();
        match member("name") {
            name if name.is_empty() => format!("#{}", member("id")),
            name => name,
        }
    };
    let (user, acting) = (|| name(of("user")), || name(of("acting")));
    match &*of("kind").map(cell).unwrap_or_default() {
        "person" => user(),
        "script" => format!("script {}", user()),
        "script_for_person" => format!("script {} for {}", acting(), user()),
        "person_for_person" => format!("{} for {}", acting(), user()),
        _ => "the site".to_owned(),
    }
}

fn marks(event: Value<'_>) -> String {
    let is = |name: &str| event.get(name).is_some_and(Value::is_truthy);
    let marks: Vec<&str> = [("late", "late"), ("duplicate_possible", "perhaps shown before")]
        .into_iter()
        .filter(|(name, _)| is(name))
        .map(|(_, said)| said)
        .collect();
    match marks.as_slice() {
        [] => String::new(),
        marks => format!("({})", marks.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        line(Document::parse(json.into()).unwrap().root())
    }

    #[test]
    fn lines_say_who_did_what_for_whom() {
        let event = |actor: &str, more: &str| {
            shown(&format!(
                r#"{{"id":1,"created_at":"2026-01-31T12:00:00Z","event_type":"Shotgun_Shot_Change","attribute_name":"code",
                    "entity":{{"type":"Shot","id":862,"name":"SH"}},"meta":{{"old_value":null,"new_value":"A\u001b[31m"}},"actor":{actor}{more}}}"#
            ))
        };
        let anna = r#"{"type":"HumanUser","id":5,"name":"Anna"}"#;
        let start = "2026-01-31T12:00:00Z  Shotgun_Shot_Change  Shot:862 \"SH\"  code: nothing → A\\u{1b}[31m  by";
        for (actor, more, wanted) in [
            (format!(r#"{{"kind":"person","user":{anna},"acting":null}}"#), "", "Anna"),
            (
                r#"{"kind":"script","user":{"type":"ApiUser","id":2,"name":"ingest"},"acting":null}"#.to_owned(),
                r#","late":true,"duplicate_possible":false"#,
                "script ingest  (late)",
            ),
            (
                format!(r#"{{"kind":"script_for_person","user":{anna},"acting":{{"type":"ApiUser","id":2}}}}"#),
                r#","late":true,"duplicate_possible":true"#,
                "script #2 for Anna  (late, perhaps shown before)",
            ),
            (
                format!(r#"{{"kind":"person_for_person","user":{anna},"acting":{{"type":"HumanUser","id":6,"name":"Bo"}}}}"#),
                "",
                "Bo for Anna",
            ),
            (r#"{"kind":"site","user":null,"acting":null}"#.to_owned(), "", "the site"),
        ] {
            assert_eq!(event(&actor, more), format!("{start} {wanted}\n"));
        }
    }

    #[test]
    fn a_row_that_is_gone_is_named_all_the_same() {
        let gone =
            r#"{"event_type":"E","entity":null,"meta":{"entity_type":"Shot","entity_id":7,"display_name":"SH"},"actor":{"kind":"site"}}"#;
        assert_eq!(shown(gone), "E  Shot:7 \"SH\"  by the site\n");
        assert_eq!(shown(&gone.replace(r#","display_name":"SH""#, "")), "E  Shot:7  by the site\n");
    }

    #[test]
    fn beginnings_are_told_by_what_they_look_like() {
        assert_eq!(from("now"), Ok(From::Now));
        assert_eq!(from("4711"), Ok(From::After(4711)));
        assert_eq!(from("2026-01-31"), Ok(From::Time("2026-01-31T00:00:00Z".into())));
        assert_eq!(from("2026-01-31t12:00:00z"), Ok(From::Time("2026-01-31T12:00:00Z".into())));
        for wrong in [
            "",
            "-1",
            "yesterday",
            "2026-02-30",
            "2026-01-31T12:00:00+01:00",
            "99999999999999999999",
        ] {
            assert!(from(wrong).is_err_and(|why| why.contains("2026-01-31T12:00:00Z")), "{wrong}");
        }
        assert_eq!((project("70"), project("Project:70")), (Ok(70), Ok(70)));
        assert!(project("Shot:70").is_err() && project("0").is_err());
        assert!(every("0").is_err() && every("x").is_err() && every("0.5") == Ok(Duration::from_millis(500)));
    }
}
