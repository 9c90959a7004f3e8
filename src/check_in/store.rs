//! Rows and queries of the check-in record, and what check-in reads of registrations.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::scan_rules::{Entry, Outcome, Reason, Record, StatusEvent};
use crate::{
    database::{
        Connection, DatabaseError, insert_all, on_backend,
        schema::{
            check_in_counters, check_ins, delegation_members, delegations, registration_events, registrations,
            session_sign_ups,
        },
        types::{DbInstant, JsonValue, text_enum_columns},
    },
    ids::{CategoryId, CheckInId, ConferenceId, RegistrationId, SessionId},
    registration::{
        model::{Event, RegistrationStatus},
        session_seats::SignUpState,
    },
    validation,
    values::Localised,
};

text_enum_columns!(Outcome, Reason);

/// SQL condition that an entry `c` of the table `check_ins` is an admission that was not undone.
pub const ADMITTED_AND_NOT_UNDONE: &str = "c.outcome IN ('admitted', 'admitted_again') \
                                           AND NOT EXISTS (SELECT 1 FROM check_ins u WHERE u.undoes = c.id)";

/// Locks the conference's counter until the transaction ends. Answers the number of the last entry.
pub fn lock_counter(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    let new_counter = (check_in_counters::conference_id.eq(conference), check_in_counters::last_sequence.eq(0));
    let insert = diesel::insert_into(check_in_counters::table).values(new_counter).on_conflict_do_nothing();
    on_backend!(connection, inner => insert.execute(inner))?;
    let counter = check_in_counters::table.find(conference).select(check_in_counters::last_sequence);
    Ok(match connection {
        Connection::Postgresql(inner) => counter.for_no_key_update().first(inner)?,
        // A write holds the whole of SQLite already.
        Connection::Sqlite(inner) => counter.first(inner)?,
    })
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = check_ins)]
struct Row {
    conference_id: ConferenceId,
    id: CheckInId,
    registration_id: Option<RegistrationId>,
    session_id: Option<SessionId>,
    gate: String,
    zone: Option<String>,
    at: DbInstant,
    day: Option<NaiveDate>,
    received_at: DbInstant,
    sequence: i64,
    outcome: Outcome,
    reason: Option<Reason>,
    undoes: Option<CheckInId>,
    actor: String,
    request_digest: String,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            outcome: row.outcome,
            reason: row.reason,
            id: row.id,
            registration: row.registration_id,
            session: row.session_id,
            gate: row.gate,
            zone: row.zone,
            at: row.at.0,
            day: row.day,
            received_at: row.received_at.0,
            sequence: row.sequence,
            undoes: row.undoes,
            actor: row.actor,
            digest: row.request_digest,
        }
    }
}

/// Adds entries to the record. The caller holds the lock of the counter.
pub fn insert(connection: &mut Connection, conference: ConferenceId, entries: &[Entry]) -> Result<(), DatabaseError> {
    let Some(last) = entries.last() else { return Ok(()) };
    let row = |entry: &Entry| {
        let entry = entry.clone();
        Row {
            conference_id: conference,
            id: entry.id,
            registration_id: entry.registration,
            session_id: entry.session,
            gate: entry.gate,
            zone: entry.zone,
            at: DbInstant(entry.at),
            day: entry.day,
            received_at: DbInstant(entry.received_at),
            sequence: entry.sequence,
            outcome: entry.outcome,
            reason: entry.reason,
            undoes: entry.undoes,
            actor: entry.actor,
            request_digest: entry.digest,
        }
    };
    let rows: Vec<Row> = entries.iter().map(row).collect();
    insert_all!(connection, check_ins::table, rows);
    diesel::update(check_in_counters::table.find(conference))
        .set(check_in_counters::last_sequence.eq(last.sequence))
        .execute(connection)?;
    Ok(())
}

fn entries(rows: Vec<Row>) -> Vec<Entry> {
    rows.into_iter().map(Entry::from).collect()
}

