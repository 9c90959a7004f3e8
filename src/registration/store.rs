//! The rows of the set-up, of registrations and of their history.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{
    RegistrationError,
    form::Question,
    model::{Event, HistoryEntry, Registration, State, is_open},
    setup::{Badge, Category, Setup, VERIFICATION_HOURS},
};
use crate::{
    agenda::model::utc,
    database::{
        Connection, DatabaseError,
        connection::ROWS_MAX,
        insert_all,
        schema::{
            categories, registration_events, registration_forms, registration_setups, registrations, session_quotas,
            session_sign_ups,
        },
        types::{Instant, JsonValue},
        violation::broken_constraint,
    },
    faults,
    ids::{CategoryId, ConferenceId, InvitationId, RegistrationEventId, RegistrationId, SessionId},
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
    pub form_version: i32,
    pub verification_hours: i32,
    /// The release whose sessions the quotas of sessions are of.
    pub sessions_release: i32,
    pub categories: Vec<CategoryStanding>,
    questions: serde_json::Value,
}

/// A category as it stands.
#[derive(Debug, Clone)]
pub struct CategoryStanding {
    pub id: CategoryId,
    pub code: Code,
    pub name: crate::values::Localised,
    pub seats: Option<i64>,
    pub seats_taken: i64,
    pub opens_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    pub needs_approval: bool,
    pub needs_invitation: bool,
    pub verifies_email: bool,
    pub hidden: bool,
    pub waiting_list: bool,
    pub offer_hours: Option<i32>,
    pub badge: Badge,
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

    /// Whether any category asks that addresses are verified: then no answer says whether one was known.
    pub fn verifies_emails(&self) -> bool {
        self.categories.iter().any(|category| category.verifies_email)
    }

    /// Whether whoever comes now may register in the category.
    pub fn is_open(&self, category: &CategoryStanding, now: DateTime<Utc>) -> bool {
        is_open(now, self.opens_at, self.closes_at) && is_open(now, category.opens_at, category.closes_at)
    }

    /// The questions of the form.
    pub fn questions(&self) -> Result<Vec<Question>, DatabaseError> {
        faults::read(self.questions.clone()).map_err(|faults| DatabaseError::Corrupt(format!("a form: {:?}", faults.0)))
    }
}

impl CategoryStanding {
    /// Whether the category has a seat.
    pub fn has_seat(&self) -> bool {
        self.seats.is_none_or(|seats| self.seats_taken < seats)
    }
}

#[derive(Queryable)]
struct SetupRow {
    seats: Option<i64>,
    seats_taken: i64,
    opens_at: Option<Instant>,
    closes_at: Option<Instant>,
    last_arrival: i64,
    form_version: i32,
    verification_hours: i32,
    sessions_release: i32,
    questions: JsonValue,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = categories)]
struct CategoryRow {
    id: CategoryId,
    code: String,
    name: JsonValue,
    seats: Option<i64>,
    seats_taken: i64,
    opens_at: Option<Instant>,
    closes_at: Option<Instant>,
    needs_approval: bool,
    needs_invitation: bool,
    verifies_email: bool,
    hidden: bool,
    waiting_list: bool,
    offer_hours: Option<i32>,
    badge: JsonValue,
}

impl TryFrom<CategoryRow> for CategoryStanding {
    type Error = DatabaseError;
    fn try_from(row: CategoryRow) -> Result<Self, DatabaseError> {
        let corrupt = |detail| DatabaseError::Corrupt(format!("category {}: {detail}", row.id));
        Ok(Self {
            id: row.id,
            code: Code::parse(&row.code).map_err(|fault| corrupt(fault.detail))?,
            name: faults::read(row.name.0).map_err(|faults| corrupt(format!("{:?}", faults.0)))?,
            badge: faults::read(row.badge.0).map_err(|faults| corrupt(format!("{:?}", faults.0)))?,
            seats: row.seats,
            seats_taken: row.seats_taken,
            opens_at: row.opens_at.map(instant),
            closes_at: row.closes_at.map(instant),
            needs_approval: row.needs_approval,
            needs_invitation: row.needs_invitation,
            verifies_email: row.verifies_email,
            hidden: row.hidden,
            waiting_list: row.waiting_list,
            offer_hours: row.offer_hours,
        })
    }
}

