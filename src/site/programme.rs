//! The public pages: the content of the latest release.

use std::collections::BTreeSet;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use minijinja::{Value, context};

use super::{
    page::{PageContext, lead_to, offered, value},
    service::Site,
    texts::FALLBACK,
};
use crate::{
    agenda::document::SessionKind,
    http::{Problem, problem::NOT_FOUND},
    programme::{filter::ProgrammeQuery, negotiate, snapshot::Snapshot},
    registration::service::RegistrationService,
    site::query::{pairs, parameter},
    validation,
    values::{Code, LanguageTag, TextValue as _},
};

type Path2 = web::Path<(String, String)>;
type Path3 = web::Path<(String, String, String)>;

fn nothing() -> Problem {
    Problem::new(&NOT_FOUND)
}

/// The locale that the reader's browser prefers.
fn preferred(request: &HttpRequest, snapshot: &Snapshot) -> String {
    let tags: Vec<LanguageTag> = offered(snapshot).iter().filter_map(|tag| LanguageTag::parse(tag).ok()).collect();
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
    let all = service.programmes.all();
    if let [only] = all.as_slice() {
        let location = format!("{}/conferences/{}/{}", site.prefix, only.place.slug, preferred(&request, only));
        return HttpResponse::TemporaryRedirect()
            .insert_header((header::LOCATION, location))
            .insert_header((header::VARY, "Accept, Accept-Language"))
            .finish();
    }
    let tag = site.spoken(&request);
    let one = |snapshot: &std::sync::Arc<Snapshot>| {
        let conference = &snapshot.agenda.conference;
        // The link leads to the locale of the list if the conference has it.
        let own = Some(tag.clone()).filter(|tag| offered(snapshot).contains(tag));
        let own = own.unwrap_or_else(|| preferred(&request, snapshot));
        let url = format!("{}/conferences/{}/{own}", site.prefix, snapshot.place.slug);
        context! {
            url, slug => snapshot.place.slug.as_str(), name => conference.name.text(&own, &conference.languages),
            starts_on => conference.starts_on.0.to_string(), ends_on => conference.ends_on.0.to_string(),
        }
    };
    let mut list: Vec<_> = all.iter().collect();
    list.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.agenda.conference.starts_on.0));
    let list: Vec<Value> = list.into_iter().map(one).collect();
    let made = site.bare(&tag, "conferences.html", (StatusCode::OK, context! { conferences => list }));
    site.answer(&request, &service, made).await
}

/// Redirects to the list, from the address that people guess.
#[get("/conferences")]
pub async fn lead_to_conferences(site: web::Data<Site>) -> HttpResponse {
    lead_to(format!("{}/", site.prefix))
}

/// Redirects to a conference in the locale that the reader prefers.
#[get("/conferences/{conference}")]
pub async fn choose_language(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    slug: web::Path<String>,
) -> HttpResponse {
    let found = Code::parse(&slug).ok().and_then(|slug| service.programmes.get(&slug));
    let Some(snapshot) = found else { return site.answer(&request, &service, Err(nothing())).await };
    HttpResponse::TemporaryRedirect()
        .insert_header((
            header::LOCATION,
            format!("{}/conferences/{slug}/{}", site.prefix, preferred(&request, &snapshot)),
        ))
        .insert_header((header::VARY, "Accept-Language"))
        .finish()
}

