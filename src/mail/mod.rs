//! Letters to people: written in the transaction of what caused them, delivered by a worker.
//!
//! Nouns: a *letter* says what happened and to whom ([`letter::Letter`]); the *outbox* holds letters as messages until
//! they are sent ([`outbox`]); the *transport* is a folder or an SMTP server ([`transport`]), spoken to step by step
//! ([`smtp`]); a *lease* is one process's hold on a message while it sends it.
//!
//! Invariants:
//! - A message exists if and only if its cause was committed: [`outbox::enqueue_all`] runs in the caller's transaction.
//! - A message is sent at least once, and never again after it was recorded as sent: [`outbox::claim`] leases it to
//!   one process, [`outbox::record`] ends it. What may repeat it, under the same `Message-ID`: a crash or a stop
//!   between acceptance and record, a connection that breaks after the letter was written, and a server that is silent
//!   for ten minutes after the final dot.
//! - Every step of a conversation has a bound, so every attempt and every lease ends ([`smtp::Bounds`]). A connection
//!   whose step was cut is closed and never used again.
//! - A mail server that cannot be reached, or falls silent before it asks for the letter, is no message's fault: the
//!   queue pauses, and no attempt is counted. Silence after that is an attempt of that message, and holds up no other
//!   ([`failure::Failure`]).
//! - What a letter says is fixed when it is enqueued; only the link's token is derived when it is sent.

pub mod api;
pub mod bounce;
mod calendar;
mod compose;
pub mod failure;
pub mod letter;
pub mod messages;
pub mod outbox;
pub mod render;
pub mod smtp;
pub mod store;
pub mod transport;
pub mod trial;
pub mod worker;

pub use letter::{Announcement, Letter, LetterContent, LetterKind, LinkKind};
pub use messages::{addressed_to, written_since};
pub use outbox::enqueue_all;
pub use render::{dates, language_of};
pub use transport::{MailUrl, checked_sender, is_deliverable};
pub use worker::{Wake, Worker, tidy};
