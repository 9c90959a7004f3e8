//! Counts what the statistics show.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{
    store,
    views::{CategoryStatistics, CountryCount, DayCount, GateCount, Seats, SessionStatistics, StateCount, Statistics},
};
use crate::{
    agenda::{
        Agenda, ConferenceRef,
        document::{Day, Session},
        model::utc,
    },
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
        check_ins: check_ins(connection, conference, agenda)?,
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

/// Date of a check-in as the door counts it, with its beginning and end: a day of the conference reaches from its
/// changeover to the next one, or until its last session has ended; elsewhere it is the date.
fn conference_day_of(at: DateTime<Utc>, agenda: &Agenda) -> (NaiveDate, Range<DateTime<Utc>>) {
    let zone = agenda.conference.time_zone;
    let wall = zone.local(at).naive_local();
    let begins_at = |day: &Day| zone.earliest(day.begins_at()).to_utc();
    let end_of = |day: &Day| {
        let is_of_day = |session: &&Session| agenda.day_of(session).is_some_and(|of| of.date == day.date);
        let sessions = agenda.sessions.iter().filter(is_of_day);
        // Somebody may be scanned in the moment in which a session ends.
        let last_session = sessions.map(|session| utc(session.ends_at) + TimeDelta::microseconds(1)).max();
        let ends_at = begins_at(day) + TimeDelta::days(1);
        let next = agenda.days.iter().map(begins_at).filter(|begins| *begins > begins_at(day)).min();
        ends_at.max(last_session.unwrap_or(ends_at)).min(next.unwrap_or(DateTime::<Utc>::MAX_UTC))
    };
    let is_on = |day: &&Day| (begins_at(day)..end_of(day)).contains(&at) || day.date.0 == wall.date();
    // The hours before the changeover of the first day are a part of it.
    let day = agenda.day_at(wall).or_else(|| agenda.days.iter().find(is_on));
    match day {
        Some(day) if at < end_of(day) => (day.date.0, at..end_of(day)),
        _ => {
            let (date, during) = day_of(at, zone);
            let next = agenda.days.iter().map(begins_at).filter(|begins| *begins > at).min();
            (date, at..during.end.min(next.unwrap_or(during.end)))
        }
    }
}

fn check_ins(
    connection: &mut Connection,
    conference: &ConferenceRef,
    agenda: &Agenda,
) -> Result<Vec<GateCount>, DatabaseError> {
    let mut gate_counts: Vec<GateCount> = Vec::new();
    let mut next = store::first_check_in(connection, conference.id, None)?;
    while let Some(first) = next {
        let (date, during) = conference_day_of(first, agenda);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(code: &str, starts_at: &str, ends_at: &str) -> serde_json::Value {
        json!({ "code": code, "kind": "social", "title": code, "starts_at": starts_at, "ends_at": ends_at })
    }

    #[test]
    fn a_check_in_is_counted_on_the_day_of_the_conference_as_the_door_does() {
        let agenda = crate::agenda::model::read(json!({
            "conference": {
                "slug": "small", "name": "Small", "starts_on": "2030-05-01", "ends_on": "2030-05-02",
                "time_zone": "Etc/UTC", "languages": ["en"]
            },
            "days": [
                { "date": "2030-05-01", "changeover": "04:00" }, { "date": "2030-05-02", "changeover": "06:00" }
            ],
            "sessions": [session("night", "2030-05-03T05:00", "2030-05-03T07:00")]
        }))
        .unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (instant, date, ends_at) in [
            ("2030-04-30T23:59:00Z", "2030-04-30", "2030-05-01T00:00:00Z"),
            ("2030-05-01T03:00:00Z", "2030-05-01", "2030-05-02T04:00:00Z"),
            ("2030-05-01T23:51:00Z", "2030-05-01", "2030-05-02T04:00:00Z"),
            ("2030-05-02T05:59:00Z", "2030-05-02", "2030-05-03T07:00:00.000001Z"),
            ("2030-05-02T06:00:00Z", "2030-05-02", "2030-05-03T07:00:00.000001Z"),
            ("2030-05-03T06:30:00Z", "2030-05-02", "2030-05-03T07:00:00.000001Z"),
            ("2030-05-03T08:00:00Z", "2030-05-03", "2030-05-04T00:00:00Z"),
        ] {
            let (counted, during) = conference_day_of(at(instant), &agenda);
            assert_eq!((counted.to_string().as_str(), during), (date, at(instant)..at(ends_at)), "{instant}");
        }
    }
}
