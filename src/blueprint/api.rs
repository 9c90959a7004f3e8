//! `/api/v1/conferences/{conference}/blueprint`: the whole conference as one document.

use actix_web::{HttpRequest, HttpResponse, get, put, web};

use super::{
    Blueprint,
    actions::{apply, authorise_apply, find_readable, load},
    document,
};
use crate::{
    access::Credentials,
    agenda::api::{ApplyQuery, Plan},
    database::Database,
    http::{CodePath, Problem, Query, Representation, answer, extract::Document, problem::AnyProblem},
    mail::Wake,
};

/// Reads the whole conference as one document.
#[utoipa::path(
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The blueprint", body = Blueprint), AnyProblem),
    security(("bearer" = []))
)]
#[get("/api/v1/conferences/{conference}/blueprint")]
pub async fn read_blueprint(
    request: HttpRequest,
    database: web::Data<Database>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let blueprint = database
        .read(move |tx| {
            let place = find_readable(tx, &credentials, &slug)?;
            load(tx, &place)
        })
        .await?;
    Ok(answer(&request, Representation::private(&blueprint)?))
}

/// Makes the conference what the document says, and creates it if it is new.
#[utoipa::path(
    tag = "blueprint",
    params(("conference" = String, Path, description = "The conference's slug"), ApplyQuery),
    request_body = Blueprint,
    responses((status = 200, description = "What changed", body = Plan), AnyProblem),
    security(("bearer" = []))
)]
#[put("/api/v1/conferences/{conference}/blueprint")]
pub async fn apply_blueprint(
    database: web::Data<Database>,
    wake: web::Data<Wake>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let dry_run = query.0.is_dry_run();
    let (asked, asked_slug) = (credentials.clone(), slug.clone());
    database.read(move |tx| authorise_apply(tx, &asked, &asked_slug)).await?;
    let blueprint = document::read(body.receive().await?)?;
    let changes = database
        .write("apply a blueprint", move |tx| {
            authorise_apply(tx, &credentials, &slug)?;
            apply(tx, &slug, &blueprint, dry_run)
        })
        .await?;
    // Raised seats may have promoted people.
    wake.wake();
    Ok(HttpResponse::Ok().json(Plan { changes }))
}
