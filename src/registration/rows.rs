//! Queries and rows of registrations and of their history.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{
    RegistrationError,
    field_values::StoredValue,
    fields::{Field, PersonalDetails, personal_fields},
    model::{ConsentGiven, ConsentRecord, Event, HistoryEntry, Registration, RegistrationStatus},
};
use crate::{
    database::{
        Connection, DatabaseError, ROWS_MAX, insert_all,
        schema::{registration_events, registrations},
        types::{DbInstant, JsonValue, text_enum_columns},
        violation::broken_constraint,
    },
    ids::{CategoryId, ConferenceId, InvitationId, RegistrationEventId, RegistrationId},
    validation,
    values::{EmailAddress, PersonName},
};

text_enum_columns!(ConsentGiven, Event, RegistrationStatus);

/// Whether anybody has ever registered in the category.
pub fn is_category_used(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let first: Option<RegistrationId> = registrations::table
        .filter(registrations::category_id.eq(category))
        .select(registrations::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// A value about a person, as a column of type `C` has it.
trait PersonalColumn<C>: Sized {
    fn into_column(self) -> C;
    /// `None` if the value of the column cannot be read.
    fn from_column(column: C) -> Option<Self>;
}

impl<T> PersonalColumn<T> for T {
    fn into_column(self) -> T {
        self
    }
    fn from_column(column: T) -> Option<T> {
        Some(column)
    }
}

impl PersonalColumn<Option<String>> for Option<EmailAddress> {
    fn into_column(self) -> Option<String> {
        self.map(|address| address.as_str().to_owned())
    }
    fn from_column(column: Option<String>) -> Option<Self> {
        match column {
            Some(address) => EmailAddress::parse_stored(&address).ok().map(Some),
            None => Some(None),
        }
    }
}

macro_rules! columns {
    ({} $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt { $column:ty } $answer:tt $field:tt
    })*) => {
        /// The columns of the data about a person.
        #[derive(Clone, Default, Queryable, QueryableByName, Selectable, Insertable, AsChangeset)]
        #[diesel(table_name = registrations, treat_none_as_null = true)]
        pub struct PersonalColumns { $(pub $name: $column),* }

        impl PersonalColumns {
            /// The value of a field as a text; `None` if the person gave none, or if it was erased.
            pub fn text(&self, field: &Field) -> Option<String> {
                match field.name {
                    $(stringify!($name) => StoredValue::text(&self.$name),)*
                    _ => None,
                }
            }
        }

        impl From<PersonalDetails> for PersonalColumns {
            fn from(person: PersonalDetails) -> Self {
                Self { $($name: person.$name.into_column()),* }
            }
        }

        impl TryFrom<PersonalColumns> for PersonalDetails {
            /// Name of the column whose value cannot be read.
            type Error = &'static str;
            fn try_from(columns: PersonalColumns) -> Result<Self, &'static str> {
                Ok(Self { $($name: PersonalColumn::from_column(columns.$name).ok_or(stringify!($name))?),* })
            }
        }
    };
}
personal_fields! { columns {} }

impl PersonalColumns {
    pub fn person_name(&self) -> PersonName<'_> {
        PersonName {
            honorific: self.honorific.as_deref(),
            given: self.given_name.as_deref(),
            family: self.family_name.as_deref(),
            whole: self.name.as_deref(),
        }
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = registrations, treat_none_as_null = true)]
struct Row {
    id: RegistrationId,
    conference_id: ConferenceId,
    category_id: CategoryId,
    reference: String,
    state: RegistrationStatus,
    arrival: i64,
    #[diesel(embed)]
    person: PersonalColumns,
    email_folded: Option<String>,
    consented_at: DbInstant,
    token_generation: i32,
    created_at: DbInstant,
    updated_at: DbInstant,
    answers: JsonValue,
    form_version: i32,
    expires_at: Option<DbInstant>,
    offer_expires_at: Option<DbInstant>,
    invitation_id: Option<InvitationId>,
    name_folded: String,
    badge: JsonValue,
    shares_mailbox: bool,
    erased_at: Option<DbInstant>,
    salutation: Option<JsonValue>,
    consent_given: ConsentGiven,
    consent_recorded_by: Option<String>,
    privacy_notice_version: Option<i32>,
}

