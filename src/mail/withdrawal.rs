//! Messages that wait and are not sent any more.

use diesel::prelude::*;

use super::letter::{LetterKind, MessageState};
use crate::{
    clock,
    database::{
        Connection, DatabaseError,
        schema::outbox_messages::{self, dsl},
        types::DbInstant,
    },
    ids::{ConferenceId, MessageId, RegistrationId},
};

/// Cancels the waiting broadcast messages of these kinds to a mailbox (its address, folded), whoever they are for.
pub fn withdraw_from_mailbox(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_address: &str,
    kinds: &[LetterKind],
) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::recipient_folded.eq(folded_address)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::broadcast_id.is_not_null()))
        .filter(dsl::kind.eq_any(kinds))
        .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(DbInstant(clock::now()))))
        .execute(connection)?;
    Ok(())
}

/// Cancels the waiting broadcast messages of these kinds to one person: to the addressee if several people share the
/// mailbox, else to whoever has it alone.
pub fn withdraw_from(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_address: &str,
    addressee: Option<RegistrationId>,
    kinds: &[LetterKind],
) -> Result<(), DatabaseError> {
    let to_mailbox = outbox_messages::table
        .filter(dsl::recipient_folded.eq(folded_address))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::broadcast_id.is_not_null()))
        .filter(dsl::kind.eq_any(kinds))
        .select(dsl::id)
        .into_boxed();
    let to_person = match addressee {
        Some(addressee) => to_mailbox.filter(dsl::addressee_id.eq(addressee)),
        None => to_mailbox.filter(dsl::addressee_id.is_null()),
    };
    let messages: Vec<MessageId> = to_person.load(connection)?;
    diesel::update(outbox_messages::table.filter(dsl::id.eq_any(messages)))
        .filter(dsl::state.eq(MessageState::Waiting))
        .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(DbInstant(clock::now()))))
        .execute(connection)?;
    Ok(())
}
