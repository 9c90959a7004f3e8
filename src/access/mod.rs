//! Who may do what.
//!
//! Nouns: a *token* is a bearer secret with a role, for one conference or (without one) for all; an *actor* is whoever
//! a request comes from; the *policy* binds every operation of the API to the roles that may call it; a *link token*
//! lets an attendee at their own registration and nothing else.
//!
//! Invariants:
//! - No token is kept: the store has its SHA-256 digest ([`token::PlainToken::digest`]), a link token is derived anew
//!   ([`secret::ServerSecret`]).
//! - An operation that is not in the policy is refused ([`policy::allowed`]), and a test checks the policy against the
//!   API document.
//! - A secret is compared in constant time or looked up by its digest.

pub mod actions;
pub mod api;
pub mod audit;
pub mod badge;
pub mod error;
pub mod policy;
pub mod rate_limit;
pub mod secret;
pub mod token;

pub use actions::{Actor, authorise, authorise_within};
pub use api::Credentials;
pub use error::AccessError;
pub use policy::Role;
pub use rate_limit::RateLimit;
pub use secret::ServerSecret;
pub use token::{AdminToken, TokenUses};
