//! `/api/v1/conferences/{conference}/agenda/previews`, and the preview itself.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::actions;
use crate::{
    access::{Credentials, Operation},
    agenda::actions::find_authorised,
    clock,
    http::{CodePath, Json, NO_INDEX, Problem, Query, ROBOTS, problem::AnyProblem},
    programme::{
        ProgrammeError,
        filter::LinkQuery,
        negotiate,
        service::ProgrammeService,
        views::{ProgrammeView, ViewBuilder},
    },
    validation::ValidationErrors,
    values::{Count, LocalOrInstant},
};

/// The duration of a link to a preview: 24 hours if left out, at most 30 days. Give either `expires_at` or `hours`.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct NewPreview {
    /// Time at which the link expires: RFC 3339, or a local time in the conference's time zone; it must be in the
    /// future.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_at: Option<LocalOrInstant>,
    /// Number of hours after which the link expires.
    #[deserr(default)]
    #[schema(required = false)]
    pub hours: Option<Count<1>>,
}

/// A link that shows the draft to everybody who has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewLink {
    /// Address of the preview, with its token.
    pub url: String,
    /// Time at which the link expires (RFC 3339, UTC).
    pub expires_at: String,
}

/// Creates a link that shows the draft as the public would see it.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/agenda/previews",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewPreview,
    responses((status = 201, description = "The link", body = PreviewLink), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_preview(
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Json<NewPreview>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let (secret, conference_slug) = (service.secret.clone(), slug.clone());
    let NewPreview { expires_at, hours } = body.0;
    let (token, expires_at) = service
        .database
        .write("make a link to a preview", move |tx| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::CreatePreview, &conference_slug)?;
            actions::create_link(tx, &conference, &actor, expires_at, hours, &secret)
        })
        .await?;
    let url = format!("{}/api/v1/conferences/{slug}/preview?token={token}", service.public_url);
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(PreviewLink { url, expires_at: clock::wire(expires_at) }))
}

/// Invalidates all links to previews of the conference.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/agenda/previews",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 204, description = "No link shows the draft any more"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn delete_previews(
    service: web::Data<ProgrammeService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    service
        .database
        .write("end previews", move |tx| {
            let (conference, actor) = find_authorised(tx, &credentials, Operation::DeletePreviews, &slug)?;
            Ok::<_, ProgrammeError>(actions::revoke_all(tx, &conference, &actor)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reads the draft as the public would see it, with the token of a link.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/preview",
    tag = "agenda",
    params(("conference" = String, Path, description = "The conference's slug"), LinkQuery),
    responses((status = 200, description = "The draft as a programme", body = ProgrammeView), AnyProblem),
    security(("link" = []))
)]
pub async fn read_preview(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, secret) = (path.into_inner().0, service.secret.clone());
    let (token, mut query) = query.0.split();
    let snapshot = service
        .database
        .read(move |tx| actions::load_preview(tx, &slug, token.as_deref().unwrap_or_default(), &secret))
        .await?;
    let language = negotiate::choose(&request, query.lang.as_deref(), &snapshot.agenda.conference.languages)?;
    query.check(&snapshot)?;
    let mut response = HttpResponse::Ok();
    if let Some(tag) = language.tag() {
        response.insert_header((header::CONTENT_LANGUAGE, tag.as_str().to_owned()));
    }
    Ok(response
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((ROBOTS, NO_INDEX))
        .json(ViewBuilder::new(&snapshot, &language).programme(&query)))
}
