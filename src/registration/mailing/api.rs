//! `.../mail/messages`, `.../mail/bounces`, `.../mail/blocks`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{Credentials, audit, authorise},
    clock,
    database::Connection,
    faults::Faults,
    http::{
        CodePath, Json, Problem, Query,
        extract::Upload,
        paging::{Page, link_next},
        problem::{AnyProblem, UNSUPPORTED_MEDIA_TYPE},
    },
    ids::{MessageId, RegistrationId},
    mail::{
        LetterKind, bounce,
        messages::{self, Attempt, Seen, Wanted},
        store::{self, Block, Blocked},
    },
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE, Nothing},
        store as registrations,
    },
    values::{EmailAddress, TextValue as _, text_enum},
};

text_enum! {
    /// What became of a message.
    MessageState {
        /// It is to be sent.
        Waiting = "waiting",
        /// The mail server accepted it.
        Sent = "sent",
        /// It cannot be delivered.
        Failed = "failed",
        /// It was taken back before it was sent.
        Cancelled = "cancelled",
    }
}

/// Which messages are wanted.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Only those in this state.
    #[deserr(default)]
    pub state: Option<MessageState>,
    /// Only those about this.
    #[deserr(default)]
    pub kind: Option<LetterKind>,
    /// Only those to this address.
    #[deserr(default)]
    pub recipient: Option<EmailAddress>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailMessage)]
pub struct MessageView {
    /// Its id, of which its `Message-ID` is made.
    pub id: String,
    /// What it is about.
    pub kind: String,
    /// Where it goes; null once it is so old that it says nothing of a person any more.
    pub recipient: Option<String>,
    /// The reader's language.
    pub language: String,
    /// What became of it.
    pub state: String,
    /// The registration that it is about.
    pub reference: Option<String>,
    /// How often it was tried.
    pub tries: i32,
    /// When it is tried next, while it waits.
    pub next_try_at: Option<String>,
    /// What the mail server said last, where it did not accept it.
    pub last_error: Option<String>,
    /// The broadcast that it is one of.
    pub broadcast: Option<String>,
    /// When it was caused.
    pub created_at: String,
    /// When it was accepted.
    pub sent_at: Option<String>,
}

impl From<Seen> for MessageView {
    fn from(seen: Seen) -> Self {
        let reference = seen.content.0.get("reference").and_then(|reference| reference.as_str());
        Self {
            reference: reference.filter(|reference| !reference.is_empty()).map(str::to_owned),
            id: seen.id.to_string(),
            kind: seen.kind,
            recipient: Some(seen.recipient).filter(|_| seen.scrubbed_at.is_none()),
            language: seen.language,
            next_try_at: (seen.state == "waiting").then(|| clock::wire(seen.next_try_at.0)),
            state: seen.state,
            tries: seen.tries,
            last_error: seen.last_error,
            broadcast: seen.broadcast_id.map(|id| id.to_string()),
            created_at: clock::wire(seen.created_at.0),
            sent_at: seen.sent_at.map(|at| clock::wire(at.0)),
        }
    }
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageList {
    /// The messages, the latest first.
    pub data: Vec<MessageView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// An attempt to send a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailAttempt)]
pub struct AttemptView {
    /// When.
    pub at: String,
    /// `sent`, `put_off` or `failed`.
    pub outcome: String,
    /// The mail server's words.
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
    /// The attempts to send it, the first first.
    pub attempts: Vec<AttemptView>,
}

/// Lists what was written, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/messages",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug"), MessagesQuery),
    responses((status = 200, description = "A page of messages", body = MessageList), AnyProblem)
)]
pub async fn list_mail_messages(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<MessagesQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let asked = query.0;
    let read = move |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "list_mail_messages", Some(errand.place.id))?;
        let page = Page::read(asked.limit.as_deref(), asked.cursor.as_deref())?;
        let wanted = Wanted {
            state: asked.state.map(|state| state.as_str().to_owned()),
            kind: asked.kind.map(|kind| kind.as_str().to_owned()),
            recipient: asked.recipient.as_ref().map(|address| address.as_str().to_owned()),
            broadcast: None,
        };
        let found = messages::list(tx, errand.place.id, &wanted, page.key()?, page.rows())?;
        Ok::<_, RegistrationError>((page, found))
    };
    let (page, mut found) = desk.read(&snapshot, credentials, read).await?;
    let next = page.cut(&request, &mut found, |seen| seen.id.to_string());
    let data = found.into_iter().map(MessageView::from).collect();
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(MessageList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

fn shown(connection: &mut Connection, errand: Errand<'_>, id: &str) -> Result<MessageWithAttempts, RegistrationError> {
    let id: MessageId = id.parse().map_err(|_| RegistrationError::NoThing("message"))?;
    let seen = messages::find(connection, errand.place.id, id)?.ok_or(RegistrationError::NoThing("message"))?;
    let attempts = messages::attempts(connection, id)?.into_iter().map(AttemptView::from).collect();
    Ok(MessageWithAttempts { message: seen.into(), attempts })
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, id) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let read = move |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "read_mail_message", Some(errand.place.id))?;
        shown(tx, errand, &id)
    };
    let found = desk.read(&snapshot, credentials, read).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(found))
}

