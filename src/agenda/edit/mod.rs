//! The agenda piece by piece: each of its resources listed, created, read, replaced, patched and deleted.
//!
//! Nouns: a *resource* is a kind of thing of the agenda ([`resource::Resource`]); an *address* names one
//! ([`document::Address`]); an *edit* changes the draft as a document ([`actions::edit`]).
//!
//! Invariants:
//! - An edit reads, changes and writes the whole draft under its conference's lock, by the same rules and the same plan
//!   as a whole document: what a document may not say, no edit may make ([`actions::edit`]).
//! - A writer who says which state they expect changes no other ([`crate::http::Preconditions`]).
//! - A code that changes is changed wherever it is referred to ([`super::references::rename`]).

pub mod actions;
pub mod api;
pub mod document;
pub mod list;
pub mod resource;
