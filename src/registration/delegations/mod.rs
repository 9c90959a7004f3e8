//! Delegations: the registrations of one State or organisation, led by its focal point.
//!
//! Invariants:
//! - A delegation's `members` are its live registrations, never more than its quota: [`count_member`] is a guarded
//!   update with a CHECK behind it, under the conference's lock, and [`member_left`] is called for whoever leaves.

mod store;

use super::RegistrationError;
use crate::{
    database::{Connection, DatabaseError},
    ids::{DelegationId, RegistrationId},
};

/// What a member is in a delegation.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The delegation.
    pub delegation: DelegationId,
    /// Whether they lead it.
    pub is_head: bool,
    /// Their class in the order of precedence.
    pub level: crate::agenda::document::Precedence,
}

/// Counts one more member. The conference is locked.
///
/// # Errors
/// [`RegistrationError::DelegationFull`] where the quota is used up.
pub fn count_member(connection: &mut Connection, delegation: DelegationId) -> Result<(), RegistrationError> {
    if store::count_member(connection, delegation)? { Ok(()) } else { Err(RegistrationError::DelegationFull) }
}

/// Writes a member that was counted.
///
/// # Errors
/// The store fails.
pub fn join(
    connection: &mut Connection,
    registration: RegistrationId,
    membership: &Membership,
) -> Result<(), DatabaseError> {
    store::join(connection, registration, membership)
}

/// A registration left for good: its place in its delegation, if it has one, is free.
///
/// # Errors
/// The store fails.
pub fn member_left(connection: &mut Connection, registration: RegistrationId) -> Result<(), DatabaseError> {
    store::member_left(connection, registration)
}
