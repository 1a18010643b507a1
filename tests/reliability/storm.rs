//! Many writes by many threads over few clients, most of them with a fault, all by chance from a seed: none is applied twice, and what
//! the host is told is true.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::faults;
use super::host::{Host, Manner, Told};
use super::operations::{File, Operation, Scene};
use super::proxy::{Fault, Proxy, Then};
use super::rows;
use super::support::LONG;

const THREADS: usize = 12;
/// What a stalled write is given.
const LIMIT: Duration = Duration::from_millis(900);

/// A small generator of numbers by a seed: the same seed makes the same storm of faults, though threads meet as they like.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Create,
    Update,
    Delete,
    Revive,
    Batch,
    Upload,
}

const KINDS: [Kind; 6] = [Kind::Create, Kind::Update, Kind::Delete, Kind::Revive, Kind::Batch, Kind::Upload];

/// A write that was made.
struct Made {
    kind: Kind,
    fault: String,
    token: String,
    id: i64,
    told: Told,
    faulted: bool,
}

/// What became of the writes of a kind.
#[derive(Debug, Default)]
struct Tally {
    made: usize,
    faulted: usize,
    succeeded: usize,
    /// The host was told that the site may have applied it; and of these, those that it had.
    unknown: usize,
    unknown_applied: usize,
    applied_twice: usize,
}

impl Tally {
    fn add(&mut self, write: &Made, applied: usize) {
        self.made += 1;
        self.faulted += usize::from(write.faulted);
        self.succeeded += usize::from(write.told.is_ok());
        self.unknown += usize::from(write.told.may_have_applied);
        self.unknown_applied += usize::from(write.told.may_have_applied && applied > 0);
        self.applied_twice += usize::from(applied > 1);
    }
}

/// What comes by chance: behind the request, in the reply, or in its place, whether the site did it or not.
fn faults_by_chance() -> Vec<(String, Fault)> {
    let mut all = vec![
        ("nothing".to_owned(), Fault::new(true, Then::GoOn, |reply| reply.bytes())),
        (
            "closed right behind".to_owned(),
            Fault::new(true, Then::Close, |reply| reply.bytes()),
        ),
        (
            "reset right behind".to_owned(),
            Fault::new(true, Then::Reset, |reply| reply.bytes()),
        ),
    ];
    all.extend(faults::by_request());
    all
}

/// Makes so many writes. Gives what was told, by kind: faulted, succeeded, failed without a trace, perhaps applied, of which applied.
pub fn run(seed: u64, writes: usize) {
    let scene = Scene::new(&format!("storm-{seed:x}"), false);
    let proxies = [Proxy::new(scene.site.url()), Proxy::new(scene.site.url())];
    let hosts: Vec<Host> = proxies
        .iter()
        .map(|proxy| Host::new(&proxy.url, &scene.site, LONG, true).limited(LIMIT))
        .collect();
    let rows = prepare(&scene, writes);
    let faults = faults_by_chance();
    let next = AtomicUsize::new(0);
    let made = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::AcqRel);
                    let Some(id) = rows.get(number) else { break };
                    let mut chance = Chance(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                    let _ = chance.below(7);
                    let kind = KINDS[number % KINDS.len()];
                    let (name, fault) = &faults[chance.below(faults.len())];
                    let which = chance.below(proxies.len());
                    let manner = Manner::ALL[chance.below(Manner::ALL.len())];
                    let token = format!("storm {number:06}.");
                    let (target, needles) = request(kind, &token, *id);
                    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
                    let plan = proxies[which].plan(target, &needles, fault.clone(), 1000);
                    let told = write(&scene, kind, &hosts[which], manner, &token, *id);
                    proxies[which].forget(&plan);
                    made.lock().unwrap().push(Made {
                        kind,
                        fault: name.clone(),
                        token,
                        id: *id,
                        told,
                        faulted: plan.seen() > 0 && name != "nothing",
                    });
                }
            });
        }
    });
    proxies.iter().for_each(Proxy::settle);
    report(seed, &scene, &made.into_inner().unwrap());
}

