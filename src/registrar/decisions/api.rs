//! `.../registrations/{approve,reject,revoke,cancel}`, `.../registrations/{reference}/notes`, `.../decisions`.

use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, DecisionResult, NothingDecided};
use crate::{
    access::{Credentials, Operation, authorise},
    clock,
    http::{
        CodePath, Json, NO_STORE, Problem, Query,
        extract::LargeJson,
        idempotency::IdempotencyKey,
        paging::{Page, link_next},
        problem::{AnyProblem, ProblemDocument},
    },
    registration::{
        RegistrationError,
        context::RequestContext,
        model::{Event, RegistrationStatus},
        service::RegistrationService,
    },
    validation::ValidationErrors,
    values::{Line, Prose},
};

/// Limit of registrations in one request.
const BULK_MAX: usize = 1_000;

/// Registrations to decide about, with the reason.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct Decisions {
    /// References of 1 to 1,000 registrations. A reference that occurs twice counts once.
    pub references: Vec<Line<60>>,
    /// Reason, quoted in each letter; at most 2,000 characters.
    #[deserr(default)]
    #[schema(required = false)]
    pub reason: Option<Prose<2000>>,
    /// `true`: answers what would become of each registration, and changes nothing; `false` if left out.
    #[deserr(default)]
    #[schema(required = false)]
    pub dry_run: bool,
}

/// Results of a decision about several registrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionsTaken {
    /// Whether this was a dry run, which changes nothing.
    pub dry_run: bool,
    /// One result for each registration, in the order of the request.
    pub data: Vec<DecisionTaken>,
    /// Number of registrations that changed.
    pub changed: usize,
    /// Number of registrations that had this decision before.
    pub unchanged: usize,
    /// Number of registrations about which no decision was possible.
    pub failed: usize,
}

/// Result of a decision about one registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionTaken {
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Whether the registration changed; false if it had this decision before or no decision was possible.
    pub changed: bool,
    /// Status of the registration after the decision; null if no decision was possible.
    pub status: Option<RegistrationStatus>,
    /// Problem document that says why no decision was possible; null if there is a decision.
    #[schema(value_type = Option<ProblemDocument>)]
    pub problem: Option<Value>,
}

async fn decide(
    service: &RegistrationService,
    credentials: Credentials,
    CodePath(slug): CodePath,
    Decisions { references, reason, dry_run }: Decisions,
    operation: Operation,
    event: Event,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&slug).await?;
    let mut errors = ValidationErrors::default();
    if !(1..=BULK_MAX).contains(&references.len()) {
        errors.add("#/references", "out_of_range", format!("must name 1 to {BULK_MAX} registrations"));
    }
    let mut unique = HashSet::new();
    let references: Vec<String> = references.iter().map(|reference| reference.as_str().to_owned()).collect();
    let references: Vec<String> = references.into_iter().filter(|reference| unique.insert(reference.clone())).collect();
    // The permission is checked before the validation errors are answered.
    let work = move |tx: &mut crate::database::Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, operation, Some(context.conference.id))?;
        errors.clone().into_result(())?;
        let reason = reason.as_ref().map(|reason| reason.as_str());
        let results = actions::decide(tx, context, operation, event, &references, reason)?;
        if dry_run { Err(NothingDecided::DryRun(results)) } else { Ok(results) }
    };
    let results = match service.write(operation.as_str(), &snapshot, credentials, work).await {
        Ok(results) | Err(NothingDecided::DryRun(results)) => results,
        Err(NothingDecided::Failed(error)) => return Err(error.into()),
    };
    let data: Vec<DecisionTaken> = results.into_iter().map(DecisionTaken::from).collect();
    let count = |is_counted: fn(&DecisionTaken) -> bool| data.iter().filter(|row| is_counted(row)).count();
    let view = DecisionsTaken {
        dry_run,
        changed: count(|row| row.changed),
        unchanged: count(|row| !row.changed && row.problem.is_none()),
        failed: count(|row| row.problem.is_some()),
        data,
    };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(view))
}

impl From<DecisionResult> for DecisionTaken {
    fn from(result: DecisionResult) -> Self {
        let reference = result.reference;
        match result.outcome {
            Ok((changed, status)) => Self { reference, changed, status: Some(status), problem: None },
            Err(error) => {
                let problem = Some(Problem::from(error).document(None));
                Self { reference, changed: false, status: None, problem }
            }
        }
    }
}

macro_rules! decision {
    ($(#[$doc:meta])* post $path:literal => $name:ident, $event:ident) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            tag = "registration",
            params(("conference" = String, Path, description = "The conference's slug")),
            request_body = Decisions,
            responses((status = 200, description = "A result for each registration", body = DecisionsTaken), AnyProblem)
        )]
        pub async fn $name(
            service: web::Data<RegistrationService>,
            credentials: Credentials,
            path: web::Path<CodePath>,
            LargeJson(decisions): LargeJson<Decisions>,
        ) -> Result<HttpResponse, Problem> {
            let operation = pastey::paste!(Operation::[<$name:camel>]);
            decide(&service, credentials, path.into_inner(), decisions, operation, Event::$event).await
        }
    };
}

