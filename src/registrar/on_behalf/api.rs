//! `POST .../registrations/on-behalf`.

use actix_web::{HttpResponse, http::header, web};

use super::{actions, model::OnBehalf};
use crate::{
    access::{Credentials, Operation},
    http::{CodePath, NO_STORE, Problem, extract::RawJson, idempotency::IdempotencyKey, problem::AnyProblem},
    registration::{
        RegistrationError,
        actions::history,
        field_values::read_form,
        letters::registration_path,
        service::RegistrationService,
        views::{RegistrationView, registration_view},
    },
};

/// Registers somebody on their behalf, for instance at the door.
///
/// Closed, hidden and invitation-only categories are open to the registrar, the address needs no verification, the
/// registration no approval, and an address is not needed at all. Seats hold: where none is free, the person goes on
/// the waiting list or, if there is none, is refused.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/on-behalf",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
    ),
    request_body = OnBehalf,
    responses((status = 201, description = "The new registration", body = RegistrationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn register_on_behalf(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: RawJson,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    service.authorise(&snapshot, &credentials, Operation::RegisterOnBehalf).await?;
    let request: OnBehalf = read_form(body.0.clone())?;
    let (details, history) = service
        .write("register on behalf", &snapshot, credentials, move |tx, context| {
            let details = actions::register_once(tx, context, &request, &key, &body.0)?;
            let history = history(tx, &details.registration)?;
            Ok::<_, RegistrationError>((details, history))
        })
        .await?;
    let location = registration_path(&snapshot.agenda, &details.registration.reference);
    let view = registration_view(&service, &snapshot, &details, false, history);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).insert_header(NO_STORE).json(view))
}
