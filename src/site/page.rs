//! What every page has: the conference and the locale of its path, the links of the layout, and the response headers.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use minijinja::{
    Value, context,
    value::{Serde, merge_maps},
};

use super::{
    names,
    query::known_query,
    renderer::Renderer,
    service::Site,
    texts::{FALLBACK, is_from_right},
};
use crate::{
    agenda::document::SessionKind,
    clock,
    http::{Problem, conditional::LastModified, location_of, problem::NOT_FOUND},
    programme::{
        Programmes, Snapshot,
        documents::{Document, Publication, parts::Key, serve},
        negotiate::{self, Language},
        view::View,
    },
    registration::service::RegistrationService,
    values::{Code, LanguageTag, TextValue as _},
};

/// The content security policy: a page may only load, run and fetch what the service provides, and send forms to the
/// service.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; \
                          connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Browsers must revalidate: a new release is visible at once.
const ASK_AGAIN: &str = "public, no-cache";

/// The locales in which the pages of every conference are available.
const OFFERED: [&str; 3] = ["en", "fr", "nl"];

/// A conference in a locale.
pub struct PageContext {
    pub snapshot: Arc<Snapshot>,
    /// The locale of the page.
    pub tag: String,
    /// The language of the conference's own texts: the locale of the page if the conference has it, otherwise its first
    /// language.
    pub language: Language,
    /// The same as a tag.
    pub texts: LanguageTag,
}

/// The locales of a conference's pages: its own languages, then those of the service.
pub fn offered(snapshot: &Snapshot) -> Vec<String> {
    let own = snapshot.agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned());
    let mut all: Vec<String> = own.collect();
    for tag in OFFERED {
        if !all.iter().any(|known| names::primary(known) == tag) {
            all.push(tag.to_owned());
        }
    }
    all
}

impl PageContext {
    /// The conference of a path.
    ///
    /// # Errors
    /// There is no such conference, or no page in that locale.
    pub fn find(programmes: &Programmes, slug: &str, tag: &str) -> Result<Self, Problem> {
        let nothing = || Problem::new(&NOT_FOUND);
        let code = Code::parse(slug).map_err(|_| nothing())?;
        let snapshot = programmes.get(&code).ok_or_else(nothing)?;
        if !offered(&snapshot).iter().any(|known| known == tag) {
            return Err(nothing());
        }
        let languages = &snapshot.agenda.conference.languages;
        let texts = languages.iter().find(|known| names::primary(known.as_str()) == names::primary(tag));
        let texts = texts.or_else(|| languages.first()).cloned().ok_or_else(nothing)?;
        Ok(Self { snapshot, tag: tag.to_owned(), language: Language::One(texts.clone()), texts })
    }

    /// The path of the conference's pages in this locale.
    pub fn base(&self, site: &Site) -> String {
        format!("{}/conferences/{}/{}", site.prefix, self.snapshot.place.slug, self.tag)
    }

    /// The views of the release in this language.
    pub fn view(&self) -> View<'_> {
        View::new(&self.snapshot, &self.language)
    }

    /// The present and the next sessions, in the current minute; `None` before the conference's first day and after its
    /// last.
    pub fn now(&self) -> Option<Value> {
        let conference = &self.snapshot.agenda.conference;
        let now = conference.time_zone.local(clock::now());
        let is_on = conference.starts_on.0 <= now.date_naive() && now.date_naive() <= conference.ends_on.0;
        is_on.then(|| value(self.view().now(&Default::default(), now)))
    }
}

/// A value of the API, for a template.
pub fn value(of: impl serde::Serialize) -> Value {
    Value::from(Serde(of))
}

/// The countries for a form, sorted by name.
pub fn country_choices(tag: &str) -> Vec<Value> {
    names::countries(tag).into_iter().map(|(code, name)| context! { code, name }).collect()
}

