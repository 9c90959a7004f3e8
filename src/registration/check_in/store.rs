//! The rows of the record, and what a door looks up.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::{
    badges::Chosen,
    model::{Entry, Happening, Outcome, Reason, Record},
};
use crate::{
    database::{
        Connection, DatabaseError, insert_all, on_backend,
        schema::{
            check_in_counters, check_ins, delegation_members, delegations, registration_events, registrations,
            session_sign_ups,
        },
        types::{Instant, JsonValue},
    },
    faults,
    ids::{CategoryId, CheckInId, ConferenceId, RegistrationId, SessionId},
    registration::model::{Event, State},
    values::Localised,
};

/// Locks the conference's counter until the transaction ends, and answers the number of the last entry.
pub fn lock_counter(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    let fresh = (check_in_counters::conference_id.eq(conference), check_in_counters::last_sequence.eq(0));
    let insert = diesel::insert_into(check_in_counters::table).values(fresh).on_conflict_do_nothing();
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
    at: Instant,
    day: Option<NaiveDate>,
    received_at: Instant,
    sequence: i64,
    outcome: String,
    reason: Option<String>,
    undoes: Option<CheckInId>,
    actor: String,
    request_digest: String,
}

impl TryFrom<Row> for Entry {
    type Error = DatabaseError;
    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let corrupt = || DatabaseError::Corrupt(format!("check-in {}", row.id));
        let reason = row.reason.as_deref().map(|reason| Reason::from_word(reason).ok_or_else(corrupt)).transpose()?;
        Ok(Self {
            outcome: Outcome::from_word(&row.outcome).ok_or_else(corrupt)?,
            reason,
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
        })
    }
}

/// Adds entries to the record. The counter is locked.
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
            at: Instant(entry.at),
            day: entry.day,
            received_at: Instant(entry.received_at),
            sequence: entry.sequence,
            outcome: entry.outcome.as_str().to_owned(),
            reason: entry.reason.map(|reason| reason.as_str().to_owned()),
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

fn entries(rows: Vec<Row>) -> Result<Vec<Entry>, DatabaseError> {
    rows.into_iter().map(Entry::try_from).collect()
}

/// The entries of these ids.
pub fn of_ids(
    connection: &mut Connection,
    conference: ConferenceId,
    ids: &[CheckInId],
) -> Result<Vec<Entry>, DatabaseError> {
    let of_conference = check_ins::table.filter(check_ins::conference_id.eq(conference));
    entries(of_conference.filter(check_ins::id.eq_any(ids)).select(Row::as_select()).load(connection)?)
}

/// The entry that undoes another.
pub fn undoing(
    connection: &mut Connection,
    conference: ConferenceId,
    undone: CheckInId,
) -> Result<Option<Entry>, DatabaseError> {
    let of_conference = check_ins::table.filter(check_ins::conference_id.eq(conference));
    let found = of_conference.filter(check_ins::undoes.eq(undone)).select(Row::as_select()).first(connection);
    found.optional()?.map(Entry::try_from).transpose()
}

/// Every admission of these registrations, and what was undone of them.
pub fn record(connection: &mut Connection, of: &[RegistrationId]) -> Result<Record, DatabaseError> {
    let rows: Vec<Row> = check_ins::table
        .filter(check_ins::registration_id.eq_any(of))
        .filter(check_ins::outcome.ne(Outcome::Refused.as_str()))
        .select(Row::as_select())
        .load(connection)?;
    Ok(Record::of(entries(rows)?))
}

/// The next registrations that the record has entries of, after one of them, in the order of ids.
pub fn of_record_after(
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

/// Every entry of these registrations, in the order of their numbers.
pub fn entries_of(connection: &mut Connection, of: &[RegistrationId]) -> Result<Vec<Entry>, DatabaseError> {
    let of_them = check_ins::table.filter(check_ins::registration_id.eq_any(of));
    entries(of_them.order(check_ins::sequence).select(Row::as_select()).load(connection)?)
}

/// The entries after a number, in their order.
pub fn after(
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
    entries(rows)
}

/// The registrations of these references, as far as there are such.
pub fn of_references(
    connection: &mut Connection,
    conference: ConferenceId,
    references: &[String],
) -> Result<HashMap<String, RegistrationId>, DatabaseError> {
    let found: Vec<(String, RegistrationId)> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::reference.eq_any(references))
        .select((registrations::reference, registrations::id))
        .load(connection)?;
    Ok(found.into_iter().collect())
}

