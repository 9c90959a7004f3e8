//! Erasure of what was written to an address that nobody verified.

use diesel::prelude::*;
use uuid::Uuid;

use super::{
    block_list::BlockReason,
    letter::{LetterKind, MessageState},
    outbox::scrub_messages,
};
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::{
            mail_blocks,
            outbox_messages::{self, dsl},
        },
        types::{DbInstant, JsonValue, UncheckedText},
    },
    ids::{ConferenceId, MessageId, RegistrationEventId},
    values::EmailAddress,
};

/// Removes the personal data from the messages about a registration: from those that its `events` caused, and from
/// others to its address, such as its link. What waits is not sent any more. One letter still is: the one which says
/// that the registration expired. It is erased when it is over ([`super::outbox::record`]).
pub fn erase_messages(
    connection: &mut Connection,
    conference: ConferenceId,
    registration: Uuid,
    events: &[RegistrationEventId],
    recipient: &EmailAddress,
) -> Result<(), DatabaseError> {
    type Row = (MessageId, UncheckedText, MessageState, JsonValue);
    let columns = (dsl::id, dsl::kind, dsl::state, dsl::content);
    let mut rows: Vec<Row> =
        outbox_messages::table.filter(dsl::event_id.eq_any(events)).select(columns).load(connection)?;
    let others: Vec<Row> = outbox_messages::table
        .filter(dsl::recipient.eq(recipient.as_str()))
        .filter(dsl::conference_id.eq(conference).and(dsl::event_id.is_null()))
        .select(columns)
        .load(connection)?;
    let registration = registration.to_string();
    let is_about =
        |content: &JsonValue| content.0.get("registration").and_then(|id| id.as_str()) == Some(&registration);
    rows.extend(others.into_iter().filter(|(.., content)| is_about(content)));
    let is_last_letter = |kind: &UncheckedText, state: MessageState| {
        state == MessageState::Waiting && kind.as_str() == LetterKind::Expired.as_str()
    };
    rows.retain(|(_, kind, state, _)| !is_last_letter(kind, *state));
    let waiting: Vec<MessageId> =
        rows.iter().filter(|(_, _, state, _)| *state == MessageState::Waiting).map(|(id, ..)| *id).collect();
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(&waiting)))
        .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(DbInstant(clock::now()))))
        .execute(connection)?;
    scrub_messages(connection, &rows.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
}

/// Forgets that mail to an address (folded) bounced. That its owner wants no more mail is kept.
pub fn forget_bounces(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_address: &str,
) -> Result<(), DatabaseError> {
    diesel::delete(mail_blocks::table.find((conference, folded_address, BlockReason::Bounced))).execute(connection)?;
    Ok(())
}
