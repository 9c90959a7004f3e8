//! The public pages: the content of the latest release.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use minijinja::{Value, context};

use super::{
    page::{PageContext, Template, locales_of, redirect, value},
    room_grid::day_grid,
    service::Site,
    speakers::{SpeakerQuery, country_beside, speakers_context},
    texts::FALLBACK,
};
use crate::{
    agenda::{document::SessionKind, model::utc},
    clock,
    http::{Problem, problem::NOT_FOUND},
    programme::{filter::ProgrammeQuery, negotiate, snapshot::Snapshot},
    registration::service::RegistrationService,
    site::query::{parameter, query_pairs, query_without},
    site_setup::{SiteSetup, SpeakerOrder},
    validation,
    values::{Code, LanguageTag, TextValue as _},
};

type ConferencePath = web::Path<(String, String)>;
type ResourcePath = web::Path<(String, String, String)>;

pub(super) fn not_found() -> Problem {
    Problem::new(&NOT_FOUND)
}

/// The locale that the reader's browser prefers.
fn preferred_locale_of(request: &HttpRequest, snapshot: &Snapshot) -> String {
    let tags: Vec<LanguageTag> = locales_of(snapshot).iter().filter_map(|tag| LanguageTag::parse(tag).ok()).collect();
    let chosen = negotiate::choose(request, None, &tags).ok();
    chosen.and_then(|language| language.tag().map(ToString::to_string)).unwrap_or_else(|| FALLBACK.to_owned())
}

/// Lists the conferences; redirects to the conference if there is only one. Clients that are not browsers are
/// redirected to the documentation of the API.
#[get("/")]
pub async fn list_conferences(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
) -> HttpResponse {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        let location = format!("{}/docs/", site.prefix);
        return HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, location)).finish();
    }
    let conferences = service.programmes.listed();
    if let [only] = conferences.as_slice() {
        let location =
            format!("{}/conferences/{}/{}", site.prefix, only.conference.slug, preferred_locale_of(&request, only));
        return HttpResponse::TemporaryRedirect()
            .insert_header((header::LOCATION, location))
            .insert_header((header::VARY, "Accept, Accept-Language"))
            .finish();
    }
    let tag = site.preferred_locale(&request);
    let entry = |snapshot: &std::sync::Arc<Snapshot>| {
        let conference = &snapshot.agenda.conference;
        // The link leads to the locale of the list if the conference has it.
        let locale = Some(tag.clone()).filter(|tag| locales_of(snapshot).contains(tag));
        let locale = locale.unwrap_or_else(|| preferred_locale_of(&request, snapshot));
        let url = format!("{}/conferences/{}/{locale}", site.prefix, snapshot.conference.slug);
        context! {
            url, slug => snapshot.conference.slug.as_str(),
            name => conference.name.text(&locale, &conference.languages),
            is_over => snapshot.agenda.is_over(clock::now()),
            starts_on => conference.starts_on.0.to_string(), ends_on => conference.ends_on.0.to_string(),
        }
    };
    let mut list: Vec<_> = conferences.iter().collect();
    list.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.agenda.conference.starts_on.0));
    let list: Vec<Value> = list.into_iter().map(entry).collect();
    let response =
        site.page_without_conference(&tag, "conferences.html", StatusCode::OK, context! { conferences => list });
    site.answer_or_show_error(&request, &service, response).await
}

/// Redirects to the list, from the address that people guess.
#[get("/conferences")]
pub async fn redirect_to_conferences(site: web::Data<Site>) -> HttpResponse {
    redirect(format!("{}/", site.prefix))
}

/// Redirects to a conference in the locale that the reader prefers.
#[get("/conferences/{conference}")]
pub async fn choose_language(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    slug: web::Path<String>,
) -> HttpResponse {
    let snapshot = Code::parse(&slug).ok().and_then(|slug| service.programmes.public(&slug));
    let Some(snapshot) = snapshot else { return site.answer_or_show_error(&request, &service, Err(not_found())).await };
    HttpResponse::TemporaryRedirect()
        .insert_header((
            header::LOCATION,
            format!("{}/conferences/{slug}/{}", site.prefix, preferred_locale_of(&request, &snapshot)),
        ))
        .insert_header((header::VARY, "Accept-Language"))
        .finish()
}

/// Answers a public page, or an error page.
pub(super) async fn public_page(
    request: &HttpRequest,
    site: &Site,
    service: &RegistrationService,
    slug: &str,
    tag: &str,
    template: Template,
    make_context: impl FnOnce(&PageContext, &SiteSetup) -> Result<Value, Problem>,
) -> HttpResponse {
    let response = match PageContext::find(&service.programmes, slug, tag) {
        Ok(page) => site.public_page(request, &page, service, template, make_context).await,
        Err(problem) => Err(problem),
    };
    site.answer_or_show_error(request, service, response).await
}

/// Shows the front page of a conference.
#[get("/conferences/{conference}/{lang}")]
pub async fn show_front(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let window = match PageContext::find(&service.programmes, &path.0, &path.1) {
        Ok(page) => site.registration_window.of(&service, &page.snapshot).await,
        Err(_) => None,
    };
    let template = Template::new("front.html", "front");
    public_page(&request, &site, &service, &path.0, &path.1, template, |page, _| {
        let programme = page.view().programme(&ProgrammeQuery::default());
        Ok(context! { programme => value(programme), form => window.map(value) })
    })
    .await
}

