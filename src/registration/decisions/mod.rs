//! What organisers decide about registrations: approved, refused, withdrawn; in bulk, with a reason that letters
//! quote; the log of it; and the notes that registrars keep for themselves.
//!
//! Invariants:
//! - Each registration of a bulk is decided by itself and answered by itself; deciding again what was decided so
//!   changes nothing and writes to nobody: [`actions::decide`].
//! - A note is seen by registrars alone.

pub mod actions;
pub mod api;
mod store;
