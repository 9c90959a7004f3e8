//! Registrations that are probably of one person: flagged when they are made, for the registrar to judge.

pub mod store;

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
