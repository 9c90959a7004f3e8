//! `/api/v1/conferences/{conference}/invitations`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    InvitationError,
    actions::{self, InvitationDetails},
    batch::{self, BatchOptions},
    store::InvitationFilter,
};
use crate::{
    access::{Credentials, Operation},
    agenda::ConferenceRef,
    clock,
    http::{
        CodePath, EmptyObject, Json, NO_STORE, Problem, Query,
        extract::{Document, Upload},
        paging::Page,
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    ids::{Id, InvitationId},
    invitations::model::NewInvitation,
    registration::{
        context::RequestContext,
        import_table,
        reservations::{InvitationKind, InvitationStatus},
        service::RegistrationService,
    },
    validation::{self, ValidationErrors},
    values::{Code, Switch},
};

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// Id of the invitation (UUID).
    pub id: InvitationId,
    /// Kind of the invitation.
    #[schema(value_type = InvitationKind)]
    pub kind: InvitationKind,
    /// Label for registrars.
    pub label: String,
    /// Whether the invitation can be used.
    pub status: InvitationStatus,
    /// Code of the only category that the invitation opens; null for any category.
    pub category: Option<Code>,
    /// Address to which the invitation was sent; null if it was not sent.
    pub email: Option<String>,
    /// Whether only a registration with this address can use the invitation.
    pub bound_to_email: bool,
    /// Name of the guest, as the letter addresses them; null if not given.
    pub name: Option<String>,
    /// The whole line with which the letter greets the guest; null if none was given.
    pub salutation: Option<String>,
    /// Language of the letter; null if not given.
    pub language: Option<String>,
    /// How many registrations can use the invitation; null for no limit.
    pub uses_max: Option<i32>,
    /// How many registrations have used the invitation.
    pub uses: i32,
    /// Number of seats that are reserved now: those that were used or released no longer count.
    pub seats_reserved: i32,
    /// Time at which the invitation expires (RFC 3339, UTC); null for never.
    pub expires_at: Option<String>,
    /// Time at which the invitation was revoked, or its reserved seats were released after it expired (RFC 3339, UTC);
    /// null if neither has happened.
    pub ended_at: Option<String>,
    /// Time of creation (RFC 3339, UTC).
    pub created_at: String,
    /// The code. A shared access code is shown only in the answer that creates it; the code of a personal invitation is
    /// also shown when that invitation alone is read and can still be used. Otherwise null.
    pub code: Option<String>,
    /// Address of the registration form with this code; null where `code` is null.
    pub link: Option<String>,
}

impl InvitationView {
    fn of(details: InvitationDetails, service: &RegistrationService, conference: &ConferenceRef) -> Self {
        let invitation = details.invitation;
        let link = |code: &String| {
            let code: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
            let slug = &conference.slug;
            format!("{}/api/v1/conferences/{slug}/registration-form?invitation={code}", service.public_url)
        };
        Self {
            id: invitation.id,
            kind: invitation.kind,
            label: invitation.label,
            status: details.status,
            category: details.category,
            bound_to_email: invitation.email_folded.is_some(),
            email: invitation.email,
            name: invitation.name,
            salutation: invitation.salutation,
            language: invitation.language,
            uses_max: invitation.uses_max,
            uses: invitation.uses,
            seats_reserved: invitation.seats_reserved,
            expires_at: invitation.expires_at.map(|expires| clock::wire(expires.0)),
            ended_at: invitation.ended_at.map(|ended| clock::wire(ended.0)),
            created_at: clock::wire(invitation.created_at.0),
            link: details.code.as_ref().map(link),
            code: details.code,
        }
    }
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationList {
    /// The invitations of this page, in the order of creation.
    pub data: Vec<InvitationView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Filters and page of the list of invitations.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InvitationQuery {
    /// Highest number of invitations on the page, 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor of the page, as in `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only invitations with this status: `open` (can be used), `used` (used as often as allowed) or `over` (expired or
    /// revoked before that, or the conference is over).
    #[deserr(default)]
    pub status: Option<InvitationStatus>,
    /// Only invitations of this kind.
    #[deserr(default)]
    pub kind: Option<InvitationKind>,
}

/// How a table of invitations is imported.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchQuery {
    /// `true`: checks the table and reports the errors, but creates and sends nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// `true`: each invitation reserves a seat of its category; every row then needs a category.
    #[deserr(default)]
    pub reserve_seats: Option<Switch>,
}

/// Result of an import of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitedTable {
    /// Number of rows in the table.
    pub rows: usize,
    /// Number of invitations that were created, or in a dry run would be: all rows.
    pub invited: usize,
    /// Whether this was a dry run, which creates and sends nothing.
    pub dry_run: bool,
}

