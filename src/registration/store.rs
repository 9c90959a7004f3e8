//! The rows of the set-up, of registrations and of their history.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{
    RegistrationError,
    model::{Event, Registration, State},
    setup::{Category, Setup},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::{categories, registration_events, registration_setups, registrations},
        types::{Instant, JsonValue},
        violation::broken_constraint,
    },
    faults,
    ids::{CategoryId, ConferenceId, RegistrationEventId, RegistrationId},
    values::{Code, Count, EmailAddress, Moment, TextValue, TimeZone},
};

/// The set-up as it stands: what was configured, and what is taken.
#[derive(Debug, Clone)]
pub struct Standing {
    pub seats: Option<i64>,
    pub seats_taken: i64,
    pub opens_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    pub last_arrival: i64,
    pub categories: Vec<CategoryStanding>,
}

/// A category as it stands.
#[derive(Debug, Clone)]
pub struct CategoryStanding {
    pub id: CategoryId,
    pub code: Code,
    pub name: crate::values::Localised,
    pub seats: Option<i64>,
    pub seats_taken: i64,
}

impl Standing {
    /// Whether the conference has a seat.
    pub fn has_seat(&self) -> bool {
        self.seats.is_none_or(|seats| self.seats_taken < seats)
    }

    /// The category of this code.
    pub fn category(&self, code: &str) -> Option<&CategoryStanding> {
        self.categories.iter().find(|category| category.code.as_str() == code)
    }

    /// The category of this id.
    pub fn category_by_id(&self, id: CategoryId) -> Option<&CategoryStanding> {
        self.categories.iter().find(|category| category.id == id)
    }
}

impl CategoryStanding {
    /// Whether the category has a seat.
    pub fn has_seat(&self) -> bool {
        self.seats.is_none_or(|seats| self.seats_taken < seats)
    }
}

type SetupColumns = (Option<i64>, i64, Option<Instant>, Option<Instant>, i64);

/// The set-up, if the conference has one.
pub fn standing(connection: &mut Connection, conference: ConferenceId) -> Result<Option<Standing>, DatabaseError> {
    let row: Option<SetupColumns> = registration_setups::table
        .find(conference)
        .select((
            registration_setups::seats,
            registration_setups::seats_taken,
            registration_setups::opens_at,
            registration_setups::closes_at,
            registration_setups::last_arrival,
        ))
        .first(connection)
        .optional()?;
    let Some((seats, seats_taken, opens_at, closes_at, last_arrival)) = row else {
        return Ok(None);
    };
    let rows: Vec<(CategoryId, String, JsonValue, Option<i64>, i64)> = categories::table
        .filter(categories::conference_id.eq(conference))
        .order((categories::ordinal, categories::id))
        .select((categories::id, categories::code, categories::name, categories::seats, categories::seats_taken))
        .load(connection)?;
    let categories = rows
        .into_iter()
        .map(|(id, code, JsonValue(name), seats, seats_taken)| {
            let corrupt = |detail| DatabaseError::Corrupt(format!("category {id}: {detail}"));
            Ok(CategoryStanding {
                id,
                code: Code::parse(&code).map_err(|fault| corrupt(fault.detail))?,
                name: faults::read(name).map_err(|faults| corrupt(format!("{:?}", faults.0)))?,
                seats,
                seats_taken,
            })
        })
        .collect::<Result<_, DatabaseError>>()?;
    let instant = |instant: Option<Instant>| instant.map(|Instant(instant)| instant);
    Ok(Some(Standing {
        seats,
        seats_taken,
        opens_at: instant(opens_at),
        closes_at: instant(closes_at),
        last_arrival,
        categories,
    }))
}

/// The set-up, locked until the transaction ends: who holds it alone gives, frees and counts seats.
pub fn lock_setup(connection: &mut Connection, conference: ConferenceId) -> Result<Option<Standing>, DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => {
            registration_setups::table
                .find(conference)
                .select(registration_setups::conference_id)
                .for_no_key_update()
                .first::<ConferenceId>(inner)
                .optional()?;
        }
        // A write holds the whole of SQLite already.
        Connection::Sqlite(_) => {}
    }
    standing(connection, conference)
}

/// The set-up as a document.
pub fn document(standing: &Standing, zone: TimeZone) -> Setup {
    let count = |seats: Option<i64>| seats.and_then(|seats| u32::try_from(seats).ok()).map(Count);
    let moment = |instant: Option<DateTime<Utc>>| instant.map(|instant| Moment::Instant(zone.local(instant)));
    let category = |category: &CategoryStanding| Category {
        id: Some(category.id),
        code: category.code.clone(),
        name: category.name.clone(),
        seats: count(category.seats),
    };
    Setup {
        seats: count(standing.seats),
        opens_at: moment(standing.opens_at),
        closes_at: moment(standing.closes_at),
        categories: standing.categories.iter().map(category).collect(),
    }
}

