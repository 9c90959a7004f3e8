//! Releases: the draft published under a number, for good; at once or when its time comes; an old one again.

pub mod actions;
pub mod api;
pub mod protection;
pub mod schedule;
pub(super) mod store;
pub mod views;

pub use actions::{PublishedRelease, Request, latest_agenda, publish, restore};
pub use store::ReleaseRow;