impl Site {
    /// The part of the context that every page has. A page is private if its query has the token of a personal link:
    /// search engines must not find it.
    async fn frame(
        &self,
        request: &HttpRequest,
        seen: &PageContext,
        name: &str,
        is_private: bool,
        service: &RegistrationService,
    ) -> Value {
        let base = seen.base(self);
        let path = request.path();
        let rest = path.splitn(5, '/').nth(4).map(|rest| format!("/{rest}")).unwrap_or_default();
        let query = known_query(request);
        let slug = &seen.snapshot.place.slug;
        let origin = self.public_url.trim_end_matches(&*self.prefix);
        let alternate = |tag: String| {
            let url = format!("{}/conferences/{slug}/{tag}{rest}{query}", self.prefix);
            let absolute = format!("{origin}{url}");
            context! { url, absolute, name => names::autonym(&tag), is_current => tag == seen.tag, tag }
        };
        let alternates: Vec<Value> = offered(&seen.snapshot).into_iter().map(alternate).collect();
        let view = seen.view();
        let conference = view.conference();
        let door = self.registration_window.of(service, &seen.snapshot).await;
        let canonical = (!is_private).then(|| format!("{origin}{base}{rest}"));
        let agenda = &seen.snapshot.agenda;
        let words =
            |text: &crate::values::Localised| text.text(seen.texts.as_str(), &agenda.conference.languages).to_owned();
        let title = words(&agenda.conference.name);
        let dates = names::date_span(agenda.conference.starts_on.0, agenda.conference.ends_on.0, &seen.tag);
        let place = agenda.venue_line(seen.texts.as_str());
        let description = [Some(dates), place].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let og = canonical.as_ref().map(|url| context! { title, description, url });
        context! {
            page => context! {
                lang => seen.tag.as_str(), dir => if is_from_right(&seen.tag) { "rtl" } else { "ltr" }, name, base,
                prefix => &*self.prefix,
                api => format!("{}/api/v1/conferences/{slug}", self.prefix), canonical, alternates, is_private,
            },
            conference => value(conference),
            registration_is_open => door.as_ref().is_some_and(|door| door.open),
            door => door.map(value),
            has_call_for_action => agenda.call_for_action.is_some(),
            has_high_level_session => agenda.sessions.iter().any(|one| one.kind == SessionKind::HighLevelPolitical),
            og,
            jsonld => Value::from(()),
        }
    }

    /// The locale of a page about no conference: of those with texts, the one that the reader prefers.
    pub fn spoken(&self, request: &HttpRequest) -> String {
        let tags: Vec<LanguageTag> = self.renderers.keys().filter_map(|tag| LanguageTag::parse(tag).ok()).collect();
        let first = LanguageTag::parse(FALLBACK).ok();
        let tags: Vec<LanguageTag> = first.into_iter().chain(tags).collect();
        let chosen = negotiate::choose(request, None, &tags).ok();
        chosen.and_then(|language| language.tag().map(ToString::to_string)).unwrap_or_else(|| FALLBACK.to_owned())
    }

    fn renderer(&self, tag: &str) -> Option<&Renderer> {
        self.renderers
            .get(tag)
            .or_else(|| self.renderers.get(names::primary(tag)))
            .or_else(|| self.renderers.get(FALLBACK))
    }

    pub(super) fn render(&self, tag: &str, template: &str, context: Value) -> Result<String, Problem> {
        let renderer = self.renderer(tag).ok_or_else(|| Problem::unexpected("the pages have no language"))?;
        renderer.render(template, context).map_err(Problem::unexpected)
    }

