//! Use cases: decisions, notes, and the log of decisions.

use serde_json::json;

use super::store::{self, Decision, Note};
use crate::{
    access::{Actor, Operation, authorise},
    agenda::ConferenceRef,
    clock,
    database::{Connection, DatabaseError, Retry},
    http::idempotency::IdempotencyKey,
    registration::{
        RegistrationError,
        actions::{Ending, end_registration},
        context::RequestContext,
        model::{Event, Registration, RegistrationStatus},
        pending_event::EventDetails,
        rows,
        seat_transaction::SeatTransaction,
    },
};

/// Why a bulk of decisions wrote nothing.
pub enum NothingDecided {
    /// It was a dry run, with these results.
    DryRun(Vec<DecisionResult>),
    /// Any other error.
    Failed(RegistrationError),
}

impl<E> From<E> for NothingDecided
where
    RegistrationError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Retry for NothingDecided {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Failed(error) if error.may_retry())
    }
}

/// Result for one registration of a bulk.
pub struct DecisionResult {
    /// As in the request.
    pub reference: String,
    /// Whether it changed, and its status now.
    pub outcome: Result<(bool, RegistrationStatus), RegistrationError>,
}

/// Approves, rejects, revokes or cancels registrations, each by itself. `references` has no duplicates.
///
/// # Errors
/// [`RegistrationError::Access`]; [`RegistrationError::ConferenceOver`] for an approval; any error that is not about
/// one registration rolls all of them back.
pub fn decide(
    connection: &mut Connection,
    context: RequestContext<'_>,
    operation: Operation,
    event: Event,
    references: &[String],
    reason: Option<&str>,
) -> Result<Vec<DecisionResult>, RegistrationError> {
    let mut transaction = SeatTransaction::open(connection, context.conference, context.released)?;
    let actor = authorise(connection, context.credentials, operation, Some(context.conference.id))?;
    let mut requested = Vec::with_capacity(references.len());
    for (index, reference) in references.iter().enumerate() {
        requested.push((index, reference, rows::find(connection, context.conference.id, reference)?));
    }
    // Seats go by arrival, whatever the order of the request.
    requested.sort_by_key(|(.., registration)| registration.as_ref().map(|registration| registration.arrival));
    let mut results = Vec::with_capacity(references.len());
    for (index, reference, registration) in requested {
        let outcome = match registration {
            Some(registration) => decide_one(connection, &mut transaction, event, registration, &actor, reason),
            None => Err(RegistrationError::NotFound),
        };
        let outcome = match outcome {
            Ok(outcome) => Ok(outcome),
            Err(error @ (RegistrationError::NotFound | RegistrationError::WrongState(_) | RegistrationError::Full)) => {
                Err(error)
            }
            // Any other error is not about this registration alone: everything is rolled back.
            Err(error) => return Err(error),
        };
        results.push((index, DecisionResult { reference: reference.clone(), outcome }));
    }
    transaction.close(connection)?;
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn decide_one(
    connection: &mut Connection,
    transaction: &mut SeatTransaction<'_>,
    event: Event,
    mut registration: Registration,
    actor: &Actor,
    reason: Option<&str>,
) -> Result<(bool, RegistrationStatus), RegistrationError> {
    if store::needs_no_decision(event, registration.state) {
        return Ok((false, registration.state));
    }
    let reason = reason.map(str::to_owned);
    match event {
        Event::Rejected | Event::Revoked | Event::Cancelled => {
            let before = registration.state;
            let state = match event {
                Event::Rejected => before.rejected()?,
                Event::Revoked => before.revoked()?,
                _ => before.cancelled()?,
            };
            end_registration(connection, transaction, &mut registration, Ending { state, event, actor, reason })?;
        }
        _ => {
            registration.state.approved()?;
            transaction.ensure_not_over()?;
            transaction.admit(connection, &mut registration, true)?;
            transaction.save(connection, &mut registration)?;
            transaction.record_event(&registration, event, actor, EventDetails { reason, ..EventDetails::default() });
        }
    }
    Ok((true, registration.state))
}

/// Adds a note to a registration, once per idempotency key.
///
/// # Errors
/// [`RegistrationError::Access`], [`RegistrationError::NotFound`].
pub fn add_note(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
    text: &str,
    key: &IdempotencyKey,
) -> Result<Note, RegistrationError> {
    let actor =
        authorise(connection, context.credentials, Operation::CreateRegistrationNote, Some(context.conference.id))?;
    let registration = rows::find(connection, context.conference.id, reference)?.ok_or(RegistrationError::NotFound)?;
    let note_id = context.make_once(connection, &actor, key, &json!(text), |tx| {
        Ok::<_, RegistrationError>(
            store::add_note(tx, registration.id, actor.name(), text, clock::now())?.id.to_string(),
        )
    })?;
    let note = store::notes(connection, registration.id)?.into_iter().find(|note| note.id.to_string() == note_id);
    Ok(note.ok_or_else(|| DatabaseError::missing(format_args!("note {note_id}")))?)
}

/// Notes about a registration, the oldest first.
///
/// # Errors
/// [`RegistrationError::Access`], [`RegistrationError::NotFound`].
pub fn notes(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<Vec<Note>, RegistrationError> {
    authorise(connection, context.credentials, Operation::ListRegistrationNotes, Some(context.conference.id))?;
    let registration = rows::find(connection, context.conference.id, reference)?.ok_or(RegistrationError::NotFound)?;
    Ok(store::notes(connection, registration.id)?)
}

/// Decisions with a sequence number below `before`, the latest first.
pub fn log(
    connection: &mut Connection,
    conference: &ConferenceRef,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Decision>, DatabaseError> {
    store::decisions(connection, conference.id, before, limit)
}
