//! What people do with their own registration through its link: change its data, download or read all data about them,
//! and ask for the link again. Registrars can change more, with a token.
//!
//! Invariants:
//! - The result of a patch is checked as a whole, by the rules of the form: [`actions::change_details`].
//! - Answers to questions that the form no longer has stay as they are and cause no validation error.
//! - A request for a link gets the same answer, whether or not the address is registered:
//!   [`api::request_registration_link`].

pub mod actions;
pub mod api;
pub mod calendar_api;
pub mod model;
