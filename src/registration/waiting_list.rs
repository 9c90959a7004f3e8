//! The waiting list: who gets a seat that is free, and the place of each person who waits.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::{
    RegistrationError,
    model::{Event, Registration, RegistrationStatus},
    pending_event::{EventDetails, PendingEvent},
    rows::{self},
    seat_transaction::SeatTransaction,
};
use crate::{
    access::Actor,
    database::{Connection, DatabaseError},
    ids::{CategoryId, RegistrationId},
};

impl SeatTransaction<'_> {
    /// Gives every free seat to the registration that has waited longest for one of its kind, over all waiting lists.
    pub(super) fn fill(&mut self, connection: &mut Connection) -> Result<(), RegistrationError> {
        while self.setup_state.has_seat() {
            let mut first: Option<Registration> = None;
            for category in self.setup_state.categories.iter().filter(|category| category.has_seat()) {
                let waiting = rows::first_waiting(connection, category.id)?;
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
                    self.record_event(&registration, Event::Offered, &Actor::service(), EventDetails::default());
                }
                None => self.promote(connection, &mut registration, Event::Promoted, &Actor::service())?,
            }
        }
        self.fill_sessions(connection)
    }

    /// Withdraws an offer that was not accepted in time: its seat is free, and the registration is the last to wait.
    pub(super) fn lapse(
        &mut self,
        connection: &mut Connection,
        registration: &mut Registration,
    ) -> Result<(), RegistrationError> {
        registration.offer_expires_at = None;
        registration.arrival = self.next_arrival();
        self.free(registration.category);
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

    /// The places on waiting lists of the registrations with an event in this transaction. New arrivals are at the end
    /// of their list, so that one count gives the places of all of them.
    pub(super) fn positions(&self, connection: &mut Connection) -> Result<HashMap<RegistrationId, i64>, DatabaseError> {
        let waits = |note: &&PendingEvent| note.registration.state == RegistrationStatus::Waitlisted;
        let mut places: HashMap<RegistrationId, i64> = HashMap::new();
        let mut last_known: HashMap<CategoryId, (i64, i64)> = HashMap::new();
        let mut waiting: Vec<&Registration> = self.events.iter().filter(waits).map(|note| &note.registration).collect();
        waiting.sort_by_key(|registration| registration.arrival);
        waiting.dedup_by_key(|registration| registration.id);
        for registration in waiting {
            let known = last_known.get(&registration.category);
            let is_new = registration.arrival > self.before.last_arrival;
            let place = match known.filter(|(arrival, _)| is_new && *arrival > self.before.last_arrival) {
                Some((_, place)) => place + 1,
                None => rows::waiting_until(connection, registration.category, registration.arrival)?,
            };
            last_known.insert(registration.category, (registration.arrival, place));
            places.insert(registration.id, place.max(1));
        }
        Ok(places)
    }
}
