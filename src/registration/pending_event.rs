//! An event of a registration before it is written to its history.

use serde_json::Value;

use super::model::{Event, Registration};

/// What is recorded with an event.
#[derive(Debug, Clone, Default)]
pub struct EventDetails {
    /// The reason, which the letter quotes.
    pub reason: Option<String>,
    /// What else the history keeps.
    pub detail: serde_json::Map<String, Value>,
    /// Whether the registration was confirmed before: then its calendar entry is removed.
    pub held_seat: bool,
    /// No letter, although the event would cause one.
    pub silent: bool,
}

pub(super) struct PendingEvent {
    pub(super) registration: Registration,
    pub(super) event: Event,
    pub(super) actor: String,
    pub(super) details: EventDetails,
}

/// An object with one key, for [`EventDetails::detail`].
pub fn detail(key: &str, value: Value) -> serde_json::Map<String, Value> {
    serde_json::Map::from_iter([(key.to_owned(), value)])
}