/// Turns the stored set-up into `setup`. Seats below those taken and categories in use were refused before.
pub fn save(
    connection: &mut Connection,
    conference: ConferenceId,
    before: Option<&Standing>,
    setup: &Setup,
) -> Result<(), DatabaseError> {
    let seats = |count: Option<Count<0>>| count.map(|Count(seats)| i64::from(seats));
    let row = (
        registration_setups::seats.eq(seats(setup.seats)),
        registration_setups::opens_at.eq(setup.opens().map(Instant)),
        registration_setups::closes_at.eq(setup.closes().map(Instant)),
    );
    if before.is_some() {
        diesel::update(registration_setups::table.find(conference)).set(row).execute(connection)?;
    } else {
        let counters = (registration_setups::seats_taken.eq(0), registration_setups::last_arrival.eq(0));
        diesel::insert_into(registration_setups::table)
            .values((registration_setups::conference_id.eq(conference), row, counters))
            .execute(connection)?;
    }
    let known = before.map_or(&[][..], |standing| &standing.categories);
    let kept: Vec<_> = setup.categories.iter().filter_map(|category| category.id).collect();
    for old in known {
        if kept.contains(&old.id) {
            // Its code may be wanted by another category before its own turn comes.
            diesel::update(categories::table.find(old.id))
                .set(categories::code.eq(old.id.to_string()))
                .execute(connection)?;
        } else {
            diesel::delete(categories::table.find(old.id)).execute(connection)?;
        }
    }
    for (ordinal, category) in (0_i32..).zip(&setup.categories) {
        let Some(id) = category.id else {
            continue;
        };
        let name = serde_json::to_value(&category.name).map_err(|error| DatabaseError::Corrupt(error.to_string()))?;
        let row = (
            categories::code.eq(category.code.as_str()),
            categories::ordinal.eq(ordinal),
            categories::name.eq(JsonValue(name)),
            categories::seats.eq(seats(category.seats)),
        );
        if known.iter().any(|old| old.id == id) {
            diesel::update(categories::table.find(id)).set(row).execute(connection)?;
        } else {
            let own = (categories::id.eq(id), categories::conference_id.eq(conference), categories::seats_taken.eq(0));
            diesel::insert_into(categories::table).values((own, row)).execute(connection)?;
        }
    }
    Ok(())
}

/// Whether anybody ever registered in the category.
pub fn is_used(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let first: Option<RegistrationId> = registrations::table
        .filter(registrations::category_id.eq(category))
        .select(registrations::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// Gives a seat of the conference and of the category, if both have one. The condition is the update's own, so that no
/// count in memory can be wrong about it.
pub fn take_seats(
    connection: &mut Connection,
    conference: ConferenceId,
    category: CategoryId,
) -> Result<bool, DatabaseError> {
    let free = categories::seats.is_null().or(categories::seats_taken.nullable().lt(categories::seats));
    let taken = diesel::update(categories::table.find(category).filter(free))
        .set(categories::seats_taken.eq(categories::seats_taken + 1))
        .execute(connection)?;
    if taken == 0 {
        return Ok(false);
    }
    use registration_setups::dsl;
    let free = dsl::seats.is_null().or(dsl::seats_taken.nullable().lt(dsl::seats));
    let taken = diesel::update(registration_setups::table.find(conference).filter(free))
        .set(dsl::seats_taken.eq(dsl::seats_taken + 1))
        .execute(connection)?;
    if taken == 0 {
        diesel::update(categories::table.find(category))
            .set(categories::seats_taken.eq(categories::seats_taken - 1))
            .execute(connection)?;
    }
    Ok(taken > 0)
}

/// Gives back a seat of the conference and of the category.
pub fn free_seats(
    connection: &mut Connection,
    conference: ConferenceId,
    category: CategoryId,
) -> Result<(), DatabaseError> {
    diesel::update(categories::table.find(category))
        .set(categories::seats_taken.eq(categories::seats_taken - 1))
        .execute(connection)?;
    diesel::update(registration_setups::table.find(conference))
        .set(registration_setups::seats_taken.eq(registration_setups::seats_taken - 1))
        .execute(connection)?;
    Ok(())
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = registrations)]
struct Row {
    id: RegistrationId,
    conference_id: ConferenceId,
    category_id: CategoryId,
    reference: String,
    state: String,
    arrival: i64,
    honorific: Option<String>,
    given_name: String,
    family_name: String,
    email: String,
    email_folded: String,
    organisation: Option<String>,
    position: Option<String>,
    country: Option<String>,
    language: String,
    phone: Option<String>,
    accessibility_needs: Option<String>,
    dietary_needs: Option<String>,
    consented_at: Instant,
    token_generation: i32,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Registration> for Row {
    fn from(registration: &Registration) -> Self {
        let registration = registration.clone();
        Self {
            id: registration.id,
            conference_id: registration.conference,
            category_id: registration.category,
            reference: registration.reference,
            state: registration.state.as_str().to_owned(),
            arrival: registration.arrival,
            honorific: registration.honorific,
            given_name: registration.given_name,
            family_name: registration.family_name,
            email_folded: registration.email.folded(),
            email: registration.email.as_str().to_owned(),
            organisation: registration.organisation,
            position: registration.position,
            country: registration.country,
            language: registration.language,
            phone: registration.phone,
            accessibility_needs: registration.accessibility_needs,
            dietary_needs: registration.dietary_needs,
            consented_at: Instant(registration.consented_at),
            token_generation: registration.token_generation,
            created_at: Instant(registration.created_at),
            updated_at: Instant(registration.updated_at),
        }
    }
}

impl TryFrom<Row> for Registration {
    type Error = DatabaseError;
    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let corrupt = |what: &str| DatabaseError::Corrupt(format!("{what} of registration {}", row.id));
        Ok(Self {
            id: row.id,
            conference: row.conference_id,
            category: row.category_id,
            state: State::from_word(&row.state).ok_or_else(|| corrupt("state"))?,
            email: EmailAddress::parse(&row.email).map_err(|_| corrupt("address"))?,
            reference: row.reference,
            arrival: row.arrival,
            honorific: row.honorific,
            given_name: row.given_name,
            family_name: row.family_name,
            organisation: row.organisation,
            position: row.position,
            country: row.country,
            language: row.language,
            phone: row.phone,
            accessibility_needs: row.accessibility_needs,
            dietary_needs: row.dietary_needs,
            consented_at: row.consented_at.0,
            token_generation: row.token_generation,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// Writes a new registration and counts its arrival.
pub fn insert(connection: &mut Connection, registration: &Registration) -> Result<(), RegistrationError> {
    let written = diesel::insert_into(registrations::table).values(Row::from(registration)).execute(connection);
    if let Err(error) = written {
        let error = DatabaseError::from(error);
        return Err(match broken_constraint(&error) {
            Some("registrations_live_email_key") => RegistrationError::AlreadyRegistered,
            Some("registrations_reference_key") => RegistrationError::ReferenceTaken,
            _ => error.into(),
        });
    }
    diesel::update(registration_setups::table.find(registration.conference))
        .set(registration_setups::last_arrival.eq(registration.arrival))
        .execute(connection)
        .map_err(DatabaseError::from)?;
    Ok(())
}

/// The registration of this reference.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    reference: &str,
) -> Result<Option<Registration>, DatabaseError> {
    // PostgreSQL refuses a text with a NUL; nothing else than these characters is in a reference anyway.
    if !reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(None);
    }
    let row: Option<Row> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::reference.eq(reference))
        .first(connection)
        .optional()?;
    row.map(Registration::try_from).transpose()
}

/// The first who waits in the category.
pub fn first_waiting(connection: &mut Connection, category: CategoryId) -> Result<Option<Registration>, DatabaseError> {
    let row: Option<Row> = registrations::table
        .filter(registrations::category_id.eq(category))
        .filter(registrations::state.eq(State::Waitlisted.as_str()))
        .order(registrations::arrival)
        .first(connection)
        .optional()?;
    row.map(Registration::try_from).transpose()
}

/// The place on the waiting list of the category, from 1.
pub fn position(connection: &mut Connection, registration: &Registration) -> Result<i64, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::category_id.eq(registration.category))
        .filter(registrations::state.eq(State::Waitlisted.as_str()))
        .filter(registrations::arrival.le(registration.arrival))
        .count()
        .get_result(connection)?)
}

