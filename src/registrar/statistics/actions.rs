//! Counts what the statistics show.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::{
    store,
    views::{CategoryStatistics, CountryCount, DayCount, GateCount, Seats, SessionStatistics, StateCount, Statistics},
};
use crate::{
    agenda::{Agenda, ConferenceRef},
    database::{Connection, DatabaseError},
    ids::CategoryId,
    registration::{RegistrationError, model::RegistrationStatus, setup::state::get_setup_state},
    values::TimeZone,
};

/// Counts everything that the statistics show.
///
/// # Errors
/// Those of [`get_setup_state`].
pub fn count(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
) -> Result<Statistics, RegistrationError> {
    let setup_state = get_setup_state(connection, conference.id)?;
    let states = with_every_status(&store::counts_by_status(connection, conference.id)?);
    let ids: Vec<_> = setup_state.categories.iter().map(|category| category.id).collect();
    let counts_of_categories = store::counts_by_category(connection, &ids)?;
    let reservations = store::reservations(connection, conference.id)?;
    let reserved_seats = |is_counted: &dyn Fn(Option<CategoryId>) -> bool| -> i64 {
        reservations.iter().filter(|(category, _)| is_counted(*category)).map(|(_, seats)| seats).sum()
    };
    let categories: Vec<_> = setup_state
        .categories
        .iter()
        .map(|category| {
            let counts = counts_of_categories.get(&category.id).copied().unwrap_or_default();
            CategoryStatistics {
                category: category.code.clone(),
                registrations: counts.registrations,
                seats: Seats::new(category.seats, category.seats_taken, reserved_seats(&|of| of == Some(category.id))),
                waiting: counts.waiting,
            }
        })
        .collect();
    let zone = agenda.conference.time_zone;
    let counts_of_sessions = store::counts_by_session(connection, conference.id)?;
    let sessions = agenda.sessions.iter().filter_map(|session| {
        let counts = counts_of_sessions.get(&session.id?)?;
        Some(SessionStatistics {
            session: session.code.clone(),
            seats: counts.seats,
            taken: counts.taken,
            waiting: counts.waiting,
            wished: counts.wished,
        })
    });
    let (seats, taken) = (setup_state.seats, setup_state.seats_taken);
    let countries = store::counts_by_country(connection, conference.id)?;
    Ok(Statistics {
        registrations: states.iter().map(|(_, count)| count).sum(),
        states: states.into_iter().map(|(status, registrations)| StateCount { status, registrations }).collect(),
        seats: Seats::new(seats, taken, reserved_seats(&|_| true)),
        waiting: categories.iter().map(|category| category.waiting).sum(),
        categories,
        countries: countries
            .into_iter()
            .map(|(country, registrations)| CountryCount { country, registrations })
            .collect(),
        days: days(connection, conference, zone)?,
        sessions: sessions.collect(),
        checked_in: store::checked_in(connection, conference.id)?,
        check_ins: check_ins(connection, conference, zone)?,
    })
}

/// Date of an instant, with its beginning and end.
fn day_of(instant: DateTime<Utc>, zone: TimeZone) -> (NaiveDate, Range<DateTime<Utc>>) {
    let date = zone.local(instant).date_naive();
    let midnight = |date: NaiveDate| zone.earliest(date.and_time(NaiveTime::MIN)).to_utc();
    // Nobody registers in the last year of the calendar.
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    (date, midnight(date)..midnight(next))
}

/// Registrations by date. The index on creation times finds the next date that has any.
fn days(
    connection: &mut Connection,
    conference: &ConferenceRef,
    zone: TimeZone,
) -> Result<Vec<DayCount>, DatabaseError> {
    let mut days = Vec::new();
    let (mut total, mut next) = (0, store::first_registration(connection, conference.id, None)?);
    while let Some(first) = next {
        let (date, during) = day_of(first, zone);
        let registrations = store::count_registrations(connection, conference.id, &during)?;
        total += registrations;
        days.push(DayCount { date: date.to_string(), registrations, total });
        next = store::first_registration(connection, conference.id, Some(during.end))?;
    }
    Ok(days)
}

fn check_ins(
    connection: &mut Connection,
    conference: &ConferenceRef,
    zone: TimeZone,
) -> Result<Vec<GateCount>, DatabaseError> {
    let mut gate_counts: Vec<GateCount> = Vec::new();
    let mut next = store::first_check_in(connection, conference.id, None)?;
    while let Some(first) = next {
        let (date, during) = day_of(first, zone);
        let date = date.to_string();
        for scans in store::scans_by_person(connection, conference.id, &during)? {
            if gate_counts.last().is_none_or(|last| (&last.date, &last.gate) != (&date, &scans.gate)) {
                gate_counts.push(GateCount::none(date.clone(), scans.gate.clone()));
            }
            if let Some(gate_count) = gate_counts.last_mut() {
                gate_count.add(&scans);
            }
        }
        next = store::first_check_in(connection, conference.id, Some(during.end))?;
    }
    Ok(gate_counts)
}

/// A count for each status, in the order of [`RegistrationStatus`]; 0 for those without registrations.
fn with_every_status(counts: &[(RegistrationStatus, i64)]) -> Vec<(RegistrationStatus, i64)> {
    let count = |status| counts.iter().find(|(counted, _)| *counted == status).map_or(0, |(_, count)| *count);
    RegistrationStatus::ALL.into_iter().map(|status| (status, count(status))).collect()
}
