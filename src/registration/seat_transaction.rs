//! The seat transaction: it alone gives, frees and counts the seats of a conference, and it writes what people are told
//! about it.
//!
//! The pattern of every use: [`SeatTransaction::open`], changes, [`SeatTransaction::close`]. Closing gives each free
//! seat to the registration that has waited longest for one of its kind, counts the seats with guarded updates, and
//! writes histories and letters, so that no caller can forget any of it.
//!
//! Events are numbered under the lock, over all histories of the conference. The number is their order: a reader who
//! has read up to a number has missed nothing ([`SeatTransaction::number`]). The times of events never go back within a
//! history, whatever the clocks of the processes do.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    RegistrationError,
    membership::Membership,
    model::{Registration, RegistrationStatus},
    pending_event::PendingEvent,
    rows::{self, EventRow},
    session_seats::{self, SessionQuota, SignUp},
    setup::{
        self,
        state::{CategoryState, SetupState},
    },
};
use crate::{
    agenda::{ConferenceRef, document::SessionAccess},
    clock,
    database::{
        Connection, DatabaseError,
        types::{DbInstant, JsonValue},
    },
    ids::{CategoryId, Id, InvitationId, RegistrationId, SessionId},
    mail::{Letter, LetterKind, enqueue_all, withdrawal::withdraw},
    registration::context::ReleasedAgenda,
};

/// See the module.
pub struct SeatTransaction<'a> {
    pub place: &'a ConferenceRef,
    /// The agenda for the letters.
    pub released: ReleasedAgenda<'a>,
    /// The set-up, with the seats that are taken so far.
    pub setup_state: SetupState,
    /// The time of the transaction by the clock. An event may get a later time, see [`clock::following`].
    pub now: DateTime<Utc>,
    pub(super) before: SetupState,
    pub(super) sessions: Vec<SessionQuota>,
    pub(super) sessions_before: Vec<SessionQuota>,
    pub(super) has_freed: bool,
    pub(super) inherited: Option<i64>,
    pub(super) new: Vec<Registration>,
    pub(super) new_sign_ups: Vec<SignUp>,
    pub(super) new_members: Vec<(RegistrationId, Membership)>,
    pub(super) events: Vec<PendingEvent>,
    pub(super) letters: Vec<Letter>,
    /// Sessions in which registrations had a seat and gave it up in this transaction.
    pub(super) left: Vec<(RegistrationId, SessionId)>,
}

impl<'a> SeatTransaction<'a> {
    /// Locks the set-up of the conference and reads the seats that are taken.
    ///
    /// # Errors
    /// Those of [`setup::state::get_setup_state`].
    pub fn open(
        connection: &mut Connection,
        place: &'a ConferenceRef,
        released: ReleasedAgenda<'a>,
    ) -> Result<Self, RegistrationError> {
        let setup_state = setup::state::get_locked_setup(connection, place.id)?;
        let needs_signing_up = released.agenda.sessions.iter().any(|session| session.access == SessionAccess::SignUp);
        let has_sessions = needs_signing_up || setup_state.sessions_release > 0;
        let sessions =
            if has_sessions { super::session_seats::load_session_quotas(connection, place.id)? } else { Vec::new() };
        let mut transaction = Self {
            place,
            released,
            now: clock::now(),
            before: setup_state.clone(),
            setup_state,
            sessions_before: sessions.clone(),
            sessions,
            has_freed: false,
            inherited: None,
            new: Vec::new(),
            new_sign_ups: Vec::new(),
            new_members: Vec::new(),
            events: Vec::new(),
            letters: Vec::new(),
            left: Vec::new(),
        };
        if needs_signing_up || has_sessions {
            transaction.follow_release(connection)?;
        }
        Ok(transaction)
    }

    /// # Errors
    /// Those of [`SetupState::get_category`].
    pub fn category(&self, id: CategoryId) -> Result<&CategoryState, DatabaseError> {
        self.setup_state.get_category(id)
    }

    /// Gives this arrival number, which another registration left, to the next arrival.
    pub fn inherit(&mut self, arrival: i64) {
        self.inherited = Some(arrival);
    }

