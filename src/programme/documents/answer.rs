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

use super::{Coding, Document, Publication, parts::PartKey};
use crate::{
    agenda::document::Listing,
    http::{
        NO_INDEX, Problem, ROBOTS,
        conditional::{LastModified, is_fresh},
        middleware::{EarlyResponse, share},
    },
    programme::{
        negotiate::{self, Language},
        service::{CACHE_BRIEFLY, ProgrammeService, ServedRelease},
    },
    values::LanguageTag,
};

/// The path under which the documents of all conferences are.
const CONFERENCES_PATH: &str = "/api/v1/conferences/";

/// Answers a `GET` of a whole document before the router runs: on the morning of a conference, most requests are of
/// this kind. Everything else, errors included, is left to the routes.
pub fn serve_cached(request: &ServiceRequest) -> Option<EarlyResponse> {
    if *request.method() != Method::GET {
        return None;
    }
    let path = request.path().strip_prefix(CONFERENCES_PATH)?;
    let (slug, document_path) = match path.split_once('/') {
        // No route ends with a slash.
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (path, ""),
    };
    let publication = Publication::from_text(document_path)?;
    let requested_language = match request.query_string() {
        "" => None,
        query => Some(query.strip_prefix("lang=").filter(|tag| !tag.contains(['&', '%', '+']))?),
    };
    let service = request.app_data::<web::Data<ProgrammeService>>()?;
    let (snapshot, documents, listing) = service.programmes.public_with_documents(slug)?;
    let language =
        negotiate::choose(request.request(), requested_language, &snapshot.agenda.conference.languages).ok()?;
    let mut response = serve(request.request(), documents.get(publication, &language)?, CACHE_BRIEFLY);
    share(response.headers_mut());
    if listing != Listing::Listed {
        response.headers_mut().insert(ROBOTS, NO_INDEX);
    }
    Some(EarlyResponse { response, route: ["/api/v1/conferences/{conference}/", publication.as_str()] })
}

/// The request headers on which an answer of the programme depends.
pub const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Accept-Language");

/// Answers a `GET` with a document: status 304 if the client has it already, otherwise its bytes in the coding that the
/// client accepts.
pub fn serve(request: &HttpRequest, document: &Document, cache_control: &'static str) -> HttpResponse {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let coding = Coding::choose(accepted);
    let encoded = document.body(coding);
    let modified = document.modified.completed_second();
    let is_unchanged = is_fresh(request, encoded.entity_tag.to_str().unwrap_or_default(), modified);
    let mut response = HttpResponse::new(if is_unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    let headers = response.headers_mut();
    headers.insert(header::ETAG, encoded.entity_tag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(header::VARY, VARY);
    if modified.is_some() {
        headers.insert(header::LAST_MODIFIED, document.modified.header.clone());
    }
    if is_unchanged {
        return response;
    }
    headers.insert(header::CONTENT_TYPE, document.content_type.clone());
    if let Some(language) = &document.language {
        headers.insert(header::CONTENT_LANGUAGE, language.clone());
    }
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
    response.set_body(encoded.bytes.clone()).map_into_boxed_body()
}

/// Answers a part of a release: from the cache, if it is a part of the latest release and was made before.
///
/// # Errors
/// Those of `make`.
pub fn serve_part(
    request: &HttpRequest,
    service: &ProgrammeService,
    release: &ServedRelease,
    language: &Language,
    content_type: &'static str,
    make: impl FnOnce() -> Result<Vec<u8>, Problem>,
) -> Result<HttpResponse, Problem> {
    let snapshot = &release.snapshot;
    let parts = service.programmes.part_cache();
    let path_and_query = request.uri().path_and_query().map_or("", |path_and_query| path_and_query.as_str());
    let key = release
        .documents
        .as_ref()
        .map(|_| PartKey::new(snapshot, path_and_query, language.tag().map(LanguageTag::as_str)));
    if let Some(document) = key.as_ref().and_then(|key| parts.get(key)) {
        return Ok(serve(request, &document, release.cache_control));
    }
    let modified = LastModified::of(snapshot.release.updated_at);
    let document = Arc::new(Document::new(content_type, language, modified, make()?));
    if let Some(key) = key {
        parts.put(key, Arc::clone(&document));
    }
    Ok(serve(request, &document, release.cache_control))
}
