//! `/api/v1/conferences/{conference}/registration-setup`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Setup, actions};
use crate::{
    access::{Credentials, Operation, authorise},
    agenda::{Change, api::ApplyQuery},
    database::Connection,
    http::{CodePath, Preconditions, Problem, Query, Representation, answer, extract::Document, problem::AnyProblem},
    registration::{context::RequestContext, service::RegistrationService},
};

/// Reads the registration set-up: seats, opening times, categories, questions.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registration-setup",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The set-up, in the form that PUT accepts", body = Setup), AnyProblem)
)]
pub async fn read_registration_setup(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.snapshot(&path.0)?;
    let read = |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ReadRegistrationSetup, Some(context.conference.id))?;
        actions::load(tx, context)
    };
    let setup = service.read(&snapshot, credentials, read).await?;
    let document = serde_json::to_value(&setup).map_err(Problem::unexpected)?;
    Ok(answer(&request, Representation::private(&document)?))
}

/// The changes that a new set-up makes, or would make.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetupPlan {
    /// One entry for each thing that changes; empty if the set-up is the same as before.
    pub changes: Vec<Change>,
}

/// Replaces the registration set-up.
///
/// The new set-up applies at once. New seats go to the waiting list; a limit below the seats already taken is refused;
/// earlier answers keep the questions that were asked.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/registration-setup",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), ApplyQuery),
    request_body = Setup,
    responses((status = 200, description = "The changes", body = SetupPlan), AnyProblem)
)]
pub async fn put_registration_setup(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    preconditions: Preconditions,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.snapshot(&path.0)?;
    let dry_run = query.0.is_dry_run();
    let check_access = |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::PutRegistrationSetup, Some(context.conference.id))
    };
    let actor = service.read(&snapshot, credentials.clone(), check_access).await?;
    let document = body.receive().await?;
    let write = move |tx: &mut Connection, context: RequestContext<'_>| {
        actions::put(tx, context, &actor, &document, &preconditions, dry_run)
    };
    let changes = service.write("set registration up", &snapshot, credentials, write).await?;
    Ok(HttpResponse::Ok().json(SetupPlan { changes }))
}