/// Entries with these ids; ids that the record lacks are left out.
pub fn of_ids(
    connection: &mut Connection,
    conference: ConferenceId,
    ids: &[CheckInId],
) -> Result<Vec<Entry>, DatabaseError> {
    let of_conference = check_ins::table.filter(check_ins::conference_id.eq(conference));
    Ok(entries(of_conference.filter(check_ins::id.eq_any(ids)).select(Row::as_select()).load(connection)?))
}

/// The entry that undoes another.
pub fn undo_of(
    connection: &mut Connection,
    conference: ConferenceId,
    undone: CheckInId,
) -> Result<Option<Entry>, DatabaseError> {
    let of_conference = check_ins::table.filter(check_ins::conference_id.eq(conference));
    let undo = of_conference.filter(check_ins::undoes.eq(undone)).select(Row::as_select()).first(connection);
    Ok(undo.optional()?.map(Entry::from))
}

/// All admissions of these registrations, with their undos.
pub fn record(connection: &mut Connection, ids: &[RegistrationId]) -> Result<Record, DatabaseError> {
    let rows: Vec<Row> = check_ins::table
        .filter(check_ins::registration_id.eq_any(ids))
        .filter(check_ins::outcome.ne(Outcome::Refused))
        .select(Row::as_select())
        .load(connection)?;
    Ok(Record::of(entries(rows)))
}

/// The next registrations with entries in the record, in the order of ids, after `registration`.
pub fn recorded_registrations_after(
    connection: &mut Connection,
    conference: ConferenceId,
    registration: Option<RegistrationId>,
    limit: i64,
) -> Result<Vec<RegistrationId>, DatabaseError> {
    // Every other id is greater than nil.
    let after = registration.unwrap_or(RegistrationId::from_uuid(uuid::Uuid::nil()));
    Ok(check_ins::table
        .filter(check_ins::conference_id.eq(conference))
        .filter(check_ins::registration_id.gt(after))
        .order(check_ins::registration_id)
        .distinct()
        .limit(limit)
        .select(check_ins::registration_id.assume_not_null())
        .load(connection)?)
}

/// All entries of these registrations, in the order of their numbers.
pub fn entries_of_registrations(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<Vec<Entry>, DatabaseError> {
    let of_registrations = check_ins::table.filter(check_ins::registration_id.eq_any(ids));
    Ok(entries(of_registrations.order(check_ins::sequence).select(Row::as_select()).load(connection)?))
}

/// Entries with a greater number, in order.
pub fn entries_after(
    connection: &mut Connection,
    conference: ConferenceId,
    sequence: i64,
    limit: i64,
) -> Result<Vec<Entry>, DatabaseError> {
    let rows: Vec<Row> = check_ins::table
        .filter(check_ins::conference_id.eq(conference))
        .filter(check_ins::sequence.gt(sequence))
        .order(check_ins::sequence)
        .limit(limit)
        .select(Row::as_select())
        .load(connection)?;
    Ok(entries(rows))
}

/// Registrations with these references; references that do not exist are left out.
pub fn ids_of_references(
    connection: &mut Connection,
    conference: ConferenceId,
    references: &[String],
) -> Result<HashMap<String, RegistrationId>, DatabaseError> {
    let rows: Vec<(String, RegistrationId)> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::reference.eq_any(references))
        .select((registrations::reference, registrations::id))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Histories of registrations, the oldest event first.
pub fn histories(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashMap<RegistrationId, Vec<StatusEvent>>, DatabaseError> {
    let rows: Vec<(RegistrationId, DbInstant, Event, RegistrationStatus)> = registration_events::table
        .filter(registration_events::registration_id.eq_any(ids))
        .order(registration_events::sequence)
        .select((
            registration_events::registration_id,
            registration_events::at,
            registration_events::event,
            registration_events::state,
        ))
        .load(connection)?;
    let mut histories: HashMap<RegistrationId, Vec<StatusEvent>> = HashMap::new();
    for (registration, DbInstant(at), event, state) in rows {
        histories.entry(registration).or_default().push(StatusEvent { at, event, state });
    }
    Ok(histories)
}

/// Sign-ups with a seat, as pairs of registration and session.
pub fn seats(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashSet<(RegistrationId, SessionId)>, DatabaseError> {
    let rows: Vec<(RegistrationId, SessionId)> = session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq_any(ids))
        .filter(session_sign_ups::state.eq(SignUpState::Confirmed))
        .select((session_sign_ups::registration_id, session_sign_ups::session_id))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Confirmed registrations with a greater arrival number, in order.
pub fn confirmed_after(
    connection: &mut Connection,
    conference: ConferenceId,
    arrival: i64,
    limit: i64,
) -> Result<Vec<RegistrationId>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::state.eq(RegistrationStatus::Confirmed))
        .filter(registrations::arrival.gt(arrival))
        .order(registrations::arrival)
        .limit(limit)
        .select(registrations::id)
        .load(connection)?)
}

