//! The rows of delegations and their members.

use diesel::prelude::*;

use super::Membership;
use crate::{
    database::{
        Connection, DatabaseError,
        schema::{delegation_members, delegations},
    },
    ids::{DelegationId, RegistrationId},
};

/// Counts a member; false where the quota is used up.
pub fn count_member(connection: &mut Connection, delegation: DelegationId) -> Result<bool, DatabaseError> {
    let fits = delegations::quota.is_null().or(delegations::members.nullable().lt(delegations::quota));
    let counted = diesel::update(delegations::table.find(delegation).filter(fits))
        .set(delegations::members.eq(delegations::members + 1))
        .execute(connection)?;
    Ok(counted == 1)
}

/// Writes a member; a new head takes the place of the one before.
pub fn join(
    connection: &mut Connection,
    registration: RegistrationId,
    membership: &Membership,
) -> Result<(), DatabaseError> {
    if membership.is_head {
        diesel::update(delegation_members::table.filter(delegation_members::delegation_id.eq(membership.delegation)))
            .set(delegation_members::is_head.eq(false))
            .execute(connection)?;
    }
    diesel::insert_into(delegation_members::table)
        .values((
            delegation_members::registration_id.eq(registration),
            delegation_members::delegation_id.eq(membership.delegation),
            delegation_members::is_head.eq(membership.is_head),
            delegation_members::level.eq(membership.level.as_str()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Uncounts a member that left for good; who it was stays known.
pub fn member_left(connection: &mut Connection, registration: RegistrationId) -> Result<(), DatabaseError> {
    let of: Option<DelegationId> = delegation_members::table
        .find(registration)
        .select(delegation_members::delegation_id)
        .first(connection)
        .optional()?;
    if let Some(delegation) = of {
        diesel::update(delegations::table.find(delegation))
            .set(delegations::members.eq(delegations::members - 1))
            .execute(connection)?;
        diesel::update(delegation_members::table.find(registration))
            .set(delegation_members::is_head.eq(false))
            .execute(connection)?;
    }
    Ok(())
}
