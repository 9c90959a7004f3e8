//! Authentication and authorisation.
//!
//! Nouns: a *token* is a bearer secret with a role, for one conference or for all; an *actor* is who makes a request;
//! the *policy* lists which roles may call which operation of the API; a *link token* gives an attendee access to their
//! own registration only.
//!
//! Invariants:
//! - No token is stored: the store has its SHA-256 digest ([`token::PlainToken::digest`]), and a link token is derived
//!   each time ([`secret::ServerSecret`]).
//! - An operation that is not in the policy is refused to everybody but admins ([`Operation::access`]), and a test
//!   checks the policy against the API document.
//! - A secret is compared in constant time or looked up by its digest.

pub mod actions;
pub mod api;
pub mod audit;
pub mod badge;
pub mod early_check;
pub mod error;
pub mod policy;
pub mod rate_limit;
pub mod secret;
pub mod token;

pub use actions::{Actor, Caller, authorise, authorise_within, may_read};
pub use api::Credentials;
pub use early_check::check_early;
pub use error::AccessError;
pub use policy::{Operation, Role};
pub use rate_limit::{RateLimit, RateLimits};
pub use secret::ServerSecret;
pub use token::{AdminToken, TokenUses};
