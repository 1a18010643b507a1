//! Networks that fail: no route, firewalls that refuse, that drop, or that forget a connection, and links that go down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid::client::{Client, Error, Progress};

use crate::lab::{PLAIN, SITE, Section, THERE, call, on_site, sh};
use crate::tools::run;

/// The limit of the calls here; a connection that says nothing is given up after half of it.
const LIMIT: Duration = Duration::from_secs(6);
/// The firewall's tables: of the case that goes on, and of the one that takes long.
const CASE: &str = "one_case";
const IDLE: &str = "idle";
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(6);
/// More than what is on the way at any moment.
const LARGE: usize = 60_000_000;

pub fn check() {
    let mut section = Section::new(
        "20-network",
        "Routes, firewalls and links",
        "A read and a write from one machine to another, between which something fails. Idle connections are those of earlier calls. \
         Every outcome comes within the time limit of the call.",
        &["what happens", "a read", "a write", "may have been applied", "applied by the site"],
    );
    // Started here: it cannot be where calls are waited for.
    std::sync::LazyLock::force(&SITE);
    for table in [CASE, IDLE] {
        on_site(&format!("nft add table inet {table}"));
        for hook in ["input", "output"] {
            let chain = format!("nft add chain inet {table} {hook}");
            on_site(&format!("{chain} {{ type filter hook {hook} priority 0 ; policy accept ; }}"));
        }
    }
    let waiting = std::thread::spawn(kept_alive);
    // Its connection is the only one that is dropped by its table.
    std::thread::sleep(Duration::from_secs(2));
    unreachable(&mut section);
    forgotten(&mut section);
    many_forgotten(&mut section);
    files_forgotten(&mut section);
    let (outcome, took, timers) = waiting.join().unwrap();
    section.check(timers.contains("timer:(keepalive,"), &timers);
    section.check(outcome.is_ok() && took < LIMIT, ("evicted", &outcome, took));
    let cells = ["–".to_owned(), status(&outcome), "–".to_owned(), "once".to_owned()];
    section.row("idle, packets are dropped, and half a minute passes", cells.to_vec());
    links(&mut section);
    section.finish();
}

fn settings() -> Value {
    json!({"timeout": LIMIT.as_millis() as u64, "connect": 1000})
}

/// A client of a site at this address, with the settings of [`settings`].
async fn client_of(url: &str) -> Client {
    let mut case = settings();
    case["url"] = json!(url);
    SITE.client(&case).await.unwrap()
}

async fn read(client: &Client) -> Result<Value, Error> {
    call(client, "find_one", json!(["Version", [["id", "is", SITE.version]], ["code"]])).await
}

async fn write(client: &Client, code: &str) -> Result<Value, Error> {
    call(client, "update", json!(["Version", SITE.version, {"description": code}])).await
}

/// Whether the write of this code has been applied.
async fn applied(code: &str) -> bool {
    let client = client_of(&SITE.url).await;
    let found = call(
        &client,
        "find_one",
        json!(["Version", [["id", "is", SITE.version]], ["description"]]),
    )
    .await;
    found.unwrap()["description"] == code
}

fn status(outcome: &Result<Value, Error>) -> String {
    outcome.as_ref().err().map_or("OK", |error| error.status.name()).to_owned()
}

