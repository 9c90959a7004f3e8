//! The conference's own questions, which it asks in addition to the fields of every registration form, and their
//! answers.
//!
//! Invariants:
//! - The server checks every answer, whatever a frontend checked: [`answers::check`].
//! - A change of the questions does not invalidate an earlier answer: a registration keeps the number of the version
//!   that it answered, and every version is stored.

pub mod answers;
pub mod question;
pub mod schema;

pub use answers::{Answers, RawAnswers};
pub use question::Question;
