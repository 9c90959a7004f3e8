//! The letters about a registration.

use chrono::{DateTime, Utc};

use super::{
    model::{Registration, RegistrationStatus},
    setup::state::CategoryState,
};
use crate::{
    agenda::{Agenda, document::Session, model::utc},
    ids::RegistrationEventId,
    mail::{
        Letter, LetterContent, LetterKind, LinkKind,
        letter::{AddressForm, CalendarEntry, SessionLine},
    },
    validation::ValidationErrors,
    values::{LanguageTag, Line, Localised, TextValue as _},
};

/// What a letter says in addition to the data of the registration.
#[derive(Default)]
pub struct LetterParams<'a> {
    /// The place on the waiting list, from 1.
    pub position: Option<i64>,
    /// Whether the registration was confirmed before: then a cancellation also removes the calendar entry.
    pub was_confirmed: bool,
    pub reason: Option<String>,
    /// The time until which the reader has to act.
    pub deadline: Option<DateTime<Utc>>,
    /// The sessions of the registration, each with whether it is on the waiting list there.
    pub sessions: Vec<(&'a Session, bool)>,
    /// The sessions in which the registration gave up its seat.
    pub left_sessions: Vec<&'a Session>,
    /// The revision of the calendar entries (RFC 5545, SEQUENCE).
    pub calendar_sequence: u32,
    /// The event that causes the letter.
    pub event: Option<RegistrationEventId>,
}

/// The letter about an event of a registration; `None` if the person has no address.
pub fn letter(
    kind: LetterKind,
    agenda: &Agenda,
    category: &CategoryState,
    registration: &Registration,
    params: LetterParams,
) -> Option<Letter> {
    Some(Letter {
        conference: registration.conference,
        kind,
        to: registration.person.email.clone()?,
        language: registration.person.language.as_str().to_owned(),
        event: params.event,
        broadcast: None,
        addressee: registration.addressee(),
        not_before: None,
        content: content(kind, agenda, category, registration, params),
    })
}

/// What a letter about a registration says.
pub fn content(
    kind: LetterKind,
    agenda: &Agenda,
    category: &CategoryState,
    registration: &Registration,
    params: LetterParams,
) -> LetterContent {
    let conference = &agenda.conference;
    let language = registration.person.language.as_str();
    let zone = conference.time_zone;
    let calendar = match kind {
        LetterKind::Cancelled | LetterKind::Revoked if params.was_confirmed => {
            Some(CalendarEntry { sequence: params.calendar_sequence, cancelled: true })
        }
        LetterKind::Confirmed
        | LetterKind::Promoted
        | LetterKind::Changed
        | LetterKind::Sessions
        | LetterKind::Link
        | LetterKind::Reminder
        | LetterKind::SessionChanged
        | LetterKind::SessionCancelled
            if registration.state == RegistrationStatus::Confirmed =>
        {
            Some(CalendarEntry { sequence: params.calendar_sequence, cancelled: false })
        }
        _ => None,
    };
    let mut sessions = params.sessions;
    sessions.sort_by_key(|(session, _)| utc(session.starts_at));
    let room = |session: &Session| {
        let code = session.room.as_ref()?;
        let room = agenda.rooms.iter().find(|room| room.code == *code)?;
        Some(room.name.text(language, &conference.languages).to_owned())
    };
    let line = |(session, is_waiting): (&Session, bool)| SessionLine {
        title: session.title.text(language, &conference.languages).to_owned(),
        starts_at: zone.local(utc(session.starts_at)),
        waits: is_waiting,
        id: session.id.map(|id| id.uuid()),
        ends_at: Some(zone.local(utc(session.ends_at))),
        room: room(session),
    };
    let name = registration.person.person_name().with_honorific();
    LetterContent {
        is_shared_mailbox: registration.shares_mailbox,
        salutation: registration.salutation.as_ref().and_then(|lines| salutation_in(lines, language)),
        address_form: AddressForm::of_person(registration.person.honorific.as_deref(), &name),
        name,
        reference: registration.reference.clone(),
        category: category.name.text(language, &conference.languages).to_owned(),
        position: params.position,
        link_path: registration_path(agenda, &registration.reference),
        link: LinkKind::Registration,
        registration: registration.id.uuid(),
        token_generation: registration.token_generation,
        calendar,
        reason: params.reason,
        offer_hours: category.offer_hours,
        deadline: params.deadline.map(|deadline| zone.local(deadline)),
        sessions: sessions.into_iter().map(line).collect(),
        left: params.left_sessions.into_iter().map(|session| line((session, false))).collect(),
        is_over: registration.state.is_final(),
        has_badge: registration.state == RegistrationStatus::Confirmed
            && matches!(kind, LetterKind::Confirmed | LetterKind::Promoted | LetterKind::Link | LetterKind::Reminder),
        ..conference_content(agenda, language)
    }
}

/// The line that greets a reader of this language; `None` if there is none in it.
pub fn salutation_in(lines: &Localised, language: &str) -> Option<String> {
    let primary = language.split('-').next().unwrap_or(language);
    let lines = lines.map();
    lines.get(language).or_else(|| lines.get(primary)).cloned()
}

/// Reads the lines that greet a person: gives a plain text the first language, and reports lines in other languages
/// than the conference's, and those that are none. The pointers of validation errors begin with `pointer`.
pub fn check_salutation(
    lines: &mut Localised,
    languages: &[LanguageTag],
    pointer: &str,
    errors: &mut ValidationErrors,
) {
    languages.first().into_iter().for_each(|first| lines.assign_language(first));
    for (language, line) in lines.map() {
        if !languages.iter().any(|tag| tag.as_str() == language) {
            errors.add(format!("{pointer}/{language}"), "unknown_language", "is not a language of the conference");
        }
        if let Err(error) = Line::<200>::parse(line) {
            errors.add(format!("{pointer}/{language}"), &error.code, error.detail);
        }
    }
}

/// What every letter of a conference says: its name, its dates and its venue.
pub fn conference_content(agenda: &Agenda, language: &str) -> LetterContent {
    let conference = &agenda.conference;
    LetterContent {
        conference: conference.name.text(language, &conference.languages).to_owned(),
        starts_on: conference.starts_on.0,
        ends_on: conference.ends_on.0,
        venue: agenda.venue_line(language),
        ..LetterContent::default()
    }
}

/// The path of the registration in the API.
pub fn registration_path(agenda: &Agenda, reference: &str) -> String {
    format!("/api/v1/conferences/{}/registrations/{reference}", agenda.conference.slug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agenda::{marked, model};

    #[test]
    fn a_letter_names_the_conference_in_the_language_of_the_reader() {
        let agenda = model::read(marked::document().0).unwrap();
        let french = conference_content(&agenda, "fr");
        assert_eq!(french.conference, agenda.conference.name.map()["fr"]);
        assert!(french.venue.is_some_and(|venue| venue.ends_with(" fr")));
        let dutch = conference_content(&agenda, "nl");
        assert_eq!(dutch.conference, agenda.conference.name.map()["en"], "the first language, where one is missing");
        assert_eq!((dutch.starts_on, dutch.ends_on), (agenda.conference.starts_on.0, agenda.conference.ends_on.0));
    }
}
