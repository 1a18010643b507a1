//! `sg events`: what is in the log, what comes, and a reader that is ended in every way.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::{Desk, golden, said};

const LONG: Duration = Duration::from_secs(60);

/// Makes Shots, each of which is a few events.
fn make(desk: &Desk, codes: &[&str]) {
    let requests: Vec<String> = codes
        .iter()
        .map(|code| {
            let data = json!({"code": code, "project": {"type": "Project", "id": 1}});
            json!({"request_type": "create", "entity_type": "Shot", "data": data}).to_string()
        })
        .collect();
    desk.piped(&["batch"], &requests.join("\n")).done();
}

/// The names of new Shots that lines of JSON tell of.
fn names(lines: &str) -> Vec<String> {
    let event = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let name = |event: Value| event["entity"]["name"].as_str().map(str::to_owned);
    lines.lines().map(event).filter_map(name).collect()
}

/// A reader that goes on.
struct Follower {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Follower {
    fn start(desk: &Desk, words: &[&str]) -> Follower {
        let mut child = desk
            .script(&[&["events", "--follow", "--every", "0.05"], words].concat())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Follower { child, out }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn signal(&self, signal: &str) {
        let killed = std::process::Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }

    /// Ends it. Its exit code, and what it said besides.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        self.ended()
    }

    fn ended(&mut self) -> (Option<i32>, String) {
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), error)
    }
}

