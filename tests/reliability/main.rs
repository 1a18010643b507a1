//! What a host is told when something goes wrong between it and the site, and what the site has done by then. `cargo xtask
//! reliability` makes the tables of docs/reliability.md of it.

#![allow(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::undocumented_unsafe_blocks,
    reason = "these are tests, and they call C functions as C does"
)]

mod cases;
mod faults;
mod host;
mod http;
mod operations;
mod proxy;
mod rows;
mod steps;
mod storm;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tools.rs"]
mod tools;

/// Without rows to write, only what ends at once: all of it is the step `reliability` of `cargo xtask test`.
fn which() -> cases::Which {
    match rows::folder() {
        Some(_) => cases::Which::All,
        None => cases::Which::Quick,
    }
}

#[test]
fn every_fault_comes_to_what_was_promised() {
    cases::write(&cases::run(which()));
}

#[test]
fn every_step_of_an_upload_comes_to_what_was_promised() {
    steps::run(which());
}

/// A larger storm, or another: `cargo xtask reliability --writes 20000 --seed 7`.
#[test]
fn a_storm_of_faults_applies_no_write_twice() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let usual = if rows::folder().is_some() { 2_700 } else { 150 };
    let writes = number("SHOTGRID_RELIABILITY_WRITES").unwrap_or(usual);
    let seed = number("SHOTGRID_RELIABILITY_SEED").unwrap_or(1);
    storm::run(seed, usize::try_from(writes).unwrap());
}
