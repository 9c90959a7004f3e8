//! Memberships in delegations: what the seats of a conference need to know of delegations.
//!
//! A delegation's `members` counts its live registrations, never more than its quota: [`count_member`] is a guarded
//! update with a CHECK constraint behind it, under the conference's lock, and [`uncount_member`] is called for everyone
//! who leaves.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::RegistrationError;
use crate::{
    agenda::document::Precedence,
    database::{
        Connection, DatabaseError, insert_all,
        schema::{delegation_members, delegations},
    },
    ids::{CategoryId, DelegationId, RegistrationId},
};

/// A member's role in a delegation.
#[derive(Debug, Clone)]
pub struct Membership {
    pub delegation: DelegationId,
    /// Whether the member is the head of the delegation.
    pub is_head: bool,
    /// The member's class in the order of precedence.
    pub level: Precedence,
}

/// Counts one more member. The caller holds the conference's lock.
///
/// # Errors
/// [`RegistrationError::DelegationFull`] if the quota is used up.
pub fn count_member(connection: &mut Connection, delegation: DelegationId) -> Result<(), RegistrationError> {
    let is_within_limit = delegations::quota.is_null().or(delegations::members.nullable().lt(delegations::quota));
    let updated = diesel::update(delegations::table.find(delegation).filter(is_within_limit))
        .set(delegations::members.eq(delegations::members + 1))
        .execute(connection)
        .map_err(DatabaseError::from)?;
    if updated == 1 { Ok(()) } else { Err(RegistrationError::DelegationFull) }
}

/// Whether members of any delegation are registered in this category.
pub fn is_category_used(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    let of_category = delegations::table.filter(delegations::category_id.eq(category));
    let first: Option<DelegationId> = of_category.select(delegations::id).first(connection).optional()?;
    Ok(first.is_some())
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = delegation_members)]
pub struct MemberRow {
    pub registration_id: RegistrationId,
    pub delegation_id: DelegationId,
    is_head: bool,
    level: Precedence,
}

impl From<MemberRow> for Membership {
    fn from(row: MemberRow) -> Self {
        Self { delegation: row.delegation_id, is_head: row.is_head, level: row.level }
    }
}

/// Inserts members; a new head replaces the earlier one.
pub fn insert_members(
    connection: &mut Connection,
    members: &[(RegistrationId, Membership)],
) -> Result<(), DatabaseError> {
    let to_row = |(registration, membership): &(RegistrationId, Membership)| MemberRow {
        registration_id: *registration,
        delegation_id: membership.delegation,
        is_head: membership.is_head,
        level: membership.level,
    };
    let mut rows: Vec<MemberRow> = members.iter().map(to_row).collect();
    // If several members are added as head, the last one is.
    let mut delegations_with_head: BTreeSet<DelegationId> = BTreeSet::new();
    for row in rows.iter_mut().rev().filter(|row| row.is_head) {
        row.is_head = delegations_with_head.insert(row.delegation_id);
    }
    for delegation in delegations_with_head {
        clear_head(connection, delegation)?;
    }
    insert_all!(connection, delegation_members::table, rows);
    Ok(())
}

pub fn clear_head(connection: &mut Connection, delegation: DelegationId) -> Result<(), DatabaseError> {
    diesel::update(delegation_members::table.filter(delegation_members::delegation_id.eq(delegation)))
        .set(delegation_members::is_head.eq(false))
        .execute(connection)?;
    Ok(())
}

/// Saves a member's role; a new head replaces the earlier one.
pub fn set_membership(
    connection: &mut Connection,
    registration: RegistrationId,
    membership: &Membership,
) -> Result<(), DatabaseError> {
    if membership.is_head {
        clear_head(connection, membership.delegation)?;
    }
    diesel::update(delegation_members::table.find(registration))
        .set((delegation_members::is_head.eq(membership.is_head), delegation_members::level.eq(membership.level)))
        .execute(connection)?;
    Ok(())
}

/// Whether the registration is in a delegation whose members may share an address.
pub fn may_share_mailbox(connection: &mut Connection, registration: RegistrationId) -> Result<bool, DatabaseError> {
    let may_share: Option<bool> = delegation_members::table
        .inner_join(delegations::table)
        .filter(delegation_members::registration_id.eq(registration))
        .select(delegations::shared_mailbox)
        .first(connection)
        .optional()?;
    Ok(may_share == Some(true))
}

/// Counts one member less; the record of who was a member stays.
pub fn uncount_member(connection: &mut Connection, registration: RegistrationId) -> Result<(), DatabaseError> {
    let delegation: Option<DelegationId> = delegation_members::table
        .find(registration)
        .select(delegation_members::delegation_id)
        .first(connection)
        .optional()?;
    if let Some(delegation) = delegation {
        diesel::update(delegations::table.find(delegation))
            .set(delegations::members.eq(delegations::members - 1))
            .execute(connection)?;
        diesel::update(delegation_members::table.find(registration))
            .set(delegation_members::is_head.eq(false))
            .execute(connection)?;
    }
    Ok(())
}

/// The role of a registration in this delegation; `None` if it is not a member.
pub fn find_in_delegation(
    connection: &mut Connection,
    delegation: DelegationId,
    registration: RegistrationId,
) -> Result<Option<Membership>, DatabaseError> {
    let row: Option<MemberRow> = delegation_members::table
        .find(registration)
        .filter(delegation_members::delegation_id.eq(delegation))
        .first(connection)
        .optional()?;
    Ok(row.map(Membership::from))
}

/// The delegation of a registration, and its role there.
pub fn find_membership(
    connection: &mut Connection,
    registration: RegistrationId,
) -> Result<Option<Membership>, DatabaseError> {
    let row: Option<(DelegationId, bool, Precedence)> = delegation_members::table
        .find(registration)
        .select((delegation_members::delegation_id, delegation_members::is_head, delegation_members::level))
        .first(connection)
        .optional()?;
    Ok(row.map(|(delegation, is_head, level)| Membership { delegation, is_head, level }))
}