/// Whether a message of a broadcast is to somebody who is not among its readers any more.
fn has_left(connection: &mut Connection, message: MessageId) -> Result<bool, RegistrationError> {
    let Some(reader) = messages::reader(connection, message)? else { return Ok(false) };
    let found = registrations::of_ids(connection, &[RegistrationId::from_uuid(reader)])?;
    Ok(found.iter().any(|registration| registration.state.is_final()))
}

async fn act_on_message(
    desk: &Desk,
    credentials: Credentials,
    (slug, id): (CodePath, String),
    (action, operation): (&'static str, &'static str),
    work: fn(&mut Connection, MessageId) -> Result<bool, crate::database::DatabaseError>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&slug.0)?;
    let act = move |tx: &mut Connection, errand: Errand<'_>| {
        let actor = authorise(tx, errand.credentials, operation, Some(errand.place.id))?;
        let before = shown(tx, errand, &id)?;
        let message: MessageId = id.parse().map_err(|_| RegistrationError::NoThing("message"))?;
        if action == "retry" && before.message.broadcast.is_some() && has_left(tx, message)? {
            return Err(RegistrationError::WrongMessage("of somebody who has left".to_owned()));
        }
        if !work(tx, message)? {
            return Err(RegistrationError::WrongMessage(before.message.state));
        }
        let entry = audit::Entry::of(action, "mail_message", message, Some(serde_json::json!({})));
        audit::record(tx, &actor, operation, Some(errand.place.id), &[entry])?;
        shown(tx, errand, &id)
    };
    let done = desk.write(operation, &snapshot, credentials, act).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(done))
}

macro_rules! message_act {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $action:literal, $work:path) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "mail",
            params(
                ("conference" = String, Path, description = "The conference's slug"),
                ("message" = String, Path, description = "The message's id")
            ),
            request_body = Nothing,
            responses((status = 200, description = "The message, as it stands now", body = MessageWithAttempts), AnyProblem)
        )]
        pub async fn $name(
            desk: web::Data<Desk>,
            credentials: Credentials,
            path: web::Path<(CodePath, String)>,
            Json(Nothing {}): Json<Nothing>,
        ) -> Result<HttpResponse, Problem> {
            act_on_message(&desk, credentials, path.into_inner(), ($action, stringify!($name)), $work).await
        }
    };
}

message_act! {
    /// Tries a message at once that failed or waits for another try.
    post "/api/v1/conferences/{conference}/mail/messages/{message}/retry" => retry_mail_message, "retry", messages::retry
}
message_act! {
    /// Takes a message back that waits.
    post "/api/v1/conferences/{conference}/mail/messages/{message}/cancel" => cancel_mail_message, "cancel", messages::cancel
}

/// What a report said.
#[derive(Debug, Serialize, ToSchema)]
pub struct BounceNoted {
    /// The addresses that are not written to any more.
    pub blocked: Vec<String>,
    /// The message that came back, where it is one of the conference.
    pub message: Option<String>,
}

