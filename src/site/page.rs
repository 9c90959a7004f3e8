//! What every page has: the conference and the language that its path names, the links of its frame, the headers of
//! its answer.

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
    Site, names,
    programme::known_query,
    texts::{FALLBACK, is_from_right},
};
use crate::{
    agenda::document::SessionKind,
    clock,
    http::{Problem, conditional::LastModified, location_of, problem::NOT_FOUND},
    programme::{
        Programmes, Snapshot,
        negotiate::{self, Language},
        publication::{Publication, Whole, parts::Key, serve},
        view::View,
    },
    registration::api::Desk,
    values::{Code, LanguageTag, TextValue as _},
};

/// What a page may do: show itself, run and fetch what the service brings along, and send its forms there.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; \
                          connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whoever has a page asks whether it is still so: a release is there at once.
const ASK_AGAIN: &str = "public, no-cache";

/// The languages in which the pages of every conference can be read.
const OFFERED: [&str; 3] = ["en", "fr", "nl"];

/// A conference, read in a language.
pub struct Seen {
    /// Its release.
    pub snapshot: Arc<Snapshot>,
    /// The language of the page.
    pub tag: String,
    /// The language of the conference's own texts: the page's, or its first.
    pub language: Language,
    /// The same, as a tag.
    pub texts: LanguageTag,
}

/// The languages in which a conference can be read: its own, then those of the pages.
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

impl Seen {
    /// The conference of a path.
    ///
    /// # Errors
    /// There is none, or it cannot be read in that language.
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

    /// The path of the conference's pages in this language.
    pub fn base(&self, site: &Site) -> String {
        format!("{}/conferences/{}/{}", site.prefix, self.snapshot.place.slug, self.tag)
    }

    /// The views of the release, in the language.
    pub fn view(&self) -> View<'_> {
        View::new(&self.snapshot, &self.language)
    }

    /// What is on, and what comes next, in the minute of now: nothing before the conference's first day and after its
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

impl Site {
    /// What every page is made with. `rest` is the path behind the language; whose link is in the query reads a page
    /// that nobody else should find.
    async fn frame(&self, request: &HttpRequest, seen: &Seen, name: &str, is_private: bool, desk: &Desk) -> Value {
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
        let door = self.doors.of(desk, &seen.snapshot).await;
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

    /// The language of a page about no conference: what its reader likes best of those that have texts.
    pub fn spoken(&self, request: &HttpRequest) -> String {
        let tags: Vec<LanguageTag> = self.renderers.keys().filter_map(|tag| LanguageTag::parse(tag).ok()).collect();
        let first = LanguageTag::parse(FALLBACK).ok();
        let tags: Vec<LanguageTag> = first.into_iter().chain(tags).collect();
        let chosen = negotiate::choose(request, None, &tags).ok();
        chosen.and_then(|language| language.tag().map(ToString::to_string)).unwrap_or_else(|| FALLBACK.to_owned())
    }

    fn renderer(&self, tag: &str) -> Option<&super::Renderer> {
        self.renderers
            .get(tag)
            .or_else(|| self.renderers.get(names::primary(tag)))
            .or_else(|| self.renderers.get(FALLBACK))
    }

    pub(super) fn render(&self, tag: &str, template: &str, context: Value) -> Result<String, Problem> {
        let renderer = self.renderer(tag).ok_or_else(|| Problem::unexpected("the pages have no language"))?;
        renderer.render(template, context).map_err(Problem::unexpected)
    }

    /// Answers a page that everybody may read: made once a release and minute, and answered as the API answers its
    /// documents.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn public(
        &self,
        request: &HttpRequest,
        (seen, desk): (&Seen, &Desk),
        (template, name): (&'static str, &str),
        make: impl FnOnce(&Seen) -> Result<Value, Problem>,
    ) -> Result<HttpResponse, Problem> {
        let door = self.doors.of(desk, &seen.snapshot).await;
        let now = seen.now();
        let minute = now.as_ref().map(|_| clock::now().timestamp() / 60);
        let asked = format!("{}{}", request.path(), known_query(request));
        let parts = desk.programmes.parts();
        let key = Key::new(&seen.snapshot, &format!("{asked} {minute:?} {door:?}"), Some(&seen.tag));
        let whole = match parts.get(&key) {
            Some(whole) => whole,
            None => {
                let frame = self.frame(request, seen, name, false, desk).await;
                let jsonld = matches!(name, "front" | "programme").then(|| self.linked_data(seen)).flatten();
                let context = merge_maps([frame, make(seen)?, context! { jsonld, now }]);
                let page = self.render(&seen.tag, template, context)?;
                let modified = LastModified::of(clock::now());
                let whole = Whole::new("text/html; charset=utf-8", &seen.language, modified, page.into_bytes());
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

    /// The whole programme in the words of schema.org, safe in a `script` element.
    fn linked_data(&self, seen: &Seen) -> Option<Value> {
        let bytes = Publication::JsonLd.write(&seen.snapshot, &seen.language, &self.public_url)?;
        Some(Value::from(String::from_utf8(bytes).ok()?.replace("</", "<\\/")))
    }

    /// Answers a page that one person reads, by their link: nobody keeps it.
    ///
    /// # Errors
    /// The template cannot be filled.
    pub async fn private(
        &self,
        request: &HttpRequest,
        (seen, desk): (&Seen, &Desk),
        (template, name): (&'static str, &str),
        (status, more): (StatusCode, Value),
    ) -> Result<HttpResponse, Problem> {
        let frame = self.frame(request, seen, name, true, desk).await;
        let page = self.render(&seen.tag, template, context! { ..more, ..frame })?;
        Ok(html(status, &seen.tag, page))
    }

    /// Answers a page about no conference.
    ///
    /// # Errors
    /// The template cannot be filled.
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

    /// Turns what went wrong into a page: what a link does not open is told as that.
    pub async fn answer(
        &self,
        request: &HttpRequest,
        desk: &Desk,
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
        // A link that was cut short on its way is one, too.
        let is_link =
            ["registrations", "delegations"].iter().any(|part| request.path().split('/').nth(4) == Some(part));
        let is_void = is_link && matches!(status.as_u16(), 401 | 403 | 404);
        let template = if is_void { "link-void.html" } else { "error.html" };
        // A cause inside is nobody's business.
        let told = context! { detail => problem.document(None).get("detail").and_then(|detail| detail.as_str()) };
        let more = context! { status => status.as_u16(), problem => told };
        let made = match Seen::find(&desk.programmes, &slug, &tag) {
            Ok(seen) => self.private(request, (&seen, desk), (template, "error"), (status, more)).await,
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

/// When one may ask again, where the problem says it.
pub fn carry_over(problem: &Problem, response: &mut HttpResponse) {
    if let Some(when) = problem.response(None).headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, when.clone());
    }
}

fn language_header(tag: &str) -> HeaderValue {
    HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static(FALLBACK))
}

/// The header of every page; those of every answer are added to it.
fn guard(response: &mut HttpResponse) {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
}

/// Answers a page that nobody keeps.
pub fn html(status: StatusCode, tag: &str, page: String) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_LANGUAGE, language_header(tag)))
        .body(page);
    guard(&mut response);
    response
}

/// Leads to another page.
pub fn lead_to(location: String) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location_of(&location)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