/// Creates a personal invitation or a shared access code.
///
/// A personal invitation with an address is sent by e-mail. The code of a shared one is shown in this answer only: it
/// is not stored.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewInvitation,
    responses((status = 201, description = "The invitation, with its code", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_invitation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    service.authorise(&snapshot, &credentials, Operation::CreateInvitation).await?;
    let new_invitation: NewInvitation = validation::read(body.receive().await?)?;
    let work = move |tx: &mut _, context: RequestContext<'_>| actions::create(tx, context, &new_invitation);
    let details = service.write("create an invitation", &snapshot, credentials, work).await?;
    let view = InvitationView::of(details, &service, &snapshot.conference);
    let location = format!("/api/v1/conferences/{}/invitations/{}", snapshot.conference.slug, view.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).insert_header(NO_STORE).json(view))
}

/// Creates a personal invitation for each row of a table and sends it: all rows, or none if a row has an error.
///
/// The columns are `email`, `name`, `salutation`, `language`, `category` and `expires_at`, in any order; only `email`
/// is required.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations/batch",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), BatchQuery),
    request_body(description = "CSV in UTF-8 with a header line, at most 10,000 rows", content((String = "text/csv"))),
    responses((status = 200, description = "The number of invitations", body = InvitedTable), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_invitations(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BatchQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    service.authorise(&snapshot, &credentials, Operation::CreateInvitations).await?;
    let bytes = receive_table(body).await?;
    let people = import_table::read(&bytes, |column| batch::COLUMNS.contains(&column), |_| None, &[&["email"]])?;
    let is_on = |switch: Option<Switch>| switch == Some(Switch::On);
    let options = BatchOptions { reserve_seats: is_on(query.0.reserve_seats), dry_run: is_on(query.0.dry_run) };
    let count = service
        .write("invite a table", &snapshot, credentials, move |tx, context| {
            batch::invite_all(tx, context, &people, options)
        })
        .await?;
    let dry_run = options.dry_run;
    let result = InvitedTable { rows: count, invited: count, dry_run };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(result))
}

/// Reads the CSV in the body of a request.
///
/// # Errors
/// The body is not `text/csv`, or too long.
pub async fn receive_table(body: Upload) -> Result<web::Bytes, Problem> {
    if body.media_type().as_deref() != Some("text/csv") {
        let problem = Problem::new(&UNSUPPORTED_MEDIA_TYPE).detail("send Content-Type: text/csv");
        return Err(problem.header(header::ACCEPT, "text/csv"));
    }
    body.receive().await
}

/// Lists invitations, without their codes.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/invitations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), InvitationQuery),
    responses((status = 200, description = "A page of invitations", body = InvitationList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_invitations(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<InvitationQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    service.authorise(&snapshot, &credentials, Operation::ListInvitations).await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let filter =
        InvitationFilter { status: query.0.status, kind: query.0.kind, after: page.key()?, limit: page.rows() };
    let listed = Arc::clone(&snapshot);
    let list = move |tx: &mut _| actions::list(tx, &listed.conference, &listed.agenda, &filter);
    let invitations = service.database.read(list).await?;
    let view = |details| InvitationView::of(details, &service, &snapshot.conference);
    let list = |invitations: Vec<_>, next| InvitationList { data: invitations.into_iter().map(view).collect(), next };
    Ok(page.answer(&request, invitations, |details| details.invitation.id.to_string(), list))
}

fn parse_id(text: &str) -> Result<InvitationId, InvitationError> {
    text.parse::<Id<_>>().map_err(|_| InvitationError::NotFound)
}

/// Reads an invitation; a personal one with its code, as long as it can be used.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/invitations/{invitation}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("invitation" = String, Path, description = "The invitation's id")
    ),
    responses((status = 200, description = "The invitation", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn read_invitation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    service.authorise(&snapshot, &credentials, Operation::ReadInvitation).await?;
    let id = parse_id(&id)?;
    let (of, secret) = (Arc::clone(&snapshot), service.secret.clone());
    let read = move |tx: &mut _| actions::read(tx, &of.conference, &of.agenda, id, &secret);
    let details = service.database.read(read).await?;
    let view = InvitationView::of(details, &service, &snapshot.conference);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Revokes an invitation: nobody can use it any more, and the seats that it reserves become free.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations/{invitation}/revoke",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("invitation" = String, Path, description = "The invitation's id")
    ),
    request_body = EmptyObject,
    responses((status = 200, description = "The invitation", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn revoke_invitation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(EmptyObject {}): Json<EmptyObject>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    service.authorise(&snapshot, &credentials, Operation::RevokeInvitation).await?;
    let id = parse_id(&id)?;
    let details = service
        .write("revoke an invitation", &snapshot, credentials, move |tx, context| actions::revoke(tx, context, id));
    let view = InvitationView::of(details.await?, &service, &snapshot.conference);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Sends a personal invitation again.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations/{invitation}/resend",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("invitation" = String, Path, description = "The invitation's id")
    ),
    request_body = EmptyObject,
    responses((status = 200, description = "The invitation; a letter is sent", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn resend_invitation(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(EmptyObject {}): Json<EmptyObject>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    service.authorise(&snapshot, &credentials, Operation::ResendInvitation).await?;
    let id = parse_id(&id)?;
    let details = service
        .write("send an invitation again", &snapshot, credentials, move |tx, context| actions::resend(tx, context, id));
    let view = InvitationView::of(details.await?, &service, &snapshot.conference);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}
