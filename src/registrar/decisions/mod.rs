//! Decisions of organisers about registrations: approve, reject, revoke, cancel; in bulk, with a reason that letters
//! quote. Also the log of decisions, and the notes of registrars.
//!
//! Invariants:
//! - Each registration of a bulk has its own decision and its own result. The same decision a second time changes
//!   nothing and sends no letter: [`actions::decide`].
//! - Only registrars see notes.

pub mod actions;
pub mod api;
mod store;
