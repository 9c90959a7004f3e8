//! What every page has: the conference and the locale of its path, the links of the layout, and the response headers.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use minijinja::{
    Value, context,
    value::{Serde, merge_maps},
};

use super::{
    language_marks, names,
    query::known_query,
    renderer::Renderer,
    service::Site,
    texts::{FALLBACK, is_right_to_left},
};
use crate::{
    agenda::document::{Listing, Session, SessionKind},
    clock,
    http::{NO_INDEX, Problem, ROBOTS, conditional::LastModified, location_of, problem::NOT_FOUND},
    programme::{
        Programmes, Snapshot,
        documents::{Document, Publication, parts::PartKey, serve},
        negotiate::{self, Language},
        views::ViewBuilder,
    },
    registration::{RegistrationError, service::RegistrationService},
    site_setup::{Contact, SiteSetup},
    values::{Code, LanguageTag, Localised, TextValue as _},
};

/// The content security policy: a page may only load, run and fetch what the service provides, and send forms to the
/// service.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; \
                          connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Browsers must revalidate: a new release is visible at once.
const REVALIDATE: &str = "public, no-cache";

/// A conference in a locale.
pub struct PageContext {
    pub snapshot: Arc<Snapshot>,
    /// The locale of the page.
    pub locale: String,
    /// The language of the conference's own texts, which is the locale of the page. Texts in another are marked.
    pub language: Language,
    /// The same as a tag.
    pub text_language: LanguageTag,
    /// Who finds the conference; `None` if it has no release, and only holders of a link may see it.
    pub listing: Option<Listing>,
}

/// The template of a page.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    file: &'static str,
    /// The name by which the layout knows the page.
    page_name: &'static str,
}

impl Template {
    pub const fn new(file: &'static str, page_name: &'static str) -> Self {
        Self { file, page_name }
    }
}

fn not_found() -> Problem {
    Problem::new(&NOT_FOUND)
}

/// The locales of a conference's pages: its languages.
pub fn locales_of(snapshot: &Snapshot) -> Vec<String> {
    snapshot.agenda.conference.languages.iter().map(|tag| tag.as_str().to_owned()).collect()
}

impl PageContext {
    /// The conference of a path, if everybody may see it.
    ///
    /// # Errors
    /// There is no such conference, or no page in that locale.
    pub fn find(programmes: &Programmes, slug: &str, locale: &str) -> Result<Self, Problem> {
        let code = Code::parse(slug).map_err(|_| not_found())?;
        let snapshot = programmes.public(&code).ok_or_else(not_found)?;
        Self::of(snapshot, programmes.listing(&code), locale)
    }

    /// The conference of a path, for the holder of a personal link, also if it is private or has no release. The caller
    /// checks the link, and passes the result through [`PageContext::for_holder`].
    ///
    /// # Errors
    /// Those of [`PageContext::find`].
    pub async fn find_for_holder(service: &RegistrationService, slug: &str, locale: &str) -> Result<Self, Problem> {
        let code = Code::parse(slug).map_err(|_| not_found())?;
        let snapshot = service.conference(&code).await.map_err(|error| match error {
            // As for a conference whose link the reader does not hold.
            RegistrationError::NoConference => not_found(),
            error => error.into(),
        })?;
        Self::of(snapshot, service.programmes.listing(&code), locale)
    }

    /// Whether everybody may see the conference.
    pub fn is_public(&self) -> bool {
        self.listing.is_some_and(|listing| listing != Listing::Private)
    }

    /// The result of the check of a link. Whoever holds none finds no conference that is not public.
    pub fn for_holder<T>(&self, checked: Result<T, Problem>) -> Result<T, Problem> {
        checked.map_err(|problem| {
            let is_refusal = problem.status_code().is_client_error();
            if self.is_public() || !is_refusal { problem } else { not_found() }
        })
    }

    fn of(snapshot: Arc<Snapshot>, listing: Option<Listing>, locale: &str) -> Result<Self, Problem> {
        let languages = &snapshot.agenda.conference.languages;
        let text_language = languages.iter().find(|offered| offered.as_str() == locale).cloned();
        let text_language = text_language.ok_or_else(not_found)?;
        let (locale, language) = (locale.to_owned(), Language::Marked(text_language.clone()));
        Ok(Self { snapshot, locale, language, text_language, listing })
    }

    /// The path of the conference's pages in this locale.
    pub fn base(&self, site: &Site) -> String {
        format!("{}/conferences/{}/{}", site.prefix, self.snapshot.conference.slug, self.locale)
    }

    /// A text in the language of the page, marked if it is in another.
    pub fn text(&self, text: &Localised) -> String {
        negotiate::marked_text(text, &self.text_language, &self.snapshot.agenda.conference.languages)
    }

