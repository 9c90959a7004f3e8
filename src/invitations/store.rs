//! Queries of invitations.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    database::{
        Connection, DatabaseError,
        connection::MultiBackend,
        schema::invitations::{self, dsl},
        types::DbInstant,
    },
    ids::{ConferenceId, InvitationId},
    registration::reservations::{Invitation, InvitationKind, InvitationStatus},
};

/// The filter and the page of a list of invitations.
#[derive(Debug)]
pub struct InvitationFilter {
    pub status: Option<InvitationStatus>,
    pub kind: Option<InvitationKind>,
    pub after: Option<InvitationId>,
    pub limit: i64,
}

/// A page of the conference's invitations, in the order of creation. When the conference is over, so is every
/// invitation with a use left.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    filter: &InvitationFilter,
    is_conference_over: bool,
    now: DateTime<Utc>,
) -> Result<Vec<Invitation>, DatabaseError> {
    let now = DbInstant(now);
    let mut query = invitations::table.filter(dsl::conference_id.eq(conference)).into_boxed::<MultiBackend>();
    if let Some(kind) = filter.kind {
        query = query.filter(dsl::kind.eq(kind));
    }
    if let Some(after) = filter.after {
        query = query.filter(dsl::id.gt(after));
    }
    let has_use_left = || dsl::uses_max.is_null().or(dsl::uses.nullable().lt(dsl::uses_max));
    match filter.status {
        Some(InvitationStatus::Used) => query = query.filter(dsl::uses.nullable().ge(dsl::uses_max)),
        Some(InvitationStatus::Over) if is_conference_over => query = query.filter(has_use_left()),
        Some(InvitationStatus::Over) => {
            query = query.filter(has_use_left()).filter(dsl::ended_at.is_not_null().or(dsl::expires_at.le(now)));
        }
        Some(InvitationStatus::Open) if is_conference_over => return Ok(Vec::new()),
        Some(InvitationStatus::Open) => {
            let has_not_expired = dsl::expires_at.is_null().or(dsl::expires_at.gt(now));
            query = query.filter(has_use_left()).filter(dsl::ended_at.is_null()).filter(has_not_expired);
        }
        None => {}
    }
    Ok(query.order(dsl::id).limit(filter.limit).select(Invitation::as_select()).load(connection)?)
}

/// Who has an open personal invitation to one of these folded addresses: address and, if it is known, name.
pub fn find_invited(
    connection: &mut Connection,
    conference: ConferenceId,
    addresses: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<(String, Option<String>)>, DatabaseError> {
    let invitations: Vec<Invitation> = invitations::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::kind.eq(InvitationKind::Personal))
        .filter(dsl::email_folded.eq_any(addresses))
        .select(Invitation::as_select())
        .load(connection)?;
    let usable = invitations.into_iter().filter(|invitation| invitation.is_usable(now));
    Ok(usable.filter_map(|invitation| Some((invitation.email_folded?, invitation.name))).collect())
}
