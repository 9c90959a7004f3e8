//! `.../registrations/{approve,reject,revoke}`, `.../registrations/{reference}/notes`, `.../decisions`.

use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, Decided};
use crate::{
    access::{Credentials, authorise},
    clock,
    faults::Faults,
    http::{
        CodePath, Json, Problem, Query,
        extract::Large,
        idempotency::IdempotencyKey,
        paging::{Page, link_next},
        problem::{AnyProblem, ProblemDocument},
    },
    registration::{
        RegistrationError,
        actions::Errand,
        api::{Desk, NO_STORE},
        model::{Event, State},
    },
    values::{Line, Prose},
};

/// The most registrations that are decided about at once.
const BULK_MAX: usize = 1_000;

/// Which registrations are decided about, and why.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Decisions {
    /// Their references, 1 to 1,000; one that stands twice is decided about once.
    pub references: Vec<Line<60>>,
    /// Why: each letter quotes it.
    #[deserr(default)]
    #[schema(required = false)]
    pub reason: Option<Prose<2000>>,
}

/// What became of a bulk.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionsTaken {
    /// Of each registration, in the order in which they were named.
    pub data: Vec<DecisionTaken>,
    /// How many changed.
    pub changed: usize,
    /// How many had been decided so before.
    pub unchanged: usize,
    /// How many could not be decided.
    pub failed: usize,
}

/// What became of one registration of a bulk.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionTaken {
    /// The registration.
    pub reference: String,
    /// Whether it changed: a registration that had been decided so before does not.
    pub changed: bool,
    /// Where it stands now, if it could be decided.
    pub status: Option<State>,
    /// Why it could not.
    #[schema(value_type = Option<ProblemDocument>)]
    pub problem: Option<Value>,
}

async fn decide(
    desk: &Desk,
    credentials: Credentials,
    CodePath(slug): CodePath,
    Decisions { references, reason }: Decisions,
    (operation, event): (&'static str, Event),
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&slug)?;
    let mut found = Faults::default();
    if !(1..=BULK_MAX).contains(&references.len()) {
        found.add("#/references", "out_of_range", format!("must name 1 to {BULK_MAX} registrations"));
    }
    let mut seen = HashSet::new();
    let references: Vec<String> = references.iter().map(|reference| reference.as_str().to_owned()).collect();
    let references: Vec<String> = references.into_iter().filter(|reference| seen.insert(reference.clone())).collect();
    // Whoever may not decide learns no more than that.
    let may = move |tx: &mut crate::database::Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, operation, Some(errand.place.id))?;
        found.clone().or(())?;
        let reason = reason.as_ref().map(|reason| reason.as_str());
        actions::decide(tx, errand, operation, event, &references, reason)
    };
    let decided = desk.write(operation, &snapshot, credentials, may).await?;
    let data: Vec<DecisionTaken> = decided.into_iter().map(taken).collect();
    let count = |wanted: fn(&DecisionTaken) -> bool| data.iter().filter(|row| wanted(row)).count();
    let taken = DecisionsTaken {
        changed: count(|row| row.changed),
        unchanged: count(|row| !row.changed && row.problem.is_none()),
        failed: count(|row| row.problem.is_some()),
        data,
    };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(taken))
}

fn taken(decided: Decided) -> DecisionTaken {
    let reference = decided.reference;
    match decided.outcome {
        Ok((changed, state)) => DecisionTaken { reference, changed, status: Some(state), problem: None },
        Err(error) => {
            let problem = Some(Problem::from(error).document(None));
            DecisionTaken { reference, changed: false, status: None, problem }
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
            responses((status = 200, description = "What became of each", body = DecisionsTaken), AnyProblem)
        )]
        pub async fn $name(
            desk: web::Data<Desk>,
            credentials: Credentials,
            path: web::Path<CodePath>,
            Large(decisions): Large<Decisions>,
        ) -> Result<HttpResponse, Problem> {
            decide(&desk, credentials, path.into_inner(), decisions, (stringify!($name), Event::$event)).await
        }
    };
}

