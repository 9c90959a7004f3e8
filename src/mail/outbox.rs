//! The outbox: the rows of messages, and the leases by which processes share them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{Bool, Nullable},
};

use super::{
    block_list::{BlockReason, find_blocked},
    lease::latest_valid_lease,
    letter::{Letter, LetterContent, LetterKind, MessageState, language_of, preferred_languages},
    letter_settings::find_letter_settings,
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{
            mail_attempts, mail_templates,
            outbox_messages::{self, dsl},
        },
        types::{DbInstant, JsonValue, UncheckedText, text_enum_columns},
        uid_hosts,
    },
    ids::{BroadcastId, ConferenceId, LeaseHolderId, MessageId, RegistrationEventId, RegistrationId},
    mail::{
        attempts::{AttemptOutcome, record_attempt},
        lease::LEASE_DURATION,
        letter::ClaimedMessage,
    },
};

text_enum_columns!(LetterKind, MessageState);

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
    addressee_id: Option<RegistrationId>,
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
                addressee_id: letter.addressee,
            })
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    insert_all!(connection, outbox_messages::table, rows);
    Ok(())
}

/// Up to `limit` messages that wait for a time which was computed while the clock was ahead. Messages that were
/// scheduled for a later time on purpose are not among them.
pub fn find_dated_ahead(
    connection: &mut Connection,
    longest_pause: TimeDelta,
    limit: i64,
) -> Result<Vec<MessageId>, DatabaseError> {
    let DbInstant(ahead) = latest_valid_lease(clock::now());
    let was_tried = dsl::tries.gt(0).or(dsl::last_error.is_not_null());
    let is_retried_ahead = was_tried.and(dsl::next_try_at.gt(DbInstant(ahead + longest_pause)));
    let was_created_ahead = dsl::created_at.gt(DbInstant(ahead)).and(dsl::next_try_at.eq(dsl::created_at));
    let is_dated_ahead = dsl::state.eq(MessageState::Waiting).and(is_retried_ahead.or(was_created_ahead));
    Ok(outbox_messages::table.filter(is_dated_ahead).select(dsl::id).limit(limit).load(connection)?)
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
pub fn has_due_message(connection: &mut Connection) -> Result<bool, DatabaseError> {
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
/// in `in_progress`, which this process is sending although its lease may have expired. Skips expired leases of others,
/// too, unless `may_take_over` is set.
pub fn claim(
    connection: &mut Connection,
    holder: LeaseHolderId,
    in_progress: &[MessageId],
    may_take_over: bool,
    limit: i64,
) -> Result<Vec<ClaimedMessage>, DatabaseError> {
    let now = clock::now();
    let due = outbox_messages::table
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false)))
        .filter(dsl::id.ne_all(in_progress))
        .filter(
            dsl::lease_holder.is_null().or(dsl::lease_holder.eq(holder)).or(may_take_over.into_sql::<Nullable<Bool>>()),
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
        .set((dsl::lease_holder.eq(holder), dsl::leased_until.eq(DbInstant(now + LEASE_DURATION))))
        .execute(connection)?;
    type Row = (
        MessageId,
        ConferenceId,
        UncheckedText,
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
    let own_templates = own_templates_of(connection, rows.iter().map(|row| row.1).collect())?;
    let uid_host = uid_hosts::find(connection)?.unwrap_or_default().letters;
    let settings = find_letter_settings(connection, &rows.iter().map(|row| row.1).collect::<Vec<_>>())?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, conference, kind_text, recipient, language, JsonValue(content), tries, created_at, domain, broadcast) =
            row;
        // A message that cannot be read must not block all others for ever.
        let kind = LetterKind::from_text(kind_text.as_str());
        let letter = kind.and_then(|kind| Some((kind, serde_json::from_value::<LetterContent>(content).ok()?)));
        let (kind, content) = match letter {
            Some(letter) => letter,
            None => {
                // The reason may contain personal data.
                tracing::error!(message.id = %id, message.kind = kind_text.as_str(), "a message cannot be read");
                record(connection, id, holder, &SendOutcome::Failed, "what the letter says cannot be read")?;
                continue;
            }
        };
        let template = preferred_languages(&language).into_iter().find_map(|preferred| {
            own_templates
                .iter()
                .find(|own| own.0 == conference && own.1.as_str() == kind.as_str() && own.2 == preferred)
        });
        let template_language =
            template.map_or_else(|| language_of(&language).as_str().to_owned(), |own| own.2.clone());
        let template = template.map(|own| own.3.clone());
        let is_broadcast = broadcast.is_some();
        claimed.push(ClaimedMessage {
            id,
            conference,
            template,
            template_language,
            kind,
            recipient,
            language,
            content,
            tries,
            created_at: created_at.0,
            domain,
            is_broadcast,
            uid_host: uid_host.clone(),
            settings: settings.get(&conference).cloned().unwrap_or_default(),
        });
    }
    Ok(claimed)
}

