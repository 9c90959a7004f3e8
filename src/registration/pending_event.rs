//! An event of a registration before it is written to its history.

use serde_json::Value;

use super::model::{Event, Registration};

/// What is recorded with an event.
#[derive(Debug, Clone, Default)]
pub struct EventDetails {
    /// The reason, which the letter quotes.
    pub reason: Option<String>,
    /// More about the event, which the history keeps.
    pub detail: serde_json::Map<String, Value>,
    /// Whether the registration was confirmed before: then its calendar entry is removed.
    pub was_confirmed: bool,
    /// Whether no letter is sent, although the event would cause one.
    pub sends_no_letter: bool,
}

/// An event of a registration, given as it is after the event.
pub(super) struct PendingEvent {
    pub(super) registration: Registration,
    pub(super) event: Event,
    pub(super) actor: String,
    pub(super) details: EventDetails,
}

/// An object with one key, for [`EventDetails::detail`].
pub fn single_detail(key: &str, value: Value) -> serde_json::Map<String, Value> {
    serde_json::Map::from_iter([(key.to_owned(), value)])
}
