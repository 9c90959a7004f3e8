//! Sign-ups for sessions: seats of a session, its waiting list, and the quotas of a newer release.

use serde_json::json;

use super::{
    RegistrationError,
    model::{Event, Registration, RegistrationStatus},
    pending_event::{EventDetails, single_detail},
    rows,
    seat_transaction::SeatTransaction,
    session_notices,
    session_seats::{self, SessionQuota, SignUp, SignUpState},
};
use crate::{
    access::Actor,
    agenda::{
        document::{Session, SessionAccess},
        model::utc,
    },
    database::{Connection, DatabaseError, types::DbInstant},
    ids::{RegistrationId, SessionId},
    values::{Code, Count},
};

impl<'a> SeatTransaction<'a> {
    /// Takes the seats of sessions from a newer release. A session that no longer needs sign-up keeps its sign-ups: it
    /// may come back.
    pub(super) fn apply_released_quotas(&mut self, connection: &mut Connection) -> Result<(), DatabaseError> {
        let Some(number) = self.released.number.filter(|number| *number > self.setup_state.sessions_release) else {
            return Ok(());
        };
        for session in self.released.agenda.sessions.iter().filter(|session| session.access == SessionAccess::SignUp) {
            let Some(id) = session.id else { continue };
            let seats_released = seats_of(session);
            match self.session_quotas.iter_mut().find(|quota| quota.id == id) {
                Some(quota) => {
                    let seats = seats_released.map(|seats| seats.max(quota.seats_taken));
                    if seats != quota.seats || seats_released != quota.seats_released {
                        (quota.seats, quota.seats_released) = (seats, seats_released);
                        session_seats::save_session_quota(connection, quota)?;
                        self.may_have_free_seats = true;
                    }
                }
                None => {
                    let quota = SessionQuota {
                        id,
                        seats: seats_released,
                        seats_taken: 0,
                        seats_released,
                        announced_slot: None,
                    };
                    session_seats::insert_session_quota(connection, self.conference.id, &quota)?;
                    self.session_quotas.push(quota);
                }
            }
        }
        let (open_after_end, now) = (self.setup_state.open_after_end, self.now);
        session_notices::announce_moved_sessions(
            connection,
            self.conference,
            self.released.agenda,
            number,
            &mut self.session_quotas,
            |ended_at| !open_after_end && ended_at <= now,
        )?;
        self.session_quotas_before = self.session_quotas.clone();
        self.setup_state.sessions_release = number;
        session_seats::set_sessions_release(connection, self.conference.id, number)
    }

