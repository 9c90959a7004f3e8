//! Messages, as those see them who ask what became of them, and what they do with them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::{
    letter::LetterKind,
    outbox::{impossible, note_attempt},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::{
            mail_attempts,
            outbox_messages::{self, dsl},
        },
        types::{Instant, JsonValue},
    },
    ids::{BroadcastId, ConferenceId, MessageId},
    values::EmailAddress,
};

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

/// A message, as organisers see it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox_messages)]
pub struct Seen {
    /// Its id.
    pub id: MessageId,
    /// What it is about.
    pub kind: String,
    /// Where it goes; empty once it was scrubbed.
    pub recipient: String,
    /// The reader's language.
    pub language: String,
    /// The facts that the template of its kind is filled with: [`super::letter::LetterContent`] as JSON.
    pub content: JsonValue,
    /// Whether it waits, was sent, failed or was cancelled.
    pub state: String,
    /// Attempts so far.
    pub tries: i32,
    /// When it is tried next, while it waits.
    pub next_try_at: Instant,
    /// What came of the last attempt, where it failed.
    pub last_error: Option<String>,
    /// When it was caused.
    pub created_at: Instant,
    /// When it was accepted.
    pub sent_at: Option<Instant>,
    /// The broadcast that it is one of.
    pub broadcast_id: Option<BroadcastId>,
    /// When it was scrubbed.
    pub scrubbed_at: Option<Instant>,
}

/// Which messages are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In this state.
    pub state: Option<String>,
    /// About this.
    pub kind: Option<String>,
    /// To this address.
    pub recipient: Option<String>,
    /// Of this broadcast.
    pub broadcast: Option<BroadcastId>,
}

/// Messages of a conference, the latest first, before `before`.
///
/// # Errors
/// The store fails.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    wanted: &Wanted,
    before: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Seen>, DatabaseError> {
    let mut query = outbox_messages::table.filter(dsl::conference_id.eq(conference)).into_boxed();
    if let Some(state) = &wanted.state {
        query = query.filter(dsl::state.eq(state.clone()));
    }
    if let Some(kind) = &wanted.kind {
        query = query.filter(dsl::kind.eq(kind.clone()));
    }
    if let Some(recipient) = &wanted.recipient {
        query = query.filter(dsl::recipient.eq(recipient.clone()));
    }
    if let Some(broadcast) = wanted.broadcast {
        query = query.filter(dsl::broadcast_id.eq(broadcast));
    }
    if let Some(before) = before {
        query = query.filter(dsl::id.lt(before));
    }
    Ok(query.order(dsl::id.desc()).limit(limit).select(Seen::as_select()).load(connection)?)
}

/// One message of a conference.
///
/// # Errors
/// The store fails.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    message: MessageId,
) -> Result<Option<Seen>, DatabaseError> {
    Ok(outbox_messages::table
        .find(message)
        .filter(dsl::conference_id.eq(conference))
        .select(Seen::as_select())
        .first(connection)
        .optional()?)
}

/// The conference of a message, and its address.
///
/// # Errors
/// The store fails.
pub fn recipient(
    connection: &mut Connection,
    conference: ConferenceId,
    message: MessageId,
) -> Result<Option<String>, DatabaseError> {
    Ok(find(connection, conference, message)?.map(|seen| seen.recipient).filter(|address| !address.is_empty()))
}

/// An attempt to send a message.
#[derive(Debug, Queryable)]
pub struct Attempt {
    /// When.
    pub at: Instant,
    /// `sent`, `put_off`, `failed`.
    pub outcome: String,
    /// The server's words.
    pub reply: Option<String>,
}

/// The attempts to send a message, the first first.
///
/// # Errors
/// The store fails.
pub fn attempts(connection: &mut Connection, message: MessageId) -> Result<Vec<Attempt>, DatabaseError> {
    Ok(mail_attempts::table
        .filter(mail_attempts::message_id.eq(message))
        .order((mail_attempts::at, mail_attempts::id))
        .select((mail_attempts::at, mail_attempts::outcome, mail_attempts::reply))
        .load(connection)?)
}

/// Lets a message be tried at once that failed or waits; whether there was one.
///
/// # Errors
/// The store fails.
pub fn retry(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let now = Instant(clock::now());
    let is_void = dsl::leased_until.lt(now).or(dsl::leased_until.gt(impossible(now.0)));
    let free = dsl::leased_until.is_null().or(is_void);
    let tried = diesel::update(outbox_messages::table.find(message))
        .filter(dsl::state.eq_any(["failed", "waiting"]))
        .filter(dsl::scrubbed_at.is_null())
        .filter(free)
        .set((dsl::state.eq("waiting"), dsl::next_try_at.eq(now)))
        .execute(connection)?;
    Ok(tried == 1)
}

/// Takes a message back that waits and that nobody is sending; whether there was one.
///
/// # Errors
/// The store fails.
pub fn cancel(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let now = Instant(clock::now());
    let cancelled = diesel::update(outbox_messages::table.find(message))
        .filter(dsl::state.eq("waiting"))
        .filter(dsl::leased_until.is_null().or(dsl::leased_until.lt(now)).or(dsl::leased_until.gt(impossible(now.0))))
        .set((dsl::state.eq("cancelled"), dsl::next_try_at.eq(now)))
        .execute(connection)?;
    Ok(cancelled == 1)
}