/// One row: what a read and a write came to, each from a client that `prepared` made, after `cause` was called with it.
fn row(section: &mut Section, case: &str, url: &str, warm: bool, cause: impl Fn(), expected: [&str; 4]) {
    let code = format!("{case} {}", std::process::id());
    let cells = run(async {
        let (reader, writer) = (client_of(url).await, client_of(url).await);
        if warm {
            read(&reader).await.unwrap();
            read(&writer).await.unwrap();
            // So that what acknowledges the replies is on its way no more.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        cause();
        let began = Instant::now();
        let got = read(&reader).await;
        section.check(began.elapsed() < LIMIT + SLACK, (case, "the read took", began.elapsed()));
        let began = Instant::now();
        let put = write(&writer, &code).await;
        section.check(began.elapsed() < LIMIT + SLACK, (case, "the write took", began.elapsed()));
        println!(
            "{case}: {:?}, {:?}",
            got.as_ref().err().map(ToString::to_string),
            put.as_ref().err().map(ToString::to_string)
        );
        on_site(&format!("nft flush table inet {CASE}"));
        let may_have = put
            .as_ref()
            .err()
            .map_or("–", |error| if error.may_have_applied { "yes" } else { "no" });
        let was = if applied(&code).await { "once" } else { "not" };
        [status(&got), status(&put), may_have.to_owned(), was.to_owned()]
    });
    section.check(cells == expected, (case, &cells, expected));
    section.row(case, cells.to_vec());
}

fn unreachable(section: &mut Section) {
    sh("ip route add unreachable 10.99.1.0/24");
    sh("ip route add blackhole 10.99.2.0/24");
    sh("ip route add prohibit 10.99.3.0/24");
    let nothing = || {};
    let refused = ["NETWORK_CONNECT", "NETWORK_CONNECT", "no", "not"];
    row(section, "no route: unreachable", "http://10.99.1.1:8000", false, nothing, refused);
    row(section, "no route: blackhole", "http://10.99.2.1:8000", false, nothing, refused);
    row(section, "no route: prohibited", "http://10.99.3.1:8000", false, nothing, refused);
    row(section, "nobody listens", &format!("http://{THERE}:8001"), false, nothing, refused);
    let rule = |rule: &'static str| move || drop(on_site(&format!("nft add rule inet {CASE} input tcp dport {PLAIN} {rule}")));
    let url = &SITE.url;
    let late = ["TIMEOUT_CONNECT", "TIMEOUT_CONNECT", "no", "not"];
    row(section, "a firewall drops what opens a connection", url, false, rule("drop"), late);
    row(
        section,
        "a firewall refuses by RST",
        url,
        false,
        rule("reject with tcp reset"),
        refused,
    );
    row(
        section,
        "a firewall refuses by ICMP",
        url,
        false,
        rule("reject with icmp type admin-prohibited"),
        refused,
    );
}

/// This side's ports of the connections that stand.
fn ports() -> Vec<String> {
    let listed = sh(&format!("ss -tnH state established dport = :{PLAIN}"));
    let local = listed.lines().filter_map(|line| line.split_whitespace().nth(2));
    local.filter_map(|address| Some(address.rsplit_once(':')?.1.to_owned())).collect()
}

/// Has a firewall treat the connections that stand, and no others.
fn treat(table: &str, requests: Option<&str>, replies: Option<&str>) {
    let ports = ports();
    assert!(!ports.is_empty(), "no connection stands");
    let ports = ports.join(", ");
    for (hook, side, verdict) in [("input", "sport", requests), ("output", "dport", replies)] {
        if let Some(verdict) = verdict {
            on_site(&format!("nft add rule inet {table} {hook} tcp {side} {{ {ports} }} {verdict}"));
        }
    }
}

/// Each of the two clients has an idle connection, to which something happens.
fn forgotten(section: &mut Section) {
    let url = &SITE.url;
    let both = || treat(CASE, Some("drop"), Some("drop"));
    row(
        section,
        "idle, then packets are dropped",
        url,
        true,
        both,
        ["OK", "TIMEOUT", "yes", "not"],
    );
    let replies = || treat(CASE, None, Some("drop"));
    row(
        section,
        "idle, then replies are dropped",
        url,
        true,
        replies,
        ["OK", "TIMEOUT", "yes", "once"],
    );
    let reset = || treat(CASE, Some("reject with tcp reset"), None);
    row(
        section,
        "idle, then packets are answered by RST",
        url,
        true,
        reset,
        ["OK", "NETWORK_RESET", "yes", "not"],
    );
}

/// All the idle connections of a client have died, and it must not try each.
fn many_forgotten(section: &mut Section) {
    let (got, took) = run(async {
        let client = client_of(&SITE.url).await;
        let calls: Vec<_> = (0..24)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { read(&client).await.map(drop) })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        section.check(ports().len() > 3, "several connections were made");
        treat(CASE, Some("drop"), Some("drop"));
        let began = Instant::now();
        let got = read(&client).await;
        on_site(&format!("nft flush table inet {CASE}"));
        (got, began.elapsed())
    });
    println!("many idle connections, all dropped: a read took {took:?}");
    section.check(got.is_ok() && took < LIMIT, ("many idle connections", &got, took));
    let cells = [status(&got), "–".to_owned(), "–".to_owned(), "–".to_owned()];
    section.row("many idle connections, then packets of all are dropped", cells.to_vec());
}

