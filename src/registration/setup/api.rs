//! `/api/v1/conferences/{conference}/registration-setup`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Setup,
    actions::{self, Edit},
};
use crate::{
    access::{Credentials, Operation, authorise},
    agenda::{Change, api::ApplyQuery, edit::api::MergePatch},
    database::Connection,
    http::{
        CodePath, Preconditions, Problem, Query, Representation, answer,
        extract::{Document, RawAgendaJson},
        problem::AnyProblem,
    },
    registration::{context::RequestContext, service::RegistrationService},
    values::Code,
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
    let snapshot = service.conference(&path.0).await?;
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
    let edit = Edit::Replace(body.receive().await?);
    let dry_run = query.0.is_dry_run();
    edit_setup(&service, credentials, &path.0, edit, preconditions, dry_run).await
}

/// Changes the registration set-up (a merge patch, RFC 7396).
///
/// The changes apply at once. A list, such as `categories`, replaces the whole list; `fields` are merged field by
/// field, and `null` takes a rule away.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/registration-setup",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), ApplyQuery),
    request_body(content = MergePatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changes", body = SetupPlan), AnyProblem)
)]
pub async fn patch_registration_setup(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    preconditions: Preconditions,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    RawAgendaJson(patch): RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let (edit, dry_run) = (Edit::Patch(patch), query.0.is_dry_run());
    edit_setup(&service, credentials, &path.0, edit, preconditions, dry_run).await
}

async fn edit_setup(
    service: &RegistrationService,
    credentials: Credentials,
    slug: &Code,
    edit: Edit,
    preconditions: Preconditions,
    dry_run: bool,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(slug).await?;
    let sender_domains = service.sender_domains.clone();
    let write = move |tx: &mut Connection, context: RequestContext<'_>| {
        let actor = authorise(tx, context.credentials, edit.operation(), Some(context.conference.id))?;
        actions::edit(tx, context, &actor, &edit, &preconditions, &sender_domains, dry_run)
    };
    let changes = service.write("set registration up", &snapshot, credentials, write).await?;
    Ok(HttpResponse::Ok().json(SetupPlan { changes }))
}
