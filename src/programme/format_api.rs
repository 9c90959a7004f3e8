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
        service::{ProgrammeService, ServedRelease, find_release},
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
fn document_language(
    request: &HttpRequest,
    document: Option<&str>,
    languages: &[LanguageTag],
) -> Result<LanguageTag, ValidationErrors> {
    match negotiate::choose(request, document, languages) {
        Ok(Language::One(tag) | Language::Marked(tag)) => Ok(tag),
        Ok(Language::All) | Err(_) => {
            let offered = languages.iter().map(LanguageTag::as_str).collect::<Vec<_>>().join(", ");
            let mut errors = ValidationErrors::default();
            errors.add("?lang", "unknown_language", format!("must be one of {offered}: a document has one language"));
            Err(errors)
        }
    }
}

/// A release, and the language of the requested document.
struct DocumentRequest {
    release: ServedRelease,
    language: LanguageTag,
}

impl DocumentRequest {
    async fn of(
        request: &HttpRequest,
        service: &ProgrammeService,
        slug: &Code,
        query: &DocumentQuery,
    ) -> Result<Self, Problem> {
        let release = find_release(service, slug, query.version).await?;
        let language =
            document_language(request, query.lang.as_deref(), &release.snapshot.agenda.conference.languages)?;
        Ok(Self { release, language })
    }

    /// Answers a whole document: the ready-made one, where there is one.
    fn serve_document(
        self,
        request: &HttpRequest,
        service: &ProgrammeService,
        publication: Publication,
    ) -> Result<HttpResponse, Problem> {
        let Self { release, language } = self;
        let language = Language::One(language);
        if let Some(document) = release.documents.as_ref().and_then(|documents| documents.get(publication, &language)) {
            return Ok(serve(request, document, release.cache_control));
        }
        serve_part(request, service, &release, &language, publication.content_type(), || {
            let body = publication.write(&release.snapshot, &language, &service.public_url);
            Ok(body.ok_or(ProgrammeError::NotFound("document"))?)
        })
    }

    /// Answers a part of the calendar.
    fn serve_calendar(
        self,
        request: &HttpRequest,
        service: &ProgrammeService,
        write: impl FnOnce(&Source<'_>) -> Result<Vec<u8>, ProgrammeError>,
    ) -> Result<HttpResponse, Problem> {
        let Self { release, language } = self;
        serve_part(request, service, &release, &Language::One(language.clone()), ical::MEDIA_TYPE, || {
            let source = Source { snapshot: &release.snapshot, language: &language, base_url: &service.public_url };
            Ok(write(&source)?)
        })
    }
}

/// A document of a whole release.
macro_rules! document_handler {
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
            service: web::Data<ProgrammeService>,
            path: web::Path<CodePath>,
            query: Query<DocumentQuery>,
        ) -> Result<HttpResponse, Problem> {
            let document_request = DocumentRequest::of(&request, &service, &path.0, &query.0).await?;
            document_request.serve_document(&request, &service, Publication::$publication)
        }
    };
}

document_handler!(
    /// Reads the programme as `schedule.xml` of frab, c3voc and pretalx, for apps that show schedules.
    read_schedule_xml, "/api/v1/conferences/{conference}/schedule.xml", ScheduleXml, String, "application/xml",
    "The schedule"
);
document_handler!(
    /// Reads the programme as `schedule.json` of c3voc (version 1), for apps that show schedules.
    read_schedule_json, "/api/v1/conferences/{conference}/schedule.json", ScheduleJson, Object, "application/json",
    "The schedule"
);
document_handler!(
    /// Reads the programme as linked data of schema.org, for search engines.
    read_programme_jsonld, "/api/v1/conferences/{conference}/programme.jsonld", JsonLd, Object, "application/ld+json",
    "The event"
);
document_handler!(
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
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<FeedQuery>,
) -> Result<HttpResponse, Problem> {
    let query = DocumentQuery { lang: query.0.lang, version: None };
    let document_request = DocumentRequest::of(&request, &service, &path.0, &query).await?;
    document_request.serve_document(&request, &service, Publication::ReleaseFeed)
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
    service: web::Data<ProgrammeService>,
    path: web::Path<CodePath>,
    query: Query<CalendarQuery>,
) -> Result<HttpResponse, Problem> {
    let CalendarQuery { lang, version, sessions } = query.0;
    let document_request = DocumentRequest::of(&request, &service, &path.0, &DocumentQuery { lang, version }).await?;
    match sessions {
        None => document_request.serve_document(&request, &service, Publication::Calendar),
        Some(sessions) => {
            document_request.serve_calendar(&request, &service, |source| Ok(ical::write_selection(source, &sessions)?))
        }
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
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let document_request = DocumentRequest::of(&request, &service, &slug.0, &query.0).await?;
    document_request.serve_calendar(&request, &service, |source| {
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
    service: web::Data<ProgrammeService>,
    path: web::Path<(CodePath, CodePath)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, Problem> {
    let (slug, code) = path.into_inner();
    let document_request = DocumentRequest::of(&request, &service, &slug.0, &query.0).await?;
    document_request.serve_calendar(&request, &service, |source| {
        let speaker = source.snapshot.speaker(&code.0).ok_or(ProgrammeError::NotFound("speaker"))?;
        Ok(ical::write_speaker(source, speaker))
    })
}
