//! `.../mail/broadcasts`.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{actions, store::Broadcast};
use crate::{
    access::{Credentials, Operation, authorise},
    clock,
    database::Connection,
    http::{
        CodePath, EmptyObject, Json, NO_STORE, Problem, Query, extract::LargeJson, paging::Page, problem::AnyProblem,
    },
    ids::BroadcastId,
    messaging::{
        MessagingError,
        broadcasts::model::{NewBroadcastTerms, Recipients},
        templates::api::LetterPreview,
    },
    registration::{
        broadcast::{BroadcastKind, BroadcastState},
        context::RequestContext,
        service::RegistrationService,
    },
    validation::{self, ValidationErrors},
    values::{Code, Count, EmailAddress, LanguageTag, LocalOrInstant},
};

/// A broadcast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailBroadcast)]
pub struct BroadcastView {
    /// Id of the broadcast (UUID).
    pub id: String,
    /// `announcement`, `reminder`, or (made by a release) `session_changed` or `session_cancelled`.
    pub kind: BroadcastKind,
    /// `draft`, `sending`, `stopped` or `done`.
    pub state: BroadcastState,
    /// Subject by language; empty for a kind whose text is the template's.
    #[schema(value_type = Object)]
    pub subject: Value,
    /// Text by language; empty for a kind whose text is the template's.
    #[schema(value_type = Object)]
    pub body: Value,
    /// Filters that select the recipients.
    #[schema(value_type = Object)]
    pub audience: Value,
    /// Greatest number of messages per minute.
    pub per_minute: i32,
    /// Number of messages put into the outbox so far.
    pub enqueued: i64,
    /// Number of these messages by state: `waiting`, `sent`, `failed`, `cancelled`.
    pub messages: BTreeMap<String, i64>,
    /// Name of the token that drafted it.
    pub created_by: String,
    /// Time at which it was drafted (RFC 3339, UTC).
    pub created_at: String,
    /// Time from which it is sent (RFC 3339, UTC); null for a draft. A resume sets it anew.
    pub started_at: Option<String>,
    /// Time at which no message waited any more (RFC 3339, UTC); null before.
    pub finished_at: Option<String>,
}

impl BroadcastView {
    fn of(broadcast: Broadcast, messages: BTreeMap<String, i64>) -> Self {
        let text_of = |field: &str| broadcast.content.0.get(field).cloned().unwrap_or_default();
        Self {
            subject: text_of("subject"),
            body: text_of("body"),
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
    /// Broadcasts, the latest first.
    pub data: Vec<BroadcastView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

fn parse_id(text: &str) -> Result<BroadcastId, MessagingError> {
    text.parse().map_err(|_| MessagingError::NoBroadcast)
}

type BroadcastPath = web::Path<(CodePath, String)>;

async fn change_broadcast<W>(
    service: &RegistrationService,
    credentials: Credentials,
    slug: &Code,
    id: String,
    name: &'static str,
    work: W,
) -> Result<HttpResponse, Problem>
where
    W: Fn(&mut Connection, RequestContext<'_>, BroadcastId) -> Result<Broadcast, MessagingError> + Send + 'static,
{
    let snapshot = service.conference(slug).await?;
    let change = move |tx: &mut Connection, context: RequestContext<'_>| {
        // An id that cannot be read becomes the nil id, so that the permission is checked before the 404.
        let id = parse_id(&id).unwrap_or_default();
        let broadcast = work(tx, context, id)?;
        let messages = actions::count_messages(tx, id)?;
        Ok::<_, MessagingError>(BroadcastView::of(broadcast, messages))
    };
    let view = service.write(name, &snapshot, credentials, change).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

/// Drafts a broadcast. Nothing is sent yet.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/broadcasts",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewBroadcastTerms,
    responses((status = 201, description = "The draft", body = BroadcastView), AnyProblem)
)]
pub async fn create_mail_broadcast(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    LargeJson(terms): LargeJson<NewBroadcastTerms>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| actions::create(tx, context, &terms);
    let broadcast = service.write("draft a broadcast", &snapshot, credentials, work).await?;
    let location = format!("/api/v1/conferences/{}/mail/broadcasts/{}", path.0, broadcast.id);
    let view = BroadcastView::of(broadcast, BTreeMap::new());
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).insert_header(NO_STORE).json(view))
}