/// What happened to registrations, each's oldest first.
pub fn histories(
    connection: &mut Connection,
    of: &[RegistrationId],
) -> Result<HashMap<RegistrationId, Vec<Happening>>, DatabaseError> {
    let rows: Vec<(RegistrationId, Instant, String, String)> = registration_events::table
        .filter(registration_events::registration_id.eq_any(of))
        .order(registration_events::sequence)
        .select((
            registration_events::registration_id,
            registration_events::at,
            registration_events::event,
            registration_events::state,
        ))
        .load(connection)?;
    let mut histories: HashMap<RegistrationId, Vec<Happening>> = HashMap::new();
    for (registration, Instant(at), event, state) in rows {
        let corrupt = || DatabaseError::Corrupt(format!("history of registration {registration}"));
        histories.entry(registration).or_default().push(Happening {
            at,
            event: Event::from_word(&event).ok_or_else(corrupt)?,
            state: State::from_word(&state).ok_or_else(corrupt)?,
        });
    }
    Ok(histories)
}

/// The sessions in which these registrations have a seat.
pub fn seats(
    connection: &mut Connection,
    of: &[RegistrationId],
) -> Result<HashSet<(RegistrationId, SessionId)>, DatabaseError> {
    let found: Vec<(RegistrationId, SessionId)> = session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq_any(of))
        .filter(session_sign_ups::state.eq("confirmed"))
        .select((session_sign_ups::registration_id, session_sign_ups::session_id))
        .load(connection)?;
    Ok(found.into_iter().collect())
}

/// Confirmed registrations after a place among all, in their order.
pub fn confirmed_after(
    connection: &mut Connection,
    conference: ConferenceId,
    arrival: i64,
    limit: i64,
) -> Result<Vec<RegistrationId>, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::state.eq(State::Confirmed.as_str()))
        .filter(registrations::arrival.gt(arrival))
        .order(registrations::arrival)
        .limit(limit)
        .select(registrations::id)
        .load(connection)?)
}

/// What happened to the conference's registrations after an event of their histories, in the order of events.
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

/// Confirmed registrations by name, for printing.
pub fn confirmed_by_name(
    connection: &mut Connection,
    conference: ConferenceId,
    chosen: &Chosen,
) -> Result<Vec<(String, RegistrationId)>, DatabaseError> {
    let mut found = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::state.eq(State::Confirmed.as_str()))
        .order((registrations::name_folded, registrations::id))
        .limit(chosen.limit)
        .select((registrations::name_folded, registrations::id))
        .into_boxed();
    if let Some(category) = chosen.category {
        found = found.filter(registrations::category_id.eq::<CategoryId>(category));
    }
    if let Some((name, id)) = &chosen.after {
        let later = registrations::name_folded
            .gt(name.clone())
            .or(registrations::name_folded.eq(name.clone()).and(registrations::id.gt(*id)));
        found = found.filter(later);
    }
    Ok(found.load(connection)?)
}

/// The names of the delegations of these registrations.
pub fn delegation_names(
    connection: &mut Connection,
    of: &[RegistrationId],
) -> Result<HashMap<RegistrationId, Localised>, DatabaseError> {
    let rows: Vec<(RegistrationId, JsonValue)> = delegation_members::table
        .inner_join(delegations::table.on(delegations::id.eq(delegation_members::delegation_id)))
        .filter(delegation_members::registration_id.eq_any(of))
        .select((delegation_members::registration_id, delegations::name))
        .load(connection)?;
    let name = |(registration, JsonValue(name)): (RegistrationId, JsonValue)| {
        let corrupt = |_| DatabaseError::Corrupt(format!("the name of the delegation of registration {registration}"));
        Ok((registration, faults::read(name).map_err(corrupt)?))
    };
    rows.into_iter().map(name).collect()
}
