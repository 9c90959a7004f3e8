//! The agenda piece by piece: each of its resources is listed, created, read, replaced, patched and deleted.
//!
//! Nouns: a *resource* is a kind of thing of the agenda ([`resource::Resource`]); an *address* names one thing
//! ([`document::Address`]); an *edit* changes the draft as a document ([`actions::edit`]).
//!
//! Invariants:
//! - An edit reads, changes and writes the whole draft under its conference's lock, with the rules and the plan of a
//!   whole document: an edit cannot write what a document may not contain ([`actions::edit`]).
//! - A writer who names the expected entity tag changes no other version of the thing ([`crate::http::Preconditions`]).
//! - A changed code is changed everywhere in the agenda ([`super::references::rename`]).

pub mod actions;
pub mod api;
pub mod document;
pub mod list;
pub mod resource;
