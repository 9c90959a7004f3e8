//! Check-in: verification of badges, the record of admissions, and the roster for offline scanners.
//!
//! Nouns: a *badge* belongs to a confirmed registration; its QR code is a *payload* signed with the conference's key. A
//! scanner sends a *scan*; the record keeps an *entry* of it.
//!
//! Invariants:
//! - The record only grows: an undo is an entry of its own ([`actions::undo`]).
//! - A scan whose id is in the record already changes nothing and gets the same answer ([`actions::check_in`]).
//! - Entries get their numbers under the lock of the conference's counter. So a reader who follows the numbers misses
//!   none, and of two scans at the same time the second one gets the first one in its answer.
//! - The receipt times of one registration's admissions never go back: [`clock::monotonic`](crate::clock::monotonic).
//! - The time of the scan decides which admission is the first, not the time of receipt
//!   ([`scan_rules::Record::first_admission`]).
//! - The outcome of each entry follows from the entries before it ([`scan_rules::Record::outcome_when_recorded`]), so
//!   the doctor can compute the record again and compare ([`replay`]).

pub mod actions;
pub mod api;
pub mod badges;
pub mod error;
pub mod replay;
pub mod roster;
pub mod scan_rules;
mod store;
pub mod views;

pub use error::CheckInError;
pub use store::ADMITTED_AND_NOT_UNDONE;
