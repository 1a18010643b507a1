//! The event feed against a log whose numbers fill in late and out of order, and a reader that is killed and resumed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "support/fake_site.rs"]
mod fake_site;
#[path = "support/tools.rs"]
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fake_site::{Answer, FakeSite, INFO};
use serde_json::{Value, json};
use shotgrid::client::events::{EventOptions, Feed, From};
use shotgrid::client::{Client, Credentials, Options, Secret, Status};
use shotgrid_sandbox::Sandbox;
use tools::{Folder, run};

/// An event log: each event shows from its time on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<BTreeMap<i64, (Instant, Value)>>>);

impl Log {
    fn add(&self, id: i64, after: Duration, more: Value) {
        let mut row = json!({"type": "EventLogEntry", "id": id, "event_type": "Shotgun_Shot_Change"});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.0.lock().unwrap().insert(id, (Instant::now() + after, row));
    }

    fn now(&self, ids: impl IntoIterator<Item = i64>) {
        ids.into_iter().for_each(|id| self.add(id, Duration::ZERO, json!({})));
    }

    fn read(&self, params: &Value) -> Answer {
        let conditions = params["filters"]["conditions"].as_array().cloned().unwrap_or_default();
        let number = |value: &Value| value.as_i64().unwrap_or_default();
        let since = conditions.iter().find(|condition| condition["path"] == "created_at");
        let since = since.map_or("", |condition| condition["values"][0].as_str().unwrap());
        let shows = |id: i64, row: &Value| {
            let is_behind = since.is_empty() || row["created_at"].as_str().is_some_and(|time| time > since);
            let mut ids = conditions.iter().filter(|condition| condition["path"] == "id");
            is_behind
                && ids.all(|condition| {
                    let values = condition["values"].as_array().unwrap();
                    match condition["relation"].as_str().unwrap() {
                        "greater_than" => id > number(&values[0]),
                        "less_than" => id < number(&values[0]),
                        "in" => values.iter().any(|value| number(value) == id),
                        other => panic!("{other}"),
                    }
                })
        };
        let most = usize::try_from(params["paging"]["entities_per_page"].as_u64().unwrap()).unwrap();
        let now = Instant::now();
        let log = self.0.lock().unwrap();
        let there = log
            .iter()
            .filter(|(id, (from, row))| *from <= now && shows(**id, row))
            .map(|(_, (_, row))| row.clone());
        let rows: Vec<Value> = match params["sorts"][0]["direction"].as_str().unwrap() {
            "desc" => there.rev().take(most).collect(),
            _ => there.take(most).collect(),
        };
        let more = rows.len() == most;
        Answer::Json(json!({"results": {"entities": rows, "paging_info": {"has_next_page": more}}}).to_string())
    }

    fn site(&self) -> FakeSite {
        let log = self.clone();
        FakeSite::bare(move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            _ => log.read(&request.params()),
        })
    }
}

async fn client(url: &str) -> Client {
    script(url, "robot".into(), "0123abcd".into()).await
}

async fn script(url: &str, name: String, api_key: String) -> Client {
    let credentials = Credentials::Script {
        name,
        api_key: Secret::new(api_key),
    };
    let options = Options {
        verify_on_connect: false,
        ..Options::default()
    };
    Client::connect(url, credentials, options).await.unwrap()
}

fn quick(from: From) -> EventOptions {
    EventOptions {
        from,
        poll_min: Duration::from_millis(10),
        poll_max: Duration::from_millis(50),
        rescan: Duration::from_millis(30),
        ..EventOptions::default()
    }
}

/// The events of the next batch; none where none came in time.
async fn next(feed: &mut Feed, limit: Duration) -> Vec<Value> {
    let events = feed.next(Some(limit)).await.unwrap();
    events.map_or_else(Vec::new, |events| serde_json::from_str(events.json()).unwrap())
}

fn ids(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["id"].as_i64().unwrap()).collect()
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

