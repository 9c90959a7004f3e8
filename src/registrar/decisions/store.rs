//! Rows and queries of notes, and decisions read from the histories of registrations.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::{registration_events, registration_notes, registrations},
        types::{DbInstant, JsonValue},
    },
    ids::{ConferenceId, Id, NoteId, RegistrationId},
    registration::model::{Event, RegistrationStatus},
};

#[derive(Debug, Queryable)]
pub struct Note {
    pub id: NoteId,
    pub at: DbInstant,
    pub author: String,
    pub text: String,
}

/// Writes a note. Its time is after that of the notes before, whatever the clock says.
pub fn add_note(
    connection: &mut Connection,
    registration: RegistrationId,
    author: &str,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Note, DatabaseError> {
    let latest = notes(connection, registration)?.last().map(|note| note.at.0);
    let at = DbInstant(clock::monotonic(now, latest));
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

/// Notes about a registration, the oldest first.
pub fn notes(connection: &mut Connection, registration: RegistrationId) -> Result<Vec<Note>, DatabaseError> {
    Ok(registration_notes::table
        .filter(registration_notes::registration_id.eq(registration))
        .order((registration_notes::at, registration_notes::id))
        .select((registration_notes::id, registration_notes::at, registration_notes::author, registration_notes::text))
        .load(connection)?)
}

/// An event of a registration's history that is a decision.
#[derive(Debug, Queryable)]
pub struct Decision {
    /// Number among all events of the conference.
    pub sequence: i64,
    pub at: DbInstant,
    pub actor: String,
    pub event: Event,
    pub state: RegistrationStatus,
    pub detail: Option<JsonValue>,
    pub reference: String,
}

/// Events that are decisions of organisers.
const DECISIONS: [Event; 3] = [Event::Approved, Event::Rejected, Event::Revoked];

/// Decisions with a sequence number below `before`, the latest first.
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

/// Whether a registration with this status needs no such decision any more.
pub const fn needs_no_decision(event: Event, state: RegistrationStatus) -> bool {
    match event {
        Event::Approved => matches!(state, RegistrationStatus::Confirmed | RegistrationStatus::Waitlisted),
        Event::Rejected => matches!(state, RegistrationStatus::Rejected),
        Event::Revoked => matches!(state, RegistrationStatus::Revoked),
        Event::Cancelled => matches!(state, RegistrationStatus::Cancelled),
        _ => false,
    }
}
