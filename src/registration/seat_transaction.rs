//! The seat transaction: it alone gives, frees and counts the seats of a conference, and it writes the history
//! and the letters of each change.
//!
//! The pattern of every use: [`SeatTransaction::open`], changes, [`SeatTransaction::close`]. Closing gives each free
//! seat to the registration that has waited longest for one of its kind, counts the seats with guarded updates, and
//! writes histories and letters, so that no caller can forget any of it.
//!
//! Events are numbered under the lock, over all histories of the conference. The number is their order: a reader who
//! has read up to a number has missed nothing ([`SeatTransaction::number_events`]). The times of events never go back
//! within a history, whatever the clocks of the processes do.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    RegistrationError, duplicate_check,
    membership::{self, Membership},
    model::{Registration, RegistrationStatus},
    pending_event::PendingEvent,
    reservations,
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
    mail::{Letter, LetterKind, enqueue_all, withdrawal::withdraw_from},
    registration::context::ReleasedAgenda,
};

/// See the module.
pub struct SeatTransaction<'a> {
    pub conference: &'a ConferenceRef,
    /// The agenda for the letters.
    pub released: ReleasedAgenda<'a>,
    /// The set-up, with the seats that are taken so far.
    pub setup_state: SetupState,
    /// The time of the transaction by the clock. An event may get a later time, see [`clock::monotonic`].
    pub now: DateTime<Utc>,
    /// See [`SetupState::ends_at`].
    pub ends_at: Option<DateTime<Utc>>,
    pub(super) setup_before: SetupState,
    pub(super) session_quotas: Vec<SessionQuota>,
    pub(super) session_quotas_before: Vec<SessionQuota>,
    /// Whether closing has to look for free seats.
    pub(super) may_have_free_seats: bool,
    /// An arrival number that the next arrival gets.
    pub(super) reused_arrival: Option<i64>,
    pub(super) new_registrations: Vec<Registration>,
    pub(super) new_sign_ups: Vec<SignUp>,
    pub(super) new_members: Vec<(RegistrationId, Membership)>,
    pub(super) pending_events: Vec<PendingEvent>,
    pub(super) letters: Vec<Letter>,
    /// Sessions in which registrations had a seat and gave it up in this transaction.
    pub(super) left_sessions: Vec<(RegistrationId, SessionId)>,
}

impl<'a> SeatTransaction<'a> {
    /// Locks the set-up of the conference and reads the seats that are taken.
    ///
    /// # Errors
    /// Those of [`setup::state::get_setup_state`].
    pub fn open(
        connection: &mut Connection,
        conference: &'a ConferenceRef,
        released: ReleasedAgenda<'a>,
    ) -> Result<Self, RegistrationError> {
        let setup_state = setup::state::get_locked_setup(connection, conference.id)?;
        let has_sign_up_sessions =
            released.agenda.sessions.iter().any(|session| session.access == SessionAccess::SignUp);
        let has_quotas = has_sign_up_sessions || setup_state.sessions_release > 0;
        let session_quotas =
            if has_quotas { session_seats::load_session_quotas(connection, conference.id)? } else { Vec::new() };
        let mut transaction = Self {
            conference,
            released,
            now: clock::now(),
            ends_at: setup_state.ends_at(released.agenda),
            setup_before: setup_state.clone(),
            setup_state,
            session_quotas_before: session_quotas.clone(),
            session_quotas,
            may_have_free_seats: false,
            reused_arrival: None,
            new_registrations: Vec::new(),
            new_sign_ups: Vec::new(),
            new_members: Vec::new(),
            pending_events: Vec::new(),
            letters: Vec::new(),
            left_sessions: Vec::new(),
        };
        if has_quotas {
            transaction.apply_released_quotas(connection)?;
        }
        Ok(transaction)
    }

