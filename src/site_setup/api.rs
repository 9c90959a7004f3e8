//! `/api/v1/conferences/{conference}/site`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    SiteSetup, SiteSetups,
    actions::{self, Edit},
};
use crate::{
    access::Credentials,
    agenda::{self, AgendaError, Change, actions::find_authorised, api::ApplyQuery, edit::api::MergePatch},
    database::{Connection, Database},
    http::{
        CodePath, Preconditions, Problem, Query, Representation, answer,
        extract::{Document, RawAgendaJson},
        problem::AnyProblem,
    },
    values::Code,
};

/// Reads what the pages of a conference say besides its programme: contact, notices, practical information.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/site",
    tag = "site",
    params(("conference" = String, Path, description = "The conference's slug")),
    responses((status = 200, description = "The site set-up, in the form that PUT accepts", body = SiteSetup), AnyProblem)
)]
pub async fn read_site(
    request: HttpRequest,
    database: web::Data<Database>,
    path: web::Path<CodePath>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let setup = database
        .read(move |tx: &mut Connection| {
            let conference = agenda::actions::find(tx, &slug)?;
            Ok::<_, AgendaError>(actions::load(tx, &conference)?)
        })
        .await?;
    let document = serde_json::to_value(&setup).map_err(Problem::unexpected)?;
    Ok(answer(&request, Representation::private(&document)?))
}

/// The changes that a new site set-up makes, or would make.
#[derive(Debug, Serialize, ToSchema)]
pub struct SitePlan {
    /// One entry for each thing that changes; empty if the set-up is the same as before.
    pub changes: Vec<Change>,
}

/// Replaces the site set-up.
///
/// It applies at once, without a release. Another privacy notice, or another controller, is the next version of the
/// notice; registrations keep the version to which people consented.
#[utoipa::path(
    put, path = "/api/v1/conferences/{conference}/site",
    tag = "site",
    params(
        ("conference" = String, Path, description = "The conference's slug"), ApplyQuery,
        ("If-Match" = Option<String>, Header, description = "Entity tag that the set-up must have")
    ),
    request_body = SiteSetup,
    responses((status = 200, description = "The changes", body = SitePlan), AnyProblem),
    security(("bearer" = []))
)]
pub async fn put_site(
    database: web::Data<Database>,
    site_setups: web::Data<SiteSetups>,
    credentials: Credentials,
    preconditions: Preconditions,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, slug: path.into_inner().0, preconditions, dry_run: query.0.is_dry_run() };
    editor.edit(&database, &site_setups, Edit::Replace(body.receive().await?)).await
}

/// Changes the site set-up (a merge patch, RFC 7396).
///
/// The changes apply at once. `pages` replaces the whole list; a plain string for a text sets the conference's first
/// language.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/site",
    tag = "site",
    params(
        ("conference" = String, Path, description = "The conference's slug"), ApplyQuery,
        ("If-Match" = Option<String>, Header, description = "Entity tag that the set-up must have")
    ),
    request_body(content = MergePatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changes", body = SitePlan), AnyProblem),
    security(("bearer" = []))
)]
pub async fn patch_site(
    database: web::Data<Database>,
    site_setups: web::Data<SiteSetups>,
    credentials: Credentials,
    preconditions: Preconditions,
    path: web::Path<CodePath>,
    query: Query<ApplyQuery>,
    RawAgendaJson(patch): RawAgendaJson,
) -> Result<HttpResponse, Problem> {
    let editor = Editor { credentials, slug: path.into_inner().0, preconditions, dry_run: query.0.is_dry_run() };
    editor.edit(&database, &site_setups, Edit::Patch(patch)).await
}

/// Who edits which set-up.
struct Editor {
    credentials: Credentials,
    slug: Code,
    preconditions: Preconditions,
    dry_run: bool,
}

impl Editor {
    async fn edit(self, database: &Database, site_setups: &SiteSetups, edit: Edit) -> Result<HttpResponse, Problem> {
        let Self { credentials, slug, preconditions, dry_run } = self;
        let turn = slug.to_string();
        let changes = database
            .write_in_turn("set the site up", &turn, move |tx| {
                let (conference, actor) = find_authorised(tx, &credentials, edit.operation(), &slug)?;
                actions::edit(tx, &conference, &actor, &edit, &preconditions, dry_run)
            })
            .await?;
        site_setups.forget();
        Ok(HttpResponse::Ok().json(SitePlan { changes }))
    }
}