#[test]
fn what_fills_in_behind_others_comes_once_and_is_marked() {
    let log = Log::default();
    log.now([1, 2, 3]);
    let site = log.site();
    run(async {
        let client = client(&site.url).await;
        let mut feed = Feed::open(&client, quick(From::Now)).await.unwrap();
        assert!(next(&mut feed, SHORT).await.is_empty(), "what was there already");
        log.now([5, 8]);
        let events = next(&mut feed, LONG).await;
        assert_eq!((ids(&events), &events[0]["late"]), (vec![5, 8], &json!(false)));
        log.now([4, 7]);
        let events = next(&mut feed, LONG).await;
        assert_eq!((ids(&events), &events[0]["late"]), (vec![4, 7], &json!(true)));
        assert_eq!(events[0]["duplicate_possible"], false);
        assert!(next(&mut feed, SHORT).await.is_empty());
    });
}

#[test]
fn many_pages_are_caught_up_with_at_once() {
    let log = Log::default();
    log.now(1..=2_300);
    let site = log.site();
    run(async {
        let client = client(&site.url).await;
        let options = EventOptions {
            poll_min: Duration::from_secs(60),
            poll_max: Duration::from_secs(60),
            batch: 1_000,
            ..quick(From::After(100))
        };
        let mut feed = Feed::open(&client, options).await.unwrap();
        let mut all = Vec::new();
        while all.len() < 2_200 {
            let events = next(&mut feed, LONG).await;
            assert!(!events.is_empty());
            all.extend(ids(&events));
        }
        assert_eq!(all, (101..=2_300).collect::<Vec<_>>());
    });
}

#[test]
fn a_state_covers_what_was_handled_and_a_resume_marks_the_rest() {
    let log = Log::default();
    log.now([1, 2, 4]);
    let site = log.site();
    run(async {
        let client = client(&site.url).await;
        let options = EventOptions {
            batch: 2,
            ..quick(From::Beginning)
        };
        let mut feed = Feed::open(&client, options.clone()).await.unwrap();
        assert_eq!(ids(&next(&mut feed, LONG).await), [1, 2]);
        assert!(feed.state_before_last().contains("\"floor\":0,\"seen\":\"\""));
        feed.give_back();
        assert_eq!(ids(&next(&mut feed, LONG).await), [1, 2]);
        let state = feed.state();
        assert!(state.contains("\"seen\":\"1x2\""), "{state}");
        assert_eq!(ids(&next(&mut feed, LONG).await), [4]);
        drop(feed);
        log.now([3]);
        let resumed = EventOptions {
            state: Some(state.clone()),
            ..options
        };
        let mut feed = Feed::open(&client, resumed.clone()).await.unwrap();
        let events = next(&mut feed, LONG).await;
        assert_eq!(ids(&events), [3, 4]);
        assert!(events.iter().all(|event| event["duplicate_possible"] == true));
        log.now([5]);
        let events = next(&mut feed, LONG).await;
        assert_eq!((ids(&events), &events[0]["duplicate_possible"]), (vec![5], &json!(false)));
        let elsewhere = EventOptions {
            state: Some(state.replace("127.0.0.1", "studio.example.com")),
            ..resumed
        };
        let error = Feed::open(&client, elsewhere.clone()).await.err().unwrap();
        assert_eq!(error.status, Status::InvalidArgument);
        assert!(error.message.contains("studio.example.com"), "{error}");
        let accepted = EventOptions {
            accept_other_site: true,
            ..elsewhere
        };
        Feed::open(&client, accepted).await.unwrap();
    });
}

#[test]
fn who_did_it_is_read_out() {
    let log = Log::default();
    let person = json!({"type": "HumanUser", "id": 5, "name": "Aki"});
    let script = json!({"type": "ApiUser", "id": 2, "name": "ingest"});
    let acting = json!({"sudo_actual_user": {"type": "ApiUser", "id": 2}});
    log.add(1, Duration::ZERO, json!({"user": person, "meta": {}}));
    log.add(2, Duration::ZERO, json!({"user": script, "meta": null}));
    log.add(3, Duration::ZERO, json!({"user": person, "meta": acting}));
    log.add(4, Duration::ZERO, json!({"user": null}));
    let site = log.site();
    run(async {
        let mut feed = Feed::open(&client(&site.url).await, quick(From::Beginning)).await.unwrap();
        let events = next(&mut feed, LONG).await;
        let actors: Vec<&Value> = events.iter().map(|event| &event["actor"]).collect();
        assert_eq!(actors[0], &json!({"kind": "person", "user": person, "acting": null}));
        assert_eq!(actors[1], &json!({"kind": "script", "user": script, "acting": null}));
        assert_eq!(
            actors[2],
            &json!({"kind": "script_for_person", "user": person, "acting": {"type": "ApiUser", "id": 2}})
        );
        assert_eq!(actors[3]["kind"], "site");
    });
}

