//! Import of registrations from another system, from a table (CSV).
//!
//! Nouns: a *column* of the table is a field of the form, an answer, or a field that only tables have ([`columns`]); a
//! *row* is one person ([`rows`]).
//!
//! Invariants:
//! - All or nothing, in one transaction: with one validation error, or for a dry run, nothing is written
//!   ([`actions::import`]). The answer has all validation errors at once, each with its row and column.
//! - Nothing is overbooked: the seat transaction takes the seats, as at any registration. A row with the status
//!   `confirmed` for which no seat is left is a validation error.
//! - Nobody gets a letter.
//! - A second import of the same file changes nothing: each of its rows is already registered.

pub mod actions;
pub mod api;
mod columns;
mod rows;
mod store;

use std::collections::BTreeMap;

use crate::values::{Code, LanguageTag, Line, text_enum};

text_enum! {
    /// What an import does with a row whose address is already registered.
    ExistingRowPolicy {
        /// The import is refused.
        Refuse = "refuse",
        /// The row is left out.
        Skip = "skip",
    }
}

text_enum! {
    /// Status of an imported registration.
    ImportedStatus {
        /// Has a seat.
        Confirmed = "confirmed",
        /// Waits for a seat; gets one at once if one is free.
        Waitlisted = "waitlisted",
        /// Awaits the organisers' decision.
        Pending = "pending",
        /// Does not come.
        Cancelled = "cancelled",
    }
}

/// Options of an import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Field of each named column; `None` leaves the column out. Other columns are recognised by their names.
    pub map: BTreeMap<String, Option<String>>,
    /// Category of rows without one.
    pub category: Option<Code>,
    /// Language of rows without one.
    pub language: Option<LanguageTag>,
    /// Status of rows without one.
    pub status: ImportedStatus,
    /// What happens to rows whose address is already registered.
    pub existing_rows: ExistingRowPolicy,
    /// How these people consented to the storage of their data, in the organisers' words.
    pub consent: Line<300>,
    /// Whether nothing is written.
    pub dry_run: bool,
}