/// Connections of earlier transfers, several at once, are idle and have died.
fn files_forgotten(section: &mut Section) {
    let back = |number: usize| SITE.folder.0.join(format!("forgotten-{number}.mov"));
    let download = |number: usize| json!([SITE.attachment, back(number)]);
    let upload = json!(["Version", SITE.version, SITE.file, "sg_uploaded_movie"]);
    // No file goes with it, but it goes where files go, and is a write.
    let form = json!({"entities": [{"type": "Project", "id": 1}], "source_entity": {"type": "Version", "id": SITE.version}});
    let cases = [
        ("a download", "download_attachment", download(0), ["OK", "–", "–", "–"]),
        ("an upload to the storage", "upload", upload, ["–", "OK", "–", "once"]),
        ("a form", "share_thumbnail", form, ["–", "TIMEOUT", "yes", "not"]),
    ];
    for (what, method, params, expected) in cases {
        let case = format!("many idle connections of files, then packets of all are dropped: {what}");
        let (outcome, took) = run(async {
            let client = client_of(&SITE.url).await;
            let before: Vec<_> = (1..=6)
                .map(|number| {
                    let (client, params) = (client.clone(), download(number));
                    tokio::spawn(async move { call(&client, "download_attachment", params).await.map(drop) })
                })
                .collect();
            for each in before {
                each.await.unwrap().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            section.check(ports().len() > 3, (&case, "several connections were made"));
            treat(CASE, Some("drop"), Some("drop"));
            let began = Instant::now();
            let outcome = call(&client, method, params).await;
            on_site(&format!("nft flush table inet {CASE}"));
            (outcome, began.elapsed())
        });
        println!("{case}: {took:?} {:?}", outcome.as_ref().err().map(ToString::to_string));
        section.check(took < LIMIT * 3 + SLACK, (&case, took));
        let seen = status(&outcome);
        let may_have = outcome
            .as_ref()
            .err()
            .map_or("–", |error| if error.may_have_applied { "yes" } else { "no" });
        let cells = match method {
            "download_attachment" => [seen.as_str(), "–", "–", "–"],
            "upload" => ["–", seen.as_str(), may_have, if outcome.is_ok() { "once" } else { "not" }],
            _ => ["–", seen.as_str(), may_have, "not"],
        };
        section.check(cells == expected, (&case, cells, expected, &outcome));
        section.row(&case, cells.map(str::to_owned).to_vec());
    }
    (0..=6).map(back).for_each(|file| drop(std::fs::remove_file(file)));
}

/// Idle connections are probed, and not used any more after half a minute. That passes while other cases go on.
fn kept_alive() -> (Result<Value, Error>, Duration, String) {
    run(async {
        let client = client_of(&SITE.url).await;
        read(&client).await.unwrap();
        let timers = sh(&format!("ss -tnHo state established dport = :{PLAIN}"));
        treat(IDLE, Some("drop"), Some("drop"));
        tokio::time::sleep(Duration::from_secs(31)).await;
        let began = Instant::now();
        // Not the row that the other cases write to meanwhile.
        let outcome = call(&client, "create", json!(["Tag", {"name": "written after half a minute"}])).await;
        (outcome, began.elapsed(), timers)
    })
}

/// The link goes down in the middle of a file.
fn links(section: &mut Section) {
    let large = SITE.folder.file("large.mov", vec![7; LARGE]);
    let back = SITE.folder.0.join("large-back.mov");
    let attachment = run(async {
        let client = client_of(&SITE.url).await;
        let upload = json!(["Version", SITE.version, large, "sg_uploaded_movie"]);
        call(&client, "upload", upload).await.unwrap()
    });
    let download = json!([attachment, back]);
    let upload = json!(["Version", SITE.version, large, "sg_uploaded_movie"]);
    for (what, method, params) in [("a download", "download_attachment", &download), ("an upload", "upload", &upload)] {
        for (how, up_again, expected) in [("and comes back", true, "OK"), ("and stays so", false, "TIMEOUT")] {
            let case = format!("the link goes down in {what}, {how}");
            let files = SITE.folder.names();
            let (outcome, took) = run(cut_off(method, params, up_again));
            println!("{case}: {took:?} {:?}", outcome.as_ref().err().map(ToString::to_string));
            section.check(took < Duration::from_secs(60), (&case, took));
            let seen = status(&outcome);
            section.check(
                seen == expected || (!up_again && (seen.starts_with("TIMEOUT") || seen == "NETWORK_CONNECT")),
                (&case, &outcome),
            );
            if method == "upload" {
                section.check(
                    outcome.as_ref().err().is_none_or(|error| !error.may_have_applied),
                    (&case, &outcome),
                );
            } else if outcome.is_ok() {
                section.check(std::fs::read(&back).unwrap() == vec![7; LARGE], (&case, "another file came"));
                std::fs::remove_file(&back).unwrap();
            }
            section.check(
                SITE.folder.names() == files,
                (&case, "something was left behind", SITE.folder.names()),
            );
            let seen = if up_again { seen } else { "TIMEOUT or NETWORK_CONNECT".to_owned() };
            let cells = match method {
                "upload" if up_again => ["–", &seen, "–", "once"],
                "upload" => ["–", &seen, "no", "not"],
                _ => [seen.as_str(), "–", "–", "–"],
            };
            section.row(&case, cells.map(str::to_owned).to_vec());
        }
    }
}

async fn cut_off(method: &'static str, params: &Value, up_again: bool) -> (Result<Value, Error>, Duration) {
    let mut case = settings();
    case["timeout"] = json!(3000);
    let client = SITE.client(&case).await.unwrap();
    let progress = Arc::new(Progress::default());
    let (moving, params) = (Arc::clone(&progress), params.to_string());
    let working = tokio::spawn(async move {
        let result = client.call_watched(method, &params, &moving).await?;
        Ok(serde_json::from_str(result.json()).unwrap())
    });
    let end = Instant::now() + Duration::from_secs(20);
    while progress.done() < 2_000_000 {
        assert!(Instant::now() < end && !working.is_finished(), "it did not begin, or was too fast");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    on_site("ip link set s0 down");
    let began = Instant::now();
    if up_again {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        on_site("ip link set s0 up");
    }
    let outcome = working.await.unwrap();
    let took = began.elapsed();
    on_site("ip link set s0 up");
    // The neighbours find each other again.
    let end = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect((THERE, PLAIN)).is_err() {
        assert!(Instant::now() < end, "the link does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (outcome, took)
}
