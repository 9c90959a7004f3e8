//! Faults of what the service depends on, one file a kind: after each of them the service works again by itself, and
//! nothing is lost in silence.

mod clock;
mod connections;
mod files;
mod mail_server;
mod redaction;
mod store;
