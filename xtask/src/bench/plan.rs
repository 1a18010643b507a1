//! What is measured, by whom, and what it should come to.

/// A program that does the work in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// A bare socket: reads the answer and does not look at it.
    Floor,
    /// C++ with libcurl and simdjson.
    Simdjson,
    /// C++ with libcurl and nlohmann/json.
    Nlohmann,
    /// This library.
    Library,
    /// The official Python client.
    Official,
}

use Peer::{Floor, Library, Nlohmann, Official, Simdjson};

impl Peer {
    /// In the order of tables and charts.
    pub const ALL: &[Peer] = &[Floor, Simdjson, Nlohmann, Library, Official];

    /// Its name in tables and in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Floor => "bare socket",
            Simdjson => "libcurl + simdjson",
            Nlohmann => "libcurl + nlohmann",
            Library => "libshotgrid",
            Official => "official client",
        }
    }
}

/// A canned server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Answers at once, 5,000 rows a page at most.
    Fast,
    /// Thinks for 30 ms, 500 rows a page at most.
    Slow,
    /// Speaks TLS.
    Secure,
    /// Speaks TLS, and each answer ends its connection.
    Closing,
}

impl Server {
    /// All of them, in the order in which they are started.
    pub const ALL: &[Server] = &[Server::Fast, Server::Slow, Server::Secure, Server::Closing];

    /// Its pause before each answer, in milliseconds.
    pub const fn think_ms(self) -> u32 {
        if matches!(self, Server::Slow) { 30 } else { 0 }
    }

    /// Its most rows at once.
    pub const fn page(self) -> u32 {
        if matches!(self, Server::Slow) { 500 } else { 5_000 }
    }
}

/// One thing that is measured.
pub struct Measurement {
    /// Its name in tables and in the JSON.
    pub name: &'static str,
    /// What the programs are asked to do.
    pub work: &'static str,
    pub server: Server,
    /// How often in a run; the median counts.
    pub count: u32,
    /// How often for the official client, which takes longer.
    pub official_count: u32,
    /// Rows, callers or creates.
    pub size: u32,
    pub peers: &'static [Peer],
}

const fn row(name: &'static str, work: &'static str, server: Server, counts: (u32, u32), size: u32, peers: &'static [Peer]) -> Measurement {
    Measurement {
        name,
        work,
        server,
        count: counts.0,
        official_count: counts.1,
        size,
        peers,
    }
}

const EVERYBODY: &[Peer] = Peer::ALL;
const CLIENTS: &[Peer] = &[Simdjson, Nlohmann, Library, Official];
const FAST_ONES: &[Peer] = &[Floor, Simdjson, Library];

/// Every measurement.
pub const MEASUREMENTS: &[Measurement] = &[
    row("one entity", "one", Server::Fast, (2_000, 300), 1, EVERYBODY),
    row("10,000 calls", "one", Server::Fast, (10_000, 2_000), 1, CLIENTS),
    row("1 caller", "callers", Server::Fast, (4_000, 300), 1, EVERYBODY),
    row("8 callers", "callers", Server::Fast, (4_000, 60), 8, EVERYBODY),
    row("32 callers", "callers", Server::Fast, (1_000, 20), 32, EVERYBODY),
    row("64 callers", "callers", Server::Fast, (500, 10), 64, EVERYBODY),
    row("1 row", "rows", Server::Fast, (1_000, 200), 1, EVERYBODY),
    row("500 rows", "rows", Server::Fast, (40, 5), 500, EVERYBODY),
    row("5,000 rows", "rows", Server::Fast, (15, 1), 5_000, EVERYBODY),
    row("50,000 rows", "rows", Server::Fast, (1, 1), 50_000, CLIENTS),
    row("500 rows, text", "text", Server::Fast, (40, 0), 500, FAST_ONES),
    row("5,000 rows, text", "text", Server::Fast, (15, 0), 5_000, FAST_ONES),
    row("1 page at 30 ms", "pages", Server::Slow, (3, 1), 500, CLIENTS),
    row("5 pages at 30 ms", "pages", Server::Slow, (2, 1), 2_500, CLIENTS),
    row("20 pages at 30 ms", "pages", Server::Slow, (1, 1), 10_000, CLIENTS),
    row("100 creates, one batch", "batch", Server::Fast, (300, 50), 100, CLIENTS),
    row(
        "100 creates in turn at 30 ms",
        "sequential",
        Server::Slow,
        (1, 0),
        100,
        &[Simdjson, Library],
    ),
    row("100 creates by sg_submit at 30 ms", "submit", Server::Slow, (2, 0), 100, &[Library]),
    row("start to first answer", "start", Server::Fast, (10, 3), 1, CLIENTS),
    row("5,000 rows held, text", "keep-text", Server::Fast, (1, 0), 5_000, &[Library]),
    row(
        "5,000 rows held, all read",
        "keep-values",
        Server::Fast,
        (1, 1),
        5_000,
        &[Library, Official],
    ),
    row(
        "upload of 256 MB",
        "upload",
        Server::Fast,
        (2, 1),
        1,
        &[Floor, Simdjson, Library, Official],
    ),
    row(
        "download of 256 MB",
        "download",
        Server::Fast,
        (2, 1),
        1,
        &[Floor, Simdjson, Library, Official],
    ),
    row(
        "TLS, new client",
        "fresh",
        Server::Secure,
        (30, 5),
        1,
        &[Simdjson, Library, Official],
    ),
    row(
        "TLS, resumed",
        "resumed",
        Server::Closing,
        (100, 20),
        1,
        &[Simdjson, Library, Official],
    ),
];

