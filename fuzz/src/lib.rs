//! Hostile callers and hostile sites, by chance: what libFuzzer drives (`fuzz_targets/`) and a plain test repeats (`tests/short.rs`).
//!
//! A target takes any bytes and panics where a promise of the library does not hold. docs/fuzzing.md says what each one checks.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a target's findings are its panics"
)]

pub mod document;
#[path = "../../tests/support/fake_site.rs"]
mod fake_site;
pub mod faults;
mod input;
mod json_oracle;
pub mod params;
pub mod recordings;
pub mod replies;
pub mod sequences;

/// A target by its name.
pub struct Target {
    /// As its program and the folder of its corpus are called.
    pub name: &'static str,
    /// Takes any bytes; panics where a promise does not hold.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "document",
        run: document::run,
    },
    Target {
        name: "faults",
        run: faults::run,
    },
    Target {
        name: "params",
        run: params::run,
    },
    Target {
        name: "recordings",
        run: recordings::run,
    },
    Target {
        name: "replies",
        run: replies::run,
    },
    Target {
        name: "sequences",
        run: sequences::run,
    },
];
