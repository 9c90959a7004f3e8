//! `/api/v1/conferences/...`: the released programme, for everybody.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ProgrammeError, Snapshot,
    documents::{Publication, answer::VARY, serve, serve_part},
    fields::Selection,
    filter::{ProgrammeQuery, ReleaseNumber, ViewQuery},
    negotiate,
    views::{
        CallForActionView, ConferenceView, DayView, HighLevelSessionView, KeynoteView, List, PanelView, ProgrammeView,
        RoomView, SessionView, SpeakerDetail, TrackView, ViewBuilder,
    },
};
use crate::{
    http::{CodePath, Problem, Query, Representation, answer, problem::AnyProblem},
    programme::service::{CACHE_BRIEFLY, ProgrammeService, find_release},
    validation::ValidationErrors,
    values::{Code, Date, TextValue as _},
};

/// Answers a view of a release of a conference. With `publication`, the ready-made document is sent where there is one.
async fn answer_view<T: Serialize>(
    request: &HttpRequest,
    service: &ProgrammeService,
    slug: &Code,
    lang: Option<&str>,
    version: Option<ReleaseNumber>,
    publication: Option<Publication>,
    make: impl FnOnce(&ViewBuilder<'_>, &Snapshot) -> Result<T, ProgrammeError>,
) -> Result<HttpResponse, Problem> {
    let release = find_release(service, slug, version).await?;
    let snapshot = &release.snapshot;
    let language = negotiate::choose(request, lang, &snapshot.agenda.conference.languages)?;
    let documents = release.documents.as_ref().zip(publication);
    if let Some(document) = documents.and_then(|(documents, publication)| documents.get(publication, &language)) {
        return Ok(serve(request, document, release.cache_control));
    }
    serve_part(request, service, &release, &language, "application/json", || {
        let value = make(&ViewBuilder::new(snapshot, &language), snapshot)?;
        serde_json::to_vec(&value).map_err(Problem::unexpected)
    })
}

/// What everybody may read from a web page of any origin: the first segments of the path after the conference.
const PUBLIC_PATHS: &[&str] = &[
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

/// Whether a `GET` of the path may be read by a web page of any origin.
pub fn is_readable_by_any_origin(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/v1/conferences") else {
        return false;
    };
    let mut segments = rest.trim_start_matches('/').split('/');
    segments.next();
    PUBLIC_PATHS.contains(&segments.next().unwrap_or_default())
}

/// The list of conferences.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConferenceList {
    /// Listed conferences that have a release, in order of first date, then slug.
    pub data: Vec<ConferenceView>,
    /// Always null: the list is not divided into pages.
    pub next: Option<String>,
}

/// Query of the list of conferences.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConferencesQuery {
    /// Language of the texts (BCP 47 tag); `*` answers maps from language tag to text. A conference that does not have
    /// this language answers in another of its own: the one that `Accept-Language` prefers, else its first.
    #[deserr(default)]
    pub lang: Option<String>,
}

/// Lists the conferences that are listed and have a release.
#[utoipa::path(
    get, path = "/api/v1/conferences",
    tag = "programme",
    params(ConferencesQuery),
    responses((status = 200, description = "The conferences", body = ConferenceList), AnyProblem)
)]
pub async fn list_conferences(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    query: Query<ConferencesQuery>,
) -> Result<HttpResponse, Problem> {
    let mut data = Vec::new();
    for snapshot in service.programmes.listed() {
        let languages = &snapshot.agenda.conference.languages;
        // A conference that lacks the language is no error here: it answers in one of its own.
        let language = negotiate::choose(&request, query.0.lang.as_deref(), languages)
            .or_else(|_| negotiate::choose(&request, None, languages))?;
        data.push(ViewBuilder::new(&snapshot, &language).conference());
    }
    answer_public(&request, &ConferenceList { data, next: None })
}

/// Answers a value that everybody may read, and that caches may keep for a few seconds.
pub(super) fn answer_public(request: &HttpRequest, value: &impl Serialize) -> Result<HttpResponse, Problem> {
    let representation = Representation {
        body: serde_json::to_vec(value).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: None,
        modified: None,
        cache_control: CACHE_BRIEFLY,
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
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(query) = query;
    let fields = Selection::read::<ConferenceView>(query.fields.as_deref())?;
    let make = |view: &ViewBuilder<'_>, _: &Snapshot| Ok(fields.apply(view.conference()));
    let publication = query.fields.is_none().then_some(Publication::Conference);
    answer_view(&request, &service, &path.0, query.lang.as_deref(), query.version, publication, make).await
}

/// Reads the released programme, whole or filtered. A filtered programme contains the tracks, rooms and speakers of the
/// selected sessions only.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
    responses((status = 200, description = "The programme", body = ProgrammeView), AnyProblem)
)]
pub async fn read_programme(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<ProgrammeQuery>,
) -> Result<HttpResponse, Problem> {
    let Query(mut query) = query;
    let fields = Selection::read::<ProgrammeView>(query.fields.as_deref())?;
    let (lang, version) = (query.lang.take(), query.version);
    let publication = query.selects_everything().then_some(Publication::Programme);
    answer_view(&request, &service, &path.0, lang.as_deref(), version, publication, |view, snapshot| {
        query.check(snapshot)?;
        Ok(fields.apply(view.programme(&query)))
    })
    .await
}