/// One row for each write: alive, or retired where it is to be revived.
fn prepare(scene: &Scene, writes: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for start in (0..writes).step_by(500) {
        let request = |number: usize| {
            let data = json!({"code": format!("row {number}"), "project": scene.project});
            json!({"request_type": "create", "entity_type": "Shot", "data": data})
        };
        let requests: Vec<Value> = (start..writes.min(start + 500)).map(request).collect();
        let made = scene.truth.must("batch", &json!([requests]).to_string());
        ids.extend(made.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
    }
    let retired = ids
        .iter()
        .enumerate()
        .filter(|(number, _)| KINDS[number % KINDS.len()] == Kind::Revive);
    let requests: Vec<Value> = retired
        .map(|(_, id)| json!({"request_type": "delete", "entity_type": "Shot", "entity_id": id}))
        .collect();
    for requests in requests.chunks(500) {
        scene.truth.must("batch", &json!([requests]).to_string());
    }
    ids
}

/// By what a request is known to the proxy.
fn request(kind: Kind, token: &str, id: i64) -> (&'static str, Vec<String>) {
    let call = "POST /api3/json";
    match kind {
        Kind::Create | Kind::Update | Kind::Batch => (call, vec![token.to_owned()]),
        Kind::Delete => (call, vec![r#""method_name":"delete""#.to_owned(), format!(r#""id":{id}}}"#)]),
        Kind::Revive => (call, vec![r#""method_name":"revive""#.to_owned(), format!(r#""id":{id}}}"#)]),
        Kind::Upload => ("POST /upload/upload_file", vec![token.to_owned()]),
    }
}

fn write(scene: &Scene, kind: Kind, host: &Host, manner: Manner, token: &str, id: i64) -> Told {
    match kind {
        Kind::Create => scene.run(Operation::Create, host, manner, token, File::Small),
        Kind::Batch => scene.run(Operation::Batch, host, manner, token, File::Small),
        Kind::Upload => scene.run(Operation::Upload, host, manner, token, File::Small),
        Kind::Update => host.call(manner, "update", &json!(["Shot", id, {"description": token}]).to_string()),
        Kind::Delete => host.call(manner, "delete", &json!(["Shot", id]).to_string()),
        Kind::Revive => host.call(manner, "revive", &json!(["Shot", id]).to_string()),
    }
}

/// How often the site applied each write, by its event log and its rows.
fn applied(scene: &Scene) -> HashMap<String, usize> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut note = |key: String| *counts.entry(key).or_default() += 1;
    for (entity_type, field) in [("Version", "code"), ("Attachment", "display_name")] {
        let rows = scene.truth.must("find", &json!([entity_type, [], [field]]).to_string());
        for row in rows.as_array().unwrap() {
            note(row[field].as_str().unwrap_or_default().to_owned());
        }
    }
    for (event_type, name) in [
        ("Shotgun_Shot_Change", "changed"),
        ("Shotgun_Shot_Retirement", "retired"),
        ("Shotgun_Shot_Revival", "revived"),
    ] {
        let params = json!(["EventLogEntry", [["event_type", "is", event_type]], ["meta"]]);
        for event in scene.truth.must("find", &params.to_string()).as_array().unwrap() {
            let meta = &event["meta"];
            match name {
                "changed" if meta["attribute_name"] == "description" => note(meta["new_value"].as_str().unwrap_or_default().to_owned()),
                "changed" => {}
                _ => note(format!("{name} {}", meta["entity_id"])),
            }
        }
    }
    counts
}

fn report(seed: u64, scene: &Scene, made: &[Made]) {
    let counts = applied(scene);
    let count = |key: &str| counts.get(key).copied().unwrap_or(0);
    let mut wrong = String::new();
    let mut tally: HashMap<Kind, Tally> = HashMap::new();
    for each in made {
        let applied = match each.kind {
            Kind::Create | Kind::Update | Kind::Upload => count(&each.token),
            Kind::Batch => {
                let both = [1, 2].map(|which| count(&format!("{} {which}", each.token)));
                if both[0] != both[1] {
                    let _ = writeln!(wrong, "{}: a batch was applied in part", each.token);
                }
                both[0].max(both[1])
            }
            Kind::Delete => count(&format!("retired {}", each.id)),
            Kind::Revive => count(&format!("revived {}", each.id)),
        };
        let told = &each.told;
        let is_true = match told.is_ok() {
            true => applied == 1,
            false => applied <= usize::from(told.may_have_applied) && !(told.retryable && told.may_have_applied),
        };
        if !is_true {
            let _ = writeln!(
                wrong,
                "{:?} {} ({}): applied {applied} times, and the host was told {told:?}",
                each.kind, each.token, each.fault
            );
        }
        tally.entry(each.kind).or_default().add(each, applied);
    }
    println!("seed {seed}, {} writes", made.len());
    KINDS.iter().for_each(|kind| println!("{kind:?}: {:?}", tally.get(kind)));
    assert!(wrong.is_empty(), "seed {seed}:\n{wrong}");
    let faulted: usize = tally.values().map(|tally| tally.faulted).sum();
    assert!(
        faulted * 10 >= made.len() * 8,
        "of {} writes only {faulted} met a fault",
        made.len()
    );
    // What met a fault differs a little from run to run; that it is enough does not.
    let row = |kind: &Kind| {
        let none = Tally::default();
        let tally = tally.get(kind).unwrap_or(&none);
        vec![
            format!("{kind:?}").to_lowercase(),
            tally.made.to_string(),
            tally.applied_twice.to_string(),
            "0".to_owned(),
        ]
    };
    rows::write(
        "16-by-chance",
        "Faults by chance",
        "Writes by twelve threads over two clients, each with a fault that chance chose. Chance chooses, too, whether the host waits, is \
         called back on the library's thread, or finds the end in an `sg_queue`, which must tell of each write once. At least eight in ten must have met their fault, in all more than 2,000.",
        &["write", "made", "applied twice", "told wrong"],
        &KINDS.iter().map(row).collect::<Vec<_>>(),
    );
}
