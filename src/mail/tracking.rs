//! Queries over messages, and what organisers do with them: retry, cancel, hold.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::{
    attempts::{AttemptOutcome, record_attempt},
    lease::latest_valid_lease,
    letter::{LetterKind, MessageState},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::outbox_messages::{self, dsl},
        types::{DbInstant, JsonValue, UncheckedText},
    },
    ids::{BroadcastId, ConferenceId, MessageId, RegistrationId},
    values::EmailAddress,
};

/// A message, as its recipient may see it.
#[derive(Debug, Queryable)]
pub struct RecipientMessageRow {
    pub kind: UncheckedText,
    pub state: MessageState,
    pub created_at: DbInstant,
    pub sent_at: Option<DbInstant>,
}

/// Who reads a message: an address, and the registration of one person if several share the mailbox.
pub type Reader<'a> = (&'a EmailAddress, Option<RegistrationId>);

/// Messages of a conference to a reader, oldest first.
pub fn addressed_to(
    connection: &mut Connection,
    conference: ConferenceId,
    (address, addressee): Reader<'_>,
) -> Result<Vec<RecipientMessageRow>, DatabaseError> {
    let to_mailbox = outbox_messages::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::recipient.eq(address.as_str()))
        .order((dsl::created_at, dsl::id))
        .select((dsl::kind, dsl::state, dsl::created_at, dsl::sent_at))
        .into_boxed();
    let to_reader = match addressee {
        Some(addressee) => to_mailbox.filter(dsl::addressee_id.eq(addressee)),
        None => to_mailbox.filter(dsl::addressee_id.is_null()),
    };
    Ok(to_reader.load(connection)?)
}

/// Number of letters of this kind that were written to a reader after `since`.
pub fn count_written_since(
    connection: &mut Connection,
    conference: ConferenceId,
    (address, addressee): Reader<'_>,
    kind: LetterKind,
    since: DateTime<Utc>,
) -> Result<i64, DatabaseError> {
    let to_mailbox = outbox_messages::table
        .filter(dsl::recipient.eq(address.as_str()))
        .filter(dsl::created_at.gt(DbInstant(since)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::kind.eq(kind))
        .select(diesel::dsl::count_star())
        .into_boxed();
    let to_reader = match addressee {
        Some(addressee) => to_mailbox.filter(dsl::addressee_id.eq(addressee)),
        None => to_mailbox.filter(dsl::addressee_id.is_null()),
    };
    Ok(to_reader.get_result(connection)?)
}

/// A message, as organisers see it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox_messages)]
pub struct MessageRow {
    pub id: MessageId,
    /// The [`LetterKind`]; of a message that cannot be read, whatever the store has.
    pub kind: UncheckedText,
    /// The address; empty once the message was scrubbed.
    pub recipient: String,
    /// The recipient's language (BCP 47).
    pub language: String,
    /// The values for the template: [`super::letter::LetterContent`] as JSON.
    pub content: JsonValue,
    pub state: MessageState,
    /// Number of attempts so far.
    pub tries: i32,
    /// Time of the next attempt while the message waits; otherwise the time at which it ended.
    pub next_try_at: DbInstant,
    /// Result of the last attempt, if it failed.
    pub last_error: Option<String>,
    pub created_at: DbInstant,
    /// Time at which the mail server accepted the message.
    pub sent_at: Option<DbInstant>,
    pub broadcast_id: Option<BroadcastId>,
    /// Time at which the personal data was removed.
    pub scrubbed_at: Option<DbInstant>,
}

/// Filter of [`list`]; a field that is `None` selects all messages.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    pub state: Option<MessageState>,
    pub kind: Option<LetterKind>,
    pub recipient: Option<String>,
    pub broadcast: Option<BroadcastId>,
}

/// Messages of a conference before the message `before`, newest first.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    filter: &MessageFilter,
    before: Option<MessageId>,
    limit: i64,
) -> Result<Vec<MessageRow>, DatabaseError> {
    let mut query = outbox_messages::table.filter(dsl::conference_id.eq(conference)).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(dsl::state.eq(state));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(dsl::kind.eq(kind));
    }
    if let Some(recipient) = &filter.recipient {
        query = query.filter(dsl::recipient.eq(recipient.clone()));
    }
    if let Some(broadcast) = filter.broadcast {
        query = query.filter(dsl::broadcast_id.eq(broadcast));
    }
    if let Some(before) = before {
        query = query.filter(dsl::id.lt(before));
    }
    Ok(query.order(dsl::id.desc()).limit(limit).select(MessageRow::as_select()).load(connection)?)
}

pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    message: MessageId,
) -> Result<Option<MessageRow>, DatabaseError> {
    Ok(outbox_messages::table
        .find(message)
        .filter(dsl::conference_id.eq(conference))
        .select(MessageRow::as_select())
        .first(connection)
        .optional()?)
}

/// The address of a message; `None` if the message does not exist or was scrubbed.
pub fn find_recipient(
    connection: &mut Connection,
    conference: ConferenceId,
    message: MessageId,
) -> Result<Option<String>, DatabaseError> {
    Ok(find(connection, conference, message)?.map(|row| row.recipient).filter(|address| !address.is_empty()))
}

/// Makes a failed or waiting message due now; returns whether there was one.
pub fn retry(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let now = DbInstant(clock::now());
    let has_expired = dsl::leased_until.lt(now).or(dsl::leased_until.gt(latest_valid_lease(now.0)));
    let is_unleased = dsl::leased_until.is_null().or(has_expired);
    let updated = diesel::update(outbox_messages::table.find(message))
        .filter(dsl::state.eq_any([MessageState::Failed, MessageState::Waiting]))
        .filter(dsl::scrubbed_at.is_null())
        .filter(is_unleased)
        .set((dsl::state.eq(MessageState::Waiting), dsl::next_try_at.eq(now)))
        .execute(connection)?;
    Ok(updated == 1)
}

