//! `/api/v1/conferences/{conference}/programme/events`, for everybody.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{Hub, listener::Listener, position::Position};
use crate::{
    http::{
        CodePath, Problem, Query,
        connections::Connections,
        problem::{AnyProblem, TOO_MANY_REQUESTS, UNAVAILABLE},
        slots::LimitReached,
    },
    programme::{ProgrammeError, negotiate},
    validation::ValidationErrors,
};

/// Sent by a client that connects again after an interruption.
const LAST_EVENT_ID: header::HeaderName = header::HeaderName::from_static("last-event-id");

/// Tells a proxy (nginx) not to buffer the events.
const ACCEL_BUFFERING: header::HeaderName = header::HeaderName::from_static("x-accel-buffering");

/// Value of `Retry-After` if there are too many listeners, in seconds.
const RETRY_AFTER_SECONDS: &str = "30";

/// Query of the events of a programme.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Language of the texts: one of the conference's, or `en`, `fr` or `nl`; `*` answers maps from language tag to
    /// text. If left out, the header `Accept-Language` decides, then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Identifier of the last event that was received, for clients that cannot send the header `Last-Event-ID`.
    #[deserr(default)]
    pub last_event_id: Option<String>,
}

impl EventsQuery {
    fn position(&self) -> Result<Option<Position>, ValidationErrors> {
        let Some(text) = &self.last_event_id else {
            return Ok(None);
        };
        let position = Position::parse(text);
        position.map(Some).ok_or_else(|| {
            let mut errors = ValidationErrors::default();
            errors.add("?last_event_id", "malformed", "must be the id of an event");
            errors
        })
    }
}

/// The position of the header. A browser sends it by itself and nobody could correct it, so a malformed one is ignored.
fn last_event_id_header(request: &HttpRequest) -> Option<Position> {
    request.headers().get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).and_then(Position::parse)
}

/// Sends the events of a programme as they happen: new releases with their changes, and the start and end of sessions
/// and items.
///
/// Server-sent events (WHATWG HTML, 9.2). The first event is `connected`. `release` comes with a new release: `since`
/// is the number of the release that the client knew, `changes` lists at most 200 of the `changes_count` changes.
/// `redacted` says that the release was rewritten and must be read again. `session_started`, `session_finished`,
/// `item_started` and `item_finished` follow the schedule. The `id` of an event says what was sent so far: a client
/// that sends it as `Last-Event-ID` first gets what it missed, with all new releases as one event and at most the last
/// 200 times of the schedule. After an interruption an event may come twice. After 20 seconds without an event a
/// comment keeps the connection open.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/events",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received"),
        EventsQuery
    ),
    responses(
        (status = 200, description = "The events, as an endless stream", body = String, content_type = "text/event-stream"),
        AnyProblem
    )
)]
pub async fn listen_to_programme(
    request: HttpRequest,
    hub: web::Data<Hub>,
    connections: web::Data<Connections>,
    path: web::Path<CodePath>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    let snapshot = hub.programmes().get(&path.0).ok_or(ProgrammeError::NotFound("conference"))?;
    let languages = &snapshot.agenda.conference.languages;
    let language =
        negotiate::choose_for_sentences(negotiate::accept_language(&request), query.0.lang.as_deref(), languages)?;
    let query_position = query.0.position()?;
    // The header is newer: a browser that connects again still sends the query of its first request.
    let position = last_event_id_header(&request).or(query_position);
    let slot = hub.take_slot(connections.client(&request)).map_err(|limit| {
        let problem = match limit {
            LimitReached::All => Problem::new(&UNAVAILABLE).detail("there are as many listeners as the service takes"),
            LimitReached::Client => {
                Problem::new(&TOO_MANY_REQUESTS).detail("there are as many listeners as one client may have")
            }
        };
        problem.header(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
    })?;
    let mut answer = HttpResponse::Ok();
    if let Some(tag) = language.tag() {
        answer.insert_header((header::CONTENT_LANGUAGE, tag.as_str()));
    }
    let listener = Listener::new(&hub, &snapshot, language, position, slot);
    Ok(answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::VARY, "Accept-Language"))
        .insert_header((ACCEL_BUFFERING, "no"))
        // The connection closes with the events, so that the shutdown of the server does not wait for it.
        .force_close()
        .streaming(listener.stream()))
}
