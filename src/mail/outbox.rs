//! The outbox: the rows of messages, and the leases under which processes share them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::{
    letter::{Letter, LetterContent, LetterKind},
    render::language_of,
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
    values::EmailAddress,
};

/// A lease lapses this long after its holder last renewed it.
pub const LEASE: TimeDelta = TimeDelta::seconds(10);

/// A message that this process holds.
#[derive(Debug)]
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
    /// What it says.
    pub content: LetterContent,
    /// Attempts so far.
    pub tries: i32,
    /// When it was caused.
    pub created_at: DateTime<Utc>,
    /// The domain of the address.
    pub domain: String,
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
    type Row = (MessageId, ConferenceId, String, String, String, JsonValue, i32, Instant, String);
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
        ))
        .load(connection)?;
    let own = templates(connection, rows.iter().map(|row| row.1).collect())?;
    rows.into_iter()
        .map(|(id, conference, kind, recipient, language, JsonValue(content), tries, Instant(created_at), domain)| {
            let kind = LetterKind::from_word(&kind)
                .ok_or_else(|| DatabaseError::Corrupt(format!("message {id} is of kind {kind}")))?;
            let content = serde_json::from_value(content)
                .map_err(|error| DatabaseError::Corrupt(format!("message {id}: {error}")))?;
            let spoken = language_of(&language);
            let template = own.iter().find(|own| own.0 == conference && own.1 == kind.as_str() && own.2 == spoken);
            let template = template.map(|own| own.3.clone());
            Ok(Claimed { id, conference, template, kind, recipient, language, content, tries, created_at, domain })
        })
        .collect()
}

type OwnTemplate = (ConferenceId, String, String, String);

fn templates(connection: &mut Connection, of: Vec<ConferenceId>) -> Result<Vec<OwnTemplate>, DatabaseError> {
    Ok(mail_templates::table
        .filter(mail_templates::conference_id.eq_any(of))
        .select((mail_templates::conference_id, mail_templates::kind, mail_templates::language, mail_templates::source))
        .load(connection)?)
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
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(messages)).filter(dsl::state.eq("waiting")))
        .set((
            dsl::last_error.eq(why),
            dsl::next_try_at.eq(Instant(next_try_at)),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<Instant>),
        ))
        .execute(connection)?;
    Ok(())
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

/// Records what came of an attempt to send a message, with the server's words.
///
/// # Errors
/// The store fails.
pub fn record(
    connection: &mut Connection,
    message: MessageId,
    outcome: &Outcome,
    reply: &str,
) -> Result<(), DatabaseError> {
    let now = Instant(clock::now());
    let (state, word, next_try_at) = match outcome {
        Outcome::Sent => ("sent", "sent", now),
        Outcome::PutOff(at) => ("waiting", "put_off", Instant(*at)),
        Outcome::Failed => ("failed", "failed", now),
    };
    let is_sent = matches!(outcome, Outcome::Sent);
    let recorded = diesel::update(outbox_messages::table.find(message))
        .set((
            dsl::state.eq(state),
            dsl::tries.eq(dsl::tries + 1),
            dsl::next_try_at.eq(next_try_at),
            dsl::lease_holder.eq(None::<LeaseHolderId>),
            dsl::leased_until.eq(None::<Instant>),
            dsl::sent_at.eq(is_sent.then_some(now)),
            dsl::last_error.eq((!is_sent).then_some(reply)),
        ))
        .execute(connection)?;
    if recorded == 0 {
        // Its conference went while it was on its way.
        return Ok(());
    }
    diesel::insert_into(mail_attempts::table)
        .values(NewAttempt { id: Id::new(), message_id: message, at: now, outcome: word, reply })
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
    /// What it says.
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
    let free = dsl::leased_until.is_null().or(dsl::leased_until.lt(now));
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
        .filter(dsl::leased_until.is_null().or(dsl::leased_until.lt(now)))
        .set((dsl::state.eq("cancelled"), dsl::next_try_at.eq(now)))
        .execute(connection)?;
    Ok(cancelled == 1)
}

/// Takes the waiting messages of a broadcast back, or lets those that were taken back wait again.
///
/// # Errors
/// The store fails.
pub fn turn(connection: &mut Connection, broadcast: BroadcastId, from: &str, to: &str) -> Result<usize, DatabaseError> {
    let now = Instant(clock::now());
    Ok(diesel::update(outbox_messages::table.filter(dsl::broadcast_id.eq(broadcast)))
        .filter(dsl::state.eq(from))
        .filter(dsl::scrubbed_at.is_null())
        .filter(dsl::leased_until.is_null().or(dsl::leased_until.lt(now)))
        .set(dsl::state.eq(to))
        .execute(connection)?)
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

/// Which of these addresses have the broadcast, or are about to.
///
/// # Errors
/// The store fails.
pub fn reached(
    connection: &mut Connection,
    broadcast: BroadcastId,
    recipients: &[&str],
) -> Result<Vec<String>, DatabaseError> {
    Ok(outbox_messages::table
        .filter(dsl::broadcast_id.eq(broadcast))
        .filter(dsl::recipient.eq_any(recipients))
        .select(dsl::recipient)
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
    let now = Instant(clock::now());
    diesel::update(outbox_messages::table.find(message).filter(dsl::state.eq("sent")))
        .set((dsl::state.eq("failed"), dsl::last_error.eq(words)))
        .execute(connection)?;
    diesel::insert_into(mail_attempts::table)
        .values(NewAttempt { id: Id::new(), message_id: message, at: now, outcome: "failed", reply: words })
        .execute(connection)?;
    Ok(())
}
