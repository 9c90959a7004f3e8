//! What a scanner takes along that is not connected: everyone who is confirmed, then what has changed since.

use super::{
    badges::{self, BadgeFacts},
    store,
};
use crate::{
    access::authorise,
    database::Connection,
    faults::{Fault, Faults},
    http::paging::Page,
    ids::{RegistrationId, SessionId},
    registration::{RegistrationError, actions::Errand, setup, store as registrations},
};

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
    /// What to ask with next time for what has changed since: the number of the latest event that is known now.
    pub sync: i64,
}

/// The number that a `sync` stands for. One of a version whose syncs were UUIDs stands for the beginning: whoever is
/// told twice is told the same.
///
/// # Errors
/// It comes from no roster.
pub fn sync_of(text: &str) -> Result<i64, Faults> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    let known = number.or_else(|| uuid::Uuid::parse_str(text).ok().map(|_| 0));
    known.ok_or_else(|| Faults(vec![Fault::at("?since", "invalid_sync", "must come from the roster before")]))
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
    since: Option<i64>,
    page: &Page,
) -> Result<Roster, RegistrationError> {
    let place = errand.place;
    authorise(connection, errand.credentials, "read_check_in_roster", Some(place.id))?;
    // Read before the people: what happens meanwhile is told next time.
    let latest = setup::store::last_event(connection, place.id)?;
    match since {
        None => {
            let (arrival, sync) = match &page.after {
                None => (0, latest),
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
            // A store that was set back to a copy knows less than the scanner: then everything is told.
            let from = page.key()?.unwrap_or(if since > latest { 0 } else { since });
            let mut events = store::changed_after(connection, place.id, from, page.rows())?;
            let has_more = events.len() > page.limit;
            events.truncate(page.limit);
            let sync = events.last().map_or(from, |(event, _)| *event);
            let mut ids: Vec<RegistrationId> = events.into_iter().map(|(_, registration)| registration).collect();
            ids.sort();
            ids.dedup();
            let (people, _) = people(connection, errand, &ids)?;
            Ok(Roster { people, next: has_more.then(|| sync.to_string()), sync })
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
