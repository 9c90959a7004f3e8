//! `/api/v1/conferences/{conference}/invitations`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    InvitationKind, InvitationStatus,
    actions::{self, Shown},
    batch::{self, Options},
    store::Wanted,
};
use crate::{
    access::{Credentials, authorise},
    agenda::Place,
    clock,
    faults::{self, Faults},
    http::{
        CodePath, Json, Problem, Query,
        extract::{Document, Upload},
        paging::{Page, link_next},
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    ids::{Id, InvitationId},
    programme::Snapshot,
    registration::{
        RegistrationError,
        api::{Desk, NO_STORE, Nothing},
        table,
    },
    values::{Code, Count, EmailAddress, LanguageTag, Line, Moment, Switch},
};

/// An invitation to make.
#[derive(Debug, Clone, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewInvitation {
    /// `personal`: used once. `shared`: an access code.
    pub kind: InvitationKind,
    /// What registrars call it; the name or address if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub label: Option<Line<200>>,
    /// To which category alone; to any if left out. It opens a category that needs an invitation, and shows a hidden
    /// one.
    #[deserr(default)]
    #[schema(required = false)]
    pub category: Option<Code>,
    /// Where a personal one is mailed.
    #[deserr(default)]
    #[schema(required = false)]
    pub email: Option<EmailAddress>,
    /// Whether nobody but that address may use it; if left out, so it is.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub bound_to_email: bool,
    /// Whom the letter addresses.
    #[deserr(default)]
    #[schema(required = false)]
    pub name: Option<Line<200>>,
    /// The language of the letter: one of the conference's.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
    /// The text of an access code, 6 characters or more; capitals, spaces and hyphens do not matter. One is drawn if
    /// left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub code: Option<Line<60>>,
    /// How often an access code can be used; without limit if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub uses_max: Option<Count<1>>,
    /// Until when it can be used.
    #[deserr(default)]
    #[schema(required = false)]
    pub expires_at: Option<Moment>,
    /// How many seats of the category are kept for those who use it.
    #[deserr(default)]
    #[schema(required = false)]
    pub seats_reserved: Option<Count<0>>,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// Whom it is for.
    #[schema(value_type = InvitationKind)]
    pub kind: String,
    /// What registrars call it.
    pub label: String,
    /// Whether it can be used.
    pub status: InvitationStatus,
    /// To which category alone.
    pub category: Option<Code>,
    /// Where it was mailed.
    pub email: Option<String>,
    /// Whether nobody but that address may use it.
    pub bound_to_email: bool,
    /// Whom the letter addresses.
    pub name: Option<String>,
    /// The language of the letter.
    pub language: Option<String>,
    /// How often it can be used; none: without limit.
    pub uses_max: Option<i32>,
    /// How often it was.
    pub uses: i32,
    /// How many seats it keeps now.
    pub seats_reserved: i32,
    /// Until when it can be used.
    pub expires_at: Option<String>,
    /// When it was revoked, or its seats were given back.
    pub ended_at: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// The code: of an access code in the answer that makes it and never again, of a personal invitation whenever one
    /// alone is read, as long as it can be used.
    pub code: Option<String>,
    /// The form with that code.
    pub link: Option<String>,
}

impl InvitationView {
    fn of(shown: Shown, desk: &Desk, place: &Place) -> Self {
        let invitation = shown.invitation;
        let link = |code: &String| {
            let code: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
            let slug = &place.slug;
            format!("{}/api/v1/conferences/{slug}/registration-form?invitation={code}", desk.public_url)
        };
        Self {
            id: invitation.id,
            kind: invitation.kind,
            label: invitation.label,
            status: shown.status,
            category: shown.category,
            bound_to_email: invitation.email_folded.is_some(),
            email: invitation.email,
            name: invitation.name,
            language: invitation.language,
            uses_max: invitation.uses_max,
            uses: invitation.uses,
            seats_reserved: invitation.seats_reserved,
            expires_at: invitation.expires_at.map(|expires| clock::wire(expires.0)),
            ended_at: invitation.ended_at.map(|ended| clock::wire(ended.0)),
            created_at: clock::wire(invitation.created_at.0),
            link: shown.code.as_ref().map(link),
            code: shown.code,
        }
    }
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationList {
    /// The invitations, in the order in which they were made.
    pub data: Vec<InvitationView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// Which invitations are wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InvitationQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only those that can be used (`open`), were used as often as they can be (`used`), or are `over`.
    #[deserr(default)]
    pub status: Option<InvitationStatus>,
    /// Only those of this kind.
    #[deserr(default)]
    pub kind: Option<InvitationKind>,
}

/// How a table is taken.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchQuery {
    /// `true`: say what is wrong, and do nothing.
    #[deserr(default)]
    pub dry_run: Option<Switch>,
    /// `true`: each invitation keeps a seat of its category.
    #[deserr(default)]
    pub reserve_seats: Option<Switch>,
}

/// What became of a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitedTable {
    /// How many rows it has.
    pub rows: usize,
    /// How many were invited: all of them, or none.
    pub invited: usize,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// Lets nobody go on who may not.
async fn admit(
    desk: &Desk,
    snapshot: &Snapshot,
    credentials: &Credentials,
    operation: &'static str,
) -> Result<(), Problem> {
    let (credentials, conference) = (credentials.clone(), snapshot.place.id);
    let asked = desk.database.read(move |tx| {
        authorise(tx, &credentials, operation, Some(conference)).map(|_| ()).map_err(RegistrationError::from)
    });
    Ok(asked.await?)
}

