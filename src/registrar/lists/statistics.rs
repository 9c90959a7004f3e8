//! Statistics of a conference's registrations, counted in indexes at the time of the request.

use std::{collections::BTreeMap, ops::Range};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{actions::ListContext, store};
use crate::{
    agenda::{Agenda, ConferenceRef},
    check_in::scan_rules::Outcome,
    database::{Connection, DatabaseError},
    ids::CategoryId,
    registration::{RegistrationError, model::RegistrationStatus},
    values::{Code, TimeZone},
};

/// Statistics of a conference's registrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// Number of registrations of every status.
    pub registrations: i64,
    /// Number of registrations of each status.
    pub states: Vec<StateCount>,
    /// Seats of the conference.
    pub seats: Seats,
    /// Number of registrations that wait for a seat and have no offer.
    pub waiting: i64,
    /// Statistics of each category.
    pub categories: Vec<CategoryStatistics>,
    /// Number of registrations of each country.
    pub countries: Vec<CountryCount>,
    /// Number of registrations made on each date. Dates without any are left out.
    pub days: Vec<DayCount>,
    /// Statistics of each session with sign-up.
    pub sessions: Vec<SessionStatistics>,
    /// Number of registrations with an admission at a gate that was not undone.
    pub checked_in: i64,
    /// Check-ins by date and gate.
    pub check_ins: Vec<GateCount>,
}

/// Number of registrations of a status.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateCount {
    /// Status of the registrations.
    pub status: RegistrationStatus,
    /// Number of registrations.
    pub registrations: i64,
}

/// Seats of the conference or of a category.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Seats {
    /// Number of seats; null for no limit.
    pub seats: Option<i64>,
    /// Number of seats that are taken, reserved or held by an offer.
    pub taken: i64,
    /// Number of the taken seats that are reserved for unused invitations.
    pub reserved: i64,
    /// Number of free seats; null for no limit.
    pub free: Option<i64>,
}

impl Seats {
    fn new(seats: Option<i64>, taken: i64, reserved: i64) -> Self {
        Self { seats, taken, reserved, free: seats.map(|seats| seats - taken) }
    }
}

/// Statistics of a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryStatistics {
    /// Code of the category.
    pub category: Code,
    /// Number of registrations of every status.
    pub registrations: i64,
    /// Seats of the category.
    pub seats: Seats,
    /// Number of registrations that wait for a seat and have no offer.
    pub waiting: i64,
}

/// Number of registrations of a country.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountryCount {
    /// Country (ISO 3166-1 alpha-2); null for registrations without a country.
    pub country: Option<String>,
    /// Number of registrations of every status.
    pub registrations: i64,
}

/// Number of registrations made on a date.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayCount {
    /// Date (YYYY-MM-DD) in the conference's time zone.
    pub date: String,
    /// Number of registrations made on this date.
    pub registrations: i64,
    /// Number of registrations made up to the end of this date.
    pub total: i64,
}

/// Statistics of a session with sign-up.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionStatistics {
    /// Code of the session.
    pub session: Code,
    /// Number of seats; null for no limit.
    pub seats: Option<i64>,
    /// Number of taken seats.
    pub taken: i64,
    /// Number of people who wait for a seat.
    pub waiting: i64,
    /// Number of people who wish a seat but whose registration is not confirmed yet.
    pub wished: i64,
}

/// Check-ins at a gate on a date.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateCount {
    /// Date (YYYY-MM-DD) in the conference's time zone.
    pub date: String,
    /// Code of the gate.
    pub gate: String,
    /// Number of admissions that were not undone, first and repeated ones.
    pub admitted: i64,
    /// Number of these admissions that were repeated ones.
    pub admitted_again: i64,
    /// Number of refusals.
    pub refused: i64,
}

