//! Sign-ups for sessions: seats of a session, its waiting list, and the quotas of a newer release.

use serde_json::json;

use super::{
    RegistrationError,
    model::{Event, Registration, RegistrationStatus},
    pending_event::{EventDetails, detail},
    rows::{self},
    seat_transaction::SeatTransaction,
    session_seats::{self, SessionQuota, SignUp},
};
use crate::{
    access::Actor,
    agenda::{
        document::{Session, SessionAccess},
        model::utc,
    },
    database::{Connection, DatabaseError, types::DbInstant},
    ids::{RegistrationId, SessionId},
    registration::session_seats::SignUpState,
    values::{Code, Count},
};

impl<'a> SeatTransaction<'a> {
    /// Takes the seats of sessions from a newer release. A session that no longer needs sign-up keeps its sign-ups: it
    /// may come back.
    pub(super) fn follow_release(&mut self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let Some(number) = self.released.number.filter(|number| *number > self.setup_state.sessions_release) else {
            return Ok(());
        };
        for session in self.released.agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp) {
            let Some(id) = session.id else { continue };
            let wanted = seats_of(session);
            match self.sessions.iter_mut().find(|known| known.id == id) {
                Some(known) => {
                    let seats = wanted.map(|seats| seats.max(known.seats_taken));
                    if seats != known.seats || wanted != known.seats_released {
                        session_seats::save_session_quota(connection, self.place.id, id, seats, wanted, false)?;
                        (known.seats, known.seats_released) = (seats, wanted);
                        self.has_freed = true;
                    }
                }
                None => {
                    session_seats::save_session_quota(connection, self.place.id, id, wanted, wanted, true)?;
                    self.sessions.push(SessionQuota {
                        id,
                        seats: wanted,
                        seats_taken: 0,
                        seats_released: wanted,
                        slot: None,
                    });
                }
            }
        }
        super::session_notices::announce_moved_sessions(
            connection,
            self.place,
            self.released.agenda,
            number,
            &mut self.sessions,
        )?;
        self.sessions_before = self.sessions.clone();
        self.setup_state.sessions_release = number;
        session_seats::set_sessions_release(connection, self.place.id, number)
    }

    /// The session with this code, if it needs sign-up.
    pub fn session(&self, code: &Code) -> Option<&'a Session> {
        let sessions = self.released.agenda.sessions.iter();
        sessions.filter(|session| session.access == SessionAccess::SignUp).find(|session| session.code == *code)
    }

    pub(super) fn session_by_id(&self, id: SessionId) -> Option<&'a Session> {
        self.released.agenda.sessions.iter().find(|session| session.id == Some(id))
    }

    /// Gives a registration that was just confirmed the seats in the sessions that it has chosen.
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
                let state = SignUpState::of_seat(self.take_of_session(session));
                if let Some(sign_up) = self.new_sign_ups.get_mut(index) {
                    sign_up.state = state;
                }
            }
        }
        for mut sign_up in session_seats::sign_ups(connection, registration)? {
            if sign_up.state == SignUpState::Wished {
                sign_up.state = SignUpState::of_seat(self.take_of_session(sign_up.session_id));
                session_seats::update_sign_up(connection, &sign_up)?;
            }
        }
        Ok(())
    }

    pub(super) fn take_of_session(&mut self, session: SessionId) -> bool {
        let found = self.sessions.iter_mut().find(|setup_state| setup_state.id == session);
        match found.filter(|session| session.seats.is_none_or(|seats| session.seats_taken < seats)) {
            Some(session) => {
                session.seats_taken += 1;
                true
            }
            None => false,
        }
    }

    /// Signs a registration up for a session. A confirmed registration gets a seat or a place on the session's waiting
    /// list at once, any other when it is confirmed.
    pub fn sign_up(&mut self, registration: &Registration, session: SessionId) -> SignUp {
        let state = match registration.state {
            RegistrationStatus::Confirmed => SignUpState::of_seat(self.take_of_session(session)),
            _ => SignUpState::Wished,
        };
        let sign_up = SignUp {
            registration_id: registration.id,
            session_id: session,
            state,
            arrival: self.next_arrival(),
            created_at: DbInstant(self.now),
        };
        self.new_sign_ups.push(sign_up.clone());
        sign_up
    }

    /// Withdraws a sign-up; its seat goes to the next on the session's waiting list.
    pub fn sign_off(&mut self, connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
        session_seats::delete_sign_up(connection, sign_up)?;
        if sign_up.state == SignUpState::Confirmed {
            self.left.push((sign_up.registration_id, sign_up.session_id));
            if let Some(session) = self.sessions.iter_mut().find(|session| session.id == sign_up.session_id) {
                session.seats_taken -= 1;
            }
            self.has_freed = true;
        }
        Ok(())
    }

    /// Moves a sign-up to another registration of the same person, with its seat or its place on the session's waiting
    /// list.
    pub fn hand_over(
        &mut self,
        connection: &mut Connection,
        sign_up: SignUp,
        to: &Registration,
    ) -> Result<(), DatabaseError> {
        session_seats::delete_sign_up(connection, &sign_up)?;
        let is_wish = sign_up.state == SignUpState::Wished && to.state == RegistrationStatus::Confirmed;
        let state = match is_wish {
            true => SignUpState::of_seat(self.take_of_session(sign_up.session_id)),
            false => sign_up.state,
        };
        self.new_sign_ups.push(SignUp { registration_id: to.id, state, ..sign_up });
        Ok(())
    }

    pub(super) fn fill_sessions(&mut self, connection: &mut Connection) -> Result<(), RegistrationError> {
        for index in 0..self.sessions.len() {
            self.shrink_to_release(index);
            while let Some(session) =
                self.sessions.get(index).filter(|session| session.seats.is_none_or(|seats| session.seats_taken < seats))
            {
                let Some(mut sign_up) = session_seats::first_waiting_for_session(connection, session.id)? else {
                    break;
                };
                self.take_of_session(sign_up.session_id);
                sign_up.state = SignUpState::Confirmed;
                session_seats::update_sign_up(connection, &sign_up)?;
                let title = self.session_by_id(sign_up.session_id).map(|session| session.code.to_string());
                let details = EventDetails { detail: detail("session", json!(title)), ..EventDetails::default() };
                for registration in rows::of_ids(connection, &[sign_up.registration_id])? {
                    self.record_event(&registration, Event::Seated, &Actor::service(), details.clone());
                }
            }
        }
        Ok(())
    }

    /// If more seats of a session are taken than its release has, seats that become free are not given again until the
    /// release's number is reached. That number comes from the store: this process may not know the release yet.
    pub(super) fn shrink_to_release(&mut self, index: usize) {
        if let Some(session) = self.sessions.get_mut(index)
            && let Some(released) = session.seats_released
        {
            session.seats = session.seats.map(|seats| seats.min(released.max(session.seats_taken)));
        }
    }
}

fn seats_of(session: &Session) -> Option<i64> {
    session.seats.map(|Count(seats)| i64::from(seats))
}

pub fn overlap(one: &Session, other: &Session) -> bool {
    utc(one.starts_at) < utc(other.ends_at) && utc(other.starts_at) < utc(one.ends_at)
}
