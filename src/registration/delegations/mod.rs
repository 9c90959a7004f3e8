//! Delegations: the registrations of one State or organisation, led by its focal point.
//!
//! Nouns: a *member* is a registration in a delegation; its *head* leads it; its *focal point* is whoever has its link
//! and says who its members are.
//!
//! Invariants:
//! - A delegation's `members` are its live registrations, never more than its quota: [`count_member`] is a guarded
//!   update with a CHECK behind it, under the conference's lock, and [`member_left`] is called for whoever leaves.
//! - A delegation has one head at most: the store's partial unique index says so.
//! - A focal point's link opens their own delegation alone, and no link to a member's registration is ever shown to
//!   them ([`members::MemberView`] has none). A new address, or a renewal, makes every earlier link void.

pub mod actions;
pub mod api;
pub mod members;
pub mod reference;
mod store;

use super::RegistrationError;
use crate::{
    database::{Connection, DatabaseError},
    ids::{CategoryId, DelegationId, RegistrationId},
    values::text_enum,
};

text_enum! {
    /// Whose delegation it is.
    DelegationKind {
        /// A Member State of the United Nations.
        MemberState = "member_state",
        /// An observer: a State or an entity.
        Observer = "observer",
        /// An organisation.
        Organisation = "organisation",
    }
}

text_enum! {
    /// A regional group of the United Nations.
    RegionalGroup {
        /// The African Group.
        African = "african",
        /// The Asia-Pacific Group.
        AsiaPacific = "asia_pacific",
        /// The Eastern European Group.
        EasternEuropean = "eastern_european",
        /// The Latin American and Caribbean Group (GRULAC).
        LatinAmericanAndCaribbean = "latin_american_and_caribbean",
        /// The Western European and Others Group (WEOG).
        WesternEuropeanAndOthers = "western_european_and_others",
    }
}

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

/// Writes members that were counted; a new head takes the place of the one before.
///
/// # Errors
/// The store fails.
pub fn join_all(connection: &mut Connection, members: &[(RegistrationId, Membership)]) -> Result<(), DatabaseError> {
    store::join_all(connection, members)
}

/// A registration left for good: its place in its delegation, if it has one, is free.
///
/// # Errors
/// The store fails.
pub fn member_left(connection: &mut Connection, registration: RegistrationId) -> Result<(), DatabaseError> {
    store::member_left(connection, registration)
}

/// Whether the members of any delegation go into the category.
///
/// # Errors
/// The store fails.
pub fn is_of_category(connection: &mut Connection, category: CategoryId) -> Result<bool, DatabaseError> {
    store::is_of_category(connection, category)
}
