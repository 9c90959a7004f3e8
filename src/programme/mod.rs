//! What the public reads: the latest release of the agenda, whole or in parts, in each of its languages.
//!
//! Nouns: a *release* is an immutable, numbered copy of the agenda ([`releases`]); a *snapshot* is a release in memory
//! ([`snapshot::Snapshot`]); a *view* is a part of it in a reader's language ([`views`]); a *projection* is what
//! an audience may see of an agenda ([`visibility::project`]); a *preview* shows the draft behind a link ([`preview`]).
//!
//! Invariants:
//! - Readers see what was released, never the draft: every view is made from a [`snapshot::Snapshot`], and a snapshot
//!   from a stored release.
//! - Releases of a conference are numbered 1, 2, 3 without a gap, in the order of their commits: every
//!   publication locks the conference first, and the store refuses a number twice.
//! - What the public reads contains nothing hidden: a release stores its public projection next to the agenda that it
//!   was made from, and views, changes and older versions are made from the projection.
//! - What is due is published once: [`releases::schedule::publish_due`] reads it again under the lock.
//! - A conference without a release is not public: [`registry::Programmes`] does not contain it. A private one is
//!   answered only to senders whose right was checked: [`registry::Programmes::public`] does not find it.

pub mod api;
pub mod change_text;
pub mod difference;
pub mod documents;
pub mod error;
pub mod fields;
pub mod filter;
pub mod format_api;
pub mod formats;
pub mod history;
pub mod live;
pub mod negotiate;
pub mod now;
pub mod phrases;
pub mod preview;
pub mod redaction;
pub mod registry;
pub mod release;
pub mod releases;
pub mod service;
pub mod snapshot;
pub mod timing;
pub mod views;
pub mod visibility;

pub use error::ProgrammeError;
pub use snapshot::Snapshot;

pub use crate::programme::{
    registry::Programmes,
    releases::{PublicationRequest, latest_agenda, list_unreleased, publish, unreleased},
};
