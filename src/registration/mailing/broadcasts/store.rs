//! The rows of broadcasts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{BroadcastState, Content};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, on_backend,
        schema::{mail_broadcasts, registrations, session_sign_ups},
        types::{Instant, JsonValue},
    },
    ids::{BroadcastId, ConferenceId, Id, RegistrationId, SessionId},
};

/// A broadcast.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = mail_broadcasts)]
pub struct Broadcast {
    pub id: BroadcastId,
    pub kind: String,
    pub state: String,
    pub content: JsonValue,
    pub audience: JsonValue,
    pub per_minute: i32,
    pub reached: i64,
    pub enqueued: i64,
    pub created_by: String,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
    pub finished_at: Option<Instant>,
}

/// A new broadcast.
#[derive(Insertable)]
#[diesel(table_name = mail_broadcasts)]
pub struct NewBroadcast {
    pub id: BroadcastId,
    pub conference_id: ConferenceId,
    pub kind: &'static str,
    pub state: &'static str,
    pub content: JsonValue,
    pub audience: JsonValue,
    pub per_minute: i32,
    pub reached: i64,
    pub enqueued: i64,
    pub source: Option<String>,
    pub created_by: String,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
}

/// Writes a new broadcast.
pub fn insert(connection: &mut Connection, row: NewBroadcast) -> Result<(), DatabaseError> {
    let insert = diesel::insert_into(mail_broadcasts::table).values(row).on_conflict_do_nothing();
    on_backend!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// Tells those who are signed up for a session what a release made of it; once a release.
///
/// # Errors
/// The store fails.
pub fn announce_session(
    connection: &mut Connection,
    conference: ConferenceId,
    (kind, release, session): (&'static str, i32, SessionId),
    content: &Content,
) -> Result<(), DatabaseError> {
    let now = Instant(clock::now());
    let written = |value| DatabaseError::Corrupt(format!("a broadcast: {value}"));
    let content = serde_json::to_value(content).map_err(|error| written(error.to_string()))?;
    insert(
        connection,
        NewBroadcast {
            id: Id::new(),
            conference_id: conference,
            kind,
            state: BroadcastState::Sending.as_str(),
            content: JsonValue(content),
            audience: JsonValue(serde_json::json!({ "session_id": session.to_string() })),
            per_minute: i32::MAX,
            reached: 0,
            enqueued: 0,
            source: Some(format!("{kind}:{release}:{session}")),
            created_by: "service".to_owned(),
            created_at: now,
            started_at: Some(now),
        },
    )
}

/// The broadcasts of a conference, the latest first.
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

/// One of them.
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

/// One of them, locked until the transaction ends: who holds it alone enqueues, stops and goes on.
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

/// Writes how far it is.
pub fn save(connection: &mut Connection, broadcast: &Broadcast) -> Result<(), DatabaseError> {
    diesel::update(mail_broadcasts::table.find(broadcast.id))
        .set((
            mail_broadcasts::state.eq(&broadcast.state),
            mail_broadcasts::reached.eq(broadcast.reached),
            mail_broadcasts::enqueued.eq(broadcast.enqueued),
            mail_broadcasts::started_at.eq(broadcast.started_at),
            mail_broadcasts::finished_at.eq(broadcast.finished_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes it.
pub fn delete(connection: &mut Connection, id: BroadcastId) -> Result<(), DatabaseError> {
    diesel::delete(mail_broadcasts::table.find(id)).execute(connection)?;
    Ok(())
}

/// Broadcasts that are on their way and whose time has come.
///
/// # Errors
/// The store fails.
pub fn sending(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Vec<(BroadcastId, ConferenceId)>, DatabaseError> {
    Ok(mail_broadcasts::table
        .filter(mail_broadcasts::state.eq(BroadcastState::Sending.as_str()))
        .filter(mail_broadcasts::started_at.le(Instant(now)))
        .order(mail_broadcasts::id)
        .select((mail_broadcasts::id, mail_broadcasts::conference_id))
        .load(connection)?)
}

/// Who is signed up for a session, or waits for it, after one of them: ids and arrivals.
pub fn signed_up(
    connection: &mut Connection,
    session: SessionId,
    reached: i64,
    limit: i64,
) -> Result<Vec<(RegistrationId, i64)>, DatabaseError> {
    Ok(session_sign_ups::table
        .inner_join(registrations::table)
        .filter(session_sign_ups::session_id.eq(session))
        .filter(session_sign_ups::state.ne("wished"))
        .filter(registrations::arrival.gt(reached))
        .order(registrations::arrival)
        .limit(limit)
        .select((registrations::id, registrations::arrival))
        .load(connection)?)
}
