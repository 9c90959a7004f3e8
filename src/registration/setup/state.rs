//! The stored set-up, with the seats that are taken.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Badge, Category, CheckInSetup, Setup, VERIFICATION_HOURS};
use crate::{
    agenda::{Agenda, document::Session, model::utc},
    database::{
        Connection, DatabaseError,
        schema::{categories, conferences, registration_forms, registration_setups},
        types::{DbInstant, JsonValue},
    },
    ids::{CategoryId, ConferenceId},
    mail::read_letter_settings,
    registration::{
        RegistrationError,
        form::Question,
        model::is_open,
        person_fields::{CategoryFields, FieldRules},
    },
    validation,
    values::{Code, Count, LocalOrInstant, Localised, TextValue, TimeZone},
};

/// The set-up of a conference, with the seats that are taken.
#[derive(Debug, Clone)]
pub struct SetupState {
    /// Whether people can register, within the opening times.
    pub enabled: bool,
    /// What the forms of all categories ask about the person.
    pub fields: FieldRules,
    pub seats: Option<i64>,
    pub seats_taken: i64,
    pub opens_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    pub open_after_end: bool,
    pub check_in_opens_at: Option<DateTime<Utc>>,
    pub last_arrival: i64,
    /// The number of the latest event in all histories of the conference.
    pub last_event: i64,
    pub form_version: i32,
    pub verification_hours: i32,
    /// The number of the release from which the seats of sessions were taken.
    pub sessions_release: i32,
    pub categories: Vec<CategoryState>,
    letters: serde_json::Value,
    questions: serde_json::Value,
}

/// A category, with the seats that are taken.
#[derive(Debug, Clone)]
pub struct CategoryState {
    pub id: CategoryId,
    pub code: Code,
    pub name: Localised,
    pub description: Option<Localised>,
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
    pub shared_mailbox: bool,
    /// What the form asks about the person where it differs from all categories.
    pub fields: FieldRules,
}

impl SetupState {
    pub fn has_free_seat(&self) -> bool {
        self.seats.is_none_or(|seats| self.seats_taken < seats)
    }

    pub fn category(&self, code: &str) -> Option<&CategoryState> {
        self.categories.iter().find(|category| category.code.as_str() == code)
    }

    pub fn category_by_id(&self, id: CategoryId) -> Option<&CategoryState> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The set-up as somebody sees it who has an invitation to this category, or to none: to others, a hidden category
    /// is one that does not exist.
    pub fn seen_with(&self, invited: Option<CategoryId>) -> Self {
        let mut seen = self.clone();
        seen.categories.retain(|category| !category.hidden || Some(category.id) == invited);
        seen
    }

    /// The category of something that is stored: a category in use cannot be removed.
    ///
    /// # Errors
    /// [`DatabaseError::Corrupt`] if there is no such category.
    pub fn get_category(&self, id: CategoryId) -> Result<&CategoryState, DatabaseError> {
        self.category_by_id(id).ok_or_else(|| DatabaseError::missing(format_args!("category {id}")))
    }

    /// Whether any category verifies addresses: then no answer may say whether an address was known.
    pub fn verifies_emails(&self) -> bool {
        self.categories.iter().any(|category| category.verifies_email)
    }

    /// The end of the conference, from which on nobody is registered, promoted, offered a seat or confirmed; `None` if
    /// registration goes on after it.
    pub fn ends_at(&self, agenda: &Agenda) -> Option<DateTime<Utc>> {
        (!self.open_after_end).then(|| agenda.ends_at())
    }

    /// Whether the conference is over, and registration with it.
    pub fn is_over(&self, agenda: &Agenda, now: DateTime<Utc>) -> bool {
        self.ends_at(agenda).is_some_and(|ends_at| ends_at <= now)
    }

    /// Whether a session has ended, so that nobody can sign up for it any more.
    pub fn is_session_over(&self, session: &Session, now: DateTime<Utc>) -> bool {
        !self.open_after_end && utc(session.ends_at) <= now
    }

