//! Redaction: removes a person from everything that was ever released, and from everything that is stored about the
//! agenda. It is for people who withdraw, and for people who are in danger.
//!
//! Nouns: the *personal data scan* finds everybody whom the draft, a release, a scheduled release or the audit trail
//! has or had as a speaker, with every code and name ([`personal_data_scan`]); a *person* is the one who is removed
//! ([`model::Person`]); a *mention* is a text, code or address that still contains their family name, or a part of a
//! code, afterwards.
//!
//! A redaction has two steps. One short transaction records whom it concerns, removes them from the draft, the audit
//! trail and the stored answers, and deletes the stored release documents ([`actions::redact`]); from its commit on,
//! every read of a release leaves them out ([`pending::Pending`]). Then each stored release is rewritten in a short
//! transaction of its own ([`rewriting::finish`]), and at the end the record of the person is erased.
//!
//! Invariants:
//! - All code that reads a release, a scheduled release, a history or the sentences of a release from the store does so
//!   through [`super::releases::store`], which leaves out the people of unfinished redactions: nothing shows them after
//!   the first commit, however far the rewriting is.
//! - A recorded redaction is always finished: by the process that started it, or by any process that finds it abandoned
//!   ([`rewriting::run`]). Two redactions of the same release do not undo each other: each writes a row only if the
//!   row has not changed since it was read (`rewrites`).
//! - A transaction that writes does nothing slow: finding the person, and reading, searching and rewriting contents
//!   happen outside of it. A dry run writes nothing and locks nothing.
//! - A release keeps its number and its date. Its `updated_at` becomes the time of the redaction: for readers in the
//!   first step, in its row in the second. So every cache asks again, every process loads the new content, and the
//!   second step changes no answer.
//! - A code that passed from one person to another identifies nobody: the caller must give the id
//!   ([`personal_data_scan`]).
//! - Answers stored for idempotency keys stay, without the person: a repeated request does not bring them back.
//! - The record of a redaction names nobody once everything is rewritten.

pub mod actions;
pub mod api;
mod codes;
mod json;
pub mod mentions;
pub mod model;
pub mod pending;
pub mod personal_data_scan;
pub mod report;
pub mod rewriting;
mod store;
mod text;
