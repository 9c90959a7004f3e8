//! The doctor: whether a live store is as the invariants of registration say that it always is.
//!
//! Nouns: a *check* is one invariant as a question to the store ([`store`]); a *finding* is one thing that breaks it.
//!
//! Invariants:
//! - It reads one snapshot and writes nothing.
//! - It counts anew what the service counts step by step, and has each history told again by the functions that are the
//!   table of states ([`model::follows`]), and the record of the doors by the rule of the doors
//!   ([`check_in::replay`](super::check_in::replay)).
//! - A finding names registrations by their references alone: what it prints may be shown.

pub mod actions;
mod model;
mod store;

use serde::Serialize;

/// What is wrong with one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The conference's slug.
    pub conference: String,
    /// The thing.
    pub subject: String,
    /// What is wrong with it.
    pub detail: String,
}

/// What became of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The invariant.
    pub name: &'static str,
    /// How many things were looked at.
    pub checked: i64,
    /// What is wrong: the first hundred.
    pub findings: Vec<Finding>,
    /// Whether there are more.
    pub more: bool,
}

/// The most findings that one check tells.
const FINDINGS_MAX: usize = 100;
