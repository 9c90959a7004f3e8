//! The outbox: the rows of messages, and the leases under which processes share them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::letter::{Letter, LetterContent, LetterKind};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, insert_all,
        schema::outbox_messages::{self, dsl},
        types::{Instant, JsonValue},
    },
    ids::{ConferenceId, LeaseHolderId, MessageId, RegistrationEventId},
    values::EmailAddress,
};

/// A lease lapses this long after its holder last renewed it.
pub const LEASE: TimeDelta = TimeDelta::seconds(10);

/// A message that this process holds.
#[derive(Debug)]
pub struct Claimed {
    /// Its id, of which its `Message-ID` is made.
    pub id: MessageId,
    /// What it is about.
    pub kind: LetterKind,
    /// Where it goes.
    pub recipient: String,
    /// The reader's language.
    pub language: String,
    /// What it says.
    pub content: LetterContent,
    /// Attempts so far.
    pub tries: i32,
    /// When it was caused.
    pub created_at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = outbox_messages)]
struct NewMessage<'a> {
    id: MessageId,
    conference_id: ConferenceId,
    kind: &'static str,
    recipient: &'a str,
    language: &'a str,
    content: JsonValue,
    state: &'static str,
    tries: i32,
    next_try_at: Instant,
    created_at: Instant,
    event_id: Option<RegistrationEventId>,
}

/// Writes letters into the outbox, in the caller's transaction.
///
/// # Errors
/// The store fails.
pub fn enqueue_all(connection: &mut Connection, letters: &[Letter]) -> Result<(), DatabaseError> {
    let now = Instant(clock::now());
    let rows = letters
        .iter()
        .map(|letter| {
            let content = serde_json::to_value(&letter.content)
                .map_err(|error| DatabaseError::Corrupt(format!("a letter cannot be written: {error}")))?;
            Ok(NewMessage {
                id: MessageId::new(),
                conference_id: letter.conference,
                kind: letter.kind.as_str(),
                recipient: letter.to.as_str(),
                language: &letter.language,
                content: JsonValue(content),
                state: "waiting",
                tries: 0,
                next_try_at: now,
                created_at: now,
                event_id: letter.event,
            })
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    insert_all!(connection, outbox_messages::table, rows);
    Ok(())
}

/// A message to somebody, as they may know of it.
#[derive(Debug, Queryable)]
pub struct Addressed {
    /// What it is about.
    pub kind: String,
    /// Whether it waits, was sent, or could not be delivered.
    pub state: String,
    /// When it was caused.
    pub created_at: Instant,
    /// When it was sent.
    pub sent_at: Option<Instant>,
}

/// The messages of a conference to an address, the oldest first.
///
/// # Errors
/// The store fails.
pub fn addressed_to(
    connection: &mut Connection,
    conference: ConferenceId,
    recipient: &str,
) -> Result<Vec<Addressed>, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::recipient.eq(recipient))
        .order((dsl::created_at, dsl::id))
        .select((dsl::kind, dsl::state, dsl::created_at, dsl::sent_at))
        .load(connection)?)
}

/// How many letters of this kind were written to an address since.
///
/// # Errors
/// The store fails.
pub fn written_since(
    connection: &mut Connection,
    conference: ConferenceId,
    recipient: &EmailAddress,
    kind: LetterKind,
    since: DateTime<Utc>,
) -> Result<i64, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::recipient.eq(recipient.as_str()))
        .filter(dsl::created_at.gt(Instant(since)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::kind.eq(kind.as_str()))
        .count()
        .get_result(connection)?)
}

