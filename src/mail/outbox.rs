//! The outbox: the rows of messages, and the leases by which processes share them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{Bool, Nullable},
};

use super::{
    block_list::{BlockReason, blocked_of},
    lease::latest_valid_lease,
    letter::{Letter, LetterContent, LetterKind, MessageState, language_of},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{
            mail_attempts, mail_templates,
            outbox_messages::{self, dsl},
        },
        types::{DbInstant, JsonValue, UncheckedWord, word_columns},
    },
    ids::{BroadcastId, ConferenceId, LeaseHolderId, MessageId, RegistrationEventId},
    mail::{
        attempts::{AttemptOutcome, note_attempt},
        lease::LEASE,
        letter::ClaimedMessage,
    },
};

word_columns!(LetterKind, MessageState);

#[derive(Insertable)]
#[diesel(table_name = outbox_messages)]
struct NewMessage<'a> {
    id: MessageId,
    conference_id: ConferenceId,
    kind: LetterKind,
    recipient: &'a str,
    language: &'a str,
    content: JsonValue,
    state: MessageState,
    tries: i32,
    next_try_at: DbInstant,
    created_at: DbInstant,
    event_id: Option<RegistrationEventId>,
    priority: i32,
    domain: String,
    broadcast_id: Option<BroadcastId>,
    recipient_folded: String,
}

/// The domain of an address in lower case; messages are rate-limited by it.
fn domain(address: &str) -> String {
    address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default()
}

/// Writes letters into the outbox, in the caller's transaction.
pub fn enqueue_all(connection: &mut Connection, letters: &[Letter]) -> Result<(), DatabaseError> {
    let now = DbInstant(clock::now());
    let rows = letters
        .iter()
        .map(|letter| {
            let content = serde_json::to_value(&letter.content)
                .map_err(|error| DatabaseError::Corrupt(format!("a letter cannot be written: {error}")))?;
            Ok(NewMessage {
                id: MessageId::new(),
                conference_id: letter.conference,
                kind: letter.kind,
                recipient: letter.to.as_str(),
                language: &letter.language,
                content: JsonValue(content),
                state: MessageState::Waiting,
                tries: 0,
                next_try_at: letter.not_before.map_or(now, DbInstant),
                created_at: now,
                event_id: letter.event,
                // A confirmation is sent before ten thousand announcements.
                priority: i32::from(letter.broadcast.is_some()),
                domain: domain(letter.to.as_str()),
                broadcast_id: letter.broadcast,
                recipient_folded: letter.to.folded(),
            })
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    insert_all!(connection, outbox_messages::table, rows);
    Ok(())
}

/// Up to `limit` messages that wait for a time which was computed while the clock was ahead. Messages that were
/// scheduled for a later time on purpose are not among them.
pub fn dated_ahead(
    connection: &mut Connection,
    longest_pause: TimeDelta,
    limit: i64,
) -> Result<Vec<MessageId>, DatabaseError> {
    let DbInstant(ahead) = latest_valid_lease(clock::now());
    let was_tried = dsl::tries.gt(0).or(dsl::last_error.is_not_null());
    let waits_for_a_retry = was_tried.and(dsl::next_try_at.gt(DbInstant(ahead + longest_pause)));
    let waits_for_its_cause = dsl::created_at.gt(DbInstant(ahead)).and(dsl::next_try_at.eq(dsl::created_at));
    let waits = dsl::state.eq(MessageState::Waiting).and(waits_for_a_retry.or(waits_for_its_cause));
    Ok(outbox_messages::table.filter(waits).select(dsl::id).limit(limit).load(connection)?)
}

/// Makes messages due now.
pub fn make_due(connection: &mut Connection, messages: &[MessageId]) -> Result<(), DatabaseError> {
    diesel::update(
        outbox_messages::table.filter(dsl::id.eq_any(messages)).filter(dsl::state.eq(MessageState::Waiting)),
    )
    .set(dsl::next_try_at.eq(DbInstant(clock::now())))
    .execute(connection)?;
    Ok(())
}

/// Whether there is a due message that no process holds a lease on.
pub fn is_due(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let now = clock::now();
    let first: Option<MessageId> = outbox_messages::table
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false)))
        .filter(dsl::next_try_at.le(DbInstant(now)))
        .filter(
            dsl::leased_until
                .is_null()
                .or(dsl::leased_until.lt(DbInstant(now)))
                .or(dsl::leased_until.gt(latest_valid_lease(now))),
        )
        .select(dsl::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// Claims up to `limit` due messages for `holder`, the oldest first. Skips those that another process holds, and those
/// in `in_hand`, which this process is sending although its lease may have expired. Skips expired leases of others,
/// too, unless `takes_over` is set.
pub fn claim(
    connection: &mut Connection,
    holder: LeaseHolderId,
    (in_hand, takes_over): (&[MessageId], bool),
    limit: i64,
) -> Result<Vec<ClaimedMessage>, DatabaseError> {
    let now = clock::now();
    let due = outbox_messages::table
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false)))
        .filter(dsl::id.ne_all(in_hand))
        .filter(
            dsl::lease_holder.is_null().or(dsl::lease_holder.eq(holder)).or(takes_over.into_sql::<Nullable<Bool>>()),
        )
        .filter(dsl::next_try_at.le(DbInstant(now)))
        .filter(
            dsl::leased_until
                .is_null()
                .or(dsl::leased_until.lt(DbInstant(now)))
                .or(dsl::leased_until.gt(latest_valid_lease(now))),
        )
        .order((dsl::priority, dsl::next_try_at, dsl::id))
        .limit(limit)
        .select(dsl::id);
    let ids: Vec<MessageId> = match connection {
        Connection::Postgresql(inner) => due.for_update().skip_locked().load(inner)?,
        // SQLite has a single writer: there is nothing to lock.
        Connection::Sqlite(inner) => due.load(inner)?,
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(&ids)))
        .set((dsl::lease_holder.eq(holder), dsl::leased_until.eq(DbInstant(now + LEASE))))
        .execute(connection)?;
    type Row = (
        MessageId,
        ConferenceId,
        UncheckedWord,
        String,
        String,
        JsonValue,
        i32,
        DbInstant,
        String,
        Option<BroadcastId>,
    );
    let rows: Vec<Row> = outbox_messages::table
        .filter(dsl::id.eq_any(&ids))
        .order((dsl::priority, dsl::next_try_at, dsl::id))
        .select((
            dsl::id,
            dsl::conference_id,
            dsl::kind,
            dsl::recipient,
            dsl::language,
            dsl::content,
            dsl::tries,
            dsl::created_at,
            dsl::domain,
            dsl::broadcast_id,
        ))
        .load(connection)?;
    let own = templates(connection, rows.iter().map(|row| row.1).collect())?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, conference, word, recipient, language, JsonValue(content), tries, at, domain, broadcast) = row;
        // A message that cannot be read must not block all others for ever.
        let kind = LetterKind::from_word(word.as_str());
        let read = kind.and_then(|kind| Some((kind, serde_json::from_value::<LetterContent>(content).ok()?)));
        let (kind, content) = match read {
            Some(read) => read,
            None => {
                // The reason may contain personal data.
                tracing::error!(message.id = %id, message.kind = word.as_str(), "a message cannot be read");
                record(connection, (id, holder), &Outcome::Failed, "what the letter says cannot be read")?;
                continue;
            }
        };
        let spoken = language_of(&language);
        let template = own
            .iter()
            .find(|own| own.0 == conference && own.1.as_str() == kind.as_str() && own.2.as_str() == spoken.as_str());
        let template = template.map(|own| own.3.clone());
        let is_of_broadcast = broadcast.is_some();
        claimed.push(ClaimedMessage {
            id,
            conference,
            template,
            kind,
            recipient,
            language,
            content,
            tries,
            created_at: at.0,
            domain,
            is_of_broadcast,
        });
    }
    Ok(claimed)
}

