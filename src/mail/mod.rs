//! Letters to people: written in the transaction of what caused them, delivered by a worker.
//!
//! Nouns: a *letter* says what happened and to whom ([`letter::Letter`]); the *outbox* holds letters as messages until
//! they are sent ([`outbox`]); the *transport* is a folder or an SMTP server ([`transport`]); a *lease* is one
//! process's hold on a message while it sends it.
//!
//! Invariants:
//! - A message exists if and only if its cause was committed: [`outbox::enqueue_all`] runs in the caller's transaction.
//! - A message is sent at least once, and never again after it was recorded as sent: [`outbox::claim`] leases it to
//!   one process, [`outbox::record`] ends it. A crash between acceptance and record repeats it under the same
//!   `Message-ID`.
//! - A mail server that cannot be reached is no message's fault: the queue pauses, and no attempt is counted.
//! - What a letter says is fixed when it is enqueued; only the link's token is derived when it is sent.

pub mod api;
pub mod bounce;
mod calendar;
mod compose;
pub mod letter;
pub mod messages;
pub mod outbox;
pub mod render;
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
