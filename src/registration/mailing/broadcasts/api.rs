//! `.../mail/broadcasts`.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Audience, BroadcastKind, actions, store::Broadcast};
use crate::{
    access::{Credentials, authorise},
    clock,
    database::Connection,
    faults::{self, Faults},
    http::{
        CodePath, Json, Problem, Query,
        extract::Large,
        paging::{Page, link_next},
        problem::AnyProblem,
    },
    ids::BroadcastId,
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE, Nothing},
        mailing::templates::api::{LetterPreview, MailLanguage},
    },
    values::{Count, EmailAddress, Localised, Moment},
};

/// A broadcast to draft.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NewMailBroadcast)]
pub struct NewBroadcastTerms {
    /// `announcement` (the organisers' own words) or `reminder` (the template's).
    #[deserr(default = BroadcastKind::Announcement)]
    #[schema(required = false)]
    pub kind: BroadcastKind,
    /// The subject of an announcement; may name what a template may, as `{{ name }}`.
    #[deserr(default)]
    #[schema(required = false)]
    pub subject: Option<Localised>,
    /// The text of an announcement: paragraphs, parted by empty lines.
    #[deserr(default)]
    #[schema(required = false)]
    pub body: Option<Localised>,
    /// To whom it goes.
    #[deserr(default)]
    #[schema(required = false)]
    pub audience: Audience,
    /// How many messages a minute at most; 600 if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub per_minute: Option<Count<1>>,
}

/// A broadcast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailBroadcast)]
pub struct BroadcastView {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// `draft`, `sending`, `stopped`, `done`.
    pub state: String,
    /// The subject, by language.
    #[schema(value_type = Object)]
    pub subject: Value,
    /// The text, by language.
    #[schema(value_type = Object)]
    pub body: Value,
    /// To whom it goes.
    #[schema(value_type = Object)]
    pub audience: Value,
    /// How many messages a minute at most.
    pub per_minute: i32,
    /// How many messages were made.
    pub enqueued: i64,
    /// How many of them are in each state: `waiting`, `sent`, `failed`, `cancelled`.
    pub messages: BTreeMap<String, i64>,
    /// Who drafted it.
    pub created_by: String,
    /// When it was drafted.
    pub created_at: String,
    /// When it begins, or began.
    pub started_at: Option<String>,
    /// When everybody had it.
    pub finished_at: Option<String>,
}

impl BroadcastView {
    fn of(broadcast: Broadcast, messages: BTreeMap<String, i64>) -> Self {
        let said = |what: &str| broadcast.content.0.get(what).cloned().unwrap_or_default();
        Self {
            subject: said("subject"),
            body: said("body"),
            id: broadcast.id.to_string(),
            kind: broadcast.kind,
            state: broadcast.state,
            audience: broadcast.audience.0,
            per_minute: broadcast.per_minute,
            enqueued: broadcast.enqueued,
            messages,
            created_by: broadcast.created_by,
            created_at: clock::wire(broadcast.created_at.0),
            started_at: broadcast.started_at.map(|at| clock::wire(at.0)),
            finished_at: broadcast.finished_at.map(|at| clock::wire(at.0)),
        }
    }
}

