//! The letters about a registration.

use chrono::{DateTime, Utc};

use super::{
    model::{Registration, State},
    setup::store::CategoryStanding,
};
use crate::{
    agenda::{Agenda, document::Session, model::utc},
    ids::RegistrationEventId,
    mail::{
        Letter, LetterContent, LetterKind, LinkKind,
        letter::{CalendarEntry, SessionLine},
    },
};

/// What a letter says beside what the registration says.
#[derive(Default)]
pub struct Facts<'a> {
    /// The place on the waiting list.
    pub position: Option<i64>,
    /// Whether a seat was held before, so that a cancellation takes the calendar entry away.
    pub held_seat: bool,
    /// Why, in the organisers' words.
    pub reason: Option<String>,
    /// Until when the reader has to do something.
    pub deadline: Option<DateTime<Utc>>,
    /// The sessions that they are signed up for, and whether they wait for a seat in each.
    pub sessions: Vec<(&'a Session, bool)>,
    /// Sessions that they had a seat in and have none any more.
    pub left: Vec<&'a Session>,
    /// The revision of calendar entries.
    pub sequence: u32,
    /// The event that causes the letter.
    pub event: Option<RegistrationEventId>,
}

/// The letter about what just happened to a registration.
pub fn letter(
    kind: LetterKind,
    agenda: &Agenda,
    category: &CategoryStanding,
    registration: &Registration,
    facts: Facts,
) -> Letter {
    let conference = &agenda.conference;
    let language = registration.language.as_str();
    let zone = conference.time_zone;
    let calendar = match kind {
        LetterKind::Cancelled | LetterKind::Revoked if facts.held_seat => {
            Some(CalendarEntry { sequence: facts.sequence, cancelled: true })
        }
        LetterKind::Confirmed
        | LetterKind::Promoted
        | LetterKind::Changed
        | LetterKind::Sessions
        | LetterKind::Link
        | LetterKind::Reminder
        | LetterKind::SessionChanged
        | LetterKind::SessionCancelled
            if registration.state == State::Confirmed =>
        {
            Some(CalendarEntry { sequence: facts.sequence, cancelled: false })
        }
        _ => None,
    };
    let mut sessions = facts.sessions;
    sessions.sort_by_key(|(session, _)| utc(session.starts_at));
    let room = |session: &Session| {
        let code = session.room.as_ref()?;
        let room = agenda.rooms.iter().find(|room| room.code == *code)?;
        Some(room.name.text(language, &conference.languages).to_owned())
    };
    let line = |(session, waits): (&Session, bool)| SessionLine {
        title: session.title.text(language, &conference.languages).to_owned(),
        starts_at: zone.local(utc(session.starts_at)),
        waits,
        id: session.id.map(|id| id.uuid()),
        ends_at: Some(zone.local(utc(session.ends_at))),
        room: room(session),
    };
    Letter {
        conference: registration.conference,
        kind,
        to: registration.email.clone(),
        language: language.to_owned(),
        event: facts.event,
        broadcast: None,
        not_before: None,
        content: LetterContent {
            conference: conference.name.text(language, &conference.languages).to_owned(),
            starts_on: conference.starts_on.0,
            ends_on: conference.ends_on.0,
            venue: agenda.venue_line(language),
            name: registration.full_name(),
            reference: registration.reference.clone(),
            category: category.name.text(language, &conference.languages).to_owned(),
            position: facts.position,
            link_path: path(agenda, &registration.reference),
            link: LinkKind::Registration,
            registration: registration.id.uuid(),
            token_generation: registration.token_generation,
            calendar,
            reason: facts.reason,
            offer_hours: category.offer_hours,
            deadline: facts.deadline.map(|deadline| zone.local(deadline)),
            sessions: sessions.into_iter().map(line).collect(),
            left: facts.left.into_iter().map(|session| line((session, false))).collect(),
            moved: None,
            is_over: registration.state.is_final(),
            delegation: None,
            announcement: None,
            has_badge: registration.state == State::Confirmed
                && matches!(
                    kind,
                    LetterKind::Confirmed | LetterKind::Promoted | LetterKind::Link | LetterKind::Reminder
                ),
        },
    }
}

/// The path of a registration.
pub fn path(agenda: &Agenda, reference: &str) -> String {
    format!("/api/v1/conferences/{}/registrations/{reference}", agenda.conference.slug)
}