/// Whether a claimed message is still to be sent: in the meantime its broadcast may have been stopped, or its recipient
/// may have unsubscribed.
pub fn is_wanted(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let wanted =
        outbox_messages::table.find(message).filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false)));
    let found: Option<(ConferenceId, String, LetterKind)> =
        wanted.select((dsl::conference_id, dsl::recipient_folded, dsl::kind)).first(connection).optional()?;
    let Some((conference, folded, kind)) = found else { return Ok(false) };
    let reasons = blocked_of(connection, conference, &[folded])?;
    Ok(!reasons.iter().any(|(_, reason)| *reason == BlockReason::Bounced || kind.can_be_declined()))
}

/// Cancels a message that is not to be sent any more, and gives up its lease. If its broadcast is only held, it keeps
/// waiting.
pub fn drop_unwanted(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    if !is_wanted(connection, message)? {
        let of_it = outbox_messages::table.find(message);
        diesel::update(of_it.filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false))))
            .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(DbInstant(clock::now()))))
            .execute(connection)?;
    }
    give_back(connection, &[message], clock::now(), None)
}

/// Conference, kind, language and source.
type OwnTemplate = (ConferenceId, UncheckedWord, UncheckedWord, String);

fn templates(connection: &mut Connection, of: Vec<ConferenceId>) -> Result<Vec<OwnTemplate>, DatabaseError> {
    Ok(mail_templates::table
        .filter(mail_templates::conference_id.eq_any(of))
        .select((mail_templates::conference_id, mail_templates::kind, mail_templates::language, mail_templates::source))
        .load(connection)?)
}

/// Renews the leases of `holder` on the messages in `in_hand`.
pub fn renew(connection: &mut Connection, holder: LeaseHolderId, in_hand: &[MessageId]) -> Result<(), DatabaseError> {
    let of_holder =
        outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq(MessageState::Waiting));
    diesel::update(of_holder.filter(dsl::id.eq_any(in_hand)))
        .set(dsl::leased_until.eq(DbInstant(clock::now() + LEASE)))
        .execute(connection)?;
    Ok(())
}

