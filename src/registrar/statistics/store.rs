//! Counts of registrations, seats, sign-ups and check-ins. An index finds each.

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_query, sql_types};

use crate::{
    check_in::{ADMITTED_AND_NOT_UNDONE, scan_rules::Outcome},
    database::{
        Connection, DatabaseError,
        schema::{check_ins, invitations, registrations, session_quotas, session_sign_ups},
        types::{DbInstant, Guid, UtcInstant},
    },
    ids::{CategoryId, ConferenceId, RegistrationId, SessionId},
    registration::{model::RegistrationStatus, session_seats::SignUpState},
};

/// Number of registrations of each status; those without registrations are left out.
pub fn counts_by_status(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<(RegistrationStatus, i64)>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .group_by(registrations::state)
        .select((registrations::state, diesel::dsl::count_star()))
        .load(connection)?)
}

/// Number of registrations of each country, in the order of countries.
pub fn counts_by_country(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<(Option<String>, i64)>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .group_by(registrations::country)
        .order(registrations::country)
        .select((registrations::country, diesel::dsl::count_star()))
        .load(connection)?)
}

#[derive(Debug, Clone, Copy, Default)]
pub struct CategoryCounts {
    pub registrations: i64,
    pub waiting: i64,
}

/// Seats reserved for invitations, with the category of each invitation.
pub fn reservations(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<(Option<CategoryId>, i64)>, DatabaseError> {
    let rows: Vec<(Option<CategoryId>, i32)> = invitations::table
        .filter(invitations::conference_id.eq(conference))
        .filter(invitations::seats_reserved.gt(0))
        .select((invitations::category_id, invitations::seats_reserved))
        .load(connection)?;
    Ok(rows.into_iter().map(|(category, seats)| (category, i64::from(seats))).collect())
}

/// Counts of these categories; those without registrations are left out.
pub fn counts_by_category(
    connection: &mut Connection,
    ids: &[CategoryId],
) -> Result<HashMap<CategoryId, CategoryCounts>, DatabaseError> {
    let rows: Vec<(CategoryId, RegistrationStatus, i64)> = registrations::table
        .filter(registrations::category_id.eq_any(ids))
        .group_by((registrations::category_id, registrations::state))
        .select((registrations::category_id, registrations::state, diesel::dsl::count_star()))
        .load(connection)?;
    // A registration with an offer does not count as waiting. Offers are few, and have an index of their own.
    let offered: Vec<CategoryId> = registrations::table
        .filter(registrations::offer_expires_at.is_not_null())
        .select(registrations::category_id)
        .load(connection)?;
    let mut counts_of_categories: HashMap<CategoryId, CategoryCounts> = HashMap::new();
    for (id, state, count) in rows {
        let counts = counts_of_categories.entry(id).or_default();
        counts.registrations += count;
        if state == RegistrationStatus::Waitlisted {
            counts.waiting += count;
        }
    }
    for id in offered {
        if let Some(counts) = counts_of_categories.get_mut(&id) {
            counts.waiting -= 1;
        }
    }
    Ok(counts_of_categories)
}

/// Counts of a session with sign-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionCounts {
    pub seats: Option<i64>,
    pub taken: i64,
    pub waiting: i64,
    pub wished: i64,
}

/// Counts of every session with sign-up.
pub fn counts_by_session(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<HashMap<SessionId, SessionCounts>, DatabaseError> {
    let quotas: Vec<(SessionId, Option<i64>, i64)> = session_quotas::table
        .filter(session_quotas::conference_id.eq(conference))
        .select((session_quotas::session_id, session_quotas::seats, session_quotas::seats_taken))
        .load(connection)?;
    let mut counts_of_sessions = HashMap::new();
    for (id, seats, taken) in quotas {
        let mut count = |state: SignUpState| -> Result<i64, DatabaseError> {
            Ok(session_sign_ups::table
                .filter(session_sign_ups::session_id.eq(id))
                .filter(session_sign_ups::state.eq(state))
                .count()
                .get_result(connection)?)
        };
        let (waiting, wished) = (count(SignUpState::Waitlisted)?, count(SignUpState::Wished)?);
        counts_of_sessions.insert(id, SessionCounts { seats, taken, waiting, wished });
    }
    Ok(counts_of_sessions)
}

/// Creation time of the first registration, or of the first one at or after `from`.
pub fn first_registration(
    connection: &mut Connection,
    conference: ConferenceId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let all = registrations::table.filter(registrations::conference_id.eq(conference));
    let all = all.order(registrations::created_at).select(registrations::created_at);
    let first: Option<DbInstant> = match from {
        Some(from) => all.filter(registrations::created_at.ge(DbInstant(from))).first(connection).optional()?,
        None => all.first(connection).optional()?,
    };
    Ok(first.map(|DbInstant(at)| at))
}

/// Number of registrations created during the interval.
pub fn count_registrations(
    connection: &mut Connection,
    conference: ConferenceId,
    during: &Range<DateTime<Utc>>,
) -> Result<i64, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::created_at.ge(DbInstant(during.start)))
        .filter(registrations::created_at.lt(DbInstant(during.end)))
        .count()
        .get_result(connection)?)
}

