//! The questions that a conference asks beside those that every conference asks, and the answers to them.
//!
//! Invariants:
//! - An answer is checked by the server alone, with one fault each: [`answers::check`].
//! - A form that changed breaks no answer: a registration keeps the version of the form that it answered, and every
//!   version is kept.

pub mod answers;
pub mod api;
pub mod question;
pub mod schema;

pub use answers::{Answers, RawAnswers};
pub use question::Question;
