//! Deciding, noting, and reading what was decided.

use serde_json::json;

use super::store::{self, Decision, Note};
use crate::{
    access::{Actor, authorise},
    agenda::Place,
    clock,
    database::Connection,
    http::idempotency::{IdempotencyKey, make_once},
    registration::{
        RegistrationError,
        actions::{Errand, leave},
        ledger::{Ledger, Remark},
        model::{Event, Registration, State},
        store as rows,
    },
};

/// What became of one registration of a bulk.
pub struct Decided {
    /// As it was named.
    pub reference: String,
    /// Whether anything changed, and where it stands now; or why it could not be decided.
    pub outcome: Result<(bool, State), RegistrationError>,
}

/// Decides about registrations, each by itself: approves, rejects or revokes. `references` holds each once.
///
/// # Errors
/// [`RegistrationError::Access`]; the store fails: then nothing was decided.
pub fn decide(
    connection: &mut Connection,
    errand: Errand<'_>,
    operation: &str,
    event: Event,
    references: &[String],
    reason: Option<&str>,
) -> Result<Vec<Decided>, RegistrationError> {
    let mut ledger = Ledger::open(connection, errand.place, errand.released)?;
    let actor = authorise(connection, errand.credentials, operation, Some(errand.place.id))?;
    let mut named = Vec::with_capacity(references.len());
    for (place, reference) in references.iter().enumerate() {
        named.push((place, reference, rows::find(connection, errand.place.id, reference)?));
    }
    // Who came first is seated first, however they were named.
    named.sort_by_key(|(.., found)| found.as_ref().map(|registration| registration.arrival));
    let mut decided = Vec::with_capacity(references.len());
    for (place, reference, found) in named {
        let outcome = match found {
            Some(registration) => decide_one(connection, &mut ledger, event, registration, (&actor, reason)),
            None => Err(RegistrationError::NotFound),
        };
        let outcome = match outcome {
            Ok(done) => Ok(done),
            Err(error @ (RegistrationError::NotFound | RegistrationError::WrongState(_) | RegistrationError::Full)) => {
                Err(error)
            }
            // What is not about this one registration undoes all of it.
            Err(error) => return Err(error),
        };
        decided.push((place, Decided { reference: reference.clone(), outcome }));
    }
    ledger.close(connection)?;
    decided.sort_by_key(|(place, _)| *place);
    Ok(decided.into_iter().map(|(_, decided)| decided).collect())
}

fn decide_one(
    connection: &mut Connection,
    ledger: &mut Ledger<'_>,
    event: Event,
    mut registration: Registration,
    (actor, reason): (&Actor, Option<&str>),
) -> Result<(bool, State), RegistrationError> {
    if store::is_done(event, registration.state) {
        return Ok((false, registration.state));
    }
    let reason = reason.map(str::to_owned);
    match event {
        Event::Rejected | Event::Revoked => {
            let before = registration.state;
            let state = if event == Event::Rejected { before.rejected()? } else { before.revoked()? };
            leave(connection, ledger, &mut registration, state, (event, actor, reason))?;
        }
        _ => {
            registration.state.approved()?;
            ledger.admit(connection, &mut registration, true)?;
            ledger.save(connection, &mut registration)?;
            ledger.note(&registration, event, actor, Remark { reason, ..Remark::default() });
        }
    }
    Ok((true, registration.state))
}

/// Notes something about a registration, for registrars alone; once for the key.
///
/// # Errors
/// [`RegistrationError::Access`], [`RegistrationError::NotFound`].
pub fn note(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    text: &str,
    key: &IdempotencyKey,
) -> Result<Note, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "create_registration_note", Some(errand.place.id))?;
    let found = rows::find(connection, errand.place.id, reference)?.ok_or(RegistrationError::NotFound)?;
    let scope = (errand.place.id.to_string(), actor.identity());
    let made = make_once(connection, key, (&scope.0, &scope.1), &json!(text), |tx| {
        Ok::<_, RegistrationError>(store::add_note(tx, found.id, actor.name(), text, clock::now())?.id.to_string())
    })?;
    let note = store::notes(connection, found.id)?.into_iter().find(|note| note.id.to_string() == made);
    note.ok_or(RegistrationError::NoThing("note"))
}

/// The notes about a registration, the oldest first.
///
/// # Errors
/// [`RegistrationError::Access`], [`RegistrationError::NotFound`].
pub fn notes(connection: &mut Connection, errand: Errand<'_>, reference: &str) -> Result<Vec<Note>, RegistrationError> {
    authorise(connection, errand.credentials, "list_registration_notes", Some(errand.place.id))?;
    let found = rows::find(connection, errand.place.id, reference)?.ok_or(RegistrationError::NotFound)?;
    Ok(store::notes(connection, found.id)?)
}

/// What was decided, the latest first.
///
/// # Errors
/// The store fails.
pub fn log(
    connection: &mut Connection,
    place: &Place,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Decision>, RegistrationError> {
    Ok(store::decisions(connection, place.id, before, limit)?)
}
