//! Flags pairs of registrations that are probably of one person, when one of them is created or changed.
//!
//! Two registrations form at most one pair, and a registrar's decision about it stays: [`flag_changed`] opens a
//! dismissed pair again only for another reason.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use super::{
    fields::PersonalDetails,
    model::{Registration, RegistrationStatus},
};
use crate::{
    database::{
        Connection, DatabaseError, ROWS_MAX, insert_all,
        schema::{possible_duplicates, registrations},
        types::{DbInstant, text_enum_columns},
    },
    ids::{ConferenceId, Id, PossibleDuplicateId, RegistrationId},
    values::{PersonName, fold, text_enum},
};

text_enum! {
    /// What is equal in two registrations, besides the name.
    DuplicateReason {
        BirthDate = "birth_date",
        Organisation = "organisation",
    }
}

text_enum! {
    /// A registrar's decision about two registrations that are probably of one person.
    DuplicateState {
        /// None yet.
        Open = "open",
        /// They are of two people.
        Dismissed = "dismissed",
        /// They were merged.
        Merged = "merged",
    }
}
text_enum_columns!(DuplicateReason, DuplicateState);

/// The folded names that another registration of this person may have: the name, and the name in Latin letters, each
/// with the family name first or last.
fn folded_names(person: &PersonalDetails) -> BTreeSet<String> {
    let latin = PersonName { honorific: None, given: None, family: None, whole: person.latin_name.as_deref() };
    let latin = latin.whole.map(|_| latin);
    let orders = [Some(person.person_name()), latin].into_iter().flatten().flat_map(|name| name.orders());
    orders.map(|name| fold(&name)).filter(|folded| !folded.is_empty()).collect()
}

/// Flags each new registration that has the same folded name as a live one (see [`folded_names`]), and the same date of
/// birth or organisation.
pub fn flag_new(
    connection: &mut Connection,
    conference: ConferenceId,
    new: &[Registration],
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    // Without a date of birth or an organisation there is nothing to compare.
    let comparable = new
        .iter()
        .filter(|registration| registration.person.birth_date.is_some() || registration.person.organisation.is_some());
    let mut by_name: HashMap<String, Vec<&Registration>> = HashMap::new();
    for registration in comparable {
        for name in folded_names(&registration.person) {
            by_name.entry(name).or_default().push(registration);
        }
    }
    if by_name.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = by_name.keys().cloned().collect();
    let mut pairs = Vec::new();
    for candidate in find_candidates(connection, conference, &names)? {
        for registration in by_name.get(&candidate.name_folded).into_iter().flatten() {
            if candidate.arrival < registration.arrival
                && let Some(reason) = candidate.reason(registration)
            {
                pairs.push((registration.id, candidate.id, reason));
            }
        }
    }
    insert(connection, conference, &pairs, now)
}

/// Flags a registration that changed. The caller has saved it already.
pub fn flag_changed(
    connection: &mut Connection,
    changed: &Registration,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let names: Vec<String> = folded_names(&changed.person).into_iter().collect();
    let mut pairs = Vec::new();
    for candidate in find_candidates(connection, changed.conference, &names)? {
        let Some(reason) = candidate.reason(changed).filter(|_| candidate.id != changed.id) else { continue };
        match find_pair(connection, candidate.id, changed.id)? {
            // Dismissed for the same reason, or merged: there is nothing new to decide.
            Some(pair) if pair.state != DuplicateState::Dismissed || pair.reason == reason => {}
            Some(pair) => reopen(connection, pair.id, reason)?,
            None if candidate.arrival < changed.arrival => pairs.push((changed.id, candidate.id, reason)),
            None => pairs.push((candidate.id, changed.id, reason)),
        }
    }
    insert(connection, changed.conference, &pairs, now)
}

/// The compared fields of a live registration.
#[derive(Debug, Queryable)]
pub struct DuplicateCandidate {
    pub id: RegistrationId,
    pub arrival: i64,
    pub name_folded: String,
    pub birth_date: Option<NaiveDate>,
    pub organisation: Option<String>,
}

