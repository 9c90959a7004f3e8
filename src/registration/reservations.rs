//! Invitations as the seats of a conference need them: the use of a code, and the seats that an invitation reserves.
//!
//! - An invitation is never used more often than its limit: [`use_once`] is a guarded update with a CHECK constraint
//!   behind it, under the conference's lock.
//! - Reserved seats count as taken until they are used or the invitation ends ([`use_reserved_seat`],
//!   [`free_reserved_seats`]).

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{RegistrationError, model::RegistrationStatus};
use crate::{
    access::ServerSecret,
    agenda::ConferenceRef,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{
            invitations::{self, dsl},
            registrations,
        },
        types::{DbInstant, text_enum_columns},
    },
    ids::{CategoryId, ConferenceId, Id, InvitationId},
    values::text_enum,
};

text_enum! {
    /// The kind of an invitation.
    InvitationKind {
        /// For one person; it can be used once.
        Personal = "personal",
        /// An access code for everyone who has it.
        Shared = "shared",
    }
}

text_enum! {
    /// Whether an invitation can be used.
    InvitationStatus {
        /// It can be used.
        Open = "open",
        /// It was used as often as its limit allows.
        Used = "used",
        /// It has expired or was revoked, or the conference is over.
        Over = "over",
    }
}

text_enum_columns!(InvitationKind);

/// Finds the invitation with this code.
///
/// # Errors
/// [`RegistrationError::InvitationInvalid`] if there is none, or it cannot be used any more.
pub fn find_by_code(
    connection: &mut Connection,
    conference: &ConferenceRef,
    secret: &ServerSecret,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Invitation, RegistrationError> {
    let invitation = match ServerSecret::read_invitation_code(code) {
        Some((id, proof)) => find(connection, conference.id, id)?
            .filter(|invitation| secret.is_invitation_proof(&proof, invitation.id, invitation.generation)),
        None => {
            let digest = secret.access_code_digest(conference.id, &normalise_code(code));
            find_by_digest(connection, conference.id, &digest)?
        }
    };
    invitation.filter(|invitation| invitation.is_usable(now)).ok_or(RegistrationError::InvitationInvalid)
}

/// A shared code as it is compared: without case, spaces and hyphens.
pub fn normalise_code(code: &str) -> String {
    code.split(|c: char| c.is_whitespace() || c == '-').collect::<String>().to_lowercase()
}

/// Reserves a seat that the caller has taken for the one person who replaces a member; returns the code with which that
/// person registers.
pub fn reserve_for_successor(
    connection: &mut Connection,
    conference: &ConferenceRef,
    secret: &ServerSecret,
    category: CategoryId,
    successor_of: &str,
    now: DateTime<Utc>,
) -> Result<String, DatabaseError> {
    let id = Id::new();
    let row = NewInvitationRow {
        id,
        conference_id: conference.id,
        kind: InvitationKind::Personal,
        code_digest: None,
        label: format!("instead of {successor_of}"),
        category_id: Some(category),
        email: None,
        email_folded: None,
        name: None,
        salutation: None,
        language: None,
        uses_max: Some(1),
        uses: 0,
        seats_reserved: 1,
        generation: 1,
        expires_at: None,
        created_at: DbInstant(now),
    };
    insert(connection, &[row])?;
    Ok(secret.invitation_code(id, 1))
}

/// Ends the expired invitations of a conference that still reserve seats; returns the seats to free, by category. The
/// caller holds the conference's lock.
pub fn end_expired(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<(CategoryId, i32)>, DatabaseError> {
    let mut freed_seats = Vec::new();
    for id in find_expired(connection, conference, now)? {
        end(connection, id, now)?;
        freed_seats.extend(free_reserved_seats(connection, id)?);
    }
    Ok(freed_seats)
}

/// A personal invitation, or a shared access code.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitations)]
pub struct Invitation {
    pub id: InvitationId,
    pub kind: InvitationKind,
    pub label: String,
    pub category_id: Option<CategoryId>,
    pub email: Option<String>,
    pub email_folded: Option<String>,
    pub name: Option<String>,
    /// The line with which the letter greets the guest.
    pub salutation: Option<String>,
    pub language: Option<String>,
    pub uses_max: Option<i32>,
    pub uses: i32,
    pub seats_reserved: i32,
    pub generation: i32,
    pub expires_at: Option<DbInstant>,
    pub ended_at: Option<DbInstant>,
    pub created_at: DbInstant,
}

impl Invitation {
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        let has_use_left = self.uses_max.is_none_or(|uses_max| self.uses < uses_max);
        let is_over = self.ended_at.is_some() || self.expires_at.is_some_and(|DbInstant(at)| at <= now);
        has_use_left && !is_over
    }

    /// Its status; `is_conference_over` says whether nobody can register any more.
    pub fn status(&self, is_conference_over: bool, now: DateTime<Utc>) -> InvitationStatus {
        if self.uses_max.is_some_and(|uses_max| self.uses >= uses_max) {
            InvitationStatus::Used
        } else if self.is_usable(now) && !is_conference_over {
            InvitationStatus::Open
        } else {
            InvitationStatus::Over
        }
    }
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = invitations)]
pub struct NewInvitationRow {
    pub id: InvitationId,
    pub conference_id: ConferenceId,
    pub kind: InvitationKind,
    pub code_digest: Option<String>,
    pub label: String,
    pub category_id: Option<CategoryId>,
    pub email: Option<String>,
    pub email_folded: Option<String>,
    pub name: Option<String>,
    /// The line with which the letter greets the guest.
    pub salutation: Option<String>,
    pub language: Option<String>,
    pub uses_max: Option<i32>,
    pub uses: i32,
    pub seats_reserved: i32,
    pub generation: i32,
    pub expires_at: Option<DbInstant>,
    pub created_at: DbInstant,
}

