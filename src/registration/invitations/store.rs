//! The rows of invitations.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::{
    database::violation::broken_constraint,
    database::{
        Connection, DatabaseError,
        connection::MultiBackend,
        insert_all,
        schema::{
            invitations::{self, dsl},
            registrations,
        },
        types::Instant,
    },
    ids::{CategoryId, ConferenceId, InvitationId},
    registration::{RegistrationError, invitations::InvitationStatus, model::State},
};

/// A personal invitation, or a shared access code.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitations)]
pub struct Invitation {
    pub id: InvitationId,
    pub kind: String,
    pub label: String,
    pub category_id: Option<CategoryId>,
    pub email: Option<String>,
    pub email_folded: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub uses_max: Option<i32>,
    pub uses: i32,
    pub seats_reserved: i32,
    pub generation: i32,
    pub expires_at: Option<Instant>,
    pub ended_at: Option<Instant>,
    pub created_at: Instant,
}

impl Invitation {
    /// Whether it can be used now.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        let has_use = self.uses_max.is_none_or(|most| self.uses < most);
        let is_over = self.ended_at.is_some() || self.expires_at.is_some_and(|Instant(at)| at <= now);
        has_use && !is_over
    }

    /// Where it stands now.
    pub fn status(&self, now: DateTime<Utc>) -> InvitationStatus {
        if self.uses_max.is_some_and(|most| self.uses >= most) {
            InvitationStatus::Used
        } else if self.is_usable(now) {
            InvitationStatus::Open
        } else {
            InvitationStatus::Over
        }
    }
}

/// A new invitation.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = invitations)]
pub struct NewRow {
    pub id: InvitationId,
    pub conference_id: ConferenceId,
    pub kind: &'static str,
    pub code_digest: Option<String>,
    pub label: String,
    pub category_id: Option<CategoryId>,
    pub email: Option<String>,
    pub email_folded: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub uses_max: Option<i32>,
    pub uses: i32,
    pub seats_reserved: i32,
    pub generation: i32,
    pub expires_at: Option<Instant>,
    pub created_at: Instant,
}

impl NewRow {
    /// The invitation that it is, once it is written.
    pub fn made(&self) -> Invitation {
        let row = self.clone();
        Invitation {
            id: row.id,
            kind: row.kind.to_owned(),
            label: row.label,
            category_id: row.category_id,
            email: row.email,
            email_folded: row.email_folded,
            name: row.name,
            language: row.language,
            uses_max: row.uses_max,
            uses: row.uses,
            seats_reserved: row.seats_reserved,
            generation: row.generation,
            expires_at: row.expires_at,
            ended_at: None,
            created_at: row.created_at,
        }
    }
}

/// Writes new invitations.
pub fn insert(connection: &mut Connection, rows: &[NewRow]) -> Result<(), RegistrationError> {
    insert_rows(connection, rows).map_err(|error| match broken_constraint(&error) {
        Some("invitations_code_digest_key") => RegistrationError::AccessCodeTaken,
        _ => error.into(),
    })
}

fn insert_rows(connection: &mut Connection, rows: &[NewRow]) -> Result<(), DatabaseError> {
    insert_all!(connection, invitations::table, rows);
    Ok(())
}

/// Which invitations are wanted.
#[derive(Debug)]
pub struct Wanted {
    pub status: Option<InvitationStatus>,
    pub kind: Option<&'static str>,
    pub after: Option<InvitationId>,
    pub limit: i64,
}

/// A page of the conference's invitations, in the order in which they were made.
pub fn list(
    connection: &mut Connection,
    conference: ConferenceId,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<Vec<Invitation>, DatabaseError> {
    let now = Instant(now);
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

/// Which of these addresses have an open personal invitation.
pub fn invited(
    connection: &mut Connection,
    conference: ConferenceId,
    folded: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<String>, DatabaseError> {
    let found: Vec<Invitation> = invitations::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::kind.eq("personal"))
        .filter(dsl::email_folded.eq_any(folded))
        .select(Invitation::as_select())
        .load(connection)?;
    Ok(found.into_iter().filter(|found| found.is_usable(now)).filter_map(|found| found.email_folded).collect())
}

/// Whether any invitation is to the category.
pub fn is_of_category(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let of_category = invitations::table.filter(dsl::category_id.eq(category));
    let first: Option<InvitationId> = of_category.select(dsl::id).first(connection).optional()?;
    Ok(first.is_some())
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
pub fn settle_reserved(
    connection: &mut Connection,
    id: InvitationId,
) -> Result<Option<(CategoryId, i32)>, DatabaseError> {
    let found: Option<Invitation> =
        invitations::table.find(id).select(Invitation::as_select()).first(connection).optional()?;
    let Some(invitation) = found.filter(|invitation| invitation.seats_reserved > 0) else {
        return Ok(None);
    };
    let under_way: i64 = registrations::table
        .filter(registrations::invitation_id.eq(id))
        .filter(registrations::category_id.nullable().eq(invitation.category_id))
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
    // Seats are reserved in a category alone.
    Ok(invitation.category_id.filter(|_| surplus > 0).map(|category| (category, surplus)))
}

/// Invitations that are over at `now`, have not been ended and reserve seats.
pub fn over(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<InvitationId>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.le(Instant(now)))
        .filter(dsl::seats_reserved.gt(0))
        .order(dsl::id)
        .select(dsl::id)
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
