//! `/api/v1/conferences/{conference}/delegations`, and the reference list of the Member States of the United Nations.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    DelegationError,
    actions::{self, DelegationDetails},
    list_query::DelegationQuery,
    members::MemberView,
    model::{FocalPointInvitation, NewDelegation, NewMemberStates},
    reference,
    store::{self, Member},
    views::{
        DelegationList, DelegationView, DelegationWithMembers, MadeDelegations, MemberStateList, OneDelegationQuery,
        SentLink,
    },
};
use crate::{
    access::{Credentials, Operation, authorise},
    agenda::edit::api::MergePatch,
    database::Connection,
    http::{
        CodePath, Json, NO_STORE, Problem, Query, Representation, answer, extract::Document,
        idempotency::IdempotencyKey, paging::Page, problem::AnyProblem,
    },
    ids::RegistrationId,
    programme::Snapshot,
    registration::{context::RequestContext, service::RegistrationService},
    validation,
};

/// Lists the 193 Member States of the United Nations, with their names in English and French and their regional groups.
#[utoipa::path(
    get, path = "/api/v1/reference/member-states",
    tag = "registration",
    responses((status = 200, description = "The Member States", body = MemberStateList), AnyProblem)
)]
pub async fn list_member_states(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let list = MemberStateList { data: reference::member_states() };
    let private = Representation::private(&list)?;
    let vary = header::HeaderValue::from_static("Accept-Encoding");
    Ok(answer(&request, Representation { cache_control: "public, max-age=86400", vary, ..private }))
}

/// Lists the delegations of a conference with their size and their head.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/delegations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), DelegationQuery),
    responses((status = 200, description = "A page of delegations", body = DelegationList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_delegations(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<DelegationQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let conference = snapshot.conference.clone();
    let delegations = service.database.read(move |tx| {
        authorise(tx, &credentials, Operation::ListDelegations, Some(conference.id))?;
        actions::list(tx, &conference)
    });
    let delegations = delegations.await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let chosen = query.0.choose_page(delegations, &page, &snapshot.agenda.conference.languages);
    let list = |chosen: Vec<(String, DelegationDetails)>, next| DelegationList {
        data: chosen.into_iter().map(|(_, details)| details.into()).collect(),
        next,
    };
    Ok(page.answer(&request, chosen, |(key, _)| key.clone(), list))
}

/// Checks that the sender is the delegation's focal point or a registrar before the body of the request is read.
pub async fn authorise_for(
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    credentials: &Credentials,
    code: &str,
    operation: Operation,
) -> Result<(), DelegationError> {
    let code = code.to_owned();
    let check = move |tx: &mut Connection, context: RequestContext<'_>| {
        super::actions::authorise_for_delegation(tx, context, &code, operation).map(|_| ())
    };
    service.read(snapshot, credentials.clone(), check).await
}

/// Creates a delegation.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
    ),
    request_body = NewDelegation,
    responses((status = 201, description = "The delegation", body = DelegationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_delegation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    key: IdempotencyKey,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    service.authorise(&snapshot, &credentials, Operation::CreateDelegation).await?;
    let sent = body.receive().await?;
    let delegation: NewDelegation = validation::read(sent.clone())?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        actions::create_once(tx, context, &delegation, &key, &sent)
    };
    let created = service.write("create a delegation", &snapshot, credentials, work).await?;
    let location = actions::path(&snapshot.agenda, &created.delegation.code);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header(NO_STORE)
        .json(DelegationView::from(created)))
}

/// Creates the missing delegations of Member States: of all 193, or of the countries that are named.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/member-states",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewMemberStates,
    responses((status = 200, description = "The codes of the new delegations", body = MadeDelegations), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_member_state_delegations(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    service.authorise(&snapshot, &credentials, Operation::CreateMemberStateDelegations).await?;
    let states: NewMemberStates = validation::read(body.receive().await?)?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::create_member_states(tx, context, &states);
    let (created, existing) = service.write("create delegations", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(MadeDelegations { created, existing }))
}

async fn read_with_members(
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    credentials: Credentials,
    code: String,
    after: Option<RegistrationId>,
    limit: i64,
) -> Result<(DelegationDetails, Vec<Member>), DelegationError> {
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        let (delegation, _) = super::actions::authorise_for_delegation(tx, context, &code, Operation::ReadDelegation)?;
        let members = store::members(tx, delegation.id, after, limit)?;
        Ok((actions::load_details(tx, context.conference, delegation)?, members))
    };
    service.read(snapshot, credentials, read).await
}