    /// The views of the release in this language.
    pub fn view(&self) -> ViewBuilder<'_> {
        ViewBuilder::new(&self.snapshot, &self.language)
    }

    /// The present and the next sessions, in the current minute; `None` before the conference's first day and when it
    /// is over.
    pub fn now(&self) -> Option<Value> {
        let agenda = &self.snapshot.agenda;
        let now = agenda.conference.time_zone.local(clock::now());
        let is_on = agenda.conference.starts_on.0 <= now.date_naive() && !agenda.is_over(now.to_utc());
        is_on.then(|| value(self.view().now(&Default::default(), now)))
    }
}

/// What the frame of every page says of the site set-up.
fn site_context(page: &PageContext, setup: &SiteSetup) -> Value {
    let contact = setup.contact.as_ref().map(|Contact { name, email, phone, website, hours }| {
        context! {
            name => name.as_ref().map(|name| page.text(name)),
            email => email.as_ref().map(|email| email.as_str()),
            phone => phone.as_ref().map(ToString::to_string),
            website => website.as_ref().map(ToString::to_string),
            hours => hours.as_ref().map(|hours| page.text(hours)),
        }
    });
    // Nobody reads the public pages of a conference that is not public.
    let is_public = page.is_public();
    context! {
        contact, emblem_text => setup.emblem_text.as_ref().map(|text| page.text(text)),
        has_privacy_notice => is_public && setup.privacy_notice.is_some(),
        has_legal_notice => is_public && setup.legal_notice.is_some(),
        has_accessibility_statement => is_public && setup.accessibility_statement.is_some(),
        has_pages => is_public && !setup.pages.is_empty(),
    }
}

/// A value of the API, for a template.
pub fn value(view: impl serde::Serialize) -> Value {
    Value::from(Serde(view))
}

/// The countries for a form, sorted by name.
pub fn country_choices(locale: &str) -> Vec<Value> {
    names::countries(locale).into_iter().map(|(code, name)| context! { code, name }).collect()
}

impl Site {
    /// The part of the context that every page has. A page is private if its query has the token of a personal link:
    /// search engines must not find it.
    async fn layout_context(
        &self,
        request: &HttpRequest,
        page: &PageContext,
        page_name: &str,
        is_private: bool,
        service: &RegistrationService,
    ) -> Value {
        let base = page.base(self);
        let path = request.path();
        let path_in_conference = path.splitn(5, '/').nth(4).map(|rest| format!("/{rest}")).unwrap_or_default();
        let query = known_query(request);
        let slug = &page.snapshot.conference.slug;
        let origin = self.public_url.trim_end_matches(&*self.prefix);
        let alternate = |tag: String| {
            let url = format!("{}/conferences/{slug}/{tag}{path_in_conference}{query}", self.prefix);
            let absolute = format!("{origin}{url}");
            context! { url, absolute, name => names::autonym(&tag), is_current => tag == page.locale, tag }
        };
        let alternates: Vec<Value> = locales_of(&page.snapshot).into_iter().map(alternate).collect();
        let view = page.view();
        let conference = view.conference();
        let window = self.registration_window.of(service, &page.snapshot).await;
        let site = self.site_setups.of(&service.database, page.snapshot.conference.id).await;
        let canonical = (!is_private).then(|| format!("{origin}{base}{path_in_conference}"));
        let agenda = &page.snapshot.agenda;
        let localised =
            |text: &Localised| text.text(page.text_language.as_str(), &agenda.conference.languages).to_owned();
        let title = localised(&agenda.conference.name);
        let dates = names::date_span(agenda.conference.starts_on.0, agenda.conference.ends_on.0, &page.locale);
        let venue = agenda.venue_line(page.text_language.as_str());
        let description = [Some(dates), venue].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let is_high_level = |session: &Session| session.kind == SessionKind::HighLevelPolitical;
        let has_high_level_session = agenda.sessions.iter().any(is_high_level);
        let og = canonical.as_ref().map(|url| context! { title, description, url });
        context! {
            page => context! {
                lang => page.locale.as_str(), dir => if is_right_to_left(&page.locale) { "rtl" } else { "ltr" },
                name => page_name, base, prefix => &*self.prefix,
                api => format!("{}/api/v1/conferences/{slug}", self.prefix), canonical, alternates, is_private,
                is_public => page.is_public(),
                is_found_by_search_engines => !is_private && page.listing == Some(Listing::Listed),
            },
            conference => value(conference),
            registration_is_open => window.as_ref().is_some_and(|window| window.open),
            door => window.map(value),
            has_call_for_action => agenda.call_for_action.is_some(),
            has_high_level_session,
            site => site_context(page, &site.setup),
            is_over => agenda.is_over(clock::now()),
            og,
            jsonld => Value::from(()),
        }
    }

