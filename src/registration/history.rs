//! The history of registrations: events, their numbers and instants, and the letters that they cause.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    letters::{self, LetterParams},
    model::{Event, Registration, RegistrationStatus},
    pending_event::{EventDetails, PendingEvent},
    rows,
    seat_transaction::SeatTransaction,
    session_seats::{self, SignUpState},
};
use crate::{
    access::Actor,
    clock,
    database::{Connection, DatabaseError},
    ids::{RegistrationEventId, RegistrationId},
    mail::{Letter, LetterKind, count_written_since},
    values::links::holds_link,
};

/// The shortest time between two letters to one person that only repeat the link.
const LINK_INTERVAL_MIN: TimeDelta = TimeDelta::minutes(10);

/// The highest number of letters in an hour about changes that an attendee made: somebody who registers another
/// person's address must not flood it.
const CHANGE_LETTERS_PER_HOUR: i64 = 5;

impl SeatTransaction<'_> {
    /// Records an event of a registration, which is given as it is after the event: [`SeatTransaction::close`] writes
    /// the history and the letter that the event causes.
    pub fn record_event(&mut self, registration: &Registration, event: Event, actor: &Actor, details: EventDetails) {
        let pending =
            PendingEvent { registration: registration.clone(), event, actor: actor.name().to_owned(), details };
        self.pending_events.push(pending);
    }

    /// Sends the link to a registration again, at most once in ten minutes, so that nobody can flood an address. Each
    /// person behind a shared mailbox gets their own.
    pub fn send_link(&mut self, connection: &mut Connection, registration: &Registration) -> Result<(), DatabaseError> {
        let Some(address) = &registration.person.email else { return Ok(()) };
        let since = self.now - LINK_INTERVAL_MIN;
        let is_same_letter = |letter: &Letter| {
            letter.kind == LetterKind::Link && letter.to == *address && letter.addressee == registration.addressee()
        };
        let reader = (address, registration.addressee());
        if self.letters.iter().any(is_same_letter)
            || count_written_since(connection, self.conference.id, reader, LetterKind::Link, since)? > 0
        {
            return Ok(());
        }
        let category = self.category(registration.category)?;
        let calendar_sequence = self.calendar_sequence(connection, registration)?;
        let params = LetterParams { calendar_sequence, ..LetterParams::default() };
        let letter = letters::letter(LetterKind::Link, self.released.agenda, category, registration, params);
        self.letters.extend(letter);
        Ok(())
    }

    /// Sends a letter that no event causes.
    pub fn send_letter(&mut self, letter: Letter) {
        self.letters.push(letter);
    }

    /// The number and the time of each event: numbers in the order of recording, times after the latest of the same
    /// history.
    pub(super) fn number_events(
        &mut self,
        connection: &mut Connection,
        pending_events: &[PendingEvent],
    ) -> Result<Vec<(i64, DateTime<Utc>)>, DatabaseError> {
        let new_ids: HashSet<RegistrationId> =
            self.new_registrations.iter().map(|registration| registration.id).collect();
        let ids = pending_events.iter().map(|pending| pending.registration.id);
        let existing_ids: Vec<_> = ids.filter(|id| !new_ids.contains(id)).collect();
        let mut latest_instants = rows::latest_instants(connection, &existing_ids)?;
        let mut numbers = Vec::with_capacity(pending_events.len());
        for pending in pending_events {
            let latest = latest_instants.get(&pending.registration.id).copied();
            let at = clock::monotonic(self.now, latest);
            latest_instants.insert(pending.registration.id, at);
            self.setup_state.last_event += 1;
            numbers.push((self.setup_state.last_event, at));
        }
        Ok(numbers)
    }

    /// Whether the attendee made so many changes within an hour that no letter is sent about this one.
    pub(super) fn exceeds_letter_limit(
        &self,
        connection: &mut Connection,
        pending: &PendingEvent,
    ) -> Result<bool, DatabaseError> {
        let kind = pending.event.letter(pending.registration.state);
        let Some(kind @ (LetterKind::Changed | LetterKind::Sessions)) = kind else { return Ok(false) };
        if pending.actor != Actor::attendee().name() {
            return Ok(false);
        }
        let since = self.now - TimeDelta::hours(1);
        let Some(address) = &pending.registration.person.email else { return Ok(false) };
        let reader = (address, pending.registration.addressee());
        Ok(count_written_since(connection, self.conference.id, reader, kind, since)? >= CHANGE_LETTERS_PER_HOUR)
    }

    /// The revision of a registration's calendar entries (RFC 5545, 3.8.7.4). It grows with the registration's history
    /// and with releases, which may move its sessions.
    fn calendar_sequence(
        &self,
        connection: &mut Connection,
        registration: &Registration,
    ) -> Result<u32, DatabaseError> {
        if self.new_registrations.iter().any(|new| new.id == registration.id) {
            return Ok(0);
        }
        let release_number = self.released.number.unwrap_or(0).max(self.setup_state.sessions_release);
        calendar_sequence(connection, registration.id, release_number)
    }

    /// The letter that an event causes, if it causes one.
    pub(super) fn letter_about(
        &self,
        connection: &mut Connection,
        pending: &PendingEvent,
        event: RegistrationEventId,
        positions: &HashMap<RegistrationId, i64>,
    ) -> Result<Option<Letter>, DatabaseError> {
        let registration = &pending.registration;
        let kind = pending.event.letter(registration.state).filter(|_| !pending.details.sends_no_letter);
        let Some(kind) = kind else { return Ok(None) };
        let sign_ups = match registration.state {
            RegistrationStatus::Confirmed if !self.session_quotas.is_empty() => {
                session_seats::sign_ups(connection, registration.id)?
            }
            _ => Vec::new(),
        };
        let sessions = sign_ups.iter().filter_map(|sign_up| {
            self.session_by_id(sign_up.session_id).map(|session| (session, sign_up.state == SignUpState::Waitlisted))
        });
        // Nobody may have verified the address of an attendee who writes a reason.
        let is_by_attendee = pending.actor == Actor::attendee().name();
        let left_sessions = self.left_sessions.iter().filter(|(id, _)| *id == registration.id);
        let params = LetterParams {
            left_sessions: left_sessions.filter_map(|(_, session)| self.session_by_id(*session)).collect(),
            calendar_sequence: self.calendar_sequence(connection, registration)?,
            position: positions.get(&registration.id).copied(),
            was_confirmed: pending.details.was_confirmed,
            reason: pending.details.reason.clone().filter(|reason| !is_by_attendee || !holds_link(reason)),
            deadline: registration.expires_at.or(registration.offer_expires_at),
            sessions: sessions.collect(),
            event: Some(event),
        };
        let category = self.category(registration.category)?;
        Ok(letters::letter(kind, self.released.agenda, category, registration, params))
    }
}

/// The revision of a registration's calendar entries, given the number of the release that they are of.
pub fn calendar_sequence(
    connection: &mut Connection,
    registration: RegistrationId,
    release_number: i32,
) -> Result<u32, DatabaseError> {
    let event_count = rows::count_events(connection, registration)?;
    Ok(u32::try_from(event_count + i64::from(release_number)).unwrap_or(u32::MAX))
}
