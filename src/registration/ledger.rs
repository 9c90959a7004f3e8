//! The seats of a conference while one transaction alone gives, frees and counts them, and what it has to tell people.
//!
//! The pattern of every use: [`Ledger::open`], changes, [`Ledger::close`]. Closing gives each freed seat to whoever
//! waits longest for one of its kind, counts seats with guarded updates, and writes histories and letters: so no use
//! can forget any of it.
//!
//! Events are numbered under the lock, over all histories of the conference: that is their order, and who has read up
//! to a number misses nothing ([`Ledger::number`]). Their instants never go back within a history, whatever the clocks
//! of the processes do.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    RegistrationError,
    delegations::{self, Membership},
    duplicates, invitations, letters,
    model::{Event, Registration, State},
    session_seats::{
        self,
        store::{SessionStanding, SignUp},
    },
    setup::{
        self,
        store::{CategoryStanding, Standing},
    },
    store::{self, EventRow},
};
use crate::{
    access::Actor,
    agenda::{
        Agenda, Place,
        document::{Session, SessionAccess},
        model::utc,
    },
    clock,
    database::{
        Connection, DatabaseError,
        types::{Instant, JsonValue},
    },
    ids::{CategoryId, Id, InvitationId, RegistrationId, SessionId},
    mail::{Letter, LetterKind, enqueue_all, messages::withdraw, written_since},
    values::{Code, Count},
};

/// How long after a letter with the link no other is sent that merely repeats it.
const LINK_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// How many letters about their own changes one gets in an hour: whoever registers another's address must not flood it.
const CHANGES_PER_HOUR: i64 = 5;

/// What the programme says, and which release that is.
#[derive(Clone, Copy)]
pub struct Released<'a> {
    /// The agenda as attendees may see it.
    pub agenda: &'a Agenda,
    /// The release's number; `None` where sessions are not looked at.
    pub number: Option<i32>,
}

/// What is noted of a registration beside the event.
#[derive(Debug, Clone, Default)]
pub struct Remark {
    /// Why, in the organisers' words: the letter quotes it.
    pub reason: Option<String>,
    /// What else the history keeps.
    pub detail: serde_json::Map<String, Value>,
    /// Whether a seat was held before: then a calendar entry goes away.
    pub held_seat: bool,
    /// No letter, although the event would cause one.
    pub silent: bool,
}

struct Note {
    registration: Registration,
    event: Event,
    actor: String,
    remark: Remark,
}

/// See the module.
pub struct Ledger<'a> {
    /// Whose seats they are.
    pub place: &'a Place,
    /// What letters speak of.
    pub released: Released<'a>,
    /// What was configured, and what is taken by now.
    pub standing: Standing,
    /// The instant of all that is written, by the clock; what is later in a history has a later one all the same.
    pub now: DateTime<Utc>,
    before: Standing,
    sessions: Vec<SessionStanding>,
    sessions_before: Vec<SessionStanding>,
    has_freed: bool,
    inherited: Option<i64>,
    new: Vec<Registration>,
    new_sign_ups: Vec<SignUp>,
    new_members: Vec<(RegistrationId, Membership)>,
    notes: Vec<Note>,
    letters: Vec<Letter>,
    /// Sessions that registrations had a seat in when the ledger was opened, and gave up.
    left: Vec<(RegistrationId, SessionId)>,
}

