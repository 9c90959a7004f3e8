//! The page that an attendee's link opens in a browser: what is registered, and a button to cancel it. It runs no
//! script.

use actix_web::{HttpRequest, http::header};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use super::{actions::Shown, model::State};
use crate::{agenda::Agenda, mail};

const TEMPLATE: &str = include_str!("../../config/pages/registration.html");

/// What the page may do: show itself, and send its form back to the service.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// Whether a browser asks: it names `text/html`, and scripts do not.
pub fn is_wanted(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html") && !accepted.contains("application/json"))
}

/// Writes the page in the registration's language; `token` is the one in its link. Its form posts to a
/// place relative to the page, so that a proxy may put the service under a path of its own.
///
/// # Errors
/// The template asks for what there is not.
pub fn render(agenda: &Agenda, shown: &Shown, token: &str) -> Result<String, minijinja::Error> {
    let registration = &shown.registration;
    let languages = &agenda.conference.languages;
    let language = mail::language_of(&registration.language);
    let status = match registration.state {
        State::Waitlisted if registration.offer_expires_at.is_some() => "offered",
        state => state.as_str(),
    };
    let zone = agenda.conference.time_zone;
    let to = |what: &str| format!("{}/{what}?token={token}", registration.reference);
    let sessions: Vec<_> = shown
        .sign_ups
        .iter()
        .filter_map(|sign_up| {
            let session = agenda.sessions.iter().find(|session| session.id == Some(sign_up.session_id))?;
            let title = session.title.text(&registration.language, languages);
            Some(context! { title, waits => sign_up.state == "waitlisted" })
        })
        .collect();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("registration.html", TEMPLATE)?;
    environment.get_template("registration.html")?.render(context! {
        language,
        status,
        is_final => registration.state.is_final(),
        cancel => to("cancel"),
        verify => to("verify"),
        accept => to("accept"),
        sessions,
        deadline => registration.offer_expires_at.map(|ends| mail::moment(language, zone.local(ends))),
        position => shown.position,
        conference => agenda.conference.name.text(&registration.language, languages),
        reference => registration.reference.as_str(),
        name => registration.full_name(),
        email => registration.email.as_str(),
        category => shown.category_name.text(&registration.language, languages),
        dates => mail::dates(language, agenda.conference.starts_on.0, agenda.conference.ends_on.0),
        venue => agenda.venue_line(&registration.language),
    })
}
