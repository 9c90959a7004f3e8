//! `/api/v1/conferences/...`: the released programme and its history, for everyone.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ProgrammeError, Programmes, Snapshot,
    filter::{ProgrammeQuery, ReleaseNumber, ViewQuery},
    negotiate,
    release::store,
    view::View,
    views::{
        CallForActionView, ConferenceView, DayView, HighLevelSessionView, KeynoteView, List, PanelView, ProgrammeView,
        RoomView, SessionView, SpeakerDetail, TrackView,
    },
};
use crate::{
    access::ServerSecret,
    database::Database,
    faults::Faults,
    http::{CodePath, Problem, Query, Representation, answer, problem::AnyProblem},
    values::{Code, Date, TextValue as _},
};

/// Readers may keep an answer for a moment without asking, and show an old one while they ask. An older release is
/// kept no longer: a redaction changes it.
const FOR_A_MOMENT: &str = "public, max-age=10, stale-while-revalidate=60";
/// What a programme answer depends on besides its URL.
const VARY: &str = "Accept-Language";

/// Answers a view of a conference's release.
async fn view<T: Serialize>(
    request: &HttpRequest,
    state: &State,
    slug: &Code,
    lang: Option<&str>,
    version: Option<ReleaseNumber>,
    make: impl FnOnce(&View<'_>, &Snapshot) -> Result<T, ProgrammeError>,
) -> Result<HttpResponse, Problem> {
    let current = state.programmes.get(slug).ok_or(ProgrammeError::NotFound("conference"))?;
    let snapshot = match version {
        Some(number) if number.0 != current.release.number => older(state, &current, number).await?,
        _ => current,
    };
    let language = negotiate::choose(request, lang, &snapshot.agenda.conference.languages)?;
    let value = make(&View::new(&snapshot, &language), &snapshot)?;
    let representation = Representation {
        body: serde_json::to_vec(&value).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: language.tag().map(|tag| tag.as_str().to_owned()),
        modified: Some(snapshot.release.updated_at),
        cache_control: FOR_A_MOMENT,
        vary: VARY,
    };
    Ok(answer(request, representation))
}

async fn older(state: &State, current: &Snapshot, number: ReleaseNumber) -> Result<Arc<Snapshot>, ProgrammeError> {
    let place = current.place.clone();
    let (id, number) = (place.id, number.0);
    let _turn = state.programmes.turn_for_old().await;
    let found = state.database.read(move |tx| store::load(tx, id, number).map_err(ProgrammeError::from)).await?;
    let (release, agenda) = found.ok_or(ProgrammeError::NotFound("release"))?;
    Ok(Arc::new(Snapshot::new(place, release, agenda)))
}

/// What the programme's handlers share.
#[derive(Clone)]
pub struct State {
    /// The store.
    pub database: Database,
    /// The releases in memory.
    pub programmes: Programmes,
    /// Placeholders and the links of previews are derived under it.
    pub secret: ServerSecret,
    /// How the world reaches the service.
    pub public_url: Arc<str>,
}

/// A conference in the list of conferences.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConferenceList {
    /// The conferences that have a release, by first day.
    pub data: Vec<ConferenceView>,
    /// Every conference is in this list.
    pub next: Option<String>,
}

/// The query of the list of conferences.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConferencesQuery {
    /// The language of the answer; `*` answers maps with every language.
    #[deserr(default)]
    pub lang: Option<String>,
}

/// Lists the conferences that have a release.
#[utoipa::path(
    tag = "programme",
    params(ConferencesQuery),
    responses((status = 200, description = "The conferences", body = ConferenceList), AnyProblem)
)]
#[get("/api/v1/conferences")]
pub async fn list_conferences(
    request: HttpRequest,
    state: web::Data<State>,
    query: Query<ConferencesQuery>,
) -> Result<HttpResponse, Problem> {
    let mut data = Vec::new();
    for snapshot in state.programmes.all() {
        let languages = &snapshot.agenda.conference.languages;
        // A language that one conference lacks is no fault here: each answers in its own.
        let language = negotiate::choose(&request, query.0.lang.as_deref(), languages)
            .or_else(|_| negotiate::choose(&request, None, languages))?;
        data.push(View::new(&snapshot, &language).conference());
    }
    public(&request, &ConferenceList { data, next: None })
}

/// Answers what everyone may read and keep for a moment.
pub(super) fn public(request: &HttpRequest, value: &impl Serialize) -> Result<HttpResponse, Problem> {
    let representation = Representation {
        body: serde_json::to_vec(value).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: None,
        modified: None,
        cache_control: FOR_A_MOMENT,
        vary: VARY,
    };
    Ok(answer(request, representation))
}

/// Reads a conference.
#[utoipa::path(
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), ViewQuery),
    responses((status = 200, description = "The conference", body = ConferenceView), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}")]
pub async fn read_conference(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(query) = query;
    view(&request, &state, &path.0, query.lang.as_deref(), query.version, |view, _| Ok(view.conference())).await
}

/// A view of which sessions can be chosen.
macro_rules! filtered {
    ($(#[$doc:meta])* $name:ident, $path:literal, $body:ty, $description:literal, $make:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            tag = "programme",
            params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
            responses((status = 200, description = $description, body = $body), AnyProblem)
        )]
        #[get($path)]
        pub async fn $name(
            request: HttpRequest,
            state: web::Data<State>,
            path: web::Path<CodePath>,
            query: Query<ProgrammeQuery>,
        ) -> Result<HttpResponse, Problem> {
            let Query(query) = query;
            view(&request, &state, &path.0, query.lang.as_deref(), query.version, |view, snapshot| {
                query.check(snapshot)?;
                let make: fn(&View<'_>, &ProgrammeQuery) -> $body = $make;
                Ok(make(view, &query))
            })
            .await
        }
    };
}

