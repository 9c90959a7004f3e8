//! The waiting list: who gets a seat that is free, and the position of each person who waits.

use std::collections::HashMap;

use super::{
    RegistrationError,
    model::{Event, Registration, RegistrationStatus},
    pending_event::EventDetails,
    rows,
    seat_transaction::SeatTransaction,
};
use crate::{
    access::Actor,
    database::{Connection, DatabaseError},
    ids::{CategoryId, RegistrationId},
};

impl SeatTransaction<'_> {
    /// Gives every free seat to the registration that has waited longest for one of its kind, over all waiting lists;
    /// none when the conference is over.
    pub(super) fn fill_free_seats(&mut self, connection: &mut Connection) -> Result<(), RegistrationError> {
        if self.is_over() {
            return Ok(());
        }
        while self.setup_state.has_free_seat() {
            let mut first: Option<Registration> = None;
            for category in self.setup_state.categories.iter().filter(|category| category.has_free_seat()) {
                let waiting = rows::first_waiting(connection, category.id)?;
                first = [first, waiting].into_iter().flatten().min_by_key(|registration| registration.arrival);
            }
            let Some(mut registration) = first else { break };
            if !self.take_seat(registration.category) {
                break;
            }
            match self.category(registration.category)?.offer_hours {
                Some(hours) => {
                    registration.offer_expires_at = Some(self.deadline_in(hours));
                    self.save(connection, &mut registration)?;
                    self.record_event(&registration, Event::Offered, &Actor::service(), EventDetails::default());
                }
                None => self.promote(connection, &mut registration, Event::Promoted, &Actor::service())?,
            }
        }
        self.fill_session_seats(connection)
    }

    /// Withdraws an offer that was not accepted in time: its seat is free, and the registration is the last to wait.
    pub(super) fn withdraw_offer(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
    ) -> Result<(), RegistrationError> {
        registration.offer_expires_at = None;
        registration.arrival = self.next_arrival();
        self.free_seat(registration.category);
        self.save(connection, registration)?;
        self.record_event(registration, Event::Lapsed, &Actor::service(), EventDetails::default());
        Ok(())
    }

    /// Confirms a registration on the waiting list; the caller has taken the seat.
    ///
    /// # Errors
    /// [`RegistrationError::WrongState`] if it is not on the waiting list.
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
        self.record_event(registration, event, actor, EventDetails::default());
        Ok(())
    }

    /// The positions on waiting lists of the registrations with an event in this transaction. New arrivals are at the
    /// end of their list, so that one count gives the positions of all of them.
    pub(super) fn waiting_positions(
        &self,
        connection: &mut Connection,
    ) -> Result<HashMap<RegistrationId, i64>, DatabaseError> {
        let is_waiting = |registration: &&Registration| registration.state == RegistrationStatus::Waitlisted;
        let mut positions: HashMap<RegistrationId, i64> = HashMap::new();
        // The arrival number and the position of the last registration of each category.
        let mut previous: HashMap<CategoryId, (i64, i64)> = HashMap::new();
        let with_event = self.pending_events.iter().map(|pending| &pending.registration);
        let mut waiting: Vec<&Registration> = with_event.filter(is_waiting).collect();
        waiting.sort_by_key(|registration| registration.arrival);
        waiting.dedup_by_key(|registration| registration.id);
        for registration in waiting {
            let is_new = |arrival: i64| arrival > self.setup_before.last_arrival;
            let predecessor = previous.get(&registration.category);
            let position = match predecessor.filter(|(arrival, _)| is_new(registration.arrival) && is_new(*arrival)) {
                Some((_, position)) => position + 1,
                None => rows::count_waiting_until(connection, registration.category, registration.arrival)?,
            };
            previous.insert(registration.category, (registration.arrival, position));
            positions.insert(registration.id, position.max(1));
        }
        Ok(positions)
    }
}