decision! {
    /// Approves registrations that are pending: each gets a seat or a place on the waiting list.
    post "/api/v1/conferences/{conference}/registrations/approve" => approve_registrations, Approved
}
decision! {
    /// Rejects registrations that are pending or on a waiting list.
    post "/api/v1/conferences/{conference}/registrations/reject" => reject_registrations, Rejected
}
decision! {
    /// Revokes the accreditation of confirmed registrations.
    ///
    /// Their badges become void, and their seats go to those who have waited longest.
    post "/api/v1/conferences/{conference}/registrations/revoke" => revoke_registrations, Revoked
}

decision! {
    /// Cancels registrations, whatever their status unless it is final.
    ///
    /// Their seats go to those who have waited longest. Each person gets a letter, which quotes the reason.
    post "/api/v1/conferences/{conference}/registrations/cancel" => cancel_registrations, Cancelled
}

/// A note to add to a registration.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct NewNote {
    /// Text of the note; at most 5,000 characters.
    pub text: Prose<5000>,
}

/// A registrar's note about a registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteView {
    /// Id of the note (UUID).
    pub id: String,
    /// Time of the note (RFC 3339, UTC).
    pub at: String,
    /// Name of the token that wrote it.
    pub author: String,
    /// Text of the note.
    pub text: String,
}

impl From<super::store::Note> for NoteView {
    fn from(note: super::store::Note) -> Self {
        Self { id: note.id.to_string(), at: clock::wire(note.at.0), author: note.author, text: note.text }
    }
}

/// Notes about a registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteList {
    /// Notes, the oldest first.
    pub data: Vec<NoteView>,
}

/// Adds a note to a registration. Only registrars see notes.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/{reference}/notes",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer")
    ),
    request_body = NewNote,
    responses((status = 201, description = "The note", body = NoteView), AnyProblem)
)]
pub async fn create_registration_note(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    key: IdempotencyKey,
    Json(note): Json<NewNote>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let snapshot = service.conference(&slug).await?;
    let write = move |tx: &mut crate::database::Connection, context: RequestContext<'_>| {
        actions::add_note(tx, context, &reference, note.text.as_str(), &key)
    };
    let note = service.write("note a registration", &snapshot, credentials, write).await?;
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(NoteView::from(note)))
}

/// Lists the notes about a registration.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/notes",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference")
    ),
    responses((status = 200, description = "The notes, the oldest first", body = NoteList), AnyProblem)
)]
pub async fn list_registration_notes(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let snapshot = service.conference(&slug).await?;
    let read = move |tx: &mut crate::database::Connection, context: RequestContext<'_>| {
        actions::notes(tx, context, &reference)
    };
    let notes = service.read(&snapshot, credentials, read).await?;
    let list = NoteList { data: notes.into_iter().map(NoteView::from).collect() };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(list))
}

/// Query of the log of decisions.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Greatest number of decisions on the page, from 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor, taken from `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// A decision about a registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionEntry {
    /// Time of the decision (RFC 3339, UTC).
    pub at: String,
    /// Name of the token that decided.
    pub actor: String,
    /// Decision: `approved`, `rejected` or `revoked`.
    pub event: Event,
    /// The registration's reference, such as GP-7K3M9Q2X.
    pub reference: String,
    /// Status of the registration after the decision.
    pub status: RegistrationStatus,
    /// Reason, as quoted in the letter; null if none was given.
    pub reason: Option<String>,
}

/// A page of the log of decisions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionLog {
    /// Decisions, the latest first.
    pub data: Vec<DecisionEntry>,
    /// Path and query of the next page; null on the last page.
    pub next: Option<String>,
}

/// Lists the decisions about registrations, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/decisions",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), LogQuery),
    responses((status = 200, description = "A page of decisions", body = DecisionLog), AnyProblem)
)]
pub async fn list_decisions(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<LogQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let query = query.0;
    let read = move |tx: &mut crate::database::Connection, context: RequestContext<'_>| {
        authorise(tx, context.credentials, Operation::ListDecisions, Some(context.conference.id))?;
        let page = Page::read(query.limit.as_deref(), query.cursor.as_deref())?;
        let decisions = actions::log(tx, context.conference, page.key()?, page.rows())?;
        Ok::<_, RegistrationError>((page, decisions))
    };
    let (page, mut decisions) = service.read(&snapshot, credentials, read).await?;
    let next = page.cut(&request, &mut decisions, |decision| decision.sequence.to_string());
    let reason = |detail: Option<crate::database::types::JsonValue>| {
        detail.and_then(|detail| detail.0.get("reason").and_then(|reason| reason.as_str().map(str::to_owned)))
    };
    let data = decisions.into_iter().map(|decision| DecisionEntry {
        at: clock::wire(decision.at.0),
        actor: decision.actor,
        event: decision.event,
        reference: decision.reference,
        status: decision.state,
        reason: reason(decision.detail),
    });
    let log = DecisionLog { data: data.collect(), next };
    let mut response = HttpResponse::Ok().insert_header(NO_STORE).json(&log);
    link_next(&mut response, log.next.as_deref());
    Ok(response)
}