#[test]
fn errors_do_not_end_the_feed_and_looking_without_waiting_works() {
    let log = Log::default();
    let down = Arc::new(Mutex::new(false));
    let site = FakeSite::bare({
        let (log, down) = (log.clone(), down.clone());
        move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            _ if *down.lock().unwrap() => Answer::fault(104, "Entity of type EventLogEntry can not be accessed by this user. Rule: Vendor"),
            _ => log.read(&request.params()),
        }
    });
    run(async {
        let mut feed = Feed::open(&client(&site.url).await, quick(From::Now)).await.unwrap();
        *down.lock().unwrap() = true;
        let error = feed.next(Some(LONG)).await.err().unwrap();
        assert_eq!(error.status, Status::Permission);
        *down.lock().unwrap() = false;
        log.now([1]);
        for _ in 0..1_000 {
            let events = match feed.next(Some(Duration::ZERO)).await {
                Ok(events) => events,
                Err(error) if error.status == Status::Permission => None,
                Err(error) => panic!("{error}"),
            };
            if events.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the feed has ended");
    });
}

#[test]
fn a_quiet_log_is_asked_less_and_less() {
    let site = Log::default().site();
    run(async {
        let options = EventOptions {
            poll_min: Duration::from_millis(20),
            poll_max: Duration::from_millis(400),
            ..quick(From::Now)
        };
        let mut feed = Feed::open(&client(&site.url).await, options).await.unwrap();
        let before = site.requests_of("read").len();
        assert!(next(&mut feed, Duration::from_secs(2)).await.is_empty());
        let looks = site.requests_of("read").len() - before;
        assert!((3..=16).contains(&looks), "{looks}");
    });
}

#[test]
fn a_time_is_where_its_first_event_is() {
    let log = Log::default();
    let at = |minute: u32| json!({"created_at": format!("2026-01-31T12:{minute:02}:00Z")});
    for (id, minute) in [(3, 1), (5, 2), (6, 3), (9, 4)] {
        log.add(id, Duration::ZERO, at(minute));
    }
    let site = log.site();
    run(async {
        let client = client(&site.url).await;
        let from = |time: &str| quick(From::Time(time.into()));
        let mut feed = Feed::open(&client, from("2026-01-31T12:02:00Z")).await.unwrap();
        let mut later = Feed::open(&client, from("2026-01-31T12:04:00Z")).await.unwrap();
        assert_eq!(ids(&next(&mut feed, LONG).await), [6, 9]);
        assert!(next(&mut later, SHORT).await.is_empty());
        // What fills in behind the first event of that time is of that time, too; where there is none yet, it is now.
        log.add(8, Duration::ZERO, at(3));
        log.add(10, Duration::ZERO, at(5));
        for feed in [&mut feed, &mut later] {
            let mut found = ids(&next(feed, LONG).await);
            while found.len() < 2 {
                found.extend(ids(&next(feed, LONG).await));
            }
            found.sort_unstable();
            assert_eq!(found, [8, 10]);
        }
    });
}

