//! Registering: who attends, who waits, who gave up the seat.
//!
//! Nouns: a *registration* is one person's request to attend; a *category* is a kind of registration with its own
//! seats; the *set-up* is what organisers configure ([`setup`]); the *waiting list* holds registrations that wait for
//! a seat, first come first served.
//!
//! Invariants:
//! - Confirmed registrations equal `seats_taken`, of the conference and of each category, and never exceed `seats`: a
//!   seat is given by [`store::take_seats`] alone, a guarded update with a CHECK behind it.
//! - Nobody waits while a seat is free: whatever frees or adds seats calls [`actions::promote`] in the same
//!   transaction, and every such transaction locks the set-up first ([`store::lock_setup`]).
//! - One live registration an address: the store's unique index says so.
//! - Every change of state writes its history and its message in its own transaction: [`actions`] only.
//!
//! It promises others: a registration that was answered is committed, and its message is in the outbox.

pub mod actions;
pub mod api;
pub mod error;
mod letters;
pub mod model;
mod page;
pub mod setup;
mod store;

pub use error::RegistrationError;
pub use setup::Setup;