/// Ends every lease of `holder`, at a graceful stop.
pub fn release(connection: &mut Connection, holder: LeaseHolderId) -> Result<(), DatabaseError> {
    diesel::update(
        outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq(MessageState::Waiting)),
    )
    .set((dsl::lease_holder.eq(None::<LeaseHolderId>), dsl::leased_until.eq(None::<DbInstant>)))
    .execute(connection)?;
    Ok(())
}

/// Returns claimed messages that were not attempted, to be claimed again from `next_try_at` on; `why` is shown to
/// organisers.
pub fn give_back(
    connection: &mut Connection,
    messages: &[MessageId],
    next_try_at: DateTime<Utc>,
    why: Option<&str>,
) -> Result<(), DatabaseError> {
    let of_them =
        || outbox_messages::table.filter(dsl::id.eq_any(messages)).filter(dsl::state.eq(MessageState::Waiting));
    if let Some(why) = why {
        diesel::update(of_them()).set(dsl::last_error.eq(printable(why))).execute(connection)?;
    }
    diesel::update(of_them())
        .set((
            dsl::next_try_at.eq(DbInstant(next_try_at)),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<DbInstant>),
        ))
        .execute(connection)?;
    Ok(())
}

/// Replaces control characters; PostgreSQL cannot store a NUL in a text.
fn printable(words: &str) -> String {
    words.replace(char::is_control, " ")
}

/// Result of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// The message was accepted and is never sent again.
    Sent,
    /// The message is tried again at this time.
    PutOff(DateTime<Utc>),
    /// The message is not tried again.
    Failed,
}

/// Records the result of an attempt of `holder`, with the mail server's reply. A failure does not change a message that
/// was cancelled or claimed by another process in the meantime; a success does, unless the message has already bounced.
pub fn record(
    connection: &mut Connection,
    (message, holder): (MessageId, LeaseHolderId),
    outcome: &Outcome,
    reply: &str,
) -> Result<(), DatabaseError> {
    let (now, reply) = (DbInstant(clock::now()), &printable(reply));
    let (state, attempt, next_try_at) = match outcome {
        Outcome::Sent => (MessageState::Sent, AttemptOutcome::Sent, now),
        Outcome::PutOff(at) => (MessageState::Waiting, AttemptOutcome::PutOff, DbInstant(*at)),
        Outcome::Failed => (MessageState::Failed, AttemptOutcome::Failed, now),
    };
    let is_sent = matches!(outcome, Outcome::Sent);
    let of_it = outbox_messages::table.find(message);
    let is_ours = dsl::state.eq(MessageState::Waiting).and(dsl::lease_holder.eq(holder).assume_not_null());
    let was_accepted = dsl::state.ne(MessageState::Failed).and(is_sent.into_sql::<Bool>());
    let recorded = diesel::update(of_it.filter(is_ours.or(was_accepted)))
        .set((
            dsl::state.eq(state),
            dsl::tries.eq(dsl::tries + 1),
            dsl::next_try_at.eq(next_try_at),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<DbInstant>),
            dsl::sent_at.eq(is_sent.then_some(now)),
            dsl::last_error.eq((!is_sent).then_some(reply.as_str())),
        ))
        .execute(connection)?;
    let is_there = recorded == 1 || of_it.count().get_result::<i64>(connection)? == 1;
    if !is_there {
        // Its conference was deleted in the meantime.
        return Ok(());
    }
    note_attempt(connection, message, attempt, reply)
}

/// Messages that are scrubbed in one transaction.
const SCRUB: i64 = 500;

/// Removes the personal data from messages that ended before `before`; returns their number. Kind, state and times are
/// kept.
pub fn scrub(connection: &mut Connection, before: DateTime<Utc>) -> Result<usize, DatabaseError> {
    let ended = outbox_messages::table
        .filter(dsl::state.ne(MessageState::Waiting))
        .filter(dsl::scrubbed_at.is_null())
        .filter(dsl::next_try_at.lt(DbInstant(before)))
        .limit(SCRUB)
        .select(dsl::id);
    let ids: Vec<MessageId> = match connection {
        Connection::Postgresql(inner) => ended.for_update().skip_locked().load(inner)?,
        Connection::Sqlite(inner) => ended.load(inner)?,
    };
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(&ids)))
        .set((
            dsl::recipient.eq(""),
            dsl::recipient_folded.eq(""),
            dsl::content.eq(JsonValue(serde_json::json!({}))),
            dsl::last_error.eq(None::<String>),
            dsl::scrubbed_at.eq(DbInstant(clock::now())),
        ))
        .execute(connection)?;
    diesel::update(mail_attempts::table.filter(mail_attempts::message_id.eq_any(&ids)))
        .set(mail_attempts::reply.eq(None::<String>))
        .execute(connection)?;
    Ok(ids.len())
}