/// Takes a report of a mail server that could not deliver (RFC 3464), as it came: addresses that no mail reaches get no
/// broadcast any more.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/mail/bounces",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body(description = "The report, a whole message", content((String = "message/rfc822"))),
    responses((status = 200, description = "What it said", body = BounceNoted), AnyProblem)
)]
pub async fn note_mail_bounce(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let may = |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "note_mail_bounce", Some(errand.place.id)).map(|_| ()).map_err(Into::into)
    };
    desk.read(&snapshot, credentials.clone(), may).await?;
    if body.media_type().as_deref() != Some("message/rfc822") {
        let problem = Problem::new(&UNSUPPORTED_MEDIA_TYPE).detail("send Content-Type: message/rfc822");
        return Err(problem.header(header::ACCEPT, "message/rfc822"));
    }
    let Some(report) = bounce::read(&body.receive().await?) else {
        let mut found = Faults::default();
        found.add("#", "no_report", "is no delivery status notification (multipart/report, RFC 6522)");
        return Err(found.into());
    };
    let note = move |tx: &mut Connection, errand: Errand<'_>| {
        let actor = authorise(tx, errand.credentials, "note_mail_bounce", Some(errand.place.id))?;
        let conference = errand.place.id;
        let written_to = match report.message {
            Some(message) => messages::recipient(tx, conference, message)?,
            None => None,
        };
        let mut noted = BounceNoted { blocked: Vec::new(), message: None };
        for bounce in &report.bounces {
            // The message did not arrive, whatever becomes of the next one.
            if let Some(message) = report.message.filter(|_| written_to.is_some()) {
                messages::record_bounce(tx, message, &bounce.words)?;
                noted.message = Some(message.to_string());
            }
            if !bounce.is_permanent {
                continue;
            }
            // The report may name an address that mail was passed on to: ours is the one that we wrote to.
            let address = written_to.as_deref().unwrap_or(&bounce.address);
            let Ok(address) = EmailAddress::parse(address) else { continue };
            store::block(tx, conference, &address.folded(), Block::Bounced, Some(&bounce.words))?;
            noted.blocked.push(address.as_str().to_owned());
        }
        if let Some(message) = &noted.message {
            let entry = audit::Entry::of("bounce", "mail_message", message, Some(serde_json::json!({})));
            audit::record(tx, &actor, "note_mail_bounce", Some(conference), &[entry])?;
        }
        Ok::<_, RegistrationError>(noted)
    };
    let noted = desk.write("note a bounce", &snapshot, credentials, note).await?;
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(noted))
}

/// Which page of the addresses that are not written to.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BlocksQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// An address that is not written to.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockView {
    /// The address, in small letters.
    pub address: String,
    /// `bounced`: mail to it comes back; `unsubscribed`: its owner wants no announcements.
    pub reason: String,
    /// The mail server's words.
    pub detail: Option<String>,
    /// Since when.
    pub created_at: String,
}

impl From<Blocked> for BlockView {
    fn from(row: Blocked) -> Self {
        Self { address: row.address, reason: row.reason, detail: row.detail, created_at: clock::wire(row.created_at.0) }
    }
}

/// A page of addresses that are not written to.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockList {
    /// The addresses.
    pub data: Vec<BlockView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// Lists the addresses that get no broadcast.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/mail/blocks",
    tag = "mail",
    params(("conference" = String, Path, description = "The conference's slug"), BlocksQuery),
    responses((status = 200, description = "A page of addresses", body = BlockList), AnyProblem)
)]
pub async fn list_mail_blocks(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<BlocksQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let asked = query.0;
    let read = move |tx: &mut Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "list_mail_blocks", Some(errand.place.id))?;
        let page = Page::read(asked.limit.as_deref(), asked.cursor.as_deref())?;
        // PostgreSQL refuses a text with a NUL.
        let after = page.after.as_deref().map(|after| after.replace('\0', ""));
        let found = store::blocked(tx, errand.place.id, after.as_deref(), page.rows())?;
        Ok::<_, RegistrationError>((page, found))
    };
    let (page, mut found) = desk.read(&snapshot, credentials, read).await?;
    let next = page.cut(&request, &mut found, |row| row.address.clone());
    let data = found.into_iter().map(BlockView::from).collect();
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(BlockList { data, next: next.clone() });
    link_next(&mut response, next.as_deref());
    Ok(response)
}

/// Writes to an address again whose mail came back. What its owner wants no more of stays with them.
#[utoipa::path(
    delete, path = "/api/v1/conferences/{conference}/mail/blocks/{address}",
    tag = "mail",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("address" = String, Path, description = "The address")
    ),
    responses((status = 204, description = "It is written to again"), AnyProblem)
)]
pub async fn delete_mail_block(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (slug, address) = path.into_inner();
    let snapshot = desk.snapshot(&slug.0)?;
    let work = move |tx: &mut Connection, errand: Errand<'_>| {
        let actor = authorise(tx, errand.credentials, "delete_mail_block", Some(errand.place.id))?;
        let address = EmailAddress::parse(&address).map_err(|_| RegistrationError::NoThing("block"))?;
        match store::unblock(tx, errand.place.id, &address.folded(), Block::Bounced)? {
            // The trail outlives the address: it does not name it.
            true => {
                let entry = audit::Entry::of("delete", "mail_block", "", Some(serde_json::json!({})));
                Ok(audit::record(tx, &actor, "delete_mail_block", Some(errand.place.id), &[entry])?)
            }
            false => Err(RegistrationError::NoThing("block")),
        }
    };
    desk.write("unblock an address", &snapshot, credentials, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