/// Waits until a file says something else than before.
fn changed(path: &std::path::Path, before: &str) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if !text.is_empty() && text != before {
            return text;
        }
        assert!(start.elapsed() < LONG, "{} stays as it is", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_in_the_log_is_read_and_then_it_ends() {
    let desk = Desk::new("events");
    make(&desk, &["A", "B"]);
    said(&mut desk.script(&["update", "Shot:1", "description=x", "--sudo", "admin"])).done();
    desk.sg(&["delete", "Shot:2"]).done();
    let shown = desk.sg(&["events", "--from", "beginning", "--type", "Shot", "--table"]).done().out;
    let without_times: String = shown
        .lines()
        .map(|line| {
            let (time, rest) = line.split_once("  ").unwrap();
            assert!(time.len() == 20 && time.ends_with('Z'), "{line}");
            let (known, _) = rest.split_once("retirement_date: nothing → 2").unwrap_or((rest, ""));
            format!("{}\n", known.trim_end())
        })
        .collect();
    golden("events.txt", &without_times);

    let read = |words: &[&str]| desk.sg(&[&["events", "--json"], words].concat()).done().out;
    let new = &["--from", "beginning", "--event", "Shotgun_Shot_New"][..];
    assert_eq!(names(&read(new)), ["A", "B"]);
    let first: Value = serde_json::from_str(read(new).lines().next().unwrap()).unwrap();
    assert_eq!((&first["actor"]["kind"], &first["late"]), (&json!("script"), &json!(false)));
    let behind = first["id"].to_string();
    assert_eq!(names(&read(&["--from", &behind, "--event", "Shotgun_Shot_New"])), ["B"]);
    assert_eq!(names(&read(&["--from", "2001-01-01", "--event", "Shotgun_Shot_New"])), ["A", "B"]);
    assert_eq!(read(&["--from", "2101-01-01T00:00:00Z", "--event", "Shotgun_Shot_New"]), "");
    assert_eq!(read(&[new, &["--project", "Project:2"]].concat()), "");
    assert_eq!(names(&read(&[new, &["--project", "1,2"]].concat())), ["A", "B"]);
    let descriptions = read(&["--from", "beginning", "--attribute", "description", "--type", "Shot"]);
    let acting = descriptions.lines().filter(|line| line.contains("\"script_for_person\"")).count();
    assert_eq!(acting, 1, "{descriptions}");
    let of_admin = read(&[
        "--from",
        "beginning",
        "-f",
        "attribute_name is code",
        "-f",
        "user is ApiUser:1",
        "--fields",
        "image",
    ]);
    assert!(
        of_admin.lines().all(|line| line.contains("\"image\"")) && of_admin.lines().count() == 2,
        "{of_admin}"
    );
}

#[test]
fn what_cannot_be_read_is_told_with_what_can() {
    let desk = Desk::new("no-events");
    desk.sg(&["events"]).fails(2, &["nothing yet", "--follow"]);
    desk.sg(&["events", "--from", "now"]).fails(2, &["--state FILE"]);
    desk.sg(&["events", "--from", "beginning", "--csv"]).fails(2, &["no --csv"]);
    desk.sg(&["events", "--from", "0", "-f", "user near x"]).fails(2, &["no relation"]);
    desk.sg(&["events", "--from", "0", "-f", "nothing is x"]).fails(6, &["nothing"]);
    let misspelt = desk.sg(&["events", "--from", "beginning", "--type", "Shot,Shots"]);
    assert_eq!(misspelt.code, 0, "{}", misspelt.err);
    assert_eq!(
        misspelt.err,
        "sg: the site has no entity type \"Shots\"; `sg schema` lists those that it has\n"
    );
    for words in [["--from", "yesterday"], ["--project", "Shot:1"], ["--every", "0"]] {
        let wrong = desk.sg(&["events", words[0], words[1]]);
        assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
        assert!(wrong.err.contains(words[1]), "{}", wrong.err);
    }
    let state = desk.folder.join("state");
    let at = state.to_str().unwrap();
    std::fs::write(&state, "nonsense").unwrap();
    desk.sg(&["events", "--state", at]).fails(8, &["state", "is no state of a feed"]);
    std::fs::write(&state, r#"{"shotgrid_events":1,"site":"studio.example.com","floor":0,"seen":""}"#).unwrap();
    desk.sg(&["events", "--state", at])
        .fails(8, &["studio.example.com", "a file of its own"]);
    desk.sg(&["events", "--follow", "--state", "/no/such/state"])
        .fails(8, &["/no/such/state cannot be written"]);
    let artist = said(desk.artist(&["events", "--from", "0"]).env("SG_PASSWORD", "wrong"));
    artist.fails(3, &["artist"]);
}

#[test]
fn runs_with_a_state_read_what_is_new() {
    let desk = Desk::new("state");
    let state = desk.folder.join("state");
    let read = || {
        names(
            &desk
                .sg(&["events", "--event", "Shotgun_Shot_New", "--state", state.to_str().unwrap()])
                .done()
                .out,
        )
    };
    make(&desk, &["A"]);
    assert_eq!(read(), [""; 0]);
    make(&desk, &["B", "C"]);
    assert_eq!(read(), ["B", "C"]);
    assert_eq!(read(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_the_end_and_the_place_is_kept() {
    let desk = Desk::new("follow");
    let state = desk.folder.join("state");
    let words = ["--event", "Shotgun_Shot_New", "--state", state.to_str().unwrap()];
    let mut reader = Follower::start(&desk, &words);
    let at_first = changed(&state, "");
    make(&desk, &["A"]);
    assert_eq!(reader.line()["entity"]["name"], "A");
    let after_a = changed(&state, &at_first);
    assert_eq!(reader.end("-INT"), (Some(0), String::new()));
    make(&desk, &["B"]);
    // The site is away for a while: the reader waits, and says so once.
    let mut reader = Follower::start(&desk, &words);
    let b = reader.line();
    assert_eq!((&b["entity"]["name"], &b["duplicate_possible"]), (&json!("B"), &json!(true)));
    changed(&state, &after_a);
    let busy = r#"{"kind": "status", "status": 503, "method": "read", "times": 9}"#;
    desk.site.add_faults(busy).unwrap();
    let start = Instant::now();
    while desk.site.faults()[0].applied < 9 {
        assert!(start.elapsed() < LONG, "it asks no more");
        std::thread::sleep(Duration::from_millis(20));
    }
    make(&desk, &["C"]);
    let c = reader.line();
    assert_eq!((&c["entity"]["name"], &c["duplicate_possible"]), (&json!("C"), &json!(false)));
    let (code, error) = reader.end("-INT");
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = error.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].ends_with("trying again") && lines[1] == "sg: going on",
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_is_killed_loses_nothing() {
    let desk = Desk::new("killed");
    let state = desk.folder.join("state");
    let words = [
        "--event",
        "Shotgun_Shot_New",
        "--state",
        state.to_str().unwrap(),
        "--from",
        "beginning",
    ];
    let mut read = Vec::new();
    let codes: Vec<String> = (0..8).map(|number| format!("S{number}")).collect();
    for pair in codes.chunks(2) {
        let mut reader = Follower::start(&desk, &words);
        make(&desk, &[&pair[0], &pair[1]]);
        // Killed with one of the two printed, or both, and the place kept or not.
        read.push(reader.line());
        reader.signal("-KILL");
        let mut printed = String::new();
        reader.out.read_to_string(&mut printed).unwrap();
        read.extend(printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()));
        assert_eq!(reader.ended().0, None);
    }
    let rest = desk
        .sg(&["events", "--event", "Shotgun_Shot_New", "--state", state.to_str().unwrap()])
        .done();
    read.extend(rest.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    let name = |event: &Value| event["entity"]["name"].as_str().unwrap().to_owned();
    let mut seen = BTreeSet::new();
    for event in &read {
        assert!(seen.insert(name(event)) || event["duplicate_possible"] == true, "{event}");
    }
    let lost: Vec<&String> = codes.iter().filter(|code| !seen.contains(*code)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[cfg(unix)]
#[test]
fn a_follower_that_nobody_reads_any_more_ends() {
    let desk = Desk::new("unread");
    let mut reader = Follower::start(&desk, &["--event", "Shotgun_Shot_New", "--from", "0"]);
    make(&desk, &["A"]);
    reader.line();
    let Follower { mut child, out } = reader;
    drop(out);
    make(&desk, &["B"]);
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!((child.wait().unwrap().code(), error.as_str()), (Some(0), ""));
}
