//! The site from outside: everything here goes over HTTP.

mod authentication;
mod batches;
mod client;
mod command;
mod crowds;
mod data_files;
mod events;
mod files;
mod filters;
mod front_browser;
mod front_pages;
mod front_safety;
mod front_scripts;
mod front_sign_in;
mod library;
mod more_methods;
mod pages;
mod roles;
mod schema;
mod scripts;
mod seeds;
mod summaries;
mod values;
mod wire;
mod writes;