/// Makes a personal invitation, which is mailed to its address if it has one, or a shared access code.
///
/// The code of a shared one is told in this answer and never again.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewInvitation,
    responses((status = 201, description = "The invitation, with its code", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_invitation(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Document,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    admit(&desk, &snapshot, &credentials, "create_invitation").await?;
    let wish: NewInvitation = faults::read(body.receive().await?)?;
    let work = move |tx: &mut _, errand: crate::registration::actions::Errand<'_>| actions::create(tx, errand, &wish);
    let made = desk.write("create an invitation", &snapshot, credentials, work).await?;
    let view = InvitationView::of(made, &desk, &snapshot.place);
    let location = format!("/api/v1/conferences/{}/invitations/{}", snapshot.place.slug, view.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).insert_header(NO_STORE).json(view))
}

/// Makes a personal invitation of each row of a table and mails it: all of them, or none.
///
/// The columns are `email`, `name`, `language`, `category` and `expires_at`, in any order; `email` alone must be there.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations/batch",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), BatchQuery),
    request_body(description = "CSV in UTF-8 with a header line, at most 10,000 rows", content((String = "text/csv"))),
    responses((status = 200, description = "How many were invited", body = InvitedTable), AnyProblem),
    security(("bearer" = []))
)]
pub async fn create_invitations(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BatchQuery>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    admit(&desk, &snapshot, &credentials, "create_invitations").await?;
    let bytes = receive_table(body).await?;
    let people = table::read(&bytes, |column| batch::COLUMNS.contains(&column), &["email"])?;
    let is_on = |switch: Option<Switch>| switch == Some(Switch::On);
    let options = Options { reserve_seats: is_on(query.0.reserve_seats), dry_run: is_on(query.0.dry_run) };
    let count = desk
        .write("invite a table", &snapshot, credentials, move |tx, errand| {
            batch::invite_all(tx, errand, &people, options)
        })
        .await?;
    let dry_run = options.dry_run;
    let done = InvitedTable { rows: count, invited: if dry_run { 0 } else { count }, dry_run };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(done))
}

/// Receives a table.
///
/// # Errors
/// It is no CSV, or too long.
pub async fn receive_table(body: Upload) -> Result<web::Bytes, Problem> {
    if body.media_type().as_deref() != Some("text/csv") {
        let problem = Problem::new(&UNSUPPORTED_MEDIA_TYPE).detail("send Content-Type: text/csv");
        return Err(problem.header(header::ACCEPT, "text/csv"));
    }
    body.receive().await
}

/// Lists invitations; no code is told.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/invitations",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), InvitationQuery),
    responses((status = 200, description = "A page of invitations", body = InvitationList), AnyProblem),
    security(("bearer" = []))
)]
pub async fn list_invitations(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<InvitationQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    admit(&desk, &snapshot, &credentials, "list_invitations").await?;
    let page = Page::read(query.0.limit.as_deref(), query.0.cursor.as_deref())?;
    let wanted = Wanted {
        status: query.0.status,
        kind: query.0.kind.map(InvitationKind::as_str),
        after: page.key()?,
        limit: page.rows(),
    };
    let place = snapshot.place.clone();
    let mut found = desk.database.read(move |tx| actions::list(tx, &place, &wanted)).await?;
    let next = page.cut(&request, &mut found, |shown| shown.invitation.id.to_string());
    let data = found.into_iter().map(|shown| InvitationView::of(shown, &desk, &snapshot.place)).collect();
    let mut response = HttpResponse::Ok();
    let mut response = response.insert_header(NO_STORE).json(InvitationList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

fn id_of(text: &str) -> Result<InvitationId, RegistrationError> {
    text.parse::<Id<_>>().map_err(|_| RegistrationError::NoThing("invitation"))
}

/// Reads an invitation; that of one person with its code, as long as it can be used.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    admit(&desk, &snapshot, &credentials, "read_invitation").await?;
    let id = id_of(&id)?;
    let (place, secret) = (snapshot.place.clone(), desk.secret.clone());
    let shown = desk.database.read(move |tx| actions::read(tx, &place, id, &secret)).await?;
    let view = InvitationView::of(shown, &desk, &snapshot.place);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Ends an invitation: nobody can use it from now on, and the seats that it keeps are free.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations/{invitation}/revoke",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("invitation" = String, Path, description = "The invitation's id")
    ),
    request_body = Nothing,
    responses((status = 200, description = "The invitation", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn revoke_invitation(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    admit(&desk, &snapshot, &credentials, "revoke_invitation").await?;
    let id = id_of(&id)?;
    let done =
        desk.write("revoke an invitation", &snapshot, credentials, move |tx, errand| actions::revoke(tx, errand, id));
    let view = InvitationView::of(done.await?, &desk, &snapshot.place);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Mails a personal invitation again.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/invitations/{invitation}/resend",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("invitation" = String, Path, description = "The invitation's id")
    ),
    request_body = Nothing,
    responses((status = 200, description = "The invitation; the letter is on its way", body = InvitationView), AnyProblem),
    security(("bearer" = []))
)]
pub async fn resend_invitation(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    admit(&desk, &snapshot, &credentials, "resend_invitation").await?;
    let id = id_of(&id)?;
    let done = desk
        .write("send an invitation again", &snapshot, credentials, move |tx, errand| actions::resend(tx, errand, id));
    let view = InvitationView::of(done.await?, &desk, &snapshot.place);
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}
