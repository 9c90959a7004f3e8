//! What the public reads: the latest release of the agenda, whole or in parts, in each of its languages.
//!
//! Nouns: a *release* is an immutable, numbered copy of the agenda ([`actions::publish`]); a *snapshot* is a release
//! in memory ([`snapshot::Snapshot`]); a *view* is a part of it in a reader's language ([`view::View`]).
//!
//! Invariants:
//! - Readers see what was released, never the draft: every view is made of a [`snapshot::Snapshot`], and this of a
//!   stored release.
//! - Releases of a conference are numbered 1, 2, 3 without a gap, in the order of their commits: [`actions::publish`]
//!   locks the conference first, and the store refuses a number twice.
//! - A conference without a release is not public: [`snapshot::Programmes`] does not know it.

pub mod actions;
pub mod api;
pub mod error;
pub mod filter;
pub mod negotiate;
pub mod snapshot;
mod store;
pub mod view;
pub mod views;

pub use actions::{latest_agenda, publish};
pub use error::ProgrammeError;
pub use snapshot::{Programmes, Snapshot};
