//! Taking registrations of another system over, from a table (CSV).
//!
//! Nouns: a *column* of the table is a field of the form, an answer, or something that only tables have
//! ([`columns`]); a *row* is one person ([`rows`]).
//!
//! Invariants:
//! - All or nothing, in one transaction: with one fault, or for a rehearsal (`dry_run`), nothing is written
//!   ([`actions::import`]). Faults name their row and column, all of them at once.
//! - Nothing is overbooked: seats are taken through the ledger as at any registration, and a row that says it has a
//!   seat where none is left is a fault.
//! - Nobody gets a letter.
//! - The same file again changes nothing: each of its rows is registered already.

pub mod actions;
pub mod api;
mod columns;
mod rows;
mod store;

use std::collections::BTreeMap;

use crate::values::{Code, LanguageTag, Line, text_enum};

text_enum! {
    /// What an import does with a row whose address is registered already.
    KnownRows {
        /// Nothing is imported.
        Refuse = "refuse",
        /// The row is left out.
        Skip = "skip",
    }
}

text_enum! {
    /// Where an imported registration stands.
    ImportedStatus {
        /// It has a seat.
        Confirmed = "confirmed",
        /// It waits for one; or has one, where one is free.
        Waitlisted = "waitlisted",
        /// The organisers decide about it.
        Pending = "pending",
        /// They do not come.
        Cancelled = "cancelled",
    }
}

/// What is to be done with a table.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The fields that columns are, by the columns' names; `None` for one that is left out.
    pub map: BTreeMap<String, Option<String>>,
    /// The category of rows that say none.
    pub category: Option<Code>,
    /// The language of rows that say none.
    pub language: Option<LanguageTag>,
    /// Where rows stand that do not say.
    pub status: ImportedStatus,
    /// What happens to rows whose address is registered already.
    pub known: KnownRows,
    /// How these people consented, in the organisers' words.
    pub consent: Line<300>,
    /// Whether nothing is written.
    pub dry_run: bool,
}