    /// Whether the conference is over: then nobody is registered, promoted, offered a seat or confirmed any more.
    pub fn is_over(&self) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= self.now)
    }

    /// # Errors
    /// [`RegistrationError::ConferenceOver`].
    pub fn ensure_not_over(&self) -> Result<(), RegistrationError> {
        if self.is_over() { Err(RegistrationError::ConferenceOver) } else { Ok(()) }
    }

    /// The end of a period that begins now, at the latest the end of the conference.
    pub(super) fn deadline_in(&self, hours: i32) -> DateTime<Utc> {
        let deadline = self.now + TimeDelta::hours(hours.into());
        self.ends_at.map_or(deadline, |ends_at| deadline.min(ends_at))
    }

    /// # Errors
    /// Those of [`SetupState::get_category`].
    pub fn category(&self, id: CategoryId) -> Result<&CategoryState, DatabaseError> {
        self.setup_state.get_category(id)
    }

    fn category_mut(&mut self, id: CategoryId) -> Option<&mut CategoryState> {
        self.setup_state.categories.iter_mut().find(|category| category.id == id)
    }

    /// Gives the next arrival this number, which another registration gave up.
    pub fn reuse_arrival(&mut self, arrival: i64) {
        self.reused_arrival = Some(arrival);
    }

    /// The next arrival number, which orders the waiting lists of the conference.
    pub fn next_arrival(&mut self) -> i64 {
        if let Some(arrival) = self.reused_arrival.take() {
            return arrival;
        }
        self.setup_state.last_arrival += 1;
        self.setup_state.last_arrival
    }

    /// Takes a seat of the conference and of the category; `false` if one of them has none.
    pub fn take_seat(&mut self, category: CategoryId) -> bool {
        let conference_has_seat = self.setup_state.has_free_seat();
        match self.category_mut(category).filter(|category| conference_has_seat && category.has_free_seat()) {
            Some(category) => {
                category.seats_taken += 1;
                self.setup_state.seats_taken += 1;
                true
            }
            None => false,
        }
    }

    /// Gives back a seat of the conference and of the category.
    pub fn free_seat(&mut self, category: CategoryId) {
        if let Some(category) = self.category_mut(category) {
            category.seats_taken -= 1;
            self.setup_state.seats_taken -= 1;
            self.may_have_free_seats = true;
        }
    }

    /// Turns a seat of one category into a seat of another; `false` if that has none. The seat of the conference stays.
    pub fn move_seat(&mut self, from: CategoryId, to: CategoryId) -> bool {
        let target = self.category_mut(to).filter(|category| category.has_free_seat());
        let Some(target) = target else { return false };
        target.seats_taken += 1;
        self.setup_state.seats_taken += 1;
        self.free_seat(from);
        true
    }

    /// Says that seats may be free for another reason than a seat that was given back.
    pub fn expect_free_seats(&mut self) {
        self.may_have_free_seats = true;
    }

    /// Takes a seat for the registration: one that its invitation reserved, else a free one.
    fn take_seat_for(
        &mut self,
        connection: &mut Connection,
        registration: &Registration,
    ) -> Result<bool, DatabaseError> {
        if let Some(invitation) = registration.invitation
            && reservations::use_reserved_seat(connection, invitation, registration.category)?
        {
            return Ok(true);
        }
        Ok(self.take_seat(registration.category))
    }

    /// Admits a registration whose address counts as verified: it becomes pending if the organisers must decide and
    /// have not approved it (`is_approved`), else it gets a seat or a place on the waiting list.
    ///
    /// # Errors
    /// [`RegistrationError::Full`] if no seat is free and there is no waiting list, or the conference is over.
    pub fn admit(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        is_approved: bool,
    ) -> Result<(), RegistrationError> {
        let category = self.category(registration.category)?;
        let needs_approval = category.needs_approval && !is_approved;
        // After the end, nobody who waits would ever get a seat.
        let waiting_list = category.waiting_list && !self.is_over();
        let has_seat = !needs_approval && self.take_seat_for(connection, registration)?;
        registration.state =
            RegistrationStatus::admitted(needs_approval, has_seat, waiting_list).ok_or(RegistrationError::Full)?;
        registration.expires_at = None;
        if registration.state == RegistrationStatus::Confirmed {
            self.seat_in_sessions(connection, registration.id)?;
        }
        Ok(())
    }

    /// Saves a registration that now has a final status, and frees its seats; `held_seat` says whether it held one of
    /// the conference.
    pub fn save_ended(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        held_seat: bool,
    ) -> Result<(), RegistrationError> {
        registration.offer_expires_at = None;
        registration.expires_at = None;
        if held_seat {
            self.free_seat(registration.category);
        }
        if !self.session_quotas.is_empty() {
            for sign_up in session_seats::sign_ups(connection, registration.id)? {
                self.withdraw_sign_up(connection, &sign_up)?;
            }
        }
        membership::uncount_member(connection, registration.id)?;
        // Broadcasts that wait in the outbox are no longer meant for a person who left.
        self.withdraw_broadcasts(connection, registration)?;
        self.save(connection, registration)?;
        if let Some(invitation) = registration.invitation {
            self.free_reserved_seats(connection, invitation)?;
        }
        Ok(())
    }

    /// Withdraws the broadcasts that wait in the outbox for this person; those to others behind the mailbox stay.
    pub fn withdraw_broadcasts(
        &self,
        connection: &mut Connection,
        registration: &Registration,
    ) -> Result<(), DatabaseError> {
        let Some(address) = registration.person.address_folded() else { return Ok(()) };
        let addressee = registration.addressee();
        withdraw_from(connection, self.conference.id, &address, addressee, &LetterKind::OF_BROADCASTS)
    }

    /// Lets a registration whose name, address or category changed share its mailbox where that is allowed now, and
    /// refuses it if the person is registered with this address already. The lock makes the check safe: the indexes of
    /// the store do not compare those who share a mailbox with those who do not.
    ///
    /// # Errors
    /// [`RegistrationError::AlreadyRegistered`], [`RegistrationError::NameRegistered`].
    pub fn check_mailbox(
        &self,
        connection: &mut Connection,
        registration: &mut Registration,
    ) -> Result<(), RegistrationError> {
        registration.shares_mailbox = registration.shares_mailbox
            || self.category(registration.category)?.shared_mailbox
            || membership::may_share_mailbox(connection, registration.id)?;
        let name = registration.name_folded();
        let Some(address) = registration.person.address_folded() else { return Ok(()) };
        let live = rows::find_live_by_addresses(connection, self.conference.id, &[address])?;
        let mut others = live.iter().filter(|other| other.id != registration.id);
        match others.find(|other| other.excludes(registration.shares_mailbox, &name)) {
            Some(other) if other.shares_mailbox || registration.shares_mailbox => {
                Err(RegistrationError::NameRegistered)
            }
            Some(_) => Err(RegistrationError::AlreadyRegistered),
            None => Ok(()),
        }
    }

    /// Frees the seats that an invitation reserves and nobody can use any more.
    pub fn free_reserved_seats(
        &mut self,
        connection: &mut Connection,
        invitation: InvitationId,
    ) -> Result<(), DatabaseError> {
        if let Some((category, seats)) = reservations::free_reserved_seats(connection, invitation)? {
            (0..seats).for_each(|_| self.free_seat(category));
        }
        Ok(())
    }

    /// Saves a registration that existed before.
    ///
    /// # Errors
    /// [`RegistrationError::AlreadyRegistered`] if a unique index says that the person is registered already.
    pub fn save(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
    ) -> Result<(), RegistrationError> {
        registration.updated_at = clock::monotonic(self.now, Some(registration.updated_at));
        rows::update(connection, registration)
    }

    /// Adds a new registration, which [`SeatTransaction::close`] inserts.
    pub fn add_registration(&mut self, registration: Registration) {
        self.new_registrations.push(registration);
    }

    /// Adds a registration, new or not, to a delegation.
    ///
    /// # Errors
    /// [`RegistrationError::DelegationFull`] if the delegation's quota is used up.
    pub fn join_delegation(
        &mut self,
        connection: &mut Connection,
        registration: RegistrationId,
        membership: Membership,
    ) -> Result<(), RegistrationError> {
        membership::count_member(connection, membership.delegation)?;
        self.new_members.push((registration, membership));
        Ok(())
    }

    /// Writes everything that was recorded, counts the seats, and returns the places on waiting lists.
    ///
    /// # Errors
    /// The store fails, or another live registration got the address of a new one meanwhile: then the transaction must
    /// not be committed.
    pub fn close(mut self, connection: &mut Connection) -> Result<HashMap<RegistrationId, i64>, RegistrationError> {
        if !self.new_registrations.is_empty() {
            rows::insert(connection, &self.new_registrations)?;
            duplicate_check::flag_new(connection, self.conference.id, &self.new_registrations, self.now)?;
        }
        membership::insert_members(connection, &self.new_members)?;
        session_seats::insert_sign_ups(connection, &std::mem::take(&mut self.new_sign_ups))?;
        if self.may_have_free_seats {
            self.fill_free_seats(connection)?;
        }
        let positions = self.waiting_positions(connection)?;
        let mut pending_events = std::mem::take(&mut self.pending_events);
        let numbers = self.number_events(connection, &pending_events)?;
        self.save_seat_counts(connection)?;
        for pending in &mut pending_events {
            let is_void = self.is_over() && !pending.event.letter_holds_after_end();
            let is_unsent = is_void
                || pending.details.sends_no_letter
                || pending.registration.person.email.is_none()
                || self.exceeds_letter_limit(connection, pending)?;
            if is_unsent && pending.event.letter(pending.registration.state).is_some() {
                pending.details.sends_no_letter = true;
                pending.details.detail.insert("without_letter".to_owned(), json!(true));
            }
        }
        let mut events = Vec::with_capacity(pending_events.len());
        let mut letters = std::mem::take(&mut self.letters);
        for (pending, (sequence, at)) in pending_events.iter().zip(numbers) {
            let id = Id::new();
            letters.extend(self.letter_about(connection, pending, id, &positions)?);
            let mut detail = pending.details.detail.clone();
            if let Some(reason) = &pending.details.reason {
                detail.insert("reason".to_owned(), json!(reason));
            }
            events.push(EventRow {
                id,
                conference_id: self.conference.id,
                registration_id: pending.registration.id,
                sequence,
                at: DbInstant(at),
                actor: pending.actor.clone(),
                event: pending.event,
                state: pending.registration.state,
                detail: (!detail.is_empty()).then_some(JsonValue(Value::Object(detail))),
            });
        }
        rows::insert_events(connection, &events)?;
        enqueue_all(connection, &letters)?;
        Ok(positions)
    }

    fn save_seat_counts(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        setup::state::save_counters(connection, self.conference.id, &self.setup_before, &self.setup_state)?;
        for (now, before) in self.setup_state.categories.iter().zip(&self.setup_before.categories) {
            if now.seats_taken != before.seats_taken {
                setup::state::add_taken_of_category(connection, now.id, now.seats_taken - before.seats_taken)?;
            }
        }
        for (now, before) in self.session_quotas.iter().zip(&self.session_quotas_before) {
            if now.seats_taken != before.seats_taken {
                session_seats::add_taken_of_session(connection, now.id, now.seats_taken - before.seats_taken)?;
            }
            if now.seats != before.seats {
                session_seats::save_session_quota(connection, now)?;
            }
        }
        Ok(())
    }
}
