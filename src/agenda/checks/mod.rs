//! What an organiser should know of a draft before it is released: what contradicts itself, what is missing, in which
//! order the high-level session should run, which texts lack a language.
//!
//! Nouns: a *conflict* is an *error*, which stops a release, or a *warning*, which does not ([`conflict`]).
//!
//! Invariants:
//! - The check of an agenda of n sessions takes O(n log n) and the conflicts that it keeps: [`places`] sweeps, and
//!   [`conflict::Findings`] counts what it does not keep.
//! - A conflict has the severity of its code, wherever it is found: [`conflict::ConflictCode::severity`].
//! - Accepting the proposed order leaves no warning of it: [`protocol::proposed`]. An item that is placed by hand keeps
//!   its place, one in which nobody is known to speak is the last of its kind; neither is judged.

pub mod actions;
pub mod api;
pub mod completeness;
pub mod conflict;
mod people;
mod places;
pub mod protocol;
mod states;
mod texts;
mod times;

use std::collections::{HashMap, HashSet};

pub use conflict::{AgendaResource, CALL_FOR_ACTION, Concerned, Conflict, ConflictCode, Findings, Scope, Severity};

use super::document::{Agenda, Room, Speaker};
use crate::values::Code;

/// The conflicts that stop a release.
pub fn errors(agenda: &Agenda) -> Vec<Conflict> {
    check(agenda, Scope::errors()).conflicts()
}

/// The conflicts that concern one of the `touched` things, each a resource and a code: what a writer of these is told.
pub fn warnings_of(agenda: &Agenda, touched: &[(&str, &str)]) -> Vec<Conflict> {
    let things = touched
        .iter()
        .filter_map(|(resource, code)| Some((AgendaResource::from_word(resource)?, (*code).to_owned())))
        .collect::<HashSet<_>>();
    if things.is_empty() {
        return Vec::new();
    }
    check(agenda, Scope::touched(things)).conflicts()
}

/// Checks the agenda and keeps what is in the scope.
pub fn check(agenda: &Agenda, scope: Scope) -> Findings {
    let mut findings = Findings::within(scope);
    let known = Known::of(agenda);
    times::check(agenda, &mut findings);
    places::check(agenda, &known, &mut findings);
    people::check(agenda, &mut findings);
    protocol::check(agenda, &known, &mut findings);
    texts::check(agenda, &mut findings);
    findings
}

/// What codes refer to.
pub struct Known<'a> {
    rooms: HashMap<&'a Code, &'a Room>,
    speakers: HashMap<&'a Code, &'a Speaker>,
    organisations: HashMap<&'a Code, &'a super::document::Organisation>,
}

impl<'a> Known<'a> {
    /// The things of this agenda.
    pub fn of(agenda: &'a Agenda) -> Self {
        Self {
            rooms: agenda.rooms.iter().map(|room| (&room.code, room)).collect(),
            speakers: agenda.speakers.iter().map(|speaker| (&speaker.code, speaker)).collect(),
            organisations: agenda.organisations.iter().map(|node| (&node.code, node)).collect(),
        }
    }
}

#[cfg(test)]
mod all_pairs;
#[cfg(test)]
mod sample;