/// The most members that [`delegation_with_members`] answers.
const MEMBERS_MAX: i64 = 1_000;

/// A delegation with its first 1,000 members.
///
/// # Errors
/// Those of [`authorise_for_delegation`](super::actions::authorise_for_delegation).
pub async fn delegation_with_members(
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    credentials: Credentials,
    code: &str,
) -> Result<DelegationWithMembers, DelegationError> {
    let (details, members) =
        read_with_members(service, snapshot, credentials, code.to_owned(), None, MEMBERS_MAX).await?;
    let members = members.into_iter().map(MemberView::from).collect();
    Ok(DelegationWithMembers { delegation: details.into(), members, next: None })
}

/// Reads a delegation with its members.
///
/// The focal point reads their own delegation with the token of their link, a registrar any delegation. A browser that
/// asks for HTML is redirected to the delegation's page.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code"),
        OneDelegationQuery
    ),
    responses(
        (status = 200, description = "The delegation and a page of its members", body = DelegationWithMembers),
        (status = 303, description = "For a browser: redirect to the page"),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_delegation(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<OneDelegationQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    if crate::http::prefers_html(&request) {
        return crate::registration::html_redirect::redirect(
            &request,
            &service,
            &snapshot,
            &format!("/delegations/{code}"),
        );
    }
    let credentials = credentials.with_link(query.0.token);
    authorise_for(&service, &snapshot, &credentials, &code, Operation::ReadDelegation).await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let (details, members) =
        read_with_members(&service, &snapshot, credentials, code, page.key()?, page.rows()).await?;
    let list = |members: Vec<Member>, next| DelegationWithMembers {
        delegation: details.into(),
        members: members.into_iter().map(MemberView::from).collect(),
        next,
    };
    Ok(page.answer(&request, members, |member| member.registration.id.to_string(), list))
}

/// Changes the name, the category, the quota or the focal point of a delegation (a merge patch, RFC 7396).
///
/// If the focal point's address changes, every earlier link is void: send the new one with `invite-focal-point`.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    request_body = MergePatch,
    responses((status = 200, description = "The delegation", body = DelegationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn patch_delegation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    service.authorise(&snapshot, &credentials, Operation::PatchDelegation).await?;
    let patch = body.receive().await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::patch(tx, context, &code, &patch);
    let details = service.write("change a delegation", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(DelegationView::from(details)))
}

/// Deletes a delegation that has no members.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/delegations/{delegation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    responses((status = 204, description = "The delegation was deleted"), AnyProblem),
    security(("bearer" = []))
)]
pub async fn delete_delegation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::delete(tx, context, &code);
    service.write("delete a delegation", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends the focal point the link to their delegation.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/delegations/{delegation}/invite-focal-point",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("delegation" = String, Path, description = "The delegation's code")
    ),
    request_body = FocalPointInvitation,
    responses((status = 200, description = "The link that is sent", body = SentLink), AnyProblem),
    security(("bearer" = []))
)]
pub async fn invite_focal_point(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(FocalPointInvitation { renew }): Json<FocalPointInvitation>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let work =
        move |tx: &mut Connection, context: RequestContext<'_>| actions::invite_focal_point(tx, context, &code, renew);
    let (delegation, person) = service.write("invite a focal point", &snapshot, credentials, work).await?;
    let token = service.secret.delegation_token(delegation.id, delegation.token_generation);
    let path = actions::path(&snapshot.agenda, &delegation.code);
    let sent_link = SentLink { sent_to: person.email, link: format!("{}{path}?token={token}", service.public_url) };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(sent_link))
}
