//! Mail to people: letters are written in the transaction of their cause, and a worker delivers them.
//!
//! Nouns: a *letter* says what happened and to whom ([`letter::Letter`]); the *outbox* keeps letters as messages until
//! they are sent ([`outbox`]); the *transport* is a folder or an SMTP server ([`transport`], [`smtp`]); a *lease* gives
//! one process the exclusive right to send a message for a limited time.
//!
//! Invariants:
//! - A message exists if and only if its cause was committed: [`outbox::enqueue_all`] runs in the caller's transaction.
//! - A message is sent at least once, and never again after it was recorded as sent: [`outbox::claim`] leases it to one
//!   process, [`outbox::record`] ends the lease. It can be sent twice, under the same `Message-ID`, in three cases: a
//!   crash or a stop between acceptance and record, a connection that breaks after the content was written, and a
//!   server that does not answer the final dot for ten minutes.
//! - Every step of an SMTP session has a bound, so every attempt and every lease ends ([`smtp::Bounds`]). A connection
//!   whose step timed out is closed and never used again.
//! - A mail server that cannot be reached, or stops answering before it asks for the content, is not the fault of a
//!   message: the queue pauses, and no attempt is counted. A timeout after that counts as an attempt of that message,
//!   and delays no other ([`failure::Failure`]).
//! - The content of a letter is fixed when it is enqueued; only the token of its link is derived when it is sent.

pub mod api;
pub mod attempts;
pub mod block_list;
pub mod bounce;
mod calendar;
mod compose;
mod config;
mod dates_in_words;
pub mod diagnostics;
mod dkim;
mod erasure;
pub mod failure;
pub mod lease;
pub mod letter;
mod letter_settings;
pub mod outbox;
pub mod own_templates;
mod retry;
mod salutation;
mod sender_domains;
pub mod smtp;
pub mod templates;
pub mod tracking;
pub mod transport;
pub mod withdrawal;
pub mod worker;

pub use calendar::personal_calendar;
pub use config::MailConfig;
pub use letter::{Announcement, Letter, LetterContent, LetterKind, LinkKind, MessageState};
pub use letter_settings::{LetterSettings, letter_settings_of, read_letter_settings};
pub use outbox::enqueue_all;
pub use sender_domains::SenderDomains;
pub use transport::{MailUrl, checked_sender, is_deliverable};
pub use worker::{Wake, Worker};

pub use crate::mail::{
    dates_in_words::date_range,
    erasure::{erase_messages, forget_bounces},
    letter::is_right_to_left,
    tracking::{addressed_to, count_written_since},
    worker::purge,
};
