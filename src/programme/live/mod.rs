//! Live events of a programme: server-sent events (WHATWG HTML, 9.2).
//!
//! Nouns: a *listener* is an open answer ([`listener::Listener`]); a *position* says up to where a listener received
//! everything, and is the id of each event ([`position::Position`]); a *moment* is an instant at which a session or an
//! item starts or ends ([`moments::Moments`]); the *hub* ([`Hub`]) wakes all listeners and keeps what they share.
//!
//! Invariants:
//! - Nothing is lost between two events or two connections: a listener computes what to send from its position and the
//!   release in memory, and a wake-up is only a reason to look. What is sent twice is the same both times.
//! - What is expensive is made once for all listeners: the changes of a release, and the events of a moment.
//! - A listener is small and has no task of its own. The settings limit their number, in total and per client.
//! - All answers end when the service stops, and when their conference is gone.

pub mod api;
mod event;
mod heartbeat;
mod hub;
mod listener;
mod moments;
mod position;

pub use hub::{Hub, ListenerLimits};
