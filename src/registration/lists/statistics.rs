//! What is counted of a conference's registrations. Everything is counted in indexes, at the moment of the question.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{actions::Facts, store};
use crate::{
    agenda::{Agenda, Place},
    database::{Connection, DatabaseError},
    ids::CategoryId,
    registration::{RegistrationError, model::State},
    values::{Code, TimeZone},
};

/// What is counted of a conference's registrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// How many there are, in whichever state.
    pub registrations: i64,
    /// How many stand in each state.
    pub states: Vec<StateCount>,
    /// The seats of the conference.
    pub seats: Seats,
    /// How many registrations wait for a seat and have no offer.
    pub waiting: i64,
    /// Each category.
    pub categories: Vec<CategoryStatistics>,
    /// Each country; `null` of those who named none.
    pub countries: Vec<CountryCount>,
    /// Each date, in the conference's time zone, on which registrations were made.
    pub days: Vec<DayCount>,
    /// Each session that needs signing up for.
    pub sessions: Vec<SessionStatistics>,
    /// How many registrations have come in.
    pub checked_in: i64,
    /// What the gates let in, by date.
    pub check_ins: Vec<GateCount>,
}

/// How many registrations stand in a state.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateCount {
    /// The state.
    pub status: State,
    /// How many.
    pub registrations: i64,
}

/// Seats as they stand.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Seats {
    /// How many there are; without limit if `null`.
    pub seats: Option<i64>,
    /// How many are taken, reserved or held by an offer.
    pub taken: i64,
    /// How many of those taken are kept for invitations that nobody has used yet.
    pub reserved: i64,
    /// How many are left; without limit if `null`.
    pub free: Option<i64>,
}

impl Seats {
    fn new(seats: Option<i64>, taken: i64, reserved: i64) -> Self {
        Self { seats, taken, reserved, free: seats.map(|seats| seats - taken) }
    }
}

/// What is counted of a category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryStatistics {
    /// Its code.
    pub category: Code,
    /// Registrations in whichever state.
    pub registrations: i64,
    /// Its seats.
    pub seats: Seats,
    /// How many wait for one and have no offer.
    pub waiting: i64,
}

/// How many registrations are from a country.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountryCount {
    /// The country.
    pub country: Option<String>,
    /// Registrations in whichever state.
    pub registrations: i64,
}

/// How many registrations were made on a date.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayCount {
    /// The date.
    pub date: String,
    /// How many were made.
    pub registrations: i64,
    /// How many there were at its end.
    pub total: i64,
}

/// What is counted of a session that needs signing up for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionStatistics {
    /// Its code.
    pub session: Code,
    /// Its seats; without limit if `null`.
    pub seats: Option<i64>,
    /// How many are taken.
    pub taken: i64,
    /// How many wait for one.
    pub waiting: i64,
    /// How many would like one when their registration is confirmed.
    pub wished: i64,
}

/// What a gate let in on a date.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateCount {
    /// The date.
    pub date: String,
    /// The gate.
    pub gate: String,
    /// Entries that were let in and not undone: first ones and those of people who had come in before.
    pub admitted: i64,
    /// How many of them had come in before.
    pub admitted_again: i64,
    /// How often somebody was refused.
    pub refused: i64,
}

/// Counts everything.
///
/// # Errors
/// The store fails.
pub fn count(
    connection: &mut Connection,
    place: &Place,
    agenda: &Agenda,
    facts: &Facts,
) -> Result<Statistics, RegistrationError> {
    let states = store::in_order_of_states(&store::by_state(connection, place.id)?);
    let ids: Vec<_> = facts.standing.categories.iter().map(|category| category.id).collect();
    let of_categories = store::by_category(connection, &ids)?;
    let reserved = store::reserved(connection, place.id)?;
    let kept = |of: &dyn Fn(Option<CategoryId>) -> bool| -> i64 {
        reserved.iter().filter(|(category, _)| of(*category)).map(|(_, seats)| seats).sum()
    };
    let categories: Vec<_> = facts
        .standing
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
    let (seats, taken) = (facts.standing.seats, facts.standing.seats_taken);
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

/// The date of an instant, and from when until when it lasts.
fn day_of(instant: DateTime<Utc>, zone: TimeZone) -> (NaiveDate, (DateTime<Utc>, DateTime<Utc>)) {
    let date = zone.local(instant).date_naive();
    let midnight = |date: NaiveDate| zone.earliest(date.and_time(NaiveTime::MIN)).to_utc();
    // Nobody registers in the last year of the calendar.
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    (date, (midnight(date), midnight(next)))
}

/// Each date on which registrations were made: the next one is found in the index of instants.
fn days(connection: &mut Connection, place: &Place, zone: TimeZone) -> Result<Vec<DayCount>, DatabaseError> {
    let mut found = Vec::new();
    let (mut total, mut next) = (0, store::first_made(connection, place.id, None)?);
    while let Some(first) = next {
        let (date, (from, until)) = day_of(first, zone);
        let registrations = store::made_between(connection, place.id, (from, until))?;
        total += registrations;
        found.push(DayCount { date: date.to_string(), registrations, total });
        next = store::first_made(connection, place.id, Some(until))?;
    }
    Ok(found)
}

/// What the gates let in, by date.
fn check_ins(connection: &mut Connection, place: &Place, zone: TimeZone) -> Result<Vec<GateCount>, DatabaseError> {
    let mut undone: BTreeMap<(NaiveDate, String, String), i64> = BTreeMap::new();
    for entry in store::undone(connection, place.id)? {
        *undone.entry((zone.local(entry.at.0).date_naive(), entry.gate, entry.outcome)).or_default() += 1;
    }
    let mut found = Vec::new();
    let mut next = store::first_check_in(connection, place.id, None)?;
    while let Some(first) = next {
        let (date, (from, until)) = day_of(first, zone);
        let counts = store::by_gate(connection, place.id, (from, until))?;
        let mut gates: Vec<&String> = counts.keys().map(|(gate, _)| gate).collect();
        gates.dedup();
        for gate in gates {
            let of = |outcome: &str| {
                let undone = undone.get(&(date, gate.clone(), outcome.to_owned())).copied().unwrap_or(0);
                counts.get(&(gate.clone(), outcome.to_owned())).copied().unwrap_or(0) - undone
            };
            let again = of("admitted_again");
            let (admitted, refused) = (of("admitted") + again, of("refused"));
            if admitted + refused > 0 {
                let (date, gate) = (date.to_string(), gate.clone());
                found.push(GateCount { date, gate, admitted, admitted_again: again, refused });
            }
        }
        next = store::first_check_in(connection, place.id, Some(until))?;
    }
    Ok(found)
}
