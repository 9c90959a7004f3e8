//! The rows of the set-up, of registrations and of their history.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{
    RegistrationError,
    model::{Event, HistoryEntry, Registration, State},
};
use crate::{
    database::{
        Connection, DatabaseError,
        connection::ROWS_MAX,
        insert_all,
        schema::{registration_events, registrations},
        types::{Instant, JsonValue},
        violation::broken_constraint,
    },
    faults,
    ids::{CategoryId, ConferenceId, InvitationId, RegistrationEventId, RegistrationId},
    values::{EmailAddress, TextValue},
};

/// Whether anybody ever registered in the category.
pub fn is_used(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let first: Option<RegistrationId> = registrations::table
        .filter(registrations::category_id.eq(category))
        .select(registrations::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = registrations, treat_none_as_null = true)]
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
    answers: JsonValue,
    form_version: i32,
    expires_at: Option<Instant>,
    offer_expires_at: Option<Instant>,
    invitation_id: Option<InvitationId>,
    name_folded: String,
    birth_date: Option<chrono::NaiveDate>,
    badge: JsonValue,
}

impl From<&Registration> for Row {
    fn from(registration: &Registration) -> Self {
        let registration = registration.clone();
        Self {
            name_folded: registration.name_folded(),
            answers: JsonValue(serde_json::Value::Object(registration.answers)),
            form_version: registration.form_version,
            expires_at: registration.expires_at.map(Instant),
            offer_expires_at: registration.offer_expires_at.map(Instant),
            invitation_id: registration.invitation,
            birth_date: registration.birth_date,
            // A badge is words, which can be written.
            badge: JsonValue(serde_json::to_value(&registration.badge).unwrap_or_default()),
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
            answers: match row.answers.0 {
                serde_json::Value::Object(answers) => answers,
                _ => return Err(corrupt("answers")),
            },
            form_version: row.form_version,
            expires_at: row.expires_at.map(|Instant(at)| at),
            offer_expires_at: row.offer_expires_at.map(|Instant(at)| at),
            invitation: row.invitation_id,
            birth_date: row.birth_date,
            badge: faults::read(row.badge.0).map_err(|_| corrupt("badge"))?,
        })
    }
}

/// Writes new registrations.
pub fn insert(connection: &mut Connection, registrations: &[Registration]) -> Result<(), RegistrationError> {
    let rows: Vec<Row> = registrations.iter().map(Row::from).collect();
    insert_rows(connection, &rows).map_err(of_constraint)
}

fn insert_rows(connection: &mut Connection, rows: &[Row]) -> Result<(), DatabaseError> {
    insert_all!(connection, registrations::table, rows);
    Ok(())
}

fn of_constraint(error: DatabaseError) -> RegistrationError {
    match broken_constraint(&error) {
        Some("registrations_live_email_key") => RegistrationError::AlreadyRegistered,
        Some("registrations_reference_key") => RegistrationError::ReferenceTaken,
        _ => error.into(),
    }
}

/// Writes all that a registration says.
pub fn update(connection: &mut Connection, registration: &Registration) -> Result<(), RegistrationError> {
    diesel::update(registrations::table.find(registration.id))
        .set(Row::from(registration))
        .execute(connection)
        .map_err(|error| of_constraint(error.into()))?;
    Ok(())
}

/// The live registrations of these addresses.
pub fn live_of_addresses(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &[String],
) -> Result<Vec<Registration>, DatabaseError> {
    let live = State::LIVE.map(State::as_str);
    let mut found = Vec::new();
    for some in folded.chunks(ROWS_MAX) {
        let rows: Vec<Row> = registrations::table
            .filter(registrations::conference_id.eq(conference))
            .filter(registrations::email_folded.eq_any(some))
            .filter(registrations::state.eq_any(live))
            .load(connection)?;
        for row in rows {
            found.push(Registration::try_from(row)?);
        }
    }
    Ok(found)
}

/// The registrations of these ids.
pub fn of_ids(connection: &mut Connection, ids: &[RegistrationId]) -> Result<Vec<Registration>, DatabaseError> {
    let rows: Vec<Row> =
        registrations::table.filter(registrations::id.eq_any(ids)).order(registrations::arrival).load(connection)?;
    rows.into_iter().map(Registration::try_from).collect()
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

/// The first who waits in the category and has no offer.
pub fn first_waiting(connection: &mut Connection, category: CategoryId) -> Result<Option<Registration>, DatabaseError> {
    let row: Option<Row> = registrations::table
        .filter(registrations::category_id.eq(category))
        .filter(registrations::state.eq(State::Waitlisted.as_str()))
        .filter(registrations::offer_expires_at.is_null())
        .order(registrations::arrival)
        .first(connection)
        .optional()?;
    row.map(Registration::try_from).transpose()
}

/// How many wait in the category without an offer, up to `arrival`.
pub fn waiting_until(connection: &mut Connection, category: CategoryId, arrival: i64) -> Result<i64, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::category_id.eq(category))
        .filter(registrations::state.eq(State::Waitlisted.as_str()))
        .filter(registrations::offer_expires_at.is_null())
        .filter(registrations::arrival.le(arrival))
        .count()
        .get_result(connection)?)
}

