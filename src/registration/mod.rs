//! Registration: who attends, who waits for a seat, who gave up the seat.
//!
//! Nouns: a *registration* is one person's request to attend; a *category* is a kind of registration with its own
//! seats; the *set-up* is what organisers configure ([`setup`]); the *waiting list* holds registrations that wait for a
//! seat, first come first served.
//!
//! Invariants:
//! - The registrations that hold a seat, plus the seats that invitations reserve, equal `seats_taken`, of the
//!   conference and of each category, and never exceed `seats`; the same holds for sessions. Only a
//!   [`seat_transaction::SeatTransaction`] gives and frees seats, under the lock of the set-up; guarded updates with a
//!   CHECK constraint behind them count the seats.
//! - Nobody waits while a seat is free: [`seat_transaction::SeatTransaction::close`] gives every freed seat to the
//!   waiting list in the same transaction.
//! - An address has at most one live registration: a unique index of the store ensures it.
//! - What was entered for an address that nobody verified is erased when the registration expires: [`erasure`].
//! - Every change of status is a function of [`model::RegistrationStatus`]; it writes its history and the one letter
//!   that [`model::Event::letter`] names: [`seat_transaction::SeatTransaction::record_event`].
//!
//! The promise to clients: a registration that was answered is committed, and its letter is in the outbox.

pub mod actions;
pub mod admission;
pub mod api;
pub mod broadcast;
pub mod commit_queue;
pub mod context;
pub mod duplicate_check;
pub mod erasure;
pub mod error;
pub mod field_structs;
pub mod field_values;
pub mod fields;
pub mod form;
pub mod form_api;
pub mod history;
pub mod html_redirect;
pub mod import_table;
pub mod letters;
pub mod membership;
pub mod model;
pub mod pending_event;
pub mod person_fields;
pub mod refold_names;
pub mod reservations;
pub mod row_name;
pub mod rows;
pub mod seat_transaction;
pub mod service;
pub mod session_notices;
pub mod session_seats;
pub mod setup;
pub mod sign_ups;
pub mod submission;
pub mod uniform_answer;
pub mod views;
pub mod waiting_list;

pub use error::RegistrationError;
pub use setup::Setup;
