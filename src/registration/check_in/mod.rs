//! Check-in: what a badge proves, who was let in where, and what a scanner needs that is not connected.
//!
//! Nouns: a *badge* is what a confirmed registration carries, with a QR code of the *payload* that is signed under the
//! conference's key; a *scan* is what a scanner sends; an *entry* is what the record keeps of it.
//!
//! Invariants:
//! - The record is only added to: an undoing is an entry of its own ([`actions::undo`]).
//! - A scan with an id that the record has changes nothing and is answered as it was ([`actions::check_in`]).
//! - Entries get their numbers under the lock of the conference's counter, so that whoever follows the numbers misses
//!   none, and of two scans at once one is told that the other came first.
//! - The admissions of one registration never go back in time: [`clock::following`](crate::clock::following).
//! - Who came first is decided by when people came, not by when scanners told ([`model::Record::first`]).
//! - What each scanner was told follows from the entries before ([`model::Record::told`]): the record can be told again
//!   ([`replay`]).

pub mod actions;
pub mod api;
pub mod badges;
pub mod model;
pub mod replay;
pub mod roster;
mod store;
