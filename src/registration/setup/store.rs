//! The rows of the set-up: what was configured, and what is taken.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Badge, Category, Setup, VERIFICATION_HOURS};
use crate::{
    agenda::model::utc,
    database::{
        Connection, DatabaseError,
        schema::{categories, registration_forms, registration_setups},
        types::{Instant, JsonValue},
    },
    faults,
    ids::{CategoryId, ConferenceId},
    registration::{form::Question, model::is_open},
    values::{Code, Count, Moment, TextValue, TimeZone},
};

/// The set-up as it stands: what was configured, and what is taken.
#[derive(Debug, Clone)]
pub struct Standing {
    pub seats: Option<i64>,
    pub seats_taken: i64,
    pub opens_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    pub last_arrival: i64,
    /// The number of the latest event of all histories.
    pub last_event: i64,
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
        faults::read(self.questions.clone())
            .map_err(|faults| DatabaseError::Corrupt(format!("a form: {}", faults.places())))
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
    last_event: i64,
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
            name: faults::read(row.name.0).map_err(|faults| corrupt(faults.places()))?,
            badge: faults::read(row.badge.0).map_err(|faults| corrupt(faults.places()))?,
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
            registration_setups::last_event,
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
        last_event: setup.last_event,
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
            registration_setups::last_event.eq(0),
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
    faults::read(questions).map_err(|faults| DatabaseError::Corrupt(format!("a form: {}", faults.places())))
}

/// Writes what was counted of the conference: seats taken, the last place among all registrations and the number of
/// the latest event. The condition is the update's own, with a CHECK behind it, so that no count in memory can be wrong
/// about seats.
pub fn count_on(
    connection: &mut Connection,
    conference: ConferenceId,
    before: &Standing,
    now: &Standing,
) -> Result<(), DatabaseError> {
    use registration_setups::dsl;
    let more = now.seats_taken - before.seats_taken;
    if more == 0 && (now.last_arrival, now.last_event) == (before.last_arrival, before.last_event) {
        return Ok(());
    }
    let fits = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let counted = diesel::update(registration_setups::table.find(conference).filter(fits))
        .set((
            dsl::seats_taken.eq(dsl::seats_taken + more),
            dsl::last_arrival.eq(now.last_arrival),
            dsl::last_event.eq(now.last_event),
        ))
        .execute(connection)?;
    counted_once(counted)
}

/// The number of the latest event of the conference's histories.
pub fn last_event(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    let of_conference = registration_setups::table.find(conference).select(registration_setups::last_event);
    Ok(of_conference.first(connection).optional()?.unwrap_or(0))
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

/// Who holds the lock has counted right; if not, nothing is written.
pub fn counted_once(rows: usize) -> Result<(), DatabaseError> {
    if rows == 1 { Ok(()) } else { Err(DatabaseError::Corrupt("seats were given that are not there".to_owned())) }
}
