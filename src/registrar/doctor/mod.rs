//! The doctor: checks whether a live store satisfies the invariants of registration.
//!
//! Nouns: a *check* is one invariant as a query of the store ([`store`]); a *finding* is one violation of it.
//!
//! Invariants:
//! - It reads one snapshot of the store and writes nothing.
//! - It recounts what the service counts incrementally. It checks each history against the functions that define the
//!   status transitions ([`model::is_legal_step`]), and the check-in record against the rules of check-in
//!   ([`check_in::replay`](crate::check_in::replay)).
//! - A finding names registrations by their references alone, so the output has no personal data.

pub mod actions;
mod model;
mod store;

use serde::Serialize;

/// A violation of an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Slug of the conference.
    pub conference: String,
    /// What violates the invariant, such as `registration GP-7K3M9Q2X`.
    pub subject: String,
    /// What is wrong, in English.
    pub detail: String,
}

/// Result of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The invariant, in English.
    pub name: &'static str,
    /// Number of things examined.
    pub checked: i64,
    /// The first hundred findings.
    pub findings: Vec<Finding>,
    /// Whether there are more findings.
    pub more: bool,
}

/// Limit of findings of one check.
const FINDINGS_MAX: usize = 100;