impl DuplicateCandidate {
    /// The reason why a registration with the same name is probably of the same person.
    pub fn reason(&self, other: &Registration) -> Option<DuplicateReason> {
        let has_same_organisation = || {
            let other_organisation = other.person.organisation.as_deref().map(fold);
            self.organisation
                .as_deref()
                .map(fold)
                .filter(|own| !own.is_empty() && Some(own) == other_organisation.as_ref())
                .is_some()
        };
        match (self.birth_date, other.person.birth_date) {
            (Some(one), Some(other)) if one == other => Some(DuplicateReason::BirthDate),
            // Two different dates of birth belong to two people.
            (Some(_), Some(_)) => None,
            _ => has_same_organisation().then_some(DuplicateReason::Organisation),
        }
    }
}

/// The live registrations with these folded names.
pub fn find_candidates(
    connection: &mut Connection,
    conference: ConferenceId,
    names: &[String],
) -> Result<Vec<DuplicateCandidate>, DatabaseError> {
    let mut candidates = Vec::new();
    for names in names.chunks(ROWS_MAX) {
        let rows: Vec<DuplicateCandidate> = registrations::table
            .filter(registrations::conference_id.eq(conference))
            .filter(registrations::name_folded.eq_any(names))
            .filter(registrations::state.eq_any(RegistrationStatus::LIVE))
            .select((
                registrations::id,
                registrations::arrival,
                registrations::name_folded,
                registrations::birth_date,
                registrations::organisation,
            ))
            .load(connection)?;
        candidates.extend(rows);
    }
    Ok(candidates)
}

/// Two registrations that are probably of one person.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = possible_duplicates)]
pub struct DuplicatePair {
    pub id: PossibleDuplicateId,
    pub registration_id: RegistrationId,
    pub earlier_id: RegistrationId,
    pub reason: DuplicateReason,
    pub state: DuplicateState,
    pub created_at: DbInstant,
}

/// The pair of these two registrations, in either order.
pub fn find_pair(
    connection: &mut Connection,
    one: RegistrationId,
    other: RegistrationId,
) -> Result<Option<DuplicatePair>, DatabaseError> {
    use possible_duplicates::dsl;
    let in_order = dsl::registration_id.eq(one).and(dsl::earlier_id.eq(other));
    let in_reverse = dsl::registration_id.eq(other).and(dsl::earlier_id.eq(one));
    Ok(possible_duplicates::table
        .filter(in_order.or(in_reverse))
        .select(DuplicatePair::as_select())
        .first(connection)
        .optional()?)
}

/// Opens a dismissed pair again, for another reason.
pub fn reopen(
    connection: &mut Connection,
    id: PossibleDuplicateId,
    reason: DuplicateReason,
) -> Result<(), DatabaseError> {
    diesel::update(possible_duplicates::table.find(id))
        .set((possible_duplicates::state.eq(DuplicateState::Open), possible_duplicates::reason.eq(reason)))
        .execute(connection)?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = possible_duplicates)]
struct PairRow {
    id: PossibleDuplicateId,
    conference_id: ConferenceId,
    registration_id: RegistrationId,
    earlier_id: RegistrationId,
    reason: DuplicateReason,
    state: DuplicateState,
    created_at: DbInstant,
}

/// Inserts pairs: the later registration, the earlier one, and the reason.
fn insert(
    connection: &mut Connection,
    conference: ConferenceId,
    pairs: &[(RegistrationId, RegistrationId, DuplicateReason)],
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let to_row = |(registration_id, earlier_id, reason): &(RegistrationId, RegistrationId, DuplicateReason)| PairRow {
        id: Id::new(),
        conference_id: conference,
        registration_id: *registration_id,
        earlier_id: *earlier_id,
        reason: *reason,
        state: DuplicateState::Open,
        created_at: DbInstant(now),
    };
    let rows: Vec<PairRow> = pairs.iter().map(to_row).collect();
    insert_all!(connection, possible_duplicates::table, rows);
    Ok(())
}