fn instant(Instant(instant): Instant) -> DateTime<Utc> {
    instant
}

/// The set-up as it stands.
pub fn standing(connection: &mut Connection, conference: ConferenceId) -> Result<Option<Standing>, DatabaseError> {
    let setup: Option<SetupRow> = registration_setups::table
        .find(conference)
        .select((
            registration_setups::seats,
            registration_setups::seats_taken,
            registration_setups::opens_at,
            registration_setups::closes_at,
            registration_setups::last_arrival,
            registration_setups::form_version,
            registration_setups::verification_hours,
            registration_setups::sessions_release,
            registration_setups::questions,
        ))
        .first(connection)
        .optional()?;
    let Some(setup) = setup else {
        return Ok(None);
    };
    let rows: Vec<CategoryRow> = categories::table
        .filter(categories::conference_id.eq(conference))
        .order((categories::ordinal, categories::id))
        .select(CategoryRow::as_select())
        .load(connection)?;
    Ok(Some(Standing {
        seats: setup.seats,
        seats_taken: setup.seats_taken,
        opens_at: setup.opens_at.map(instant),
        closes_at: setup.closes_at.map(instant),
        last_arrival: setup.last_arrival,
        form_version: setup.form_version,
        verification_hours: setup.verification_hours,
        sessions_release: setup.sessions_release,
        categories: rows.into_iter().map(CategoryStanding::try_from).collect::<Result<_, _>>()?,
        questions: setup.questions.0,
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
pub fn document(standing: &Standing, zone: TimeZone) -> Result<Setup, DatabaseError> {
    let count = |seats: Option<i64>| seats.and_then(|seats| u32::try_from(seats).ok()).map(Count);
    let hours = |hours: i32| u32::try_from(hours).ok().map(Count);
    let moment = |instant: Option<DateTime<Utc>>| instant.map(|instant| Moment::Instant(zone.local(instant)));
    let category = |category: &CategoryStanding| Category {
        id: Some(category.id),
        code: category.code.clone(),
        name: category.name.clone(),
        seats: count(category.seats),
        opens_at: moment(category.opens_at),
        closes_at: moment(category.closes_at),
        needs_approval: category.needs_approval,
        needs_invitation: category.needs_invitation,
        verifies_email: category.verifies_email,
        hidden: category.hidden,
        waiting_list: category.waiting_list,
        offer_hours: category.offer_hours.and_then(hours),
        badge: category.badge.clone(),
    };
    let own_hours = |Count(hours): &Count<1>| *hours != VERIFICATION_HOURS;
    Ok(Setup {
        seats: count(standing.seats),
        opens_at: moment(standing.opens_at),
        closes_at: moment(standing.closes_at),
        verification_hours: hours(standing.verification_hours).filter(own_hours),
        categories: standing.categories.iter().map(category).collect(),
        questions: standing.questions()?,
    })
}

/// Turns the stored set-up into `setup`. Seats below those taken and categories in use were refused before.
pub fn save(
    connection: &mut Connection,
    conference: ConferenceId,
    before: Option<&Standing>,
    setup: &Setup,
) -> Result<(), DatabaseError> {
    let seats = |count: Option<Count<0>>| count.map(|Count(seats)| i64::from(seats));
    let hours = |Count(hours): Count<1>| i32::try_from(hours).unwrap_or(i32::MAX);
    let questions = to_value(&setup.questions)?;
    let version = match before {
        Some(before) if before.questions == questions => before.form_version,
        Some(before) => before.form_version + 1,
        None => 1,
    };
    if before.is_none_or(|before| before.form_version != version) {
        diesel::insert_into(registration_forms::table)
            .values((
                registration_forms::conference_id.eq(conference),
                registration_forms::version.eq(version),
                registration_forms::questions.eq(JsonValue(questions.clone())),
            ))
            .execute(connection)?;
    }
    let row = (
        registration_setups::seats.eq(seats(setup.seats)),
        registration_setups::opens_at.eq(setup.opens_at.map(utc).map(Instant)),
        registration_setups::closes_at.eq(setup.closes_at.map(utc).map(Instant)),
        registration_setups::verification_hours
            .eq(hours(setup.verification_hours.unwrap_or(Count(VERIFICATION_HOURS)))),
        registration_setups::form_version.eq(version),
        registration_setups::questions.eq(JsonValue(questions)),
    );
    if before.is_some() {
        diesel::update(registration_setups::table.find(conference)).set(row).execute(connection)?;
    } else {
        let counters = (
            registration_setups::seats_taken.eq(0),
            registration_setups::last_arrival.eq(0),
            registration_setups::sessions_release.eq(0),
        );
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
        let row = (
            categories::code.eq(category.code.as_str()),
            categories::ordinal.eq(ordinal),
            categories::name.eq(JsonValue(to_value(&category.name)?)),
            categories::seats.eq(seats(category.seats)),
            categories::opens_at.eq(category.opens_at.map(utc).map(Instant)),
            categories::closes_at.eq(category.closes_at.map(utc).map(Instant)),
            categories::needs_approval.eq(category.needs_approval),
            categories::needs_invitation.eq(category.needs_invitation),
            categories::verifies_email.eq(category.verifies_email),
            categories::hidden.eq(category.hidden),
            categories::waiting_list.eq(category.waiting_list),
            categories::offer_hours.eq(category.offer_hours.map(hours)),
            categories::badge.eq(JsonValue(to_value(&category.badge)?)),
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

fn to_value(value: &impl serde::Serialize) -> Result<serde_json::Value, DatabaseError> {
    serde_json::to_value(value).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

/// The form of a version, to read old answers by.
pub fn form(
    connection: &mut Connection,
    conference: ConferenceId,
    version: i32,
) -> Result<Vec<Question>, DatabaseError> {
    let found: Option<JsonValue> = registration_forms::table
        .find((conference, version))
        .select(registration_forms::questions)
        .first(connection)
        .optional()?;
    let questions = found.map_or_else(|| serde_json::json!([]), |JsonValue(questions)| questions);
    faults::read(questions).map_err(|faults| DatabaseError::Corrupt(format!("a form: {:?}", faults.0)))
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

/// Adds to the seats taken of the conference. The condition is the update's own, with a CHECK behind it, so that no
/// count in memory can be wrong about it.
pub fn add_taken(connection: &mut Connection, conference: ConferenceId, more: i64) -> Result<(), DatabaseError> {
    use registration_setups::dsl;
    let fits = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let counted = diesel::update(registration_setups::table.find(conference).filter(fits))
        .set(dsl::seats_taken.eq(dsl::seats_taken + more))
        .execute(connection)?;
    counted_once(counted)
}

/// Adds to the seats taken of a category.
pub fn add_taken_of_category(
    connection: &mut Connection,
    category: CategoryId,
    more: i64,
) -> Result<(), DatabaseError> {
    use categories::dsl;
    let fits = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let counted = diesel::update(categories::table.find(category).filter(fits))
        .set(dsl::seats_taken.eq(dsl::seats_taken + more))
        .execute(connection)?;
    counted_once(counted)
}

/// Adds to the seats taken of a session.
pub fn add_taken_of_session(connection: &mut Connection, session: SessionId, more: i64) -> Result<(), DatabaseError> {
    use session_quotas::dsl;
    let fits = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let counted = diesel::update(session_quotas::table.find(session).filter(fits))
        .set(dsl::seats_taken.eq(dsl::seats_taken + more))
        .execute(connection)?;
    counted_once(counted)
}

/// Who holds the lock has counted right; if not, nothing is written.
fn counted_once(rows: usize) -> Result<(), DatabaseError> {
    if rows == 1 { Ok(()) } else { Err(DatabaseError::Corrupt("seats were given that are not there".to_owned())) }
}

/// Writes the last place among all registrations.
pub fn set_last_arrival(connection: &mut Connection, conference: ConferenceId, last: i64) -> Result<(), DatabaseError> {
    diesel::update(registration_setups::table.find(conference))
        .set(registration_setups::last_arrival.eq(last))
        .execute(connection)?;
    Ok(())
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
            expires_at: row.expires_at.map(instant),
            offer_expires_at: row.offer_expires_at.map(instant),
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

/// A line of the history on its way to the store.
#[derive(Debug, Insertable)]
#[diesel(table_name = registration_events)]
pub struct EventRow {
    pub id: RegistrationEventId,
    pub registration_id: RegistrationId,
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

/// The history, the oldest first.
pub fn history(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<HistoryEntry>, DatabaseError> {
    type Columns = (Instant, String, String, String, Option<JsonValue>);
    let rows: Vec<Columns> = registration_events::table
        .filter(registration_events::registration_id.eq(registration))
        .order((registration_events::at, registration_events::id))
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

/// The seats of a session as they stand.
#[derive(Debug, Clone, Queryable)]
pub struct SessionStanding {
    pub id: SessionId,
    pub seats: Option<i64>,
    pub seats_taken: i64,
}

/// The seats of every session of the conference that needs signing up for.
pub fn session_standings(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Vec<SessionStanding>, DatabaseError> {
    Ok(session_quotas::table
        .filter(session_quotas::conference_id.eq(conference))
        .order(session_quotas::session_id)
        .select((session_quotas::session_id, session_quotas::seats, session_quotas::seats_taken))
        .load(connection)?)
}

/// Writes what a session's quota is from now on, and that the quotas are those of `release`.
pub fn save_session_quota(
    connection: &mut Connection,
    conference: ConferenceId,
    session: SessionId,
    seats: Option<i64>,
    is_new: bool,
) -> Result<(), DatabaseError> {
    if is_new {
        diesel::insert_into(session_quotas::table)
            .values((
                session_quotas::session_id.eq(session),
                session_quotas::conference_id.eq(conference),
                session_quotas::seats.eq(seats),
                session_quotas::seats_taken.eq(0),
            ))
            .execute(connection)?;
    } else {
        diesel::update(session_quotas::table.find(session)).set(session_quotas::seats.eq(seats)).execute(connection)?;
    }
    Ok(())
}

/// The quotas of sessions are those of `release`.
pub fn set_sessions_release(
    connection: &mut Connection,
    conference: ConferenceId,
    release: i32,
) -> Result<(), DatabaseError> {
    diesel::update(registration_setups::table.find(conference))
        .set(registration_setups::sessions_release.eq(release))
        .execute(connection)?;
    Ok(())
}

/// Someone's wish to be in a session.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = session_sign_ups)]
pub struct SignUp {
    pub registration_id: RegistrationId,
    pub session_id: SessionId,
    pub state: String,
    pub arrival: i64,
    pub created_at: Instant,
}

/// Who a registration wants to be with.
pub fn sign_ups(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<SignUp>, DatabaseError> {
    Ok(session_sign_ups::table
        .filter(session_sign_ups::registration_id.eq(registration))
        .order(session_sign_ups::session_id)
        .load(connection)?)
}

/// The first who waits for a seat in the session.
pub fn first_waiting_for_session(
    connection: &mut Connection,
    session: SessionId,
) -> Result<Option<SignUp>, DatabaseError> {
    Ok(session_sign_ups::table
        .filter(session_sign_ups::session_id.eq(session))
        .filter(session_sign_ups::state.eq("waitlisted"))
        .order(session_sign_ups::arrival)
        .first(connection)
        .optional()?)
}

/// Writes new sign-ups.
pub fn insert_sign_ups(connection: &mut Connection, sign_ups: &[SignUp]) -> Result<(), DatabaseError> {
    insert_all!(connection, session_sign_ups::table, sign_ups);
    Ok(())
}

/// Writes the state of a sign-up.
pub fn update_sign_up(connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
    diesel::update(session_sign_ups::table.find((sign_up.registration_id, sign_up.session_id)))
        .set((session_sign_ups::state.eq(&sign_up.state), session_sign_ups::arrival.eq(sign_up.arrival)))
        .execute(connection)?;
    Ok(())
}

/// Takes a sign-up back.
pub fn delete_sign_up(connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
    diesel::delete(session_sign_ups::table.find((sign_up.registration_id, sign_up.session_id))).execute(connection)?;
    Ok(())
}

/// The conferences whose quotas of sessions are of an older release than theirs.
pub fn behind(
    connection: &mut Connection,
    releases: &[(ConferenceId, i32)],
) -> Result<Vec<ConferenceId>, DatabaseError> {
    let known: Vec<(ConferenceId, i32)> = registration_setups::table
        .filter(registration_setups::sessions_release.gt(0))
        .select((registration_setups::conference_id, registration_setups::sessions_release))
        .load(connection)?;
    let is_behind = |(id, known): &(ConferenceId, i32)| releases.iter().any(|(of, now)| of == id && now > known);
    Ok(known.into_iter().filter(is_behind).map(|(id, _)| id).collect())
}