/// A page of broadcasts.
#[derive(Debug, Serialize, ToSchema)]
pub struct BroadcastList {
    /// The broadcasts, the latest first.
    pub data: Vec<BroadcastView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// To how many a broadcast goes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = MailRecipients)]
pub struct Recipients {
    /// How many get it.
    pub count: u32,
    /// How many of them read which language.
    pub languages: BTreeMap<String, u32>,
    /// How many are left out: mail to them comes back, or they want no announcements.
    pub left_out: u32,
}

fn id_of(text: &str) -> Result<BroadcastId, RegistrationError> {
    text.parse().map_err(|_| RegistrationError::NoThing("broadcast"))
}

type Paths = web::Path<(CodePath, String)>;

async fn act(
    desk: &Desk,
    credentials: Credentials,
    (slug, id): (CodePath, String),
    name: &'static str,
    work: impl Fn(&mut Connection, Errand<'_>, BroadcastId) -> Result<Broadcast, RegistrationError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&slug.0)?;
    let act = move |tx: &mut Connection, errand: Errand<'_>| {
        // Whoever may not learns no more than that.
        let id = id_of(&id).unwrap_or_default();
        let broadcast = work(tx, errand, id)?;
        let messages = actions::states(tx, id)?;
        Ok(BroadcastView::of(broadcast, messages))
    };
    let view = desk.write(name, &snapshot, credentials, act).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Drafts a broadcast; nothing is sent.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/broadcasts",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewBroadcastTerms,
    responses((status = 201, description = "The draft", body = BroadcastView), AnyProblem)
)]
pub async fn create_mail_broadcast(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    Large(terms): Large<NewBroadcastTerms>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| actions::create(tx, errand, &terms);
    let made = desk.write("draft a broadcast", &snapshot, credentials, work).await?;
    let location = format!("/api/v1/conferences/{}/mail/broadcasts/{}", path.0, made.id);
    let view = BroadcastView::of(made, BTreeMap::new());
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).insert_header(NO_STORE).json(view))
}

/// Which page of the broadcasts.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BroadcastsQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// Lists the broadcasts, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/broadcasts",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug"), BroadcastsQuery),
    responses((status = 200, description = "A page of broadcasts", body = BroadcastList), AnyProblem)
)]
pub async fn list_mail_broadcasts(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BroadcastsQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let asked = query.0;
    let read = move |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "list_mail_broadcasts", Some(errand.place.id))?;
        let page = Page::read(asked.limit.as_deref(), asked.cursor.as_deref())?;
        let mut found = Vec::new();
        for broadcast in actions::list(tx, errand.place, page.key()?, page.rows())? {
            let states = actions::states(tx, broadcast.id)?;
            found.push(BroadcastView::of(broadcast, states));
        }
        Ok::<_, RegistrationError>((page, found))
    };
    let (page, mut data) = desk.read(&snapshot, credentials, read).await?;
    let next = page.cut(&request, &mut data, |view| view.id.clone());
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(BroadcastList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

macro_rules! of_one {
    ($(#[$doc:meta])* $method:ident $path:literal => $name:ident, $work:expr, $body:ty, $says:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            $method, path = $path,
            tag = "mail",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("broadcast" = String, Path, description = "The broadcast's id")
            ),
            responses((status = 200, description = $says, body = $body), AnyProblem)
        )]
        pub async fn $name(
            desk: web::Data<Desk>,
            credentials: Credentials,
            path: Paths,
        ) -> Result<HttpResponse, Problem> {
            let (slug, id) = path.into_inner();
            let snapshot = desk.snapshot(&slug.0)?;
            let read = move |tx: &mut Connection, errand: Errand<'_>| $work(tx, errand, id_of(&id).unwrap_or_default());
            let found: $body = desk.read(&snapshot, credentials, read).await?;
            Ok(HttpResponse::Ok().insert_header(NO_STORE).json(found))
        }
    };
}

fn read_one(tx: &mut Connection, errand: Errand<'_>, id: BroadcastId) -> Result<BroadcastView, RegistrationError> {
    authorise(tx, errand.credentials, "read_mail_broadcast", Some(errand.place.id))?;
    let broadcast = actions::find(tx, errand.place, id)?;
    let states = actions::states(tx, id)?;
    Ok(BroadcastView::of(broadcast, states))
}

of_one! {
    /// Reads a broadcast, and how far it is.
    get "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}" => read_mail_broadcast,
    read_one, BroadcastView, "The broadcast"
}
of_one! {
    /// Counts whom a broadcast would go to now.
    get "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/recipients" => count_mail_recipients,
    actions::count, Recipients, "How many there are"
}

/// In which language a broadcast is wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewLanguageQuery {
    /// `en`, `fr` or `nl`; `en` if left out.
    #[deserr(default)]
    pub language: Option<MailLanguage>,
}

