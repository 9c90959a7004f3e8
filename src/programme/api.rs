//! `/api/v1/conferences/...`: the released programme and its history, for everyone.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ProgrammeError, Programmes, Snapshot,
    fields::Selection,
    filter::{ProgrammeQuery, ReleaseNumber, ViewQuery},
    negotiate,
    publication::{Edition, Publication, answer::VARY, serve, serve_part},
    release::store::{self, PublicRelease},
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

/// Readers may keep an answer for a moment without asking, and show an old one while they ask.
pub(super) const FOR_A_MOMENT: &str = "public, max-age=10, stale-while-revalidate=60";
/// An answer of a release that was asked for by its number. It may change all the same: a redaction must reach whoever
/// asks again.
const FOR_A_DAY: &str = "public, max-age=86400";

/// A release that was asked for.
pub struct Found {
    /// The release.
    pub snapshot: Arc<Snapshot>,
    /// Its documents, where it is the latest.
    pub edition: Option<Arc<Edition>>,
    /// How long an answer may be kept.
    pub cache_control: &'static str,
}

/// A release of a conference: the latest, or the one of the number.
pub async fn find(state: &State, slug: &Code, version: Option<ReleaseNumber>) -> Result<Found, ProgrammeError> {
    let (snapshot, edition) =
        state.programmes.get_with_edition(slug.as_str()).ok_or(ProgrammeError::NotFound("conference"))?;
    match version {
        None => Ok(Found { snapshot, edition: Some(edition), cache_control: FOR_A_MOMENT }),
        Some(number) if number.0 == snapshot.release.number => {
            Ok(Found { snapshot, edition: Some(edition), cache_control: FOR_A_DAY })
        }
        Some(number) => {
            let snapshot = older(state, &snapshot, number).await?;
            Ok(Found { snapshot, edition: None, cache_control: FOR_A_DAY })
        }
    }
}

/// Answers a view of a conference's release: the document that is ready, where it is the whole of a publication.
async fn view<T: Serialize>(
    request: &HttpRequest,
    state: &State,
    slug: &Code,
    lang: Option<&str>,
    version: Option<ReleaseNumber>,
    publication: Option<Publication>,
    make: impl FnOnce(&View<'_>, &Snapshot) -> Result<T, ProgrammeError>,
) -> Result<HttpResponse, Problem> {
    let found = find(state, slug, version).await?;
    let snapshot = &found.snapshot;
    let language = negotiate::choose(request, lang, &snapshot.agenda.conference.languages)?;
    let ready = found.edition.as_ref().zip(publication);
    if let Some(whole) = ready.and_then(|(edition, publication)| edition.get(publication, &language)) {
        return Ok(serve(request, whole, found.cache_control));
    }
    serve_part(request, state, &found, &language, "application/json", || {
        let value = make(&View::new(snapshot, &language), snapshot)?;
        serde_json::to_vec(&value).map_err(Problem::unexpected)
    })
}

async fn older(state: &State, current: &Snapshot, number: ReleaseNumber) -> Result<Arc<Snapshot>, ProgrammeError> {
    let place = current.place.clone();
    let (id, number) = (place.id, number.0);
    let _turn = state.programmes.turn_for_old().await;
    let found = state.database.read(move |tx| store::load(tx, id, number).map_err(ProgrammeError::from)).await?;
    let PublicRelease { row, content, history } = found.ok_or(ProgrammeError::NotFound("release"))?;
    Ok(Arc::new(Snapshot::new(place, row, content).with_history(history)))
}

/// What of a conference everyone may read from any page: by the first part of the path under the conference.
const OPEN: &[&str] = &[
    "",
    "call-for-action",
    "programme",
    "programme.ics",
    "programme.jsonld",
    "releases",
    "releases.atom",
    "schedule.json",
    "schedule.xml",
];

/// Whether a `GET` of the path is a read of what everyone may see, wherever their page comes from.
pub fn is_open(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/v1/conferences") else {
        return false;
    };
    let mut parts = rest.trim_start_matches('/').split('/');
    parts.next();
    OPEN.contains(&parts.next().unwrap_or_default())
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
    get, path = "/api/v1/conferences",
    tag = "programme",
    params(ConferencesQuery),
    responses((status = 200, description = "The conferences", body = ConferenceList), AnyProblem)
)]
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
    get, path = "/api/v1/conferences/{conference}",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), ViewQuery),
    responses((status = 200, description = "The conference", body = ConferenceView), AnyProblem)
)]
pub async fn read_conference(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(query) = query;
    let fields = Selection::read::<ConferenceView>(query.fields.as_deref())?;
    let make = |view: &View<'_>, _: &Snapshot| Ok(fields.of(view.conference()));
    let whole = query.fields.is_none().then_some(Publication::Conference);
    view(&request, &state, &path.0, query.lang.as_deref(), query.version, whole, make).await
}

