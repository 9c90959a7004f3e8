//! Personal invitations and shared access codes.
//!
//! Nouns: a *personal* invitation is for one person and can be used once; a *shared* access code can be used up to its
//! limit.
//!
//! Invariants:
//! - No code is stored: that of a personal invitation is derived from the server's secret, of a shared one the store
//!   has a keyed digest.
//! - An invitation is never used more often than its limit: a guarded update
//!   ([`use_once`](crate::registration::reservations::use_once)) with a CHECK constraint behind it raises the count,
//!   under the conference's lock.
//! - Reserved seats count as taken until they are used or the invitation ends
//!   ([`use_reserved_seat`](crate::registration::reservations::use_reserved_seat),
//!   [`free_reserved_seats`](crate::registration::reservations::free_reserved_seats)).

pub mod actions;
pub mod api;
pub mod batch;
pub mod error;
pub mod model;
mod store;
mod terms;

pub use error::InvitationError;
