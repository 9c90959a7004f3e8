//! Taking a person out of everything that was ever released, and of all that the organisers keep of the agenda: for who
//! withdraws, and for who is in danger.
//!
//! Nouns: a *person* is a speaker with every code and name that any release or the draft has of them
//! ([`model::Person`]); a *mention* is a text in which their family name still stands afterwards.
//!
//! Invariants:
//! - One transaction takes the person out of every release, public and full, every scheduled release, the draft, the
//!   audit trail and the kept answers, or out of none ([`actions::redact`]).
//! - A release keeps its number and its date, and gets another `updated_at`: every cache asks anew, every process takes
//!   the new content up.
//! - What is recorded of a redaction names nobody.

pub mod actions;
pub mod api;
pub mod model;
mod store;