/// Reads the released programme, whole or filtered. A filtered one has the tracks, rooms and speakers of its sessions.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
    responses((status = 200, description = "The programme", body = ProgrammeView), AnyProblem)
)]
pub async fn read_programme(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<ProgrammeQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(mut query) = query;
    let fields = Selection::read::<ProgrammeView>(query.fields.as_deref())?;
    let (lang, version) = (query.lang.take(), query.version);
    let whole = query.is_of_all().then_some(Publication::Programme);
    view(&request, &state, &path.0, lang.as_deref(), version, whole, |view, snapshot| {
        query.check(snapshot)?;
        Ok(fields.of(view.programme(&query)))
    })
    .await
}

/// A list that is of the sessions taken.
macro_rules! listed {
    ($(#[$doc:meta])* $name:ident, $path:literal, $publication:ident, $each:ident, $what:literal, $make:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            get, path = $path,
            tag = "programme",
            params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
            responses((status = 200, description = $what, body = List<$each>), AnyProblem)
        )]
        pub async fn $name(
            request: HttpRequest,
            state: web::Data<State>,
            path: web::Path<CodePath>,
            query: Query<ProgrammeQuery>,
        ) -> Result<HttpResponse, Problem> {
            let Query(mut query) = query;
            let fields = Selection::read::<$each>(query.fields.as_deref())?;
            let (lang, version) = (query.lang.take(), query.version);
            let whole = query.is_of_all().then_some(Publication::$publication);
            view(&request, &state, &path.0, lang.as_deref(), version, whole, |view, snapshot| {
                query.check(snapshot)?;
                let make: fn(&View<'_>, &ProgrammeQuery) -> Vec<$each> = $make;
                Ok(fields.of_each(make(view, &query)))
            })
            .await
        }
    };
}

listed!(
    /// Lists the days with their sessions.
    list_programme_days, "/api/v1/conferences/{conference}/programme/days", Days, DayView, "The days",
    |view, query| view.days(query)
);
listed!(
    /// Lists the sessions in running order.
    list_programme_sessions, "/api/v1/conferences/{conference}/programme/sessions", Sessions, SessionView, "The sessions",
    |view, query| view.sessions(query)
);
listed!(
    /// Lists the panels in running order: topic, moderators, panellists.
    list_programme_panels, "/api/v1/conferences/{conference}/programme/panels", Panels, PanelView, "The panels",
    |view, query| view.panels(query)
);
listed!(
    /// Lists the keynotes in running order.
    list_programme_keynotes, "/api/v1/conferences/{conference}/programme/keynotes", Keynotes, KeynoteView, "The keynotes",
    |view, query| view.keynotes(query)
);
listed!(
    /// Lists the speakers with all that they appear in; of a selection of sessions, who appears there and in what.
    list_programme_speakers, "/api/v1/conferences/{conference}/programme/speakers", Speakers, SpeakerDetail, "The speakers",
    |view, query| view.speakers(query)
);
listed!(
    /// Lists the rooms, or those of the selected sessions.
    list_programme_rooms, "/api/v1/conferences/{conference}/programme/rooms", Rooms, RoomView, "The rooms",
    |view, query| view.rooms(query)
);
listed!(
    /// Lists the tracks, or those of the selected sessions.
    list_programme_tracks, "/api/v1/conferences/{conference}/programme/tracks", Tracks, TrackView, "The tracks",
    |view, query| view.tracks(query)
);

