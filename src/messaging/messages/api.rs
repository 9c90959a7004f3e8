//! `.../mail/messages`, `.../mail/bounces`, `.../mail/blocks`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{
        Credentials, Operation,
        audit::{self, AuditAction, ResourceKind},
        authorise,
    },
    clock,
    database::{Connection, DatabaseError},
    http::{
        CodePath, EmptyObject, Json, NO_STORE, Problem, Query,
        extract::Upload,
        paging::Page,
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    ids::{MessageId, RegistrationId},
    mail::{
        LetterKind,
        attempts::{Attempt, AttemptOutcome},
        block_list::{self, BlockReason, BlockedAddress},
        bounce,
        letter::MessageState,
        tracking::{self, MessageFilter, MessageRow},
    },
    messaging::MessagingError,
    registration::{context::RequestContext, rows as registrations, service::RegistrationService},
    validation::ValidationErrors,
    values::{Code, EmailAddress},
};

/// Query of messages.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Greatest number of messages on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only messages in this state.
    #[deserr(default)]
    pub state: Option<MessageState>,
    /// Only messages of this kind.
    #[deserr(default)]
    pub kind: Option<LetterKind>,
    /// Only messages to this address.
    #[deserr(default)]
    pub recipient: Option<EmailAddress>,
}

/// A message to one recipient.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailMessage)]
pub struct MessageView {
    /// Id of the message (UUID). Its `Message-ID` header derives from it.
    pub id: String,
    /// Kind of the letter, such as `confirmed` or `announcement`.
    pub kind: String,
    /// Address of the recipient; null once the message's personal data was deleted.
    pub recipient: Option<String>,
    /// Language of the recipient (BCP 47).
    pub language: String,
    /// Delivery state.
    pub state: MessageState,
    /// Reference of the registration that the message is about; null if it is about none.
    pub reference: Option<String>,
    /// Number of attempts to send it.
    pub tries: i32,
    /// Time of the next attempt (RFC 3339, UTC); null unless the message is `waiting`.
    pub next_try_at: Option<String>,
    /// Error of the last failed attempt, as the mail server worded it; null if none failed.
    pub last_error: Option<String>,
    /// Id of the broadcast that the message belongs to; null if it belongs to none.
    pub broadcast: Option<String>,
    /// Time at which the message was put into the outbox (RFC 3339, UTC).
    pub created_at: String,
    /// Time at which the mail server accepted it (RFC 3339, UTC); null before.
    pub sent_at: Option<String>,
}

impl From<MessageRow> for MessageView {
    fn from(row: MessageRow) -> Self {
        let reference = row.content.0.get("reference").and_then(|reference| reference.as_str());
        Self {
            reference: reference.filter(|reference| !reference.is_empty()).map(str::to_owned),
            id: row.id.to_string(),
            kind: row.kind.0,
            recipient: Some(row.recipient).filter(|_| row.scrubbed_at.is_none()),
            language: row.language,
            next_try_at: (row.state == MessageState::Waiting).then(|| clock::wire(row.next_try_at.0)),
            state: row.state,
            tries: row.tries,
            last_error: row.last_error,
            broadcast: row.broadcast_id.map(|id| id.to_string()),
            created_at: clock::wire(row.created_at.0),
            sent_at: row.sent_at.map(|at| clock::wire(at.0)),
        }
    }
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageList {
    /// Messages, the latest first.
    pub data: Vec<MessageView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// An attempt to send a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailAttempt)]
pub struct AttemptView {
    /// Time of the attempt (RFC 3339, UTC).
    pub at: String,
    /// `sent`, `put_off` (to be tried again) or `failed`.
    pub outcome: AttemptOutcome,
    /// Reply of the mail server; null if there was none.
    pub reply: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self { at: clock::wire(attempt.at.0), outcome: attempt.outcome, reply: attempt.reply }
    }
}

/// A message with its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageWithAttempts {
    /// The message.
    #[serde(flatten)]
    pub message: MessageView,
    /// Attempts to send it, the oldest first.
    pub attempts: Vec<AttemptView>,
}

/// Lists the messages of a conference, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/messages",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug"), MessagesQuery),
    responses((status = 200, description = "A page of messages", body = MessageList), AnyProblem)
)]
pub async fn list_mail_messages(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<MessagesQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let query = query.0;
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ListMailMessages, Some(context.conference.id))?;
        let page = Page::read(query.limit.as_deref(), query.cursor.as_deref())?;
        let filter = MessageFilter {
            state: query.state,
            kind: query.kind,
            recipient: query.recipient.as_ref().map(|address| address.as_str().to_owned()),
            broadcast: None,
        };
        let rows = tracking::list(tx, context.conference.id, &filter, page.key()?, page.rows())?;
        Ok::<_, MessagingError>((page, rows))
    };
    let (page, rows) = service.read(&snapshot, credentials, read).await?;
    let list =
        |rows: Vec<MessageRow>, next| MessageList { data: rows.into_iter().map(MessageView::from).collect(), next };
    Ok(page.answer(&request, rows, |row| row.id.to_string(), list))
}