impl From<&Registration> for Row {
    fn from(registration: &Registration) -> Self {
        let registration = registration.clone();
        Self {
            name_folded: registration.name_folded(),
            answers: JsonValue(serde_json::Value::Object(registration.answers)),
            form_version: registration.form_version,
            expires_at: registration.expires_at.map(DbInstant),
            offer_expires_at: registration.offer_expires_at.map(DbInstant),
            invitation_id: registration.invitation,
            erased_at: registration.erased_at.map(DbInstant),
            // A map of texts always serialises.
            salutation: registration.salutation.map(|lines| JsonValue(serde_json::to_value(lines).unwrap_or_default())),
            // A badge always serialises.
            badge: JsonValue(serde_json::to_value(&registration.badge).unwrap_or_default()),
            shares_mailbox: registration.shares_mailbox,
            consent_given: registration.consent.given,
            consent_recorded_by: registration.consent.recorded_by,
            privacy_notice_version: registration.privacy_notice_version,
            id: registration.id,
            conference_id: registration.conference,
            category_id: registration.category,
            reference: registration.reference,
            state: registration.state,
            arrival: registration.arrival,
            email_folded: registration.person.address_folded(),
            person: registration.person.into(),
            consented_at: DbInstant(registration.consented_at),
            token_generation: registration.token_generation,
            created_at: DbInstant(registration.created_at),
            updated_at: DbInstant(registration.updated_at),
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
            state: row.state,
            reference: row.reference,
            arrival: row.arrival,
            person: row.person.try_into().map_err(corrupt)?,
            consented_at: row.consented_at.0,
            consent: ConsentRecord { given: row.consent_given, recorded_by: row.consent_recorded_by },
            privacy_notice_version: row.privacy_notice_version,
            token_generation: row.token_generation,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            answers: match row.answers.0 {
                serde_json::Value::Object(answers) => answers,
                _ => return Err(corrupt("answers")),
            },
            form_version: row.form_version,
            expires_at: row.expires_at.map(|DbInstant(at)| at),
            offer_expires_at: row.offer_expires_at.map(|DbInstant(at)| at),
            invitation: row.invitation_id,
            erased_at: row.erased_at.map(|DbInstant(at)| at),
            salutation: row
                .salutation
                .map(|JsonValue(lines)| validation::read(lines))
                .transpose()
                .map_err(|_| corrupt("salutation"))?,
            badge: validation::read(row.badge.0).map_err(|_| corrupt("badge"))?,
            shares_mailbox: row.shares_mailbox,
        })
    }
}

/// Inserts registrations.
///
/// # Errors
/// [`RegistrationError::AlreadyRegistered`], [`RegistrationError::NameRegistered`] or
/// [`RegistrationError::ReferenceTaken`] if a unique index refuses a row.
pub fn insert(connection: &mut Connection, registrations: &[Registration]) -> Result<(), RegistrationError> {
    let rows: Vec<Row> = registrations.iter().map(Row::from).collect();
    insert_rows(connection, &rows).map_err(constraint_error)
}

fn insert_rows(connection: &mut Connection, rows: &[Row]) -> Result<(), DatabaseError> {
    insert_all!(connection, registrations::table, rows);
    Ok(())
}

fn constraint_error(error: DatabaseError) -> RegistrationError {
    match broken_constraint(&error) {
        Some("registrations_live_email_key") => RegistrationError::AlreadyRegistered,
        Some("registrations_live_person_key") => RegistrationError::NameRegistered,
        Some("registrations_reference_key") => RegistrationError::ReferenceTaken,
        _ => error.into(),
    }
}

