//! The registration of somebody else, in one transaction.

use serde_json::Value;

use super::model::OnBehalf;
use crate::{
    access::{Actor, Operation, authorise},
    database::Connection,
    http::idempotency::IdempotencyKey,
    mail::is_deliverable,
    registration::{
        RegistrationError,
        actions::{RegistrationDetails, load_details},
        admission::{Admitted, Application, register_all},
        context::RequestContext,
        model::{ConsentRecord, Event},
        pending_event::single_detail,
        rows,
    },
    validation::ValidationErrors,
};

/// Registers somebody, once for each idempotency key. `sent` is the request as it was sent.
///
/// # Errors
/// Those of [`register`]; the key was used with another body.
pub fn register_once(
    connection: &mut Connection,
    context: RequestContext<'_>,
    request: &OnBehalf,
    key: &IdempotencyKey,
    sent: &Value,
) -> Result<RegistrationDetails, RegistrationError> {
    let actor = authorise(connection, context.credentials, Operation::RegisterOnBehalf, Some(context.conference.id))?;
    let reference = context.make_once(connection, &actor, key, sent, |tx| {
        register(tx, context, request, &actor).map(|admitted| admitted.registration.reference)
    })?;
    let registration = rows::find(connection, context.conference.id, &reference)?.ok_or(RegistrationError::NotFound)?;
    load_details(connection, registration)
}

/// Registers somebody in any category. The person gets a letter if they have an address and the request does not forbid
/// it.
///
/// # Errors
/// [`RegistrationError::Invalid`], [`RegistrationError::AlreadyRegistered`]; [`RegistrationError::Full`] if no seat is
/// free and the category has no waiting list.
pub fn register(
    connection: &mut Connection,
    context: RequestContext<'_>,
    request: &OnBehalf,
    actor: &Actor,
) -> Result<Admitted, RegistrationError> {
    let mut errors = ValidationErrors::default();
    if request.email.as_ref().is_some_and(|address| !is_deliverable(address.as_str())) {
        errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
    }
    errors.into_result(())?;
    let application = Application {
        person: request.person(request.language.as_str()),
        category: request.category.clone(),
        named_language: Some(request.language.clone()),
        answers: request.answers.clone(),
        sessions: request.sessions.clone(),
        invitation: None,
        consent: ConsentRecord { given: request.consent.into(), recorded_by: Some(actor.name().to_owned()) },
        privacy_notice_version: None,
        actor: actor.clone(),
        event: Event::Registered,
        is_vouched_for: true,
        is_approved: true,
        membership: None,
        may_share_mailbox: false,
        may_lack_answers: true,
        sends_no_letter: !request.sends_letter,
        detail: single_detail("reason", Value::from(request.reason.as_str())),
    };
    let one = std::slice::from_ref(&application);
    register_all(connection, context.conference, context.released, context.secret, one)?.single()?.registered()
}