filtered!(
    /// Reads the released programme, whole or filtered.
    read_programme, "/api/v1/conferences/{conference}/programme", ProgrammeView, "The programme",
    |view, query| view.programme(query)
);
filtered!(
    /// Lists the days with their sessions.
    list_programme_days, "/api/v1/conferences/{conference}/programme/days", List<DayView>, "The days",
    |view, query| List { data: view.days(query) }
);
filtered!(
    /// Lists the sessions in running order.
    list_programme_sessions, "/api/v1/conferences/{conference}/programme/sessions", List<SessionView>, "The sessions",
    |view, query| List { data: view.sessions(query) }
);
filtered!(
    /// Lists the panels in running order: topic, moderators, panellists.
    list_programme_panels, "/api/v1/conferences/{conference}/programme/panels", List<PanelView>, "The panels",
    |view, query| List { data: view.panels(query) }
);
filtered!(
    /// Lists the keynotes in running order.
    list_programme_keynotes, "/api/v1/conferences/{conference}/programme/keynotes", List<KeynoteView>, "The keynotes",
    |view, query| List { data: view.keynotes(query) }
);

/// A view of one thing or one list that cannot be filtered.
macro_rules! plain {
    ($(#[$doc:meta])* $name:ident, $path:literal, $body:ty, $description:literal, $make:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            tag = "programme",
            params(("conference" = String, Path, description = "The conference's slug"), ViewQuery),
            responses((status = 200, description = $description, body = $body), AnyProblem)
        )]
        #[get($path)]
        pub async fn $name(
            request: HttpRequest,
            state: web::Data<State>,
            path: web::Path<CodePath>,
            query: Query<ViewQuery>,
        ) -> Result<HttpResponse, Problem> {
            let Query(query) = query;
            view(&request, &state, &path.0, query.lang.as_deref(), query.version, |view, _| {
                let make: fn(&View<'_>) -> Result<$body, ProgrammeError> = $make;
                make(view)
            })
            .await
        }
    };
}

plain!(
    /// Lists the speakers with all that they appear in.
    list_programme_speakers, "/api/v1/conferences/{conference}/programme/speakers", List<SpeakerDetail>, "The speakers",
    |view| Ok(List { data: view.speakers() })
);
plain!(
    /// Lists the rooms.
    list_programme_rooms, "/api/v1/conferences/{conference}/programme/rooms", List<RoomView>, "The rooms",
    |view| Ok(List { data: view.rooms() })
);
plain!(
    /// Lists the tracks.
    list_programme_tracks, "/api/v1/conferences/{conference}/programme/tracks", List<TrackView>, "The tracks",
    |view| Ok(List { data: view.tracks() })
);
plain!(
    /// Reads the high-level political session: interventions, then responses, in running order.
    read_high_level_session, "/api/v1/conferences/{conference}/programme/high-level-session", HighLevelSessionView,
    "The high-level political session",
    |view| view.high_level_session().ok_or(ProgrammeError::NotFound("high-level political session"))
);
plain!(
    /// Reads the call for action.
    read_call_for_action, "/api/v1/conferences/{conference}/call-for-action", CallForActionView, "The call for action",
    |view| view.call_for_action().ok_or(ProgrammeError::NotFound("call for action"))
);

/// Reads a day with its sessions.
#[utoipa::path(
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("date" = String, Path, description = "The date"),
        ViewQuery
    ),
    responses((status = 200, description = "The day", body = DayView), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/programme/days/{date}")]
pub async fn read_programme_day(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, String)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, date) = path.into_inner();
    let Query(query) = query;
    let date = Date::parse(&date).map_err(|_| ProgrammeError::NotFound("day"))?;
    view(&request, &state, &slug.0, query.lang.as_deref(), query.version, |view, _| {
        let of_day = ProgrammeQuery { day: Some(date), ..ProgrammeQuery::default() };
        view.days(&of_day).into_iter().next().ok_or(ProgrammeError::NotFound("day"))
    })
    .await
}

/// Reads a session with its items.
#[utoipa::path(
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ViewQuery
    ),
    responses((status = 200, description = "The session", body = SessionView), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/programme/sessions/{session}")]
pub async fn read_programme_session(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let Query(query) = query;
    view(&request, &state, &slug.0, query.lang.as_deref(), query.version, |view, snapshot| {
        let session = snapshot.session(&code.0).ok_or(ProgrammeError::NotFound("session"))?;
        Ok(view.session(session))
    })
    .await
}

/// Reads a speaker with all that they appear in.
#[utoipa::path(
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's code"),
        ViewQuery
    ),
    responses((status = 200, description = "The speaker", body = SpeakerDetail), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/programme/speakers/{speaker}")]
pub async fn read_programme_speaker(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let Query(query) = query;
    view(&request, &state, &slug.0, query.lang.as_deref(), query.version, |view, snapshot| {
        let speaker = snapshot.speaker(&code.0).ok_or(ProgrammeError::NotFound("speaker"))?;
        Ok(view.speaker_detail(speaker))
    })
    .await
}