/// Saves every field of a registration.
///
/// # Errors
/// [`RegistrationError::AlreadyRegistered`] or [`RegistrationError::NameRegistered`] if a unique index says that the
/// person is registered already.
pub fn update(connection: &mut Connection, registration: &Registration) -> Result<(), RegistrationError> {
    diesel::update(registrations::table.find(registration.id))
        .set(Row::from(registration))
        .execute(connection)
        .map_err(|error| constraint_error(error.into()))?;
    Ok(())
}

/// The live registrations with these folded addresses.
pub fn find_live_by_addresses(
    connection: &mut Connection,
    conference: ConferenceId,
    addresses: &[String],
) -> Result<Vec<Registration>, DatabaseError> {
    let mut registrations = Vec::new();
    for chunk in addresses.chunks(ROWS_MAX) {
        let rows: Vec<Row> = registrations::table
            .filter(registrations::conference_id.eq(conference))
            .filter(registrations::email_folded.eq_any(chunk))
            .filter(registrations::state.eq_any(RegistrationStatus::LIVE))
            .select(Row::as_select())
            .load(connection)?;
        for row in rows {
            registrations.push(Registration::try_from(row)?);
        }
    }
    Ok(registrations)
}

/// The registrations with these ids, in the order of arrival.
pub fn of_ids(connection: &mut Connection, ids: &[RegistrationId]) -> Result<Vec<Registration>, DatabaseError> {
    let rows: Vec<Row> = registrations::table
        .filter(registrations::id.eq_any(ids))
        .order(registrations::arrival)
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter().map(Registration::try_from).collect()
}

pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    reference: &str,
) -> Result<Option<Registration>, DatabaseError> {
    // PostgreSQL refuses a text with a NUL; a reference has no other characters than these anyway.
    if !reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(None);
    }
    let row: Option<Row> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::reference.eq(reference))
        .select(Row::as_select())
        .first(connection)
        .optional()?;
    row.map(Registration::try_from).transpose()
}

/// Whether a registration, in whatever state, has this address (folded).
pub fn has_address(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_address: &str,
) -> Result<bool, DatabaseError> {
    let first: Option<RegistrationId> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::email_folded.eq(folded_address))
        .select(registrations::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// The first registration on the category's waiting list that has no offer.
pub fn first_waiting(connection: &mut Connection, category: CategoryId) -> Result<Option<Registration>, DatabaseError> {
    let row: Option<Row> = registrations::table
        .filter(registrations::category_id.eq(category))
        .filter(registrations::state.eq(RegistrationStatus::Waitlisted))
        .filter(registrations::offer_expires_at.is_null())
        .order(registrations::arrival)
        .select(Row::as_select())
        .first(connection)
        .optional()?;
    row.map(Registration::try_from).transpose()
}

/// The number of registrations on the category's waiting list without an offer, up to and including `arrival`.
pub fn count_waiting_until(
    connection: &mut Connection,
    category: CategoryId,
    arrival: i64,
) -> Result<i64, DatabaseError> {
    Ok(registrations::table
        .filter(registrations::category_id.eq(category))
        .filter(registrations::state.eq(RegistrationStatus::Waitlisted))
        .filter(registrations::offer_expires_at.is_null())
        .filter(registrations::arrival.le(arrival))
        .count()
        .get_result(connection)?)
}

/// Registrations of a conference whose names are not folded, after `last` in the order of ids.
pub fn find_unfolded(
    connection: &mut Connection,
    conference: ConferenceId,
    last: Option<RegistrationId>,
    limit: i64,
) -> Result<Vec<(RegistrationId, PersonalColumns)>, DatabaseError> {
    // The nil id is smaller than every other.
    let after = last.unwrap_or(RegistrationId::from_uuid(uuid::Uuid::nil()));
    Ok(registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::name_folded.eq(""))
        .filter(registrations::id.gt(after))
        .order(registrations::id)
        .limit(limit)
        .select((registrations::id, PersonalColumns::as_select()))
        .load(connection)?)
}

