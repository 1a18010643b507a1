//! The command against the local site: what it prints, what it says, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod desk;
mod events;
mod recordings;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use desk::{Desk, Said, ended, golden, said};

#[test]
fn help_says_what_there_is() {
    let desk = Desk::new("help");
    golden("help.txt", &said(&mut desk.nobody(&["--help"])).done().out);
    for command in ["find", "update", "can", "login", "batch", "download", "events"] {
        golden(
            &format!("help-{command}.txt"),
            &said(&mut desk.nobody(&[command, "--help"])).done().out,
        );
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&mut desk.nobody(&["completions", shell])).done().out;
        assert!(script.contains("find-one") && script.contains("whoami"), "{shell}");
    }
    assert!(said(&mut desk.nobody(&["--version"])).done().out.starts_with("sg 0."));
}

#[test]
fn rows_are_found_in_every_form() {
    let desk = Desk::new("find");
    let found = desk
        .sg(&[
            "find",
            "Shot",
            "-f",
            "code is SQ010_0010",
            "--fields",
            "code,sg_sequence,description",
        ])
        .done();
    assert_eq!(found.json()[0]["sg_sequence"]["name"], "SQ010", "{}", found.out);
    let lines = desk.sg(&["find", "Shot", "-o", "code:desc", "-l", "3", "--jsonl"]).done();
    assert_eq!(lines.out.lines().count(), 3, "{}", lines.out);
    let codes: Vec<Value> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["code"].clone())
        .collect();
    assert!(codes[0].as_str() > codes[1].as_str(), "{codes:?}");
    assert_eq!(desk.sg(&["find", "Shot", "-f", "code is nothing"]).done().out, "[]\n");
    assert_eq!(desk.sg(&["find", "Shot", "-l", "0"]).done().json().as_array().unwrap().len(), 36);
    assert_eq!(
        desk.sg(&["find", "Shot", "--page", "2", "-l", "30"])
            .done()
            .json()
            .as_array()
            .unwrap()
            .len(),
        6
    );
    let made = desk
        .sg(&["create", "Shot", "project=Project:1", "code=港, \"x\"", "sg_sequence=Sequence:1"])
        .done()
        .json();
    let id = made["id"].to_string();
    let table = desk
        .sg(&[
            "find",
            "Shot",
            "-f",
            &format!("id is {id}"),
            "--fields",
            "code,sg_sequence,description",
            "--table",
        ])
        .done();
    let wanted = format!(
        "id  code     sg_sequence         description\n──  ───────  ──────────────────  ───────────\n{id}  港, \"x\"  Sequence:1 \"SQ010\"\n"
    );
    assert_eq!(table.out, wanted);
    let csv = desk
        .sg(&[
            "find",
            "Shot",
            "-f",
            &format!("id={id}"),
            "--fields",
            "code,sg_sequence,description",
            "--csv",
        ])
        .done();
    assert_eq!(
        csv.out,
        format!("id,code,sg_sequence,description\r\n{id},\"港, \"\"x\"\"\",\"Sequence:1 \"\"SQ010\"\"\",\r\n")
    );
    assert_eq!(
        desk.sg(&["find-one", "Shot", "-f", "code starts with SQ0"]).done().json()["type"],
        "Shot"
    );
    desk.sg(&["find-one", "Shot", "-f", "code is nothing"])
        .fails(1, &["no Shot matches"]);
    desk.sg(&["get", "Shot:999999"]).fails(1, &["there is no Shot 999999"]);
    assert_eq!(desk.sg(&["get", "Shot", "1"]).done().json()["code"], "SQ010_0010");
    for (filter, count) in [
        ("sg_status_list in wtg, ip", None),
        ("sg_cut_in between 1001 and 1001", Some(36)),
        ("sg_sequence is Sequence:1", Some(9)),
        ("sg_sequence.Sequence.code is SQ010", Some(9)),
        ("created_at in_last 2 days", None),
        ("sg_cut_in > 1001", Some(0)),
        ("sg_hero is true", None),
        ("assets is Asset:3", None),
        ("description is null", None),
    ] {
        let found = desk.sg(&["find", "Shot", "-f", filter]).done().json().as_array().unwrap().len();
        assert!(count.is_none_or(|count| count == found), "{filter}: {found}");
    }
    let sums = desk
        .sg(&["summarize", "Shot", "-g", "sg_sequence", "-s", "id:count", "--csv"])
        .done();
    assert!(sums.out.starts_with("sg_sequence,id\r\n"), "{}", sums.out);
}

