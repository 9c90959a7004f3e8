//! Rows and queries of possible duplicates.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    database::{
        Connection, DatabaseError,
        schema::{possible_duplicates, registrations},
        types::DbInstant,
    },
    ids::{ConferenceId, PossibleDuplicateId},
    registration::{
        duplicate_check::{DuplicatePair, DuplicateState},
        model::RegistrationStatus,
    },
};

pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    id: PossibleDuplicateId,
) -> Result<Option<DuplicatePair>, DatabaseError> {
    Ok(possible_duplicates::table
        .filter(possible_duplicates::id.eq(id))
        .filter(possible_duplicates::conference_id.eq(conference))
        .select(DuplicatePair::as_select())
        .first(connection)
        .optional()?)
}

/// Open pairs of live registrations after a key, the oldest first.
pub fn open_pairs(
    connection: &mut Connection,
    conference: ConferenceId,
    after: Option<(DateTime<Utc>, PossibleDuplicateId)>,
    limit: i64,
) -> Result<Vec<DuplicatePair>, DatabaseError> {
    use possible_duplicates::dsl;
    let (later, earlier) = diesel::alias!(registrations as later, registrations as earlier);
    let live = RegistrationStatus::LIVE;
    let mut query = possible_duplicates::table
        .inner_join(later.on(later.field(registrations::id).eq(dsl::registration_id)))
        .inner_join(earlier.on(earlier.field(registrations::id).eq(dsl::earlier_id)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::state.eq(DuplicateState::Open))
        .filter(later.field(registrations::state).eq_any(live))
        .filter(earlier.field(registrations::state).eq_any(live))
        .order((dsl::created_at, dsl::id))
        .limit(limit)
        .select(DuplicatePair::as_select())
        .into_boxed();
    if let Some((at, id)) = after {
        let at = DbInstant(at);
        query = query.filter(dsl::created_at.gt(at).or(dsl::created_at.eq(at).and(dsl::id.gt(id))));
    }
    Ok(query.load(connection)?)
}

/// Saves a registrar's decision about a pair.
pub fn save_decision(
    connection: &mut Connection,
    id: PossibleDuplicateId,
    state: DuplicateState,
) -> Result<(), DatabaseError> {
    diesel::update(possible_duplicates::table.find(id))
        .set(possible_duplicates::state.eq(state))
        .execute(connection)?;
    Ok(())
}
