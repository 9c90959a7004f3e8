//! Taking a person out of everything that was ever released, and of all that the organisers keep of the agenda: for who
//! withdraws, and for who is in danger.
//!
//! Nouns: the *census* is everyone whom the draft, a release, a scheduled release or the audit trail has or had as a
//! speaker, with every code and name ([`census::Census`]); a *person* is who is taken out ([`model::Person`]); a
//! *mention* is a text, code or address in which their family name, or a part of a code, still stands afterwards.
//!
//! Invariants:
//! - One transaction takes the person out of every release, public and full, every scheduled release, the draft, the
//!   audit trail and the kept answers, or out of none ([`actions::redact`]).
//! - A release keeps its number and its date, and gets another `updated_at`: every cache asks anew, every process takes
//!   the new content up.
//! - A code that passed from one person to another takes nobody out: the caller says whom by the id
//!   ([`census::Census::meant`]).
//! - Kept answers stay, without the person: a request that is sent again does not bring them back.
//! - What is recorded of a redaction names nobody.

pub mod actions;
pub mod api;
pub mod census;
mod codes;
mod json;
pub mod mentions;
pub mod model;
mod store;
mod text;
