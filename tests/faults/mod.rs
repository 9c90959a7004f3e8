//! Faults of what the service depends on, one file for each kind: after each of them the service recovers by itself,
//! and nothing is lost silently.

mod clock;
mod connections;
mod files;
mod mail_server;
mod redaction;
mod store;
