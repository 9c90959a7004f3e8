//! The history of registrations: events, their numbers and instants, and the letters that they cause.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    letters,
    model::{Event, Registration, RegistrationStatus},
    pending_event::{EventDetails, PendingEvent},
    rows::{self},
    seat_transaction::SeatTransaction,
    session_seats::{self},
};
use crate::{
    access::Actor,
    clock,
    database::{Connection, DatabaseError},
    ids::RegistrationId,
    mail::{Letter, LetterKind, written_since},
    registration::session_seats::SignUpState,
};

/// The shortest time between two letters to one address that only repeat the link.
const LINK_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// The highest number of letters in an hour about changes that an attendee made: somebody who registers another
/// person's address must not flood it.
const CHANGES_PER_HOUR: i64 = 5;

impl SeatTransaction<'_> {
    /// Records an event of a registration, which is given as it is after the event: [`SeatTransaction::close`] writes
    /// the history and the letter that the event causes.
    pub fn record_event(&mut self, registration: &Registration, event: Event, actor: &Actor, details: EventDetails) {
        let note = PendingEvent { registration: registration.clone(), event, actor: actor.name().to_owned(), details };
        self.events.push(note);
    }

    /// Sends the link to a registration again, at most once in ten minutes, so that nobody can flood an address.
    pub fn send_link(&mut self, connection: &mut Connection, registration: &Registration) -> Result<(), DatabaseError> {
        let since = self.now - LINK_PAUSE;
        let is_flood = |letter: &Letter| letter.kind == LetterKind::Link && letter.to == registration.person.email;
        if self.letters.iter().any(is_flood)
            || written_since(connection, self.place.id, &registration.person.email, LetterKind::Link, since)? > 0
        {
            return Ok(());
        }
        let category = self.category(registration.category)?;
        let sequence = self.sequence(connection, registration)?;
        let facts = super::letters::LetterParams { sequence, ..super::letters::LetterParams::default() };
        self.send(letters::letter(LetterKind::Link, self.released.agenda, category, registration, facts));
        Ok(())
    }

    /// Sends a letter that no event causes.
    pub fn send(&mut self, letter: Letter) {
        self.letters.push(letter);
    }

    /// The number and the time of each event: numbers in the order of recording, times after the latest of the same
    /// history.
    pub(super) fn number(
        &mut self,
        connection: &mut Connection,
        notes: &[PendingEvent],
    ) -> Result<Vec<(i64, DateTime<Utc>)>, DatabaseError> {
        let new: HashSet<RegistrationId> = self.new.iter().map(|registration| registration.id).collect();
        let old: Vec<_> = notes.iter().map(|note| note.registration.id).filter(|id| !new.contains(id)).collect();
        let mut latest = rows::latest_instants(connection, &old)?;
        let mut numbers = Vec::with_capacity(notes.len());
        for note in notes {
            let last = latest.get(&note.registration.id).copied();
            let at = clock::following(self.now, last);
            latest.insert(note.registration.id, at);
            self.setup_state.last_event += 1;
            numbers.push((self.setup_state.last_event, at));
        }
        Ok(numbers)
    }

    /// Whether the attendee made so many changes within an hour that no letter reports this one.
    pub(super) fn floods(&self, connection: &mut Connection, note: &PendingEvent) -> Result<bool, DatabaseError> {
        let kind = note.event.letter(note.registration.state);
        let Some(kind @ (LetterKind::Changed | LetterKind::Sessions)) = kind else { return Ok(false) };
        if note.actor != Actor::attendee().name() {
            return Ok(false);
        }
        let (since, to) = (self.now - TimeDelta::hours(1), &note.registration.person.email);
        Ok(written_since(connection, self.place.id, to, kind, since)? >= CHANGES_PER_HOUR)
    }

    /// The revision of a registration's calendar entries (RFC 5545, 3.8.7.4). It grows with the registration's history
    /// and with releases, which may move its sessions.
    pub(super) fn sequence(
        &self,
        connection: &mut Connection,
        registration: &Registration,
    ) -> Result<u32, DatabaseError> {
        if self.new.iter().any(|new| new.id == registration.id) {
            return Ok(0);
        }
        let release = self.released.number.unwrap_or(0).max(self.setup_state.sessions_release);
        let events = rows::count_events(connection, registration.id)?;
        Ok(u32::try_from(events + i64::from(release)).unwrap_or(u32::MAX))
    }

    pub(super) fn letter(
        &self,
        connection: &mut Connection,
        note: &PendingEvent,
        event: crate::ids::RegistrationEventId,
        positions: &HashMap<RegistrationId, i64>,
    ) -> Result<Option<Letter>, DatabaseError> {
        let registration = &note.registration;
        let kind = note.event.letter(registration.state).filter(|_| !note.details.silent);
        let Some(kind) = kind else { return Ok(None) };
        let sign_ups = match registration.state {
            RegistrationStatus::Confirmed if !self.sessions.is_empty() => {
                session_seats::sign_ups(connection, registration.id)?
            }
            _ => Vec::new(),
        };
        let sessions = sign_ups.iter().filter_map(|sign_up| {
            self.session_by_id(sign_up.session_id).map(|session| (session, sign_up.state == SignUpState::Waitlisted))
        });
        let left = self.left.iter().filter(|(of, _)| *of == registration.id);
        let facts = super::letters::LetterParams {
            left: left.filter_map(|(_, session)| self.session_by_id(*session)).collect(),
            sequence: self.sequence(connection, registration)?,
            position: positions.get(&registration.id).copied(),
            held_seat: note.details.held_seat,
            reason: note.details.reason.clone(),
            deadline: registration.expires_at.or(registration.offer_expires_at),
            sessions: sessions.collect(),
            event: Some(event),
        };
        let category = self.category(registration.category)?;
        Ok(Some(letters::letter(kind, self.released.agenda, category, registration, facts)))
    }
}
