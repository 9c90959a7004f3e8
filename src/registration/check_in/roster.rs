//! What a scanner takes along that is not connected: everyone who is confirmed, then what has changed since.

use chrono::TimeDelta;

use super::{
    badges::{self, BadgeFacts},
    store,
};
use crate::{
    access::authorise,
    clock,
    database::Connection,
    faults::{Fault, Faults},
    http::paging::Page,
    ids::{Id, RegistrationEventId, RegistrationId, SessionId},
    registration::{RegistrationError, actions::Errand, store as registrations},
};

/// How far back a sync looks before the last one: clocks of several machines differ, and what they wrote meanwhile must
/// not be missed. Whoever is told twice is told the same.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);

/// One person of a roster.
pub struct Listed {
    /// What stands on the badge.
    pub facts: BadgeFacts,
    /// The sessions in which they have a seat.
    pub sessions: Vec<SessionId>,
}

/// A page of a roster.
pub struct Roster {
    /// The people of it.
    pub people: Vec<Listed>,
    /// The key of the next page, if there is one.
    pub next: Option<String>,
    /// What to ask with next time for what has changed since.
    pub sync: RegistrationEventId,
}

/// An event's id of the time before which everything is known.
fn horizon(of: RegistrationEventId) -> RegistrationEventId {
    let bytes = of.uuid().into_bytes();
    let milliseconds = bytes.iter().take(6).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let overlap = u64::try_from(OVERLAP.num_milliseconds()).unwrap_or_default();
    let mut earlier = [0; 16];
    let stamp = milliseconds.saturating_sub(overlap).to_be_bytes();
    earlier.iter_mut().zip(stamp.into_iter().skip(2)).for_each(|(slot, byte)| *slot = byte);
    Id::from_uuid(uuid::Uuid::from_bytes(earlier))
}

/// The id that an event at this moment would have.
fn now() -> RegistrationEventId {
    let mut bytes = [0; 16];
    let stamp = clock::now().timestamp_millis().to_be_bytes();
    bytes.iter_mut().zip(stamp.into_iter().skip(2)).for_each(|(slot, byte)| *slot = byte);
    Id::from_uuid(uuid::Uuid::from_bytes(bytes))
}

fn invalid_cursor() -> RegistrationError {
    let detail = "must come from the page before";
    RegistrationError::Invalid(Faults(vec![Fault::at("?cursor", "invalid_cursor", detail)]))
}

/// A page of everyone who is confirmed, or (`since`) of everyone to whom something happened since, whatever they are
/// now.
///
/// # Errors
/// Whoever asks may not; a cursor that no page gave.
pub fn read(
    connection: &mut Connection,
    errand: Errand<'_>,
    since: Option<RegistrationEventId>,
    page: &Page,
) -> Result<Roster, RegistrationError> {
    let place = errand.place;
    authorise(connection, errand.credentials, "read_check_in_roster", Some(place.id))?;
    match since {
        None => {
            let (arrival, sync) = match &page.after {
                None => (0, now()),
                Some(key) => {
                    let (arrival, sync) = key.split_once(' ').ok_or_else(invalid_cursor)?;
                    let arrival = arrival.parse().map_err(|_| invalid_cursor())?;
                    (arrival, sync.parse().map_err(|_| invalid_cursor())?)
                }
            };
            let mut ids = store::confirmed_after(connection, place.id, arrival, page.rows())?;
            let has_more = ids.len() > page.limit;
            ids.truncate(page.limit);
            let (people, last) = people(connection, errand, &ids)?;
            Ok(Roster { people, next: has_more.then(|| format!("{last} {sync}")), sync })
        }
        Some(since) => {
            let after = page.key::<RegistrationEventId>()?;
            let from = after.unwrap_or_else(|| horizon(since));
            let mut events = store::changed_after(connection, place.id, from, page.rows())?;
            let has_more = events.len() > page.limit;
            events.truncate(page.limit);
            let last = events.last().map(|(event, _)| *event);
            let mut ids: Vec<RegistrationId> = events.into_iter().map(|(_, registration)| registration).collect();
            ids.sort();
            ids.dedup();
            let (people, _) = people(connection, errand, &ids)?;
            let sync = last.filter(|_| has_more).unwrap_or_else(now);
            Ok(Roster { people, next: last.filter(|_| has_more).map(|last| last.to_string()), sync })
        }
    }
}

/// The people of these ids, in the order in which they registered, and the place of the last.
fn people(
    connection: &mut Connection,
    errand: Errand<'_>,
    ids: &[RegistrationId],
) -> Result<(Vec<Listed>, i64), RegistrationError> {
    let found = registrations::of_ids(connection, ids)?;
    let mut facts = badges::facts(connection, errand.place, found.iter())?;
    let seats = store::seats(connection, ids)?;
    let last = found.last().map_or(0, |registration| registration.arrival);
    let person = |registration: &crate::registration::model::Registration| {
        let mut sessions: Vec<_> =
            seats.iter().filter(|(of, _)| *of == registration.id).map(|(_, session)| *session).collect();
        sessions.sort();
        facts.remove(&registration.id).map(|facts| Listed { facts, sessions })
    };
    Ok((found.iter().filter_map(person).collect(), last))
}