    /// The locale of a page about no conference: of those with texts, the one that the reader prefers.
    pub fn preferred_locale(&self, request: &HttpRequest) -> String {
        let locales: Vec<LanguageTag> = self.renderers.keys().filter_map(|tag| LanguageTag::parse(tag).ok()).collect();
        let fallback = LanguageTag::parse(FALLBACK).ok();
        let locales: Vec<LanguageTag> = fallback.into_iter().chain(locales).collect();
        let chosen = negotiate::choose(request, None, &locales).ok();
        chosen.and_then(|language| language.tag().map(ToString::to_string)).unwrap_or_else(|| FALLBACK.to_owned())
    }

    fn renderer(&self, locale: &str) -> Option<&Renderer> {
        self.renderers
            .get(locale)
            .or_else(|| self.renderers.get(names::primary(locale)))
            .or_else(|| self.renderers.get(FALLBACK))
    }

    pub(super) fn render(&self, locale: &str, template: &str, context: Value) -> Result<String, Problem> {
        let renderer = self.renderer(locale).ok_or_else(|| Problem::unexpected("the pages have no language"))?;
        let html = renderer.render(template, context).map_err(Problem::unexpected)?;
        Ok(language_marks::to_html(html))
    }

    /// Answers a public page. It is rendered once for each release and minute, and served like the documents of the
    /// API.
    ///
    /// # Errors
    /// Those of `make_context`.
    pub async fn public_page(
        &self,
        request: &HttpRequest,
        page: &PageContext,
        service: &RegistrationService,
        template: Template,
        make_context: impl FnOnce(&PageContext, &SiteSetup) -> Result<Value, Problem>,
    ) -> Result<HttpResponse, Problem> {
        let window = self.registration_window.of(service, &page.snapshot).await;
        let site = self.site_setups.of(&service.database, page.snapshot.conference.id).await;
        let now = page.now();
        let minute = now.as_ref().map(|_| clock::now().timestamp() / 60);
        let is_over = page.snapshot.agenda.is_over(clock::now());
        let path_and_query = format!("{}{}", request.path(), known_query(request));
        let parts = service.programmes.part_cache();
        let key = PartKey::new(
            &page.snapshot,
            &format!("{path_and_query} {minute:?} {is_over} {window:?} {:?} {}", page.listing, site.tag),
            Some(&page.locale),
        );
        let document = match parts.get(&key) {
            Some(document) => document,
            None => {
                let layout_context = self.layout_context(request, page, template.page_name, false, service).await;
                let jsonld =
                    matches!(template.page_name, "front" | "programme").then(|| self.linked_data(page)).flatten();
                let context = merge_maps([layout_context, make_context(page, &site.setup)?, context! { jsonld, now }]);
                let html = self.render(&page.locale, template.file, context)?;
                let modified = LastModified::of(clock::now());
                let document = Document::new("text/html; charset=utf-8", &page.language, modified, html.into_bytes());
                let document = Arc::new(document);
                parts.put(key, Arc::clone(&document));
                document
            }
        };
        let mut response = serve(request, &document, REVALIDATE);
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language_header(&page.locale));
        if page.listing != Some(Listing::Listed) {
            response.headers_mut().insert(ROBOTS, NO_INDEX);
        }
        add_security_policy(&mut response);
        Ok(response)
    }

    /// The programme as JSON-LD (schema.org), escaped for a `script` element.
    fn linked_data(&self, page: &PageContext) -> Option<Value> {
        let bytes =
            Publication::JsonLd.write(&page.snapshot, &Language::One(page.text_language.clone()), &self.public_url)?;
        Some(Value::from(String::from_utf8(bytes).ok()?.replace("</", "<\\/")))
    }

    /// Answers a page for the holder of a personal link; it must not be cached.
    ///
    /// # Errors
    /// The template cannot be rendered.
    pub async fn private_page(
        &self,
        request: &HttpRequest,
        page: &PageContext,
        service: &RegistrationService,
        template: Template,
        status: StatusCode,
        context: Value,
    ) -> Result<HttpResponse, Problem> {
        let layout_context = self.layout_context(request, page, template.page_name, true, service).await;
        let html = self.render(&page.locale, template.file, context! { ..context, ..layout_context })?;
        Ok(uncached_page(status, &page.locale, html))
    }

    /// Answers the page of a form that was refused, with the status of the problem and its `Retry-After`.
    ///
    /// # Errors
    /// The template cannot be rendered.
    pub async fn refused_form(
        &self,
        request: &HttpRequest,
        page: &PageContext,
        service: &RegistrationService,
        template: Template,
        problem: &Problem,
        context: Value,
    ) -> Result<HttpResponse, Problem> {
        let status = problem.status_code();
        let mut response = self.private_page(request, page, service, template, status, context).await?;
        copy_retry_after(problem, &mut response);
        Ok(response)
    }

    /// Answers a page about no conference.
    ///
    /// # Errors
    /// The template cannot be rendered.
    pub fn page_without_conference(
        &self,
        tag: &str,
        template: &str,
        status: StatusCode,
        context: Value,
    ) -> Result<HttpResponse, Problem> {
        let none = || Value::from(());
        let alternates: Vec<Value> = Vec::new();
        let layout_context = context! {
            page => context! {
                lang => tag, dir => if is_right_to_left(tag) { "rtl" } else { "ltr" }, name => "conferences",
                base => &*self.prefix, prefix => &*self.prefix, api => none(), canonical => none(), alternates,
                is_private => true, is_public => true, is_found_by_search_engines => false,
            },
            conference => none(), registration_is_open => false, is_over => false, has_call_for_action => false,
            site => none(), og => none(), jsonld => none(), problem => none(),
        };
        let html = self.render(tag, template, context! { ..context, ..layout_context })?;
        Ok(uncached_page(status, tag, html))
    }

    /// Where a page is that was asked for in a language of the service that the conference does not have: bookmarks and
    /// letters outlive the languages of a conference.
    fn in_offered_language(
        &self,
        request: &HttpRequest,
        service: &RegistrationService,
        problem: &Problem,
    ) -> Option<String> {
        let rest = request.path().strip_prefix("/conferences/")?;
        let (slug, rest) = rest.split_once('/')?;
        let tag = rest.split('/').next()?;
        let snapshot = service.programmes.public(&Code::parse(slug).ok()?)?;
        let languages = &snapshot.agenda.conference.languages;
        let is_offered = languages.iter().any(|language| language.as_str() == tag);
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if !problem.is(&NOT_FOUND) || !is_read || is_offered || !self.renderers.contains_key(tag) {
            return None;
        }
        let language = negotiate::choose(request, None, languages).ok()?;
        let path = rest.strip_prefix(tag)?;
        let query = Some(request.query_string()).filter(|query| !query.is_empty());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{}/conferences/{slug}/{}{path}{query}", self.prefix, language.tag()?.as_str()))
    }

    /// Renders an error as a page; an invalid personal link has a page of its own.
    pub async fn answer_or_show_error(
        &self,
        request: &HttpRequest,
        service: &RegistrationService,
        result: Result<HttpResponse, Problem>,
    ) -> HttpResponse {
        let problem = match result {
            Ok(response) => return response,
            Err(problem) => problem,
        };
        if let Some(cause) = problem.source_chain() {
            tracing::error!(cause, path = request.path(), "a page cannot be made");
        }
        if let Some(location) = self.in_offered_language(request, service, &problem) {
            return redirect(location);
        }
        let status = problem.status_code();
        let (slug, tag) = match request.path().split('/').collect::<Vec<_>>().as_slice() {
            ["", "conferences", slug, tag, ..] => ((*slug).to_owned(), (*tag).to_owned()),
            _ => (String::new(), FALLBACK.to_owned()),
        };
        // This includes a link that was truncated on its way.
        let is_link =
            ["registrations", "delegations"].iter().any(|part| request.path().split('/').nth(4) == Some(part));
        let is_invalid_link = is_link && matches!(status.as_u16(), 401 | 403 | 404);
        let template = Template::new(if is_invalid_link { "link-void.html" } else { "error.html" }, "error");
        // Internal causes are not shown.
        let problem_context =
            context! { detail => problem.document(None).get("detail").and_then(|detail| detail.as_str()) };
        let is_registration = request.path().split('/').nth(4) == Some("registrations");
        let context = context! { status => status.as_u16(), problem => problem_context, is_registration };
        let response = match PageContext::find(&service.programmes, &slug, &tag) {
            Ok(page) => self.private_page(request, &page, service, template, status, context).await,
            Err(_) => self.page_without_conference(&self.preferred_locale(request), "error.html", status, context),
        };
        let mut response = response.unwrap_or_else(|problem| {
            tracing::error!(cause = problem.source_chain(), "the page of an error cannot be made");
            problem.error_response()
        });
        copy_retry_after(&problem, &mut response);
        response
    }
}

/// Copies `Retry-After` from a problem to the page.
pub fn copy_retry_after(problem: &Problem, response: &mut HttpResponse) {
    if let Some(when) = problem.response(None).headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, when.clone());
    }
}

fn language_header(tag: &str) -> HeaderValue {
    HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static(FALLBACK))
}

/// Adds the content security policy; other headers of every answer are added elsewhere.
fn add_security_policy(response: &mut HttpResponse) {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
}

/// Answers a page that must not be cached.
pub fn uncached_page(status: StatusCode, tag: &str, html: String) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_LANGUAGE, language_header(tag)))
        .body(html);
    add_security_policy(&mut response);
    response
}

/// Redirects to another page (303).
pub fn redirect(location: String) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location_of(&location)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
