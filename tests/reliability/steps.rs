//! The steps of an upload to the storage, each with faults: what the host is told, and whether the file hangs on its entity.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::cases::{EVERY_TIME, SHORT, SLACK, Which};
use super::faults::{self, Case, Where};
use super::host::{ATTEMPTS, Host, Manner};
use super::operations::{File, Operation, Scene};
use super::proxy::Proxy;
use super::rows;
use super::support::LONG;

/// A request of an upload to the storage.
struct Step {
    name: &'static str,
    /// How the line of the request begins.
    target: &'static str,
    /// What its body must hold.
    needles: &'static [&'static str],
    file: File,
    /// What of the tables is alike: a form's reply is a text, that of a storage has no body.
    like: Operation,
    /// Whether it may be sent again: it changes nothing, or the same bytes at the same address do nothing twice.
    repeats: bool,
    /// Whether all faults are made, or those of [`TELLING`]: files in parts are large.
    all: bool,
}

const STEPS: [Step; 6] = [
    Step {
        name: "ask where the file should go",
        target: "POST /upload/api_get_upload_link_info ",
        needles: &[],
        file: File::Small,
        like: Operation::Upload,
        repeats: true,
        all: false,
    },
    Step {
        name: "ask where the last part should go",
        target: "POST /upload/api_get_upload_link_for_part ",
        needles: &["part_number=2"],
        file: File::InParts,
        like: Operation::Upload,
        repeats: true,
        all: false,
    },
    Step {
        name: "put the first part, 20 MB",
        target: "PUT /storage/*/1?",
        needles: &[],
        file: File::InParts,
        like: Operation::Store,
        repeats: true,
        all: false,
    },
    Step {
        name: "put the last part",
        target: "PUT /storage/*/2?",
        needles: &[],
        file: File::InParts,
        like: Operation::Store,
        repeats: true,
        all: false,
    },
    Step {
        name: "say that all parts are there",
        target: "POST /upload/api_complete_multipart_upload ",
        needles: &[],
        file: File::InParts,
        like: Operation::Upload,
        repeats: false,
        all: false,
    },
    Step {
        name: "link the file to its entity",
        target: "POST /upload/api_link_file ",
        needles: &[],
        file: File::Small,
        like: Operation::Upload,
        repeats: false,
        all: true,
    },
];

/// The faults that are made at every step.
const TELLING: [&str; 9] = [
    "closed when the request has come",
    "closed when the site has done it",
    "reset in the head of the reply",
    "silent when the site has done it",
    "a web page with 200",
    "302 to another host",
    "403 with a page",
    "429",
    "503 with a page, and the site has done it",
];
/// Cases at a time: files in parts are large.
const WORKERS: usize = 4;

const COLUMNS: [&str; 8] = [
    "step",
    "fault",
    "status",
    "HTTP status",
    "retryable",
    "may have applied",
    "applied",
    "sent",
];

/// Makes the faults of all steps, and writes the table.
pub fn run(which: Which) {
    let cases = faults::all("http://elsewhere.invalid");
    let mut table = Vec::new();
    for (place, step) in STEPS.iter().enumerate() {
        let suiting = cases.iter().filter(|case| {
            let is_wanted = step.all || TELLING.contains(&case.name.as_str());
            matches!(case.place, Where::Request(_)) && !case.large && case.suits(step.like) && is_wanted
        });
        let suiting: Vec<&Case> = suiting.filter(|case| which == Which::All || !case.stalls).collect();
        assert!(suiting.len() >= TELLING.len() - 1, "{}: faults are missing", step.name);
        // A site for each step: it keeps what it is sent until it ends.
        let scene = Scene::new(&format!("step-{place}"), true);
        let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::AcqRel);
                        let Some(case) = suiting.get(index) else { break };
                        let row = row(
                            &scene,
                            step,
                            case,
                            &format!("step {place} {index}"),
                            Manner::ALL[index % Manner::ALL.len()],
                        );
                        rows.lock().unwrap().push((index, row));
                    }
                });
            }
        });
        let mut rows = rows.into_inner().unwrap();
        rows.sort();
        table.extend(rows.into_iter().map(|(_, row)| row));
    }
    rows::write(
        "17-upload-steps",
        "Faults: the steps of an upload to the storage",
        "An `upload` to the storage is several requests: a file of up to 20 MB is put as a whole, and a larger one in parts. The fault \
         happens to the request of one step. Applied is the link to the entity, which the last step makes: before it, nobody sees the file. That all \
         parts are there is a write, too, whose fate may be unknown though nothing was linked.",
        &COLUMNS,
        &table,
    );
}

/// One case. Asserts what holds for all, and gives the row.
fn row(scene: &Scene, step: &Step, case: &Case, token: &str, manner: Manner) -> Vec<String> {
    let Where::Request(fault) = &case.place else {
        panic!("{} happens to no request", case.name)
    };
    let limit = if case.stalls { SHORT } else { LONG * 2 };
    let proxy = Proxy::new(scene.site.url());
    let host = Host::new(&proxy.url, &scene.site, LONG * 2, true).limited(limit);
    let plan = proxy.plan(step.target, step.needles, fault.clone(), EVERY_TIME);
    let told = scene.run(Operation::Store, &host, manner, token, step.file);
    proxy.settle();
    let (applied, sent) = (scene.applied(Operation::Store, token), plan.seen());

    let label = format!("{}, {}: {told:?}", step.name, case.name);
    assert_eq!(told.status, case.expected(step.like), "{label}");
    assert!(told.took < limit * ATTEMPTS * 2 + SLACK, "{label}");
    assert!(sent >= 1, "no request met the fault: {label}");
    assert!(applied <= usize::from(told.may_have_applied), "applied {applied} times: {label}");
    assert!(!(told.retryable && told.may_have_applied), "{label}");
    assert!(step.repeats || sent == 1, "sent {sent} times: {label}");
    proxy.forget(&plan);
    if step.file == File::Small {
        let again = format!("{token} again");
        let told = scene.run(Operation::Store, &host, Manner::Waits, &again, File::Small);
        // A limit that is short for the fault may be too short for a machine with other work.
        assert!(told.is_ok() || case.stalls, "behind {label}: {told:?}");
        assert!(scene.applied(Operation::Store, &again) <= 1);
    }
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        step.name.to_owned(),
        case.name.clone(),
        told.status.name().to_owned(),
        match told.http_status {
            ..1 => "–".to_owned(),
            status => status.to_string(),
        },
        yes(told.retryable),
        yes(told.may_have_applied),
        applied.to_string(),
        sent.to_string(),
    ]
}