/// Whether a claimed message is still to be sent: in the meantime its broadcast may have been stopped, or its recipient
/// may have unsubscribed.
pub fn is_still_wanted(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let query =
        outbox_messages::table.find(message).filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false)));
    let row: Option<(ConferenceId, String, LetterKind)> =
        query.select((dsl::conference_id, dsl::recipient_folded, dsl::kind)).first(connection).optional()?;
    let Some((conference, folded, kind)) = row else { return Ok(false) };
    let reasons = find_blocked(connection, conference, &[folded])?;
    Ok(!reasons.iter().any(|(_, reason)| *reason == BlockReason::Bounced || kind.can_be_declined()))
}

/// Cancels a message that is not to be sent any more, and gives up its lease. If its broadcast is only held, it keeps
/// waiting.
pub fn cancel_unwanted(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    if !is_still_wanted(connection, message)? {
        let row = outbox_messages::table.find(message);
        diesel::update(row.filter(dsl::state.eq(MessageState::Waiting).and(dsl::is_held.eq(false))))
            .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(DbInstant(clock::now()))))
            .execute(connection)?;
    }
    unclaim(connection, &[message], clock::now(), None)
}

/// Conference, kind, language and source.
type OwnTemplateRow = (ConferenceId, UncheckedText, String, String);

fn own_templates_of(
    connection: &mut Connection,
    conferences: Vec<ConferenceId>,
) -> Result<Vec<OwnTemplateRow>, DatabaseError> {
    Ok(mail_templates::table
        .filter(mail_templates::conference_id.eq_any(conferences))
        .select((mail_templates::conference_id, mail_templates::kind, mail_templates::language, mail_templates::source))
        .load(connection)?)
}

/// Renews the leases of `holder` on the messages in `in_progress`.
pub fn renew_leases(
    connection: &mut Connection,
    holder: LeaseHolderId,
    in_progress: &[MessageId],
) -> Result<(), DatabaseError> {
    let leased_by_holder =
        outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq(MessageState::Waiting));
    diesel::update(leased_by_holder.filter(dsl::id.eq_any(in_progress)))
        .set(dsl::leased_until.eq(DbInstant(clock::now() + LEASE_DURATION)))
        .execute(connection)?;
    Ok(())
}

/// Ends every lease of `holder`, at a graceful stop.
pub fn release_leases(connection: &mut Connection, holder: LeaseHolderId) -> Result<(), DatabaseError> {
    diesel::update(
        outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq(MessageState::Waiting)),
    )
    .set((dsl::lease_holder.eq(None::<LeaseHolderId>), dsl::leased_until.eq(None::<DbInstant>)))
    .execute(connection)?;
    Ok(())
}

/// Returns claimed messages that were not attempted, to be claimed again from `next_try_at` on; `reason` is shown to
/// organisers.
pub fn unclaim(
    connection: &mut Connection,
    messages: &[MessageId],
    next_try_at: DateTime<Utc>,
    reason: Option<&str>,
) -> Result<(), DatabaseError> {
    let still_waiting =
        || outbox_messages::table.filter(dsl::id.eq_any(messages)).filter(dsl::state.eq(MessageState::Waiting));
    if let Some(reason) = reason {
        diesel::update(still_waiting()).set(dsl::last_error.eq(printable(reason))).execute(connection)?;
    }
    diesel::update(still_waiting())
        .set((
            dsl::next_try_at.eq(DbInstant(next_try_at)),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<DbInstant>),
        ))
        .execute(connection)?;
    Ok(())
}