    /// The next arrival number, which orders the waiting lists of the conference.
    pub fn next_arrival(&mut self) -> i64 {
        if let Some(arrival) = self.inherited.take() {
            return arrival;
        }
        self.setup_state.last_arrival += 1;
        self.setup_state.last_arrival
    }

    /// Takes a seat of the conference and of the category; `false` if one of them has none.
    pub fn take(&mut self, category: CategoryId) -> bool {
        let of_conference = self.setup_state.has_seat();
        let found = self.setup_state.categories.iter_mut().find(|setup_state| setup_state.id == category);
        match found.filter(|category| of_conference && category.has_seat()) {
            Some(category) => {
                category.seats_taken += 1;
                self.setup_state.seats_taken += 1;
                true
            }
            None => false,
        }
    }

    /// Gives back a seat of the conference and of the category.
    pub fn free(&mut self, category: CategoryId) {
        if let Some(category) = self.setup_state.categories.iter_mut().find(|setup_state| setup_state.id == category) {
            category.seats_taken -= 1;
            self.setup_state.seats_taken -= 1;
            self.has_freed = true;
        }
    }

    /// Turns a seat of one category into a seat of another; `false` if that has none. The seat of the conference stays.
    pub fn move_seat(&mut self, from: CategoryId, to: CategoryId) -> bool {
        let there = self.setup_state.categories.iter_mut().find(|category| category.id == to);
        let Some(there) = there.filter(|category| category.has_seat()) else { return false };
        there.seats_taken += 1;
        self.setup_state.seats_taken += 1;
        self.free(from);
        true
    }

    /// Says that seats may be free for another reason than a seat that was given back.
    pub fn expect_free_seats(&mut self) {
        self.has_freed = true;
    }

    /// Takes a seat for the registration: one that its invitation reserved, else a free one.
    fn seat(&mut self, connection: &mut Connection, registration: &Registration) -> Result<bool, DatabaseError> {
        if let Some(invitation) = registration.invitation
            && super::reservations::use_reserved(connection, invitation, registration.category)?
        {
            return Ok(true);
        }
        Ok(self.take(registration.category))
    }

    /// Admits a registration whose address counts as verified: it becomes pending if the organisers must decide and
    /// have not `approved` it, else it gets a seat or a place on the waiting list.
    ///
    /// # Errors
    /// [`RegistrationError::Full`] if no seat is free and there is no waiting list.
    pub fn admit(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        approved: bool,
    ) -> Result<(), RegistrationError> {
        let category = self.category(registration.category)?;
        let (needs_approval, waiting_list) = (category.needs_approval && !approved, category.waiting_list);
        let seat = !needs_approval && self.seat(connection, registration)?;
        registration.state =
            RegistrationStatus::admitted(needs_approval, seat, waiting_list).ok_or(RegistrationError::Full)?;
        registration.expires_at = None;
        if registration.state == RegistrationStatus::Confirmed {
            self.seat_in_sessions(connection, registration.id)?;
        }
        Ok(())
    }

    /// Frees what a registration with a final status held; `held_seat` says whether it held a seat.
    pub fn leave(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        held_seat: bool,
    ) -> Result<(), RegistrationError> {
        registration.offer_expires_at = None;
        registration.expires_at = None;
        if held_seat {
            self.free(registration.category);
        }
        if !self.sessions.is_empty() {
            for sign_up in session_seats::sign_ups(connection, registration.id)? {
                self.sign_off(connection, &sign_up)?;
            }
        }
        super::membership::member_left(connection, registration.id)?;
        // Broadcasts that wait in the outbox are no longer meant for a person who left.
        let folded = [registration.person.email.folded()];
        withdraw(connection, self.place.id, &folded, &LetterKind::OF_BROADCASTS)?;
        self.save(connection, registration)?;
        if let Some(invitation) = registration.invitation {
            self.settle(connection, invitation)?;
        }
        Ok(())
    }

