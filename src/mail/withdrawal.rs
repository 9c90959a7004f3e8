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
    ids::ConferenceId,
};

/// Cancels the waiting broadcast messages of these kinds to these addresses (folded).
pub fn withdraw(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_addresses: &[String],
    kinds: &[LetterKind],
) -> Result<(), DatabaseError> {
    diesel::update(outbox_messages::table.filter(dsl::recipient_folded.eq_any(folded_addresses)))
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::state.eq(MessageState::Waiting).and(dsl::broadcast_id.is_not_null()))
        .filter(dsl::kind.eq_any(kinds))
        .set((dsl::state.eq(MessageState::Cancelled), dsl::next_try_at.eq(DbInstant(clock::now()))))
        .execute(connection)?;
    Ok(())
}
