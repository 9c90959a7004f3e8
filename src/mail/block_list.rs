//! The addresses that are not written to.

use diesel::prelude::*;

use super::{letter::LetterKind, withdrawal::withdraw_from_mailbox};
use crate::{
    clock,
    database::{
        Connection, DatabaseError, on_backend,
        schema::mail_blocks,
        types::{DbInstant, text_enum_columns},
    },
    ids::ConferenceId,
    values::text_enum,
};

text_enum! {
    /// Why an address gets no broadcasts.
    BlockReason {
        /// Mail to the address bounced.
        Bounced = "bounced",
        /// The recipient unsubscribed from broadcasts that can be declined.
        Unsubscribed = "unsubscribed",
    }
}
text_enum_columns!(BlockReason);

/// Blocks an address and cancels its waiting broadcast messages. An existing block is left as it is.
pub fn block(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_address: &str,
    reason: BlockReason,
    detail: Option<&str>,
) -> Result<(), DatabaseError> {
    let row = (
        mail_blocks::conference_id.eq(conference),
        mail_blocks::address_folded.eq(folded_address),
        mail_blocks::reason.eq(reason),
        mail_blocks::detail.eq(detail),
        mail_blocks::created_at.eq(DbInstant(clock::now())),
    );
    let insert = diesel::insert_into(mail_blocks::table).values(row).on_conflict_do_nothing();
    on_backend!(connection, inner => insert.execute(inner))?;
    // Who unsubscribed still gets notices about changed or cancelled sessions.
    let kinds = match reason {
        BlockReason::Bounced => &LetterKind::OF_BROADCASTS[..],
        BlockReason::Unsubscribed => &LetterKind::DECLINABLE[..],
    };
    withdraw_from_mailbox(connection, conference, folded_address, kinds)
}

/// Removes a block; returns whether there was one.
pub fn unblock(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_address: &str,
    reason: BlockReason,
) -> Result<bool, DatabaseError> {
    let key = (conference, folded_address, reason);
    Ok(diesel::delete(mail_blocks::table.find(key)).execute(connection)? == 1)
}

#[derive(Debug, Queryable)]
pub struct BlockedAddress {
    /// The address, folded.
    pub address: String,
    pub reason: BlockReason,
    /// The mail server's reply, for a bounce.
    pub detail: Option<String>,
    pub created_at: DbInstant,
}

/// Blocked addresses of a conference, sorted, after the address `after`.
pub fn list_blocked(
    connection: &mut Connection,
    conference: ConferenceId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<BlockedAddress>, DatabaseError> {
    let rows = mail_blocks::table
        .filter(mail_blocks::conference_id.eq(conference))
        .filter(mail_blocks::address_folded.gt(after.unwrap_or_default()))
        .order((mail_blocks::address_folded, mail_blocks::reason))
        .limit(limit)
        .select((mail_blocks::address_folded, mail_blocks::reason, mail_blocks::detail, mail_blocks::created_at));
    Ok(rows.load(connection)?)
}

/// Which of these addresses (folded) are blocked, with the reasons.
pub fn find_blocked(
    connection: &mut Connection,
    conference: ConferenceId,
    folded_addresses: &[String],
) -> Result<Vec<(String, BlockReason)>, DatabaseError> {
    Ok(mail_blocks::table
        .filter(mail_blocks::conference_id.eq(conference))
        .filter(mail_blocks::address_folded.eq_any(folded_addresses))
        .select((mail_blocks::address_folded, mail_blocks::reason))
        .load(connection)?)
}