    /// Frees the seats that an invitation reserves and nobody can use any more.
    pub fn settle(&mut self, connection: &mut Connection, invitation: InvitationId) -> Result<(), DatabaseError> {
        if let Some((category, seats)) = super::reservations::release_reserved(connection, invitation)? {
            (0..seats).for_each(|_| self.free(category));
        }
        Ok(())
    }

    /// Saves a registration that existed before.
    ///
    /// # Errors
    /// [`RegistrationError::AlreadyRegistered`] if another live registration has its address.
    pub fn save(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
    ) -> Result<(), RegistrationError> {
        registration.updated_at = clock::following(self.now, Some(registration.updated_at));
        rows::update(connection, registration)
    }

    /// Adds a new registration, which [`SeatTransaction::close`] inserts.
    pub fn add(&mut self, registration: Registration) {
        self.new.push(registration);
    }

    /// Adds a registration, new or not, to a delegation.
    ///
    /// # Errors
    /// [`RegistrationError::DelegationFull`] if the delegation's quota is used up.
    pub fn join(
        &mut self,
        connection: &mut Connection,
        registration: RegistrationId,
        membership: Membership,
    ) -> Result<(), RegistrationError> {
        super::membership::count_member(connection, membership.delegation)?;
        self.new_members.push((registration, membership));
        Ok(())
    }

    /// Writes everything that was recorded, counts the seats, and returns the places on waiting lists.
    ///
    /// # Errors
    /// The store fails, or another live registration got the address of a new one meanwhile: then the transaction must
    /// not be committed.
    pub fn close(mut self, connection: &mut Connection) -> Result<HashMap<RegistrationId, i64>, RegistrationError> {
        if !self.new.is_empty() {
            rows::insert(connection, &self.new)?;
            super::duplicate_check::flag(connection, self.place.id, &self.new, self.now)?;
        }
        super::membership::join_all(connection, &self.new_members)?;
        session_seats::insert_sign_ups(connection, &std::mem::take(&mut self.new_sign_ups))?;
        if self.has_freed {
            self.fill(connection)?;
        }
        let positions = self.positions(connection)?;
        let mut notes = std::mem::take(&mut self.events);
        let numbers = self.number(connection, &notes)?;
        self.count(connection)?;
        for note in &mut notes {
            if self.floods(connection, note)? {
                note.details.silent = true;
                note.details.detail.insert("without_letter".to_owned(), json!(true));
            }
        }
        let mut events = Vec::with_capacity(notes.len());
        let mut letters = std::mem::take(&mut self.letters);
        for (note, (sequence, at)) in notes.iter().zip(numbers) {
            let id = Id::new();
            letters.extend(self.letter(connection, note, id, &positions)?);
            let mut detail = note.details.detail.clone();
            if let Some(reason) = &note.details.reason {
                detail.insert("reason".to_owned(), json!(reason));
            }
            events.push(EventRow {
                id,
                conference_id: self.place.id,
                registration_id: note.registration.id,
                sequence,
                at: DbInstant(at),
                actor: note.actor.clone(),
                event: note.event,
                state: note.registration.state,
                detail: (!detail.is_empty()).then_some(JsonValue(Value::Object(detail))),
            });
        }
        rows::record(connection, &events)?;
        enqueue_all(connection, &letters)?;
        Ok(positions)
    }

    fn count(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        super::setup::state::save_counters(connection, self.place.id, &self.before, &self.setup_state)?;
        for (now, before) in self.setup_state.categories.iter().zip(&self.before.categories) {
            if now.seats_taken != before.seats_taken {
                setup::state::add_taken_of_category(connection, now.id, now.seats_taken - before.seats_taken)?;
            }
        }
        for (now, before) in self.sessions.iter().zip(&self.sessions_before) {
            if now.seats_taken != before.seats_taken {
                session_seats::add_taken_of_session(connection, now.id, now.seats_taken - before.seats_taken)?;
            }
            if now.seats != before.seats {
                let (seats, released) = (now.seats, now.seats_released);
                session_seats::save_session_quota(connection, self.place.id, now.id, seats, released, false)?;
            }
        }
        Ok(())
    }
}