/// Writes a new state.
pub fn set_state(
    connection: &mut Connection,
    registration: RegistrationId,
    state: State,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::update(registrations::table.find(registration))
        .set((registrations::state.eq(state.as_str()), registrations::updated_at.eq(Instant(now))))
        .execute(connection)?;
    Ok(())
}

/// Writes a line of the history.
pub fn record(
    connection: &mut Connection,
    registration: RegistrationId,
    event: Event,
    state: State,
    actor: &str,
) -> Result<(), DatabaseError> {
    diesel::insert_into(registration_events::table)
        .values((
            registration_events::id.eq(RegistrationEventId::new()),
            registration_events::registration_id.eq(registration),
            registration_events::at.eq(Instant(clock::now())),
            registration_events::actor.eq(actor),
            registration_events::event.eq(event.as_str()),
            registration_events::state.eq(state.as_str()),
        ))
        .execute(connection)?;
    Ok(())
}

/// The history, the oldest first.
pub fn history(
    connection: &mut Connection,
    registration: RegistrationId,
) -> Result<Vec<(DateTime<Utc>, Event, State)>, DatabaseError> {
    let rows: Vec<(Instant, String, String)> = registration_events::table
        .filter(registration_events::registration_id.eq(registration))
        .order((registration_events::at, registration_events::id))
        .select((registration_events::at, registration_events::event, registration_events::state))
        .load(connection)?;
    rows.into_iter()
        .map(|(Instant(at), event, state)| {
            let corrupt = || DatabaseError::Corrupt(format!("history of registration {registration}"));
            let event = Event::from_word(&event).ok_or_else(corrupt)?;
            Ok((at, event, State::from_word(&state).ok_or_else(corrupt)?))
        })
        .collect()
}

/// Whether anybody ever registered for the conference.
pub fn has_registrations(connection: &mut Connection, conference: ConferenceId) -> Result<bool, DatabaseError> {
    let of_conference = registrations::table.filter(registrations::conference_id.eq(conference));
    let count: i64 = of_conference.count().get_result(connection)?;
    Ok(count > 0)
}