/// Query of broadcasts.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BroadcastsQuery {
    /// Greatest number of broadcasts on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BroadcastsQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let query = query.0;
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ListMailBroadcasts, Some(context.conference.id))?;
        let page = Page::read(query.limit.as_deref(), query.cursor.as_deref())?;
        let mut views = Vec::new();
        for broadcast in actions::list(tx, context.conference, page.key()?, page.rows())? {
            let states = actions::count_messages(tx, broadcast.id)?;
            views.push(BroadcastView::of(broadcast, states));
        }
        Ok::<_, MessagingError>((page, views))
    };
    let (page, views) = service.read(&snapshot, credentials, read).await?;
    Ok(page.answer(&request, views, |view| view.id.clone(), |data, next| BroadcastList { data, next }))
}

macro_rules! read_of_broadcast {
    ($(#[$doc:meta])* $method:ident $path:literal => $name:ident, $work:expr, $body:ty, $description:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            $method, path = $path,
            tag = "mail",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("broadcast" = String, Path, description = "The broadcast's id")
            ),
            responses((status = 200, description = $description, body = $body), AnyProblem)
        )]
        pub async fn $name(
            service: web::Data<RegistrationService>,
            credentials: Credentials,
            path: BroadcastPath,
        ) -> Result<HttpResponse, Problem> {
            let (slug, id) = path.into_inner();
            let snapshot = service.conference(&slug.0).await?;
            let id = parse_id(&id).unwrap_or_default();
            let read = move |tx: &mut Connection, context: RequestContext<'_>| $work(tx, context, id);
            let view: $body = service.read(&snapshot, credentials, read).await?;
            Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
        }
    };
}

fn find_view(
    tx: &mut Connection,
    context: RequestContext<'_>,
    id: BroadcastId,
) -> Result<BroadcastView, MessagingError> {
    authorise(tx, context.credentials, Operation::ReadMailBroadcast, Some(context.conference.id))?;
    let broadcast = actions::find(tx, context.conference, id)?;
    let states = actions::count_messages(tx, id)?;
    Ok(BroadcastView::of(broadcast, states))
}

read_of_broadcast! {
    /// Reads a broadcast and its progress.
    get "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}" => read_mail_broadcast,
    find_view, BroadcastView, "The broadcast"
}
read_of_broadcast! {
    /// Counts the recipients that a broadcast would have now.
    get "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/recipients" => count_mail_recipients,
    actions::count, Recipients, "Number of recipients"
}

/// Query of a preview.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewLanguageQuery {
    /// Language of the reader: one of the conference, or one in which letters ship; `en` if left out.
    #[deserr(default)]
    pub language: Option<LanguageTag>,
}

/// Renders a broadcast with sample data, as a recipient would get it.
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
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: BroadcastPath,
    query: Query<PreviewLanguageQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let language = query.0.language.map_or_else(|| "en".to_owned(), |tag| tag.as_str().to_owned());
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        actions::preview_broadcast(tx, context, parse_id(&id).unwrap_or_default(), &language)
    };
    let preview = service.read(&snapshot, credentials, read).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(preview))
}

/// Address to which a test message is sent.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct BroadcastTest {
    /// Address that gets the test message.
    pub email: EmailAddress,
    /// Language of its reader: one of the conference, or one in which letters ship; `en` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub language: Option<LanguageTag>,
}

/// Result of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct BroadcastTested {
    /// Address that gets the test message.
    pub sent_to: EmailAddress,
}

