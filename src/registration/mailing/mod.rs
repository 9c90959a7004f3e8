//! Mail, for those who run a registration: what was written to whom and what came of it, the conference's own texts,
//! broadcasts, and who is not written to.
//!
//! Nouns: a *broadcast* is one text to many; its *audience* says to whom; a *block* keeps an address from being written
//! to, because mail to it comes back or because its owner wants no announcements.
//!
//! Invariants:
//! - Nobody gets a broadcast twice: the store's unique index of broadcast and address says so, and what was
//!   reached is written in the transaction of the messages ([`broadcasts::actions::step`]).
//! - A text that cannot be rendered is not taken ([`templates`]): a letter always has words.

pub mod api;
pub mod broadcasts;
pub mod preferences;
pub mod templates;