/// The filter in the query of the programme; empty parameters are ignored. `None` if it names something that is not in
/// this release, as an old bookmark may.
fn programme_query(request: &HttpRequest, page: &PageContext) -> Option<ProgrammeQuery> {
    let filters = ["day", "track", "room", "kind", "speaker"];
    let parameters =
        query_pairs(request).into_iter().filter(|(key, value)| filters.contains(&key.as_str()) && !value.is_empty());
    let parameters: serde_json::Map<_, _> = parameters.map(|(key, value)| (key, value.into())).collect();
    let mut query: ProgrammeQuery = validation::read(parameters.into()).ok()?;
    query.check(&page.snapshot).ok()?;
    Some(query)
}

/// Shows the programme by day.
#[get("/conferences/{conference}/{lang}/programme")]
pub async fn show_programme(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let template = Template::new("programme.html", "programme");
    public_page(&request, &site, &service, &path.0, &path.1, template, |page, _| {
        let query = programme_query(&request, page);
        let no_filter = ProgrammeQuery::default();
        let view = page.view();
        let mut kinds: Vec<&str> = Vec::new();
        for session in &page.snapshot.agenda.sessions {
            if !kinds.contains(&session.kind.as_str()) {
                kinds.push(session.kind.as_str());
            }
        }
        let day =
            |day: crate::programme::views::DayView| context! { date => value(day.date), title => value(day.title) };
        let whole_days = view.days(&no_filter);
        let (days, rooms) = (query.as_ref().map(|query| view.days(query)).unwrap_or_default(), view.rooms(&no_filter));
        let filter_value = |name: &str| parameter(&request, name);
        let is_by_room = filter_value("view").as_deref() == Some("rooms");
        let grid = days.iter().filter(|day| is_by_room && !day.sessions.is_empty()).filter_map(|day| {
            let whole_day = whole_days.iter().find(|whole_day| whole_day.date == day.date)?;
            Some(day_grid(day, whole_day, &rooms))
        });
        let grid: Vec<Value> = grid.collect();
        let all_days: Vec<Value> = whole_days.into_iter().map(day).collect();
        Ok(context! {
            days => value(days), grid, is_by_room, tracks => value(view.tracks(&no_filter)), rooms => value(rooms),
            all_sessions => page.snapshot.agenda.sessions.len(), asked_query => query_without(&request, "view"), kinds,
            all_days, is_filtered => query.is_none_or(|query| query.has_filter()),
            asked => context! {
                day => filter_value("day"), track => filter_value("track"), room => filter_value("room"),
                kind => filter_value("kind"), speaker => filter_value("speaker"),
            },
        })
    })
    .await
}

/// Shows a session.
#[get("/conferences/{conference}/{lang}/sessions/{session}")]
pub async fn show_session(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ResourcePath,
) -> HttpResponse {
    let template = Template::new("session.html", "session");
    public_page(&request, &site, &service, &path.0, &path.1, template, |page, _| {
        let code = Code::parse(&path.2).map_err(|_| not_found())?;
        let session = page.snapshot.session(&code).ok_or_else(not_found)?;
        let view = page.view();
        let (before, after) = view.neighbours(session);
        let protocol = view.high_level_session().filter(|_| session.kind == SessionKind::HighLevelPolitical);
        Ok(context! {
            session => value(view.session(session)), session_is_over => utc(session.ends_at) <= clock::now(),
            protocol => protocol.map(value),
            before => value(before), after => value(after),
        })
    })
    .await
}

/// Lists the speakers.
#[get("/conferences/{conference}/{lang}/speakers")]
pub async fn show_speakers(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let template = Template::new("speakers.html", "speakers");
    public_page(&request, &site, &service, &path.0, &path.1, template, |page, setup| {
        let asked = |name: &str| parameter(&request, name);
        let order = asked("sort").and_then(|order| SpeakerOrder::from_text(&order)).unwrap_or(setup.speaker_order);
        let query = SpeakerQuery { search: asked("search"), country: asked("country"), order };
        Ok(speakers_context(page, &query))
    })
    .await
}

/// Shows a speaker.
#[get("/conferences/{conference}/{lang}/speakers/{speaker}")]
pub async fn show_speaker(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ResourcePath,
) -> HttpResponse {
    let template = Template::new("speaker.html", "speaker");
    public_page(&request, &site, &service, &path.0, &path.1, template, |page, _| {
        let code = Code::parse(&path.2).map_err(|_| not_found())?;
        let speaker = page.snapshot.speaker(&code).ok_or_else(not_found)?;
        let speaker = page.view().speaker_detail(speaker);
        Ok(context! { country => value(country_beside(page, &speaker.speaker)), speaker => value(speaker) })
    })
    .await
}

/// Shows the call for action.
#[get("/conferences/{conference}/{lang}/call-for-action")]
pub async fn show_call_for_action(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: ConferencePath,
) -> HttpResponse {
    let template = Template::new("call-for-action.html", "call-for-action");
    public_page(&request, &site, &service, &path.0, &path.1, template, |page, _| {
        Ok(context! { call => value(page.view().call_for_action().ok_or_else(not_found)?) })
    })
    .await
}

/// Answers 404, as a page.
#[get("/conferences/{tail:.*}")]
pub async fn show_nothing(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
) -> HttpResponse {
    // A trailing slash is removed.
    if let Some(path) = request.path().strip_suffix('/').filter(|path| !path.ends_with('/')) {
        let query = Some(request.query_string()).filter(|query| !query.is_empty());
        return redirect(format!(
            "{}{path}{}",
            site.prefix,
            query.map(|query| format!("?{query}")).unwrap_or_default()
        ));
    }
    site.answer_or_show_error(&request, &service, Err(not_found())).await
}
