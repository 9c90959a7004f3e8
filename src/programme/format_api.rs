//! The programme in the formats of other software, for everybody.

use actix_web::{HttpRequest, HttpResponse, web};
use deserr::Deserr;
use utoipa::IntoParams;

use super::formats::{Source, ical};
use crate::{
    http::{CodePath, Problem, Query, problem::AnyProblem},
    programme::{
        ProgrammeError,
        documents::{Publication, serve, serve_part},
        filter::ReleaseNumber,
        negotiate::{self, Language},
        service::{ProgrammeService, ServedRelease, find},
    },
    validation::ValidationErrors,
    values::{Code, LanguageTag},
};

/// Query of a document of the programme.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// Language of the texts (BCP 47 tag, one of the conference's). If left out, the header `Accept-Language` decides,
    /// then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Number of the release to read; the latest if left out.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
}

/// Query of the calendar.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CalendarQuery {
    /// Language of the texts (BCP 47 tag, one of the conference's). If left out, the header `Accept-Language` decides,
    /// then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
    /// Number of the release to read; the latest if left out.
    #[deserr(default)]
    pub version: Option<ReleaseNumber>,
    /// Codes or ids of the sessions to include, separated by commas; all sessions if left out. At most 500. Codes that
    /// a session had in earlier releases are accepted.
    #[deserr(default)]
    pub sessions: Option<String>,
}

/// The language of a document, which always has exactly one.
fn one(request: &HttpRequest, asked: Option<&str>, languages: &[LanguageTag]) -> Result<LanguageTag, ValidationErrors> {
    match negotiate::choose(request, asked, languages) {
        Ok(Language::One(tag)) => Ok(tag),
        Ok(Language::All) | Err(_) => {
            let known = languages.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(", ");
            let mut faults = ValidationErrors::default();
            faults.add("?lang", "unknown_language", format!("must be one of {known}: a document has one language"));
            Err(faults)
        }
    }
}

/// A release, and the language of the requested document.
struct DocumentRequest {
    found: ServedRelease,
    language: LanguageTag,
}

impl DocumentRequest {
    async fn of(
        request: &HttpRequest,
        state: &ProgrammeService,
        slug: &Code,
        query: &DocumentQuery,
    ) -> Result<Self, Problem> {
        let found = find(state, slug, query.version).await?;
        let language = one(request, query.lang.as_deref(), &found.snapshot.agenda.conference.languages)?;
        Ok(Self { found, language })
    }

    /// Answers a whole document: the ready-made one, where there is one.
    fn whole(
        self,
        request: &HttpRequest,
        state: &ProgrammeService,
        publication: Publication,
    ) -> Result<HttpResponse, Problem> {
        let Self { found, language } = self;
        let language = Language::One(language);
        if let Some(whole) = found.documents.as_ref().and_then(|documents| documents.get(publication, &language)) {
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
        state: &ProgrammeService,
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
            state: web::Data<ProgrammeService>,
            path: web::Path<CodePath>,
            query: Query<DocumentQuery>,
        ) -> Result<HttpResponse, Problem> {
            let asked = DocumentRequest::of(&request, &state, &path.0, &query.0).await?;
            asked.whole(&request, &state, Publication::$publication)
        }
    };
}

whole!(
    /// Reads the programme as `schedule.xml` of frab, c3voc and pretalx, for apps that show schedules.
    read_schedule_xml, "/api/v1/conferences/{conference}/schedule.xml", ScheduleXml, String, "application/xml",
    "The schedule"
);
whole!(
    /// Reads the programme as `schedule.json` of c3voc (version 1), for apps that show schedules.
    read_schedule_json, "/api/v1/conferences/{conference}/schedule.json", ScheduleJson, Object, "application/json",
    "The schedule"
);
whole!(
    /// Reads the programme as linked data of schema.org, for search engines.
    read_programme_jsonld, "/api/v1/conferences/{conference}/programme.jsonld", JsonLd, Object, "application/ld+json",
    "The event"
);
whole!(
    /// Reads the sessions and items as a table (CSV, RFC 4180).
    read_session_table, "/api/v1/conferences/{conference}/programme/sessions.csv", SessionTable, String, "text/csv",
    "The table"
);

/// Query of the feed of releases.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// Language of the texts (BCP 47 tag, one of the conference's). If left out, the header `Accept-Language` decides,
    /// then the conference's first language.
    #[deserr(default)]
    pub lang: Option<String>,
}

/// Reads the latest releases, at most 20, as a feed (Atom, RFC 4287), each with its changes as sentences.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/releases.atom",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), FeedQuery),
    responses((status = 200, description = "The feed", body = String, content_type = "application/atom+xml"), AnyProblem)
)]
pub async fn read_release_feed(
    request: HttpRequest,
    state: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<FeedQuery>,
) -> Result<HttpResponse, Problem> {
    let query = DocumentQuery { lang: query.0.lang, version: None };
    let asked = DocumentRequest::of(&request, &state, &path.0, &query).await?;
    asked.whole(&request, &state, Publication::ReleaseFeed)
}

/// Reads the programme, or selected sessions of it, as a calendar (RFC 5545) for subscription.
#[utoipa::path(
    get, path = "/api/v1/conferences/{conference}/programme.ics",
    tag = "programme",
    params(("conference" = String, Path, description = "The conference's slug"), CalendarQuery),
    responses((status = 200, description = "The calendar", body = String, content_type = "text/calendar"), AnyProblem)
)]
pub async fn read_programme_calendar(
    request: HttpRequest,
    state: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<CalendarQuery>,
) -> Result<HttpResponse, Problem> {
    let CalendarQuery { lang, version, sessions } = query.0;
    let asked = DocumentRequest::of(&request, &state, &path.0, &DocumentQuery { lang, version }).await?;
    match sessions {
        None => asked.whole(&request, &state, Publication::Calendar),
        Some(sessions) => asked.calendar(&request, &state, |source| Ok(ical::write_selection(source, &sessions)?)),
    }
}

/// Reads a session and its items as a calendar (RFC 5545).
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
    state: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let asked = DocumentRequest::of(&request, &state, &slug.0, &query.0).await?;
    asked.calendar(&request, &state, |source| {
        ical::write_session(source, &code.0).ok_or(ProgrammeError::NotFound("session"))
    })
}

/// Reads the sessions and items of a speaker as a calendar (RFC 5545).
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
    state: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let asked = DocumentRequest::of(&request, &state, &slug.0, &query.0).await?;
    asked.calendar(&request, &state, |source| {
        let speaker = source.snapshot.speaker(&code.0).ok_or(ProgrammeError::NotFound("speaker"))?;
        Ok(ical::write_speaker(source, speaker))
    })
}
