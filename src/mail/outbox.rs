//! The outbox: the rows of messages, and the leases under which processes share them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{Bool, Nullable},
};

use super::{
    letter::{Letter, LetterContent, LetterKind},
    render::language_of,
    store::{Block, blocked_of},
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{
            mail_attempts, mail_templates,
            outbox_messages::{self, dsl},
        },
        types::{Instant, JsonValue},
    },
    ids::{BroadcastId, ConferenceId, Id, LeaseHolderId, MailAttemptId, MessageId, RegistrationEventId},
};

/// A lease lapses this long after its holder last renewed it.
pub const LEASE: TimeDelta = TimeDelta::seconds(10);

/// A lease until later than this is void: the clock was set back since, and its holder would have renewed it.
pub(super) fn impossible(now: DateTime<Utc>) -> Instant {
    Instant(now + LEASE + LEASE)
}

/// A message that this process holds.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id, of which its `Message-ID` is made.
    pub id: MessageId,
    /// The conference that writes.
    pub conference: ConferenceId,
    /// The text that the conference has in place of the one that ships.
    pub template: Option<String>,
    /// What it is about.
    pub kind: LetterKind,
    /// Where it goes.
    pub recipient: String,
    /// The reader's language.
    pub language: String,
    /// The facts that the template of its kind is filled with.
    pub content: LetterContent,
    /// Attempts so far.
    pub tries: i32,
    /// When it was caused.
    pub created_at: DateTime<Utc>,
    /// The domain of the address.
    pub domain: String,
    /// Whether it is one of many, which may be stopped.
    pub is_of_broadcast: bool,
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
    priority: i32,
    domain: String,
    broadcast_id: Option<BroadcastId>,
    recipient_folded: String,
}

/// The domain of an address, by which messages are paced.
fn domain(address: &str) -> String {
    address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default()
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
                next_try_at: letter.not_before.map_or(now, Instant),
                created_at: now,
                event_id: letter.event,
                // A confirmation overtakes ten thousand announcements.
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

/// Up to `limit` messages that wait for an instant which a clock that was ahead has set. Who caused a message for later
/// than at once chose that instant, and it stays.
///
/// # Errors
/// The store fails.
pub fn overtaken(
    connection: &mut Connection,
    longest_pause: TimeDelta,
    limit: i64,
) -> Result<Vec<MessageId>, DatabaseError> {
    let Instant(ahead) = impossible(clock::now());
    let was_tried = dsl::tries.gt(0).or(dsl::last_error.is_not_null());
    let waits_for_a_retry = was_tried.and(dsl::next_try_at.gt(Instant(ahead + longest_pause)));
    let waits_for_its_cause = dsl::created_at.gt(Instant(ahead)).and(dsl::next_try_at.eq(dsl::created_at));
    let waits = dsl::state.eq("waiting").and(waits_for_a_retry.or(waits_for_its_cause));
    Ok(outbox_messages::table.filter(waits).select(dsl::id).limit(limit).load(connection)?)
}

/// Makes messages due.
///
/// # Errors
/// The store fails.
pub fn hurry(connection: &mut Connection, messages: &[MessageId]) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(messages)).filter(dsl::state.eq("waiting")))
        .set(dsl::next_try_at.eq(Instant(clock::now())))
        .execute(connection)?;
    Ok(())
}

/// Whether a message is due that nobody holds.
///
/// # Errors
/// The store fails.
pub fn is_due(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let now = clock::now();
    let first: Option<MessageId> = outbox_messages::table
        .filter(dsl::state.eq("waiting").and(dsl::is_held.eq(false)))
        .filter(dsl::next_try_at.le(Instant(now)))
        .filter(
            dsl::leased_until
                .is_null()
                .or(dsl::leased_until.lt(Instant(now)))
                .or(dsl::leased_until.gt(impossible(now))),
        )
        .select(dsl::id)
        .first(connection)
        .optional()?;
    Ok(first.is_some())
}

