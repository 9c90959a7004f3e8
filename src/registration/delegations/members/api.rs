//! `/api/v1/conferences/{conference}/delegations/{delegation}/members`.

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{super::api::admit_to, MemberView, NewMember, actions, import};
use crate::{
    access::Credentials,
    agenda::edit::api::MergePatch,
    database::Connection,
    faults::Faults,
    http::{
        CodePath, Problem, Query,
        extract::{Document, Upload},
        idempotency::IdempotencyKey,
        problem::AnyProblem,
    },
    registration::{
        actions::Errand,
        api::{Desk, NO_STORE, TokenQuery},
        invitations::api::receive_table,
        table,
    },
    values::Switch,
};

/// Adds a member to a delegation: their address is vouched for, and they go into the delegation's category.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same"),
        TokenQuery
    ),
    request_body = NewMember,
    responses((status = 201, description = "The member", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn add_delegation_member(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug.0)?;
    admit_to(&desk, &snapshot, &credentials, &code, "add_delegation_member").await?;
    let sent = body.receive().await?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::add_once(tx, errand, &code, (&key, &sent));
    let member = desk.write("add a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(MemberView::from(member)))
}

/// How a table of members is taken.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberImportQuery {
    /// The token of the focal point's link, unless `Authorization` carries it.
    #[deserr(default)]
    pub token: Option<String>,
    /// `true`: a preview, which says what is wrong and adds nobody.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// `true`: every person in the table consents to keeping what it says. Needed, but for a preview.
    #[deserr(default)]
    pub consent: Option<Switch>,
}

/// What became of a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedMembers {
    /// How many rows it has.
    pub rows: usize,
    /// How many were added: all of them, or none.
    pub added: usize,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// Adds each row of a table as a member: all of them, or none.
///
/// The columns have the names of the fields of a member, in any order, and `answers.` with the code of a question.
/// Elements of a list are parted by `|`.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/import",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        MemberImportQuery
    ),
    request_body(description = "CSV in UTF-8 with a header line, at most 10,000 rows", content((String = "text/csv"))),
    responses((status = 200, description = "How many were added", body = ImportedMembers), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn import_delegation_members(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<MemberImportQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug.0)?;
    admit_to(&desk, &snapshot, &credentials, &code, "import_delegation_members").await?;
    let dry_run = query.0.dry_run == Some(Switch::On);
    if !dry_run && query.0.consent != Some(Switch::On) {
        let mut found = Faults::default();
        found.add("?consent", "consent_required", "must be true: nothing is kept without consent");
        return Err(found.into());
    }
    let people = table::read(&receive_table(body).await?, import::is_column, &import::REQUIRED)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| import::import(tx, errand, &code, &people, dry_run);
    let rows = desk.write("import members", &snapshot, credentials, work).await?;
    let done = ImportedMembers { rows, added: if dry_run { 0 } else { rows }, dry_run };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(done))
}

/// Changes what a member is in the delegation, and how they are reached.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/{reference}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    request_body = MergePatch,
    responses((status = 200, description = "The member", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn patch_delegation_member(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    query: Query<TokenQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug.0)?;
    admit_to(&desk, &snapshot, &credentials, &code, "patch_delegation_member").await?;
    let sent = body.receive().await?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::patch(tx, errand, (&code, &reference), &sent);
    let member = desk.write("change a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MemberView::from(member)))
}

/// Takes a member out of the delegation: the registration is cancelled.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/{reference}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses((status = 200, description = "The member, cancelled", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn remove_delegation_member(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::remove(tx, errand, (&code, &reference));
    let member = desk.write("remove a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MemberView::from(member)))
}

/// Puts another person in a member's place: the seat, or the place on the waiting list, is theirs.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/{reference}/replace",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("reference" = String, Path, description = "The registration's reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same"),
        TokenQuery
    ),
    request_body = NewMember,
    responses((status = 201, description = "The new member", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn replace_delegation_member(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    query: Query<TokenQuery>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug.0)?;
    admit_to(&desk, &snapshot, &credentials, &code, "replace_delegation_member").await?;
    let sent = body.receive().await?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| {
        actions::replace_once(tx, errand, (&code, &reference), (&key, &sent))
    };
    let member = desk.write("replace a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(MemberView::from(member)))
}
