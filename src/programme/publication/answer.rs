//! Sending a document that is ready: nothing is made, nothing is copied.

use std::sync::Arc;

use super::{Coding, Publication, Whole, parts::Key};
use crate::{
    http::{
        Problem,
        conditional::{LastModified, is_fresh},
        middleware::{AtOnce, share},
    },
    programme::{
        api::{FOR_A_MOMENT, Found, State},
        negotiate::{self, Language},
    },
    values::LanguageTag,
};
use actix_web::{
    HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

/// Under which path the documents of a conference are.
const UNDER: &str = "/api/v1/conferences/";

/// Answers a `GET` of a whole document before any route is looked for: in the morning of a conference that is most of
/// what is asked. Everything else, faults too, is left to the routes.
pub fn at_once(request: &ServiceRequest) -> Option<AtOnce> {
    if *request.method() != Method::GET {
        return None;
    }
    let path = request.path().strip_prefix(UNDER)?;
    let (slug, place) = match path.split_once('/') {
        // A path with a slash at its end is no route.
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (path, ""),
    };
    let publication = Publication::from_word(place)?;
    let asked = match request.query_string() {
        "" => None,
        query => Some(query.strip_prefix("lang=").filter(|tag| !tag.contains(['&', '%', '+']))?),
    };
    let state = request.app_data::<web::Data<State>>()?;
    let (snapshot, edition) = state.programmes.get_with_edition(slug)?;
    let language = negotiate::choose(request.request(), asked, &snapshot.agenda.conference.languages).ok()?;
    let mut response = serve(request.request(), edition.get(publication, &language)?, FOR_A_MOMENT);
    share(response.headers_mut());
    Some(AtOnce { response, route: ["/api/v1/conferences/{conference}/", publication.as_str()] })
}

/// What an answer of the programme depends on besides its URL.
pub const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Accept-Language");

/// Answers a `GET` with a document: 304 for whoever has it, else its bytes in the coding that the reader takes.
pub fn serve(request: &HttpRequest, whole: &Whole, cache_control: &'static str) -> HttpResponse {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let coding = Coding::choose(accepted);
    let body = whole.body(coding);
    let modified = whole.modified.now();
    let fresh = is_fresh(request, body.tag.to_str().unwrap_or_default(), modified);
    let mut response = HttpResponse::new(if fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    let headers = response.headers_mut();
    headers.insert(header::ETAG, body.tag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(header::VARY, VARY);
    if modified.is_some() {
        headers.insert(header::LAST_MODIFIED, whole.modified.header.clone());
    }
    if fresh {
        return response;
    }
    headers.insert(header::CONTENT_TYPE, whole.content_type.clone());
    if let Some(language) = &whole.language {
        headers.insert(header::CONTENT_LANGUAGE, language.clone());
    }
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
    response.set_body(body.bytes.clone()).map_into_boxed_body()
}

/// Answers a part of a release: the one that was made before, where it is the latest release's and remembered.
///
/// # Errors
/// Those of `make`.
pub fn serve_part(
    request: &HttpRequest,
    state: &State,
    found: &Found,
    language: &Language,
    content_type: &'static str,
    make: impl FnOnce() -> Result<Vec<u8>, Problem>,
) -> Result<HttpResponse, Problem> {
    let snapshot = &found.snapshot;
    let parts = state.programmes.parts();
    let asked = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    let key = found.edition.as_ref().map(|_| Key::new(snapshot, asked, language.tag().map(LanguageTag::as_str)));
    if let Some(whole) = key.as_ref().and_then(|key| parts.get(key)) {
        return Ok(serve(request, &whole, found.cache_control));
    }
    let modified = LastModified::of(snapshot.release.updated_at);
    let whole = Arc::new(Whole::new(content_type, language, modified, make()?));
    if let Some(key) = key {
        parts.put(key, Arc::clone(&whole));
    }
    Ok(serve(request, &whole, found.cache_control))
}