#[test]
fn values_are_what_the_field_takes() {
    let desk = Desk::new("values");
    let made = desk
        .sg(&[
            "create",
            "Shot",
            "project=Project:1",
            "code=012",
            "description=Note:12",
            "sg_cut_in=1001",
            "sg_hero=yes",
            "assets=Asset:1",
        ])
        .done()
        .json();
    let wanted = [
        ("code", json!("012")),
        ("description", json!("Note:12")),
        ("sg_cut_in", json!(1001)),
        ("sg_hero", json!(true)),
    ];
    for (field, value) in wanted {
        assert_eq!(made[field], value, "{made}");
    }
    let row = format!("Shot:{}", made["id"]);
    let links = |said: Said| -> Vec<i64> {
        said.done().json()["assets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(links(desk.sg(&["update", &row, "assets+=Asset:2,Asset:3"])), [1, 2, 3]);
    assert_eq!(links(desk.sg(&["update", &row, "assets-=Asset:1"])), [2, 3]);
    assert_eq!(links(desk.sg(&["update", &row, "assets="])), [0_i64; 0]);
    assert_eq!(
        desk.sg(&["update", &row, "description=null", "sg_cut_in:=1002"]).done().json()["description"],
        Value::Null
    );
    assert_eq!(
        desk.sg(&["update", &row, "description='null'"]).done().json()["description"],
        "null"
    );
    desk.sg(&["update", &row, "sg_cut_in=x"]).fails(6, &["sg_cut_in"]);
    desk.sg(&["update", &row, "sg_cut_in"]).fails(2, &["is no FIELD=VALUE"]);
    desk.sg(&["update", &row, "sg_cut_in:=x"]).fails(2, &["wants JSON"]);
    desk.sg(&["update", "Shot", "x", "a=b"]).fails(2, &["names no row"]);
    for value in ["Sequence:abc", "SQ010"] {
        let wrong = ["a link is written TYPE:ID"];
        desk.sg(&["update", &row, &format!("sg_sequence={value}")]).fails(6, &wrong);
        desk.sg(&["find", "Shot", "-f", &format!("sg_sequence is {value}")])
            .fails(6, &wrong);
    }
}

#[test]
fn what_was_deleted_is_told_in_every_form() {
    let desk = Desk::new("deleted");
    let done = |words: &[&str]| desk.sg(words).done().out;
    assert_eq!(
        done(&["delete", "Shot:1", "Version", "1", "--table"]),
        "Shot:1 deleted\nVersion:1 deleted\n"
    );
    assert_eq!(done(&["delete", "Shot:1", "--table"]), "Shot:1 was deleted before\n");
    assert_eq!(done(&["revive", "Shot", "1", "--table"]), "Shot:1 revived\n");
    assert_eq!(
        desk.sg(&["delete", "Shot:1", "Version:1"]).done().json(),
        json!([{"type": "Shot", "id": 1, "deleted": true}, {"type": "Version", "id": 1, "deleted": false}])
    );
    assert_eq!(
        done(&["revive", "Shot:1", "Shot:2", "--csv"]),
        "type,id,revived\r\nShot,1,yes\r\nShot,2,no\r\n"
    );
    assert_eq!(
        done(&["delete", "Shot:2", "Shot:1", "--jsonl"]),
        "{\"type\":\"Shot\",\"id\":2,\"deleted\":true}\n{\"type\":\"Shot\",\"id\":1,\"deleted\":true}\n"
    );
    desk.sg(&["delete", "Shot:999999"]).fails(1, &["999999 does not exist"]);
    // What was done before the failure is told all the same.
    let half = desk.sg(&["delete", "Shot:3", "Shot:999999", "Shot:4"]);
    assert_eq!((half.code, half.json()), (1, json!([{"type": "Shot", "id": 3, "deleted": true}])));
}

#[test]
fn batches_and_calls_take_standard_input() {
    let desk = Desk::new("batch");
    let piped = |words: &[&str], text: &str| desk.piped(words, text);
    let requests = "{\"request_type\":\"update\",\"entity_type\":\"Shot\",\"entity_id\":1,\"data\":{\"description\":\"a\"}}\n\n\
                    {\"request_type\":\"delete\",\"entity_type\":\"Shot\",\"entity_id\":2}\n";
    let done = piped(&["batch"], requests).done();
    assert_eq!(done.out.lines().count(), 2, "{}", done.out);
    piped(&["batch"], "{\"request_type\":\n").fails(2, &["line 1 is no JSON"]);
    piped(&["batch"], &requests.replace("\"entity_id\":2", "\"entity_id\":999999")).fails(1, &["999999"]);
    assert_eq!(
        piped(&["call", "find_one", "-"], "[\"Shot\", [[\"id\", \"is\", 1]], [\"description\"]]")
            .done()
            .json()["description"],
        "a"
    );
    assert_eq!(desk.sg(&["call", "info"]).done().json()["version"][0], 8);
    desk.sg(&["call", "find_one", "[1"]).fails(2, &["is not JSON"]);
    desk.sg(&["call", "fnd"]).fails(2, &["did you mean"]);
}

#[test]
fn every_failure_has_its_exit_code() {
    let desk = Desk::new("codes");
    said(desk.script(&["whoami"]).env("SG_KEY", "wrong")).fails(3, &["Can't authenticate script", "sg help login"]);
    said(&mut desk.nobody(&["whoami"])).fails(3, &["you are not signed in", "sg login"]);
    said(desk.nobody(&["whoami"]).env("SG_SCRIPT", "x")).fails(3, &["SG_KEY"]);
    said(desk.nobody(&["whoami"]).env("SG_LOGIN", "artist")).fails(3, &["no password for artist"]);
    said(&mut desk.artist(&["update", "Shot:1", "sg_status_list=fin"]))
        .fails(4, &["Artist", "sg_status_list", "`sg can update Shot 1 sg_status_list`"]);
    said(desk.script(&["whoami"]).env("SG_SITE", "http://127.0.0.1:9")).fails(5, &["127.0.0.1:9"]);
    said(desk.script(&["whoami"]).env_remove("SG_SITE")).fails(2, &["SG_SITE"]);
    said(desk.script(&["whoami"]).env("SG_SITE", "studio")).fails(2, &["the site's address has no scheme"]);
    said(desk.script(&["whoami"]).env("SG_SITE", "http://192.0.2.1")).fails(2, &["give --insecure-http"]);
    desk.sg(&["find", "Shots"]).fails(6, &["Shots"]);
    desk.sg(&["find", "Shot", "-f", "code within x"])
        .fails(2, &["there is no relation \"within\""]);
    for condition in ["description is", "description=", "code contains ", "sg_status_list in"] {
        desk.sg(&["find", "Shot", "-f", condition])
            .fails(2, &["there is none", "is null' asks for those where it is empty"]);
    }
    desk.sg(&["upload", "Version", "1", "/no/such.mov"]).fails(8, &["/no/such.mov"]);
    let wrong = desk.sg(&["fnd", "Shot"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("find"), "{}", wrong.err);
    desk.site
        .add_faults(r#"{"kind": "status", "status": 503, "endpoint": "api"}"#)
        .unwrap();
    desk.sg(&["whoami"]).fails(5, &["busy"]);
}

#[test]
fn what_you_may_is_told_by_the_exit_code() {
    let desk = Desk::new("can");
    let can = |words: &[&str]| said(&mut desk.artist(&[&["can"], words].concat()));
    let no = can(&["update", "Shot", "1", "sg_status_list"]);
    assert_eq!((no.code, no.json()["role"].as_str()), (1, Some("Artist")), "{}", no.err);
    assert_eq!(can(&["-q", "update", "Shot:1", "sg_status_list"]).out, "");
    assert_eq!(can(&["create", "Note", "project=Project:1"]).code, 0);
    assert_eq!(can(&["create", "Note"]).code, 9);
    assert_eq!(can(&["create", "Shot"]).code, 1);
    assert_eq!(can(&["update", "Shot", "1", "sg_status_list=fin"]).code, 1);
    assert_eq!(can(&["--no-dry-run", "delete", "Note:1"]).code, 9);
    assert_eq!(
        said(&mut desk.script(&["can", "update", "Shot", "1", "code,description"]))
            .done()
            .json()["allowed"],
        "yes"
    );
    let table = can(&["update", "Shot", "1", "sg_status_list", "--table"]);
    assert!(
        table.out.contains("sg_status_list  no       permission  Artist  2620"),
        "{}",
        table.out
    );
    can(&["update", "Shots", "1", "code"]).fails(6, &["Shots"]);
}

#[test]
fn a_session_is_kept_for_its_owner_alone() {
    let desk = Desk::new("session");
    let login = said(&mut desk.artist(&["login"]));
    assert_eq!((login.code, login.out.as_str()), (0, ""), "{}", login.err);
    let file = desk.folder.join(".config/sg/session.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(
        kept.contains("artist") && !kept.contains(&desk.site.person("artist").unwrap().password),
        "{kept}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o644);
        said(&mut desk.nobody(&["whoami"])).fails(8, &["can be read by others", "chmod 600"]);
        let anew = said(&mut desk.artist(&["login"]));
        assert!(anew.code == 0 && anew.err.contains("begun anew"), "{}", anew.err);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // The last site is the one that is meant where none is named.
    let me = said(desk.nobody(&["whoami"]).env_remove("SG_SITE")).done().json();
    assert_eq!(
        (&me["name"], &me["role"], &me["type"]),
        (&json!("artist"), &json!("Artist"), &json!("HumanUser"))
    );
    desk.site.expire_sessions().unwrap();
    said(&mut desk.nobody(&["whoami"])).fails(3, &["sg help login"]);
    assert_eq!(said(&mut desk.nobody(&["logout"])).code, 0);
    assert!(!file.exists());
    said(&mut desk.nobody(&["logout"])).fails(1, &["no kept session"]);
    let name = file.to_str().unwrap();
    for broken in ["", "garbage", "{\"sessions\": [{\"site\": 1}]}"] {
        put_private(&file, broken);
        said(&mut desk.nobody(&["whoami"])).fails(8, &[name, "is not as sg wrote it", "`sg logout` removes it"]);
        let login = said(&mut desk.artist(&["login"]));
        assert_eq!(login.code, 0, "{}", login.err);
        assert!(login.err.contains("begun anew"), "{}", login.err);
        said(&mut desk.nobody(&["whoami"])).done();
        put_private(&file, broken);
        let logout = said(&mut desk.nobody(&["logout"]));
        assert!(logout.code == 0 && logout.err.contains(name) && !file.exists(), "{}", logout.err);
    }
    let script = desk.site.script();
    let login = said(
        desk.artist(&["login"])
            .env("SG_SCRIPT", &script.name)
            .env("SG_KEY", &script.api_key),
    );
    assert!(login.code == 0 && login.err.contains("SG_SCRIPT is set"), "{}", login.err);
    let me = said(&mut desk.script(&["whoami", "--sudo", "artist"])).done().json();
    assert_eq!((&me["name"], &me["on_behalf_by"]), (&json!("artist"), &json!("pipeline_admin")));
    let csv = said(&mut desk.script(&["whoami", "--csv"])).done().out;
    assert!(csv.starts_with("site,version,type,") && csv.contains(",ApiUser,"), "{csv}");
}

/// Writes a file as its owner's alone.
fn put_private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// A program in place of the one that opens browsers, which notes what it was to open.
#[cfg(target_os = "linux")]
fn opener(desk: &Desk) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let opener = desk.folder.join("xdg-open");
    std::fs::write(&opener, "#!/bin/sh\necho \"$@\" > \"$HOME/opened\"\n").unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    desk.folder.join("opened")
}

/// The request of a sign-in that has begun.
#[cfg(target_os = "linux")]
fn asked(desk: &Desk) -> String {
    let start = Instant::now();
    loop {
        if let Some(request) = desk.site.app_session_requests().into_iter().next() {
            return request.id;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "nobody asked for a session");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_approves_in_the_browser() {
    for (name, words, approves) in [
        ("approved", &["login", "--browser"][..], true),
        ("rejected", &["login", "--browser", "--no-open"], false),
    ] {
        let desk = Desk::new(name);
        let opened = opener(&desk);
        let child = desk.nobody(words).env("PATH", &desk.folder).spawn().unwrap();
        let id = asked(&desk);
        if approves {
            let start = Instant::now();
            while !std::fs::read_to_string(&opened).is_ok_and(|address| address.ends_with(&format!("/app_session_request/{id}\n"))) {
                assert!(start.elapsed() < Duration::from_secs(60), "no browser was opened");
                std::thread::sleep(Duration::from_millis(20));
            }
            desk.site.approve_app_session(&id, "artist").unwrap();
        } else {
            desk.site.reject_app_session(&id).unwrap();
        }
        let said_at_the_end = ended(child, Duration::from_secs(60));
        assert!(said_at_the_end.err.contains("/app_session_request/"), "{}", said_at_the_end.err);
        assert!(said_at_the_end.err.contains("Waiting until"), "{}", said_at_the_end.err);
        assert_eq!(opened.exists(), approves);
        if approves {
            assert_eq!(
                (said_at_the_end.code, said_at_the_end.out.as_str()),
                (0, ""),
                "{}",
                said_at_the_end.err
            );
            assert_eq!(said(&mut desk.nobody(&["whoami"])).done().json()["name"], "artist");
        } else {
            assert_eq!(said_at_the_end.code, 3, "{}", said_at_the_end.err);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_sign_in_that_is_given_up_is_not_collected() {
    let desk = Desk::new("given-up");
    // Nothing to open addresses with: the address is printed all the same.
    let child = desk.nobody(&["login", "--browser"]).env("PATH", &desk.folder).spawn().unwrap();
    let id = asked(&desk);
    std::thread::sleep(Duration::from_millis(200));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let said_at_the_end = ended(child, Duration::from_secs(30));
    assert_eq!((said_at_the_end.code, said_at_the_end.out.as_str()), (130, ""));
    let lines: Vec<&str> = said_at_the_end.err.lines().collect();
    assert!(
        lines[0].starts_with("xdg-open could not be started") && lines[1].starts_with("Open this address"),
        "{lines:?}"
    );
    assert!(lines[2].contains(&id) && lines[4].starts_with("sg: cancelled"), "{lines:?}");
    desk.site.approve_app_session(&id, "artist").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(!desk.folder.join(".config/sg/session.json").exists());
    let collected = desk.site.app_session_requests().into_iter().any(|request| request.id == id);
    assert!(collected, "the session waits for somebody who asks for it");
}

#[test]
fn files_go_up_and_come_down() {
    let desk = Desk::new("files");
    let movie = desk.folder.join("a movie.mov");
    std::fs::write(&movie, vec![7_u8; 300_000]).unwrap();
    let id = desk
        .sg(&["upload", "Version", "1", movie.to_str().unwrap(), "--field", "sg_uploaded_movie"])
        .done()
        .out;
    let other = desk.folder.join("other.mov");
    std::fs::write(&other, "x").unwrap();
    let csv = desk.sg(&["upload", "Version", "1", other.to_str().unwrap(), "--csv"]).done().out;
    let number = csv.strip_prefix("id\r\n").and_then(|rest| rest.trim().parse::<i64>().ok());
    assert!(number.is_some(), "{csv:?}");
    desk.sg(&["download", id.trim(), desk.folder.to_str().unwrap(), "--force"])
        .fails(8, &["is a folder"]);
    let back = desk.folder.join("back.mov");
    let back = back.to_str().unwrap();
    assert_eq!(desk.sg(&["download", id.trim(), back]).done().out, format!("{back}\n"));
    assert_eq!(std::fs::read(back).unwrap(), vec![7_u8; 300_000]);
    desk.sg(&["download", id.trim(), back]).fails(8, &["is there already", "--force"]);
    desk.sg(&["download", "Version:1", back, "--field", "sg_uploaded_movie", "--force"])
        .done();
    assert_eq!(desk.sg(&["download", id.trim(), "-"]).done().out.len(), 300_000);
    desk.sg(&["download", "Version:1", back, "--force"]).fails(2, &["which field"]);
    desk.sg(&["download", "Version:2", back, "--field", "sg_uploaded_movie", "--force"])
        .fails(1, &["has no file"]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let desk = Desk::new("pipe");
    let mut child = desk.script(&["find", "Task", "--jsonl"]).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"type\":\"Task\""), "{line}");
    drop(reader);
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!((child.wait().unwrap().code(), error.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_and_says_what_is_known() {
    let desk = Desk::new("ctrl-c");
    desk.site
        .add_faults(r#"{"kind": "delay", "ms": 60000, "method": "update"}"#)
        .unwrap();
    let child = desk.script(&["update", "Shot:1", "description=x"]).spawn().unwrap();
    let start = Instant::now();
    while !desk.site.requests().iter().any(|request| request.method_name == "info") && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(1500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let said = ended(child, Duration::from_secs(30));
    assert_eq!((said.code, said.out.as_str()), (130, ""), "{}", said.err);
    assert!(said.err.starts_with("sg: cancelled"), "{}", said.err);
}

/// Everybody on a machine sees the arguments of its programs.
#[test]
fn no_secret_is_an_argument() {
    let desk = Desk::new("secrets");
    for command in [&["--help"][..], &["find", "--help"], &["login", "--help"]] {
        let help = said(&mut desk.nobody(command)).done().out;
        assert!(
            !help.contains("--key") && !help.contains("--password") && !help.contains("--token"),
            "{help}"
        );
    }
}
