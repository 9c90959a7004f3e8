//! Redirects a browser that opens a link of the API to the page with the same content.

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::service::RegistrationService;
use crate::{
    http::{NO_STORE, Problem, location_of},
    programme::{Snapshot, negotiate},
};

/// Redirects to a page of the conference, in the reader's preferred language. `rest` is the path after the language;
/// the query is kept.
pub fn redirect(
    request: &HttpRequest,
    service: &RegistrationService,
    snapshot: &Snapshot,
    rest: &str,
) -> Result<HttpResponse, Problem> {
    let languages = &snapshot.agenda.conference.languages;
    let language = negotiate::choose(request, None, languages)?;
    let tag = language.tag().or(languages.first()).map_or("en", |tag| tag.as_str());
    let location = format!(
        "{}/conferences/{}/{tag}{rest}?{}",
        service.public_url,
        snapshot.conference.slug,
        request.query_string()
    );
    Ok(HttpResponse::SeeOther()
        .insert_header(NO_STORE)
        .insert_header((header::VARY, "Accept, Accept-Language"))
        .insert_header((header::LOCATION, location_of(&location)))
        .finish())
}
