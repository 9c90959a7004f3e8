//! `PATCH .../registrations/{reference}`, `.../data`, `.../registration-links`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{actions, model::Details};
use crate::{
    access::Credentials,
    clock,
    faults::Faults,
    http::{CodePath, Json, Problem, Query, extract::Body, problem::AnyProblem},
    programme::negotiate::ReaderText,
    registration::{
        actions as registrations,
        api::{Accepted, Desk, NO_STORE, RegistrationView, TokenQuery, act, registration_view},
    },
    values::{Code, EmailAddress},
};

/// Changes what a registration says (a merge patch, RFC 7396). Its attendee changes most by the link; the address, the
/// category, the badge and, once the organisers have let the person in, the name are changed by registrars.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/registrations/{reference}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    request_body(content = Details, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The registration as it is now", body = RegistrationView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn change_registration(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    Body(patch): Body,
) -> Result<HttpResponse, Problem> {
    let credentials = credentials.with_link(query.0.token);
    act(&desk, credentials, path.into_inner(), "change a registration", move |tx, errand, reference| {
        actions::change_details(tx, errand, reference, &patch)
    })
    .await
}

/// All that is kept of a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnData {
    /// The conference.
    pub conference: Code,
    /// The registration.
    pub registration: RegistrationView,
    /// The answers with the questions as they were asked.
    pub answered: Vec<AnsweredQuestion>,
    /// What was written to the address.
    pub messages: Vec<OwnMessage>,
    /// When this was read.
    pub read_at: String,
}

/// A question and the answer to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnsweredQuestion {
    /// The question's code.
    pub code: Code,
    /// What was asked.
    pub label: ReaderText,
    /// What was answered.
    pub answer: Value,
}

/// A message that was written to a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnMessage {
    /// What it is about.
    pub kind: String,
    /// Whether it waits, was sent, or could not be delivered.
    pub status: String,
    /// When it was caused.
    pub created_at: String,
    /// When it was sent.
    pub sent_at: Option<String>,
}

/// Reads all that is kept of a person, to take away: the registration, its history, the questions as they were asked,
/// what was written to them.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/data",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses((status = 200, description = "All that is kept", body = OwnData), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_registration_data(
    desk: web::Data<Desk>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = desk.snapshot(&slug)?;
    let (kept, own) = desk
        .read(&snapshot, credentials, move |tx, errand| {
            let kept = actions::read_all(tx, errand, &reference)?;
            let own = registrations::is_own(&kept.shown.registration, errand.credentials, errand.secret);
            Ok((kept, own))
        })
        .await?;
    let registration = &kept.shown.registration;
    let languages = &snapshot.agenda.conference.languages;
    let answered = actions::answered(&kept.form, &registration.answers).into_iter().map(|(question, answer)| {
        let label = ReaderText::Plain(question.label.text(&registration.language, languages).to_owned());
        AnsweredQuestion { code: question.code, label, answer }
    });
    let messages = kept.messages.into_iter().map(|message| OwnMessage {
        kind: message.kind,
        status: message.state,
        created_at: clock::wire(message.created_at.0),
        sent_at: message.sent_at.map(|sent| clock::wire(sent.0)),
    });
    let name = format!("attachment; filename=\"{}.json\"", registration.reference);
    let data = OwnData {
        conference: slug,
        answered: answered.collect(),
        messages: messages.collect(),
        read_at: clock::wire(clock::now()),
        registration: registration_view(&desk, &snapshot, &kept.shown, own, kept.history),
    };
    Ok(HttpResponse::Ok().insert_header(NO_STORE).insert_header((header::CONTENT_DISPOSITION, name)).json(data))
}

/// Whose link is asked for.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct LinkRequest {
    /// The address of a registration.
    pub email: EmailAddress,
}

/// Sends the link to a registration to its address again. The answer is the same whether or not there is one.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registration-links",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = LinkRequest,
    responses((status = 202, description = "If the address is registered, the link is on its way", body = Accepted), AnyProblem)
)]
pub async fn request_registration_link(
    request: HttpRequest,
    desk: web::Data<Desk>,
    path: web::Path<CodePath>,
    Json(wanted): Json<LinkRequest>,
) -> Result<HttpResponse, Problem> {
    desk.limit.check(&request)?;
    let snapshot = desk.snapshot(&path.0)?;
    let folded = wanted.email.folded();
    desk.write("send a link again", &snapshot, Credentials::default(), move |tx, errand| {
        registrations::send_link_to(tx, errand.place, errand.released, &folded)
    })
    .await?;
    let detail = "If this address is registered, its link is on its way.";
    Ok(HttpResponse::Accepted().insert_header(NO_STORE).json(Accepted { detail }))
}