/// Outcomes that are counted by date.
const COUNTED_OUTCOMES: [Outcome; 3] = [Outcome::Admitted, Outcome::AdmittedAgain, Outcome::Refused];

/// Time of the first counted check-in, or of the first one at or after `from`.
pub fn first_check_in(
    connection: &mut Connection,
    conference: ConferenceId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let mut earliest: Option<DateTime<Utc>> = None;
    // One query for each outcome: each finds its row in the index.
    for outcome in COUNTED_OUTCOMES {
        let all = check_ins::table
            .filter(check_ins::conference_id.eq(conference))
            .filter(check_ins::outcome.eq(outcome))
            .order(check_ins::at)
            .select(check_ins::at);
        let first: Option<DbInstant> = match from {
            Some(from) => all.filter(check_ins::at.ge(DbInstant(from))).first(connection).optional()?,
            None => all.first(connection).optional()?,
        };
        earliest = earliest.into_iter().chain(first.map(|DbInstant(at)| at)).min();
    }
    Ok(earliest)
}

/// The scans of one person at a gate during an interval, without those that were undone.
#[derive(QueryableByName)]
pub struct ScansOfPerson {
    #[diesel(sql_type = sql_types::Text)]
    pub gate: String,
    /// `None`: the scanned codes that belong to no registration, together.
    #[diesel(sql_type = sql_types::Nullable<Guid>)]
    pub registration_id: Option<RegistrationId>,
    #[diesel(sql_type = sql_types::BigInt)]
    pub admissions: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    pub refusals: i64,
}

/// The scans of each person at each gate during the interval, by gate.
pub fn scans_by_person(
    connection: &mut Connection,
    conference: ConferenceId,
    during: &Range<DateTime<Utc>>,
) -> Result<Vec<ScansOfPerson>, DatabaseError> {
    let statement = "SELECT c.gate, c.registration_id, \
                     sum(CASE WHEN c.outcome = 'refused' THEN 0 ELSE 1 END) AS admissions, \
                     sum(CASE WHEN c.outcome = 'refused' THEN 1 ELSE 0 END) AS refusals \
                     FROM check_ins c WHERE c.conference_id = $1 \
                     AND c.outcome IN ('admitted', 'admitted_again', 'refused') AND c.at >= $2 AND c.at < $3 \
                     AND NOT EXISTS (SELECT 1 FROM check_ins u \
                     WHERE u.conference_id = $1 AND u.outcome = 'undone' AND u.undoes = c.id) \
                     GROUP BY c.gate, c.registration_id ORDER BY c.gate";
    Ok(sql_query(statement)
        .bind::<Guid, _>(conference)
        .bind::<UtcInstant, _>(DbInstant(during.start))
        .bind::<UtcInstant, _>(DbInstant(during.end))
        .load(connection)?)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// The count of a statement whose only placeholder is the conference.
fn count(connection: &mut Connection, conference: ConferenceId, statement: String) -> Result<i64, DatabaseError> {
    let count: Option<Count> = sql_query(statement).bind::<Guid, _>(conference).get_result(connection).optional()?;
    Ok(count.map_or(0, |count| count.n))
}

/// Number of registrations with an admission that was not undone.
pub fn checked_in(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    let admitted = "outcome IN ('admitted', 'admitted_again')";
    let ever_admitted = format!(
        "SELECT count(*) AS n FROM (SELECT DISTINCT registration_id FROM check_ins WHERE conference_id = $1 \
         AND registration_id IS NOT NULL AND {admitted}) came"
    );
    let only_undone = format!(
        "SELECT count(DISTINCT e.registration_id) AS n FROM check_ins u CROSS JOIN check_ins e \
         WHERE e.id = u.undoes AND u.outcome = 'undone' AND u.conference_id = $1 AND e.{admitted} \
         AND NOT EXISTS (SELECT 1 FROM check_ins c WHERE c.registration_id = e.registration_id \
         AND {ADMITTED_AND_NOT_UNDONE})"
    );
    Ok(count(connection, conference, ever_admitted)? - count(connection, conference, only_undone)?)
}
