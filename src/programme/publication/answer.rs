//! Sending a document that is ready: nothing is made, nothing is copied.

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web,
};
use chrono::{DateTime, Utc};

use super::{Coding, Publication, Whole};
use crate::{
    http::conditional::{is_fresh, last_modified},
    programme::{
        api::{FOR_A_MOMENT, State},
        negotiate,
    },
};

/// Answers a `GET` of a whole document before any route is looked for: in the morning of a conference that is most of
/// what is asked.
///
/// # Errors
/// Those of the routes, where it is none.
pub async fn answer_at_once(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match ready(&request) {
        Some(response) => Ok(request.into_response(response)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

/// The answer, where the request is for the whole of a publication that is ready. Everything else, faults too, is left to
/// the routes.
fn ready(request: &ServiceRequest) -> Option<HttpResponse> {
    if *request.method() != Method::GET {
        return None;
    }
    let path = request.path().strip_prefix("/api/v1/conferences/")?;
    let (slug, place) = path.split_once('/').unwrap_or((path, ""));
    let publication = Publication::from_word(place)?;
    let asked = match request.query_string() {
        "" => None,
        query => Some(query.strip_prefix("lang=").filter(|tag| !tag.contains(['&', '%', '+']))?),
    };
    let state = request.app_data::<web::Data<State>>()?;
    let (snapshot, edition) = state.programmes.get_with_edition(slug)?;
    let language = negotiate::choose(request.request(), asked, &snapshot.agenda.conference.languages).ok()?;
    let edition = edition?;
    let whole = edition.get(publication, &language)?;
    Some(serve(request.request(), whole, snapshot.release.updated_at, FOR_A_MOMENT))
}

/// What an answer of the programme depends on besides its URL.
pub const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Accept-Language");

/// Answers a `GET` with a document: 304 for whoever has it, else its bytes in the coding that the reader takes.
pub fn serve(
    request: &HttpRequest,
    whole: &Whole,
    changed_at: DateTime<Utc>,
    cache_control: &'static str,
) -> HttpResponse {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let coding = Coding::choose(accepted);
    let body = whole.body(coding);
    let modified = last_modified(changed_at);
    let fresh = is_fresh(request, body.tag.to_str().unwrap_or_default(), modified);
    let mut response = HttpResponse::new(if fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    let headers = response.headers_mut();
    headers.insert(header::ETAG, body.tag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(header::VARY, VARY);
    if let Some(modified) = modified.and_then(|modified| HeaderValue::from_str(&modified.http()).ok()) {
        headers.insert(header::LAST_MODIFIED, modified);
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
