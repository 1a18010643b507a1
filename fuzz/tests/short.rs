//! Every target for a short while, without cargo-fuzz: its committed corpus, and changes of it that are the same in every run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "these are tests"
)]

#[path = "../../tests/reliability/rows.rs"]
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use shotgrid_fuzz::{TARGETS, Target, sequences};

/// What the changes of every target begin with.
const SEED: u64 = 0x5eed_5eed_5eed_5eed;
/// So many changes are tried of a target whose inputs take no time, and so many of one that talks to a site.
const QUICK: usize = 4_000;
const SLOW: usize = 300;
/// An input that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The corpus of a target, in the order of the names.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("corpus").join(target.name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<_> = files
        .map(|file| file.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    entries.sort();
    assert!(!entries.is_empty(), "{} holds nothing", folder.display());
    entries
}

/// A small generator: the same changes in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// Another entry, changed in one to eight places.
    fn change(&mut self, entries: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = entries[self.below(entries.len())].1.clone();
        for _ in 0..1 + self.below(8) {
            let place = self.below(bytes.len() + 1);
            let end = bytes.len().min(place + 1 + self.below(16));
            match self.below(6) {
                0 if place < bytes.len() => bytes[place] ^= 1 << self.below(8),
                1 if place < bytes.len() => bytes[place] = self.byte(),
                2 => bytes.insert(place, self.byte()),
                3 => drop(bytes.drain(place..end)),
                4 => {
                    let piece = bytes[place..end].to_vec();
                    bytes.splice(place..place, piece);
                }
                _ => {
                    let other = &entries[self.below(entries.len())].1;
                    let from = self.below(other.len() + 1);
                    let to = other.len().min(from + 1 + self.below(64));
                    bytes.splice(place..place, other[from..to].iter().copied());
                }
            }
        }
        bytes
    }
}

/// Runs a target, and says with what it was run where it panics.
fn feed(target: &Target, name: &str, bytes: &[u8]) {
    let began = Instant::now();
    let outcome = std::panic::catch_unwind(|| (target.run)(bytes));
    if outcome.is_err() {
        let kept = std::env::temp_dir().join(format!("libshotgrid-{}-finding", target.name));
        std::fs::write(&kept, bytes).unwrap();
        panic!(
            "{} does not hold for {name}; the input is in {}:\n{}",
            target.name,
            kept.display(),
            String::from_utf8_lossy(bytes)
        );
    }
    assert!(began.elapsed() < HANGS, "{}: {name} took {:?}", target.name, began.elapsed());
}

/// Feeds a target its corpus and so many changes of it. `about` says what must hold, in the words of a table.
fn short(name: &str, changes: usize, about: [&str; 2]) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let entries = corpus(target);
    for (name, bytes) in &entries {
        feed(target, name, bytes);
    }
    let (mut chance, began) = (Chance(SEED), Instant::now());
    for tried in 0..changes {
        feed(target, &format!("change {tried}"), &chance.change(&entries));
    }
    println!("{name}: {} entries and {changes} changes in {:?}", entries.len(), began.elapsed());
    passed(target, [entries.len(), changes], about);
}

/// Notes that a target held for all it was fed, and writes the table when all of them did. What did not hold has panicked.
fn passed(target: &Target, fed: [usize; 2], [what, must_hold]: [&str; 2]) {
    static HELD: Mutex<BTreeMap<&str, Vec<String>>> = Mutex::new(BTreeMap::new());
    let name = format!("`{}`: {what}", target.name);
    let [entries, changes] = fed.map(|count| count.to_string());
    let row = vec![name, entries, changes, must_hold.to_owned(), "0".to_owned()];
    let mut held = HELD.lock().unwrap();
    held.insert(target.name, row);
    if held.len() == TARGETS.len() {
        let about = format!(
            "Inputs of the six targets of [fuzzing](fuzzing.md), each of which panics where a promise does not hold: the committed \
             corpus, and changes of it by chance from the seed {SEED:#x}, the same in every run. `sequences` begins besides with each \
             exported function once. A crash, a hang of a minute and a broken promise count alike."
        );
        let columns = ["target", "corpus", "changes", "what must hold", "did not hold"];
        rows::write(
            "70-callers",
            "A hostile caller",
            &about,
            &columns,
            &held.values().cloned().collect::<Vec<_>>(),
        );
    }
}

#[test]
fn document() {
    let about = [
        "texts, JSON or not",
        "The reader and serde_json take the same texts and see the same in them, by every cursor function of C",
    ];
    short("document", QUICK, about);
}

#[test]
fn faults() {
    let about = [
        "messages of a site",
        "The site's words are kept; only refusals are told as such, whatever other messages quote",
    ];
    short("faults", QUICK, about);
}

#[test]
fn params() {
    let about = [
        "`params_json` of every method",
        "What is sent is JSON, or the call is refused with a message that is not long",
    ];
    short("params", QUICK, about);
}

#[test]
fn recordings() {
    let about = [
        "files to replay, recordings or not",
        "A file that is none is refused with the line that is wrong; what is written of a reply is JSON on one line, and holds no secret",
    ];
    short("recordings", QUICK, about);
}

#[test]
fn replies() {
    let about = [
        "replies of a site, heads and bodies",
        "The host gets JSON, or an error of the site or the network",
    ];
    short("replies", QUICK, about);
}

#[test]
fn sequences() {
    let about = [
        "up to 96 calls of exported functions, in any order",
        "Handles that live, are NULL, were freed and set to NULL, or are of another type; texts and numbers of every kind: no crash, no hang, \
         never `SG_STATUS_INTERNAL`, each callback and finalizer once, no credential in a message",
    ];
    short("sequences", SLOW, about);
}

/// Whatever the corpus reaches.
#[test]
fn each_function_once() {
    let target = TARGETS.iter().find(|target| target.name == "sequences").unwrap();
    assert!(sequences::FUNCTIONS.len() <= 256, "a byte chooses the function");
    for first in (0..sequences::FUNCTIONS.len()).step_by(12) {
        let numbers = (first..sequences::FUNCTIONS.len()).take(12);
        // No change of the site, the function, and ordinary arguments.
        let bytes: Vec<u8> = numbers
            .flat_map(|number| [&[0, u8::try_from(number).unwrap()][..], &[0; 12]].concat())
            .collect();
        feed(target, &format!("the functions from {first} on"), &bytes);
    }
}

#[test]
fn every_target_is_run_and_has_a_program() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let folder = |name: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(root().join(name)).unwrap();
        files
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(folder("fuzz_targets"), names);
    assert_eq!(folder("corpus"), names);
    let source = include_str!("short.rs");
    for name in &names {
        assert!(source.contains(&format!("short(\"{name}\", ")), "{name} is not run here");
    }
}

/// A function that is added to the library must be added to the sequences.
#[test]
fn the_sequences_call_every_exported_function() {
    let table = std::fs::read_to_string(root().join("../docs/symbols.md")).unwrap();
    let exported: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let called: Vec<_> = sequences::FUNCTIONS.iter().map(|function| function.name).collect();
    assert!(exported.len() > 90, "{exported:?}");
    assert_eq!(called, exported);
}