impl NewInvitationRow {
    /// The invitation as it is after the insert.
    pub fn to_invitation(&self) -> Invitation {
        let row = self.clone();
        Invitation {
            id: row.id,
            kind: row.kind,
            label: row.label,
            category_id: row.category_id,
            email: row.email,
            email_folded: row.email_folded,
            name: row.name,
            salutation: row.salutation,
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

/// Inserts invitations.
pub fn insert(connection: &mut Connection, rows: &[NewInvitationRow]) -> Result<(), DatabaseError> {
    insert_all!(connection, invitations::table, rows);
    Ok(())
}

/// Whether any invitation is limited to this category.
pub fn is_category_used(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let of_category = invitations::table.filter(dsl::category_id.eq(category));
    let first: Option<InvitationId> = of_category.select(dsl::id).first(connection).optional()?;
    Ok(first.is_some())
}

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

/// Finds the shared access code with this digest.
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

/// Lowers the reserved seats to those that can still be used: by the uses that are left unless the invitation was
/// ended, and by registrations that used it and are unverified or pending. Returns the category and the number of seats
/// that the caller must free.
pub fn free_reserved_seats(
    connection: &mut Connection,
    id: InvitationId,
) -> Result<Option<(CategoryId, i32)>, DatabaseError> {
    let invitation: Option<Invitation> =
        invitations::table.find(id).select(Invitation::as_select()).first(connection).optional()?;
    let Some(invitation) = invitation.filter(|invitation| invitation.seats_reserved > 0) else {
        return Ok(None);
    };
    let undecided: i64 = registrations::table
        .filter(registrations::invitation_id.eq(id))
        .filter(registrations::category_id.nullable().eq(invitation.category_id))
        .filter(registrations::state.eq_any([RegistrationStatus::Unverified, RegistrationStatus::Pending]))
        .count()
        .get_result(connection)?;
    let uses_left = match (invitation.ended_at, invitation.uses_max) {
        (Some(_), _) => 0,
        (None, Some(uses_max)) => uses_max - invitation.uses,
        (None, None) => invitation.seats_reserved,
    };
    let usable = uses_left.saturating_add(i32::try_from(undecided).unwrap_or(i32::MAX));
    let surplus = (invitation.seats_reserved - usable).max(0);
    if surplus > 0 {
        diesel::update(invitations::table.find(id))
            .set(dsl::seats_reserved.eq(dsl::seats_reserved - surplus))
            .execute(connection)?;
    }
    // Only invitations to a category reserve seats.
    Ok(invitation.category_id.filter(|_| surplus > 0).map(|category| (category, surplus)))
}

/// Invitations that have expired at `now`, were not ended and reserve seats.
pub fn find_expired(
    connection: &mut Connection,
    conference: ConferenceId,
    now: DateTime<Utc>,
) -> Result<Vec<InvitationId>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::conference_id.eq(conference))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.le(DbInstant(now)))
        .filter(dsl::seats_reserved.gt(0))
        .order(dsl::id)
        .select(dsl::id)
        .load(connection)?)
}

/// Conferences with invitations that have expired at `now`, were not ended and reserve seats.
pub fn conferences_with_expired(
    connection: &mut Connection,
    now: DateTime<Utc>,
) -> Result<Vec<ConferenceId>, DatabaseError> {
    Ok(invitations::table
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.le(DbInstant(now)))
        .filter(dsl::seats_reserved.gt(0))
        .select(dsl::conference_id)
        .distinct()
        .load(connection)?)
}

/// Ends an invitation: nobody can use it any more.
pub fn end(connection: &mut Connection, id: InvitationId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::update(invitations::table.find(id)).set(dsl::ended_at.eq(DbInstant(now))).execute(connection)?;
    Ok(())
}

/// Counts one use. The caller holds the conference's lock.
///
/// # Errors
/// [`RegistrationError::InvitationInvalid`] if no use is left.
pub fn use_once(connection: &mut Connection, id: InvitationId) -> Result<(), RegistrationError> {
    let has_use_left = dsl::uses_max.is_null().or(dsl::uses.nullable().lt(dsl::uses_max));
    let updated = diesel::update(invitations::table.find(id).filter(has_use_left))
        .set(dsl::uses.eq(dsl::uses + 1))
        .execute(connection)
        .map_err(DatabaseError::from)?;
    if updated == 1 { Ok(()) } else { Err(RegistrationError::InvitationInvalid) }
}

/// Turns a reserved seat into the seat of a registration; returns `false` if the invitation reserves none in this
/// category.
pub fn use_reserved_seat(
    connection: &mut Connection,
    id: InvitationId,
    category: CategoryId,
) -> Result<bool, DatabaseError> {
    let has_reserved_seat = dsl::seats_reserved.gt(0).and(dsl::category_id.eq(category));
    let updated = diesel::update(invitations::table.find(id).filter(has_reserved_seat))
        .set(dsl::seats_reserved.eq(dsl::seats_reserved - 1))
        .execute(connection)?;
    Ok(updated == 1)
}
