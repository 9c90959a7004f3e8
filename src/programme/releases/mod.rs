//! Releases: publishing the draft under a number, at once or at a later time, and publishing an old release again.

pub mod actions;
pub mod api;
pub mod protection;
pub mod schedule;
pub(super) mod store;
pub mod views;

pub use actions::{PublishedRelease, latest_agenda, list_unreleased, publish, restore, unreleased};
pub use store::{list_latest, list_with_summaries, load_full, load_public};

pub use crate::programme::releases::actions::PublicationRequest;
