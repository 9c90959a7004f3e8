//! What people do with their own registration, by its link: change what it says, read and take away what is kept of
//! them, ask for the link again. Registrars change more, with a token.
//!
//! Invariants:
//! - A patch is read as the whole registration that it makes, by the rules of the form: [`actions::change_details`].
//! - Answers to questions that are no longer asked stay as they are, and fault nobody.
//! - Whoever asks for a link learns nothing, whether or not the address is known: [`api::request_registration_link`].

pub mod actions;
pub mod api;
pub mod model;