#[test]
fn who_reads_what_is_there_is_told_when_that_is_all() {
    let log = Log::default();
    log.now(1..=1_100);
    let site = log.site();
    run(async {
        let client = client(&site.url).await;
        let slow = EventOptions {
            poll_min: Duration::from_secs(600),
            poll_max: Duration::from_secs(600),
            batch: 1_000,
            ..quick(From::Beginning)
        };
        let mut feed = Feed::open(&client, slow.clone()).await.unwrap();
        let mut all = Vec::new();
        while let Some(events) = feed.next_there().await.unwrap() {
            all.extend(ids(&serde_json::from_str::<Vec<Value>>(events.json()).unwrap()));
        }
        assert_eq!(all, (1..=1_100).collect::<Vec<_>>());
        let state = Some(feed.state());
        log.now([1_105, 1_107]);
        let mut feed = Feed::open(&client, EventOptions { state, ..slow.clone() }).await.unwrap();
        assert_eq!(feed.next_there().await.unwrap().unwrap().root().count(), 2);
        assert!(feed.next_there().await.unwrap().is_none());
        // One that comes back later also has what filled in behind.
        let state = Some(feed.state());
        log.now([1_103, 1_110]);
        let mut feed = Feed::open(&client, EventOptions { state, ..slow }).await.unwrap();
        let events = feed.next_there().await.unwrap().unwrap();
        assert_eq!(ids(&serde_json::from_str::<Vec<Value>>(events.json()).unwrap()), [1_103, 1_110]);
        assert!(feed.next_there().await.unwrap().is_none());
    });
}

#[test]
fn a_session_that_ends_in_the_middle_is_renewed() {
    let log = Log::default();
    let session = Arc::new(Mutex::new(0));
    let site = FakeSite::bare({
        let (log, session) = (log.clone(), session.clone());
        move |request| match request.wire_method().as_str() {
            "info" => Answer::json(INFO),
            "get_session_token" => {
                let mut session = session.lock().unwrap();
                *session += 1;
                Answer::json(format!(r#"{{"results":{{"session_id":"session-{session}"}}}}"#))
            }
            _ if request.auth()["session_token"] == format!("session-{}", session.lock().unwrap()) => log.read(&request.params()),
            _ => Answer::fault(102, "Can't authenticate session token ending with 'xxxx'"),
        }
    });
    run(async {
        let person = Credentials::Person {
            login: "anna".into(),
            password: Secret::new("pass word"),
        };
        let client = Client::connect(&site.url, person, Options::default()).await.unwrap();
        let mut feed = Feed::open(&client, quick(From::Now)).await.unwrap();
        for round in 1..=3 {
            log.now([2 * round]);
            assert_eq!(ids(&next(&mut feed, LONG).await), [2 * round]);
            // As on the site: nobody knows the token any more.
            *session.lock().unwrap() += 100;
            log.now([2 * round - 1]);
            assert_eq!(ids(&next(&mut feed, LONG).await), [2 * round - 1]);
        }
        assert_eq!(site.requests_of("get_session_token").len(), 4);
    });
}

/// A reader that keeps its place in a file, as a tool does, until it is killed. It is a process of its own, started by the test below.
#[test]
#[ignore = "started by another test"]
fn reader() {
    let folder = std::path::PathBuf::from(std::env::var_os("EVENTS_FOLDER").unwrap());
    let url = std::env::var("EVENTS_URL").unwrap();
    let place = folder.join("state");
    let mut given = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("given"))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = EventOptions {
            state: std::fs::read_to_string(&place).ok(),
            window: Duration::from_secs(4),
            ..quick(From::Beginning)
        };
        let [name, api_key] = ["EVENTS_SCRIPT", "EVENTS_KEY"].map(|name| std::env::var(name).unwrap());
        let mut feed = Feed::open(&script(&url, name, api_key).await, options).await.unwrap();
        loop {
            let events = next(&mut feed, SHORT).await;
            let mut lines = String::new();
            for event in &events {
                writeln!(lines, "{} {}", event["id"], event["duplicate_possible"]).unwrap();
            }
            given.write_all(lines.as_bytes()).unwrap();
            std::fs::write(folder.join("new"), feed.state()).unwrap();
            std::fs::rename(folder.join("new"), &place).unwrap();
            // Nobody to tell it to end: it is killed in any case.
        }
    });
}

