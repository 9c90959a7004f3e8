//! `/api/v1/conferences/...`: the released programme and its history, for everyone.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ProgrammeError, Programmes, Snapshot,
    actions::{publish, release_changes},
    filter::{ProgrammeQuery, ReleaseNumber, ViewQuery},
    negotiate,
    store::{self, ReleaseRow},
    view::View,
    views::{
        CallForActionView, ConferenceView, DayView, HighLevelSessionView, KeynoteView, List, PanelView, ProgrammeView,
        ReleaseView, RoomView, SessionView, SpeakerDetail, TrackView,
    },
};
use crate::{
    access::Credentials,
    agenda::{Change, actions::find_authorised},
    clock,
    database::Database,
    faults::{Fault, Faults},
    http::{CodePath, Json, Problem, Query, Representation, answer, problem::AnyProblem},
    ids::ConferenceId,
    values::{Code, Date, Prose, TextValue as _},
};

/// Readers may keep an answer for a moment without asking, and show an old one while they ask.
const CURRENT: &str = "public, max-age=10, stale-while-revalidate=60";
/// An older release changes by a redaction alone.
const OLDER: &str = "public, max-age=86400";
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
    let (snapshot, cache_control) = match version {
        None => (current, CURRENT),
        Some(ReleaseNumber(number)) if number == current.release.number => (current, CURRENT),
        Some(number) => (older(&state.database, &current, number).await?, OLDER),
    };
    let language = negotiate::choose(request, lang, &snapshot.agenda.conference.languages)?;
    let value = make(&View::new(&snapshot, &language), &snapshot)?;
    let representation = Representation {
        body: serde_json::to_vec(&value).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: language.tag().map(|tag| tag.as_str().to_owned()),
        modified: Some(snapshot.release.released_at),
        cache_control,
        vary: VARY,
    };
    Ok(answer(request, representation))
}

async fn older(
    database: &Database,
    current: &Snapshot,
    number: ReleaseNumber,
) -> Result<Arc<Snapshot>, ProgrammeError> {
    let place = current.place.clone();
    let (id, number) = (place.id, number.0);
    let found = database.read(move |tx| store::load(tx, id, number).map_err(ProgrammeError::from)).await?;
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
fn public(request: &HttpRequest, value: &impl Serialize) -> Result<HttpResponse, Problem> {
    let representation = Representation {
        body: serde_json::to_vec(value).map_err(Problem::unexpected)?,
        content_type: "application/json",
        language: None,
        modified: None,
        cache_control: CURRENT,
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

/// What is said about a new release.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewRelease {
    /// What changed and why, for readers.
    #[deserr(default)]
    #[schema(required = false)]
    pub note: Option<Prose<2000>>,
}

/// A release with its changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseWithChanges {
    /// Which release.
    #[serde(flatten)]
    pub release: ReleaseView,
    /// What changed against the one before.
    pub changes: Vec<Change>,
}

/// What changed in a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseChanges {
    /// What changed against the one before.
    pub changes: Vec<Change>,
}

fn release_view(release: &ReleaseRow) -> ReleaseView {
    ReleaseView { number: release.number, released_at: clock::wire(release.released_at), note: release.note.clone() }
}

/// Publishes the draft as the next release.
#[utoipa::path(
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug")),
    request_body = NewRelease,
    responses((status = 201, description = "The release", body = ReleaseWithChanges), AnyProblem),
    security(("bearer" = []))
)]
#[post("/api/v1/conferences/{conference}/releases")]
pub async fn publish_release(
    request: HttpRequest,
    state: web::Data<State>,
    credentials: Credentials,
    path: web::Path<CodePath>,
    body: Json<NewRelease>,
) -> Result<HttpResponse, Problem> {
    let slug = path.into_inner().0;
    let note = body.0.note.map(|note| note.as_str().to_owned());
    let published = state
        .database
        .write("publish a release", move |tx| {
            let (place, actor) = find_authorised(tx, &credentials, "publish_release", &slug)?;
            publish(tx, &place, note.clone(), &actor)
        })
        .await?;
    if let Err(error) = state.programmes.refresh(&state.database).await {
        // It is committed; the poll takes it up as soon as the store answers again.
        tracing::warn!(%error, "a release is not served yet");
    }
    let release = release_view(&published.release);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("{}/{}", request.path(), release.number)))
        .json(ReleaseWithChanges { release, changes: published.changes }))
}

