//! The tests: each starts the service as its users do, on both stores, and speaks to it over HTTP.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets the unexpected has failed")]
#![expect(clippy::disallowed_methods, reason = "where servers are is told by variables of the environment")]

mod agenda;
mod api;
mod audit;
mod blueprint;
mod calendars;
mod checks;
mod import;
mod layout;
mod lists;
mod live;
mod mail;
mod migrations;
mod policy;
mod programme;
mod publication;
mod redaction;
mod registration;
mod releases;
mod schedules;
mod start;
mod support;
mod tokens;
mod views;
