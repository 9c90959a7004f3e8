//! Registering: who attends, who waits, who gave up the seat.
//!
//! Nouns: a *registration* is one person's request to attend; a *category* is a kind of registration with its own
//! seats; the *set-up* is what organisers configure ([`setup`]); the *waiting list* holds registrations that wait for
//! a seat, first come first served.
//!
//! Invariants:
//! - Registrations that hold a seat, and seats that invitations reserve, equal `seats_taken`, of the conference and
//!   of each category, and never exceed `seats`; the same holds for sessions. Seats are given and freed by a
//!   [`ledger::Ledger`] alone, under the lock of the set-up, and counted by guarded updates with a CHECK behind them.
//! - Nobody waits while a seat is free: [`ledger::Ledger::close`] gives whatever was freed in the same transaction.
//! - One live registration an address: the store's unique index says so.
//! - Every change of state is a row of the table of states, a function of [`model::State`]; it writes its history
//!   and the one letter that [`model::Event::letter`] names: [`ledger::Ledger::note`].
//!
//! It promises others: a registration that was answered is committed, and its message is in the outbox.

pub mod actions;
pub mod api;
pub mod check_in;
pub mod decisions;
pub mod delegations;
pub mod doctor;
pub mod duplicates;
pub mod error;
pub mod folded_names;
pub mod form;
pub mod import;
pub mod intake;
pub mod invitations;
pub mod ledger;
mod letters;
pub mod lists;
pub mod mailing;
pub mod model;
pub mod own;
mod page;
pub mod queue;
pub mod session_seats;
pub mod setup;
mod store;
pub mod sweep;
mod table;

pub use error::RegistrationError;
pub use setup::Setup;
