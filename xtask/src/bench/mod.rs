//! `cargo xtask bench`: the library beside what people would use instead, in one go and on one machine.
//!
//! Every measurement is taken in rounds, and in each round by every peer in turn, so that whatever else the machine does meets
//! all of them. Ratios are made within a round; the median of the rounds is told.

mod charts;
mod plan;
mod programs;
pub mod speed;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::steps::Session;
use crate::workspace::read;
use plan::{Figure, MEASUREMENTS, Measurement, Peer, TARGETS, Target};
use programs::Programs;

/// How often each measurement is taken by each peer.
const ROUNDS: usize = 5;

/// What was measured: a figure for each round.
pub struct Results(BTreeMap<(&'static str, Peer), Vec<Value>>);

/// Measures everything whose name has one of these words, or simply everything; `keep` writes the figures into the documentation.
pub fn run(session: &Session, keep: bool, words: &[&str]) -> Result<ExitCode> {
    if let Some(why) = programs::missing(session)? {
        bail!("{why}");
    }
    let wanted = |measurement: &&Measurement| words.is_empty() || words.iter().any(|word| measurement.name.contains(word));
    let measurements: Vec<&Measurement> = MEASUREMENTS.iter().filter(wanted).collect();
    if measurements.is_empty() {
        let names: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
        bail!("nothing of that name is measured; there are: {}", names.join("; "));
    }
    let programs = Programs::prepare(session)?;
    let mut results = Results(BTreeMap::new());
    for measurement in measurements {
        println!("== {}", measurement.name);
        for round in 0..ROUNDS {
            // Whoever comes first finds other caches than the others.
            for place in 0..measurement.peers.len() {
                let Some(peer) = measurement.peers.get((place + round) % measurement.peers.len()) else {
                    continue;
                };
                let told = programs
                    .run(measurement, *peer)
                    .with_context(|| format!("{} by {}", measurement.name, peer.name()))?;
                results.0.entry((measurement.name, *peer)).or_default().push(told);
            }
        }
        print!("{}", results.lines(measurement));
    }
    let report = results.json();
    let table = format!("{}\n{}", results.medians(), results.targets());
    println!("\n{table}");
    let file = session.workspace.scratch.join("bench.json");
    fs::write(&file, format!("{report:#}\n")).with_context(|| format!("{} cannot be written", file.display()))?;
    println!("{}", file.display());
    if keep {
        into_documentation(session, &report, &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws the charts and sets the table, between its marks, in docs/performance.md.
fn into_documentation(session: &Session, report: &Value, table: &str) -> Result<()> {
    const MARKS: [&str; 2] = ["<!-- figures -->\n", "<!-- end of figures -->"];
    let docs = session.workspace.root.join("docs");
    let page = docs.join("performance.md");
    let text = read(&page)?;
    let parts = text
        .split_once(MARKS[0])
        .and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?.1)));
    let (before, behind) = parts.with_context(|| format!("{} has no marks round its figures", page.display()))?;
    let changed = format!("{before}{}\n{table}\n{}{behind}", MARKS[0], MARKS[1]);
    fs::write(&page, changed).with_context(|| format!("{} cannot be written", page.display()))?;
    let pictures = docs.join("pictures");
    let kept = pictures.join("performance.json");
    fs::write(&kept, format!("{report:#}\n")).with_context(|| format!("{} cannot be written", kept.display()))?;
    for (name, picture) in charts::all(report) {
        let file = pictures.join(name);
        fs::write(&file, picture).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// The middle one; 0 of none.
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

impl Results {
    /// A figure of each round.
    fn series(&self, measurement: &'static str, peer: Peer, figure: &str) -> Vec<f64> {
        let rounds = self.0.get(&(measurement, peer)).map_or(&[][..], Vec::as_slice);
        rounds.iter().filter_map(|told| told.get(figure).and_then(Value::as_f64)).collect()
    }

    fn middle(&self, measurement: &'static str, peer: Peer, figure: &str) -> Option<f64> {
        let mut series = self.series(measurement, peer, figure);
        (!series.is_empty()).then(|| median(&mut series))
    }

    /// The median of what two figures come to in each round.
    fn paired(&self, left: (&'static str, Peer), right: (&'static str, Peer), figure: &str, by: fn(f64, f64) -> f64) -> Option<f64> {
        let (left, right) = (self.series(left.0, left.1, figure), self.series(right.0, right.1, figure));
        let mut pairs: Vec<f64> = left.iter().zip(&right).map(|(left, right)| by(*left, *right)).collect();
        (!pairs.is_empty()).then(|| median(&mut pairs))
    }

    /// One measurement as it was taken.
    fn lines(&self, measurement: &Measurement) -> String {
        let mut text = String::new();
        for peer in measurement.peers {
            let time = self.middle(measurement.name, *peer, "seconds").map(shown).unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "   {:<20} {time:>10}", peer.name());
        }
        text
    }

    /// All medians as a table.
    fn medians(&self) -> String {
        let mut text = String::from("| work |");
        Peer::ALL.iter().for_each(|peer| text += &format!(" {} |", peer.name()));
        text += "\n|---|";
        Peer::ALL.iter().for_each(|_| text += "---:|");
        text.push('\n');
        for measurement in MEASUREMENTS {
            let times = Peer::ALL.iter().map(|peer| self.middle(measurement.name, *peer, "seconds"));
            let times: Vec<Option<f64>> = times.map(|time| time.filter(|seconds| *seconds > 0.0)).collect();
            if times.iter().all(Option::is_none) {
                continue;
            }
            let _ = write!(text, "| {} |", measurement.name);
            times
                .iter()
                .for_each(|time| text += &format!(" {} |", time.map(shown).unwrap_or_default()));
            text.push('\n');
        }
        text
    }

    /// What a target's figure is; `None` where it was not measured.
    fn figure(&self, target: &Target) -> Option<f64> {
        let name = target.measurement;
        let ours = (name, Peer::Library);
        let ratio = |left: f64, right: f64| left / right;
        match target.figure {
            Figure::Time(peer) => self.paired(ours, (name, peer), "seconds", ratio),
            Figure::TimeOf(peer, other) => self.paired(ours, (other, peer), "seconds", ratio),
            Figure::Rate(peer) => self.paired((name, peer), ours, "seconds", ratio),
            Figure::Cpu(peer) => self.paired(ours, (name, peer), "cpu", ratio),
            Figure::MemoryBeyond(peer) => self.paired(ours, (name, peer), "rss_kb", |ours, others| (ours - others) / 1024.0),
            Figure::Threads => self.middle(name, Peer::Library, "threads"),
            Figure::Held => Some(self.middle(name, Peer::Library, "grown_kb")? / self.middle(name, Peer::Library, "reply_kb")?),
        }
    }

    /// The targets as a table.
    fn targets(&self) -> String {
        let mut text = String::from("| work | target | measured | |\n|---|---|---:|---|\n");
        for target in TARGETS {
            if let Some(figure) = self.figure(target) {
                let (words, met) = target.told(figure);
                let met = if met { "met" } else { "**not met**" };
                let _ = writeln!(text, "| {} | {words} | {figure:.2} | {met} |", target.measurement);
            }
        }
        text
    }

    fn json(&self) -> Value {
        let measurements: Vec<Value> = self
            .0
            .iter()
            .map(|((name, peer), rounds)| json!({"work": name, "peer": peer.name(), "rounds": rounds, "seconds": self.middle(name, *peer, "seconds")}))
            .collect();
        let targets: Vec<Value> = TARGETS
            .iter()
            .filter_map(|target| {
                let figure = self.figure(target)?;
                let (words, met) = target.told(figure);
                Some(json!({"work": target.measurement, "target": words, "measured": figure, "met": met}))
            })
            .collect();
        json!({"cores": std::thread::available_parallelism().map_or(0, usize::from), "measurements": measurements, "targets": targets})
    }
}

impl Target {
    /// The target in words, and whether a figure meets it.
    fn told(&self, figure: f64) -> (String, bool) {
        let bound = self.bound;
        let most = figure <= bound;
        match self.figure {
            Figure::Time(peer) => (format!("≤ {bound} × {}", peer.name()), most),
            Figure::TimeOf(peer, other) => (format!("≤ {bound} × {}, {other}", peer.name()), most),
            Figure::Rate(peer) => (format!("rate ≥ {bound} × {}", peer.name()), figure >= bound),
            Figure::Cpu(peer) => (format!("processor time ≤ {bound} × {}", peer.name()), most),
            Figure::MemoryBeyond(peer) => (format!("memory ≤ {}'s + {bound} MB", peer.name()), most),
            Figure::Threads => (format!("threads ≤ {bound}"), most),
            Figure::Held => (format!("memory ≤ {bound} × the reply"), most),
        }
    }
}

/// A time as people say it.
fn shown(seconds: f64) -> String {
    match seconds {
        ..1e-3 => format!("{:.1} µs", seconds * 1e6),
        ..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}