/// Shows a broadcast as a reader would get it.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/preview",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id"),
        PreviewLanguageQuery
    ),
    responses((status = 200, description = "The letter", body = LetterPreview), AnyProblem)
)]
pub async fn preview_mail_broadcast(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: Paths,
    query: Query<PreviewLanguageQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let language = query.0.language.unwrap_or(MailLanguage::English);
    let read = move |tx: &mut Connection, errand: Errand<'_>| {
        actions::show_words(tx, errand, id_of(&id).unwrap_or_default(), language)
    };
    let preview = desk.read(&snapshot, credentials, read).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(preview))
}

/// To whom a broadcast is tried.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct BroadcastTest {
    /// The address.
    pub email: EmailAddress,
    /// The language; `en` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<MailLanguage>,
}

/// What was tried.
#[derive(Debug, Serialize, ToSchema)]
pub struct BroadcastTested {
    /// To whom.
    pub sent_to: EmailAddress,
}

/// Sends a broadcast to one address, with the facts of somebody who might be.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/test",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id")
    ),
    request_body = BroadcastTest,
    responses((status = 200, description = "It is on its way", body = BroadcastTested), AnyProblem)
)]
pub async fn test_mail_broadcast(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: Paths,
    Json(wish): Json<BroadcastTest>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let sent_to = wish.email.clone();
    let work = move |tx: &mut Connection, errand: Errand<'_>| {
        let language = wish.language.unwrap_or(MailLanguage::English);
        actions::test(tx, errand, id_of(&id).unwrap_or_default(), &wish.email, language)
    };
    desk.write("try a broadcast", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(BroadcastTested { sent_to }))
}

/// When a broadcast is sent, and to how many its sender believes.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct BroadcastSending {
    /// To how many; another number is a 409, and nothing is sent.
    #[deserr(default)]
    #[schema(required = false)]
    pub expected: Option<Count<0>>,
    /// When; at once if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub send_at: Option<Moment>,
}

/// Sends a broadcast.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/send",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id")
    ),
    request_body = BroadcastSending,
    responses((status = 200, description = "It is on its way", body = BroadcastView), AnyProblem)
)]
pub async fn send_mail_broadcast(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: Paths,
    body: crate::http::extract::Body,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let may = |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "send_mail_broadcast", Some(errand.place.id)).map(|_| ()).map_err(Into::into)
    };
    desk.read(&snapshot, credentials.clone(), may).await?;
    let wish: BroadcastSending = faults::read(body.0)?;
    let at = wish.send_at.map(|moment| moment.resolve(snapshot.agenda.conference.time_zone)).transpose();
    let at = at.map_err(|fault| {
        let mut found = Faults::default();
        found.add("#/send_at", &fault.code, fault.detail);
        found
    })?;
    let at = at.map(|at| at.to_utc());
    let expected = wish.expected.map(|Count(count)| count);
    act(&desk, credentials, (slug, id), "send a broadcast", move |tx, errand, id| {
        actions::send(tx, errand, id, (expected, at))
    })
    .await
}

macro_rules! turn {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $work:path, $says:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "mail",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("broadcast" = String, Path, description = "The broadcast's id")
            ),
            request_body = Nothing,
            responses((status = 200, description = $says, body = BroadcastView), AnyProblem)
        )]
        pub async fn $name(
            desk: web::Data<Desk>,
            credentials: Credentials,
            path: Paths,
            Json(Nothing {}): Json<Nothing>,
        ) -> Result<HttpResponse, Problem> {
            act(&desk, credentials, path.into_inner(), stringify!($name), $work).await
        }
    };
}

turn! {
    /// Stops a broadcast: what is not sent yet is taken back.
    post "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/stop" => stop_mail_broadcast,
    actions::stop, "It is stopped"
}
turn! {
    /// Goes on with a broadcast that was stopped: whoever has it does not get it again.
    post "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/resume" => resume_mail_broadcast,
    actions::resume, "It is on its way again"
}

/// Deletes the draft of a broadcast.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id")
    ),
    responses((status = 204, description = "It is gone"), AnyProblem)
)]
pub async fn delete_mail_broadcast(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: Paths,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let work =
        move |tx: &mut Connection, errand: Errand<'_>| actions::delete(tx, errand, id_of(&id).unwrap_or_default());
    desk.write("delete a broadcast", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