/// A view of one thing that cannot be filtered.
macro_rules! plain {
    ($(#[$doc:meta])* $name:ident, $path:literal, $publication:ident, $body:ty, $what:literal, $make:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            get, path = $path,
            tag = "programme",
            params(("conference" = String, Path, description = "The conference's slug"), ViewQuery),
            responses((status = 200, description = concat!("The ", $what), body = $body), AnyProblem)
        )]
        pub async fn $name(
            request: HttpRequest,
            state: web::Data<State>,
            path: web::Path<CodePath>,
            query: Query<ViewQuery>,
        ) -> Result<HttpResponse, Problem> {
            let Query(query) = query;
            let fields = Selection::read::<$body>(query.fields.as_deref())?;
            let whole = query.fields.is_none().then_some(Publication::$publication);
            view(&request, &state, &path.0, query.lang.as_deref(), query.version, whole, |view, _| {
                let make: fn(&View<'_>) -> Option<$body> = $make;
                make(view).map(|made| fields.of(made)).ok_or(ProgrammeError::NotFound($what))
            })
            .await
        }
    };
}

plain!(
    /// Reads the high-level political session: interventions, then responses, in running order.
    read_high_level_session, "/api/v1/conferences/{conference}/programme/high-level-session", HighLevelSession,
    HighLevelSessionView, "high-level political session",
    |view| view.high_level_session()
);
plain!(
    /// Reads the call for action.
    read_call_for_action, "/api/v1/conferences/{conference}/call-for-action", CallForAction, CallForActionView, "call for action",
    |view| view.call_for_action()
);

/// Reads a day with its sessions.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/days/{date}",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("date" = String, Path, description = "The date"),
        ViewQuery
    ),
    responses((status = 200, description = "The day", body = DayView), AnyProblem)
)]
pub async fn read_programme_day(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, String)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, date) = path.into_inner();
    let Query(query) = query;
    let fields = Selection::read::<DayView>(query.fields.as_deref())?;
    let date = Date::parse(&date).map_err(|_| ProgrammeError::NotFound("day"))?;
    view(&request, &state, &slug.0, query.lang.as_deref(), query.version, None, |view, _| {
        let of_day = ProgrammeQuery { day: Some(date), ..ProgrammeQuery::default() };
        view.days(&of_day).into_iter().next().map(|day| fields.of(day)).ok_or(ProgrammeError::NotFound("day"))
    })
    .await
}

/// Reads a session with its items.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/sessions/{session}",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        ViewQuery
    ),
    responses((status = 200, description = "The session", body = SessionView), AnyProblem)
)]
pub async fn read_programme_session(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let Query(query) = query;
    let fields = Selection::read::<SessionView>(query.fields.as_deref())?;
    view(&request, &state, &slug.0, query.lang.as_deref(), query.version, None, |view, snapshot| {
        let session = snapshot.session(&code.0).ok_or(ProgrammeError::NotFound("session"))?;
        Ok(fields.of(view.session(session)))
    })
    .await
}

/// Reads a speaker with all that they appear in.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/speakers/{speaker}",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's code"),
        ViewQuery
    ),
    responses((status = 200, description = "The speaker", body = SpeakerDetail), AnyProblem)
)]
pub async fn read_programme_speaker(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let Query(query) = query;
    let fields = Selection::read::<SpeakerDetail>(query.fields.as_deref())?;
    view(&request, &state, &slug.0, query.lang.as_deref(), query.version, None, |view, snapshot| {
        let speaker = snapshot.speaker(&code.0).ok_or(ProgrammeError::NotFound("speaker"))?;
        Ok(fields.of(view.speaker_detail(speaker)))
    })
    .await
}
