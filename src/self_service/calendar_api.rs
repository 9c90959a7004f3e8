//! `GET .../registrations/{reference}/calendar.ics`: the conference and one's own sessions, for a calendar.

use actix_web::{HttpResponse, http::header, web};

use crate::{
    access::{Credentials, Operation},
    agenda::document::Session,
    clock,
    database::{Connection, uid_hosts},
    http::{CodePath, NO_STORE, Problem, Query, TokenQuery, problem::AnyProblem},
    mail::{LetterKind, letter_settings_of, personal_calendar},
    registration::{
        RegistrationError,
        actions::find_details,
        context::RequestContext,
        history::calendar_sequence,
        letters::{LetterParams, content},
        model::RegistrationStatus,
        service::RegistrationService,
        session_seats::SignUpState,
        setup::state::get_setup_state,
    },
};

/// Downloads the calendar of a confirmed registration: the conference, and the sessions in which the person has a seat.
///
/// The entries are those of the letters: a later letter about a change replaces them.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/registrations/{reference}/calendar.ics",
    tag = "registration",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("reference" = String, Path, description = "The registration's reference"),
        TokenQuery
    ),
    responses(
        (status = 200, description = "The calendar (RFC 5545)", content_type = "text/calendar", body = String),
        AnyProblem
    ),
    security(("bearer" = []), ("link" = []))
)]
pub async fn read_registration_calendar(
    service: web::Data<RegistrationService>,
    credentials: Credentials,
    path: web::Path<(CodePath, String)>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Problem> {
    let (CodePath(slug), reference) = path.into_inner();
    let credentials = credentials.with_link(query.0.token);
    let snapshot = service.conference(&slug).await?;
    let of_reference = reference.clone();
    let calendar =
        service.read(&snapshot, credentials, move |tx, context| calendar_of(tx, context, &of_reference)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{reference}.ics\"")))
        .body(calendar))
}

fn calendar_of(
    connection: &mut Connection,
    context: RequestContext<'_>,
    reference: &str,
) -> Result<String, RegistrationError> {
    let RequestContext { conference, credentials, secret, released } = context;
    let operation = Operation::ReadRegistrationCalendar;
    let (details, _) = find_details(connection, conference, reference, credentials, secret, operation)?;
    let registration = &details.registration;
    if registration.state != RegistrationStatus::Confirmed {
        return Err(RegistrationError::WrongState(registration.state.as_str()));
    }
    let setup_state = get_setup_state(connection, conference.id)?;
    let category = setup_state.get_category(registration.category)?;
    let sessions: Vec<(&Session, bool)> = details
        .sign_ups
        .iter()
        .filter_map(|sign_up| {
            let session = released.agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id))?;
            Some((session, sign_up.state == SignUpState::Waitlisted))
        })
        .collect();
    let release_number = released.number.unwrap_or(0).max(setup_state.sessions_release);
    let calendar_sequence = calendar_sequence(connection, registration.id, release_number)?;
    let params = LetterParams { sessions, calendar_sequence, ..LetterParams::default() };
    let content = content(LetterKind::Link, released.agenda, category, registration, params);
    let organiser = letter_settings_of(connection, conference.id)?.sender_address;
    let hosts = uid_hosts::find(connection)?.unwrap_or_default();
    let organiser = organiser.as_ref().map(|address| address.as_str());
    Ok(personal_calendar(&content, &hosts.letters, organiser, clock::now()).unwrap_or_default())
}