/// Answers a public page, or an error page.
async fn public(
    request: &HttpRequest,
    (site, service): (&Site, &RegistrationService),
    (slug, tag): (&str, &str),
    named: (&'static str, &str),
    make: impl FnOnce(&PageContext) -> Result<Value, Problem>,
) -> HttpResponse {
    let made = match PageContext::find(&service.programmes, slug, tag) {
        Ok(seen) => site.public(request, (&seen, service), named, make).await,
        Err(problem) => Err(problem),
    };
    site.answer(request, service, made).await
}

/// Shows the front page of a conference.
#[get("/conferences/{conference}/{lang}")]
pub async fn show_front(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
) -> HttpResponse {
    let door = match PageContext::find(&service.programmes, &path.0, &path.1) {
        Ok(seen) => site.registration_window.of(&service, &seen.snapshot).await,
        Err(_) => None,
    };
    public(&request, (&site, &service), (&path.0, &path.1), ("front.html", "front"), |seen| {
        Ok(context! { programme => value(seen.view().programme(&ProgrammeQuery::default())), form => door.map(value) })
    })
    .await
}

/// The filter in the query of the programme; empty parameters are ignored. `None` if it names something that is not in
/// this release, as an old bookmark may.
fn asked(request: &HttpRequest, seen: &PageContext) -> Option<ProgrammeQuery> {
    let known = ["day", "track", "room", "kind", "speaker"];
    let wanted = pairs(request).into_iter().filter(|(key, value)| known.contains(&key.as_str()) && !value.is_empty());
    let wanted: serde_json::Map<_, _> = wanted.map(|(key, value)| (key, value.into())).collect();
    let mut query: ProgrammeQuery = validation::read(wanted.into()).ok()?;
    query.check(&seen.snapshot).ok()?;
    Some(query)
}

/// Shows the programme by day.
#[get("/conferences/{conference}/{lang}/programme")]
pub async fn show_programme(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
) -> HttpResponse {
    public(&request, (&site, &service), (&path.0, &path.1), ("programme.html", "programme"), |seen| {
        let query = asked(&request, seen);
        let every = ProgrammeQuery::default();
        let view = seen.view();
        let mut kinds: Vec<&str> = Vec::new();
        for session in &seen.snapshot.agenda.sessions {
            if !kinds.contains(&session.kind.as_str()) {
                kinds.push(session.kind.as_str());
            }
        }
        let day =
            |day: crate::programme::views::DayView| context! { date => value(day.date), title => value(day.title) };
        let all_days: Vec<Value> = view.days(&every).into_iter().map(day).collect();
        let given = |name: &str| parameter(&request, name);
        Ok(context! {
            days => value(query.as_ref().map(|query| view.days(query)).unwrap_or_default()),
            tracks => value(view.tracks(&every)), rooms => value(view.rooms(&every)),
            kinds, all_days, is_filtered => query.is_none_or(|query| query.is_narrowing()),
            asked => context! {
                day => given("day"), track => given("track"), room => given("room"), kind => given("kind"),
                speaker => given("speaker"),
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
    path: Path3,
) -> HttpResponse {
    public(&request, (&site, &service), (&path.0, &path.1), ("session.html", "session"), |seen| {
        let code = Code::parse(&path.2).map_err(|_| nothing())?;
        let session = seen.snapshot.session(&code).ok_or_else(nothing)?;
        let view = seen.view();
        let of_day =
            ProgrammeQuery { day: seen.snapshot.agenda.day_of(session).map(|day| day.date), ..Default::default() };
        let day = view.sessions(&of_day);
        let day: Vec<_> = day.iter().filter(|one| one.kind != SessionKind::Break || one.code == code).collect();
        let place = day.iter().position(|one| one.code == code).unwrap_or(0);
        let protocol = view.high_level_session().filter(|_| session.kind == SessionKind::HighLevelPolitical);
        Ok(context! {
            session => value(view.session(session)), protocol => protocol.map(value),
            previous => place.checked_sub(1).and_then(|before| day.get(before)).map(value),
            next => day.get(place + 1).map(value),
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
    path: Path2,
) -> HttpResponse {
    public(&request, (&site, &service), (&path.0, &path.1), ("speakers.html", "speakers"), |seen| {
        Ok(context! { speakers => value(seen.view().speakers(&ProgrammeQuery::default())) })
    })
    .await
}

/// Shows a speaker.
#[get("/conferences/{conference}/{lang}/speakers/{speaker}")]
pub async fn show_speaker(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path3,
) -> HttpResponse {
    public(&request, (&site, &service), (&path.0, &path.1), ("speaker.html", "speaker"), |seen| {
        let code = Code::parse(&path.2).map_err(|_| nothing())?;
        let speaker = seen.snapshot.speaker(&code).ok_or_else(nothing)?;
        Ok(context! { speaker => value(seen.view().speaker_detail(speaker)) })
    })
    .await
}

/// Shows the call for action.
#[get("/conferences/{conference}/{lang}/call-for-action")]
pub async fn show_call_for_action(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
) -> HttpResponse {
    let named = ("call-for-action.html", "call-for-action");
    public(&request, (&site, &service), (&path.0, &path.1), named, |seen| {
        Ok(context! { call => value(seen.view().call_for_action().ok_or_else(nothing)?) })
    })
    .await
}

/// Shows the sessions that a reader has chosen; the address contains them.
#[get("/conferences/{conference}/{lang}/my-programme")]
pub async fn show_my_programme(
    request: HttpRequest,
    site: web::Data<Site>,
    service: web::Data<RegistrationService>,
    path: Path2,
) -> HttpResponse {
    public(&request, (&site, &service), (&path.0, &path.1), ("my-programme.html", "my-programme"), |seen| {
        // Sessions that are no longer in the release are left out: bookmarks outlive them.
        let named: BTreeSet<String> =
            pairs(&request).into_iter().filter(|(key, _)| key == "session").map(|(_, code)| code).collect();
        let mut days = seen.view().days(&ProgrammeQuery::default());
        days.iter_mut().for_each(|day| day.sessions.retain(|session| named.contains(session.code.as_str())));
        let chosen: Vec<String> =
            days.iter().flat_map(|day| &day.sessions).map(|session| session.code.to_string()).collect();
        let api = format!("{}/api/v1/conferences/{}", site.prefix, seen.snapshot.place.slug);
        let calendar = format!("{api}/programme.ics?lang={}&sessions={}", seen.texts.as_str(), chosen.join(","));
        let calendar = (!chosen.is_empty()).then_some(calendar);
        Ok(context! { days => value(days), chosen, calendar })
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
        return lead_to(format!("{}{path}{}", site.prefix, query.map(|query| format!("?{query}")).unwrap_or_default()));
    }
    site.answer(&request, &service, Err(nothing())).await
}