/// Holds the waiting messages of a broadcast, those that a worker took and has not sent yet among them.
///
/// # Errors
/// The store fails.
pub fn hold(connection: &mut Connection, broadcast: BroadcastId) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::broadcast_id.eq(broadcast)))
        .filter(dsl::state.eq("waiting"))
        .set(dsl::is_held.eq(true))
        .execute(connection)?;
    Ok(())
}

/// Lets the messages of a broadcast go that were held, `per_minute` of them in a minute; answers how many.
///
/// # Errors
/// The store fails.
pub fn let_go(connection: &mut Connection, broadcast: BroadcastId, per_minute: i32) -> Result<i64, DatabaseError> {
    let now = clock::now();
    let held: Vec<MessageId> = outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .filter(dsl::state.eq("waiting").and(dsl::is_held.eq(true)))
        .order((dsl::next_try_at, dsl::id))
        .select(dsl::id)
        .load(connection)?;
    // Those of one second are let go together: a statement each would take long for many.
    let together = usize::try_from(per_minute / 60).unwrap_or(1).clamp(1, 500);
    for (number, messages) in held.chunks(together).enumerate() {
        let before = i64::try_from(number * together).unwrap_or(i64::MAX);
        let at = now + TimeDelta::milliseconds(before.saturating_mul(60_000) / i64::from(per_minute.max(1)));
        diesel::update(outbox_messages::table.filter(dsl::id.eq_any(messages)))
            .set((dsl::is_held.eq(false), dsl::next_try_at.eq(Instant(at))))
            .execute(connection)?;
    }
    Ok(i64::try_from(held.len()).unwrap_or(i64::MAX))
}

/// Takes back what waits of broadcasts for these addresses (folded): all of it, or only what is of these kinds.
///
/// # Errors
/// The store fails.
pub fn withdraw(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &[String],
    kinds: &[LetterKind],
) -> Result<(), DatabaseError> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    diesel::update(outbox_messages::table.filter(dsl::recipient_folded.eq_any(folded)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::state.eq("waiting").and(dsl::broadcast_id.is_not_null()))
        .filter(dsl::kind.eq_any(kinds))
        .set((dsl::state.eq("cancelled"), dsl::next_try_at.eq(Instant(clock::now()))))
        .execute(connection)?;
    Ok(())
}

/// How many messages of a broadcast are in each state.
///
/// # Errors
/// The store fails.
pub fn states_of(connection: &mut Connection, broadcast: BroadcastId) -> Result<States, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .group_by(dsl::state)
        .select((dsl::state, diesel::dsl::count_star()))
        .load(connection)?)
}

/// Which of these addresses (folded) have the broadcast, or are about to.
///
/// # Errors
/// The store fails.
pub fn reached(
    connection: &mut Connection,
    broadcast: BroadcastId,
    folded: &[String],
) -> Result<Vec<String>, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .filter(dsl::recipient_folded.eq_any(folded))
        // A message that was scrubbed has no address any more; its index knows the others alone.
        .filter(dsl::scrubbed_at.is_null())
        .select(dsl::recipient_folded)
        .load(connection)?)
}

/// Forgets all that was written for a conference, which goes.
///
/// # Errors
/// The store fails.
pub fn forget(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    diesel::delete(outbox_messages::table.filter(dsl::conference_id.eq(conference))).execute(connection)?;
    Ok(())
}

/// How many messages are in each state.
pub type States = Vec<(String, i64)>;

/// How many messages of the whole server are in each state, and since when the oldest waits.
///
/// # Errors
/// The store fails.
pub fn depth(connection: &mut Connection) -> Result<(States, Option<DateTime<Utc>>), DatabaseError> {
    let states =
        outbox_messages::table.group_by(dsl::state).select((dsl::state, diesel::dsl::count_star())).load(connection)?;
    let oldest: Option<Instant> = outbox_messages::table
        .filter(dsl::state.eq("waiting"))
        .order(dsl::created_at)
        .select(dsl::created_at)
        .first(connection)
        .optional()?;
    Ok((states, oldest.map(|Instant(at)| at)))
}

/// A message that was accepted came back, in a mail server's words.
///
/// # Errors
/// The store fails.
pub fn record_bounce(connection: &mut Connection, message: MessageId, words: &str) -> Result<(), DatabaseError> {
    // The report may be quicker than the record of what it is about.
    let is_on_its_way = dsl::state.eq("waiting").and(dsl::lease_holder.is_not_null());
    diesel::update(outbox_messages::table.find(message).filter(dsl::state.eq("sent").or(is_on_its_way)))
        .set((dsl::state.eq("failed"), dsl::last_error.eq(words)))
        .execute(connection)?;
    note_attempt(connection, message, "failed", words)
}

/// The registration that a message is about.
///
/// # Errors
/// The store fails.
pub fn reader(connection: &mut Connection, message: MessageId) -> Result<Option<uuid::Uuid>, DatabaseError> {
    let content: Option<JsonValue> =
        outbox_messages::table.find(message).select(dsl::content).first(connection).optional()?;
    let named = content.and_then(|JsonValue(content)| content.get("registration")?.as_str()?.parse().ok());
    Ok(named.filter(|id: &uuid::Uuid| !id.is_nil()))
}
