//! Changes of the draft that take several steps: a new order, a move in time or room, a copy of a session, the
//! replacement of a speaker. Each is one edit of the document ([`super::edit::actions::edit`]), with the same rules and
//! the same lock.

pub mod actions;
pub mod api;
