//! The rows of invitations.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    database::{
        Connection, DatabaseError,
        schema::{
            invitations::{self, dsl},
            registrations,
        },
        types::Instant,
    },
    ids::{CategoryId, ConferenceId, InvitationId},
    registration::model::State,
};

/// A personal invitation, or a shared access code.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitations)]
pub struct Invitation {
    pub id: InvitationId,
    pub kind: String,
    pub label: String,
    pub category_id: Option<CategoryId>,
    pub email_folded: Option<String>,
    pub uses_max: Option<i32>,
    pub uses: i32,
    pub seats_reserved: i32,
    pub generation: i32,
    pub expires_at: Option<Instant>,
    pub ended_at: Option<Instant>,
}

impl Invitation {
    /// Whether it can be used now.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        let has_use = self.uses_max.is_none_or(|most| self.uses < most);
        let is_over = self.ended_at.is_some() || self.expires_at.is_some_and(|Instant(at)| at <= now);
        has_use && !is_over
    }
}

/// The invitation of this id.
pub fn find(
    connection: &mut Connection,
    conference: ConferenceId,
    id: InvitationId,
) -> Result<Option<Invitation>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::id.eq(id))
        .filter(dsl::conference_id.eq(conference))
        .select(Invitation::as_select())
        .first(connection)
        .optional()?)
}

/// The shared access code of this digest.
pub fn find_by_digest(
    connection: &mut Connection,
    conference: ConferenceId,
    digest: &str,
) -> Result<Option<Invitation>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::code_digest.eq(digest))
        .filter(dsl::conference_id.eq(conference))
        .select(Invitation::as_select())
        .first(connection)
        .optional()?)
}

/// Counts a use; false where none is left.
pub fn use_once(connection: &mut Connection, id: InvitationId) -> Result<bool, DatabaseError> {
    let has_use = dsl::uses_max.is_null().or(dsl::uses.nullable().lt(dsl::uses_max));
    let used = diesel::update(invitations::table.find(id).filter(has_use))
        .set(dsl::uses.eq(dsl::uses + 1))
        .execute(connection)?;
    Ok(used == 1)
}

/// Takes one of the reserved seats; false where there is none.
pub fn use_reserved(
    connection: &mut Connection,
    id: InvitationId,
    category: CategoryId,
) -> Result<bool, DatabaseError> {
    let reserves = dsl::seats_reserved.gt(0).and(dsl::category_id.eq(category));
    let used = diesel::update(invitations::table.find(id).filter(reserves))
        .set(dsl::seats_reserved.eq(dsl::seats_reserved - 1))
        .execute(connection)?;
    Ok(used == 1)
}

/// Lowers the reserved seats to those that can still be used: by uses that are left while it is not over, and by
/// registrations that came by it and have not got their seat yet.
pub fn settle_reserved(connection: &mut Connection, id: InvitationId) -> Result<i32, DatabaseError> {
    let found: Option<Invitation> =
        invitations::table.find(id).select(Invitation::as_select()).first(connection).optional()?;
    let Some(invitation) = found.filter(|invitation| invitation.seats_reserved > 0) else {
        return Ok(0);
    };
    let under_way: i64 = registrations::table
        .filter(registrations::invitation_id.eq(id))
        .filter(registrations::state.eq_any([State::Unverified.as_str(), State::Pending.as_str()]))
        .count()
        .get_result(connection)?;
    let left = match (invitation.ended_at, invitation.uses_max) {
        (Some(_), _) => 0,
        (None, Some(most)) => most - invitation.uses,
        (None, None) => invitation.seats_reserved,
    };
    let usable = left.saturating_add(i32::try_from(under_way).unwrap_or(i32::MAX));
    let surplus = (invitation.seats_reserved - usable).max(0);
    if surplus > 0 {
        diesel::update(invitations::table.find(id))
            .set(dsl::seats_reserved.eq(dsl::seats_reserved - surplus))
            .execute(connection)?;
    }
    Ok(surplus)
}

/// Invitations that are over at `now`, have not been ended and reserve seats.
pub fn over(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<(InvitationId, Option<CategoryId>)>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.le(Instant(now)))
        .filter(dsl::seats_reserved.gt(0))
        .order(dsl::id)
        .select((dsl::id, dsl::category_id))
        .load(connection)?)
}

/// Conferences with such invitations.
pub fn conferences_with_those_over(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Vec<ConferenceId>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.le(Instant(now)))
        .filter(dsl::seats_reserved.gt(0))
        .select(dsl::conference_id)
        .distinct()
        .load(connection)?)
}

/// Ends an invitation: nobody can use it any more.
pub fn end(connection: &mut Connection, id: InvitationId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::update(invitations::table.find(id)).set(dsl::ended_at.eq(Instant(now))).execute(connection)?;
    Ok(())
}