/// Saves a folded name, unless somebody changed the name meanwhile, which folds it too. Returns the number of rows
/// written.
pub fn fold_name(connection: &mut Connection, id: RegistrationId, folded: &str) -> Result<usize, DatabaseError> {
    let row = registrations::table.find(id).filter(registrations::name_folded.eq(""));
    Ok(diesel::update(row).set(registrations::name_folded.eq(folded)).execute(connection)?)
}

#[derive(Debug, Insertable)]
#[diesel(table_name = registration_events)]
pub struct EventRow {
    pub id: RegistrationEventId,
    pub conference_id: ConferenceId,
    pub registration_id: RegistrationId,
    /// The event's number among all events of the conference.
    pub sequence: i64,
    pub at: DbInstant,
    pub actor: String,
    pub event: Event,
    pub state: RegistrationStatus,
    pub detail: Option<JsonValue>,
}

/// Inserts events.
pub fn insert_events(connection: &mut Connection, events: &[EventRow]) -> Result<(), DatabaseError> {
    insert_all!(connection, registration_events::table, events);
    Ok(())
}

/// The time of the latest event of each registration.
pub fn latest_instants(
    connection: &mut Connection,
    ids: &[RegistrationId],
) -> Result<HashMap<RegistrationId, DateTime<Utc>>, DatabaseError> {
    let mut latest = HashMap::new();
    for chunk in ids.chunks(ROWS_MAX) {
        let rows: Vec<(RegistrationId, DbInstant)> = registration_events::table
            .filter(registration_events::registration_id.eq_any(chunk))
            .order(registration_events::sequence)
            .select((registration_events::registration_id, registration_events::at))
            .load(connection)?;
        latest.extend(rows.into_iter().map(|(registration, DbInstant(at))| (registration, at)));
    }
    Ok(latest)
}

pub fn count_events(connection: &mut Connection, registration: RegistrationId) -> Result<i64, DatabaseError> {
    Ok(registration_events::table
        .filter(registration_events::registration_id.eq(registration))
        .count()
        .get_result(connection)?)
}

/// The history of a registration, the oldest event first.
pub fn history(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<HistoryEntry>, DatabaseError> {
    type Columns = (DbInstant, String, Event, RegistrationStatus, Option<JsonValue>);
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
    let entry = |(DbInstant(at), actor, event, state, detail): Columns| HistoryEntry {
        at,
        actor,
        event,
        state,
        detail: detail.map(|JsonValue(detail)| detail),
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Whether anybody has ever registered for the conference.
pub fn has_registrations(connection: &mut Connection, conference: ConferenceId) -> Result<bool, DatabaseError> {
    let of_conference = registrations::table.filter(registrations::conference_id.eq(conference));
    let count: i64 = of_conference.count().get_result(connection)?;
    Ok(count > 0)
}

/// Registrations due for expiry at `now`: those whose address was not verified in time, and those whose offer has
/// expired; at most `limit` of each.
pub fn due_for_expiry(
    connection: &mut Connection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(RegistrationId, ConferenceId)>, DatabaseError> {
    let unverified: Vec<(RegistrationId, ConferenceId)> = registrations::table
        .filter(registrations::state.eq(RegistrationStatus::Unverified))
        .filter(registrations::expires_at.le(DbInstant(now)))
        .order(registrations::expires_at)
        .limit(limit)
        .select((registrations::id, registrations::conference_id))
        .load(connection)?;
    let offered: Vec<(RegistrationId, ConferenceId)> = registrations::table
        .filter(registrations::offer_expires_at.le(DbInstant(now)))
        .order(registrations::offer_expires_at)
        .limit(limit)
        .select((registrations::id, registrations::conference_id))
        .load(connection)?;
    Ok(unverified.into_iter().chain(offered).collect())
}
