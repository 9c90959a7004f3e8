//! Bearer tokens. Each has a role, for one conference or for all. A token is shown once and stored as a digest; it may
//! expire and can be revoked, and the time of its last use is recorded.
//!
//! Invariants:
//! - A token that is revoked or has expired is treated as an unknown one ([`store::find`]).
//! - A conference's admin sees and creates tokens of that conference only ([`actions::create`] and its neighbours).
//! - The API keeps at least one live server-wide admin token ([`actions::revoke`]): nobody can lock themselves out.
//! - The use of a token is recorded in memory and written from time to time ([`TokenUses`]), so that a request that
//!   reads does not write.

pub mod actions;
pub mod api;
pub mod model;
mod plain;
pub(super) mod store;
mod uses;

pub use model::{NewToken, Token};
pub use plain::{AdminToken, PlainToken};
pub use store::{TokenGrant, find};
pub use uses::TokenUses;

pub use crate::access::token::actions::ensure_admin_token;
