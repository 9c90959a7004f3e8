//! The answer of the statistics.

use serde::Serialize;
use utoipa::ToSchema;

use super::store::ScansOfPerson;
use crate::{registration::model::RegistrationStatus, values::Code};

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
    /// People at the gates, by date and gate.
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
    pub fn new(seats: Option<i64>, taken: i64, reserved: i64) -> Self {
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

/// People at a gate on a date.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateCount {
    /// Day of the conference (YYYY-MM-DD), from its changeover on; elsewhere the date in the conference's time zone.
    pub date: String,
    /// Code of the gate.
    pub gate: String,
    /// Number of people who were admitted, each counted once. Admissions that were undone are left out.
    pub admitted: i64,
    /// Number of these people who were admitted more than once.
    pub admitted_again: i64,
    /// Number of people who were refused, each counted once, and of scans that belong to no registration.
    pub refused: i64,
    /// Number of scans: admissions that were not undone, and refusals.
    pub scans: i64,
}

impl GateCount {
    /// A count without anybody.
    pub fn none(date: String, gate: String) -> Self {
        Self { date, gate, admitted: 0, admitted_again: 0, refused: 0, scans: 0 }
    }

    /// Adds a person.
    pub fn add(&mut self, scans: &ScansOfPerson) {
        self.admitted += i64::from(scans.admissions > 0);
        self.admitted_again += i64::from(scans.admissions > 1);
        self.refused += if scans.registration_id.is_some() { i64::from(scans.refusals > 0) } else { scans.refusals };
        self.scans += scans.admissions + scans.refusals;
    }
}
