//! What the public reads: the latest release of the agenda, whole or in parts, in each of its languages.
//!
//! Nouns: a *release* is an immutable, numbered copy of the agenda ([`release`]); a *snapshot* is a release in memory
//! ([`snapshot::Snapshot`]); a *view* is a part of it in a reader's language ([`view::View`]); a *projection* is what
//! an audience may see of an agenda ([`visibility::project`]); a *preview* shows the draft behind a link ([`preview`]).
//!
//! Invariants:
//! - Readers see what was released, never the draft: every view is made of a [`snapshot::Snapshot`], and this of a
//!   stored release.
//! - Releases of a conference are numbered 1, 2, 3 without a gap, in the order of their commits: whatever publishes
//!   locks the conference first, and the store refuses a number twice.
//! - Nothing hidden stands in what the public reads: a release keeps its public projection beside the agenda that it
//!   was made of, and views, changes and older versions are made of the projection.
//! - What is due is published once: [`release::schedule::publish_due`] looks again under the lock.
//! - A conference without a release is not public: [`snapshot::Programmes`] does not know it.

pub mod api;
pub mod difference;
pub mod error;
pub mod fields;
pub mod filter;
pub mod formats;
pub mod history;
pub mod live;
pub mod negotiate;
pub mod now;
pub mod preview;
pub mod publication;
pub mod redaction;
pub mod release;
pub mod snapshot;
pub mod timing;
pub mod tongue;
pub mod view;
pub mod views;
pub mod visibility;
pub mod words;

pub use error::ProgrammeError;
pub use release::{Request, latest_agenda, publish};
pub use snapshot::{Programmes, Snapshot};
