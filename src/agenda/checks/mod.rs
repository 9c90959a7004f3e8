//! Checks of a draft before it is released: contradictions, missing parts, the running order of the high-level session,
//! and texts that are missing in a language.
//!
//! Nouns: a *conflict* is an *error*, which stops a release, or a *warning*, which does not ([`conflict`]).
//!
//! Invariants:
//! - The check of an agenda of n sessions takes O(n log n), plus the conflicts that it keeps: [`double_bookings`]
//!   sweeps, and [`conflict::Findings`] only counts what it does not keep.
//! - A conflict has the severity of its code, wherever it is found: [`conflict::ConflictCode::severity`].
//! - After the proposed order is accepted, there is no warning about it: [`precedence::proposed`]. An item that is
//!   placed by hand keeps its position, and an item without a known speaker is the last of its kind; neither is
//!   checked.

pub mod completeness;
pub mod conflict;
mod double_bookings;
pub mod index;
mod leaders;
pub mod precedence;
mod states;
mod texts;
pub mod times;

use std::collections::HashSet;

pub use conflict::{AgendaResource, CALL_FOR_ACTION, Conflict, ConflictCode, Findings, Scope, Severity};

use super::document::Agenda;
pub use crate::agenda::checks::conflict::InvolvedThings;
use crate::agenda::checks::index::AgendaIndex;

pub fn errors(agenda: &Agenda) -> Vec<Conflict> {
    check(agenda, Scope::errors()).conflicts()
}

/// Conflicts that involve at least one of the `things` (resource and code); answers to writes list them.
pub fn warnings_of(agenda: &Agenda, things: &[(&str, &str)]) -> Vec<Conflict> {
    let involved = things
        .iter()
        .filter_map(|(resource, code)| Some((AgendaResource::from_text(resource)?, (*code).to_owned())))
        .collect::<HashSet<_>>();
    if involved.is_empty() {
        return Vec::new();
    }
    check(agenda, Scope::involving(involved)).conflicts()
}

/// Checks the agenda and keeps the conflicts in the scope.
pub fn check(agenda: &Agenda, scope: Scope) -> Findings {
    let mut findings = Findings::within(scope);
    let agenda_index = AgendaIndex::of(agenda);
    times::check(agenda, &mut findings);
    double_bookings::check(agenda, &agenda_index, &mut findings);
    leaders::check(agenda, &mut findings);
    precedence::check(agenda, &agenda_index, &mut findings);
    texts::check(agenda, &mut findings);
    findings
}

#[cfg(test)]
mod all_pairs;
#[cfg(test)]
mod sample;
