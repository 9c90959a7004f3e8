//! Delegations: the registrations of one State or organisation, led by its head and managed by its focal point.
//!
//! Nouns: a *member* is a registration in a delegation; its *head* leads it; its *focal point* has the delegation's
//! link and names the members.
//!
//! Invariants:
//! - A delegation's `members` counts its live registrations, never more than its quota:
//!   [`count_member`](crate::registration::membership::count_member) is a guarded update with a CHECK constraint behind
//!   it, under the conference's lock, and [`uncount_member`](crate::registration::membership::uncount_member) is called
//!   for everyone who leaves.
//! - A delegation has at most one head: a partial unique index of the store ensures it.
//! - A focal point's link opens their own delegation only, and never shows a link to a member's registration
//!   ([`members::MemberView`] has none). A new address or a renewal makes every earlier link void.

pub mod actions;
pub mod api;
pub mod error;
pub mod list_query;
pub mod members;
pub mod model;
pub mod reference;
mod store;
pub mod views;

pub use error::DelegationError;

use crate::values::text_enum;

text_enum! {
    /// The kind of a delegation.
    DelegationKind {
        /// A Member State of the United Nations.
        MemberState = "member_state",
        /// An observer: a State or another entity.
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
