//! The charts of docs/performance.md, drawn from the figures alone.

use std::fmt::Write;

use serde_json::Value;

use super::plan::Peer;
use super::shown;

const WIDTH: f64 = 800.0;
const LEFT: f64 = 190.0;
const BAR: f64 = 22.0;

/// Works that are shown as bars side by side: a file's name, its title, the works.
const BARS: &[(&str, &str, &[&str])] = &[
    (
        "performance-one.svg",
        "One entity; start to first answer",
        &["one entity", "start to first answer"],
    ),
    (
        "performance-rows.svg",
        "Rows of 12 fields, every value read",
        &["500 rows", "5,000 rows"],
    ),
    (
        "performance-callers.svg",
        "Callers on one client: time for each call",
        &["8 callers", "32 callers"],
    ),
    (
        "performance-pages.svg",
        "20 pages from a site that thinks for 30 ms",
        &["20 pages at 30 ms"],
    ),
    ("performance-files.svg", "256 MB", &["upload of 256 MB", "download of 256 MB"]),
];

/// Works that grow: a file's name, its title, what grows, the works with their sizes.
type Growth = (&'static str, &'static str, &'static str, &'static [(&'static str, f64)]);

const GROWTHS: &[Growth] = &[
    (
        "performance-growth-rows.svg",
        "Time by rows",
        "rows",
        &[
            ("1 row", 1.0),
            ("500 rows", 500.0),
            ("5,000 rows", 5_000.0),
            ("50,000 rows", 50_000.0),
        ],
    ),
    (
        "performance-growth-callers.svg",
        "Time for each call by callers",
        "callers",
        &[("1 caller", 1.0), ("8 callers", 8.0), ("32 callers", 32.0), ("64 callers", 64.0)],
    ),
    (
        "performance-growth-pages.svg",
        "Time by pages, 30 ms each",
        "pages",
        &[("1 page at 30 ms", 1.0), ("5 pages at 30 ms", 5.0), ("20 pages at 30 ms", 20.0)],
    ),
];

/// Every chart that the figures are enough for: the name of its file and its text.
pub fn all(report: &Value) -> Vec<(&'static str, String)> {
    let bars = BARS.iter().map(|(file, title, works)| (*file, bars(report, title, works)));
    let growths = GROWTHS
        .iter()
        .map(|(file, title, unit, works)| (*file, growth(report, title, unit, works)));
    bars.chain(growths).collect()
}

fn time(report: &Value, work: &str, peer: Peer) -> Option<f64> {
    let all = report.get("measurements")?.as_array()?;
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    all.iter()
        .find(|entry| text(entry, "work").as_deref() == Some(work) && text(entry, "peer").as_deref() == Some(peer.name()))?
        .get("seconds")?
        .as_f64()
        .filter(|seconds| *seconds > 0.0)
}

const fn colour(peer: Peer) -> &'static str {
    match peer {
        Peer::Floor => "#9aa5b1",
        Peer::Simdjson => "#5b8db8",
        Peer::Nlohmann => "#8f7bb5",
        Peer::Library => "#d9822b",
        Peer::Official => "#6b8e5a",
    }
}

fn opened(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" fill=\"#222222\">{title}</text>\n"
    )
}

/// Bars on a logarithmic scale: each work beside the same work of the others.
fn bars(report: &Value, title: &str, works: &[&str]) -> String {
    let mut lines = Vec::new();
    for work in works {
        let times: Vec<(Peer, f64)> = Peer::ALL
            .iter()
            .filter_map(|peer| Some((*peer, time(report, work, *peer)?)))
            .collect();
        let least = times.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
        let most = times.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
        lines.push((*work, times, least, most));
    }
    let count: usize = lines.iter().map(|(_, times, ..)| times.len()).sum();
    let height = 62.0 + 30.0 * lines.len() as f64 + (BAR + 4.0) * count as f64;
    let mut text = opened(height, title);
    let mut y = 48.0;
    for (work, times, least, most) in &lines {
        y += 8.0;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<text x=\"16\" y=\"{:.0}\" fill=\"#555555\">{work} (logarithmic)</text>",
            y + 8.0
        );
        y += 18.0;
        for (peer, seconds) in times {
            let span = (most / least).ln().max(f64::EPSILON);
            let length = 60.0 + (seconds / least).ln() / span * (WIDTH - LEFT - 210.0);
            let ours = time(report, work, Peer::Library).unwrap_or(*seconds);
            let _ = writeln!(
                text,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#222222\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{length:.0}\" height=\"{BAR}\" fill=\"{}\"/>\
                 <text x=\"{:.0}\" y=\"{:.0}\" fill=\"#222222\">{} ({:.2})</text>",
                LEFT - 8.0,
                y + 16.0,
                peer.name(),
                colour(*peer),
                LEFT + length + 6.0,
                y + 16.0,
                shown(*seconds),
                seconds / ours,
            );
            y += BAR + 4.0;
        }
    }
    text + "</svg>\n"
}

/// Lines on two logarithmic scales.
fn growth(report: &Value, title: &str, unit: &str, works: &[(&str, f64)]) -> String {
    const HEIGHT: f64 = 400.0;
    const BOTTOM: f64 = 350.0;
    const TOP: f64 = 50.0;
    let all: Vec<f64> = works
        .iter()
        .flat_map(|(work, _)| Peer::ALL.iter().filter_map(|peer| time(report, work, *peer)))
        .collect();
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    let largest = works.iter().map(|(_, size)| *size).fold(1.0, f64::max);
    let x = |size: f64| 70.0 + size.ln() / largest.ln().max(f64::EPSILON) * 500.0;
    let y = |seconds: f64| BOTTOM - (seconds / least).ln() / (most / least).ln().max(f64::EPSILON) * (BOTTOM - TOP);
    let mut text = opened(HEIGHT, title);
    for (_, size) in works {
        let _ = writeln!(
            text,
            "<line x1=\"{0:.0}\" y1=\"{TOP}\" x2=\"{0:.0}\" y2=\"{BOTTOM}\" stroke=\"#e3e6ea\"/>\
             <text x=\"{0:.0}\" y=\"{1:.0}\" text-anchor=\"middle\" fill=\"#555555\">{size} {unit}</text>",
            x(*size),
            BOTTOM + 20.0
        );
    }
    let mut decade = 10f64.powf(least.log10().ceil());
    while decade <= most {
        let _ = writeln!(
            text,
            "<line x1=\"70\" y1=\"{0:.0}\" x2=\"570\" y2=\"{0:.0}\" stroke=\"#e3e6ea\"/>\
             <text x=\"62\" y=\"{1:.0}\" text-anchor=\"end\" fill=\"#555555\">{2}</text>",
            y(decade),
            y(decade) + 4.0,
            shown(decade).replace(".00", "").replace(".0", "")
        );
        decade *= 10.0;
    }
    for (number, peer) in Peer::ALL.iter().enumerate() {
        let points: Vec<String> = works
            .iter()
            .filter_map(|(work, size)| Some(format!("{:.0},{:.0}", x(*size), y(time(report, work, *peer)?))))
            .collect();
        if points.is_empty() {
            continue;
        }
        let line = 70.0 + 24.0 * number as f64;
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{2}\" stroke-width=\"2.5\"/>\
             <rect x=\"590\" y=\"{1:.0}\" width=\"16\" height=\"6\" fill=\"{2}\"/>\
             <text x=\"614\" y=\"{3:.0}\" fill=\"#222222\">{4}</text>",
            points.join(" "),
            line,
            colour(*peer),
            line + 7.0,
            peer.name()
        );
    }
    text + "</svg>\n"
}