/// Events of the conference's registrations with a greater number, in order.
pub fn changed_after(
    connection: &mut Connection,
    conference: ConferenceId,
    event: i64,
    limit: i64,
) -> Result<Vec<(i64, RegistrationId)>, DatabaseError> {
    Ok(registration_events::table
        .filter(registration_events::conference_id.eq(conference))
        .filter(registration_events::sequence.gt(event))
        .order(registration_events::sequence)
        .limit(limit)
        .select((registration_events::sequence, registration_events::registration_id))
        .load(connection)?)
}

/// Confirmed registrations by folded name, for printing.
pub fn confirmed_by_name(
    connection: &mut Connection,
    conference: ConferenceId,
    filter: &BadgeFilter,
) -> Result<Vec<(String, RegistrationId)>, DatabaseError> {
    let mut query = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::state.eq(RegistrationStatus::Confirmed))
        .order((registrations::name_folded, registrations::id))
        .limit(filter.limit)
        .select((registrations::name_folded, registrations::id))
        .into_boxed();
    if let Some(category) = filter.category {
        query = query.filter(registrations::category_id.eq::<CategoryId>(category));
    }
    if let Some((name, id)) = &filter.after {
        let later = registrations::name_folded
            .gt(name.clone())
            .or(registrations::name_folded.eq(name.clone()).and(registrations::id.gt(*id)));
        query = query.filter(later);
    }
    Ok(query.load(connection)?)
}

/// Names of the delegations to which these registrations belong.
pub fn delegation_names(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashMap<RegistrationId, Localised>, DatabaseError> {
    let rows: Vec<(RegistrationId, JsonValue)> = delegation_members::table
        .inner_join(delegations::table.on(delegations::id.eq(delegation_members::delegation_id)))
        .filter(delegation_members::registration_id.eq_any(ids))
        .select((delegation_members::registration_id, delegations::name))
        .load(connection)?;
    let name = |(registration, JsonValue(name)): (RegistrationId, JsonValue)| {
        let corrupt = |_| DatabaseError::Corrupt(format!("the name of the delegation of registration {registration}"));
        Ok((registration, validation::read(name).map_err(corrupt)?))
    };
    rows.into_iter().map(name).collect()
}

/// Which badges to print.
pub struct BadgeFilter {
    /// Only those of this category.
    pub category: Option<CategoryId>,
    /// Only those after this folded name and, for the same name, this id.
    pub after: Option<(String, RegistrationId)>,
    pub limit: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_of_admissions_names_their_outcomes() {
        let quoted = [Outcome::Admitted, Outcome::AdmittedAgain].map(|outcome| format!("'{}'", outcome.as_str()));
        assert!(ADMITTED_AND_NOT_UNDONE.starts_with(&format!("c.outcome IN ({}) ", quoted.join(", "))));
    }
}
