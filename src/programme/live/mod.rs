//! What happens to a programme, told as it happens: server-sent events (WHATWG HTML, 9.2).
//!
//! Nouns: a *listener* is an open answer ([`listener::Listener`]); a *position* is what a listener was told already,
//! the id of each event ([`position::Position`]); a *moment* is an instant at which a session or an item starts or
//! ends ([`moments::Moments`]); the *hub* ([`Hub`]) wakes all listeners and keeps what they share.
//!
//! Invariants:
//! - Nothing is lost between two events or two connections: a listener works out what to tell from its position and the
//!   release in memory, and a wake-up is only a reason to look. What is told twice is told with the same words.
//! - What is dear is made once for all listeners: the changes of a release, and the events of a moment.
//! - A listener is small and has no task of its own; there are at most as many, in all and of one client, as the
//!   settings say.
//! - All answers end when the service stops, and when their conference is gone.

pub mod api;
mod event;
mod hub;
mod listener;
mod moments;
mod position;

pub use hub::{Hub, ListenerLimits};