    /// Answers a public page. It is rendered once for each release and minute, and served like the documents of the
    /// API.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn public(
        &self,
        request: &HttpRequest,
        (seen, service): (&PageContext, &RegistrationService),
        (template, name): (&'static str, &str),
        make: impl FnOnce(&PageContext) -> Result<Value, Problem>,
    ) -> Result<HttpResponse, Problem> {
        let door = self.registration_window.of(service, &seen.snapshot).await;
        let now = seen.now();
        let minute = now.as_ref().map(|_| clock::now().timestamp() / 60);
        let asked = format!("{}{}", request.path(), known_query(request));
        let parts = service.programmes.parts();
        let key = Key::new(&seen.snapshot, &format!("{asked} {minute:?} {door:?}"), Some(&seen.tag));
        let whole = match parts.get(&key) {
            Some(whole) => whole,
            None => {
                let frame = self.frame(request, seen, name, false, service).await;
                let jsonld = matches!(name, "front" | "programme").then(|| self.linked_data(seen)).flatten();
                let context = merge_maps([frame, make(seen)?, context! { jsonld, now }]);
                let page = self.render(&seen.tag, template, context)?;
                let modified = LastModified::of(clock::now());
                let whole = Document::new("text/html; charset=utf-8", &seen.language, modified, page.into_bytes());
                let whole = Arc::new(whole);
                parts.put(key, Arc::clone(&whole));
                whole
            }
        };
        let mut response = serve(request, &whole, ASK_AGAIN);
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language_header(&seen.tag));
        guard(&mut response);
        Ok(response)
    }

    /// The programme as JSON-LD (schema.org), escaped for a `script` element.
    fn linked_data(&self, seen: &PageContext) -> Option<Value> {
        let bytes = Publication::JsonLd.write(&seen.snapshot, &seen.language, &self.public_url)?;
        Some(Value::from(String::from_utf8(bytes).ok()?.replace("</", "<\\/")))
    }

    /// Answers a page for the holder of a personal link; it must not be cached.
    ///
    /// # Errors
    /// The template cannot be rendered.
    pub async fn private(
        &self,
        request: &HttpRequest,
        (seen, service): (&PageContext, &RegistrationService),
        (template, name): (&'static str, &str),
        (status, more): (StatusCode, Value),
    ) -> Result<HttpResponse, Problem> {
        let frame = self.frame(request, seen, name, true, service).await;
        let page = self.render(&seen.tag, template, context! { ..more, ..frame })?;
        Ok(html(status, &seen.tag, page))
    }

    /// Answers a page about no conference.
    ///
    /// # Errors
    /// The template cannot be rendered.
    pub fn bare(
        &self,
        tag: &str,
        template: &str,
        (status, more): (StatusCode, Value),
    ) -> Result<HttpResponse, Problem> {
        let none = || Value::from(());
        let alternates: Vec<Value> = Vec::new();
        let frame = context! {
            page => context! {
                lang => tag, dir => if is_from_right(tag) { "rtl" } else { "ltr" }, name => "conferences",
                base => &*self.prefix, prefix => &*self.prefix, api => none(), canonical => none(), alternates,
                is_private => true,
            },
            conference => none(), registration_is_open => false, has_call_for_action => false, og => none(),
            jsonld => none(), problem => none(),
        };
        let page = self.render(tag, template, context! { ..more, ..frame })?;
        Ok(html(status, tag, page))
    }

    /// Renders an error as a page; an invalid personal link has a page of its own.
    pub async fn answer(
        &self,
        request: &HttpRequest,
        service: &RegistrationService,
        done: Result<HttpResponse, Problem>,
    ) -> HttpResponse {
        let problem = match done {
            Ok(response) => return response,
            Err(problem) => problem,
        };
        if let Some(cause) = problem.source_chain() {
            tracing::error!(cause, path = request.path(), "a page cannot be made");
        }
        let status = problem.status_code();
        let (slug, tag) = match request.path().split('/').collect::<Vec<_>>().as_slice() {
            ["", "conferences", slug, tag, ..] => ((*slug).to_owned(), (*tag).to_owned()),
            _ => (String::new(), FALLBACK.to_owned()),
        };
        // This includes a link that was truncated on its way.
        let is_link =
            ["registrations", "delegations"].iter().any(|part| request.path().split('/').nth(4) == Some(part));
        let is_void = is_link && matches!(status.as_u16(), 401 | 403 | 404);
        let template = if is_void { "link-void.html" } else { "error.html" };
        // Internal causes are not shown.
        let told = context! { detail => problem.document(None).get("detail").and_then(|detail| detail.as_str()) };
        let more = context! { status => status.as_u16(), problem => told };
        let made = match PageContext::find(&service.programmes, &slug, &tag) {
            Ok(seen) => self.private(request, (&seen, service), (template, "error"), (status, more)).await,
            Err(_) => self.bare(&self.spoken(request), "error.html", (status, more)),
        };
        let mut response = made.unwrap_or_else(|problem| {
            tracing::error!(cause = problem.source_chain(), "the page of an error cannot be made");
            problem.error_response()
        });
        carry_over(&problem, &mut response);
        response
    }
}

/// Copies `Retry-After` from a problem to the page.
pub fn carry_over(problem: &Problem, response: &mut HttpResponse) {
    if let Some(when) = problem.response(None).headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, when.clone());
    }
}

fn language_header(tag: &str) -> HeaderValue {
    HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static(FALLBACK))
}

/// Adds the content security policy; other headers of every answer are added elsewhere.
fn guard(response: &mut HttpResponse) {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
}

/// Answers a page that must not be cached.
pub fn html(status: StatusCode, tag: &str, page: String) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_LANGUAGE, language_header(tag)))
        .body(page);
    guard(&mut response);
    response
}

/// Redirects to another page (303).
pub fn lead_to(location: String) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location_of(&location)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