/// Sends a broadcast with sample data to one address.
///
/// The test counts neither as a recipient nor as sent.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/test",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id")
    ),
    request_body = BroadcastTest,
    responses((status = 200, description = "The test message is in the outbox", body = BroadcastTested), AnyProblem)
)]
pub async fn test_mail_broadcast(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: BroadcastPath,
    Json(body): Json<BroadcastTest>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let sent_to = body.email.clone();
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        let language = body.language.as_ref().map_or("en", LanguageTag::as_str);
        actions::send_test(tx, context, parse_id(&id).unwrap_or_default(), &body.email, language)
    };
    service.write("try a broadcast", &snapshot, credentials, work).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(BroadcastTested { sent_to }))
}

/// When a broadcast is sent, and the number of recipients that the sender expects.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct BroadcastSending {
    /// Expected number of recipients. If there is another number now, nothing is sent and the answer is 409.
    #[deserr(default)]
    #[schema(required = false)]
    pub expected: Option<Count<0>>,
    /// Time to start sending (RFC 3339 with an offset, or local time in the conference's time zone); at once if left
    /// out or past.
    #[deserr(default)]
    #[schema(required = false)]
    pub send_at: Option<LocalOrInstant>,
}

/// Sends a draft, at once or at a given time.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/send",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id")
    ),
    request_body = BroadcastSending,
    responses((status = 200, description = "The broadcast", body = BroadcastView), AnyProblem)
)]
pub async fn send_mail_broadcast(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: BroadcastPath,
    raw: crate::http::extract::RawJson,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let check_permission = |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::SendMailBroadcast, Some(context.conference.id))
    };
    service.read(&snapshot, credentials.clone(), check_permission).await?;
    let body: BroadcastSending = validation::read(raw.0)?;
    let send_at = body.send_at.map(|send_at| send_at.resolve(snapshot.agenda.conference.time_zone)).transpose();
    let send_at = send_at.map_err(|error| {
        let mut errors = ValidationErrors::default();
        errors.add("#/send_at", &error.code, error.detail);
        errors
    })?;
    let send_at = send_at.map(|send_at| send_at.to_utc());
    let expected = body.expected.map(|Count(count)| count);
    change_broadcast(&service, credentials, &slug.0, id, "send a broadcast", move |tx, context, id| {
        actions::send(tx, context, id, expected, send_at)
    })
    .await
}

macro_rules! change_broadcast_state {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $work:path, $description:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "mail",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("broadcast" = String, Path, description = "The broadcast's id")
            ),
            request_body = EmptyObject,
            responses((status = 200, description = $description, body = BroadcastView), AnyProblem)
        )]
        pub async fn $name(
            service: web::Data<RegistrationService>,
            credentials: Credentials,
            path: BroadcastPath,
            Json(EmptyObject {}): Json<EmptyObject>,
        ) -> Result<HttpResponse, Problem> {
            let (slug, id) = path.into_inner();
            change_broadcast(&service, credentials, &slug.0, id, stringify!($name), $work).await
        }
    };
}

change_broadcast_state! {
    /// Stops a broadcast; messages that were not sent yet are held back.
    post "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/stop" => stop_mail_broadcast,
    actions::stop, "The stopped broadcast"
}
change_broadcast_state! {
    /// Resumes a stopped broadcast; nobody gets it a second time.
    post "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}/resume" => resume_mail_broadcast,
    actions::resume, "The resumed broadcast"
}

/// Deletes the draft of a broadcast.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/mail/broadcasts/{broadcast}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("broadcast" = String, Path, description = "The broadcast's id")
    ),
    responses((status = 204, description = "The draft was deleted"), AnyProblem)
)]
pub async fn delete_mail_broadcast(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: BroadcastPath,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        actions::delete(tx, context, parse_id(&id).unwrap_or_default())
    };
    service.write("delete a broadcast", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
