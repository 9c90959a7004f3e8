//! Sends ready-made documents without copying them.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

use super::{Coding, Document, Publication, parts::Key};
use crate::{
    http::{
        Problem,
        conditional::{LastModified, is_fresh},
        middleware::{EarlyResponse, share},
    },
    programme::{
        negotiate::{self, Language},
        service::{FOR_A_MOMENT, ProgrammeService, ServedRelease},
    },
    values::LanguageTag,
};

/// The path under which the documents of all conferences are.
const UNDER: &str = "/api/v1/conferences/";

/// Answers a `GET` of a whole document before the router runs: on the morning of a conference, most requests are of
/// this kind. Everything else, errors included, is left to the routes.
pub fn at_once(request: &ServiceRequest) -> Option<EarlyResponse> {
    if *request.method() != Method::GET {
        return None;
    }
    let path = request.path().strip_prefix(UNDER)?;
    let (slug, place) = match path.split_once('/') {
        // No route ends with a slash.
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (path, ""),
    };
    let publication = Publication::from_word(place)?;
    let asked = match request.query_string() {
        "" => None,
        query => Some(query.strip_prefix("lang=").filter(|tag| !tag.contains(['&', '%', '+']))?),
    };
    let state = request.app_data::<web::Data<ProgrammeService>>()?;
    let (snapshot, documents) = state.programmes.get_with_edition(slug)?;
    let language = negotiate::choose(request.request(), asked, &snapshot.agenda.conference.languages).ok()?;
    let mut response = serve(request.request(), documents.get(publication, &language)?, FOR_A_MOMENT);
    share(response.headers_mut());
    Some(EarlyResponse { response, route: ["/api/v1/conferences/{conference}/", publication.as_str()] })
}

/// The request headers on which an answer of the programme depends.
pub const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Accept-Language");

/// Answers a `GET` with a document: status 304 if the client has it already, otherwise its bytes in the coding that the
/// client accepts.
pub fn serve(request: &HttpRequest, whole: &Document, cache_control: &'static str) -> HttpResponse {
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

/// Answers a part of a release: from the cache, if it is a part of the latest release and was made before.
///
/// # Errors
/// Those of `make`.
pub fn serve_part(
    request: &HttpRequest,
    state: &ProgrammeService,
    found: &ServedRelease,
    language: &Language,
    content_type: &'static str,
    make: impl FnOnce() -> Result<Vec<u8>, Problem>,
) -> Result<HttpResponse, Problem> {
    let snapshot = &found.snapshot;
    let parts = state.programmes.parts();
    let asked = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    let key = found.documents.as_ref().map(|_| Key::new(snapshot, asked, language.tag().map(LanguageTag::as_str)));
    if let Some(whole) = key.as_ref().and_then(|key| parts.get(key)) {
        return Ok(serve(request, &whole, found.cache_control));
    }
    let modified = LastModified::of(snapshot.release.updated_at);
    let whole = Arc::new(Document::new(content_type, language, modified, make()?));
    if let Some(key) = key {
        parts.put(key, Arc::clone(&whole));
    }
    Ok(serve(request, &whole, found.cache_control))
}