    /// Whether new registrations in the category are accepted at `now`.
    pub fn is_open(&self, category: &CategoryState, agenda: &Agenda, now: DateTime<Utc>) -> bool {
        self.enabled
            && is_open(now, self.opens_at, self.closes_at)
            && is_open(now, category.opens_at, category.closes_at)
            && is_open(now, None, self.ends_at(agenda))
    }

    /// Why the category takes no registrations at `now`.
    pub fn closed_error(&self, category: &CategoryState, agenda: &Agenda, now: DateTime<Utc>) -> RegistrationError {
        if !self.enabled {
            return RegistrationError::NotEnabled;
        }
        let opens = [self.opens_at, category.opens_at].into_iter().flatten().max();
        RegistrationError::Closed { opens_at: opens.filter(|opens| now < *opens), is_over: self.is_over(agenda, now) }
    }

    /// What the form of the category asks about the person.
    pub fn fields_of<'a>(&'a self, category: &'a CategoryState) -> CategoryFields<'a> {
        CategoryFields { of_all: &self.fields, of_category: &category.fields }
    }

    pub fn questions(&self) -> Result<Vec<Question>, DatabaseError> {
        validation::read(self.questions.clone())
            .map_err(|errors| DatabaseError::Corrupt(format!("a form: {}", errors.summary())))
    }
}

impl CategoryState {
    pub fn has_free_seat(&self) -> bool {
        self.seats.is_none_or(|seats| self.seats_taken < seats)
    }
}

#[derive(Queryable)]
struct SetupRow {
    enabled: bool,
    fields: JsonValue,
    seats: Option<i64>,
    seats_taken: i64,
    opens_at: Option<DbInstant>,
    closes_at: Option<DbInstant>,
    last_arrival: i64,
    form_version: i32,
    verification_hours: i32,
    sessions_release: i32,
    last_event: i64,
    open_after_end: bool,
    check_in_opens_at: Option<DbInstant>,
    letters: JsonValue,
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
    opens_at: Option<DbInstant>,
    closes_at: Option<DbInstant>,
    needs_approval: bool,
    needs_invitation: bool,
    verifies_email: bool,
    hidden: bool,
    waiting_list: bool,
    offer_hours: Option<i32>,
    badge: JsonValue,
    shared_mailbox: bool,
    description: Option<JsonValue>,
    fields: JsonValue,
}

impl TryFrom<CategoryRow> for CategoryState {
    type Error = DatabaseError;
    fn try_from(row: CategoryRow) -> Result<Self, DatabaseError> {
        let corrupt = |detail| DatabaseError::Corrupt(format!("category {}: {detail}", row.id));
        Ok(Self {
            id: row.id,
            code: Code::parse(&row.code).map_err(|error| corrupt(error.detail))?,
            name: validation::read(row.name.0).map_err(|errors| corrupt(errors.summary()))?,
            badge: validation::read(row.badge.0).map_err(|errors| corrupt(errors.summary()))?,
            description: row
                .description
                .map(|JsonValue(text)| validation::read(text))
                .transpose()
                .map_err(|errors| corrupt(errors.summary()))?,
            fields: validation::read(row.fields.0).map_err(|errors| corrupt(errors.summary()))?,
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
            shared_mailbox: row.shared_mailbox,
        })
    }
}

fn instant(DbInstant(instant): DbInstant) -> DateTime<Utc> {
    instant
}