/// Numbers that follow from a seed.
fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Kills readers until the writer is done, and gives its numbers to the last one: each is read, and twice only with a word.
fn is_followed(name: &str, (url, script, key): (&str, &str, &str), writer: JoinHandle<BTreeSet<i64>>) {
    let folder = Folder::new(name);
    let mut seed = 0x5eed_0123_4567_89ab;
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["reader", "--exact", "--ignored", "--nocapture"])
            .env("EVENTS_FOLDER", &folder.0)
            .env("EVENTS_URL", url)
            .env("EVENTS_SCRIPT", script)
            .env("EVENTS_KEY", key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut kills = 0;
    while !writer.is_finished() {
        let mut reader = start();
        std::thread::sleep(Duration::from_millis(300 + chance(&mut seed) % 900));
        reader.kill().unwrap();
        reader.wait().unwrap();
        kills += 1;
    }
    let written = writer.join().unwrap();
    let mut reader = start();
    let given = || -> Vec<(i64, bool)> {
        let text = std::fs::read_to_string(folder.0.join("given")).unwrap_or_default();
        let line = |line: &str| {
            let (id, doubtful) = line.split_once(' ')?;
            Some((id.parse().ok()?, doubtful == "true"))
        };
        text.lines().filter_map(line).collect()
    };
    let since = Instant::now();
    while given().iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len() < written.len() && since.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    // What came twice would come now.
    std::thread::sleep(Duration::from_millis(500));
    reader.kill().unwrap();
    reader.wait().unwrap();
    let given = given();
    let mut seen = BTreeSet::new();
    let unmarked: Vec<i64> = given
        .iter()
        .filter(|(id, doubtful)| !seen.insert(*id) && !doubtful)
        .map(|(id, _)| *id)
        .collect();
    let lost: Vec<&i64> = written.difference(&seen).collect();
    let state = std::fs::read_to_string(folder.0.join("state")).unwrap();
    assert!(lost.is_empty(), "{} lost over {kills} kills: {lost:?}", lost.len());
    assert!(unmarked.is_empty(), "given twice without a word: {unmarked:?}");
    assert_eq!(seen, written);
    assert!(kills >= 3 && state.len() < 64 * 1024, "{kills} {}", state.len());
}

#[test]
fn a_reader_that_is_killed_again_and_again_loses_nothing() {
    const EVENTS: usize = 4_000;
    let log = Log::default();
    let site = log.site();
    let writer = std::thread::spawn(move || {
        let mut seed = 0xfeed_0123_4567_89ab;
        let (mut id, mut written) = (0, BTreeSet::new());
        while written.len() < EVENTS {
            for _ in 0..50 {
                id += 1;
                // Of ten numbers seven are ever used, and three of those show late.
                if chance(&mut seed) % 10 < 7 && written.len() < EVENTS {
                    let late = chance(&mut seed) % 10 < 3;
                    let after = if late { chance(&mut seed) % 1_500 } else { 0 };
                    log.add(id, Duration::from_millis(after), json!({}));
                    written.insert(id);
                }
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        written
    });
    is_followed("events", (&site.url, "robot", "0123abcd"), writer);
}

/// The same against a site that has rows, roles and a database, and whose changes are what is told of.
#[test]
fn ten_thousand_events_of_a_site_come_whole() {
    const EACH: usize = 100;
    const BATCHES: usize = 100;
    let site = Sandbox::builder().late_events(Duration::from_millis(1_500)).start().unwrap();
    let (url, name, key) = (site.url().to_owned(), site.script().name.clone(), site.script().api_key.clone());
    let writer = std::thread::spawn({
        let (url, name, key) = (url.clone(), name.clone(), key.clone());
        move || {
            run(async {
                let client = script(&url, name, key).await;
                for round in 0..BATCHES {
                    let change = |number: usize| {
                        let data = json!({"description": format!("{round} {number}")});
                        json!({"request_type": "update", "entity_type": "Shot", "entity_id": 1 + number % 36, "data": data})
                    };
                    let changes: Vec<Value> = (0..EACH).map(change).collect();
                    client.call("batch", &json!([changes]).to_string()).await.unwrap();
                }
                // All of them show within the time that is the latest.
                tokio::time::sleep(Duration::from_millis(1_600)).await;
                let all = client.call("find", r#"["EventLogEntry", [], ["id"]]"#).await.unwrap();
                let rows: Vec<Value> = serde_json::from_str(all.json()).unwrap();
                assert_eq!(rows.len(), EACH * BATCHES);
                ids(&rows).into_iter().collect()
            })
        }
    });
    is_followed("site-events", (&url, &name, &key), writer);
}
