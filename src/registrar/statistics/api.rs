//! `/api/v1/conferences/{conference}/statistics`.

use actix_web::{HttpResponse, web};

use super::{actions, views::Statistics};
use crate::{
    access::{Credentials, Operation, authorise},
    http::{CodePath, NO_STORE, Problem, problem::AnyProblem},
    registration::service::RegistrationService,
};

/// Counts registrations by status, category, country and date, and seats, waiting lists, sessions and check-ins.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/statistics",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The present counts", body = Statistics), AnyProblem)
)]
pub async fn read_statistics(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let statistics = service
        .database
        .read(move |tx| {
            authorise(tx, &credentials, Operation::ReadStatistics, Some(snapshot.conference.id))?;
            actions::count(tx, &snapshot.conference, &snapshot.agenda)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(statistics))
}