/// Replaces control characters; PostgreSQL cannot store a NUL in a text.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Result of an attempt.
#[derive(Debug)]
pub enum SendOutcome {
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
    message: MessageId,
    holder: LeaseHolderId,
    outcome: &SendOutcome,
    reply: &str,
) -> Result<(), DatabaseError> {
    let (now, reply) = (DbInstant(clock::now()), &printable(reply));
    let (state, attempt, next_try_at) = match outcome {
        SendOutcome::Sent => (MessageState::Sent, AttemptOutcome::Sent, now),
        SendOutcome::PutOff(at) => (MessageState::Waiting, AttemptOutcome::PutOff, DbInstant(*at)),
        SendOutcome::Failed => (MessageState::Failed, AttemptOutcome::Failed, now),
    };
    let is_sent = matches!(outcome, SendOutcome::Sent);
    let row = outbox_messages::table.find(message);
    let is_leased_by_holder = dsl::state.eq(MessageState::Waiting).and(dsl::lease_holder.eq(holder).assume_not_null());
    let was_accepted = dsl::state.ne(MessageState::Failed).and(is_sent.into_sql::<Bool>());
    diesel::update(row.filter(is_leased_by_holder.or(was_accepted)))
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
    let found = row.select((dsl::kind, dsl::state, dsl::scrubbed_at)).first(connection).optional()?;
    // Without it, its conference was deleted in the meantime.
    let Some(found) = found else { return Ok(()) };
    let (kind, state, scrubbed_at): (UncheckedText, MessageState, Option<DbInstant>) = found;
    record_attempt(connection, message, attempt, reply)?;
    // Nobody verified the address: nothing about it is kept.
    let is_last_letter = kind.as_str() == LetterKind::Expired.as_str() && state != MessageState::Waiting;
    if is_last_letter || scrubbed_at.is_some() { scrub_messages(connection, &[message]) } else { Ok(()) }
}

/// Messages that are scrubbed in one transaction.
const SCRUB_BATCH: i64 = 500;

/// Removes the personal data from messages that ended before `before`, and from the letters `expired`, whose address
/// nobody verified, as soon as they ended; returns their number. Kind, state and times are kept.
pub fn scrub(connection: &mut Connection, before: DateTime<Utc>) -> Result<usize, DatabaseError> {
    let ended = outbox_messages::table
        .filter(dsl::state.ne(MessageState::Waiting))
        .filter(dsl::scrubbed_at.is_null())
        .filter(dsl::next_try_at.lt(DbInstant(before)).or(dsl::kind.eq(LetterKind::Expired)))
        .limit(SCRUB_BATCH)
        .select(dsl::id);
    let ids: Vec<MessageId> = match connection {
        Connection::Postgresql(inner) => ended.for_update().skip_locked().load(inner)?,
        Connection::Sqlite(inner) => ended.load(inner)?,
    };
    scrub_messages(connection, &ids)?;
    Ok(ids.len())
}

/// Removes the personal data from these messages.
pub fn scrub_messages(connection: &mut Connection, ids: &[MessageId]) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(ids)))
        .set((
            dsl::recipient.eq(""),
            dsl::recipient_folded.eq(""),
            dsl::domain.eq(""),
            dsl::content.eq(JsonValue(serde_json::json!({}))),
            dsl::last_error.eq(None::<String>),
            dsl::scrubbed_at.eq(DbInstant(clock::now())),
        ))
        .execute(connection)?;
    diesel::update(mail_attempts::table.filter(mail_attempts::message_id.eq_any(ids)))
        .set(mail_attempts::reply.eq(None::<String>))
        .execute(connection)?;
    Ok(())
}