/// A page of releases.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseList {
    /// The releases, the latest first.
    pub data: Vec<ReleaseView>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// The query of a paged list.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most: 1 to 200, 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Where to go on, as `next` of the page before says.
    #[deserr(default)]
    pub cursor: Option<String>,
}

/// The most releases on a page, and how many without `?limit=`.
const PAGE_MAX: i64 = 200;
const PAGE: i64 = 50;

impl PageQuery {
    fn read(&self) -> Result<(i64, i32), Faults> {
        let mut faults = Faults::default();
        let limit = self.limit.as_deref().map_or(Some(PAGE), |text| text.parse().ok());
        let limit = limit.filter(|limit| (1..=PAGE_MAX).contains(limit)).unwrap_or_else(|| {
            faults.0.push(Fault::at("?limit", "out_of_range", format!("must be 1 to {PAGE_MAX}")));
            PAGE
        });
        let before = self.cursor.as_deref().map_or(Some(i32::MAX), |text| text.parse().ok());
        let before = before.unwrap_or_else(|| {
            faults.0.push(Fault::at("?cursor", "invalid_cursor", "must come from the page before"));
            i32::MAX
        });
        faults.or((limit, before))
    }
}

/// Lists the releases, the latest first.
#[utoipa::path(
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), PageQuery),
    responses((status = 200, description = "The releases", body = ReleaseList), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/releases")]
pub async fn list_releases(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let id = state.programmes.get(&path.0).ok_or(ProgrammeError::NotFound("conference"))?.place.id;
    let (limit, before) = query.0.read()?;
    let mut rows =
        state.database.read(move |tx| store::list(tx, id, before, limit + 1).map_err(ProgrammeError::from)).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let next =
        rows.last().filter(|_| more).map(|last| format!("{}?limit={limit}&cursor={}", request.path(), last.number));
    let link = next.as_ref().map(|next| format!("<{next}>; rel=\"next\""));
    let mut response = public(&request, &ReleaseList { data: rows.iter().map(release_view).collect(), next })?;
    if let Some(link) = link.and_then(|link| header::HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The conference's id and the release's number, as the path names them.
fn release_named(state: &State, slug: &Code, number: &str) -> Result<(ConferenceId, i32), ProgrammeError> {
    let id = state.programmes.get(slug).ok_or(ProgrammeError::NotFound("conference"))?.place.id;
    Ok((id, ReleaseNumber::parse(number).map_err(|_| ProgrammeError::NotFound("release"))?.0))
}

/// Reads which release a number is.
#[utoipa::path(
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("number" = i32, Path, description = "The release's number")
    ),
    responses((status = 200, description = "The release", body = ReleaseView), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/releases/{number}")]
pub async fn read_release(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, number) = release_named(&state, &path.0.0, &path.1)?;
    let found = state.database.read(move |tx| store::find(tx, id, number).map_err(ProgrammeError::from)).await?;
    let release = found.ok_or(ProgrammeError::NotFound("release"))?;
    public(&request, &release_view(&release))
}

/// Reads what a release changed against the one before.
#[utoipa::path(
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("number" = i32, Path, description = "The release's number")
    ),
    responses((status = 200, description = "The changes", body = ReleaseChanges), AnyProblem)
)]
#[get("/api/v1/conferences/{conference}/releases/{number}/changes")]
pub async fn read_release_changes(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, number) = release_named(&state, &path.0.0, &path.1)?;
    let changes = state.database.read(move |tx| release_changes(tx, id, number)).await?.changes;
    public(&request, &ReleaseChanges { changes })
}
