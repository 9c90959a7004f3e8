//! The rows of notes, and decisions as histories have them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::{registration_events, registration_notes, registrations},
        types::{Instant, JsonValue},
    },
    ids::{ConferenceId, Id, NoteId, RegistrationId},
    registration::model::{Event, State},
};

/// What a registrar noted.
#[derive(Debug, Queryable)]
pub struct Note {
    pub id: NoteId,
    pub at: Instant,
    pub author: String,
    pub text: String,
}

/// Writes a note, later than those before.
pub fn add_note(
    connection: &mut Connection,
    registration: RegistrationId,
    author: &str,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Note, DatabaseError> {
    let last = notes(connection, registration)?.last().map(|note| note.at.0);
    let at = Instant(clock::following(now, last));
    let note = Note { id: Id::new(), at, author: author.to_owned(), text: text.to_owned() };
    diesel::insert_into(registration_notes::table)
        .values((
            registration_notes::id.eq(note.id),
            registration_notes::registration_id.eq(registration),
            registration_notes::at.eq(note.at),
            registration_notes::author.eq(&note.author),
            registration_notes::text.eq(&note.text),
        ))
        .execute(connection)?;
    Ok(note)
}

/// The notes about a registration, the oldest first.
pub fn notes(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<Note>, DatabaseError> {
    Ok(registration_notes::table
        .filter(registration_notes::registration_id.eq(registration))
        .order((registration_notes::at, registration_notes::id))
        .select((registration_notes::id, registration_notes::at, registration_notes::author, registration_notes::text))
        .load(connection)?)
}

/// A decision as the history of its registration has it.
#[derive(Debug, Queryable)]
pub struct Decision {
    /// Its place among all events of the conference.
    pub sequence: i64,
    pub at: Instant,
    pub actor: String,
    pub event: String,
    pub state: String,
    pub detail: Option<JsonValue>,
    pub reference: String,
}

/// The events that are decisions of organisers.
const DECISIONS: [&str; 3] = [Event::Approved.as_str(), Event::Rejected.as_str(), Event::Revoked.as_str()];

/// Decisions about registrations of a conference, the latest first, before the one of number `before`.
pub fn decisions(
    connection: &mut Connection,
    conference: ConferenceId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Decision>, DatabaseError> {
    let mut query = registration_events::table
        .inner_join(registrations::table.on(registrations::id.eq(registration_events::registration_id)))
        .filter(registration_events::conference_id.eq(conference))
        .filter(registration_events::event.eq_any(DECISIONS))
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(registration_events::sequence.lt(before));
    }
    Ok(query
        .order(registration_events::sequence.desc())
        .limit(limit)
        .select((
            registration_events::sequence,
            registration_events::at,
            registration_events::actor,
            registration_events::event,
            registration_events::state,
            registration_events::detail,
            registrations::reference,
        ))
        .load(connection)?)
}

/// The words of the states that a decision may have led to, for those who decide again.
pub const fn is_done(event: Event, state: State) -> bool {
    match event {
        Event::Approved => matches!(state, State::Confirmed | State::Waitlisted),
        Event::Rejected => matches!(state, State::Rejected),
        Event::Revoked => matches!(state, State::Revoked),
        _ => false,
    }
}
