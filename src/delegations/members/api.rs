//! `/api/v1/conferences/{conference}/delegations/{delegation}/members`.

use actix_web::{HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{super::api::authorise_for, MemberView, NewMember, actions, import};
use crate::{
    access::{Credentials, Operation},
    agenda::edit::api::MergePatch,
    database::Connection,
    http::{
        CodePath, NO_STORE, Problem, Query, TokenQuery,
        extract::{Document, Upload},
        idempotency::IdempotencyKey,
        problem::AnyProblem,
    },
    invitations::api::receive_table,
    registration::{context::RequestContext, import_table, service::RegistrationService},
    validation::ValidationErrors,
    values::{NameReading, Switch},
};

/// Adds a member to a delegation.
///
/// The member is registered in the delegation's category. Their address counts as verified.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer"),
        TokenQuery
    ),
    request_body = NewMember,
    responses((status = 201, description = "The member", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn add_delegation_member(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug.0).await?;
    authorise_for(&service, &snapshot, &credentials, &code, Operation::AddDelegationMember).await?;
    let sent = body.receive().await?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::add_once(tx, context, &code, &key, &sent);
    let member = service.write("add a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(MemberView::from(member)))
}

/// How a table of members is imported.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberImportQuery {
    /// Token of the focal point's link. It can be sent as a bearer token in `Authorization` instead.
    #[deserr(default)]
    pub token: Option<String>,
    /// `true`: checks the table and reports the errors, but adds nobody.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// `true`: every person in the table consents to the storage of the data in it. Required unless `dry_run` is
    /// `true`.
    #[deserr(default)]
    pub consent: Option<Switch>,
}

/// Result of an import of members.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedMembers {
    /// Number of rows in the table.
    pub rows: usize,
    /// Number of members that were added, or in a dry run would be: all rows.
    pub added: usize,
    /// Whether this was a dry run, which adds nobody.
    pub dry_run: bool,
    /// How the name of each row is read.
    pub names: Vec<NameReading>,
}

/// Imports a table of members: adds all rows, or none if a row has an error.
///
/// The columns are the fields of a member in any order, and `answers.` followed by a question's code. Separate the
/// elements of a list with `|`. A column `name` has whole names: `Family, Given` is divided at the comma, honorifics
/// before a name are taken off, and every other name stays whole.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/import",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        MemberImportQuery
    ),
    request_body(description = "CSV in UTF-8 with a header line, at most 10,000 rows", content((String = "text/csv"))),
    responses((status = 200, description = "The number of new members", body = ImportedMembers), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn import_delegation_members(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<MemberImportQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug.0).await?;
    authorise_for(&service, &snapshot, &credentials, &code, Operation::ImportDelegationMembers).await?;
    let dry_run = query.0.dry_run == Some(Switch::On);
    if !dry_run && query.0.consent != Some(Switch::On) {
        let mut errors = ValidationErrors::default();
        errors.add("?consent", "consent_required", "must be true: nothing is stored without consent");
        return Err(errors.into());
    }
    let bytes = receive_table(body).await?;
    let table = import_table::read(&bytes, import::is_column, import::field_of_column, import::REQUIRED_COLUMNS)?;
    let rows = table.rows.len();
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| import::import(tx, context, &code, &table, dry_run);
    let names = service.write("import members", &snapshot, credentials, work).await?;
    let result = ImportedMembers { rows, added: rows, dry_run, names };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(result))
}

/// Changes a member's data and role in the delegation (a merge patch, RFC 7396).
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    query: Query<TokenQuery>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug.0).await?;
    authorise_for(&service, &snapshot, &credentials, &code, Operation::PatchDelegationMember).await?;
    let sent = body.receive().await?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::patch(tx, context, &code, &reference, &sent);
    let member = service.write("change a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MemberView::from(member)))
}

/// Removes a member from a delegation: cancels the registration.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/{reference}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses((status = 200, description = "The member, now cancelled", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn remove_delegation_member(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::remove(tx, context, &code, &reference);
    let member = service.write("remove a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MemberView::from(member)))
}

/// Replaces a member by another person, who gets the member's seat or place on the waiting list.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/members/{reference}/replace",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        ("reference" = String, Path, description = "The registration's reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer"),
        TokenQuery
    ),
    request_body = NewMember,
    responses((status = 201, description = "The new member", body = MemberView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn replace_delegation_member(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String, String)>,
    query: Query<TokenQuery>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code, reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug.0).await?;
    authorise_for(&service, &snapshot, &credentials, &code, Operation::ReplaceDelegationMember).await?;
    let sent = body.receive().await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        actions::replace_once(tx, context, &code, &reference, &key, &sent)
    };
    let member = service.write("replace a member", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(MemberView::from(member)))
}
