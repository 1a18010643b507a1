//! Every fault for every operation: what the host is told, and how often the site applied the write.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use shotgrid::client::Status;

use super::faults::{self, Case, Where};
use super::host::{ATTEMPTS, Host, Manner};
use super::operations::{File, Operation, Scene};
use super::proxy::Proxy;
use super::rows;
use super::support::LONG;
use super::support::fake_site::{Answer, FakeSite};

/// The limit where a fault stands still: long enough for what comes before the fault, on a machine with other work.
pub const SHORT: Duration = Duration::from_millis(2500);
/// What a machine with other work may add.
pub const SLACK: Duration = Duration::from_secs(15);
/// Cases at a time. Most of their time is waiting.
const WORKERS: usize = 12;
/// More than any call tries.
pub const EVERY_TIME: usize = 1000;

const COLUMNS: [&str; 8] = [
    "fault",
    "status",
    "HTTP status",
    "retryable",
    "retry after",
    "may have applied",
    "applied",
    "sent",
];

/// Which cases to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that end at once.
    Quick,
}

/// Runs the cases of all operations; gives the rows by operation, in the order of the faults.
pub fn run(which: Which) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let posted = Scene::new("posted", false);
    let stored = Scene::new("stored", true);
    // Who is led here must not bring credentials.
    let elsewhere = FakeSite::bare(|_| Answer::Http(200, vec![("content-type", "text/html".into())], b"<html>elsewhere</html>".to_vec()));
    let cases = faults::all(&elsewhere.url);
    let mut jobs: Vec<(usize, &Case, Operation)> = Vec::new();
    for operation in Operation::ALL {
        let suiting = cases.iter().enumerate().filter(|(_, case)| case.suits(operation));
        jobs.extend(
            suiting
                .filter(|(_, case)| which == Which::All || !case.stalls)
                .map(|(index, case)| (index, case, operation)),
        );
    }
    // What waits longest begins first.
    jobs.sort_by_key(|(_, case, _)| !case.stalls);
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(BTreeMap::new());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((index, case, operation)) = jobs.get(next.fetch_add(1, Ordering::AcqRel)) {
                    let scene = if *operation == Operation::Store { &stored } else { &posted };
                    let label = format!("{}: {}", operation.name(), case.name);
                    let row = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| row(scene, case, *operation, *index)));
                    match row {
                        Ok(row) => {
                            rows.lock().unwrap().insert((operation.name(), *index), row);
                        }
                        Err(_) => failed.lock().unwrap().push(label),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} cases failed: {failed:#?}", failed.len());
    for request in elsewhere.requests() {
        let head = request.head.to_ascii_lowercase();
        assert!(
            !head.contains("cookie") && !head.contains("authorization"),
            "credentials went elsewhere: {head}"
        );
        assert!(head.starts_with("get ") && request.body.is_empty(), "a call went elsewhere: {head}");
    }
    let mut by_operation: BTreeMap<&'static str, Vec<Vec<String>>> = BTreeMap::new();
    for ((operation, _), row) in rows.into_inner().unwrap() {
        by_operation.entry(operation).or_default().push(row);
    }
    by_operation
}

