//! The letters about a registration.

use super::{
    model::{Registration, State},
    store::CategoryStanding,
};
use crate::{
    agenda::Agenda,
    mail::{Letter, LetterContent, LetterKind, letter::CalendarEntry},
};

/// The letter about what just happened to a registration. `held_seat`: whether it held a seat before, so that a
/// cancellation knows whether there is a calendar entry to take away.
pub fn letter(
    kind: LetterKind,
    agenda: &Agenda,
    category: &CategoryStanding,
    registration: &Registration,
    position: Option<i64>,
    held_seat: bool,
) -> Letter {
    let conference = &agenda.conference;
    let language = registration.language.as_str();
    let calendar = match (kind, registration.state) {
        (LetterKind::Cancelled, _) if held_seat => Some(CalendarEntry { sequence: 1, cancelled: true }),
        (_, State::Confirmed) => Some(CalendarEntry { sequence: 0, cancelled: false }),
        _ => None,
    };
    Letter {
        conference: registration.conference,
        kind,
        to: registration.email.clone(),
        language: language.to_owned(),
        content: LetterContent {
            conference: conference.name.text(language, &conference.languages).to_owned(),
            starts_on: conference.starts_on.0,
            ends_on: conference.ends_on.0,
            venue: agenda.venue_line(language),
            name: registration.full_name(),
            reference: registration.reference.clone(),
            category: category.name.text(language, &conference.languages).to_owned(),
            position,
            link_path: path(agenda, &registration.reference),
            registration: registration.id.uuid(),
            token_generation: registration.token_generation,
            calendar,
        },
    }
}

/// The path of a registration.
pub fn path(agenda: &Agenda, reference: &str) -> String {
    format!("/api/v1/conferences/{}/registrations/{reference}", agenda.conference.slug)
}