pub fn count(
    connection: &mut Connection,
    place: &ConferenceRef,
    agenda: &Agenda,
    facts: &ListContext,
) -> Result<Statistics, RegistrationError> {
    let states = store::in_order_of_states(&store::by_state(connection, place.id)?);
    let ids: Vec<_> = facts.setup_state.categories.iter().map(|category| category.id).collect();
    let of_categories = store::by_category(connection, &ids)?;
    let reserved = store::reserved(connection, place.id)?;
    let kept = |of: &dyn Fn(Option<CategoryId>) -> bool| -> i64 {
        reserved.iter().filter(|(category, _)| of(*category)).map(|(_, seats)| seats).sum()
    };
    let categories: Vec<_> = facts
        .setup_state
        .categories
        .iter()
        .map(|category| {
            let counts = of_categories.get(&category.id).copied().unwrap_or_default();
            CategoryStatistics {
                category: category.code.clone(),
                registrations: counts.registrations,
                seats: Seats::new(category.seats, category.seats_taken, kept(&|to| to == Some(category.id))),
                waiting: counts.waiting,
            }
        })
        .collect();
    let zone = agenda.conference.time_zone;
    let of_sessions = store::by_session(connection, place.id)?;
    let sessions = agenda.sessions.iter().filter_map(|session| {
        let counts = of_sessions.get(&session.id?)?;
        Some(SessionStatistics {
            session: session.code.clone(),
            seats: counts.seats,
            taken: counts.taken,
            waiting: counts.waiting,
            wished: counts.wished,
        })
    });
    let (seats, taken) = (facts.setup_state.seats, facts.setup_state.seats_taken);
    let by_country = store::by_country(connection, place.id)?;
    Ok(Statistics {
        registrations: states.iter().map(|(_, count)| count).sum(),
        states: states.into_iter().map(|(status, registrations)| StateCount { status, registrations }).collect(),
        seats: Seats::new(seats, taken, kept(&|_| true)),
        waiting: categories.iter().map(|category| category.waiting).sum(),
        categories,
        countries: by_country
            .into_iter()
            .map(|(country, registrations)| CountryCount { country, registrations })
            .collect(),
        days: days(connection, place, zone)?,
        sessions: sessions.collect(),
        checked_in: store::checked_in(connection, place.id)?,
        check_ins: check_ins(connection, place, zone)?,
    })
}

/// Date of an instant, with the time from its beginning to its end.
fn day_of(instant: DateTime<Utc>, zone: TimeZone) -> (NaiveDate, Range<DateTime<Utc>>) {
    let date = zone.local(instant).date_naive();
    let midnight = |date: NaiveDate| zone.earliest(date.and_time(NaiveTime::MIN)).to_utc();
    // Nobody registers in the last year of the calendar.
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    (date, midnight(date)..midnight(next))
}

/// Registrations by date. The index on creation times finds the next date that has any.
fn days(connection: &mut Connection, place: &ConferenceRef, zone: TimeZone) -> Result<Vec<DayCount>, DatabaseError> {
    let mut found = Vec::new();
    let (mut total, mut next) = (0, store::first_made(connection, place.id, None)?);
    while let Some(first) = next {
        let (date, during) = day_of(first, zone);
        let registrations = store::made_between(connection, place.id, &during)?;
        total += registrations;
        found.push(DayCount { date: date.to_string(), registrations, total });
        next = store::first_made(connection, place.id, Some(during.end))?;
    }
    Ok(found)
}

fn check_ins(
    connection: &mut Connection,
    place: &ConferenceRef,
    zone: TimeZone,
) -> Result<Vec<GateCount>, DatabaseError> {
    let mut undone: BTreeMap<(NaiveDate, String, Outcome), i64> = BTreeMap::new();
    for entry in store::undone(connection, place.id)? {
        *undone.entry((zone.local(entry.at.0).date_naive(), entry.gate, entry.outcome)).or_default() += 1;
    }
    let mut found = Vec::new();
    let mut next = store::first_check_in(connection, place.id, None)?;
    while let Some(first) = next {
        let (date, during) = day_of(first, zone);
        let counts = store::by_gate(connection, place.id, &during)?;
        let mut gates: Vec<&String> = counts.keys().map(|(gate, _)| gate).collect();
        gates.dedup();
        for gate in gates {
            let of = |outcome| {
                let undone = undone.get(&(date, gate.clone(), outcome)).copied().unwrap_or(0);
                counts.get(&(gate.clone(), outcome)).copied().unwrap_or(0) - undone
            };
            let again = of(Outcome::AdmittedAgain);
            let (admitted, refused) = (of(Outcome::Admitted) + again, of(Outcome::Refused));
            if admitted + refused > 0 {
                let (date, gate) = (date.to_string(), gate.clone());
                found.push(GateCount { date, gate, admitted, admitted_again: again, refused });
            }
        }
        next = store::first_check_in(connection, place.id, Some(during.end))?;
    }
    Ok(found)
}