impl<'a> Ledger<'a> {
    /// Locks the set-up of the conference and reads what is taken.
    ///
    /// # Errors
    /// [`RegistrationError::NoConference`] where there is no set-up.
    pub fn open(
        connection: &mut Connection,
        place: &'a Place,
        released: Released<'a>,
    ) -> Result<Self, RegistrationError> {
        let standing = setup::store::lock_setup(connection, place.id)?.ok_or(RegistrationError::NoConference)?;
        let needs_signing_up = released.agenda.sessions.iter().any(|session| session.access == SessionAccess::SignUp);
        let has_sessions = needs_signing_up || standing.sessions_release > 0;
        let sessions =
            if has_sessions { session_seats::store::session_standings(connection, place.id)? } else { Vec::new() };
        let mut ledger = Self {
            place,
            released,
            now: clock::now(),
            before: standing.clone(),
            standing,
            sessions_before: sessions.clone(),
            sessions,
            has_freed: false,
            inherited: None,
            new: Vec::new(),
            new_sign_ups: Vec::new(),
            new_members: Vec::new(),
            notes: Vec::new(),
            letters: Vec::new(),
            left: Vec::new(),
        };
        if needs_signing_up || has_sessions {
            ledger.follow_release(connection)?;
        }
        Ok(ledger)
    }

