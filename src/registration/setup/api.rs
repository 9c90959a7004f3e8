//! `/api/v1/conferences/{conference}/registration-setup`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Setup, actions};
use crate::{
    access::{Credentials, authorise},
    agenda::{Change, api::ApplyQuery},
    http::{CodePath, Preconditions, Problem, Query, Representation, answer, extract::Document, problem::AnyProblem},
    registration::{actions::Errand, api::Desk},
};

/// Reads the set-up of registration: seats, times, categories, questions.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registration-setup",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The set-up, as a PUT takes it", body = Setup), AnyProblem)
)]
pub async fn read_registration_setup(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let read = |tx: &mut crate::database::Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "read_registration_setup", Some(errand.place.id))?;
        actions::load(tx, errand)
    };
    let setup = desk.read(&snapshot, credentials, read).await?;
    let document = serde_json::to_value(&setup).map_err(Problem::unexpected)?;
    Ok(answer(&request, Representation::private(&document)?))
}

/// What a set-up changes, or would change.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetupPlan {
    /// A change a thing; empty when the set-up already says the same.
    pub changes: Vec<Change>,
}

/// Makes the set-up of registration what the document says. It takes effect at once, and changes no registration made
/// before: new seats go to those who wait, seats below those taken are refused, answers keep their questions.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/registration-setup",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), ApplyQuery),
    request_body = Setup,
    responses((status = 200, description = "What changed", body = SetupPlan), AnyProblem)
)]
pub async fn put_registration_setup(
    desk: web::Data<Desk>,
    credentials: Credentials,
    preconditions: Preconditions,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let dry_run = query.0.is_dry_run();
    let may = |tx: &mut crate::database::Connection, errand: Errand<'_>| {
        Ok(authorise(tx, errand.credentials, "put_registration_setup", Some(errand.place.id))?)
    };
    let actor = desk.read(&snapshot, credentials.clone(), may).await?;
    let document = body.receive().await?;
    let write = move |tx: &mut crate::database::Connection, errand: Errand<'_>| {
        actions::put(tx, errand, &actor, (&document, &preconditions), dry_run)
    };
    let changes = desk.write("set registration up", &snapshot, credentials, write).await?;
    Ok(HttpResponse::Ok().json(SetupPlan { changes }))
}