/// Which figure of a run is meant.
#[derive(Clone, Copy, Debug)]
pub enum Figure {
    /// The time of the library's work by the peer's.
    Time(Peer),
    /// How many times as much as the peer it gets done in the same time.
    Rate(Peer),
    /// The processor time by the peer's.
    Cpu(Peer),
    /// Resident memory beyond the peer's, in megabytes.
    MemoryBeyond(Peer),
    /// Its own threads and the caller's.
    Threads,
    /// Memory that a held result adds, by the size of its text.
    Held,
    /// Its time by that of a peer at other work.
    TimeOf(Peer, &'static str),
}

/// A target.
pub struct Target {
    pub measurement: &'static str,
    pub figure: Figure,
    pub bound: f64,
}

const fn target(measurement: &'static str, figure: Figure, bound: f64) -> Target {
    Target {
        measurement,
        figure,
        bound,
    }
}

use Figure::{Cpu, Held, MemoryBeyond, Rate, Threads, Time, TimeOf};

/// Every target. "libcurl" alone is the faster of the two programs that use it.
pub const TARGETS: &[Target] = &[
    target("one entity", Time(Nlohmann), 1.3),
    target("one entity", Time(Official), 0.15),
    target("8 callers", Rate(Simdjson), 1.2),
    target("8 callers", Rate(Official), 10.0),
    target("32 callers", Rate(Simdjson), 1.2),
    target("32 callers", Rate(Official), 10.0),
    target("500 rows", Time(Simdjson), 1.2),
    target("500 rows", Time(Nlohmann), 0.15),
    target("500 rows", Time(Official), 0.03),
    target("5,000 rows", Time(Simdjson), 1.2),
    target("5,000 rows", Time(Nlohmann), 0.15),
    target("5,000 rows", Time(Official), 0.03),
    target("500 rows, text", Time(Floor), 1.5),
    target("5,000 rows, text", Time(Floor), 1.5),
    target("20 pages at 30 ms", Time(Official), 0.3),
    target("100 creates, one batch", Time(Simdjson), 1.0),
    target(
        "100 creates by sg_submit at 30 ms",
        TimeOf(Simdjson, "100 creates in turn at 30 ms"),
        0.1,
    ),
    target("start to first answer", Time(Official), 0.1),
    target("10,000 calls", Cpu(Simdjson), 1.5),
    target("10,000 calls", MemoryBeyond(Simdjson), 8.0),
    target("10,000 calls", Threads, 3.0),
    target("5,000 rows held, text", Held, 1.5),
    target("5,000 rows held, all read", Held, 1.5),
    target("upload of 256 MB", Rate(Floor), 0.9),
    target("upload of 256 MB", Rate(Official), 1.5),
    target("download of 256 MB", Rate(Floor), 0.9),
    target("download of 256 MB", Rate(Official), 1.5),
    target("TLS, new client", Time(Simdjson), 1.0),
    target("TLS, resumed", Time(Simdjson), 1.0),
];
