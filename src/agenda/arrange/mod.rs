//! Changes of the draft that are one wish and several edits: another order, a move in time or room, a copy of a
//! session, one speaker in another's place. Each is one edit of the document ([`super::edit::actions::edit`]), so its
//! rules and its lock are the same.

pub mod actions;
pub mod api;
