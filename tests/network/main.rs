//! What happens between machines: a real nginx with TLS before the site, a real proxy on the way, firewalls that drop packets, lines
//! that lose them. `cargo xtask test reliability` makes the network that these tests need, and runs them one after the other.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "these are tests"
)]

mod faults;
mod lab;
mod loss;
mod nginx;
mod proxies;
mod tls;
#[path = "../support/tools.rs"]
mod tools;

#[test]
#[ignore = "needs a network of its own: cargo xtask test reliability"]
fn certificates_and_protocols() {
    tls::check();
}

#[test]
#[ignore = "needs a network of its own: cargo xtask test reliability"]
fn proxies_on_the_way() {
    proxies::check();
}

#[test]
#[ignore = "needs a network of its own: cargo xtask test reliability"]
fn firewalls_and_routes() {
    faults::check();
}

#[test]
#[ignore = "needs a network of its own: cargo xtask test reliability"]
fn bad_lines() {
    loss::check();
}

#[test]
#[ignore = "the process that other tests here start"]
fn one_client() {
    lab::one_client();
}
