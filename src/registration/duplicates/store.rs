//! The rows of possible duplicates.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use crate::{
    database::{
        Connection, DatabaseError, insert_all,
        schema::{possible_duplicates, registrations},
        types::Instant,
    },
    ids::{ConferenceId, Id, PossibleDuplicateId, RegistrationId},
    registration::model::{Registration, State, fold},
};

/// What of a live registration is compared.
#[derive(Debug, Queryable)]
pub struct Known {
    pub id: RegistrationId,
    pub arrival: i64,
    pub name_folded: String,
    pub birth_date: Option<NaiveDate>,
    pub organisation: Option<String>,
}

impl Known {
    /// Why one of the same name is probably the same person.
    pub fn reason(&self, other: &Registration) -> Option<&'static str> {
        let same_organisation = || {
            let theirs = other.organisation.as_deref().map(fold);
            self.organisation
                .as_deref()
                .map(fold)
                .filter(|own| !own.is_empty() && Some(own) == theirs.as_ref())
                .is_some()
        };
        match (self.birth_date, other.birth_date) {
            (Some(one), Some(other)) if one == other => Some("birth_date"),
            // Two dates that differ tell two people apart.
            (Some(_), Some(_)) => None,
            _ => same_organisation().then_some("organisation"),
        }
    }
}

/// The live registrations of these folded names.
pub fn of_names(
    connection: &mut Connection,
    conference: ConferenceId,
    names: &[String],
) -> Result<Vec<Known>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::name_folded.eq_any(names))
        .filter(registrations::state.eq_any(State::LIVE.map(State::as_str)))
        .select((
            registrations::id,
            registrations::arrival,
            registrations::name_folded,
            registrations::birth_date,
            registrations::organisation,
        ))
        .load(connection)?)
}

#[derive(Insertable)]
#[diesel(table_name = possible_duplicates)]
struct Row {
    id: PossibleDuplicateId,
    conference_id: ConferenceId,
    registration_id: RegistrationId,
    earlier_id: RegistrationId,
    reason: &'static str,
    state: &'static str,
    created_at: Instant,
}

/// Writes pairs: the later registration, the earlier one, and why.
pub fn insert(
    connection: &mut Connection,
    conference: ConferenceId,
    pairs: &[(RegistrationId, RegistrationId, &'static str)],
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let row = |(registration_id, earlier_id, reason): &(RegistrationId, RegistrationId, &'static str)| Row {
        id: Id::new(),
        conference_id: conference,
        registration_id: *registration_id,
        earlier_id: *earlier_id,
        reason,
        state: "open",
        created_at: Instant(now),
    };
    let rows: Vec<Row> = pairs.iter().map(row).collect();
    insert_all!(connection, possible_duplicates::table, rows);
    Ok(())
}
