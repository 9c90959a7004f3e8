//! Registrations that are probably of one person: flagged when they are made or changed, for the registrar to judge.
//!
//! Nouns: a *pair* is two registrations of the same folded name, in either order, and the same date of birth or, where
//! one says none, the same organisation; to *dismiss* it is to say that they are two people; to *merge* it is to make
//! one registration of both.
//!
//! Invariants:
//! - Two registrations are one pair at most, and what a registrar has said about it stays said: [`flag_changed`] opens
//!   a dismissed pair again only where there is another reason.
//! - A merge takes no seat from anybody and gives none away: the one that is kept has the better place of the two
//!   ([`State::merged`](super::model::State::merged)), the other is cancelled, and there is one letter
//!   ([`actions::merge`]).

pub mod actions;
pub mod api;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::model::{Registration, fold};
use crate::{
    database::{Connection, DatabaseError},
    ids::ConferenceId,
};

/// Flags each new registration that has the folded name of a live one, in either order, and the same date of birth or
/// organisation.
///
/// # Errors
/// The store fails.
pub fn flag(
    connection: &mut Connection,
    conference: ConferenceId,
    new: &[Registration],
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    // A registration that says neither cannot be judged.
    let judged =
        new.iter().filter(|registration| registration.birth_date.is_some() || registration.organisation.is_some());
    let mut by_name: HashMap<String, Vec<&Registration>> = HashMap::new();
    for registration in judged {
        let other_way = fold(&format!("{} {}", registration.given_name, registration.family_name));
        for name in std::collections::BTreeSet::from([registration.name_folded(), other_way]) {
            by_name.entry(name).or_default().push(registration);
        }
    }
    if by_name.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = by_name.keys().cloned().collect();
    let mut pairs = Vec::new();
    for known in store::of_names(connection, conference, &names)? {
        for registration in by_name.get(&known.name_folded).into_iter().flatten() {
            if known.arrival < registration.arrival
                && let Some(reason) = known.reason(registration)
            {
                pairs.push((registration.id, known.id, reason));
            }
        }
    }
    store::insert(connection, conference, &pairs, now)
}

/// Flags a registration that changed: its name, date of birth or organisation. The registration is written already.
///
/// # Errors
/// The store fails.
pub fn flag_changed(
    connection: &mut Connection,
    changed: &Registration,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let other_way = fold(&format!("{} {}", changed.given_name, changed.family_name));
    let mut pairs = Vec::new();
    for known in store::of_names(connection, changed.conference, &[changed.name_folded(), other_way])? {
        let Some(reason) = known.reason(changed).filter(|_| known.id != changed.id) else { continue };
        match store::of_two(connection, known.id, changed.id)? {
            // Dismissed for the same reason, or merged: there is nothing new to judge.
            Some(pair) if pair.state != "dismissed" || pair.reason == reason => {}
            Some(pair) => store::open_again(connection, pair.id, reason)?,
            None if known.arrival < changed.arrival => pairs.push((changed.id, known.id, reason)),
            None => pairs.push((known.id, changed.id, reason)),
        }
    }
    store::insert(connection, changed.conference, &pairs, now)
}
