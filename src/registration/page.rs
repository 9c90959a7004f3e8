//! Where a browser goes that opens a link of the API: to the page that says the same.

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::api::{Desk, NO_STORE};
use crate::{
    http::{Problem, location_of},
    programme::{Snapshot, negotiate},
};

/// Whether a browser asks: it names `text/html`, and scripts do not; nor has it a token but that of a link.
pub fn is_wanted(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_page = |accepted: &str| accepted.contains("text/html") && !accepted.contains("application/json");
    accepted.is_some_and(is_page) && !request.headers().contains_key(header::AUTHORIZATION)
}

/// Leads to a page of a conference, in the language that its reader likes best. `rest` is its path behind the language;
/// the query goes along.
///
/// # Errors
/// `?lang=` names what nothing is written in.
pub fn lead(request: &HttpRequest, desk: &Desk, snapshot: &Snapshot, rest: &str) -> Result<HttpResponse, Problem> {
    let languages = &snapshot.agenda.conference.languages;
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = negotiate::choose_words(accepted, None, languages)?;
    let tag = language.tag().or(languages.first()).map_or("en", |tag| tag.as_str());
    let location =
        format!("{}/conferences/{}/{tag}{rest}?{}", desk.public_url, snapshot.place.slug, request.query_string());
    Ok(HttpResponse::SeeOther()
        .insert_header(NO_STORE)
        .insert_header((header::VARY, "Accept, Accept-Language"))
        .insert_header((header::LOCATION, location_of(&location)))
        .finish())
}