fn find_message(
    connection: &mut Connection,
    context: RequestContext<'_>,
    id: &str,
) -> Result<MessageWithAttempts, MessagingError> {
    let id: MessageId = id.parse().map_err(|_| MessagingError::NoMessage)?;
    let row = tracking::find(connection, context.conference.id, id)?.ok_or(MessagingError::NoMessage)?;
    let attempts = crate::mail::attempts::list_attempts(connection, id)?.into_iter().map(AttemptView::from).collect();
    Ok(MessageWithAttempts { message: row.into(), attempts })
}

/// Reads a message with every attempt to send it.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/messages/{message}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("message" = String, Path, description = "The message's id")
    ),
    responses((status = 200, description = "The message", body = MessageWithAttempts), AnyProblem)
)]
pub async fn read_mail_message(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ReadMailMessage, Some(context.conference.id))?;
        find_message(tx, context, &id)
    };
    let message = service.read(&snapshot, credentials, read).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(message))
}

/// Whether a broadcast's message is to a registration that is cancelled, rejected, expired or revoked by now.
fn registration_has_ended(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let Some(registration) = tracking::find_registration(connection, message)? else { return Ok(false) };
    let rows = registrations::of_ids(connection, &[RegistrationId::from_uuid(registration)])?;
    Ok(rows.iter().any(|registration| registration.state.is_final()))
}

/// How a message is changed.
struct MessageChange {
    /// The action of the audit entry.
    action: AuditAction,
    operation: Operation,
    /// The change; `false` if the message's status does not allow it.
    apply: fn(&mut Connection, MessageId) -> Result<bool, DatabaseError>,
}

async fn change_message(
    service: &RegistrationService,
    credentials: Credentials,
    slug: &Code,
    id: String,
    change: MessageChange,
) -> Result<HttpResponse, Problem> {
    let MessageChange { action, operation, apply } = change;
    let snapshot = service.conference(slug).await?;
    let change = move |tx: &mut Connection, context: RequestContext<'_>| {
        let actor = authorise(tx, context.credentials, operation, Some(context.conference.id))?;
        let before = find_message(tx, context, &id)?;
        let message: MessageId = id.parse().map_err(|_| MessagingError::NoMessage)?;
        if action == AuditAction::Retry && before.message.broadcast.is_some() && registration_has_ended(tx, message)? {
            return Err(MessagingError::WrongState("to a registration that is no longer live"));
        }
        if !apply(tx, message)? {
            return Err(MessagingError::WrongState(before.message.state.as_str()));
        }
        let entry = audit::Entry::of(action, ResourceKind::MailMessage, message, Some(serde_json::json!({})));
        audit::record(tx, &actor, operation, Some(context.conference.id), &[entry])?;
        find_message(tx, context, &id)
    };
    let message = service.write(operation.as_str(), &snapshot, credentials, change).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(message))
}

macro_rules! message_action {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $action:ident, $apply:path) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "mail",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("message" = String, Path, description = "The message's id")
            ),
            request_body = EmptyObject,
            responses((status = 200, description = "The changed message", body = MessageWithAttempts), AnyProblem)
        )]
        pub async fn $name(
            service: web::Data<RegistrationService>,
            credentials: Credentials,
            path: web::Path<(CodePath, String)>,
            Json(EmptyObject {}): Json<EmptyObject>,
        ) -> Result<HttpResponse, Problem> {
            let (slug, id) = path.into_inner();
            let operation = pastey::paste!(Operation::[<$name:camel>]);
            let change = MessageChange { action: AuditAction::$action, operation, apply: $apply };
            change_message(&service, credentials, &slug.0, id, change).await
        }
    };
}

message_action! {
    /// Sends a message at once that failed or waits for another attempt.
    post "/api/v1/conferences/{conference}/mail/messages/{message}/retry" => retry_mail_message, Retry, tracking::retry
}
message_action! {
    /// Cancels a message that waits.
    post "/api/v1/conferences/{conference}/mail/messages/{message}/cancel" => cancel_mail_message, Cancel, tracking::cancel
}

/// Effect of a bounce report.
#[derive(Debug, Serialize, ToSchema)]
pub struct BounceNoted {
    /// Addresses that get no more broadcasts because of this report.
    pub blocked: Vec<String>,
    /// Id of the message that bounced; null if it is none of the conference.
    pub message: Option<String>,
}

