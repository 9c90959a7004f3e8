//! Deciding, noting, and reading what was decided.

use std::collections::BTreeSet;

use super::store::{self, Decision, Note};
use crate::{
    access::{Actor, authorise},
    agenda::Place,
    clock,
    database::Connection,
    ids::RegistrationEventId,
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
    references: &BTreeSet<String>,
    reason: Option<&str>,
) -> Result<Vec<Decided>, RegistrationError> {
    let mut ledger = Ledger::open(connection, errand.place, errand.released)?;
    let actor = authorise(connection, errand.credentials, operation, Some(errand.place.id))?;
    let mut decided = Vec::with_capacity(references.len());
    for reference in references {
        let outcome = match rows::find(connection, errand.place.id, reference)? {
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
        decided.push(Decided { reference: reference.clone(), outcome });
    }
    ledger.close(connection)?;
    Ok(decided)
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

/// Notes something about a registration, for registrars alone.
///
/// # Errors
/// [`RegistrationError::Access`], [`RegistrationError::NotFound`].
pub fn note(
    connection: &mut Connection,
    errand: Errand<'_>,
    reference: &str,
    text: &str,
) -> Result<Note, RegistrationError> {
    let actor = authorise(connection, errand.credentials, "create_registration_note", Some(errand.place.id))?;
    let found = rows::find(connection, errand.place.id, reference)?.ok_or(RegistrationError::NotFound)?;
    Ok(store::add_note(connection, found.id, actor.name(), text, clock::now())?)
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
    before: Option<RegistrationEventId>,
    limit: i64,
) -> Result<Vec<Decision>, RegistrationError> {
    Ok(store::decisions(connection, place.id, before, limit)?)
}