/// Whether a message is due that nobody holds.
///
/// # Errors
/// The store fails.
pub fn is_due(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let now = clock::now();
    let first: Option<MessageId> = outbox_messages::table
        .filter(dsl::state.eq("waiting"))
        .filter(dsl::next_try_at.le(Instant(now)))
        .filter(dsl::leased_until.is_null().or(dsl::leased_until.lt(Instant(now))))
        .select(dsl::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// Takes up to `limit` due messages for `holder`, the oldest first. What another process holds is passed over.
///
/// # Errors
/// The store fails.
pub fn claim(connection: &mut Connection, holder: LeaseHolderId, limit: i64) -> Result<Vec<Claimed>, DatabaseError> {
    let now = clock::now();
    let due = outbox_messages::table
        .filter(dsl::state.eq("waiting"))
        .filter(dsl::next_try_at.le(Instant(now)))
        .filter(dsl::leased_until.is_null().or(dsl::leased_until.lt(Instant(now))))
        .order((dsl::next_try_at, dsl::id))
        .limit(limit)
        .select(dsl::id);
    let ids: Vec<MessageId> = match connection {
        Connection::Postgresql(inner) => due.for_update().skip_locked().load(inner)?,
        // The one writer of SQLite has no rival here.
        Connection::Sqlite(inner) => due.load(inner)?,
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(&ids)))
        .set((dsl::lease_holder.eq(holder), dsl::leased_until.eq(Instant(now + LEASE))))
        .execute(connection)?;
    type Row = (MessageId, String, String, String, JsonValue, i32, Instant);
    let rows: Vec<Row> = outbox_messages::table
        .filter(dsl::id.eq_any(&ids))
        .order((dsl::next_try_at, dsl::id))
        .select((dsl::id, dsl::kind, dsl::recipient, dsl::language, dsl::content, dsl::tries, dsl::created_at))
        .load(connection)?;
    rows.into_iter()
        .map(|(id, kind, recipient, language, JsonValue(content), tries, Instant(created_at))| {
            let kind = LetterKind::from_word(&kind)
                .ok_or_else(|| DatabaseError::Corrupt(format!("message {id} is of kind {kind}")))?;
            let content = serde_json::from_value(content)
                .map_err(|error| DatabaseError::Corrupt(format!("message {id}: {error}")))?;
            Ok(Claimed { id, kind, recipient, language, content, tries, created_at })
        })
        .collect()
}

/// Holds on to every message of `holder`.
///
/// # Errors
/// The store fails.
pub fn renew(connection: &mut Connection, holder: LeaseHolderId) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq("waiting")))
        .set(dsl::leased_until.eq(Instant(clock::now() + LEASE)))
        .execute(connection)?;
    Ok(())
}

/// Lets go of every message of `holder`, at a graceful stop.
///
/// # Errors
/// The store fails.
pub fn release(connection: &mut Connection, holder: LeaseHolderId) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq("waiting")))
        .set((dsl::lease_holder.eq(None::<LeaseHolderId>), dsl::leased_until.eq(None::<Instant>)))
        .execute(connection)?;
    Ok(())
}

/// The message was accepted: it is never sent again.
///
/// # Errors
/// The store fails.
pub fn record_sent(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.find(message))
        .set((
            dsl::state.eq("sent"),
            dsl::sent_at.eq(Instant(clock::now())),
            dsl::tries.eq(dsl::tries + 1),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<Instant>),
            dsl::last_error.eq(None::<String>),
        ))
        .execute(connection)?;
    Ok(())
}

/// The attempt failed; `next_try_at` is `None` where no other will be made.
///
/// # Errors
/// The store fails.
pub fn record_failure(
    connection: &mut Connection,
    message: MessageId,
    reason: &str,
    next_try_at: Option<DateTime<Utc>>,
) -> Result<(), DatabaseError> {
    let state = if next_try_at.is_some() { "waiting" } else { "failed" };
    diesel::update(outbox_messages::table.find(message))
        .set((
            dsl::state.eq(state),
            dsl::tries.eq(dsl::tries + 1),
            dsl::next_try_at.eq(Instant(next_try_at.unwrap_or_else(clock::now))),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<Instant>),
            dsl::last_error.eq(reason),
        ))
        .execute(connection)?;
    Ok(())
}
