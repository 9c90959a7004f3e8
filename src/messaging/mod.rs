//! Mail for registrars: the messages and their delivery, the conference's own templates, broadcasts, and blocked
//! addresses.
//!
//! Nouns: a *broadcast* is one text to many recipients; its *audience* selects them; a *block* keeps an address from
//! getting broadcasts, because mail to it bounced or because its owner unsubscribed.
//!
//! Invariants:
//! - Nobody gets a broadcast twice: a unique index of broadcast and address forbids it, and the progress of a broadcast
//!   is saved in the same transaction as its messages ([`broadcasts::actions::enqueue_next`]).
//! - A template that cannot be rendered is refused ([`templates`]), so a letter always has a text.

pub mod broadcasts;
pub mod error;
pub mod messages;
pub mod preferences;
pub mod templates;

pub use error::MessagingError;
