//! `PATCH .../registrations/{reference}`, `.../data`, `.../registration-links`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{actions, model::Details};
use crate::{
    access::Credentials,
    clock,
    http::{CodePath, Json, NO_STORE, Problem, Query, TokenQuery, extract::RawJson, problem::AnyProblem},
    mail::letter::MessageState,
    programme::{Snapshot, negotiate::ReaderText},
    registration::{
        RegistrationError, actions as registrations,
        api::change_and_answer,
        service::RegistrationService,
        uniform_answer::{Accepted, Arrival, Quantised},
        views::{RegistrationView, registration_view},
    },
    validation::ValidationErrors,
    values::{Code, EmailAddress},
};

/// Changes the data of a registration (a merge patch, RFC 7396).
///
/// Attendees change most fields with the token of their link. Only registrars change the address, the category and the
/// badge. In a category that needs approval, attendees change the names and the date of birth only while the status is
/// `pending`.
#[utoipa::path(
    patch, path = "/api/v1/conferences/{conference}/registrations/{reference}",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    request_body(content = Details, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed registration", body = RegistrationView), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn change_registration(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
    RawJson(patch): RawJson,
) -> Result<HttpResponse, Problem> {
    let credentials = credentials.with_link(query.0.token);
    change_and_answer(
        &service,
        credentials,
        path.into_inner(),
        "change a registration",
        move |tx, context, reference| actions::change_details(tx, context, reference, &patch),
    )
    .await
}

/// All data that are stored about a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnData {
    /// Slug of the conference.
    pub conference: Code,
    /// The registration with its history.
    pub registration: RegistrationView,
    /// The answers, with the questions as they were asked.
    pub answered: Vec<AnsweredQuestion>,
    /// The messages to the person's address.
    pub messages: Vec<OwnMessage>,
    /// Time at which these data were read (RFC 3339, UTC).
    pub read_at: String,
}

/// A question and the person's answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnsweredQuestion {
    /// Code of the question.
    pub code: Code,
    /// Text of the question, in the language of the registration.
    pub label: ReaderText,
    /// The answer.
    pub answer: Value,
}

/// A message to the person's address.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnMessage {
    /// Kind of the message, such as `confirmed` or `reminder`.
    pub kind: String,
    /// `waiting`, `sent`, `failed` (could not be delivered) or `cancelled`.
    pub status: MessageState,
    /// Time at which the message was written (RFC 3339, UTC).
    pub created_at: String,
    /// Time at which the message was sent (RFC 3339, UTC); null if it has not been sent.
    pub sent_at: Option<String>,
}

/// Downloads all data that are stored about a person.
///
/// The file holds the registration with its history, the answers with the questions as they were asked, and the list of
/// messages.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/data",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses((status = 200, description = "All data about the person, as a JSON file", body = OwnData), AnyProblem),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_registration_data(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug).await?;
    let (data, is_attendee) = service
        .read(&snapshot, credentials, move |tx, context| {
            let data = actions::read_all(tx, context, &reference)?;
            let registration = &data.details.registration;
            let is_attendee = registrations::has_own_link(registration, context.credentials, context.secret);
            Ok::<_, RegistrationError>((data, is_attendee))
        })
        .await?;
    let registration = &data.details.registration;
    let languages = &snapshot.agenda.conference.languages;
    let answered =
        actions::answered_questions(&data.questions, &registration.answers).into_iter().map(|(question, answer)| {
            let label = ReaderText::Plain(question.label.text(&registration.person.language, languages).to_owned());
            AnsweredQuestion { code: question.code, label, answer }
        });
    let messages = data.messages.into_iter().map(|message| OwnMessage {
        kind: message.kind.0,
        status: message.state,
        created_at: clock::wire(message.created_at.0),
        sent_at: message.sent_at.map(|sent| clock::wire(sent.0)),
    });
    let disposition = format!("attachment; filename=\"{}.json\"", registration.reference);
    let document = OwnData {
        conference: slug,
        answered: answered.collect(),
        messages: messages.collect(),
        read_at: clock::wire(clock::now()),
        registration: registration_view(&service, &snapshot, &data.details, is_attendee, data.history),
    };
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .json(document))
}

/// A request for the link to a registration.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
pub struct LinkRequest {
    /// The e-mail address of the registration.
    pub email: EmailAddress,
}

/// Sends the link to a registration to its e-mail address again.
///
/// If several people are registered with the address, each gets a letter with their own link. The answer is the same
/// whether or not the address is registered.
#[utoipa::path(
    post, path = "/api/v1/conferences/{conference}/registration-links",
    tag = "registration",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = LinkRequest,
    responses((status = 202, description = "A registered address gets its link", body = Accepted), AnyProblem)
)]
pub async fn request_registration_link(
    request: HttpRequest,
    service: web::Data<RegistrationService>,
    path: web::Path<CodePath>,
    Json(link_request): Json<LinkRequest>,
) -> Result<HttpResponse, Problem> {
    let snapshot = service.conference(&path.0).await?;
    let quantised = send_links(&request, &service, &snapshot, link_request).await?;
    Ok(Accepted::answer("If this address is registered, its link is on its way.", quantised))
}

/// Sends everybody who is registered with an address their link again. The answer may be sent at the same times for
/// every address.
///
/// # Errors
/// The client asked too often, or the store fails; never because of the address.
pub async fn send_links(
    request: &HttpRequest,
    service: &RegistrationService,
    snapshot: &Arc<Snapshot>,
    LinkRequest { email }: LinkRequest,
) -> Result<Quantised, Problem> {
    let arrival = Arrival::now();
    service.registration_limit.check(request)?;
    let folded_address = email.folded();
    service
        .write("send a link again", snapshot, Credentials::default(), move |tx, context| {
            registrations::send_link_to(tx, context.conference, context.released, &folded_address)
        })
        .await?;
    Ok(arrival.quantised().await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        registration::fields::{
            PERSONAL_FIELDS,
            tests::{person, view_of},
        },
        values::TextValue as _,
    };

    #[test]
    fn the_data_about_a_person_have_every_field() {
        let data = OwnData {
            conference: Code::parse("summit").unwrap(),
            registration: view_of(&person()),
            answered: Vec::new(),
            messages: Vec::new(),
            read_at: String::new(),
        };
        let data = serde_json::to_value(data).unwrap();
        for field in PERSONAL_FIELDS {
            let text = data["registration"][field.output_name].as_str().map(str::to_owned);
            assert_eq!(text, person().text(field), "{}", field.name);
        }
    }
}
