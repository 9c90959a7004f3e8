//! A registration form as it is sent, to the API or from a page: how often, its errors, and what becomes of it.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{
    RegistrationError,
    admission::{Application, Receipt, check_against_conference, check_person_fields},
    commit_queue::RegisterOutcome,
    field_values,
    model::Form,
    reservations,
    service::RegistrationService,
    uniform_answer::{Arrival, Quantised},
};
use crate::{
    clock,
    http::{Problem, idempotency::IdempotencyKey},
    programme::Snapshot,
    validation::ValidationErrors,
    values::LanguageTag,
};

/// What became of a form that was not refused.
pub enum FormOutcome {
    Registered(Receipt),
    /// A letter to the address says what became of it.
    Undisclosed(Quantised),
}

/// Registers the person who sent the form; `language` is the language of letters if the form names none.
///
/// # Errors
/// The registration is refused; validation errors name every field that is wrong.
pub async fn submit_form(
    request: &HttpRequest,
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    body: &serde_json::Value,
    key: Option<IdempotencyKey>,
    language: &LanguageTag,
) -> Result<FormOutcome, Problem> {
    let arrival = Arrival::now();
    service.registration_limit.check(request)?;
    let form = read_form(request, service, snapshot, body).await?;
    if form.invitation.is_some() {
        service.code_limit.check(request)?;
    }
    let application = Application::from_public_form(form, language);
    let outcome = match key.filter(IdempotencyKey::is_given) {
        Some(key) => service.queue.register_once(snapshot, application, key, body.clone()).await,
        None => service.queue.register(snapshot, application).await,
    };
    service.wake.wake();
    Ok(match outcome? {
        RegisterOutcome::Registered(receipt) => FormOutcome::Registered(receipt),
        RegisterOutcome::Undisclosed => FormOutcome::Undisclosed(arrival.quantised().await),
    })
}

/// Reads a registration form and reports all validation errors at once: those of the conference's own rules too, even
/// where the form itself cannot be read.
///
/// # Errors
/// The validation errors of the form.
async fn read_form(
    request: &HttpRequest,
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    body: &serde_json::Value,
) -> Result<Form, Problem> {
    let form_errors = match field_values::read_form::<Form>(body.clone()) {
        Ok(form) if crate::mail::is_deliverable(form.email.as_str()) => return Ok(form),
        Ok(_) => {
            let mut errors = ValidationErrors::default();
            errors.add("#/email", "invalid_email", "must be an address that mail can be sent to");
            errors
        }
        Err(errors) => errors,
    };
    let code = body.get("invitation").and_then(serde_json::Value::as_str).map(str::to_owned);
    if code.is_some() {
        service.code_limit.check(request)?;
    }
    let (snapshot, body, secret) = (Arc::clone(snapshot), body.clone(), service.secret.clone());
    let conference_errors = service
        .database
        .read(move |tx| {
            let invitation = match &code {
                Some(code) => reservations::find_by_code(tx, &snapshot.conference, &secret, code, clock::now()).ok(),
                None => None,
            };
            let invited = invitation.and_then(|invitation| invitation.category_id);
            let setup_state = super::setup::state::get_setup_state(tx, snapshot.conference.id)?.seen_with(invited);
            let questions = setup_state.questions()?;
            let mut errors = check_against_conference(&body, &setup_state, &questions, &snapshot.agenda).0;
            check_person_fields(&body, &setup_state, &mut errors);
            Ok::<_, RegistrationError>(errors)
        })
        .await?;
    Err(ValidationErrors(form_errors.0.into_iter().chain(conference_errors.0).collect()).into())
}
