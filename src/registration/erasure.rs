//! Erasure: what was entered for an address that nobody verified in time is discarded, as the letter to that address
//! says. The registration keeps its reference, category, times and history, which are counted; whose it was is gone.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{RegistrationError, fields::PersonalDetails, model::Registration, rows, setup::Badge};
use crate::{
    agenda, clock,
    database::{
        Connection, Database, DatabaseError,
        schema::{possible_duplicates, registration_events, registration_notes, registrations},
        types::JsonValue,
    },
    ids::{ConferenceId, RegistrationEventId, RegistrationId},
    mail::{erase_messages, forget_bounces},
    registration::{form::Answers, model::RegistrationStatus},
};

/// Registrations in one transaction.
const BATCH_MAX: i64 = 200;

/// What the history keeps of an event, because other records are checked against it.
const KEPT_DETAIL: &str = "without_letter";

/// Erases what an older version kept of expired registrations.
///
/// # Errors
/// The store fails; what was erased before that stays erased.
pub async fn erase_expired(database: &Database) -> Result<(), RegistrationError> {
    for conference in database.read(agenda::actions::list).await? {
        while database.write("erase what expired", move |tx| erase_batch(tx, conference.id)).await? {}
    }
    Ok(())
}

/// Erases a batch of expired registrations; returns whether there may be more.
fn erase_batch(connection: &mut Connection, conference: ConferenceId) -> Result<bool, RegistrationError> {
    let ids: Vec<RegistrationId> = registrations::table
        .filter(registrations::conference_id.eq(conference))
        .filter(registrations::state.eq(RegistrationStatus::Expired))
        .filter(registrations::erased_at.is_null())
        .limit(BATCH_MAX)
        .select(registrations::id)
        .load(connection)
        .map_err(DatabaseError::from)?;
    let now = clock::now();
    for registration in rows::of_ids(connection, &ids)? {
        erase(connection, &registration, now)?;
    }
    Ok(!ids.is_empty())
}

/// Erases what was entered in an expired registration, and what was written because of it. The letter that says that
/// it expired is still sent, and erased after that.
pub fn erase(
    connection: &mut Connection,
    registration: &Registration,
    now: DateTime<Utc>,
) -> Result<(), RegistrationError> {
    let events = erase_history(connection, registration.id)?;
    let (conference, id) = (registration.conference, registration.id);
    diesel::delete(registration_notes::table.filter(registration_notes::registration_id.eq(id)))
        .execute(connection)
        .map_err(DatabaseError::from)?;
    let is_of_pair = possible_duplicates::registration_id.eq(id).or(possible_duplicates::earlier_id.eq(id));
    diesel::delete(possible_duplicates::table.filter(is_of_pair)).execute(connection).map_err(DatabaseError::from)?;
    if let Some(address) = &registration.person.email {
        erase_messages(connection, conference, id.uuid(), &events, address)?;
    }
    let mut erased = registration.clone();
    erased.person = PersonalDetails::erased(&registration.person.language);
    erased.answers = Answers::new();
    erased.badge = Badge::default();
    erased.salutation = None;
    erased.erased_at = Some(now);
    rows::update(connection, &erased)?;
    if let Some(address) = registration.person.address_folded()
        && !rows::has_address(connection, conference, &address)?
    {
        forget_bounces(connection, conference, &address)?;
    }
    Ok(())
}

/// Erases the details of a history, which quote what people wrote and chose; returns its events.
fn erase_history(
    connection: &mut Connection,
    registration: RegistrationId,
) -> Result<Vec<RegistrationEventId>, DatabaseError> {
    let of_registration = registration_events::table.filter(registration_events::registration_id.eq(registration));
    let events: Vec<(RegistrationEventId, Option<JsonValue>)> =
        of_registration.select((registration_events::id, registration_events::detail)).load(connection)?;
    for (event, detail) in &events {
        let Some(JsonValue(detail)) = detail else { continue };
        let kept = detail.get(KEPT_DETAIL).map(|value| JsonValue(serde_json::json!({ KEPT_DETAIL: value })));
        diesel::update(registration_events::table.find(event))
            .set(registration_events::detail.eq(kept))
            .execute(connection)?;
    }
    Ok(events.into_iter().map(|(event, _)| event).collect())
}
