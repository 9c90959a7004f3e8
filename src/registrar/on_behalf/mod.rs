//! Registrations on behalf: a registrar registers somebody, for instance who stands at the door.
//!
//! Invariants:
//! - Opening times, hidden categories, invitations, verification, approval and required answers do not bind a
//!   registrar. Seats do: where none is free, the person waits or, without a waiting list, is refused
//!   ([`actions::register`]).
//! - Nobody is stored without consent: the registrar says how it was given, and the registration keeps who said so.

pub mod actions;
pub mod api;
pub mod model;