/// Takes up to `limit` due messages for `holder`, the oldest first. What another process holds is passed over, and so
/// is what this one has `in_hand`, though its lease may have lapsed. A lease of another that lapsed is passed over,
/// too, unless this one `takes_over`.
///
/// # Errors
/// The store fails.
pub fn claim(
    connection: &mut Connection,
    holder: LeaseHolderId,
    (in_hand, takes_over): (&[MessageId], bool),
    limit: i64,
) -> Result<Vec<Claimed>, DatabaseError> {
    let now = clock::now();
    let due = outbox_messages::table
        .filter(dsl::state.eq("waiting").and(dsl::is_held.eq(false)))
        .filter(dsl::id.ne_all(in_hand))
        .filter(
            dsl::lease_holder.is_null().or(dsl::lease_holder.eq(holder)).or(takes_over.into_sql::<Nullable<Bool>>()),
        )
        .filter(dsl::next_try_at.le(Instant(now)))
        .filter(
            dsl::leased_until
                .is_null()
                .or(dsl::leased_until.lt(Instant(now)))
                .or(dsl::leased_until.gt(impossible(now))),
        )
        .order((dsl::priority, dsl::next_try_at, dsl::id))
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
    type Row = (MessageId, ConferenceId, String, String, String, JsonValue, i32, Instant, String, Option<BroadcastId>);
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
        // One that nobody can read must not stand before all others for ever.
        let kind = LetterKind::from_word(&word);
        let read = kind.and_then(|kind| Some((kind, serde_json::from_value::<LetterContent>(content).ok()?)));
        let (kind, content) = match read {
            Some(read) => read,
            None => {
                // The reason may quote what it says of somebody.
                tracing::error!(message.id = %id, message.kind = %word, "a message cannot be read");
                record(connection, (id, holder), &Outcome::Failed, "what the letter says cannot be read")?;
                continue;
            }
        };
        let spoken = language_of(&language);
        let template = own.iter().find(|own| own.0 == conference && own.1 == kind.as_str() && own.2 == spoken);
        let template = template.map(|own| own.3.clone());
        let is_of_broadcast = broadcast.is_some();
        claimed.push(Claimed {
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

/// Whether a message that was claimed is still to be sent: its broadcast may have been stopped, or its reader have
/// left, while others were sent before it.
///
/// # Errors
/// The store fails.
pub fn is_wanted(connection: &mut Connection, message: MessageId) -> Result<bool, DatabaseError> {
    let wanted = outbox_messages::table.find(message).filter(dsl::state.eq("waiting").and(dsl::is_held.eq(false)));
    let found: Option<(ConferenceId, String, String)> =
        wanted.select((dsl::conference_id, dsl::recipient_folded, dsl::kind)).first(connection).optional()?;
    let Some((conference, folded, kind)) = found else { return Ok(false) };
    let can_be_declined = LetterKind::from_word(&kind).is_some_and(LetterKind::can_be_declined);
    let reasons = blocked_of(connection, conference, &[folded])?;
    Ok(!reasons.iter().any(|(_, reason)| reason == Block::Bounced.as_str() || can_be_declined))
}

/// Takes a message back that is not to be sent any more, for good unless its broadcast is only held.
///
/// # Errors
/// The store fails.
pub fn drop_unwanted(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    if !is_wanted(connection, message)? {
        let of_it = outbox_messages::table.find(message);
        diesel::update(of_it.filter(dsl::state.eq("waiting").and(dsl::is_held.eq(false))))
            .set((dsl::state.eq("cancelled"), dsl::next_try_at.eq(Instant(clock::now()))))
            .execute(connection)?;
    }
    give_back(connection, &[message], clock::now(), None)
}

type OwnTemplate = (ConferenceId, String, String, String);

fn templates(connection: &mut Connection, of: Vec<ConferenceId>) -> Result<Vec<OwnTemplate>, DatabaseError> {
    Ok(mail_templates::table
        .filter(mail_templates::conference_id.eq_any(of))
        .select((mail_templates::conference_id, mail_templates::kind, mail_templates::language, mail_templates::source))
        .load(connection)?)
}

/// Holds on to the messages that `holder` has in hand.
///
/// # Errors
/// The store fails.
pub fn renew(connection: &mut Connection, holder: LeaseHolderId, in_hand: &[MessageId]) -> Result<(), DatabaseError> {
    let of_holder = outbox_messages::table.filter(dsl::lease_holder.eq(holder)).filter(dsl::state.eq("waiting"));
    diesel::update(of_holder.filter(dsl::id.eq_any(in_hand)))
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

/// Gives messages back that were not tried, to be taken again from `next_try_at` on; `why` is kept for who asks.
///
/// # Errors
/// The store fails.
pub fn give_back(
    connection: &mut Connection,
    messages: &[MessageId],
    next_try_at: DateTime<Utc>,
    why: Option<&str>,
) -> Result<(), DatabaseError> {
    let of_them = || outbox_messages::table.filter(dsl::id.eq_any(messages)).filter(dsl::state.eq("waiting"));
    if let Some(why) = why {
        diesel::update(of_them()).set(dsl::last_error.eq(printable(why))).execute(connection)?;
    }
    diesel::update(of_them())
        .set((
            dsl::next_try_at.eq(Instant(next_try_at)),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<Instant>),
        ))
        .execute(connection)?;
    Ok(())
}

/// A server's words without what no store takes: PostgreSQL has no NUL in a text.
fn printable(words: &str) -> String {
    words.replace(char::is_control, " ")
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// It was accepted: it is never sent again.
    Sent,
    /// It is tried again at that time.
    PutOff(DateTime<Utc>),
    /// It is not tried again.
    Failed,
}

#[derive(Insertable)]
#[diesel(table_name = mail_attempts)]
struct NewAttempt<'a> {
    id: MailAttemptId,
    message_id: MessageId,
    at: Instant,
    outcome: &'static str,
    reply: &'a str,
}

/// Records what came of an attempt of `holder` to send a message, with the server's words. An attempt that failed
/// changes nothing where the message was taken back meanwhile, or another process took it over; one that succeeded
/// does, unless the message came back already.
///
/// # Errors
/// The store fails.
pub fn record(
    connection: &mut Connection,
    (message, holder): (MessageId, LeaseHolderId),
    outcome: &Outcome,
    reply: &str,
) -> Result<(), DatabaseError> {
    let (now, reply) = (Instant(clock::now()), &printable(reply));
    let (state, word, next_try_at) = match outcome {
        Outcome::Sent => ("sent", "sent", now),
        Outcome::PutOff(at) => ("waiting", "put_off", Instant(*at)),
        Outcome::Failed => ("failed", "failed", now),
    };
    let is_sent = matches!(outcome, Outcome::Sent);
    let of_it = outbox_messages::table.find(message);
    let is_ours = dsl::state.eq("waiting").and(dsl::lease_holder.eq(holder).assume_not_null());
    let was_accepted = dsl::state.ne("failed").and(is_sent.into_sql::<Bool>());
    let recorded = diesel::update(of_it.filter(is_ours.or(was_accepted)))
        .set((
            dsl::state.eq(state),
            dsl::tries.eq(dsl::tries + 1),
            dsl::next_try_at.eq(next_try_at),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<Instant>),
            dsl::sent_at.eq(is_sent.then_some(now)),
            dsl::last_error.eq((!is_sent).then_some(reply.as_str())),
        ))
        .execute(connection)?;
    let is_there = recorded == 1 || of_it.count().get_result::<i64>(connection)? == 1;
    if !is_there {
        // Its conference went while it was on its way.
        return Ok(());
    }
    note_attempt(connection, message, word, reply)
}

/// Notes an attempt to send a message, and what came of it.
///
/// # Errors
/// The store fails.
pub fn note_attempt(
    connection: &mut Connection,
    message: MessageId,
    outcome: &'static str,
    reply: &str,
) -> Result<(), DatabaseError> {
    diesel::insert_into(mail_attempts::table)
        .values(NewAttempt { id: Id::new(), message_id: message, at: Instant(clock::now()), outcome, reply })
        .execute(connection)?;
    Ok(())
}

/// Messages that are scrubbed in one transaction.
const SCRUB: i64 = 500;

/// Takes what delivered and given-up messages say of people out of those that ended before `before`; answers how many.
/// That there was a message, about what and when, stays.
///
/// # Errors
/// The store fails.
pub fn scrub(connection: &mut Connection, before: DateTime<Utc>) -> Result<usize, DatabaseError> {
    let ended = outbox_messages::table
        .filter(dsl::state.ne("waiting"))
        .filter(dsl::scrubbed_at.is_null())
        .filter(dsl::next_try_at.lt(Instant(before)))
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
            dsl::scrubbed_at.eq(Instant(clock::now())),
        ))
        .execute(connection)?;
    diesel::update(mail_attempts::table.filter(mail_attempts::message_id.eq_any(&ids)))
        .set(mail_attempts::reply.eq(None::<String>))
        .execute(connection)?;
    Ok(ids.len())
}
