//! A local site that speaks the wire of Autodesk Flow Production Tracking (ShotGrid).
//!
//! It answers `POST /api3/json` as a real site does: people and scripts sign in, permission roles
//! refuse what they forbid, changes are written to the event log, and everything is kept in SQLite. Any
//! client can talk to it. In a Rust test:
//!
//! ```
//! use shotgrid_sandbox::Sandbox;
//!
//! let site = Sandbox::builder().start()?;
//! let artist = site.person("artist").ok_or("no artist in the seed")?;
//! println!("{} {} {}", site.url(), artist.login, site.script().name);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The manual is `docs/sandbox.md`: what of a real site is there, what is simplified, and how to write
//! seeds and roles.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod auth;
mod connections;
mod control;
mod events;
mod exchange;
mod fault;
mod files;
mod filter;
mod front;
mod hosts;
mod media;
mod methods;
mod mishaps;
mod preferences;
mod requests;
mod roles;
mod roster;
mod sandbox;
mod schema;
mod seed;
mod server;
mod site;
mod store;
mod values;
#[cfg(test)]
mod waiting;

pub use auth::app_sessions::AppSessionRequest;
pub use auth::control::{SignInError, two_factor_code};
pub use auth::settings::SignInMethod;
pub use mishaps::{FaultError, InstalledFault};
pub use requests::RequestRecord;
pub use roster::{Person, Script};
pub use sandbox::{Builder, Sandbox, StartError};