    /// The session with this code, if it needs sign-up.
    pub fn sign_up_session(&self, code: &Code) -> Option<&'a Session> {
        let sessions = self.released.agenda.sessions.iter();
        sessions.filter(|session| session.access == SessionAccess::SignUp).find(|session| session.code == *code)
    }

    /// Whether the session has ended; see [`SetupState::is_session_over`].
    ///
    /// [`SetupState::is_session_over`]: super::setup::state::SetupState::is_session_over
    pub(super) fn is_session_over(&self, id: SessionId) -> bool {
        let session = self.session_by_id(id);
        session.is_some_and(|session| self.setup_state.is_session_over(session, self.now))
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
        if self.session_quotas.is_empty() {
            return Ok(());
        }
        for index in 0..self.new_sign_ups.len() {
            let own = self.new_sign_ups.get(index).filter(|sign_up| sign_up.registration_id == registration);
            if let Some(session) = own.map(|sign_up| sign_up.session_id) {
                let state = SignUpState::of_seat(self.take_session_seat(session));
                if let Some(sign_up) = self.new_sign_ups.get_mut(index) {
                    sign_up.state = state;
                }
            }
        }
        for mut sign_up in session_seats::sign_ups(connection, registration)? {
            if sign_up.state == SignUpState::Wished {
                sign_up.state = SignUpState::of_seat(self.take_session_seat(sign_up.session_id));
                session_seats::update_sign_up(connection, &sign_up)?;
            }
        }
        Ok(())
    }

    /// Takes a seat of a session; `false` if it has none.
    pub(super) fn take_session_seat(&mut self, session: SessionId) -> bool {
        let quota = self.session_quotas.iter_mut().find(|quota| quota.id == session);
        match quota.filter(|quota| quota.has_free_seat()) {
            Some(quota) => {
                quota.seats_taken += 1;
                true
            }
            None => false,
        }
    }

    /// Signs a registration up for a session. A confirmed registration gets a seat or a place on the session's waiting
    /// list at once, any other when it is confirmed.
    pub fn sign_up(&mut self, registration: &Registration, session: SessionId) -> SignUp {
        let state = match registration.state {
            RegistrationStatus::Confirmed => SignUpState::of_seat(self.take_session_seat(session)),
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
    pub fn withdraw_sign_up(&mut self, connection: &mut Connection, sign_up: &SignUp) -> Result<(), DatabaseError> {
        session_seats::delete_sign_up(connection, sign_up)?;
        if sign_up.state == SignUpState::Confirmed {
            self.left_sessions.push((sign_up.registration_id, sign_up.session_id));
            if let Some(quota) = self.session_quotas.iter_mut().find(|quota| quota.id == sign_up.session_id) {
                quota.seats_taken -= 1;
            }
            self.may_have_free_seats = true;
        }
        Ok(())
    }

    /// Moves a sign-up to another registration of the same person, with its seat or its place on the session's waiting
    /// list.
    pub fn move_sign_up(
        &mut self,
        connection: &mut Connection,
        sign_up: SignUp,
        to: &Registration,
    ) -> Result<(), DatabaseError> {
        session_seats::delete_sign_up(connection, &sign_up)?;
        let needs_seat = sign_up.state == SignUpState::Wished && to.state == RegistrationStatus::Confirmed;
        let state = match needs_seat {
            true => SignUpState::of_seat(self.take_session_seat(sign_up.session_id)),
            false => sign_up.state,
        };
        self.new_sign_ups.push(SignUp { registration_id: to.id, state, ..sign_up });
        Ok(())
    }

    /// Gives every free seat of a session to the first on its waiting list.
    pub(super) fn fill_session_seats(&mut self, connection: &mut Connection) -> Result<(), RegistrationError> {
        for index in 0..self.session_quotas.len() {
            self.shrink_quota_to_release(index);
            if self.session_quotas.get(index).is_some_and(|quota| self.is_session_over(quota.id)) {
                continue;
            }
            while let Some(quota) = self.session_quotas.get(index).filter(|quota| quota.has_free_seat()) {
                let Some(mut sign_up) = session_seats::first_waiting_for_session(connection, quota.id)? else {
                    break;
                };
                self.take_session_seat(sign_up.session_id);
                sign_up.state = SignUpState::Confirmed;
                session_seats::update_sign_up(connection, &sign_up)?;
                let code = self.session_by_id(sign_up.session_id).map(|session| session.code.to_string());
                let details = EventDetails { detail: single_detail("session", json!(code)), ..EventDetails::default() };
                for registration in rows::of_ids(connection, &[sign_up.registration_id])? {
                    self.record_event(&registration, Event::Seated, &Actor::service(), details.clone());
                }
            }
        }
        Ok(())
    }

    /// If more seats of a session are taken than its release has, seats that become free are not given again until the
    /// release's number is reached. That number comes from the store: this process may not know the release yet.
    pub(super) fn shrink_quota_to_release(&mut self, index: usize) {
        if let Some(quota) = self.session_quotas.get_mut(index)
            && let Some(released) = quota.seats_released
        {
            quota.seats = quota.seats.map(|seats| seats.min(released.max(quota.seats_taken)));
        }
    }
}

fn seats_of(session: &Session) -> Option<i64> {
    session.seats.map(|Count(seats)| i64::from(seats))
}

/// Whether two sessions are on at the same time.
pub fn do_overlap(one: &Session, other: &Session) -> bool {
    utc(one.starts_at) < utc(other.ends_at) && utc(other.starts_at) < utc(one.ends_at)
}