    /// Takes the seats of sessions over from a newer release. What is no session to sign up for any more keeps its
    /// sign-ups: it may come back.
    fn follow_release(&mut self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let Some(number) = self.released.number.filter(|number| *number > self.standing.sessions_release) else {
            return Ok(());
        };
        for session in self.released.agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp) {
            let Some(id) = session.id else { continue };
            let wanted = seats_of(session);
            match self.sessions.iter_mut().find(|known| known.id == id) {
                Some(known) => {
                    let seats = wanted.map(|seats| seats.max(known.seats_taken));
                    if seats != known.seats || wanted != known.seats_released {
                        let quota = (id, seats, wanted);
                        session_seats::store::save_session_quota(connection, self.place.id, quota, false)?;
                        (known.seats, known.seats_released) = (seats, wanted);
                        self.has_freed = true;
                    }
                }
                None => {
                    let quota = (id, wanted, wanted);
                    session_seats::store::save_session_quota(connection, self.place.id, quota, true)?;
                    self.sessions.push(SessionStanding {
                        id,
                        seats: wanted,
                        seats_taken: 0,
                        seats_released: wanted,
                        slot: None,
                    });
                }
            }
        }
        session_seats::news::tell(connection, self.place, self.released.agenda, (number, &mut self.sessions))?;
        self.sessions_before = self.sessions.clone();
        self.standing.sessions_release = number;
        session_seats::store::set_sessions_release(connection, self.place.id, number)
    }

    /// A category of the conference.
    ///
    /// # Errors
    /// The store holds a registration of none.
    pub fn category(&self, id: CategoryId) -> Result<&CategoryStanding, DatabaseError> {
        let found = self.standing.category_by_id(id);
        found.ok_or_else(|| DatabaseError::Corrupt(format!("there is no category {id}")))
    }

    /// The next who arrives takes this place among all registrations, of one who left it to them.
    pub fn inherit(&mut self, arrival: i64) {
        self.inherited = Some(arrival);
    }

    /// The next place among all registrations.
    pub fn next_arrival(&mut self) -> i64 {
        if let Some(arrival) = self.inherited.take() {
            return arrival;
        }
        self.standing.last_arrival += 1;
        self.standing.last_arrival
    }

    /// The session that people can sign up for under this code.
    pub fn session(&self, code: &Code) -> Option<&'a Session> {
        let sessions = self.released.agenda.sessions.iter();
        sessions.filter(|session| session.access == SessionAccess::SignUp).find(|session| session.code == *code)
    }

    fn session_by_id(&self, id: SessionId) -> Option<&'a Session> {
        self.released.agenda.sessions.iter().find(|session| session.id == Some(id))
    }

    /// Takes a seat of the conference and of the category, if every quota has one.
    pub fn take(&mut self, category: CategoryId) -> bool {
        let of_conference = self.standing.has_seat();
        let found = self.standing.categories.iter_mut().find(|standing| standing.id == category);
        match found.filter(|category| of_conference && category.has_seat()) {
            Some(category) => {
                category.seats_taken += 1;
                self.standing.seats_taken += 1;
                true
            }
            None => false,
        }
    }

    /// Gives a seat of the conference and of the category back.
    pub fn free(&mut self, category: CategoryId) {
        if let Some(category) = self.standing.categories.iter_mut().find(|standing| standing.id == category) {
            category.seats_taken -= 1;
            self.standing.seats_taken -= 1;
            self.has_freed = true;
        }
    }

    /// Turns a seat of one category into one of another, if that has one; the conference's seat stays.
    pub fn move_seat(&mut self, from: CategoryId, to: CategoryId) -> bool {
        let there = self.standing.categories.iter_mut().find(|category| category.id == to);
        let Some(there) = there.filter(|category| category.has_seat()) else { return false };
        there.seats_taken += 1;
        self.standing.seats_taken += 1;
        self.free(from);
        true
    }

    /// More seats may be free than before for another reason than a seat given back.
    pub fn expect_free_seats(&mut self) {
        self.has_freed = true;
    }

    /// A seat for the registration: one that its invitation reserved, else a free one.
    fn seat(&mut self, connection: &mut Connection, registration: &Registration) -> Result<bool, DatabaseError> {
        if let Some(invitation) = registration.invitation
            && invitations::use_reserved(connection, invitation, registration.category)?
        {
            return Ok(true);
        }
        Ok(self.take(registration.category))
    }

    /// Admits a registration whose address is known to be its own: it goes to the organisers where they decide and have
    /// not `approved` it, else it gets a seat or a place on the waiting list.
    ///
    /// # Errors
    /// [`RegistrationError::Full`] where the seats are taken and there is no waiting list.
    pub fn admit(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        approved: bool,
    ) -> Result<(), RegistrationError> {
        let category = self.category(registration.category)?;
        let (needs_approval, waiting_list) = (category.needs_approval && !approved, category.waiting_list);
        let seat = !needs_approval && self.seat(connection, registration)?;
        registration.state = State::admitted(needs_approval, seat, waiting_list).ok_or(RegistrationError::Full)?;
        registration.expires_at = None;
        if registration.state == State::Confirmed {
            self.seat_in_sessions(connection, registration.id)?;
        }
        Ok(())
    }

    /// Gives a registration that is confirmed now the seats of the sessions it wished for.
    ///
    /// # Errors
    /// The store fails.
    pub fn seat_in_sessions(
        &mut self,
        connection: &mut Connection,
        registration: RegistrationId,
    ) -> Result<(), DatabaseError> {
        if self.sessions.is_empty() {
            return Ok(());
        }
        for index in 0..self.new_sign_ups.len() {
            let wished = self.new_sign_ups.get(index).filter(|sign_up| sign_up.registration_id == registration);
            if let Some(session) = wished.map(|sign_up| sign_up.session_id) {
                let state = if self.take_of_session(session) { "confirmed" } else { "waitlisted" };
                if let Some(sign_up) = self.new_sign_ups.get_mut(index) {
                    sign_up.state = state.to_owned();
                }
            }
        }
        for mut sign_up in session_seats::store::sign_ups(connection, registration)? {
            if sign_up.state == "wished" {
                let seat = self.take_of_session(sign_up.session_id);
                sign_up.state = if seat { "confirmed" } else { "waitlisted" }.to_owned();
                session_seats::store::update_sign_up(connection, &sign_up)?;
            }
        }
        Ok(())
    }

    fn take_of_session(&mut self, session: SessionId) -> bool {
        let found = self.sessions.iter_mut().find(|standing| standing.id == session);
        match found.filter(|session| session.seats.is_none_or(|seats| session.seats_taken < seats)) {
            Some(session) => {
                session.seats_taken += 1;
                true
            }
            None => false,
        }
    }

    /// Signs a registration up for a session: a seat, or a place on the session's waiting list, once it is confirmed.
    pub fn sign_up(&mut self, registration: &Registration, session: SessionId) -> SignUp {
        let state = match registration.state {
            State::Confirmed if self.take_of_session(session) => "confirmed",
            State::Confirmed => "waitlisted",
            _ => "wished",
        };
        let sign_up = SignUp {
            registration_id: registration.id,
            session_id: session,
            state: state.to_owned(),
            arrival: self.next_arrival(),
            created_at: Instant(self.now),
        };
        self.new_sign_ups.push(sign_up.clone());
        sign_up
    }

    /// Takes a sign-up back; its seat goes to the next.
    ///
    /// # Errors
    /// The store fails.
    pub fn sign_off(&mut self, connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
        session_seats::store::delete_sign_up(connection, sign_up)?;
        if sign_up.state == "confirmed" {
            self.left.push((sign_up.registration_id, sign_up.session_id));
            if let Some(session) = self.sessions.iter_mut().find(|session| session.id == sign_up.session_id) {
                session.seats_taken -= 1;
            }
            self.has_freed = true;
        }
        Ok(())
    }

    /// Hands a sign-up over to another registration of the same person, with its seat or its place in the list.
    ///
    /// # Errors
    /// The store fails.
    pub fn hand_over(
        &mut self,
        connection: &mut Connection,
        sign_up: SignUp,
        to: &Registration,
    ) -> Result<(), DatabaseError> {
        session_seats::store::delete_sign_up(connection, &sign_up)?;
        let is_wish = sign_up.state == "wished" && to.state == State::Confirmed;
        let state = match is_wish {
            true if self.take_of_session(sign_up.session_id) => "confirmed".to_owned(),
            true => "waitlisted".to_owned(),
            false => sign_up.state.clone(),
        };
        self.new_sign_ups.push(SignUp { registration_id: to.id, state, ..sign_up });
        Ok(())
    }

    /// A registration leaves for good, with the state that it has now: what it held becomes free. `held_seat` is
    /// whether it held one.
    ///
    /// # Errors
    /// The store fails.
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
            for sign_up in session_seats::store::sign_ups(connection, registration.id)? {
                self.sign_off(connection, &sign_up)?;
            }
        }
        delegations::member_left(connection, registration.id)?;
        // What was written to many while they were among them is not for them any more.
        let folded = [registration.email.folded()];
        withdraw(connection, self.place.id, &folded, &LetterKind::OF_BROADCASTS)?;
        self.save(connection, registration)?;
        if let Some(invitation) = registration.invitation {
            self.settle(connection, invitation)?;
        }
        Ok(())
    }

    /// Seats that an invitation reserves and nobody can use any more become free.
    ///
    /// # Errors
    /// The store fails.
    pub fn settle(&mut self, connection: &mut Connection, invitation: InvitationId) -> Result<(), DatabaseError> {
        if let Some((category, seats)) = invitations::settle_reserved(connection, invitation)? {
            (0..seats).for_each(|_| self.free(category));
        }
        Ok(())
    }

    /// Writes a registration that was there before.
    ///
    /// # Errors
    /// The store fails; another live registration has its address.
    pub fn save(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
    ) -> Result<(), RegistrationError> {
        registration.updated_at = clock::following(self.now, Some(registration.updated_at));
        store::update(connection, registration)
    }

    /// A new registration, to be written when the ledger is closed.
    pub fn add(&mut self, registration: Registration) {
        self.new.push(registration);
    }

    /// A registration, new or not, joins a delegation.
    ///
    /// # Errors
    /// [`RegistrationError::DelegationFull`] where the delegation's quota is used up.
    pub fn join(
        &mut self,
        connection: &mut Connection,
        registration: RegistrationId,
        membership: Membership,
    ) -> Result<(), RegistrationError> {
        delegations::count_member(connection, membership.delegation)?;
        self.new_members.push((registration, membership));
        Ok(())
    }

    /// Notes what happened to a registration, which then is as given: its history gets a line, and its person the
    /// letter that the event causes.
    pub fn note(&mut self, registration: &Registration, event: Event, actor: &Actor, remark: Remark) {
        let note = Note { registration: registration.clone(), event, actor: actor.name().to_owned(), remark };
        self.notes.push(note);
    }

    /// Sends the link to a registration again; not more often than once in ten minutes, so that nobody can have an
    /// address flooded.
    ///
    /// # Errors
    /// The store fails.
    pub fn send_link(&mut self, connection: &mut Connection, registration: &Registration) -> Result<(), DatabaseError> {
        let since = self.now - LINK_PAUSE;
        let is_flood = |letter: &Letter| letter.kind == LetterKind::Link && letter.to == registration.email;
        if self.letters.iter().any(is_flood)
            || written_since(connection, self.place.id, &registration.email, LetterKind::Link, since)? > 0
        {
            return Ok(());
        }
        let category = self.category(registration.category)?;
        let sequence = self.sequence(connection, registration)?;
        let facts = letters::Facts { sequence, ..letters::Facts::default() };
        self.send(letters::letter(LetterKind::Link, self.released.agenda, category, registration, facts));
        Ok(())
    }

    /// Sends a letter that no event causes.
    pub fn send(&mut self, letter: Letter) {
        self.letters.push(letter);
    }

    /// Gives every free seat to whoever waits longest for one of its kind, over all waiting lists.
    fn fill(&mut self, connection: &mut Connection) -> Result<(), RegistrationError> {
        while self.standing.has_seat() {
            let mut first: Option<Registration> = None;
            for category in self.standing.categories.iter().filter(|category| category.has_seat()) {
                let waiting = store::first_waiting(connection, category.id)?;
                first = [first, waiting].into_iter().flatten().min_by_key(|registration| registration.arrival);
            }
            let Some(mut registration) = first else { break };
            if !self.take(registration.category) {
                break;
            }
            match self.category(registration.category)?.offer_hours {
                Some(hours) => {
                    registration.offer_expires_at = Some(self.now + TimeDelta::hours(hours.into()));
                    self.save(connection, &mut registration)?;
                    self.note(&registration, Event::Offered, &Actor::service(), Remark::default());
                }
                None => self.promote(connection, &mut registration, Event::Promoted, &Actor::service())?,
            }
        }
        self.fill_sessions(connection)
    }

    /// Confirms one who waited; the seat is taken already.
    ///
    /// # Errors
    /// It does not wait.
    pub fn promote(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
        event: Event,
        actor: &Actor,
    ) -> Result<(), RegistrationError> {
        registration.state = registration.state.promoted()?;
        registration.offer_expires_at = None;
        self.seat_in_sessions(connection, registration.id)?;
        self.save(connection, registration)?;
        self.note(registration, event, actor, Remark::default());
        Ok(())
    }

    fn fill_sessions(&mut self, connection: &mut Connection) -> Result<(), RegistrationError> {
        for index in 0..self.sessions.len() {
            self.shrink_to_release(index);
            while let Some(session) =
                self.sessions.get(index).filter(|session| session.seats.is_none_or(|seats| session.seats_taken < seats))
            {
                let Some(mut sign_up) = session_seats::store::first_waiting_for_session(connection, session.id)? else {
                    break;
                };
                self.take_of_session(sign_up.session_id);
                sign_up.state = "confirmed".to_owned();
                session_seats::store::update_sign_up(connection, &sign_up)?;
                let title = self.session_by_id(sign_up.session_id).map(|session| session.code.to_string());
                let remark = Remark { detail: detail("session", json!(title)), ..Remark::default() };
                for registration in store::of_ids(connection, &[sign_up.registration_id])? {
                    self.note(&registration, Event::Seated, &Actor::service(), remark.clone());
                }
            }
        }
        Ok(())
    }

    /// A session that had more seats taken than its release has seats gives none of the surplus anew. What the release
    /// has stands in the store: this process may not have heard of it yet.
    fn shrink_to_release(&mut self, index: usize) {
        if let Some(session) = self.sessions.get_mut(index)
            && let Some(released) = session.seats_released
        {
            session.seats = session.seats.map(|seats| seats.min(released.max(session.seats_taken)));
        }
    }

    /// Writes all that was noted, counts the seats, and answers the places on waiting lists of those who wait.
    ///
    /// # Errors
    /// The store fails, or the address of a new registration came live meanwhile: then the transaction must not commit.
    pub fn close(mut self, connection: &mut Connection) -> Result<HashMap<RegistrationId, i64>, RegistrationError> {
        if !self.new.is_empty() {
            store::insert(connection, &self.new)?;
            duplicates::flag(connection, self.place.id, &self.new, self.now)?;
        }
        delegations::join_all(connection, &self.new_members)?;
        session_seats::store::insert_sign_ups(connection, &std::mem::take(&mut self.new_sign_ups))?;
        if self.has_freed {
            self.fill(connection)?;
        }
        let positions = self.positions(connection)?;
        let mut notes = std::mem::take(&mut self.notes);
        let numbers = self.number(connection, &notes)?;
        self.count(connection)?;
        for note in &mut notes {
            if self.floods(connection, note)? {
                note.remark.silent = true;
                note.remark.detail.insert("without_letter".to_owned(), json!(true));
            }
        }
        let mut events = Vec::with_capacity(notes.len());
        let mut letters = std::mem::take(&mut self.letters);
        for (note, (sequence, at)) in notes.iter().zip(numbers) {
            let id = Id::new();
            letters.extend(self.letter(connection, note, id, &positions)?);
            let mut detail = note.remark.detail.clone();
            if let Some(reason) = &note.remark.reason {
                detail.insert("reason".to_owned(), json!(reason));
            }
            events.push(EventRow {
                id,
                conference_id: self.place.id,
                registration_id: note.registration.id,
                sequence,
                at: Instant(at),
                actor: note.actor.clone(),
                event: note.event.as_str(),
                state: note.registration.state.as_str(),
                detail: (!detail.is_empty()).then_some(JsonValue(Value::Object(detail))),
            });
        }
        store::record(connection, &events)?;
        enqueue_all(connection, &letters)?;
        Ok(positions)
    }

    /// The number and the instant of each event: numbers in the order in which they were noted, instants after those
    /// of the history before.
    fn number(
        &mut self,
        connection: &mut Connection,
        notes: &[Note],
    ) -> Result<Vec<(i64, DateTime<Utc>)>, DatabaseError> {
        let new: HashSet<RegistrationId> = self.new.iter().map(|registration| registration.id).collect();
        let old: Vec<_> = notes.iter().map(|note| note.registration.id).filter(|id| !new.contains(id)).collect();
        let mut latest = store::latest_instants(connection, &old)?;
        let mut numbers = Vec::with_capacity(notes.len());
        for note in notes {
            let last = latest.get(&note.registration.id).copied();
            let at = clock::following(self.now, last);
            latest.insert(note.registration.id, at);
            self.standing.last_event += 1;
            numbers.push((self.standing.last_event, at));
        }
        Ok(numbers)
    }

    /// Whether the attendee changed so much within the hour that no letter tells it any more.
    fn floods(&self, connection: &mut Connection, note: &Note) -> Result<bool, DatabaseError> {
        let kind = note.event.letter(note.registration.state);
        let Some(kind @ (LetterKind::Changed | LetterKind::Sessions)) = kind else { return Ok(false) };
        if note.actor != Actor::attendee().name() {
            return Ok(false);
        }
        let (since, to) = (self.now - TimeDelta::hours(1), &note.registration.email);
        Ok(written_since(connection, self.place.id, to, kind, since)? >= CHANGES_PER_HOUR)
    }

    fn count(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        setup::store::count_on(connection, self.place.id, &self.before, &self.standing)?;
        for (now, before) in self.standing.categories.iter().zip(&self.before.categories) {
            if now.seats_taken != before.seats_taken {
                setup::store::add_taken_of_category(connection, now.id, now.seats_taken - before.seats_taken)?;
            }
        }
        for (now, before) in self.sessions.iter().zip(&self.sessions_before) {
            if now.seats_taken != before.seats_taken {
                session_seats::store::add_taken_of_session(connection, now.id, now.seats_taken - before.seats_taken)?;
            }
            if now.seats != before.seats {
                let quota = (now.id, now.seats, now.seats_released);
                session_seats::store::save_session_quota(connection, self.place.id, quota, false)?;
            }
        }
        Ok(())
    }

    /// The places of those who wait and whom something is noted of. Who arrived in this transaction stands at the end
    /// of the list: one count tells the places of all of them.
    fn positions(&self, connection: &mut Connection) -> Result<HashMap<RegistrationId, i64>, DatabaseError> {
        let waits = |note: &&Note| note.registration.state == State::Waitlisted;
        let mut places: HashMap<RegistrationId, i64> = HashMap::new();
        let mut last_known: HashMap<CategoryId, (i64, i64)> = HashMap::new();
        let mut waiting: Vec<&Registration> = self.notes.iter().filter(waits).map(|note| &note.registration).collect();
        waiting.sort_by_key(|registration| registration.arrival);
        waiting.dedup_by_key(|registration| registration.id);
        for registration in waiting {
            let known = last_known.get(&registration.category);
            let is_new = registration.arrival > self.before.last_arrival;
            let place = match known.filter(|(arrival, _)| is_new && *arrival > self.before.last_arrival) {
                Some((_, place)) => place + 1,
                None => store::waiting_until(connection, registration.category, registration.arrival)?,
            };
            last_known.insert(registration.category, (registration.arrival, place));
            places.insert(registration.id, place.max(1));
        }
        Ok(places)
    }

    /// The revision of a registration's calendar entries (RFC 5545, 3.8.7.4): it grows with its history, and with
    /// releases, which may move its sessions.
    fn sequence(&self, connection: &mut Connection, registration: &Registration) -> Result<u32, DatabaseError> {
        if self.new.iter().any(|new| new.id == registration.id) {
            return Ok(0);
        }
        let release = self.released.number.unwrap_or(0).max(self.standing.sessions_release);
        let events = store::count_events(connection, registration.id)?;
        Ok(u32::try_from(events + i64::from(release)).unwrap_or(u32::MAX))
    }

    fn letter(
        &self,
        connection: &mut Connection,
        note: &Note,
        event: crate::ids::RegistrationEventId,
        positions: &HashMap<RegistrationId, i64>,
    ) -> Result<Option<Letter>, DatabaseError> {
        let registration = &note.registration;
        let kind = note.event.letter(registration.state).filter(|_| !note.remark.silent);
        let Some(kind) = kind else { return Ok(None) };
        let sign_ups = match registration.state {
            State::Confirmed if !self.sessions.is_empty() => {
                session_seats::store::sign_ups(connection, registration.id)?
            }
            _ => Vec::new(),
        };
        let sessions = sign_ups.iter().filter_map(|sign_up| {
            self.session_by_id(sign_up.session_id).map(|session| (session, sign_up.state == "waitlisted"))
        });
        let left = self.left.iter().filter(|(of, _)| *of == registration.id);
        let facts = letters::Facts {
            left: left.filter_map(|(_, session)| self.session_by_id(*session)).collect(),
            sequence: self.sequence(connection, registration)?,
            position: positions.get(&registration.id).copied(),
            held_seat: note.remark.held_seat,
            reason: note.remark.reason.clone(),
            deadline: registration.expires_at.or(registration.offer_expires_at),
            sessions: sessions.collect(),
            event: Some(event),
        };
        let category = self.category(registration.category)?;
        Ok(Some(letters::letter(kind, self.released.agenda, category, registration, facts)))
    }
}

/// A detail of one key.
pub fn detail(key: &str, value: Value) -> serde_json::Map<String, Value> {
    serde_json::Map::from_iter([(key.to_owned(), value)])
}

fn seats_of(session: &Session) -> Option<i64> {
    session.seats.map(|Count(seats)| i64::from(seats))
}

/// Whether two sessions are on at once.
pub fn overlap(one: &Session, other: &Session) -> bool {
    utc(one.starts_at) < utc(other.ends_at) && utc(other.starts_at) < utc(one.ends_at)
}
