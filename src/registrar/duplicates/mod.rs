//! Possible duplicates: pairs of registrations that are probably of one person. Which are a pair is decided in
//! [`crate::registration::duplicate_check`], when a registration is made or changed; the registrar decides about it.
//!
//! Nouns: a *pair* is two registrations with the same folded name, in either order, and the same date of birth or, if
//! one has none, the same organisation. To *dismiss* a pair is to say that they are two people; to *merge* it is to
//! make one registration of both.
//!
//! Invariants:
//! - Two registrations form at most one pair, and a registrar's decision stays:
//!   [`flag_changed`](crate::registration::duplicate_check::flag_changed) opens a dismissed pair again only for another
//!   reason.
//! - A merge takes no seat from anybody else, and one that would lose the person's seat is refused. The kept
//!   registration gets the better place of the two
//!   ([`RegistrationStatus::merged`](crate::registration::model::RegistrationStatus::merged)), the other one is
//!   cancelled, and the person gets one letter ([`actions::merge`]).

pub mod actions;
pub mod api;
pub mod error;
mod store;

pub use error::DuplicateError;