/// One case. Asserts what holds for all, and gives the row.
fn row(scene: &Scene, case: &Case, operation: Operation, index: usize) -> Vec<String> {
    let token = format!("case {} {index}", operation.name());
    let limit = if case.stalls { SHORT } else { LONG * 2 };
    let proxy = Proxy::new(scene.site.url());
    let (host, plan) = match &case.place {
        Where::Refused => (Host::new(&free_address(), &scene.site, limit, false), None),
        Where::NoName => (Host::new("http://no-such-site.invalid", &scene.site, limit, false), None),
        Where::TurnedAway => {
            proxy.turn_away();
            (Host::new(&proxy.url, &scene.site, limit, false), None)
        }
        Where::ClosedBetween => {
            let host = Host::new(&proxy.url, &scene.site, limit, true);
            proxy.close_connections();
            thread::sleep(Duration::from_millis(300));
            (host, None)
        }
        Where::Request(fault) | Where::Behind(fault) => {
            let host = Host::new(&proxy.url, &scene.site, LONG * 2, true);
            let host = if case.stalls { host.limited(limit) } else { host };
            let plan = proxy.plan(operation.target(), &[], fault.clone(), EVERY_TIME);
            (host, Some(plan))
        }
    };
    // What a host is told must not depend on how it asks.
    let manner = Manner::ALL[index % Manner::ALL.len()];
    let file = if case.large { File::Large } else { File::Small };
    let told = scene.run(operation, &host, manner, &token, file);
    proxy.settle();
    let applied = scene.applied(operation, &token);
    // Behind a reply, time decides whether the whole of it was read before.
    let counted = plan.as_ref().filter(|_| matches!(case.place, Where::Request(_)));
    let sent = counted.map_or_else(|| "–".to_owned(), |plan| plan.seen().to_string());

    let label = format!("{} ({})", case.name, operation.name());
    assert_eq!(told.status, case.expected(operation), "{label}: {told:?}");
    let attempts = if operation.is_file() { ATTEMPTS } else { 1 };
    assert!(told.took < limit * attempts + SLACK, "{label}: {told:?}");
    assert!(applied <= 1, "{label}: applied {applied} times");
    if operation.writes() {
        match told.is_ok() {
            true => assert_eq!(applied, 1, "{label}: {told:?}"),
            false => assert!(told.may_have_applied || applied == 0, "{label}: {told:?}"),
        }
        assert!(!(told.retryable && told.may_have_applied), "{label}: {told:?}");
        if let Some(plan) = plan.as_ref().filter(|_| !operation.repeats()) {
            assert!(plan.seen() <= 1, "{label}: sent {} times", plan.seen());
        }
    } else {
        assert!(!told.may_have_applied, "{label}: {told:?}");
    }
    assert_eq!(told.is_ok(), told.message.is_empty());
    scene.check_answer(operation, &token, &told);
    if let Some(plan) = &plan {
        proxy.forget(plan);
    }
    afterwards(scene, case, operation, &host, &token);

    let either = |yes: bool| match (case.either && operation.writes(), yes) {
        _ if told.is_ok() => "–".to_owned(),
        (true, _) => "either".to_owned(),
        (false, true) => "yes".to_owned(),
        (false, false) => "no".to_owned(),
    };
    vec![
        case.name.clone(),
        told.status.name().to_owned(),
        if told.http_status > 0 {
            told.http_status.to_string()
        } else {
            "–".to_owned()
        },
        either(told.retryable),
        match told.retry_after_ms {
            ..0 => "–".to_owned(),
            asked => format!("{} s", asked / 1000),
        },
        either(told.may_have_applied),
        if operation.writes() {
            applied.to_string()
        } else {
            "–".to_owned()
        },
        sent,
    ]
}

/// The client is as good as new: the next call on it gets the right answer.
fn afterwards(scene: &Scene, case: &Case, operation: Operation, host: &Host, token: &str) {
    if matches!(case.place, Where::Refused | Where::NoName | Where::TurnedAway) {
        return;
    }
    let token = format!("{token} again");
    for read in [Operation::Read, operation] {
        let told = scene.run(read, host, Manner::Waits, &token, File::Small);
        // Limits that are short for the fault may be too short for a machine with other work.
        if case.stalls && told.status.class() == Status::Timeout.class() {
            continue;
        }
        assert!(told.is_ok(), "behind {}: {told:?}", case.name);
        scene.check_answer(read, &token, &told);
    }
}

/// An address of this machine where nobody listens, and nobody will.
fn free_address() -> String {
    // Bound and never listened on: connections are refused, and the number is not given to anybody else.
    static HELD: std::sync::LazyLock<(tokio::net::TcpSocket, String)> = std::sync::LazyLock::new(|| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = format!("http://{}", socket.local_addr().unwrap());
        (socket, address)
    });
    HELD.1.clone()
}

/// Writes the tables.
pub fn write(rows: &BTreeMap<&'static str, Vec<Vec<String>>>) {
    for (place, operation) in Operation::ALL.into_iter().enumerate() {
        let about = match operation {
            Operation::Read => "A `find` of all Shots. Rows are right and whole, or there is an error.",
            Operation::Create => {
                "A `create`. Here and in the other sections the manner of the call changes from fault to fault: the host waits, or is called back on \
                 the library's thread, or by an `sg_queue`, each time once."
            }
            Operation::Batch => "A `batch` of two creates, which the site applies both or neither.",
            Operation::Upload => "An `upload` that is posted to the site. The fault happens to the request that carries the file.",
            Operation::Store => {
                "An `upload` that goes to the storage behind the site. The fault happens to the request that carries the file: it may be \
                 sent again, since the same bytes at the same address do nothing twice. Applied is the link to the entity, a request of its own."
            }
            Operation::Download => {
                "A `download_attachment` into a file. The file is right and whole, or it is not there; nothing is left beside it."
            }
        };
        let none = Vec::new();
        let rows = rows.get(operation.name()).unwrap_or(&none);
        let name = format!("1{place}-{}", operation.name().replace(' ', "-"));
        rows::write(&name, &format!("Faults: {}", operation.name()), about, &COLUMNS, rows);
    }
}
