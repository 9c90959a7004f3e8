//! The programme in the formats of others, for everyone.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::{Source, ical};
use crate::{
    faults::Faults,
    http::{CodePath, Problem, Query, problem::AnyProblem},
    programme::{
        ProgrammeError,
        api::{Found, State, find},
        filter::ReleaseNumber,
        negotiate::{self, Language},
        publication::{Publication, serve, serve_part},
    },
    values::{Code, LanguageTag},
};

/// The query of a document.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// The language of the texts. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// The number of an older release.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
}

/// The query of the calendar.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CalendarQuery {
    /// The language of the texts. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
    /// The number of an older release.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
    /// The codes or ids of the sessions that are wanted, separated by commas; all without it.
    #[deserr(default)]
    pub sessions: Option<String>,
}

/// The language of a document, which has one.
fn one(request: &HttpRequest, asked: Option<&str>, languages: &[LanguageTag]) -> Result<LanguageTag, Faults> {
    match negotiate::choose(request, asked, languages) {
        Ok(Language::One(tag)) => Ok(tag),
        Ok(Language::All) | Err(_) => {
            let known = languages.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(", ");
            let mut faults = Faults::default();
            faults.add("?lang", "unknown_language", format!("must be one of {known}: a document has one language"));
            Err(faults)
        }
    }
}

/// A release and the language in which a document of it is asked for.
struct Asked {
    found: Found,
    language: LanguageTag,
}

impl Asked {
    async fn of(request: &HttpRequest, state: &State, slug: &Code, query: &DocumentQuery) -> Result<Self, Problem> {
        let found = find(state, slug, query.version).await?;
        let language = one(request, query.lang.as_deref(), &found.snapshot.agenda.conference.languages)?;
        Ok(Self { found, language })
    }

    /// Answers a publication: the one that is ready, where it is.
    fn whole(self, request: &HttpRequest, state: &State, publication: Publication) -> Result<HttpResponse, Problem> {
        let Self { found, language } = self;
        let language = Language::One(language);
        if let Some(whole) = found.edition.as_ref().and_then(|edition| edition.get(publication, &language)) {
            return Ok(serve(request, whole, found.cache_control));
        }
        serve_part(request, state, &found, &language, publication.content_type(), || {
            let body = publication.write(&found.snapshot, &language, &state.public_url);
            Ok(body.ok_or(ProgrammeError::NotFound("document"))?)
        })
    }

    /// Answers a part of the calendar.
    fn calendar(
        self,
        request: &HttpRequest,
        state: &State,
        write: impl FnOnce(&Source<'_>) -> Result<Vec<u8>, ProgrammeError>,
    ) -> Result<HttpResponse, Problem> {
        let Self { found, language } = self;
        serve_part(request, state, &found, &Language::One(language.clone()), ical::MEDIA_TYPE, || {
            let source = Source { snapshot: &found.snapshot, language: &language, base_url: &state.public_url };
            Ok(write(&source)?)
        })
    }
}

/// A document of a whole release.
macro_rules! whole {
    ($(#[$doc:meta])* $name:ident, $path:literal, $publication:ident, $body:ident, $media:literal, $what:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            get, path = $path,
            tag = "programme",
            params(("conference" = String, Path, description = "The conference's slug"), DocumentQuery),
            responses((status = 200, description = $what, body = $body, content_type = $media), AnyProblem)
        )]
        pub async fn $name(
            request: HttpRequest,
            state: web::Data<State>,
            path: web::Path<CodePath>,
            query: Query<DocumentQuery>,
        ) -> Result<HttpResponse, Problem> {
            let asked = Asked::of(&request, &state, &path.0, &query.0).await?;
            asked.whole(&request, &state, Publication::$publication)
        }
    };
}

whole!(
    /// Reads the programme as the schedule.xml of frab, c3voc and pretalx, for apps that show schedules.
    read_schedule_xml, "/api/v1/conferences/{conference}/schedule.xml", ScheduleXml, String, "application/xml",
    "The schedule"
);
whole!(
    /// Reads the programme as a schedule.json of c3voc (version 1), for apps that show schedules.
    read_schedule_json, "/api/v1/conferences/{conference}/schedule.json", ScheduleJson, Object, "application/json",
    "The schedule"
);
whole!(
    /// Reads the programme as linked data of schema.org, for search engines.
    read_programme_jsonld, "/api/v1/conferences/{conference}/programme.jsonld", JsonLd, Object, "application/ld+json",
    "The event"
);
whole!(
    /// Reads the sessions and items as a table.
    read_session_table, "/api/v1/conferences/{conference}/programme/sessions.csv", SessionTable, String, "text/csv",
    "The table"
);

/// The query of the feed.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// The language of the texts. Without it `Accept-Language` decides.
    #[deserr(default)]
    pub lang: Option<String>,
}

/// Reads the last releases as a feed (Atom), with what each changed in words.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/releases.atom",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), FeedQuery),
    responses((status = 200, description = "The feed", body = String, content_type = "application/atom+xml"), AnyProblem)
)]
pub async fn read_release_feed(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<FeedQuery>,
) -> Result<HttpResponse, Problem> {
    let query = DocumentQuery { lang: query.0.lang, version: None };
    let asked = Asked::of(&request, &state, &path.0, &query).await?;
    asked.whole(&request, &state, Publication::ReleaseFeed)
}

/// Reads the programme as a calendar, whole or the sessions that are wanted: to be subscribed to.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme.ics",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), CalendarQuery),
    responses((status = 200, description = "The calendar", body = String, content_type = "text/calendar"), AnyProblem)
)]
pub async fn read_programme_calendar(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<CodePath>,
    query: Query<CalendarQuery>,
) -> Result<HttpResponse, Problem> {
    let CalendarQuery { lang, version, sessions } = query.0;
    let asked = Asked::of(&request, &state, &path.0, &DocumentQuery { lang, version }).await?;
    match sessions {
        None => asked.whole(&request, &state, Publication::Calendar),
        Some(sessions) => asked.calendar(&request, &state, |source| Ok(ical::write_selection(source, &sessions)?)),
    }
}

/// Reads a session and its items as a calendar.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/sessions/{session}.ics",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("session" = String, Path, description = "The session's code"),
        DocumentQuery
    ),
    responses((status = 200, description = "The calendar", body = String, content_type = "text/calendar"), AnyProblem)
)]
pub async fn read_session_calendar(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let asked = Asked::of(&request, &state, &slug.0, &query.0).await?;
    asked.calendar(&request, &state, |source| {
        ical::write_session(source, &code.0).ok_or(ProgrammeError::NotFound("session"))
    })
}

/// Reads all that a speaker appears in as a calendar.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme/speakers/{speaker}.ics",
    tag = "programme",
    params(
        ("conference" = String, Path, description = "The conference's slug"),
        ("speaker" = String, Path, description = "The speaker's code"),
        DocumentQuery
    ),
    responses((status = 200, description = "The calendar", body = String, content_type = "text/calendar"), AnyProblem)
)]
pub async fn read_speaker_calendar(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let asked = Asked::of(&request, &state, &slug.0, &query.0).await?;
    asked.calendar(&request, &state, |source| {
        let speaker = source.snapshot.speaker(&code.0).ok_or(ProgrammeError::NotFound("speaker"))?;
        Ok(ical::write_speaker(source, speaker))
    })
}
