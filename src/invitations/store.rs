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

/// A page of the conference's invitations, in the order of creation.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    wanted: &InvitationFilter,
    now: DateTime<Utc>,
) -> Result<Vec<Invitation>, DatabaseError> {
    let now = DbInstant(now);
    let mut query = invitations::table.filter(dsl::conference_id.eq(conference)).into_boxed::<MultiBackend>();
    if let Some(kind) = wanted.kind {
        query = query.filter(dsl::kind.eq(kind));
    }
    if let Some(after) = wanted.after {
        query = query.filter(dsl::id.gt(after));
    }
    let has_use = || dsl::uses_max.is_null().or(dsl::uses.nullable().lt(dsl::uses_max));
    match wanted.status {
        Some(InvitationStatus::Used) => query = query.filter(dsl::uses.nullable().ge(dsl::uses_max)),
        Some(InvitationStatus::Over) => {
            query = query.filter(has_use()).filter(dsl::ended_at.is_not_null().or(dsl::expires_at.le(now)));
        }
        Some(InvitationStatus::Open) => {
            let lasts = dsl::expires_at.is_null().or(dsl::expires_at.gt(now));
            query = query.filter(has_use()).filter(dsl::ended_at.is_null()).filter(lasts);
        }
        None => {}
    }
    Ok(query.order(dsl::id).limit(wanted.limit).select(Invitation::as_select()).load(connection)?)
}

/// Those of these folded addresses that have an open personal invitation.
pub fn invited(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<String>, DatabaseError> {
    let found: Vec<Invitation> = invitations::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::kind.eq(InvitationKind::Personal))
        .filter(dsl::email_folded.eq_any(folded))
        .select(Invitation::as_select())
        .load(connection)?;
    Ok(found.into_iter().filter(|found| found.is_usable(now)).filter_map(|found| found.email_folded).collect())
}
