//! Many clients at once, and a site that is killed while they write.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, condition, fields, id_of, project, site};
use super::data_files::Scratch;

const CLIENTS: usize = 6;
const WRITES: usize = 8;
const KILLS: u64 = 4;

#[test]
fn no_write_of_many_clients_is_lost_and_unique_names_stay_unique() {
    let site = site();
    let admin = Client::admin(&site);
    let mut made = BTreeSet::new();
    let mut named_the_same = 0;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let admin = Client::admin(&site);
                scope.spawn(move || {
                    let ids: Vec<i64> = (0..WRITES).map(|write| admin.new_shot(&format!("CROWD{client}.{write}"))).collect();
                    (ids, admin.create("Tag", json!({"name": "only one"})).is_ok())
                })
            })
            .collect();
        for thread in threads {
            let (ids, first) = thread.join().unwrap();
            made.extend(ids);
            named_the_same += usize::from(first);
        }
    });
    let found = admin
        .ids("Shot", json!([condition("code", "starts_with", json!(["CROWD"]))]))
        .unwrap();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), made);
    assert_eq!((made.len(), named_the_same), (CLIENTS * WRITES, 1));
}

/// Creates pairs of shots, each pair in one batch, until the site is gone. Gives what was acknowledged.
fn write_pairs(client: &Client, round: u64, writer: usize) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    for pair in 0.. {
        let create = |half: &str| {
            let code = format!("PAIR{round}.{writer}.{pair}.{half}");
            json!({"request_type": "create", "type": "Shot", "fields": fields(&json!({"code": code, "project": project(1)}))})
        };
        match client.try_call("batch", json!([create("a"), create("b")])) {
            Some(reply) => acknowledged.extend(reply.as_array().unwrap().iter().map(id_of)),
            None => break,
        }
    }
    acknowledged
}

#[test]
fn a_kill_loses_no_acknowledged_write_and_leaves_no_half_batch() {
    let scratch = Scratch::new("crowd-kill");
    let file = scratch.file("site.sqlite");
    let mut acknowledged = BTreeSet::new();
    for round in 0..=KILLS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shotgrid-sandbox"))
            .args(["serve", "--new-keys", "--data"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let script = json!({"script_name": ready["script_name"], "script_key": ready["api_key"]});
        let client = Client::new(ready["url"].as_str().unwrap(), script);
        let pairs = json!([condition("code", "starts_with", json!(["PAIR"]))]);
        let found = client.find("Shot", pairs, json!(["code"])).unwrap();
        let ids: BTreeSet<i64> = found.iter().map(id_of).collect();
        let codes: BTreeSet<&str> = found.iter().filter_map(|shot| shot["code"].as_str()).collect();
        // A failed check must not leave the process behind.
        let complete = acknowledged.is_subset(&ids);
        if round == KILLS {
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            std::thread::scope(|scope| {
                let writers: Vec<_> = (0..3)
                    .map(|writer| {
                        scope.spawn({
                            let client = client.clone();
                            move || write_pairs(&client, round, writer)
                        })
                    })
                    .collect();
                std::thread::sleep(Duration::from_millis(150 + 70 * round));
                // SIGKILL: nothing is told to the process.
                child.kill().unwrap();
                child.wait().unwrap();
                for writer in writers {
                    acknowledged.extend(writer.join().unwrap());
                }
            });
        }
        assert!(complete, "acknowledged writes are missing after {round} kills");
        for code in &codes {
            let (pair, half) = code.rsplit_once('.').unwrap();
            let other = format!("{pair}.{}", if half == "a" { "b" } else { "a" });
            assert!(codes.contains(other.as_str()), "half a batch: {code}");
        }
    }
    assert!(!acknowledged.is_empty());
}
