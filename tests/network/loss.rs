//! Bad lines: delay, jitter, loss, reordering, and packets that come twice or damaged, under 64 callers of one client.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid::client::Client;

use crate::lab::{Ending, Section, Site, call};
use crate::tools::run;

const CALLERS: usize = 64;
const READS: usize = 6;
/// Where the line ends on the other side.
const FAR: &str = "10.78.0.2";
/// The connections of a client.
const AT_ONCE: f64 = 32.0;

/// The line while it stands; see link.py.
fn line(quality: &str) -> Ending {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/link.py");
    let mut command = Command::new("python3");
    command
        .arg(script)
        .args(quality.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut program = command.spawn().unwrap();
    let mut word = String::new();
    BufReader::new(program.stdout.as_mut().unwrap()).read_line(&mut word).unwrap();
    assert_eq!(word.trim(), "up");
    Ending(program)
}

/// How many of the reads gave the row asked for, how many of the writes were told to be done, and the reads in a second.
async fn crowd(client: &Client, rows: &[(i64, String)], round: usize) -> (usize, usize, f64) {
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (client, rows) = (client.clone(), rows.to_vec());
            tokio::spawn(async move {
                let mut right = 0;
                for turn in 0..READS {
                    let (id, code) = &rows[(caller * 7 + turn) % rows.len()];
                    let asked = json!(["Version", [["id", "is", id]], ["code"]]);
                    match call(&client, "find_one", asked).await {
                        Ok(row) => right += usize::from(row["id"] == *id && row["code"] == **code),
                        Err(error) => println!("a read: {error}"),
                    }
                }
                right
            })
        })
        .collect();
    let mut right = 0;
    for caller in callers {
        right += caller.await.unwrap();
    }
    let rate = (CALLERS * READS) as f64 / began.elapsed().as_secs_f64();
    let writers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let client = client.clone();
            let row = json!(["Tag", {"name": format!("line {round} caller {caller}")}]);
            tokio::spawn(async move { call(&client, "create", row).await })
        })
        .collect();
    let mut done = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => println!("a write: {error}"),
        }
    }
    (right, done, rate)
}

pub fn check() {
    let mut section = Section::new(
        "21-lines",
        "Bad lines",
        "64 callers of one client at once over a line between two machines, each with reads of rows of their own and a write. Each packet \
         meets its fate by itself, in both directions. The right answers and the rows that the site then has.",
        &["the line", "right answers", "writes done", "rows made", "throughput"],
    );
    let good = line("0 0 0 0 0 0");
    let site = Site::start(FAR);
    let settings = json!({"timeout": 60_000, "connect": 20_000});
    let rows: Vec<(i64, String)> = run(async {
        let client = site.client(&settings).await.unwrap();
        let project = call(&client, "find_one", json!(["Project", []])).await.unwrap();
        let requests: Vec<Value> = (0..CALLERS)
            .map(|number| {
                let data = json!({"code": format!("line {number}"), "project": project});
                json!({"request_type": "create", "entity_type": "Version", "data": data})
            })
            .collect();
        let made = call(&client, "batch", json!([requests])).await.unwrap();
        let rows = made.as_array().unwrap().iter();
        rows.map(|row| (row["id"].as_i64().unwrap(), row["code"].as_str().unwrap().to_owned()))
            .collect()
    });
    drop(good);
    let mut undisturbed = 0.0;
    for (round, (quality, what, round_trip)) in [
        ("0 0 0 0 0 0", "good", 0.0),
        ("50 15 0 0 0 0", "a round trip of 100 ms ± 30", 0.1),
        ("5 0 5 0 0 0", "5 % are lost", 0.0),
        ("20 0 0 25 0 0", "25 % overtake others", 0.0),
        ("5 0 0 0 5 0", "5 % come twice", 0.0),
        ("5 0 0 0 0 2", "2 % are damaged", 0.0),
        ("50 15 2 10 2 1", "all of it", 0.0),
    ]
    .into_iter()
    .enumerate()
    {
        let standing = line(quality);
        let (right, done, rate) = run(async {
            let client = site.client(&settings).await.unwrap();
            let crowd = crowd(&client, &rows, round);
            tokio::time::timeout(Duration::from_secs(100), crowd)
                .await
                .expect("the line is too bad")
        });
        drop(standing);
        let _good = line("0 0 0 0 0 0");
        let made = run(async {
            let client = site.client(&settings).await.unwrap();
            let asked = json!(["Tag", [["name", "starts_with", format!("line {round} ")]], ["name"]]);
            call(&client, "find", asked).await.unwrap().as_array().unwrap().len()
        });
        println!(
            "{what}: {rate:.0} reads in a second, {:.2} of a good line's",
            if round == 0 { 1.0 } else { rate / undisturbed }
        );
        let throughput = match round_trip {
            _ if round == 0 => {
                undisturbed = rate;
                "–".to_owned()
            }
            0.0 => "–".to_owned(),
            round_trip => {
                // What the delay allows, as far as the site could do it at all.
                let possible = (AT_ONCE / round_trip).min(undisturbed);
                section.check(rate > possible / 4.0, (what, rate, possible));
                "above a quarter of what is possible".to_owned()
            }
        };
        let all = CALLERS * READS;
        section.check((right, done, made) == (all, CALLERS, CALLERS), (what, right, done, made));
        section.row(
            what,
            vec![
                format!("{right} of {all}"),
                format!("{done} of {CALLERS}"),
                made.to_string(),
                throughput,
            ],
        );
    }
    section.finish();
}