/// Registrations of a conference whose names are not folded, after one of them in the order of ids: family name and
/// given name.
pub fn unfolded(
    connection: &mut Connection,
    conference: ConferenceId,
    last: Option<RegistrationId>,
    limit: i64,
) -> Result<Vec<(RegistrationId, String, String)>, DatabaseError> {
    // Every other id is greater than nil.
    let after = last.unwrap_or(RegistrationId::from_uuid(uuid::Uuid::nil()));
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::name_folded.eq(""))
        .filter(registrations::id.gt(after))
        .order(registrations::id)
        .limit(limit)
        .select((registrations::id, registrations::family_name, registrations::given_name))
        .load(connection)?)
}

/// Writes a folded name; whoever changed the name meanwhile has folded it. Answers how many were written.
pub fn fold_name(connection: &mut Connection, of: RegistrationId, folded: &str) -> Result<usize, DatabaseError> {
    let unfolded = registrations::table.find(of).filter(registrations::name_folded.eq(""));
    Ok(diesel::update(unfolded).set(registrations::name_folded.eq(folded)).execute(connection)?)
}

/// A line of the history on its way to the store.
#[derive(Debug, Insertable)]
#[diesel(table_name = registration_events)]
pub struct EventRow {
    pub id: RegistrationEventId,
    pub conference_id: ConferenceId,
    pub registration_id: RegistrationId,
    /// Its place among all events of the conference.
    pub sequence: i64,
    pub at: Instant,
    pub actor: String,
    pub event: &'static str,
    pub state: &'static str,
    pub detail: Option<JsonValue>,
}

/// Writes lines of histories.
pub fn record(connection: &mut Connection, events: &[EventRow]) -> Result<(), DatabaseError> {
    insert_all!(connection, registration_events::table, events);
    Ok(())
}

/// The instant of the latest line of each of these histories.
pub fn latest_instants(
    connection: &mut Connection,
    of: &[RegistrationId],
) -> Result<HashMap<RegistrationId, DateTime<Utc>>, DatabaseError> {
    let mut latest = HashMap::new();
    for some in of.chunks(ROWS_MAX) {
        let found: Vec<(RegistrationId, Instant)> = registration_events::table
            .filter(registration_events::registration_id.eq_any(some))
            .order(registration_events::sequence)
            .select((registration_events::registration_id, registration_events::at))
            .load(connection)?;
        latest.extend(found.into_iter().map(|(registration, Instant(at))| (registration, at)));
    }
    Ok(latest)
}

/// How many lines the history has.
pub fn count_events(connection: &mut Connection, registration: RegistrationId) -> Result<i64, DatabaseError> {
    Ok(registration_events::table
        .filter(registration_events::registration_id.eq(registration))
        .count()
        .get_result(connection)?)
}

/// The history, the oldest first.
pub fn history(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<HistoryEntry>, DatabaseError> {
    type Columns = (Instant, String, String, String, Option<JsonValue>);
    let rows: Vec<Columns> = registration_events::table
        .filter(registration_events::registration_id.eq(registration))
        .order(registration_events::sequence)
        .select((
            registration_events::at,
            registration_events::actor,
            registration_events::event,
            registration_events::state,
            registration_events::detail,
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(Instant(at), actor, event, state, detail)| {
            let corrupt = || DatabaseError::Corrupt(format!("history of registration {registration}"));
            Ok(HistoryEntry {
                at,
                actor,
                event: Event::from_word(&event).ok_or_else(corrupt)?,
                state: State::from_word(&state).ok_or_else(corrupt)?,
                detail: detail.map(|JsonValue(detail)| detail),
            })
        })
        .collect()
}

/// Whether anybody ever registered for the conference.
pub fn has_registrations(connection: &mut Connection, conference: ConferenceId) -> Result<bool, DatabaseError> {
    let of_conference = registrations::table.filter(registrations::conference_id.eq(conference));
    let count: i64 = of_conference.count().get_result(connection)?;
    Ok(count > 0)
}

/// What runs out by `now`: ids of registrations whose address was not verified in time, or whose offer has ended.
pub fn run_out(
    connection: &mut Connection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(RegistrationId, ConferenceId)>, DatabaseError> {
    let unverified: Vec<(RegistrationId, ConferenceId)> = registrations::table
        .filter(registrations::state.eq(State::Unverified.as_str()))
        .filter(registrations::expires_at.le(Instant(now)))
        .order(registrations::expires_at)
        .limit(limit)
        .select((registrations::id, registrations::conference_id))
        .load(connection)?;
    let offered: Vec<(RegistrationId, ConferenceId)> = registrations::table
        .filter(registrations::offer_expires_at.le(Instant(now)))
        .order(registrations::offer_expires_at)
        .limit(limit)
        .select((registrations::id, registrations::conference_id))
        .load(connection)?;
    Ok(unverified.into_iter().chain(offered).collect())
}
