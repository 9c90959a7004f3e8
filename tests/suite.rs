//! The tests: each starts the service as its users do, on both stores, and speaks to it over HTTP.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets the unexpected has failed")]
#![expect(clippy::disallowed_methods, reason = "where servers are is told by variables of the environment")]

mod agenda;
mod api;
mod audit;
mod blueprint;
mod calendars;
mod check_in;
mod checks;
mod conference_end;
mod decisions;
mod delegations;
mod delivery;
mod doctor;
mod duplicates;
mod faults;
mod forms;
mod import;
mod invitations;
mod layout;
mod lists;
mod live;
mod mail;
mod mailing;
mod migrations;
mod names;
mod on_behalf;
mod own_page;
mod policy;
mod programme;
mod publication;
mod redaction;
mod registration;
mod registration_import;
mod registration_model;
mod registration_setup;
mod releases;
mod schedules;
mod session_seats;
mod shared_mailbox;
mod site;
mod site_setup;
mod start;
mod support;
mod time_zone;
mod tokens;
mod views;