/// Records a delivery status notification (RFC 3464) from a mail server.
///
/// The body is the whole message as it arrived. Addresses with a permanent failure get no more broadcasts.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/bounces",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body(description = "The report: a whole message", content((String = "message/rfc822"))),
    responses((status = 200, description = "Effect of the report", body = BounceNoted), AnyProblem)
)]
pub async fn note_mail_bounce(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let check_permission = |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::NoteMailBounce, Some(context.conference.id))
    };
    service.read(&snapshot, credentials.clone(), check_permission).await?;
    if body.media_type().as_deref() != Some("message/rfc822") {
        let problem = Problem::new(&UNSUPPORTED_MEDIA_TYPE).detail("send Content-Type: message/rfc822");
        return Err(problem.header(header::ACCEPT, "message/rfc822"));
    }
    let Some(report) = bounce::parse(&body.receive().await?) else {
        let mut errors = ValidationErrors::default();
        errors.add("#", "no_report", "is no delivery status notification (multipart/report, RFC 6522)");
        return Err(errors.into());
    };
    let record = move |tx: &mut Connection, context: RequestContext<'_>| {
        let actor = authorise(tx, context.credentials, Operation::NoteMailBounce, Some(context.conference.id))?;
        let effect = bounce::record(tx, context.conference.id, &report)?;
        if let Some(message) = effect.message {
            let entry =
                audit::Entry::of(AuditAction::Bounce, ResourceKind::MailMessage, message, Some(serde_json::json!({})));
            audit::record(tx, &actor, Operation::NoteMailBounce, Some(context.conference.id), &[entry])?;
        }
        Ok::<_, MessagingError>(effect)
    };
    let effect = service.write("note a bounce", &snapshot, credentials, record).await?;
    let blocked = effect.blocked.iter().map(ToString::to_string).collect();
    let noted = BounceNoted { blocked, message: effect.message.map(|id| id.to_string()) };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(noted))
}

/// Query of blocked addresses.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BlocksQuery {
    /// Greatest number of addresses on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// A blocked address: it gets no broadcast that the block covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockView {
    /// The address in lower case.
    pub address: String,
    /// `bounced` (mail to it came back; no broadcasts) or `unsubscribed` (its owner wants no announcements and
    /// reminders).
    pub reason: BlockReason,
    /// Text of the bounce, as the mail server worded it; null if there is none.
    pub detail: Option<String>,
    /// Time of the block (RFC 3339, UTC).
    pub created_at: String,
}

impl From<BlockedAddress> for BlockView {
    fn from(row: BlockedAddress) -> Self {
        Self { address: row.address, reason: row.reason, detail: row.detail, created_at: clock::wire(row.created_at.0) }
    }
}

/// A page of blocked addresses.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockList {
    /// Blocked addresses.
    pub data: Vec<BlockView>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Lists the blocked addresses.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/blocks",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug"), BlocksQuery),
    responses((status = 200, description = "A page of addresses", body = BlockList), AnyProblem)
)]
pub async fn list_mail_blocks(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BlocksQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let query = query.0;
    let read = move |tx: &mut Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ListMailBlocks, Some(context.conference.id))?;
        let page = Page::read(query.limit.as_deref(), query.cursor.as_deref())?;
        // PostgreSQL refuses a text with a NUL.
        let after = page.after.as_deref().map(|after| after.replace('\0', ""));
        let rows = block_list::list_blocked(tx, context.conference.id, after.as_deref(), page.rows())?;
        Ok::<_, MessagingError>((page, rows))
    };
    let (page, rows) = service.read(&snapshot, credentials, read).await?;
    let list =
        |rows: Vec<BlockedAddress>, next| BlockList { data: rows.into_iter().map(BlockView::from).collect(), next };
    Ok(page.answer(&request, rows, |row| row.address.clone(), list))
}

/// Unblocks an address whose mail bounced.
///
/// An unsubscription stays: only the owner of the address can subscribe again.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/mail/blocks/{address}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("address" = String, Path, description = "The address")
    ),
    responses((status = 204, description = "The address is unblocked"), AnyProblem)
)]
pub async fn delete_mail_block(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, address) = path.into_inner();
    let snapshot = service.conference(&slug.0).await?;
    let work = move |tx: &mut Connection, context: RequestContext<'_>| {
        let actor = authorise(tx, context.credentials, Operation::DeleteMailBlock, Some(context.conference.id))?;
        let address = EmailAddress::parse_stored(&address).map_err(|_| MessagingError::NoBlock)?;
        match block_list::unblock(tx, context.conference.id, &address.folded(), BlockReason::Bounced)? {
            // The audit trail outlives the address, so it does not name it.
            true => {
                let entry =
                    audit::Entry::of(AuditAction::Delete, ResourceKind::MailBlock, "", Some(serde_json::json!({})));
                Ok(audit::record(tx, &actor, Operation::DeleteMailBlock, Some(context.conference.id), &[entry])?)
            }
            false => Err(MessagingError::NoBlock),
        }
    };
    service.write("unblock an address", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