decision! {
    /// Lets registrations in that wait for the organisers' decision: each gets a seat or a place on the waiting list.
    post "/api/v1/conferences/{conference}/registrations/approve" => approve_registrations, Approved
}
decision! {
    /// Refuses registrations that wait for the organisers' decision.
    post "/api/v1/conferences/{conference}/registrations/reject" => reject_registrations, Rejected
}
decision! {
    /// Withdraws the accreditation of confirmed registrations: their seats go to the first who wait, their codes are
    /// void.
    post "/api/v1/conferences/{conference}/registrations/revoke" => revoke_registrations, Revoked
}

/// What a registrar notes.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewNote {
    /// The words.
    pub text: Prose<5000>,
}

/// What a registrar noted about a registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteView {
    /// Its id.
    pub id: String,
    /// When.
    pub at: String,
    /// Who.
    pub author: String,
    /// The words.
    pub text: String,
}

impl From<super::store::Note> for NoteView {
    fn from(note: super::store::Note) -> Self {
        Self { id: note.id.to_string(), at: clock::wire(note.at.0), author: note.author, text: note.text }
    }
}

/// The notes about a registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteList {
    /// The notes, the oldest first.
    pub data: Vec<NoteView>,
}

/// Notes something about a registration, for registrars alone.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registrations/{reference}/notes",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body answer the same")
    ),
    request_body = NewNote,
    responses((status = 201, description = "The note", body = NoteView), AnyProblem)
)]
pub async fn create_registration_note(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    key: IdempotencyKey,
    Json(note): Json<NewNote>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug)?;
    let write = move |tx: &mut crate::database::Connection, errand: Errand<'_>| {
        actions::note(tx, errand, &reference, note.text.as_str(), &key)
    };
    let note = desk.write("note a registration", &snapshot, credentials, write).await?;
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(NoteView::from(note)))
}

/// Reads the notes about a registration.
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
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let snapshot = desk.snapshot(&slug)?;
    let read = move |tx: &mut crate::database::Connection, errand: Errand<'_>| actions::notes(tx, errand, &reference);
    let notes = desk.read(&snapshot, credentials, read).await?;
    let list = NoteList { data: notes.into_iter().map(NoteView::from).collect() };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).json(list))
}

/// The query of the decision log.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// How many at most, 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where the page before ended.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// A decision of the organisers.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionEntry {
    /// When.
    pub at: String,
    /// Who decided.
    pub actor: String,
    /// What: `approved`, `rejected`, `revoked`.
    pub event: String,
    /// About which registration.
    pub reference: String,
    /// Where it stood then.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// A page of decisions.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionLog {
    /// The decisions, the latest first.
    pub data: Vec<DecisionEntry>,
    /// Where the next page is.
    pub next: Option<String>,
}

/// Reads what was decided about registrations, the latest first.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/decisions",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug"), LogQuery),
    responses((status = 200, description = "The decisions", body = DecisionLog), AnyProblem)
)]
pub async fn list_decisions(
    request: HttpRequest,
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    query: Query<LogQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = desk.snapshot(&path.0)?;
    let asked = query.0;
    let read = move |tx: &mut crate::database::Connection, errand: Errand<'_>| {
        authorise(tx, errand.credentials, "list_decisions", Some(errand.place.id))?;
        let page = Page::read(asked.limit.as_deref(), asked.cursor.as_deref())?;
        let found = actions::log(tx, errand.place, page.key()?, page.rows())?;
        Ok::<_, RegistrationError>((page, found))
    };
    let (page, mut found) = desk.read(&snapshot, credentials, read).await?;
    let next = page.cut(&request, &mut found, |decision| decision.sequence.to_string());
    let reason = |detail: Option<crate::database::types::JsonValue>| {
        detail.and_then(|detail| detail.0.get("reason").and_then(|reason| reason.as_str().map(str::to_owned)))
    };
    let data = found.into_iter().map(|decision| DecisionEntry {
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
