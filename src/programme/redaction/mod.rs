//! Taking a person out of everything that was ever released, and of all that the organisers keep of the agenda: for who
//! withdraws, and for who is in danger.
//!
//! Nouns: the *census* is everyone whom the draft, a release, a scheduled release or the audit trail has or had as a
//! speaker, with every code and name ([`census::Census`]); a *person* is who is taken out ([`model::Person`]); a
//! *mention* is a text, code or address in which their family name, or a part of a code, still stands afterwards.
//!
//! A redaction has two steps. One short transaction records whom it is of, takes them out of the draft, the audit trail
//! and the kept answers, and drops the stored editions ([`actions::redact`]); from its commit on every read of a
//! release leaves them out ([`pending::Pending`]). Then each stored release is rewritten in a short transaction of its
//! own ([`rewriting::finish`]), and at the end what was recorded of them is erased.
//!
//! Invariants:
//! - Whoever reads a release, a scheduled release, a history or words of the store does it through
//!   [`crate::programme::release::store`], which leaves out whom an unfinished redaction is of: nothing shows them
//!   after its first commit, however far the rewriting has come.
//! - A redaction that was recorded is finished: by whoever asked for it, or by any process that finds it left alone
//!   ([`rewriting::keep`]). Two that rewrite the same release do not undo one another: each writes only what it has
//!   read the latest of (`rewrites`).
//! - Nothing long is done in a transaction that writes: who is meant is found, and contents are read, searched and
//!   written anew, outside of it. A dry run writes nothing and locks nothing.
//! - A release keeps its number and its date, and gets the redaction's instant as `updated_at`, by the first step for
//!   every reader, by the second in its row: every cache asks anew, every process takes the new content up, and the
//!   second step changes no answer.
//! - A code that passed from one person to another takes nobody out: the caller says whom by the id
//!   ([`census::Census::meant`]).
//! - Kept answers stay, without the person: a request that is sent again does not bring them back.
//! - What is recorded of a redaction names nobody once everything is rewritten.

pub mod actions;
pub mod api;
pub mod census;
mod codes;
mod json;
pub mod mentions;
pub mod model;
pub mod pending;
pub mod rewriting;
mod store;
mod text;