/// Cancels a waiting message that no process is sending; returns whether there was one.
pub fn cancel(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let now = DbInstant(clock::now());
    let updated = diesel::update(outbox_messages::table.find(message))
        .filter(dsl::state.eq(MessageState::Waiting))
        .filter(
            dsl::leased_until
                .is_null()
                .or(dsl::leased_until.lt(now))
                .or(dsl::leased_until.gt(latest_valid_lease(now.0))),
        )
        .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(now)))
        .execute(connection)?;
    Ok(updated == 1)
}

/// Holds the waiting messages of a broadcast, including those that a worker has claimed and not yet sent.
pub fn hold_messages(connection: &mut Connection, broadcast: BroadcastId) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::broadcast_id.eq(broadcast)))
        .filter(dsl::state.eq(MessageState::Waiting))
        .set(dsl::is_held.eq(true))
        .execute(connection)?;
    Ok(())
}

/// Releases the held messages of a broadcast at a rate of `per_minute`; returns their number.
pub fn release_held(
    connection: &mut Connection,
    broadcast: BroadcastId,
    per_minute: i32,
) -> Result<i64, DatabaseError> {
    let now = clock::now();
    let held: Vec<MessageId> = outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(true)))
        .order((dsl::next_try_at, dsl::id))
        .select(dsl::id)
        .load(connection)?;
    // The messages of one second are released together: one statement for each message would take too long.
    let batch_size = usize::try_from(per_minute / 60).unwrap_or(1).clamp(1, 500);
    for (number, messages) in held.chunks(batch_size).enumerate() {
        let earlier = i64::try_from(number * batch_size).unwrap_or(i64::MAX);
        let at = now + TimeDelta::milliseconds(earlier.saturating_mul(60_000) / i64::from(per_minute.max(1)));
        diesel::update(outbox_messages::table.filter(dsl::id.eq_any(messages)))
            .set((dsl::is_held.eq(false), dsl::next_try_at.eq(DbInstant(at))))
            .execute(connection)?;
    }
    Ok(i64::try_from(held.len()).unwrap_or(i64::MAX))
}

/// Number of messages of a broadcast in each state.
pub fn count_by_state(connection: &mut Connection, broadcast: BroadcastId) -> Result<StateCounts, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .group_by(dsl::state)
        .select((dsl::state, diesel::dsl::count_star()))
        .load(connection)?)
}

/// For which of these addresses (folded) the broadcast has a message, and for which person behind a shared mailbox.
pub fn already_addressed(
    connection: &mut Connection,
    broadcast: BroadcastId,
    folded_addresses: &[String],
) -> Result<Vec<(String, Option<RegistrationId>)>, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .filter(dsl::recipient_folded.eq_any(folded_addresses))
        // A scrubbed message has no address; the index covers only the others.
        .filter(dsl::scrubbed_at.is_null())
        .select((dsl::recipient_folded, dsl::addressee_id))
        .load(connection)?)
}

/// Deletes all messages of a conference that is being deleted.
pub fn delete_messages_of(connection: &mut Connection, conference: ConferenceId) -> Result<(), DatabaseError> {
    diesel::delete(outbox_messages::table.filter(dsl::conference_id.eq(conference))).execute(connection)?;
    Ok(())
}

/// Pairs of a state and the number of messages in it.
pub type StateCounts = Vec<(MessageState, i64)>;

/// Number of messages of all conferences in each state, and the time at which the oldest waiting one was caused.
pub fn outbox_depth(connection: &mut Connection) -> Result<(StateCounts, Option<DateTime<Utc>>), DatabaseError> {
    let states =
        outbox_messages::table.group_by(dsl::state).select((dsl::state, diesel::dsl::count_star())).load(connection)?;
    let oldest: Option<DbInstant> = outbox_messages::table
        .filter(dsl::state.eq(MessageState::Waiting))
        .order(dsl::created_at)
        .select(dsl::created_at)
        .first(connection)
        .optional()?;
    Ok((states, oldest.map(|DbInstant(at)| at)))
}

/// Records that an accepted message bounced, with the reply of the mail server.
pub fn record_bounce(connection: &mut Connection, message: MessageId, reply: &str) -> Result<(), DatabaseError> {
    // The report may arrive before the attempt that it is about is recorded.
    let is_being_sent = dsl::state.eq(MessageState::Waiting).and(dsl::lease_holder.is_not_null());
    diesel::update(outbox_messages::table.find(message).filter(dsl::state.eq(MessageState::Sent).or(is_being_sent)))
        .set((dsl::state.eq(MessageState::Failed), dsl::last_error.eq(reply)))
        .execute(connection)?;
    record_attempt(connection, message, AttemptOutcome::Failed, reply)
}

/// The registration that a message is about; `None` if the message is about none or was scrubbed.
pub fn find_registration(connection: &mut Connection, message: MessageId) -> Result<Option<uuid::Uuid>, DatabaseError> {
    let content: Option<JsonValue> =
        outbox_messages::table.find(message).select(dsl::content).first(connection).optional()?;
    let id = content.and_then(|JsonValue(content)| content.get("registration")?.as_str()?.parse().ok());
    Ok(id.filter(|id: &uuid::Uuid| !id.is_nil()))
}
