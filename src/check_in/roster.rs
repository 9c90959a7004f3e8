//! The roster for offline scanners: all confirmed registrations, then those that changed since.

use super::{
    badges::{self, BadgeData},
    store,
};
use crate::{
    access::{Operation, authorise},
    database::Connection,
    http::paging::Page,
    ids::{RegistrationId, SessionId},
    registration::{RegistrationError, context::RequestContext, model::Registration, rows, setup},
    validation::{ValidationError, ValidationErrors},
};

pub struct RosterRow {
    pub badge: BadgeData,
    /// Sessions with sign-up in which the person has a seat.
    pub sessions: Vec<SessionId>,
}

pub struct Roster {
    pub people: Vec<RosterRow>,
    /// Key of the next page.
    pub next: Option<String>,
    /// Number of the latest event that the roster includes: the `since` of the next synchronisation.
    pub sync: i64,
}

/// The event number of a `since`. Older versions answered UUIDs: such a value counts as 0, so the scanner gets everyone
/// again.
///
/// # Errors
/// The text is neither a number nor a UUID.
pub fn parse_since(text: &str) -> Result<i64, ValidationErrors> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    let event = number.or_else(|| uuid::Uuid::parse_str(text).ok().map(|_| 0));
    event.ok_or_else(|| {
        ValidationErrors(vec![ValidationError::at("?since", "invalid_sync", "must be the sync of an earlier answer")])
    })
}

fn invalid_cursor() -> RegistrationError {
    let detail = "must come from the page before";
    RegistrationError::Invalid(ValidationErrors(vec![ValidationError::at("?cursor", "invalid_cursor", detail)]))
}

/// A page of all confirmed registrations or, with `since`, of all registrations with a later event, whatever their
/// status is now.
///
/// # Errors
/// The caller has no permission; the cursor comes from no page.
pub fn read(
    connection: &mut Connection,
    context: RequestContext<'_>,
    since: Option<i64>,
    page: &Page,
) -> Result<Roster, RegistrationError> {
    let conference = context.conference;
    authorise(connection, context.credentials, Operation::ReadCheckInRoster, Some(conference.id))?;
    // Read before the people: the next synchronisation includes what happens meanwhile.
    let latest = setup::state::last_event(connection, conference.id)?;
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
            let mut ids = store::confirmed_after(connection, conference.id, arrival, page.rows())?;
            let has_more = ids.len() > page.limit;
            ids.truncate(page.limit);
            let (people, last) = people(connection, context, &ids)?;
            Ok(Roster { people, next: has_more.then(|| format!("{last} {sync}")), sync })
        }
        Some(since) => {
            // A store restored from a backup may have fewer events than the scanner saw: then it sends everyone.
            let from = page.key()?.unwrap_or(if since > latest { 0 } else { since });
            let mut events = store::changed_after(connection, conference.id, from, page.rows())?;
            let has_more = events.len() > page.limit;
            events.truncate(page.limit);
            let sync = events.last().map_or(from, |(event, _)| *event);
            let mut ids: Vec<RegistrationId> = events.into_iter().map(|(_, registration)| registration).collect();
            ids.sort();
            ids.dedup();
            let (people, _) = people(connection, context, &ids)?;
            Ok(Roster { people, next: has_more.then(|| sync.to_string()), sync })
        }
    }
}

/// The people with these ids, in the order of registration, and the arrival number of the last one.
fn people(
    connection: &mut Connection,
    context: RequestContext<'_>,
    ids: &[RegistrationId],
) -> Result<(Vec<RosterRow>, i64), RegistrationError> {
    let registrations = rows::of_ids(connection, ids)?;
    let mut badges = badges::badge_data(connection, context.conference, registrations.iter())?;
    let seats = store::seats(connection, ids)?;
    let last = registrations.last().map_or(0, |registration| registration.arrival);
    let row = |registration: &Registration| {
        let mut sessions: Vec<_> =
            seats.iter().filter(|(id, _)| *id == registration.id).map(|(_, session)| *session).collect();
        sessions.sort();
        badges.remove(&registration.id).map(|badge| RosterRow { badge, sessions })
    };
    Ok((registrations.iter().filter_map(row).collect(), last))
}
