//! Rows and queries of broadcasts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    database::{
        Connection, DatabaseError,
        schema::{mail_broadcasts, registrations, session_sign_ups},
        types::{DbInstant, JsonValue},
    },
    ids::{BroadcastId, ConferenceId, RegistrationId, SessionId},
    registration::{
        broadcast::{BroadcastKind, BroadcastState},
        session_seats::SignUpState,
    },
};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = mail_broadcasts)]
pub struct Broadcast {
    pub id: BroadcastId,
    pub kind: BroadcastKind,
    pub state: BroadcastState,
    pub content: JsonValue,
    pub audience: JsonValue,
    pub per_minute: i32,
    pub reached: i64,
    pub enqueued: i64,
    pub created_by: String,
    pub created_at: DbInstant,
    pub started_at: Option<DbInstant>,
    pub finished_at: Option<DbInstant>,
}

/// Broadcasts of a conference with an id below `before`, the latest first.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    before: Option<BroadcastId>,
    limit: i64,
) -> Result<Vec<Broadcast>, DatabaseError> {
    let mut query = mail_broadcasts::table.filter(mail_broadcasts::conference_id.eq(conference)).into_boxed();
    if let Some(before) = before {
        query = query.filter(mail_broadcasts::id.lt(before));
    }
    Ok(query.order(mail_broadcasts::id.desc()).limit(limit).select(Broadcast::as_select()).load(connection)?)
}

pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    id: BroadcastId,
) -> Result<Option<Broadcast>, DatabaseError> {
    Ok(mail_broadcasts::table
        .find(id)
        .filter(mail_broadcasts::conference_id.eq(conference))
        .select(Broadcast::as_select())
        .first(connection)
        .optional()?)
}

/// The broadcast, locked until the transaction ends. Only the holder of the lock enqueues, stops or resumes it.
pub fn lock(
    connection: &mut Connection,
    conference: ConferenceId,
    id: BroadcastId,
) -> Result<Option<Broadcast>, DatabaseError> {
    match connection {
        Connection::Postgresql(inner) => {
            mail_broadcasts::table
                .find(id)
                .select(mail_broadcasts::id)
                .for_update()
                .first::<BroadcastId>(inner)
                .optional()?;
        }
        // A write holds the whole of SQLite already.
        Connection::Sqlite(_) => {}
    }
    find(connection, conference, id)
}

/// Saves state and progress.
pub fn save(connection: &mut Connection, broadcast: &Broadcast) -> Result<(), DatabaseError> {
    diesel::update(mail_broadcasts::table.find(broadcast.id))
        .set((
            mail_broadcasts::state.eq(broadcast.state),
            mail_broadcasts::reached.eq(broadcast.reached),
            mail_broadcasts::enqueued.eq(broadcast.enqueued),
            mail_broadcasts::started_at.eq(broadcast.started_at),
            mail_broadcasts::finished_at.eq(broadcast.finished_at),
        ))
        .execute(connection)?;
    Ok(())
}

pub fn delete(connection: &mut Connection, id: BroadcastId) -> Result<(), DatabaseError> {
    diesel::delete(mail_broadcasts::table.find(id)).execute(connection)?;
    Ok(())
}

/// Broadcasts in the state `sending` whose start time has come.
pub fn list_due(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Vec<(BroadcastId, ConferenceId)>, DatabaseError> {
    Ok(mail_broadcasts::table
        .filter(mail_broadcasts::state.eq(BroadcastState::Sending))
        .filter(mail_broadcasts::started_at.le(DbInstant(now)))
        .order(mail_broadcasts::id)
        .select((mail_broadcasts::id, mail_broadcasts::conference_id))
        .load(connection)?)
}

/// Registrations with a seat in a session, or waiting for one, with an arrival number above `after_arrival`; with these
/// numbers.
pub fn list_signed_up(
    connection: &mut Connection,
    session: SessionId,
    after_arrival: i64,
    limit: i64,
) -> Result<Vec<(RegistrationId, i64)>, DatabaseError> {
    Ok(session_sign_ups::table
        .inner_join(registrations::table)
        .filter(session_sign_ups::session_id.eq(session))
        .filter(session_sign_ups::state.ne(SignUpState::Wished))
        .filter(registrations::arrival.gt(after_arrival))
        .order(registrations::arrival)
        .limit(limit)
        .select((registrations::id, registrations::arrival))
        .load(connection)?)
}