pub fn find_setup_state(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Option<SetupState>, DatabaseError> {
    let setup: Option<SetupRow> = registration_setups::table
        .find(conference)
        .select((
            registration_setups::enabled,
            registration_setups::fields,
            registration_setups::seats,
            registration_setups::seats_taken,
            registration_setups::opens_at,
            registration_setups::closes_at,
            registration_setups::last_arrival,
            registration_setups::form_version,
            registration_setups::verification_hours,
            registration_setups::sessions_release,
            registration_setups::last_event,
            registration_setups::open_after_end,
            registration_setups::check_in_opens_at,
            registration_setups::letters,
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
    Ok(Some(SetupState {
        enabled: setup.enabled,
        fields: validation::read(setup.fields.0)
            .map_err(|errors| DatabaseError::Corrupt(format!("the fields of a form: {}", errors.summary())))?,
        seats: setup.seats,
        seats_taken: setup.seats_taken,
        opens_at: setup.opens_at.map(instant),
        closes_at: setup.closes_at.map(instant),
        open_after_end: setup.open_after_end,
        check_in_opens_at: setup.check_in_opens_at.map(instant),
        last_arrival: setup.last_arrival,
        last_event: setup.last_event,
        form_version: setup.form_version,
        verification_hours: setup.verification_hours,
        sessions_release: setup.sessions_release,
        categories: rows.into_iter().map(CategoryState::try_from).collect::<Result<_, _>>()?,
        letters: setup.letters.0,
        questions: setup.questions.0,
    }))
}

/// The set-up of a conference of which a release was read.
///
/// # Errors
/// [`RegistrationError::NoConference`] if the conference was deleted since; [`DatabaseError::Corrupt`] if it has no
/// set-up: each conference gets one when it is created.
pub fn get_setup_state(connection: &mut Connection, conference: ConferenceId) -> Result<SetupState, RegistrationError> {
    let setup_state = find_setup_state(connection, conference)?;
    setup_state.map_or_else(|| Err(missing_setup_error(connection, conference)?), Ok)
}

/// Like [`get_setup_state`], with the lock of [`lock_setup`].
///
/// # Errors
/// Those of [`get_setup_state`].
pub fn get_locked_setup(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<SetupState, RegistrationError> {
    let setup_state = lock_setup(connection, conference)?;
    setup_state.map_or_else(|| Err(missing_setup_error(connection, conference)?), Ok)
}

fn missing_setup_error(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<RegistrationError, DatabaseError> {
    let row = conferences::table.find(conference).select(conferences::id);
    let existing: Option<ConferenceId> = row.first(connection).optional()?;
    Ok(match existing {
        Some(id) => DatabaseError::missing(format_args!("the registration set-up of conference {id}")).into(),
        None => RegistrationError::NoConference,
    })
}

/// Locks the set-up until the transaction ends: only the holder of this lock gives, frees and counts seats.
pub fn lock_setup(connection: &mut Connection, conference: ConferenceId) -> Result<Option<SetupState>, DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => {
            registration_setups::table
                .find(conference)
                .select(registration_setups::conference_id)
                .for_no_key_update()
                .first::<ConferenceId>(inner)
                .optional()?;
        }
        // A write transaction locks the whole SQLite database.
        Connection::Sqlite(_) => {}
    }
    find_setup_state(connection, conference)
}

/// The set-up as the document of the API and of blueprints; times are in `zone`.
pub fn document(setup_state: &SetupState, zone: TimeZone) -> Result<Setup, DatabaseError> {
    let count = |seats: Option<i64>| seats.and_then(|seats| u32::try_from(seats).ok()).map(Count);
    let hours = |hours: i32| u32::try_from(hours).ok().map(Count);
    let local_time =
        |instant: Option<DateTime<Utc>>| instant.map(|instant| LocalOrInstant::Instant(zone.local(instant)));
    let category = |category: &CategoryState| Category {
        id: Some(category.id),
        code: category.code.clone(),
        name: category.name.clone(),
        description: category.description.clone(),
        seats: count(category.seats),
        opens_at: local_time(category.opens_at),
        closes_at: local_time(category.closes_at),
        needs_approval: category.needs_approval,
        needs_invitation: category.needs_invitation,
        verifies_email: category.verifies_email,
        hidden: category.hidden,
        waiting_list: category.waiting_list,
        offer_hours: category.offer_hours.and_then(hours),
        badge: category.badge.clone(),
        shared_mailbox: category.shared_mailbox,
        fields: category.fields.clone(),
    };
    let is_not_default = |Count(hours): &Count<1>| *hours != VERIFICATION_HOURS;
    Ok(Setup {
        enabled: setup_state.enabled,
        fields: setup_state.fields.clone(),
        seats: count(setup_state.seats),
        opens_at: local_time(setup_state.opens_at),
        closes_at: local_time(setup_state.closes_at),
        open_after_end: setup_state.open_after_end,
        check_in: CheckInSetup { opens_at: local_time(setup_state.check_in_opens_at) },
        verification_hours: hours(setup_state.verification_hours).filter(is_not_default),
        letters: read_letter_settings(setup_state.letters.clone())?,
        categories: setup_state.categories.iter().map(category).collect(),
        questions: setup_state.questions()?,
    })
}

/// Saves the set-up. The caller has checked that no limit is below the seats taken and that no category in use is
/// removed.
pub fn save(
    connection: &mut Connection,
    conference: ConferenceId,
    before: Option<&SetupState>,
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
        registration_setups::enabled.eq(setup.enabled),
        registration_setups::fields.eq(JsonValue(to_value(&setup.fields)?)),
        registration_setups::seats.eq(seats(setup.seats)),
        registration_setups::opens_at.eq(setup.opens_at.map(utc).map(DbInstant)),
        registration_setups::closes_at.eq(setup.closes_at.map(utc).map(DbInstant)),
        registration_setups::open_after_end.eq(setup.open_after_end),
        registration_setups::check_in_opens_at.eq(setup.check_in.opens_at.map(utc).map(DbInstant)),
        registration_setups::verification_hours
            .eq(hours(setup.verification_hours.unwrap_or(Count(VERIFICATION_HOURS)))),
        registration_setups::form_version.eq(version),
        registration_setups::letters.eq(JsonValue(to_value(&setup.letters)?)),
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
    let old_categories = before.map_or(&[][..], |setup_state| &setup_state.categories);
    let new_ids: Vec<_> = setup.categories.iter().filter_map(|category| category.id).collect();
    for old in old_categories {
        if new_ids.contains(&old.id) {
            // Frees the code: another category may get it before this one gets its new code.
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
            categories::opens_at.eq(category.opens_at.map(utc).map(DbInstant)),
            categories::closes_at.eq(category.closes_at.map(utc).map(DbInstant)),
            categories::needs_approval.eq(category.needs_approval),
            categories::needs_invitation.eq(category.needs_invitation),
            categories::verifies_email.eq(category.verifies_email),
            categories::hidden.eq(category.hidden),
            categories::waiting_list.eq(category.waiting_list),
            categories::offer_hours.eq(category.offer_hours.map(hours)),
            categories::badge.eq(JsonValue(to_value(&category.badge)?)),
            categories::shared_mailbox.eq(category.shared_mailbox),
            categories::description.eq(category.description.as_ref().map(to_value).transpose()?.map(JsonValue)),
            categories::fields.eq(JsonValue(to_value(&category.fields)?)),
        );
        if old_categories.iter().any(|old| old.id == id) {
            diesel::update(categories::table.find(id)).set(row).execute(connection)?;
        } else {
            let ids = (categories::id.eq(id), categories::conference_id.eq(conference), categories::seats_taken.eq(0));
            diesel::insert_into(categories::table).values((ids, row)).execute(connection)?;
        }
    }
    Ok(())
}

fn to_value(value: &impl serde::Serialize) -> Result<serde_json::Value, DatabaseError> {
    serde_json::to_value(value).map_err(|error| DatabaseError::Corrupt(error.to_string()))
}

/// The questions of a version of the form, to show earlier answers with.
pub fn questions_of_version(
    connection: &mut Connection,
    conference: ConferenceId,
    version: i32,
) -> Result<Vec<Question>, DatabaseError> {
    let stored: Option<JsonValue> = registration_forms::table
        .find((conference, version))
        .select(registration_forms::questions)
        .first(connection)
        .optional()?;
    let questions = stored.map_or_else(|| serde_json::json!([]), |JsonValue(questions)| questions);
    validation::read(questions).map_err(|errors| DatabaseError::Corrupt(format!("a form: {}", errors.summary())))
}

/// Writes the counters of the conference: seats taken, the last arrival number and the number of the latest event. The
/// update itself checks the limit, with a CHECK constraint behind it, so that a wrong count in memory cannot give too
/// many seats.
pub fn save_counters(
    connection: &mut Connection,
    conference: ConferenceId,
    before: &SetupState,
    now: &SetupState,
) -> Result<(), DatabaseError> {
    use registration_setups::dsl;
    let added_seats = now.seats_taken - before.seats_taken;
    if added_seats == 0 && (now.last_arrival, now.last_event) == (before.last_arrival, before.last_event) {
        return Ok(());
    }
    let is_within_limit = dsl::seats.is_null().or((dsl::seats_taken + added_seats).nullable().le(dsl::seats));
    let updated = diesel::update(registration_setups::table.find(conference).filter(is_within_limit))
        .set((
            dsl::seats_taken.eq(dsl::seats_taken + added_seats),
            dsl::last_arrival.eq(now.last_arrival),
            dsl::last_event.eq(now.last_event),
        ))
        .execute(connection)?;
    ensure_counted(updated)
}

/// The time from which badges are checked in before the first day of the conference.
pub fn check_in_opens_at(
    connection: &mut Connection,
    conference: ConferenceId,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let of_conference = registration_setups::table.find(conference).select(registration_setups::check_in_opens_at);
    let opens_at: Option<Option<DbInstant>> = of_conference.first(connection).optional()?;
    Ok(opens_at.flatten().map(instant))
}

/// The number of the latest event in all histories of the conference.
pub fn last_event(connection: &mut Connection, conference: ConferenceId) -> Result<i64, DatabaseError> {
    let of_conference = registration_setups::table.find(conference).select(registration_setups::last_event);
    Ok(of_conference.first(connection).optional()?.unwrap_or(0))
}

/// Adds `more` to the seats taken of a category, within its limit.
pub fn add_taken_of_category(
    connection: &mut Connection,
    category: CategoryId,
    more: i64,
) -> Result<(), DatabaseError> {
    use categories::dsl;
    let is_within_limit = dsl::seats.is_null().or((dsl::seats_taken + more).nullable().le(dsl::seats));
    let updated = diesel::update(categories::table.find(category).filter(is_within_limit))
        .set(dsl::seats_taken.eq(dsl::seats_taken + more))
        .execute(connection)?;
    ensure_counted(updated)
}

/// Checks that the guarded update found its row: if not, the count is wrong and nothing may be committed.
pub fn ensure_counted(rows: usize) -> Result<(), DatabaseError> {
    if rows == 1 { Ok(()) } else { Err(DatabaseError::Corrupt("more seats were given than there are".to_owned())) }
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError as _, http::StatusCode};

    use super::*;
    use crate::{
        http::{Problem, problem::UNEXPECTED},
        ids::Id,
    };

    #[test]
    fn a_category_that_is_gone_is_an_error_of_the_store_and_no_404() {
        let setup_state = SetupState {
            enabled: true,
            fields: FieldRules::default(),
            seats: None,
            seats_taken: 0,
            opens_at: None,
            closes_at: None,
            open_after_end: false,
            check_in_opens_at: None,
            last_arrival: 0,
            last_event: 0,
            form_version: 1,
            verification_hours: 48,
            sessions_release: 0,
            categories: Vec::new(),
            letters: serde_json::json!({}),
            questions: serde_json::json!([]),
        };
        let error = setup_state.get_category(Id::new()).unwrap_err();
        assert!(matches!(error, DatabaseError::Corrupt(_)));
        let problem = Problem::from(RegistrationError::from(error));
        assert!(problem.is(&UNEXPECTED));
        assert_eq!(problem.status_code(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem.document(None)["detail"], serde_json::Value::Null);
        assert!(problem.source_chain().unwrap().contains("category"));
    }
}