/// A list view that the query of the programme filters.
macro_rules! list_handler {
    ($(#[$doc:meta])* $name:ident, $path:literal, $publication:ident, $element:ident, $what:literal, $make:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            get, path = $path,
            tag = "programme",
            params(("conference" = String, Path, description = "The conference's slug"), ProgrammeQuery),
            responses((status = 200, description = $what, body = List<$element>), AnyProblem)
        )]
        pub async fn $name(
            request: HttpRequest,
            service: web::Data<ProgrammeService>,
            path: web::Path<CodePath>,
            query: Query<ProgrammeQuery>,
        ) -> Result<HttpResponse, Problem> {
            let Query(mut query) = query;
            let fields = Selection::read::<$element>(query.fields.as_deref())?;
            let (lang, version) = (query.lang.take(), query.version);
            let publication = query.selects_everything().then_some(Publication::$publication);
            answer_view(&request, &service, &path.0, lang.as_deref(), version, publication, |view, snapshot| {
                query.check(snapshot)?;
                let make: fn(&ViewBuilder<'_>, &ProgrammeQuery) -> Vec<$element> = $make;
                Ok(fields.apply_to_each(make(view, &query)))
            })
            .await
        }
    };
}

list_handler!(
    /// Lists the days with their sessions.
    list_programme_days, "/api/v1/conferences/{conference}/programme/days", Days, DayView, "The days",
    |view, query| view.days(query)
);
list_handler!(
    /// Lists the sessions in order of start time.
    list_programme_sessions, "/api/v1/conferences/{conference}/programme/sessions", Sessions, SessionView, "The sessions",
    |view, query| view.sessions(query)
);
list_handler!(
    /// Lists the panels in order of the programme, with topic, moderators and panellists.
    list_programme_panels, "/api/v1/conferences/{conference}/programme/panels", Panels, PanelView, "The panels",
    |view, query| view.panels(query)
);
list_handler!(
    /// Lists the keynotes in order of the programme.
    list_programme_keynotes, "/api/v1/conferences/{conference}/programme/keynotes", Keynotes, KeynoteView, "The keynotes",
    |view, query| view.keynotes(query)
);
list_handler!(
    /// Lists the speakers with the sessions and items in which they appear. If the query selects sessions, lists the
    /// speakers of these, with their appearances there.
    list_programme_speakers, "/api/v1/conferences/{conference}/programme/speakers", Speakers, SpeakerDetail, "The speakers",
    |view, query| view.speakers(query)
);
list_handler!(
    /// Lists the rooms. If the query selects sessions, lists the rooms of these.
    list_programme_rooms, "/api/v1/conferences/{conference}/programme/rooms", Rooms, RoomView, "The rooms",
    |view, query| view.rooms(query)
);
list_handler!(
    /// Lists the tracks. If the query selects sessions, lists the tracks of these.
    list_programme_tracks, "/api/v1/conferences/{conference}/programme/tracks", Tracks, TrackView, "The tracks",
    |view, query| view.tracks(query)
);

/// A view of one thing, which cannot be filtered.
macro_rules! view_handler {
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
            service: web::Data<ProgrammeService>,
            path: web::Path<CodePath>,
            query: Query<ViewQuery>,
        ) -> Result<HttpResponse, Problem> {
            let Query(query) = query;
            let fields = Selection::read::<$body>(query.fields.as_deref())?;
            let publication = query.fields.is_none().then_some(Publication::$publication);
            answer_view(&request, &service, &path.0, query.lang.as_deref(), query.version, publication, |view, _| {
                let make: fn(&ViewBuilder<'_>) -> Option<$body> = $make;
                make(view).map(|view| fields.apply(view)).ok_or(ProgrammeError::NotFound($what))
            })
            .await
        }
    };
}

view_handler!(
    /// Reads the high-level political session, with the interventions of ministers and the responses of institutions.
    read_high_level_session, "/api/v1/conferences/{conference}/programme/high-level-session", HighLevelSession,
    HighLevelSessionView, "high-level political session",
    |view| view.high_level_session()
);
view_handler!(
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
        ("date" = String, Path, description = "The date of the day (`YYYY-MM-DD`)"),
        ViewQuery
    ),
    responses((status = 200, description = "The day", body = DayView), AnyProblem)
)]
pub async fn read_programme_day(
    request: HttpRequest,
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, String)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, date) = path.into_inner();
    let Query(query) = query;
    let fields = Selection::read::<DayView>(query.fields.as_deref())?;
    let date = Date::parse(&date).map_err(|_| ProgrammeError::NotFound("day"))?;
    answer_view(&request, &service, &slug.0, query.lang.as_deref(), query.version, None, |view, _| {
        let of_day = ProgrammeQuery { day: Some(date), ..ProgrammeQuery::default() };
        view.days(&of_day).into_iter().next().map(|day| fields.apply(day)).ok_or(ProgrammeError::NotFound("day"))
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
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let Query(query) = query;
    let fields = Selection::read::<SessionView>(query.fields.as_deref())?;
    answer_view(&request, &service, &slug.0, query.lang.as_deref(), query.version, None, |view, snapshot| {
        let session = snapshot.session(&code.0).ok_or(ProgrammeError::NotFound("session"))?;
        Ok(fields.apply(view.session(session)))
    })
    .await
}

/// Reads a speaker with the sessions and items in which they appear.
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
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<ViewQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let Query(query) = query;
    let fields = Selection::read::<SpeakerDetail>(query.fields.as_deref())?;
    answer_view(&request, &service, &slug.0, query.lang.as_deref(), query.version, None, |view, snapshot| {
        let speaker = snapshot.speaker(&code.0).ok_or(ProgrammeError::NotFound("speaker"))?;
        Ok(fields.apply(view.speaker_detail(speaker)))
    })
    .await
}
