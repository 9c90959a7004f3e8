//! `/api/v1/conferences/{conference}/programme/events`, for everyone.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{Hub, listener::Listener, position::Position};
use crate::{
    faults::Faults,
    http::{
        CodePath, Problem, Query,
        connections::Connections,
        places::Full,
        problem::{AnyProblem, TOO_MANY_REQUESTS, UNAVAILABLE},
    },
    programme::{ProgrammeError, negotiate},
};

/// What a client says that was cut off.
const LAST_EVENT_ID: header::HeaderName = header::HeaderName::from_static("last-event-id");

/// Keeps a proxy from holding back what is sent (nginx).
const ACCEL_BUFFERING: header::HeaderName = header::HeaderName::from_static("x-accel-buffering");

/// When to try again where there are too many listeners, in seconds.
const RETRY_AFTER_SECONDS: &str = "30";

/// The query of the events.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The language of titles and words: one of the conference's, or `en`, `fr`, `nl`; `*` answers maps. Without it
    /// `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// The id of the last event that was received, for clients that cannot send the header `Last-Event-ID`.
    #[deserr(default)]
    pub last_event_id: Option<String>,
}

impl EventsQuery {
    fn position(&self) -> Result<Option<Position>, Faults> {
        let Some(text) = &self.last_event_id else {
            return Ok(None);
        };
        let position = Position::parse(text);
        position.map(Some).ok_or_else(|| {
            let mut faults = Faults::default();
            faults.add("?last_event_id", "malformed", "must be the id of an event");
            faults
        })
    }
}

/// What the header says. A browser sends it by itself, so nobody can mend what is malformed: it is as if absent.
fn sent(request: &HttpRequest) -> Option<Position> {
    request.headers().get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).and_then(Position::parse)
}

/// Listens to what happens: releases with their changes, and what starts and finishes by the schedule.
///
/// Server-sent events (WHATWG HTML, 9.2): `connected` first; `release` with the number that the client knew (`since`)
/// and the changes in words, at most 200 of `changes_count`; `redacted` where the release was rewritten and is to be
/// read again; `session_started`, `session_finished`, `item_started`, `item_finished`. The `id` of an event says what
/// was sent up to it: whoever sends it as `Last-Event-ID` is told first what happened since, new releases as one and
/// the last moments of the schedule. An event may come twice after an interruption. A comment every 20 seconds keeps
/// the connection open.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/events",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received"),
        EventsQuery
    ),
    responses(
        (status = 200, description = "The events, without an end", body = String, content_type = "text/event-stream"),
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
    let language = negotiate::choose_words(negotiate::accepted(&request), query.0.lang.as_deref(), languages)?;
    let asked = query.0.position()?;
    // The header is the newer one: a browser that connects again keeps the query that it began with.
    let position = sent(&request).or(asked);
    let seat = hub.seat(connections.client(&request)).map_err(|full| {
        let problem = match full {
            Full::All => Problem::new(&UNAVAILABLE).detail("there are as many listeners as the service takes"),
            Full::Client => {
                Problem::new(&TOO_MANY_REQUESTS).detail("there are as many listeners as one client may have")
            }
        };
        problem.header(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
    })?;
    let mut answer = HttpResponse::Ok();
    if let Some(tag) = language.tag() {
        answer.insert_header((header::CONTENT_LANGUAGE, tag.as_str()));
    }
    let listener = Listener::new(&hub, &snapshot, language, position, seat);
    Ok(answer
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::VARY, "Accept-Language"))
        .insert_header((ACCEL_BUFFERING, "no"))
        // The connection ends with the events: a stop does not wait for it.
        .force_close()
        .streaming(listener.stream()))
}
